//! What there is in a database: tables and views with their columns, keys and comments, as far as the login may see them.

mod known;
mod told;

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::fetch::Place;
use crate::{Cell, Dialect, OdbcError, Row};

/// How much of a catalogue is read.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueLimits {
    /// Tables and views.
    pub relations: usize,
    /// Columns, over all of them.
    pub columns: usize,
    /// For all of it.
    pub time: Duration,
    /// Whether the driver's functions are asked even of a database whose own catalogue is known: they have fewer comments.
    pub by_driver: bool,
}

impl Default for CatalogueLimits {
    fn default() -> Self {
        Self { relations: 2000, columns: 50_000, time: Duration::from_mins(1), by_driver: false }
    }
}

/// Tables and views, by schema and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Catalogue {
    /// In the order of schema and name.
    pub relations: Vec<Relation>,
    /// Whether there is more than was read.
    pub truncated: bool,
}

/// A table or a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// Its schema, where the database has schemas.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it is a view.
    pub view: bool,
    /// What its owner says of it.
    pub comment: Option<String>,
    /// In their order.
    pub columns: Vec<RelationColumn>,
    /// Columns of the primary key, in its order.
    pub primary_key: Vec<String>,
    /// Columns of each other key.
    pub unique: Vec<Vec<String>>,
    /// What it refers to.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column of a table or view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RelationColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it.
    pub type_name: String,
    /// Whether values may be absent.
    pub nullable: bool,
    /// What its owner says of it.
    pub comment: Option<String>,
}

/// Columns that hold keys of another table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignKey {
    /// Here.
    pub columns: Vec<String>,
    /// The other table's schema.
    pub schema: Option<String>,
    /// The other table.
    pub table: String,
    /// There, in the order of those here. Empty where the database says only which table: then it is its primary key.
    pub references: Vec<String>,
}

/// Rows about relations, columns and keys, in the form that all databases are asked for.
///
/// * relations: schema, name, `table` or `view`, comment (SQLite: the text it was made with)
/// * columns: schema, relation, name, type, nullable, comment
/// * keys: schema, relation, name of the key, `p`, `u` or `f`, column, and of what it refers to schema, table and column
struct Raw {
    relations: Vec<Row>,
    columns: Vec<Row>,
    keys: Vec<Row>,
    truncated: bool,
}

pub(crate) fn read(place: &Place<'_>, limits: &CatalogueLimits) -> Result<Catalogue, OdbcError> {
    let raw = match &place.link.dialect {
        Dialect::Other(_) => told::read(place, limits)?,
        _ if limits.by_driver => told::read(place, limits)?,
        known => known::read(place, known, limits)?,
    };
    let mut catalogue = assemble(&raw);
    if place.link.dialect == Dialect::Sqlite {
        for relation in &mut catalogue.relations {
            let definition = relation.comment.take().unwrap_or_default();
            remarks(relation, &definition);
        }
    }
    Ok(catalogue)
}

fn text(cell: Option<&Cell>) -> Option<String> {
    match cell {
        Some(Cell::Text(text) | Cell::Decimal(text)) if !text.is_empty() => Some(text.clone()),
        Some(Cell::Integer(number)) => Some(number.to_string()),
        Some(Cell::Bool(value)) => Some(u8::from(*value).to_string()),
        _ => None,
    }
}

fn assemble(raw: &Raw) -> Catalogue {
    let at = |row: &Row, index: usize| text(row.get(index));
    let mut relations = Vec::new();
    let mut places = HashMap::new();
    for row in &raw.relations {
        let (schema, name) = (at(row, 0), at(row, 1).unwrap_or_default());
        places.insert((schema.clone(), name.clone()), relations.len());
        let view = at(row, 2).is_some_and(|kind| kind.to_ascii_lowercase().contains("view"));
        relations.push(Relation { schema, name, view, comment: at(row, 3), ..Relation::default() });
    }
    for row in &raw.columns {
        let Some(index) = places.get(&(at(row, 0), at(row, 1).unwrap_or_default())) else { continue };
        relations[*index].columns.push(RelationColumn {
            name: at(row, 2).unwrap_or_default(),
            type_name: at(row, 3).unwrap_or_default(),
            nullable: at(row, 4)
                .is_none_or(|word| matches!(word.to_ascii_lowercase().as_str(), "1" | "t" | "true" | "yes")),
            comment: at(row, 5),
        });
    }
    let mut last = None;
    for row in &raw.keys {
        let Some(index) = places.get(&(at(row, 0), at(row, 1).unwrap_or_default())) else { continue };
        let key = (*index, at(row, 2), at(row, 3));
        let new = last.replace(key.clone()) != Some(key);
        add_key(&mut relations[*index], row, new);
    }
    Catalogue { relations, truncated: raw.truncated }
}

/// One column of a key: of a new one, or of the one that was added to last.
fn add_key(relation: &mut Relation, row: &Row, new: bool) {
    let at = |index: usize| text(row.get(index));
    let column = at(4).unwrap_or_default();
    match at(3).as_deref() {
        Some("p") => relation.primary_key.push(column),
        Some("u") => {
            if new {
                relation.unique.push(Vec::new());
            }
            if let Some(key) = relation.unique.last_mut() {
                key.push(column);
            }
        }
        Some("f") => {
            if new {
                let (schema, table) = (at(5), at(6).unwrap_or_default());
                relation.foreign_keys.push(ForeignKey { columns: Vec::new(), schema, table, references: Vec::new() });
            }
            if let Some(key) = relation.foreign_keys.last_mut() {
                key.columns.push(column);
                key.references.extend(at(7));
            }
        }
        _ => {}
    }
}

/// SQLite keeps no comments but the text that a table was made with: what follows `--` on a column's line is said of the
/// column, and on a line of its own before the first column of the table.
fn remarks(relation: &mut Relation, definition: &str) {
    for line in definition.lines() {
        let Some((before, remark)) = line.split_once("--") else { continue };
        let remark = Some(remark.trim().to_owned()).filter(|remark| !remark.is_empty());
        let word = before.split_whitespace().next().unwrap_or_default().trim_matches(['"', '`', '[', ']', ',']);
        if let Some(column) =
            relation.columns.iter_mut().find(|column| !word.is_empty() && column.name.eq_ignore_ascii_case(word))
        {
            column.comment = remark;
        } else if relation.comment.is_none() && relation.columns.iter().all(|column| column.comment.is_none()) {
            relation.comment = remark;
        }
    }
}
