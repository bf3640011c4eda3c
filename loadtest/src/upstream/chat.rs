//! What is asked of a chat model, and what this one says.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::sample;

/// As the figures of other gateways were measured with: thirteen pieces.
const PIECES: [&str; 13] = [
    "The",
    " purchase",
    " order",
    " 45",
    "0000",
    "0001",
    " is",
    " released",
    " and",
    " has",
    " three",
    " open",
    " items.",
];

/// A request, as far as it decides the answer.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    messages: Vec<Message>,
    #[serde(default)]
    pub(crate) stream: bool,
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    tool_choice: Value,
    #[serde(default)]
    response_format: Value,
    logprobs: Option<bool>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// A text, in the pieces in which it is streamed.
    Text(Vec<String>),
    /// A call of a tool, with its arguments as JSON.
    Call { name: String, arguments: String },
}

/// An answer before it has its form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) said: Said,
    pub(crate) finish_reason: &'static str,
    pub(crate) prompt_tokens: usize,
    pub(crate) completion_tokens: usize,
    pub(crate) with_logprobs: bool,
    pub(crate) with_usage: bool,
}

impl ChatRequest {
    pub(crate) fn answer(&self) -> Answer {
        let (said, finish_reason) = match self.wanted_tool() {
            Some((name, parameters)) => {
                (Said::Call { name, arguments: sample::instance(&parameters).to_string() }, "tool_calls")
            }
            None => self.cut(self.text()),
        };
        let completion_tokens = match &said {
            Said::Text(pieces) => pieces.len(),
            Said::Call { arguments, .. } => 4 + arguments.len() / 4,
        };
        Answer {
            said,
            finish_reason,
            prompt_tokens: self.messages.iter().map(|message| 3 + text_of(&message.content).chars().count() / 4).sum(),
            completion_tokens,
            with_logprobs: self.logprobs == Some(true),
            with_usage: self.stream_options.as_ref().and_then(|options| options.include_usage) == Some(true),
        }
    }

    fn text(&self) -> Vec<String> {
        let whole = |value: &Value| pieces_of(&value.to_string());
        match self.response_format["type"].as_str() {
            Some("json_schema") => whole(&sample::instance(&self.response_format["json_schema"]["schema"])),
            Some("json_object") => whole(&json!({ "status": "released", "open_items": 3 })),
            _ if self.model == "echo" => pieces_of(&self.last_question()),
            _ => PIECES.map(str::to_owned).to_vec(),
        }
    }

    fn cut(&self, mut pieces: Vec<String>) -> (Said, &'static str) {
        let most = self.max_completion_tokens.or(self.max_tokens).unwrap_or(usize::MAX);
        let finish_reason = if pieces.len() > most { "length" } else { "stop" };
        pieces.truncate(most);
        (Said::Text(pieces), finish_reason)
    }

    /// The tool to call and the schema of its arguments; none once a tool has answered, unless one is demanded.
    fn wanted_tool(&self) -> Option<(String, Value)> {
        let demanded = self.tool_choice["function"]["name"].as_str();
        let answered = self.messages.last().is_some_and(|message| message.role == "tool");
        let wanted = match self.tool_choice.as_str() {
            Some("none") => false,
            Some("required") => true,
            _ => demanded.is_some() || !answered,
        };
        let functions = self.tools.iter().map(|tool| &tool["function"]);
        let chosen = functions.into_iter().find(|function| demanded.is_none_or(|name| function["name"] == name));
        let function = chosen.filter(|_| wanted)?;
        Some((function["name"].as_str()?.to_owned(), function["parameters"].clone()))
    }

    fn last_question(&self) -> String {
        let question = self.messages.iter().rfind(|message| message.role == "user");
        question.map(|message| text_of(&message.content)).unwrap_or_default()
    }
}

/// The text of a message's content, which is a text or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// A text cut where a tokenizer might cut it: never in the middle of a character.
fn pieces_of(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(4).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &Value) -> Answer {
        serde_json::from_value::<ChatRequest>(body.clone()).unwrap().answer()
    }

    fn text(answer: &Answer) -> String {
        match &answer.said {
            Said::Text(pieces) => pieces.concat(),
            Said::Call { .. } => panic!("a call"),
        }
    }

    #[test]
    fn a_tool_is_called_once_and_then_answered_about() {
        let tools = json!([{ "type": "function", "function": { "name": "lookup", "parameters": {
            "type": "object", "properties": { "city": { "type": "string" } } } } }]);
        let user = json!({ "role": "user", "content": "Where?" });
        let first = answer(&json!({ "model": "fake-1", "messages": [user], "tools": tools }));
        let call = Said::Call { name: "lookup".to_owned(), arguments: r#"{"city":"Hamburg"}"#.to_owned() };
        assert_eq!((&first.said, first.finish_reason), (&call, "tool_calls"));
        let tool = json!({ "role": "tool", "tool_call_id": "call_1", "content": "Hamburg" });
        let second = answer(&json!({ "model": "fake-1", "messages": [user, tool], "tools": tools }));
        assert_eq!(second.finish_reason, "stop");
        let none = answer(&json!({ "model": "fake-1", "messages": [user], "tools": tools, "tool_choice": "none" }));
        assert_eq!(none.finish_reason, "stop");
    }

    #[test]
    fn a_limit_cuts_and_says_so() {
        let body =
            json!({ "model": "fake-1", "messages": [{ "role": "user", "content": "12345678" }], "max_tokens": 3 });
        let cut = answer(&body);
        assert_eq!((text(&cut).as_str(), cut.finish_reason), ("The purchase order", "length"));
        assert_eq!((cut.prompt_tokens, cut.completion_tokens), (5, 3));
    }

    #[test]
    fn echo_says_what_the_last_question_said() {
        let parts = json!([{ "type": "text", "text": "Grüße, 日本" }]);
        let said = answer(&json!({ "model": "echo", "messages": [{ "role": "user", "content": parts }] }));
        assert_eq!(text(&said), "Grüße, 日本");
    }
}
