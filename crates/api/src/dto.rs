//! Shapes that several endpoints answer with.

use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, Cursor, Integrity, Label, Page, PageRequest,
    id::{DocumentId, MessageId, RunId, SourceId, UserId},
};
use millwright_store::tenant::{
    DocumentRow, MessageRow, Reader, RelatedDocument, RelatedSource, VersionRow, label_of_json,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::routes::agents::AgentTextsResponse;

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

/// `limit` and `cursor` of a list without filters.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

impl ListQuery {
    /// Checks both.
    pub(crate) fn request(self) -> Result<PageRequest, crate::ApiError> {
        crate::extract::PageQuery::new(self.limit, self.cursor).request()
    }
}

/// A label among the fields of what carries it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LabelParts {
    /// How confidential it is.
    classification: Classification,
    /// Export regimes that it falls under, for instance `ITAR` or `EAR:3A001`.
    export_control: Vec<String>,
    /// Whether it may be taken at its word.
    integrity: Integrity,
    /// Groups whose members alone may read it.
    groups: Vec<String>,
}

impl From<Label> for LabelParts {
    fn from(label: Label) -> Self {
        Self {
            classification: label.classification,
            export_control: label.export_control.iter().map(ToString::to_string).collect(),
            integrity: label.integrity,
            groups: label.groups.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PersonResponse {
    pub(crate) id: UserId,
    pub(crate) display_name: String,
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
    /// `pdf`, `docx`, `pptx`, `xlsx`, `csv`, `text`, `markdown`, `html` or `eml`.
    format: String,
    media_type: String,
    size_bytes: i64,
    /// Of the bytes, hexadecimal.
    sha256: String,
    /// `queued`, `processing`, `ready`, `scheduled`, `failed`, `superseded` or `expired`.
    status: &'static str,
    /// `parse`, `chunk`, `embed` or `index` while it is read.
    stage: Option<String>,
    /// Done in this stage.
    stage_done: i64,
    /// Out of how many, once known.
    stage_total: Option<i64>,
    page_count: Option<i32>,
    /// How many of its pages are pictures whose text was recognised (OCR).
    recognized_pages: i32,
    /// The numbers of its pages on which no text was found.
    pages_without_text: Vec<i32>,
    /// The numbers of its pages whose picture was not read, because the time for recognising text was up.
    pages_out_of_time: Vec<i32>,
    chunk_count: Option<i32>,
    /// Whether its pages are real pages.
    paged: bool,
    error: Option<FailureResponse>,
    created_at: DateTime<Utc>,
    /// When it had been read.
    ready_at: Option<DateTime<Utc>>,
    /// From when it holds.
    effective_from: DateTime<Utc>,
    /// Until when; null without end.
    effective_until: Option<DateTime<Utc>>,
    /// Of most of its text: `en` or `de`; null before it was read.
    language: Option<String>,
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
            recognized_pages: row.recognized_pages,
            pages_without_text: row.pages_without_text,
            pages_out_of_time: row.pages_out_of_time,
            chunk_count: row.chunk_count,
            paged: row.paged,
            error: FailureResponse::from_columns(row.error_code, row.error_detail),
            created_at: row.created_at,
            ready_at: row.ready_at,
            effective_from: row.effective_from,
            effective_until: row.effective_until,
            language: row.language,
            timings_ms: row.timings_ms,
        }
    }
}

/// A field in which null and absent mean different things.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Change<T> {
    /// It was absent: what is there stays.
    #[default]
    Keep,
    /// It was there, perhaps as null.
    To(Option<T>),
}

impl<T> Change<T> {
    /// What it is after that.
    pub(crate) fn applied_to(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::To(after) => after,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}

/// Another document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RelatedDocumentResponse {
    id: DocumentId,
    name: String,
}

impl From<RelatedDocument> for RelatedDocumentResponse {
    fn from(related: RelatedDocument) -> Self {
        Self { id: related.id.into(), name: related.name }
    }
}

/// A watched folder.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RelatedSourceResponse {
    id: SourceId,
    name: String,
}

impl From<RelatedSource> for RelatedSourceResponse {
    fn from(related: RelatedSource) -> Self {
        Self { id: related.id.into(), name: related.name }
    }
}

