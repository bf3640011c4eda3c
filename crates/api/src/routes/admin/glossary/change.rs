use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem, id::GlossaryEntryId};
use millwright_store::{Proof, tenant::GlossaryEntryRow};
use serde::Deserialize;
use serde_json::json;

use super::{GlossaryEntryResponse, GlossaryLanguage, taken, valid_expansions, valid_term};
use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, PathId, StrictJson},
};

/// What is to be another; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeGlossaryEntryRequest {
    #[serde(default)]
    #[schema(min_length = 1, max_length = 60)]
    term: Option<String>,
    /// All that it is to stand for, each 1 to 120 characters.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 8)]
    expansions: Option<Vec<String>>,
    #[serde(default)]
    language: Option<GlossaryLanguage>,
}

/// Changes a term, or what it stands for. Searches know it at once, in other processes within five seconds.
#[utoipa::path(patch, path = "/api/v1/admin/glossary/{id}", operation_id = "admin.glossary.change", tag = "admin",
               params(("id" = GlossaryEntryId, Path)), request_body = ChangeGlossaryEntryRequest,
               responses((status = 200, body = GlossaryEntryResponse), (status = 409, description = "The term is taken")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    PathId(id): PathId<GlossaryEntryId>,
    StrictJson(request): StrictJson<ChangeGlossaryEntryRequest>,
) -> Result<Json<GlossaryEntryResponse>, ApiError> {
    if request.term.is_none() && request.expansions.is_none() && request.language.is_none() {
        return Err(Problem::new(ErrorCode::ValidationFailed, "nothing is to be changed")
            .field("body", "expected `term`, `expansions` or `language`")
            .into());
    }
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let before = tx.glossary().require(id).await?;
    let term = request.term.as_deref().map_or_else(|| Ok(before.term.clone()), valid_term)?;
    let expansions = valid_expansions(&term, request.expansions.as_ref().unwrap_or(&before.expansions))?;
    let language = request.language.map_or_else(|| before.language.clone(), GlossaryLanguage::stored);
    let after = GlossaryEntryRow { term, expansions, language, updated_at: state.sources.now(), ..before.clone() };
    tx.glossary().change(&after).await.map_err(taken)?;
    let details = [
        ("term", json!(after.term)),
        ("term_before", json!(before.term)),
        ("expansions", json!(after.expansions)),
        ("expansions_before", json!(before.expansions)),
        ("language", json!(after.language)),
    ];
    let proof = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&proof)).await?;
    state.searcher.glossaries().forget(&principal.scope);
    Ok(Json(after.into()))
}
