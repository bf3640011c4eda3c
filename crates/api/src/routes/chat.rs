use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use millwright_agents::{Parent, RunLimits, StartRun, StartedRun, Thinking, specialist::AgentWish};
use millwright_core::{
    Classification, ErrorCode, Permission, Principal, Problem,
    id::{ConversationId, DocumentId, MessageId, RunId},
};
use millwright_llm::Tier;
use millwright_store::{StoreError, tenant::MessageStatus};
use serde::{Deserialize, Serialize};

use super::{agents::AgentTextsResponse, runs::events::stream_run};
use crate::{
    ApiError, AppState,
    dto::{Change, MessageResponse},
    extract::{Audit, ChatUse, Streaming, StrictJson},
    filters::SearchFilters,
    problem::current_trace_id,
    reveal::Reveal,
    sse,
};

/// The longest question, characters.
const MAX_MESSAGE_CHARS: usize = 16_000;

/// How much model a question is worth.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum TierName {
    Light,
    Standard,
    Heavy,
}

impl From<TierName> for Tier {
    fn from(name: TierName) -> Self {
        match name {
            TierName::Light => Self::Light,
            TierName::Standard => Self::Standard,
            TierName::Heavy => Self::Heavy,
        }
    }
}

/// How a question is thought through before it is answered: an answer is proposed and attacked, or what is known is told apart from
/// what is assumed, or roles of the plant discuss it.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThinkingName {
    RedTeam,
    FirstPrinciples,
    Council,
}

impl From<ThinkingName> for Thinking {
    fn from(name: ThinkingName) -> Self {
        match name {
            ThinkingName::RedTeam => Self::RedTeam,
            ThinkingName::FirstPrinciples => Self::FirstPrinciples,
            ThinkingName::Council => Self::Council,
        }
    }
}

/// What an answer may take at most. A limit that is reached ends the run with `limit_reached`; that of tools has it answer from what
/// it has.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ChatLimits {
    /// From its beginning to its end.
    #[schema(minimum = 5, maximum = 3600)]
    seconds: Option<u32>,
    /// Tokens of its model calls, in and out; looked at before each draft and each turn of voices.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    tokens: Option<u64>,
    /// What its model calls cost, millionths of the currency; looked at before each draft and each turn of voices.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_u64)]
    cost_micros: Option<u64>,
    /// Calls of tools.
    #[schema(maximum = 16)]
    tool_calls: Option<u32>,
}

/// A question, or the wish for another answer.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatRequest {
    /// The question, 1 to 16,000 characters; absent only when regenerating.
    #[schema(min_length = 1, max_length = 16000)]
    message: Option<String>,
    /// AG-UI events when true, one JSON answer when false.
    #[schema(default = true)]
    stream: Option<bool>,
    /// Goes on with this conversation; a new one begins without it.
    conversation_id: Option<ConversationId>,
    /// The message that the question follows: absent for the newest, null for the root. An edit follows the parent of
    /// the message it replaces.
    #[serde(default)]
    #[schema(value_type = Option<MessageId>)]
    parent_message_id: Change<MessageId>,
    /// The answer that shall get a sibling.
    regenerate_message_id: Option<MessageId>,
    /// What the question deserves when absent. Refused where the organisation lets nobody choose.
    tier: Option<TierName>,
    /// How the question is thought through before it is answered; see `GET /api/v1/chat/thinking`. Not more than usual when absent.
    /// Refused where the organisation lets nobody choose a tier.
    thinking: Option<ThinkingName>,
    /// Whether the agent may ask something before it answers: the run then waits for `POST /api/v1/runs/{id}/answer`. Needs a stream.
    #[serde(default)]
    may_ask: bool,
    /// What the answer may take; no more than the installation and its budgets allow where absent.
    #[serde(default)]
    limits: ChatLimits,
    /// Which agent answers, by its name; see `GET /api/v1/chat/agents`. The one that the question is for when absent.
    #[schema(max_length = 41)]
    agent: Option<String>,
    /// A stored version of that agent, to try it before it is in force. Only for those who manage agents.
    #[schema(minimum = 1)]
    agent_version: Option<i32>,
    /// How confidential the question itself is; `INTERNAL` when absent. A model that may not see it is not asked.
    classification: Option<Classification>,
    /// Only these documents are searched.
    #[schema(max_items = 100)]
    document_ids: Option<Vec<DocumentId>>,
    /// What else the search is narrowed by.
    #[serde(default)]
    filters: SearchFilters,
    /// The answer is about what held at this moment, instead of what holds now.
    as_of: Option<DateTime<Utc>>,
}

