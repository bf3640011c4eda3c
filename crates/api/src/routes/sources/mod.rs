//! Watched folders, as those see and set them who administer an organisation.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod scan;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use millwright_core::{ErrorCode, ExportControl, Group, Label, Principal, Problem, id::SourceId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{ClockRow, SourceChange, WatchedSourceRow},
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ApiError, AppState,
    dto::{FailureResponse, LabelParts},
};

/// Bounds and defaults of the two clocks, seconds.
pub(super) mod seconds {
    use std::ops::RangeInclusive;

    pub(in crate::routes::sources) const CONTENT: RangeInclusive<u32> = 60..=604_800;
    pub(in crate::routes::sources) const PERMISSION: RangeInclusive<u32> = 10..=86_400;
    pub(in crate::routes::sources) const MAX_AGE: RangeInclusive<u32> = 30..=604_800;
    pub(in crate::routes::sources) const fn content() -> u32 {
        900
    }
    pub(in crate::routes::sources) const fn permission() -> u32 {
        300
    }
    pub(in crate::routes::sources) const fn max_age() -> u32 {
        3_600
    }
}

/// Unix groups that a map may name.
const MOST_GROUPS: usize = 200;

/// One clock of a source.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ClockResponse {
    /// When the last pass that went through everything began; null before the first, and for permissions while a change of
    /// label or groups is not carried out.
    checked_at: Option<DateTime<Utc>>,
    /// When the next pass is due.
    due_at: Option<DateTime<Utc>>,
    /// Whether a pass is under way.
    running: bool,
    /// When the last pass began.
    started_at: Option<DateTime<Utc>>,
    /// When the last pass ended.
    finished_at: Option<DateTime<Utc>>,
    /// Milliseconds that the last pass took.
    took_ms: Option<i64>,
    /// What the running pass met so far, else the last one: counts `seen`, `new`, `changed`, `removed`, `relabelled`, `hidden`
    /// and `passed_over`; `skipped`, counted by reason; and `problems`, the first 50 paths with their reason: the folder
    /// alone of files that only their owner or a group without a counterpart may read.
    report: Value,
    /// Why the last pass did not go through everything.
    failure: Option<FailureResponse>,
}

impl From<ClockRow> for ClockResponse {
    fn from(row: ClockRow) -> Self {
        let took = row.started_at.zip(row.finished_at).map(|(started, finished)| finished - started);
        Self {
            checked_at: row.checked_at,
            due_at: Some(row.due_at),
            running: row.running,
            started_at: row.started_at,
            finished_at: row.finished_at,
            took_ms: took.map(|took| took.num_milliseconds()).filter(|took| *took >= 0),
            report: row.report,
            failure: FailureResponse::from_columns(row.failure_code, row.failure_detail),
        }
    }
}

