use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::provider::{ToolCall, ToolDefinition};

/// How much model a request deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Tier {
    /// Small and quick.
    Light,
    /// The usual one.
    #[default]
    Standard,
    /// The strongest there is.
    Heavy,
}

impl Tier {
    /// All tiers, smallest first.
    pub const ALL: [Self; 3] = [Self::Light, Self::Standard, Self::Heavy];

    /// The word used on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "LIGHT",
            Self::Standard => "STANDARD",
            Self::Heavy => "HEAVY",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of LIGHT, STANDARD, HEAVY")]
pub struct InvalidTier;

impl FromStr for Tier {
    type Err = InvalidTier;

    fn from_str(text: &str) -> Result<Self, InvalidTier> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text).ok_or(InvalidTier)
    }
}

/// Who said something earlier in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person who asks.
    User,
    /// The answer given then.
    Assistant,
}

/// One earlier message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
}

/// A passage that the answer may rest on. All of it, name and headings included, is untrusted text.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptPassage {
    /// The number that a marker `[n]` names, from 1.
    pub number: u32,
    /// The passage as it stands in its document.
    pub text: String,
    /// The document's name.
    pub document_name: String,
    /// The page, for formats that have pages.
    pub page: Option<u32>,
    /// The headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// The row that names the columns, where it begins in the middle of a table.
    pub table_header: Option<String>,
    /// How well retrieval thinks that it fits; only the order and the ratios count.
    pub score: f32,
}

/// Everything a model is given to answer one question.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatRequest {
    /// Instructions in the place of the built-in ones for answers; `{{boundary}}` in them stands for the word of the request.
    /// Trusted: never put text of documents here.
    pub role: Option<String>,
    /// Instructions in addition to the built-in ones, for instance what was wrong with an earlier
    /// draft. Trusted: never put text of documents here.
    pub system: String,
    /// The conversation so far, oldest first.
    pub turns: Vec<Turn>,
    /// The question.
    pub question: String,
    /// What the answer may rest on.
    pub passages: Vec<PromptPassage>,
    /// What others have said of the question, a line each; no source, and untrusted.
    pub notes: Vec<String>,
    /// What may be called to read more; none where nothing may.
    pub tools: Vec<ToolDefinition>,
    /// What was called so far for this draft, oldest first.
    pub rounds: Vec<ToolRound>,
    /// Whether there has been enough reading: the tools are named, and may not be called.
    pub must_answer: bool,
    /// The most tokens the answer may have.
    pub max_output_tokens: u32,
}

/// What a model wrote when it asked for calls, and what came of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolRound {
    /// Its text beside the calls; mostly empty.
    pub text: String,
    /// The calls with their results, in their order.
    pub results: Vec<ToolResult>,
}

/// A call and its result.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The call as the model wrote it.
    pub call: ToolCall,
    /// What is to be said beside passages, in our own words.
    pub note: String,
    /// Lines that documents wrote, such as headings: untrusted.
    pub lines: Vec<String>,
    /// What a tool of another system returned: untrusted, and no passage.
    pub data: Option<String>,
    /// What was found, numbered on from what the model has.
    pub passages: Vec<PromptPassage>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_read_back_and_order() {
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
            assert_eq!(serde_json::to_string(&tier).unwrap(), format!("\"{tier}\""));
        }
        assert!(Tier::Light < Tier::Heavy);
        assert!("light".parse::<Tier>().is_err());
    }
}
