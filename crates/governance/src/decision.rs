//! Facts of a decision, and its record.

use std::collections::BTreeSet;

use millwright_core::{Allowed, Clearance, ExportControl, Integrity, Label, Principal, id::RunId};
use millwright_policy::{
    decision::{
        Action, ContextFacts, Decision, DecisionRequest, ExportRegime, PrincipalFacts, ResourceFacts, SinkFacts,
        Verdict,
    },
    labels::Sink,
};
use millwright_store::tenant::NewDecision;

use crate::{Governance, GovernanceError, TenantPolicy};

/// Who asks, as the policies see them.
pub fn person(principal: &Principal, clearance: &Clearance) -> PrincipalFacts {
    let mut facts =
        PrincipalFacts::user(principal.user_id.to_string(), principal.role).cleared(clearance.classification);
    if let Allowed::Only(groups) = &clearance.groups {
        facts.groups = groups.iter().map(ToString::to_string).collect();
    }
    if let Allowed::Only(regimes) = &clearance.export_control {
        facts.export_authorisations = regimes.iter().map(regime).collect();
    }
    facts
}

fn regime(control: &ExportControl) -> ExportRegime {
    if control.as_str().starts_with("EAR") { ExportRegime::Ear } else { ExportRegime::Itar }
}

/// A thing of this label.
pub fn thing(kind: &str, id: &impl ToString, label: &Label) -> ResourceFacts {
    let mut facts = ResourceFacts::new(kind, id.to_string(), label.classification);
    facts.export_controls = label.export_control.iter().map(regime).collect();
    facts.groups = label.groups.iter().map(ToString::to_string).collect();
    facts.untrusted = label.integrity == Integrity::Untrusted;
    facts
}

/// The place that a sink is.
pub fn sink(sink: &Sink) -> SinkFacts {
    SinkFacts {
        kind: sink.kind.as_str().to_owned(),
        max_confidentiality: sink.takes.classification,
        takes_export_controlled: sink.takes.export_control == Allowed::All,
        takes_untrusted: sink.takes_untrusted,
        leaves_site: sink.leaves_site,
    }
}

/// A decision with its record, which is to be stored whatever it says.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What came out.
    pub decision: Decision,
    /// To be stored with what is done, or with the refusal.
    pub record: NewDecision,
}

impl Decided {
    /// The record, if it is allowed; else why not.
    ///
    /// # Errors
    /// When the verdict is not ALLOW.
    pub fn allowed(self) -> Result<NewDecision, GovernanceError> {
        if self.decision.verdict == Verdict::Allow {
            Ok(self.record)
        } else {
            Err(GovernanceError::Denied(Box::new(self.decision)))
        }
    }
}

/// A decision as it stands in the proof of a call.
pub fn decision_proof(decided: &Decided) -> serde_json::Value {
    serde_json::json!({
        "verdict": decided.decision.verdict.as_str(),
        "policies": decided.decision.policies,
        "policy_version": decided.decision.policy_version,
        "inputs_digest": decided.decision.inputs_digest,
    })
}

/// What was decided of several places that something may be sent to.
#[derive(Debug)]
pub struct DecidedPlaces {
    /// Names of those that may be used.
    pub allowed: BTreeSet<String>,
    /// Of those, to be stored with what is sent.
    pub records: Vec<NewDecision>,
    /// The first that allowed, as it stands in the proof of a call.
    pub proof: serde_json::Value,
    /// Those that may not, in their order.
    pub refused: Vec<Decided>,
}

impl DecidedPlaces {
    /// Why nothing may be sent anywhere: the first refusal, where there is no place that may be used.
    pub fn refusal(&self) -> Option<&Decided> {
        self.refused.first().filter(|_| self.allowed.is_empty())
    }
}

/// What is to be decided.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who asks.
    pub person: PrincipalFacts,
    /// What is to be done.
    pub action: Action,
    /// To what.
    pub resource: ResourceFacts,
    /// Whether the run has read untrusted content.
    pub untrusted: bool,
    /// Whether the asker has just shown a second factor.
    pub second_factor: bool,
    /// Whether somebody else has approved it.
    pub approved: bool,
    /// In which run.
    pub run_id: Option<RunId>,
}

impl Question {
    /// Without approvals, second factor and run.
    pub fn new(person: PrincipalFacts, action: Action, resource: ResourceFacts) -> Self {
        Self { person, action, resource, untrusted: false, second_factor: false, approved: false, run_id: None }
    }
}

impl Governance {
    /// Decides for each of these places, with a question for each.
    pub fn decide_places<'s>(
        &self,
        policy: &TenantPolicy,
        principal: &Principal,
        places: impl IntoIterator<Item = &'s Sink>,
        ask: impl Fn(&Sink) -> Question,
    ) -> DecidedPlaces {
        let (allowed, records, proof) = (BTreeSet::new(), Vec::new(), serde_json::Value::Null);
        let mut places_decided = DecidedPlaces { allowed, records, proof, refused: Vec::new() };
        for place in places {
            let decided = self.decide(policy, principal, ask(place));
            if decided.decision.verdict != Verdict::Allow {
                places_decided.refused.push(decided);
                continue;
            }
            if places_decided.records.is_empty() {
                places_decided.proof = decision_proof(&decided);
            }
            places_decided.allowed.insert(place.name.clone());
            places_decided.records.push(decided.record);
        }
        places_decided
    }

    /// Decides now.
    pub fn decide(&self, policy: &TenantPolicy, principal: &Principal, question: Question) -> Decided {
        let now = self.sources().now();
        let context = ContextFacts {
            approved: question.approved,
            second_factor: question.second_factor,
            untrusted: question.untrusted,
            ..ContextFacts::at(now.timestamp(), 0)
        };
        let request = DecisionRequest::new(question.person, question.action, question.resource).with_context(context);
        let decision = policy.engine.decide(&request);
        let digest = |text: &str| {
            let mut bytes = [0; 32];
            // A request that cannot be digested was denied with an error; zeroes stand for it.
            let _ = hex::decode_to_slice(text, &mut bytes);
            bytes
        };
        let record = NewDecision {
            id: self.sources().new_id(),
            decided_at: now,
            user_id: principal.user_id,
            run_id: question.run_id,
            action: request.action.as_str().to_owned(),
            inputs_digest: digest(&decision.inputs_digest),
            policy_version: digest(&decision.policy_version),
            verdict: decision.verdict.as_str(),
            policies: serde_json::json!(decision.policies),
            would_allow: serde_json::json!(decision.would_allow),
            request: serde_json::json!(request),
        };
        Decided { decision, record }
    }
}
