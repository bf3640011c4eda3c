use std::time::Duration;

use chrono::{DateTime, Utc};
use millwright_core::{
    audit::AuditRecord,
    id::{BudgetId, ReservationId},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    audit::bind_records,
    text_enum,
    usage::{NewUsage, bind_calls},
};
use crate::{StoreError, TenantStore, tenant_tx::TenantConnection};

text_enum! {
    /// How much of a budget is spent.
    BudgetLevel {
        /// 80 % of the limit.
        Warning = "warning",
        /// 95 % of the limit.
        Critical = "critical",
    }
}

/// What running calls hold of budgets, and what they spent. The decisions of a batch are made by the database in one
/// statement (`ledger_reserve` and `ledger_settle` in the migrations).
pub struct BudgetLedger<'t>(pub(crate) TenantConnection<'t>);

/// One subject's share of a budget in one period. Their order is the order in which rows are locked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodKey {
    /// Of which budget.
    pub budget: BudgetId,
    /// The subject's id as it is shown; empty for the tenant.
    pub subject: String,
    /// When the period began.
    pub start: DateTime<Utc>,
}

/// A claim's wish on one of a batch's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRow {
    /// Which claim, from 0.
    pub claim: usize,
    /// Which row, from 0.
    pub row: usize,
    /// Tokens or millionths.
    pub amount: i64,
}

/// A claim that was refused, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedClaim {
    /// Which claim, from 0.
    pub claim: usize,
    /// The first of its rows that has no room, from 0.
    pub row: usize,
    /// Spent and held there when the claim was decided.
    pub used: i64,
    /// The limit then.
    pub limit: i64,
}

/// A level that was crossed just now; its notification is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetAlert {
    /// Of which budget.
    pub budget: BudgetId,
    /// For which subject; empty for the tenant.
    pub subject: String,
    /// Which level.
    pub level: BudgetLevel,
    /// What was spent by then.
    pub spent: i64,
}

fn number(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}

fn index(number: i32) -> usize {
    usize::try_from(number - 1).unwrap_or_default()
}

type Columns<'k> = (Vec<Uuid>, Vec<&'k str>, Vec<DateTime<Utc>>);

fn columns<'k>(keys: impl Iterator<Item = &'k PeriodKey> + Clone) -> Columns<'k> {
    (
        keys.clone().map(|key| key.budget.uuid()).collect(),
        keys.clone().map(|key| key.subject.as_str()).collect(),
        keys.map(|key| key.start).collect(),
    )
}

/// A call that ended, and the entry in the audit log that proves it.
#[derive(Debug, Clone)]
pub struct EndedCall {
    /// What was used.
    pub usage: NewUsage,
    /// Its proof.
    pub proof: AuditRecord,
}

impl TenantStore<'_> {
    /// [`BudgetLedger::reserve`] as a transaction of its own, in one trip. It does not wait for the disk.
    pub async fn reserve_budgets(
        &self,
        rows: &[PeriodKey],
        claims: &[ReservationId],
        holds: &[HoldRow],
        lease: Duration,
    ) -> Result<Vec<RefusedClaim>, StoreError> {
        let mut borrowed = self.borrow_ledger().await?;
        let refused = self.ledger(borrowed.connection()).reserve(rows, claims, holds, lease).await;
        borrowed.give_back(refused)
    }

    /// [`BudgetLedger::settle`] as a transaction of its own, in one trip. Everything is on disk when this returns.
    pub async fn settle_budgets(
        &self,
        calls: &[EndedCall],
        reservations: &[ReservationId],
        spent: &[(PeriodKey, i64)],
        now: DateTime<Utc>,
    ) -> Result<Vec<BudgetAlert>, StoreError> {
        let mut borrowed = self.borrow_ledger().await?;
        let alerts = self.ledger(borrowed.connection()).settle(calls, reservations, spent, now).await;
        borrowed.give_back(alerts)
    }

    fn ledger<'c>(&self, connection: &'c mut PgConnection) -> BudgetLedger<'c> {
        BudgetLedger(TenantConnection { connection, tenant: self.tenant() })
    }
}

