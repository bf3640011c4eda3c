//! Workbooks (Excel, Office Open XML): each sheet under a heading, its rows as rows of a table.

use std::io::Cursor;

use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx, XlsxError};

use crate::builder::{PageBuilder, check_characters, row_text};
use crate::ooxml::Package;
use crate::{BlockKind, DocumentError, Limits};

/// Columns of a sheet by the format; a cell beyond is a lie.
const MAX_COLUMNS: u32 = 16_384;

/// Reads all sheets that a person can make visible.
///
/// # Errors
/// `Unreadable`, `Encrypted` or `LimitExceeded`.
pub(crate) fn read(bytes: &[u8], limits: &Limits, page: &mut PageBuilder) -> Result<(), DocumentError> {
    // The limits of a package hold for this one too. What it claims about its size is checked here; what a wrong claim
    // costs is bounded by the limits of the parser's process.
    Package::open(bytes, limits)?.check_claimed_sizes()?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| damage(&error))?;
    let sheets: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible != SheetVisible::VeryHidden)
        .map(|sheet| sheet.name.clone())
        .collect();
    for sheet in sheets {
        page.push(BlockKind::Heading { level: 1 }, &sheet);
        let mut rows = Rows::default();
        let mut cells = book.worksheet_cells_reader(&sheet).map_err(|error| damage(&error))?;
        while let Some(cell) = cells.next_cell().map_err(|error| damage(&error))? {
            let (row, column) = cell.get_position();
            if column >= MAX_COLUMNS {
                return Err(DocumentError::limit(format!("a cell beyond the last of {MAX_COLUMNS} columns")));
            }
            let (text, is_text) = shown(cell.get_value());
            rows.add(row, column as usize, text, is_text, page);
            check_characters(page.length() as u64, limits)?;
        }
        rows.end_row(page);
    }
    Ok(())
}

fn damage(error: &XlsxError) -> DocumentError {
    match error {
        XlsxError::Password => DocumentError::encrypted("it is a workbook with a password"),
        _ => DocumentError::unreadable("the workbook is damaged or cut off"),
    }
}

/// A cell's text, and whether it is text rather than a value.
fn shown(value: &DataRef<'_>) -> (String, bool) {
    match value {
        DataRef::Empty | DataRef::Error(_) => (String::new(), false),
        DataRef::String(text) => (text.clone(), true),
        DataRef::SharedString(text) => ((*text).to_owned(), true),
        DataRef::Int(number) => (number.to_string(), false),
        DataRef::Float(number) => (number.to_string(), false),
        DataRef::Bool(value) => (if *value { "TRUE" } else { "FALSE" }.to_owned(), false),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            let midnight = (hour, minute, second) == (0, 0, 0);
            (if midnight { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }, false)
        }
        DataRef::DateTime(duration) => (duration.as_f64().to_string(), false),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => (text.clone(), false),
    }
}

/// The rows of a sheet, as they come.
#[derive(Default)]
struct Rows {
    row: u32,
    /// The row's filled cells and their columns.
    cells: Vec<(usize, String)>,
    /// Whether every filled cell of the row is text.
    texts: bool,
    /// The first column of the table that the row before was one of.
    table: Option<usize>,
}

impl Rows {
    fn add(&mut self, row: u32, column: usize, text: String, is_text: bool, page: &mut PageBuilder) {
        if row != self.row {
            self.end_row(page);
            // An empty row ends a table.
            self.table = self.table.filter(|_| row == self.row + 1);
            self.row = row;
        }
        if !text.trim().is_empty() {
            self.texts = is_text && (self.texts || self.cells.is_empty());
            self.cells.push((column, text));
        }
    }

    fn end_row(&mut self, page: &mut PageBuilder) {
        let cells = std::mem::take(&mut self.cells);
        match (cells.as_slice(), self.table) {
            ([], _) => self.table = None,
            ([(_, text)], None) => page.push(BlockKind::Paragraph, text),
            _ => {
                let first = cells.iter().map(|(column, _)| *column).min().unwrap_or_default();
                let header = self.table.is_none() && self.texts;
                // A row that begins further left moves the table there: no cell is lost.
                let first = self.table.map_or(first, |of_table| of_table.min(first));
                self.table = Some(first);
                page.push(BlockKind::TableRow { header }, &row_text(in_columns(&cells, first)));
            }
        }
    }
}

/// The cells from the first column on, with empty ones between them.
fn in_columns(cells: &[(usize, String)], first: usize) -> Vec<&str> {
    let mut row = Vec::new();
    for (column, text) in cells {
        let place = column - first;
        if row.len() <= place {
            row.resize(place + 1, "");
        }
        row[place] = text.as_str();
    }
    row
}
