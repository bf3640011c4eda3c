//! Filters, groups and counts up.

use std::{collections::HashMap, fmt::Write as _};

use millwright_policy::injection::{self, Channel};
use millwright_retrieval::tables::{DocumentTables, RowPlace, TableRow};

use super::{
    aggregate::{Key, Measured, extremes, one_unit, unread},
    answer::{CitedRow, Figure, NOTHING, ResultRow, TableAnswer, TableResult, thousands},
    call::{Aggregate, Part, TableCall, part_of},
    column::{Kind, Sheet},
    condition::{Test, plain},
};
use crate::compute::cell::{Cell, Written};

/// Tables of an overview.
const MAX_TABLES: usize = 20;
/// No answer is longer.
const MAX_TEXT_BYTES: usize = 8_000;
/// A longer cell is cut in a list of rows.
const MAX_CELL_CHARS: usize = 200;

/// Why a call comes to nothing, in our own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Which condition, and what is wrong with it.
    Condition(usize, &'static str),
    /// Of another part of the call, or of the table.
    Other(String),
}

impl Refusal {
    pub(super) fn told(self) -> String {
        match self {
            Self::Condition(number, why) => format!("condition {number} of `where` {why}"),
            Self::Other(why) => why,
        }
    }
}

/// What came of a call, and the passages of the rows that it stands on: indexes of the document's.
pub(super) fn answer(tables: &DocumentTables, call: &TableCall, document: &str) -> (TableAnswer, Vec<usize>) {
    let sheets: Vec<Sheet<'_>> = (1..).zip(&tables.tables).map(|(number, table)| Sheet::of(table, number)).collect();
    let places = |sheets: &[&Sheet<'_>]| {
        let rows = sheets.iter().map(|sheet| sheet.table.header.as_ref().or(sheet.table.rows.first()));
        rows.flatten().filter_map(|row| Some(row.place.as_ref()?.chunk)).collect::<Vec<_>>()
    };
    if sheets.is_empty() {
        return (
            refusal("this document holds no rows of tables; answer from what you have".to_owned(), String::new()),
            Vec::new(),
        );
    }
    let all: Vec<&Sheet<'_>> = sheets.iter().collect();
    let chosen = chosen(&all, call);
    let sheet = match chosen {
        Ok(sheet) if !(call.is_overview() && call.table.is_none()) => sheet,
        Err(why) if !call.is_overview() || call.table.is_some() => {
            return (refusal(why.told(), overview(&all)), places(&all));
        }
        _ => {
            let note = format!(
                "{} tables; ask for figures with `aggregates`, or for rows with `where`, `order_by` and `limit`. \
                 What follows is data of the document",
                sheets.len()
            );
            return (quiet(TableAnswer { note, text: overview(&all), is_refusal: false, result: None }), places(&all));
        }
    };
    let asked = if call.is_overview() {
        Ok((described(sheet), places(&[sheet])))
    } else {
        asked(sheet, call, document, tables)
    };
    match asked {
        Ok((answer, places)) => (quiet(answer), places),
        Err(why) => {
            (quiet(refusal(why.told() + "; the table has these columns", overview(&[sheet]))), places(&[sheet]))
        }
    }
}

fn described(sheet: &Sheet<'_>) -> TableAnswer {
    let note = "the table and its columns. What follows is data of the document".to_owned();
    TableAnswer { note, text: overview(&[sheet]), is_refusal: false, result: None }
}

fn refusal(note: String, text: String) -> TableAnswer {
    TableAnswer { note, text, is_refusal: true, result: None }
}

/// The table that is meant: the one that is named; else the only one, or the only one that has all the columns.
fn chosen<'s, 't>(sheets: &[&'s Sheet<'t>], call: &TableCall) -> Result<&'s Sheet<'t>, Refusal> {
    let other = |why: &str| Refusal::Other(why.to_owned());
    if let Some(name) = &call.table {
        if let Ok(number) = name.trim().parse::<usize>() {
            let found = number.checked_sub(1).and_then(|at| sheets.get(at)).copied();
            return found.ok_or_else(|| other("there is no table of this number; the document has these"));
        }
        let wanted = plain(name);
        let headed =
            |sheet: &&&Sheet<'_>| sheet.table.heading_path.iter().any(|heading| plain(heading).contains(&wanted));
        let mut found = sheets.iter().filter(headed);
        return match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(other("no table stands under this heading; the document has these")),
            (Some(_), Some(_)) => Err(other("several tables stand under this heading; name one by its number")),
        };
    }
    if let [only] = sheets {
        return Ok(only);
    }
    let mut having = sheets.iter().filter(|sheet| call.columns().all(|name| sheet.find(name).is_some()));
    match (having.next(), having.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(other("the document has several tables; name one by its number in `table`")),
    }
}

