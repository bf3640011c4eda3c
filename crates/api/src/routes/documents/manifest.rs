use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use millwright_core::{
    ErrorCode, PageRequest, Permission, Problem,
    id::{AuditEntryId, DocumentId},
};
use millwright_retrieval::ingest::{Digests, Manifest};
use millwright_store::{
    TenantTx,
    tenant::{AuditFilter, VersionStatus},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    ApiError, AppState,
    extract::{DocumentsRead, PathId},
};

/// How a version was read, and whether what is stored of it is still that.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ManifestResponse {
    /// Number of the version.
    version: i32,
    /// `pdf`, `docx` and so on.
    format: String,
    /// Name and version of the parser that read it.
    parser: String,
    /// What recognised the text of pictures; null where none was recognised.
    recognition: Option<RecognitionResponse>,
    /// The most tokens of a chunk.
    chunk_tokens: usize,
    /// About how many tokens chunks repeat of the one before.
    overlap_tokens: usize,
    /// Digest of the embedding model in process, whose tokens are counted.
    embedding_model: String,
    /// Digest of the model whose vectors it had when it was ready; null where they were withheld or came later, and in entries
    /// from before models were told apart.
    vector_model: Option<String>,
    /// What was read, and what came of it.
    signed: DigestsResponse,
    /// The same of what is stored now.
    stored: DigestsResponse,
    /// Whether both are equal: the source, and every page and passage that a citation can lead to.
    intact: bool,
    /// The entry of the audit log that holds the manifest and makes it authentic (`millwright audit verify`).
    audit_entry_id: AuditEntryId,
    /// Its place in the log's chain; null until it is sealed, some seconds after it was written, and for whoever may not read
    /// the log: it tells how much else goes on.
    audit_sequence: Option<i64>,
    signed_at: DateTime<Utc>,
}

/// What recognised the text of pictures.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RecognitionResponse {
    /// The program and its version.
    engine: String,
    /// The languages that it read, as it writes them: `deu+eng`.
    languages: String,
}

/// What a version consists of. Lower-case hexadecimal SHA-256.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct DigestsResponse {
    /// Of the uploaded bytes.
    source: String,
    /// Of the digests of all pages' texts, in order.
    pages: String,
    page_count: i64,
    /// Of the digests of all chunks, in order, each of `page:start:end:headings:text`: start and end count Unicode code points,
    /// and headings have a line each.
    chunks: String,
    chunk_count: i64,
}

impl From<Digests> for DigestsResponse {
    fn from(digests: Digests) -> Self {
        let Digests { source, pages, page_count, chunks, chunk_count } = digests;
        Self { source, pages, page_count, chunks, chunk_count }
    }
}

/// How a version was read, as the audit log has it, held against what is stored now. Not found for a version that was not
/// read yet, or before manifests were kept (`reindex` reads it anew).
#[utoipa::path(get, path = "/api/v1/documents/{id}/versions/{number}/manifest", operation_id = "documents.manifest",
               tag = "documents", params(("id" = DocumentId, Path), ("number" = i32, Path, minimum = 1)),
               responses((status = 200, body = ManifestResponse)))]
pub(crate) async fn manifest(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
    Path(path): Path<(String, String)>,
) -> Result<Json<ManifestResponse>, ApiError> {
    let number: i32 = path.1.parse().map_err(|_| Problem::not_found("version"))?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require_number(id, Some(number)).await?;
    if let VersionStatus::Queued | VersionStatus::Processing | VersionStatus::Failed = version.status {
        let problem = Problem::new(ErrorCode::Conflict, "this version is being read, or could not be read");
        return Err(problem.remedy("look again when it is ready, or have the document read anew").into());
    }
    let signed = signed(&mut tx, id, &version.id.to_string()).await?;
    let stored: Digests = tx.versions().digests(version.id).await?.into();
    let Manifest {
        format,
        parser,
        recognition,
        chunk_tokens,
        overlap_tokens,
        embedding_model,
        vector_model,
        digests,
        ..
    } = signed.manifest;
    Ok(Json(ManifestResponse {
        version: version.number,
        format,
        parser,
        recognition: recognition.map(|used| RecognitionResponse { engine: used.engine, languages: used.languages }),
        chunk_tokens,
        overlap_tokens,
        embedding_model,
        vector_model,
        intact: digests == stored,
        signed: digests.into(),
        stored: stored.into(),
        audit_entry_id: signed.entry,
        audit_sequence: signed.sequence.filter(|_| principal.permissions.contains(Permission::AuditRead)),
        signed_at: signed.at,
    }))
}

struct Signed {
    manifest: Manifest,
    entry: AuditEntryId,
    sequence: Option<i64>,
    at: DateTime<Utc>,
}

/// The newest manifest of the version in the audit log.
async fn signed(tx: &mut TenantTx, document: DocumentId, version: &str) -> Result<Signed, ApiError> {
    let filter = AuditFilter {
        action: Some("document.version_ready".to_owned()),
        resource_type: Some("document".to_owned()),
        resource_id: Some(document.to_string()),
        ..AuditFilter::default()
    };
    let mut page = PageRequest { limit: 50, after: None };
    loop {
        let entries = tx.audit().list(&filter, page).await?;
        for entry in entries.items {
            let event: Value = serde_json::from_slice(&entry.canonical).unwrap_or_default();
            let details = &event["details"];
            if details["version"] == version
                && let Ok(manifest) = serde_json::from_value(details["manifest"].clone())
            {
                return Ok(Signed { manifest, entry: entry.id, sequence: entry.sequence, at: entry.occurred_at });
            }
        }
        let Some(next) = entries.next_cursor else { return Err(Problem::not_found("manifest").into()) };
        page.after = Some(next);
    }
}
