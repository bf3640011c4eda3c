use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, Problem, id::DocumentId};
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{DocumentRow, Reader, VersionStatus},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ApiError, AppState,
    dto::{Change, DocumentResponse},
    extract::{Audit, DocumentsWrite, PathId, StrictJson},
    filters,
};

/// What is to be said about a document; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescribeRequest {
    /// All its tags.
    #[schema(max_items = 32)]
    tags: Option<Vec<String>>,
    /// The document whose place it takes, from the day on which it holds; null for none.
    #[serde(default)]
    #[schema(value_type = Option<DocumentId>)]
    supersedes: Change<DocumentId>,
    /// From when its newest version holds that could be read, or may yet be.
    effective_from: Option<DateTime<Utc>>,
    /// Until when that version holds; null for without end.
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    effective_until: Change<DateTime<Utc>>,
}

/// What is said about a document; `None` where it stays.
#[derive(Default)]
pub(super) struct Description {
    pub(super) metadata: Option<Value>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) supersedes: Change<DocumentId>,
    /// Of its newest version that was not refused.
    pub(super) effective_from: Option<DateTime<Utc>>,
    pub(super) effective_until: Change<DateTime<Utc>>,
}

/// What came of it.
pub(super) struct Described {
    /// Whether anything is other than it was.
    pub(super) changed: bool,
    /// Other documents of which another version answers now, or none.
    pub(super) also_settled: Vec<DocumentId>,
}

/// Stores it, and lets those versions answer that should then. Where the document is locked already, whoever did that began
/// with `begin_replacing`.
pub(super) async fn describe(
    tx: &mut TenantTx,
    reader: &Reader,
    document: &DocumentRow,
    description: Description,
    now: DateTime<Utc>,
) -> Result<Described, ApiError> {
    let shown = document.supersedes.as_ref().map(|older| DocumentId::from(older.id));
    if matches!(description.supersedes, Change::To(_)) {
        tx.validity().begin_replacing().await?;
    }
    // The one before may be one that this reader may not see: it stays unless something else is said.
    let supersedes = match description.supersedes {
        Change::To(other) if other != shown => Some(other),
        _ => None,
    };
    if let Some(older) = supersedes.flatten() {
        tx.documents().require(reader, older).await?;
        if older == document.id || tx.validity().supersedes(older, document.id).await? {
            return Err(invalid("supersedes", "expected a document that does not take the place of this one"));
        }
    }
    let versions = tx.versions().list(document.id).await?;
    let readable = versions.iter().find(|version| version.status != VersionStatus::Failed);
    let version = readable.or(versions.first()).ok_or(StoreError::NotFound("version"))?;
    let (from, until) = (version.effective_from, version.effective_until);
    let effective = (description.effective_from.unwrap_or(from), description.effective_until.applied_to(until));
    check_order(effective.0, effective.1)?;
    let moved = effective != (from, until);
    let metadata = description.metadata.filter(|metadata| *metadata != document.metadata);
    let tags = description.tags.filter(|tags| *tags != document.tags);
    if !moved && supersedes.is_none() && metadata.is_none() && tags.is_none() {
        return Ok(Described { changed: false, also_settled: Vec::new() });
    }
    let before = tx.documents().describe(document.id, metadata.as_ref(), tags.as_deref(), supersedes, now).await?;
    if moved {
        tx.versions().set_effective(version.id, effective.0, effective.1).await?;
        tx.validity().settle(document.id, None, now).await?;
    }
    let mut also_settled = Vec::new();
    if let Some(older) = before.filter(|_| supersedes.is_some()) {
        also_settled.extend(tx.validity().settle(older, None, now).await?.then_some(older));
    }
    also_settled.extend(tx.validity().settle_superseded_by(document.id, now).await?);
    Ok(Described { changed: true, also_settled })
}

/// What is said of a document, for the audit log.
pub(super) fn said(document: &DocumentResponse) -> Vec<(&'static str, Value)> {
    let said = json!(document);
    let of_document = ["tags", "supersedes"].map(|name| (name, said[name].clone()));
    let of_version = ["effective_from", "effective_until"].map(|name| (name, said["latest"][name].clone()));
    [of_document, of_version].concat()
}

/// Refuses an end that is not after the beginning.
pub(super) fn check_order(from: DateTime<Utc>, until: Option<DateTime<Utc>>) -> Result<(), ApiError> {
    if until.is_some_and(|until| until <= from) {
        return Err(invalid("effective_until", "expected a moment after the one from which it holds"));
    }
    Ok(())
}

fn invalid(field: &str, expected: &str) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "the document cannot be described so").field(field, expected).into()
}

/// Says by which tags a document is found, which other it takes the place of, and from when until when its newest version
/// holds. What answers changes at once.
#[utoipa::path(patch, path = "/api/v1/documents/{id}/description", operation_id = "documents.describe", tag = "documents",
               params(("id" = DocumentId, Path)), request_body = DescribeRequest,
               responses((status = 200, body = DocumentResponse)))]
pub(crate) async fn handle(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    PathId(id): PathId<DocumentId>,
    StrictJson(request): StrictJson<DescribeRequest>,
) -> Result<Json<DocumentResponse>, ApiError> {
    let wrong_year = "expected a year from 1000 to 9999";
    let effective_from = request.effective_from.map(filters::moment);
    let effective_until = match request.effective_until {
        Change::To(Some(until)) => {
            Change::To(Some(filters::moment(until).ok_or_else(|| invalid("effective_until", wrong_year))?))
        }
        other => other,
    };
    let tags = request.tags.map(|tags| filters::tags(tags.iter().map(String::as_str))).transpose();
    let description = Description {
        metadata: None,
        tags: tags.map_err(|expected| invalid("tags", expected))?,
        supersedes: request.supersedes,
        effective_from: effective_from
            .map(|from| from.ok_or_else(|| invalid("effective_from", wrong_year)))
            .transpose()?,
        effective_until,
    };
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let (reader, document) = super::open(&state, &principal, &mut tx, id).await?;
    let described = describe(&mut tx, &reader, &document, description, state.sources.now()).await?;
    let response = super::load(&mut tx, &reader, id).await?;
    if !described.changed {
        return Ok(Json(response));
    }
    let mut details = said(&response);
    details.push(("also_settled", json!(described.also_settled)));
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(response))
}
