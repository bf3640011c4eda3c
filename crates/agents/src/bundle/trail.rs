//! What the entry of a run's end says of the way to it.

use chrono::{DateTime, TimeDelta, Utc};
use millwright_core::id::{MessageId, RunId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{DecisionRow, RunStepRow},
};

use super::form::{DecisionPart, Digested, QuestionPart, StepPart, digest_of};

/// Clocks of two processes that work on a run one after the other may differ by so much.
pub(super) const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(10);

/// The question, steps and decisions of a run, each with its digest.
pub(crate) struct Trail {
    pub(crate) question: Digested<QuestionPart>,
    pub(crate) steps: Vec<StepPart>,
    pub(crate) decisions: Vec<Digested<DecisionPart>>,
}

impl Trail {
    pub(crate) fn of(question: (MessageId, String), steps: Vec<RunStepRow>, decisions: Vec<DecisionRow>) -> Self {
        let (id, content) = question;
        Self {
            question: Digested::of(QuestionPart { id, content }),
            steps: steps.into_iter().map(StepPart::from).collect(),
            decisions: decisions.into_iter().map(|decision| Digested::of(DecisionPart::from(decision))).collect(),
        }
    }

    /// SHA-256, in hex, over the digests of all of them, in their order.
    pub(crate) fn digest(&self) -> String {
        digest(&self.question, &self.steps, &self.decisions)
    }
}

/// The same of parts.
pub(super) fn digest(
    question: &Digested<QuestionPart>,
    steps: &[StepPart],
    decisions: &[Digested<DecisionPart>],
) -> String {
    let steps: Vec<_> = steps.iter().map(|step| &step.sha256).collect();
    let decisions: Vec<_> = decisions.iter().map(|decision| &decision.sha256).collect();
    digest_of(&(&question.sha256, steps, decisions))
}

/// Of a run that is about to end, as it stands in the transaction of its end.
pub(crate) async fn of_ending(
    tx: &mut TenantTx,
    run: RunId,
    question: (MessageId, String),
    created_at: DateTime<Utc>,
) -> Result<String, StoreError> {
    let steps = tx.runs().steps(run).await?;
    let decisions = tx.policies().decisions_of(run, created_at - CLOCKS_DIFFER, None).await?;
    Ok(Trail::of(question, steps, decisions).digest())
}
