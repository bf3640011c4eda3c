//! Claims, of many calls in one transaction.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use millwright_core::{Sources, TenantScope, id::ReservationId};
use millwright_store::{
    Store, StoreError,
    tenant::{HoldRow, PeriodKey, RefusedClaim},
};
use millwright_telemetry::metrics;
use tokio::sync::oneshot;

use crate::{
    BudgetError, Exceeded, Reservation, Subjects,
    batcher::{Batcher, Work},
    book::Hold,
    calendar,
    reservation::{Live, Pending},
    settling::Settling,
};

/// How long a reservation holds without being renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(45);
/// Before the one further attempt that a claim gets.
const PAUSE: Duration = Duration::from_millis(20);

/// A claim that waits for its decision.
pub(crate) struct Wish {
    pub(crate) subjects: Subjects,
    /// Sorted by row.
    pub(crate) holds: Vec<Hold>,
    pub(crate) answer: oneshot::Sender<Result<Pending, BudgetError>>,
}

pub(crate) struct Reserving {
    pub(crate) store: Store,
    pub(crate) sources: Sources,
    pub(crate) live: Live,
    pub(crate) settlements: Batcher<Settling>,
}

/// What a batch decided: its ids, and its refusals.
type Decided = (Vec<ReservationId>, Vec<RefusedClaim>, Vec<PeriodKey>);

impl Work for Reserving {
    type Item = Wish;

    async fn perform(&self, scope: TenantScope, mut wishes: Vec<Wish>) {
        let began = Instant::now();
        // Whoever went away while waiting asks for nothing any more.
        wishes.retain(|wish| !wish.answer.is_closed());
        let count = wishes.len();
        match self.decide_twice(&scope, &wishes).await {
            Ok(decided) => self.answer(scope, wishes, decided),
            Err(error) if error.is_transient() || count == 1 => refuse_all(wishes, error),
            // One of them cannot be decided. The others can, each by itself.
            Err(_) => {
                for wish in wishes {
                    match self.decide_twice(&scope, std::slice::from_ref(&wish)).await {
                        Ok(decided) => self.answer(scope, vec![wish], decided),
                        Err(error) => refuse_all(vec![wish], error),
                    }
                }
            }
        }
        metrics::budget_batch("reserve", count, began.elapsed());
    }
}

/// What a claim asks room for: what costs nothing needs none.
fn asked(wish: &Wish) -> impl Iterator<Item = &Hold> {
    wish.holds.iter().filter(|hold| hold.amount > 0)
}

/// The distinct rows of a batch in the order in which they are locked, and each claim's places in them.
fn rows_and_holds(wishes: &[Wish]) -> (Vec<PeriodKey>, Vec<HoldRow>) {
    let mut rows: Vec<&PeriodKey> = wishes.iter().flat_map(asked).map(|hold| &hold.key).collect();
    rows.sort_unstable();
    rows.dedup();
    let mut holds = Vec::with_capacity(wishes.len());
    for (claim, wish) in wishes.iter().enumerate() {
        holds.extend(asked(wish).filter_map(|hold| {
            let row = rows.binary_search(&&hold.key).ok()?;
            Some(HoldRow { claim, row, amount: hold.amount })
        }));
    }
    (rows.into_iter().cloned().collect(), holds)
}

fn refuse_all(wishes: Vec<Wish>, error: StoreError) {
    tracing::error!(error = &error as &dyn std::error::Error, calls = wishes.len(), "budgets were not decided");
    let error = BudgetError::from(error);
    for wish in wishes {
        let _ = wish.answer.send(Err(error.clone()));
    }
}

impl Reserving {
    async fn decide_twice(&self, scope: &TenantScope, wishes: &[Wish]) -> Result<Decided, StoreError> {
        match self.decide(scope, wishes).await {
            Err(error) if error.is_transient() => {
                tokio::time::sleep(PAUSE).await;
                // With other ids: what the first attempt may have held all the same ends with its lease.
                self.decide(scope, wishes).await
            }
            result => result,
        }
    }

    async fn decide(&self, scope: &TenantScope, wishes: &[Wish]) -> Result<Decided, StoreError> {
        let ids: Vec<ReservationId> = wishes.iter().map(|_| self.sources.new_id()).collect();
        if wishes.is_empty() {
            return Ok((ids, Vec::new(), Vec::new()));
        }
        let (rows, holds) = rows_and_holds(wishes);
        let refused = self.store.tenant(scope).reserve_budgets(&rows, &ids, &holds, LEASE).await?;
        Ok((ids, refused, rows))
    }

    fn answer(&self, scope: TenantScope, wishes: Vec<Wish>, (ids, refusals, rows): Decided) {
        let mut refusals = refusals.into_iter().peekable();
        for (claim, (wish, id)) in wishes.into_iter().zip(ids).enumerate() {
            let Wish { subjects, holds, answer } = wish;
            let refused = refusals.next_if(|refused| refused.claim == claim);
            let result = if let Some(refused) = refused {
                Err(self.refusal(&holds, &rows, refused))
            } else {
                let held = Some(self.live.insert(&scope, id));
                let reservation = Reservation { scope, subjects, holds, held };
                Ok(Pending::new(reservation, self.settlements.clone()))
            };
            // Not taken, it is dropped here, and so released.
            let _ = answer.send(result);
        }
    }

    fn refusal(&self, holds: &[Hold], rows: &[PeriodKey], refused: RefusedClaim) -> BudgetError {
        let hold = rows.get(refused.row).and_then(|key| holds.iter().find(|hold| hold.key == *key));
        let Some(hold) = hold else {
            return BudgetError::Store(Arc::new(StoreError::UnknownValue("refused_row")));
        };
        metrics::budget_refused(hold.budget.unit.as_str(), hold.budget.subject_kind.as_str());
        let resets_at = calendar::period_end(hold.budget.period, hold.key.start);
        BudgetError::Exceeded(Box::new(Exceeded {
            budget: hold.budget.id,
            name: hold.budget.name.clone(),
            unit: hold.budget.unit,
            limit: refused.limit,
            used: refused.used,
            asked: hold.amount,
            resets_at,
            resets_in: u64::try_from((resets_at - self.sources.now()).num_seconds()).unwrap_or_default().max(1),
        }))
    }
}
