use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, extract::State};
use millwright_core::{Classification, ErrorCode, ExportControl, Group, Problem, id::SourceId};
use millwright_store::{Proof, tenant::SourceChange};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SourceResponse, as_label, audited, checked, checked_map, open, taken};
use crate::{
    ApiError, AppState,
    extract::{Audit, PathId, SourcesManage, StrictJson},
    filters,
    routes::{auth::within, documents::change::within_clearance},
};

/// What is to be another; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSourceRequest {
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// Not lower than it is.
    classification: Option<Classification>,
    /// All export regimes; at least those that it has.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    export_control: Option<BTreeSet<ExportControl>>,
    /// All groups; at least those that it has.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    groups: Option<BTreeSet<Group>>,
    /// All tags of documents that come from now on.
    #[schema(max_items = 32)]
    tags: Option<Vec<String>>,
    /// The whole map, with every pair that is there as it is: more can be added.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    group_map: Option<BTreeMap<String, Group>>,
    #[schema(minimum = 60, maximum = 604_800)]
    content_interval_s: Option<u32>,
    #[schema(minimum = 10, maximum = 86_400)]
    permission_interval_s: Option<u32>,
    #[schema(minimum = 30, maximum = 604_800)]
    permission_max_age_s: Option<u32>,
}

/// Changes how a folder is watched. With another label or other groups its documents are hidden at once, until their
/// permissions were checked anew. Neither is its label lowered nor another access group given to a Unix group: that takes a
/// source of its own.
#[utoipa::path(patch, path = "/api/v1/sources/{id}", operation_id = "sources.change", tag = "sources",
               params(("id" = SourceId, Path)), request_body = ChangeSourceRequest,
               responses((status = 200, body = SourceResponse), (status = 409, description = "The name is taken")))]
pub(crate) async fn change(
    State(state): State<AppState>,
    SourcesManage(principal): SourcesManage,
    audit: Audit,
    PathId(id): PathId<SourceId>,
    StrictJson(request): StrictJson<ChangeSourceRequest>,
) -> Result<Json<SourceResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    // Two changes at once must not each put back what the other changed.
    tx.sources().hold(id).await?;
    let before = open(&mut tx, &principal, id).await?;
    let name = request.name.as_deref().map_or(before.name.as_str(), str::trim).to_owned();
    within("name", &name, 1, 120)?;
    let settings = request.applied_to(&before.settings)?;
    checked(&settings)?;
    let reader = tx.labels().reader(principal.user_id).await?;
    within_clearance(&reader, &settings.label)?;
    lowers_nothing(&before.settings, &settings)?;
    let relabels = (&settings.label, &settings.group_map) != (&before.settings.label, &before.settings.group_map);
    tx.sources().change(id, &name, &settings, relabels, state.sources.now()).await.map_err(taken)?;
    let row = tx.sources().require(id).await?;
    let details = [
        ("name", json!(name)),
        ("name_before", json!(before.name)),
        ("settings", audited(&settings)),
        ("settings_before", audited(&before.settings)),
    ];
    let entry = audit.entry(&principal, id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    Ok(Json(row.into()))
}

/// Nobody alone lowers what documents carry: neither by the label that all of them have, nor by the groups that those of a
/// Unix group have.
fn lowers_nothing(before: &SourceChange, after: &SourceChange) -> Result<(), ApiError> {
    let refused = |detail: &'static str, with: &str| -> Result<(), ApiError> {
        let remedy = format!("watch the folder as another source with that {with}, and delete this one");
        Err(Problem::new(ErrorCode::HitlRequired, detail).remedy(remedy).into())
    };
    if !before.label.rises_to(&after.label) {
        return refused("the label of a source is not lowered", "label");
    }
    let mut pairs = before.group_map.as_ref().and_then(Value::as_object).into_iter().flatten();
    let kept = |(name, group): (&String, &Value)| after.group_map.as_ref().and_then(|map| map.get(name)) == Some(group);
    if !pairs.all(kept) {
        return refused("a Unix group keeps the access group that it stands for", "map");
    }
    Ok(())
}

impl ChangeSourceRequest {
    fn applied_to(self, before: &SourceChange) -> Result<SourceChange, ApiError> {
        let tags = match self.tags {
            Some(tags) => filters::tags(tags.iter().map(String::as_str)).map_err(|expected| {
                Problem::new(ErrorCode::ValidationFailed, "the source is not of the documented form")
                    .field("tags", expected)
            })?,
            None => before.tags.clone(),
        };
        let group_map = match &self.group_map {
            Some(map) => Some(checked_map(map)?),
            None => before.group_map.clone(),
        };
        let seconds =
            |value: Option<u32>, kept: i32| value.map_or(kept, |value| i32::try_from(value).unwrap_or(i32::MAX));
        Ok(SourceChange {
            label: as_label(
                self.classification.unwrap_or(before.label.classification),
                self.export_control.unwrap_or_else(|| before.label.export_control.clone()),
                self.groups.unwrap_or_else(|| before.label.groups.clone()),
            ),
            tags,
            group_map,
            content_interval_s: seconds(self.content_interval_s, before.content_interval_s),
            permission_interval_s: seconds(self.permission_interval_s, before.permission_interval_s),
            permission_max_age_s: seconds(self.permission_max_age_s, before.permission_max_age_s),
        })
    }
}
