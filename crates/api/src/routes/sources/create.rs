use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State, http::StatusCode};
use millwright_core::{Classification, ErrorCode, ExportControl, Group, Problem};
use millwright_store::{
    Proof, TenantTx,
    tenant::{NewSource, SourceChange},
};
use millwright_workers::folders::{self, PlaceError};
use serde::Deserialize;
use serde_json::json;

use super::{SourceResponse, as_label, audited, checked, checked_map, require_configured, seconds, taken};
use crate::{
    ApiError, AppState,
    extract::{Audit, SourcesManage, StrictJson},
    filters,
    routes::{auth::within, documents::change::within_clearance},
};

/// Each is looked through again and again.
const MOST_SOURCES: usize = 50;

/// A folder to be watched.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSourceRequest {
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// Below the organisation's folder, in which the operator mounts shares; `.` for all of it.
    #[schema(max_length = 1000)]
    path: String,
    /// `INTERNAL` when absent.
    classification: Option<Classification>,
    /// Export regimes, for instance `ITAR` or `EAR:3A001`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 32)]
    export_control: BTreeSet<ExportControl>,
    /// Groups whose members alone may read it: a reader must be in each.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 32)]
    groups: BTreeSet<Group>,
    /// Words to find its documents by.
    #[serde(default)]
    #[schema(max_items = 32)]
    tags: Vec<String>,
    /// Which access group stands for which Unix group, a name or a number. With it, the permissions of files count: a file that
    /// not everybody may read there is kept for the groups that may, and one that none of these may read is not taken in.
    /// Absent: all files carry the label above.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    group_map: Option<BTreeMap<String, Group>>,
    /// Seconds between two passes over the contents.
    #[serde(default = "seconds::content")]
    #[schema(minimum = 60, maximum = 604_800, default = 900)]
    content_interval_s: u32,
    /// Seconds between two passes over the permissions.
    #[serde(default = "seconds::permission")]
    #[schema(minimum = 10, maximum = 86_400, default = 300)]
    permission_interval_s: u32,
    /// Permissions that were checked longer ago hide the documents, seconds; more than the interval.
    #[serde(default = "seconds::max_age")]
    #[schema(minimum = 30, maximum = 604_800, default = 3_600)]
    permission_max_age_s: u32,
}

/// Has a folder watched: its files become documents, and follow what happens to them there. Answers 409 `not_configured` where
/// the operator has set no `WATCH_ROOT`.
#[utoipa::path(post, path = "/api/v1/sources", operation_id = "sources.create", tag = "sources",
               request_body = CreateSourceRequest,
               responses((status = 201, body = SourceResponse),
                         (status = 409, description = "The name or folder is taken, or `WATCH_ROOT` is not set")))]
pub(crate) async fn create(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
    audit: Audit,
    StrictJson(request): StrictJson<CreateSourceRequest>,
) -> Result<(StatusCode, Json<SourceResponse>), ApiError> {
    require_configured(&state)?;
    let path = folders::relative(&request.path).map_err(|error| refused(&error))?;
    let name = request.name.trim().to_owned();
    within("name", &name, 1, 120)?;
    let settings = request.settings()?;
    checked(&settings)?;
    let (watch, tenant, looked) = (state.watch.clone(), principal.tenant_id(), path.clone());
    let place = tokio::task::spawn_blocking(move || folders::check(&watch, tenant, &looked)).await;
    place.map_err(|_| Problem::internal())?.map_err(|error| refused(&error))?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    within_clearance(&reader, &settings.label)?;
    require_room(&mut tx, &path).await?;
    let id = state.sources.new_id();
    let (created_by, created_at) = (principal.user_id, state.sources.now());
    let source = NewSource { id, name, path, settings, created_by, created_at };
    tx.sources().insert(&source).await.map_err(taken)?;
    let row = tx.sources().require(id).await?;
    let details = [("name", json!(source.name)), ("path", json!(source.path)), ("settings", audited(&source.settings))];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok((StatusCode::CREATED, Json(row.into())))
}

impl CreateSourceRequest {
    fn settings(self) -> Result<SourceChange, ApiError> {
        let tags = filters::tags(self.tags.iter().map(String::as_str)).map_err(|expected| {
            Problem::new(ErrorCode::ValidationFailed, "the source is not of the documented form")
                .field("tags", expected)
        })?;
        let seconds = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Ok(SourceChange {
            label: as_label(self.classification.unwrap_or(Classification::Internal), self.export_control, self.groups),
            tags,
            group_map: self.group_map.as_ref().map(checked_map).transpose()?,
            content_interval_s: seconds(self.content_interval_s),
            permission_interval_s: seconds(self.permission_interval_s),
            permission_max_age_s: seconds(self.permission_max_age_s),
        })
    }
}

/// A folder inside of another's would be two documents for each file, under two labels.
async fn require_room(tx: &mut TenantTx, path: &str) -> Result<(), ApiError> {
    let others = tx.sources().list(true).await?;
    if others.len() >= MOST_SOURCES {
        return Err(Problem::new(ErrorCode::Conflict, format!("{MOST_SOURCES} folders are watched already"))
            .remedy("watch a folder above several of them")
            .into());
    }
    let holds = |outer: &str, inner: &str| {
        outer == "." || outer == inner || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
    };
    if others.iter().any(|other| holds(&other.path, path) || holds(path, &other.path)) {
        return Err(Problem::new(ErrorCode::Conflict, "this folder, or one above or below it, is watched already")
            .remedy("choose a folder of its own")
            .into());
    }
    Ok(())
}

fn refused(error: &PlaceError) -> ApiError {
    let expected = match error {
        PlaceError::Path | PlaceError::Outside => PlaceError::Path.to_string(),
        other => other.to_string(),
    };
    Problem::new(ErrorCode::ValidationFailed, "this folder cannot be watched").field("path", expected).into()
}
