//! Which rows are asked for.

use chrono::NaiveDateTime;

use super::{
    call::{Condition, Op},
    column::{Column, Kind, Sheet},
    query::Refusal,
};
use crate::compute::{
    Decimal,
    cell::{Cell, Written, period, style_of},
};

/// A condition as it is held against cells.
pub(super) struct Test {
    at: usize,
    column: Column,
    op: Op,
    against: Against,
}

enum Against {
    Number(Decimal, Option<String>),
    /// From the one on and before the other.
    Period(NaiveDateTime, NaiveDateTime),
    Words(String),
}

impl Test {
    pub(super) fn new(sheet: &Sheet<'_>, number: usize, condition: &Condition) -> Result<Self, Refusal> {
        let at =
            sheet.find(&condition.column).ok_or(Refusal::Condition(number, "names a column that the table has not"))?;
        let (column, op) = (sheet.column(at), condition.op);
        let wrong = |why| Err(Refusal::Condition(number, why));
        let orders = matches!(op, Op::Less | Op::AtMost | Op::Greater | Op::AtLeast);
        let against = match (op, &column.kind) {
            (_, Kind::Words | Kind::Empty) if orders => {
                return wrong("asks for an order in a column that has none: it takes =, != and contains");
            }
            (Op::Unit, _) => Against::Words(unit(&condition.value)),
            (Op::Contains, _) | (_, Kind::Words | Kind::Empty) => Against::Words(plain(&condition.value)),
            (_, Kind::Number) => {
                let style = style_of(
                    (0..sheet.rows.len()).map(|row| Written::read(sheet.text(row, at))).collect::<Vec<_>>().iter(),
                );
                match Written::read(&condition.value).cell(style, None) {
                    Cell::Number(number, unit) => Against::Number(number, unit),
                    Cell::Ambiguous => return wrong("has a value that can mean two numbers; write 1000 or 1.5"),
                    _ if orders => return wrong("compares a column of numbers with what is no number"),
                    _ => Against::Words(plain(&condition.value)),
                }
            }
            (_, Kind::Day) => match period(&condition.value) {
                Some((from, to)) => Against::Period(from, to),
                None if orders => {
                    return wrong("compares a column of dates with what is none; write 2026-03-31, 2026-03 or 2026");
                }
                None => Against::Words(plain(&condition.value)),
            },
        };
        if let Against::Number(_, Some(wanted)) = &against
            && column.cells.iter().any(|cell| matches!(cell, Cell::Number(_, unit) if unit.as_ref() != Some(wanted)))
        {
            return wrong(
                "has another unit than numbers of its column; leave the unit out, or narrow down to one by the op `unit`",
            );
        }
        Ok(Self { at, column, op, against })
    }

    /// Whether a row passes. A cell that is not of the column's kind passes no comparison.
    pub(super) fn passes(&self, sheet: &Sheet<'_>, row: usize) -> bool {
        let cell = &self.column.cells[row];
        let by = |order: std::cmp::Ordering| match self.op {
            Op::Less => order.is_lt(),
            Op::AtMost => order.is_le(),
            Op::Greater => order.is_gt(),
            Op::AtLeast => order.is_ge(),
            Op::NotEqual => order.is_ne(),
            Op::Equal | Op::Contains | Op::Unit => order.is_eq(),
        };
        match (&self.against, cell) {
            (Against::Words(wanted), Cell::Number(_, of)) if self.op == Op::Unit => of.as_ref() == Some(wanted),
            (Against::Words(_), _) if self.op == Op::Unit => false,
            (Against::Words(wanted), _) => {
                let text = plain(sheet.text(row, self.at));
                match self.op {
                    Op::Contains => text.contains(wanted),
                    Op::NotEqual => text != *wanted,
                    _ => text == *wanted,
                }
            }
            (Against::Number(wanted, _), Cell::Number(number, _)) => by(number.cmp(wanted)),
            (Against::Period(from, to), Cell::Day(day)) => match self.op {
                Op::Less => day < from,
                Op::AtMost => day < to,
                Op::Greater => day >= to,
                Op::AtLeast => day >= from,
                Op::NotEqual => !(from..to).contains(&day),
                Op::Equal | Op::Contains | Op::Unit => (from..to).contains(&day),
            },
            // What is no number is not this number.
            (Against::Number(..) | Against::Period(..), _) => self.op == Op::NotEqual,
        }
    }
}

fn unit(text: &str) -> String {
    match Written::read(&format!("1 {text}")).cell(None, None) {
        Cell::Number(_, Some(unit)) => unit,
        _ => text.to_owned(),
    }
}

/// As words are compared: whatever their case and the spaces between them.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}