/// A document with its newest version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DocumentResponse {
    id: DocumentId,
    name: String,
    #[serde(flatten)]
    label: LabelParts,
    /// The uploader's own fields.
    metadata: Value,
    /// Words to find it by, in order.
    tags: Vec<String>,
    /// The document whose place it takes; null also for one that the reader may not see.
    supersedes: Option<RelatedDocumentResponse>,
    /// The document that takes its place; null also for one that the reader may not see.
    superseded_by: Option<RelatedDocumentResponse>,
    /// The watched folder that it comes from: it changes with its file alone.
    source: Option<RelatedSourceResponse>,
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
            label: document.label.0.into(),
            metadata: document.metadata,
            tags: document.tags,
            supersedes: document.supersedes.map(Into::into),
            superseded_by: document.superseded_by.map(Into::into),
            source: document.source.map(Into::into),
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
    pub(crate) content: String,
    /// `complete`, `streaming`, `stopped` or `failed`.
    status: &'static str,
    /// What it stands on.
    #[schema(value_type = Vec<CitationResponse>)]
    pub(crate) citations: Value,
    run_id: Option<RunId>,
    model: Option<String>,
    tier: Option<String>,
    /// The join of the labels of what it was made from; null while that is not known.
    classification: Option<Classification>,
    /// Export regimes of it.
    export_control: Vec<String>,
    integrity: Option<Integrity>,
    /// Groups whose members alone may read it.
    groups: Vec<String>,
    /// Whether text and citations are left out, because its label is above one's clearance by now.
    withheld: bool,
    /// False when the documents do not hold the answer.
    answered: Option<bool>,
    error: Option<FailureResponse>,
    /// From the question to the end of the answer.
    duration_ms: Option<i64>,
    /// The moment whose documents it is about; null for the present.
    as_of: Option<DateTime<Utc>>,
    /// Which agent answered and why that one; null for answers from before there were several.
    #[schema(value_type = Option<MessageAgentResponse>)]
    agent: Option<Value>,
    created_at: DateTime<Utc>,
}

/// The agent of an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MessageAgentResponse {
    name: String,
    title: AgentTextsResponse,
    /// Number of the organisation's version; null for a definition that ships.
    version: Option<i32>,
    /// SHA-256 of the definition, hexadecimal.
    digest: String,
    choice: AgentChoiceResponse,
}

/// Why an agent was chosen.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentChoiceResponse {
    /// `named`, `tried`, `nearest`, `continued` (as the conversation was before) or `unsure` (the question is clearly nobody's).
    by: String,
    /// How near the question is to it; null where that was not looked at.
    score: Option<f64>,
    /// The nearest of its examples.
    nearest: Option<String>,
    /// The words of the question that speak for it.
    words: Vec<String>,
    /// The next best; where nothing was clear, the best.
    runner_up: Option<AgentRunnerUpResponse>,
}

/// The next best agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentRunnerUpResponse {
    name: String,
    title: AgentTextsResponse,
    score: f64,
}

impl MessageResponse {
    /// Whether text and citations are left out.
    pub(crate) fn withheld(&self) -> bool {
        self.withheld
    }

    /// The message for its reader, whose clearance may have fallen, or the message's label risen, since it was written.
    pub(crate) fn for_reader(row: MessageRow, reader: &Reader) -> Self {
        let label = row.label.map(label_of_json);
        let withheld = label.as_ref().is_some_and(|label| !reader.clearance().may_have(label));
        Self {
            id: row.id,
            parent_id: row.parent_id.map(MessageId::from),
            role: row.role.as_str(),
            content: if withheld { String::new() } else { row.content },
            status: row.status.as_str(),
            citations: if withheld { Value::Array(Vec::new()) } else { row.citations },
            classification: label.as_ref().map(|label| label.classification),
            integrity: label.as_ref().map(|label| label.integrity),
            export_control: label.iter().flat_map(|label| &label.export_control).map(ToString::to_string).collect(),
            groups: label.iter().flat_map(|label| &label.groups).map(ToString::to_string).collect(),
            withheld,
            run_id: row.run_id.map(RunId::from),
            model: row.model,
            tier: row.tier,
            answered: row.answered,
            error: FailureResponse::from_columns(row.error_code, row.error_detail),
            duration_ms: row.duration_ms,
            as_of: row.as_of,
            agent: row.agent,
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
    #[serde(flatten)]
    label: LabelParts,
    /// Why it could be given to whoever asked; not there in answers from before this was kept.
    admitted_by: Option<AdmissionResponse>,
    /// Numbers of citations of other documents that give other figures for the same: both hold, and somebody must say which
    /// is right. Not there in answers from before this was kept.
    disputed_by: Option<Vec<u32>>,
}

/// The rule that admitted a passage: the clearance of the person who asked, held against the document's label at that time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AdmissionResponse {
    /// Up to where the person was cleared.
    clearance: Classification,
    /// The export regimes of the label, for all of which the person was authorised.
    export_control: Vec<String>,
    /// The groups of the label, in all of which the person was.
    groups: Vec<String>,
}
