use std::collections::BTreeSet;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use millwright_core::{Permission, id::GoalId};
use millwright_store::tenant::GoalSummaryRow;
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState,
    dto::{FailureResponse, MessageResponse, PageResponse},
    extract::{ChatUse, PageQuery, StrictQuery},
};

/// Which goals.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListGoalsQuery {
    /// Items in one answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
}

/// A goal in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct GoalSummaryResponse {
    id: GoalId,
    /// The first words of what is wanted; empty where it is withheld.
    title: String,
    /// As `GET /api/v1/goals/{id}` has it.
    status: &'static str,
    error: Option<FailureResponse>,
    /// Steps of its plan, the report included.
    steps: i64,
    /// Those that have come about.
    steps_done: i64,
    /// Those that wait for a person.
    steps_waiting: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<GoalSummaryRow> for GoalSummaryResponse {
    fn from(row: GoalSummaryRow) -> Self {
        let GoalSummaryRow { goal, title, steps, steps_done, steps_waiting } = row;
        Self {
            id: goal.id,
            title,
            status: goal.status.as_str(),
            error: FailureResponse::from_columns(goal.error_code, goal.error_detail),
            steps,
            steps_done,
            steps_waiting,
            created_at: goal.created_at,
            updated_at: goal.updated_at,
            finished_at: goal.finished_at,
        }
    }
}

/// One's own goals, newest first.
#[utoipa::path(get, path = "/api/v1/goals", operation_id = "goals.list", tag = "goals",
               params(ListGoalsQuery), responses((status = 200, body = PageResponse<GoalSummaryResponse>)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    StrictQuery(query): StrictQuery<ListGoalsQuery>,
) -> Result<Json<PageResponse<GoalSummaryResponse>>, ApiError> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let mut goals = tx.goals().list(principal.user_id, page).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let questions: Vec<_> = goals.items.iter().map(|row| row.goal.question_id).collect();
    let mut readable = BTreeSet::new();
    for question in tx.messages().these(&questions).await? {
        let id = question.id;
        if !MessageResponse::for_reader(question, &reader).withheld() {
            readable.insert(id);
        }
    }
    // As `GET /api/v1/goals/{id}` leaves their texts out.
    for row in goals.items.iter_mut().filter(|row| !readable.contains(&row.goal.question_id)) {
        row.title.clear();
        row.goal.error_detail = row.goal.error_detail.take().map(|_| String::new());
    }
    if principal.permissions.contains(Permission::PersonalDataRead) {
        let detail = |row: &GoalSummaryRow| row.goal.error_detail.as_ref().is_some_and(|detail| detail.contains('['));
        let named = goals.items.iter().filter(|row| row.title.contains('[') || detail(row));
        let ids: Vec<_> = named.map(|row| row.goal.conversation_id).collect();
        for (id, sealed) in tx.vaults().list(&ids).await? {
            let vault = state.governance.open(id, Some(&sealed))?;
            for row in goals.items.iter_mut().filter(|row| row.goal.conversation_id == id) {
                row.title = vault.restore(&row.title);
                row.goal.error_detail = row.goal.error_detail.take().map(|detail| vault.restore(&detail));
            }
        }
    }
    Ok(Json(goals.map(GoalSummaryResponse::from).into()))
}
