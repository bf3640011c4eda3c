use std::collections::BTreeMap;

use serde::Serialize;

use super::{Action, DecisionRequest, Engine, Verdict};

/// The most examples kept for each kind of change.
pub const EXAMPLES_PER_CHANGE: usize = 5;

/// What other policies would have made of earlier decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReplayReport {
    /// How many decisions were made again.
    pub replayed: u64,
    /// How many came out differently.
    pub changed: u64,
    /// The changes, by action and by what became what.
    pub changes: Vec<ReplayChange>,
}

/// Decisions on one action that came out differently in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReplayChange {
    /// The action.
    pub action: Action,
    /// What it was.
    pub from: Verdict,
    /// What it would be now.
    pub to: Verdict,
    /// How many.
    pub count: u64,
    /// The first few of them.
    pub examples: Vec<ReplayExample>,
}

/// One decision that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReplayExample {
    /// SHA-256 of the request's canonical JSON.
    pub inputs_digest: String,
    /// The request.
    pub request: DecisionRequest,
    /// The policies that determine it now.
    pub policies: Vec<String>,
}

/// Makes earlier decisions again and lists what comes out differently. Memory does not grow with their number.
pub fn replay(old_decisions: impl Iterator<Item = (DecisionRequest, Verdict)>, engine: &Engine) -> ReplayReport {
    let mut report = ReplayReport::default();
    let mut changes: BTreeMap<(Action, Verdict, Verdict), ReplayChange> = BTreeMap::new();
    for (request, from) in old_decisions {
        report.replayed += 1;
        let decision = engine.decide(&request);
        let to = decision.verdict;
        if to == from {
            continue;
        }
        report.changed += 1;
        let action = request.action;
        let change = changes.entry((action, from, to)).or_insert_with(|| ReplayChange {
            action,
            from,
            to,
            count: 0,
            examples: Vec::new(),
        });
        change.count += 1;
        if change.examples.len() < EXAMPLES_PER_CHANGE {
            let policies = decision.policies.into_iter().map(|policy| policy.id).collect();
            change.examples.push(ReplayExample { inputs_digest: decision.inputs_digest, request, policies });
        }
    }
    report.changes = changes.into_values().collect();
    report
}

#[cfg(test)]
mod tests {
    use millwright_core::{Classification, Role};

    use super::*;
    use crate::decision::{PrincipalFacts, ResourceFacts, TenantPolicy};

    #[test]
    fn what_a_new_policy_changes_is_listed_and_bounded() {
        let old = Engine::new(&[]).unwrap();
        let text = "@id(\"drafts\") forbid (principal, action == Action::\"document.read\", resource)
            when { resource.kind == \"draft\" } unless { context.approved };";
        let new = Engine::new(&[TenantPolicy { name: "t".to_owned(), text: text.to_owned() }]).unwrap();
        let history: Vec<_> = (0..40)
            .map(|number| {
                let kind = if number % 2 == 0 { "draft" } else { "document" };
                let action = if number % 4 == 0 { Action::DocumentRead } else { Action::DocumentSearch };
                let resource = ResourceFacts::new(kind, format!("d{number}"), Classification::Public);
                DecisionRequest::new(PrincipalFacts::user("anna", Role::Viewer), action, resource)
            })
            .map(|request| {
                let verdict = old.decide(&request).verdict;
                (request, verdict)
            })
            .collect();
        assert_eq!(replay(history.clone().into_iter(), &old).changed, 0);
        let report = replay(history.into_iter(), &new);
        assert_eq!((report.replayed, report.changed, report.changes.len()), (40, 10, 1));
        let change = &report.changes[0];
        assert_eq!((change.from, change.to, change.count), (Verdict::Allow, Verdict::RequireApproval, 10));
        assert_eq!(change.examples.len(), EXAMPLES_PER_CHANGE);
        assert!(change.examples[0].policies.contains(&"tenant/t/drafts".to_owned()));
    }
}
