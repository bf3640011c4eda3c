-- A run whose process died is taken over by another, which repeats its steps from what they recorded and goes on.
ALTER TABLE runs
    -- Whose writes count: each time that a process begins or takes over a run it makes one of these.
    ADD COLUMN lease_owner  uuid,
    -- How often it was taken over.
    ADD COLUMN takeovers    integer NOT NULL DEFAULT 0,
    -- What it was begun with beside its question; null for runs from before, which nobody takes over.
    ADD COLUMN input        jsonb;
ALTER TABLE run_steps
    -- What the step brought about that another process could not find out by thinking: which passages were found, what the
    -- model wrote, with placeholders. Written with the step's end.
    ADD COLUMN record       jsonb;
