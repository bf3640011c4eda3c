use std::time::Duration;

use millwright_core::{
    TenantScope,
    id::{ReservationId, TenantId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::StoreError;

/// What calls hold of budgets, in all tenants: only how long.
pub struct LeasedReservations<'t>(pub(crate) &'t mut PgConnection);

/// Reservations of one tenant that nobody has renewed for their lease.
#[derive(Debug, Clone)]
pub struct ExpiredReservations {
    /// Whose they are.
    pub scope: TenantScope,
    /// Which ones.
    pub ids: Vec<ReservationId>,
}

impl LeasedReservations<'_> {
    /// Renews reservations of any tenants in one trip. Those that are being settled at the moment are left alone.
    pub async fn renew(&mut self, held: &[(TenantId, ReservationId)], lease: Duration) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE budget_reservations r SET expires_at = now() + make_interval(secs => $3) \
             FROM (SELECT b.tenant_id, b.id FROM budget_reservations b \
                   JOIN unnest($1::uuid[], $2::uuid[]) AS h (tenant_id, id) ON b.tenant_id = h.tenant_id AND b.id = h.id \
                   FOR UPDATE OF b SKIP LOCKED) alive \
             WHERE r.tenant_id = alive.tenant_id AND r.id = alive.id",
        )
        .bind(held.iter().map(|(tenant, _)| tenant.uuid()).collect::<Vec<_>>())
        .bind(held.iter().map(|(_, id)| id.uuid()).collect::<Vec<_>>())
        .bind(lease.as_secs_f64())
        .execute(&mut *self.0)
        .await?;
        Ok(done.rows_affected())
    }

    /// Up to `limit` reservations whose lease ran out, by tenant.
    pub async fn list_expired(&mut self, limit: i64) -> Result<Vec<ExpiredReservations>, StoreError> {
        let rows: Vec<(Uuid, Vec<Uuid>)> = sqlx::query_as(
            "SELECT tenant_id, array_agg(id) FROM ( \
                 SELECT tenant_id, id FROM budget_reservations WHERE expires_at < now() ORDER BY expires_at LIMIT $1 \
             ) expired GROUP BY tenant_id",
        )
        .bind(limit)
        .fetch_all(&mut *self.0)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(tenant, ids)| ExpiredReservations {
                scope: scope_of(tenant),
                ids: ids.into_iter().map(ReservationId::from).collect(),
            })
            .collect())
    }
}
