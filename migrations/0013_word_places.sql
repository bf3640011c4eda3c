-- Where words stand on a page, so that a citation can be marked on it; and which pages were pictures.

ALTER TABLE document_pages
    -- Whether its text was recognised from a picture.
    ADD COLUMN recognized  boolean NOT NULL DEFAULT false,
    -- Places of its words in the parser's own packed form (documents::PageLayout); null for formats that are not printed
    -- and for what was read before this column was.
    ADD COLUMN layout      bytea;
-- It is packed already.
ALTER TABLE document_pages ALTER COLUMN layout SET STORAGE EXTERNAL;

ALTER TABLE document_versions
    -- How many of its pages are pictures whose text was recognised.
    ADD COLUMN recognized_pages    integer NOT NULL DEFAULT 0,
    -- The numbers of the pages on which no text was found.
    ADD COLUMN pages_without_text  integer[] NOT NULL DEFAULT '{}';
