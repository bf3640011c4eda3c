use std::time::Duration;

use crate::{Secret, Setting, reader::Reader};

const OLLAMA_BASE_URL: Setting = Setting {
    name: "OLLAMA_BASE_URL",
    default: "",
    accepts: "a URL that begins with `http://` or `https://`",
    secret: false,
    meaning: "An Ollama server that answers questions, for instance `http://127.0.0.1:11434`. With neither this nor \
              `LLM_BASE_URL` the built-in answerer quotes the best passages.",
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

pub(crate) const SETTINGS: &[Setting] = &[
    OLLAMA_BASE_URL,
    LLM_BASE_URL,
    LLM_API_KEY,
    LLM_MODEL_LIGHT,
    LLM_MODEL_STANDARD,
    LLM_MODEL_HEAVY,
    LLM_TIMEOUT_SECONDS,
];

/// A model's name for each tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelNames {
    /// For simple questions.
    pub light: String,
    /// For ordinary ones.
    pub standard: String,
    /// For hard ones.
    pub heavy: String,
}

/// What answers questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelServer {
    /// The built-in answerer, which quotes and is no language model.
    BuiltIn,
    /// Ollama's own API.
    Ollama {
        /// Without a slash at the end.
        base_url: String,
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

/// Language models.
#[derive(Debug, Clone)]
pub struct ModelsConfig {
    /// What answers.
    pub server: ModelServer,
    /// How long it may stay silent.
    pub timeout: Duration,
}

impl ModelsConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let ollama = reader.parsed(&OLLAMA_BASE_URL, base_url);
        let compatible = reader.parsed(&LLM_BASE_URL, base_url);
        let api_key = reader.secret(&LLM_API_KEY);
        let names = names(reader, ollama.is_some() || compatible.is_some());
        if api_key.is_some() && compatible.is_none() {
            reader.problem(LLM_API_KEY.name, "it is given without `LLM_BASE_URL`, the server that it is for");
        }
        if ollama.is_some() && compatible.is_some() {
            reader.problem(OLLAMA_BASE_URL.name, "`LLM_BASE_URL` is given too; keep the one that shall answer");
        }
        let server = match (ollama, compatible) {
            (Some(base_url), _) => ModelServer::Ollama { base_url, names },
            (None, Some(base_url)) => ModelServer::OpenAiCompatible { base_url, api_key, names },
            (None, None) => ModelServer::BuiltIn,
        };
        Self { server, timeout: Duration::from_secs(reader.number(&LLM_TIMEOUT_SECONDS, 1..=3600)) }
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

fn base_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let plain = !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace);
    plain.then(|| text.trim_end_matches('/').to_owned())
}
