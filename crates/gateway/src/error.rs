use std::time::Duration;

use millwright_core::{ErrorCode, Problem, ToProblem};
use millwright_llm::{LlmError, Tier};
use millwright_policy::labels::LabelDenied;

use crate::endpoint::Place;

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No model may be given it.
    #[error(transparent)]
    Label(#[from] LabelDenied),
    /// The caller named a model that is not there, or not for this.
    #[error("no model `{0}`")]
    UnknownModel(String),
    /// The tier has no model.
    #[error("no model for {0}")]
    NoModel(Tier),
    /// No model can do it.
    #[error("no model that may be used has {what}")]
    CannotDo {
        /// `tools`, `json_schema`, `images`, `logprobs` or `embeddings`.
        what: &'static str,
    },
    /// The prompt is longer than any model reads.
    #[error("the request has about {tokens} tokens, and the longest that fits has {most}")]
    TooLong {
        /// Estimated.
        tokens: u64,
        /// What fits.
        most: u64,
    },
    /// Every server that could answer has as many requests as it takes.
    #[error("the models are busy: place {} in the line", place.position)]
    Busy {
        /// The shortest line.
        place: Place,
    },
    /// Every server that could answer is left alone for a while because it failed.
    #[error("no model server answers")]
    Down {
        /// When the first of them is tried again.
        retry_after: Duration,
    },
    /// No answer began in time.
    #[error("no answer began within {} s", within.as_secs())]
    Deadline {
        /// How long was waited.
        within: Duration,
    },
    /// A server failed and no other was left.
    #[error("the model server failed")]
    Model(#[source] LlmError),
    /// The same caller sends the same thing again and again.
    #[error("the same request came {times} times within a minute")]
    Runaway {
        /// How often.
        times: u32,
        /// When it is taken again.
        retry_after: Duration,
    },
    /// The budget is used up, or its keeping failed.
    #[error(transparent)]
    Budget(#[from] millwright_budgets::BudgetError),
    /// The audit entry could not be made.
    #[error("an audit entry could not be made")]
    Audit(#[from] millwright_audit::AuditError),
}

impl GatewayError {
    /// A short word for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Label(_) => "label_denied",
            Self::UnknownModel(_) => "unknown_model",
            Self::NoModel(_) => "no_model",
            Self::CannotDo { .. } => "cannot_do",
            Self::TooLong { .. } => "too_long",
            Self::Busy { .. } => "busy",
            Self::Down { .. } => "down",
            Self::Deadline { .. } => "deadline",
            Self::Model(error) => error.reason(),
            Self::Runaway { .. } => "runaway",
            Self::Budget(_) => "budget",
            Self::Audit(_) => "audit",
        }
    }
}

impl ToProblem for GatewayError {
    fn problem(&self) -> Problem {
        let unavailable = |detail: String| Problem::new(ErrorCode::UpstreamUnavailable, detail);
        let invalid = |detail: String| Problem::new(ErrorCode::ValidationFailed, detail);
        match self {
            Self::Label(refusal) => refusal.problem(),
            Self::UnknownModel(name) => Problem::new(ErrorCode::NotFound, format!("there is no model `{name}`"))
                .remedy("GET /v1/models lists the models that this credential may use"),
            Self::NoModel(tier) => {
                Problem::new(ErrorCode::NotFound, format!("there is no language model for {tier} requests"))
                    .remedy("ask for another tier, or have an operator connect a model")
            }
            Self::CannotDo { what } => invalid(format!("no model that may be used has `{what}`"))
                .remedy("leave it out, or have an operator add a model that has it to `models.yaml`"),
            Self::TooLong { tokens, most } => {
                invalid(format!("the request has about {tokens} tokens; the longest that fits has {most}"))
                    .remedy("shorten the messages, or ask for fewer tokens of answer")
            }
            Self::Busy { place } => Problem {
                retry_after: Some(place.estimate_ms.div_ceil(1_000).max(1)),
                ..unavailable(format!(
                    "the models are busy; this request would be number {} in the line",
                    place.position
                ))
            }
            .remedy("ask again later"),
            Self::Down { retry_after } => Problem {
                retry_after: Some(seconds(*retry_after)),
                ..unavailable("no model server answers at the moment".to_owned())
            }
            .remedy("ask again in a moment; an operator sees under Models what is wrong"),
            Self::Deadline { within } => unavailable(format!("no answer began within {} s", within.as_secs()))
                .remedy("ask again, or allow more time"),
            Self::Model(error) => error.problem(),
            Self::Runaway { times, retry_after } => Problem {
                retry_after: Some(seconds(*retry_after)),
                ..Problem::new(
                    ErrorCode::RateLimited,
                    format!("the same request came {times} times within a minute, as from a loop that does not end"),
                )
            }
            .remedy("stop the loop; another request is answered at once"),
            Self::Budget(error) => error.problem(),
            Self::Audit(_) => Problem::internal(),
        }
    }
}

fn seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(u64::MAX)
}