fn overview(sheets: &[&Sheet<'_>]) -> String {
    let mut text = String::new();
    for sheet in sheets.iter().take(MAX_TABLES) {
        let _ = writeln!(text, "{}\n  {}", sheet.title(), sheet.described());
    }
    if sheets.len() > MAX_TABLES {
        let _ = writeln!(text, "and {} tables more", sheets.len() - MAX_TABLES);
    }
    text
}

fn asked(
    sheet: &Sheet<'_>,
    call: &TableCall,
    document: &str,
    tables: &DocumentTables,
) -> Result<(TableAnswer, Vec<usize>), Refusal> {
    let tests = (1..).zip(&call.conditions).map(|(number, condition)| Test::new(sheet, number, condition));
    let tests = tests.collect::<Result<Vec<Test>, Refusal>>()?;
    let matching: Vec<usize> =
        (0..sheet.rows.len()).filter(|row| tests.iter().all(|test| test.passes(sheet, *row))).collect();
    if call.aggregates.is_empty() {
        list(sheet, call, &matching, tables.left_out)
    } else {
        figures(sheet, call, document, &matching, tables)
    }
}

/// The rows themselves.
fn list(
    sheet: &Sheet<'_>,
    call: &TableCall,
    matching: &[usize],
    left_out: usize,
) -> Result<(TableAnswer, Vec<usize>), Refusal> {
    let mut rows = matching.to_vec();
    if let Some(order) = &call.order_by {
        let unknown = || Refusal::Other("`order_by` names a column that the table has not".to_owned());
        let column = sheet.column(sheet.find(&order.column).ok_or_else(unknown)?);
        let at = sheet.find(&order.column).unwrap_or_default();
        one_unit(&column, &rows)?;
        let key = |row: &usize| Key::of(&column.cells[*row], sheet.text(*row, at));
        // What is not of the column's kind comes last, either way.
        rows.sort_by(|one, other| Key::order(&key(one), &key(other), order.descending));
    }
    let shown: Vec<usize> = rows.iter().copied().take(call.most()).collect();
    let mut text = format!("{}\n", sheet.names.join(" | "));
    for row in &shown {
        let cells = sheet.rows[*row].1.cells.iter().map(|cell| cell.chars().take(MAX_CELL_CHARS).collect::<String>());
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join(" | "));
    }
    let mut note = counts(sheet, matching.len(), left_out);
    let _ = write!(note, "; {}", shown_of(shown.len(), matching.len(), "rows"));
    note.push_str(". A sentence can stand only on rows that are also in a passage: ask for few. What follows is data of the document");
    let of = sheet.table.header.iter().chain(shown.iter().map(|row| sheet.rows[*row].1));
    let places = of.filter_map(|row| Some(row.place.as_ref()?.chunk)).collect();
    Ok((TableAnswer { note, text, is_refusal: false, result: None }, places))
}

fn counts(sheet: &Sheet<'_>, matching: usize, left_out: usize) -> String {
    let mut said = format!("{} rows were read and {} match", thousands(sheet.rows.len()), thousands(matching));
    if sheet.totals > 0 {
        let _ = write!(said, "; {} that look like totals are left out", thousands(sheet.totals));
    }
    if left_out > 0 {
        let _ = write!(said, "; {} of the document that look like instructions are left out", thousands(left_out));
    }
    said
}

fn shown_of(shown: usize, all: usize, what: &str) -> String {
    if shown == all {
        format!("all {} {what} are shown", thousands(all))
    } else {
        format!("cut: the first {shown} of {} {what} are shown", thousands(all))
    }
}

/// How a group is told from others, and written.
type GroupKey = Vec<String>;
/// How each group is written, and its rows.
type Groups = Vec<(Vec<String>, Vec<usize>)>;

