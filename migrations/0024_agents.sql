-- A tenant's own definitions of agents, version by version, over those that ship; and which of them holds.

-- Never changed: what an agent was stays what it was.
CREATE TABLE agent_versions (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    name        text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,40}$'),
    number      integer NOT NULL CHECK (number > 0),
    -- YAML, as it was written.
    definition  text NOT NULL CHECK (octet_length(definition) <= 65536),
    -- SHA-256 of it.
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    note        text NOT NULL CHECK (length(note) BETWEEN 1 AND 500),
    created_by  uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name, number),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);

-- Absent: what ships holds, and answers.
CREATE TABLE agent_states (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    name        text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,40}$'),
    -- The version in force; null for the definition that ships under this name, or for none.
    active      integer,
    enabled     boolean NOT NULL DEFAULT true,
    changed_by  uuid NOT NULL,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name),
    FOREIGN KEY (tenant_id, name, active) REFERENCES agent_versions (tenant_id, name, number),
    FOREIGN KEY (tenant_id, changed_by) REFERENCES users (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['agent_versions', 'agent_states']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO millwright_tenant', name);
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
    END LOOP;
END $$;
GRANT UPDATE (active, enabled, changed_by, changed_at) ON agent_states TO millwright_tenant;

-- The decisions of a run, for its end and for its evidence.
CREATE INDEX decisions_by_run ON decisions (tenant_id, run_id, decided_at, id) WHERE run_id IS NOT NULL;
