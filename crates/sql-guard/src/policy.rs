//! What may be read and written, and how much: [`Policy`], and the file that says it.

mod file;
mod names;

use std::collections::BTreeMap;

pub use self::file::PolicyError;
pub(crate) use self::names::{Name, parts};
use crate::dialect::Dialect;

/// How much a statement may ask for. Each has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows that a read returns at most; put in where the statement says none. 1,000.
    pub rows: u64,
    /// Bytes of a statement. 16,384.
    pub bytes: usize,
    /// Operators and parentheses in each other. 400.
    pub depth: usize,
    /// Tables, sub-selects and functions in FROM, all over the statement. 64.
    pub tables: usize,
    /// Pairs of tables of one FROM that no predicate joins. 1.
    pub cross_joins: usize,
    /// Rounds that a recursive common table expression may count to. 1,000.
    pub recursion: u64,
    /// Rows that a function such as `generate_series` makes. 100,000.
    pub generated_rows: u64,
    /// Characters that a function such as `repeat` makes. 10,000.
    pub text_length: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1_000,
            bytes: 16_384,
            depth: 400,
            tables: 64,
            cross_joins: 1,
            recursion: 1_000,
            generated_rows: 100_000,
            text_length: 10_000,
        }
    }
}

/// What changes a table may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WriteRule {
    pub(crate) insert: bool,
    pub(crate) update: bool,
    pub(crate) delete: bool,
    /// Columns that may be written. All of a row for DELETE.
    pub(crate) columns: Vec<String>,
    /// The primary key, and other unique keys: of each, all columns.
    pub(crate) keys: Vec<Vec<String>>,
    pub(crate) rows: u64,
}

/// Which columns of a table may be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    /// These, as the policy writes them.
    Some(Vec<Name>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Functions {
    /// The list of the dialect, and these.
    Safe(Vec<String>),
    /// These alone.
    Only(Vec<String>),
    /// Whatever is not known to do harm.
    NotUnsafe,
}

/// What may be read and written, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(crate) dialect: Dialect,
    /// None: every table that is no catalogue.
    pub(crate) tables: Option<Vec<Vec<Name>>>,
    pub(crate) columns: Vec<(Vec<Name>, Columns)>,
    pub(crate) other_columns: Columns,
    pub(crate) functions: Functions,
    pub(crate) schema: Option<Name>,
    pub(crate) limits: Limits,
    pub(crate) writes: BTreeMap<Vec<Name>, WriteRule>,
}

impl Policy {
    /// Every table and column that is no catalogue, the safe functions of the dialect, the default limits, no writes.
    pub fn allow_all(dialect: Dialect) -> Self {
        Self {
            dialect,
            tables: None,
            columns: Vec::new(),
            other_columns: Columns::All,
            functions: Functions::Safe(Vec::new()),
            schema: dialect.default_schema().map(|schema| Name::plain(schema, dialect)),
            limits: Limits::default(),
            writes: BTreeMap::new(),
        }
    }

    /// Reads a policy file in YAML.
    ///
    /// # Errors
    /// With the first thing that is not as it has to be, where it stands, and what would be accepted.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, PolicyError> {
        file::parse(text, dialect)
    }

    /// The limits that hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same policy with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether nothing says which columns may be read.
    pub(crate) fn reads_all_columns(&self) -> bool {
        self.columns.is_empty() && self.other_columns == Columns::All
    }

    pub(crate) fn allows_table(&self, table: &[Name]) -> bool {
        match &self.tables {
            None => true,
            Some(tables) => tables.iter().any(|entry| self.is_same_table(entry, table)),
        }
    }

    pub(crate) fn columns_of(&self, table: &[Name]) -> &Columns {
        let entry = self.columns.iter().find(|(entry, _)| self.is_same_table(entry, table));
        entry.map_or(&self.other_columns, |(_, columns)| columns)
    }

    pub(crate) fn write_rule(&self, table: &[Name]) -> Option<&WriteRule> {
        self.writes.iter().find(|(entry, _)| self.is_same_table(entry, table)).map(|(_, rule)| rule)
    }

    /// A name without a schema means one in the schema that the policy names; `schema.*` is every table of a schema.
    fn is_same_table(&self, entry: &[Name], table: &[Name]) -> bool {
        let full = |name: &[Name]| -> Vec<Name> {
            match (name.len(), &self.schema) {
                (1, Some(schema)) => vec![schema.clone(), name[0].clone()],
                _ => name.to_vec(),
            }
        };
        let (entry, table) = (full(entry), full(table));
        entry.len() == table.len()
            && entry
                .iter()
                .zip(&table)
                .enumerate()
                .all(|(at, (own, other))| own == other || (at + 1 == entry.len() && at > 0 && own.is_star()))
    }
}