/// A watched folder.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct SourceResponse {
    id: SourceId,
    name: String,
    /// Below the organisation's folder; `.` for all of it.
    path: String,
    /// The least that its documents carry.
    #[serde(flatten)]
    label: LabelParts,
    /// What new documents get.
    tags: Vec<String>,
    /// Which access group stands for which Unix group, a name or a number; null where permissions of files say nothing.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    group_map: Option<Value>,
    content_interval_s: i32,
    permission_interval_s: i32,
    permission_max_age_s: i32,
    /// Whether its documents are hidden from everybody, because their permissions were not checked for too long.
    stale: bool,
    /// Until when they are shown; null before the first check.
    fresh_until: Option<DateTime<Utc>>,
    /// How many documents it has.
    document_count: i64,
    /// How many of them nobody sees, for nobody can say who may.
    hidden_count: i64,
    /// Which files there are, and what they hold.
    contents: Option<ClockResponse>,
    /// Who may read them.
    permissions: Option<ClockResponse>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<WatchedSourceRow> for SourceResponse {
    fn from(row: WatchedSourceRow) -> Self {
        let (document_count, hidden_count) = row.documents;
        let settings = row.settings;
        Self {
            id: row.id,
            name: row.name,
            path: row.path,
            label: settings.label.into(),
            tags: settings.tags,
            group_map: settings.group_map,
            content_interval_s: settings.content_interval_s,
            permission_interval_s: settings.permission_interval_s,
            permission_max_age_s: settings.permission_max_age_s,
            stale: row.stale,
            fresh_until: row.fresh_until,
            document_count,
            hidden_count,
            contents: row.contents.map(Into::into),
            permissions: row.permissions.map(Into::into),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The source, for somebody who could read its documents; absent for everybody else: its report names files and folders.
pub(super) async fn open(tx: &mut TenantTx, principal: &Principal, id: SourceId) -> Result<WatchedSourceRow, ApiError> {
    let source = tx.sources().require(id).await?;
    if tx.labels().clearance(principal.user_id).await?.may_have(&source.settings.label) {
        return Ok(source);
    }
    Err(StoreError::NotFound("source").into())
}

/// Fails when the operator watches nothing.
pub(super) fn require_configured(state: &AppState) -> Result<(), ApiError> {
    if state.watch.root.is_some() {
        return Ok(());
    }
    Err(Problem::new(
        ErrorCode::NotConfigured,
        "no folders are watched on this server, because `WATCH_ROOT` is not set",
    )
    .remedy("have the operator set `WATCH_ROOT` and mount a share below it")
    .into())
}

/// Checks what a source may be.
pub(super) fn checked(settings: &SourceChange) -> Result<(), ApiError> {
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the source is not of the documented form");
    let clocks = [
        ("content_interval_s", settings.content_interval_s, seconds::CONTENT),
        ("permission_interval_s", settings.permission_interval_s, seconds::PERMISSION),
        ("permission_max_age_s", settings.permission_max_age_s, seconds::MAX_AGE),
    ];
    for (field, value, range) in clocks {
        if !u32::try_from(value).is_ok_and(|value| range.contains(&value)) {
            problem = problem.field(field, format!("expected {} to {} seconds", range.start(), range.end()));
        }
    }
    if settings.permission_max_age_s <= settings.permission_interval_s {
        problem = problem.field("permission_max_age_s", "expected more than `permission_interval_s`");
    }
    if settings.label.export_control.iter().any(ExportControl::is_all_of_ear) {
        problem = problem.field("export_control", "expected a regime such as `ITAR` or `EAR:3A001`");
    }
    if problem.fields.is_empty() { Ok(()) } else { Err(problem.into()) }
}

/// The map as it is kept.
pub(super) fn checked_map(map: &BTreeMap<String, Group>) -> Result<Value, ApiError> {
    let is_name = |name: &String| {
        (1..=64).contains(&name.len()) && !name.contains(|c: char| c.is_control() || c.is_whitespace() || c == ':')
    };
    if map.is_empty() || map.len() > MOST_GROUPS || !map.keys().all(is_name) {
        let expected =
            format!("expected 1 to {MOST_GROUPS} names or numbers of Unix groups, each with an access group");
        return Err(Problem::new(ErrorCode::ValidationFailed, "the source is not of the documented form")
            .field("group_map", expected)
            .into());
    }
    serde_json::to_value(map).map_err(|_| Problem::internal().into())
}

/// The label that a request asks for, of nothing that can be taken at its word.
pub(super) fn as_label(
    classification: millwright_core::Classification,
    export_control: std::collections::BTreeSet<ExportControl>,
    groups: std::collections::BTreeSet<Group>,
) -> Label {
    Label { export_control, groups, ..Label::of(classification) }
}

/// What the audit log says of settings: all of them.
pub(super) fn audited(settings: &SourceChange) -> Value {
    json!({
        "label": settings.label,
        "tags": settings.tags,
        "group_map": settings.group_map,
        "content_interval_s": settings.content_interval_s,
        "permission_interval_s": settings.permission_interval_s,
        "permission_max_age_s": settings.permission_max_age_s,
    })
}

pub(super) fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Duplicate(_) => {
            Problem::new(ErrorCode::Conflict, "another source has this name").remedy("choose another name").into()
        }
        other => other.into(),
    }
}
