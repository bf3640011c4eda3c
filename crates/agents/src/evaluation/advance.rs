//! Looks at an evaluation: takes in what has become of its runs, and begins further cases.

use std::time::Duration;

use chrono::TimeDelta;
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    ErrorCode, Permission, Principal, TenantScope,
    id::{EvaluationId, RunId},
};
use millwright_store::{
    Bookkeeping, Proof, TenantTx,
    tenant::{EvaluationCaseStatus as Status, EvaluationRow, EvaluationStatus},
};

use super::{EvaluationError, Evaluations, ask, judged};
use crate::{eval::Case, resume::principal_of};

/// Cases of an evaluation at the same time: people ask beside them.
pub(super) const AT_ONCE: usize = 2;
/// How long after the last run its calls are counted for certain.
const COUNTED_WITHIN: Duration = Duration::from_secs(1);

/// What is to be done after a look.
enum Next {
    Nothing,
    Begin(Box<(Principal, EvaluationRow)>, Vec<(i32, Case)>),
    /// It has ended: its runs are stopped, and another one comes.
    Ended(Vec<RunId>, Option<EvaluationId>),
    /// All was asked, and not all was counted.
    LookLater,
}

/// Looks at an evaluation until nothing more can be begun now. Any process may do this at any time, also several at once.
pub(super) async fn advance(
    evaluations: &Evaluations,
    scope: TenantScope,
    id: EvaluationId,
) -> Result<(), EvaluationError> {
    loop {
        if evaluations.inner().stop.is_cancelled() {
            return Ok(());
        }
        match look(evaluations, scope, id).await? {
            Next::Nothing => return Ok(()),
            Next::Begin(whose, cases) => {
                let (principal, row) = *whose;
                let mut look_again = false;
                for case in cases {
                    look_again |= ask::begin(evaluations, (&principal, &row), case).await?;
                }
                if !look_again {
                    return Ok(());
                }
            }
            Next::Ended(stopped, next) => {
                for run in stopped {
                    evaluations.runner.cancel_now(run);
                }
                if let Some(next) = next {
                    evaluations.look_at(scope, next);
                }
                return Ok(());
            }
            Next::LookLater => tokio::select! {
                () = evaluations.inner().stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(COUNTED_WITHIN) => {}
            },
        }
    }
}

async fn look(evaluations: &Evaluations, scope: TenantScope, id: EvaluationId) -> Result<Next, EvaluationError> {
    let inner = evaluations.inner();
    let mut tx = inner.store.tenant(&scope).begin().await?;
    if tx.evaluations().first_under_way().await? != Some(id) {
        return Ok(Next::Nothing);
    }
    let Some(row) = tx.evaluations().lock(id).await?.filter(|row| !row.status.is_end()) else {
        return Ok(Next::Nothing);
    };
    let of = (row.user_id, row.api_key_id.map(Into::into));
    let principal = principal_of(inner, &mut tx, of).await?;
    let principal = principal.filter(|principal| principal.permissions.contains(Permission::EvaluationsManage));
    let Some(principal) = principal else {
        let why = (ErrorCode::NotAuthorized.as_str(), "whoever started this may not ask any more");
        return end(evaluations, tx, &row, Some(why)).await;
    };
    if row.status == EvaluationStatus::Queued {
        tx.evaluations().set_running(id, inner.sources.now()).await?;
    }
    let reader = tx.labels().reader(row.user_id).await?;
    let (mut pending, mut under_way, mut refused) = (Vec::new(), 0, None);
    for case in tx.evaluations().cases(id).await? {
        match case.status {
            Status::Pending => pending.push((case.number, judged::case_of(&case)?)),
            Status::Running => match judged::take_in(inner, &mut tx, &reader, (id, &case)).await? {
                None => under_way += 1,
                Some(ended) => refused = refused.or(ended.error.filter(|(code, _)| judged::is_of_budget(code))),
            },
            Status::Done | Status::Skipped => {}
        }
    }
    if let Some((code, detail)) = refused {
        return end(evaluations, tx, &row, Some((&code, &detail))).await;
    }
    if pending.is_empty() && under_way == 0 {
        let last = tx.evaluations().last_end(id).await?;
        let counted = |last| inner.sources.now() - last >= TimeDelta::from_std(COUNTED_WITHIN).unwrap_or_default();
        // The built-in answerer is not counted.
        if inner.gateway.catalog().has_chat() && !last.is_none_or(counted) {
            tx.commit(Proof::Bookkeeping(Bookkeeping::EvaluationProgress)).await?;
            return Ok(Next::LookLater);
        }
        return end(evaluations, tx, &row, None).await;
    }
    tx.commit(Proof::Bookkeeping(Bookkeeping::EvaluationProgress)).await?;
    pending.truncate(AT_ONCE.saturating_sub(under_way));
    Ok(if pending.is_empty() { Next::Nothing } else { Next::Begin(Box::new((principal, row)), pending) })
}

/// Stores the end, with its proof.
async fn end(
    evaluations: &Evaluations,
    mut tx: TenantTx,
    row: &EvaluationRow,
    error: Option<(&str, &str)>,
) -> Result<Next, EvaluationError> {
    let (inner, tenant) = (evaluations.inner(), tx.scope().tenant_id());
    let stopped = judged::stop_cases(inner, &mut tx, row.id).await?;
    let (status, action) = match error {
        None => (EvaluationStatus::Finished, AuditAction::EvaluationFinished),
        Some(_) => (EvaluationStatus::Failed, AuditAction::EvaluationFailed),
    };
    judged::finish(inner, &mut tx, row, (status, error)).await?;
    let proof = AuditEvent::new(&inner.sources, tenant, Actor::System("evaluation"), action, row.id)
        .detail("suite", row.suite_id.to_string())
        .trace(&row.trace_id);
    let proof = match error {
        Some((code, _)) => proof.detail("code", code),
        None => proof,
    };
    let next = tx.evaluations().first_under_way().await?;
    evaluations.commit(tx, &[proof]).await?;
    Ok(Next::Ended(stopped, next))
}
