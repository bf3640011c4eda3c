-- The audit log. Entries commit with the change that they prove; seals order and chain them afterwards.

CREATE TABLE audit_entries (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    id             uuid NOT NULL,
    occurred_at    timestamptz NOT NULL,
    actor          text NOT NULL,
    action         text NOT NULL,
    resource_type  text NOT NULL,
    resource_id    text NOT NULL,
    canonical      bytea NOT NULL,
    mac            bytea NOT NULL CHECK (length(mac) = 32),
    -- The writing transaction: the sealer takes only entries below the oldest transaction still
    -- running, so that no entry can appear later in front of one that is already sealed.
    inserted_by    xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_entries_by_time ON audit_entries (tenant_id, occurred_at DESC, id DESC);
CREATE INDEX audit_entries_by_resource ON audit_entries (tenant_id, resource_type, resource_id);
CREATE INDEX audit_entries_by_arrival ON audit_entries (inserted_by, tenant_id, id);

CREATE TABLE audit_seals (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    sequence       bigint NOT NULL CHECK (sequence > 0),
    entry_id       uuid NOT NULL,
    previous_hash  bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash           bytea NOT NULL CHECK (length(hash) = 32),
    sealed_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, sequence),
    UNIQUE (tenant_id, entry_id)
);

-- Where each tenant's chain ends: without it nobody could tell a log that was cut off from a short one.
-- One row a tenant, moved forward by the sealer alone; its MAC, not the lack of a grant, makes it proof.
CREATE TABLE audit_heads (
    tenant_id        uuid PRIMARY KEY REFERENCES tenants,
    sequence         bigint NOT NULL CHECK (sequence > 0),
    hash             bytea NOT NULL CHECK (length(hash) = 32),
    mac              bytea NOT NULL CHECK (length(mac) = 32)
) WITH (fillfactor = 50);

-- How far the sealer has come, over all tenants: a hint for where to go on, not a proof.
CREATE TABLE audit_sealer_position (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    inserted_by  xid8 NOT NULL
);
INSERT INTO audit_sealer_position (inserted_by) VALUES ('0');

ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_entries TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY system_access ON audit_entries TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON audit_entries TO millwright_tenant, millwright_system;

ALTER TABLE audit_seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_seals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_seals FOR SELECT TO millwright_tenant USING (tenant_id = current_tenant());
CREATE POLICY system_access ON audit_seals TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT ON audit_seals TO millwright_tenant;
GRANT SELECT, INSERT ON audit_seals TO millwright_system;

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON audit_heads FOR SELECT TO millwright_tenant USING (tenant_id = current_tenant());
CREATE POLICY system_access ON audit_heads TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT ON audit_heads TO millwright_tenant;
GRANT SELECT, INSERT, UPDATE ON audit_heads TO millwright_system;

ALTER TABLE audit_sealer_position ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_sealer_position FORCE ROW LEVEL SECURITY;
CREATE POLICY system_access ON audit_sealer_position TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE ON audit_sealer_position TO millwright_system;
