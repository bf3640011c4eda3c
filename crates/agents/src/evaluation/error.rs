use millwright_audit::AuditError;
use millwright_core::{ErrorCode, Problem, ToProblem};
use millwright_policy::decision::PolicyFileError;
use millwright_store::StoreError;

use super::MOST_UNDER_WAY;
use crate::AgentError;

/// What can go wrong around evaluations.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A text is no suite.
    #[error("the suite is not valid")]
    Suite(Vec<PolicyFileError>),
    /// Nobody of this name, or no such version, answers for the tenant.
    #[error("there is no agent `{0}`")]
    UnknownAgent(String),
    /// The client's request was another one the first time.
    #[error("another request was sent with this `Idempotency-Key`")]
    KeyReused,
    /// Too many wait already.
    #[error("{MOST_UNDER_WAY} evaluations are under way or wait, and that is the most")]
    TooMany,
    /// It has ended, or has not.
    #[error("{0}")]
    State(&'static str),
    /// The runtime.
    #[error("a run failed to begin")]
    Agent(#[from] AgentError),
    /// The database.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The proof of a change cannot be made.
    #[error("an audit entry cannot be made")]
    Audit(#[from] AuditError),
}

impl ToProblem for EvaluationError {
    fn problem(&self) -> Problem {
        match self {
            Self::Suite(faults) => {
                let problem = Problem::new(ErrorCode::ValidationFailed, self.to_string());
                faults.iter().fold(problem, |problem, fault| problem.field("definition", fault.to_string()))
            }
            Self::UnknownAgent(_) => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("agents", "expected names of agents that answer, and numbers of their stored versions"),
            Self::KeyReused => {
                Problem::new(ErrorCode::Conflict, self.to_string()).remedy("send each request with a key of its own")
            }
            Self::TooMany => {
                Problem::new(ErrorCode::Conflict, self.to_string()).remedy("wait until one ends, or stop one")
            }
            Self::State(_) => Problem::new(ErrorCode::InvalidTransition, self.to_string()),
            Self::Agent(error) => error.problem(),
            Self::Store(error) => error.problem(),
            Self::Audit(error) => error.problem(),
        }
    }
}
