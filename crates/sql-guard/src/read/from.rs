use sqlparser::ast::{
    Expr, FunctionArg, Ident, JoinConstraint, JoinOperator, JsonTableColumn, ObjectName, PivotValueSource, Spanned,
    TableAlias, TableFactor, TableSampleKind, TableVersion, TableWithJoins,
};

use super::{
    Reader,
    joins::Joined,
    resolve::{Output, Relation},
};
use crate::{
    catalogue,
    dialect::Dialect,
    functions,
    policy::{Columns, Name, parts},
    reason::Code,
    types,
};

impl Reader<'_> {
    /// Everything in FROM, and which of it hangs together.
    pub(super) fn from(&mut self, from: &mut [TableWithJoins]) -> Joined {
        let mut joined = Joined::default();
        for item in from {
            self.table_with_joins(item, &mut joined);
        }
        joined
    }

    fn table_with_joins(&mut self, item: &mut TableWithJoins, joined: &mut Joined) {
        let TableWithJoins { relation, joins } = item;
        self.factor(relation, joined, false);
        for join in joins {
            if join.global {
                self.refuse(Code::Clause, join.relation.span(), "GLOBAL JOIN is not on the list");
            }
            let apply = matches!(join.join_operator, JoinOperator::CrossApply | JoinOperator::OuterApply);
            self.factor(&mut join.relation, joined, apply);
            self.join(&mut join.join_operator, &join.relation, joined);
        }
    }

    fn join(&mut self, operator: &mut JoinOperator, relation: &TableFactor, joined: &mut Joined) {
        use JoinOperator as J;
        match operator {
            J::Join(constraint)
            | J::Inner(constraint)
            | J::Left(constraint)
            | J::LeftOuter(constraint)
            | J::Right(constraint)
            | J::RightOuter(constraint)
            | J::FullOuter(constraint)
            | J::CrossJoin(constraint)
            | J::Semi(constraint)
            | J::LeftSemi(constraint)
            | J::RightSemi(constraint)
            | J::Anti(constraint)
            | J::LeftAnti(constraint)
            | J::RightAnti(constraint) => self.constraint(constraint, relation, joined),
            J::CrossApply | J::OuterApply => {}
            J::AsOf { match_condition, constraint } => {
                self.expression(match_condition);
                self.constraint(constraint, relation, joined);
            }
            J::StraightJoin(_) => self.refuse(Code::Comment, relation.span(), "STRAIGHT_JOIN steers the server"),
            J::ArrayJoin | J::LeftArrayJoin | J::InnerArrayJoin => {
                self.refuse(Code::Clause, relation.span(), "ARRAY JOIN is not on the list");
            }
        }
    }

    fn constraint(&mut self, constraint: &mut JoinConstraint, relation: &TableFactor, joined: &mut Joined) {
        match constraint {
            JoinConstraint::On(on) => {
                self.facts.predicates.push(on.to_string());
                self.link_by(on, joined);
            }
            JoinConstraint::Using(columns) => {
                for column in columns {
                    self.shared_column(column);
                }
                joined.link_last();
            }
            JoinConstraint::Natural => {
                if self.hides_columns() {
                    self.refuse(
                        Code::Column,
                        relation.span(),
                        "NATURAL JOIN compares columns that may not be read: write ON",
                    );
                }
                joined.link_last();
            }
            JoinConstraint::None => {}
        }
    }

    /// A column in USING belongs to every table so far.
    fn shared_column(&mut self, column: &ObjectName) {
        let idents = parts(column).unwrap_or_default();
        let [ident] = idents.as_slice() else {
            return self.refuse(Code::Column, column.span(), "USING takes names of columns");
        };
        self.facts.columns.push(ident.value.clone());
        if !self.restricted {
            return;
        }
        let name = Name::column(&ident.value, ident.quote_style.is_some(), self.dialect);
        let hidden = self.scopes.last().is_some_and(|scope| {
            scope
                .relations
                .iter()
                .any(|relation| matches!(&relation.columns, Output::Listed(columns) if !columns.contains(&name)))
        });
        if hidden {
            self.refuse_ident(
                Code::Column,
                ident,
                format!("{} is not among the columns that may be read of both tables", ident.value),
            );
        }
    }

    fn hides_columns(&self) -> bool {
        self.scopes
            .last()
            .is_some_and(|scope| scope.relations.iter().any(|relation| matches!(relation.columns, Output::Listed(_))))
    }

    fn factor(&mut self, factor: &mut TableFactor, joined: &mut Joined, apply: bool) {
        self.relations += 1;
        if self.relations == self.policy.limits.tables + 1 {
            let message = format!("more than {} tables and sub-selects", self.policy.limits.tables);
            self.refuse(Code::Size, factor.span(), message);
        }
        match factor {
            TableFactor::Table { .. } => self.table(factor, joined, apply),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                let sideways = *lateral || apply;
                let hidden = if sideways { false } else { self.hide() };
                let depth = self.scopes.len();
                let single = super::joins::is_single_row(subquery);
                let columns = self.query(subquery);
                self.scopes.truncate(depth);
                self.unhide(hidden);
                self.sample(sample.as_mut());
                self.add(alias.as_mut(), None, columns);
                joined.add(self.last_name(), !sideways && !single);
            }
            TableFactor::TableFunction { expr, alias } => {
                self.rows_of(expr);
                self.add(alias.as_mut(), None, Output::Unknown);
                joined.add(self.last_name(), false);
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality: _, alias } => {
                self.function_in_from(name, args);
                let name = parts(name).and_then(|parts| parts.last().map(|ident| (*ident).clone()));
                self.add(alias.as_mut(), name.as_ref(), Output::Unknown);
                joined.add(self.last_name(), false);
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset: _, with_offset_alias: _, with_ordinality: _ } => {
                self.expressions(array_exprs);
                self.facts.functions.push("unnest".to_owned());
                self.add(alias.as_mut(), None, Output::Unknown);
                joined.add(self.last_name(), false);
            }
            TableFactor::JsonTable { json_expr, json_path: _, columns, alias } => {
                self.expression(json_expr);
                self.json_columns(columns);
                self.add(alias.as_mut(), None, Output::Unknown);
                joined.add(self.last_name(), false);
            }
            TableFactor::OpenJsonTable { json_expr, json_path: _, columns, alias } => {
                self.expression(json_expr);
                for column in columns {
                    self.data_type(&column.r#type, column.name.span);
                }
                self.add(alias.as_mut(), None, Output::Unknown);
                joined.add(self.last_name(), false);
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                if alias.is_some() && self.restricted {
                    self.refuse(
                        Code::Clause,
                        table_with_joins.relation.span(),
                        "a join with an alias: give its tables aliases",
                    );
                }
                self.table_with_joins(table_with_joins, joined);
            }
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => self.pivot(factor, joined),
            TableFactor::UnpivotExpr { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => {
                self.refuse(Code::Clause, factor.span(), "this form of a table is not on the list");
            }
        }
    }

    fn pivot(&mut self, factor: &mut TableFactor, joined: &mut Joined) {
        match factor {
            TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
                self.factor(table, joined, false);
                for function in aggregate_functions {
                    self.expression(&mut function.expr);
                }
                self.expressions(value_column);
                match value_source {
                    // SQL Server writes the values as names of columns.
                    PivotValueSource::List(values) => values.iter_mut().for_each(|value| {
                        if !matches!(value.expr, Expr::Identifier(_)) {
                            self.expression(&mut value.expr);
                        }
                    }),
                    PivotValueSource::Any(order) => self.order_expressions(order),
                    PivotValueSource::Subquery(query) => {
                        self.query(query);
                    }
                }
                self.maybe(default_on_null.as_mut());
                self.pivoted(alias.as_mut());
            }
            TableFactor::Unpivot { table, value, name: _, columns, null_inclusion: _, alias } => {
                self.factor(table, joined, false);
                if !matches!(value, Expr::Identifier(_)) {
                    self.expression(value);
                }
                for column in columns {
                    self.expression(&mut column.expr);
                }
                self.pivoted(alias.as_mut());
            }
            _ => {}
        }
    }

    /// What was pivoted has new columns, and hides the table, of which it keeps all that are not named.
    fn pivoted(&mut self, alias: Option<&mut TableAlias>) {
        if self.hides_columns() {
            self.refusals.push(crate::reason::Refusal::new(
                Code::Column,
                "PIVOT keeps every column of a table: make it over a sub-select of the columns that may be read",
            ));
        }
        if let Some(alias) = alias {
            self.add(Some(alias), None, Output::Unknown);
        }
    }

    fn table(&mut self, factor: &mut TableFactor, joined: &mut Joined, apply: bool) {
        let span = factor.span();
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality: _,
            partitions: _,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return;
        };
        if !with_hints.is_empty() || !index_hints.is_empty() {
            self.refuse(Code::Comment, span, "hints steer the server");
        }
        if json_path.is_some() {
            self.refuse(Code::Clause, span, "a path behind a table is not on the list");
        }
        match version {
            None => {}
            Some(TableVersion::ForSystemTimeAsOf(when)) => self.expression(when),
            Some(_) => self.refuse(Code::Clause, span, "this version of a table is not on the list"),
        }
        self.sample(sample.as_mut());
        let Some(idents) = parts(name) else {
            return self.refuse(Code::Table, span, "a table whose name is computed");
        };
        let last = idents.last().map(|ident| (*ident).clone());
        if let Some(args) = args {
            if args.settings.is_some() {
                self.refuse(Code::Clause, span, "SETTINGS is not on the list");
            }
            let name = name.clone();
            self.function_in_from(&name, &mut args.args);
            self.add(alias.as_mut(), last.as_ref(), Output::Unknown);
            joined.add(self.last_name(), false);
            return;
        }
        let names: Vec<Name> = idents.iter().map(|ident| Name::of(ident, self.dialect)).collect();
        let columns = self.table_columns(&names, &idents);
        let full = alias.is_none().then_some(names);
        self.add(alias.as_mut(), last.as_ref(), columns);
        if let (Some(relation), Some(full)) =
            (self.scopes.last_mut().and_then(|scope| scope.relations.last_mut()), full)
        {
            relation.table = Some(full);
        }
        joined.add(self.last_name(), !apply && !self.is_dual(last.as_ref()));
    }

    fn is_dual(&self, table: Option<&Ident>) -> bool {
        matches!(self.dialect, Dialect::Oracle | Dialect::MySql | Dialect::Generic)
            && table.is_some_and(|ident| ident.value.eq_ignore_ascii_case("dual"))
    }

    fn table_columns(&mut self, names: &[Name], idents: &[&Ident]) -> Output {
        let Some(first) = idents.first() else { return Output::Unknown };
        if let ([name], Some(cte)) =
            (names, self.ctes.iter().rev().find(|cte| names.len() == 1 && cte.name == names[0].folded))
        {
            let _ = name;
            return cte.columns.clone();
        }
        if names.len() == 1 && self.is_dual(Some(first)) {
            return Output::Known(vec![self.dialect.fold("dummy", false)]);
        }
        let written: Vec<&str> = names.iter().map(|name| name.folded.as_str()).collect();
        let written = written.join(".");
        if idents.iter().any(|ident| ident.value.is_empty() || ident.quote_style == Some('\'')) || names.len() > 3 {
            self.refuse_ident(Code::Table, first, format!("{written}: a table is named by one to three names"));
            return Output::Unknown;
        }
        if let Some(which) = catalogue::which(names, self.dialect) {
            self.refuse_ident(Code::Catalogue, first, format!("{written} is {which}"));
            return Output::Unknown;
        }
        // SQLite and DuckDB open files whose name stands for a table.
        if self.dialect == Dialect::Generic && idents.len() == 1 && first.value.contains(['.', '/']) {
            self.refuse_ident(Code::Table, first, format!("{written} looks like a file"));
            return Output::Unknown;
        }
        self.facts.tables.push(written.clone());
        if !self.policy.allows_table(names) {
            self.refuse_ident(Code::Table, first, format!("the policy does not name the table {written}"));
            return Output::Unknown;
        }
        match self.policy.columns_of(names) {
            Columns::All => Output::All,
            Columns::Some(columns) => Output::Listed(columns.clone()),
        }
    }

    /// A thing in FROM, with what it is called in this SELECT.
    fn add(&mut self, alias: Option<&mut TableAlias>, name: Option<&Ident>, mut columns: Output) {
        let mut ident = name.cloned();
        if let Some(alias) = alias {
            if !alias.explicit && self.dialect == Dialect::SqlServer {
                // T-SQL needs no `;` between statements: `FROM t SHUTDOWN` is two of them, `FROM t AS SHUTDOWN` none.
                alias.explicit = true;
                self.changed = true;
            }
            if !alias.columns.is_empty() {
                for column in &alias.columns {
                    if let Some(data_type) = &column.data_type {
                        self.data_type(data_type, column.name.span);
                    }
                }
                columns = self.renamed(columns, alias);
            }
            ident = Some(alias.name.clone());
        }
        let folded = ident.as_ref().map(|ident| Name::of(ident, self.dialect).folded);
        if let Some(scope) = self.scopes.last_mut() {
            scope.relations.push(Relation { ident, name: folded, table: None, columns });
        }
    }

    /// `t AS a (x, y)`: the columns of a table under other names, in their order.
    fn renamed(&mut self, columns: Output, alias: &TableAlias) -> Output {
        let names: Vec<String> = alias.columns.iter().map(|column| self.column_name(&column.name)).collect();
        match columns {
            Output::Listed(_) => {
                self.refuse_ident(Code::Column, &alias.name, "other names for columns of a table that hides some");
                Output::Known(Vec::new())
            }
            // A list may name fewer than there are.
            Output::All => Output::All,
            Output::Unknown => Output::Unknown,
            Output::Known(old) => {
                Output::Known(names.iter().cloned().chain(old.into_iter().skip(names.len())).collect())
            }
        }
    }

    fn last_name(&self) -> Option<String> {
        self.scopes
            .last()
            .and_then(|scope| scope.relations.last())
            .and_then(|relation| relation.name.as_ref())
            .map(|name| name.to_ascii_lowercase())
    }

    /// `TABLE(f(…))`.
    fn rows_of(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Function(function) => {
                let name = function.name.clone();
                if self.function_name(&name).is_some_and(|name| !functions::makes_rows(&name)) {
                    self.refuse(Code::Function, name.span(), format!("{name} may not stand in FROM"));
                }
                self.expression(expression);
            }
            _ => self.refuse_expression(Code::Clause, expression, "TABLE(…) takes a function on the list"),
        }
    }

    /// `LATERAL VIEW explode(…) name`.
    pub(super) fn lateral_view(&mut self, rows: &mut Expr, name: &ObjectName) {
        if self.restricted {
            self.refuse(Code::Clause, name.span(), "LATERAL VIEW: name the columns of a sub-select");
        }
        self.rows_of(rows);
    }

    fn function_in_from(&mut self, name: &ObjectName, args: &mut [FunctionArg]) {
        let listed = self.function_name(name);
        if let Some(listed) = &listed {
            if !functions::makes_rows(listed) && !self.policy_names_function(listed) {
                self.refuse(Code::Function, name.span(), format!("{listed} may not stand in FROM"));
            }
            self.check_sizes(listed, args, name.span());
        }
        for arg in args {
            self.argument(arg, "");
        }
    }

    fn json_columns(&mut self, columns: &[JsonTableColumn]) {
        for column in columns {
            match column {
                JsonTableColumn::Named(named) => self.data_type(&named.r#type, named.name.span),
                JsonTableColumn::ForOrdinality(_) => {}
                JsonTableColumn::Nested(nested) => self.json_columns(&nested.columns),
            }
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "an Option of a reference is what the tree gives")]
    fn sample(&mut self, sample: Option<&mut TableSampleKind>) {
        let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample else {
            return;
        };
        if sample.bucket.is_some() || sample.offset.is_some() {
            self.refusals.push(crate::reason::Refusal::new(Code::Clause, "this form of a sample is not on the list"));
        }
        if let Some(quantity) = &mut sample.quantity {
            self.expression(&mut quantity.value);
        }
    }

    pub(super) fn data_type(&mut self, data_type: &sqlparser::ast::DataType, span: sqlparser::tokenizer::Span) {
        if !types::is_allowed(data_type, self.dialect) {
            self.refuse(Code::Type, span, format!("the type {data_type} is not on the list"));
        }
    }
}
