//! One input, one request for each kind of server; recorded answers, and what is read out of them.
//!
//! `inputs` are requests in the internal form, `streams` and `whole` answers in the form of each server's documentation.

mod answers;
mod failures;
mod requests;

use std::{fs, path::Path};

use futures::StreamExt;
use millwright_llm::{
    ApiKey, LlmError, Patience,
    provider::{
        AnthropicProvider, AzureProvider, Completion, Delta, ModelRequest, OllamaProvider, OpenAiProvider, Provider,
        ProviderKind, StopReason, ToolCall,
    },
};

use super::{
    KEY, NDJSON, SSE,
    server::{Act, Server, chunk, head},
    sources,
};

const KINDS: [ProviderKind; 4] =
    [ProviderKind::Openai, ProviderKind::Azure, ProviderKind::Ollama, ProviderKind::Anthropic];

/// What is kept in a folder beside this file.
fn kept(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn input(name: &str) -> ModelRequest {
    serde_json::from_str(&kept(&format!("inputs/{name}.json"))).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A server of this kind at this address.
fn provider(kind: ProviderKind, address: &str) -> Box<dyn Provider> {
    patient(kind, address, Patience::default())
}

fn patient(kind: ProviderKind, address: &str, patience: Patience) -> Box<dyn Provider> {
    let key = Some(ApiKey::new(KEY.into()));
    match kind {
        ProviderKind::Openai => Box::new(OpenAiProvider::new(&format!("{address}/v1"), key, patience).unwrap()),
        ProviderKind::Azure => Box::new(AzureProvider::new(address, key, "2024-10-21", patience).unwrap()),
        ProviderKind::Ollama => {
            let keep_alive = Some("30m".parse().unwrap());
            Box::new(OllamaProvider::new(address, key, keep_alive, patience, sources()).unwrap())
        }
        ProviderKind::Anthropic => Box::new(AnthropicProvider::new(address, key, patience).unwrap()),
    }
}

/// Plays a recorded stream; `whole` says whether the connection ends as it should.
fn play(kind: ProviderKind, text: &str, whole: bool) -> Server {
    let mut acts = vec![head(if kind == ProviderKind::Ollama { NDJSON } else { SSE })];
    acts.extend(text.as_bytes().split_inclusive(|byte| *byte == b'\n').map(chunk));
    acts.push(if whole { Act::Send(b"0\r\n\r\n".to_vec()) } else { Act::Abort });
    Server::play(acts)
}

async fn read(provider: &dyn Provider, request: &ModelRequest) -> (Vec<Delta>, Option<LlmError>) {
    let mut stream = match provider.stream("m-1", request).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut deltas = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(delta) => deltas.push(delta),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing follows an error");
                return (deltas, Some(error));
            }
        }
    }
    (deltas, None)
}

/// What somebody has who puts the pieces together.
fn put_together(deltas: Vec<Delta>) -> Completion {
    let mut whole = Completion {
        text: String::new(),
        reasoning: String::new(),
        tool_calls: Vec::new(),
        logprobs: None,
        usage: None,
        stop_reason: StopReason::Other,
    };
    for delta in deltas {
        match delta {
            Delta::Text(text) => whole.text += &text,
            Delta::Reasoning(text) => whole.reasoning += &text,
            Delta::ToolCall { index, id, name, arguments } => {
                let index = index as usize;
                assert!(index <= whole.tool_calls.len(), "calls come in their order");
                if index == whole.tool_calls.len() {
                    whole.tool_calls.push(ToolCall::default());
                }
                let call = &mut whole.tool_calls[index];
                call.id += &id.unwrap_or_default();
                call.name += &name.unwrap_or_default();
                call.arguments += &arguments;
            }
            Delta::Logprobs(more) => {
                let mut all = whole.logprobs.take().and_then(|all| all.as_array().cloned()).unwrap_or_default();
                all.extend(more.as_array().unwrap().iter().cloned());
                whole.logprobs = Some(all.into());
            }
            Delta::Usage(usage) => whole.usage = Some(usage),
            Delta::Done { stop_reason } => whole.stop_reason = stop_reason,
        }
    }
    whole
}
