use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_store::{
    system::EmbeddingModelRow,
    tenant::{VectorModel, VectorProgress},
};
use serde::Serialize;

use crate::{ApiError, AppState, extract::MetricsRead};

/// What makes the vectors of documents and questions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EmbeddingsResponse {
    /// Whose vectors answer.
    serving: EmbeddingModelResponse,
    /// Whose are being made and will answer once all are there; null where there is none.
    building: Option<EmbeddingModelResponse>,
}

/// An embedding model, and how far the tenant's passages were gone through with it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EmbeddingModelResponse {
    name: String,
    /// Numbers in a vector.
    dimensions: i32,
    /// When it was first seen.
    created_at: DateTime<Utc>,
    /// Since when it serves; null before.
    served_at: Option<DateTime<Utc>>,
    /// Whether this process can make its vectors. Where it cannot, search goes by keywords alone.
    available: bool,
    /// Whether it waits for its index: `millwright embeddings prepare` makes it.
    waits_for_index: bool,
    /// Passages that were gone through.
    done: i64,
    /// Passages there are.
    total: i64,
    /// Of those done, passages without vectors, because their label may not go to the model's server: keywords find them.
    withheld: i64,
}

/// What makes vectors, and how far it has come with the tenant's passages.
#[utoipa::path(get, path = "/api/v1/admin/embeddings", operation_id = "admin.embeddings.get", tag = "admin",
               responses((status = 200, body = EmbeddingsResponse)))]
pub(crate) async fn embeddings(
    State(state): State<AppState>,
    MetricsRead(principal): MetricsRead,
) -> Result<Json<EmbeddingsResponse>, ApiError> {
    let standing = state.embeddings.standing();
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let mut progress = async |model: VectorModel| tx.vectors().progress(model).await;
    let serving = described(&state, &standing.serving, progress(standing.serving.id).await?);
    let building = match &standing.building {
        Some(model) => Some(described(&state, model, progress(model.id).await?)),
        None => None,
    };
    Ok(Json(EmbeddingsResponse { serving, building }))
}

fn described(state: &AppState, model: &EmbeddingModelRow, progress: VectorProgress) -> EmbeddingModelResponse {
    let VectorProgress { done, total, withheld } = progress;
    EmbeddingModelResponse {
        name: model.name.clone(),
        dimensions: model.dimensions,
        created_at: model.created_at,
        served_at: model.served_at,
        available: state.embeddings.can_make(model),
        waits_for_index: !model.indexed,
        done,
        total,
        withheld,
    }
}
