//! Figures that are made of rows.

use std::{collections::BTreeSet, fmt::Write as _};

use chrono::NaiveDateTime;

use super::{
    answer::{Extreme, Figure, NOTHING, thousands},
    call::{Aggregate, Function},
    column::{Column, Kind, Sheet},
    condition::plain,
    query::Refusal,
};
use crate::compute::{Decimal, cell::Cell};

/// Rows that are named because they hold no number.
const MAX_NAMED_ROWS: usize = 5;
/// A mean has so many places more than its numbers, up to [`MAX_PLACES`] in all.
const MORE_PLACES: u32 = 2;
const MAX_PLACES: u32 = 6;
/// A column that figures are made of.
pub(super) struct Measured<'c> {
    pub(super) of: &'c Aggregate,
    pub(super) at: Option<usize>,
    column: Option<Column>,
    unit: Option<String>,
}

/// By what rows are ordered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Number(Decimal),
    Day(NaiveDateTime),
    Words(String),
    None,
}

impl Key {
    pub(super) fn of(cell: &Cell, text: &str) -> Self {
        match cell {
            Cell::Number(number, _) => Self::Number(*number),
            Cell::Day(day) => Self::Day(*day),
            Cell::Words => Self::Words(plain(text)),
            Cell::Empty | Cell::Ambiguous => Self::None,
        }
    }

    pub(super) fn order(one: &Self, other: &Self, descending: bool) -> std::cmp::Ordering {
        let rank = |key: &Self| match key {
            Self::Number(_) => 0,
            Self::Day(_) => 1,
            Self::Words(_) => 2,
            Self::None => 3,
        };
        let order = match (one, other) {
            (Self::Number(one), Self::Number(other)) => one.cmp(other),
            (Self::Day(one), Self::Day(other)) => one.cmp(other),
            (Self::Words(one), Self::Words(other)) => one.cmp(other),
            _ => return rank(one).cmp(&rank(other)),
        };
        if descending { order.reverse() } else { order }
    }
}

/// A figure with what it is ordered by.
pub(super) struct Made {
    pub(super) figure: Figure,
    pub(super) key: Key,
}

/// The groups that alone have the most or the least of something.
pub(super) fn extremes<'k>(keys: impl Iterator<Item = &'k Key>) -> Vec<(usize, Extreme)> {
    let keys: Vec<&Key> = keys.collect();
    // Where one of them has none, nobody knows.
    if keys.len() < 2
        || !(keys.iter().all(|key| matches!(key, Key::Number(_))) || keys.iter().all(|key| matches!(key, Key::Day(_))))
    {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|one, other| Key::order(keys[*one], keys[*other], false));
    let (first, last) = (order[0], order[order.len() - 1]);
    let lowest = (keys[first] != keys[order[1]]).then_some((first, Extreme::Lowest));
    let highest = (keys[last] != keys[order[order.len() - 2]]).then_some((last, Extreme::Highest));
    lowest.into_iter().chain(highest).collect()
}

/// Numbers in several units are not compared or added.
pub(super) fn one_unit(column: &Column, rows: &[usize]) -> Result<Option<String>, Refusal> {
    let units = column.units(rows.iter().copied());
    if units.len() < 2 {
        return Ok(units.into_keys().next().flatten());
    }
    let (without, with) =
        (units.get(&None).copied().unwrap_or_default(), units.len() - usize::from(units.contains_key(&None)));
    let without = if without > 0 { format!(", and {} without one", thousands(without)) } else { String::new() };
    Err(Refusal::Other(format!(
        "the column has numbers in {with} units{without}: narrow down to one unit by a condition with the op `unit`"
    )))
}

impl<'c> Measured<'c> {
    pub(super) fn of(sheet: &Sheet<'_>, number: usize, of: &'c Aggregate, matching: &[usize]) -> Result<Self, Refusal> {
        let other = |why: String| Refusal::Other(format!("figure {number} of `aggregates` {why}"));
        let Some(name) = &of.column else { return Ok(Self { of, at: None, column: None, unit: None }) };
        let at = sheet.find(name).ok_or_else(|| other("names a column that the table has not".to_owned()))?;
        let column = sheet.column(at);
        let mut unit = None;
        match of.function {
            Function::Count | Function::Distinct => {}
            Function::Min | Function::Max if column.kind == Kind::Day => {}
            _ if column.kind == Kind::Number => {
                unit =
                    one_unit(&column, matching).map_err(|error| other(format!("cannot be had: {}", error.told())))?;
            }
            _ => {
                let filled = (0..sheet.rows.len()).filter(|row| column.cells[*row] == Cell::Words);
                let named: Vec<String> = filled.take(MAX_NAMED_ROWS).map(|row| sheet.rows[row].0.to_string()).collect();
                let rows = if named.is_empty() {
                    String::new()
                } else {
                    format!("; no number stands in rows {}", named.join(", "))
                };
                return Err(other(format!("needs a column of numbers, or of dates for `min` and `max`{rows}")));
            }
        }
        Ok(Self { of, at: Some(at), column: Some(column), unit })
    }

    /// Rows that hold something of it that cannot be read.
    fn is_unread(&self, row: usize) -> bool {
        let counts = matches!(self.of.function, Function::Count | Function::Distinct);
        let Some(column) = self.column.as_ref().filter(|_| !counts) else { return false };
        let fits = match column.kind {
            Kind::Day => matches!(column.cells[row], Cell::Day(_)),
            _ => matches!(column.cells[row], Cell::Number(..)),
        };
        !fits && column.cells[row] != Cell::Empty
    }

