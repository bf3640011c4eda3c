//! What a server offers, read for whoever administers it.

use std::time::Duration;

use millwright_core::id::McpServerId;
use millwright_governance::GovernanceError;
use millwright_mcp::{AddressError, Endpoint, McpError};
use millwright_policy::injection::{self, Channel};
use millwright_store::tenant::{McpServerRow, ReadMcpTool};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{AgentError, Runner, runner::Inner};

/// So many sentences that look like instructions are shown of a tool.
const MAX_SENTENCES: usize = 5;
const MAX_SENTENCE_CHARS: usize = 300;

/// Less than a request may take.
const MOST_PATIENCE: Duration = Duration::from_secs(20);

/// MCP servers, for whoever administers them. Cheap to make.
#[derive(Debug, Clone)]
pub struct Servers {
    runner: Runner,
}

/// What the check for instructions says of a tool's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspicion {
    /// Whether a sentence looks like an instruction to a model: models are told of the tool without it.
    pub is_hit: bool,
    /// From 0, harmless, to 1.
    pub score: f32,
    /// A score at or above it is a hit.
    pub threshold: f32,
    /// The sentences, at most five.
    pub sentences: Vec<String>,
}

/// The tools that a server offers.
#[derive(Debug)]
pub struct ReadTools {
    /// By name.
    pub tools: Vec<ReadMcpTool>,
    /// In this revision of the protocol.
    pub revision: String,
}

impl Servers {
    pub(crate) fn new(runner: Runner) -> Self {
        Self { runner }
    }

    fn inner(&self) -> &Inner {
        &self.runner.0
    }

    /// Whether the operator allows any.
    pub fn is_configured(&self) -> bool {
        !self.inner().outside.is_empty()
    }

    /// The address of a server, as it is kept.
    ///
    /// # Errors
    /// When the operator does not allow it.
    pub fn address(&self, text: &str) -> Result<Url, AddressError> {
        self.inner().outside.address(text)
    }

    /// A token in a form that only opens for this server.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn seal(&self, server: McpServerId, token: &str) -> Result<Vec<u8>, GovernanceError> {
        self.inner().governance.seal_token(server, token)
    }

    /// Asks a server which tools it offers, and looks their words over.
    ///
    /// # Errors
    /// When the server cannot be reached or does not keep to the protocol.
    pub async fn read(&self, server: &McpServerRow) -> Result<ReadTools, AgentError> {
        let mut endpoint = endpoint(self.inner(), server)?;
        // Somebody waits for it.
        endpoint.patience = endpoint.patience.min(MOST_PATIENCE);
        let listed = millwright_mcp::list(&endpoint).await?;
        let looked_over = tokio::task::spawn_blocking(move || {
            let tools = listed.tools.iter().filter_map(|tool| {
                Some(ReadMcpTool {
                    name: tool.name.clone(),
                    digest: tool.digest()?,
                    declaration: serde_json::to_value(tool).ok().filter(is_storable)?,
                    suspicion: serde_json::to_value(suspicion(&tool.words())).ok()?,
                })
            });
            (tools.collect(), listed.revision)
        });
        let (tools, revision) = looked_over.await.map_err(|_| AgentError::Classifier)?;
        Ok(ReadTools { tools, revision })
    }
}

/// No database stores this character.
fn is_storable(value: &serde_json::Value) -> bool {
    !value.to_string().contains("\\u0000")
}

fn suspicion(words: &str) -> Suspicion {
    let verdict = injection::check(Channel::Content, words);
    let sentence = |span: &std::ops::Range<usize>| words.get(span.clone());
    let sentences = verdict.spans.iter().filter_map(sentence).take(MAX_SENTENCES);
    let short = |text: &str| text.trim().chars().take(MAX_SENTENCE_CHARS).collect();
    let sentences = if verdict.is_hit { sentences.map(short).collect() } else { Vec::new() };
    Suspicion { is_hit: verdict.is_hit, score: verdict.score, threshold: verdict.threshold, sentences }
}

/// How a server is reached now: where the operator allows none at its address any more, not at all.
pub(super) fn endpoint(inner: &Inner, server: &McpServerRow) -> Result<Endpoint, AgentError> {
    let url = inner.outside.address(&server.settings.url).map_err(|_| AgentError::Outside(McpError::Unreachable))?;
    let sealed = server.settings.sealed_bearer.as_deref();
    let bearer = sealed.map(|sealed| inner.governance.open_token(server.id, sealed)).transpose()?;
    let seconds = u64::try_from(server.settings.timeout_s).unwrap_or(1);
    Ok(Endpoint { url, bearer, patience: Duration::from_secs(seconds) })
}
