use std::num::NonZeroUsize;

use odbc_api::DataType;
use odbc_api::buffers::BufferDesc;
use odbc_api::sys::SqlDataType;
use serde::Serialize;

use crate::Dialect;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Truth values.
    Bool,
    /// Whole numbers of up to 64 bits, with a sign.
    Integer,
    /// Decimal numbers, exact.
    Decimal,
    /// Floating-point numbers.
    Float,
    /// Days.
    Date,
    /// Times of day.
    Time,
    /// Days and times without a zone.
    Timestamp,
    /// Moments: what the database keeps with its zone, here in UTC.
    Instant,
    /// Bytes.
    Binary,
    /// Universally unique identifiers, in small letters.
    Uuid,
    /// Values of no declared type, as SQLite makes them where it computes: what is written exactly as a number is one.
    Untyped,
    /// Text, and whatever else is written as text: `type_name` says what.
    Text,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// As the statement calls it.
    pub name: String,
    /// As the database calls it.
    pub type_name: String,
    /// What the values are.
    pub kind: Kind,
    /// Digits, characters or bytes, as declared, where the driver says.
    pub precision: Option<u64>,
    /// Digits after the point, where it has any.
    pub scale: Option<i16>,
    /// Whether values may be absent, where the driver says.
    pub nullable: Option<bool>,
}

/// What a driver says of a column.
pub(crate) struct Told<'a> {
    pub(crate) data_type: DataType,
    pub(crate) type_name: &'a str,
    pub(crate) unsigned: bool,
    /// Whether it is computed, as far as SQLite's driver says: of such a column it only guesses the type.
    pub(crate) computed: bool,
}

impl Kind {
    pub(crate) fn of(dialect: &Dialect, told: &Told<'_>) -> Self {
        let named = |names: &[&str]| names.iter().any(|name| told.type_name.eq_ignore_ascii_case(name));
        let maria = matches!(dialect, Dialect::MariaDb | Dialect::MySql);
        match told.data_type {
            DataType::Varchar { .. } | DataType::WVarchar { .. } if *dialect == Dialect::Sqlite && told.computed => {
                Self::Untyped
            }
            // psqlodbc takes it for a floating-point number. Its text has a currency and commas.
            _ if *dialect == Dialect::Postgres && named(&["money"]) => Self::Text,
            DataType::BigInt if told.unsigned => Self::Decimal,
            DataType::TinyInt | DataType::SmallInt | DataType::Integer | DataType::BigInt => Self::Integer,
            DataType::Numeric { .. } | DataType::Decimal { .. } => Self::Decimal,
            DataType::Float { .. } | DataType::Real | DataType::Double => Self::Float,
            DataType::Bit => Self::Bool,
            DataType::Date => Self::Date,
            DataType::Time { .. } if named(&["timetz", "time with time zone"]) => Self::Text,
            DataType::Time { .. } => Self::Time,
            DataType::Timestamp { .. } if named(&["timestamptz", "timestamp with time zone"]) => Self::Instant,
            // Sessions are in UTC, and this type is kept so.
            DataType::Timestamp { .. } if maria && named(&["timestamp"]) => Self::Instant,
            DataType::Timestamp { .. } => Self::Timestamp,
            DataType::Binary { .. } | DataType::Varbinary { .. } | DataType::LongVarbinary { .. } => Self::Binary,
            DataType::Other { data_type: SqlDataType::EXT_GUID, .. } => Self::Uuid,
            // Its driver knows few types.
            _ if *dialect == Dialect::Sqlite && named(&["decimal", "numeric"]) => Self::Decimal,
            _ => Self::Text,
        }
    }

    /// The buffer for a value. Dates, times, decimals and single-precision numbers come as text, because ODBC's own forms lose
    /// fractions, zones and digits; so does all of SQLite, where a column's type binds no value. `most` is in bytes.
    pub(crate) fn buffer(self, dialect: &Dialect, told: &Told<'_>, most: usize) -> BufferDesc {
        let free = *dialect == Dialect::Sqlite;
        match self {
            Self::Integer if !free => BufferDesc::I64 { nullable: true },
            Self::Float if !free && !matches!(told.data_type, DataType::Real) => BufferDesc::F64 { nullable: true },
            Self::Bool if !free => BufferDesc::Bit { nullable: true },
            Self::Binary => BufferDesc::Binary { max_bytes: most },
            _ => {
                let enough = if free { self.enough_for_sqlite(told.data_type) } else { self.enough(told.data_type) };
                BufferDesc::WText { max_str_len: enough.map_or(most, |enough| enough.min(most)) }
            }
        }
    }

    /// How many UTF-16 units a value may have, where its type says so.
    fn enough(self, data_type: DataType) -> Option<usize> {
        match self {
            Self::Decimal => Some(512),
            // A character beyond the first plane takes two.
            Self::Text | Self::Untyped => declared(data_type).map(|length| length.saturating_mul(2)),
            _ => Some(64),
        }
    }

    /// SQLite keeps longer values than were declared. Its driver fills a buffer to its end for each value, however short, so that
    /// large ones cost microseconds.
    fn enough_for_sqlite(self, data_type: DataType) -> Option<usize> {
        match self {
            Self::Text => declared(data_type).map(|length| length.saturating_mul(4).max(1024)),
            Self::Untyped => None,
            _ => Some(512),
        }
    }
}

fn declared(data_type: DataType) -> Option<usize> {
    let (DataType::Char { length }
    | DataType::WChar { length }
    | DataType::Varchar { length }
    | DataType::WVarchar { length }) = data_type
    else {
        return None;
    };
    length.map(NonZeroUsize::get)
}
