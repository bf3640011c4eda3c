//! Shapes that several endpoints answer with.

use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Cursor, Page,
    id::{DocumentId, MessageId, RunId, UserId},
};
use millwright_store::tenant::{DocumentRow, MessageRow, VersionRow};
use serde::Serialize;
use serde_json::Value;

/// One part of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PageResponse<T> {
    /// In the order of the list.
    items: Vec<T>,
    /// Ask for the next part with this; null at the end.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

impl<T> From<Page<T>> for PageResponse<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor }
    }
}

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PersonResponse {
    id: UserId,
    display_name: String,
}

/// Why a version could not be read, or a run not finished.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FailureResponse {
    /// Stable code.
    code: String,
    /// In words.
    detail: String,
}

impl FailureResponse {
    pub(crate) fn from_columns(code: Option<String>, detail: Option<String>) -> Option<Self> {
        code.map(|code| Self { code, detail: detail.unwrap_or_default() })
    }
}

/// One uploaded version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct VersionResponse {
    id: millwright_core::id::VersionId,
    /// 1 for the first.
    number: i32,
    /// `pdf`, `docx`, `text`, `markdown` or `html`.
    format: String,
    media_type: String,
    size_bytes: i64,
    /// Of the bytes, hexadecimal.
    sha256: String,
    /// `queued`, `processing`, `ready`, `failed` or `superseded`.
    status: &'static str,
    /// `parse`, `chunk`, `embed` or `index` while it is read.
    stage: Option<String>,
    /// Done in this stage.
    stage_done: i64,
    /// Out of how many, once known.
    stage_total: Option<i64>,
    page_count: Option<i32>,
    chunk_count: Option<i32>,
    /// Whether its pages are real pages.
    paged: bool,
    error: Option<FailureResponse>,
    created_at: DateTime<Utc>,
    ready_at: Option<DateTime<Utc>>,
    /// Milliseconds by stage.
    timings_ms: Value,
}

impl From<VersionRow> for VersionResponse {
    fn from(row: VersionRow) -> Self {
        Self {
            id: row.id,
            number: row.number,
            format: row.format,
            media_type: row.media_type,
            size_bytes: row.size_bytes,
            sha256: hex::encode(row.sha256),
            status: row.status.as_str(),
            stage: row.stage,
            stage_done: row.stage_done,
            stage_total: row.stage_total,
            page_count: row.page_count,
            chunk_count: row.chunk_count,
            paged: row.paged,
            error: FailureResponse::from_columns(row.error_code, row.error_detail),
            created_at: row.created_at,
            ready_at: row.ready_at,
            timings_ms: row.timings_ms,
        }
    }
}

/// A document with its newest version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DocumentResponse {
    id: DocumentId,
    name: String,
    classification: Classification,
    /// The uploader's own fields.
    metadata: Value,
    /// Format of the newest version.
    format: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    created_by: PersonResponse,
    /// Number of the version that answers.
    current_version: Option<i32>,
    latest: VersionResponse,
}

impl DocumentResponse {
    /// Whether nothing more happens to the newest version by itself.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.latest.status, "queued" | "processing")
    }

    pub(crate) fn new(document: DocumentRow, latest: VersionRow) -> Self {
        Self {
            id: document.id,
            name: document.name,
            classification: document.classification,
            metadata: document.metadata,
            format: latest.format.clone(),
            created_at: document.created_at,
            updated_at: document.updated_at,
            created_by: PersonResponse { id: document.created_by, display_name: document.created_by_name },
            current_version: document.current_version,
            latest: latest.into(),
        }
    }
}

/// A message of a conversation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MessageResponse {
    id: MessageId,
    /// The message it answers or follows; null at the root.
    parent_id: Option<MessageId>,
    /// `user` or `assistant`.
    role: &'static str,
    content: String,
    /// `complete`, `streaming`, `stopped` or `failed`.
    status: &'static str,
    /// What it stands on.
    #[schema(value_type = Vec<CitationResponse>)]
    citations: Value,
    run_id: Option<RunId>,
    model: Option<String>,
    tier: Option<String>,
    /// The join of the labels of what it was made from.
    classification: Option<String>,
    /// False when the documents do not hold the answer.
    answered: Option<bool>,
    error: Option<FailureResponse>,
    /// From the question to the end of the answer.
    duration_ms: Option<i64>,
    created_at: DateTime<Utc>,
}

impl From<MessageRow> for MessageResponse {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            parent_id: row.parent_id.map(MessageId::from),
            role: row.role.as_str(),
            content: row.content,
            status: row.status.as_str(),
            citations: row.citations,
            run_id: row.run_id.map(RunId::from),
            model: row.model,
            tier: row.tier,
            classification: row.classification,
            answered: row.answered,
            error: FailureResponse::from_columns(row.error_code, row.error_detail),
            duration_ms: row.duration_ms,
            created_at: row.created_at,
        }
    }
}

/// A passage that an answer stands on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CitationResponse {
    /// The `n` of the markers `[n]` in the answer.
    number: u32,
    chunk_id: millwright_core::id::ChunkId,
    document_id: DocumentId,
    document_name: String,
    /// Number of the version.
    version: i32,
    /// Null where the format has no pages.
    page: Option<i32>,
    /// Headings above it, outermost first.
    heading_path: Vec<String>,
    /// Byte for byte the span of the page's text.
    quote: String,
    /// Unicode code points into the page's text.
    char_start: i32,
    char_end: i32,
    classification: Classification,
}
