use millwright_core::audit::AuditRecord;
use sqlx::{Postgres, Transaction};

use crate::{
    StoreError,
    system::{
        Access, Accounts, ClaimedJobs, DueEvaluations, DueGoals, DueVersions, EmbeddingModels, ExpiredMemories, Feed,
        LeasedReservations, LeasedRuns, Seals, SourceClocks, Tenants,
    },
    tenant::append_audit,
    tenant_tx::refuse_aborted,
};

/// A transaction for work that belongs to no tenant. It sees few tables, and of those only what its
/// role is granted.
pub struct SystemTx {
    tx: Transaction<'static, Postgres>,
}

impl SystemTx {
    pub(crate) fn new(tx: Transaction<'static, Postgres>) -> Self {
        Self { tx }
    }

    /// All tenants.
    pub fn tenants(&mut self) -> Tenants<'_> {
        Tenants(&mut self.tx)
    }

    /// Users by e-mail, for sign-in.
    pub fn accounts(&mut self) -> Accounts<'_> {
        Accounts(&mut self.tx)
    }

    /// How access ends.
    pub fn access(&mut self) -> Access<'_> {
        Access(&mut self.tx)
    }

    /// Entries for the logs of tenants, written with what else this transaction changes.
    pub async fn append(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        append_audit(&mut self.tx, records).await
    }

    /// Jobs of all tenants, to be claimed and ended.
    pub fn jobs(&mut self) -> ClaimedJobs<'_> {
        ClaimedJobs(&mut self.tx)
    }

    /// The audit chain.
    pub fn seals(&mut self) -> Seals<'_> {
        Seals(&mut self.tx)
    }

    /// Which tenants' indexes have changes.
    pub fn feed(&mut self) -> Feed<'_> {
        Feed(&mut self.tx)
    }

    /// Versions whose day has come, in all tenants.
    pub fn due_versions(&mut self) -> DueVersions<'_> {
        DueVersions(&mut self.tx)
    }

    /// The embedding models of the installation.
    pub fn embedding_models(&mut self) -> EmbeddingModels<'_> {
        EmbeddingModels(&mut self.tx)
    }

    /// Clocks of watched folders, to be claimed.
    pub fn source_clocks(&mut self) -> SourceClocks<'_> {
        SourceClocks(&mut self.tx)
    }

    /// Runs whose process died.
    pub fn runs(&mut self) -> LeasedRuns<'_> {
        LeasedRuns(&mut self.tx)
    }

    /// Evaluations that somebody has to look at.
    pub fn evaluations(&mut self) -> DueEvaluations<'_> {
        DueEvaluations(&mut self.tx)
    }

    /// Goals that somebody has to look at.
    pub fn goals(&mut self) -> DueGoals<'_> {
        DueGoals(&mut self.tx)
    }

    /// What was remembered for long enough, in all tenants.
    pub fn memories(&mut self) -> ExpiredMemories<'_> {
        ExpiredMemories(&mut self.tx)
    }

    /// What calls hold of budgets, in all tenants.
    pub fn reservations(&mut self) -> LeasedReservations<'_> {
        LeasedReservations(&mut self.tx)
    }

    /// Makes the change permanent. Fails when a statement of the transaction has failed, also one whose error was
    /// ignored.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        refuse_aborted(&mut self.tx).await?;
        self.tx.commit().await?;
        Ok(())
    }
}
