use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, LimitClause, Query, SelectItem,
    SetExpr, Value,
};

use super::Reader;
use crate::reason::{Code, Refusal};

/// Which things of a FROM hang together by predicates. Names without a table in front belong to one that is not known: a
/// predicate with several of them joins two things.
#[derive(Debug, Default)]
pub(super) struct Joined {
    names: Vec<Option<String>>,
    /// Whether it can have many rows and does not depend on the others.
    counts: Vec<bool>,
    parent: Vec<usize>,
    unknown: usize,
}

impl Joined {
    pub(super) fn add(&mut self, name: Option<String>, counts: bool) {
        self.parent.push(self.names.len());
        self.names.push(name);
        self.counts.push(counts);
    }

    fn root(&self, mut at: usize) -> usize {
        while self.parent[at] != at {
            at = self.parent[at];
        }
        at
    }

    fn link(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.parent[one] = other;
    }

    /// The last thing with the one before it.
    pub(super) fn link_last(&mut self) {
        if self.names.len() > 1 {
            self.link(self.names.len() - 1, self.names.len() - 2);
        }
    }

    fn link_columns(&mut self, columns: &[(Option<String>, String)]) {
        let mut first = None;
        let mut bare: Vec<&str> = Vec::new();
        let mut known = 0;
        for (qualifier, column) in columns {
            let at = qualifier.as_ref().and_then(|name| self.names.iter().position(|own| own.as_ref() == Some(name)));
            match (at, first) {
                (Some(at), Some(first)) => self.link(at, first),
                (Some(at), None) => {
                    first = Some(at);
                    known += 1;
                }
                (None, _) if !bare.contains(&column.as_str()) => bare.push(column),
                (None, _) => {}
            }
        }
        if known + bare.len() > 1 && !bare.is_empty() {
            self.unknown += 1;
        }
    }

    fn pairs_without(&self) -> usize {
        let roots = (0..self.names.len()).filter(|at| self.counts[*at]).map(|at| self.root(at));
        let mut roots: Vec<usize> = roots.collect();
        roots.sort_unstable();
        roots.dedup();
        roots.len().saturating_sub(1 + self.unknown)
    }
}

impl Reader<'_> {
    /// WHERE: each condition of a chain of ANDs may join things.
    pub(super) fn conjuncts(&mut self, selection: &mut Expr, mut joined: Joined) {
        self.link_by(selection, &mut joined);
        self.check_cross_joins(&joined);
    }

    pub(super) fn link_by(&mut self, condition: &mut Expr, joined: &mut Joined) {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.link_by(left, joined);
                self.link_by(right, joined);
            }
            Expr::Nested(inner) => self.link_by(inner, joined),
            _ => {
                let outer = self.collected.replace(Vec::new());
                self.expression(condition);
                let collected = std::mem::replace(&mut self.collected, outer).unwrap_or_default();
                joined.link_columns(&collected);
                if let Some(outer) = &mut self.collected {
                    outer.extend(collected);
                }
            }
        }
    }

    pub(super) fn check_cross_joins(&mut self, joined: &Joined) {
        let pairs = joined.pairs_without();
        let most = self.policy.limits.cross_joins;
        if pairs > most {
            let message = format!("{pairs} pairs of tables that no predicate joins: at most {most} are let through");
            self.refusals.push(Refusal::new(Code::CrossJoin, message));
        }
    }
}

/// Whether a sub-select returns one row: an aggregate without groups, a SELECT without FROM, or LIMIT 1.
pub(super) fn is_single_row(query: &Query) -> bool {
    if let Some(LimitClause::LimitOffset { limit: Some(Expr::Value(value)), .. }) = &query.limit_clause
        && matches!(&value.value, Value::Number(number, _) if number == "1")
    {
        return true;
    }
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let groups = matches!(&select.group_by, GroupByExpr::Expressions(expressions, modifiers) if expressions.is_empty() && modifiers.is_empty());
    let aggregate = |item: &SelectItem| {
        let (SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }) = item else {
            return false;
        };
        has_aggregate(expression)
    };
    select.from.is_empty() || (groups && select.projection.iter().any(aggregate))
}

fn has_aggregate(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => {
            let name = function.name.to_string().to_ascii_lowercase();
            let own = function.over.is_none() && ["count", "sum", "avg", "min", "max"].contains(&name.as_str());
            own || match &function.args {
                FunctionArguments::List(list) => list.args.iter().any(|arg| {
                    matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) if has_aggregate(expression))
                }),
                _ => false,
            }
        }
        Expr::BinaryOp { left, right, .. } => has_aggregate(left) || has_aggregate(right),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
            has_aggregate(inner)
        }
        _ => false,
    }
}
