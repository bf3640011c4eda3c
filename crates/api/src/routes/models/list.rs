use axum::{Json, extract::State};
use millwright_core::Classification;
use millwright_gateway::{Capabilities, EndpointState, Health, ModelKind, ModelSettings, Prefer, Price};
use serde::Serialize;

use crate::{ApiError, AppState, extract::ConfigurationRead};

/// The models, where they run, and how their servers are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ModelsResponse {
    /// The currency of all prices.
    currency: String,
    /// Where requests go when a tier has no answer: `up`, `down` or `refuse`.
    #[schema(value_type = String)]
    prefer: Prefer,
    /// Empty where the built-in answerer quotes and there is no language model.
    models: Vec<ModelResponse>,
    endpoints: Vec<EndpointResponse>,
}

/// A model.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub(crate) struct ModelResponse {
    name: String,
    /// `chat` or `embedding`.
    #[schema(value_type = String)]
    kind: ModelKind,
    /// `LIGHT`, `STANDARD`, `HEAVY`.
    tiers: Vec<&'static str>,
    context_tokens: u64,
    max_output_tokens: u32,
    tools: bool,
    json_schema: bool,
    images: bool,
    logprobs: bool,
    price: PriceResponse,
    /// Where it runs, and what it is called there.
    endpoints: Vec<TargetResponse>,
}

/// What a model costs, in millionths of the currency.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum PriceResponse {
    /// Nothing.
    Free,
    /// For a million tokens.
    Tokens { input_micros: u64, output_micros: u64, cached_micros: u64 },
    /// For a second of a card.
    GpuSecond { micros: u64 },
}

/// A model on an endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TargetResponse {
    endpoint: String,
    model: String,
}

/// A server, as this process sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EndpointResponse {
    name: String,
    /// `openai`, `azure`, `ollama` or `anthropic`.
    provider: &'static str,
    /// `up`, `probing` or `down`.
    #[schema(value_type = String)]
    health: Health,
    /// Answers that are being written.
    running: usize,
    /// Requests that wait.
    waiting: usize,
    /// How long an answer takes lately; 0 before the first.
    service_ms: u64,
    /// Whether what goes there leaves the site.
    leaves_site: bool,
    /// The most confidential data that it is sent.
    max_classification: Classification,
}

impl From<&ModelSettings> for ModelResponse {
    fn from(model: &ModelSettings) -> Self {
        let Capabilities { tools, json_schema, images, logprobs } = model.capabilities;
        let places = model.places.iter();
        Self {
            name: model.name.clone(),
            kind: model.kind,
            tiers: model.tiers.iter().map(|tier| tier.as_str()).collect(),
            context_tokens: model.context_tokens,
            max_output_tokens: model.max_output_tokens,
            tools,
            json_schema,
            images,
            logprobs,
            price: match model.price {
                Price::Free => PriceResponse::Free,
                Price::Tokens { input, output, cached } => {
                    PriceResponse::Tokens { input_micros: input, output_micros: output, cached_micros: cached }
                }
                Price::GpuSecond { micros } => PriceResponse::GpuSecond { micros },
            },
            endpoints: places
                .map(|place| TargetResponse { endpoint: place.endpoint.clone(), model: place.model.clone() })
                .collect(),
        }
    }
}

impl From<EndpointState> for EndpointResponse {
    fn from(state: EndpointState) -> Self {
        Self {
            name: state.name,
            provider: state.provider.as_str(),
            health: state.health,
            running: state.running,
            waiting: state.waiting,
            service_ms: state.service_ms,
            leaves_site: state.leaves_site,
            max_classification: state.max_classification,
        }
    }
}

/// The models of this installation and their servers, as the process that answers sees them.
#[utoipa::path(get, path = "/api/v1/models", operation_id = "models.list", tag = "models",
               responses((status = 200, body = ModelsResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    _reader: ConfigurationRead,
) -> Result<Json<ModelsResponse>, ApiError> {
    let catalog = state.completions.gateway().catalog();
    Ok(Json(ModelsResponse {
        currency: catalog.currency().to_owned(),
        prefer: catalog.prefer(),
        models: catalog.models().map(Into::into).collect(),
        endpoints: catalog.endpoints().into_iter().map(Into::into).collect(),
    }))
}
