use millwright_audit::AuditError;
use millwright_core::{Classification, ErrorCode, Problem, ToProblem};
use millwright_gateway::GatewayError;
use millwright_governance::GovernanceError;
use millwright_mcp::McpError;
use millwright_policy::labels::LabelDenied;
use millwright_retrieval::RetrievalError;
use millwright_store::StoreError;

use crate::{goal::PlanError, machine::InvalidTransition};

/// What can go wrong while a run begins or goes on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The question is empty or too long.
    #[error("the message has {chars} characters, 1 to {} are possible", crate::chat::MAX_MESSAGE_CHARS)]
    InvalidMessage {
        /// How many it has.
        chars: usize,
    },
    /// The message to follow or to answer anew cannot be used for that.
    #[error("{0}")]
    InvalidParent(&'static str),
    /// The answer before is still being written.
    #[error("the answer before is still being written")]
    StillRunning,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The database.
    #[error("the database failed during a run")]
    Store(#[from] StoreError),
    /// The search.
    #[error("the search failed during a run")]
    Retrieval(#[from] RetrievalError),
    /// No model answered, or one failed.
    #[error("no model answered")]
    Gateway(#[from] GatewayError),
    /// Policy, personal data or injection.
    #[error("policy stops the run")]
    Governance(#[from] GovernanceError),
    /// The tenant lets nobody name a tier.
    #[error("the tier cannot be named")]
    TierNotAllowed,
    /// Nobody of this name answers for the tenant.
    #[error("there is no such agent")]
    UnknownAgent,
    /// A stored version was written for another version of this program.
    #[error("the version of the agent cannot be read")]
    UnreadableAgent,
    /// No agent of the tenant may read what is asked.
    #[error("no agent may read the question")]
    NoAgent,
    /// The agent that was named may not read what is asked.
    #[error("the question is {is}, and this agent reads up to {at_most}")]
    AgentMayNotRead {
        /// What it is.
        is: Classification,
        /// How far the agent reads.
        at_most: Classification,
    },
    /// A check could not be carried out, so nothing passes it.
    #[error("a check could not be carried out")]
    Classifier,
    /// No model may be given what the run has read.
    #[error("what the run has read may not go to a model")]
    LabelDenied(#[from] LabelDenied),
    /// The proof of a change cannot be made.
    #[error("an audit entry cannot be made")]
    Audit(#[from] AuditError),
    /// What the run has recorded does not lead to where it stood any more.
    #[error("the run cannot be taken up again: what it had read has changed, or may not be read any more")]
    NotRepeatable,
    /// The run has kept nothing that it could be repeated from.
    #[error("the run has recorded nothing that it could be repeated from")]
    NotRecorded,
    /// A text is no plan.
    #[error("the plan cannot be carried out: {0}")]
    Plan(#[from] PlanError),
    /// A plan is written, and steps are thought through, by a language model.
    #[error("this goal needs a language model, and none is set up here")]
    NeedsModel,
    /// Voices are those of a language model.
    #[error("thinking a question through needs a language model, and none is set up here")]
    ThinkingNeedsModel,
    /// The tenant lets nobody choose how much model a question gets.
    #[error("nobody chooses how a question is thought through")]
    ThinkingNotAllowed,
    /// The plan that is meant is not the one that counts by now.
    #[error("the plan is another one by now")]
    StalePlan,
    /// A step that has begun would be another.
    #[error("a step that has begun stays as it is: {0}")]
    BegunStepChanged(String),
    /// No plan came of several attempts.
    #[error("no plan came of what the model wrote: {0}")]
    NoPlan(String),
    /// Something of the goal was changed in this moment.
    #[error("the goal was changed in this moment")]
    ChangedMeanwhile,
    /// Another process begins the step, or the goal does not go on.
    #[error("the step was begun elsewhere")]
    BegunElsewhere,
    /// A text is too short or too long to be remembered, or cannot be of this label.
    #[error("`{0}` cannot be remembered")]
    InvalidMemory(&'static str),
    /// Nothing can be remembered until then.
    #[error("nothing is remembered until then")]
    InvalidExpiry,
    /// A sentence is not one of the answer's that cites something.
    #[error("the answer holds no such sentence with a source")]
    NotInAnswer,
    /// No passage says what is to be remembered.
    #[error("no passage that you may read and that holds today supports this sentence")]
    NotHeld,
    /// One cannot have more remembered.
    #[error("you have {} memories, and that is the most", crate::memory::MOST_MEMORIES)]
    TooManyMemories,
    /// The run has not asked its person anything, or it was answered, stopped, or waited too long.
    #[error("the run does not wait for an answer")]
    NotWaiting,
    /// What a person answers is empty or too long.
    #[error("the answer has {chars} characters, 1 to {} are possible", crate::MAX_ANSWER_CHARS)]
    InvalidAnswer {
        /// How many it has.
        chars: usize,
    },
    /// What the run may take at most is used up.
    #[error("a limit of the run was reached: {0}")]
    LimitReached(String),
    /// What was to be followed is not kept any more.
    #[error("the events of this run were deleted, as its time for that was over")]
    EventsPruned,
    /// A server of other systems' tools.
    #[error("{0}")]
    Outside(#[from] McpError),
    /// Others have runs repeated.
    #[error("other runs are being repeated")]
    ReplaysBusy,
    /// A fault of the runtime.
    #[error("the run took a step that does not exist")]
    Transition(#[from] InvalidTransition),
}

impl ToProblem for AgentError {
    fn problem(&self) -> Problem {
        match self {
            Self::InvalidMessage { .. } => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("message", format!("1 to {} characters", crate::chat::MAX_MESSAGE_CHARS)),
            Self::InvalidAnswer { .. } => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("text", format!("1 to {} characters", crate::MAX_ANSWER_CHARS)),
            Self::LimitReached(_) => Problem::new(ErrorCode::LimitReached, self.to_string())
                .remedy("what was written is kept; ask again with a higher limit, or for less"),
            Self::NotWaiting => Problem::new(ErrorCode::InvalidTransition, self.to_string())
                .remedy("read the run again; what it asks stands in its last step"),
            Self::InvalidParent(detail) => Problem::new(ErrorCode::ValidationFailed, *detail),
            Self::StillRunning => {
                Problem::new(ErrorCode::Conflict, self.to_string()).remedy("wait until it is complete, or stop it")
            }
            Self::ShuttingDown | Self::NotRepeatable => {
                Problem::new(ErrorCode::Interrupted, self.to_string()).remedy("ask again")
            }
            Self::ReplaysBusy => {
                Problem::new(ErrorCode::RateLimited, self.to_string()).remedy("ask again in some seconds")
            }
            Self::Plan(error) => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("plan", error.to_string())
                .remedy("POST /api/v1/goals/plans/check reads a plan without keeping it"),
            Self::NeedsModel => Problem::new(ErrorCode::NotConfigured, self.to_string())
                .remedy("give the goal a plan of questions, or have an operator set up a language model"),
            Self::ThinkingNeedsModel => Problem::new(ErrorCode::NotConfigured, self.to_string())
                .remedy("leave `thinking` out, or have an operator set up a language model"),
            Self::StalePlan => Problem::new(ErrorCode::StaleTarget, self.to_string()).remedy("read the goal again"),
            Self::BegunStepChanged(_) => Problem::new(ErrorCode::Conflict, self.to_string())
                .remedy("keep the steps that have begun word for word, and change those to come"),
            Self::NoPlan(_) => Problem::new(ErrorCode::CheckFailed, self.to_string())
                .remedy("say the goal in other words, or write its plan"),
            Self::ChangedMeanwhile => Problem::new(ErrorCode::Conflict, self.to_string()).remedy("send it again"),
            Self::BegunElsewhere => Problem::new(ErrorCode::Conflict, self.to_string()).remedy("read the goal again"),
            Self::InvalidMemory(field) => Problem::new(ErrorCode::ValidationFailed, self.to_string()).field(
                *field,
                match *field {
                    "classification" => "expected one that you are cleared for".to_owned(),
                    "name" => format!("expected 1 to {} characters on one line", crate::memory::MAX_NAME_CHARS),
                    "sentence" => format!("expected 1 to {} characters", crate::memory::MAX_SENTENCE_CHARS),
                    _ => format!("expected 1 to {} characters", crate::memory::MAX_ABOUT_ME_CHARS),
                },
            ),
            Self::InvalidExpiry => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("expires_at", "expected a moment to come, within ten years, or null for none"),
            Self::NotInAnswer => Problem::new(ErrorCode::ValidationFailed, self.to_string())
                .field("sentence", "expected a sentence of the answer that ends in a marker"),
            Self::NotHeld => Problem::new(ErrorCode::CheckFailed, self.to_string())
                .remedy("ask again: an answer of today stands on what holds today"),
            Self::TooManyMemories => {
                Problem::new(ErrorCode::Conflict, self.to_string()).remedy("delete some that you do not need any more")
            }
            Self::EventsPruned => Problem::new(ErrorCode::InvalidTransition, self.to_string())
                .remedy("GET /api/v1/runs/{id} has its steps, and its conversation the answer"),
            Self::NotRecorded => Problem::new(ErrorCode::InvalidTransition, self.to_string()).remedy(
                "its records are not kept any more, or it is from before there were any; ask the question anew",
            ),
            Self::Store(error) => error.problem(),
            Self::Retrieval(error) => error.problem(),
            Self::Gateway(error) => error.problem(),
            Self::Governance(error) => error.problem(),
            Self::LabelDenied(error) => error.problem(),
            Self::TierNotAllowed => {
                Problem::new(ErrorCode::NotAuthorized, "your organisation lets nobody choose a tier")
                    .remedy("leave the tier out; it is chosen by what the request needs")
            }
            Self::ThinkingNotAllowed => Problem::new(
                ErrorCode::NotAuthorized,
                "your organisation lets nobody choose how a question is thought through",
            )
            .remedy("leave `thinking` out"),
            Self::UnknownAgent => Problem::not_found("agent"),
            Self::UnreadableAgent => Problem::new(ErrorCode::InvalidTransition, self.to_string())
                .remedy("store it anew; the check of a definition says what is wrong with it"),
            Self::NoAgent | Self::AgentMayNotRead { .. } => Problem::new(ErrorCode::LabelDenied, self.to_string())
                .remedy("ask an agent that reads further, or have an administrator raise `labels.up_to`"),
            Self::Outside(error) => Problem::new(ErrorCode::UpstreamUnavailable, error.to_string())
                .remedy("check address and token, and whether the server speaks Streamable HTTP there"),
            Self::Audit(error) => error.problem(),
            Self::Transition(_) | Self::Classifier => Problem::internal(),
        }
    }
}
