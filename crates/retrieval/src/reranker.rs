//! A service that orders passages anew by reading each with the question.
//!
//! It is a sink: a passage is sent only if its label, joined with the question's, is released to it. What may not be sent
//! keeps its place, and the others are ordered among the places that they had. When the service fails, is late, or was so a
//! moment ago, the order stays as it was and the search says so.

use std::fmt::Debug;

use async_trait::async_trait;
use millwright_core::{Label, TenantScope};
use millwright_policy::labels::{Released, Sink, release};

use crate::search::Passage;

/// So many of the best are sent: what the usual servers take at once.
pub(crate) const MOST_SENT: usize = 32;

/// Why there are no scores. What exactly went wrong is the implementation's to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reranker gave no scores")]
pub struct NoScores;

/// A service that scores passages against a question.
#[async_trait]
pub trait Reranker: Debug + Send + Sync {
    /// The place where passages go, with the most that it takes.
    fn sink(&self) -> &Sink;

    /// How well each text of a tenant answers its query, in their order; higher is better. All was released to
    /// [`Self::sink`].
    async fn scores(
        &self,
        scope: &TenantScope,
        query: Released<String>,
        texts: Vec<Released<String>>,
    ) -> Result<Vec<f32>, NoScores>;
}

/// Orders the best of the passages anew. Whether that worked; where nothing may be sent there is nothing to fail.
pub(crate) async fn order_anew(
    reranker: &dyn Reranker,
    scope: &TenantScope,
    query: &str,
    label: &Label,
    passages: &mut [Passage],
) -> Result<(), NoScores> {
    let sink = reranker.sink();
    let Ok(query) = release(query.to_owned(), label, sink) else { return Ok(()) };
    let mut places = Vec::new();
    let mut texts = Vec::new();
    for (place, passage) in passages.iter().enumerate().take(MOST_SENT) {
        if let Ok(text) = release(text_of(passage), &passage.label.join(label), sink) {
            places.push(place);
            texts.push(text);
        }
    }
    if texts.len() < 2 {
        return Ok(());
    }
    let scores = reranker.scores(scope, query, texts).await?;
    if scores.len() != places.len() {
        return Err(NoScores);
    }
    let mut best: Vec<(usize, f32)> = places.iter().copied().zip(scores).collect();
    // Of equals the one that was before stays before.
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    let moved: Vec<Passage> =
        best.into_iter().map(|(place, score)| Passage { reranker: Some(score), ..passages[place].clone() }).collect();
    for (place, passage) in places.into_iter().zip(moved) {
        passages[place] = passage;
    }
    Ok(())
}

/// A passage under its headings, which often say what it is about.
fn text_of(passage: &Passage) -> String {
    let headings = passage.heading_path.iter().map(|heading| format!("{heading}\n"));
    headings.chain([passage.text.clone()]).collect()
}
