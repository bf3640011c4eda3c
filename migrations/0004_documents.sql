-- Documents, their versions, and what retrieval reads.

CREATE TABLE documents (
    tenant_id           uuid NOT NULL REFERENCES tenants,
    id                  uuid NOT NULL,
    name                text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    classification      text NOT NULL CHECK (classification IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    metadata            jsonb NOT NULL DEFAULT '{}',
    -- The version that answers; null until one is ready.
    current_version_id  uuid,
    created_by          uuid NOT NULL,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    deleted_at          timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX documents_name ON documents (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX documents_by_time ON documents (tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;

CREATE TABLE document_versions (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    id            uuid NOT NULL,
    document_id   uuid NOT NULL,
    number        integer NOT NULL CHECK (number > 0),
    format        text NOT NULL,
    media_type    text NOT NULL,
    size_bytes    bigint NOT NULL,
    sha256        bytea NOT NULL CHECK (length(sha256) = 32),
    status        text NOT NULL CHECK (status IN ('queued', 'processing', 'ready', 'failed', 'superseded')),
    stage         text CHECK (stage IN ('parse', 'chunk', 'embed', 'index')),
    stage_done    bigint NOT NULL DEFAULT 0,
    stage_total   bigint,
    paged         boolean NOT NULL DEFAULT false,
    page_count    integer,
    chunk_count   integer,
    error_code    text,
    error_detail  text,
    timings_ms    jsonb NOT NULL DEFAULT '{}',
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    ready_at      timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, document_id, number),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id)
);

-- The bytes as uploaded, apart from the version's row so that lists never read them.
CREATE TABLE document_contents (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    version_id  uuid NOT NULL,
    bytes       bytea NOT NULL,
    PRIMARY KEY (tenant_id, version_id),
    FOREIGN KEY (tenant_id, version_id) REFERENCES document_versions (tenant_id, id)
);
-- Most formats are compressed already: do not spend time on it again.
ALTER TABLE document_contents ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What the parser read. Spans elsewhere are Unicode code points into `text`.
CREATE TABLE document_pages (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    version_id   uuid NOT NULL,
    page_number  integer NOT NULL CHECK (page_number > 0),
    text         text NOT NULL,
    blocks       jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, version_id, page_number),
    FOREIGN KEY (tenant_id, version_id) REFERENCES document_versions (tenant_id, id)
);

CREATE TABLE chunks (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    id            uuid NOT NULL,
    document_id   uuid NOT NULL,
    version_id    uuid NOT NULL,
    ordinal       integer NOT NULL,
    page_number   integer NOT NULL,
    char_start    integer NOT NULL,
    char_end      integer NOT NULL CHECK (char_end > char_start),
    heading_path  text[] NOT NULL,
    token_count   integer NOT NULL,
    text          text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, version_id, ordinal),
    FOREIGN KEY (tenant_id, version_id) REFERENCES document_versions (tenant_id, id)
);

-- One vector for each window of at most as many tokens as the model reads. Rows exist only for
-- versions that answer or are about to.
CREATE TABLE chunk_vectors (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    chunk_id       uuid NOT NULL,
    window_number  integer NOT NULL,
    document_id    uuid NOT NULL,
    version_id     uuid NOT NULL,
    embedding      halfvec(384) NOT NULL,
    PRIMARY KEY (tenant_id, chunk_id, window_number),
    FOREIGN KEY (tenant_id, chunk_id) REFERENCES chunks (tenant_id, id)
);
CREATE INDEX chunk_vectors_by_version ON chunk_vectors (tenant_id, version_id);
CREATE INDEX chunk_vectors_nearest ON chunk_vectors USING hnsw (embedding halfvec_cosine_ops);

-- The feed that keyword indexes follow. (written_by, sequence) only grows as seen below the oldest
-- running transaction, which is all that a follower reads.
CREATE TABLE index_changes (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    written_by   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sequence     bigint GENERATED ALWAYS AS IDENTITY,
    version_id   uuid NOT NULL,
    operation    text NOT NULL CHECK (operation IN ('upsert', 'delete')),
    PRIMARY KEY (tenant_id, written_by, sequence)
);
CREATE INDEX index_changes_by_arrival ON index_changes (written_by, sequence);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['documents', 'document_versions', 'document_contents', 'document_pages', 'chunks',
                                'chunk_vectors', 'index_changes']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO millwright_tenant', name);
    END LOOP;
END $$;

-- The follower learns which tenants have changes; it reads their rows as the tenant.
CREATE POLICY system_access ON index_changes FOR SELECT TO millwright_system USING (true);
GRANT SELECT ON index_changes TO millwright_system;
