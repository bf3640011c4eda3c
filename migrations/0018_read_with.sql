-- What read a version, kept when it was read: another build may finish what this one began, and the manifest names both.

ALTER TABLE document_versions
    -- {"parser": …, "recognition": {"engine": …, "languages": …} or null}; null before it was read, and for what was read
    -- before this column was.
    ADD COLUMN read_with          jsonb,
    -- The numbers of the pages whose picture was not read, because the time for recognising text was up.
    ADD COLUMN pages_out_of_time  integer[] NOT NULL DEFAULT '{}';
