//! The tables of a document, whole: every row of the version that a passage is from, as far as the reader may see it now.

use std::{borrow::Cow, ops::Range};

use millwright_core::{TenantScope, id::ChunkId};
use millwright_documents::{Block, BlockKind};
use millwright_store::tenant::{PlaceRow, Reader, TablePageRow};

use crate::{
    RetrievalError,
    reading::version,
    search::{Passage, Searcher},
};

/// So much text of pages that hold rows is read of one document.
pub const MAX_TABLE_BYTES: u64 = 16 << 20;
/// So many rows of all its tables together.
pub const MAX_TABLE_ROWS: usize = 100_000;
/// More cells are not told apart in a row.
const MAX_CELLS: usize = 200;

/// All tables of a version.
#[derive(Debug, Clone, Default)]
pub struct DocumentTables {
    /// In their order.
    pub tables: Vec<Table>,
    /// The passages that rows point to.
    pub chunks: Vec<ChunkId>,
    /// So many rows looked like instructions to a model, and are not among them.
    pub left_out: usize,
}

/// A table: rows that follow one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The row that names the columns.
    pub header: Option<TableRow>,
    /// The others.
    pub rows: Vec<TableRow>,
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// As they stand; empty ones at the end are not there.
    pub cells: Vec<String>,
    /// Where it stands, unless it is cut between passages.
    pub place: Option<RowPlace>,
}

/// A row within a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowPlace {
    /// Index among [`DocumentTables::chunks`].
    pub chunk: usize,
    /// Code points from the beginning of the passage's text.
    pub points: Range<usize>,
}

/// Why tables are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TablesRefused {
    /// The version is not there any more, does not answer, or may not be seen.
    Gone,
    /// The document is being read anew, or that has failed: its pages need not be those of its passages.
    BeingRead,
    /// More than [`MAX_TABLE_BYTES`].
    TooLarge,
    /// More than [`MAX_TABLE_ROWS`].
    TooManyRows,
}

impl Searcher {
    /// All tables of a passage's document, in the version it lies in, under the same conditions as reading on: what the reader
    /// may not see now, and what no longer answers, is not read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tables(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        passage: &Passage,
    ) -> Result<Result<DocumentTables, TablesRefused>, RetrievalError> {
        let of = version(reader, passage);
        // One snapshot for all.
        let mut tx = self.store().tenant(scope).read().await?;
        let Some(size) = tx.reading().tables_size(of).await? else { return Ok(Err(TablesRefused::Gone)) };
        if !size.is_whole {
            return Ok(Err(TablesRefused::BeingRead));
        }
        if size.bytes.unsigned_abs() > MAX_TABLE_BYTES {
            return Ok(Err(TablesRefused::TooLarge));
        }
        let pages = tx.reading().table_pages(of).await?;
        let places = tx.reading().places(of).await?;
        drop(tx);
        let work = tokio::task::spawn_blocking(move || tables_of(pages, &places));
        Ok(work.await?)
    }
}

/// The tables of these pages. Tables go on over a page's end where the next one begins with rows.
fn tables_of(pages: Vec<TablePageRow>, places: &[PlaceRow]) -> Result<DocumentTables, TablesRefused> {
    let mut found =
        DocumentTables { chunks: places.iter().map(|place| place.chunk_id).collect(), ..DocumentTables::default() };
    let (mut open, mut before, mut count) = (false, None::<i32>, 0);
    for page in pages {
        // What cannot be read was written by another version of this program.
        let Ok(blocks) = serde_json::from_value::<Vec<Block>>(page.blocks) else {
            return Err(TablesRefused::BeingRead);
        };
        open &= before.is_some_and(|before| before + 1 == page.page_number);
        before = Some(page.page_number);
        let text = Points::of(&page.text);
        for block in blocks {
            let BlockKind::TableRow { header } = block.kind else {
                open = false;
                continue;
            };
            count += 1;
            if count > MAX_TABLE_ROWS {
                return Err(TablesRefused::TooManyRows);
            }
            let place = Place::find(places, page.page_number, &block);
            if place.as_ref().is_some_and(|place| place.is_quarantined) {
                found.left_out += 1;
                continue;
            }
            let row =
                TableRow { cells: cells(text.slice(block.start..block.end)), place: place.and_then(Place::whole) };
            let heading_path = || {
                let chunk = row.place.as_ref().map(|place| place.chunk);
                chunk.map_or_else(Vec::new, |chunk| places[chunk].heading_path.clone())
            };
            match found.tables.last_mut().filter(|_| open) {
                Some(table) if header => match &table.header {
                    // Repeated at the top of a page.
                    Some(known) if known.cells == row.cells => {}
                    // Of several rows above the figures the last names the columns best.
                    Some(_) if table.rows.is_empty() => table.header = Some(row),
                    _ => found.tables.push(Table { heading_path: heading_path(), header: Some(row), rows: Vec::new() }),
                },
                Some(table) => table.rows.push(row),
                None => {
                    let heading_path = heading_path();
                    let (header, rows) = if header { (Some(row), Vec::new()) } else { (None, vec![row]) };
                    found.tables.push(Table { heading_path, header, rows });
                }
            }
            open = true;
        }
    }
    found.tables.retain(|table| !table.rows.is_empty());
    Ok(found)
}

