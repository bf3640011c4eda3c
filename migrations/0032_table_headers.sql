-- The row that names the columns of the table in whose middle a passage begins. None in passages from before there was this: they get it
-- when their document is read anew.
ALTER TABLE chunks ADD COLUMN table_header text CHECK (length(table_header) BETWEEN 1 AND 2000);
