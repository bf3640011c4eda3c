//! Notices questions whose answer was kept from somebody for export control, without telling them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    TenantScope,
    id::{DocumentId, RunId, UserId},
};
use millwright_retrieval::search::SearchRequest;
use millwright_store::{
    Proof,
    tenant::{NewPolicyEvent, PolicyEventKind, Reader},
};

use crate::{AgentError, run::Run, runner::Inner};

/// The documents that were noticed for a run: each is told of once, however often the run searches.
pub(crate) type Noticed = Arc<Mutex<BTreeSet<DocumentId>>>;

/// So many passages are looked at.
const PASSAGES: usize = 3;

/// What was asked, apart from the run, which does not wait.
struct Asked {
    inner: Arc<Inner>,
    scope: TenantScope,
    user: UserId,
    run: RunId,
    trace_id: String,
    noticed: Noticed,
}

/// Looks, beside the run, whether documents that the person is not authorised for would have answered, and tells the
/// compliance role. The answer, its time included, is the same whether there are such documents or not.
pub(crate) fn notice(inner: &Arc<Inner>, (run, noticed): (&Run, &Noticed), reader: &Reader, request: SearchRequest) {
    let Some(kept) = reader.kept_by_export_control() else { return };
    let asked = Asked {
        inner: inner.clone(),
        scope: run.principal.scope,
        user: run.principal.user_id,
        run: run.ids.run_id,
        trace_id: run.trace_id.clone(),
        noticed: Arc::clone(noticed),
    };
    inner.tracker.spawn(async move {
        if let Err(error) = look(&asked, &kept, request).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, run.id = %asked.run, "could not look for what was kept back for export control");
        }
    });
}

async fn look(asked: &Asked, kept: &Reader, request: SearchRequest) -> Result<(), AgentError> {
    let inner = &asked.inner;
    // Nobody asked for this search: it costs nobody anything.
    let request = SearchRequest { limit: PASSAGES, account: None, ..request };
    let found = inner.searcher.search(&asked.scope, kept, request).await?;
    if found.passages.is_empty() || !found.relevance.is_answerable() {
        return Ok(());
    }
    let mut documents: Vec<DocumentId> = found.passages.iter().map(|passage| passage.document_id).collect();
    {
        let mut noticed = asked.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        documents.retain(|document| noticed.insert(*document));
    }
    if documents.is_empty() {
        return Ok(());
    }
    let now = inner.sources.now();
    let (mut events, mut records) = (Vec::new(), Vec::new());
    for document in documents {
        events.push(NewPolicyEvent {
            id: inner.sources.new_id(),
            occurred_at: now,
            kind: PolicyEventKind::ExportBlocked,
            outcome: "block",
            user_id: Some(asked.user),
            run_id: Some(asked.run),
            document_id: Some(document),
            chunk_id: None,
            score: None,
            detail: "a question that this document would answer was asked without its export authorisation".into(),
        });
        let (tenant, actor) = (asked.scope.tenant_id(), Actor::User(asked.user));
        let event = AuditEvent::new(&inner.sources, tenant, actor, AuditAction::DocumentExportBlocked, document)
            .detail("run_id", asked.run.to_string())
            .trace(&asked.trace_id);
        records.push(inner.audit_key.authenticate(&event)?);
    }
    let mut tx = inner.store.tenant(&asked.scope).begin().await?;
    tx.policy_events().insert(&events).await?;
    tx.commit(Proof::Entries(&records)).await?;
    Ok(())
}
