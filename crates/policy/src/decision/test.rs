//! The conditions of most policies, as tests that run without Cedar's evaluator.
//!
//! Cedar's evaluator copies values and reads entities from a map; a thousand policies take it a quarter of a millisecond.
//! Nearly all conditions only compare facts with literals. Those are translated once, when policies are loaded and have
//! passed strict validation, into a [`Test`] over the request itself. What is translated cannot fail: every fact is
//! always there and of its type, and there is no arithmetic. Whatever is not understood here stays with Cedar's evaluator.
//! A property test holds both to the same answer.

use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Literal, UnaryOp, Var};

use super::{
    Action, DecisionRequest, PrincipalKind,
    terms::{FlagFact, NumberFact, Numbers, SetFact, Sets, TextFact, Texts},
};

/// A condition that is true or false for a request, and never fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Constant(bool),
    Flag(FlagFact),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
    SameFlag(Box<Test>, Box<Test>),
    SameText(Texts, Texts),
    TextIn(Texts, Vec<Box<str>>),
    SameNumber(Numbers, Numbers),
    Less(Numbers, Numbers),
    LessOrSame(Numbers, Numbers),
    Holds(Sets, Texts),
    HoldsAll(Sets, Sets),
    HoldsAny(Sets, Sets),
    NoneIn(Sets),
    Kind(PrincipalKind),
    ActionIn(u64),
}

impl Test {
    /// Whether it holds for the request.
    pub(super) fn holds(&self, request: &DecisionRequest) -> bool {
        match self {
            Self::Constant(value) => *value,
            Self::Flag(flag) => flag.of(request),
            Self::Not(test) => !test.holds(request),
            Self::All(tests) => tests.iter().all(|test| test.holds(request)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(request)),
            Self::SameFlag(a, b) => a.holds(request) == b.holds(request),
            Self::SameText(a, b) => a.of(request) == b.of(request),
            Self::TextIn(text, words) => {
                let text = text.of(request);
                words.iter().any(|word| &**word == text)
            }
            Self::SameNumber(a, b) => a.of(request) == b.of(request),
            Self::Less(a, b) => a.of(request) < b.of(request),
            Self::LessOrSame(a, b) => a.of(request) <= b.of(request),
            Self::Holds(set, text) => set.contains(request, text.of(request)),
            Self::HoldsAll(set, part) => part.all(request, |word| set.contains(request, word)),
            Self::HoldsAny(set, part) => !part.all(request, |word| !set.contains(request, word)),
            Self::NoneIn(set) => set.all(request, |_| false),
            Self::Kind(kind) => request.principal.kind == *kind,
            Self::ActionIn(mask) => request.action.bit() & mask != 0,
        }
    }

