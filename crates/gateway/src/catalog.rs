//! The models of an installation and where they run.

use std::sync::Arc;

use millwright_core::{Classification, Clearance};
use millwright_llm::{
    LlmError, Tier,
    provider::{Completion, DeltaStream, Embeddings, ModelRequest, ProviderKind},
};
use millwright_policy::labels::{Released, Sink};
use serde::Serialize;

use crate::{
    EndpointState, Price,
    endpoint::{Endpoint, EndpointSettings},
};

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Answers.
    Chat,
    /// Makes vectors.
    Embedding,
}

/// What a model can do beside answering in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of `models.yaml`, and none excludes another")]
pub struct Capabilities {
    /// Asks for tools to be called.
    pub tools: bool,
    /// Answers in JSON of a schema.
    pub json_schema: bool,
    /// Looks at pictures.
    pub images: bool,
    /// Tells how sure it was of each token.
    pub logprobs: bool,
}

/// A model as `models.yaml` describes it.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// What people and clients call it.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// Which tiers it answers, none for embeddings.
    pub tiers: Vec<Tier>,
    /// Prompt and answer together, tokens.
    pub context_tokens: u64,
    /// The longest answer, tokens.
    pub max_output_tokens: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What it costs.
    pub price: Price,
    /// Where it runs.
    pub places: Vec<Place>,
}

/// A place where a model runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The endpoint's name.
    pub endpoint: String,
    /// The model's name there.
    pub model: String,
    /// The most that it may be given there. Its name is of this place alone.
    pub sink: Sink,
}

/// Where to go when a tier has no model left that could answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefer {
    /// To stronger ones.
    #[default]
    Up,
    /// To stronger ones, then to weaker ones: an answer rather than none.
    Down,
    /// Nowhere.
    Refuse,
}

/// A model on its endpoints.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) settings: ModelSettings,
    pub(crate) targets: Vec<Target>,
}

/// A model on one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: Arc<Endpoint>,
    /// Its name there.
    model: String,
    pub(crate) sink: Sink,
}

impl Target {
    /// Its kind of server, its name there, and the digest of its weights where the server tells.
    pub(crate) async fn identity(&self) -> Result<String, LlmError> {
        let digest = self.endpoint.model_digest(&self.model).await?.unwrap_or_default();
        Ok(format!("{}\0{}\0{digest}", self.endpoint.provider_kind(), self.model))
    }

    pub(crate) async fn stream(&self, request: Released<&ModelRequest>) -> Result<DeltaStream, LlmError> {
        let request = request.for_sink(&self.sink).ok_or(LlmError::NotReleased)?;
        self.endpoint.provider().stream(&self.model, request).await
    }

    pub(crate) async fn complete(&self, request: Released<&ModelRequest>) -> Result<Completion, LlmError> {
        let request = request.for_sink(&self.sink).ok_or(LlmError::NotReleased)?;
        self.endpoint.provider().complete(&self.model, request).await
    }

    pub(crate) async fn embed(&self, texts: Released<&[String]>) -> Result<Embeddings, LlmError> {
        let texts = texts.for_sink(&self.sink).ok_or(LlmError::NotReleased)?;
        self.endpoint.provider().embed(&self.model, texts).await
    }
}

/// All models. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub(crate) models: Vec<Arc<Model>>,
    endpoints: Vec<Arc<Endpoint>>,
    pub(crate) prefer: Prefer,
    currency: String,
}

/// A model that names an endpoint which is not there.
#[derive(Debug, thiserror::Error)]
#[error("model `{model}` names the endpoint `{endpoint}`, which does not exist")]
pub struct UnknownEndpoint {
    model: String,
    endpoint: String,
}

/// A model that an endpoint should have.
#[derive(Debug)]
pub struct ExpectedModel {
    /// What people and clients call it.
    pub name: String,
    /// What it is called there.
    pub there: String,
    /// The most that it is given there.
    pub takes: Clearance,
}

