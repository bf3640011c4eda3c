//! No value loses anything on its way.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use millwright_odbc::{Cell, Column, Kind, Query};

use crate::kit::{Place, mariadb, one, places, postgres, read, runtime, sqlite};

/// The row with values and the one without, by the names of their columns.
async fn kinds(place: &Place) -> (Vec<Column>, Vec<Cell>, Vec<Cell>) {
    let pool = place.pool();
    let mut rows =
        pool.query(&place.reader, Query::new("SELECT * FROM kinds ORDER BY id", vec![])).await.expect("query");
    let columns = rows.columns().to_vec();
    let mut all = rows.next().await.expect("rows").expect("a block");
    while let Some(more) = rows.next().await.expect("rows") {
        all.extend(more);
    }
    let empty = all.pop().expect("second");
    (columns, all.pop().expect("first"), empty)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn decimal(text: &str) -> Cell {
    Cell::Decimal(text.to_owned())
}

fn day() -> Cell {
    Cell::Date(NaiveDate::from_ymd_opt(2024, 2, 29).expect("day"))
}

fn clock(microseconds: u32) -> Cell {
    Cell::Time(NaiveTime::from_hms_micro_opt(23, 59, 59, microseconds).expect("time"))
}

fn local(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").expect("time")
}

fn same(place: &Place, expected: &[(&str, Kind, Cell)], found: &(Vec<Column>, Vec<Cell>, Vec<Cell>)) {
    let (columns, full, empty) = found;
    assert_eq!(columns.len(), expected.len(), "{place}");
    for (((name, kind, value), column), cell) in expected.iter().zip(columns).zip(full) {
        assert_eq!((column.name.as_str(), column.kind), (*name, *kind), "{place}: {column:?}");
        assert_eq!(cell, value, "{place}: {column:?}");
    }
    assert!(empty[1..].iter().all(|cell| *cell == Cell::Null), "{place}: {empty:?}");
}

#[test]
fn values_of_postgresql_arrive_whole() {
    let Some(place) = postgres() else { return };
    let found = runtime().block_on(kinds(place));
    let expected = [
        ("id", Kind::Integer, Cell::Integer(1)),
        ("small", Kind::Integer, Cell::Integer(-32768)),
        ("big", Kind::Integer, Cell::Integer(i64::MAX)),
        ("exact", Kind::Decimal, decimal("12345678901234567890.0123456789")),
        ("free", Kind::Decimal, decimal("0.1234567890123456789012345678901234567890")),
        ("single", Kind::Float, Cell::Float(0.1)),
        ("double", Kind::Float, Cell::Float(0.1)),
        ("truth", Kind::Bool, Cell::Bool(true)),
        ("day", Kind::Date, day()),
        ("clock", Kind::Time, clock(123_456)),
        ("clock_there", Kind::Text, text("10:00:00+02")),
        ("local", Kind::Timestamp, Cell::Timestamp(local("2026-03-29 02:30:00.000001"))),
        ("moment", Kind::Instant, Cell::Instant(local("2026-03-29 00:30:00.000001").and_utc())),
        ("bytes", Kind::Binary, Cell::Binary(vec![0, 255, 16])),
        ("letters", Kind::Text, text("Kübel 🚜")),
        ("padded", Kind::Text, text("ab  ")),
        ("long", Kind::Text, text("line one\nline two")),
        ("ident", Kind::Uuid, text("0195d8a0-0000-7000-8000-000000000001")),
        ("document", Kind::Text, text("{\"a\": 1}")),
        ("list", Kind::Text, text("{1,NULL,3}")),
        ("span", Kind::Text, text("1 day 02:03:04")),
    ];
    same(place, &expected, &found);
    assert_eq!(found.0[12].type_name, "timestamptz");
    assert_eq!((found.0[3].precision, found.0[3].scale), (Some(30), Some(10)));
}

#[test]
fn values_of_mariadb_arrive_whole() {
    let Some(place) = mariadb() else { return };
    let found = runtime().block_on(kinds(place));
    let expected = [
        ("id", Kind::Integer, Cell::Integer(1)),
        ("small", Kind::Integer, Cell::Integer(-32768)),
        ("big", Kind::Integer, Cell::Integer(i64::MAX)),
        ("exact", Kind::Decimal, decimal("12345678901234567890.0123456789")),
        ("natural_number", Kind::Decimal, decimal("18446744073709551615")),
        ("single", Kind::Float, Cell::Float(0.1)),
        ("double_number", Kind::Float, Cell::Float(0.1)),
        ("truth", Kind::Integer, Cell::Integer(1)),
        ("bits", Kind::Binary, Cell::Binary(vec![129])),
        ("day", Kind::Date, day()),
        ("clock", Kind::Time, clock(123_456)),
        ("local", Kind::Timestamp, Cell::Timestamp(local("2026-03-29 02:30:00.000001"))),
        ("moment", Kind::Instant, Cell::Instant(local("2026-03-29 00:30:00.000001").and_utc())),
        ("bytes", Kind::Binary, Cell::Binary(vec![0, 255, 16])),
        ("big_bytes", Kind::Binary, Cell::Binary(vec![0, 255, 16])),
        ("letters", Kind::Text, text("Kübel 🚜")),
        ("padded", Kind::Text, text("ab")),
        ("long_text", Kind::Text, text("line one\nline two")),
        ("document", Kind::Text, text("{\"a\": 1}")),
        ("choice", Kind::Text, text("b")),
        ("age", Kind::Integer, Cell::Integer(2026)),
        ("lasting", Kind::Time, text("-838:59:59")),
    ];
    same(place, &expected, &found);
}

#[test]
fn values_of_sqlite_arrive_whole_though_its_types_bind_nothing() {
    let Some(place) = sqlite() else { return };
    let found = runtime().block_on(kinds(place));
    let expected = [
        ("id", Kind::Integer, Cell::Integer(1)),
        ("big", Kind::Integer, Cell::Integer(i64::MAX)),
        ("wrong", Kind::Integer, text("twelve")),
        ("exact", Kind::Decimal, decimal("1234567.25")),
        ("double", Kind::Float, Cell::Float(0.1)),
        ("truth", Kind::Bool, Cell::Bool(true)),
        ("day", Kind::Date, day()),
        ("clock", Kind::Time, clock(123_000)),
        ("local", Kind::Timestamp, Cell::Timestamp(local("2026-03-29 02:30:00.001"))),
        ("bytes", Kind::Binary, Cell::Binary(vec![0, 255, 16])),
        ("letters", Kind::Text, text("Kübel 🚜")),
        ("long", Kind::Text, text("line one\nline two")),
    ];
    same(place, &expected, &found);
}

#[test]
fn parameters_are_compared_as_what_they_are() {
    runtime().block_on(async {
        for place in places() {
            let pool = place.pool();
            let day = NaiveDate::from_ymd_opt(2004, 7, 1).expect("day");
            let count =
                "SELECT COUNT(*) FROM work_orders WHERE equipment_id = ? AND opened_on = ? AND cost = ? AND id = ?";
            let parameters = vec![
                Cell::Text("EX-A".to_owned()),
                Cell::Date(day),
                Cell::Decimal("183.05".to_owned()),
                Cell::Integer(1),
            ];
            assert_eq!(one(&pool, place, count, parameters).await.expect("count"), Cell::Integer(1), "{place}");
            let named = Query::new("SELECT id AS größe, 'Kübel 🚜' AS word FROM kinds WHERE id = 1", vec![]);
            let mut rows = pool.query(&place.reader, named).await.expect("query");
            assert_eq!(rows.columns()[0].name, "größe", "{place}");
            let block = rows.next().await.expect("rows").expect("block");
            assert_eq!(block, [[Cell::Integer(1), text("Kübel 🚜")]], "{place}");
            let quoted = vec![Cell::Text("x' OR '1'='1; é 🚜".to_owned())];
            let none = "SELECT COUNT(*) FROM work_orders WHERE short_text = ?";
            assert_eq!(one(&pool, place, none, quoted).await.expect("none"), Cell::Integer(0), "{place}");
            let later = vec![Cell::Timestamp(local("2012-12-01 00:00:00.5"))];
            let events = "SELECT COUNT(*) FROM measurements WHERE measured_at > ?";
            let Cell::Integer(found) = one(&pool, place, events, later).await.expect("events") else {
                panic!("{place}")
            };
            assert_eq!(found, 2150, "{place}");
            let rows = read(
                &pool,
                &place.reader,
                Query::new("SELECT short_text FROM work_orders WHERE id = ?", vec![Cell::Integer(30)]),
            );
            assert_eq!(rows.await.expect("row").len(), 1, "{place}");
        }
    });
}
