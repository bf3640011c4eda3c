use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use millwright_agents::{Parent, StartRun, StartedRun};
use millwright_core::{
    ErrorCode, Principal, Problem,
    id::{ConversationId, MessageId, RunId},
};
use millwright_llm::Tier;
use millwright_store::StoreError;
use serde::{Deserialize, Deserializer, Serialize};

use super::runs::events::stream_run;
use crate::{
    ApiError, AppState,
    dto::MessageResponse,
    extract::{Audit, StrictJson, Viewer},
    problem::current_trace_id,
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
    parent_message_id: ParentMessage,
    /// The answer that shall get a sibling.
    regenerate_message_id: Option<MessageId>,
    /// `STANDARD` when absent.
    tier: Option<TierName>,
}

/// Null and absent mean different things here.
#[derive(Debug, Clone, Copy, Default)]
enum ParentMessage {
    #[default]
    Absent,
    Null,
    Message(MessageId),
}

impl<'de> Deserialize<'de> for ParentMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<MessageId>::deserialize(deserializer)?.map_or(Self::Null, Self::Message))
    }
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
               responses((status = 200, description = "The answer, or AG-UI events as `text/event-stream`",
                          body = ChatResponse),
                         (status = 404, description = "No such conversation or message"),
                         (status = 409, description = "The last answer is still being written")))]
pub(crate) async fn chat(
    State(state): State<AppState>,
    Viewer(principal): Viewer,
    _audit: Audit,
    StrictJson(request): StrictJson<ChatRequest>,
) -> Result<Response, ApiError> {
    let stream = request.stream.unwrap_or(true);
    let run = state.runner.start(&principal, validate(request)?).await?;
    if stream {
        return Ok(stream_run(&state, principal.scope, run.run_id, 0));
    }
    Ok(Json(wait(&state, &principal, &run).await?).into_response())
}

async fn wait(state: &AppState, principal: &Principal, run: &StartedRun) -> Result<ChatResponse, ApiError> {
    let mut events = Box::pin(state.runner.events(principal.scope, run.run_id, 0));
    while events.next().await.is_some() {}
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let message = tx.messages().get(run.conversation_id, run.assistant_message_id).await?;
    Ok(ChatResponse {
        conversation_id: run.conversation_id,
        run_id: run.run_id,
        user_message_id: run.user_message_id,
        message: message.ok_or(StoreError::NotFound("message"))?.into(),
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
        (None, Some(_)) if matches!(request.parent_message_id, ParentMessage::Absent) => {}
        _ => problem = problem.field("message", "expected either `message` or `regenerate_message_id`"),
    }
    if request.conversation_id.is_none()
        && (request.regenerate_message_id.is_some() || !matches!(request.parent_message_id, ParentMessage::Absent))
    {
        problem = problem.field("conversation_id", "expected the conversation of the message");
    }
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    Ok(StartRun {
        message: request.message,
        conversation_id: request.conversation_id,
        parent: match request.parent_message_id {
            ParentMessage::Absent => Parent::Newest,
            ParentMessage::Null => Parent::Root,
            ParentMessage::Message(id) => Parent::Message(id),
        },
        regenerate: request.regenerate_message_id,
        tier: match request.tier {
            Some(TierName::Light) => Tier::Light,
            None | Some(TierName::Standard) => Tier::Standard,
            Some(TierName::Heavy) => Tier::Heavy,
        },
        trace_id: current_trace_id(),
    })
}