impl BudgetLedger<'_> {
    /// Decides claims in their order, each as a whole, and holds what is granted for as long as the lease. `rows` are
    /// sorted and distinct, `holds` sorted by claim. Returns the refusals; every other claim is granted. The
    /// transaction's commit does not wait for the disk.
    pub async fn reserve(
        &mut self,
        rows: &[PeriodKey],
        claims: &[ReservationId],
        holds: &[HoldRow],
        lease: Duration,
    ) -> Result<Vec<RefusedClaim>, StoreError> {
        let (budgets, subjects, starts) = columns(rows.iter());
        let refused: Vec<(i32, i32, i64, i64)> = sqlx::query_as(
            "SELECT claim, refused_row, used, of_limit \
             FROM ledger_reserve($1, make_interval(secs => $2), $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.0.tenant)
        .bind(lease.as_secs_f64())
        .bind(budgets)
        .bind(subjects)
        .bind(starts)
        .bind(claims.iter().map(|id| id.uuid()).collect::<Vec<_>>())
        .bind(holds.iter().map(|hold| number(hold.claim)).collect::<Vec<_>>())
        .bind(holds.iter().map(|hold| number(hold.row)).collect::<Vec<_>>())
        .bind(holds.iter().map(|hold| hold.amount).collect::<Vec<_>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(refused
            .into_iter()
            .map(|(claim, row, used, limit)| RefusedClaim { claim: index(claim), row: index(row), used, limit })
            .collect())
    }

    /// Stores calls with their proofs, gives back what these reservations hold and counts what was spent, also where a
    /// reservation is gone. Returns the levels that were crossed. [`StoreError::Duplicate`] when a call is stored already.
    pub async fn settle(
        &mut self,
        calls: &[EndedCall],
        reservations: &[ReservationId],
        spent: &[(PeriodKey, i64)],
        now: DateTime<Utc>,
    ) -> Result<Vec<BudgetAlert>, StoreError> {
        let (budgets, subjects, starts) = columns(spent.iter().map(|(key, _)| key));
        let query = sqlx::query_as(
            "SELECT budget_id, subject, level, spent FROM ledger_settle($1, $2, $3, $4, $5, $6, $7, \
             $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, \
             $27, $28, $29, $30, $31, $32, $33, $34, $35)",
        );
        let query = query
            .bind(self.0.tenant)
            .bind(now)
            .bind(reservations.iter().map(|id| id.uuid()).collect::<Vec<_>>())
            .bind(budgets)
            .bind(subjects)
            .bind(starts)
            .bind(spent.iter().map(|(_, amount)| *amount).collect::<Vec<_>>());
        let (usage, proofs): (Vec<_>, Vec<_>) = calls.iter().map(|call| (&call.usage, &call.proof)).unzip();
        let query = bind_records(bind_calls(query, &usage), &proofs);
        let alerts: Vec<(Uuid, String, String, i64)> = query.fetch_all(&mut *self.0.connection).await?;
        alerts
            .into_iter()
            .map(|(budget, subject, level, spent)| {
                Ok(BudgetAlert { budget: budget.into(), subject, level: level.try_into()?, spent })
            })
            .collect()
    }

    /// Gives back reservations whose lease ran out and returns how many of these there still were: one that was renewed
    /// or settled since it was listed is left alone.
    pub async fn return_expired(
        &mut self,
        reservations: &[ReservationId],
        now: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let expired: Vec<Uuid> = sqlx::query_scalar(
            "SELECT id FROM budget_reservations WHERE tenant_id = $1 AND id = ANY ($2) AND expires_at < now() \
             FOR UPDATE SKIP LOCKED",
        )
        .bind(self.0.tenant)
        .bind(reservations.iter().map(|id| id.uuid()).collect::<Vec<_>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        let expired: Vec<ReservationId> = expired.into_iter().map(ReservationId::from).collect();
        if !expired.is_empty() {
            self.settle(&[], &expired, &[], now).await?;
        }
        Ok(expired.len())
    }
}
