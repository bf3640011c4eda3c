use std::{sync::Arc, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Credential, Principal, TenantScope,
    id::{EvaluationId, EvaluationSuiteId},
};
use millwright_store::{
    Proof, StoreError, TenantTx,
    tenant::{EvaluationRow, NewEvaluation},
};
use tokio_util::sync::CancellationToken;

use super::{EvaluationError, advance};
use crate::{
    Runner,
    eval::WrittenSuite,
    runner::Inner,
    specialist::{Roster, Specialist, shipped_as},
};

/// Evaluations of a tenant that have not ended.
pub const MOST_UNDER_WAY: i64 = 10;
/// So many evaluations are looked at in a round.
const ROUND: i64 = 50;
/// How often a process looks for evaluations that nobody has looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Who is to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentChoice {
    /// Its name; `None` for whom the words of each question are for.
    pub name: Option<String>,
    /// One of the tenant's versions; `None` for the one that holds.
    pub version: Option<i32>,
}

/// What is to be asked, and whom.
#[derive(Debug, Clone)]
pub struct StartEvaluations {
    /// The suite.
    pub suite: EvaluationSuiteId,
    /// One evaluation for each; the second is to be held against the first.
    pub agents: Vec<AgentChoice>,
    /// What the client names its request.
    pub request_key: Option<String>,
    /// The request, for the audit log.
    pub trace_id: String,
}

/// Has suites asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluations {
    pub(super) runner: Runner,
}

/// Who answers, as it holds for all of an evaluation.
struct Chosen {
    name: Option<String>,
    version: Option<i32>,
    digest: Option<String>,
}

impl Evaluations {
    pub(crate) fn new(runner: Runner) -> Self {
        Self { runner }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.runner.0
    }

