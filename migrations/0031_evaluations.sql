-- Suites of questions that a tenant keeps, and how its agents answered them, time after time.

CREATE TABLE evaluation_suites (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              uuid NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- YAML, as it was written.
    definition      text NOT NULL CHECK (octet_length(definition) <= 524288),
    -- The highest clearance of its cases: whoever is not cleared for it finds neither it nor its evaluations.
    classification  text NOT NULL CHECK (classification IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    -- How many it has.
    cases           integer NOT NULL CHECK (cases > 0),
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);
CREATE INDEX evaluation_suites_by_time ON evaluation_suites (tenant_id, created_at DESC, id DESC);

CREATE TABLE evaluations (
    tenant_id       uuid NOT NULL REFERENCES tenants,
    id              uuid NOT NULL,
    suite_id        uuid NOT NULL,
    -- Whoever started it: its questions are asked as they may ask, and read what they may read.
    user_id         uuid NOT NULL,
    api_key_id      uuid,
    status          text NOT NULL DEFAULT 'queued'
                    CHECK (status IN ('queued', 'running', 'finished', 'failed', 'cancelled')),
    -- Who answers; null where each question goes to whom its words are for. A version of the tenant's, or null for what ships.
    agent_name      text,
    agent_version   integer,
    agent_digest    text,
    -- The other one that it was started with, to be held against.
    compared_with   uuid,
    -- Of the suite when it was started.
    classification  text NOT NULL CHECK (classification IN ('PUBLIC', 'INTERNAL', 'CONFIDENTIAL', 'RESTRICTED')),
    -- Which models wrote, and the sums over its cases; once it has ended.
    models          text[] NOT NULL DEFAULT '{}',
    totals          jsonb,
    error_code      text,
    error_detail    text,
    -- What the client named its request, so that a repetition starts nothing.
    request_key     text CHECK (length(request_key) BETWEEN 1 AND 100),
    -- The place among those that one request has started.
    place           integer NOT NULL,
    trace_id        text NOT NULL,
    -- When a process last looked what is to be done next.
    looked_at       timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    finished_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id, request_key, place),
    FOREIGN KEY (tenant_id, suite_id) REFERENCES evaluation_suites (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX evaluations_by_time ON evaluations (tenant_id, created_at DESC, id DESC);
CREATE INDEX evaluations_by_suite ON evaluations (tenant_id, suite_id, created_at DESC, id DESC);
CREATE INDEX evaluations_under_way ON evaluations (looked_at) WHERE status IN ('queued', 'running');

-- The cases as they were when it was started, whatever became of the suite.
CREATE TABLE evaluation_cases (
    tenant_id        uuid NOT NULL REFERENCES tenants,
    evaluation_id    uuid NOT NULL,
    -- From 1, in the order in which they are asked.
    number           integer NOT NULL CHECK (number > 0),
    content          jsonb NOT NULL,
    status           text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'skipped')),
    -- Its run, the conversation of its own, and the answer in it.
    run_id           uuid,
    conversation_id  uuid,
    message_id       uuid,
    -- How it went, without the words of the answer: those are the message's, under its label and with its placeholders.
    report           jsonb,
    PRIMARY KEY (tenant_id, evaluation_id, number),
    FOREIGN KEY (tenant_id, evaluation_id) REFERENCES evaluations (tenant_id, id) ON DELETE CASCADE
);

-- Conversations of evaluations are shown with their evaluations.
ALTER TABLE conversations ADD COLUMN evaluation_id uuid;
CREATE INDEX conversations_by_evaluation ON conversations (tenant_id, evaluation_id) WHERE evaluation_id IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['evaluation_suites', 'evaluations', 'evaluation_cases']
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

-- Any process finds evaluations that nobody has looked at for a while; the rest it does as the tenant.
CREATE POLICY system_access ON evaluations TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, id, status, looked_at), UPDATE (looked_at) ON evaluations TO millwright_system;
