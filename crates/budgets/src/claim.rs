use millwright_core::id::{ApiKeyId, RunId, UsageId, UserId};
use millwright_store::tenant::{BudgetSubjectKind, CallOutcome};

/// For whom a model is called. The tenant is always among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    /// The person or service account.
    pub user: UserId,
    /// The agent, by its name.
    pub agent: Option<String>,
    /// The key of the program.
    pub api_key: Option<ApiKeyId>,
    /// The task, as its id is shown.
    pub task: Option<String>,
}

impl Subjects {
    /// All of them by kind, with the id as it is shown; the tenant's is empty.
    pub fn all(&self) -> Vec<(BudgetSubjectKind, String)> {
        let mut all =
            vec![(BudgetSubjectKind::Tenant, String::new()), (BudgetSubjectKind::User, self.user.to_string())];
        all.extend(self.agent.clone().map(|agent| (BudgetSubjectKind::Agent, agent)));
        all.extend(self.api_key.map(|key| (BudgetSubjectKind::ApiKey, key.to_string())));
        all.extend(self.task.clone().map(|task| (BudgetSubjectKind::Task, task)));
        all
    }
}

/// The most that a call may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// For whom.
    pub subjects: Subjects,
    /// Tokens in and out. At least one is held: no call uses none.
    pub tokens: u64,
    /// Millionths of the installation's currency; 0 for a model without a price.
    pub cost_micros: u64,
}

/// What a call used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRecord {
    /// Of the call; its audit entry bears it too.
    pub id: UsageId,
    /// In which run.
    pub run: Option<RunId>,
    /// The model that answered.
    pub model: String,
    /// At which endpoint, by its name in the configuration.
    pub endpoint: String,
    /// Whose interface that is, for instance `ollama`.
    pub provider: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    pub tier: String,
    /// Tokens that were read.
    pub input_tokens: u64,
    /// Tokens that were written, those of reasoning among them.
    pub output_tokens: u64,
    /// Of the input, those that the endpoint had in its cache.
    pub cached_tokens: u64,
    /// Of the output, those of reasoning.
    pub reasoning_tokens: u64,
    /// Milliseconds of a GPU.
    pub gpu_millis: u64,
    /// Millionths of the installation's currency.
    pub cost_micros: u64,
    /// How it ended.
    pub outcome: CallOutcome,
    /// The request that caused it, 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// No single amount is larger: it keeps sums of a period far from the end of the database's numbers.
pub(crate) const MOST: u64 = 1_000_000_000_000_000;

/// An amount as the database counts it.
pub(crate) fn amount(value: u64) -> i64 {
    value.min(MOST) as i64
}
