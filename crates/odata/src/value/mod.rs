//! Values: from what an agent says, from what a service sends, to both forms of the protocol. None passes through a
//! floating-point number, except those that are declared as such.

mod argument;
mod decimal;
pub(crate) mod json;
mod row;
mod temporal;
mod wire;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use serde_json::Value;

pub(crate) use self::{
    argument::{scalar, wanted},
    row::{is_etag, read_row},
    wire::read_cell,
};
pub use self::{
    decimal::Decimal,
    row::{Cell, Row},
    temporal::TimeOfDay,
};
use crate::metadata::Version;

/// One value of a known type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// `Edm.Boolean`.
    Boolean(bool),
    /// `Edm.Byte`, `Edm.SByte`, `Edm.Int16`, `Edm.Int32`.
    Integer(i32),
    /// `Edm.Int64`.
    Long(i64),
    /// `Edm.Decimal`.
    Decimal(Decimal),
    /// `Edm.Double` and `Edm.Single`, as written.
    Float {
        /// Such as `1.5`, `1e300`, `INF`.
        text: String,
        /// Whether it has 32 bits.
        single: bool,
    },
    /// `Edm.String`.
    Text(String),
    /// `Edm.Guid`, in lower case.
    Guid(String),
    /// V2's `Edm.DateTime`: no zone.
    DateTime(NaiveDateTime),
    /// `Edm.DateTimeOffset`.
    Moment(DateTime<FixedOffset>),
    /// V4's `Edm.Date`.
    Date(NaiveDate),
    /// V2's `Edm.Time`, V4's `Edm.TimeOfDay`.
    Time(TimeOfDay),
    /// V4's `Edm.Duration`, as written.
    Duration(String),
    /// `Edm.Binary`.
    Binary(Vec<u8>),
    /// A member of an enumeration.
    Member {
        /// The qualified name of its type.
        ty: String,
        /// The name of the member.
        name: String,
    },
}

impl Scalar {
    /// As it stands in an address, before percent-encoding. A text is in quotes, and quotes in it are doubled, so that
    /// whatever it holds is a value.
    pub fn literal(&self, version: Version) -> String {
        let is_v2 = version == Version::V2;
        match self {
            Self::Boolean(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Long(number) => format!("{number}{}", if is_v2 { "L" } else { "" }),
            Self::Decimal(number) => format!("{number}{}", if is_v2 { "M" } else { "" }),
            Self::Float { text, single } => {
                let mark = if *single { "f" } else { "d" };
                format!("{text}{}", if is_v2 { mark } else { "" })
            }
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Guid(text) if is_v2 => format!("guid'{text}'"),
            Self::Guid(text) => text.clone(),
            Self::DateTime(moment) => format!("datetime'{}'", temporal::written(*moment)),
            Self::Moment(moment) if is_v2 => format!("datetimeoffset'{}'", temporal::written_moment(moment)),
            Self::Moment(moment) => temporal::written_moment(moment),
            Self::Date(date) => date.format("%Y-%m-%d").to_string(),
            Self::Time(time) if is_v2 => format!("time'{}'", time.to_duration()),
            Self::Time(time) => time.to_string(),
            Self::Duration(text) => format!("duration'{text}'"),
            Self::Binary(bytes) if is_v2 => {
                use std::fmt::Write;
                let mut hex = String::with_capacity(2 * bytes.len());
                for byte in bytes {
                    let _ = write!(hex, "{byte:02X}");
                }
                format!("X'{hex}'")
            }
            Self::Binary(bytes) => format!("binary'{}'", URL_SAFE.encode(bytes)),
            Self::Member { ty, name } => format!("{ty}'{name}'"),
        }
    }

    /// As it stands in a body of JSON. Nothing where the version cannot say it: parts of a millisecond in V2.
    pub(crate) fn body(&self, version: Version) -> Option<Value> {
        let is_v2 = version == Version::V2;
        Some(match self {
            Self::DateTime(moment) => Value::String(temporal::to_v2_date(*moment, None)?),
            Self::Moment(moment) if is_v2 => {
                let offset = moment.offset().local_minus_utc() / 60;
                Value::String(temporal::to_v2_date(moment.naive_utc(), Some(offset))?)
            }
            Self::Time(time) if is_v2 => Value::String(time.to_duration()),
            Self::Float { text, .. } if is_v2 => Value::String(text.clone()),
            Self::Float { text, .. } => serde_json::from_str::<f64>(text).ok().map(Value::from)?,
            Self::Binary(bytes) if !is_v2 => Value::String(URL_SAFE.encode(bytes)),
            // Int64 and decimals as text: V2 always, V4 with `IEEE754Compatible=true`, which is what is sent.
            other => other.plain(),
        })
    }

    /// For readers: integers of up to 32 bits and booleans as such, everything else as text.
    pub fn plain(&self) -> Value {
        match self {
            Self::Boolean(flag) => Value::Bool(*flag),
            Self::Integer(number) => Value::from(*number),
            Self::Long(number) => Value::String(number.to_string()),
            Self::Decimal(number) => Value::String(number.to_string()),
            Self::Float { text, .. } | Self::Text(text) | Self::Guid(text) | Self::Duration(text) => {
                Value::String(text.clone())
            }
            Self::DateTime(moment) => Value::String(temporal::written(*moment)),
            Self::Moment(moment) => Value::String(temporal::written_moment(moment)),
            Self::Date(date) => Value::String(date.format("%Y-%m-%d").to_string()),
            Self::Time(time) => Value::String(time.to_string()),
            Self::Binary(bytes) => Value::String(STANDARD.encode(bytes)),
            Self::Member { name, .. } => Value::String(name.clone()),
        }
    }
}

/// Whether a text is a UUID in the form with four hyphens.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Whether a text is a finite number by JSON's grammar.
fn is_number(text: &str) -> bool {
    text.len() <= 40 && serde_json::from_str::<f64>(text).is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests;
