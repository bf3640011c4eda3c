//! A table with named columns, and what stands in one of them.

use std::{cell::OnceCell, collections::BTreeMap};

use millwright_retrieval::tables::{Table, TableRow};

use super::answer::thousands;
use crate::compute::{
    cell::{Cell, Written, style_of, unit_of_column},
    figures::Style,
};

/// First cells of rows that sum up the others.
const TOTALS: [&str; 15] = [
    "total",
    "totals",
    "grand total",
    "subtotal",
    "sub-total",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "zwischensumme",
    "insgesamt",
    "average",
    "mittelwert",
    "durchschnitt",
    "σ",
];

/// A table without the rows that sum it up.
pub(super) struct Sheet<'t> {
    pub(super) table: &'t Table,
    /// From 1.
    pub(super) number: usize,
    /// Of its columns; ours where it has no header.
    pub(super) names: Vec<String>,
    /// With their numbers in the table, from 1.
    pub(super) rows: Vec<(usize, &'t TableRow)>,
    pub(super) totals: usize,
    /// How the whole table writes numbers.
    style: OnceCell<Option<Style>>,
}

/// The cells of a column, row by row.
pub(super) struct Column {
    pub(super) cells: Vec<Cell>,
    pub(super) kind: Kind,
}

/// What most of its cells are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Day,
    Words,
    Empty,
}

impl<'t> Sheet<'t> {
    pub(super) fn of(table: &'t Table, number: usize) -> Self {
        let named = table.header.as_ref().map_or(0, |header| header.cells.len());
        let width = table.rows.iter().map(|row| row.cells.len()).max().unwrap_or_default().max(named);
        let mut names: Vec<String> = Vec::with_capacity(width);
        for at in 0..width {
            let name = table.header.as_ref().and_then(|header| header.cells.get(at)).filter(|name| !name.is_empty());
            let name = name.cloned().unwrap_or_else(|| format!("column {}", at + 1));
            let known = names.iter().filter(|known| **known == name || known.starts_with(&format!("{name} ("))).count();
            names.push(if known == 0 { name } else { format!("{name} ({})", known + 1) });
        }
        let is_total = |row: &TableRow| {
            let first = row.cells.iter().find(|cell| !cell.is_empty());
            first.is_some_and(|cell| TOTALS.contains(&cell.trim_end_matches(':').to_lowercase().as_str()))
        };
        let (totals, rows): (Vec<_>, Vec<_>) = (1..).zip(&table.rows).partition(|(_, row)| is_total(row));
        Self { table, number, names, rows, totals: totals.len(), style: OnceCell::new() }
    }

    /// The column of this name: whatever its case and spaces, and also without the unit in brackets where that is clear.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let wanted = plain(name);
        let bare = |text: &str| plain(text.split(['(', '[']).next().unwrap_or(text));
        self.names.iter().position(|known| plain(known) == wanted).or_else(|| {
            let mut near = self.names.iter().enumerate().filter(|(_, known)| bare(known) == wanted);
            let first = near.next();
            first.filter(|_| near.next().is_none()).map(|(at, _)| at)
        })
    }

    pub(super) fn text(&self, row: usize, column: usize) -> &'t str {
        self.rows[row].1.cells.get(column).map_or("", String::as_str)
    }

    pub(super) fn column(&self, at: usize) -> Column {
        let written: Vec<Written> = (0..self.rows.len()).map(|row| Written::read(self.text(row, at))).collect();
        let style = style_of(written.iter()).or_else(|| self.style());
        let unit = unit_of_column(&self.names[at]);
        let cells: Vec<Cell> = written.into_iter().map(|cell| cell.cell(style, unit.as_deref())).collect();
        let count = |is: fn(&Cell) -> bool| cells.iter().filter(|cell| is(cell)).count();
        let (numbers, days) = (
            count(|cell| matches!(cell, Cell::Number(..) | Cell::Ambiguous)),
            count(|cell| matches!(cell, Cell::Day(_))),
        );
        let filled = cells.len() - count(|cell| *cell == Cell::Empty);
        let kind = match filled {
            0 => Kind::Empty,
            _ if numbers * 2 > filled => Kind::Number,
            _ if days * 2 > filled => Kind::Day,
            _ => Kind::Words,
        };
        Column { cells, kind }
    }

    /// Of all its columns together, where one shows none.
    fn style(&self) -> Option<Style> {
        *self.style.get_or_init(|| {
            let all = self.rows.iter().flat_map(|(_, row)| &row.cells).map(|cell| Written::read(cell));
            let numbers: Vec<Written> = all.filter(Written::is_number).collect();
            style_of(numbers.iter())
        })
    }

    /// What it is called: its number, headings and size.
    pub(super) fn title(&self) -> String {
        let headings = self.table.heading_path.join(" > ");
        let gap = if headings.is_empty() { "" } else { ": " };
        format!("Table {}{gap}{headings} ({} rows)", self.number, thousands(self.rows.len()))
    }

    /// Its columns, with what stands in them.
    pub(super) fn described(&self) -> String {
        let described = self.names.iter().enumerate().map(|(at, name)| {
            let column = self.column(at);
            match column.kind {
                Kind::Number => {
                    let units: Vec<String> = column.units(0..self.rows.len()).into_keys().flatten().collect();
                    let units = if units.is_empty() { String::new() } else { format!(" in {}", units.join(", ")) };
                    format!("{name} (numbers{units})")
                }
                Kind::Day => format!("{name} (dates)"),
                Kind::Words => format!("{name} (words)"),
                Kind::Empty => format!("{name} (empty)"),
            }
        });
        described.collect::<Vec<_>>().join(" | ")
    }
}

impl Column {
    /// The units of its numbers in these rows, and how many have each.
    pub(super) fn units(&self, rows: impl IntoIterator<Item = usize>) -> BTreeMap<Option<String>, usize> {
        let mut units = BTreeMap::new();
        for row in rows {
            if let Cell::Number(_, unit) = &self.cells[row] {
                *units.entry(unit.clone()).or_default() += 1;
            }
        }
        units
    }
}
