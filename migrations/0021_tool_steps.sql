-- A run reads on by tools between two drafts; each round of calls is a step of its own.
ALTER TABLE run_steps DROP CONSTRAINT run_steps_kind_check;
ALTER TABLE run_steps ADD CONSTRAINT run_steps_kind_check CHECK (kind IN ('observe', 'think', 'tool', 'verify'));