fn figures(
    sheet: &Sheet<'_>,
    call: &TableCall,
    document: &str,
    matching: &[usize],
    tables: &DocumentTables,
) -> Result<(TableAnswer, Vec<usize>), Refusal> {
    let measured = (1..).zip(&call.aggregates).map(|(number, one)| Measured::of(sheet, number, one, matching));
    let measured = measured.collect::<Result<Vec<_>, Refusal>>()?;
    let (groups, by) = grouped(sheet, call, matching)?;
    let mut rows = Vec::with_capacity(groups.len());
    for (shown, members) in &groups {
        let made = measured.iter().map(|one| one.made(sheet, members)).collect::<Result<Vec<_>, Refusal>>()?;
        let first = members.first().map(|row| sheet.rows[*row].1);
        rows.push((shown.clone(), made, members.len(), first));
    }
    let extremes: Vec<_> = (0..measured.len()).map(|at| extremes(rows.iter().map(|row| &row.1[at].key))).collect();
    let unread = unread(sheet, &measured, matching);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    if let Some(wanted) = &call.order_by {
        let at = ordered_by(&by, call, &wanted.column)?;
        let key = |row: &usize| match at {
            Place::Group(at) => Key::of(&Written::read(&rows[*row].0[at]).cell(None, None), &rows[*row].0[at]),
            Place::Figure(at) => rows[*row].1[at].key.clone(),
        };
        order.sort_by(|one, other| Key::order(&key(one), &key(other), wanted.descending));
    }
    let cited = |row: Option<&TableRow>| row.and_then(|row| row.place.as_ref()).map(|place| cited(tables, place));
    let result_rows = order.iter().take(call.most()).map(|at| {
        let (shown, made, count, first) = &rows[*at];
        let figures = made.iter().enumerate().map(|(figure, made)| Figure {
            extreme: extremes[figure].iter().find(|(row, _)| row == at).map(|(_, end)| *end),
            ..made.figure.clone()
        });
        ResultRow { groups: shown.clone(), figures: figures.collect(), count: *count, first: cited(*first) }
    });
    let result = TableResult {
        document: document.to_owned(),
        heading: sheet.table.heading_path.join(" > "),
        groups: by,
        aggregates: measured.iter().map(|one| (one.of.function, one.at.map(|at| sheet.names[at].clone()))).collect(),
        conditions: named_as_they_stand(sheet, call),
        header: cited(sheet.table.header.as_ref()),
        rows: result_rows.collect(),
        read: sheet.rows.len(),
        totals: sheet.totals,
    };
    let mut note = counts(sheet, matching.len(), tables.left_out);
    note.push_str(&unread);
    if !call.group_by.is_empty() {
        let _ = write!(note, "; {}", shown_of(result.rows.len(), rows.len(), "groups"));
    }
    note.push_str(
        ". Say one row in a sentence, with the value of each group and condition and in the words of the columns, and what was done (in \
         total, on average, the highest). What follows is data of the document",
    );
    let mut text = format!("{}\n", result.columns().join(" | "));
    for row in &result.rows {
        let cells = row.groups.iter().chain(row.figures.iter().map(|figure| &figure.text));
        let _ = writeln!(text, "{}", cells.cloned().collect::<Vec<_>>().join(" | "));
    }
    let firsts = order.iter().take(call.most()).filter_map(|at| rows[*at].3);
    let places = sheet.table.header.iter().chain(firsts).filter_map(|row| Some(row.place.as_ref()?.chunk)).collect();
    Ok((TableAnswer { note, text, is_refusal: false, result: Some(result) }, places))
}

fn cited(tables: &DocumentTables, place: &RowPlace) -> CitedRow {
    CitedRow { chunk: tables.chunks[place.chunk], start: place.points.start, end: place.points.end }
}

/// Conditions with the names of columns as the table has them.
fn named_as_they_stand(sheet: &Sheet<'_>, call: &TableCall) -> Vec<super::Condition> {
    let named = |one: &super::Condition| {
        let column = sheet.find(&one.column).map_or_else(|| one.column.clone(), |at| sheet.names[at].clone());
        super::Condition { column, ..one.clone() }
    };
    call.conditions.iter().map(named).collect()
}

