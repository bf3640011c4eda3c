//! The messages of a chat request in OpenAI's form.

use std::collections::BTreeMap;

use millwright_llm::provider::{Image, Message, Part, ToolCall};
use serde::{Deserialize, de::IgnoredAny};

use super::request::Faults;

const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// One message.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChatMessage {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    role: String,
    /// A text, or a list of parts.
    #[schema(value_type = Option<serde_json::Value>)]
    content: Option<Content>,
    /// Taken and not used.
    #[expect(dead_code, reason = "accepted because the protocol has it")]
    name: Option<String>,
    /// Of an assistant.
    tool_calls: Option<Vec<ToolCallParam>>,
    /// Of a tool.
    tool_call_id: Option<String>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent")]
    refusal: Option<String>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent")]
    reasoning_content: Option<String>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent, and only null is taken")]
    audio: Option<Nothing>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent, and only null is taken")]
    function_call: Option<Nothing>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent")]
    annotations: Option<IgnoredAny>,
    #[schema(ignore)]
    #[expect(dead_code, reason = "clients send back what they were sent")]
    millwright: Option<IgnoredAny>,
}

/// A value that there is none of.
#[derive(Debug, Deserialize)]
enum Nothing {}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

/// A call that the model asked for before.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct ToolCallParam {
    id: String,
    function: CalledFunction,
}

/// Its name and arguments.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub(crate) struct CalledFunction {
    name: String,
    arguments: String,
}

impl ChatMessage {
    /// `names` holds the function of each call so far: results name only the call.
    pub(super) fn parse(self, at: usize, names: &mut BTreeMap<String, String>, faults: &mut Faults) -> Option<Message> {
        let field = |name: &str| format!("messages[{at}].{name}");
        let calls = self.tool_calls.unwrap_or_default();
        if !calls.is_empty() && self.role != "assistant" {
            faults.add(field("tool_calls"), "expected only in messages of the assistant");
        }
        if self.tool_call_id.is_some() && self.role != "tool" {
            faults.add(field("tool_call_id"), "expected only in results of tools");
        }
        let has_content = self.content.is_some();
        let parts = match self.content {
            None => Vec::new(),
            Some(Content::Text(text)) => vec![Part::Text { text }],
            Some(Content::Parts(parts)) => {
                parts.into_iter().filter_map(|part| part.parse(&field("content"), faults)).collect()
            }
        };
        let text_only = |parts: Vec<Part>, faults: &mut Faults| {
            let texts = parts.into_iter().filter_map(|part| match part {
                Part::Text { text } => Some(text),
                Part::Image(_) => {
                    faults.add(field("content"), "expected pictures only in messages of a user");
                    None
                }
            });
            texts.collect::<Vec<_>>().join("\n")
        };
        if !has_content && (self.role != "assistant" || calls.is_empty()) {
            faults.add(field("content"), "expected a text or a list of parts");
        }
        Some(match self.role.as_str() {
            "system" | "developer" => Message::System { text: text_only(parts, faults) },
            "user" => Message::User { parts },
            "assistant" => {
                let calls = calls.into_iter().map(|call| {
                    names.insert(call.id.clone(), call.function.name.clone());
                    ToolCall { id: call.id, name: call.function.name, arguments: call.function.arguments }
                });
                let tool_calls = calls.collect();
                Message::Assistant { text: text_only(parts, faults), tool_calls }
            }
            "tool" => {
                let call_id = self.tool_call_id.unwrap_or_default();
                let Some(name) = names.get(&call_id).cloned() else {
                    faults.add(field("tool_call_id"), "expected the id of a call in a message before");
                    return None;
                };
                Message::Tool { call_id, name, text: text_only(parts, faults) }
            }
            _ => {
                faults.add(field("role"), "expected `system`, `developer`, `user`, `assistant` or `tool`");
                return None;
            }
        })
    }
}

impl ContentPart {
    fn parse(self, field: &str, faults: &mut Faults) -> Option<Part> {
        match self {
            Self::Text { text } => Some(Part::Text { text }),
            Self::ImageUrl { image_url: ImageUrl { url } } => {
                // No address is fetched for anybody: that would reach into the site's own network.
                let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
                match data {
                    Some((media_type, base64)) if IMAGE_TYPES.contains(&media_type) && !base64.is_empty() => {
                        Some(Part::Image(Image { media_type: media_type.to_owned(), base64: base64.to_owned() }))
                    }
                    _ => {
                        faults.add(
                            field,
                            format!(
                                "expected pictures as `data:` addresses in base64, of type {}",
                                IMAGE_TYPES.join(", ")
                            ),
                        );
                        None
                    }
                }
            }
        }
    }
}
