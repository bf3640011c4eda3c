use std::time::Duration;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_agents::{Stretch, conflicts};
use millwright_core::{
    Classification, ErrorCode, Label, Problem,
    id::{ChunkId, DocumentId},
};
use millwright_retrieval::{
    fusion::Ranked,
    reranker::{Account, RerankCost},
    search::{Degraded, Passage, SearchRequest, SearchTimings},
    understanding::Understood,
};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    dto::LabelParts,
    extract::{DocumentsRead, StrictJson},
    filters::SearchFilters,
    problem::current_trace_id,
};

/// So many of the best passages are held against each other.
const MOST_COMPARED: usize = 16;
/// Two tables can contradict each other in every row.
const MOST_CONFLICTS: usize = 50;

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
    /// What else it is narrowed by.
    #[serde(default)]
    filters: SearchFilters,
    /// What held at this moment, instead of what holds now.
    as_of: Option<DateTime<Utc>>,
    /// How confidential the query itself is: decides whether it may be given to a reranker.
    #[schema(default = "INTERNAL")]
    classification: Option<Classification>,
}

/// Place and score in one of the rankings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RankResponse {
    /// 1 for the best.
    rank: usize,
    /// BM25, cosine similarity, or both fused.
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
    /// From when that version holds.
    effective_from: DateTime<Utc>,
    /// Whether it answers now; false only in a search as of another moment.
    is_current: bool,
    /// Null where the format has no pages.
    page: Option<i32>,
    /// Headings above it, outermost first.
    heading_path: Vec<String>,
    /// Unicode code points into the page's text.
    char_start: i32,
    char_end: i32,
    text: String,
    #[serde(flatten)]
    label: LabelParts,
    /// What it is ordered by: deviations from the mean of the candidates. Comparable within one answer only, and there only
    /// among passages of one part of the question.
    score: f32,
    /// Which of `understood.parts` found it, from 1; null where there are none, or only the whole question did.
    part: Option<u32>,
    /// Its score by the reranker, whose scale is the reranker's own. Null without one, and for a passage whose label it may not
    /// be given: such a passage keeps its place.
    reranker: Option<f32>,
    /// Where it stood when keywords and vectors were fused, before the best were ordered anew by what they have in common.
    fused: RankResponse,
    /// Among the candidates that have words of the query; null for one without.
    keyword: Option<RankResponse>,
    /// In the vector index; null for one that only keywords found.
    vector: Option<RankResponse>,
    /// Cosine similarity of its nearest window to the query, also where only keywords found it; null without vectors.
    similarity: Option<f32>,
}

impl From<Passage> for PassageResponse {
    fn from(passage: Passage) -> Self {
        Self {
            page: passage.page(),
            chunk_id: passage.chunk_id,
            document_id: passage.document_id,
            document_name: passage.document_name,
            version: passage.version,
            effective_from: passage.effective_from,
            is_current: passage.is_current,
            heading_path: passage.heading_path,
            char_start: passage.char_start,
            char_end: passage.char_end,
            text: passage.text,
            label: passage.label.into(),
            score: passage.score,
            part: passage.part,
            reranker: passage.reranker,
            fused: passage.fused.into(),
            similarity: passage.similarity,
            keyword: passage.keyword.map(Into::into),
            vector: passage.vector.map(Into::into),
        }
    }
}

/// A word of the query that no document which the reader may see has, and what it was taken for. Both were searched for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CorrectionResponse {
    /// As typed, in lower case.
    from: String,
    /// As documents have it, in lower case.
    to: String,
}

/// What the glossary says to a term of the query.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ExpansionResponse {
    /// An abbreviation, or what one stands for.
    term: String,
    /// The other of the two, which was searched for as well.
    words: Vec<String>,
}

/// What was understood of the query beyond its words; all empty where it was searched for just as it stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct UnderstoodResponse {
    spelling: Vec<CorrectionResponse>,
    expansions: Vec<ExpansionResponse>,
    /// The questions that the query asks, each searched for beside the whole; empty for one.
    parts: Vec<String>,
}

impl From<Understood> for UnderstoodResponse {
    fn from(understood: Understood) -> Self {
        let corrections = understood.spelling.into_iter();
        let expansions = understood.expansions.into_iter();
        Self {
            spelling: corrections.map(|one| CorrectionResponse { from: one.from, to: one.to }).collect(),
            expansions: expansions.map(|one| ExpansionResponse { term: one.term, words: one.words }).collect(),
            parts: understood.parts,
        }
    }
}

