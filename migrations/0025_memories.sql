-- What a person has the agents remember: theirs alone, sealed, and not for ever.

CREATE TABLE memories (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('about_me', 'plant_fact', 'procedure')),
    -- Text and quotes, sealed for this row: who sees the database cannot read them.
    sealed          bytea NOT NULL CHECK (octet_length(sealed) <= 262144),
    -- As high as all that it was made from was then; documents count as they are now when it is used.
    label           jsonb NOT NULL,
    -- Where it comes from; all null for what the person has written.
    conversation_id uuid,
    message_id      uuid,
    run_id          uuid,
    goal_id         uuid,
    -- The passages that a fact stands on.
    chunk_ids       uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(chunk_ids) <= 24),
    -- Grows with each change of the text: a run remembers which text it was given.
    revision        integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    created_at      timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    -- Null: it stays until the person deletes it.
    expires_at      timestamptz,
    used_at         timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX memories_by_user ON memories (tenant_id, user_id, created_at DESC, id DESC);
CREATE INDEX memories_by_expiry ON memories (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE memories ENABLE ROW LEVEL SECURITY;
ALTER TABLE memories FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON memories TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY platform_access ON memories TO millwright_platform USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON memories TO millwright_tenant;
GRANT UPDATE (sealed, revision, changed_at, expires_at, used_at) ON memories TO millwright_tenant;
GRANT SELECT (tenant_id), DELETE ON memories TO millwright_platform;

-- Any process finds tenants in which some have expired; deleting them it does as the tenant.
CREATE POLICY system_access ON memories TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, expires_at) ON memories TO millwright_system;
