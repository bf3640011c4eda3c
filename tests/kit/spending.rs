//! Calls of models, made as the gateway would make them and without a model.

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_budgets::{BudgetError, CallOutcome, Claim, Ledger, Reservation, Subjects, UsageRecord};
use millwright_core::{TenantScope, audit::AuditRecord, id::UserId};

use super::{SECRET_KEY, World};

impl World {
    /// The ledger of another process.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.db().store.clone(), self.sources.clone())
    }

    /// An entry that proves something of this tenant.
    pub(crate) fn spending_entry(&self, tenant: &TenantScope, user: UserId) -> AuditRecord {
        let key = AuditKey::derive(SECRET_KEY.as_bytes()).expect("key");
        let event =
            AuditEvent::new(&self.sources, tenant.tenant_id(), Actor::User(user), AuditAction::RunFinished, "run");
        key.authenticate(&event).expect("entry")
    }

    /// Reserves for a person.
    pub(crate) async fn reserve(
        &self,
        tenant: &TenantScope,
        subjects: Subjects,
        (tokens, cost_micros): (u64, u64),
    ) -> Result<Reservation, BudgetError> {
        self.ledger().reserve(tenant, Claim { subjects, tokens, cost_micros }).await
    }

    /// A whole call of this model that used so much.
    pub(crate) async fn spend(
        &self,
        tenant: &TenantScope,
        subjects: Subjects,
        model: &str,
        (tokens, cost_micros): (u64, u64),
    ) {
        let user = subjects.user;
        let reservation = self.reserve(tenant, subjects, (tokens, cost_micros)).await.expect("within budget");
        let usage = UsageRecord {
            id: self.sources.new_id(),
            run: None,
            model: model.to_owned(),
            endpoint: "gpu-1".to_owned(),
            provider: "ollama".to_owned(),
            tier: "LIGHT".to_owned(),
            input_tokens: tokens,
            output_tokens: 0,
            cached_tokens: 0,
            reasoning_tokens: 0,
            gpu_millis: 1_500,
            cost_micros,
            outcome: CallOutcome::Complete,
            trace_id: None,
        };
        self.ledger().settle(reservation, usage, &self.spending_entry(tenant, user)).await.expect("settled");
    }

    /// Somebody of the tenant called this model.
    pub(crate) async fn called(&self, tenant: &TenantScope, model: &str) {
        let subjects = Subjects { user: self.sources.new_id(), agent: None, api_key: None, task: None };
        self.spend(tenant, subjects, model, (10, 20)).await;
    }
}
