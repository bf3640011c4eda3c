//! Changes: what is let through, what comes with it, and that it can be taken back.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use millwright_sql_guard::{Change, Code, Dialect, Guard, Policy, WriteVerdict};

const POLICY: &str = r#"
tables: "*"
writes:
  work_orders:
    operations: [insert, update, delete]
    columns: [id, status, quantity]
    keys: [[id], [plant, number]]
    rows: 3
  machines:
    operations: [update]
    columns: [name]
    keys: [[id]]
"#;

fn guard(dialect: Dialect) -> Guard {
    Guard::new(Policy::parse(POLICY, dialect).expect("a policy"))
}

fn allowed(sql: &str) -> Change {
    match guard(Dialect::Sqlite).write(sql) {
        WriteVerdict::Allow(change) => change,
        WriteVerdict::Deny(reasons) => panic!("{sql}: {reasons:?}"),
    }
}

fn code(dialect: Dialect, sql: &str) -> Code {
    match guard(dialect).write(sql) {
        WriteVerdict::Allow(change) => panic!("let through: {}", change.normalised),
        WriteVerdict::Deny(reasons) => reasons[0].code,
    }
}

#[test]
fn an_update_comes_with_its_before_image_and_its_inverse() {
    let change = allowed("update work_orders set status = 'it''s', quantity = -5 where id = 7 and status <> 'closed'");
    assert_eq!(
        change.normalised,
        "UPDATE work_orders SET status = 'it''s', quantity = -5 WHERE id = 7 AND status <> 'closed'"
    );
    assert_eq!(change.before_image, "SELECT id, status, quantity FROM work_orders WHERE id = 7 AND status <> 'closed'");
    assert_eq!(change.inverse, "UPDATE work_orders SET status = ?, quantity = ? WHERE id = ?");
    assert_eq!(change.inverse_parameters, ["status", "quantity", "id"]);
    assert_eq!(change.rows, 1);
}

#[test]
fn every_change_is_taken_back_by_its_inverse() {
    let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
    let tables = "CREATE TABLE work_orders (id int PRIMARY KEY, status text, quantity int);
        INSERT INTO work_orders VALUES (1, 'open', 10), (2, 'open', NULL), (3, 'closed', 30)";
    connection.execute_batch(tables).expect("tables");
    let content = || -> Vec<(i64, Option<String>, Option<i64>)> {
        let mut statement =
            connection.prepare("SELECT id, status, quantity FROM work_orders ORDER BY id").expect("a read");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    };
    let before = content();
    for sql in [
        "UPDATE work_orders SET status = 'x', quantity = 1 WHERE id IN (1, 2)",
        "DELETE FROM work_orders WHERE id = 2",
        "DELETE FROM work_orders WHERE id IN (1, 3)",
        "INSERT INTO work_orders (id, status) VALUES (8, 'new'), (9, 'new')",
    ] {
        let change = allowed(sql);
        let image = || -> Vec<Vec<rusqlite::types::Value>> {
            let mut statement = connection.prepare(&change.before_image).expect("a before-image");
            let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
            let place = |column: &String| names.iter().position(|name| name == column).expect("a column of the image");
            let places: Vec<usize> = change.inverse_parameters.iter().map(place).collect();
            let rows = statement.query_map([], |row| places.iter().map(|at| row.get(*at)).collect()).expect("rows");
            rows.map(|row| row.expect("a row")).collect()
        };
        let mut rows = image();
        let changed = connection.execute(&change.normalised, []).expect("the change");
        assert!(changed as u64 <= change.rows, "{sql}");
        assert_ne!(content(), before, "{sql}");
        if change.operation == "insert" {
            rows = image();
        }
        for row in rows {
            connection.execute(&change.inverse, rusqlite::params_from_iter(row)).expect("the inverse");
        }
        assert_eq!(content(), before, "{sql}");
    }
}

#[test]
fn a_composite_key_pins_when_all_of_it_is_given() {
    assert_eq!(allowed("UPDATE work_orders SET status = 'x' WHERE plant = 'A' AND number IN (1, 2, 3)").rows, 3);
    assert_eq!(code(Dialect::Sqlite, "UPDATE work_orders SET status = 'x' WHERE plant = 'A'"), Code::Key);
}

