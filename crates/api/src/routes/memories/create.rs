use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use millwright_agents::memory::{Expiry, Remember};
use millwright_core::{
    Classification, ErrorCode, Problem,
    id::{GoalId, MessageId},
};
use serde::Deserialize;

use super::MemoryResponse;
use crate::{
    ApiError, AppState,
    dto::Change,
    extract::{Audit, ChatUse, StrictJson},
    problem::current_trace_id,
};

/// What is to be remembered: `about_me`, a `sentence` of the answer `message_id`, or the plan of the goal `goal_id`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateMemoryRequest {
    /// One's own words about oneself and one's work. Language models are told them with questions; no statement may rest on them.
    #[schema(min_length = 1, max_length = 1000)]
    about_me: Option<String>,
    /// How confidential these words are; `INTERNAL` when absent.
    classification: Option<Classification>,
    /// An answer of one's own.
    message_id: Option<MessageId>,
    /// A sentence of it that ends in a marker, as it stands there. It is held once more against the passages that it cites.
    #[schema(min_length = 1, max_length = 4000)]
    sentence: Option<String>,
    /// A goal of one's own that has come to its end.
    goal_id: Option<GoalId>,
    /// What to call its plan; as the goal is called when absent.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// From then on it is forgotten; null: never. In 180 days when absent.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Change<DateTime<Utc>>,
}

/// Has something remembered. What is remembered already, as confidential, is the answer; it is kept until `expires_at` where that is said.
#[utoipa::path(post, path = "/api/v1/memories", operation_id = "memories.create", tag = "memories",
               request_body = CreateMemoryRequest,
               responses((status = 201, body = MemoryResponse),
                         (status = 200, body = MemoryResponse, description = "It was remembered already"),
                         (status = 409, description = "There are 500 already, the goal has not come to its end, or no passage of today says the sentence")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    StrictJson(request): StrictJson<CreateMemoryRequest>,
) -> Result<(StatusCode, Json<MemoryResponse>), ApiError> {
    let expiry = expiry(request.expires_at).unwrap_or(Expiry::Usual);
    let (memories, what) = (state.runner.memories(), what(request)?);
    let (id, is_new) = memories.remember(&principal, what, expiry, &current_trace_id()).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(memories.get(&principal, id).await?.into())))
}

/// Until when; none where nothing is said of it.
pub(super) fn expiry(expires_at: Change<DateTime<Utc>>) -> Option<Expiry> {
    match expires_at {
        Change::Keep => None,
        Change::To(None) => Some(Expiry::Never),
        Change::To(Some(at)) => Some(Expiry::At(at)),
    }
}

fn what(request: CreateMemoryRequest) -> Result<Remember, ApiError> {
    let CreateMemoryRequest { about_me, classification, message_id, sentence, goal_id, name, .. } = request;
    match (about_me, (message_id, sentence), goal_id) {
        (Some(text), (None, None), None) if name.is_none() => {
            let classification = classification.unwrap_or(Classification::Internal);
            Ok(Remember::AboutMe { text, classification })
        }
        (None, (Some(message), Some(sentence)), None) if name.is_none() && classification.is_none() => {
            Ok(Remember::Sentence { message, sentence })
        }
        (None, (None, None), Some(goal)) if classification.is_none() => Ok(Remember::Procedure { goal, name }),
        _ => Err(Problem::new(ErrorCode::ValidationFailed, "it is not clear what is to be remembered")
            .field("body", "expected `about_me`, or `message_id` with `sentence`, or `goal_id`")
            .into()),
    }
}
