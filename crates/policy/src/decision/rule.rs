use cedar_policy::{ActionConstraint, Effect, EntityUid, Policy, PrincipalConstraint, ResourceConstraint, pst};

use super::{
    Obligation, PolicyRef, PrincipalKind,
    remedy::Dimensions,
    terms::{TextFact, Texts},
    test::{Test, kind_named},
};

/// A policy, ready to be asked.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    /// Whether a tenant added it.
    pub(super) tenant: bool,
    pub(super) forbids: bool,
    /// The actions it speaks of, as a mask.
    pub(super) actions: u64,
    /// The kind of principal it speaks of; None for both.
    pub(super) kind: Option<PrincipalKind>,
    /// Scope and conditions; None when only Cedar's evaluator understands them.
    pub(super) test: Option<Test>,
    pub(super) obligations: Vec<Obligation>,
    /// Who it is and what it says.
    pub(super) reference: PolicyRef,
    /// Which facts it looks at.
    pub(super) dimensions: Dimensions,
    pub(super) policy: Policy,
}

impl Rule {
    /// Translates a policy. The error says what in its annotations is not understood.
    pub(super) fn new(policy: Policy, tenant: bool) -> Result<Self, String> {
        let obligations = match policy.annotation("obligation") {
            None => Vec::new(),
            Some(words) => Obligation::parse_list(words).map_err(|word| format!("unknown obligation `{word}`"))?,
        };
        let template = policy.to_pst().map_err(|fault| fault.to_string())?;
        let scope = scope_of(&policy);
        let clauses = template.body().clauses();
        let conditions = Test::of_clauses(clauses);
        let mut looked_at: Vec<_> = clauses.iter().map(ToString::to_string).collect();
        if policy.principal_constraint() != PrincipalConstraint::Any {
            looked_at.push("principal is".to_owned());
        }
        let test = conditions.map(|conditions| Test::all(vec![scope, conditions]));
        Ok(Self {
            id: policy.id().to_string(),
            tenant,
            forbids: policy.effect() == Effect::Forbid,
            actions: actions_of(&policy.action_constraint()),
            kind: kind_of(&policy.principal_constraint()),
            test,
            obligations,
            reference: reference_to(&policy),
            dimensions: Dimensions::named_in(&looked_at.concat()),
            policy,
        })
    }

    /// Its `when` and `unless` clauses, taken apart at their outermost `&&`, as text and, where understood, as test.
    pub(super) fn parts(&self) -> Vec<(String, Option<Test>)> {
        let Ok(template) = self.policy.to_pst() else { return Vec::new() };
        let mut parts = Vec::new();
        for clause in template.body().clauses() {
            match clause {
                pst::Clause::When(expression) => conjuncts(expression, &mut parts),
                pst::Clause::Unless(expression) => parts
                    .push((format!("!({expression})"), Test::of_clauses(&[pst::Clause::Unless(expression.clone())]))),
            }
        }
        parts
    }
}

fn reference_to(policy: &Policy) -> PolicyRef {
    let reason = match policy.annotation("reason") {
        Some(reason) if !reason.is_empty() => reason,
        _ if policy.effect() == Effect::Forbid => "A policy of this organisation forbids it.",
        _ => "A policy permits it.",
    };
    PolicyRef {
        id: policy.id().to_string(),
        reason: reason.to_owned(),
        remedy: policy.annotation("remedy").unwrap_or_default().to_owned(),
    }
}

fn conjuncts(expression: &std::sync::Arc<pst::Expr>, into: &mut Vec<(String, Option<Test>)>) {
    if let pst::Expr::BinaryOp { op: pst::BinaryOp::And, left, right } = &**expression {
        conjuncts(left, into);
        conjuncts(right, into);
    } else {
        into.push((expression.to_string(), Test::of_clauses(&[pst::Clause::When(expression.clone())])));
    }
}

fn actions_of(constraint: &ActionConstraint) -> u64 {
    let mask = |uid: &EntityUid| super::Action::mask_of(uid.id().unescaped());
    match constraint {
        ActionConstraint::Any => u64::MAX,
        ActionConstraint::Eq(uid) => mask(uid),
        ActionConstraint::In(uids) => uids.iter().fold(0, |all, uid| all | mask(uid)),
    }
}

fn kind_of(constraint: &PrincipalConstraint) -> Option<PrincipalKind> {
    match constraint {
        PrincipalConstraint::Any => None,
        PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => kind_named(&name.to_string()),
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => kind_named(&uid.type_name().to_string()),
    }
}

/// The scope without the action, which is settled by the choice of slice. Nothing here has parents, so `in` is `==`.
fn scope_of(policy: &Policy) -> Test {
    let same = |fact, uid: &EntityUid| Test::SameText(Texts::Fact(fact), Texts::Word(uid.id().unescaped().into()));
    let kind = |name: String| kind_named(&name).map_or(Test::Constant(false), Test::Kind);
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any => Test::Constant(true),
        PrincipalConstraint::Is(name) => kind(name.to_string()),
        PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) => {
            Test::All(vec![kind(uid.type_name().to_string()), same(TextFact::PrincipalId, &uid)])
        }
        PrincipalConstraint::IsIn(name, uid) => Test::All(vec![
            kind(name.to_string()),
            kind(uid.type_name().to_string()),
            same(TextFact::PrincipalId, &uid),
        ]),
    };
    let is_resource = |name: String| Test::Constant(name == "Resource");
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Any => Test::Constant(true),
        ResourceConstraint::Is(name) => is_resource(name.to_string()),
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) => {
            Test::All(vec![is_resource(uid.type_name().to_string()), same(TextFact::ResourceId, &uid)])
        }
        ResourceConstraint::IsIn(name, uid) => Test::All(vec![
            is_resource(name.to_string()),
            is_resource(uid.type_name().to_string()),
            same(TextFact::ResourceId, &uid),
        ]),
    };
    Test::all(vec![principal, resource])
}
