-- Watched folders: where documents come from by themselves, and how fresh what is known of them is.

CREATE TABLE sources (
    tenant_id              uuid NOT NULL REFERENCES tenants,
    id                     uuid NOT NULL,
    name                   text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    -- Below the tenant's own folder; `.` for all of it.
    path                   text NOT NULL CHECK (length(path) BETWEEN 1 AND 1024),
    -- The least that its documents carry.
    label                  jsonb NOT NULL,
    tags                   text[] NOT NULL,
    -- Which access group stands for which Unix group; null where permissions of files say nothing.
    group_map              jsonb,
    content_interval_s     integer NOT NULL CHECK (content_interval_s > 0),
    permission_interval_s  integer NOT NULL CHECK (permission_interval_s > 0),
    permission_max_age_s   integer NOT NULL CHECK (permission_max_age_s > permission_interval_s),
    -- Counts changes of label and groups: a pass that began before one proves nothing of it.
    revision               bigint NOT NULL DEFAULT 1,
    created_by             uuid NOT NULL,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    -- From then on it hides its documents, which are removed one after the other, and then it.
    deleted_at             timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX sources_name ON sources (tenant_id, lower(name)) WHERE deleted_at IS NULL;

-- The two clocks of a source. Who holds the lease works on it; `attempt` fences whoever was thought dead.
CREATE TABLE source_clocks (
    tenant_id         uuid NOT NULL REFERENCES tenants,
    source_id         uuid NOT NULL,
    clock             text NOT NULL CHECK (clock IN ('contents', 'permissions')),
    due_at            timestamptz NOT NULL DEFAULT now(),
    -- When somebody asked for a pass.
    requested_at      timestamptz,
    -- When the last pass that went through everything began: what was found is at least that fresh.
    checked_at        timestamptz,
    attempt           bigint NOT NULL DEFAULT 0,
    lease_owner       uuid,
    lease_expires_at  timestamptz,
    started_at        timestamptz,
    finished_at       timestamptz,
    -- Of the running pass, else of the last one.
    report            jsonb NOT NULL DEFAULT '{}',
    -- Why the last pass did not go through.
    failure_code      text,
    failure_detail    text,
    PRIMARY KEY (tenant_id, source_id, clock),
    FOREIGN KEY (tenant_id, source_id) REFERENCES sources (tenant_id, id)
);

-- What is known of each file: enough to see whether it changed, and what its document's label is made of.
CREATE TABLE source_files (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    source_id    uuid NOT NULL,
    path         text COLLATE "C" NOT NULL CHECK (octet_length(path) <= 1000),
    -- Null for one that is not taken in, and why.
    document_id  uuid,
    problem      text,
    size_bytes   bigint NOT NULL,
    modified_ns  bigint NOT NULL,
    inode        bigint NOT NULL,
    -- The file system of the folder in which it was seen last: where another one lies there, a share is not mounted.
    device       bigint NOT NULL DEFAULT 0,
    -- The label that the source gave last.
    given_label  jsonb,
    -- The label that a person gave. Kept apart: a share that once gave as much would otherwise take it away again.
    raised_label jsonb,
    -- The pass over the contents that saw it last.
    seen_in      bigint NOT NULL,
    PRIMARY KEY (tenant_id, source_id, path),
    FOREIGN KEY (tenant_id, source_id) REFERENCES sources (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id)
);
CREATE INDEX source_files_by_document ON source_files (tenant_id, document_id);

-- A source has labels of its own, so that whatever filters by label hides it where it must: when its permissions were not
-- checked for too long, or when nobody can vouch for one of its files (`hidden`).
ALTER TABLE labels
    ADD COLUMN source_id  uuid,
    ADD COLUMN hidden     boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT labels_tenant_id_classification_export_control_groups_key,
    ADD UNIQUE NULLS NOT DISTINCT (tenant_id, classification, export_control, groups, source_id, hidden),
    ADD UNIQUE (tenant_id, id, source_id);
ALTER TABLE documents
    ADD COLUMN source_id  uuid,
    -- No document of a source carries a label that does not hide with it.
    ADD FOREIGN KEY (tenant_id, label_id, source_id) REFERENCES labels (tenant_id, id, source_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sources', 'source_clocks', 'source_files']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO millwright_tenant', name);
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
    END LOOP;
END $$;

-- Workers claim the clocks of all tenants; the rest they do as the tenant.
CREATE POLICY system_access ON source_clocks TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON source_clocks TO millwright_system;
