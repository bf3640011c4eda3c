use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::dialect::Dialect;

/// A name as the database compares it: folded, where it folds.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    /// What is compared.
    pub(crate) folded: String,
    /// As it was written.
    pub(crate) written: String,
    quoted: bool,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Name {
    /// A name of a table or schema without quotes.
    pub(crate) fn plain(written: &str, dialect: Dialect) -> Self {
        Self::table(written, false, dialect)
    }

    pub(crate) fn table(written: &str, quoted: bool, dialect: Dialect) -> Self {
        let folded = if dialect.tables_have_case() { written.to_owned() } else { dialect.fold(written, quoted) };
        Self { folded, written: String::new(), quoted: false }.keep(written, quoted)
    }

    pub(crate) fn column(written: &str, quoted: bool, dialect: Dialect) -> Self {
        Self { folded: dialect.fold(written, quoted), written: String::new(), quoted: false }.keep(written, quoted)
    }

    /// How it was written makes no difference to what it is, so it is kept only where it has to be printed.
    fn keep(mut self, written: &str, quoted: bool) -> Self {
        if self.folded != written {
            written.clone_into(&mut self.written);
        }
        self.quoted = quoted;
        self
    }

    pub(crate) fn of(ident: &Ident, dialect: Dialect) -> Self {
        Self::table(&ident.value, ident.quote_style.is_some(), dialect)
    }

    pub(crate) fn is_star(&self) -> bool {
        self.folded == "*"
    }

    /// An entry of a policy: `name`, or `"name"` with its case.
    pub(crate) fn entry(text: &str, dialect: Dialect, column: bool) -> Option<Self> {
        let quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
        let inner = if quoted { &text[1..text.len() - 1] } else { text };
        let fits = !inner.is_empty()
            && !inner.contains(['"', '`', '[', ']', '\'', '\\', ';'])
            && !inner.chars().any(char::is_control);
        fits.then(|| if column { Self::column(inner, quoted, dialect) } else { Self::table(inner, quoted, dialect) })
    }

    /// As a name that is printed: with quotes where it had some, or needs them.
    pub(crate) fn ident(&self, dialect: Dialect) -> Ident {
        let written = if self.written.is_empty() { &self.folded } else { &self.written };
        let simple = written.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !written.starts_with(|first: char| first.is_ascii_digit());
        if simple && !self.quoted {
            return Ident::new(written);
        }
        let quote = match dialect {
            Dialect::MySql => '`',
            Dialect::SqlServer => '[',
            Dialect::Postgres | Dialect::Oracle | Dialect::Sqlite | Dialect::Generic => '"',
        };
        Ident::with_quote(quote, written)
    }
}

/// The parts of a qualified name, or none where a part is no name.
pub(crate) fn parts(name: &ObjectName) -> Option<Vec<&Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}
