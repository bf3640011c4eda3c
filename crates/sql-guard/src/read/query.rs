use std::mem;

use sqlparser::ast::{
    ConnectByKind, Cte, Distinct, Expr, Fetch, ForClause, GroupByExpr, GroupByWithModifier, Ident, LimitClause,
    NamedWindowExpr, Offset, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Query, Select, SelectItem,
    SetExpr, SetQuantifier, Spanned, Top, TopQuantity, Values, WildcardAdditionalOptions, With,
};

use super::{
    Reader,
    recursion::{counts_levels, names_prior},
    resolve::{Output, Relation, Scope},
};
use sqlparser::tokenizer::Span;

use crate::{dialect::Dialect, policy::Name, reason::Code};

impl Reader<'_> {
    /// Walks over a query in a scope of its own, and says what its columns are called.
    pub(super) fn query(&mut self, query: &mut Query) -> Output {
        let span = query.span();
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            self.refuse(Code::Clause, span, "FOR UPDATE and FOR SHARE lock rows");
        }
        match for_clause {
            None => {}
            Some(ForClause::Json { .. } | ForClause::Xml { .. }) if self.dialect == Dialect::SqlServer => {}
            Some(_) => self.refuse(Code::Clause, span, "this FOR clause is not on the list"),
        }
        if settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            self.refuse(Code::Clause, span, "SETTINGS, FORMAT and pipes are not on the list");
        }
        let before = self.ctes.len();
        if let Some(with) = with {
            self.with(with);
        }
        let depth = self.scopes.len();
        let output = self.set_expression(body);
        if self.scopes.len() == depth {
            // Over a combination of sets only its columns are in sight.
            let relation = Relation { ident: None, name: None, table: None, columns: output.clone() };
            self.scopes.push(Scope { relations: vec![relation], ..Scope::default() });
        }
        if let Some(order_by) = order_by {
            self.order_by(order_by);
        }
        self.limits(limit_clause, fetch);
        self.scopes.truncate(depth);
        self.ctes.truncate(before);
        output
    }

    fn with(&mut self, with: &mut With) {
        let recursive = with.recursive;
        for cte in &mut with.cte_tables {
            self.cte(cte, recursive);
        }
    }

    fn cte(&mut self, cte: &mut Cte, recursive: bool) {
        let Cte { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
        if from.is_some() || alias.at.is_some() {
            self.refuse_ident(Code::Clause, &alias.name, "this form of a common table expression is not on the list");
        }
        self.relations += 1;
        let name = Name::of(&alias.name, self.dialect).folded;
        // These servers take a name that stands in its own expression for recursion without being told.
        let silent = matches!(self.dialect, Dialect::Sqlite | Dialect::SqlServer | Dialect::Oracle | Dialect::Generic);
        let own = recursive || silent;
        let mut counted = None;
        if own {
            counted = self.check_recursion(query, alias, &name);
            self.ctes.push(super::Cte { name: name.clone(), columns: Output::Unknown });
        }
        let mark = self.scopes.len();
        let mut columns = self.query(query);
        self.scopes.truncate(mark);
        if own {
            self.ctes.pop();
        }
        if let Some(counted) = counted {
            columns = counted;
        } else if !alias.columns.is_empty() {
            columns = Output::Known(alias.columns.iter().map(|column| self.column_name(&column.name)).collect());
        }
        self.ctes.push(super::Cte { name, columns });
    }

    /// Leaves the scope of a SELECT, which its ORDER BY sees, for the query to take away.
    fn set_expression(&mut self, body: &mut SetExpr) -> Output {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, op: _, set_quantifier, right } => {
                if !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None) {
                    self.refuse(Code::Clause, left.span(), "sets are combined by position only");
                }
                let depth = self.scopes.len();
                let output = self.set_expression(left);
                self.scopes.truncate(depth);
                self.set_expression(right);
                self.scopes.truncate(depth);
                output
            }
            SetExpr::Values(values) => self.values(values),
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.refuse(Code::StatementKind, body.span(), "a change inside of a read");
                Output::Unknown
            }
            SetExpr::Table(_) => {
                self.refuse(Code::StatementKind, body.span(), "the command TABLE: write SELECT with the columns");
                Output::Unknown
            }
        }
    }

    pub(super) fn values(&mut self, values: &mut Values) -> Output {
        let Values { explicit_row: _, value_keyword: _, rows } = values;
        for row in rows {
            self.expressions(&mut row.content);
        }
        Output::Unknown
    }

    fn select(&mut self, select: &mut Select) -> Output {
        let span = select.select_token.0.span;
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor: _,
        } = select;
        let steers = !optimizer_hints.is_empty() || select_modifiers.as_ref().is_some_and(super::sizes::is_steering);
        let unknown = exclude.is_some() || prewhere.is_some() || value_table_mode.is_some();
        for (there, code, message) in [
            (steers, Code::Comment, "hints steer the server"),
            (into.is_some(), Code::Clause, "SELECT INTO makes a table, a file or a variable"),
            (unknown, Code::Clause, "a clause that is not on the list"),
        ] {
            if there {
                self.refuse(code, span, message);
            }
        }
        self.scopes.push(Scope::default());
        let joined = self.from(from);
        for view in lateral_views {
            self.lateral_view(&mut view.lateral_view, &view.lateral_view_name);
        }
        if let Some(selection) = selection {
            self.facts.predicates.push(selection.to_string());
            self.conjuncts(selection, joined);
        } else {
            self.check_cross_joins(&joined);
        }
        let of_dual =
            from.len() == 1 && from[0].joins.is_empty() && from[0].relation.to_string().eq_ignore_ascii_case("dual");
        for clause in connect_by {
            self.connect_by(clause, of_dual, span);
        }
        let aliases = projection.iter().filter_map(alias).map(|ident| self.column_name(ident)).collect();
        if let Some(scope) = self.scopes.last_mut() {
            scope.aliases = aliases;
        }
        let output = self.projection(projection);
        match distinct {
            Some(Distinct::On(on)) => self.expressions(on),
            Some(Distinct::All | Distinct::Distinct) | None => {}
        }
        self.top(top);
        self.group_by(group_by);
        self.expressions(cluster_by);
        self.expressions(distribute_by);
        self.order_expressions(sort_by);
        if let Some(having) = having {
            self.predicate(having);
        }
        for window in named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                self.window(spec);
            }
        }
        self.maybe(qualify.as_mut());
        output
    }

    fn connect_by(&mut self, clause: &mut ConnectByKind, of_dual: bool, span: Span) {
        match clause {
            ConnectByKind::ConnectBy { connect_token: _, nocycle: _, relationships } => {
                let most = self.policy.limits.recursion;
                let ends = |one: &Expr| names_prior(one) || (of_dual && counts_levels(one, most));
                if !relationships.iter().any(ends) {
                    let message = format!("CONNECT BY takes PRIOR, or of DUAL alone LEVEL <= a number up to {most}");
                    self.refuse(Code::Recursion, span, message);
                }
                self.expressions(relationships);
            }
            ConnectByKind::StartWith { start_token: _, condition } => self.expression(condition),
        }
    }

    fn top(&mut self, top: &mut Option<Top>) {
        if let Some(Top { quantity: Some(TopQuantity::Expr(quantity)), .. }) = top {
            self.expression(quantity);
        }
    }

    fn group_by(&mut self, group_by: &mut GroupByExpr) {
        let modifiers = match group_by {
            GroupByExpr::All(modifiers) => modifiers,
            GroupByExpr::Expressions(expressions, modifiers) => {
                self.expressions(expressions);
                modifiers
            }
        };
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube | GroupByWithModifier::Totals => {}
                GroupByWithModifier::GroupingSets(sets) => self.expression(sets),
            }
        }
    }

    /// Says what the columns are called, and writes `*` out where not all of a table may be read.
    fn projection(&mut self, projection: &mut Vec<SelectItem>) -> Output {
        let mut names = Some(Vec::new());
        let mut items = Vec::with_capacity(projection.len());
        for mut item in mem::take(projection) {
            match &mut item {
                SelectItem::UnnamedExpr(expression) => {
                    self.expression(expression);
                    let ident = match &*expression {
                        Expr::Identifier(ident) => Some(ident),
                        Expr::CompoundIdentifier(idents) => idents.last(),
                        _ => None,
                    };
                    let name = ident.map(|ident| self.column_name(ident));
                    names = names.zip(name).map(|(mut names, name)| {
                        names.push(name);
                        names
                    });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    self.expression(expr);
                    let name = self.column_name(alias);
                    names = names.map(|mut names| {
                        names.push(name);
                        names
                    });
                }
                SelectItem::ExprWithAliases { expr, aliases: _ } => {
                    self.expression(expr);
                    names = None;
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    self.wildcard_options(options);
                    let written = self.qualified_wildcard(kind);
                    names = self.extend_names(names, written.as_ref());
                    if let Some(written) = written {
                        items.extend(written);
                        continue;
                    }
                }
                SelectItem::Wildcard(options) => {
                    self.wildcard_options(options);
                    let written = self.wildcard(options.wildcard_token.0.span);
                    names = self.extend_names(names, written.as_ref());
                    if let Some(written) = written {
                        items.extend(written);
                        continue;
                    }
                }
            }
            items.push(item);
        }
        *projection = items;
        names.map_or(Output::Unknown, Output::Known)
    }

    fn extend_names(&self, names: Option<Vec<String>>, items: Option<&Vec<SelectItem>>) -> Option<Vec<String>> {
        let mut names = names?;
        for item in items? {
            let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) = item else { return None };
            names.push(self.column_name(idents.last()?));
        }
        Some(names)
    }

    fn wildcard_options(&mut self, options: &mut WildcardAdditionalOptions) {
        let WildcardAdditionalOptions {
            wildcard_token,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        let narrows = opt_exclude.is_some() || opt_except.is_some() || opt_ilike.is_some();
        if opt_alias.is_some() || opt_rename.is_some() || (narrows && self.restricted) {
            self.refuse(Code::Clause, wildcard_token.0.span, "name the columns instead of *");
        }
        if let Some(replace) = opt_replace {
            for item in &mut replace.items {
                self.expression(&mut item.expr);
            }
        }
    }

    fn order_by(&mut self, order_by: &mut OrderBy) {
        let OrderBy { kind, interpolate } = order_by;
        if interpolate.is_some() {
            self.refusals.push(crate::reason::Refusal::new(Code::Clause, "INTERPOLATE is not on the list"));
        }
        match kind {
            OrderByKind::All(_) => {}
            OrderByKind::Expressions(expressions) => {
                for order in expressions {
                    // A name alone is one of the result, before it is one of a table.
                    let of_result = match &order.expr {
                        Expr::Identifier(ident) => self.is_alias(ident),
                        _ => false,
                    };
                    if of_result {
                        self.order_options(&order.options);
                    } else {
                        self.order_expression(order);
                    }
                }
            }
        }
    }

    pub(super) fn order_expressions(&mut self, expressions: &mut [OrderByExpr]) {
        for order in expressions {
            self.order_expression(order);
        }
    }

    fn order_expression(&mut self, order: &mut OrderByExpr) {
        let OrderByExpr { expr, options, with_fill } = order;
        if with_fill.is_some() {
            self.refuse_expression(Code::Clause, expr, "WITH FILL makes rows from nothing");
        }
        self.expression(expr);
        self.order_options(options);
    }

    fn order_options(&mut self, options: &OrderByOptions) {
        let OrderByOptions { sort, nulls_first: _ } = options;
        match sort {
            None | Some(OrderBySort::Asc | OrderBySort::Desc) => {}
            Some(OrderBySort::Using(_)) => {
                self.refusals.push(crate::reason::Refusal::new(Code::Operator, "ORDER BY … USING names an operator"));
            }
        }
    }

    fn limits(&mut self, limit: &mut Option<LimitClause>, fetch: &mut Option<Fetch>) {
        match limit {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
                self.maybe(limit.as_mut());
                if let Some(Offset { value, rows: _ }) = offset {
                    self.expression(value);
                }
                self.expressions(limit_by);
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expression(offset);
                self.expression(limit);
            }
        }
        if let Some(Fetch { quantity, .. }) = fetch {
            self.maybe(quantity.as_mut());
        }
    }

    pub(super) fn column_name(&self, ident: &Ident) -> String {
        Name::column(&ident.value, ident.quote_style.is_some(), self.dialect).folded
    }
}

fn alias(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        _ => None,
    }
}
