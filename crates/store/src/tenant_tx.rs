use millwright_core::TenantScope;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::{
    Bookkeeping, Proof, StoreError,
    tenant::{
        Agents, ApiKeys, AuditEntries, BudgetLedger, Budgets, Chunks, Conversations, Documents, Evaluations, Glossary,
        Goals, IndexChanges, Jobs, LabelRequests, Labels, McpServers, Memories, Messages, Passages, Policies,
        PolicyEvents, Reading, Retention, Runs, Security, Sessions, SourceFiles, Usage, Users, Validity, Vaults,
        Vectors, Versions, WatchedSources,
    },
};

/// A transaction in which only one tenant's rows exist.
pub struct TenantTx {
    tx: Transaction<'static, Postgres>,
    scope: TenantScope,
}

/// PostgreSQL answers the COMMIT of an aborted transaction with success and undoes it. Any statement before it fails.
pub(crate) async fn refuse_aborted(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT 1").execute(connection).await?;
    Ok(())
}

/// What a repository borrows: the connection inside the transaction, and the tenant for its statements.
pub(crate) struct TenantConnection<'t> {
    pub(crate) connection: &'t mut PgConnection,
    pub(crate) tenant: Uuid,
}

impl TenantTx {
    pub(crate) fn new(tx: Transaction<'static, Postgres>, scope: TenantScope) -> Self {
        Self { tx, scope }
    }

    fn borrow(&mut self) -> TenantConnection<'_> {
        TenantConnection { connection: &mut self.tx, tenant: self.scope.tenant_id().uuid() }
    }

    /// Whose rows these are.
    pub fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// People of the tenant.
    pub fn users(&mut self) -> Users<'_> {
        Users(self.borrow())
    }

    /// Sessions of people.
    pub fn sessions(&mut self) -> Sessions<'_> {
        Sessions(self.borrow())
    }

    /// Keys of programs.
    pub fn api_keys(&mut self) -> ApiKeys<'_> {
        ApiKeys(self.borrow())
    }

    /// The security policy, second factors and links that set a password.
    pub fn security(&mut self) -> Security<'_> {
        Security(self.borrow())
    }

    /// The audit log, to be read.
    pub fn audit(&mut self) -> AuditEntries<'_> {
        AuditEntries(self.borrow())
    }

    /// Background jobs.
    pub fn jobs(&mut self) -> Jobs<'_> {
        Jobs(self.borrow())
    }

    /// Documents by name.
    pub fn documents(&mut self) -> Documents<'_> {
        Documents(self.borrow())
    }

    /// Versions of documents, their bytes and pages.
    pub fn versions(&mut self) -> Versions<'_> {
        Versions(self.borrow())
    }

    /// Chunks of one version, as ingestion writes them.
    pub fn chunks(&mut self) -> Chunks<'_> {
        Chunks(self.borrow())
    }

    /// Vectors of chunks, by the model that made them.
    pub fn vectors(&mut self) -> Vectors<'_> {
        Vectors(self.borrow())
    }

    /// Passages as search reads them.
    pub fn passages(&mut self) -> Passages<'_> {
        Passages(self.borrow())
    }

    /// Documents as they are read on from a passage.
    pub fn reading(&mut self) -> Reading<'_> {
        Reading(self.borrow())
    }

    /// The feed that keyword indexes follow.
    pub fn index_changes(&mut self) -> IndexChanges<'_> {
        IndexChanges(self.borrow())
    }

    /// Goals with their plans and steps.
    pub fn goals(&mut self) -> Goals<'_> {
        Goals(self.borrow())
    }

    /// Suites of questions, and how agents have answered them.
    pub fn evaluations(&mut self) -> Evaluations<'_> {
        Evaluations(self.borrow())
    }

    /// What ends by itself.
    pub fn retention(&mut self) -> Retention<'_> {
        Retention(self.borrow())
    }

    /// What people have remembered.
    pub fn memories(&mut self) -> Memories<'_> {
        Memories(self.borrow())
    }

    /// MCP servers and their tools.
    pub fn mcp_servers(&mut self) -> McpServers<'_> {
        McpServers(self.borrow())
    }

    /// Labels, and who may read what.
    pub fn labels(&mut self) -> Labels<'_> {
        Labels(self.borrow())
    }

    /// Wishes to lower a label.
    pub fn label_requests(&mut self) -> LabelRequests<'_> {
        LabelRequests(self.borrow())
    }

    /// What the policy layer noticed.
    pub fn policy_events(&mut self) -> PolicyEvents<'_> {
        PolicyEvents(self.borrow())
    }

    /// The tenant's policy: its settings, its own policies, and what was decided.
    pub fn policies(&mut self) -> Policies<'_> {
        Policies(self.borrow())
    }

    /// The tenant's own definitions of agents.
    pub fn agents(&mut self) -> Agents<'_> {
        Agents(self.borrow())
    }

    /// Which versions answer, now or on another day.
    pub fn validity(&mut self) -> Validity<'_> {
        Validity(self.borrow())
    }

    /// What stands for personal data in conversations.
    pub fn vaults(&mut self) -> Vaults<'_> {
        Vaults(self.borrow())
    }

    /// What may be spent on models.
    pub fn budgets(&mut self) -> Budgets<'_> {
        Budgets(self.borrow())
    }

    /// What running calls hold of budgets, and what they spent.
    pub fn budget_ledger(&mut self) -> BudgetLedger<'_> {
        BudgetLedger(self.borrow())
    }

    /// What abbreviations stand for.
    pub fn glossary(&mut self) -> Glossary<'_> {
        Glossary(self.borrow())
    }

    /// Watched folders and their clocks.
    pub fn sources(&mut self) -> WatchedSources<'_> {
        WatchedSources(self.borrow())
    }

    /// What is known of the files of watched folders.
    pub fn source_files(&mut self) -> SourceFiles<'_> {
        SourceFiles(self.borrow())
    }

    /// Calls of models.
    pub fn usage(&mut self) -> Usage<'_> {
        Usage(self.borrow())
    }

    /// Conversations.
    pub fn conversations(&mut self) -> Conversations<'_> {
        Conversations(self.borrow())
    }

    /// Messages in conversations.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages(self.borrow())
    }

    /// Runs with their steps and events.
    pub fn runs(&mut self) -> Runs<'_> {
        Runs(self.borrow())
    }

    /// Makes the change permanent together with its proof. Fails when a statement of the transaction has failed,
    /// also one whose error was ignored.
    pub async fn commit(mut self, proof: Proof<'_>) -> Result<(), StoreError> {
        match proof {
            Proof::Entry(record) => self.audit().append(std::slice::from_ref(record)).await?,
            Proof::Entries(records) => self.audit().append(records).await?,
            // Of one statement, whose failure ends the batch: there is no error that could have been ignored.
            Proof::Bookkeeping(Bookkeeping::BudgetHold) => {}
            Proof::Bookkeeping(_) => refuse_aborted(&mut self.tx).await?,
        }
        self.tx.commit().await?;
        Ok(())
    }
}
