-- Tenants, users, and the function that every row-level policy asks.

-- The tenant of the running transaction; null outside of one, so that every policy denies.
CREATE FUNCTION current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('millwright.tenant_id', true), '')::uuid;

CREATE TABLE tenants (
    tenant_id   uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 120),
    created_at  timestamptz NOT NULL
);

CREATE TABLE users (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    id             uuid NOT NULL,
    email          text NOT NULL CHECK (email = lower(email)),
    display_name   text NOT NULL,
    role           text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password_hash  text NOT NULL,
    created_at     timestamptz NOT NULL,
    disabled_at    timestamptz,
    PRIMARY KEY (tenant_id, id)
);
-- Sign-in names no tenant, so an e-mail address belongs to one user of the whole platform.
CREATE UNIQUE INDEX users_email ON users (email);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON tenants TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY system_access ON tenants TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT ON tenants TO millwright_tenant;
GRANT SELECT, INSERT ON tenants TO millwright_system;

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON users TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY system_access ON users TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, id, email, display_name, role, created_at, disabled_at) ON users TO millwright_tenant;
GRANT INSERT ON users TO millwright_tenant;
GRANT SELECT ON users TO millwright_system;
