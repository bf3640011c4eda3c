//! What is let through, in which form, and with which facts.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use millwright_sql_guard::{Code, Dialect, Guard, Policy, Verdict};
use proptest::prelude::*;

const OPEN: &str = "tables: \"*\"";
const NARROW: &str = "
tables: [machines, work_orders]
columns: {machines: [id, name], work_orders: [id, status, machine_id]}
limits: {rows: 100}
";

fn guard(policy: &str, dialect: Dialect) -> Guard {
    Guard::new(Policy::parse(policy, dialect).expect("a policy"))
}

fn normalised(policy: &str, dialect: Dialect, sql: &str) -> String {
    match guard(policy, dialect).read(sql) {
        Verdict::Allow(allowed) => allowed.normalised,
        Verdict::Deny(reasons) => panic!("{sql}: {reasons:?}"),
    }
}

#[test]
fn a_row_limit_is_put_in_or_lowered() {
    use Dialect::{Oracle, Postgres, SqlServer, Sqlite};
    for (dialect, sql, expected) in [
        (Postgres, "select id from machines", "SELECT id FROM machines LIMIT 100"),
        (Postgres, "SELECT id FROM machines LIMIT 7", "SELECT id FROM machines LIMIT 7"),
        (Postgres, "SELECT id FROM machines LIMIT 700 OFFSET 3", "SELECT id FROM machines LIMIT 100 OFFSET 3"),
        (Postgres, "SELECT id FROM machines OFFSET 3", "SELECT id FROM machines LIMIT 100 OFFSET 3"),
        (Postgres, "SELECT id FROM machines LIMIT ALL", "SELECT id FROM machines LIMIT 100"),
        (Sqlite, "SELECT id FROM machines LIMIT -1", "SELECT id FROM machines LIMIT 100"),
        (
            Sqlite,
            "SELECT id FROM machines UNION SELECT id FROM work_orders",
            "SELECT id FROM machines UNION SELECT id FROM work_orders LIMIT 100",
        ),
        (SqlServer, "SELECT id FROM machines", "SELECT TOP 100 id FROM machines"),
        (SqlServer, "SELECT DISTINCT TOP (5) id FROM machines", "SELECT DISTINCT TOP (5) id FROM machines"),
        (SqlServer, "SELECT TOP 500 id FROM machines", "SELECT TOP 100 id FROM machines"),
        (
            SqlServer,
            "SELECT id FROM machines UNION SELECT id FROM work_orders",
            "SELECT TOP 100 * FROM (SELECT id FROM machines UNION SELECT id FROM work_orders) AS bounded",
        ),
        (Oracle, "SELECT id FROM machines", "SELECT id FROM machines FETCH FIRST 100 ROWS ONLY"),
        (Oracle, "SELECT id FROM machines FETCH FIRST 9 ROWS ONLY", "SELECT id FROM machines FETCH FIRST 9 ROWS ONLY"),
    ] {
        assert_eq!(normalised(NARROW, dialect, sql), expected, "{dialect}: {sql}");
    }
}

#[test]
fn a_star_is_written_out_where_columns_are_hidden() {
    for (sql, expected) in [
        ("SELECT * FROM machines", "SELECT machines.id, machines.name FROM machines LIMIT 100"),
        ("SELECT m.* FROM machines AS m", "SELECT m.id, m.name FROM machines AS m LIMIT 100"),
        (
            "SELECT * FROM machines m JOIN (SELECT 1 AS one) x ON x.one = m.id",
            "SELECT m.id, m.name, x.* FROM machines m JOIN (SELECT 1 AS one) x ON x.one = m.id LIMIT 100",
        ),
    ] {
        assert_eq!(normalised(NARROW, Dialect::Postgres, sql), expected, "{sql}");
    }
}

#[test]
fn names_are_resolved_through_aliases_and_sub_selects() {
    for sql in [
        "SELECT w.id, m.name FROM work_orders w JOIN machines m ON m.id = w.machine_id WHERE status = 'open' ORDER BY w.id",
        "WITH t AS (SELECT machine_id AS m, count(*) AS n FROM work_orders GROUP BY machine_id) SELECT m, n FROM t ORDER BY n DESC",
        "SELECT name FROM machines m WHERE EXISTS (SELECT 1 FROM work_orders w WHERE w.machine_id = m.id)",
        "SELECT x.a FROM (SELECT id AS a FROM machines) x WHERE x.a > 1",
        "SELECT count(*), upper(name) AS u FROM machines GROUP BY upper(name) ORDER BY u",
        "SELECT public.machines.id FROM public.machines",
        "SELECT id FROM machines UNION ALL SELECT machine_id FROM work_orders ORDER BY id",
    ] {
        normalised(NARROW, Dialect::Postgres, sql);
    }
}

#[test]
fn facts_say_what_is_read() {
    let verdict = guard(NARROW, Dialect::Postgres).read("SELECT upper(m.name) FROM machines m WHERE m.id = 3 LIMIT 5");
    let facts = &verdict.allowed().expect("let through").facts;
    assert_eq!(facts.tables, ["machines"]);
    assert_eq!(facts.columns, ["m.id", "m.name"]);
    assert_eq!(facts.functions, ["upper"]);
    assert_eq!(facts.predicates, ["m.id = 3"]);
    assert_eq!(facts.row_limit, Some(5));
}

