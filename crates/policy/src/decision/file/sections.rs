use globset::GlobBuilder;
use millwright_core::Classification;
use serde::{Deserialize, Serialize};

use super::super::{Action, SinkFacts};

/// What tools of an agent may touch. Nothing that is not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSandbox {
    /// Files, relative to the run's own folder.
    pub files: FileSandbox,
    /// Names of hosts.
    pub domains: DomainSandbox,
    /// How often one agent may do a thing.
    pub rates: Vec<RateLimit>,
}

/// Globs over relative paths. `*` stops at a slash, `**` does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSandbox {
    /// What may be read.
    pub read: Vec<String>,
    /// What may be written.
    pub write: Vec<String>,
    /// What may be neither, whatever the others say; upper and lower case are the same here.
    pub deny: Vec<String>,
}

/// Host names: `example.com` is that name alone, `*.example.com` every name below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainSandbox {
    /// To where connections may go.
    pub allow: Vec<String>,
    /// To where they may not, whatever `allow` says.
    pub deny: Vec<String>,
}

/// How often one agent may do a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// What.
    pub action: Action,
    /// How often in a minute, in the long run.
    pub per_minute: u32,
    /// How often at once.
    pub burst: u32,
}

/// The most that may be spent, in millionths of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostBudget {
    /// ISO 4217, for example `EUR`.
    pub currency: String,
    /// By one run.
    pub per_run_micros: u64,
    /// By one person in a day.
    pub per_user_day_micros: u64,
    /// By the tenant in a month.
    pub per_tenant_month_micros: u64,
    /// Tokens of one run.
    pub per_run_tokens: u64,
    /// From this share on people are told.
    pub warn_at_percent: u8,
}

/// What an agent of a tier may do in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityConstraint {
    /// The tier, 0 to 3.
    pub tier: u8,
    /// Rounds of thinking.
    pub max_steps: u32,
    /// Calls of tools.
    pub max_tool_calls: u32,
    /// Calls of tools at the same time.
    pub max_parallel_calls: u32,
    /// How long.
    pub max_run_seconds: u32,
}

/// What the output of a kind of task must look like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskContract {
    /// The most bytes as JSON.
    pub max_bytes: usize,
    /// JSON Schema, 2020-12.
    pub output: serde_json::Value,
}

/// What counts as misbehaviour, and what happens then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViolationRule {
    /// What.
    pub violation: Violation,
    /// How often ...
    pub count: u32,
    /// ... within this time.
    pub window_seconds: u32,
    /// What happens then.
    pub response: ViolationResponse,
}

/// Kinds of misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// A decision came out as DENY.
    DeniedDecision,
    /// A file or host outside the sandbox was asked for.
    SandboxEscape,
    /// Text tried to take over.
    InjectionDetected,
    /// An output broke its contract.
    ContractBroken,
    /// Data was on its way to a place that may not take it.
    LabelViolation,
    /// A budget was used up.
    BudgetExceeded,
}

/// What happens after misbehaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationResponse {
    /// People are told.
    Warn,
    /// The run ends.
    StopRun,
    /// The agent does nothing until a person lets it again.
    SuspendAgent,
}

/// What is kept and what alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// How long decisions are kept for replay.
    pub decision_retention_days: u32,
    /// Share of ALLOW decisions whose explanation is kept too.
    pub explain_allowed_percent: u8,
    /// What alerts at once.
    pub alert_on: Vec<Violation>,
}

/// Kinds of places to which data can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// A model's endpoint.
    Model,
    /// A webhook.
    Webhook,
    /// An e-mail.
    Email,
    /// A file that is exported.
    Export,
    /// A share with people outside.
    Share,
    /// A write to another system.
    ExternalWrite,
}

impl SinkKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Model, Self::Webhook, Self::Email, Self::Export, Self::Share, Self::ExternalWrite];

    /// The word used in the file and in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::Export => "export",
            Self::Share => "share",
            Self::ExternalWrite => "external_write",
        }
    }
}

/// What places of a kind and name take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkRule {
    /// The kind.
    pub kind: SinkKind,
    /// A glob over names; `*` is all of them.
    pub name: String,
    /// The most confidential label.
    pub max_confidentiality: Classification,
    /// Whether export-controlled data is taken.
    pub export_controlled: bool,
    /// Whether unchecked content is taken.
    pub untrusted: bool,
    /// Whether it is outside the site.
    pub leaves_site: bool,
}

impl SinkRule {
    /// Whether the name is one of those meant.
    pub fn fits(&self, name: &str) -> bool {
        GlobBuilder::new(&self.name).build().is_ok_and(|glob| glob.compile_matcher().is_match(name))
    }

    /// As facts for a decision.
    pub fn facts(&self) -> SinkFacts {
        SinkFacts {
            kind: self.kind.as_str().to_owned(),
            max_confidentiality: self.max_confidentiality,
            takes_export_controlled: self.export_controlled,
            takes_untrusted: self.untrusted,
            leaves_site: self.leaves_site,
        }
    }
}
