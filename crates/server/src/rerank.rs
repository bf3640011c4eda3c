//! The reranker of the configuration.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use millwright_agents::{ModelReranker, ModelRerankerParts};
use millwright_audit::AuditKey;
use millwright_config::{Config, RerankConfig, RerankForm as Form, RerankServerConfig};
use millwright_core::{Sources, TenantScope};
use millwright_gateway::{Gateway, HttpReranker, Masking, NotMasked};
use millwright_governance::Governance;
use millwright_llm::{ApiKey, Patience, RerankForm, RerankServer};
use millwright_policy::decision::PolicyFile;
use millwright_retrieval::reranker::Reranker;
use millwright_store::Store;

use crate::models;

/// What policies and logs call a reranker whose model has no name.
const UNNAMED: &str = "reranker";
/// A server on the site answers a connection at once, or not at all.
const MAX_CONNECT: Duration = Duration::from_secs(1);

/// The reranker, where one is configured. Connects to nothing yet.
pub(crate) fn reranker(
    config: &Config,
    policy: &PolicyFile,
    governance: &Governance,
    (gateway, sources, store, key): (&Gateway, &Sources, &Store, &Arc<AuditKey>),
) -> anyhow::Result<Option<Arc<dyn Reranker>>> {
    match &config.rerank {
        None => Ok(None),
        Some(RerankConfig::Server(settings)) => Ok(Some(Arc::new(server(settings, policy, governance)?))),
        Some(RerankConfig::Model { name, timeout }) => {
            let parts = ModelRerankerParts {
                gateway: gateway.clone(),
                governance: governance.clone(),
                store: store.clone(),
                audit_key: Arc::clone(key),
                sources: sources.clone(),
                model: name.clone(),
                within: *timeout,
            };
            let reranker = ModelReranker::new(parts);
            let reranker =
                reranker.with_context(|| format!("`RERANK_MODEL`: no chat model `{name}` in `models.yaml`"))?;
            Ok(Some(Arc::new(reranker)))
        }
    }
}

fn server(settings: &RerankServerConfig, policy: &PolicyFile, governance: &Governance) -> anyhow::Result<HttpReranker> {
    let form = match settings.form {
        Form::Tei => RerankForm::Tei,
        Form::Jina => RerankForm::Jina,
        Form::Cohere => RerankForm::Cohere,
    };
    let total = settings.timeout;
    let patience = Patience { connect: total.min(MAX_CONNECT), first_token: total, idle: total, total };
    let key = settings.api_key.as_ref().map(|key| ApiKey::new(key.expose().to_owned()));
    let server = RerankServer::new(form, &settings.url, settings.model.clone(), key, patience)?;
    let remedy = "an operator can let the reranker see more (`RERANK_MAX_CLASSIFICATION`, `RERANK_EXPORT_CONTROLLED`)";
    let name = settings.model.as_deref().unwrap_or(UNNAMED);
    let sink = models::sink_at(name, "RERANK_URL", (settings.takes, settings.on_site), policy, remedy);
    Ok(HttpReranker::new(server, sink, Arc::new(ByTenant(governance.clone()))))
}

/// By each tenant's own settings.
#[derive(Debug)]
pub(crate) struct ByTenant(pub(crate) Governance);

#[async_trait]
impl Masking for ByTenant {
    async fn masked(&self, scope: &TenantScope, texts: Vec<String>) -> Result<Vec<Option<String>>, NotMasked> {
        self.all(scope, texts, false).await
    }

    async fn masked_apart(&self, scope: &TenantScope, texts: Vec<String>) -> Result<Vec<Option<String>>, NotMasked> {
        self.all(scope, texts, true).await
    }
}

impl ByTenant {
    async fn all(
        &self,
        scope: &TenantScope,
        texts: Vec<String>,
        apart: bool,
    ) -> Result<Vec<Option<String>>, NotMasked> {
        let policy = self.0.of(scope).await.map_err(|error| {
            tracing::warn!(%error, tenant.id = %scope.tenant_id(), "nothing is sent to the reranker and the embedding server");
            NotMasked
        })?;
        // Some milliseconds for dozens of passages: not on a thread that others wait for.
        let masked = tokio::task::spawn_blocking(move || policy.without_personal_data(&texts, apart));
        masked.await.map_err(|_| NotMasked)
    }
}
