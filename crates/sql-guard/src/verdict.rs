use serde::Serialize;

use crate::reason::Reason;

/// What a statement reads and asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Tables and views, as the database compares their names.
    pub tables: Vec<String>,
    /// Columns, as they are written: with the name of their table where that is written.
    pub columns: Vec<String>,
    /// Functions, in lower case.
    pub functions: Vec<String>,
    /// The conditions of WHERE, ON and HAVING.
    pub predicates: Vec<String>,
    /// How many rows come back at most.
    pub row_limit: Option<u64>,
}

impl Facts {
    pub(crate) fn finish(&mut self) {
        for list in [&mut self.tables, &mut self.columns, &mut self.functions] {
            list.sort_unstable();
            list.dedup();
        }
    }
}

/// A statement that may run: not as it was given, but as it is printed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// What is to run.
    pub normalised: String,
    /// What it reads.
    pub facts: Facts,
}

/// What the guard says of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may run, in this form.
    Allow(Allowed),
    /// It may not, for each of these reasons.
    Deny(Vec<Reason>),
}

impl Verdict {
    /// What may run, if it may.
    pub fn allowed(&self) -> Option<&Allowed> {
        match self {
            Self::Allow(allowed) => Some(allowed),
            Self::Deny(_) => None,
        }
    }

    /// Why not, if not.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Allow(_) => &[],
            Self::Deny(reasons) => reasons,
        }
    }
}
