//! Other databases: what the catalogue functions of ODBC say. One call for each table's keys.

use odbc_api::handles::{SqlText, Statement as _};

use super::{CatalogueLimits, Raw, text};
use crate::fetch::Place;
use crate::{Cell, Limits, OdbcError, Row};

pub(super) fn read(place: &Place<'_>, limits: &CatalogueLimits) -> Result<Raw, OdbcError> {
    let catalogue = place.link.catalogue();
    let names = Names { catalogue: SqlText::new(&catalogue), any: SqlText::new("%"), none: SqlText::new("") };
    let kinds = SqlText::new("TABLE,VIEW");
    let limited = |rows: usize| Place { limits: Limits { rows: rows as u64, ..place.limits }, ..*place };
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    let Names { catalogue, any, .. } = &names;
    let asked = limited(limits.relations).told(|statement| statement.tables(catalogue, any, any, &kinds), &mut tables);
    let mut truncated = is_cut(asked)?;
    let asked = limited(limits.columns).told(|statement| statement.columns(catalogue, any, any, any), &mut columns);
    truncated |= is_cut(asked)?;
    let mut keys = Vec::new();
    for table in &tables {
        keys_of(place, &names, table, &mut keys);
    }
    // TABLE_SCHEM, TABLE_NAME, TABLE_TYPE, REMARKS
    let relations = tables.iter().map(|row| pick(row, &[1, 2, 3, 4])).collect();
    // … COLUMN_NAME, TYPE_NAME, IS_NULLABLE, REMARKS
    let columns = columns.iter().map(|row| pick(row, &[1, 2, 3, 5, 17, 11])).collect();
    Ok(Raw { relations, columns, keys, truncated })
}

struct Names<'a> {
    catalogue: SqlText<'a>,
    any: SqlText<'a>,
    none: SqlText<'a>,
}

fn is_cut(asked: Result<(), OdbcError>) -> Result<bool, OdbcError> {
    match asked {
        Err(OdbcError::TooManyRows(_)) => Ok(true),
        other => other.map(|()| false),
    }
}

/// A driver that cannot say so has tables without keys.
fn keys_of(place: &Place<'_>, names: &Names<'_>, table: &Row, keys: &mut Vec<Row>) {
    let (schema, name) = (text(table.get(1)).unwrap_or_default(), text(table.get(2)).unwrap_or_default());
    let (schema_text, name_text) = (SqlText::new(&schema), SqlText::new(&name));
    let Names { catalogue, none, .. } = names;
    let mut primary: Vec<Row> = Vec::new();
    _ = place.told(|statement| statement.primary_keys(Some(catalogue), Some(&schema_text), &name_text), &mut primary);
    let word = |text: &str| Cell::Text(text.to_owned());
    for row in &primary {
        let mut key = pick(row, &[1, 2]);
        key.extend([word("key"), word("p")]);
        key.extend(pick(row, &[3]));
        keys.push(key);
    }
    let mut foreign: Vec<Row> = Vec::new();
    _ = place
        .told(|statement| statement.foreign_keys(none, none, none, catalogue, &schema_text, &name_text), &mut foreign);
    for (number, row) in foreign.iter().enumerate() {
        // A new key begins at KEY_SEQ 1.
        let first = text(row.get(8)).as_deref() == Some("1");
        let name = text(row.get(11))
            .unwrap_or_else(|| format!("foreign {}", if first { number } else { number.saturating_sub(1) }));
        let mut key = pick(row, &[5, 6]);
        key.extend([word(&name), word("f")]);
        key.extend(pick(row, &[7, 1, 2, 3]));
        keys.push(key);
    }
}

fn pick(row: &Row, columns: &[usize]) -> Row {
    columns.iter().map(|column| row.get(*column).cloned().unwrap_or(Cell::Null)).collect()
}
