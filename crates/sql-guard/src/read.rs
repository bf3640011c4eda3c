//! The walk over the tree of a read. Whatever is in the tree has to be on a list: each form is named here, and those that are
//! not let through are refused, so that a form that a new version of the parser brings does not compile, or is refused.

mod call;
mod expression;
mod from;
mod joins;
mod limit;
mod query;
mod recursion;
mod resolve;
mod sizes;

use sqlparser::{
    ast::{Expr, Ident, Query, Spanned},
    tokenizer::Span,
};

pub(crate) use self::limit::hold as hold_row_limit;
use self::resolve::{Output, Scope};
use crate::{
    dialect::Dialect,
    policy::Policy,
    reason::{Code, Refusal},
    text,
    verdict::Facts,
};

/// No more reasons than these are told.
const MOST_REASONS: usize = 16;

/// A common table expression that is in sight.
#[derive(Debug, Clone)]
struct Cte {
    name: String,
    columns: Output,
}

/// Walks over a read, holds it against the policy, and collects what it reads.
pub(crate) struct Reader<'p> {
    policy: &'p Policy,
    dialect: Dialect,
    /// Whether the policy leaves columns out: only then names are resolved.
    restricted: bool,
    pub(crate) facts: Facts,
    pub(crate) refusals: Vec<Refusal>,
    /// Whether the tree was changed.
    pub(crate) changed: bool,
    scopes: Vec<Scope>,
    ctes: Vec<Cte>,
    relations: usize,
    /// Columns seen since collecting began: qualifier and name.
    collected: Option<Vec<(Option<String>, String)>>,
    /// Growth of texts: calls of `replace` and the like that make more than they are given, in each other.
    growth: usize,
    /// How many rows all series together make, each with each.
    generated: f64,
}

impl<'p> Reader<'p> {
    pub(crate) fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            dialect: policy.dialect,
            restricted: !policy.reads_all_columns(),
            facts: Facts::default(),
            refusals: Vec::new(),
            changed: false,
            scopes: Vec::new(),
            ctes: Vec::new(),
            relations: 0,
            collected: None,
            growth: 0,
            generated: 1.0,
        }
    }

    /// The whole statement.
    pub(crate) fn read(&mut self, query: &mut Query) {
        self.query(query);
    }

    fn refuse(&mut self, code: Code, span: Span, message: impl Into<String>) {
        if self.refusals.len() < MOST_REASONS {
            self.refusals.push(Refusal { code, message: message.into(), at: text::place(span) });
        }
    }

    fn refuse_ident(&mut self, code: Code, ident: &Ident, message: impl Into<String>) {
        self.refuse(code, ident.span, message);
    }

    fn refuse_expression(&mut self, code: Code, expression: &Expr, message: impl Into<String>) {
        let span = expression.span();
        self.refuse(code, span, message);
    }

    /// A condition of WHERE, ON or HAVING.
    fn predicate(&mut self, expression: &mut Expr) {
        self.facts.predicates.push(expression.to_string());
        self.expression(expression);
    }

    fn expressions(&mut self, expressions: &mut [Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn maybe(&mut self, expression: Option<&mut Expr>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }
}
