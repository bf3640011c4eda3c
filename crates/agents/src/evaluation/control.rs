//! What a person does with an evaluation that there is.

use millwright_audit::AuditAction;
use millwright_core::{
    Principal,
    id::{EvaluationId, EvaluationSuiteId},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{EvaluationRow, EvaluationStatus},
};

use super::{EvaluationError, Evaluations, judged};

impl Evaluations {
    /// Stops an evaluation with what is under way for it. What was judged stays.
    ///
    /// # Errors
    /// When there is none, or it has ended already.
    pub async fn cancel(&self, principal: &Principal, id: EvaluationId, trace_id: &str) -> Result<(), EvaluationError> {
        let (mut tx, row) = self.held(principal, id).await?;
        if row.status.is_end() {
            return Err(EvaluationError::State("the evaluation has ended already"));
        }
        let inner = self.inner();
        let stopped = judged::stop_cases(inner, &mut tx, id).await?;
        judged::finish(inner, &mut tx, &row, (EvaluationStatus::Cancelled, None)).await?;
        let proof = self.proof(principal, AuditAction::EvaluationCancelled, id, trace_id);
        let next = tx.evaluations().first_under_way().await?;
        self.commit(tx, &[proof]).await?;
        for run in stopped {
            self.runner.cancel_now(run);
        }
        if let Some(next) = next {
            self.look_at(principal.scope, next);
        }
        Ok(())
    }

    /// Deletes an evaluation that has ended, with its conversations.
    ///
    /// # Errors
    /// When there is none, or it has not ended.
    pub async fn delete(&self, principal: &Principal, id: EvaluationId, trace_id: &str) -> Result<(), EvaluationError> {
        let (mut tx, row) = self.held(principal, id).await?;
        if !row.status.is_end() {
            return Err(EvaluationError::State("only an evaluation that has ended can be deleted: stop it first"));
        }
        tx.evaluations().delete(id, self.inner().sources.now()).await?;
        let proof = self.proof(principal, AuditAction::EvaluationDeleted, id, trace_id);
        self.commit(tx, &[proof.detail("suite", row.suite_id.to_string())]).await
    }

    /// Takes a suite away with its evaluations, in the caller's transaction; how many there were.
    ///
    /// # Errors
    /// When there is none, or one of its evaluations has not ended.
    pub async fn delete_suite(
        &self,
        tx: &mut TenantTx,
        principal: &Principal,
        id: EvaluationSuiteId,
    ) -> Result<u64, EvaluationError> {
        let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
        tx.evaluations().hold_suite(id, most).await?;
        if tx.evaluations().count_under_way(Some(id)).await? > 0 {
            return Err(EvaluationError::State("one of its evaluations is under way: stop it first"));
        }
        Ok(tx.evaluations().delete_suite(id, self.inner().sources.now()).await?)
    }

    /// A transaction that holds an evaluation which the person may see.
    async fn held(
        &self,
        principal: &Principal,
        id: EvaluationId,
    ) -> Result<(TenantTx, EvaluationRow), EvaluationError> {
        let mut tx = self.inner().store.tenant(&principal.scope).begin().await?;
        let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
        tx.evaluations().require(id, most).await?;
        let row = tx.evaluations().lock(id).await?.ok_or(StoreError::NotFound("evaluation"))?;
        Ok((tx, row))
    }
}
