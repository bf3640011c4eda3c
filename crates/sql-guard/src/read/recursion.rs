//! When a recursive common table expression ends: it counts up to a bound, or it follows an equality into a table, and then a
//! counter is put in where the server has no bound of its own.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, JoinConstraint,
    JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias, TableAliasColumnDef,
    TableFactor, TableWithJoins, Value,
};

use super::{Reader, resolve::Output, sizes};
use crate::{dialect::Dialect, policy::Name, reason::Code};

/// The column that counts rounds.
const COUNTER: &str = "guard_round";

/// Whether a condition looks at the row before: `PRIOR a = b`.
pub(super) fn names_prior(expression: &Expr) -> bool {
    match expression {
        Expr::Prior(_) => true,
        Expr::BinaryOp { left, right, .. } => names_prior(left) || names_prior(right),
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } => names_prior(inner),
        _ => false,
    }
}

/// `LEVEL <= 31`, with a number that is written out.
pub(super) fn counts_levels(expression: &Expr, most: u64) -> bool {
    match expression {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            counts_levels(left, most) || counts_levels(right, most)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Lt | BinaryOperator::LtEq, right } => {
            column(left)
                .is_some_and(|(_, name)| ["level", "rownum"].iter().any(|other| name.eq_ignore_ascii_case(other)))
                && sizes::number(right).is_some_and(|number| number <= most as f64)
        }
        Expr::Nested(inner) => counts_levels(inner, most),
        _ => false,
    }
}

fn factors<'a>(from: &'a [TableWithJoins], found: &mut Vec<&'a TableFactor>) {
    for item in from {
        for factor in std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::NestedJoin { table_with_joins, .. } => {
                    factors(std::slice::from_ref(table_with_joins), found);
                }
                other => found.push(other),
            }
        }
    }
}

fn tables_of(select: &Select) -> Vec<&TableFactor> {
    let mut found = Vec::new();
    factors(&select.from, &mut found);
    found
}

fn is_table(factor: &TableFactor, name: &str, dialect: Dialect) -> bool {
    match factor {
        TableFactor::Table { name: table, .. } => match table.0.as_slice() {
            [part] => part.as_ident().is_some_and(|ident| Name::of(ident, dialect).folded == name),
            _ => false,
        },
        _ => false,
    }
}

fn mentions(body: &SetExpr, name: &str, dialect: Dialect) -> bool {
    match body {
        SetExpr::Select(select) => tables_of(select).into_iter().any(|factor| match factor {
            TableFactor::Derived { subquery, .. } => mentions(&subquery.body, name, dialect),
            other => is_table(other, name, dialect),
        }),
        SetExpr::Query(query) => mentions(&query.body, name, dialect),
        SetExpr::SetOperation { left, right, .. } => mentions(left, name, dialect) || mentions(right, name, dialect),
        _ => false,
    }
}

fn conjuncts<'a>(expression: &'a Expr, found: &mut Vec<&'a Expr>) {
    match expression {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        Expr::Nested(inner) => conjuncts(inner, found),
        other => found.push(other),
    }
}

/// What has to hold for a row: WHERE, and ON of inner joins.
fn conditions(select: &Select) -> Vec<&Expr> {
    let mut found = Vec::new();
    if let Some(selection) = &select.selection {
        conjuncts(selection, &mut found);
    }
    for join in select.from.iter().flat_map(|item| &item.joins) {
        if let JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) =
            &join.join_operator
        {
            conjuncts(on, &mut found);
        }
    }
    found
}

