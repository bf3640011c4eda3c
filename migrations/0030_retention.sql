-- What ends by itself: events of runs that have ended, what their steps recorded, and what people have deleted.
ALTER TABLE runs
    -- When its events were deleted, and the records of its steps.
    ADD COLUMN events_pruned_at   timestamptz,
    ADD COLUMN records_pruned_at  timestamptz;
-- When the texts of a deleted one were erased. Its rows stay: usage and the audit log count on them.
ALTER TABLE conversations ADD COLUMN erased_at timestamptz;

CREATE INDEX runs_with_events ON runs (tenant_id, finished_at) WHERE events_pruned_at IS NULL AND finished_at IS NOT NULL;
CREATE INDEX runs_with_records ON runs (tenant_id, finished_at) WHERE records_pruned_at IS NULL AND finished_at IS NOT NULL;
CREATE INDEX conversations_to_erase ON conversations (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX runs_by_conversation ON runs (tenant_id, conversation_id);

GRANT DELETE ON run_events, placeholder_vaults TO millwright_tenant;
