//! What must not compile. Each pair has the same frame: the first shows that the frame is sound, the second differs in
//! the one line that must be refused, so that a renamed type breaks the first and cannot make the second pass.
//!
//! Repositories come from a tenant's transaction, not from the store, the system's transaction or a connection:
//! ```
//! async fn frame(store: &millwright_store::Store, tx: &mut millwright_store::TenantTx) {
//!     let _ = tx.users().count().await;
//! }
//! ```
//! ```compile_fail
//! async fn frame(store: &millwright_store::Store, tx: &mut millwright_store::TenantTx) {
//!     let _ = store.users().count().await;
//! }
//! ```
//! ```
//! fn frame(tx: &mut millwright_store::SystemTx) { let _ = tx.tenants(); }
//! ```
//! ```compile_fail
//! fn frame(tx: &mut millwright_store::SystemTx) { let _ = tx.documents(); }
//! ```
//! ```
//! fn frame(documents: millwright_store::tenant::Documents<'_>, connection: &mut sqlx::PgConnection) {
//!     let _ = documents;
//! }
//! ```
//! ```compile_fail
//! fn frame(documents: millwright_store::tenant::Documents<'_>, connection: &mut sqlx::PgConnection) {
//!     let _ = millwright_store::tenant::Documents(connection);
//! }
//! ```
//!
//! A tenant's transaction comes from a scope, not from an id, a bare transaction or the system's:
//! ```
//! fn frame(store: &millwright_store::Store, scope: millwright_core::TenantScope, id: millwright_core::id::TenantId) {
//!     let _ = store.tenant(&scope);
//! }
//! ```
//! ```compile_fail
//! fn frame(store: &millwright_store::Store, scope: millwright_core::TenantScope, id: millwright_core::id::TenantId) {
//!     let _ = store.tenant(&id);
//! }
//! ```
//! ```compile_fail
//! fn frame(store: &millwright_store::Store, scope: millwright_core::TenantScope, id: millwright_core::id::TenantId) {
//!     let _ = millwright_core::TenantScope::from(id);
//! }
//! ```
//! ```
//! fn frame(scope: millwright_core::TenantScope, tx: sqlx::Transaction<'static, sqlx::Postgres>) {
//!     let _: Option<millwright_store::TenantTx> = None;
//! }
//! ```
//! ```compile_fail
//! fn frame(scope: millwright_core::TenantScope, tx: sqlx::Transaction<'static, sqlx::Postgres>) {
//!     let _: Option<millwright_store::TenantTx> = Some(millwright_store::TenantTx::new(tx, scope));
//! }
//! ```
//! ```
//! fn frame(tx: millwright_store::SystemTx) -> millwright_store::SystemTx { tx.into() }
//! ```
//! ```compile_fail
//! fn frame(tx: millwright_store::SystemTx) -> millwright_store::TenantTx { tx.into() }
//! ```
//!
//! Nobody gets at the pool or the connection:
//! ```
//! fn frame(store: &millwright_store::Store) { let _ = store.pool_state(); }
//! ```
//! ```compile_fail
//! fn frame(store: &millwright_store::Store) { let _ = &store.pool; }
//! ```
//! ```
//! async fn frame(mut tx: millwright_store::TenantTx, connection: &mut sqlx::PgConnection) {
//!     let _ = sqlx::query("SELECT 1").execute(connection).await;
//! }
//! ```
//! ```compile_fail
//! async fn frame(mut tx: millwright_store::TenantTx, connection: &mut sqlx::PgConnection) {
//!     let _ = sqlx::query("SELECT 1").execute(&mut *tx).await;
//! }
//! ```
//!
//! A commit takes its proof:
//! ```
//! async fn frame(tx: millwright_store::TenantTx, proof: millwright_store::Proof<'_>) { let _ = tx.commit(proof).await; }
//! ```
//! ```compile_fail
//! async fn frame(tx: millwright_store::TenantTx, proof: millwright_store::Proof<'_>) { let _ = tx.commit().await; }
//! ```
