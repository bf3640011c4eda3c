use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is asked of a model, whatever server it is on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelRequest {
    /// The conversation, oldest first; instructions stand where they are given, usually first.
    pub messages: Vec<Message>,
    /// Functions that the model may ask to be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// Whether it must, may or must not ask for one.
    #[serde(default)]
    pub tool_choice: ToolChoice,
    /// Whether it may ask for several at once; absent: as the server likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// What the answer has to look like.
    #[serde(default)]
    pub output: OutputFormat,
    /// The most tokens of the answer; absent: as the server likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// How the next token is drawn.
    #[serde(default)]
    pub sampling: Sampling,
    /// Log probabilities of each token and of so many alternatives, 0 to 20, where the server has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logprobs: Option<u8>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Instructions.
    System {
        /// Their text.
        text: String,
    },
    /// What a person says.
    User {
        /// Texts and images in their order; at least one.
        parts: Vec<Part>,
    },
    /// What the model said before.
    Assistant {
        /// Its text, perhaps empty where it called tools.
        text: String,
        /// The calls that it asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// What a called function returned.
    Tool {
        /// The call's id.
        call_id: String,
        /// The function's name.
        name: String,
        /// What it returned.
        text: String,
    },
}

/// A part of what a person says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    Image(Image),
}

/// A picture, always with its bytes: no address is fetched for anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
    pub media_type: String,
    /// Its bytes in base64.
    pub base64: String,
}

/// A call of a function that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ToolCall {
    /// Its id, which the result names. Made up where the server gives none.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// Its arguments as JSON text, as the model wrote it: perhaps not valid.
    pub arguments: String,
}

/// A function that may be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether the arguments must follow the schema exactly, where the server can.
    #[serde(default)]
    pub strict: bool,
}

/// Whether the model calls tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(String),
}

/// What an answer looks like.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Text.
    #[default]
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// Its name.
        name: String,
        /// The JSON Schema.
        schema: Value,
        /// Whether it must be followed exactly.
        strict: bool,
    },
}

/// How tokens are drawn; what is absent is as the server likes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// For the same answer to the same question, where the server can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    /// -2 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    /// The answer ends before any of these, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl ModelRequest {
    /// A rough count of the tokens of the prompt, on the safe side for English and German; images count 1,500 each.
    pub fn estimated_input_tokens(&self) -> u64 {
        let text = |text: &str| text.len() as u64 / 3 + 8;
        let of_message = |message: &Message| match message {
            Message::System { text: words } | Message::Tool { text: words, .. } => text(words),
            Message::User { parts } => parts
                .iter()
                .map(|part| match part {
                    Part::Text { text: words } => text(words),
                    Part::Image(_) => 1_500,
                })
                .sum(),
            Message::Assistant { text: words, tool_calls } => {
                text(words) + tool_calls.iter().map(|call| text(&call.arguments)).sum::<u64>()
            }
        };
        let tools = self.tools.iter().map(|tool| text(&tool.description) + text(&tool.parameters.to_string()));
        self.messages.iter().map(of_message).sum::<u64>() + tools.sum::<u64>()
    }

    /// Whether there is a picture in it.
    pub fn has_images(&self) -> bool {
        self.messages.iter().any(|message| {
            matches!(message, Message::User { parts } if parts.iter().any(|part| matches!(part, Part::Image(_))))
        })
    }
}
