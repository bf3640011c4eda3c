use axum::{Json, extract::State};
use millwright_gateway::ModelKind;
use serde::Serialize;

use super::{
    embeddings::BUILT_IN,
    request::{AGENT, TIERS},
};
use crate::{ApiError, AppState, extract::ChatUse};

/// The models that a credential may name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ModelListResponse {
    /// `list`.
    object: &'static str,
    data: Vec<ModelBody>,
}

/// A model that may be named.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ModelBody {
    id: String,
    /// `model`.
    object: &'static str,
    /// Not known: 0.
    created: i64,
    owned_by: &'static str,
}

/// The models that this credential may use: those of the installation, names that stand for a tier, the whole agent with
/// retrieval and citations (`millwright-agent`), and the built-in embeddings.
#[utoipa::path(get, path = "/v1/models", operation_id = "openai.models.list", tag = "openai",
               responses((status = 200, body = ModelListResponse)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
) -> Result<Json<ModelListResponse>, ApiError> {
    let policy = state.governance.of(&principal.scope).await?;
    let catalog = state.completions.gateway().catalog();
    let model = |id: &str, owned_by| ModelBody { id: id.to_owned(), object: "model", created: 0, owned_by };
    let mut data = vec![model(AGENT, "millwright")];
    if catalog.has_chat() {
        let tiers = TIERS.iter().filter(|(_, tier)| tier.is_none() || policy.routing.explicit_tier);
        data.extend(tiers.map(|(name, _)| model(name, "millwright")));
    }
    let chat_first = |kind| catalog.models().filter(move |settings| settings.kind == kind);
    data.extend(chat_first(ModelKind::Chat).map(|settings| model(&settings.name, "installation")));
    data.extend(chat_first(ModelKind::Embedding).map(|settings| model(&settings.name, "installation")));
    data.push(model(BUILT_IN, "millwright"));
    Ok(Json(ModelListResponse { object: "list", data }))
}
