use std::collections::BTreeMap;

use axum::{Json, extract::State};
use millwright_agents::eval::{Case, CaseReport, Totals};
use millwright_core::{
    Principal,
    id::{ConversationId, EvaluationId, MessageId, RunId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{EvaluationCaseRow, Reader},
};
use serde::Serialize;

use super::{EvaluationResponse, totals::EvaluationTotalsResponse};
use crate::{
    ApiError, AppState,
    dto::MessageResponse,
    extract::{EvaluationsManage, PathId},
    reveal::Reveal,
};

/// How a case went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationVerdictResponse {
    /// Answerable: every fact was shown, and nothing forbidden. Unanswerable: the run said so, and showed nothing forbidden.
    right: bool,
    /// Whether the run said that the documents do not hold it.
    abstained: bool,
    /// The first phrasing of each fact that was not shown.
    missing: Vec<String>,
    /// What was shown and is forbidden.
    forbidden: Vec<String>,
    /// Code and words, where the run failed.
    failure: Option<String>,
    /// Sentences that claim something.
    sentences: usize,
    /// Of these, those that stand on what they cite.
    grounded: usize,
    citations: usize,
    /// Of these, those of a place that the case expects.
    citations_expected: usize,
    /// Places that the case expects.
    places: usize,
    /// Of these, those that were cited.
    places_cited: usize,
    /// Tools that the case expects; none where the model cannot call any.
    tools: usize,
    /// Of these, those that were called.
    tools_called: usize,
    model: String,
    steps: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// Millionths of the currency.
    cost_micros: u64,
    duration_ms: u64,
}

impl From<CaseReport> for EvaluationVerdictResponse {
    fn from(report: CaseReport) -> Self {
        Self {
            right: report.right,
            abstained: report.abstained,
            missing: report.missing,
            forbidden: report.forbidden,
            failure: report.failure,
            sentences: report.sentences,
            grounded: report.grounded,
            citations: report.citations,
            citations_expected: report.citations_expected,
            places: report.places,
            places_cited: report.places_cited,
            tools: report.tools,
            tools_called: report.tools_called,
            model: report.model,
            steps: report.spent.steps,
            input_tokens: report.spent.input_tokens,
            output_tokens: report.spent.output_tokens,
            cost_micros: report.spent.cost_micros,
            duration_ms: report.spent.duration_ms,
        }
    }
}

/// The answer to a case.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationAnswerResponse {
    /// With its markers; empty where it is withheld.
    content: String,
    /// Whether it is left out, because its label is above one's clearance.
    withheld: bool,
    /// Which agent wrote it.
    agent: Option<String>,
}

/// A case of an evaluation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationCaseResponse {
    /// From 1, in the order in which they are asked.
    number: i32,
    /// As the suite names it.
    id: String,
    kind: String,
    question: String,
    /// Whether the right answer is that the documents do not hold it.
    abstain: bool,
    /// `pending`, `running`, `done`, or `skipped` where the evaluation ended before it.
    status: &'static str,
    /// Null before it was judged.
    verdict: Option<EvaluationVerdictResponse>,
    answer: Option<EvaluationAnswerResponse>,
    /// Its run, which whoever started the evaluation can look at.
    run_id: Option<RunId>,
    conversation_id: Option<ConversationId>,
}

/// An evaluation with its cases.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EvaluationDetailResponse {
    #[serde(flatten)]
    evaluation: EvaluationResponse,
    /// In what its costs are.
    currency: String,
    /// In the order in which they are asked.
    items: Vec<EvaluationCaseResponse>,
}

