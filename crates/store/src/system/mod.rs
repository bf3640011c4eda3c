//! Repositories of the system role: what belongs to no tenant, or to all of them.

mod access;
mod accounts;
mod due_versions;
mod embedding_models;
mod evaluations;
mod feed;
mod goals;
mod jobs;
mod memories;
mod reservations;
mod runs;
mod seals;
mod source_clocks;
mod tenants;

pub use access::{Access, Credential, RevocationRow, RevocationsSince};
pub use accounts::{AccountRow, Accounts, ApiKeyAccount, SessionAccount};
pub use due_versions::{DueDocument, DueVersions};
pub use embedding_models::{EmbeddingModelRow, EmbeddingModels, FoundModel, ModelState};
pub use evaluations::{DueEvaluation, DueEvaluations};
pub use feed::{Feed, FeedState};
pub use goals::{DueGoal, DueGoals};
pub use jobs::{ClaimedJob, ClaimedJobs};
pub use memories::ExpiredMemories;
pub use reservations::{ExpiredReservations, LeasedReservations};
pub use runs::{ExpiredRun, LeasedRuns};
pub use seals::{HeadRow, NewSeal, SealRow, Seals, StoredEntry, UnsealedEntry};
pub use source_clocks::{ClaimedClock, SourceClocks};
pub use tenants::{TenantRow, Tenants};

use millwright_core::{TenantScope, id::TenantId};
use uuid::Uuid;

/// The scope of a tenant named by a row that the system role has just read or claimed.
#[expect(clippy::disallowed_methods, reason = "a claimed row names its tenant: one of the two lawful sites")]
pub(crate) fn scope_of(tenant: Uuid) -> TenantScope {
    TenantScope::establish(TenantId::from(tenant))
}
