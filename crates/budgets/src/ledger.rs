use std::{future::Future, sync::Arc, time::Duration};

use millwright_core::{Sources, TenantScope, audit::AuditRecord};
use millwright_store::{Store, StoreError, tenant::NewUsage};
use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    BudgetError, Claim, Reservation, UsageRecord,
    batcher::{Batcher, Lanes},
    book::{self, Book},
    claim::amount,
    reservation::Live,
    reserving::{LEASE, Reserving, Wish},
    settling::{Settlement, Settling, Spend},
};

/// A third of the lease: one round may fail.
const RENEWAL: Duration = Duration::from_secs(15);
/// Claims that wait at most; more are refused as overload. Ends of calls are never refused: there are no more of them
/// than of calls that run.
const MOST_WAITING: usize = 10_000;
/// A tenant's claims lock the same rows, so a second transaction would only wait for the first.
const CLAIMS: Lanes = Lanes { of_tenant: 1, total: 2, batch: 500 };
/// A second transaction writes its rows while the first waits for the disk.
const ENDS: Lanes = Lanes { of_tenant: 2, total: 3, batch: 500 };

struct Inner {
    store: Store,
    sources: Sources,
    book: Book,
    live: Live,
    claims: Batcher<Reserving>,
    ends: Batcher<Settling>,
    tracker: TaskTracker,
}

/// The budgets of all tenants, as one process uses them. Cheap to clone.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ledger")
    }
}

impl Ledger {
    /// A ledger over this database. Reservations of calls that take long hold only while [`Ledger::run`] runs.
    pub fn new(store: Store, sources: Sources) -> Self {
        let tracker = TaskTracker::new();
        let live = Live::default();
        let settling = Settling { store: store.clone(), sources: sources.clone() };
        let ends = Batcher::new(settling, ENDS, tracker.clone());
        let reserving =
            Reserving { store: store.clone(), sources: sources.clone(), live: live.clone(), settlements: ends.clone() };
        let claims = Batcher::new(reserving, CLAIMS, tracker.clone());
        let book = Book::new(store.clone());
        Self(Arc::new(Inner { store, sources, book, live, claims, ends, tracker }))
    }

    /// Holds the most that a call may use in every budget that binds it, all or nothing. Costs no trip to the database
    /// where no budget binds it.
    ///
    /// # Errors
    /// [`BudgetError::Exceeded`] names the first budget without room.
    pub async fn reserve(&self, scope: &TenantScope, claim: Claim) -> Result<Reservation, BudgetError> {
        let definitions = self.0.book.of(scope).await?;
        let holds = book::holds(&definitions, &claim, self.0.sources.now());
        let subjects = claim.subjects;
        if holds.iter().all(|hold| hold.amount == 0) {
            return Ok(Reservation { scope: *scope, subjects, holds, held: None });
        }
        if self.0.claims.waiting() >= MOST_WAITING {
            return Err(BudgetError::Overloaded);
        }
        let (answer, decided) = oneshot::channel();
        self.0.claims.push(*scope, Wish { subjects, holds, answer });
        let pending = decided.await.map_err(|_| BudgetError::Interrupted)??;
        pending.accept().ok_or(BudgetError::Interrupted)
    }

    /// Gives back what was held, counts what was spent, and stores the call with its proof, in one transaction. Goes on
    /// also when what it returns is dropped; ready when all of it is on disk.
    ///
    /// # Errors
    /// When the database fails, after it was asked again for half a minute.
    pub fn settle(
        &self,
        reservation: Reservation,
        usage: UsageRecord,
        audit: &AuditRecord,
    ) -> impl Future<Output = Result<(), BudgetError>> + Send + use<> {
        let spent = reservation.spent(&usage);
        let Reservation { scope, subjects, held, .. } = reservation;
        let usage = NewUsage {
            id: usage.id,
            occurred_at: self.0.sources.now(),
            user_id: subjects.user,
            agent: subjects.agent,
            api_key_id: subjects.api_key,
            task: subjects.task,
            run_id: usage.run,
            model: usage.model,
            endpoint: usage.endpoint,
            provider: usage.provider,
            tier: usage.tier,
            input_tokens: amount(usage.input_tokens),
            output_tokens: amount(usage.output_tokens),
            cached_tokens: amount(usage.cached_tokens),
            reasoning_tokens: amount(usage.reasoning_tokens),
            gpu_millis: amount(usage.gpu_millis),
            cost_micros: amount(usage.cost_micros),
            outcome: usage.outcome,
            trace_id: usage.trace_id,
        };
        let (answer, settled) = oneshot::channel();
        self.0
            .ends
            .push(scope, Settlement::Spend(Box::new(Spend { held, spent, usage, audit: audit.clone(), answer })));
        async move { settled.await.map_err(|_| BudgetError::Interrupted)? }
    }

    /// Gives back what was held for a call that never reached a model.
    ///
    /// # Errors
    /// When the database fails; the reservation then ends with its lease.
    pub fn release(&self, reservation: Reservation) -> impl Future<Output = Result<(), BudgetError>> + Send + use<> {
        let Reservation { scope, held, .. } = reservation;
        let released = held.map(|held| {
            let (answer, released) = oneshot::channel();
            self.0.ends.push(scope, Settlement::Release { held, answer: Some(answer) });
            released
        });
        async move {
            match released {
                Some(released) => released.await.map_err(|_| BudgetError::Interrupted)?,
                None => Ok(()),
            }
        }
    }

    /// Looks at the tenant's budgets anew at the next claim: this process has just changed them.
    pub fn forget(&self, scope: &TenantScope) {
        self.0.book.forget(scope);
    }

    /// Renews the reservations of this process until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(RENEWAL) => {}
            }
            if let Err(error) = self.renew_once().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "reservations of budgets were not renewed");
            }
        }
    }

    /// Waits until everything that was handed over is on disk. To be called when nothing calls models any more: what ends
    /// because the process stops is settled after that.
    pub async fn drain(&self) {
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// Renews all reservations of this process in one statement; returns how many there were in the database.
    pub async fn renew_once(&self) -> Result<u64, StoreError> {
        let held = self.0.live.all();
        if held.is_empty() {
            return Ok(0);
        }
        let mut tx = self.0.store.system().await?;
        let renewed = tx.reservations().renew(&held, LEASE).await?;
        tx.commit().await?;
        Ok(renewed)
    }
}