/// An evaluation: its figures so far, and each case with verdict and reason.
#[utoipa::path(get, path = "/api/v1/evaluations/{id}", operation_id = "evaluations.get", tag = "evaluations",
               params(("id" = EvaluationId, Path)), responses((status = 200, body = EvaluationDetailResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    EvaluationsManage(principal): EvaluationsManage,
    PathId(id): PathId<EvaluationId>,
) -> Result<Json<EvaluationDetailResponse>, ApiError> {
    Ok(Json(show(&state, &principal, id).await?))
}

/// The evaluation as this person may see it now.
pub(super) async fn show(
    state: &AppState,
    principal: &Principal,
    id: EvaluationId,
) -> Result<EvaluationDetailResponse, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let row = tx.evaluations().require(id, reader.clearance().classification).await?;
    let rows = tx.evaluations().cases(id).await?;
    let reports = reports(&rows)?;
    let mut answers = answers(state, principal, (&mut tx, &reader), &rows).await?;
    let mut evaluation = EvaluationResponse::from(row);
    if evaluation.totals.is_none() {
        let totals = Totals::of(reports.values());
        evaluation.totals = serde_json::to_value(totals).ok().and_then(EvaluationTotalsResponse::of);
    }
    let mut reports = reports;
    let items = rows.into_iter().map(|row| {
        let answer = row.message_id.and_then(|id| answers.remove(&id.into()));
        let report = reports.remove(&row.number);
        case(row, report, answer)
    });
    let items = items.collect::<Result<_, _>>()?;
    let currency = state.completions.gateway().catalog().currency().to_owned();
    Ok(EvaluationDetailResponse { evaluation, currency, items })
}

fn case(
    row: EvaluationCaseRow,
    report: Option<CaseReport>,
    answer: Option<EvaluationAnswerResponse>,
) -> Result<EvaluationCaseResponse, ApiError> {
    let case: Case =
        serde_json::from_value(row.content).map_err(|_| StoreError::UnknownValue("evaluation_cases.content"))?;
    // Words of a verdict tell what stands in an answer that may not be read, or does not.
    let is_withheld = answer.as_ref().is_some_and(|answer| answer.withheld);
    let report = report.filter(|_| !is_withheld);
    Ok(EvaluationCaseResponse {
        number: row.number,
        id: case.id,
        kind: case.kind,
        question: case.question,
        abstain: case.abstain,
        status: row.status.as_str(),
        verdict: report.map(Into::into),
        answer,
        run_id: row.run_id.map(RunId::from),
        conversation_id: row.conversation_id.map(ConversationId::from),
    })
}

/// The stored reports, by the numbers of their cases.
pub(super) fn reports(rows: &[EvaluationCaseRow]) -> Result<BTreeMap<i32, CaseReport>, ApiError> {
    let mut reports = BTreeMap::new();
    for row in rows {
        if let Some(report) = &row.report {
            let report = serde_json::from_value(report.clone())
                .map_err(|_| StoreError::UnknownValue("evaluation_cases.report"))?;
            reports.insert(row.number, report);
        }
    }
    Ok(reports)
}

/// The answers, each with the placeholders of its own conversation.
async fn answers(
    state: &AppState,
    principal: &Principal,
    (tx, reader): (&mut TenantTx, &Reader),
    rows: &[EvaluationCaseRow],
) -> Result<BTreeMap<MessageId, EvaluationAnswerResponse>, ApiError> {
    let ids: Vec<MessageId> = rows.iter().filter_map(|row| row.message_id.map(MessageId::from)).collect();
    let conversations: Vec<_> = rows.iter().filter_map(|row| row.conversation_id.map(ConversationId::from)).collect();
    let sealed: BTreeMap<ConversationId, Vec<u8>> = tx.vaults().list(&conversations).await?.into_iter().collect();
    let mut answers = BTreeMap::new();
    for row in tx.messages().these(&ids).await? {
        let (id, conversation) = (row.id, row.conversation_id);
        let agent = row.agent.as_ref().and_then(|agent| agent["name"].as_str()).map(str::to_owned);
        let reveal = Reveal::new(state, principal, conversation);
        let reveal = reveal.with_sealed(sealed.get(&conversation).map(Vec::as_slice))?;
        let message = reveal.message(MessageResponse::for_reader(row, reader));
        let withheld = message.withheld();
        answers.insert(id, EvaluationAnswerResponse { content: message.content, withheld, agent });
    }
    Ok(answers)
}
