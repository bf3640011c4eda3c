//! What came of a call, as it is kept, told and checked against.

use std::fmt::Write as _;

use millwright_core::id::ChunkId;
use serde::{Deserialize, Serialize};

use super::call::{Condition, Function};

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableAnswer {
    /// In our own words.
    pub(crate) note: String,
    /// In the document's.
    pub(crate) text: String,
    /// Whether it says what would be accepted instead.
    pub(crate) is_refusal: bool,
    /// What sentences may say.
    pub(crate) result: Option<TableResult>,
}

/// Figures computed over rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableResult {
    pub(crate) document: String,
    /// Headings above the table.
    pub(crate) heading: String,
    /// The columns that rows were grouped by, as they were asked for.
    pub(crate) groups: Vec<String>,
    pub(crate) aggregates: Vec<(Function, Option<String>)>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) header: Option<CitedRow>,
    pub(crate) rows: Vec<ResultRow>,
    /// Rows of the table.
    pub(crate) read: usize,
    /// Of these, those that look like totals and are left out.
    pub(crate) totals: usize,
}

/// A row of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultRow {
    /// Values of the columns that rows were grouped by, as the first row writes them.
    pub(crate) groups: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    /// How many rows it was made of.
    pub(crate) count: usize,
    /// The first of them.
    pub(crate) first: Option<CitedRow>,
}

/// A figure of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// With its unit; a dash where there is none.
    pub(crate) text: String,
    pub(crate) is_rounded: bool,
    /// So many of its rows hold nothing that could be read.
    pub(crate) unread: usize,
    /// Whether it alone is the highest or the lowest of all groups, also of those that are not shown.
    pub(crate) extreme: Option<Extreme>,
}

/// At which end of all groups a figure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Extreme {
    Highest,
    Lowest,
}

/// A row of the document that can be cited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CitedRow {
    pub(crate) chunk: ChunkId,
    /// Code points from the beginning of the passage's text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl TableAnswer {
    /// All that a document or a person wrote in it.
    pub(super) fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![&mut self.text];
        if let Some(result) = &mut self.result {
            texts.extend([&mut result.document, &mut result.heading]);
            texts.extend(&mut result.groups);
            texts.extend(result.aggregates.iter_mut().filter_map(|(_, column)| column.as_mut()));
            texts.extend(result.conditions.iter_mut().flat_map(|one| [&mut one.column, &mut one.value]));
            for row in &mut result.rows {
                texts.extend(&mut row.groups);
                texts.extend(row.figures.iter_mut().map(|figure| &mut figure.text));
            }
        }
        texts
    }
}

/// What stands where no figure is.
pub(super) const NOTHING: &str = "–";

impl TableResult {
    /// How these figures of a row were made, for the reader: `sum of Downtime over 412 of 5,000 rows where Line = 3`.
    pub(crate) fn working(&self, row: &ResultRow, figures: &[usize]) -> String {
        let named = figures.iter().filter_map(|at| {
            let (function, column) = self.aggregates.get(*at)?;
            let rounded = if row.figures[*at].is_rounded { " (rounded)" } else { "" };
            Some(format!("{}{rounded}", function.of(column.as_deref())))
        });
        let mut said = named.collect::<Vec<_>>().join(" and ");
        let (count, read) = (thousands(row.count), thousands(self.read));
        let _ = if row.count == self.read {
            write!(said, " over all {read} rows")
        } else {
            write!(said, " over {count} of {read} rows")
        };
        let conditions = self.conditions.iter().map(|one| format!("{} {} {}", one.column, one.op.as_str(), one.value));
        let groups = self.groups.iter().zip(&row.groups).map(|(column, value)| format!("{column} = {value}"));
        let conditions: Vec<String> = conditions.chain(groups).collect();
        if !conditions.is_empty() {
            let _ = write!(said, " where {}", conditions.join(" and "));
        }
        let unread = figures.iter().map(|at| row.figures[*at].unread).max().unwrap_or_default();
        if unread > 0 {
            let _ = write!(said, "; {} of them hold no number", thousands(unread));
        }
        if self.totals > 0 {
            let _ = write!(said, "; without {} that look like totals", thousands(self.totals));
        }
        said
    }

    /// The names of its columns.
    pub(super) fn columns(&self) -> Vec<String> {
        let figures = self.aggregates.iter().map(|(function, column)| function.of(column.as_deref()));
        self.groups.iter().cloned().chain(figures).collect()
    }
}

/// `5000` as `5,000`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}
