-- Goals: what somebody wants to have done, the plan for it in all its versions, and where each step of the plan stands.

CREATE TABLE goals (
    tenant_id         uuid NOT NULL REFERENCES tenants,
    id                uuid NOT NULL,
    user_id           uuid NOT NULL,
    -- Its own: the goal is its question, and the report the answer. Steps have theirs, as several are under way at once and each
    -- conversation has placeholders of its own.
    conversation_id   uuid NOT NULL,
    question_id       uuid NOT NULL,
    status            text NOT NULL CHECK (status IN ('planning', 'proposed', 'running', 'paused',
                                                      'finished', 'failed', 'cancelled')),
    -- 0 while there is none.
    plan_version      integer NOT NULL DEFAULT 0,
    -- What it is pursued with beside its plan: filter of searches, tier, limits, key of the program.
    input             jsonb NOT NULL,
    error_code        text,
    error_detail      text,
    -- Grows with each change, so that a reader knows what is new.
    revision          bigint NOT NULL DEFAULT 1,
    -- How often its planning was begun, and until when a process has it.
    planning_attempts integer NOT NULL DEFAULT 0,
    lease_expires_at  timestamptz,
    -- When a process last looked what is to be done next.
    looked_at         timestamptz NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    deleted_at        timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)
);
CREATE INDEX goals_by_time ON goals (tenant_id, user_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX goals_under_way ON goals (looked_at) WHERE status IN ('planning', 'running');

CREATE TABLE goal_plans (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    goal_id      uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    -- As it was written, with placeholders.
    text         text NOT NULL,
    -- Its steps in canonical form, which the digest is of.
    steps        jsonb NOT NULL,
    sha256       text NOT NULL,
    -- Who wrote it: a person, or a model.
    made_by      uuid,
    model        text,
    approved_by  uuid,
    approved_at  timestamptz,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, goal_id, version),
    FOREIGN KEY (tenant_id, goal_id) REFERENCES goals (tenant_id, id)
);

CREATE TABLE goal_steps (
    tenant_id    uuid NOT NULL REFERENCES tenants,
    goal_id      uuid NOT NULL,
    -- Its name in the plan.
    name         text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'ready', 'running', 'waiting',
                                                 'done', 'failed', 'skipped', 'stopped')),
    -- Which time it is tried, from 1.
    round        integer NOT NULL DEFAULT 1,
    run_id       uuid,
    -- The answer of its latest run, and the conversation in which it stands.
    message_id   uuid,
    conversation_id uuid,
    -- What did not come about, as code and in words.
    error_code   text,
    error_detail text,
    -- The person who decided a gate, and what they said.
    decided_by   uuid,
    note         text,
    started_at   timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (tenant_id, goal_id, name),
    FOREIGN KEY (tenant_id, goal_id) REFERENCES goals (tenant_id, id)
);

ALTER TABLE runs ADD COLUMN goal_id uuid;
CREATE INDEX runs_by_goal ON runs (tenant_id, goal_id) WHERE goal_id IS NOT NULL;
-- Conversations of goals are shown with their goals.
ALTER TABLE conversations ADD COLUMN goal_id uuid;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['goals', 'goal_plans', 'goal_steps']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO millwright_tenant', name);
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
    END LOOP;
END $$;
GRANT DELETE ON goal_steps TO millwright_tenant;

-- Any process finds goals that nobody has looked at for a while; the rest it does as the tenant.
CREATE POLICY system_access ON goals TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, id, status, lease_expires_at, looked_at), UPDATE (looked_at) ON goals TO millwright_system;
