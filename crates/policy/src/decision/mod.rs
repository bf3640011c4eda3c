//! ALLOW, DENY or REQUIRE_APPROVAL, decided by Cedar policies; no model takes part.
//!
//! The policies that ship (`policies/*.cedar`) say what is permitted. A tenant adds its own, which only forbid, so that it
//! can tighten and never loosen. [`Engine::decide`] takes the facts of one question and answers with the verdict, the
//! obligations that go with it, the policies behind it and what would make it allowed:
//!
//! * ALLOW: permitted as it is.
//! * REQUIRE_APPROVAL: not permitted as it is, but permitted with `context.approved`.
//! * DENY: everything else, also whatever goes wrong on the way.
//!
//! Conditions that only compare facts run as direct tests, translated once when policies are loaded; all others run in
//! Cedar's own evaluator. A property test holds both to the same answers.
//!
//! [`PolicyFile`] is the other half, `policies.yaml`: limits, sandboxes, contracts, routing of risk and what sinks take.
//!
//! ```
//! use millwright_core::{Classification, Role};
//! use millwright_policy::decision::{Action, DecisionRequest, Engine, PrincipalFacts, ResourceFacts, Verdict};
//!
//! let engine = Engine::new(&[]).unwrap();
//! let agent = PrincipalFacts::agent("agt_1", "usr_1", Role::Operator);
//! let order = ResourceFacts::new("order", "4500001", Classification::Internal);
//! let decision = engine.decide(&DecisionRequest::new(agent, Action::OperationPropose, order));
//! assert_eq!(decision.verdict, Verdict::Allow);
//! ```

mod action;
mod cases;
mod cedar_input;
mod engine;
mod explain;
mod facts;
mod file;
mod lint;
mod remedy;
mod replay;
mod rule;
mod shipped;
mod source;
mod terms;
mod test;
#[cfg(test)]
mod testing;
mod verdict;
mod yaml;

pub use action::{Action, ActionGroup, InvalidAction};
pub use cases::{CaseFailure, CaseReport, run_cases, shipped_cases};
pub use engine::Engine;
pub use explain::{ExplainedPolicy, Explanation, MissedPermit, explain};
pub use facts::{
    ContextFacts, DecisionRequest, Environment, ExportRegime, NetworkZone, PrincipalFacts, PrincipalKind,
    ResourceFacts, SinkFacts,
};
pub use file::{
    ApprovalKind, CapabilityConstraint, Contracts, CostBudget, DomainSandbox, FileSandbox, Monitoring, PolicyFile,
    PolicyFileError, RateLimit, ResourceSandbox, Reversibility, RiskMinimum, RiskRouting, RiskThreshold, Sandbox,
    SandboxDenial, SinkKind, SinkRule, TaskContract, Violation, ViolationResponse, ViolationRule, locate,
};
pub use lint::{LintFile, LintFinding, LintRule, LintSeverity, lint, shipped_files};
pub use replay::{EXAMPLES_PER_CHANGE, ReplayChange, ReplayExample, ReplayReport, replay};
pub use source::{MAX_FILE_BYTES, MAX_FILES, MAX_POLICIES, PolicyError, TenantPolicy};
pub use verdict::{Decision, Obligation, PolicyRef, Verdict};

use rule::Rule;

/// Reads a YAML document of another declaration by the same rules: unknown and repeated keys, deep nesting and large texts are
/// refused, with the line.
///
/// # Errors
/// When it is not YAML, or not of the form.
pub fn read_declaration<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, PolicyFileError> {
    yaml::read(text).map_err(Into::into)
}
