//! What was spent, of many calls in one transaction.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use millwright_core::{Sources, TenantScope, audit::AuditRecord, id::ReservationId};
use millwright_store::{
    Store, StoreError,
    tenant::{BudgetAlert, EndedCall, NewUsage, PeriodKey},
};
use millwright_telemetry::metrics;
use tokio::sync::oneshot;

use crate::{BudgetError, batcher::Work, reservation::Held};

/// A database that does not answer is asked again for this long: what was spent is not to be lost to a restart of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts at first, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(crate) type Answer = oneshot::Sender<Result<(), BudgetError>>;

/// The end of a call.
pub(crate) enum Settlement {
    /// A model was called.
    Spend(Box<Spend>),
    /// No model was called.
    Release { held: Held, answer: Option<Answer> },
}

/// What a call spent, and what proves it.
pub(crate) struct Spend {
    /// Renewed until this is stored.
    pub(crate) held: Option<Held>,
    pub(crate) spent: Vec<(PeriodKey, i64)>,
    pub(crate) usage: NewUsage,
    pub(crate) audit: AuditRecord,
    pub(crate) answer: Answer,
}

impl Settlement {
    fn reservation(&self) -> Option<ReservationId> {
        match self {
            Self::Spend(spend) => spend.held.as_ref().map(|held| held.id),
            Self::Release { held, .. } => Some(held.id),
        }
    }

    fn spend(&self) -> Option<&Spend> {
        match self {
            Self::Spend(spend) => Some(spend),
            Self::Release { .. } => None,
        }
    }

    fn answer(self, result: Result<(), BudgetError>) {
        let answer = match self {
            Self::Spend(spend) => Some(spend.answer),
            Self::Release { answer, .. } => answer,
        };
        if let Some(answer) = answer {
            // Whoever went away wants no answer; it is settled all the same.
            let _ = answer.send(result);
        }
    }
}

pub(crate) struct Settling {
    pub(crate) store: Store,
    pub(crate) sources: Sources,
}

impl Work for Settling {
    type Item = Settlement;

    async fn perform(&self, scope: TenantScope, items: Vec<Settlement>) {
        let began = Instant::now();
        let count = items.len();
        match self.settle_patiently(&scope, &items).await {
            Ok(()) => answer_all(items, &Ok(())),
            Err(error) if error.is_transient() || count == 1 => {
                tracing::error!(error = &error as &dyn std::error::Error, calls = count, "calls were not settled");
                answer_all(items, &Err(BudgetError::from(error)));
            }
            // One of them cannot be stored. The others can, each by itself.
            Err(_) => {
                for item in items {
                    let result = self.settle_patiently(&scope, std::slice::from_ref(&item)).await;
                    if let Err(error) = &result {
                        tracing::error!(error = error as &dyn std::error::Error, "a call was not settled");
                    }
                    item.answer(result.map_err(BudgetError::from));
                }
            }
        }
        metrics::budget_batch("settle", count, began.elapsed());
    }
}

impl Settling {
    async fn settle_patiently(&self, scope: &TenantScope, items: &[Settlement]) -> Result<(), StoreError> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut uncertain = false;
        loop {
            match self.settle(scope, items).await {
                Ok(alerts) => {
                    for alert in &alerts {
                        tell(scope, alert);
                    }
                    return Ok(());
                }
                // The answer to a commit was lost, and the commit was not.
                Err(StoreError::Duplicate(_)) if uncertain && self.is_settled(scope, items).await? => return Ok(()),
                Err(error) if error.is_transient() && began.elapsed() < PATIENCE => {
                    uncertain = true;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn settle(&self, scope: &TenantScope, items: &[Settlement]) -> Result<Vec<BudgetAlert>, StoreError> {
        let spends: Vec<&Spend> = items.iter().filter_map(Settlement::spend).collect();
        let reservations: Vec<ReservationId> = items.iter().filter_map(Settlement::reservation).collect();
        let mut sums: BTreeMap<&PeriodKey, i64> = BTreeMap::new();
        for (key, amount) in spends.iter().flat_map(|spend| &spend.spent) {
            let sum = sums.entry(key).or_default();
            *sum = sum.saturating_add(*amount);
        }
        let spent: Vec<(PeriodKey, i64)> = sums.into_iter().map(|(key, sum)| (key.clone(), sum)).collect();
        let ended = |spend: &&Spend| EndedCall { usage: spend.usage.clone(), proof: spend.audit.clone() };
        let calls: Vec<EndedCall> = spends.iter().map(ended).collect();
        self.store.tenant(scope).settle_budgets(&calls, &reservations, &spent, self.sources.now()).await
    }

    /// Whether the first call of a batch is stored: then all are.
    async fn is_settled(&self, scope: &TenantScope, items: &[Settlement]) -> Result<bool, StoreError> {
        let Some(first) = items.iter().find_map(Settlement::spend) else { return Ok(false) };
        self.store.tenant(scope).read().await?.usage().exists(first.usage.id).await
    }
}

fn answer_all(items: Vec<Settlement>, result: &Result<(), BudgetError>) {
    for item in items {
        item.answer(result.clone());
    }
}

fn tell(scope: &TenantScope, alert: &BudgetAlert) {
    metrics::budget_alert(alert.level.as_str());
    tracing::warn!(
        tenant.id = %scope.tenant_id(),
        budget.id = %alert.budget,
        budget.level = alert.level.as_str(),
        budget.spent = alert.spent,
        "a budget is nearly used up"
    );
}