#[test]
fn a_reason_says_where() {
    let verdict = guard(OPEN, Dialect::Postgres).read("SELECT id,\n  pg_sleep(10)\nFROM pg_user");
    let places: Vec<_> = verdict.reasons().iter().map(|reason| (reason.code, reason.line, reason.column)).collect();
    assert_eq!(places, [(Code::Catalogue, Some(3), Some(6)), (Code::Function, Some(2), Some(3))]);
}

/// The printer of the parser would let some of these end elsewhere.
#[test]
fn strings_end_where_they_ended() {
    use Dialect::{MySql, Postgres, SqlServer, Sqlite};
    for (dialect, sql, expected) in [
        (Postgres, r"SELECT 'a\'", r"SELECT E'a\\' LIMIT 1000"),
        (Postgres, r"SELECT '\''', 'x'", r"SELECT E'\\\'', 'x' LIMIT 1000"),
        (Postgres, r"SELECT E'a\'b\\'", r"SELECT E'a\'b\\' LIMIT 1000"),
        (Postgres, "SELECT ''''''", "SELECT '''''' LIMIT 1000"),
        (MySql, r"SELECT 'a\\', 'b\'c', 'd''e'", r"SELECT 'a\\', 'b''c', 'd''e' LIMIT 1000"),
        (MySql, r#"SELECT "it's ""x""""#, r#"SELECT 'it''s "x"' LIMIT 1000"#),
        (MySql, r"SELECT 'a\' OR 1=1 -- '", "SELECT 'a'' OR 1=1 -- ' LIMIT 1000"),
        (Sqlite, r"SELECT '\''', 'c\'", r"SELECT '\''', 'c\' LIMIT 1000"),
        (SqlServer, r"SELECT N'\''', 'c\'", r"SELECT TOP 1000 N'\''', 'c\'"),
    ] {
        assert_eq!(normalised(OPEN, dialect, sql), expected, "{dialect}");
    }
}

#[test]
fn a_recursion_into_a_table_gets_a_counter_where_the_server_has_none() {
    let sql = "WITH RECURSIVE c AS (SELECT id, machine_id FROM work_orders WHERE id = 1 UNION ALL \
        SELECT w.id, w.machine_id FROM work_orders w JOIN c ON w.id = c.machine_id) SELECT * FROM c";
    let printed = normalised(OPEN, Dialect::Postgres, sql);
    assert!(
        printed.contains("c.guard_round < 1000") && printed.contains("SELECT c.id, c.machine_id FROM c"),
        "{printed}"
    );
    assert!(!normalised(OPEN, Dialect::MySql, sql).contains("guard_round"));
}

#[test]
fn a_bad_policy_says_what_would_be_accepted() {
    for (text, part) in [
        ("", "tables"),
        ("tabels: \"*\"", "a policy has the keys tables"),
        ("tables: {a: b}", "\"*\" or a list of names"),
        ("tables: [a]\nlimits: {rows: 0}", "1 to 10000000"),
        ("tables: [a]\nlimits: {row: 5}", "rows"),
        ("tables: \"*\"\nfunctions: [pg_sleep]", "never allowed"),
        ("tables: [\"a;b\"]", "schema.table"),
        ("tables: \"*\"\nwrites: {t: {operations: [update], columns: [a]}}", "needs keys"),
        ("tables: [", "a policy has the keys"),
    ] {
        let error = Policy::parse(text, Dialect::Postgres).expect_err(text).to_string();
        assert!(error.contains(part), "{text:?}: {error}");
    }
    let error = "db2".parse::<Dialect>().expect_err("no such dialect").to_string();
    assert!(error.contains("postgres") && error.contains("mariadb"), "{error}");
}

#[test]
fn sixty_four_kilobytes_are_refused_at_once() {
    let guard = Guard::new(Policy::allow_all(Dialect::Postgres));
    let large = format!("SELECT {}", "(1,".repeat(22_000));
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(guard.read(&large).reasons()[0].code, Code::TooLarge);
    }
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
}

proptest! {
    /// What is printed is let through again in the same form.
    #[test]
    fn what_is_printed_is_let_through_as_it_is(text in r#"(SELECT|select) [a-z0-9_'"(),.*=<> \\-]{0,60}"#, number in 0_usize..6) {
        let guard = Guard::new(Policy::allow_all(Dialect::ALL[number]));
        if let Verdict::Allow(allowed) = guard.read(&text) {
            let again = guard.read(&allowed.normalised);
            prop_assert_eq!(again.allowed().map(|again| again.normalised.clone()), Some(allowed.normalised));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in r"\PC{0,80}", number in 0_usize..6) {
        let guard = Guard::new(Policy::allow_all(Dialect::ALL[number]));
        let _ = (guard.read(&text), guard.write(&text));
    }
}
