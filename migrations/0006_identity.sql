-- Who may do what: sessions, second factors, keys, identities at providers, and how access ends.

ALTER TABLE tenants
    ADD COLUMN suspended_at         timestamptz,
    ADD COLUMN deleted_at           timestamptz,
    -- The tenant's security policy.
    ADD COLUMN second_factor_roles  text[] NOT NULL DEFAULT '{}',
    ADD COLUMN password_sign_in     boolean NOT NULL DEFAULT true;

ALTER TABLE users
    DROP CONSTRAINT users_role_check,
    ADD CONSTRAINT users_role_check CHECK (role IN ('viewer', 'operator', 'admin', 'auditor')),
    ALTER COLUMN email DROP NOT NULL,
    ALTER COLUMN password_hash DROP NOT NULL,
    ADD COLUMN kind             text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service')),
    -- Made here by an admin; false for one that came with a token of a provider.
    ADD COLUMN local            boolean NOT NULL DEFAULT true,
    ADD COLUMN last_sign_in_at  timestamptz,
    -- Raised when what the user may do changes: tokens that were made before are refused.
    ADD COLUMN access_version   bigint NOT NULL DEFAULT 1,
    -- Raised when the password or the second factor changes: a sign-in that began before comes to nothing.
    ADD COLUMN sign_in_version  bigint NOT NULL DEFAULT 1,
    ADD CONSTRAINT users_person_is_known CHECK (kind = 'service' OR NOT local OR email IS NOT NULL);
-- Password sign-in names no tenant, so an address that signs in here belongs to one user of the whole platform.
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (email) WHERE local;
CREATE UNIQUE INDEX users_email_in_tenant ON users (tenant_id, email);
CREATE INDEX users_by_time ON users (tenant_id, created_at DESC, id DESC);

-- The same person as a provider knows them.
CREATE TABLE identities (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    provider      text NOT NULL,
    subject       text NOT NULL,
    user_id       uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider, subject),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX identities_by_user ON identities (tenant_id, user_id);

