//! A service or a model that orders passages anew by reading each with the question.
//!
//! It is a sink: a passage is sent only if its label, joined with the question's, is released to it. What may not be sent
//! keeps its place, and the others are ordered among the places that they had. When the service fails, is late, or was so a
//! moment ago, the order stays as it was and the search says so.

use std::fmt::Debug;

use async_trait::async_trait;
use millwright_core::{Label, Principal, TenantScope, id::RunId};
use millwright_policy::labels::{Released, Sink, release};

use millwright_store::tenant::Reader;

use crate::search::Passage;

/// Why there are no scores. What exactly went wrong is the implementation's to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reranker gave no scores")]
pub struct NoScores;

/// On whose account a model is asked, and what for.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who.
    pub principal: Principal,
    /// The run that it is part of.
    pub run_id: Option<RunId>,
    /// Of the request.
    pub trace_id: String,
}

/// For whom passages are scored, and what it costs whom.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Whose texts they are.
    pub scope: &'a TenantScope,
    /// Who reads.
    pub reader: &'a Reader,
    /// On whose account; none for what nobody asked for, such as a measurement.
    pub account: Option<&'a Account>,
    /// The join of the labels of all that is sent.
    pub label: &'a Label,
}

/// How well each text answers, and what that took.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    /// In the order of the texts; higher is better. None for one that was not judged: it keeps its place.
    pub scores: Vec<Option<f32>>,
    /// Where a model was asked whose calls are counted.
    pub cost: Option<RerankCost>,
}

impl Scores {
    /// The scores of those texts that were sent, in the places of all.
    pub fn in_place(texts: &[Option<String>], scores: Vec<f32>) -> Vec<Option<f32>> {
        let mut scores = scores.into_iter();
        texts.iter().map(|text| text.as_ref().and_then(|_| scores.next())).collect()
    }
}

/// What a model's scores have cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerankCost {
    /// The model.
    pub model: String,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Millionths of the installation's currency.
    pub cost_micros: u64,
}

impl RerankCost {
    /// Of two calls of the model.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
            model: self.model,
        }
    }
}

/// A service that scores passages against a question.
#[async_trait]
pub trait Reranker: Debug + Send + Sync {
    /// The place where passages go, with the most that it takes.
    fn sink(&self) -> &Sink;

    /// So many of the best are sent.
    fn most(&self) -> usize;

    /// How well each text of a tenant answers its query. All was released to [`Self::sink`].
    async fn scores(
        &self,
        asker: Asker<'_>,
        query: Released<String>,
        texts: Vec<Released<String>>,
    ) -> Result<Scores, NoScores>;
}

/// What was released to a sink, as it is given to it: the query and the texts.
///
/// # Errors
/// When something was released to another sink.
pub fn given_to(
    sink: &Sink,
    query: Released<String>,
    texts: Vec<Released<String>>,
) -> Result<(String, Vec<String>), NoScores> {
    let texts: Option<Vec<String>> = texts.into_iter().map(|text| text.for_sink(sink)).collect();
    query.for_sink(sink).zip(texts).ok_or(NoScores)
}

/// Orders the best of the passages anew; returns what that has cost. Where nothing may be sent there is nothing to fail.
pub(crate) async fn order_anew(
    reranker: &dyn Reranker,
    asker: Asker<'_>,
    query: &str,
    passages: &mut [Passage],
) -> Result<Option<RerankCost>, NoScores> {
    let (sink, of_query) = (reranker.sink(), asker.label);
    let Ok(query) = release(query.to_owned(), of_query, sink) else { return Ok(None) };
    let mut places = Vec::new();
    let mut texts = Vec::new();
    let mut label = of_query.clone();
    for (place, passage) in passages.iter().enumerate().take(reranker.most()) {
        let of_both = passage.label.join(of_query);
        if let Ok(text) = release(text_of(passage), &of_both, sink) {
            places.push(place);
            texts.push(text);
            label = label.join(&of_both);
        }
    }
    if texts.len() < 2 {
        return Ok(None);
    }
    let Scores { scores, cost } = reranker.scores(Asker { label: &label, ..asker }, query, texts).await?;
    if scores.len() != places.len() {
        return Err(NoScores);
    }
    let (places, scores): (Vec<usize>, Vec<f32>) =
        places.into_iter().zip(scores).filter_map(|(place, score)| Some((place, score?))).unzip();
    let mut best: Vec<(usize, f32)> = places.iter().copied().zip(scores).collect();
    // Of equals the one that was before stays before.
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    let moved: Vec<Passage> =
        best.into_iter().map(|(place, score)| Passage { reranker: Some(score), ..passages[place].clone() }).collect();
    for (place, passage) in places.into_iter().zip(moved) {
        passages[place] = passage;
    }
    Ok(cost)
}

/// A passage under its headings, which often say what it is about.
fn text_of(passage: &Passage) -> String {
    let headings = passage.heading_path.iter().map(|heading| format!("{heading}\n"));
    headings.chain([passage.without_instructions()]).collect()
}
