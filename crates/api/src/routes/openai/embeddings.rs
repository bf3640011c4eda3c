use axum::{Json, extract::State, http::HeaderMap};
use base64::{Engine, engine::general_purpose::STANDARD};
use millwright_agents::Ask;
use millwright_core::{ErrorCode, Problem};
use millwright_gateway::Wanted;
use millwright_llm::provider::{Embeddings, ModelRequest};
use serde::{Deserialize, Serialize};

use super::Said;
use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, StrictJson},
    problem::current_trace_id,
};

pub(super) use millwright_agents::EMBEDDER as BUILT_IN;

const MOST_TEXTS: usize = 256;
const MOST_CHARS: usize = 32_000;

/// Texts to be turned into vectors.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbeddingRequest {
    /// A model of `GET /v1/models`; `all-minilm-l6-v2` is in this process.
    model: String,
    /// A text, or 1 to 256 texts. Token numbers are not taken.
    #[schema(value_type = Value)]
    input: Input,
    /// `float` or `base64`.
    encoding_format: Option<String>,
    /// Only the model's own number.
    dimensions: Option<u32>,
    /// Taken and not used.
    #[expect(dead_code, reason = "accepted because many clients send it")]
    user: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

/// Vectors in the order of the texts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EmbeddingResponse {
    /// `list`.
    object: &'static str,
    model: String,
    data: Vec<EmbeddingBody>,
    usage: EmbeddingUsage,
}

/// One vector.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EmbeddingBody {
    /// `embedding`.
    object: &'static str,
    index: usize,
    /// Numbers, or their little-endian 32-bit form in base64.
    #[schema(value_type = Value)]
    embedding: Vector,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

/// What was counted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EmbeddingUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Turns texts into vectors, as OpenAI's API does.
#[utoipa::path(post, path = "/v1/embeddings", operation_id = "openai.embeddings", tag = "openai",
               request_body = EmbeddingRequest,
               responses((status = 200, body = EmbeddingResponse), (status = 404, description = "No such model")))]
pub(crate) async fn embeddings(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    headers: HeaderMap,
    StrictJson(request): StrictJson<EmbeddingRequest>,
) -> Result<Json<EmbeddingResponse>, ApiError> {
    let said = Said::read(&headers)?;
    let base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("encoding_format", "expected `float` or `base64`")),
    };
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        return Err(invalid("input", format!("expected 1 to {MOST_TEXTS} texts")));
    }
    if texts.iter().any(|text| text.is_empty() || text.chars().count() > MOST_CHARS) {
        return Err(invalid("input", format!("expected texts of 1 to {MOST_CHARS} characters")));
    }
    let ask = Ask {
        call_id: state.sources.new_id(),
        wanted: Wanted::Model(request.model.clone()),
        request: ModelRequest::default(),
        classification: said.classification,
        agent: None,
        task: None,
        within: said.within,
        trace_id: current_trace_id(),
    };
    let Embeddings { vectors, input_tokens } = if request.model == BUILT_IN {
        state.completions.embed_here(&principal, texts, ask).await?
    } else {
        state.completions.embed(&principal, &request.model, texts, ask).await?
    };
    if let Some(wanted) = request.dimensions
        && vectors.iter().any(|vector| vector.len() != wanted as usize)
    {
        return Err(invalid("dimensions", "expected the model's own number, or nothing"));
    }
    let data = vectors.into_iter().enumerate().map(|(index, vector)| {
        let embedding = if base64 {
            Vector::Base64(STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()))
        } else {
            Vector::Numbers(vector)
        };
        EmbeddingBody { object: "embedding", index, embedding }
    });
    let data = data.collect();
    let usage = EmbeddingUsage { prompt_tokens: input_tokens, total_tokens: input_tokens };
    Ok(Json(EmbeddingResponse { object: "list", model: request.model, data, usage }))
}

fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "the request is not of the documented form").field(field, message).into()
}
