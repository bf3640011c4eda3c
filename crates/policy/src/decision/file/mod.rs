//! `policies.yaml`: sandboxes, budgets, contracts, routing of risk, and what sinks take.

mod contract;
mod error;
mod routing;
mod sandbox;
mod sections;
mod validate;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::yaml;

pub use contract::Contracts;
pub use error::{PolicyFileError, locate};
pub use routing::{ApprovalKind, Reversibility, RiskMinimum, RiskRouting, RiskThreshold};
pub use sandbox::{Sandbox, SandboxDenial};
pub use sections::{
    CapabilityConstraint, CostBudget, DomainSandbox, FileSandbox, Monitoring, RateLimit, ResourceSandbox, SinkKind,
    SinkRule, TaskContract, Violation, ViolationResponse, ViolationRule,
};

/// The file as it was read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    /// What tools may touch.
    pub resource_sandbox: ResourceSandbox,
    /// What may be spent.
    pub cost_budget: CostBudget,
    /// What an agent of each tier may do in one run.
    pub capability_constraints: Vec<CapabilityConstraint>,
    /// What outputs must look like, by kind of task.
    pub task_contract: BTreeMap<String, TaskContract>,
    /// Which approval a change needs.
    pub risk_routing: RiskRouting,
    /// What counts as misbehaviour.
    pub violation_detection: Vec<ViolationRule>,
    /// What is kept and what alerts.
    pub monitoring: Monitoring,
    /// What each place takes.
    pub sinks: Vec<SinkRule>,
}

/// The form of the file that is understood.
const VERSION: u64 = 1;

const SECTIONS: [&str; 9] = [
    "version",
    "resource_sandbox",
    "cost_budget",
    "capability_constraints",
    "task_contract",
    "risk_routing",
    "violation_detection",
    "monitoring",
    "sinks",
];

impl PolicyFile {
    /// The file that ships.
    pub const fn shipped_text() -> &'static str {
        include_str!("../../../policies/policies.yaml")
    }

    /// Reads and checks a file. Each section is read by itself, so that the errors of several come back together.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyFileError>> {
        let mut sections = Sections::read(text)?;
        let version: Option<u64> = sections.take("version");
        if version.is_some_and(|version| version != VERSION) {
            sections.errors.push(PolicyFileError::at("version", format!("expected {VERSION}")));
        }
        let resource_sandbox = sections.take("resource_sandbox");
        let cost_budget = sections.take("cost_budget");
        let capability_constraints = sections.take("capability_constraints");
        let task_contract = sections.take("task_contract");
        let risk_routing = sections.take("risk_routing");
        let violation_detection = sections.take("violation_detection");
        let monitoring = sections.take("monitoring");
        let sinks = sections.take("sinks");
        let Sections { mut errors, .. } = sections;
        validate::sections(
            resource_sandbox.as_ref(),
            cost_budget.as_ref(),
            capability_constraints.as_deref(),
            task_contract.as_ref(),
            risk_routing.as_ref(),
            violation_detection.as_deref(),
            monitoring.as_ref(),
            sinks.as_deref(),
            &mut errors,
        );
        let file = (|| {
            Some(Self {
                resource_sandbox: resource_sandbox?,
                cost_budget: cost_budget?,
                capability_constraints: capability_constraints?,
                task_contract: task_contract?,
                risk_routing: risk_routing?,
                violation_detection: violation_detection?,
                monitoring: monitoring?,
                sinks: sinks?,
            })
        })();
        match file {
            Some(file) if errors.is_empty() => Ok(file),
            _ => {
                error::locate(text, &mut errors);
                Err(errors)
            }
        }
    }

    /// What the place of this kind and name takes. None: no line fits, and it takes nothing.
    pub fn sink(&self, kind: SinkKind, name: &str) -> Option<super::SinkFacts> {
        self.sinks.iter().find(|rule| rule.kind == kind && rule.fits(name)).map(SinkRule::facts)
    }

    /// What an agent of this tier may do in one run; of a tier above those listed, what the highest listed may.
    pub fn capability(&self, tier: u8) -> Option<&CapabilityConstraint> {
        self.capability_constraints.iter().filter(|one| one.tier <= tier).max_by_key(|one| one.tier)
    }
}

/// The sections of a file, not yet understood.
struct Sections {
    values: serde_json::Map<String, Value>,
    errors: Vec<PolicyFileError>,
}

impl Sections {
    fn read(text: &str) -> Result<Self, Vec<PolicyFileError>> {
        let value: Value = yaml::read(text).map_err(|fault| vec![PolicyFileError::from(fault)])?;
        let Value::Object(values) = value else {
            return Err(vec![PolicyFileError::at("", "expected sections such as `resource_sandbox:`")]);
        };
        let unknown = values.keys().filter(|key| !SECTIONS.contains(&key.as_str()));
        let errors = unknown
            .map(|key| PolicyFileError::at(key, format!("unknown section, expected one of {}", SECTIONS.join(", "))))
            .collect();
        Ok(Self { values, errors })
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let Some(value) = self.values.remove(name) else {
            self.errors.push(PolicyFileError::at(name, "this section is missing"));
            return None;
        };
        match serde_path_to_error::deserialize(value) {
            Ok(section) => Some(section),
            Err(fault) => {
                let inner = fault.path().to_string();
                let path = match inner.as_str() {
                    "." => name.to_owned(),
                    inner if inner.starts_with('[') => format!("{name}{inner}"),
                    inner => format!("{name}.{inner}"),
                };
                self.errors.push(PolicyFileError::at(&path, fault.into_inner().to_string()));
                None
            }
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
