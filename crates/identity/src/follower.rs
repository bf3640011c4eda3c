use std::{sync::Arc, time::Duration};

use millwright_auth::{Revocation, Revocations};
use millwright_core::Sources;
use millwright_store::{Store, StoreError, system::RevocationRow};
use tokio_util::sync::CancellationToken;

/// Four times a second: what is revoked on one replica has ended on all of them well within one.
const EVERY: Duration = Duration::from_millis(250);
/// How often rows that nobody asks for any more are removed.
const TIDY_EVERY: Duration = Duration::from_mins(10);
/// How long one look may take.
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// Looks that fail in a row before the log says so.
const PATIENCE: u32 = 8;

/// Keeps this process informed about what was revoked anywhere, and tidies up behind.
pub struct RevocationFollower {
    store: Store,
    sources: Sources,
    revocations: Arc<Revocations>,
    /// As long as any credential is accepted without asking the database.
    token_life: chrono::Duration,
}

impl RevocationFollower {
    /// Feeds `revocations`. `token_life` is the longest life of an access token, its skew included.
    pub fn new(store: Store, sources: Sources, revocations: Arc<Revocations>, token_life: chrono::Duration) -> Self {
        // A margin for clocks that differ.
        Self { store, sources, revocations, token_life: token_life + chrono::Duration::minutes(10) }
    }

    /// Runs until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let (mut position, mut failures) = (0, 0_u32);
        let mut tidied = tokio::time::Instant::now();
        loop {
            // A connection that hangs must not hang the next look, which may get a better one.
            let looked = tokio::time::timeout(LONGEST_LOOK, self.look(position)).await;
            if let Ok(Ok(next)) = looked {
                (position, failures) = (next, 0);
            } else {
                failures += 1;
                if failures == PATIENCE {
                    let error = looked.ok().and_then(Result::err);
                    let error = error.as_ref().map(|error| error as &dyn std::error::Error);
                    tracing::warn!(error, "revocations cannot be followed: each request asks the database");
                }
            }
            if tidied.elapsed() > TIDY_EVERY {
                tidied = tokio::time::Instant::now();
                if let Err(error) = self.tidy().await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "old sessions cannot be tidied away");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn look(&self, position: i64) -> Result<i64, StoreError> {
        // Before the question is asked: what is written after that may be missing from the answer.
        let asked_at = self.sources.now();
        let mut tx = self.store.system().await?;
        let since = tx.access().revocations_since(position).await?;
        if position == 0 {
            let suspended = tx.access().suspended_tenants().await?;
            let suspended = suspended.into_iter().map(|tenant| Revocation::Tenant(tenant, true));
            self.revocations.hear(suspended, asked_at, false);
        }
        drop(tx);
        self.revocations.hear(since.revocations.into_iter().map(revocation), asked_at, true);
        Ok(since.position)
    }

    async fn tidy(&self) -> Result<(), StoreError> {
        let now = self.sources.now();
        self.revocations.forget_before(now - self.token_life);
        let mut tx = self.store.system().await?;
        tx.access().tidy(now, self.token_life).await?;
        tx.commit().await
    }
}

fn revocation(row: RevocationRow) -> Revocation {
    match row {
        RevocationRow::Session(id) => Revocation::Session(id),
        RevocationRow::ApiKey(id) => Revocation::ApiKey(id),
        RevocationRow::User(id, version) => Revocation::User(id, version),
        RevocationRow::Tenant(id, suspended) => Revocation::Tenant(id, suspended),
    }
}