fn column(expression: &Expr) -> Option<(Option<&str>, &str)> {
    match expression {
        Expr::Identifier(ident) => Some((None, &ident.value)),
        Expr::CompoundIdentifier(idents) => match idents.as_slice() {
            [table, column] => Some((Some(&table.value), &column.value)),
            _ => None,
        },
        Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

fn item(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => Some(expression),
        _ => None,
    }
}

/// `n + 1`, `d + INTERVAL '1 day'`, `DATEADD(day, 1, d)`: the column goes up by something that is written out.
fn steps_up(expression: &Expr, name: &str) -> bool {
    let is_column = |other: &Expr| column(other).is_some_and(|(_, column)| column.eq_ignore_ascii_case(name));
    match expression {
        Expr::BinaryOp { left, op: BinaryOperator::Plus, right } => {
            let fixed = |other: &Expr| {
                sizes::number(other).is_some_and(|step| step >= 1.0) || matches!(other, Expr::Interval(_))
            };
            (is_column(left) && fixed(right)) || (is_column(right) && fixed(left))
        }
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => steps_up(inner, name),
        Expr::Function(Function { name: function, args: FunctionArguments::List(list), .. }) => {
            let function = function.to_string().to_ascii_lowercase();
            let known = ["dateadd", "date_add", "adddate", "date", "datetime", "add_months", "timestampadd"]
                .contains(&function.as_str());
            let plain = |arg: &FunctionArg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
                _ => None,
            };
            let args: Vec<Expr> = list.args.iter().filter_map(plain).collect();
            let up = args.iter().any(|arg| {
                sizes::number(arg).is_some_and(|step| step >= 1.0)
                    || matches!(arg, Expr::Interval(_))
                    || matches!(arg, Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(text) if text.starts_with('+')))
            });
            known && up && args.iter().any(is_column)
        }
        _ => false,
    }
}

