mod catalog;
mod file;
mod host;
mod price;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use self::host::{base_url, is_private};
pub use self::{
    catalog::{
        EndpointKind, EndpointSettings, EndpointTakes, EndpointTimeouts, ModelCapabilities, ModelCatalog, ModelEntry,
        ModelKind, ModelPlace, ModelTier, TierPreference,
    },
    price::ModelPrice,
};
use crate::{Secret, Setting, reader::Reader, storage};

pub(crate) const MODELS_FILE: Setting = Setting {
    name: "MODELS_FILE",
    default: "",
    accepts: "an absolute path",
    secret: false,
    meaning: "A `models.yaml` with any number of model servers, the models on them, their tiers, prices and limits; \
              `docs/models.example.yaml` shows all of it. It takes the place of `OLLAMA_BASE_URL` and of every `LLM_*` but \
              `LLM_LABEL_FALLBACK`. One that is not valid is a reason not to start.",
};

const OLLAMA_BASE_URL: Setting = Setting {
    name: "OLLAMA_BASE_URL",
    default: "",
    accepts: "a URL that begins with `http://` or `https://`",
    secret: false,
    meaning: "An Ollama server that answers questions, for instance `http://127.0.0.1:11434`. With neither this nor \
              `LLM_BASE_URL` the built-in answerer quotes the best passages.",
};
const OLLAMA_PULL: Setting = Setting {
    name: "OLLAMA_PULL",
    default: "false",
    accepts: "`true` or `false`",
    secret: false,
    meaning: "Whether `millwright models pull` may have the Ollama server fetch models, for which it reaches out to the network.",
};
const LLM_BASE_URL: Setting = Setting {
    name: "LLM_BASE_URL",
    default: "",
    accepts: "a URL that begins with `http://` or `https://`",
    secret: false,
    meaning: "A server with the OpenAI chat API (vLLM, LiteLLM, llama.cpp, OpenAI), up to and with its `/v1`.",
};
const LLM_API_KEY: Setting = Setting {
    name: "LLM_API_KEY",
    default: "",
    accepts: "any text",
    secret: true,
    meaning: "Sent to `LLM_BASE_URL` as bearer token.",
};
const LLM_MODEL_LIGHT: Setting = Setting {
    name: "LLM_MODEL_LIGHT",
    default: "",
    accepts: "a model name that the server knows",
    secret: false,
    meaning: "The model for simple questions. Absent: the one for ordinary questions.",
};
const LLM_MODEL_STANDARD: Setting = Setting {
    name: "LLM_MODEL_STANDARD",
    default: "",
    accepts: "a model name that the server knows",
    secret: false,
    meaning: "The model for ordinary questions; needed as soon as a server is named.",
};
const LLM_MODEL_HEAVY: Setting = Setting {
    name: "LLM_MODEL_HEAVY",
    default: "",
    accepts: "a model name that the server knows",
    secret: false,
    meaning: "The model for hard questions. Absent: the one for ordinary questions.",
};
const LLM_TIMEOUT_SECONDS: Setting = Setting {
    name: "LLM_TIMEOUT_SECONDS",
    default: "120",
    accepts: "a whole number from 1 to 3600",
    secret: false,
    meaning: "How long the server may stay silent, before the first and between any two parts of an answer.",
};

const LLM_MAX_CLASSIFICATION: Setting = Setting {
    name: "LLM_MAX_CLASSIFICATION",
    default: "",
    accepts: "PUBLIC, INTERNAL, CONFIDENTIAL or RESTRICTED",
    secret: false,
    meaning: "The most confidential data that the model server is sent. Absent: `RESTRICTED` for a server on this machine or \
              a private address, `PUBLIC` for any other.",
};
const LLM_EXPORT_CONTROLLED: Setting = Setting {
    name: "LLM_EXPORT_CONTROLLED",
    default: "",
    accepts: "`true` or `false`",
    secret: false,
    meaning: "Whether the model server is sent export-controlled data. Absent: only a server on this machine or a private \
              address is.",
};
const LLM_PRICE_PER_MILLION: Setting = Setting {
    name: "LLM_PRICE_PER_MILLION",
    default: "",
    accepts: "`INPUT/OUTPUT` or `INPUT/OUTPUT/CACHED`, each with at most six decimal places, for instance `2.5/10`; or `free`",
    secret: false,
    meaning: "What a million tokens cost, in US dollars. Needed for a server that is neither on this machine nor at a private \
              address, because a price that is not known must not count as none; absent, the models of any other are free.",
};
const LLM_LABEL_FALLBACK: Setting = Setting {
    name: "LLM_LABEL_FALLBACK",
    default: "refuse",
    accepts: "`refuse` or `extractive`",
    secret: false,
    meaning: "What happens when no model may be sent what a question needs: it is refused with `label_denied`, or the \
              built-in answerer quotes the passages.",
};

