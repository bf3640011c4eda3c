-- Background jobs, enqueued in the transaction that causes them.

CREATE TABLE jobs (
    tenant_id         uuid NOT NULL REFERENCES tenants,
    id                uuid NOT NULL,
    kind              text NOT NULL,
    payload           jsonb NOT NULL,
    resource_id       text,
    status            text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'dead')),
    attempts          integer NOT NULL DEFAULT 0,
    max_attempts      integer NOT NULL DEFAULT 5,
    run_at            timestamptz NOT NULL DEFAULT now(),
    -- Who works on it. A lease is fenced by owner and attempt: a worker that lost it can no longer write.
    lease_owner       uuid,
    lease_expires_at  timestamptz,
    last_error        text,
    created_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX jobs_by_time ON jobs (tenant_id, created_at DESC, id DESC);
CREATE INDEX jobs_due ON jobs (run_at) WHERE status = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_expires_at) WHERE status = 'running';

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON jobs TO millwright_tenant
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY system_access ON jobs TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO millwright_tenant;
GRANT SELECT, UPDATE ON jobs TO millwright_system;
