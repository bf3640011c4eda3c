use axum::{Json, extract::State};
use chrono::Duration;
use millwright_core::{ErrorCode, Problem};
use millwright_governance::PolicyText;
use millwright_policy::decision::{
    Action, CaseReport, DecisionRequest, LintFile, LintFinding, ReplayReport, Verdict, lint as lint_files,
    replay as replay_decisions, run_cases, shipped_cases, shipped_files,
};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    extract::{ConfigurationRead, StrictJson},
};

/// Decisions that are made again at the most.
const MOST_DECISIONS: i64 = 20_000;

/// What holds now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyResponse {
    /// SHA-256 over all policies and the schema, hexadecimal.
    policy_version: String,
    /// How many policies there are.
    policy_count: usize,
    /// The `policies.yaml` that holds: sandboxes, budgets, contracts, routing of risk, sinks.
    policy_file: String,
    /// The files that ship.
    shipped: Vec<PolicyText>,
    /// The organisation's own files in force.
    own: Vec<PolicyText>,
    /// Number of the version that these are; null for none.
    own_version: Option<i32>,
    /// Everything that can be asked for.
    actions: Vec<Action>,
    /// A table of cases that the shipped policies pass, to begin one's own with.
    cases: String,
}

/// All policies that hold, those that ship and the organisation's own.
#[utoipa::path(get, path = "/api/v1/policy", operation_id = "policy.get", tag = "policy",
               responses((status = 200, body = PolicyResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<PolicyResponse>, ApiError> {
    let policy = state.governance.of(&principal.scope).await?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let active = tx.policies().active().await?;
    let own = match &active {
        Some((_, files)) => millwright_governance::files_of_json(files.clone())?,
        None => Vec::new(),
    };
    let shipped = shipped_files().into_iter().map(|file| PolicyText { name: file.name, text: file.text }).collect();
    Ok(Json(PolicyResponse {
        policy_version: policy.engine.version().to_owned(),
        policy_count: policy.engine.policy_count(),
        policy_file: state.governance.policy_file().to_owned(),
        shipped,
        own,
        own_version: active.map(|(number, _)| number),
        actions: Action::ALL.to_vec(),
        cases: shipped_cases().to_owned(),
    }))
}

/// Files of the organisation's own, as they would be stored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyFilesRequest {
    #[schema(max_items = 20)]
    files: Vec<PolicyText>,
}

/// What was found in files.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct LintResponse {
    findings: Vec<LintFinding>,
}

/// Looks files over, together with those that ship.
#[utoipa::path(post, path = "/api/v1/policy/lint", operation_id = "policy.lint", tag = "policy",
               request_body = PolicyFilesRequest, responses((status = 200, body = LintResponse)))]
pub(crate) async fn lint(
    _reader: ConfigurationRead,
    StrictJson(request): StrictJson<PolicyFilesRequest>,
) -> Result<Json<LintResponse>, ApiError> {
    super::bounded(&request.files)?;
    let own = request.files.into_iter().map(|file| LintFile { name: file.name, text: file.text, tenant: true });
    let files: Vec<LintFile> = shipped_files().into_iter().chain(own).collect();
    let findings = blocking(move || lint_files(&files)).await?;
    Ok(Json(LintResponse { findings }))
}

/// Files and a table of cases.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyTestRequest {
    #[schema(max_items = 20)]
    files: Vec<PolicyText>,
    /// Cases in YAML; see `cases` of `GET /api/v1/policy`.
    #[schema(max_length = 262_144)]
    cases: String,
}

/// Decides a table of cases with files that are not in force.
#[utoipa::path(post, path = "/api/v1/policy/test", operation_id = "policy.test", tag = "policy",
               request_body = PolicyTestRequest, responses((status = 200, body = CaseReport)))]
pub(crate) async fn test(
    _reader: ConfigurationRead,
    StrictJson(request): StrictJson<PolicyTestRequest>,
) -> Result<Json<CaseReport>, ApiError> {
    if request.cases.len() > 262_144 {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the table is too long")
            .field("cases", "expected at most 256 KiB")
            .into());
    }
    let engine = super::engine(&request.files)?;
    Ok(Json(blocking(move || run_cases(&engine, &request.cases)).await?))
}

/// Files, and how far back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyReplayRequest {
    #[schema(max_items = 20)]
    files: Vec<PolicyText>,
    /// The last days, 1 to 365; 30 when absent.
    #[schema(minimum = 1, maximum = 365)]
    days: Option<u32>,
}

/// What would have been decided otherwise.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicyReplayResponse {
    #[serde(flatten)]
    report: ReplayReport,
    /// Whether there were more decisions than are made again at once; then the newest were.
    truncated: bool,
}

/// Makes the decisions of the last days again with files that are not in force, and shows every verdict that changes.
#[utoipa::path(post, path = "/api/v1/policy/replay", operation_id = "policy.replay", tag = "policy",
               request_body = PolicyReplayRequest, responses((status = 200, body = PolicyReplayResponse)))]
pub(crate) async fn replay(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
    StrictJson(request): StrictJson<PolicyReplayRequest>,
) -> Result<Json<PolicyReplayResponse>, ApiError> {
    let days = within_days(request.days, 30)?;
    let engine = super::engine(&request.files)?;
    let since = state.sources.now() - Duration::days(days);
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let rows = tx.policies().decisions_since(since, MOST_DECISIONS).await?;
    drop(tx);
    let truncated = rows.len() as i64 == MOST_DECISIONS;
    let report = blocking(move || {
        // A decision of a form that this version does not know cannot be made again.
        let old = rows.into_iter().filter_map(|row| {
            let request: DecisionRequest = serde_json::from_value(row.request).ok()?;
            let verdict: Verdict = serde_json::from_value(row.verdict.into()).ok()?;
            Some((request, verdict))
        });
        replay_decisions(old, &engine)
    });
    Ok(Json(PolicyReplayResponse { report: report.await?, truncated }))
}

/// Work that takes more than a moment, off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal().into())
}

/// A number of days within reason.
pub(super) fn within_days(days: Option<u32>, default: u32) -> Result<i64, ApiError> {
    let days = days.unwrap_or(default);
    if (1..=365).contains(&days) {
        Ok(i64::from(days))
    } else {
        Err(Problem::new(ErrorCode::ValidationFailed, "`days` is out of range")
            .field("days", "expected 1 to 365")
            .into())
    }
}