-- One sign-in on one device, and the family of its refresh tokens.
CREATE TABLE sessions (
    tenant_id         uuid NOT NULL REFERENCES tenants,
    id                uuid NOT NULL,
    user_id           uuid NOT NULL,
    transport         text NOT NULL CHECK (transport IN ('cookie', 'token')),
    method            text NOT NULL CHECK (method IN ('password', 'oidc')),
    provider          text,
    -- Shown at sign-in here, or by the provider.
    second_factor     boolean NOT NULL,
    -- Number of the one refresh token that is still good. An earlier one that turns up was stolen or copied.
    generation        integer NOT NULL DEFAULT 1,
    -- Encrypted with the server's key: the provider's refresh token and ID token.
    provider_tokens   bytea,
    address           text,
    user_agent        text,
    created_at        timestamptz NOT NULL,
    last_used_at      timestamptz NOT NULL,
    expires_at        timestamptz NOT NULL,
    ended_at          timestamptz,
    end_reason        text CHECK (end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin', 'refresh_reused',
                                                 'user_changed', 'refused_by_provider')),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, created_at DESC, id DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE second_factors (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    user_id       uuid NOT NULL,
    -- Encrypted with the server's key.
    secret        bytea NOT NULL,
    -- Null while a first code has not proved that the device has the secret.
    confirmed_at  timestamptz,
    -- The newest time step whose code was taken: no code works twice.
    last_step     bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE recovery_codes (
    tenant_id  uuid NOT NULL REFERENCES tenants,
    user_id    uuid NOT NULL,
    hash       bytea NOT NULL CHECK (length(hash) = 32),
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, user_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES second_factors (tenant_id, user_id) ON DELETE CASCADE
);

-- Keys of programs.
CREATE TABLE api_keys (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    id            uuid NOT NULL,
    user_id       uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    -- The readable beginning, which may stand in logs.
    prefix        text NOT NULL,
    hash          bytea NOT NULL CHECK (length(hash) = 32),
    scopes        text[] NOT NULL,
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    last_used_at  timestamptz,
    revoked_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_by_user ON api_keys (tenant_id, user_id, created_at DESC, id DESC);

-- Links with which a person sets a password once: an invitation or a reset.
CREATE TABLE password_links (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    user_id     uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX password_links_hash ON password_links (hash);

-- Step-up proofs that were used, until they would have expired anyway.
CREATE TABLE used_proofs (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    id          uuid NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What every replica must learn within a second: ended sessions, revoked keys, changed users, suspended tenants.
CREATE TABLE revocations (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    sequence    bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL CHECK (kind IN ('session', 'api_key', 'user', 'tenant')),
    subject     uuid NOT NULL,
    -- Of a user: tokens with a lower version are refused. Of a tenant: 1 suspended, 0 not any more.
    version     bigint NOT NULL DEFAULT 0,
    -- As in index_changes: rows of transactions that were still open at one look are seen at the next.
    written_by  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, sequence)
);
CREATE INDEX revocations_by_arrival ON revocations (written_by);
CREATE INDEX revocations_by_age ON revocations (created_at);

-- Failed attempts to sign in or to show a code, by a keyed hash of what was tried and from where. Belongs to no
-- tenant: also accounts that do not exist are counted, so that they look the same.
CREATE TABLE failed_attempts (
    key              bytea PRIMARY KEY CHECK (length(key) = 32),
    failures         integer NOT NULL,
    last_failure_at  timestamptz NOT NULL,
    blocked_until    timestamptz NOT NULL
);
CREATE INDEX failed_attempts_by_age ON failed_attempts (last_failure_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['identities', 'sessions', 'second_factors', 'recovery_codes', 'api_keys', 'password_links',
                                'used_proofs', 'revocations']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY system_access ON %I TO millwright_system USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

ALTER TABLE failed_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE failed_attempts FORCE ROW LEVEL SECURITY;
CREATE POLICY system_access ON failed_attempts TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON failed_attempts TO millwright_system;

-- A tenant's own work. Secrets are written and not read back: checking them is the system's part.
GRANT SELECT (kind, local, last_sign_in_at, access_version, sign_in_version) ON users TO millwright_tenant;
GRANT UPDATE ON users TO millwright_tenant;
GRANT UPDATE (second_factor_roles, password_sign_in) ON tenants TO millwright_tenant;
GRANT SELECT, INSERT ON identities TO millwright_tenant;
GRANT SELECT, INSERT, UPDATE ON sessions TO millwright_tenant;
GRANT SELECT (tenant_id, user_id, confirmed_at, last_step, created_at), INSERT, UPDATE, DELETE ON second_factors TO millwright_tenant;
GRANT SELECT (tenant_id, user_id, hash, used_at), INSERT, UPDATE, DELETE ON recovery_codes TO millwright_tenant;
GRANT SELECT (tenant_id, id, user_id, name, prefix, scopes, created_by, created_at, expires_at, last_used_at, revoked_at),
      INSERT, UPDATE ON api_keys TO millwright_tenant;
GRANT SELECT (tenant_id, user_id, created_at, expires_at, used_at, hash), INSERT, UPDATE ON password_links TO millwright_tenant;
GRANT SELECT, INSERT ON used_proofs TO millwright_tenant;
GRANT SELECT, INSERT ON revocations TO millwright_tenant;
-- To tell whether a password can be used at all, without seeing its hash.
ALTER TABLE users ADD COLUMN has_password boolean GENERATED ALWAYS AS (password_hash IS NOT NULL) STORED;
GRANT SELECT (has_password) ON users TO millwright_tenant;

GRANT SELECT ON identities, sessions, second_factors, recovery_codes, api_keys, password_links TO millwright_system;
GRANT UPDATE (last_used_at) ON api_keys TO millwright_system;
GRANT SELECT, DELETE ON used_proofs, revocations TO millwright_system;
GRANT DELETE ON sessions, password_links TO millwright_system;

-- Platform operators are outside of tenants, with a login of their own: they make, suspend and delete tenants, write
-- that into the tenant's log, and read nothing of what is inside.
REVOKE INSERT ON tenants FROM millwright_system;
GRANT SELECT, INSERT, UPDATE ON tenants TO millwright_platform;
CREATE POLICY platform_access ON tenants TO millwright_platform USING (true) WITH CHECK (true);
GRANT INSERT ON audit_entries, revocations, password_links TO millwright_platform;
CREATE POLICY platform_access ON audit_entries FOR INSERT TO millwright_platform WITH CHECK (true);
GRANT INSERT ON users TO millwright_platform;

-- Deleting a tenant empties everything but its audit log.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND column_name = 'tenant_id' AND table_name !~ '^(audit_|tenants$)'
    LOOP
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
        IF NOT EXISTS (SELECT 1 FROM pg_policies WHERE schemaname = current_schema() AND tablename = name
                                                   AND policyname = 'platform_access') THEN
            EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        END IF;
    END LOOP;
END $$;
