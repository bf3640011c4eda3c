//! Which requests a turn answers.

use std::{fmt, num::NonZeroU32};

use serde::Deserialize;

use crate::{Request, yaml::Texts};

/// What a request has to be like. All that is named has to hold; of a list of texts, each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Texts in the last message of the user.
    #[serde(default)]
    pub last_user_contains: Texts,
    /// Texts in the instructions, wherever they stand among the messages.
    #[serde(default)]
    pub system_contains: Texts,
    /// The name of the model that is asked for.
    pub model: Option<String>,
    /// Whether the answer is wanted piece by piece.
    pub stream: Option<bool>,
    /// Whether tools are offered.
    pub has_tools: Option<bool>,
    /// Names of tools that are offered.
    #[serde(default)]
    pub offers: Texts,
    /// Whether tools have answered since the user's last message, or texts that one of their answers holds.
    pub has_tool_result: Option<ToolResult>,
    /// The form that the answer is to have.
    pub response_format: Option<ResponseFormat>,
    /// The name of the JSON Schema that the answer is to follow.
    pub schema: Option<String>,
    /// Of the requests for which all the rest holds, this one alone; the first is 1.
    pub nth: Option<NonZeroU32>,
}

/// What is wanted of tools' answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected true, false, a text or a list of texts (a number in quotes)")]
pub enum ToolResult {
    /// Whether there are any.
    Any(bool),
    /// Texts that stand in one of them.
    Contains(Texts),
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Any; so too where none is named.
    Text,
    /// JSON.
    JsonObject,
    /// JSON by a schema.
    JsonSchema,
}

impl ResponseFormat {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::JsonObject => "json_object",
            Self::JsonSchema => "json_schema",
        }
    }
}

impl When {
    /// The first thing that does not hold, `nth` aside.
    pub(crate) fn mismatch(&self, request: &Request) -> Option<String> {
        let text = |name: &str, wanted: &Texts, has: &dyn Fn(&str) -> bool| {
            let missing = wanted.0.iter().find(|text| !has(text))?;
            Some(format!("{name} {missing:?}"))
        };
        let (user, system) = (request.last_user(), request.system());
        let (offered, results) = (request.tools(), request.tool_results());
        text("last_user_contains", &self.last_user_contains, &|text| user.contains(text))
            .or_else(|| text("system_contains", &self.system_contains, &|text| system.contains(text)))
            .or_else(|| unlike("model", self.model.as_deref(), request.model()))
            .or_else(|| unlike("stream", self.stream, request.is_streamed()))
            .or_else(|| unlike("has_tools", self.has_tools, !offered.is_empty()))
            .or_else(|| text("offers", &self.offers, &|name| offered.contains(&name)))
            .or_else(|| match &self.has_tool_result {
                Some(ToolResult::Any(any)) => unlike("has_tool_result", Some(*any), !results.is_empty()),
                Some(ToolResult::Contains(texts)) => {
                    text("has_tool_result", texts, &|text| results.iter().any(|result| result.contains(text)))
                }
                None => None,
            })
            .or_else(|| {
                let wanted = self.response_format.map(ResponseFormat::as_str);
                unlike("response_format", wanted, request.response_format())
            })
            .or_else(|| unlike("schema", self.schema.as_deref(), request.schema()))
    }

    /// Whether it fits every request.
    pub(crate) fn is_anything(&self) -> bool {
        *self == Self::default()
    }

    /// All texts, to be checked.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &String> {
        let results = match &self.has_tool_result {
            Some(ToolResult::Contains(texts)) => Some(texts),
            _ => None,
        };
        let lists = [&self.last_user_contains, &self.system_contains, &self.offers];
        lists.into_iter().chain(results).flat_map(|texts| &texts.0)
    }
}

fn unlike<T: PartialEq + fmt::Display + Copy>(name: &str, wanted: Option<T>, is: T) -> Option<String> {
    wanted.filter(|wanted| *wanted != is).map(|wanted| format!("{name} {wanted}"))
}
