-- A run may wait for a person: no process works on it then, and its lease ends with the time in which it can be answered.
ALTER TABLE run_steps DROP CONSTRAINT run_steps_kind_check;
ALTER TABLE run_steps ADD CONSTRAINT run_steps_kind_check
    CHECK (kind IN ('observe', 'deliberate', 'think', 'tool', 'person', 'verify'));
ALTER TABLE runs
    ADD COLUMN waits_until timestamptz,
    ADD COLUMN answered_at timestamptz;
