use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{json::Json, *};
use crate::metadata::{Facets, Primitive, Property, Reading, Service, Type, Writing};

fn service(version: Version) -> Service {
    Service {
        version,
        sets: BTreeMap::default(),
        types: BTreeMap::default(),
        enums: BTreeMap::default(),
        operations: Vec::new(),
    }
}

fn property(primitive: Primitive, facets: Facets) -> Property {
    Property {
        name: "P".into(),
        ty: Type::Primitive(primitive),
        many: false,
        nullable: true,
        facets,
        label: None,
        description: None,
        unit: None,
        reading: Reading { filterable: true, sortable: true },
        writing: Writing { creatable: true, updatable: true },
    }
}

fn literal(version: Version, primitive: Primitive, said: &Value) -> Option<String> {
    let property = property(primitive, Facets::default());
    scalar(&service(version), &property, said).ok().map(|value| value.literal(version))
}

fn read(version: Version, primitive: Primitive, sent: &str) -> Option<Value> {
    let property = property(primitive, Facets::default());
    let sent = Json::parse(sent.as_bytes()).unwrap();
    read_cell(&service(version), &property, &sent, 0).map(|cell| cell.plain())
}

#[test]
fn a_literal_has_the_form_of_its_type_and_version() {
    for (primitive, said, v2, v4) in [
        (Primitive::Boolean, json!(true), "true", "true"),
        (Primitive::Int32, json!(-5), "-5", "-5"),
        (Primitive::Int64, json!("9223372036854775807"), "9223372036854775807L", "9223372036854775807"),
        (Primitive::Decimal, json!("12.50"), "12.50M", "12.50"),
        (Primitive::Decimal, json!(12), "12M", "12"),
        (Primitive::Double, json!(1.5), "1.5d", "1.5"),
        (Primitive::Single, json!("1e3"), "1e3f", "1e3"),
        (Primitive::String, json!("O'Brien & Söhne 100%"), "'O''Brien & Söhne 100%'", "'O''Brien & Söhne 100%'"),
        (
            Primitive::Guid,
            json!("3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
            "guid'3f2504e0-4f89-11d3-9a0c-0305e82c3301'",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        ),
        (
            Primitive::DateTimeOffset,
            json!("2024-12-31T23:59:59.5+01:00"),
            "datetimeoffset'2024-12-31T23:59:59.5+01:00'",
            "2024-12-31T23:59:59.5+01:00",
        ),
        (Primitive::Binary, json!("/+8="), "X'FFEF'", "binary'_-8='"),
    ] {
        assert_eq!(literal(Version::V2, primitive, &said).as_deref(), Some(v2));
        assert_eq!(literal(Version::V4, primitive, &said).as_deref(), Some(v4));
    }
    let v2 = |primitive, said| literal(Version::V2, primitive, &json!(said)).unwrap();
    assert_eq!(v2(Primitive::DateTime, "2024-12-31"), "datetime'2024-12-31T00:00:00'");
    assert_eq!(v2(Primitive::DateTime, "9999-12-31T23:59:59.9999999"), "datetime'9999-12-31T23:59:59.9999999'");
    assert_eq!(v2(Primitive::Time, "24:00"), "time'PT24H00M00S'");
    let v4 = |primitive, said| literal(Version::V4, primitive, &json!(said)).unwrap();
    assert_eq!(v4(Primitive::Date, "0001-01-01"), "0001-01-01");
    assert_eq!(v4(Primitive::TimeOfDay, "11:30"), "11:30:00");
    assert_eq!(v4(Primitive::Duration, "-P1DT2H"), "duration'-P1DT2H'");
}

#[test]
fn what_is_of_another_type_is_refused_with_what_would_be_accepted() {
    for (primitive, said) in [
        (Primitive::Boolean, json!("true")),
        (Primitive::Byte, json!(256)),
        (Primitive::SByte, json!(-129)),
        (Primitive::Int16, json!(40_000)),
        (Primitive::Int32, json!(2_147_483_648_i64)),
        (Primitive::Int64, json!("9223372036854775808")),
        (Primitive::Int64, json!(1.5)),
        (Primitive::Decimal, json!(12.5)),
        (Primitive::Decimal, json!("12,5")),
        (Primitive::Double, json!("1 or 1 eq 1")),
        (Primitive::Double, json!("INF")),
        (Primitive::String, json!(5)),
        (Primitive::String, json!("a\0b")),
        (Primitive::Guid, json!("' or 1 eq 1")),
        (Primitive::DateTime, json!("2024-12-31' or 1 eq 1")),
        (Primitive::DateTimeOffset, json!("2024-12-31T00:00:00")),
        (Primitive::Date, json!("2024-02-30")),
        (Primitive::TimeOfDay, json!("24:00:00")),
        (Primitive::Binary, json!("no base64!")),
        (Primitive::String, json!(null)),
    ] {
        assert_eq!(literal(Version::V4, primitive, &said), None, "{primitive:?} {said}");
    }
    let facets = Facets { precision: Some(13), scale: Some(3), max_length: None };
    let quantity = property(Primitive::Decimal, facets);
    for fits in [json!("9999999999.999"), json!("1.500000"), json!("-0.001"), json!(9_999_999_999_i64)] {
        assert!(scalar(&service(Version::V2), &quantity, &fits).is_ok(), "{fits}");
    }
    for other in [json!("10000000000"), json!("0.0001")] {
        let told = scalar(&service(Version::V2), &quantity, &other).unwrap_err();
        assert!(told.contains("at most 13 digits, 3 of them after the point"), "{told}");
    }
    let code = property(Primitive::String, Facets { max_length: Some(4), ..Facets::default() });
    assert!(scalar(&service(Version::V2), &code, &json!("äöüß")).is_ok());
    assert_eq!(scalar(&service(Version::V2), &code, &json!("12345")), Err("text of at most 4 characters".into()));
}

#[test]
fn decimals_of_31_digits_come_as_they_were_sent() {
    let digits = "1234567890123456789012345678.901";
    for (version, sent) in [
        (Version::V2, format!("\"{digits}\"")),
        (Version::V4, digits.to_owned()),
        (Version::V4, format!("\"{digits}\"")),
    ] {
        assert_eq!(read(version, Primitive::Decimal, &sent), Some(json!(digits)), "{sent}");
    }
    assert_eq!(read(Version::V4, Primitive::Decimal, "0.10"), Some(json!("0.10")));
    assert_eq!(read(Version::V4, Primitive::Int64, "9007199254740993"), Some(json!("9007199254740993")));
    assert_eq!(read(Version::V2, Primitive::Int64, "\"-9223372036854775808\""), Some(json!("-9223372036854775808")));
}

#[test]
fn what_a_service_sends_is_read_by_its_version() {
    for (version, primitive, sent, expected) in [
        (Version::V2, Primitive::DateTime, r#""/Date(1735689599000)/""#, "2024-12-31T23:59:59"),
        (Version::V2, Primitive::DateTime, r#""\/Date(0)\/""#, "1970-01-01T00:00:00"),
        (Version::V2, Primitive::DateTimeOffset, r#""/Date(0+0060)/""#, "1970-01-01T01:00:00+01:00"),
        (Version::V2, Primitive::Time, r#""PT11H30M00S""#, "11:30:00"),
        (Version::V4, Primitive::DateTimeOffset, r#""2024-12-31T23:59:59.1234567Z""#, "2024-12-31T23:59:59.1234567Z"),
        (Version::V4, Primitive::Date, r#""9999-12-31""#, "9999-12-31"),
        (Version::V4, Primitive::TimeOfDay, r#""11:30:00.5""#, "11:30:00.5"),
        (Version::V4, Primitive::Double, r#""INF""#, "INF"),
        (Version::V4, Primitive::Binary, r#""_-8""#, "/+8="),
    ] {
        assert_eq!(read(version, primitive, sent), Some(json!(expected)), "{sent}");
    }
    assert_eq!(read(Version::V4, Primitive::Int32, "7"), Some(json!(7)));
    assert_eq!(read(Version::V4, Primitive::String, "null"), Some(Value::Null));
    for (version, primitive, sent) in [
        (Version::V2, Primitive::DateTime, r#""tomorrow""#),
        (Version::V4, Primitive::Decimal, r#""1e999999999""#),
        (Version::V4, Primitive::Int32, "1.5"),
        (Version::V4, Primitive::String, "5"),
        (Version::V4, Primitive::Boolean, r#""yes""#),
        (Version::V4, Primitive::Int64, "9223372036854775808"),
    ] {
        assert_eq!(read(version, primitive, sent), None, "{sent}");
    }
}

#[test]
fn a_body_of_v2_holds_milliseconds_and_no_less() {
    let body = |primitive, said: &str| {
        let property = property(primitive, Facets::default());
        scalar(&service(Version::V2), &property, &json!(said)).unwrap().body(Version::V2)
    };
    assert_eq!(body(Primitive::DateTime, "1970-01-01T00:00:00.001"), Some(json!("/Date(1)/")));
    assert_eq!(body(Primitive::DateTime, "1970-01-01T00:00:00.0001"), None);
    assert_eq!(body(Primitive::DateTimeOffset, "1970-01-01T01:00:00+01:00"), Some(json!("/Date(0+0060)/")));
    assert_eq!(body(Primitive::Time, "11:30"), Some(json!("PT11H30M00S")));
    assert_eq!(body(Primitive::Decimal, "12.50"), Some(json!("12.50")));
}

#[test]
fn an_etag_can_be_sent_as_it_came_or_is_none() {
    for text in ["\"1\"", "W/\"datetime'2024-01-01T00%3A00%3A00'\"", "*", "W/\"\""] {
        assert!(row::is_etag(text), "{text}");
    }
    for text in ["", "1", "\"", "W/1", "\"a\r\nX: y\"", "\"a\"b\"", "\"ä\""] {
        assert!(!row::is_etag(text), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_a_text_holds_stays_within_its_quotes(text in "[^\0]{0,60}|(' or 1 eq 1|''|'|\\)|&\\$top=1|%27){1,6}") {
        let written = literal(Version::V4, Primitive::String, &json!(text)).unwrap();
        let inner = written.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap();
        // Every quote inside is one of a pair, and what the pairs stand for is the text.
        prop_assert!(inner.replace("''", "").find('\'').is_none());
        prop_assert_eq!(inner.replace("''", "'"), text);
    }

    #[test]
    fn nothing_that_is_no_text_can_bring_a_quote_or_a_blank(said in "\\PC{0,30}") {
        for primitive in [Primitive::Int64, Primitive::Decimal, Primitive::Double, Primitive::Guid, Primitive::Date,
            Primitive::DateTimeOffset, Primitive::TimeOfDay, Primitive::Duration, Primitive::Binary] {
            if let Some(written) = literal(Version::V4, primitive, &json!(said)) {
                let inner = written.trim_start_matches("duration").trim_start_matches("binary").trim_matches('\'');
                prop_assert!(!inner.contains(['\'', ' ', '&', '(', ')', '/', '?', '#', '%']), "{}", written);
            }
        }
    }
}
