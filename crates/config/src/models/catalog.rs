//! The models that there are, whether a file or the environment says so.

use std::time::Duration;

use millwright_core::Classification;

use super::ModelPrice;
use crate::Secret;

/// All model servers and the models on them. What holds for every catalog that exists: names are unique, every place of a
/// model names an endpoint, every model has a price, and where there is a chat model at all there is one for
/// [`ModelTier::Standard`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCatalog {
    /// In which prices are, three capital letters.
    pub currency: String,
    /// Where models may be.
    pub endpoints: Vec<EndpointSettings>,
    /// What people and API clients may name.
    pub models: Vec<ModelEntry>,
    /// What happens when a tier has no answer left.
    pub prefer: TierPreference,
}

impl Default for ModelCatalog {
    /// No models: the built-in answerer quotes.
    fn default() -> Self {
        Self {
            currency: USUAL_CURRENCY.to_owned(),
            endpoints: Vec::new(),
            models: Vec::new(),
            prefer: TierPreference::Up,
        }
    }
}

/// In which model services bill.
pub(super) const USUAL_CURRENCY: &str = "USD";

impl ModelCatalog {
    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> Option<&EndpointSettings> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&ModelEntry> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// How much model a request deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModelTier {
    /// Small and quick.
    Light,
    /// The usual one.
    Standard,
    /// The strongest there is.
    Heavy,
}

impl ModelTier {
    /// All tiers, smallest first.
    pub const ALL: [Self; 3] = [Self::Light, Self::Standard, Self::Heavy];

    /// The word used in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "LIGHT",
            Self::Standard => "STANDARD",
            Self::Heavy => "HEAVY",
        }
    }
}

/// What happens when a tier has no answer left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TierPreference {
    /// A stronger tier may answer.
    Up,
    /// A stronger tier may answer, else a weaker one: an answer is better than none.
    Down,
    /// Neither: the request is refused.
    Refuse,
}

/// Which API an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// The OpenAI chat API.
    Openai,
    /// The same on Azure.
    Azure,
    /// Ollama's own.
    Ollama,
    /// The Anthropic Messages API.
    Anthropic,
}

impl EndpointKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Openai, Self::Azure, Self::Ollama, Self::Anthropic];

    /// The word used in the file, in metrics and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Ollama => "ollama",
            Self::Anthropic => "anthropic",
        }
    }
}

/// One model server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Its name in the catalog and in metrics.
    pub name: String,
    /// Which API it speaks.
    pub kind: EndpointKind,
    /// Without a slash at the end.
    pub url: String,
    /// Where the server wants one.
    pub api_key: Option<Secret>,
    /// Of Azure; none for all others.
    pub api_version: Option<String>,
    /// How long an Ollama server keeps a model loaded: `10m`, `0`, `-1`.
    pub keep_alive: Option<String>,
    /// Whether an Ollama server may be told to fetch models, for which it reaches out to the network.
    pub pull: bool,
    /// So many requests at once.
    pub concurrency: u32,
    /// So many more may wait.
    pub queue: u32,
    /// When to give up.
    pub timeouts: EndpointTimeouts,
    /// The most that it is sent, before the policy file lowers it.
    pub takes: EndpointTakes,
    /// Whether it stands on this machine or at a private address, or was said to be on site.
    pub on_site: bool,
}

/// When to give up on a model server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointTimeouts {
    /// To establish the connection.
    pub connect: Duration,
    /// From the request to the first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub idle: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for EndpointTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_mins(1),
            idle: Duration::from_secs(30),
            total: Duration::from_mins(10),
        }
    }
}

/// The most that an endpoint is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointTakes {
    /// The most confidential data.
    pub classification: Classification,
    /// Whether export-controlled data too.
    pub export_controlled: bool,
}

impl EndpointTakes {
    /// With nothing else said: everything on site, and only what is public elsewhere.
    pub(crate) fn unasked(on_site: bool) -> Self {
        let classification = if on_site { Classification::Restricted } else { Classification::Public };
        Self { classification, export_controlled: on_site }
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ModelKind {
    /// It answers.
    Chat,
    /// It makes vectors of texts.
    Embedding,
}

/// One model, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelEntry {
    /// What people and API clients say.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// One or more, smallest first; none for embeddings.
    pub tiers: Vec<ModelTier>,
    /// Prompt and answer together; none where it is not known.
    pub context_tokens: Option<u32>,
    /// The longest answer; none where it is not known.
    pub max_output_tokens: Option<u32>,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// Where it is, at least one place.
    pub places: Vec<ModelPlace>,
    /// What it costs.
    pub price: ModelPrice,
}

/// What a model can do beside text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts")]
pub struct ModelCapabilities {
    /// It calls tools.
    pub tools: bool,
    /// It answers in JSON of a given schema.
    pub json_schema: bool,
    /// It sees images.
    pub images: bool,
    /// It tells log probabilities.
    pub logprobs: bool,
}

/// One place of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPlace {
    /// The endpoint's name.
    pub endpoint: String,
    /// What the model is called there.
    pub model: String,
}