pub(crate) const SETTINGS: &[Setting] = &[
    MODELS_FILE,
    OLLAMA_BASE_URL,
    OLLAMA_PULL,
    LLM_BASE_URL,
    LLM_API_KEY,
    LLM_MODEL_LIGHT,
    LLM_MODEL_STANDARD,
    LLM_MODEL_HEAVY,
    LLM_TIMEOUT_SECONDS,
    LLM_MAX_CLASSIFICATION,
    LLM_EXPORT_CONTROLLED,
    LLM_PRICE_PER_MILLION,
    LLM_LABEL_FALLBACK,
];

/// What a file of models takes the place of.
const REPLACED: &[&Setting] = &[
    &OLLAMA_BASE_URL,
    &OLLAMA_PULL,
    &LLM_BASE_URL,
    &LLM_API_KEY,
    &LLM_MODEL_LIGHT,
    &LLM_MODEL_STANDARD,
    &LLM_MODEL_HEAVY,
    &LLM_TIMEOUT_SECONDS,
    &LLM_MAX_CLASSIFICATION,
    &LLM_EXPORT_CONTROLLED,
    &LLM_PRICE_PER_MILLION,
];

/// Language models.
#[derive(Debug, Clone)]
pub struct ModelsConfig {
    /// Whether the built-in answerer steps in where no model may be sent what a question needs.
    pub quotes_where_refused: bool,
    /// All models, whether the file or the environment says so; none where the built-in answerer quotes.
    pub catalog: ModelCatalog,
}

impl ModelsConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let file = reader.parsed(&MODELS_FILE, storage::absolute);
        if file.is_some() {
            let given: Vec<_> = REPLACED.iter().filter(|setting| reader.is_given(setting)).collect();
            for setting in given {
                reader.problem(setting.name, "`MODELS_FILE` is given, which takes its place; keep one");
            }
        }
        let environment = OneServer::read(reader);
        let price = reader.parsed(&LLM_PRICE_PER_MILLION, ModelPrice::of_setting);
        let catalog = match &file {
            Some(path) => file::read(reader, MODELS_FILE.name, path),
            None => environment.catalog(price, reader),
        };
        let quotes_where_refused = reader.choice(&LLM_LABEL_FALLBACK, &[("refuse", false), ("extractive", true)]);
        Self { quotes_where_refused, catalog }
    }
}

/// A model's name for each tier.
struct ModelNames {
    /// For simple questions.
    light: String,
    /// For ordinary ones.
    standard: String,
    /// For hard ones.
    heavy: String,
}

/// What answers questions.
enum ModelServer {
    /// The built-in answerer, which quotes and is no language model.
    BuiltIn,
    /// Ollama's own API.
    Ollama {
        /// Without a slash at the end.
        base_url: String,
        /// Whether it may fetch models.
        pull: bool,
        /// One for each tier.
        names: ModelNames,
    },
    /// The OpenAI chat API.
    OpenAiCompatible {
        /// Without a slash at the end; usually ends in `/v1`.
        base_url: String,
        /// Bearer token, where the server wants one.
        api_key: Option<Secret>,
        /// One for each tier.
        names: ModelNames,
    },
}

/// The one server that settings describe.
struct OneServer {
    server: ModelServer,
    timeout: Duration,
    takes: EndpointTakes,
    on_site: bool,
}

