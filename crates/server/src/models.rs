//! The models of the configuration, put on their servers.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use millwright_config::{
    Config, EndpointKind, EndpointSettings as Server, EndpointTakes, EndpointTimeouts, ModelEntry, ModelPrice,
    ModelTier, TierPreference,
};
use millwright_core::{Allowed, Clearance, Sources};
use millwright_gateway::{
    Capabilities, Catalog, EndpointSettings, ModelKind, ModelPlace, ModelSettings, Prefer, Price,
};
use millwright_llm::{
    ApiKey, Patience, Tier,
    provider::{AnthropicProvider, AzureProvider, KeepAlive, OllamaProvider, OpenAiProvider, Provider},
};
use millwright_policy::{
    decision::{PolicyFile, SinkKind as FileSinkKind},
    labels::{Sink, SinkKind},
};

/// A model whose context is not known is not passed over for a long prompt: its server says what it takes.
const UNKNOWN_CONTEXT_TOKENS: u32 = u32::MAX;
/// No answer of a model of which nothing is said is longer.
const UNKNOWN_OUTPUT_TOKENS: u32 = 32_768;

/// All models of the configuration. Connects to nothing yet.
pub(crate) fn catalog(config: &Config, sources: &Sources, policy: &PolicyFile) -> anyhow::Result<Catalog> {
    let settings = &config.models.catalog;
    let endpoints = settings.endpoints.iter().map(|server| {
        Ok(EndpointSettings {
            name: server.name.clone(),
            provider: provider(server, sources).with_context(|| format!("endpoint `{}`", server.name))?,
            concurrency: server.concurrency as usize,
            queue: server.queue as usize,
        })
    });
    let endpoints = endpoints.collect::<anyhow::Result<Vec<_>>>()?;
    let models = settings.models.iter().map(|model| {
        let places = model.places.iter().filter_map(|place| {
            let server = settings.endpoint(&place.endpoint)?;
            Some(ModelPlace {
                endpoint: place.endpoint.clone(),
                model: place.model.clone(),
                sink: sink(&place.model, server, policy),
            })
        });
        model_settings(model, places.collect())
    });
    let prefer = match settings.prefer {
        TierPreference::Up => Prefer::Up,
        TierPreference::Down => Prefer::Down,
        TierPreference::Refuse => Prefer::Refuse,
    };
    Ok(Catalog::new(endpoints, models.collect(), prefer, settings.currency.clone())?)
}

/// How long an answer may take, or take to begin: as long as the most patient server lets it, with time for one more.
pub(crate) fn within(config: &Config, of: fn(&EndpointTimeouts) -> Duration) -> Duration {
    let longest = config.models.catalog.endpoints.iter().map(|server| of(&server.timeouts)).max();
    longest.unwrap_or_default().saturating_mul(2) + Duration::from_secs(5)
}

fn model_settings(model: &ModelEntry, places: Vec<ModelPlace>) -> ModelSettings {
    let context_tokens = u64::from(model.context_tokens.unwrap_or(UNKNOWN_CONTEXT_TOKENS));
    let can = model.capabilities;
    ModelSettings {
        name: model.name.clone(),
        kind: match model.kind {
            millwright_config::ModelKind::Chat => ModelKind::Chat,
            millwright_config::ModelKind::Embedding => ModelKind::Embedding,
        },
        tiers: model.tiers.iter().copied().map(tier).collect(),
        context_tokens,
        max_output_tokens: model.max_output_tokens.unwrap_or(UNKNOWN_OUTPUT_TOKENS),
        capabilities: Capabilities {
            tools: can.tools,
            json_schema: can.json_schema,
            images: can.images,
            logprobs: can.logprobs,
        },
        price: price(model.price),
        places,
    }
}

const fn tier(tier: ModelTier) -> Tier {
    match tier {
        ModelTier::Light => Tier::Light,
        ModelTier::Standard => Tier::Standard,
        ModelTier::Heavy => Tier::Heavy,
    }
}

fn sink(name_there: &str, server: &Server, policy: &PolicyFile) -> Sink {
    let remedy = "an operator can let this model see more (`takes` in `models.yaml`, or `LLM_MAX_CLASSIFICATION` and \
                  `LLM_EXPORT_CONTROLLED`), or have the built-in answerer quote instead (`LLM_LABEL_FALLBACK=extractive`)";
    sink_at(name_there, &server.name, (server.takes, server.on_site), policy, remedy)
}

/// The setting and the policy file each only lower what the other lets through.
pub(crate) fn sink_at(
    name_there: &str,
    place: &str,
    (takes, on_site): (EndpointTakes, bool),
    policy: &PolicyFile,
    remedy: &str,
) -> Sink {
    let in_file = if on_site { format!("local/{name_there}") } else { name_there.to_owned() };
    let rule = policy.sink(FileSinkKind::Model, &in_file);
    let (most, export) = rule.map_or((millwright_core::Classification::Public, false), |rule| {
        (rule.max_confidentiality, rule.takes_export_controlled)
    });
    Sink {
        kind: SinkKind::Model,
        name: format!("{name_there} at {place}"),
        takes: Clearance {
            classification: takes.classification.min(most),
            export_control: if takes.export_controlled && export { Allowed::All } else { Allowed::none() },
            groups: Allowed::All,
        },
        takes_untrusted: true,
        leaves_site: !on_site,
        remedy: remedy.to_owned(),
    }
}

/// An Ollama server.
pub(crate) fn ollama(server: &Server, sources: &Sources) -> anyhow::Result<OllamaProvider> {
    let keep_alive = server.keep_alive.as_deref().map(str::parse::<KeepAlive>).transpose()?;
    Ok(OllamaProvider::new(&server.url, key(server), keep_alive, patience(server), sources.clone())?)
}

fn key(server: &Server) -> Option<ApiKey> {
    server.api_key.as_ref().map(|key| ApiKey::new(key.expose().to_owned()))
}

const fn patience(server: &Server) -> Patience {
    let EndpointTimeouts { connect, first_token, idle, total } = server.timeouts;
    Patience { connect, first_token, idle, total }
}

fn provider(server: &Server, sources: &Sources) -> anyhow::Result<Arc<dyn Provider>> {
    let (url, key, patience) = (server.url.as_str(), key(server), patience(server));
    Ok(match server.kind {
        EndpointKind::Openai => Arc::new(OpenAiProvider::new(url, key, patience)?),
        EndpointKind::Azure => {
            let version = server.api_version.clone().context("`api_version` is missing")?;
            Arc::new(AzureProvider::new(url, key, version, patience)?)
        }
        EndpointKind::Ollama => Arc::new(ollama(server, sources)?),
        EndpointKind::Anthropic => Arc::new(AnthropicProvider::new(url, key, patience)?),
    })
}

const fn price(price: ModelPrice) -> Price {
    match price {
        ModelPrice::Free => Price::Free,
        ModelPrice::Tokens { input_per_million, output_per_million, cached_per_million } => {
            Price::Tokens { input: input_per_million, output: output_per_million, cached: cached_per_million }
        }
        ModelPrice::GpuSeconds { per_gpu_second } => Price::GpuSecond { micros: per_gpu_second },
    }
}