/// What an endpoint said about its models.
#[derive(Debug)]
pub struct EndpointFinding {
    /// Which endpoint.
    pub endpoint: String,
    /// Its kind.
    pub kind: ProviderKind,
    /// The models of the catalogue that it should have.
    pub expected: Vec<ExpectedModel>,
    /// What it has.
    pub found: Result<Vec<String>, LlmError>,
}

impl Catalog {
    /// Puts models on their endpoints. Connects to nothing yet.
    ///
    /// # Errors
    /// When a model names an endpoint that is not there.
    pub fn new(
        endpoints: Vec<EndpointSettings>,
        models: Vec<ModelSettings>,
        prefer: Prefer,
        currency: String,
    ) -> Result<Self, UnknownEndpoint> {
        let endpoints: Vec<_> = endpoints.into_iter().map(|settings| Arc::new(Endpoint::new(settings))).collect();
        let target = |model: &str, place: &Place| {
            let found = endpoints.iter().find(|known| known.name == place.endpoint);
            let missing = || UnknownEndpoint { model: model.to_owned(), endpoint: place.endpoint.clone() };
            let endpoint = Arc::clone(found.ok_or_else(missing)?);
            Ok(Target { endpoint, model: place.model.clone(), sink: place.sink.clone() })
        };
        let models = models.into_iter().map(|settings| {
            let targets = settings.places.iter().map(|place| target(&settings.name, place));
            Ok(Arc::new(Model { targets: targets.collect::<Result<_, _>>()?, settings }))
        });
        let models = models.collect::<Result<_, _>>()?;
        Ok(Self { models, endpoints, prefer, currency })
    }

    /// Whether there is any language model.
    pub fn has_chat(&self) -> bool {
        self.models.iter().any(|model| model.settings.kind == ModelKind::Chat)
    }

    /// The currency of all prices, for instance `EUR`.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Where requests go when a tier has no answer.
    pub fn prefer(&self) -> Prefer {
        self.prefer
    }

    /// All models as they were described.
    pub fn models(&self) -> impl Iterator<Item = &ModelSettings> {
        self.models.iter().map(|model| &model.settings)
    }

    /// All endpoints as they are now.
    pub fn endpoints(&self) -> Vec<EndpointState> {
        let states = self.endpoints.iter().map(|endpoint| {
            let sinks = || self.targets_of(endpoint).map(|target| &target.sink);
            let most = sinks().map(|sink| sink.takes.classification).max().unwrap_or(Classification::Public);
            endpoint.state(sinks().any(|sink| sink.leaves_site), most)
        });
        states.collect()
    }

    fn expected_of(&self, endpoint: &Arc<Endpoint>) -> Vec<ExpectedModel> {
        let targets = self.models.iter().flat_map(|model| model.targets.iter().map(move |target| (model, target)));
        let here = targets.filter(|(_, target)| Arc::ptr_eq(&target.endpoint, endpoint));
        let expected = here.map(|(model, target)| ExpectedModel {
            name: model.settings.name.clone(),
            there: target.model.clone(),
            takes: target.sink.takes.clone(),
        });
        expected.collect()
    }

    fn targets_of(&self, endpoint: &Arc<Endpoint>) -> impl Iterator<Item = &Target> {
        let targets = self.models.iter().flat_map(|model| &model.targets);
        targets.filter(move |target| Arc::ptr_eq(&target.endpoint, endpoint))
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Arc<Model>> {
        self.models.iter().find(|model| model.settings.name == name)
    }

    /// The digest of the weights that a model has at an endpoint, where that kind of server tells; at most a minute old.
    pub async fn weights(&self, model: &str, endpoint: &str) -> Option<String> {
        let mut targets = self.model(model)?.targets.iter();
        let target = targets.find(|target| target.endpoint.name == endpoint)?;
        target.endpoint.weights(&target.model).await
    }

    /// Asks every endpoint, at the same time, what it has. Takes at most five seconds.
    pub async fn look(&self) -> Vec<EndpointFinding> {
        futures::future::join_all(self.endpoints.iter().map(|endpoint| async move {
            EndpointFinding {
                endpoint: endpoint.name.clone(),
                kind: endpoint.provider_kind(),
                expected: self.expected_of(endpoint),
                found: endpoint.list_models().await,
            }
        }))
        .await
    }
}
