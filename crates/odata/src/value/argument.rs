//! What an agent says, as a value of a property's type.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Decimal, Scalar, TimeOfDay, is_guid, is_number, temporal};
use crate::metadata::{Primitive, Property, Service, Type, Version};

/// The longest text of a condition or a key. What is written may be as long as its property allows.
const MAX_TEXT_CHARS: usize = 100_000;

/// The value that `said` is for a property.
///
/// # Errors
/// What would be accepted.
pub(crate) fn scalar(service: &Service, property: &Property, said: &Value) -> Result<Scalar, String> {
    let found = match &property.ty {
        Type::Primitive(primitive) => of(*primitive, service.version, said),
        Type::Enum(name) => service.enums.get(name).and_then(|ty| {
            let member = said.as_str().filter(|text| ty.members.iter().any(|member| member == text))?;
            Some(Scalar::Member { ty: name.clone(), name: member.to_owned() })
        }),
        Type::Structured(_) | Type::Other(_) => None,
    };
    found.filter(|value| fits(property, value)).ok_or_else(|| wanted(service, property))
}

fn of(primitive: Primitive, version: Version, said: &Value) -> Option<Scalar> {
    let text = said.as_str();
    let integer = || match said {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse::<i64>().ok(),
        _ => None,
    };
    let within = |least: i32, most: i32| {
        let found = i32::try_from(integer()?).ok()?;
        (least..=most).contains(&found).then_some(Scalar::Integer(found))
    };
    match primitive {
        Primitive::Boolean => said.as_bool().map(Scalar::Boolean),
        Primitive::Byte => within(0, 255),
        Primitive::SByte => within(-128, 127),
        Primitive::Int16 => within(-32_768, 32_767),
        Primitive::Int32 => within(i32::MIN, i32::MAX),
        Primitive::Int64 => integer().map(Scalar::Long),
        Primitive::Decimal => match said {
            // Others have been through a floating-point number already.
            Value::Number(number) if number.is_i64() || number.is_u64() => Decimal::parse(&number.to_string()),
            Value::String(text) => Decimal::parse(text),
            _ => None,
        }
        .map(Scalar::Decimal),
        Primitive::Double | Primitive::Single => {
            let text = match said {
                Value::Number(number) => number.to_string(),
                Value::String(text) => text.clone(),
                _ => return None,
            };
            is_number(&text).then_some(Scalar::Float { text, single: primitive == Primitive::Single })
        }
        Primitive::String => text.filter(|text| !text.contains('\0')).map(|text| Scalar::Text(text.to_owned())),
        Primitive::Guid => text.filter(|text| is_guid(text)).map(|text| Scalar::Guid(text.to_ascii_lowercase())),
        Primitive::DateTime => temporal::date_time(text?).map(Scalar::DateTime),
        Primitive::DateTimeOffset => temporal::moment(text?).map(Scalar::Moment),
        Primitive::Date => temporal::date(text?).map(Scalar::Date),
        Primitive::Time => TimeOfDay::parse(text?).map(Scalar::Time),
        // V4 knows no 24:00.
        Primitive::TimeOfDay => TimeOfDay::parse(text?)
            .filter(|time| version == Version::V2 || time.to_string() != "24:00:00")
            .map(Scalar::Time),
        Primitive::Duration => {
            text.filter(|text| temporal::is_duration(text)).map(|text| Scalar::Duration(text.to_owned()))
        }
        Primitive::Binary => STANDARD.decode(text?).ok().map(Scalar::Binary),
    }
}

/// Whether a value keeps to the limits of its property.
fn fits(property: &Property, value: &Scalar) -> bool {
    let facets = &property.facets;
    match value {
        Scalar::Text(text) => text.chars().count() <= facets.max_length.unwrap_or(MAX_TEXT_CHARS).min(MAX_TEXT_CHARS),
        Scalar::Binary(bytes) => facets.max_length.is_none_or(|most| bytes.len() <= most),
        Scalar::Decimal(number) => {
            let (whole, fraction) = number.digits();
            let scale = facets.scale;
            scale.is_none_or(|scale| fraction <= scale)
                && facets.precision.is_none_or(|precision| match scale {
                    Some(scale) => whole <= precision.saturating_sub(scale),
                    None => whole + fraction <= precision,
                })
        }
        _ => true,
    }
}

/// What is accepted for a property, in words: `text of at most 10 characters`.
pub(crate) fn wanted(service: &Service, property: &Property) -> String {
    let facets = &property.facets;
    match &property.ty {
        Type::Enum(name) => {
            let members = service.enums.get(name).map(|ty| ty.members.join("`, `")).unwrap_or_default();
            format!("one of `{members}`")
        }
        Type::Structured(_) => "a structure".into(),
        Type::Other(name) => format!("nothing: its type `{name}` is not supported"),
        Type::Primitive(primitive) => match primitive {
            Primitive::Boolean => "true or false".into(),
            Primitive::Byte => "an integer from 0 to 255".into(),
            Primitive::SByte => "an integer from -128 to 127".into(),
            Primitive::Int16 => "an integer of 16 bits".into(),
            Primitive::Int32 => "an integer of 32 bits".into(),
            Primitive::Int64 => "an integer of 64 bits, as text where it has more than 15 digits".into(),
            Primitive::Decimal => {
                let limits = match (facets.precision, facets.scale) {
                    (Some(precision), Some(scale)) if scale > 0 => {
                        format!(" of at most {precision} digits, {scale} of them after the point")
                    }
                    (Some(precision), _) => format!(" of at most {precision} digits"),
                    (None, _) => String::new(),
                };
                format!("a decimal number{limits}, as text, such as `\"12\"` or `\"12.5\"`")
            }
            Primitive::Double | Primitive::Single => "a number".into(),
            Primitive::String => match facets.max_length {
                Some(most) => format!("text of at most {most} characters"),
                None => "text".into(),
            },
            Primitive::Guid => "a UUID, such as `00000000-0000-0000-0000-000000000000`".into(),
            Primitive::DateTime => "a date and time without zone, such as `2024-12-31T23:59:59`, or a date".into(),
            Primitive::DateTimeOffset => "a moment with its zone, such as `2024-12-31T23:59:59Z`".into(),
            Primitive::Date => "a date, such as `2024-12-31`".into(),
            Primitive::Time | Primitive::TimeOfDay => "a time of the day, such as `23:59:59`".into(),
            Primitive::Duration => "a duration, such as `P1DT2H`".into(),
            Primitive::Binary => "bytes in base64".into(),
        },
    }
}
