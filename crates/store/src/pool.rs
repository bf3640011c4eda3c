use std::{str::FromStr, sync::Arc, time::Duration};

use millwright_core::TenantScope;
use sqlx::{
    AssertSqlSafe, Connection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::{
    StoreError, SystemTx, TenantTx,
    ledger_connections::{Borrowed, LedgerConnections},
    migrate,
};

/// How to reach the database as the application.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// `postgres://millwright_app:…@…/…`: the application's login, never the owner.
    pub url: String,
    /// Connections at most, two at least.
    pub max_connections: u32,
    /// How long a request waits for a free connection before it fails with `upstream_unavailable`.
    pub acquire_timeout: Duration,
}

/// The database, through which tenants and the system open their transactions.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
    /// For what every call of a model needs.
    ledger: Arc<LedgerConnections>,
    begins: TaskTracker,
}

/// A connection that rested longer than this is tried before use, so that a restarted database costs
/// few failed requests while busy connections save the trip.
pub(crate) const TEST_AFTER_IDLE: Duration = Duration::from_secs(2);

/// Of all connections, those that keep budgets and usage: as many as one tenant's claims and ends use at once.
const LEDGER_CONNECTIONS: u32 = 3;

impl Store {
    /// Connects, and refuses a login that could see past row-level security or a schema that does not
    /// match this binary.
    pub async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let store = Self::connect(settings).await?;
        store.refuse_unsafe_role().await?;
        let pending = migrate::pending(&store.pool).await?;
        if !pending.is_empty() {
            return Err(StoreError::SchemaMismatch(format!("{} migrations are pending", pending.len())));
        }
        Ok(store)
    }

    async fn connect(settings: &StoreSettings) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(&settings.url)?.application_name("millwright");
        let of_ledger = (settings.max_connections / 3).clamp(1, LEDGER_CONNECTIONS);
        let ledger = LedgerConnections::new(options.clone(), of_ledger, settings.acquire_timeout);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections.saturating_sub(of_ledger).max(1))
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TEST_AFTER_IDLE {
                        return Ok(connection.ping().await.is_ok());
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, ledger: Arc::new(ledger), begins: TaskTracker::new() })
    }

    async fn refuse_unsafe_role(&self) -> Result<(), StoreError> {
        let (role, superuser, bypasses, owner): (String, bool, bool, bool) = sqlx::query_as(
            "SELECT rolname::text, \
             EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER')), \
             EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolbypassrls AND pg_has_role(current_user, r.oid, 'MEMBER')), \
             EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE n.nspname = 'millwright' AND pg_has_role(current_user, c.relowner, 'MEMBER')) \
             FROM pg_roles WHERE rolname = current_user",
        )
        .fetch_one(&self.pool)
        .await?;
        let reason = if superuser {
            "it is a superuser or can become one, and a superuser ignores row-level security"
        } else if bypasses {
            "it or a role that it can take bypasses row-level security"
        } else if owner {
            "it owns the tables and could change their policies"
        } else {
            return Ok(());
        };
        Err(StoreError::UnsafeRole { role, reason })
    }

    /// The store as one tenant sees it.
    pub fn tenant(&self, scope: &TenantScope) -> TenantStore<'_> {
        TenantStore { store: self, scope: *scope }
    }

    /// Opens a transaction for work that belongs to no tenant.
    pub async fn system(&self) -> Result<SystemTx, StoreError> {
        let tx = self.begin("BEGIN; SET LOCAL ROLE millwright_system".to_owned()).await?;
        Ok(SystemTx::new(tx))
    }

    /// The same, reading one unchanging snapshot: for verification, which must not see half of a sealer's work.
    pub async fn system_snapshot(&self) -> Result<SystemTx, StoreError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL ROLE millwright_system";
        Ok(SystemTx::new(self.begin(begin.to_owned()).await?))
    }

    /// Opens a transaction, to its end also when whoever asks hangs up meanwhile: a BEGIN that was sent and not waited for
    /// would go back to the pool as a connection inside of somebody else's transaction, of which sqlx knows nothing.
    async fn begin(&self, statement: String) -> Result<Transaction<'static, Postgres>, StoreError> {
        let pool = self.pool.clone();
        let begun = self.begins.spawn(async move { pool.begin_with(AssertSqlSafe(statement)).await });
        // The task ends early only with the runtime.
        Ok(begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
    }

    /// One trip to the database and back.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Connections open and connections idle at the moment.
    pub fn pool_state(&self) -> (u32, usize) {
        let (open, idle) = self.ledger.state();
        (self.pool.size() + open, self.pool.num_idle() + idle)
    }

    /// Closes all connections and waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
        self.ledger.close().await;
    }
}

/// Opens transactions of one tenant.
#[derive(Debug)]
pub struct TenantStore<'s> {
    store: &'s Store,
    scope: TenantScope,
}

impl TenantStore<'_> {
    /// Opens a transaction that may write, to be ended by [`TenantTx::commit`]; dropped, it is undone.
    pub async fn begin(&self) -> Result<TenantTx, StoreError> {
        self.open("READ WRITE").await
    }

    /// Opens a transaction in which the database refuses every write; just drop it.
    pub async fn read(&self) -> Result<TenantTx, StoreError> {
        self.open("READ ONLY").await
    }

    /// The same, in which all statements see one unchanging snapshot: what the first has found, the next can read, whatever
    /// others change meanwhile.
    pub async fn snapshot(&self) -> Result<TenantTx, StoreError> {
        self.open("ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    pub(crate) fn tenant(&self) -> Uuid {
        self.scope.tenant_id().uuid()
    }

    /// A connection for statements that are transactions of their own and take the tenant's role themselves.
    pub(crate) async fn borrow_ledger(&self) -> Result<Borrowed<'_>, StoreError> {
        self.store.ledger.borrow().await
    }

    async fn open(&self, mode: &'static str) -> Result<TenantTx, StoreError> {
        // A UUID has only hexadecimal digits and hyphens, so it can stand in the statement; a bound
        // parameter would cost a second trip. `relaxed_order`: a filtered vector query goes on until it has
        // enough rows instead of silently returning fewer.
        let begin = format!(
            "BEGIN {mode}; SET LOCAL ROLE millwright_tenant; SET LOCAL millwright.tenant_id = '{}'; \
             SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.ef_search = 300; \
             SET LOCAL hnsw.max_scan_tuples = 40000",
            self.tenant()
        );
        let tx = self.store.begin(begin).await?;
        Ok(TenantTx::new(tx, self.scope))
    }
}
