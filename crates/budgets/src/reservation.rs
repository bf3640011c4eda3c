use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use millwright_core::{
    TenantScope,
    id::{ReservationId, TenantId},
};
use millwright_store::tenant::{BudgetUnit, PeriodKey};
use millwright_telemetry::metrics;

use crate::{
    batcher::Batcher,
    book::Hold,
    claim::{Subjects, UsageRecord, amount},
    settling::{Settlement, Settling},
};

/// What a call holds of the budgets that bind it. To be given to [`Ledger::settle`](crate::Ledger::settle) or
/// [`Ledger::release`](crate::Ledger::release). Dropped instead, it is not renewed any more and ends with its lease: what a
/// lost call spent is unknown, so its budget is not free again at once.
#[derive(Debug)]
#[must_use = "a reservation that is dropped holds its budgets until it expires"]
pub struct Reservation {
    pub(crate) scope: TenantScope,
    pub(crate) subjects: Subjects,
    pub(crate) holds: Vec<Hold>,
    /// `None` where nothing had to be held.
    pub(crate) held: Option<Held>,
}

impl Reservation {
    /// Whose budgets.
    pub fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// For whom.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Whether any budget is held for it.
    pub fn holds_something(&self) -> bool {
        self.held.is_some()
    }

    /// What a call's use is in each of its budgets.
    pub(crate) fn spent(&self, usage: &UsageRecord) -> Vec<(PeriodKey, i64)> {
        let spent = |hold: &Hold| match hold.budget.unit {
            BudgetUnit::Tokens => amount(usage.input_tokens.saturating_add(usage.output_tokens)),
            BudgetUnit::Money => amount(usage.cost_micros),
        };
        self.holds.iter().map(|hold| (hold.key.clone(), spent(hold))).filter(|(_, spent)| *spent > 0).collect()
    }
}

/// The reservations of this process that are to be renewed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live(Arc<Mutex<HashSet<(TenantId, ReservationId)>>>);

impl Live {
    pub(crate) fn all(&self) -> Vec<(TenantId, ReservationId)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    pub(crate) fn insert(&self, scope: &TenantScope, id: ReservationId) -> Held {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((scope.tenant_id(), id));
        metrics::budget_reservations(1.0);
        Held { live: self.clone(), tenant: scope.tenant_id(), id }
    }
}

/// A row of reservations, renewed for as long as this lives.
#[derive(Debug)]
pub(crate) struct Held {
    live: Live,
    tenant: TenantId,
    pub(crate) id: ReservationId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.live.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(self.tenant, self.id));
        metrics::budget_reservations(-1.0);
    }
}

/// A reservation on its way to who asked for it. Nobody has called a model with it yet, so it is released at once when
/// it does not arrive.
pub(crate) struct Pending {
    reservation: Option<Reservation>,
    settlements: Batcher<Settling>,
}

impl Pending {
    pub(crate) fn new(reservation: Reservation, settlements: Batcher<Settling>) -> Self {
        Self { reservation: Some(reservation), settlements }
    }

    /// It has arrived.
    pub(crate) fn accept(mut self) -> Option<Reservation> {
        self.reservation.take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(Reservation { scope, held: Some(held), .. }) = self.reservation.take() {
            self.settlements.push(scope, Settlement::Release { held, answer: None });
        }
    }
}
