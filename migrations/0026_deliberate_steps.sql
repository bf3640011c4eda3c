-- A question may be thought through before it is answered; each turn of that is a step of its own.
ALTER TABLE run_steps DROP CONSTRAINT run_steps_kind_check;
ALTER TABLE run_steps ADD CONSTRAINT run_steps_kind_check CHECK (kind IN ('observe', 'deliberate', 'think', 'tool', 'verify'));
