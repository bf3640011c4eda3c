use axum::{Json, extract::State};
use millwright_agents::Estimate;
use millwright_core::{Classification, ErrorCode, Problem};
use millwright_gateway::{Candidate, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ApiError, AppState,
    extract::{StrictJson, UsageRead},
};

/// Longer prompts are not estimated.
const MAX_PROMPT_CHARS: usize = 200_000;

/// What would be asked.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EstimateRequest {
    /// The prompt, 1 to 200,000 characters. It is not kept.
    #[schema(min_length = 1, max_length = 200_000)]
    prompt: String,
    /// The most tokens of the answer; 1,024 when absent.
    #[schema(minimum = 1)]
    max_output_tokens: Option<u32>,
    /// `INTERNAL` when absent.
    classification: Option<Classification>,
}

/// Where it would go, and what it would cost at most.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EstimateResponse {
    currency: String,
    /// `LIGHT`, `STANDARD` or `HEAVY`.
    tier: &'static str,
    /// The share of typical requests that deserve a strong model less, 0 to 1.
    score: f32,
    /// Below this LIGHT is enough.
    light_below: f32,
    /// From this on it is HEAVY.
    heavy_from: f32,
    /// What weighed most in the score.
    features: Value,
    input_tokens: u64,
    output_tokens: u64,
    /// Every model, with what would become of it.
    candidates: Vec<CandidateResponse>,
}

/// A model and what would become of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CandidateResponse {
    model: String,
    tiers: Vec<&'static str>,
    /// `chosen`, `reserve`, or why it would not be asked, with details.
    fate: Value,
    /// The most that it would cost, millionths of the currency.
    most_micros: u64,
}

impl From<Candidate> for CandidateResponse {
    fn from(candidate: Candidate) -> Self {
        Self {
            tiers: candidate.tiers.iter().map(|tier| tier.as_str()).collect(),
            fate: serde_json::to_value(&candidate.fate).unwrap_or_default(),
            model: candidate.model,
            most_micros: candidate.most_micros,
        }
    }
}

/// Tells what a request would cost and which model would answer it, without asking any.
#[utoipa::path(post, path = "/api/v1/usage/estimate", operation_id = "usage.estimate", tag = "usage",
               request_body = EstimateRequest,
               responses((status = 200, body = EstimateResponse), (status = 404, description = "No model would answer")))]
pub(crate) async fn estimate(
    State(state): State<AppState>,
    UsageRead(principal): UsageRead,
    StrictJson(request): StrictJson<EstimateRequest>,
) -> Result<Json<EstimateResponse>, ApiError> {
    if request.prompt.trim().is_empty() || request.prompt.chars().count() > MAX_PROMPT_CHARS {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the prompt cannot be estimated")
            .field("prompt", "expected 1 to 200,000 characters")
            .into());
    }
    let classification = request.classification.unwrap_or(Classification::Internal);
    let asked = (request.prompt, request.max_output_tokens);
    let Estimate { choice, judged } =
        state.completions.estimate(&principal, Wanted::Auto, asked, classification).await?;
    Ok(Json(EstimateResponse {
        currency: state.completions.gateway().catalog().currency().to_owned(),
        tier: choice.tier.as_str(),
        score: judged.score,
        light_below: judged.light_below,
        heavy_from: judged.heavy_from,
        features: judged.features,
        input_tokens: choice.input_tokens,
        output_tokens: choice.output_tokens,
        candidates: choice.candidates.into_iter().map(Into::into).collect(),
    }))
}
