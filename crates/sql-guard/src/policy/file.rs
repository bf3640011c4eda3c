use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};

use super::{Columns, Functions, Limits, Name, Policy, WriteRule};
use crate::{dialect::Dialect, functions};

/// The most bytes of a policy file.
const MAX_BYTES: usize = 1024 * 1024;

/// What is wrong with a policy file, where, and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// For example `limits.rows`; empty for the whole file.
    pub path: String,
    /// From 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what would be accepted.
    pub message: String,
}

impl PolicyError {
    fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// `"*"`, one name, or a list of names.
#[derive(Debug, Clone, PartialEq)]
enum Names {
    All,
    These(Vec<String>),
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"*\" or a list of names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Names, E> {
                Ok(Names::of(vec![text.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element::<String>()? {
                    names.push(name);
                }
                Ok(Names::of(names))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Names {
    fn of(names: Vec<String>) -> Self {
        if names.iter().any(|name| name == "*" || name == "all") { Self::All } else { Self::These(names) }
    }
}

/// `"*"`, or names by table.
#[derive(Debug, Clone)]
enum ColumnRules {
    All,
    ByTable(BTreeMap<String, Names>),
}

impl<'de> Deserialize<'de> for ColumnRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ColumnRules;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"*\" or a map from tables to \"*\" or lists of columns")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ColumnRules, E> {
                if text == "*" || text == "all" {
                    Ok(ColumnRules::All)
                } else {
                    Err(E::invalid_value(de::Unexpected::Str(text), &self))
                }
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<ColumnRules, A::Error> {
                let mut all = false;
                while let Some(name) = items.next_element::<String>()? {
                    if name != "*" {
                        return Err(de::Error::invalid_value(de::Unexpected::Str(&name), &self));
                    }
                    all = true;
                }
                if all { Ok(ColumnRules::All) } else { Err(de::Error::custom("an empty list: give \"*\" or a map")) }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<ColumnRules, A::Error> {
                let mut tables = BTreeMap::new();
                while let Some((table, names)) = entries.next_entry::<String, Names>()? {
                    tables.insert(table, names);
                }
                Ok(ColumnRules::ByTable(tables))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    #[serde(alias = "max_rows", alias = "row_limit")]
    rows: Option<u64>,
    #[serde(alias = "max_bytes")]
    bytes: Option<usize>,
    #[serde(alias = "max_depth")]
    depth: Option<usize>,
    #[serde(alias = "max_tables")]
    tables: Option<usize>,
    #[serde(alias = "max_cross_joins")]
    cross_joins: Option<usize>,
    #[serde(alias = "max_recursion")]
    recursion: Option<u64>,
    generated_rows: Option<u64>,
    text_length: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteFile {
    operations: Vec<Operation>,
    columns: Vec<String>,
    #[serde(default)]
    keys: Vec<Vec<String>>,
    #[serde(default = "one")]
    rows: u64,
}

const fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tables: Option<Names>,
    columns: Option<ColumnRules>,
    functions: Option<Names>,
    schema: Option<String>,
    limits: Option<LimitsFile>,
    writes: Option<BTreeMap<String, WriteFile>>,
}

pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Policy, PolicyError> {
    if text.len() > MAX_BYTES {
        return Err(PolicyError::at("", format!("more than {MAX_BYTES} bytes")));
    }
    let file = read(text)?;
    let mut policy = Policy::allow_all(dialect);
    if let Some(schema) = &file.schema {
        policy.schema = Some(
            Name::entry(schema, dialect, false).ok_or_else(|| PolicyError::at("schema", "not a name of a schema"))?,
        );
    }
    policy.tables = tables(&file, dialect)?;
    if let Some(ColumnRules::ByTable(rules)) = &file.columns {
        policy.other_columns = Columns::Some(Vec::new());
        for (table, names) in rules {
            let path = format!("columns.{table}");
            let columns = columns(names, &path, dialect)?;
            if table == "*" {
                policy.other_columns = columns;
            } else {
                policy.columns.push((table_name(table, &path, dialect)?, columns));
            }
        }
    }
    policy.functions = function_rule(file.functions)?;
    if let Some(limits) = &file.limits {
        policy.limits = bounded(limits)?;
    }
    for (table, rule) in file.writes.unwrap_or_default() {
        let path = format!("writes.{table}");
        let name = table_name(&table, &path, dialect)?;
        policy.writes.insert(name, write_rule(&rule, &path, dialect)?);
    }
    Ok(policy)
}

fn read(text: &str) -> Result<File, PolicyError> {
    const ACCEPTED: &str = "a policy has the keys tables (\"*\" or a list), columns (\"*\", or a map from tables to \"*\" or lists), functions \
        (\"*\" or a list), schema, limits and writes";
    let mut path = String::new();
    let outcome = serde_saphyr::with_deserializer_from_str(text, |reader| {
        serde_path_to_error::deserialize::<_, File>(reader).map_err(|fault| {
            path = fault.path().to_string();
            fault.into_inner()
        })
    });
    let file = outcome.map_err(|fault: serde_saphyr::Error| {
        let whole = fault.without_snippet().to_string();
        let first = whole.lines().next().unwrap_or_default();
        let message = first.rsplit_once(" at line ").map_or(first, |(message, _)| message);
        PolicyError {
            path: if path == "." { String::new() } else { path.clone() },
            line: fault.location().map(|place| place.line() as usize),
            message: format!("{message}; {ACCEPTED}"),
        }
    })?;
    if file.tables.is_none() && !matches!(file.columns, Some(ColumnRules::ByTable(_))) {
        return Err(PolicyError::at("tables", format!("it does not say which tables may be read; {ACCEPTED}")));
    }
    Ok(file)
}

/// Where only columns are told, their tables are the tables.
fn tables(file: &File, dialect: Dialect) -> Result<Option<Vec<Vec<Name>>>, PolicyError> {
    let names: Vec<String> = match (&file.tables, &file.columns) {
        (Some(Names::All), _) => return Ok(None),
        (Some(Names::These(names)), _) => names.clone(),
        (None, Some(ColumnRules::ByTable(rules))) => {
            if rules.contains_key("*") {
                return Ok(None);
            }
            rules.keys().cloned().collect()
        }
        (None, _) => Vec::new(),
    };
    names.iter().map(|name| table_name(name, "tables", dialect)).collect::<Result<_, _>>().map(Some)
}

fn table_name(text: &str, path: &str, dialect: Dialect) -> Result<Vec<Name>, PolicyError> {
    let parts: Option<Vec<Name>> = split(text).into_iter().map(|part| Name::entry(part, dialect, false)).collect();
    match parts {
        Some(parts) if (1..=3).contains(&parts.len()) => Ok(parts),
        _ => Err(PolicyError::at(
            path,
            format!(
                "{text:?} is no table: give `table`, `schema.table`, `schema.*`, or names between double quotes with their case"
            ),
        )),
    }
}

/// At the dots that do not stand between quotes.
fn split(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(move |letter| {
        quoted ^= letter == '"';
        letter == '.' && !quoted
    })
    .collect()
}

fn columns(names: &Names, path: &str, dialect: Dialect) -> Result<Columns, PolicyError> {
    let Names::These(names) = names else { return Ok(Columns::All) };
    let listed: Option<Vec<Name>> = names.iter().map(|name| Name::entry(name, dialect, true)).collect();
    listed.map(Columns::Some).ok_or_else(|| PolicyError::at(path, "a column is no name: give \"*\" or a list of names"))
}

fn function_rule(names: Option<Names>) -> Result<Functions, PolicyError> {
    let names = match names {
        None => return Ok(Functions::Safe(Vec::new())),
        Some(Names::All) => return Ok(Functions::NotUnsafe),
        Some(Names::These(names)) => names,
    };
    let mut lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    if let Some(harmful) = lower.iter().find(|name| functions::is_unsafe(name)) {
        let message =
            format!("{harmful:?} is never allowed: it changes something, waits, or reads what no policy can name");
        return Err(PolicyError::at("functions", message));
    }
    let before = lower.len();
    lower.retain(|name| !matches!(name.as_str(), "default" | "safe"));
    Ok(if lower.len() < before { Functions::Safe(lower) } else { Functions::Only(lower) })
}

fn bounded(file: &LimitsFile) -> Result<Limits, PolicyError> {
    let default = Limits::default();
    let limits = Limits {
        rows: file.rows.unwrap_or(default.rows),
        bytes: file.bytes.unwrap_or(default.bytes),
        depth: file.depth.unwrap_or(default.depth),
        tables: file.tables.unwrap_or(default.tables),
        cross_joins: file.cross_joins.unwrap_or(default.cross_joins),
        recursion: file.recursion.unwrap_or(default.recursion),
        generated_rows: file.generated_rows.unwrap_or(default.generated_rows),
        text_length: file.text_length.unwrap_or(default.text_length),
    };
    let checks = [
        ("rows", limits.rows >= 1 && limits.rows <= 10_000_000, "1 to 10000000"),
        ("bytes", (64..=65_536).contains(&limits.bytes), "64 to 65536"),
        ("depth", (8..=1_000).contains(&limits.depth), "8 to 1000"),
        ("tables", (1..=1_000).contains(&limits.tables), "1 to 1000"),
        ("cross_joins", limits.cross_joins <= 16, "0 to 16"),
        ("recursion", limits.recursion <= 100_000, "0 to 100000"),
        ("generated_rows", limits.generated_rows <= 10_000_000, "0 to 10000000"),
        ("text_length", limits.text_length <= 10_000_000, "0 to 10000000"),
    ];
    match checks.iter().find(|(_, fits, _)| !fits) {
        Some((name, _, accepted)) => {
            Err(PolicyError::at(format!("limits.{name}"), format!("give a number from {accepted}")))
        }
        None => Ok(limits),
    }
}

fn write_rule(file: &WriteFile, path: &str, dialect: Dialect) -> Result<WriteRule, PolicyError> {
    let fold = |names: &[String]| -> Result<Vec<String>, PolicyError> {
        let folded: Option<Vec<String>> =
            names.iter().map(|name| Name::entry(name, dialect, true).map(|name| name.folded)).collect();
        folded.ok_or_else(|| PolicyError::at(path, "a column is no name"))
    };
    let rule = WriteRule {
        insert: file.operations.contains(&Operation::Insert),
        update: file.operations.contains(&Operation::Update),
        delete: file.operations.contains(&Operation::Delete),
        columns: fold(&file.columns)?,
        keys: file.keys.iter().map(|key| fold(key)).collect::<Result<_, _>>()?,
        rows: file.rows,
    };
    if rule.keys.is_empty() || rule.keys.iter().any(Vec::is_empty) {
        let message = "needs keys: the primary key and other unique keys, each a list of columns, for example [[id]]";
        return Err(PolicyError::at(format!("{path}.keys"), message));
    }
    if rule.rows == 0 || rule.rows > 10_000 {
        return Err(PolicyError::at(format!("{path}.rows"), "give a number from 1 to 10000"));
    }
    Ok(rule)
}
