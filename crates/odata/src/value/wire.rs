//! What a service sends, as a value of the declared type.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{Cell, Decimal, Scalar, TimeOfDay, is_guid, is_number, json::Json, row, temporal};
use crate::metadata::{Primitive, Property, Service, Type, Version};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The value of a property; nothing where what was sent is none of its type.
pub(crate) fn read_cell(service: &Service, property: &Property, sent: &Json, depth: usize) -> Option<Cell> {
    if matches!(sent, Json::Null) {
        return Some(Cell::Null);
    }
    if property.many {
        // V2 has its lists in `results`.
        let items = sent.list().or_else(|| sent.get("results")?.list())?;
        let one = |item| single(service, &property.ty, item, depth);
        return items.iter().map(one).collect::<Option<_>>().map(Cell::List);
    }
    single(service, &property.ty, sent, depth)
}

fn single(service: &Service, ty: &Type, sent: &Json, depth: usize) -> Option<Cell> {
    match ty {
        Type::Primitive(primitive) => scalar(*primitive, service.version, sent).map(Cell::Scalar),
        Type::Enum(name) => {
            Some(Cell::Scalar(Scalar::Member { ty: name.clone(), name: sent.text_or_number()?.to_owned() }))
        }
        Type::Structured(name) => {
            let ty = service.types.get(name)?;
            row::read_row(service, ty, sent, depth + 1).ok().map(|row| Cell::Row(Box::new(row)))
        }
        Type::Other(_) => Some(Cell::Null),
    }
}

fn scalar(primitive: Primitive, version: Version, sent: &Json) -> Option<Scalar> {
    let is_v2 = version == Version::V2;
    // Numbers come as such or as text, by version, type and what was agreed on.
    let number = || sent.text_or_number();
    let text = || sent.text();
    let within = |least: i32, most: i32| {
        let found = number()?.parse().ok()?;
        (least..=most).contains(&found).then_some(Scalar::Integer(found))
    };
    match primitive {
        Primitive::Boolean => match sent {
            Json::Bool(flag) => Some(Scalar::Boolean(*flag)),
            _ => None,
        },
        Primitive::Byte => within(0, 255),
        Primitive::SByte => within(-128, 127),
        Primitive::Int16 => within(-32_768, 32_767),
        Primitive::Int32 => within(i32::MIN, i32::MAX),
        Primitive::Int64 => number()?.parse().ok().map(Scalar::Long),
        Primitive::Decimal => Decimal::parse(number()?).map(Scalar::Decimal),
        Primitive::Double | Primitive::Single => {
            let text = number()?.to_owned();
            let is_float =
                is_number(&text) || matches!(text.as_str(), "INF" | "-INF" | "NaN" | "Infinity" | "-Infinity");
            is_float.then_some(Scalar::Float { text, single: primitive == Primitive::Single })
        }
        Primitive::String => text().map(|text| Scalar::Text(text.to_owned())),
        Primitive::Guid => text().filter(|text| is_guid(text)).map(|text| Scalar::Guid(text.to_ascii_lowercase())),
        Primitive::DateTime => {
            let text = text()?;
            let by_date = temporal::v2_date(text).map(|(moment, _)| moment.naive_utc());
            by_date.or_else(|| temporal::date_time(text)).map(Scalar::DateTime)
        }
        Primitive::DateTimeOffset if is_v2 => {
            let text = text()?;
            temporal::v2_moment(text).or_else(|| temporal::moment(text)).map(Scalar::Moment)
        }
        Primitive::DateTimeOffset => temporal::moment(text()?).map(Scalar::Moment),
        Primitive::Date => temporal::date(text()?).map(Scalar::Date),
        Primitive::Time => TimeOfDay::from_duration(text()?).map(Scalar::Time),
        Primitive::TimeOfDay => TimeOfDay::parse(text()?).map(Scalar::Time),
        Primitive::Duration => {
            text().filter(|text| temporal::is_duration(text)).map(|text| Scalar::Duration(text.to_owned()))
        }
        Primitive::Binary => {
            let alphabet = if is_v2 { alphabet::STANDARD } else { alphabet::URL_SAFE };
            GeneralPurpose::new(&alphabet, LENIENT).decode(text()?).ok().map(Scalar::Binary)
        }
    }
}
