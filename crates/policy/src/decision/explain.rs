use std::fmt::{self, Write};

use cedar_policy::Effect;
use serde::Serialize;

use super::{Decision, DecisionRequest, Engine, PolicyRef, Rule, Verdict, test::Test};

/// A decision taken apart, for people. Its `Display` is the readable text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// The policies that determined it, with their texts.
    pub determining: Vec<ExplainedPolicy>,
    /// The policies that could have permitted it and did not.
    pub not_permitting: Vec<MissedPermit>,
}

/// A policy that determined the outcome, with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ExplainedPolicy {
    /// Id, reason and remedy.
    pub policy: PolicyRef,
    /// Whether it forbids; otherwise it permits.
    pub forbids: bool,
    /// As it is written.
    pub text: String,
}

/// A policy that speaks of this action and did not permit it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MissedPermit {
    /// Id, reason and remedy.
    pub policy: PolicyRef,
    /// The conditions that did not hold, as they are written. Empty when they cannot be told apart.
    pub lacked: Vec<String>,
}

/// Decides, and says why as far as can be told.
pub fn explain(engine: &Engine, request: &DecisionRequest) -> Explanation {
    let decision = engine.decide(request);
    let rules = engine.rules();
    let named = |id: &str| rules.iter().find(|rule| rule.id == id);
    let determining = decision.policies.iter().filter_map(|policy| {
        named(&policy.id).map(|rule| ExplainedPolicy {
            policy: policy.clone(),
            forbids: rule.policy.effect() == Effect::Forbid,
            text: rule.policy.to_string().trim().to_owned(),
        })
    });
    let permitting = engine.evaluate(request).permits;
    let missed = rules.iter().enumerate().filter(|(place, rule)| {
        !rule.forbids && rule.actions & request.action.bit() != 0 && !permitting.contains(place)
    });
    Explanation {
        determining: determining.collect(),
        not_permitting: missed.map(|(_, rule)| miss(rule, request)).collect(),
        decision,
    }
}

fn miss(rule: &Rule, request: &DecisionRequest) -> MissedPermit {
    let fails = |test: &Option<Test>| test.as_ref().is_some_and(|test| !test.holds(request));
    let mut lacked = Vec::new();
    if rule.kind.is_some_and(|kind| kind != request.principal.kind) {
        lacked.push(format!(
            "principal is {}",
            if rule.kind == Some(super::PrincipalKind::User) { "User" } else { "Agent" }
        ));
    }
    lacked.extend(rule.parts().into_iter().filter(|(_, test)| fails(test)).map(|(text, _)| text));
    MissedPermit { policy: rule.reference.clone(), lacked }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = &self.decision;
        writeln!(f, "{}", decision.verdict)?;
        for error in &decision.errors {
            writeln!(f, "Error, therefore denied: {error}")?;
        }
        if self.determining.is_empty() && decision.errors.is_empty() {
            writeln!(f, "No policy permits it.")?;
        }
        for policy in &self.determining {
            let effect = if policy.forbids { "forbids" } else { "permits" };
            writeln!(f, "\n{} {effect}: {}", policy.policy.id, policy.policy.reason)?;
            writeln!(f, "{}", indented(&policy.text))?;
        }
        if !decision.obligations.is_empty() {
            let words: Vec<_> = decision.obligations.iter().map(|one| one.as_str()).collect();
            writeln!(f, "\nObligations: {}", words.join(", "))?;
        }
        if decision.verdict != Verdict::Allow && !self.not_permitting.is_empty() {
            writeln!(f, "\nWould have permitted it, but for:")?;
            for missed in &self.not_permitting {
                let lacked = if missed.lacked.is_empty() {
                    "conditions that cannot be told apart".to_owned()
                } else {
                    missed.lacked.join("; ")
                };
                writeln!(f, "  {}: {lacked}", missed.policy.id)?;
            }
        }
        match (decision.verdict, decision.would_allow.as_slice()) {
            (Verdict::Allow, _) => {}
            (_, []) => writeln!(f, "\nNothing that was tried would make it allowed.")?,
            (_, changes) => {
                writeln!(f, "\nIt would be allowed if:")?;
                for change in changes {
                    writeln!(f, "  {change}")?;
                }
            }
        }
        write!(f, "\nRequest {}\nPolicies {}", decision.inputs_digest, decision.policy_version)
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut all, line| {
        let _ = write!(all, "{}  {line}", if all.is_empty() { "" } else { "\n" });
        all
    })
}

#[cfg(test)]
mod tests {
    use millwright_core::{Classification, Role};

    use super::*;
    use crate::decision::{Action, PrincipalFacts, ResourceFacts};

    #[test]
    fn a_refusal_is_explained_with_text_reason_and_way_out() {
        let engine = Engine::new(&[]).unwrap();
        let request = DecisionRequest::new(
            PrincipalFacts::user("anna", Role::Viewer),
            Action::LabelLower,
            ResourceFacts::new("document", "d", Classification::Confidential),
        );
        let explanation = explain(&engine, &request);
        let ids: Vec<_> = explanation.determining.iter().map(|one| one.policy.id.as_str()).collect();
        assert_eq!(ids, ["label.lower-needs-four-eyes", "guard.clearance", "guard.viewers-change-nothing"]);
        assert_eq!(explanation.not_permitting.len(), 1);
        assert_eq!(explanation.not_permitting[0].lacked, ["principal.role == \"admin\""]);
        let text = explanation.to_string();
        assert!(text.starts_with("DENY\n"), "{text}");
        for part in [
            "Labels only rise",
            "when { principal.clearance < resource.confidentiality };",
            "the asker is cleared for CONFIDENTIAL",
            "another person approves exactly this",
            "the asker has the role admin",
        ] {
            assert!(text.contains(part), "{part} not in\n{text}");
        }
    }

    #[test]
    fn an_allow_names_what_permits_it() {
        let engine = Engine::new(&[]).unwrap();
        let request = DecisionRequest::new(
            PrincipalFacts::user("anna", Role::Viewer),
            Action::ChatAsk,
            ResourceFacts::new("chat", "c", Classification::Public),
        );
        let text = explain(&engine, &request).to_string();
        assert!(text.contains("read.people permits") && !text.contains("would be allowed"), "{text}");
    }
}
