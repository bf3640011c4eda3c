use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use millwright_budgets::{
    BudgetError, BudgetPeriod, BudgetSubjectKind, BudgetUnit, CallOutcome, Claim, Exceeded, Ledger, Reservation,
    Subjects, UsageRecord, period_starts,
};
use millwright_core::{
    FixedClock, Role, Sources, SystemRandomness, TenantScope,
    audit::AuditRecord,
    id::{AuditEntryId, BudgetId, UserId},
};
use millwright_store::{
    Bookkeeping, Proof, Store, StoreSettings, TenantTx,
    tenant::{NewBudget, NewUser, PeriodKey, UserKind},
    testkit::TestDatabase,
};

/// A database of this test's own, with a clock that stands.
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) sources: Sources,
}

/// A tenant with one admin.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) scope: TenantScope,
    pub(crate) user: UserId,
}

pub(crate) const START: &str = "2026-02-28T23:30:00Z";

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(FixedClock::new(START.parse::<DateTime<Utc>>().unwrap()));
        let sources = Sources { clock: clock.clone(), randomness: Arc::new(SystemRandomness) };
        Self { database: TestDatabase::create().await, clock, sources }
    }

    /// What another process would have: its own connections, caches and queues.
    pub(crate) async fn process(&self) -> (Store, Ledger) {
        let settings = StoreSettings {
            url: self.database.url.clone(),
            max_connections: 6,
            acquire_timeout: Duration::from_secs(20),
        };
        let store = Store::open(&settings).await.unwrap();
        (store.clone(), Ledger::new(store, self.sources.clone()))
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.database.store.clone(), self.sources.clone())
    }

    pub(crate) async fn site(&self, name: &str) -> Site {
        let scope = self.database.tenant(&self.sources, name).await;
        let user = self.sources.new_id();
        let mut tx = self.database.store.tenant(&scope).begin().await.unwrap();
        let admin = NewUser {
            id: user,
            kind: UserKind::Person,
            email: Some(format!("admin@{}.example", name.to_lowercase())),
            display_name: format!("Admin of {name}"),
            role: Role::Admin,
            password_hash: None,
            local: false,
            created_at: self.sources.now(),
        };
        tx.users().insert(&admin).await.unwrap();
        tx.commit(Proof::Bookkeeping(Bookkeeping::JobState)).await.unwrap();
        Site { scope, user }
    }

    /// A monthly budget of the whole tenant.
    pub(crate) async fn budget(&self, site: &Site, unit: BudgetUnit, limit: i64) -> BudgetId {
        self.budget_of(site, (BudgetSubjectKind::Tenant, None), BudgetPeriod::Month, unit, limit).await
    }

    pub(crate) async fn budget_of(
        &self,
        site: &Site,
        (subject_kind, subject_id): (BudgetSubjectKind, Option<String>),
        period: BudgetPeriod,
        unit: BudgetUnit,
        limit: i64,
    ) -> BudgetId {
        let id = self.sources.new_id::<BudgetId>();
        let budget = NewBudget {
            id,
            name: format!("{} per {} {id}", unit.as_str(), period.as_str()),
            subject_kind,
            subject_id,
            period,
            unit,
            limit,
            created_by: site.user,
            created_at: self.sources.now(),
        };
        let mut tx = self.database.store.tenant(&site.scope).begin().await.unwrap();
        tx.budgets().insert(&budget).await.unwrap();
        tx.commit(Proof::Entry(&self.audit(site))).await.unwrap();
        id
    }

    /// An entry that proves something of this tenant.
    pub(crate) fn audit(&self, site: &Site) -> AuditRecord {
        AuditRecord {
            id: self.sources.new_id::<AuditEntryId>(),
            tenant_id: site.scope.tenant_id(),
            occurred_at: self.sources.now(),
            actor: site.user.to_string(),
            action: "model.called".to_owned(),
            resource_type: "model".to_owned(),
            resource_id: "small".to_owned(),
            canonical: b"{}".to_vec(),
            mac: [9; 32],
        }
    }

    /// Locks the row of a monthly budget of the tenant until what is returned is dropped.
    pub(crate) async fn lock(&self, site: &Site, budget: BudgetId) -> TenantTx {
        let mut tx = self.database.store.tenant(&site.scope).begin().await.unwrap();
        let key = PeriodKey { budget, subject: String::new(), start: period_starts(self.sources.now()).month };
        tx.budget_ledger().settle(&[], &[], &[(key, 1)], self.sources.now()).await.unwrap();
        tx
    }

    /// `spent reserved` of each row of a budget, by subject and period.
    pub(crate) async fn rows(&self, budget: BudgetId) -> Vec<String> {
        self.database
            .peek(&format!(
                "SELECT spent || ' ' || reserved FROM budget_periods WHERE budget_id = '{}' ORDER BY subject, period_start",
                budget.uuid()
            ))
            .await
    }

    pub(crate) async fn count(&self, what: &str) -> usize {
        self.database.peek(&format!("SELECT count(*)::text FROM {what}")).await[0].parse().unwrap()
    }

    pub(crate) async fn drop(self) {
        self.database.drop().await;
    }
}

pub(crate) fn subjects(user: UserId) -> Subjects {
    Subjects { user, agent: None, api_key: None, task: None }
}

/// A claim of the site's admin.
pub(crate) fn claim(site: &Site, tokens: u64, cost_micros: u64) -> Claim {
    Claim { subjects: subjects(site.user), tokens, cost_micros }
}

/// A call that read so many tokens and cost so much.
pub(crate) fn used(tokens: u64, cost_micros: u64) -> UsageRecord {
    UsageRecord {
        id: Sources::system().new_id(),
        run: None,
        model: "small".to_owned(),
        endpoint: "local".to_owned(),
        provider: "ollama".to_owned(),
        tier: "LIGHT".to_owned(),
        input_tokens: tokens,
        output_tokens: 0,
        cached_tokens: 0,
        reasoning_tokens: 0,
        gpu_millis: 7,
        cost_micros,
        outcome: CallOutcome::Complete,
        trace_id: None,
    }
}

pub(crate) fn refused(result: Result<Reservation, BudgetError>) -> Exceeded {
    match result {
        Err(BudgetError::Exceeded(exceeded)) => *exceeded,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Polls until it is so, at most ten seconds.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come to be");
}