    /// Looks at evaluations until `stop`: at what other processes have left, within some seconds.
    pub async fn run(&self, stop: CancellationToken) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "no evaluations were looked at");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let mut tx = self.inner().store.system().await?;
        let due = tx.evaluations().claim(ROUND).await?;
        tx.commit().await?;
        for due in due {
            self.look_at(due.scope, due.id);
        }
        Ok(())
    }

    /// In the background: one tenant does not wait for another.
    pub(super) fn look_at(&self, scope: TenantScope, id: EvaluationId) {
        let evaluations = self.clone();
        self.inner().tracker.spawn(async move {
            if let Err(error) = advance::advance(&evaluations, scope, id).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, evaluation.id = %id, "an evaluation could not be looked at yet");
            }
        });
    }

    /// Stores an evaluation for each agent, and begins to ask. A repetition of the client's request starts nothing, and has what the
    /// first has started.
    ///
    /// # Errors
    /// When there is no such suite or agent, too many are under way, or the database fails. Nothing is stored then.
    pub async fn start(
        &self,
        principal: &Principal,
        request: StartEvaluations,
    ) -> Result<Vec<EvaluationId>, EvaluationError> {
        if let Some(started) = self.started_before(principal, &request).await? {
            return Ok(started);
        }
        let inner = self.inner();
        let roster = inner.specialists.of(&principal.scope).await?;
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        let mut chosen = Vec::new();
        for agent in &request.agents {
            chosen.push(choose(&roster, &mut tx, agent).await?);
        }
        let most = tx.labels().reader(principal.user_id).await?.clearance().classification;
        let suite = tx.evaluations().hold_suite(request.suite, most).await?;
        let wanted = i64::try_from(chosen.len()).unwrap_or(i64::MAX);
        if tx.evaluations().count_under_way(None).await? + wanted > MOST_UNDER_WAY {
            return Err(EvaluationError::TooMany);
        }
        let written = WrittenSuite::read(&suite.definition).map_err(EvaluationError::Suite)?;
        let cases: Result<Vec<_>, _> = written.cases.iter().map(serde_json::to_value).collect();
        let cases = cases.map_err(|_| StoreError::UnknownValue("evaluation_suites.definition"))?;
        let (mut started, mut proofs) = (Vec::new(), Vec::new());
        for (place, agent) in (0..).zip(chosen) {
            let id = inner.sources.new_id::<EvaluationId>();
            let proof = self.proof(principal, AuditAction::EvaluationStarted, id, &request.trace_id);
            let proof = proof.detail("suite", suite.id.to_string()).detail("cases", suite.cases);
            proofs.push(match (&agent.name, &agent.digest) {
                (Some(name), Some(digest)) => {
                    proof.detail("agent", name.clone()).detail("agent_sha256", digest.clone())
                }
                _ => proof,
            });
            let evaluation = NewEvaluation {
                id,
                suite_id: suite.id,
                user_id: principal.user_id,
                api_key_id: match principal.credential {
                    Credential::ApiKey(key) => Some(key),
                    Credential::Session(_) | Credential::Token => None,
                },
                agent_name: agent.name,
                agent_version: agent.version,
                agent_digest: agent.digest,
                compared_with: started.first().copied(),
                classification: suite.classification,
                request_key: request.request_key.clone(),
                place,
                trace_id: request.trace_id.clone(),
                created_at: inner.sources.now(),
            };
            match tx.evaluations().insert(&evaluation, &cases).await {
                // The same request came twice at once.
                Err(StoreError::Duplicate(_)) => {
                    drop(tx);
                    return self.started_before(principal, &request).await?.ok_or(EvaluationError::KeyReused);
                }
                other => other?,
            }
            started.push(id);
        }
        self.commit(tx, &proofs).await?;
        if let Some(first) = started.first() {
            self.look_at(principal.scope, *first);
        }
        Ok(started)
    }

    /// What this request has started before; `None` where it is the first of its kind.
    async fn started_before(
        &self,
        principal: &Principal,
        request: &StartEvaluations,
    ) -> Result<Option<Vec<EvaluationId>>, EvaluationError> {
        let Some(key) = &request.request_key else { return Ok(None) };
        let mut tx = self.inner().store.tenant(&principal.scope).read().await?;
        let known = tx.evaluations().of_request(principal.user_id, key).await?;
        if known.is_empty() {
            return Ok(None);
        }
        let is_it = |(row, agent): (&EvaluationRow, &AgentChoice)| {
            let same_version = agent.version.is_none_or(|version| row.agent_version == Some(version));
            row.suite_id == request.suite && row.agent_name == agent.name && same_version
        };
        let is_same = known.len() == request.agents.len() && known.iter().zip(&request.agents).all(is_it);
        if is_same { Ok(Some(known.iter().map(|row| row.id).collect())) } else { Err(EvaluationError::KeyReused) }
    }

    pub(super) fn proof(
        &self,
        principal: &Principal,
        action: AuditAction,
        id: EvaluationId,
        trace_id: &str,
    ) -> AuditEvent {
        let (sources, actor) = (&self.inner().sources, Actor::User(principal.user_id));
        let proof = AuditEvent::new(sources, principal.tenant_id(), actor, action, id).trace(trace_id);
        match principal.credential {
            Credential::ApiKey(key) => proof.detail("api_key", key.to_string()),
            Credential::Session(_) | Credential::Token => proof,
        }
    }

    pub(super) async fn commit(&self, tx: TenantTx, proofs: &[AuditEvent]) -> Result<(), EvaluationError> {
        let records: Result<Vec<_>, _> =
            proofs.iter().map(|proof| self.inner().audit_key.authenticate(proof)).collect();
        Ok(tx.commit(Proof::Entries(&records?)).await?)
    }
}

/// The agent that is meant, as it is now.
async fn choose(roster: &Roster, tx: &mut TenantTx, agent: &AgentChoice) -> Result<Chosen, EvaluationError> {
    let Some(name) = &agent.name else { return Ok(Chosen { name: None, version: None, digest: None }) };
    let unknown = || EvaluationError::UnknownAgent(name.clone());
    let (version, digest) = match agent.version {
        None => {
            let agent = roster.get(name).ok_or_else(unknown)?;
            (agent.version, agent.digest())
        }
        Some(number) => match tx.agents().require_version(name, number).await {
            Ok(row) => {
                let read = Specialist::read(&row.definition, Some(number)).map_err(|_| unknown())?;
                (Some(number), read.digest())
            }
            Err(StoreError::NotFound(_)) => return Err(unknown()),
            Err(error) => return Err(error.into()),
        },
    };
    if version.is_none() && shipped_as(name).is_none() {
        return Err(unknown());
    }
    Ok(Chosen { name: Some(name.clone()), version, digest: Some(digest) })
}
