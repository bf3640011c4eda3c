//! Changes: INSERT of literals, and UPDATE and DELETE of rows that a key pins. Each comes with the SELECT of what was there before, and with
//! what takes it back.

mod pin;

use serde::Serialize;
use sqlparser::{
    ast::{
        Assignment, AssignmentTarget, Delete, Expr, FromTable, Ident, Insert, ObjectName, SetExpr, Spanned, Statement,
        TableFactor, TableObject, TableWithJoins, UnaryOperator, Update, Value,
    },
    tokenizer::Span,
};

use self::pin::{Pin, pinned};
use crate::{
    catalogue,
    dialect::Dialect,
    guard::Guard,
    policy::{Name, Policy, WriteRule, parts},
    reason::{Code, Reason, Refusal},
    text, types,
};

/// A change that may be proposed, with what it needs to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What is to run.
    pub normalised: String,
    /// The table, as the database compares its name.
    pub table: String,
    /// `insert`, `update` or `delete`.
    pub operation: &'static str,
    /// The columns that it writes.
    pub columns: Vec<String>,
    /// How many rows it changes at most.
    pub rows: u64,
    /// Reads the rows before the change: key and columns. After an INSERT it reads what was put in.
    pub before_image: String,
    /// Takes the change back, for one row of the before-image: its parameters are the columns below, in this order.
    pub inverse: String,
    /// Columns of the before-image that the parameters of the inverse are.
    pub inverse_parameters: Vec<String>,
}

/// What the guard says of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteVerdict {
    /// It may be proposed, in this form.
    Allow(Change),
    /// It may not, for each of these reasons.
    Deny(Vec<Reason>),
}

impl Guard {
    /// Whether a statement may run as a change, and in which form.
    pub fn write(&self, sql: &str) -> WriteVerdict {
        match self.try_write(sql) {
            Ok(change) => WriteVerdict::Allow(change),
            Err(refusal) => WriteVerdict::Deny(vec![refusal.located(sql)]),
        }
    }

    fn try_write(&self, sql: &str) -> Result<Change, Refusal> {
        let read = text::tokens(sql, self.dialect(), self.bounds())?;
        let grammar = self.dialect().grammars()[0];
        let statement = Self::statement(grammar, read.tokens)?;
        let writer = Writer { policy: self.policy(), dialect: self.dialect() };
        let mut change = match &statement {
            Statement::Insert(insert) => writer.insert(insert),
            Statement::Update(update) => writer.update(update),
            Statement::Delete(delete) => writer.delete(delete),
            _ => Err(Refusal::new(Code::StatementKind, "a change is INSERT, UPDATE or DELETE")),
        }?;
        change.normalised = statement.to_string();
        self.check_round_trip(Some((sql, None)), grammar, &statement, &change.normalised)?;
        Ok(change)
    }
}

struct Writer<'p> {
    policy: &'p Policy,
    dialect: Dialect,
}

/// A table that may be changed.
struct Target<'p> {
    rule: &'p WriteRule,
    name: ObjectName,
    table: String,
}

fn clause(what: &str) -> Refusal {
    Refusal::new(Code::Clause, format!("a change has no {what}"))
}

fn refuse_if(clauses: &[(bool, &str)]) -> Result<(), Refusal> {
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, what)) => Err(clause(what)),
        None => Ok(()),
    }
}