/// The whole answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatResponse {
    conversation_id: ConversationId,
    run_id: RunId,
    user_message_id: MessageId,
    message: MessageResponse,
}

/// Asks. The run goes on when the client leaves; `GET /api/v1/runs/{id}/events` takes it up again.
#[utoipa::path(post, path = "/api/v1/chat", operation_id = "chat", tag = "chat", request_body = ChatRequest,
               responses((status = 200, description = "AG-UI events, or the whole answer where `stream` is false",
                          content((ChatResponse = "application/json"), (sse::EventSchema = "text/event-stream"))),
                         (status = 404, description = "No such conversation or message"),
                         (status = 409, description = "The last answer is still being written")))]
pub(crate) async fn chat(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    streaming: Streaming,
    StrictJson(request): StrictJson<ChatRequest>,
) -> Result<Response, ApiError> {
    let stream = request.stream.unwrap_or(true);
    if request.agent_version.is_some() && !principal.permissions.contains(Permission::ConfigurationManage) {
        return Err(Problem::new(ErrorCode::NotAuthorized, "only who manages agents tries a version of one")
            .remedy("leave `agent_version` out")
            .into());
    }
    let run = state.runner.start(&principal, validate(request)?).await?;
    if stream {
        let reveal = Reveal::new(&state, &principal, run.conversation_id);
        return Ok(stream_run(&state, streaming, reveal, principal.scope, run.run_id, 0));
    }
    Ok(Json(wait(&state, &principal, &run).await?).into_response())
}

/// What a question may ask for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatTiersResponse {
    /// `LIGHT`, `STANDARD`, `HEAVY`; none where the organisation lets nobody choose, or where there is no language model.
    tiers: Vec<&'static str>,
}

/// The tiers that a question may name.
#[utoipa::path(get, path = "/api/v1/chat/tiers", operation_id = "chat.tiers", tag = "chat",
               responses((status = 200, body = ChatTiersResponse)))]
pub(crate) async fn tiers(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
) -> Result<Json<ChatTiersResponse>, ApiError> {
    let policy = state.governance.of(&principal.scope).await?;
    let may = policy.routing.explicit_tier && state.completions.gateway().catalog().has_chat();
    let all = [Tier::Light, Tier::Standard, Tier::Heavy];
    Ok(Json(ChatTiersResponse { tiers: all.iter().filter(|_| may).map(|tier| tier.as_str()).collect() }))
}

/// How a question may be thought through.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatThinkingResponse {
    /// None where the organisation lets nobody choose how much model a question gets, or where there is no language model.
    items: Vec<ChatThinkingItem>,
}

/// A way of thinking, and what it takes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatThinkingItem {
    /// `red_team`, `first_principles` or `council`.
    name: &'static str,
    /// So many calls of a model it takes at most beside the answer, by tier.
    calls: BTreeMap<&'static str, usize>,
}

/// The ways of thinking that a question may name.
#[utoipa::path(get, path = "/api/v1/chat/thinking", operation_id = "chat.thinking", tag = "chat",
               responses((status = 200, body = ChatThinkingResponse)))]
pub(crate) async fn thinking(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
) -> Result<Json<ChatThinkingResponse>, ApiError> {
    let policy = state.governance.of(&principal.scope).await?;
    let may = policy.routing.explicit_tier && state.completions.gateway().catalog().has_chat();
    let items = Thinking::ALL.into_iter().filter(|_| may).map(|thinking| ChatThinkingItem {
        name: thinking.as_str(),
        calls: Tier::ALL.into_iter().map(|tier| (tier.as_str(), thinking.calls(tier))).collect(),
    });
    Ok(Json(ChatThinkingResponse { items: items.collect() }))
}

/// An agent that may be asked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatAgentResponse {
    name: String,
    title: AgentTextsResponse,
    purpose: AgentTextsResponse,
}

/// Agents that a question may name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ChatAgentsResponse {
    /// Those that ship first.
    items: Vec<ChatAgentResponse>,
}

/// The agents that a question may name. Without a name the one that the question is for answers.
#[utoipa::path(get, path = "/api/v1/chat/agents", operation_id = "chat.agents", tag = "chat",
               responses((status = 200, body = ChatAgentsResponse)))]