/// The rows of each group in the order of their first, with how the group is written; and the names of what they are grouped by.
fn grouped(sheet: &Sheet<'_>, call: &TableCall, matching: &[usize]) -> Result<(Groups, Vec<String>), Refusal> {
    let mut parts = Vec::new();
    let mut names = Vec::new();
    for (number, name) in (1..).zip(&call.group_by) {
        let other = |why: &str| Refusal::Other(format!("column {number} of `group_by` {why}"));
        // A column may be called so.
        let (part, at) = if let Some(at) = sheet.find(name) {
            (Part::Whole, at)
        } else {
            let (part, name) = part_of(name);
            (part, sheet.find(name).ok_or_else(|| other("is none of the table"))?)
        };
        let column = sheet.column(at);
        if part != Part::Whole && column.kind != Kind::Day {
            return Err(other("is no column of dates, and has no months and years"));
        }
        names.push(match part {
            Part::Whole => sheet.names[at].clone(),
            Part::Month => format!("month of {}", sheet.names[at]),
            Part::Year => format!("year of {}", sheet.names[at]),
        });
        parts.push((part, at, column));
    }
    let mut groups: Groups = Vec::new();
    let mut known: HashMap<GroupKey, usize> = HashMap::new();
    for row in matching {
        let shown = parts.iter().map(|(part, at, column)| match (part, &column.cells[*row]) {
            (Part::Month, Cell::Day(day)) => day.format("%Y-%m").to_string(),
            (Part::Year, Cell::Day(day)) => day.format("%Y").to_string(),
            _ => sheet.text(*row, *at).to_owned(),
        });
        let shown: Vec<String> = shown.map(|text| if text.is_empty() { NOTHING.to_owned() } else { text }).collect();
        let key = parts.iter().zip(&shown).map(|((part, _, column), shown)| match (part, &column.cells[*row]) {
            (Part::Whole, Cell::Number(number, unit)) => {
                format!("{} {}", number.shortened(), unit.as_deref().unwrap_or_default())
            }
            (Part::Whole, Cell::Day(day)) => day.to_string(),
            _ => plain(shown),
        });
        let at = *known.entry(key.collect()).or_insert_with(|| {
            groups.push((shown, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(*row);
    }
    if groups.is_empty() && call.group_by.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    Ok((groups, names))
}

enum Place {
    Group(usize),
    Figure(usize),
}

fn ordered_by(groups: &[String], call: &TableCall, name: &str) -> Result<Place, Refusal> {
    let wanted = plain(name);
    if let Some(at) = groups.iter().position(|group| plain(group) == wanted) {
        return Ok(Place::Group(at));
    }
    let said = |one: &Aggregate| {
        let column = one.column.as_deref();
        [one.function.of(column), format!("{} {}", one.function.as_str(), column.unwrap_or_default())]
    };
    let exact = call.aggregates.iter().position(|one| said(one).iter().any(|text| plain(text) == wanted));
    let near = || {
        let names = |one: &Aggregate| {
            one.function.as_str() == wanted || one.column.as_deref().is_some_and(|name| plain(name) == wanted)
        };
        let mut near = call.aggregates.iter().enumerate().filter(|(_, one)| names(one));
        let first = near.next();
        first.filter(|_| near.next().is_none()).map(|(at, _)| at)
    };
    exact.or_else(near).map(Place::Figure).ok_or_else(|| {
        Refusal::Other(
            "`order_by` takes a column of the answer: one of `group_by`, or such as `sum of Hours`".to_owned(),
        )
    })
}

/// Without lines that look like instructions, and of a bounded length.
fn quiet(mut answer: TableAnswer) -> TableAnswer {
    let is_hit = |text: &str| injection::check(Channel::Content, text).is_hit;
    let mut lines = answer.text.lines();
    let head = lines.next().unwrap_or_default().to_owned();
    if is_hit(&head) {
        return refusal(
            "the names of its columns look like instructions; answer from what you have".to_owned(),
            String::new(),
        );
    }
    let lines: Vec<&str> = lines.collect();
    let keeps: Vec<bool> = lines.iter().map(|line| !is_hit(line)).collect();
    let (mut text, mut is_cut) = (head + "\n", false);
    for (line, keeps) in lines.iter().zip(&keeps) {
        if *keeps && text.len() + line.len() < MAX_TEXT_BYTES {
            text.push_str(line);
            text.push('\n');
        }
        is_cut |= text.len() + line.len() >= MAX_TEXT_BYTES;
    }
    if is_cut {
        answer.note.push_str("; cut: there was no room for all lines");
    }
    if let Some(result) = &mut answer.result {
        let mut at = 0..;
        result.rows.retain(|_| at.next().and_then(|at: usize| keeps.get(at)).copied().unwrap_or(false));
    }
    let removed = keeps.iter().filter(|keeps| !**keeps).count();
    if removed > 0 {
        let _ = write!(answer.note, "; {removed} lines that looked like instructions were taken out");
    }
    TableAnswer { text, ..answer }
}