    pub(super) fn made(&self, sheet: &Sheet<'_>, rows: &[usize]) -> Result<Made, Refusal> {
        let count = |count: usize| {
            let number = Decimal::from(u32::try_from(count).unwrap_or(u32::MAX));
            (number, false)
        };
        let cells = || self.column.iter().flat_map(|column| rows.iter().map(|row| &column.cells[*row]));
        let days = || cells().filter_map(|cell| if let Cell::Day(day) = cell { Some(*day) } else { None });
        let numbers =
            || cells().filter_map(|cell| if let Cell::Number(number, _) = cell { Some(*number) } else { None });
        let unread = rows.iter().filter(|row| self.is_unread(**row)).count();
        let figure = |text: String, is_rounded| Figure { text, is_rounded, unread, extreme: None };
        let is_day = self.column.as_ref().is_some_and(|column| column.kind == Kind::Day);
        let made = match self.of.function {
            Function::Count if self.column.is_none() => Some(count(rows.len())),
            Function::Count => Some(count(cells().filter(|cell| **cell != Cell::Empty).count())),
            Function::Distinct => Some(count(self.distinct(sheet, rows))),
            Function::Min | Function::Max if is_day => {
                let day = if self.of.function == Function::Min { days().min() } else { days().max() };
                let text = day.map_or_else(|| NOTHING.to_owned(), shown_day);
                return Ok(Made { figure: figure(text, false), key: day.map_or(Key::None, Key::Day) });
            }
            Function::Min => numbers().min().map(|number| (number, false)),
            Function::Max => numbers().max().map(|number| (number, false)),
            Function::Sum => summed(numbers())?.map(|(sum, _, _)| (sum, false)),
            Function::Mean => summed(numbers())?.map(|(sum, count, places)| part(sum, count, places)).transpose()?,
            Function::Median => {
                let mut all: Vec<Decimal> = numbers().collect();
                all.sort_unstable();
                let middle = all.len() / 2;
                match all.len() {
                    0 => None,
                    odd if odd % 2 == 1 => Some((all[middle], false)),
                    _ => Some(part(all[middle - 1].plus(all[middle]).ok_or_else(too_long)?, 2, all[middle].places())?),
                }
            }
        };
        Ok(match made {
            Some((number, is_rounded)) => {
                let number = number.shortened();
                let unit = self.unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
                Made { figure: figure(format!("{number}{unit}"), is_rounded), key: Key::Number(number) }
            }
            None => Made { figure: figure(NOTHING.to_owned(), false), key: Key::None },
        })
    }

    fn distinct(&self, sheet: &Sheet<'_>, rows: &[usize]) -> usize {
        let Some((column, at)) = self.column.as_ref().zip(self.at) else { return 0 };
        let value = |row: &usize| match &column.cells[*row] {
            Cell::Empty => None,
            Cell::Number(number, unit) => {
                Some(format!("{} {}", number.shortened(), unit.as_deref().unwrap_or_default()))
            }
            Cell::Day(day) => Some(day.to_string()),
            Cell::Words | Cell::Ambiguous => Some(plain(sheet.text(*row, at))),
        };
        rows.iter().filter_map(value).collect::<BTreeSet<_>>().len()
    }
}

fn shown_day(day: NaiveDateTime) -> String {
    let form = if day.time() == chrono::NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    day.format(form).to_string()
}

fn too_long() -> Refusal {
    Refusal::Other("the result has more digits than are computed with".to_owned())
}

/// The sum of all, how many they are, and the most places of one; none of none.
fn summed(numbers: impl Iterator<Item = Decimal>) -> Result<Option<(Decimal, u32, u32)>, Refusal> {
    let mut sum = None;
    for number in numbers {
        let (so_far, count, places) = sum.unwrap_or((Decimal::from(0), 0_u32, 0));
        sum = Some((so_far.plus(number).ok_or_else(too_long)?, count + 1, number.places().max(places)));
    }
    Ok(sum)
}

/// A part of a sum, and whether it is rounded.
fn part(sum: Decimal, count: u32, places: u32) -> Result<(Decimal, bool), Refusal> {
    let places = (places + MORE_PLACES).min(MAX_PLACES.max(places));
    let (number, is_exact) = sum.over(count, places).ok_or_else(too_long)?;
    Ok((number, !is_exact))
}

/// Which rows hold nothing that could be read.
pub(super) fn unread(sheet: &Sheet<'_>, measured: &[Measured<'_>], matching: &[usize]) -> String {
    let mut said = String::new();
    let mut known = BTreeSet::new();
    for (number, one) in (1..).zip(measured) {
        let rows: Vec<usize> = matching.iter().copied().filter(|row| one.is_unread(*row)).collect();
        // Told once of each column.
        if rows.is_empty() || !known.insert(one.at) {
            continue;
        }
        let named: Vec<String> = rows.iter().take(MAX_NAMED_ROWS).map(|row| sheet.rows[*row].0.to_string()).collect();
        let more = if rows.len() > MAX_NAMED_ROWS { " and others" } else { "" };
        let _ = write!(
            said,
            "; {} of these hold no number for figure {number} and are not in it (rows {}{more})",
            thousands(rows.len()),
            named.join(", ")
        );
    }
    said
}
