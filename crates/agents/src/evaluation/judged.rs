//! What has become of an evaluation's runs: judged, summed up, stored.

use std::collections::{BTreeSet, HashMap};

use millwright_core::{
    ErrorCode, ToProblem,
    id::{EvaluationId, RunId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{
        CaseFence, EvaluationCaseRow, EvaluationCaseStatus as Status, EvaluationEnd, EvaluationRow, EvaluationStatus,
        Reader, RunStatus,
    },
};
use serde_json::Value;

use super::EvaluationError;
use crate::{
    AgentError, StartedRun,
    eval::{Answered, Case, CaseReport, Library, Totals, answered, judge, stored_document},
    runner::Inner,
};

/// The case as it was written.
pub(super) fn case_of(row: &EvaluationCaseRow) -> Result<Case, StoreError> {
    serde_json::from_value(row.content.clone()).map_err(|_| StoreError::UnknownValue("evaluation_cases.content"))
}

/// A report as it is stored: the words of the answer stay in its message.
pub(super) fn kept(report: CaseReport) -> Result<Value, StoreError> {
    serde_json::to_value(CaseReport { shown: String::new(), ..report })
        .map_err(|_| StoreError::UnknownValue("evaluation_cases.report"))
}

/// A stored report.
pub(super) fn report_of(row: &EvaluationCaseRow) -> Result<Option<CaseReport>, StoreError> {
    let read = row.report.clone().map(serde_json::from_value).transpose();
    read.map_err(|_| StoreError::UnknownValue("evaluation_cases.report"))
}

/// Where the run of a case stands, if it has one.
pub(super) fn ids_of(row: &EvaluationCaseRow) -> Option<StartedRun> {
    let (run, conversation, message) = (row.run_id?, row.conversation_id?, row.message_id?);
    let (run_id, conversation_id, assistant_message_id) = (run.into(), conversation.into(), message.into());
    Some(StartedRun { conversation_id, run_id, user_message_id: assistant_message_id, assistant_message_id })
}

/// Judges a case whose run has ended, and stores that; `None` while its run is under way. Also the code of a failure.
pub(super) async fn take_in(
    inner: &Inner,
    tx: &mut TenantTx,
    reader: &Reader,
    (evaluation, row): (EvaluationId, &EvaluationCaseRow),
) -> Result<Option<Ended>, EvaluationError> {
    let Some(ids) = ids_of(row) else { return Ok(None) };
    let run = tx.runs().get(ids.run_id).await?;
    let (error, come) = match run {
        Some(run) if run.status == RunStatus::Running => return Ok(None),
        Some(run) => {
            let catalog = inner.gateway.catalog();
            let calls = |name: &str| catalog.models().any(|model| model.name == name && model.capabilities.tools);
            let error = run.error_code.zip(run.error_detail);
            // Nobody gave a wrong answer: the evaluation ends, and the case with it.
            if error.as_ref().is_some_and(|(code, _)| is_of_budget(code)) {
                return Ok(Some(Ended { error }));
            }
            (error, readable(answered(tx, &inner.governance, ids, calls).await)?)
        }
        None => (None, Answered { failure: Some("not_found: its run is gone".to_owned()), ..Answered::default() }),
    };
    let library = library(tx, reader, &come).await?;
    let report = judge(&case_of(row)?, &come, &library);
    tx.evaluations().finish_case(CaseFence { evaluation, number: row.number }, Status::Running, &kept(report)?).await?;
    Ok(Some(Ended { error }))
}

/// Whether no further question would be answered either.
pub(super) fn is_of_budget(code: &str) -> bool {
    code == ErrorCode::BudgetExceeded.as_str()
}

/// What can never be read ends its case; what cannot be read now is read later.
fn readable(answered: Result<Answered, AgentError>) -> Result<Answered, AgentError> {
    match answered {
        Err(error @ (AgentError::Governance(_) | AgentError::Store(StoreError::UnknownValue(_))))
            if error.problem().code != ErrorCode::UpstreamUnavailable =>
        {
            Ok(Answered { failure: Some("internal: its answer cannot be read".to_owned()), ..Answered::default() })
        }
        other => other,
    }
}

/// How the run of a case ended.
pub(super) struct Ended {
    /// Code and words, where it failed.
    pub(super) error: Option<(String, String)>,
}

/// What stands in the documents that an answer cites.
async fn library(tx: &mut TenantTx, reader: &Reader, answered: &Answered) -> Result<Library, AgentError> {
    let cited: BTreeSet<_> = answered.citations.iter().map(|cited| (cited.document_id, cited.version)).collect();
    let mut stored = Vec::new();
    for (document, number) in cited {
        // Gone or hidden since: then its quotes stand nowhere.
        let Some(known) = tx.documents().get(reader, document).await? else { continue };
        let version = match tx.versions().require_number(document, Some(number)).await {
            Err(StoreError::NotFound(_)) => continue,
            other => other?,
        };
        stored.push((document, stored_document(tx, &version, known.name).await?));
    }
    Ok(stored.into_iter().collect())
}

/// Asks the runs that are under way to stop. They stop at once where they are in this process and the caller says so after its
/// commit.
pub(super) async fn stop_cases(
    inner: &Inner,
    tx: &mut TenantTx,
    id: EvaluationId,
) -> Result<Vec<RunId>, EvaluationError> {
    let mut stopped = Vec::new();
    for row in tx.evaluations().cases(id).await? {
        if let Some(run) = row.run_id.map(RunId::from).filter(|_| row.status == Status::Running) {
            tx.runs().request_cancel(run, inner.sources.now()).await?;
            stopped.push(run);
        }
    }
    Ok(stopped)
}

/// Ends an evaluation with the sums over what was judged. What its calls took is counted anew: the last of it comes after a run's
/// end.
pub(super) async fn finish(
    inner: &Inner,
    tx: &mut TenantTx,
    row: &EvaluationRow,
    (status, error): (EvaluationStatus, Option<(&str, &str)>),
) -> Result<(), EvaluationError> {
    let cases = tx.evaluations().cases(row.id).await?;
    let runs: Vec<RunId> = cases.iter().filter_map(|case| case.run_id.map(RunId::from)).collect();
    let usage = tx.evaluations().usage((row.user_id, row.created_at), &runs).await?;
    let usage: HashMap<_, _> = usage.into_iter().map(|usage| (usage.run_id, usage)).collect();
    let mut reports = Vec::new();
    for case in cases.iter().filter(|case| case.status == Status::Done) {
        let Some(mut report) = report_of(case)? else { continue };
        if let Some(counted) = case.run_id.and_then(|run| usage.get(&run)) {
            let figure = |of: i64| u64::try_from(of).unwrap_or_default();
            report.spent.input_tokens = figure(counted.input_tokens);
            report.spent.output_tokens = figure(counted.output_tokens);
            report.spent.cost_micros = figure(counted.cost_micros);
            let fence = CaseFence { evaluation: row.id, number: case.number };
            tx.evaluations().set_report(fence, &kept(report.clone())?).await?;
        }
        reports.push(report);
    }
    let models: BTreeSet<&str> = reports.iter().map(|report| report.model.as_str()).collect();
    let models: Vec<String> = models.into_iter().filter(|model| !model.is_empty()).map(str::to_owned).collect();
    let totals =
        serde_json::to_value(Totals::of(&reports)).map_err(|_| StoreError::UnknownValue("evaluations.totals"))?;
    let end = EvaluationEnd { status, error, models: &models, totals: &totals, at: inner.sources.now() };
    Ok(tx.evaluations().finish(row.id, &end).await?)
}