pub(crate) async fn agents(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
) -> Result<Json<ChatAgentsResponse>, ApiError> {
    let roster = state.runner.specialists().of(&principal.scope).await?;
    let items = roster.agents().iter().map(|agent| ChatAgentResponse {
        name: agent.definition.name.clone(),
        title: (&agent.definition.title).into(),
        purpose: (&agent.definition.purpose).into(),
    });
    Ok(Json(ChatAgentsResponse { items: items.collect() }))
}

async fn wait(state: &AppState, principal: &Principal, run: &StartedRun) -> Result<ChatResponse, ApiError> {
    let mut events = Box::pin(state.runner.events(principal.scope, run.run_id, 0));
    while events.next().await.is_some() {}
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let mut reveal = Reveal::new(state, principal, run.conversation_id);
    reveal.load(&mut tx).await?;
    let message = tx.messages().get(run.conversation_id, run.assistant_message_id).await?;
    let message = message.ok_or(StoreError::NotFound("message"))?;
    if message.status == MessageStatus::Streaming {
        // This process ends, and another goes on with the run.
        let how = format!("the answer is written on all the same: follow GET /api/v1/runs/{}/events", run.run_id);
        return Err(Problem::new(ErrorCode::Interrupted, "the server is shutting down").remedy(how).into());
    }
    Ok(ChatResponse {
        conversation_id: run.conversation_id,
        run_id: run.run_id,
        user_message_id: run.user_message_id,
        message: reveal.message(MessageResponse::for_reader(message, &reader)),
    })
}

fn validate(request: ChatRequest) -> Result<StartRun, ApiError> {
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the question cannot be asked");
    match (&request.message, &request.regenerate_message_id) {
        (Some(message), None) => {
            if message.trim().is_empty() || message.chars().count() > MAX_MESSAGE_CHARS {
                problem = problem.field("message", "expected 1 to 16,000 characters");
            }
        }
        (None, Some(_)) if matches!(request.parent_message_id, Change::Keep) => {}
        _ => problem = problem.field("message", "expected either `message` or `regenerate_message_id`"),
    }
    if request.conversation_id.is_none()
        && (request.regenerate_message_id.is_some() || !matches!(request.parent_message_id, Change::Keep))
    {
        problem = problem.field("conversation_id", "expected the conversation of the message");
    }
    let ChatLimits { seconds, tokens, cost_micros, tool_calls } = request.limits;
    for (field, value, range, expected) in [
        ("limits.seconds", seconds.map(u64::from), 5..=3_600, "expected 5 to 3,600"),
        ("limits.tokens", tokens, 1..=1_000_000_000, "expected 1 to 1,000,000,000"),
        ("limits.cost_micros", cost_micros, 1..=1_000_000_000_000, "expected 1 to 1,000,000,000,000"),
        ("limits.tool_calls", tool_calls.map(u64::from), 0..=16, "expected 0 to 16"),
    ] {
        if value.is_some_and(|value| !range.contains(&value)) {
            problem = problem.field(field, expected);
        }
    }
    if request.may_ask && request.stream == Some(false) {
        problem = problem
            .field("may_ask", "expected `stream` to be true beside it: a question of the agent comes as an event");
    }
    if request.agent_version.is_some() && request.agent.is_none() {
        problem = problem.field("agent_version", "expected `agent` beside it");
    }
    let (filter, problem) = request.filters.checked(request.document_ids, request.as_of, problem);
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    Ok(StartRun {
        message: request.message,
        conversation_id: request.conversation_id,
        parent: match request.parent_message_id {
            Change::Keep => Parent::Newest,
            Change::To(None) => Parent::Root,
            Change::To(Some(id)) => Parent::Message(id),
        },
        regenerate: request.regenerate_message_id,
        history: Vec::new(),
        tier: request.tier.map(Into::into),
        thinking: request.thinking.map(Into::into),
        may_ask: request.may_ask,
        limits: RunLimits { seconds, tokens, cost_micros, tool_calls },
        agent: match request.agent {
            Some(name) => AgentWish::Named { name, version: request.agent_version },
            None => AgentWish::Route,
        },
        classification: request.classification.unwrap_or(Classification::Internal),
        filter,
        trace_id: current_trace_id(),
    })
}
