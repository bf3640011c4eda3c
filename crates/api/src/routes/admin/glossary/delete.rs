use axum::{extract::State, http::StatusCode};
use millwright_core::id::GlossaryEntryId;
use millwright_store::Proof;
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, PathId},
};

/// Takes a term out of the glossary. Searches know it at once, in other processes within five seconds.
#[utoipa::path(delete, path = "/api/v1/admin/glossary/{id}", operation_id = "admin.glossary.delete", tag = "admin",
               params(("id" = GlossaryEntryId, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    PathId(id): PathId<GlossaryEntryId>,
) -> Result<StatusCode, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let entry = tx.glossary().require(id).await?;
    tx.glossary().delete(id).await?;
    let details = [("term", json!(entry.term)), ("expansions", json!(entry.expansions))];
    let proof = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&proof)).await?;
    state.searcher.glossaries().forget(&principal.scope);
    Ok(StatusCode::NO_CONTENT)
}
