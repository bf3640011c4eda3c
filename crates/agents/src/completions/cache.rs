//! Answers to equal requests, where an operator has turned this on.

use std::{collections::BTreeMap, time::Duration};

use futures::{Stream, StreamExt};
use millwright_core::Clearance;
use millwright_gateway::{Call, GatewayError};
use millwright_llm::provider::{Completion, Delta, ModelRequest, ToolCall, Usage};
use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};

type Key = [u8; 32];

/// Remembers whole answers, as the model gave them: with placeholders for personal data. Cheap to clone.
#[derive(Clone)]
pub(super) struct AnswerCache(Cache<Key, (Completion, Usage)>);

impl AnswerCache {
    pub(super) fn new(entries: u64, life: Duration) -> Self {
        Self(Cache::builder().max_capacity(entries).time_to_live(life).build())
    }

    /// Where the answer to this request is kept.
    pub(super) fn slot(&self, call: &Call, clearance: &Clearance, model: &str, request: &ModelRequest) -> Slot {
        Slot { key: key(call, clearance, model, request), model: model.to_owned(), cache: self.clone() }
    }
}

/// What makes two requests equal: tenant, what the person may see, label, model and every word of what is sent.
fn key(call: &Call, clearance: &Clearance, model: &str, request: &ModelRequest) -> Key {
    let mut hasher = Sha256::new();
    hasher.update(call.principal.tenant_id().uuid().as_bytes());
    // Written in one way: every set in it is ordered, and each part is a text of its own with an end.
    hasher.update(format!("{clearance:?}\n"));
    for part in [serde_json::to_vec(&call.label), serde_json::to_vec(model), serde_json::to_vec(request)] {
        hasher.update(part.unwrap_or_default());
    }
    hasher.finalize().into()
}

/// The place of one answer.
pub(super) struct Slot {
    cache: AnswerCache,
    key: Key,
    /// Whose answer it is.
    model: String,
}

impl Slot {
    pub(super) fn get(&self) -> Option<(Completion, Usage)> {
        self.cache.0.get(&self.key)
    }

    /// Keeps an answer, unless another model than the one that was planned gave it.
    pub(super) fn keep(self, by: &str, completion: Completion, usage: Usage) {
        if by == self.model {
            self.cache.0.insert(self.key, (completion, usage));
        }
    }

    /// The same stream; once it came to its end, and so is counted and proved, the answer is kept.
    pub(super) fn gather(
        self,
        by: String,
        deltas: impl Stream<Item = Result<Delta, GatewayError>> + Send + 'static,
    ) -> impl Stream<Item = Result<Delta, GatewayError>> + Send {
        let mut gathering = Some((self, Gathered::default()));
        deltas.inspect(move |next| match next {
            Ok(Delta::Done { stop_reason }) => {
                if let Some((slot, gathered)) = gathering.take() {
                    let Gathered { text, reasoning, tool_calls, logprobs, usage } = gathered;
                    let tool_calls = tool_calls.into_values().collect();
                    let logprobs = (!logprobs.is_empty()).then_some(Value::Array(logprobs));
                    let stop_reason = *stop_reason;
                    let whole = Completion { text, reasoning, tool_calls, logprobs, usage: Some(usage), stop_reason };
                    slot.keep(&by, whole, usage);
                }
            }
            Ok(delta) => {
                if let Some((_, gathered)) = &mut gathering {
                    gathered.add(delta);
                }
            }
            Err(_) => gathering = None,
        })
    }
}

/// What a stream has brought so far.
#[derive(Default)]
struct Gathered {
    text: String,
    reasoning: String,
    tool_calls: BTreeMap<u32, ToolCall>,
    logprobs: Vec<Value>,
    usage: Usage,
}

impl Gathered {
    fn add(&mut self, delta: &Delta) {
        match delta {
            Delta::Text(piece) => self.text.push_str(piece),
            Delta::Reasoning(piece) => self.reasoning.push_str(piece),
            Delta::ToolCall { index, id, name, arguments } => {
                let empty = || ToolCall { id: String::new(), name: String::new(), arguments: String::new() };
                let call = self.tool_calls.entry(*index).or_insert_with(empty);
                if let Some(id) = id {
                    call.id.clone_from(id);
                }
                if let Some(name) = name {
                    call.name.clone_from(name);
                }
                call.arguments.push_str(arguments);
            }
            Delta::Logprobs(Value::Array(tokens)) => self.logprobs.extend_from_slice(tokens),
            Delta::Logprobs(other) => self.logprobs.push(other.clone()),
            Delta::Usage(usage) => self.usage = *usage,
            Delta::Done { .. } => {}
        }
    }
}

/// An answer in one piece as the parts of a stream.
pub(super) fn parts((completion, usage): (Completion, Usage)) -> Vec<Delta> {
    let Completion { text, reasoning, tool_calls, logprobs, stop_reason, .. } = completion;
    let mut deltas = Vec::new();
    if !reasoning.is_empty() {
        deltas.push(Delta::Reasoning(reasoning));
    }
    if !text.is_empty() {
        deltas.push(Delta::Text(text));
    }
    deltas.extend((0..).zip(tool_calls).map(|(index, ToolCall { id, name, arguments })| Delta::ToolCall {
        index,
        id: Some(id),
        name: Some(name),
        arguments,
    }));
    deltas.extend(logprobs.map(Delta::Logprobs));
    deltas.extend([Delta::Usage(usage), Delta::Done { stop_reason }]);
    deltas
}