impl Reader<'_> {
    fn is_bound(&self, bound: &Expr) -> bool {
        if let Some(number) = sizes::number(bound) {
            return number <= self.policy.limits.recursion as f64;
        }
        if let Some(text) = sizes::string(bound, self.dialect) {
            return text
                .get(..4)
                .and_then(|year| year.parse::<u32>().ok())
                .is_some_and(|year| (1_900..=2_100).contains(&year));
        }
        match bound {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.is_bound(inner),
            Expr::Subquery(query) => matches!(query.body.as_ref(), SetExpr::Select(select) if !select.from.is_empty()),
            Expr::Function(function) => {
                let name = function.name.to_string().to_ascii_lowercase();
                [
                    "length",
                    "len",
                    "char_length",
                    "current_date",
                    "now",
                    "getdate",
                    "curdate",
                    "date",
                    "json_array_length",
                    "array_length",
                    "current_timestamp",
                ]
                .contains(&name.as_str())
            }
            Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
                self.is_bound(left) && (self.is_bound(right) || matches!(right.as_ref(), Expr::Interval(_)))
            }
            _ => false,
        }
    }

    /// A condition `n < 100`, and `n + 1` in the row that is made.
    fn counts(&self, select: &Select) -> bool {
        use BinaryOperator::{Gt, GtEq, Lt, LtEq};
        conditions(select).into_iter().any(|condition| {
            let (low, high) = match condition {
                Expr::BinaryOp { left, op: Lt | LtEq, right } => (left, right),
                Expr::BinaryOp { left, op: Gt | GtEq, right } => (right, left),
                _ => return false,
            };
            // `n + 1 <= 100` bounds n as well.
            let counted = match low.as_ref() {
                Expr::BinaryOp { left, op: BinaryOperator::Plus, .. } => column(left),
                other => column(other).or_else(|| {
                    select.projection.iter().filter_map(item).find(|made| *made == other).and_then(first_column)
                }),
            };
            let Some((_, name)) = counted else { return false };
            self.is_bound(high) && select.projection.iter().filter_map(item).any(|made| steps_up(made, name))
        })
    }

    /// An equality between a column of the recursion and one of a table beside it.
    fn follows(&self, select: &Select, name: &str) -> Option<Ident> {
        let tables = tables_of(select);
        let own = tables.iter().find(|factor| is_table(factor, name, self.dialect))?;
        if !tables.iter().any(|factor| {
            matches!(factor, TableFactor::Table { args: None, .. }) && !is_table(factor, name, self.dialect)
        }) {
            return None;
        }
        let TableFactor::Table { name: table, alias, .. } = own else { return None };
        let ident = alias.as_ref().map_or_else(
            || table.0.first().and_then(|part| part.as_ident()).cloned(),
            |alias| Some(alias.name.clone()),
        )?;
        let of_own =
            |qualifier: Option<&str>| qualifier.is_some_and(|qualifier| qualifier.eq_ignore_ascii_case(&ident.value));
        let linked = conditions(select).into_iter().any(|condition| {
            let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else { return false };
            match (column(left), column(right)) {
                (Some((one, left)), Some((other, right))) => {
                    of_own(one) != of_own(other)
                        || (one.is_none() && other.is_none() && !left.eq_ignore_ascii_case(right))
                }
                _ => false,
            }
        });
        linked.then_some(ident)
    }

    /// Refuses what has no end, and puts a counter into what might have none.
    ///
    /// Returns the columns, where a counter was put beside them.
    pub(super) fn check_recursion(&mut self, query: &mut Query, alias: &mut TableAlias, name: &str) -> Option<Output> {
        if !mentions(&query.body, name, self.dialect) {
            return None;
        }
        let ident = alias.name.clone();
        let refused = "a recursion without a bound: count rounds (n + 1) and compare with a number (n < 100), or follow an equality into a table";
        let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } = query.body.as_mut() else {
            self.refuse_ident(Code::Recursion, &ident, refused);
            return None;
        };
        let (SetExpr::Select(anchor), SetExpr::Select(term)) = (left.as_mut(), right.as_mut()) else {
            self.refuse_ident(Code::Recursion, &ident, "a recursion has one SELECT to begin with and one that goes on");
            return None;
        };
        let occurrences = tables_of(term).into_iter().filter(|factor| is_table(factor, name, self.dialect)).count();
        if occurrences != 1 || tables_of(anchor).into_iter().any(|factor| is_table(factor, name, self.dialect)) {
            self.refuse_ident(Code::Recursion, &ident, "a recursion that multiplies itself");
            return None;
        }
        if self.counts(term) {
            return None;
        }
        let Some(own) = self.follows(term, name) else {
            self.refuse_ident(Code::Recursion, &ident, refused);
            return None;
        };
        let plain = term
            .projection
            .iter()
            .all(|made| item(made).is_some_and(|made| column(made).is_some() || matches!(made, Expr::Value(_))));
        let distinct = matches!(set_quantifier, SetQuantifier::None | SetQuantifier::Distinct);
        // The other servers end a recursion by themselves.
        let endless = matches!(self.dialect, Dialect::Postgres | Dialect::Sqlite | Dialect::Generic);
        if (distinct && plain) || !endless {
            return None;
        }
        let names = self
            .output_names(anchor, alias)
            .filter(|_| !distinct && term.projection.iter().all(|made| item(made).is_some()));
        let Some(names) = names else {
            self.refuse_ident(
                Code::Recursion,
                &ident,
                "name the columns of the recursion, and combine by UNION ALL with a counter",
            );
            return None;
        };
        self.put_counter(anchor, term, alias, &own);
        Some(Output::Listed(names))
    }

    fn output_names(&self, anchor: &Select, alias: &TableAlias) -> Option<Vec<Name>> {
        let of = |ident: &Ident| Name::column(&ident.value, ident.quote_style.is_some(), self.dialect);
        if !alias.columns.is_empty() {
            return Some(alias.columns.iter().map(|column| of(&column.name)).collect());
        }
        let name = |made: &SelectItem| match made {
            SelectItem::ExprWithAlias { alias, .. } => Some(of(alias)),
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(of(ident)),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => idents.last().map(of),
            _ => None,
        };
        anchor.projection.iter().map(name).collect()
    }

    fn put_counter(&mut self, anchor: &mut Select, term: &mut Select, alias: &mut TableAlias, own: &Ident) {
        let number = |value: u64| Expr::Value(Value::Number(value.to_string(), false).with_empty_span());
        let counter = || Ident::new(COUNTER);
        let round = || Box::new(Expr::CompoundIdentifier(vec![own.clone(), counter()]));
        anchor.projection.push(SelectItem::ExprWithAlias { expr: number(0), alias: counter() });
        let next = Expr::BinaryOp { left: round(), op: BinaryOperator::Plus, right: Box::new(number(1)) };
        term.projection.push(SelectItem::UnnamedExpr(next));
        let bound = Expr::BinaryOp {
            left: round(),
            op: BinaryOperator::Lt,
            right: Box::new(number(self.policy.limits.recursion)),
        };
        term.selection = Some(match term.selection.take() {
            None => bound,
            Some(selection) => Expr::BinaryOp {
                left: Box::new(Expr::Nested(Box::new(selection))),
                op: BinaryOperator::And,
                right: Box::new(bound),
            },
        });
        if !alias.columns.is_empty() {
            alias.columns.push(TableAliasColumnDef { name: counter(), data_type: None });
        }
        self.changed = true;
    }
}

fn first_column(expression: &Expr) -> Option<(Option<&str>, &str)> {
    match expression {
        Expr::BinaryOp { left, .. } => first_column(left),
        Expr::Nested(inner) => first_column(inner),
        other => column(other),
    }
}
