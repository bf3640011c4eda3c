//! A finished run once more, from what its steps recorded: no model and no tool is asked, and nothing is written. The same records
//! give the same answer, byte for byte; where the policies of today or the documents say otherwise, that is what comes out.

use std::sync::Arc;

use millwright_audit::AuditAction;
use millwright_core::{PageRequest, Principal, Problem, ToProblem, id::RunId};
use millwright_store::tenant::{AuditFilter, RunFence, RunRow, RunStatus, RunStepRow};
use serde_json::Value;

use crate::{
    AgentError,
    answer::{self, NOT_IN_DOCUMENTS_TEXT},
    journal::Journal,
    machine::{Outcome, Phase},
    progress::Progress,
    record::{Repeat, is_repeatable},
    resume::{self, Begun},
    run,
    runner::Inner,
    show,
};

/// What came of a run when it was repeated.
#[derive(Debug)]
pub struct Replay {
    /// Finished steps that were repeated.
    pub steps: usize,
    /// Whether they led to the end of the run. A run that failed or was stopped has none to lead to.
    pub is_whole: bool,
    /// The answer as it came out, with placeholders.
    pub text: String,
    /// Whether that is the answer that is stored.
    pub same_text: bool,
    /// Whether its citations are those that are stored.
    pub same_citations: bool,
    /// Whether the answer that is stored is the one that the audit log names; `None` where it names none.
    pub is_proved: Option<bool>,
    /// What keeps it from being repeated: a policy of today, a document that is gone.
    pub problem: Option<Problem>,
}

/// A run that was repeated, with all that it was repeated from.
pub(crate) struct Repetition {
    pub(crate) progress: Progress,
    /// Finished steps that were repeated.
    steps: usize,
    outcome: Option<Outcome>,
    pub(crate) problem: Option<Problem>,
}

/// Repeats a run that is the person's own and has ended.
pub(crate) async fn replay(inner: &Arc<Inner>, principal: &Principal, id: RunId) -> Result<Replay, AgentError> {
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let row = tx.runs().require(id, principal.user_id).await?;
    if row.status == RunStatus::Running {
        return Err(AgentError::StillRunning);
    }
    if row.records_pruned_at.is_some() {
        return Err(AgentError::NotRecorded);
    }
    let begun = resume::begun(&mut tx, &row).await?;
    let answer = tx.messages().get(row.conversation_id, row.assistant_message_id).await?;
    let entries = tx.audit().list(&ends(&row), PageRequest { limit: 1, after: None }).await?.items;
    let steps = tx.runs().steps(id).await?;
    drop(tx);
    let (Some(begun), Some(answer)) = (begun, answer) else { return Err(AgentError::NotRecorded) };
    let named = entries.first().and_then(|entry| serde_json::from_slice::<Value>(&entry.canonical).ok());
    let named = named.and_then(|entry| entry["details"]["answer_sha256"].as_str().map(str::to_owned));
    let is_proved = named.map(|named| named == answer::digest(&answer.content, &answer.citations));
    let Repetition { mut progress, steps, outcome, problem } = repeat(inner, principal, (&row, begun), steps).await?;
    if outcome == Some(Outcome::NotInDocuments) && progress.shown.is_empty() {
        NOT_IN_DOCUMENTS_TEXT.clone_into(&mut progress.shown);
    }
    show::cite_conflicts(&mut progress).await?;
    let citations = serde_json::to_value(show::shown_citations(&mut progress)?).unwrap_or(Value::Null);
    Ok(Replay {
        steps,
        is_whole: outcome.is_some(),
        same_text: answer.content == progress.shown,
        same_citations: answer.citations == citations,
        is_proved,
        text: progress.shown,
        problem,
    })
}

/// Repeats a run from these steps, as far as they lead. Nothing is asked and nothing is written.
///
/// # Errors
/// When none of them has recorded anything, or the policies cannot be read.
pub(crate) async fn repeat(
    inner: &Arc<Inner>,
    principal: &Principal,
    (row, begun): (&RunRow, Begun),
    steps: Vec<RunStepRow>,
) -> Result<Repetition, AgentError> {
    let repeat = Repeat { steps: steps.into_iter().filter(is_repeatable).collect(), ..Repeat::default() };
    if repeat.steps.is_empty() {
        return Err(AgentError::NotRecorded);
    }
    let steps = repeat.steps.len();
    let fence = RunFence { id: row.id, owner: inner.sources.new_uuid() };
    let mut run =
        run::Run { only_replayed: true, ..resume::run_of(inner, *principal, (row, begun), (fence, 1)).await? };
    // What it has read is found out once more.
    run.read = run.label.clone();
    let ids = (row.conversation_id, fence);
    let (store, hub, scope) = (inner.store.clone(), inner.hub.clone(), principal.scope);
    let (journal, writer) = Journal::new(store, hub, inner.sources.clone(), scope, ids, 1);
    // Nobody writes what is only repeated.
    drop(writer);
    let mut progress = Progress::new(journal, row.model.clone(), Some(repeat));
    let (outcome, problem) = match repeated(inner, &run, &mut progress).await {
        Ok(outcome) => (outcome, None),
        Err(error) => (None, Some(error.problem())),
    };
    let left = progress.repeat.as_ref().map_or(0, |repeat| repeat.steps.len());
    Ok(Repetition { steps: steps - left, progress, outcome, problem })
}

/// The entry of the run's end.
fn ends(run: &RunRow) -> AuditFilter {
    let action = if run.status == RunStatus::Finished { AuditAction::RunFinished } else { AuditAction::RunFailed };
    let (action, resource_id) = (Some(action.as_str().to_owned()), Some(run.id.to_string()));
    AuditFilter { action, resource_id, ..AuditFilter::default() }
}

/// Goes from phase to phase as long as there are records.
async fn repeated(inner: &Arc<Inner>, run: &run::Run, progress: &mut Progress) -> Result<Option<Outcome>, AgentError> {
    let mut phase = Phase::Observe;
    loop {
        if let Phase::Finished(outcome) = phase {
            return Ok(Some(outcome));
        }
        resume::before(inner, run, progress, phase).await?;
        if progress.repeat.as_ref().is_none_or(|repeat| repeat.steps.is_empty()) {
            return Ok(None);
        }
        phase = run::step(inner, run, progress, phase).await?;
    }
}
