//! Rows that were just fetched, out of the buffers that the driver filled.

use odbc_api::buffers::{
    AnyColumnBufferSlice, BinColumnSlice, ColumnarDynBuffer, Indicator, NullableSlice, TextColumnSlice,
};
use odbc_api::{Bit, RowSetBuffer};

use crate::{Cell, Column, Kind, OdbcError, Row};

enum Values<'a> {
    Integers(NullableSlice<'a, i64>),
    Floats(NullableSlice<'a, f64>),
    Bits(NullableSlice<'a, Bit>),
    Bytes(BinColumnSlice<'a>),
    Texts(TextColumnSlice<'a, u16>),
    Utf8(TextColumnSlice<'a, u8>),
}

/// A value that is longer than its buffer fails the whole: a cut value is a wrong value.
pub(crate) fn rows(buffer: &ColumnarDynBuffer, columns: &[Column], most: usize) -> Result<Vec<Row>, OdbcError> {
    if buffer.num_rows() > buffer.row_array_size() {
        return Err(OdbcError::Driver);
    }
    let mut rows: Vec<Row> = (0..buffer.num_rows()).map(|_| Vec::with_capacity(columns.len())).collect();
    for (index, column) in columns.iter().enumerate() {
        let cells = Reader { column, most };
        match values(buffer, index)? {
            Values::Integers(values) => {
                fill(&mut rows, values.map(|value| value.copied().map_or(Cell::Null, Cell::Integer)));
            }
            Values::Floats(values) => {
                fill(&mut rows, values.map(|value| value.copied().map_or(Cell::Null, Cell::Float)));
            }
            Values::Bits(values) => {
                fill(&mut rows, values.map(|bit| bit.map_or(Cell::Null, |bit| Cell::Bool(bit.0 != 0))));
            }
            Values::Bytes(values) => {
                cells.whole(values.has_truncated_values(), most)?;
                for (row, value) in rows.iter_mut().zip(values.iter()) {
                    row.push(value.map_or(Cell::Null, |value| Cell::Binary(value.to_vec())));
                }
            }
            Values::Texts(values) => {
                cells.whole(values.has_truncated_values(), values.max_len())?;
                for (number, row) in rows.iter_mut().enumerate() {
                    row.push(
                        values
                            .get(number)
                            .map_or(Ok(Cell::Null), |value| cells.text(String::from_utf16(value).ok()))?,
                    );
                }
            }
            Values::Utf8(values) => {
                cells.whole(values.has_truncated_values(), values.max_len())?;
                for (number, row) in rows.iter_mut().enumerate() {
                    let text = |value: &[u8]| cells.text(std::str::from_utf8(value).ok().map(str::to_owned));
                    row.push(values.get(number).map_or(Ok(Cell::Null), text)?);
                }
            }
        }
    }
    Ok(rows)
}

fn fill(rows: &mut [Row], cells: impl Iterator<Item = Cell>) {
    for (row, cell) in rows.iter_mut().zip(cells) {
        row.push(cell);
    }
}

fn values(buffer: &ColumnarDynBuffer, index: usize) -> Result<Values<'_>, OdbcError> {
    let slice = || -> AnyColumnBufferSlice<'_> { buffer.column(index) };
    None.or_else(|| slice().as_nullable_slice().map(Values::Integers))
        .or_else(|| slice().as_wide_text().map(Values::Texts))
        .or_else(|| slice().as_text().map(Values::Utf8))
        .or_else(|| slice().as_nullable_slice().map(Values::Floats))
        .or_else(|| slice().as_nullable_slice().map(Values::Bits))
        .or_else(|| slice().as_binary().map(Values::Bytes))
        .ok_or(OdbcError::Driver)
}

struct Reader<'a> {
    column: &'a Column,
    most: usize,
}

impl Reader<'_> {
    /// `length` is that of the buffer. What does not fit it has more bytes than that, whatever its units are.
    fn whole(&self, truncated: Option<Indicator>, length: usize) -> Result<(), OdbcError> {
        truncated.map_or(Ok(()), |_| Err(self.too_large(length.min(self.most))))
    }

    fn too_large(&self, limit: usize) -> OdbcError {
        OdbcError::ValueTooLarge { column: self.column.name.clone(), limit }
    }

    /// `None` stands for what is no text at all.
    fn text(&self, text: Option<String>) -> Result<Cell, OdbcError> {
        let unfit = || OdbcError::ValueUnfit {
            state: "22021".to_owned(),
            detail: format!("`{}` is no text", self.column.name),
        };
        let text = text.ok_or_else(unfit)?;
        if text.len() > self.most {
            return Err(self.too_large(self.most));
        }
        Ok(if self.column.kind == Kind::Text { Cell::Text(text) } else { Cell::of_text(self.column.kind, text) })
    }
}
