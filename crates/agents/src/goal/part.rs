//! A run as a step of a goal: what it is told of the steps before it, kept with the run so that whoever takes it over knows.

use millwright_core::id::{ChunkId, ConversationId, GoalId, MessageId};
use millwright_store::{TenantTx, tenant::MessageRow};
use serde::{Deserialize, Serialize};

use crate::{AgentError, runner::Inner};

/// So many passages that other steps have cited a run begins with.
const MAX_BROUGHT: usize = 16;

/// What a model is told that writes the report.
const REPORT: &str = "The question is the goal of a plan, and the turns before it are what its steps have asked and found. Bring \
     together, in one answer to the goal, what the passages hold of it. Do not repeat what is said twice, and leave out what \
     no passage holds.";

/// What a run is for its goal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) goal: GoalId,
    /// The step's name.
    pub(crate) step: String,
    /// Answers of the steps that it builds on, and where they stand.
    pub(crate) from: Vec<(ConversationId, MessageId)>,
    /// Whether it brings together what others have found, and searches nothing itself.
    pub(crate) is_report: bool,
    /// What was wrong with its answer the last time.
    pub(crate) finding: Option<String>,
}

impl Part {
    /// What a model is told beside the usual.
    pub(crate) fn instruction(&self) -> String {
        let finding = self.finding.as_ref().map(|finding| {
            format!("Your answer before did not do: {finding}. Answer again so that it does, if the passages hold it.")
        });
        let report = self.is_report.then(|| REPORT.to_owned());
        report.into_iter().chain(finding).collect::<Vec<_>>().join("\n")
    }
}

/// The questions and answers of the steps that a run builds on, as a conversation before it: as they were, for they hold
/// placeholders of other conversations.
pub(crate) async fn before(inner: &Inner, tx: &mut TenantTx, part: &Part) -> Result<Vec<MessageRow>, AgentError> {
    let mut before = Vec::new();
    for (conversation, answer) in &part.from {
        let Some(answer) = tx.messages().get(*conversation, *answer).await? else { continue };
        let question = match answer.parent_id {
            Some(parent) => tx.messages().get(*conversation, parent.into()).await?,
            None => None,
        };
        let sealed = tx.vaults().get(*conversation).await?;
        let vault = inner.governance.open(*conversation, sealed.as_deref())?;
        before.extend(question.into_iter().chain([answer]).map(|row| {
            let content = vault.restore(&row.content);
            MessageRow { content, ..row }
        }));
    }
    Ok(before)
}

/// The passages that answers cite, each once; of each answer in turn, so that none is left out for the length of another.
pub(crate) fn cited(messages: &[MessageRow]) -> Vec<ChunkId> {
    let chunks = |answer: &MessageRow| -> Vec<ChunkId> {
        let cited = answer.citations.as_array().into_iter().flatten();
        cited.filter_map(|citation| serde_json::from_value(citation["chunk_id"].clone()).ok()).collect()
    };
    let of_each: Vec<Vec<ChunkId>> = messages.iter().map(chunks).collect();
    let longest = of_each.iter().map(Vec::len).max().unwrap_or(0);
    let mut found: Vec<ChunkId> = Vec::new();
    for place in 0..longest {
        for chunk in of_each.iter().filter_map(|chunks| chunks.get(place)) {
            if found.len() < MAX_BROUGHT && !found.contains(chunk) {
                found.push(*chunk);
            }
        }
    }
    found
}
