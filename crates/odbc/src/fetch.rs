//! From a statement to its rows, block by block.

#![allow(unsafe_code, reason = "the driver writes rows into buffers")]

use std::borrow::Cow;

use odbc_api::RowSetBuffer;
use odbc_api::buffers::{BufferDesc, ColumnarDynBuffer};
use odbc_api::handles::{ColumnDescription, SqlText, Statement as _};

use crate::block::rows;
use crate::column::Told;
use crate::error::Context;
use crate::link::Link;
use crate::parameter::Bound;
use crate::statement::{Cancel, Statement};
use crate::{Cell, Column, Dialect, Kind, Limits, OdbcError, Row};

/// What one block of rows may take in memory, if a row alone does not take more.
const BLOCK_BYTES: usize = 1 << 20;
/// The most rows of a block.
const BLOCK_ROWS: usize = 1000;
/// What the buffer of one row may take: columns without a declared length share it.
const ROW_BYTES: usize = 32 << 20;
/// The most columns of a result.
const MOST_COLUMNS: usize = 1000;

/// Where a statement is carried out.
pub(crate) struct Place<'a> {
    pub(crate) link: &'a Link,
    pub(crate) cancel: &'a Cancel,
    pub(crate) context: Context<'a>,
    pub(crate) limits: Limits,
}

/// Who is given the columns, and then the rows.
pub(crate) trait Sink {
    fn columns(&mut self, columns: Vec<Column>) -> Result<(), OdbcError>;
    fn rows(&mut self, rows: Vec<Row>) -> Result<(), OdbcError>;
}

impl Sink for Vec<Row> {
    fn columns(&mut self, _: Vec<Column>) -> Result<(), OdbcError> {
        Ok(())
    }

    fn rows(&mut self, rows: Vec<Row>) -> Result<(), OdbcError> {
        self.extend(rows);
        Ok(())
    }
}

/// A `;` only ends the statement. Drivers that take statements apart at each would carry out what nobody looked at.
pub(crate) fn is_one(sql: &str) -> bool {
    let body = sql.trim_end();
    !body.strip_suffix(';').unwrap_or(body).contains([';', '\0'])
}

