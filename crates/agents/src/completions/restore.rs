//! Turns placeholders in a model's answer back into what the program itself has sent.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt, stream};
use millwright_gateway::GatewayError;
use millwright_llm::provider::{Completion, Delta};
use millwright_policy::pii::{Restorer, Vault};
use serde_json::Value;

pub(super) fn whole(mut completion: Completion, vault: &Vault, is_json: bool) -> Completion {
    if !vault.is_empty() {
        completion.text = if is_json { json(vault, &completion.text) } else { vault.restore(&completion.text) };
        completion.reasoning = vault.restore(&completion.reasoning);
        for call in &mut completion.tool_calls {
            call.arguments = json(vault, &call.arguments);
        }
    }
    completion
}

/// A text that is JSON stays JSON, whatever characters a value has.
fn json(vault: &Vault, text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return vault.restore(text) };
    strings(&mut value, &|text| vault.restore(text));
    value.to_string()
}

fn strings(value: &mut Value, change: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|item| strings(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What is kept back of an answer until it can be turned back whole.
struct Kept {
    vault: Vault,
    text: Restorer,
    reasoning: Restorer,
    /// Text that has to be JSON.
    json: Option<String>,
    /// Arguments of calls, which are JSON.
    arguments: BTreeMap<u32, String>,
}

impl Kept {
    /// The deltas that may go on now.
    fn take(&mut self, delta: Delta) -> Vec<Delta> {
        match delta {
            Delta::Text(piece) => match &mut self.json {
                Some(json) => {
                    json.push_str(&piece);
                    Vec::new()
                }
                None => vec![Delta::Text(self.text.push(&piece))],
            },
            Delta::Reasoning(piece) => vec![Delta::Reasoning(self.reasoning.push(&piece))],
            Delta::ToolCall { index, id, name, arguments } => {
                self.arguments.entry(index).or_default().push_str(&arguments);
                let begins = id.is_some() || name.is_some();
                let first = Delta::ToolCall { index, id, name, arguments: String::new() };
                if begins { vec![first] } else { Vec::new() }
            }
            other => vec![other],
        }
    }

    /// What was kept back.
    fn rest(&mut self) -> Vec<Delta> {
        let text = std::mem::replace(&mut self.text, self.vault.restorer()).finish();
        let reasoning = std::mem::replace(&mut self.reasoning, self.vault.restorer()).finish();
        let json_text = self.json.take().map(|text| json(&self.vault, &text)).unwrap_or_default();
        let texts = [Delta::Reasoning(reasoning), Delta::Text(text), Delta::Text(json_text)];
        let arguments = std::mem::take(&mut self.arguments).into_iter().map(|(index, arguments)| Delta::ToolCall {
            index,
            id: None,
            name: None,
            arguments: json(&self.vault, &arguments),
        });
        let rest = texts.into_iter().chain(arguments);
        let says = |delta: &Delta| match delta {
            Delta::Text(text) | Delta::Reasoning(text) => !text.is_empty(),
            Delta::ToolCall { arguments, .. } => !arguments.is_empty(),
            _ => true,
        };
        rest.filter(says).collect()
    }
}

/// Turns placeholders back, also where one is cut in two by the pieces of the stream.
pub(super) fn stream(
    deltas: impl Stream<Item = Result<Delta, GatewayError>> + Send + 'static,
    vault: Vault,
    is_json: bool,
) -> impl Stream<Item = Result<Delta, GatewayError>> + Send {
    let kept = Kept {
        text: vault.restorer(),
        reasoning: vault.restorer(),
        json: is_json.then(String::new),
        arguments: BTreeMap::new(),
        vault,
    };
    let pieces = stream::unfold((Box::pin(deltas), kept), |(mut deltas, mut kept)| async move {
        let pieces: Vec<_> = match deltas.next().await? {
            Ok(delta) => {
                let before = if matches!(delta, Delta::Done { .. }) { kept.rest() } else { Vec::new() };
                before.into_iter().chain(kept.take(delta)).map(Ok).collect()
            }
            Err(error) => kept.rest().into_iter().map(Ok).chain([Err(error)]).collect(),
        };
        Some((stream::iter(pieces), (deltas, kept)))
    });
    pieces.flatten()
}
