//! A run as a step of a goal: what it is told of the steps before it, kept with the run so that whoever takes it over knows.

use millwright_core::id::{ChunkId, ConversationId, GoalId, MessageId};
use millwright_store::{TenantTx, tenant::MessageRow};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AgentError, runner::Inner};

/// So many quotes of other steps a run begins with.
const MAX_BROUGHT: usize = 16;

/// What a model is told that writes the report.
const REPORT: &str = "The question is the goal of a plan, and the turns before it are what its steps have asked and found. Bring \
     together, in one answer to the goal, what the passages hold of it. Do not repeat what is said twice, and leave out what \
     no passage holds.";

/// What a run is for its goal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) goal: GoalId,
    /// The goal's own conversation, whose placeholders stand in the finding.
    pub(crate) home: ConversationId,
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
    /// What a model is told beside the usual, with personal data as it is.
    pub(crate) async fn instruction(&self, inner: &Inner, tx: &mut TenantTx) -> Result<String, AgentError> {
        let finding = match &self.finding {
            Some(finding) => {
                let sealed = tx.vaults().get(self.home).await?;
                Some(inner.governance.open(self.home, sealed.as_deref())?.restore(finding))
            }
            None => None,
        };
        let finding = finding.map(|finding| {
            format!("Your answer before did not do: {finding}. Answer again so that it does, if the passages hold it.")
        });
        let report = self.is_report.then(|| REPORT.to_owned());
        Ok(report.into_iter().chain(finding).collect::<Vec<_>>().join("\n"))
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
        before.extend(question.into_iter().chain([answer]).map(|mut row| {
            row.content = vault.restore(&row.content);
            for citation in row.citations.as_array_mut().into_iter().flatten() {
                if let Some(quote) = citation["quote"].as_str() {
                    citation["quote"] = vault.restore(quote).into();
                }
            }
            row
        }));
    }
    Ok(before)
}

/// What answers stand on: a passage, and the quote from it.
pub(crate) type Brought = (ChunkId, String);

/// What answers cite, each quote once; of each answer in turn, so that none is left out for the length of another.
pub(crate) fn cited(messages: &[MessageRow]) -> Vec<Brought> {
    let quotes = |answer: &MessageRow| -> Vec<Brought> {
        let cited = answer.citations.as_array().into_iter().flatten();
        let quote = |citation: &Value| citation["quote"].as_str().unwrap_or_default().to_owned();
        cited.filter_map(|at| Some((serde_json::from_value(at["chunk_id"].clone()).ok()?, quote(at)))).collect()
    };
    let of_each: Vec<Vec<Brought>> = messages.iter().map(quotes).collect();
    let longest = of_each.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|place| of_each.iter().filter_map(move |quotes| quotes.get(place)));
    let mut found: Vec<Brought> = Vec::new();
    for brought in in_turn {
        if found.len() < MAX_BROUGHT && !found.contains(brought) {
            found.push(brought.clone());
        }
    }
    found
}