impl Place<'_> {
    /// Prepares and executes one SELECT, and hands on what it returns.
    pub(crate) fn query(&self, sql: &str, parameters: &[Cell], sink: &mut dyn Sink) -> Result<(), OdbcError> {
        if !is_one(sql) {
            return Err(OdbcError::ManyStatements);
        }
        let bound: Vec<Bound> = parameters.iter().map(Bound::new).collect();
        // Declared after what is bound, so that it goes first.
        let mut statement = self.link.statement(&self.context)?;
        let companion = self.companion()?;
        let _watched = self.cancel.watch(companion.as_ref().unwrap_or(&statement));
        statement.plain_and_forward();
        self.set_timeout(&mut statement);
        let sql = self.bounded(sql, !bound.is_empty());
        let prepared =
            if self.link.bytes { statement.prepare_bytes(&sql) } else { statement.prepare(&SqlText::new(&sql)) };
        self.context.require(prepared, &*statement)?;
        let wanted = statement.num_params();
        let wanted = usize::from(self.context.require(wanted, &*statement)?);
        if wanted != bound.len() {
            return Err(OdbcError::Parameters { wanted, given: bound.len() });
        }
        for (number, value) in (1..).zip(&bound) {
            let told = value.bind(&mut statement, number);
            self.context.require(told, &*statement)?;
        }
        // SAFETY: what is bound lives longer than the statement.
        let executed = unsafe { statement.execute() };
        self.context.check(executed, &*statement)?;
        self.read(&mut statement, sink)
    }

    /// What a function of the catalogue, called by `ask`, returns.
    pub(crate) fn told(
        &self,
        ask: impl FnOnce(&mut Statement<'_>) -> odbc_api::handles::SqlResult<()>,
        sink: &mut dyn Sink,
    ) -> Result<(), OdbcError> {
        let mut statement = self.link.statement(&self.context)?;
        let companion = self.companion()?;
        let _watched = self.cancel.watch(companion.as_ref().unwrap_or(&statement));
        let asked = ask(&mut statement);
        self.context.check(asked, &*statement)?;
        self.read(&mut statement, sink)
    }

    /// SQLite's driver reads all of a result with parameters before its first row, so that has to end by itself.
    fn bounded<'s>(&self, sql: &'s str, parameters: bool) -> Cow<'s, str> {
        if !parameters || self.link.dialect != Dialect::Sqlite {
            return Cow::Borrowed(sql);
        }
        let body = sql.trim_end();
        let most = self.limits.rows.saturating_add(1).min(i64::MAX as u64);
        // A remark may end the statement.
        Cow::Owned(format!("SELECT * FROM (\n{}\n) LIMIT {most}", body.strip_suffix(';').unwrap_or(body)))
    }

    /// An idle statement to be cancelled in place of the one at work, where that stops all of the connection. The drivers of
    /// MariaDB and SQLite close what is cancelled, beneath the thread that reads from it: the process dies.
    fn companion(&self) -> Result<Option<Statement<'_>>, OdbcError> {
        match self.link.dialect {
            Dialect::MariaDb | Dialect::MySql | Dialect::Sqlite => self.link.statement(&self.context).map(Some),
            Dialect::Postgres | Dialect::Other(_) => Ok(None),
        }
    }

    /// PostgreSQL's driver would only put whole seconds over the milliseconds that the transaction began with.
    fn set_timeout(&self, statement: &mut Statement<'_>) {
        if self.link.dialect != Dialect::Postgres {
            let seconds = self.context.time.as_millis().div_ceil(1000);
            _ = statement.set_query_timeout_sec(usize::try_from(seconds).unwrap_or(usize::MAX).max(1));
        }
    }

    fn read(&self, statement: &mut Statement<'_>, sink: &mut dyn Sink) -> Result<(), OdbcError> {
        let (columns, descriptions) = self.describe(statement)?;
        let row: usize = descriptions.iter().map(BufferDesc::bytes_per_row).sum();
        let capacity = (BLOCK_BYTES / row.max(1)).clamp(1, BLOCK_ROWS);
        let mut buffer = ColumnarDynBuffer::try_from_descs(capacity, descriptions)
            .map_err(|_| OdbcError::TooLarge(self.limits.bytes))?;
        sink.columns(columns.clone())?;
        self.bind(statement, &mut buffer)?;
        let read = self.blocks(statement, &buffer, &columns, sink);
        // The buffer goes before the statement, so the driver must forget it first.
        _ = statement.unbind_cols();
        _ = statement.unset_num_rows_fetched();
        read?;
        self.nothing_more(statement)
    }

    fn describe(&self, statement: &mut Statement<'_>) -> Result<(Vec<Column>, Vec<BufferDesc>), OdbcError> {
        let count = statement.num_result_cols();
        let count = self.context.require(count, &**statement)?;
        let count = u16::try_from(count).ok().filter(|count| *count > 0).ok_or(OdbcError::NoTable)?;
        if usize::from(count) > MOST_COLUMNS {
            return Err(OdbcError::TooManyColumns(MOST_COLUMNS));
        }
        let dialect = &self.link.dialect;
        // Two bytes for each unit of UTF-16.
        let most = self.limits.cell_bytes.min(ROW_BYTES / 2 / usize::from(count));
        let (mut columns, mut buffers) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let mut description = ColumnDescription::default();
            let described = statement.describe_col(number, &mut description);
            self.context.require(described, &**statement)?;
            let unsigned = statement.is_unsigned_column(number);
            let unsigned = self.context.require(unsigned, &**statement).unwrap_or(false);
            let type_name = statement.type_name(number);
            let computed = *dialect == Dialect::Sqlite && statement.table_name(number).is_empty();
            let told = Told { data_type: description.data_type, type_name: &type_name, unsigned, computed };
            let kind = Kind::of(dialect, &told);
            buffers.push(self.in_form(kind.buffer(dialect, &told, most), most));
            let mut column = column(&description, type_name.clone(), kind);
            if self.link.bytes {
                column.name = statement.name_bytes(number);
            }
            columns.push(column);
        }
        Ok((columns, buffers))
    }

    /// Texts in the form that the driver is asked for. A unit of UTF-16 stands for at most three bytes of UTF-8, and two for four.
    fn in_form(&self, buffer: BufferDesc, most: usize) -> BufferDesc {
        match buffer {
            BufferDesc::WText { max_str_len } if self.link.utf8 => {
                BufferDesc::Text { max_str_len: max_str_len.saturating_mul(3).min(most) }
            }
            other => other,
        }
    }

    fn bind(&self, statement: &mut Statement<'_>, buffer: &mut ColumnarDynBuffer) -> Result<(), OdbcError> {
        // SAFETY: the buffer holds as many rows as is said, and is unbound before it goes. Its parts are on the heap.
        let results = unsafe {
            [
                statement.set_row_bind_type(0),
                statement.set_row_array_size(buffer.row_array_size()),
                statement.set_num_rows_fetched(buffer.mut_num_fetch_rows()),
            ]
        };
        for result in results {
            self.context.require(result, &**statement)?;
        }
        // SAFETY: as above.
        unsafe { buffer.bind_colmuns_to_cursor(statement.as_stmt_ref()) }.map_err(|_| OdbcError::Driver)
    }

    fn blocks(
        &self,
        statement: &mut Statement<'_>,
        buffer: &ColumnarDynBuffer,
        columns: &[Column],
        sink: &mut dyn Sink,
    ) -> Result<(), OdbcError> {
        let (mut rows_left, mut bytes_left) = (self.limits.rows, self.limits.bytes);
        loop {
            // SAFETY: the bound buffer is alive, and nobody reads it meanwhile.
            let fetched = unsafe { statement.fetch() };
            if self.context.check(fetched, &**statement)?.is_none() {
                return Ok(());
            }
            let mut rows = rows(buffer, columns, self.limits.cell_bytes)?;
            let more_rows = rows.len() as u64 > rows_left;
            rows.truncate(usize::try_from(rows_left).unwrap_or(usize::MAX));
            let whole = rows.len();
            rows.truncate(within(&rows, &mut bytes_left));
            let more_bytes = rows.len() < whole;
            rows_left -= rows.len() as u64;
            if !rows.is_empty() {
                sink.rows(rows)?;
            }
            if more_bytes {
                return Err(OdbcError::TooLarge(self.limits.bytes));
            }
            if more_rows {
                return Err(OdbcError::TooManyRows(self.limits.rows));
            }
        }
    }

    /// A second result is the result of a second statement.
    fn nothing_more(&self, statement: &mut Statement<'_>) -> Result<(), OdbcError> {
        // SAFETY: no buffers are bound.
        let more = unsafe { statement.more_results() };
        match self.context.check(more, &**statement) {
            Ok(Some(())) => Err(OdbcError::ManyStatements),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// How many of the rows fit into the bytes that are left, which become fewer.
fn within(rows: &[Row], left: &mut u64) -> usize {
    let mut fitting = 0;
    for row in rows {
        let size: usize = row.iter().map(Cell::size).sum();
        match left.checked_sub(size as u64) {
            Some(rest) => *left = rest,
            None => break,
        }
        fitting += 1;
    }
    fitting
}

fn column(description: &ColumnDescription, type_name: String, kind: Kind) -> Column {
    let data_type = description.data_type;
    let digits = data_type.decimal_digits();
    let with_scale = matches!(kind, Kind::Decimal | Kind::Time | Kind::Timestamp | Kind::Instant);
    Column {
        name: description.name_to_string().unwrap_or_default(),
        type_name,
        kind,
        precision: data_type.column_size().map(|size| size.get() as u64),
        scale: with_scale.then_some(digits),
        nullable: match description.nullability {
            odbc_api::Nullability::Nullable => Some(true),
            odbc_api::Nullability::NoNulls => Some(false),
            odbc_api::Nullability::Unknown => None,
        },
    }
}
