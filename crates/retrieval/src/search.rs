//! The way of a query: what it asks for, keywords and vector at once, one trip to the database, one fused list, its best
//! ordered anew.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use millwright_core::{Label, TenantScope, id::ChunkId};
use millwright_store::{
    Store, StoreError, TenantTx,
    tenant::{CandidateRow, PassageQuery, PassageScope, Reader, SearchFilter, VectorModel, VersionSet},
};

pub use crate::passage::Passage;
use crate::{
    embedding::{EmbeddedQuery, EmbeddingModels},
    error::RetrievalError,
    keyword::{Correction, KeywordIndexes, KeywordOutcome, KeywordQuery, QueryHints, VisibleLabels},
    ranking::Ranking,
    relevance::{self, PassageEvidence, Relevance},
    repeats::fold_repeats,
    rerank,
    reranker::{Account, Asker, NoScores, RerankCost, Reranker, order_anew},
    understanding::{Expansion, Glossaries, Understood, parts, weave},
};

/// Candidates that each index brings at least, where nothing else is set: deep enough that a passage both indexes rank in
/// the middle still wins by their agreement.
pub const DEFAULT_CANDIDATES: usize = 100;
/// For longer results each index must bring more than are shown, for the same reason.
const CANDIDATES_PER_RESULT: usize = 3;
/// So many are read for each that is wanted: some repeat what stands before them.
const READ_PER_RESULT: usize = 2;

/// What is searched for.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Plain text; nothing in it is syntax.
    pub query: String,
    /// At most this many passages.
    pub limit: usize,
    /// What it is narrowed by.
    pub filter: SearchFilter,
    /// What the query itself carries: decides whether it may be given to an embedding server and to a reranker.
    pub label: Label,
    /// On whose account a model may be asked to rerank; none asks none.
    pub account: Option<Account>,
}

/// What of the search did not work; the rest answered without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Degraded {
    /// Without vectors: only passages with words of the query are found.
    VectorsFailed,
    /// Without keywords: exact names and numbers may be missed.
    KeywordsFailed,
    /// Without the reranker: the built-in order stands.
    RerankerFailed,
}

impl Degraded {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VectorsFailed => "vectors",
            Self::KeywordsFailed => "keywords",
            Self::RerankerFailed => "reranker",
        }
    }
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchTimings {
    /// The database, for the versions that pass the filter; none without a filter.
    pub filter: Duration,
    /// Keyword index, in process.
    pub keyword: Duration,
    /// Vector of the query, in process, at the same time.
    pub embedding: Duration,
    /// The database.
    pub store: Duration,
    /// Fusion and ordering anew, in process.
    pub ranking: Duration,
    /// The reranker, over the network; zero without one.
    pub reranker: Duration,
    /// All of it. The others are sums over the parts of a question.
    pub total: Duration,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct SearchOutcome {
    /// Best first.
    pub passages: Vec<Passage>,
    /// Whether they can answer the query at all.
    pub relevance: Relevance,
    /// What was understood of the query beyond its words.
    pub understood: Understood,
    /// What did not work.
    pub degraded: Option<Degraded>,
    /// What a model that reranked has cost.
    pub rerank_cost: Option<RerankCost>,
    /// Where the time went.
    pub timings: SearchTimings,
}

/// Everything that was looked at for one question, best first.
pub(crate) struct Candidates {
    query: String,
    keyword: KeywordOutcome,
    pub(crate) passages: Vec<Passage>,
    degraded: Option<Degraded>,
    rerank_cost: Option<RerankCost>,
    timings: SearchTimings,
}

/// What is searched for in one go: the question or a part of it.
struct Query<'q> {
    text: &'q str,
    expansions: &'q [Expansion],
    limit: usize,
    filter: &'q SearchFilter,
    label: &'q Label,
    /// What passes the filter; `None` without one.
    versions: Option<&'q VersionSet>,
}

/// Searches the passages of a tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Searcher {
    store: Store,
    models: EmbeddingModels,
    keyword: KeywordIndexes,
    glossaries: Glossaries,
    reranker: Option<Arc<dyn Reranker>>,
    candidates: usize,
}

impl Searcher {
    /// A searcher over the database, what makes vectors, and the keyword indexes. Each index brings at least so many `candidates`, such as
    /// [`DEFAULT_CANDIDATES`].
    pub fn new(store: Store, models: EmbeddingModels, keyword: KeywordIndexes, candidates: usize) -> Self {
        let glossaries = Glossaries::new(store.clone());
        Self { store, models, keyword, glossaries, reranker: None, candidates }
    }

