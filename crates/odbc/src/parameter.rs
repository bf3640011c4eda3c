use odbc_api::handles::{SqlResult, Statement, StatementImpl};
use odbc_api::parameter::{VarBinaryBox, VarWCharBox, WithDataType};
use odbc_api::{Bit, DataType};

use crate::Cell;

/// A value where the driver finds it, at one address until the statement is done.
pub(crate) enum Bound {
    Integer(Box<i64>),
    Float(Box<f64>),
    Bool(Box<Bit>),
    Binary(Box<VarBinaryBox>),
    Text(Box<VarWCharBox>),
    Typed(Box<WithDataType<VarWCharBox>>),
}

impl Bound {
    pub(crate) fn new(parameter: &Cell) -> Self {
        let wide = |text: &str| VarWCharBox::from_vec(text.encode_utf16().collect());
        let typed = |text: String, data_type| Self::Typed(Box::new(WithDataType::new(wide(&text), data_type)));
        match parameter {
            Cell::Null => Self::Text(Box::new(VarWCharBox::null())),
            Cell::Bool(value) => Self::Bool(Box::new(Bit::from_bool(*value))),
            Cell::Integer(value) => Self::Integer(Box::new(*value)),
            Cell::Float(value) => Self::Float(Box::new(*value)),
            Cell::Binary(bytes) => Self::Binary(Box::new(VarBinaryBox::from_vec(bytes.clone()))),
            Cell::Text(text) => Self::Text(Box::new(wide(text))),
            Cell::Decimal(text) => typed(text.clone(), numeric(text)),
            Cell::Date(date) => typed(date.to_string(), DataType::Date),
            Cell::Time(time) => typed(time.to_string(), DataType::Time { precision: 9 }),
            Cell::Timestamp(time) => {
                typed(time.format("%Y-%m-%d %H:%M:%S%.f").to_string(), DataType::Timestamp { precision: 9 })
            }
            // The session is in UTC.
            Cell::Instant(time) => {
                typed(time.format("%Y-%m-%d %H:%M:%S%.f").to_string(), DataType::Timestamp { precision: 9 })
            }
        }
    }

    /// Tells the driver where the value is.
    #[allow(unsafe_code, reason = "the driver reads the value when the statement is executed")]
    pub(crate) fn bind(&self, statement: &mut StatementImpl<'_>, number: u16) -> SqlResult<()> {
        // SAFETY: whoever executes the statement keeps the values until it is dropped; each is boxed, and complete.
        unsafe {
            match self {
                Self::Integer(value) => statement.bind_input_parameter(number, value.as_ref()),
                Self::Float(value) => statement.bind_input_parameter(number, value.as_ref()),
                Self::Bool(value) => statement.bind_input_parameter(number, value.as_ref()),
                Self::Binary(value) => statement.bind_input_parameter(number, value.as_ref()),
                Self::Text(value) => statement.bind_input_parameter(number, value.as_ref()),
                Self::Typed(value) => statement.bind_input_parameter(number, value.as_ref()),
            }
        }
    }
}

fn numeric(text: &str) -> DataType {
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    DataType::Numeric { precision: digits.max(1), scale: scale as i16 }
}