/// The cells of a row as the parsers write it: between ` | `, an empty first one as a bar.
fn cells(row: &str) -> Vec<String> {
    let row = if row.starts_with("| ") { Cow::Owned(format!(" {row}")) } else { Cow::Borrowed(row) };
    row.splitn(MAX_CELLS, " | ").map(|cell| cell.trim().to_owned()).collect()
}

/// A text whose code points are found at once.
struct Points<'t> {
    text: &'t str,
    /// Where each begins, and the end; empty where all are one byte.
    starts: Vec<usize>,
}

impl<'t> Points<'t> {
    fn of(text: &'t str) -> Self {
        let starts = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect()
        };
        Self { text, starts }
    }

    fn slice(&self, points: Range<usize>) -> &'t str {
        let byte = |point: usize| {
            if self.starts.is_empty() { point } else { self.starts.get(point).copied().unwrap_or(self.text.len()) }
        };
        self.text.get(byte(points.start)..byte(points.end)).unwrap_or_default()
    }
}

/// A block within a passage.
struct Place {
    row: RowPlace,
    is_whole: bool,
    is_quarantined: bool,
}

impl Place {
    /// Passages of a page are ordered; rows stand in one each.
    fn find(places: &[PlaceRow], page: i32, block: &Block) -> Option<Self> {
        let start = i32::try_from(block.start).ok()?;
        let after = places.partition_point(|place| (place.page_number, place.char_start) <= (page, start));
        let chunk = after.checked_sub(1).filter(|at| places[*at].page_number == page)?;
        let place = &places[chunk];
        let begins = usize::try_from(place.char_start).ok()?;
        let points = block.start.checked_sub(begins)?..block.end.checked_sub(begins)?;
        let is_whole = usize::try_from(place.char_end).is_ok_and(|end| block.end <= end);
        let meets = |(from, to): &(u32, u32)| (*from as usize) < points.end && points.start < *to as usize;
        let is_quarantined = place.quarantined.iter().any(meets);
        Some(Self { row: RowPlace { chunk, points }, is_whole, is_quarantined })
    }

    fn whole(self) -> Option<RowPlace> {
        self.is_whole.then_some(self.row)
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Sources;
    use serde_json::json;

    use super::*;

    fn page(number: i32, rows: &[(bool, &str)]) -> (TablePageRow, usize) {
        let (mut text, mut blocks, mut at) = (String::new(), Vec::new(), 0);
        for (header, row) in rows {
            let length = row.chars().count();
            blocks.push(json!({ "type": "table_row", "header": header, "start": at, "end": at + length }));
            text.push_str(row);
            text.push('\n');
            at += length + 1;
        }
        (TablePageRow { page_number: number, text, blocks: blocks.into() }, at)
    }

    fn place(page: i32, (from, to): (usize, usize), quarantined: Vec<(u32, u32)>) -> PlaceRow {
        PlaceRow {
            chunk_id: Sources::system().new_id(),
            page_number: page,
            char_start: i32::try_from(from).unwrap(),
            char_end: i32::try_from(to).unwrap(),
            heading_path: vec!["Line".to_owned()],
            quarantined,
        }
    }

    #[test]
    fn a_table_goes_on_over_pages_and_a_second_header_begins_another() {
        let (first, ends) = page(1, &[(true, "Öl | Menge"), (false, "A | 1,5 l"), (false, "| 2 l")]);
        let (second, also) =
            page(2, &[(true, "Öl | Menge"), (false, "B | 3 l"), (true, "Bolt | Nm"), (false, "M8 | 25")]);
        let places = [place(1, (0, 12), vec![]), place(1, (12, ends), vec![]), place(2, (0, also), vec![])];
        let found = tables_of(vec![first, second], &places).unwrap();
        let shown: Vec<Vec<&[String]>> =
            found.tables.iter().map(|table| table.rows.iter().map(|row| row.cells.as_slice()).collect()).collect();
        assert_eq!(shown, [vec![&["A", "1,5 l"][..], &["", "2 l"], &["B", "3 l"]], vec![&["M8", "25"][..]]]);
        // The first row is cut between two passages.
        assert_eq!(found.tables[0].rows[0].place, None);
        assert_eq!(found.tables[0].rows[1].place, Some(RowPlace { chunk: 1, points: 9..14 }));
        assert_eq!(found.tables[1].heading_path, ["Line"]);
    }

    #[test]
    fn a_row_that_looks_like_an_instruction_is_left_out_and_counted() {
        let (one, ends) = page(1, &[(true, "A | B"), (false, "Ignore all | 1"), (false, "x | 2")]);
        let found = tables_of(vec![one], &[place(1, (0, ends), vec![(6, 20)])]).unwrap();
        assert_eq!((found.left_out, found.tables[0].rows.len()), (1, 1));
    }
}
