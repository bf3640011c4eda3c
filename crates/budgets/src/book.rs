//! Which budgets each tenant has, remembered for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use millwright_core::TenantScope;
use millwright_store::{
    Store, StoreError,
    tenant::{BudgetRow, BudgetUnit, PeriodKey},
};

use crate::{
    calendar,
    claim::{Claim, amount},
};

/// A new budget holds everywhere within this time.
const REMEMBERED: Duration = Duration::from_millis(500);
/// So many tenants are remembered; more are read again when they come.
const MOST_TENANTS: usize = 1_000;

/// The budgets of a tenant.
pub(crate) type Definitions = Arc<[Arc<BudgetRow>]>;

/// A call's place in one budget.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) key: PeriodKey,
    /// What is asked for; 0 where the call is expected to cost nothing.
    pub(crate) amount: i64,
    pub(crate) budget: Arc<BudgetRow>,
}

#[derive(Default)]
struct Page {
    known: Mutex<Option<(Definitions, Instant)>>,
    /// One look at a time: the others wait for its answer.
    looking: tokio::sync::Mutex<()>,
}

impl Page {
    fn fresh(&self) -> Option<Definitions> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(_, at)| at.elapsed() < REMEMBERED).map(|(definitions, _)| Arc::clone(definitions))
    }
}

pub(crate) struct Book {
    store: Store,
    pages: Mutex<HashMap<TenantScope, Arc<Page>>>,
}

impl Book {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, pages: Mutex::default() }
    }

    fn page(&self, scope: &TenantScope) -> Arc<Page> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= MOST_TENANTS && !pages.contains_key(scope) {
            pages.clear();
        }
        Arc::clone(pages.entry(*scope).or_default())
    }

    /// The tenant's budgets, at most half a second old.
    pub(crate) async fn of(&self, scope: &TenantScope) -> Result<Definitions, StoreError> {
        let page = self.page(scope);
        if let Some(definitions) = page.fresh() {
            return Ok(definitions);
        }
        let _looking = page.looking.lock().await;
        if let Some(definitions) = page.fresh() {
            return Ok(definitions);
        }
        let asked_at = Instant::now();
        let rows = self.store.tenant(scope).read().await?.budgets().all().await?;
        let definitions: Definitions = rows.into_iter().map(Arc::new).collect();
        let mut known = page.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Arc::clone(&definitions), asked_at));
        Ok(definitions)
    }

    /// Looks anew at the next question: this process has just changed something.
    pub(crate) fn forget(&self, scope: &TenantScope) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}

/// The places of a claim in the budgets that bind it, in the order in which rows are locked.
pub(crate) fn holds(definitions: &[Arc<BudgetRow>], claim: &Claim, now: DateTime<Utc>) -> Vec<Hold> {
    let subjects = claim.subjects.all();
    let mut holds: Vec<Hold> = definitions
        .iter()
        .filter_map(|budget| {
            let (_, subject) = subjects.iter().find(|(kind, _)| *kind == budget.subject_kind)?;
            if budget.subject_id.as_ref().is_some_and(|only| only != subject) {
                return None;
            }
            let start = calendar::start_of(budget.period, now);
            let amount = match budget.unit {
                BudgetUnit::Tokens => amount(claim.tokens.max(1)),
                BudgetUnit::Money => amount(claim.cost_micros),
            };
            let key = PeriodKey { budget: budget.id, subject: subject.clone(), start };
            Some(Hold { key, amount, budget: Arc::clone(budget) })
        })
        .collect();
    holds.sort_by(|a, b| a.key.cmp(&b.key));
    holds
}