/// Where the time went, milliseconds, summed over the parts of a question. Keywords and embedding run side by side.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StageTimes {
    /// The database: which versions pass the filters; 0 without any.
    filter: f64,
    /// The keyword index.
    keyword: f64,
    /// The query's vector; 0 when it was asked a moment ago.
    embedding: f64,
    /// The database: candidates, and the texts of the best that may be shown.
    store: f64,
    /// Fusion, and ordering the best anew.
    ranking: f64,
    /// The reranker, over the network; 0 without one.
    reranker: f64,
}

impl From<SearchTimings> for StageTimes {
    fn from(timings: SearchTimings) -> Self {
        Self {
            filter: millis(timings.filter),
            keyword: millis(timings.keyword),
            embedding: millis(timings.embedding),
            store: millis(timings.store),
            ranking: millis(timings.ranking),
            reranker: millis(timings.reranker),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A sentence, an item or a row of a passage.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct StretchResponse {
    chunk_id: ChunkId,
    /// Byte for byte what stands there.
    quote: String,
}

impl StretchResponse {
    fn of(stretch: Stretch, passages: &[Passage]) -> Self {
        let passage = &passages[stretch.passage];
        Self { chunk_id: passage.chunk_id, quote: passage.text[stretch.start..stretch.end].to_owned() }
    }
}

/// What was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SearchResponse {
    /// Best first. Where the query has several parts, those of each part in turn.
    items: Vec<PassageResponse>,
    understood: UnderstoodResponse,
    /// Where the first sixteen items, of different documents, give other figures for the same: both hold, and somebody must say which is right.
    conflicts: Vec<[StretchResponse; 2]>,
    /// Milliseconds, all in all.
    took_ms: f64,
    stages_ms: StageTimes,
    /// `vectors` or `keywords` when that half did not work and the other answered alone; `reranker` when that did not work and
    /// the built-in order stands.
    degraded: Option<&'static str>,
    /// What the model that reranked has cost; null without one.
    rerank_cost: Option<RerankCostResponse>,
}

/// What the calls of a model for one search have cost, over the parts of the question.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RerankCostResponse {
    model: String,
    input_tokens: u64,
    output_tokens: u64,
    /// Millionths of the installation's currency.
    cost_micros: u64,
}

impl From<RerankCost> for RerankCostResponse {
    fn from(cost: RerankCost) -> Self {
        let RerankCost { model, input_tokens, output_tokens, cost_micros } = cost;
        Self { model, input_tokens, output_tokens, cost_micros }
    }
}

/// Searches by keywords and by meaning, and fuses both.
#[utoipa::path(post, path = "/api/v1/search", operation_id = "search", tag = "search",
               request_body = SearchBody, responses((status = 200, body = SearchResponse)))]
pub(crate) async fn search(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    StrictJson(body): StrictJson<SearchBody>,
) -> Result<Json<SearchResponse>, ApiError> {
    let request = validate(body)?;
    let reader = state.store.tenant(&principal.scope).read().await?.labels().reader(principal.user_id).await?;
    let account = Account { principal, run_id: None, trace_id: current_trace_id() };
    let request = SearchRequest { account: Some(account), ..request };
    let outcome = state.searcher.search(&principal.scope, &reader, request).await?;
    let (passages, conflicts) = with_conflicts(outcome.passages).await?;
    Ok(Json(SearchResponse {
        conflicts,
        items: passages.into_iter().map(Into::into).collect(),
        understood: outcome.understood.into(),
        took_ms: millis(outcome.timings.total),
        stages_ms: outcome.timings.into(),
        degraded: outcome.degraded.map(Degraded::as_str),
        rerank_cost: outcome.rerank_cost.map(Into::into),
    }))
}

/// The passages, and where the best of them contradict each other.
async fn with_conflicts(passages: Vec<Passage>) -> Result<(Vec<Passage>, Vec<[StretchResponse; 2]>), ApiError> {
    // Some milliseconds of work.
    let work = tokio::task::spawn_blocking(move || {
        let compared = &passages[..passages.len().min(MOST_COMPARED)];
        let of = |stretch| StretchResponse::of(stretch, compared);
        let conflicts = conflicts(compared).into_iter().take(MOST_CONFLICTS).map(|pair| pair.map(of)).collect();
        (passages, conflicts)
    });
    Ok(work.await.map_err(|_| Problem::internal())?)
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
    let (filter, problem) = body.filters.checked(body.document_ids, body.as_of, problem);
    if !problem.fields.is_empty() {
        return Err(problem.into());
    }
    let label = Label::of(body.classification.unwrap_or(Classification::Internal));
    Ok(SearchRequest { query: body.query, limit, filter, label, account: None })
}