/// Every clause of INSERT but table, columns and source has to be absent.
fn refuse_clauses(insert: &Insert) -> Result<(), Refusal> {
    let Insert {
        insert_token: _,
        optimizer_hints,
        or,
        ignore,
        into: _,
        table: _,
        table_alias,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    refuse_if(&[
        (!optimizer_hints.is_empty(), "hints"),
        (or.is_some() || *ignore || *overwrite || *replace_into, "OR, IGNORE, OVERWRITE or REPLACE"),
        (table_alias.is_some() || insert_alias.is_some(), "alias"),
        (!assignments.is_empty(), "SET: write columns and VALUES"),
        (partitioned.is_some() || !after_columns.is_empty() || *has_table_keyword, "partitions"),
        (on.is_some(), "ON CONFLICT or ON DUPLICATE KEY"),
        (returning.is_some() || output.is_some(), "RETURNING or OUTPUT"),
        (priority.is_some() || settings.is_some() || format_clause.is_some(), "priority or settings"),
        (multi_table_insert_type.is_some() || !multi_table_into_clauses.is_empty(), "several tables"),
        (!multi_table_when_clauses.is_empty() || multi_table_else_clause.is_some(), "several tables"),
    ])
}

impl<'p> Writer<'p> {
    fn target(&self, name: &ObjectName) -> Result<Target<'p>, Refusal> {
        let at = text::place(name.span());
        let refused = |code, message| Refusal { code, message, at };
        let idents = parts(name).ok_or_else(|| refused(Code::Table, "a table whose name is computed".to_owned()))?;
        let names: Vec<Name> = idents.iter().map(|ident| Name::of(ident, self.dialect)).collect();
        let table = names.iter().map(|name| name.folded.as_str()).collect::<Vec<_>>().join(".");
        if catalogue::which(&names, self.dialect).is_some() {
            return Err(refused(Code::Catalogue, format!("{table} is a catalogue")));
        }
        match self.policy.write_rule(&names) {
            Some(rule) => Ok(Target { rule, name: name.clone(), table }),
            None => Err(refused(Code::Table, format!("the policy names no changes of the table {table}"))),
        }
    }

    fn column(&self, ident: &Ident) -> String {
        Name::column(&ident.value, ident.quote_style.is_some(), self.dialect).folded
    }

    fn own_column(&self, target: &Target<'_>, name: &ObjectName) -> Result<(Ident, String), Refusal> {
        let at = text::place(name.span());
        let idents = parts(name).unwrap_or_default();
        let [ident] = idents.as_slice() else {
            return Err(Refusal { code: Code::Column, message: format!("{name} is not the name of a column"), at });
        };
        let column = self.column(ident);
        if !target.rule.columns.contains(&column) {
            let message = format!("{column} is not among the columns of {} that may be written", target.table);
            return Err(Refusal { code: Code::Column, message, at });
        }
        Ok(((*ident).clone(), column))
    }

    /// A literal or a parameter.
    fn check_value(&self, value: &Expr) -> Result<(), Refusal> {
        match value {
            Expr::Value(value) => match &value.value {
                Value::Number(..)
                | Value::SingleQuotedString(_)
                | Value::EscapedStringLiteral(_)
                | Value::NationalStringLiteral(_)
                | Value::HexStringLiteral(_)
                | Value::Boolean(_)
                | Value::Null
                | Value::Placeholder(_) => Ok(()),
                _ => Err(Refusal {
                    code: Code::Literal,
                    message: "this form of a literal is not on the list".to_owned(),
                    at: text::place(value.span),
                }),
            },
            Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => self.check_value(expr),
            Expr::Nested(inner) => self.check_value(inner),
            Expr::Cast { kind: _, expr, data_type, format: None } if types::is_allowed(data_type, self.dialect) => {
                self.check_value(expr)
            }
            Expr::TypedString(typed) if types::is_allowed(&typed.data_type, self.dialect) => Ok(()),
            other => Err(Refusal {
                code: Code::Literal,
                message: "a change takes literals and parameters only".to_owned(),
                at: text::place(other.span()),
            }),
        }
    }

    fn insert(&self, insert: &Insert) -> Result<Change, Refusal> {
        refuse_clauses(insert)?;
        let Insert { table, columns, source, .. } = insert;
        let TableObject::TableName(name) = table else {
            return Err(Refusal::new(Code::Table, "INSERT names a table"));
        };
        let target = self.target(name)?;
        if !target.rule.insert {
            return Err(Refusal::new(
                Code::StatementKind,
                format!("the policy lets nothing be put into {}", target.table),
            ));
        }
        let own: Vec<(Ident, String)> =
            columns.iter().map(|column| self.own_column(&target, column)).collect::<Result<_, _>>()?;
        distinct(own.iter().map(|(_, column)| column))?;
        let rows = self.rows(source.as_deref(), own.len())?;
        check_rows(rows.len() as u64, target.rule)?;
        let key = target.rule.keys.iter().find(|key| key.iter().all(|column| own.iter().any(|(_, own)| own == column)));
        let Some(key) = key else {
            return Err(Refusal::new(
                Code::Key,
                "INSERT gives every column of a key: else what was put in cannot be found again",
            ));
        };
        let places: Vec<usize> =
            key.iter().filter_map(|column| own.iter().position(|(_, own)| own == column)).collect();
        let conditions: Vec<String> = rows
            .iter()
            .map(|row| {
                let parts: Vec<String> = places.iter().map(|at| format!("{} = {}", own[*at].0, row[*at])).collect();
                format!("({})", parts.join(" AND "))
            })
            .collect();
        if rows
            .iter()
            .any(|row| places.iter().any(|at| matches!(&row[*at], Expr::Value(value) if value.value == Value::Null)))
        {
            return Err(Refusal::new(Code::Key, "a key is not NULL"));
        }
        let listed: Vec<String> = own.iter().map(|(ident, _)| ident.to_string()).collect();
        let idents: Vec<&Ident> = places.iter().map(|at| &own[*at].0).collect();
        Ok(Change {
            normalised: String::new(),
            table: target.table.clone(),
            operation: "insert",
            columns: own.iter().map(|(_, column)| column.clone()).collect(),
            rows: rows.len() as u64,
            before_image: format!(
                "SELECT {} FROM {} WHERE {}",
                listed.join(", "),
                target.name,
                conditions.join(" OR ")
            ),
            inverse: format!("DELETE FROM {} WHERE {}", target.name, self.equals(&idents, 1)),
            inverse_parameters: key.clone(),
        })
    }

    fn rows<'a>(&self, source: Option<&'a sqlparser::ast::Query>, width: usize) -> Result<Vec<&'a [Expr]>, Refusal> {
        let refused = || Refusal::new(Code::Clause, "INSERT names its columns and gives VALUES");
        let source = source.ok_or_else(refused)?;
        let plain = source.with.is_none()
            && source.order_by.is_none()
            && source.limit_clause.is_none()
            && source.fetch.is_none()
            && source.locks.is_empty()
            && source.for_clause.is_none()
            && source.settings.is_none()
            && source.format_clause.is_none()
            && source.pipe_operators.is_empty();
        let SetExpr::Values(values) = source.body.as_ref() else { return Err(refused()) };
        if !plain || width == 0 || values.explicit_row || values.value_keyword {
            return Err(refused());
        }
        for row in &values.rows {
            if row.content.len() != width {
                return Err(Refusal::new(Code::Syntax, "a row has another number of values than there are columns"));
            }
            row.content.iter().try_for_each(|value| self.check_value(value))?;
        }
        Ok(values.rows.iter().map(|row| row.content.as_slice()).collect())
    }

    fn update(&self, update: &Update) -> Result<Change, Refusal> {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        refuse_if(&[
            (!optimizer_hints.is_empty() || or.is_some(), "hints or OR"),
            (from.is_some(), "FROM"),
            (returning.is_some() || output.is_some(), "RETURNING or OUTPUT"),
            (!order_by.is_empty() || limit.is_some(), "ORDER BY or LIMIT"),
        ])?;
        let target = self.target(single(table)?)?;
        if !target.rule.update {
            return Err(Refusal::new(
                Code::StatementKind,
                format!("the policy lets nothing be changed in {}", target.table),
            ));
        }
        let mut own = Vec::new();
        for Assignment { target: place, value } in assignments {
            let AssignmentTarget::ColumnName(name) = place else {
                return Err(Refusal::new(Code::Column, "one column is set at a time"));
            };
            own.push(self.own_column(&target, name)?);
            self.check_value(value)?;
        }
        distinct(own.iter().map(|(_, column)| column))?;
        let pin = self.pin(&target, selection.as_ref(), table.span_of())?;
        if let Some((_, column)) =
            own.iter().find(|(_, column)| target.rule.keys.iter().any(|key| key.contains(column)))
        {
            return Err(Refusal::new(Code::Key, format!("{column} is part of a key, by which the row is found again")));
        }
        let changed: Vec<&Ident> = own.iter().map(|(ident, _)| ident).collect();
        let listed: Vec<String> = pin.idents.iter().chain(changed.iter().copied()).map(ToString::to_string).collect();
        let set: Vec<String> =
            changed.iter().enumerate().map(|(at, ident)| format!("{ident} = {}", self.parameter(at + 1))).collect();
        let keys: Vec<&Ident> = pin.idents.iter().collect();
        let columns: Vec<String> = own.iter().map(|(_, column)| column.clone()).collect();
        Ok(Change {
            normalised: String::new(),
            table: target.table.clone(),
            operation: "update",
            rows: pin.rows,
            before_image: format!("SELECT {} FROM {} WHERE {}", listed.join(", "), target.name, pin.condition),
            inverse: format!(
                "UPDATE {} SET {} WHERE {}",
                target.name,
                set.join(", "),
                self.equals(&keys, changed.len() + 1)
            ),
            inverse_parameters: columns.iter().cloned().chain(pin.key).collect(),
            columns,
        })
    }

    fn delete(&self, delete: &Delete) -> Result<Change, Refusal> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        refuse_if(&[
            (!optimizer_hints.is_empty(), "hints"),
            (!tables.is_empty() || using.is_some(), "several tables"),
            (returning.is_some() || output.is_some(), "RETURNING or OUTPUT"),
            (!order_by.is_empty() || limit.is_some(), "ORDER BY or LIMIT"),
        ])?;
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = from;
        let [table] = from.as_slice() else { return Err(clause("several tables")) };
        let target = self.target(single(table)?)?;
        if !target.rule.delete {
            return Err(Refusal::new(
                Code::StatementKind,
                format!("the policy lets nothing be deleted from {}", target.table),
            ));
        }
        let pin = self.pin(&target, selection.as_ref(), table.span_of())?;
        let mut columns = target.rule.columns.clone();
        for column in &pin.key {
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        let listed: Vec<String> = columns.iter().map(|column| self.ident(column).to_string()).collect();
        let values: Vec<String> = (1..=columns.len()).map(|at| self.parameter(at)).collect();
        Ok(Change {
            normalised: String::new(),
            table: target.table.clone(),
            operation: "delete",
            rows: pin.rows,
            before_image: format!("SELECT {} FROM {} WHERE {}", listed.join(", "), target.name, pin.condition),
            inverse: format!("INSERT INTO {} ({}) VALUES ({})", target.name, listed.join(", "), values.join(", ")),
            inverse_parameters: columns.clone(),
            columns,
        })
    }

    fn pin(&self, target: &Target<'_>, selection: Option<&Expr>, span: Span) -> Result<Pin, Refusal> {
        let Some(selection) = selection else {
            let message = "without WHERE every row would be changed: pin a key".to_owned();
            return Err(Refusal { code: Code::Key, message, at: text::place(span) });
        };
        let pin =
            pinned(selection, &target.rule.keys, &target.rule.columns, self.dialect, &|value| self.check_value(value))?;
        check_rows(pin.rows, target.rule)?;
        Ok(pin)
    }

    fn ident(&self, column: &str) -> Ident {
        let folds = self.dialect.fold(column, false) == column;
        Name::column(column, !folds, self.dialect).ident(self.dialect)
    }

    fn parameter(&self, number: usize) -> String {
        match self.dialect {
            Dialect::Postgres => format!("${number}"),
            Dialect::SqlServer => format!("@p{number}"),
            Dialect::Oracle => format!(":{number}"),
            Dialect::MySql | Dialect::Sqlite | Dialect::Generic => "?".to_owned(),
        }
    }

    fn equals(&self, idents: &[&Ident], first: usize) -> String {
        let parts: Vec<String> =
            idents.iter().enumerate().map(|(at, ident)| format!("{ident} = {}", self.parameter(first + at))).collect();
        parts.join(" AND ")
    }
}

trait SpanOf {
    fn span_of(&self) -> Span;
}

impl SpanOf for TableWithJoins {
    fn span_of(&self) -> Span {
        self.relation.span()
    }
}

fn check_rows(rows: u64, rule: &WriteRule) -> Result<(), Refusal> {
    if rows > rule.rows {
        return Err(Refusal::new(Code::Size, format!("{rows} rows: at most {} are changed at once", rule.rows)));
    }
    Ok(())
}

fn distinct<'a>(columns: impl Iterator<Item = &'a String>) -> Result<(), Refusal> {
    let mut seen: Vec<&String> = Vec::new();
    for column in columns {
        if seen.contains(&column) {
            return Err(Refusal::new(Code::Column, format!("{column} is written twice")));
        }
        seen.push(column);
    }
    Ok(())
}

/// The one table of UPDATE and DELETE, without alias, join or hint.
fn single(table: &TableWithJoins) -> Result<&ObjectName, Refusal> {
    match &table.relation {
        TableFactor::Table {
            name,
            alias: None,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() && table.joins.is_empty() => {
            Ok(name)
        }
        _ => Err(clause("alias, join or hint: name one table")),
    }
}
