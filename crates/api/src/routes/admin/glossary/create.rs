use axum::{Json, extract::State, http::StatusCode};
use millwright_core::{ErrorCode, Problem};
use millwright_store::{Proof, tenant::NewGlossaryEntry};
use serde::Deserialize;
use serde_json::json;

use super::{GlossaryEntryResponse, GlossaryLanguage, taken, valid_expansions, valid_term};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, StrictJson},
};

/// Each process keeps the glossaries of its tenants in memory.
const MOST_ENTRIES: i64 = 2_000;

/// A term and what it stands for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateGlossaryEntryRequest {
    /// Unique, whatever is written in capitals. One that is also a usual word (`IT`) is recognised in capitals only.
    #[schema(min_length = 1, max_length = 60)]
    term: String,
    /// What it stands for, each 1 to 120 characters. Everybody who searches may be shown it.
    #[schema(min_items = 1, max_items = 8)]
    expansions: Vec<String>,
    /// Absent is `any`.
    #[serde(default)]
    language: GlossaryLanguage,
}

/// Puts a term into the glossary. Searches know it at once, in other processes within five seconds.
#[utoipa::path(post, path = "/api/v1/admin/glossary", operation_id = "admin.glossary.create", tag = "admin",
               request_body = CreateGlossaryEntryRequest,
               responses((status = 201, body = GlossaryEntryResponse),
                         (status = 409, description = "The term is taken, or there are too many")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateGlossaryEntryRequest>,
) -> Result<(StatusCode, Json<GlossaryEntryResponse>), ApiError> {
    let term = valid_term(&request.term)?;
    let entry = NewGlossaryEntry {
        id: state.sources.new_id(),
        expansions: valid_expansions(&term, &request.expansions)?,
        term,
        language: request.language.stored(),
        created_by: principal.user_id,
        created_at: state.sources.now(),
    };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    if tx.glossary().count().await? >= MOST_ENTRIES {
        return Err(Problem::new(ErrorCode::Conflict, format!("there are {MOST_ENTRIES} terms already"))
            .remedy("delete those that nobody asks with")
            .into());
    }
    tx.glossary().insert(&entry).await.map_err(taken)?;
    let row = tx.glossary().require(entry.id).await?;
    let details =
        [("term", json!(entry.term)), ("expansions", json!(entry.expansions)), ("language", json!(entry.language))];
    let proof = audit.entry(&principal, entry.id, &details)?;
    tx.commit(Proof::Entry(&proof)).await?;
    state.searcher.glossaries().forget(&principal.scope);
    Ok((StatusCode::CREATED, Json(row.into())))
}