impl OneServer {
    fn read(reader: &mut Reader<'_>) -> Self {
        let ollama = reader.parsed(&OLLAMA_BASE_URL, host::base_url);
        let compatible = reader.parsed(&LLM_BASE_URL, host::base_url);
        let pull = reader.choice(&OLLAMA_PULL, &[("false", false), ("true", true)]);
        let api_key = reader.secret(&LLM_API_KEY);
        let names = names(reader, ollama.is_some() || compatible.is_some());
        if api_key.is_some() && compatible.is_none() {
            reader.problem(LLM_API_KEY.name, "it is given without `LLM_BASE_URL`, the server that it is for");
        }
        if pull && ollama.is_none() && !reader.is_given(&MODELS_FILE) {
            reader.problem(OLLAMA_PULL.name, "it is given without `OLLAMA_BASE_URL`, the server that it is for");
        }
        if ollama.is_some() && compatible.is_some() {
            reader.problem(OLLAMA_BASE_URL.name, "`LLM_BASE_URL` is given too; keep the one that shall answer");
        }
        let server = match (ollama, compatible) {
            (Some(base_url), _) => ModelServer::Ollama { base_url, pull, names },
            (None, Some(base_url)) => ModelServer::OpenAiCompatible { base_url, api_key, names },
            (None, None) => ModelServer::BuiltIn,
        };
        let is_near = match &server {
            ModelServer::BuiltIn => true,
            ModelServer::Ollama { base_url, .. } | ModelServer::OpenAiCompatible { base_url, .. } => {
                host::is_private(base_url)
            }
        };
        let unasked = EndpointTakes::unasked(is_near);
        Self {
            server,
            on_site: is_near,
            timeout: Duration::from_secs(reader.number(&LLM_TIMEOUT_SECONDS, 1..=3600)),
            takes: EndpointTakes {
                classification: reader
                    .parsed(&LLM_MAX_CLASSIFICATION, |text| text.parse().ok())
                    .unwrap_or(unasked.classification),
                export_controlled: reader
                    .parsed(&LLM_EXPORT_CONTROLLED, |text| text.parse().ok())
                    .unwrap_or(unasked.export_controlled),
            },
        }
    }

    /// One endpoint with up to three models.
    fn catalog(&self, price: Option<ModelPrice>, reader: &mut Reader<'_>) -> ModelCatalog {
        let (kind, url, api_key, pull, names) = match &self.server {
            ModelServer::BuiltIn => return ModelCatalog::default(),
            ModelServer::Ollama { base_url, pull, names } => (EndpointKind::Ollama, base_url, None, *pull, names),
            ModelServer::OpenAiCompatible { base_url, api_key, names } => {
                (EndpointKind::Openai, base_url, api_key.clone(), false, names)
            }
        };
        if price.is_none() && !self.on_site && !reader.refused(LLM_PRICE_PER_MILLION.name) {
            reader.problem(
                LLM_PRICE_PER_MILLION.name,
                "it is needed for a model server that is neither on this machine nor at a private address: a price that is \
                 not known must not count as none",
            );
        }
        let endpoint = EndpointSettings {
            name: kind.as_str().to_owned(),
            kind,
            url: url.clone(),
            api_key,
            api_version: None,
            keep_alive: None,
            pull,
            concurrency: 8,
            queue: 64,
            timeouts: EndpointTimeouts { first_token: self.timeout, idle: self.timeout, ..EndpointTimeouts::default() },
            takes: self.takes,
            on_site: self.on_site,
        };
        let models = names.distinct().map(|(name, tiers)| ModelEntry {
            name: name.to_owned(),
            kind: ModelKind::Chat,
            tiers,
            context_tokens: None,
            max_output_tokens: None,
            // Not known; the server says what it cannot.
            capabilities: ModelCapabilities { tools: true, json_schema: true, images: true, logprobs: true },
            places: vec![ModelPlace { endpoint: endpoint.name.clone(), model: name.to_owned() }],
            price: price.unwrap_or(ModelPrice::Free),
        });
        ModelCatalog { models: models.collect(), endpoints: vec![endpoint], ..ModelCatalog::default() }
    }
}

impl ModelNames {
    /// Each name once, with its tiers.
    fn distinct(&self) -> impl Iterator<Item = (&str, Vec<ModelTier>)> {
        let of = |tier: ModelTier| match tier {
            ModelTier::Light => self.light.as_str(),
            ModelTier::Standard => self.standard.as_str(),
            ModelTier::Heavy => self.heavy.as_str(),
        };
        let tiers = ModelTier::ALL.into_iter();
        let first =
            tiers.filter(move |tier| ModelTier::ALL.into_iter().find(|other| of(*other) == of(*tier)) == Some(*tier));
        first.map(move |tier| {
            let name = of(tier);
            (name, ModelTier::ALL.into_iter().filter(|other| of(*other) == name).collect())
        })
    }
}

fn names(reader: &mut Reader<'_>, needed: bool) -> ModelNames {
    let [light, standard, heavy] =
        [&LLM_MODEL_LIGHT, &LLM_MODEL_STANDARD, &LLM_MODEL_HEAVY].map(|setting| reader.text(setting));
    if needed && standard.is_none() {
        reader.problem(LLM_MODEL_STANDARD.name, "it is needed as soon as a server is named");
    }
    let standard = standard.unwrap_or_default();
    ModelNames {
        light: light.unwrap_or_else(|| standard.clone()),
        heavy: heavy.unwrap_or_else(|| standard.clone()),
        standard,
    }
}
