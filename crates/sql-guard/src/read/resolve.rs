use sqlparser::{
    ast::{Expr, Ident, ObjectName, SelectItem, SelectItemQualifiedWildcardKind, Spanned, WildcardAdditionalOptions},
    tokenizer::Span,
};

use super::Reader;
use crate::{
    dialect::Dialect,
    functions,
    policy::{Name, parts},
    reason::Code,
};

/// What the columns of a thing in FROM are.
#[derive(Debug, Clone, Default)]
pub(super) enum Output {
    /// All columns of a table may be read.
    All,
    /// Of a table these may be read, and there are others.
    Listed(Vec<Name>),
    /// These are all that there are, made from what may be read.
    Known(Vec<String>),
    /// Made from what may be read.
    #[default]
    Unknown,
}

/// A thing in FROM.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// Its alias, or the name of its table.
    pub(super) ident: Option<Ident>,
    /// The same as the database compares it.
    pub(super) name: Option<String>,
    /// The table, where it has no alias.
    pub(super) table: Option<Vec<Name>>,
    pub(super) columns: Output,
}

/// What a SELECT sees by itself.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    pub(super) aliases: Vec<String>,
    /// Whether what stands inside does not see this.
    pub(super) hidden: bool,
}

/// Names without quotes that are calls of a function, not columns.
fn is_call(name: &str, dialect: Dialect) -> bool {
    let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    match dialect {
        Dialect::Postgres => is(&[
            "current_user",
            "session_user",
            "user",
            "current_role",
            "current_catalog",
            "current_schema",
            "system_user",
        ]),
        Dialect::SqlServer => is(&["current_user", "session_user", "system_user", "user"]),
        Dialect::Oracle => is(&["user", "uid"]),
        Dialect::MySql => is(&["current_user", "current_role"]),
        Dialect::Sqlite => false,
        Dialect::Generic => is(&["current_user", "session_user", "system_user", "current_role"]),
    }
}