    /// The same with a service that orders the best passages anew.
    #[must_use]
    pub fn with_reranker(self, reranker: Option<Arc<dyn Reranker>>) -> Self {
        Self { reranker, ..self }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The tenants' glossaries, to be forgotten when they change.
    pub fn glossaries(&self) -> &Glossaries {
        &self.glossaries
    }

    /// The best passages for a query among those that the reader may see: neither a hit nor a score tells of others, and no
    /// word is suggested that only others have. Only versions that answer now are returned, however far an index is behind;
    /// of what says the same only the best. A question with several parts is searched for part by part too. Fails when the
    /// database fails, or keywords and vectors both.
    pub async fn search(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        request: SearchRequest,
    ) -> Result<SearchOutcome, RetrievalError> {
        let start = Instant::now();
        let asked = self.ask(scope, reader, &request).await?;
        let mut understood = Understood::default();
        let mut timings = SearchTimings::default();
        let most = request.limit.max(relevance::EVIDENCE_PASSAGES);
        let (mut degraded, mut relevance, mut lists) = (None, None::<Relevance>, Vec::new());
        let mut rerank_cost: Option<RerankCost> = None;
        for Candidates { query, keyword, passages, degraded: of_one, rerank_cost: cost, timings: times } in
            asked.searches
        {
            rerank_cost = [rerank_cost, cost].into_iter().flatten().reduce(|sum, cost| sum.and(&cost));
            for correction in keyword.spelling.iter().filter(|correction| is_in(&passages, correction)) {
                if !understood.spelling.contains(correction) {
                    understood.spelling.push(correction.clone());
                }
            }
            let passages = fold_repeats(passages, most);
            let judged = assess(&query, &keyword, &passages);
            // A question is worth a try when one of its parts is.
            if relevance.as_ref().is_none_or(|best| judged.probability > best.probability) {
                relevance = Some(judged);
            }
            degraded = degraded.or(of_one);
            timings.add(&times);
            lists.push(passages);
        }
        understood.expansions = asked.expansions;
        understood.parts = asked.parts;
        timings.filter = asked.filter_time;
        timings.total = start.elapsed();
        let mut passages = match lists.len() {
            0 => Vec::new(),
            1 => lists.remove(0),
            _ => fold_repeats(weave(lists), request.limit),
        };
        passages.truncate(request.limit);
        let relevance = relevance.unwrap_or_else(|| assess(&request.query, &KeywordOutcome::default(), &[]));
        Ok(SearchOutcome { passages, relevance, understood, degraded, rerank_cost, timings })
    }

    /// All that is looked at for a request: for each part of the question, and for the whole of it.
    pub(crate) async fn ask(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        request: &SearchRequest,
    ) -> Result<Asked, RetrievalError> {
        let (versions, filter_time) = timed(self.versions(scope, reader, &request.filter)).await;
        let versions = versions?;
        if versions.as_ref().is_some_and(|versions| versions.ids.is_empty()) {
            return Ok(Asked { filter_time, ..Asked::default() });
        }
        let glossary = self.glossaries.of(scope).await?;
        let parts = parts(&request.query);
        let (mut searches, mut expansions) = (Vec::new(), Vec::new());
        for (number, text) in
            (1..).zip(&parts).map(|(number, part)| (Some(number), part)).chain([(None, &request.query)])
        {
            let (limit, filter, label, versions) = (request.limit, &request.filter, &request.label, versions.as_ref());
            // In the end those of the whole question.
            expansions = glossary.expand(text);
            let query = Query { text, expansions: &expansions, limit, filter, label, versions };
            let mut found = self.candidates(scope, reader, query).await?;
            found.passages.iter_mut().for_each(|passage| passage.part = number);
            searches.push(found);
        }
        if let Some(reranker) = &self.reranker {
            // At the same time: a question in parts waits no longer than one in one.
            join_all(searches.iter_mut().map(async |found| {
                found.passages = fold_repeats(std::mem::take(&mut found.passages), usize::MAX);
                let asker = Asker { scope, reader, account: request.account.as_ref(), label: &request.label };
                let (done, time) = timed(order_anew(&**reranker, asker, &found.query, &mut found.passages)).await;
                found.timings.reranker = time;
                match done {
                    Ok(cost) => found.rerank_cost = cost,
                    Err(NoScores) => found.degraded = found.degraded.or(Some(Degraded::RerankerFailed)),
                }
            }))
            .await;
        }
        Ok(Asked { filter_time, expansions, parts, searches })
    }

    /// All candidates in order, before what repeats is folded and the list cut.
    async fn candidates(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        query: Query<'_>,
    ) -> Result<Candidates, RetrievalError> {
        let start = Instant::now();
        let visible = visible(reader, query.filter);
        let candidates = (query.limit * CANDIDATES_PER_RESULT).max(self.candidates);
        let by_keyword = KeywordQuery {
            text: query.text.to_owned(),
            limit: candidates,
            visible: visible.clone(),
            versions: query.versions.map(|versions| versions.ids.clone()),
            hints: QueryHints {
                known_words: self.models.built_in().known_words(query.text),
                expansions: query.expansions.to_vec(),
            },
        };
        let added = query.expansions.iter().flat_map(|expansion| expansion.words.iter().map(String::as_str));
        let meaning = with_words(query.text, added);
        let ((keyword, keyword_time), (vector, mut embedding_time)) = tokio::join!(
            timed(self.keyword.find(scope, by_keyword)),
            timed(self.models.embed_query(scope, query.label, &meaning)),
        );
        let (keyword, snapshot, mut embedded, degraded) = match (keyword, vector) {
            (Ok((keyword, snapshot)), Ok(vector)) => (keyword, Some(snapshot), Some(vector), None),
            (Ok((keyword, snapshot)), Err(error)) => {
                tracing::warn!(%error, tenant.id = %scope.tenant_id(), "searching without vectors");
                (keyword, Some(snapshot), None, Some(Degraded::VectorsFailed))
            }
            (Err(error), Ok(vector)) => {
                tracing::warn!(%error, tenant.id = %scope.tenant_id(), "searching without keywords");
                (KeywordOutcome::default(), None, Some(vector), Some(Degraded::KeywordsFailed))
            }
            (Err(error), Err(_)) => return Err(error),
        };
        // Only now is known what was meant: slips cost a second vector, other queries nothing.
        let mut meant = meaning;
        if !keyword.spelling.is_empty() && embedded.is_some() {
            meant = with_words(&meant, keyword.spelling.iter().map(|correction| correction.to.as_str()));
            let (again, time) = timed(self.models.embed_query(scope, query.label, &meant)).await;
            embedded = again.ok().or(embedded);
            embedding_time += time;
        }
        let hits: Vec<ChunkId> = keyword.hits.iter().map(|hit| hit.chunk_id).collect();
        let wanted = PassageQuery {
            reader,
            embedding: None,
            model: VectorModel::FIRST,
            nearest: candidates as i64,
            keyword_hits: &hits,
            scope: match query.versions {
                None => PassageScope::Current,
                Some(versions) if query.filter.as_of.is_some() => PassageScope::Any(versions),
                Some(versions) => PassageScope::CurrentOf(versions),
            },
            // An index that is being filled knows of too few.
            visible_chunks: keyword.is_whole.then_some(keyword.chunk_count),
        };
        let had_vector = embedded.is_some();
        let (found, find_time) = timed(self.find_current(scope, &query, &meant, &wanted, embedded)).await;
        let (mut tx, rows, embedded) = found?;
        let degraded = if had_vector && embedded.is_none() { Some(Degraded::VectorsFailed) } else { degraded };
        let (ranking, score_time) = timed(Ranking::of(keyword, snapshot, rows)).await;
        let ranking = ranking?;
        // Texts are most of the bytes, and few are wanted.
        let most = rerank::POOL.max(query.limit * READ_PER_RESULT);
        let (read, read_time) = timed(tx.passages().read(&wanted, &ranking.best(most))).await;
        drop(tx);
        let (ranked, rerank_time) = timed(ranking.passages(embedded.map(|query| query.vector), read?)).await;
        let (keyword, passages) = ranked?;
        let timings = SearchTimings {
            filter: Duration::ZERO,
            keyword: keyword_time,
            embedding: embedding_time,
            store: find_time + read_time,
            ranking: score_time + rerank_time,
            reranker: Duration::ZERO,
            total: start.elapsed(),
        };
        Ok(Candidates { query: query.text.to_owned(), keyword, passages, degraded, rerank_cost: None, timings })
    }

    /// The candidates, and the vector that they were compared with. Where the model was replaced meanwhile, the query is embedded
    /// again; replaced twice, or by one that is not here, and keywords answer.
    async fn find_current(
        &self,
        scope: &TenantScope,
        query: &Query<'_>,
        meant: &str,
        wanted: &PassageQuery<'_>,
        embedded: Option<EmbeddedQuery>,
    ) -> Result<(TenantTx, Vec<CandidateRow>, Option<EmbeddedQuery>), RetrievalError> {
        let replaced = |error: &RetrievalError| matches!(error, RetrievalError::Store(StoreError::ModelReplaced));
        let mut embedded = embedded;
        match self.find(scope, wanted, embedded.as_ref()).await {
            Err(error) if replaced(&error) => {
                self.models.refresh().await?;
                embedded = self.models.embed_query(scope, query.label, meant).await.ok();
            }
            found => return found.map(|(tx, rows)| (tx, rows, embedded)),
        }
        match self.find(scope, wanted, embedded.as_ref()).await {
            Err(error) if replaced(&error) => embedded = None,
            found => return found.map(|(tx, rows)| (tx, rows, embedded)),
        }
        let (tx, rows) = self.find(scope, wanted, None).await?;
        Ok((tx, rows, embedded))
    }

    /// The candidates, in a transaction that can go on to read them.
    async fn find(
        &self,
        scope: &TenantScope,
        wanted: &PassageQuery<'_>,
        embedded: Option<&EmbeddedQuery>,
    ) -> Result<(TenantTx, Vec<CandidateRow>), RetrievalError> {
        let model = embedded.map_or(wanted.model, |query| query.model);
        let wanted = PassageQuery { embedding: embedded.map(|query| query.vector.as_slice()), model, ..wanted.clone() };
        // Where another version begins to answer between finding and reading, neither would be there.
        let mut tx = self.store.tenant(scope).snapshot().await?;
        let rows = tx.passages().find(&wanted).await?;
        Ok((tx, rows))
    }

    /// The versions to search in; `None` without a filter.
    async fn versions(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        filter: &SearchFilter,
    ) -> Result<Option<VersionSet>, RetrievalError> {
        if filter.is_empty() {
            return Ok(None);
        }
        let mut tx = self.store.tenant(scope).read().await?;
        Ok(Some(tx.validity().versions(reader, filter).await?))
    }
}

/// Whether a passage has the word that another was taken for. The database has the last word on what may be seen, however far
/// an index is behind: also on words.
fn is_in(passages: &[Passage], correction: &Correction) -> bool {
    passages.iter().any(|passage| passage.words().contains(&correction.to))
}

/// What may be found and counted: of another moment also what does not answer now.
fn visible(reader: &Reader, filter: &SearchFilter) -> VisibleLabels {
    let visible = VisibleLabels::new(reader.visible(), reader.sees_all());
    if filter.as_of.is_some() { visible.with_dormant() } else { visible }
}

/// All searches for one request, the whole question last.
#[derive(Default)]
pub(crate) struct Asked {
    filter_time: Duration,
    expansions: Vec<Expansion>,
    parts: Vec<String>,
    searches: Vec<Candidates>,
}

impl Asked {
    /// All passages in order, before what repeats is folded.
    pub(crate) fn into_passages(self) -> Vec<Passage> {
        weave(self.searches.into_iter().map(|search| search.passages).collect())
    }
}

impl SearchTimings {
    fn add(&mut self, other: &Self) {
        self.keyword += other.keyword;
        self.embedding += other.embedding;
        self.store += other.store;
        self.ranking += other.ranking;
        self.reranker = self.reranker.max(other.reranker);
    }
}

/// A text with words after it that say the same.
fn with_words<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> String {
    words.fold(text.to_owned(), |text, word| text + " " + word)
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = work.await;
    (result, start.elapsed())
}

fn assess(query: &str, keyword: &KeywordOutcome, passages: &[Passage]) -> Relevance {
    let headings: Vec<Vec<String>> = passages
        .iter()
        .take(relevance::EVIDENCE_PASSAGES)
        .map(|passage| passage.heading_path.iter().chain([&passage.document_name]).cloned().collect())
        .collect();
    let evidence: Vec<PassageEvidence<'_>> = passages
        .iter()
        .zip(&headings)
        .map(|(passage, headings)| PassageEvidence { similarity: passage.similarity, headings, text: &passage.text })
        .collect();
    relevance::assess(query, &keyword.words, keyword.chunk_count, &evidence)
}