    /// Translates the `when` and `unless` clauses of a policy; None when a part is not understood.
    pub(super) fn of_clauses(clauses: &[Clause]) -> Option<Self> {
        let tests = clauses
            .iter()
            .map(|clause| match clause {
                Clause::When(expression) => Self::of(expression),
                Clause::Unless(expression) => Some(Self::Not(Box::new(Self::of(expression)?))),
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self::all(tests))
    }

    /// All of them, without wrapping one alone.
    pub(super) fn all(mut tests: Vec<Self>) -> Self {
        tests.retain(|test| *test != Self::Constant(true));
        match (tests.pop(), tests.is_empty()) {
            (None, _) => Self::Constant(true),
            (Some(only), true) => only,
            (Some(last), false) => {
                tests.push(last);
                Self::All(tests).flat()
            }
        }
    }

    fn of(expression: &Expr) -> Option<Self> {
        match expression {
            Expr::Literal(Literal::Bool(value)) => Some(Self::Constant(*value)),
            Expr::GetAttr { .. } => path_of(expression).and_then(|path| FlagFact::named(&path)).map(Self::Flag),
            Expr::UnaryOp { op: UnaryOp::Not, expr } => Some(Self::Not(Box::new(Self::of(expr)?))),
            Expr::UnaryOp { op: UnaryOp::IsEmpty, expr } => sets_of(expr).map(Self::NoneIn),
            Expr::BinaryOp { op, left, right } => Self::of_binary(*op, left, right),
            Expr::Is { expr, entity_type, in_expr: None } if **expr == Expr::Var(Var::Principal) => {
                kind_named(&entity_type.to_string()).map(Self::Kind)
            }
            _ => None,
        }
    }

    fn of_binary(op: BinaryOp, left: &Arc<Expr>, right: &Arc<Expr>) -> Option<Self> {
        let not = |test: Self| Self::Not(Box::new(test));
        Some(match op {
            BinaryOp::And => Self::All(vec![Self::of(left)?, Self::of(right)?]).flat(),
            BinaryOp::Or => Self::Any(vec![Self::of(left)?, Self::of(right)?]).flat(),
            BinaryOp::Eq => Self::same(left, right)?,
            BinaryOp::NotEq => not(Self::same(left, right)?),
            BinaryOp::Less => Self::Less(numbers_of(left)?, numbers_of(right)?),
            BinaryOp::LessEq => Self::LessOrSame(numbers_of(left)?, numbers_of(right)?),
            BinaryOp::Greater => Self::Less(numbers_of(right)?, numbers_of(left)?),
            BinaryOp::GreaterEq => Self::LessOrSame(numbers_of(right)?, numbers_of(left)?),
            BinaryOp::In if **left == Expr::Var(Var::Action) => Self::ActionIn(action_mask(right)?),
            BinaryOp::Contains => match sets_of(left)? {
                Sets::Words(words) => Self::TextIn(texts_of(right)?, words),
                set @ Sets::Fact(_) => Self::Holds(set, texts_of(right)?),
            },
            BinaryOp::ContainsAll => Self::HoldsAll(sets_of(left)?, sets_of(right)?),
            BinaryOp::ContainsAny => Self::HoldsAny(sets_of(left)?, sets_of(right)?),
            _ => return None,
        })
    }

    fn same(left: &Arc<Expr>, right: &Arc<Expr>) -> Option<Self> {
        if **left == Expr::Var(Var::Action) {
            // `==` holds for the one action, never for a group.
            let Expr::Literal(Literal::EntityUID(uid)) = &**right else { return None };
            return uid.eid.parse::<Action>().ok().map(|action| Self::ActionIn(action.bit()));
        }
        if let (Some(a), Some(b)) = (texts_of(left), texts_of(right)) {
            return Some(Self::SameText(a, b));
        }
        if let (Some(a), Some(b)) = (numbers_of(left), numbers_of(right)) {
            return Some(Self::SameNumber(a, b));
        }
        Some(Self::SameFlag(Box::new(Self::of(left)?), Box::new(Self::of(right)?)))
    }

    /// Draws nested chains of the same operator into one.
    fn flat(self) -> Self {
        match self {
            Self::All(tests) => Self::All(
                tests
                    .into_iter()
                    .flat_map(|test| if let Self::All(inner) = test { inner } else { vec![test] })
                    .collect(),
            ),
            Self::Any(tests) => Self::Any(
                tests
                    .into_iter()
                    .flat_map(|test| if let Self::Any(inner) = test { inner } else { vec![test] })
                    .collect(),
            ),
            other => other,
        }
    }
}

/// The kind of principal that an entity type of the schema stands for.
pub(super) fn kind_named(entity_type: &str) -> Option<PrincipalKind> {
    match entity_type {
        "User" => Some(PrincipalKind::User),
        "Agent" => Some(PrincipalKind::Agent),
        _ => None,
    }
}

/// `principal.role` and the like, as words; None for anything else.
fn path_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Var(Var::Principal) => Some("principal".to_owned()),
        Expr::Var(Var::Resource) => Some("resource".to_owned()),
        Expr::Var(Var::Context) => Some("context".to_owned()),
        Expr::GetAttr { expr, attr } => path_of(expr).map(|path| format!("{path}.{attr}")),
        _ => None,
    }
}

fn texts_of(expression: &Expr) -> Option<Texts> {
    match expression {
        Expr::Literal(Literal::String(text)) => Some(Texts::Word(text.as_str().into())),
        Expr::GetAttr { .. } => TextFact::named(&path_of(expression)?).map(Texts::Fact),
        _ => None,
    }
}

fn numbers_of(expression: &Expr) -> Option<Numbers> {
    match expression {
        Expr::Literal(Literal::Long(number)) => Some(Numbers::Constant(*number)),
        Expr::GetAttr { .. } => NumberFact::named(&path_of(expression)?).map(Numbers::Fact),
        _ => None,
    }
}

fn sets_of(expression: &Expr) -> Option<Sets> {
    match expression {
        Expr::Set(items) => items
            .iter()
            .map(|item| match &**item {
                Expr::Literal(Literal::String(text)) => Some(Box::from(text.as_str())),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(Sets::Words),
        Expr::GetAttr { .. } => SetFact::named(&path_of(expression)?).map(Sets::Fact),
        _ => None,
    }
}

fn action_mask(expression: &Expr) -> Option<u64> {
    match expression {
        Expr::Literal(Literal::EntityUID(uid)) => Some(Action::mask_of(&uid.eid)),
        Expr::Set(items) => items.iter().map(|item| action_mask(item)).try_fold(0, |all, mask| Some(all | mask?)),
        _ => None,
    }
}
