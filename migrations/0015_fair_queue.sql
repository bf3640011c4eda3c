-- Workers go through the waiting jobs tenant by tenant, so that the queue of one does not hold up the others.
DROP INDEX jobs_due;
CREATE INDEX jobs_waiting ON jobs (tenant_id, run_at) WHERE status = 'queued';
