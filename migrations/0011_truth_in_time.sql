-- Truth in time: from when until when a version holds, and which document takes the place of which; and what search can be
-- narrowed by.

ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions NO FORCE ROW LEVEL SECURITY;
ALTER TABLE index_changes NO FORCE ROW LEVEL SECURITY;

ALTER TABLE documents
    ADD COLUMN tags        text[] NOT NULL DEFAULT '{}',
    -- The document whose place this one takes, from the day on which its own first version holds.
    ADD COLUMN supersedes  uuid,
    ADD FOREIGN KEY (tenant_id, supersedes) REFERENCES documents (tenant_id, id),
    ADD CHECK (supersedes <> id);
CREATE INDEX documents_superseding ON documents (tenant_id, supersedes) WHERE supersedes IS NOT NULL;

-- Of all versions of a document whose day has come, the one with the latest day answers, until its end.
ALTER TABLE document_versions
    ADD COLUMN effective_from   timestamptz,
    ADD COLUMN effective_until  timestamptz,
    -- Of most of its text; null until it was cut.
    ADD COLUMN language         text,
    ADD CHECK (effective_until > effective_from);
UPDATE document_versions SET effective_from = created_at;
ALTER TABLE document_versions
    ALTER COLUMN effective_from SET NOT NULL,
    DROP CONSTRAINT document_versions_status_check,
    -- `scheduled`: its day has not come. `expired`: it is over, and nothing took its place.
    ADD CONSTRAINT document_versions_status_check
        CHECK (status IN ('queued', 'processing', 'ready', 'scheduled', 'failed', 'superseded', 'expired'));
CREATE INDEX document_versions_due ON document_versions (effective_from) WHERE status = 'scheduled';
CREATE INDEX document_versions_ending ON document_versions (effective_until) WHERE effective_until IS NOT NULL;

-- Vectors of versions that do not answer now, for questions about another day: apart, so that HNSW never meets them. Those of
-- versions superseded before this migration are gone; keywords find them all the same.
CREATE TABLE dormant_vectors (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    chunk_id       uuid NOT NULL,
    window_number  integer NOT NULL,
    document_id    uuid NOT NULL,
    version_id     uuid NOT NULL,
    embedding      halfvec(384) NOT NULL,
    PRIMARY KEY (tenant_id, chunk_id, window_number),
    FOREIGN KEY (tenant_id, chunk_id) REFERENCES chunks (tenant_id, id)
);
CREATE INDEX dormant_vectors_by_version ON dormant_vectors (tenant_id, version_id);
ALTER TABLE dormant_vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE dormant_vectors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON dormant_vectors TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY platform_access ON dormant_vectors TO millwright_platform USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON dormant_vectors TO millwright_tenant;
GRANT SELECT (tenant_id), DELETE ON dormant_vectors TO millwright_platform;

-- Keyword indexes take the superseded ones in again.
INSERT INTO index_changes (tenant_id, version_id, operation)
    SELECT v.tenant_id, v.id, 'upsert' FROM document_versions v
    JOIN documents d ON d.tenant_id = v.tenant_id AND d.id = v.document_id
    WHERE v.status = 'superseded' AND d.deleted_at IS NULL;

ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_versions FORCE ROW LEVEL SECURITY;
ALTER TABLE index_changes FORCE ROW LEVEL SECURITY;

-- The moment whose documents a question was asked of, and its answer stands on; null for the present.
ALTER TABLE messages ADD COLUMN as_of timestamptz;

-- The calendar learns in which tenants a day has come; it changes their rows as the tenant.
CREATE POLICY system_access ON document_versions FOR SELECT TO millwright_system USING (true);
GRANT SELECT (tenant_id, id, document_id, status, effective_from, effective_until) ON document_versions TO millwright_system;
CREATE POLICY system_access ON documents FOR SELECT TO millwright_system USING (true);
GRANT SELECT (tenant_id, current_version_id) ON documents TO millwright_system;
