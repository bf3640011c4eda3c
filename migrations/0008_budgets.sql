-- Budgets: what may be spent on models, what is held for calls that run, and what was used.

CREATE TABLE budgets (
    tenant_id     uuid NOT NULL REFERENCES tenants,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    subject_kind  text NOT NULL CHECK (subject_kind IN ('tenant', 'user', 'agent', 'api_key', 'task')),
    -- Null: each subject of the kind has an allowance of its own. A tenant's budget has none: the tenant is one subject.
    subject_id    text CHECK (subject_id IS NULL OR (subject_kind <> 'tenant' AND length(subject_id) BETWEEN 1 AND 200)),
    -- Hours, days and months of the calendar, in UTC.
    period        text NOT NULL CHECK (period IN ('hour', 'day', 'month')),
    unit          text NOT NULL CHECK (unit IN ('tokens', 'money')),
    -- Tokens, or millionths of the installation's currency. The bound keeps sums of a period far from the end of bigint.
    limit_amount  bigint NOT NULL CHECK (limit_amount BETWEEN 0 AND 1000000000000000),
    created_by    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- Calls that run while a budget is deleted still settle against its rows.
    deleted_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, created_by) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX budgets_name ON budgets (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX budgets_by_time ON budgets (tenant_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;

-- The tables below are written by every call of a model, and so do not refer to tenants: each row would lock that of its
-- tenant. Row-level security holds them to the tenant of the transaction, and tenants are never removed.

-- What one subject holds and has spent of a budget in one period. Rows are changed by each batch of calls: room for
-- the next version in the same page keeps those changes out of the index.
CREATE TABLE budget_periods (
    tenant_id     uuid NOT NULL,
    budget_id     uuid NOT NULL,
    -- The user's, key's, agent's or task's id as it is shown; empty for the tenant itself.
    subject       text NOT NULL CHECK (length(subject) <= 200),
    period_start  timestamptz NOT NULL,
    -- Held for calls that run.
    reserved      bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent         bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    -- When 80 % and 95 % of the limit were first spent.
    warned_at     timestamptz,
    critical_at   timestamptz,
    PRIMARY KEY (tenant_id, budget_id, subject, period_start),
    FOREIGN KEY (tenant_id, budget_id) REFERENCES budgets (tenant_id, id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- What a call that runs holds: the same places of each array are one row of budget_periods and the amount held there.
CREATE TABLE budget_reservations (
    tenant_id      uuid NOT NULL,
    id             uuid NOT NULL,
    expires_at     timestamptz NOT NULL,
    budget_ids     uuid[] NOT NULL,
    subjects       text[] NOT NULL,
    period_starts  timestamptz[] NOT NULL,
    amounts        bigint[] NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX budget_reservations_by_expiry ON budget_reservations (expires_at);

-- One row a call that reached a model.
CREATE TABLE model_usage (
    tenant_id         uuid NOT NULL,
    id                uuid NOT NULL,
    occurred_at       timestamptz NOT NULL,
    user_id           uuid NOT NULL,
    agent             text,
    api_key_id        uuid,
    task              text,
    run_id            uuid,
    model             text NOT NULL,
    endpoint          text NOT NULL,
    provider          text NOT NULL,
    tier              text NOT NULL,
    input_tokens      bigint NOT NULL CHECK (input_tokens >= 0),
    output_tokens     bigint NOT NULL CHECK (output_tokens >= 0),
    -- Parts of input and of output.
    cached_tokens     bigint NOT NULL CHECK (cached_tokens >= 0),
    reasoning_tokens  bigint NOT NULL CHECK (reasoning_tokens >= 0),
    gpu_millis        bigint NOT NULL CHECK (gpu_millis >= 0),
    -- Millionths of the installation's currency.
    cost_micros       bigint NOT NULL CHECK (cost_micros >= 0),
    outcome           text NOT NULL CHECK (outcome IN ('complete', 'cut', 'failed')),
    trace_id          text,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX model_usage_by_time ON model_usage (tenant_id, occurred_at DESC, id DESC);
CREATE INDEX model_usage_by_user ON model_usage (tenant_id, user_id, occurred_at DESC, id DESC);

-- What somebody is to be told, written with what it tells of.
CREATE TABLE notification_outbox (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    kind          text NOT NULL,
    payload       jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    delivered_at  timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX notification_outbox_waiting ON notification_outbox (tenant_id, created_at, id) WHERE delivered_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['budgets', 'budget_periods', 'budget_reservations', 'model_usage', 'notification_outbox']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_isolation ON %I TO millwright_tenant '
                       'USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
        EXECUTE format('CREATE POLICY platform_access ON %I TO millwright_platform USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO millwright_tenant', name);
        EXECUTE format('GRANT SELECT (tenant_id), DELETE ON %I TO millwright_platform', name);
    END LOOP;
END $$;
GRANT UPDATE (name, limit_amount, updated_at, deleted_at) ON budgets TO millwright_tenant;
GRANT UPDATE (reserved, spent, warned_at, critical_at) ON budget_periods TO millwright_tenant;
-- Locking a row asks for the right to change it.
GRANT UPDATE (expires_at), DELETE ON budget_reservations TO millwright_tenant;
GRANT UPDATE (delivered_at) ON notification_outbox TO millwright_tenant;
-- Reservations of all tenants are renewed in one statement, and those that expired are found; giving them back is the
-- tenant's own work.
CREATE POLICY system_access ON budget_reservations TO millwright_system USING (true) WITH CHECK (true);
GRANT SELECT (tenant_id, id, expires_at), UPDATE (expires_at) ON budget_reservations TO millwright_system;

-- Decides the claims of a batch in their order, all or nothing for each claim, and holds what was granted. Returns
-- nothing but the refusals: which claim, and the row that has no room. Rows come sorted by budget, subject and
-- start; those not there yet are made first and all are locked afterwards, in that order, so that two batches cannot
-- wait for each other.
CREATE FUNCTION budgets_reserve(
    of_tenant uuid, lease interval,
    row_budgets uuid[], row_subjects text[], row_starts timestamptz[],
    claim_ids uuid[],
    -- One place a claim and row: numbers from 1 into the arrays above. Sorted by claim.
    hold_claims integer[], hold_rows integer[], hold_amounts bigint[]
) RETURNS TABLE (claim integer, refused_row integer, used bigint, of_limit bigint)
LANGUAGE plpgsql
-- Few rows by their keys, whatever the tables hold: planned once, and never as a look through all of them.
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    room bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(row_budgets)]);
    limits bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(row_budgets)]);
    held bigint[] := array_fill(0::bigint, ARRAY[cardinality(row_budgets)]);
    granted boolean[] := array_fill(true, ARRAY[cardinality(claim_ids)]);
    found_row record;
    first integer := 1;
    last integer;
    holds integer := cardinality(hold_claims);
BEGIN
    -- A reservation is lost only when the database dies, and then settling still counts what was spent.
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO budget_periods (tenant_id, budget_id, subject, period_start)
        SELECT of_tenant, r.budget_id, r.subject, r.period_start
        FROM unnest(row_budgets, row_subjects, row_starts) WITH ORDINALITY AS r (budget_id, subject, period_start, n)
        WHERE EXISTS (SELECT 1 FROM budgets b WHERE b.tenant_id = of_tenant AND b.id = r.budget_id AND b.deleted_at IS NULL)
          AND NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = r.budget_id
                                                           AND p.subject = r.subject AND p.period_start = r.period_start)
        ORDER BY r.n
        ON CONFLICT DO NOTHING;
    -- A budget that was deleted meanwhile has no room and no limit: it binds nobody.
    FOR found_row IN
        SELECT r.n::integer AS n, b.limit_amount, b.limit_amount - p.spent - p.reserved AS room
        FROM unnest(row_budgets, row_subjects, row_starts) WITH ORDINALITY AS r (budget_id, subject, period_start, n)
        JOIN budgets b ON b.tenant_id = of_tenant AND b.id = r.budget_id AND b.deleted_at IS NULL
        JOIN budget_periods p ON p.tenant_id = of_tenant AND p.budget_id = r.budget_id
                             AND p.subject = r.subject AND p.period_start = r.period_start
        ORDER BY r.n FOR UPDATE OF p
    LOOP
        room[found_row.n] := found_row.room;
        limits[found_row.n] := found_row.limit_amount;
    END LOOP;

    WHILE first <= holds LOOP
        last := first;
        WHILE last < holds AND hold_claims[last + 1] = hold_claims[first] LOOP
            last := last + 1;
        END LOOP;
        FOR n IN first..last LOOP
            -- What costs nothing is never refused.
            IF hold_amounts[n] > 0 AND room[hold_rows[n]] < hold_amounts[n] THEN
                granted[hold_claims[n]] := false;
                claim := hold_claims[n];
                refused_row := hold_rows[n];
                used := limits[hold_rows[n]] - room[hold_rows[n]];
                of_limit := limits[hold_rows[n]];
                RETURN NEXT;
                EXIT;
            END IF;
        END LOOP;
        IF granted[hold_claims[first]] THEN
            FOR n IN first..last LOOP
                room[hold_rows[n]] := room[hold_rows[n]] - hold_amounts[n];
                held[hold_rows[n]] := held[hold_rows[n]] + hold_amounts[n];
            END LOOP;
        END IF;
        first := last + 1;
    END LOOP;

    UPDATE budget_periods p SET reserved = p.reserved + r.amount
        FROM unnest(row_budgets, row_subjects, row_starts, held, limits)
             AS r (budget_id, subject, period_start, amount, of_limit)
        WHERE p.tenant_id = of_tenant AND p.budget_id = r.budget_id AND p.subject = r.subject
          AND p.period_start = r.period_start AND r.amount > 0 AND r.of_limit IS NOT NULL;
    INSERT INTO budget_reservations (tenant_id, id, expires_at, budget_ids, subjects, period_starts, amounts)
        SELECT of_tenant, claim_ids[h.claim], now() + lease, array_agg(row_budgets[h.row_number]),
               array_agg(row_subjects[h.row_number]), array_agg(row_starts[h.row_number]), array_agg(h.amount)
        FROM unnest(hold_claims, hold_rows, hold_amounts) AS h (claim, row_number, amount)
        WHERE granted[h.claim] AND limits[h.row_number] IS NOT NULL
        GROUP BY h.claim;
END $$;

-- Gives back what reservations held and counts what was spent, in the rows' order. What no reservation holds any
-- more is counted all the same. Returns the levels that were crossed, for which it has written notifications.
CREATE FUNCTION budgets_settle(
    of_tenant uuid, at timestamptz, reservation_ids uuid[],
    row_budgets uuid[], row_subjects text[], row_starts timestamptz[], row_spent bigint[]
) RETURNS TABLE (budget_id uuid, subject text, level text, spent bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    changed_budgets uuid[];
    changed_subjects text[];
    changed_starts timestamptz[];
    spending bigint[];
    returning_amounts bigint[];
    crossed record;
BEGIN
    WITH returned AS (
        DELETE FROM budget_reservations r WHERE r.tenant_id = of_tenant AND r.id = ANY (reservation_ids)
        RETURNING r.budget_ids, r.subjects, r.period_starts, r.amounts
    ), changes AS (
        SELECT c.budget_id, c.subject, c.period_start, sum(c.spent)::bigint AS spent, sum(c.returned)::bigint AS returned
        FROM (
            SELECT s.budget_id, s.subject, s.period_start, s.spent, 0::bigint AS returned
            FROM unnest(row_budgets, row_subjects, row_starts, row_spent) AS s (budget_id, subject, period_start, spent)
            UNION ALL
            SELECT h.budget_id, h.subject, h.period_start, 0, h.amount
            FROM returned r, unnest(r.budget_ids, r.subjects, r.period_starts, r.amounts)
                             AS h (budget_id, subject, period_start, amount)
        ) c
        GROUP BY c.budget_id, c.subject, c.period_start
        HAVING sum(c.spent) > 0 OR sum(c.returned) > 0
    )
    SELECT array_agg(c.budget_id ORDER BY c.budget_id, c.subject COLLATE "C", c.period_start),
           array_agg(c.subject ORDER BY c.budget_id, c.subject COLLATE "C", c.period_start),
           array_agg(c.period_start ORDER BY c.budget_id, c.subject COLLATE "C", c.period_start),
           array_agg(c.spent ORDER BY c.budget_id, c.subject COLLATE "C", c.period_start),
           array_agg(c.returned ORDER BY c.budget_id, c.subject COLLATE "C", c.period_start)
        INTO changed_budgets, changed_subjects, changed_starts, spending, returning_amounts
        FROM changes c;
    IF changed_budgets IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO budget_periods (tenant_id, budget_id, subject, period_start)
        SELECT of_tenant, c.budget_id, c.subject, c.period_start
        FROM unnest(changed_budgets, changed_subjects, changed_starts) WITH ORDINALITY AS c (budget_id, subject, period_start, n)
        JOIN budgets b ON b.tenant_id = of_tenant AND b.id = c.budget_id
        WHERE NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                                                           AND p.subject = c.subject AND p.period_start = c.period_start)
        ORDER BY c.n
        ON CONFLICT DO NOTHING;
    PERFORM 1
        FROM unnest(changed_budgets, changed_subjects, changed_starts) WITH ORDINALITY AS c (budget_id, subject, period_start, n)
        JOIN budget_periods p ON p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                             AND p.subject = c.subject AND p.period_start = c.period_start
        ORDER BY c.n FOR UPDATE OF p;
    UPDATE budget_periods p SET spent = p.spent + c.spending, reserved = greatest(p.reserved - c.returned, 0)
        FROM unnest(changed_budgets, changed_subjects, changed_starts, spending, returning_amounts)
             AS c (budget_id, subject, period_start, spending, returned)
        WHERE p.tenant_id = of_tenant AND p.budget_id = c.budget_id AND p.subject = c.subject
          AND p.period_start = c.period_start;
    -- The rows are locked: nobody else can see the same level uncrossed.
    FOR crossed IN
        SELECT p.budget_id, p.subject, p.period_start, p.spent, b.name, b.unit, b.period, b.limit_amount, b.subject_kind,
               l.level, l.kind
        FROM unnest(changed_budgets, changed_subjects, changed_starts, spending)
             WITH ORDINALITY AS c (budget_id, subject, period_start, spending, n)
        JOIN budget_periods p ON p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                             AND p.subject = c.subject AND p.period_start = c.period_start
        JOIN budgets b ON b.tenant_id = of_tenant AND b.id = c.budget_id AND b.deleted_at IS NULL
        CROSS JOIN LATERAL (VALUES ('warning', 'budget.warning', 80, p.warned_at), ('critical', 'budget.critical', 95, p.critical_at))
             AS l (level, kind, percent, noticed_at)
        WHERE c.spending > 0 AND l.noticed_at IS NULL AND p.spent * 100 >= b.limit_amount * l.percent
        ORDER BY c.n, l.percent
    LOOP
        UPDATE budget_periods p
            SET warned_at = coalesce(p.warned_at, at),
                critical_at = CASE WHEN crossed.level = 'critical' THEN at ELSE p.critical_at END
            WHERE p.tenant_id = of_tenant AND p.budget_id = crossed.budget_id AND p.subject = crossed.subject
              AND p.period_start = crossed.period_start;
        INSERT INTO notification_outbox (tenant_id, id, kind, payload, created_at)
            VALUES (of_tenant, gen_random_uuid(), crossed.kind, jsonb_build_object(
                'budget_id', 'bud_' || replace(crossed.budget_id::text, '-', ''), 'name', crossed.name,
                'subject_kind', crossed.subject_kind, 'subject', crossed.subject, 'unit', crossed.unit,
                'limit', crossed.limit_amount, 'spent', crossed.spent, 'period_start', crossed.period_start,
                'resets_at', (crossed.period_start AT TIME ZONE 'UTC' + ('1 ' || crossed.period)::interval) AT TIME ZONE 'UTC'),
                at);
        budget_id := crossed.budget_id;
        subject := crossed.subject;
        level := crossed.level;
        spent := crossed.spent;
        RETURN NEXT;
    END LOOP;
END $$;
