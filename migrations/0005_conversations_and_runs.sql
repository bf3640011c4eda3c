-- Conversations as trees of messages, and the runs that answer them.

CREATE TABLE conversations (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    id          uuid NOT NULL,
    user_id     uuid NOT NULL,
    title       text NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX conversations_by_time ON conversations (tenant_id, user_id, updated_at DESC, id DESC)
    WHERE deleted_at IS NULL;

CREATE TABLE messages (
    tenant_id        uuid NOT NULL REFERENCES tenants,
    id               uuid NOT NULL,
    conversation_id  uuid NOT NULL,
    parent_id        uuid,
    role             text NOT NULL CHECK (role IN ('user', 'assistant')),
    content          text NOT NULL,
    status           text NOT NULL CHECK (status IN ('complete', 'streaming', 'stopped', 'failed')),
    citations        jsonb NOT NULL DEFAULT '[]',
    run_id           uuid,
    model            text,
    tier             text,
    classification   text,
    answered         boolean,
    error_code       text,
    error_detail     text,
    duration_ms      bigint,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES messages (tenant_id, id)
);
CREATE INDEX messages_by_conversation ON messages (tenant_id, conversation_id, created_at, id);

CREATE TABLE runs (
    tenant_id             uuid NOT NULL REFERENCES tenants,
    id                    uuid NOT NULL,
    conversation_id       uuid NOT NULL,
    user_id               uuid NOT NULL,
    user_message_id       uuid NOT NULL,
    assistant_message_id  uuid NOT NULL,
    status                text NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'cancelled')),
    tier                  text NOT NULL,
    model                 text NOT NULL,
    error_code            text,
    error_detail          text,
    cancel_requested_at   timestamptz,
    lease_expires_at      timestamptz NOT NULL,
    created_at            timestamptz NOT NULL,
    finished_at           timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)
);
CREATE INDEX runs_leased ON runs (lease_expires_at) WHERE status = 'running';
CREATE INDEX runs_by_time ON runs (tenant_id, created_at);

CREATE TABLE run_steps (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    run_id       uuid NOT NULL,
    number       integer NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('observe', 'think', 'verify')),
    attempt      integer NOT NULL,
    status       text NOT NULL CHECK (status IN ('running', 'finished', 'failed')),
    detail       jsonb NOT NULL DEFAULT '{}',
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    PRIMARY KEY (tenant_id, run_id, number),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);

CREATE TABLE run_events (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    run_id      uuid NOT NULL,
    sequence    bigint NOT NULL CHECK (sequence > 0),
    payload     jsonb NOT NULL,
    PRIMARY KEY (tenant_id, run_id, sequence),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['conversations', 'messages', 'runs', 'run_steps', 'run_events']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO millwright_tenant', name);
    END LOOP;
END $$;

-- The reaper finds runs whose process died; it closes them as the tenant.
CREATE POLICY system_access ON runs FOR SELECT TO millwright_system USING (true);
GRANT SELECT (tenant_id, id, status, lease_expires_at) ON runs TO millwright_system;
