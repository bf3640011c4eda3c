use std::sync::Arc;

use millwright_core::Sources;

use crate::{
    LlmError,
    extractive::ExtractiveModel,
    model::{ChatModel, Tier},
    ollama::OllamaModel,
    openai::OpenAiModel,
    transport::{ApiKey, Patience},
};

/// Where models run.
#[derive(Debug, Clone)]
pub enum Backend {
    /// In this process, without a language model.
    Extractive,
    /// On an Ollama server.
    Ollama {
        /// For instance `http://127.0.0.1:11434`.
        base_url: String,
    },
    /// On a server with the OpenAI chat interface.
    OpenAi {
        /// With the version, for instance `http://127.0.0.1:8001/v1`.
        base_url: String,
        /// Sent as bearer token.
        api_key: Option<ApiKey>,
    },
}

/// What the configuration says about models.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// Where they run.
    pub backend: Backend,
    /// The model's name for each tier; not used by the extractive answerer.
    pub light: String,
    /// See `light`.
    pub standard: String,
    /// See `light`.
    pub heavy: String,
    /// When to give up.
    pub patience: Patience,
}

impl ModelSettings {
    /// The built-in answerer for all tiers.
    pub fn extractive() -> Self {
        Self {
            backend: Backend::Extractive,
            light: String::new(),
            standard: String::new(),
            heavy: String::new(),
            patience: Patience::default(),
        }
    }
}

/// One model for each tier, and the place where a router will choose between several.
#[derive(Debug, Clone)]
pub struct ModelSet {
    light: Arc<dyn ChatModel>,
    standard: Arc<dyn ChatModel>,
    heavy: Arc<dyn ChatModel>,
}

impl ModelSet {
    /// The models that the settings name. Connects to nothing yet.
    ///
    /// # Errors
    /// When an address is not one, or no HTTP client can be made.
    pub fn new(settings: &ModelSettings, sources: &Sources) -> Result<Self, LlmError> {
        let make = |name: &str| -> Result<Arc<dyn ChatModel>, LlmError> {
            let (name, patience, sources) = (name.to_owned(), settings.patience, sources.clone());
            Ok(match &settings.backend {
                Backend::Extractive => Arc::new(ExtractiveModel),
                Backend::Ollama { base_url } => Arc::new(OllamaModel::new(base_url, name, patience, sources)?),
                Backend::OpenAi { base_url, api_key } => {
                    Arc::new(OpenAiModel::new(base_url, api_key.clone(), name, patience, sources)?)
                }
            })
        };
        let standard = make(&settings.standard)?;
        // Tiers of one name share a model, and with it its connections.
        let other = |name: &str| if name == settings.standard { Ok(standard.clone()) } else { make(name) };
        Ok(Self { light: other(&settings.light)?, heavy: other(&settings.heavy)?, standard })
    }

    /// The same model for all tiers.
    pub fn single(model: Arc<dyn ChatModel>) -> Self {
        Self { light: model.clone(), standard: model.clone(), heavy: model }
    }

    /// The model that answers requests of this tier.
    pub fn choose(&self, tier: Tier) -> Arc<dyn ChatModel> {
        match tier {
            Tier::Light => self.light.clone(),
            Tier::Standard => self.standard.clone(),
            Tier::Heavy => self.heavy.clone(),
        }
    }

    /// The different models of the set, each once, for checks.
    pub fn distinct(&self) -> Vec<Arc<dyn ChatModel>> {
        let mut models: Vec<Arc<dyn ChatModel>> = Vec::new();
        for model in [&self.light, &self.standard, &self.heavy] {
            if !models.iter().any(|known| known.info() == model.info()) {
                models.push(model.clone());
            }
        }
        models
    }
}