#[test]
fn changes_that_are_wider_than_a_key_are_refused() {
    for (sql, expected) in [
        ("UPDATE work_orders SET status = 'x'", Code::Key),
        ("DELETE FROM work_orders", Code::Key),
        ("DELETE FROM work_orders WHERE 1 = 1", Code::Key),
        ("DELETE FROM work_orders WHERE id = 1 OR 1 = 1", Code::Key),
        ("DELETE FROM work_orders WHERE id = id", Code::Literal),
        ("DELETE FROM work_orders WHERE id > 1", Code::Key),
        ("DELETE FROM work_orders WHERE NOT id = 1", Code::Key),
        ("DELETE FROM work_orders WHERE id IN (SELECT id FROM users)", Code::Key),
        ("DELETE FROM work_orders WHERE id IN (1, 2, 3, 4)", Code::Size),
        ("DELETE FROM work_orders WHERE id = (SELECT 1)", Code::Literal),
        ("DELETE FROM work_orders WHERE id = abs(1)", Code::Literal),
        ("DELETE FROM work_orders WHERE id = 1 AND secret = 'a'", Code::Column),
        ("UPDATE work_orders SET status = (SELECT password FROM users) WHERE id = 1", Code::Literal),
        ("UPDATE work_orders SET secret = 'x' WHERE id = 1", Code::Column),
        ("UPDATE work_orders SET id = 5 WHERE id = 1", Code::Key),
        ("UPDATE work_orders SET status = 'x', status = 'y' WHERE id = 1", Code::Column),
        ("UPDATE work_orders SET status = 'x' WHERE id = 1 RETURNING *", Code::Clause),
        ("UPDATE OR REPLACE work_orders SET status = 'x' WHERE id = 1", Code::Clause),
        ("UPDATE work_orders AS w SET status = 'x' WHERE id = 1", Code::Clause),
        ("UPDATE users SET name = 'x' WHERE id = 1", Code::Table),
        ("UPDATE sqlite_master SET sql = 'x' WHERE id = 1", Code::Catalogue),
        ("DELETE FROM machines WHERE id = 1", Code::StatementKind),
        ("INSERT INTO machines (id, name) VALUES (1, 'x')", Code::StatementKind),
        ("INSERT INTO work_orders VALUES (1, 'x', 2)", Code::Clause),
        ("INSERT INTO work_orders (id, status) SELECT id, name FROM users", Code::Clause),
        ("INSERT INTO work_orders (id, status) VALUES (1, (SELECT password FROM users))", Code::Literal),
        ("INSERT INTO work_orders (id, status) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')", Code::Size),
        ("INSERT INTO work_orders (status) VALUES ('a')", Code::Key),
        ("INSERT INTO work_orders (id) VALUES (NULL)", Code::Key),
        ("INSERT INTO work_orders (id, status) VALUES (1)", Code::Syntax),
        ("INSERT OR REPLACE INTO work_orders (id) VALUES (1)", Code::Clause),
        ("REPLACE INTO work_orders (id) VALUES (1)", Code::Clause),
        ("INSERT INTO work_orders (id) VALUES (1) ON CONFLICT DO NOTHING", Code::Clause),
        ("INSERT INTO work_orders (id) VALUES (1) RETURNING id", Code::Clause),
        ("INSERT INTO work_orders (id) VALUES (1); DROP TABLE users", Code::Statements),
        ("SELECT 1", Code::StatementKind),
        ("DROP TABLE work_orders", Code::StatementKind),
    ] {
        assert_eq!(code(Dialect::Sqlite, sql), expected, "{sql}");
    }
}

#[test]
fn mysql_does_not_pin_a_text_key_by_a_number() {
    assert_eq!(code(Dialect::MySql, "UPDATE machines SET name = 'x' WHERE id = 0"), Code::Key);
    let quoted = guard(Dialect::MySql).write("UPDATE machines SET name = 'x' WHERE id = '5'");
    assert!(matches!(quoted, WriteVerdict::Allow(_)));
}

#[test]
fn parameters_are_written_as_the_server_takes_them() {
    for (dialect, sql, inverse) in [
        (
            Dialect::Postgres,
            "UPDATE machines SET name = $1 WHERE id = $2",
            "UPDATE machines SET name = $1 WHERE id = $2",
        ),
        (
            Dialect::SqlServer,
            "UPDATE machines SET name = @a WHERE id = @b",
            "UPDATE machines SET name = @p1 WHERE id = @p2",
        ),
        (Dialect::Oracle, "UPDATE machines SET name = :a WHERE id = :b", "UPDATE machines SET name = :1 WHERE id = :2"),
    ] {
        let WriteVerdict::Allow(change) = guard(dialect).write(sql) else { panic!("{sql}: refused") };
        let compared = |text: &str| text.to_ascii_lowercase();
        assert_eq!((compared(&change.normalised), compared(&change.inverse)), (compared(sql), compared(inverse)));
    }
}
