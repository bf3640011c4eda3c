-- Claiming room in budgets and ending calls are one statement each, which is its own transaction: one trip to the
-- database and back. Each takes the tenant's role first, as the statements that open a tenant's transaction do, so that
-- row-level security holds for everything after it.

CREATE FUNCTION ledger_reserve(
    of_tenant uuid, lease interval, row_budgets uuid[], row_subjects text[], row_starts timestamptz[],
    claim_ids uuid[], hold_claims integer[], hold_rows integer[], hold_amounts bigint[]
) RETURNS TABLE (claim integer, refused_row integer, used bigint, of_limit bigint)
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM set_config('role', 'millwright_tenant', true);
    PERFORM set_config('millwright.tenant_id', of_tenant::text, true);
    RETURN QUERY SELECT * FROM budgets_reserve(
        of_tenant, lease, row_budgets, row_subjects, row_starts, claim_ids, hold_claims, hold_rows, hold_amounts);
END $$;

-- Stores calls with their entries in the audit log, gives back what reservations held, and counts what was spent. Entries
-- carry their own tenant: row-level security refuses a mix-up.
CREATE FUNCTION ledger_settle(
    of_tenant uuid, at timestamptz, reservation_ids uuid[],
    row_budgets uuid[], row_subjects text[], row_starts timestamptz[], row_spent bigint[],
    call_ids uuid[], occurred timestamptz[], users uuid[], agents text[], api_keys uuid[], tasks text[], runs uuid[],
    models text[], endpoints text[], providers text[], tiers text[], input bigint[], output bigint[], cached bigint[],
    reasoning bigint[], gpu bigint[], cost bigint[], outcomes text[], traces text[],
    entry_tenants uuid[], entry_ids uuid[], entry_times timestamptz[], actors text[], actions text[],
    resource_types text[], resource_ids text[], canonicals bytea[], macs bytea[]
) RETURNS TABLE (budget_id uuid, subject text, level text, spent bigint)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('role', 'millwright_tenant', true);
    PERFORM set_config('millwright.tenant_id', of_tenant::text, true);
    IF cardinality(call_ids) > 0 THEN
        INSERT INTO model_usage (tenant_id, id, occurred_at, user_id, agent, api_key_id, task, run_id, model, endpoint,
                                 provider, tier, input_tokens, output_tokens, cached_tokens, reasoning_tokens, gpu_millis,
                                 cost_micros, outcome, trace_id)
            SELECT of_tenant, * FROM unnest(call_ids, occurred, users, agents, api_keys, tasks, runs, models, endpoints,
                                            providers, tiers, input, output, cached, reasoning, gpu, cost, outcomes, traces);
        INSERT INTO audit_entries (tenant_id, id, occurred_at, actor, action, resource_type, resource_id, canonical, mac)
            SELECT * FROM unnest(entry_tenants, entry_ids, entry_times, actors, actions, resource_types, resource_ids,
                                 canonicals, macs);
    END IF;
    RETURN QUERY SELECT * FROM budgets_settle(
        of_tenant, at, reservation_ids, row_budgets, row_subjects, row_starts, row_spent);
END $$;

-- The decisions as before (0008), with fewer statements in the usual case: rows are made only where one is missing, and
-- levels are looked at only where one may be crossed.

CREATE OR REPLACE FUNCTION budgets_reserve(
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
    -- Rows are made once a period, before anything is locked.
    IF EXISTS (SELECT 1 FROM unnest(row_budgets, row_subjects, row_starts) AS r (budget_id, subject, period_start)
               WHERE NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = r.budget_id
                                                                  AND p.subject = r.subject AND p.period_start = r.period_start))
    THEN
        INSERT INTO budget_periods (tenant_id, budget_id, subject, period_start)
            SELECT of_tenant, r.budget_id, r.subject, r.period_start
            FROM unnest(row_budgets, row_subjects, row_starts) WITH ORDINALITY AS r (budget_id, subject, period_start, n)
            WHERE EXISTS (SELECT 1 FROM budgets b WHERE b.tenant_id = of_tenant AND b.id = r.budget_id AND b.deleted_at IS NULL)
              AND NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = r.budget_id
                                                               AND p.subject = r.subject AND p.period_start = r.period_start)
            ORDER BY r.n
            ON CONFLICT DO NOTHING;
    END IF;
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

CREATE OR REPLACE FUNCTION budgets_settle(
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
    may_cross boolean := false;
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
    IF EXISTS (SELECT 1 FROM unnest(changed_budgets, changed_subjects, changed_starts) AS c (budget_id, subject, period_start)
               WHERE NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                                                                  AND p.subject = c.subject AND p.period_start = c.period_start))
    THEN
        INSERT INTO budget_periods (tenant_id, budget_id, subject, period_start)
            SELECT of_tenant, c.budget_id, c.subject, c.period_start
            FROM unnest(changed_budgets, changed_subjects, changed_starts) WITH ORDINALITY AS c (budget_id, subject, period_start, n)
            JOIN budgets b ON b.tenant_id = of_tenant AND b.id = c.budget_id
            WHERE NOT EXISTS (SELECT 1 FROM budget_periods p WHERE p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                                                               AND p.subject = c.subject AND p.period_start = c.period_start)
            ORDER BY c.n
            ON CONFLICT DO NOTHING;
    END IF;
    FOR crossed IN
        SELECT c.spending > 0 AND (p.warned_at IS NULL OR p.critical_at IS NULL)
               AND (p.spent + c.spending) * 100 >= b.limit_amount * 80 AS may_cross
        FROM unnest(changed_budgets, changed_subjects, changed_starts, spending)
             WITH ORDINALITY AS c (budget_id, subject, period_start, spending, n)
        JOIN budget_periods p ON p.tenant_id = of_tenant AND p.budget_id = c.budget_id
                             AND p.subject = c.subject AND p.period_start = c.period_start
        JOIN budgets b ON b.tenant_id = of_tenant AND b.id = c.budget_id
        ORDER BY c.n FOR UPDATE OF p
    LOOP
        may_cross := may_cross OR crossed.may_cross;
    END LOOP;
    UPDATE budget_periods p SET spent = p.spent + c.spending, reserved = greatest(p.reserved - c.returned, 0)
        FROM unnest(changed_budgets, changed_subjects, changed_starts, spending, returning_amounts)
             AS c (budget_id, subject, period_start, spending, returned)
        WHERE p.tenant_id = of_tenant AND p.budget_id = c.budget_id AND p.subject = c.subject
          AND p.period_start = c.period_start;
    IF NOT may_cross THEN
        RETURN;
    END IF;
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
