//! A request as it came in.

use serde_json::Value;

/// A request for an answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its body as it came.
    pub body: String,
    value: Value,
}

impl Request {
    pub(crate) fn new(body: String) -> Result<Self, serde_json::Error> {
        Ok(Self { value: serde_json::from_str(&body)?, body })
    }

    /// Its body.
    pub fn json(&self) -> &Value {
        &self.value
    }

    /// The messages.
    pub fn messages(&self) -> &[Value] {
        self.value["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The instructions: all messages of the roles `system` and `developer`, a line apart.
    pub fn system(&self) -> String {
        let is_system = |message: &&Value| message["role"] == "system" || message["role"] == "developer";
        self.messages().iter().filter(is_system).map(text_of).collect::<Vec<_>>().join("\n")
    }

    /// The user's last message; empty where there is none.
    pub fn last_user(&self) -> String {
        self.messages().iter().rfind(|message| message["role"] == "user").map(text_of).unwrap_or_default()
    }

    /// What tools have answered since then, oldest first.
    pub fn tool_results(&self) -> Vec<String> {
        let messages = self.messages();
        let since = messages.iter().rposition(|message| message["role"] == "user").map_or(0, |at| at + 1);
        messages[since..].iter().filter(|message| message["role"] == "tool").map(text_of).collect()
    }

    /// The names of the tools that are offered.
    pub fn tools(&self) -> Vec<&str> {
        let tools = self.value["tools"].as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().filter_map(|tool| tool["function"]["name"].as_str()).collect()
    }

    /// The model that is asked for; empty where none is.
    pub fn model(&self) -> &str {
        self.value["model"].as_str().unwrap_or_default()
    }

    /// The kind of the form that the answer is to have.
    pub fn response_format(&self) -> &str {
        self.value["response_format"]["type"].as_str().unwrap_or("text")
    }

    /// The name of the schema that it is to follow; empty where there is none.
    pub fn schema(&self) -> &str {
        self.value["response_format"]["json_schema"]["name"].as_str().unwrap_or_default()
    }

    /// Whether the answer is wanted piece by piece.
    pub fn is_streamed(&self) -> bool {
        self.value["stream"] == true
    }

    /// What came in, in a few words.
    pub(crate) fn describe(&self) -> String {
        let mut words = vec![format!("model `{}`", self.model()), format!("{} messages", self.messages().len())];
        if !self.system().is_empty() {
            words.push(format!("instructions that begin with {:?}", beginning(&self.system())));
        }
        words.push(format!("the user says at last {:?}", end(&self.last_user())));
        words.push(match self.tools().as_slice() {
            [] => "no tools".to_owned(),
            tools => format!("tools {}", tools.join(", ")),
        });
        words.push(match self.tool_results().as_slice() {
            [] => "no tool has answered".to_owned(),
            results => {
                format!("tools have answered {:?}", results.iter().map(|result| beginning(result)).collect::<Vec<_>>())
            }
        });
        words.push(match self.schema() {
            "" => format!("response format {}", self.response_format()),
            name => format!("response format {} `{name}`", self.response_format()),
        });
        words.push(if self.is_streamed() { "streamed".to_owned() } else { "whole".to_owned() });
        words.join("; ")
    }
}

/// The text of a message, of one in parts too.
fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

const SHOWN_CHARS: usize = 120;

fn beginning(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

fn end(text: &str) -> String {
    let count = text.chars().count();
    text.chars().skip(count.saturating_sub(SHOWN_CHARS)).collect()
}