/// Columns that every table of the server has, and that tell of the server.
fn is_system_column(name: &str, dialect: Dialect) -> bool {
    dialect == Dialect::Postgres
        && ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Names that are no columns, and harmless.
fn is_pseudo_column(name: &str, dialect: Dialect) -> bool {
    let is = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    match dialect {
        Dialect::Oracle => {
            is(&["rownum", "level", "sysdate", "systimestamp", "connect_by_isleaf", "connect_by_iscycle"])
        }
        _ => is(&["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"]),
    }
}

impl Reader<'_> {
    /// What is inside of a table expression sees what is outside of this SELECT, and not what stands beside it.
    pub(super) fn hide(&mut self) -> bool {
        self.scopes.last_mut().is_some_and(|scope| !std::mem::replace(&mut scope.hidden, true))
    }

    pub(super) fn unhide(&mut self, was_hidden: bool) {
        if was_hidden && let Some(scope) = self.scopes.last_mut() {
            scope.hidden = false;
        }
    }

    pub(super) fn is_alias(&self, ident: &Ident) -> bool {
        // As the server folds it: "Cost" is no alias for cost where that is another column.
        let name = self.column_name(ident);
        self.scopes.last().is_some_and(|scope| scope.aliases.contains(&name))
    }

    /// A name by itself.
    pub(super) fn identifier(&mut self, ident: &Ident) {
        let bare = ident.quote_style.is_none();
        if bare && is_call(&ident.value, self.dialect) {
            return self.refuse_ident(Code::Function, ident, format!("{} tells of the session", ident.value));
        }
        if is_system_column(&ident.value, self.dialect) {
            return self.refuse_ident(Code::Column, ident, format!("{} is a column of the system", ident.value));
        }
        if bare && is_pseudo_column(&ident.value, self.dialect) {
            return;
        }
        if let Some(collected) = &mut self.collected {
            collected.push((None, ident.value.to_ascii_lowercase()));
        }
        self.facts.columns.push(ident.value.clone());
        if self.restricted {
            self.resolve(ident);
        }
    }

    /// From the inside out: the first that surely has it decides; one that may hide a column of that name refuses it.
    fn resolve(&mut self, ident: &Ident) {
        let name = Name::column(&ident.value, ident.quote_style.is_some(), self.dialect);
        let mut may_be = false;
        for scope in self.scopes.iter().rev().filter(|scope| !scope.hidden) {
            let (mut found, mut hides) = (false, false);
            for relation in &scope.relations {
                match &relation.columns {
                    Output::All | Output::Unknown => may_be = true,
                    Output::Listed(columns) if columns.contains(&name) => found = true,
                    Output::Listed(_) => hides = true,
                    Output::Known(columns) => found |= columns.contains(&name.folded),
                }
            }
            // A table that has it openly and one that may have it hidden: ambiguous to the server, and refused by it. But
            // only where they stand beside each other.
            if found {
                return;
            }
            if hides {
                let message = format!("{} is not among the columns that may be read here", ident.value);
                return self.refuse_ident(Code::Column, ident, message);
            }
        }
        if !may_be && !self.is_alias(ident) {
            let message = format!("{} is no column of the tables that may be read here", ident.value);
            self.refuse_ident(Code::Column, ident, message);
        }
    }

    /// `table.column`, `schema.table.column`.
    pub(super) fn compound(&mut self, idents: &[Ident]) {
        let Some((column, qualifiers)) = idents.split_last() else { return };
        let lower = column.value.to_ascii_lowercase();
        if matches!(self.dialect, Dialect::Oracle | Dialect::Generic | Dialect::SqlServer)
            && matches!(lower.as_str(), "nextval" | "currval")
        {
            return self.refuse_ident(Code::Function, column, "a sequence counts on when it is read");
        }
        if is_system_column(&column.value, self.dialect) {
            return self.refuse_ident(Code::Column, column, format!("{} is a column of the system", column.value));
        }
        // PostgreSQL calls the function f for t.f, where t has no such column.
        if self.dialect == Dialect::Postgres && functions::is_unsafe(&lower) && lower.contains('_') {
            return self.refuse_ident(Code::Function, column, format!("{lower} behind a dot calls the function"));
        }
        // Oracle calls a function without arguments by its name alone, `package.function`.
        if self.dialect == Dialect::Oracle && self.relation(qualifiers).is_none() {
            return self.refuse_ident(
                Code::Function,
                column,
                "a name before the dot that no table here has calls a function",
            );
        }
        if qualifiers.len() > 3 {
            return self.refuse_ident(Code::Column, column, "a name of more than four parts");
        }
        if let Some(collected) = &mut self.collected {
            collected.push((qualifiers.last().map(|ident| ident.value.to_ascii_lowercase()), lower));
        }
        let written: Vec<&str> = idents.iter().map(|ident| ident.value.as_str()).collect();
        self.facts.columns.push(written.join("."));
        if self.restricted && !self.has_column(qualifiers, column) {
            let message = format!("{} is not among the columns that may be read here", written.join("."));
            self.refuse_ident(Code::Column, column, message);
        }
    }

    fn has_column(&self, qualifiers: &[Ident], column: &Ident) -> bool {
        let name = Name::column(&column.value, column.quote_style.is_some(), self.dialect);
        match self.relation(qualifiers).map(|relation| &relation.columns) {
            Some(Output::All | Output::Unknown) => true,
            Some(Output::Listed(columns)) => columns.contains(&name),
            Some(Output::Known(columns)) => columns.contains(&name.folded),
            None => false,
        }
    }

    /// The thing in FROM that these name, from the inside out.
    fn relation(&self, qualifiers: &[Ident]) -> Option<&Relation> {
        let names: Vec<Name> = qualifiers.iter().map(|ident| Name::of(ident, self.dialect)).collect();
        let [.., last] = names.as_slice() else { return None };
        self.scopes.iter().rev().filter(|scope| !scope.hidden).find_map(|scope| {
            scope.relations.iter().find(|relation| {
                let own = relation.name.as_ref() == Some(&last.folded);
                own && (names.len() == 1
                    || relation
                        .table
                        .as_ref()
                        .is_some_and(|table| table.ends_with(&names) || table.len() < names.len()))
            })
        })
    }

    /// `*`: written out where a table has columns that may not be read; none where it can stay.
    pub(super) fn wildcard(&mut self, span: Span) -> Option<Vec<SelectItem>> {
        let relations = self.scopes.last().map(|scope| scope.relations.clone()).unwrap_or_default();
        if relations.iter().all(|relation| !matches!(relation.columns, Output::Listed(_))) {
            return None;
        }
        let mut items = Vec::new();
        for relation in &relations {
            match Self::written_out(relation, self.dialect) {
                Some(written) => items.extend(written),
                None => self.refuse(Code::Column, span, "* with a table whose columns are not known: name the columns"),
            }
        }
        self.changed = true;
        Some(items)
    }

    pub(super) fn qualified_wildcard(&mut self, kind: &mut SelectItemQualifiedWildcardKind) -> Option<Vec<SelectItem>> {
        match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => {
                let found = self.whole_row(name);
                let relation = found.filter(|relation| matches!(relation.columns, Output::Listed(_)))?;
                self.changed = true;
                Self::written_out(&relation, self.dialect)
            }
            SelectItemQualifiedWildcardKind::Expr(expression) => {
                if self.restricted {
                    self.refuse_expression(Code::Column, expression, "all fields of a value: name the columns");
                }
                self.expression(expression);
                None
            }
        }
    }

    /// The thing in FROM whose whole row is meant; refused where there is none, if that matters.
    fn whole_row(&mut self, name: &ObjectName) -> Option<Relation> {
        let qualifiers: Vec<Ident> = parts(name).unwrap_or_default().into_iter().cloned().collect();
        let found = self.relation(&qualifiers).cloned();
        if found.is_none() && self.restricted {
            self.refuse(Code::Column, name.span(), format!("{name}.*: no such table is in sight"));
        }
        found
    }

    /// A whole row as an argument: `count(t.*)`.
    pub(super) fn whole_row_argument(&mut self, name: &ObjectName) {
        if self.restricted && self.whole_row(name).is_some_and(|relation| matches!(relation.columns, Output::Listed(_)))
        {
            self.refuse(Code::Column, name.span(), "a whole row of a table with columns that may not be read");
        }
    }

    /// The columns that may be read, or all where there are no others.
    fn written_out(relation: &Relation, dialect: Dialect) -> Option<Vec<SelectItem>> {
        let ident = relation.ident.clone()?;
        let Output::Listed(columns) = &relation.columns else {
            let kind = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![ident]));
            return Some(vec![SelectItem::QualifiedWildcard(kind, WildcardAdditionalOptions::default())]);
        };
        let items = columns.iter().map(|column| {
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(vec![ident.clone(), column.ident(dialect)]))
        });
        Some(items.collect())
    }
}
