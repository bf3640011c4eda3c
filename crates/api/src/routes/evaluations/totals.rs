use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A part of a whole.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct EvaluationShareResponse {
    /// The part.
    count: u64,
    /// The whole.
    of: u64,
    /// From 0 to 1; null of nothing.
    share: Option<f64>,
}

/// Sums over the cases of an evaluation that were judged, as `millwright eval agent` has them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct EvaluationTotalsResponse {
    /// How many.
    cases: u64,
    /// Runs that came to no end of their own.
    failed: u64,
    /// Right, whether answered or abstained.
    right: EvaluationShareResponse,
    /// Of the answerable: every fact shown, nothing forbidden.
    answers: EvaluationShareResponse,
    /// Of the sentences shown: on a quote that is stored so, with its figures.
    groundedness: EvaluationShareResponse,
    /// Of the citations of answerable cases: of a place that was expected.
    citation_precision: EvaluationShareResponse,
    /// Of the places that were expected: cited.
    citation_recall: EvaluationShareResponse,
    /// Of those abstained: unanswerable.
    abstention_precision: EvaluationShareResponse,
    /// Of the unanswerable: abstained.
    abstention_recall: EvaluationShareResponse,
    /// Of the tools that were expected of models that can call tools: called.
    tools: EvaluationShareResponse,
    /// Right, by kind of case.
    by_kind: BTreeMap<String, EvaluationShareResponse>,
    /// Steps of all runs.
    steps: u64,
    /// Tokens that models read.
    input_tokens: u64,
    /// Tokens that models wrote.
    output_tokens: u64,
    /// Millionths of the installation's currency.
    cost_micros: u64,
    /// Half of the answers took no longer, milliseconds.
    p50_ms: u64,
    /// 95 of 100 answers took no longer, milliseconds.
    p95_ms: u64,
}

impl EvaluationTotalsResponse {
    /// Of sums as they are stored; `None` of others than this version has.
    pub(crate) fn of(totals: Value) -> Option<Self> {
        serde_json::from_value(totals).ok()
    }
}
