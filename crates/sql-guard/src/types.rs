//! Types that a value may be made. Those that look things up in a catalogue (`regclass` and its kin), hold documents of a language of
//! their own (`xml`), or are unknown, are left out.

use sqlparser::ast::{ArrayElemTypeDef, DataType, ObjectNamePart};

use crate::dialect::Dialect;

/// Types that the parser knows by name only.
const NAMED: &[&str] = &[
    "money",
    "smallmoney",
    "inet",
    "cidr",
    "macaddr",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "name",
    "citext",
    "hstore",
    "oid",
    "timestamptz",
    "timetz",
    "bpchar",
    "serial",
    "datetime2",
    "datetimeoffset",
    "smalldatetime",
    "uniqueidentifier",
    "nchar",
    "ntext",
    "varchar2",
    "nvarchar2",
    "number",
    "binary_float",
    "binary_double",
    "raw",
    "year",
    "geometry",
    "geography",
    "numeric",
    "string",
    "variant",
    "object",
    "jsonpath",
    "float",
    "int4",
    "int8",
    "int2",
    "uuid",
    "text",
    "char",
    "pls_integer",
    "integer",
    "long",
    "short",
    "double",
    "byte",
    "timestamp_ns",
    "timestamp_ms",
    "timestamp_s",
    "uinteger",
    "utinyint",
    "usmallint",
    "time",
    "vector",
    "datetime",
    "signed",
    "unsigned",
];

/// Numbers and truth values.
fn is_number(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Numeric(_)
            | T::Decimal(_)
            | T::DecimalUnsigned(_)
            | T::BigNumeric(_)
            | T::BigDecimal(_)
            | T::Dec(_)
            | T::DecUnsigned(_)
            | T::Float(_)
            | T::FloatUnsigned(_)
            | T::TinyInt(_)
            | T::TinyIntUnsigned(_)
            | T::UTinyInt
            | T::Int2(_)
            | T::Int2Unsigned(_)
            | T::SmallInt(_)
            | T::SmallIntUnsigned(_)
            | T::USmallInt
            | T::MediumInt(_)
            | T::MediumIntUnsigned(_)
            | T::Int(_)
            | T::Int4(_)
            | T::Int8(_)
            | T::Int16
            | T::Int32
            | T::Int64
            | T::Int128
            | T::Int256
            | T::Integer(_)
            | T::IntUnsigned(_)
            | T::Int4Unsigned(_)
            | T::IntegerUnsigned(_)
            | T::HugeInt
            | T::UHugeInt
            | T::UInt8
            | T::UInt16
            | T::UInt32
            | T::UInt64
            | T::UInt128
            | T::UInt256
            | T::BigInt(_)
            | T::BigIntUnsigned(_)
            | T::UBigInt
            | T::Int8Unsigned(_)
            | T::Signed
            | T::SignedInteger
            | T::Unsigned
            | T::UnsignedInteger
            | T::Float4
            | T::Float32
            | T::Float64
            | T::Real
            | T::RealUnsigned
            | T::Float8
            | T::Double(_)
            | T::DoubleUnsigned(_)
            | T::DoublePrecision
            | T::DoublePrecisionUnsigned
            | T::Bool
            | T::Boolean
    )
}

/// Texts, bytes, times, documents and shapes.
fn is_text_or_time(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Character(_)
            | T::Char(_)
            | T::CharacterVarying(_)
            | T::CharVarying(_)
            | T::Varchar(_)
            | T::Nvarchar(_)
            | T::Uuid
            | T::CharacterLargeObject(_)
            | T::CharLargeObject(_)
            | T::Clob(_)
            | T::Binary(_)
            | T::Varbinary(_)
            | T::Blob(_)
            | T::TinyBlob
            | T::MediumBlob
            | T::LongBlob
            | T::Bytes(_)
            | T::Date
            | T::Date32
            | T::Time(..)
            | T::Datetime(_)
            | T::Datetime64(..)
            | T::Timestamp(..)
            | T::TimestampNtz(_)
            | T::Interval { .. }
            | T::JSON
            | T::JSONB
            | T::Text
            | T::TinyText
            | T::MediumText
            | T::LongText
            | T::String(_)
            | T::FixedString(_)
            | T::Bytea
            | T::Bit(_)
            | T::BitVarying(_)
            | T::VarBit(_)
            | T::GeometricType(_)
            | T::TsVector
            | T::TsQuery
    )
}

/// Whether a value may be made this type.
pub(crate) fn is_allowed(data_type: &DataType, dialect: Dialect) -> bool {
    use DataType as T;
    match data_type {
        number if is_number(number) => true,
        text if is_text_or_time(text) => true,
        T::Custom(name, _) => match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => {
                let name = ident.value.to_ascii_lowercase();
                NAMED.contains(&name.as_str()) && (name != "oid" || dialect != Dialect::Postgres)
            }
            [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(ident)] => {
                schema.value.eq_ignore_ascii_case("pg_catalog")
                    && dialect == Dialect::Postgres
                    && NAMED.contains(&ident.value.to_ascii_lowercase().as_str())
            }
            _ => false,
        },
        T::Array(element) => match element {
            ArrayElemTypeDef::None => true,
            ArrayElemTypeDef::AngleBracket(inner)
            | ArrayElemTypeDef::SquareBracket(inner, _)
            | ArrayElemTypeDef::Parenthesis(inner)
            | ArrayElemTypeDef::Qualified(inner, _) => is_allowed(inner, dialect),
        },
        T::Struct(fields, _) | T::Tuple(fields) => {
            dialect == Dialect::Generic
                && fields.iter().all(|field| field.options.is_none() && is_allowed(&field.field_type, dialect))
        }
        T::Map(key, value, _) => dialect == Dialect::Generic && is_allowed(key, dialect) && is_allowed(value, dialect),
        T::Nullable(inner) | T::LowCardinality(inner) => dialect == Dialect::Generic && is_allowed(inner, dialect),
        _ => false,
    }
}
