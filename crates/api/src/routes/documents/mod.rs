//! Documents: upload, look, delete.

pub(crate) mod chunks;
pub(crate) mod content;
pub(crate) mod delete;
pub(crate) mod events;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod page;
pub(crate) mod reindex;
pub(crate) mod upload;

use millwright_core::id::DocumentId;
use millwright_store::{StoreError, TenantTx};
use serde::Deserialize;

use crate::dto::DocumentResponse;

/// Which version of a document; without one the version that answers, else the newest.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    /// Number of the version.
    #[param(minimum = 1)]
    pub(crate) version: Option<i32>,
}

/// The document with its newest version, as it is answered.
pub(crate) async fn load(tx: &mut TenantTx, id: DocumentId) -> Result<DocumentResponse, StoreError> {
    let document = tx.documents().require(id).await?;
    let latest = tx.versions().require(document.latest_version_id).await?;
    Ok(DocumentResponse::new(document, latest))
}
