use axum::{Json, extract::State};
use millwright_core::{
    Classification, ErrorCode, Problem,
    id::{ChunkId, DocumentId},
};
use millwright_retrieval::{
    fusion::Ranked,
    search::{Degraded, Passage, SearchRequest},
};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{StrictJson, Viewer},
};

/// What is searched for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    /// Plain text, 1 to 2,000 characters; nothing in it is syntax.
    #[schema(min_length = 1, max_length = 2000)]
    query: String,
    /// At most this many passages.
    #[schema(minimum = 1, maximum = 50, default = 10)]
    limit: Option<usize>,
    /// Only these documents.
    #[schema(max_items = 100)]
    document_ids: Option<Vec<DocumentId>>,
}

/// Place and score in one of the two indexes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RankResponse {
    /// 1 for the best.
    rank: usize,
    /// BM25, or cosine similarity.
    score: f32,
}

impl From<Ranked> for RankResponse {
    fn from(ranked: Ranked) -> Self {
        Self { rank: ranked.rank as usize, score: ranked.score }
    }
}

/// A passage and why it was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PassageResponse {
    chunk_id: ChunkId,
    document_id: DocumentId,
    document_name: String,
    /// Number of the version.
    version: i32,
    /// Null where the format has no pages.
    page: Option<i32>,
    /// Headings above it, outermost first.
    heading_path: Vec<String>,
    /// Unicode code points into the page's text.
    char_start: i32,
    char_end: i32,
    text: String,
    classification: Classification,
    /// Fused; comparable within one answer only.
    score: f32,
    keyword: Option<RankResponse>,
    vector: Option<RankResponse>,
}

impl From<Passage> for PassageResponse {
    fn from(passage: Passage) -> Self {
        Self {
            page: passage.page(),
            chunk_id: passage.chunk_id,
            document_id: passage.document_id,
            document_name: passage.document_name,
            version: passage.version,
            heading_path: passage.heading_path,
            char_start: passage.char_start,
            char_end: passage.char_end,
            text: passage.text,
            classification: passage.classification,
            score: passage.score,
            keyword: passage.keyword.map(Into::into),
            vector: passage.vector.map(Into::into),
        }
    }
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SearchResponse {
    /// Best first.
    items: Vec<PassageResponse>,
    /// Milliseconds.
    took_ms: f64,
    /// `vectors` or `keywords` when that half did not work and the other answered alone.
    degraded: Option<&'static str>,
}

/// Searches by keywords and by meaning, and fuses both.
#[utoipa::path(post, path = "/api/v1/search", operation_id = "search", tag = "search",
               request_body = SearchBody, responses((status = 200, body = SearchResponse)))]
pub(crate) async fn search(
    State(state): State<AppState>,
    Viewer(principal): Viewer,
    StrictJson(body): StrictJson<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = validate(body)?;
    let outcome = state.searcher.search(&principal.scope, request).await?;
    Ok(Json(SearchResponse {
        items: outcome.passages.into_iter().map(Into::into).collect(),
        took_ms: outcome.timings.total.as_secs_f64() * 1000.0,
        degraded: outcome.degraded.map(|degraded| match degraded {
            Degraded::VectorsFailed => "vectors",
            Degraded::KeywordsFailed => "keywords",
        }),
    }))
}

fn validate(body: SearchBody) -> Result<SearchRequest, ApiError> {
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the search cannot be made");
    let length = body.query.chars().count();
    if body.query.trim().is_empty() || length > 2000 {
        problem = problem.field("query", "expected 1 to 2,000 characters");
    }
    let limit = body.limit.unwrap_or(10);
    if !(1..=50).contains(&limit) {
        problem = problem.field("limit", "expected 1 to 50");
    }
    if body.document_ids.as_ref().is_some_and(|ids| ids.len() > 100) {
        problem = problem.field("document_ids", "expected at most 100 ids");
    }
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    Ok(SearchRequest { query: body.query, limit, document_ids: body.document_ids })
}
