use std::fmt;

use serde::Serialize;

/// Why a statement is refused: a closed list, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// More bytes than the limit.
    TooLarge,
    /// Nested more deeply than the limit.
    TooDeep,
    /// Bytes that hide or change what is meant: control characters, odd white space, letters that look like others.
    Encoding,
    /// A comment that is a hint, is executed, or is read differently by different servers.
    Comment,
    /// A string, number or name in a form that servers read differently.
    Literal,
    /// An operator that is not on the dialect's list.
    Operator,
    /// What the parser does not understand.
    Syntax,
    /// Not exactly one statement.
    Statements,
    /// A statement of another kind than the policy lets run here.
    StatementKind,
    /// A clause that changes, locks, or steers the server.
    Clause,
    /// A table that the policy does not name.
    Table,
    /// A catalogue of the system.
    Catalogue,
    /// A column that the policy does not name, or that cannot be told.
    Column,
    /// A function that is not on the list.
    Function,
    /// A type that is not on the list.
    Type,
    /// A variable of session or server.
    Variable,
    /// More rows, values or work than the limits.
    Size,
    /// Tables combined without a predicate.
    CrossJoin,
    /// Recursion without a bound.
    Recursion,
    /// The row limit cannot be held.
    RowLimit,
    /// A change that does not pin its rows by a key.
    Key,
    /// What was printed from the tree is not what was checked.
    RoundTrip,
}

impl Code {
    /// The code as it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::Encoding => "encoding",
            Self::Comment => "comment",
            Self::Literal => "literal",
            Self::Operator => "operator",
            Self::Syntax => "syntax",
            Self::Statements => "statements",
            Self::StatementKind => "statement_kind",
            Self::Clause => "clause",
            Self::Table => "table",
            Self::Catalogue => "catalogue",
            Self::Column => "column",
            Self::Function => "function",
            Self::Type => "type",
            Self::Variable => "variable",
            Self::Size => "size",
            Self::CrossJoin => "cross_join",
            Self::Recursion => "recursion",
            Self::RowLimit => "row_limit",
            Self::Key => "key",
            Self::RoundTrip => "round_trip",
        }
    }
}

/// A reason to refuse, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// For programs.
    pub code: Code,
    /// For people and models: what is wrong, and where it helps, what would be accepted.
    pub message: String,
    /// From 1; absent where the whole statement is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// In characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

/// A reason before its place is told in lines: the offset in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) at: Option<usize>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), at: None }
    }

    pub(crate) fn at(code: Code, at: usize, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), at: Some(at) }
    }

    pub(crate) fn located(self, text: &str) -> Reason {
        let place = self.at.map(|at| {
            let before = text.get(..at).unwrap_or(text);
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            (line, column)
        });
        Reason {
            code: self.code,
            message: self.message,
            line: place.map(|place| place.0),
            column: place.map(|place| place.1),
        }
    }
}
