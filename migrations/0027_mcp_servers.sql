-- MCP servers whose tools agents may call, and which of those somebody has looked at and enabled.

CREATE TABLE mcp_servers (
    tenant_id              uuid NOT NULL REFERENCES tenants,
    id                     uuid NOT NULL,
    -- Stands in definitions of agents: `mcp:<name>/<tool>`. Never changed.
    name                   text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,19}$'),
    url                    text NOT NULL CHECK (length(url) BETWEEN 1 AND 500),
    -- What it is sent as bearer token, sealed for this row.
    sealed_bearer          bytea CHECK (octet_length(sealed_bearer) <= 8192),
    -- The highest classification of what a run has read that it may be sent.
    takes_up_to            text NOT NULL CHECK (takes_up_to IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    -- What its results are at least.
    result_classification  text NOT NULL CHECK (result_classification IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    -- Whether it is sent personal data as it is, instead of placeholders.
    sends_personal_data    boolean NOT NULL,
    timeout_s              integer NOT NULL CHECK (timeout_s BETWEEN 1 AND 60),
    enabled                boolean NOT NULL DEFAULT true,
    created_by             uuid NOT NULL,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    -- When its tools were last read, and in which revision of the protocol.
    refreshed_at           timestamptz,
    revision               text,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);

CREATE TABLE mcp_tools (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    server_id       uuid NOT NULL,
    name            text COLLATE "C" NOT NULL CHECK (octet_length(name) <= 512),
    -- As the server declares it, and SHA-256 of the canonical JSON of that.
    declaration     jsonb NOT NULL,
    digest          bytea NOT NULL CHECK (length(digest) = 32),
    -- What the check for instructions says of its words.
    suspicion       jsonb NOT NULL,
    -- Whether the server had it when its tools were last read.
    offered         boolean NOT NULL,
    -- The declaration that somebody has looked at and enabled: with any other it is not called.
    enabled_digest  bytea CHECK (length(enabled_digest) = 32),
    enabled_by      uuid,
    enabled_at      timestamptz,
    PRIMARY KEY (tenant_id, server_id, name),
    FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, enabled_by) REFERENCES users (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['mcp_servers', 'mcp_tools']
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
