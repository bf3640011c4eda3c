//! A run as a step of a goal: what it is told of the steps before it, kept with the run so that whoever takes it over knows.

use millwright_core::id::{ChunkId, ConversationId, GoalId, MessageId};
use millwright_retrieval::search::Passage;
use millwright_store::{TenantTx, tenant::MessageRow};
use serde::{Deserialize, Serialize};

use crate::{
    AgentError,
    runner::Inner,
    verify::{Gate, Statement},
};

/// So many statements of other steps a language model is given: each step of a plan has a turn.
pub(crate) const FOR_A_MODEL: usize = 24;
/// So many of them are quoted where there is none.
pub(crate) const FOR_QUOTES: usize = 96;

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
    /// What a model is told beside the usual, in our own words.
    pub(crate) fn instruction(&self) -> &'static str {
        if self.is_report { REPORT } else { "" }
    }

    /// What is added to the question where an answer before did not do, with personal data as it is: demands are words of a person.
    pub(crate) async fn finding(&self, inner: &Inner, tx: &mut TenantTx) -> Result<String, AgentError> {
        let Some(finding) = &self.finding else { return Ok(String::new()) };
        let sealed = tx.vaults().get(self.home).await?;
        let finding = inner.governance.open(self.home, sealed.as_deref())?.restore(finding);
        Ok(format!(
            "\n\n(Your answer before did not do: {finding}. Answer again so that it does, if the passages hold it.)"
        ))
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

/// What an answer says and the passage that it stands on; the words are empty for a passage that is only cited beside others.
pub(crate) type Brought = (ChunkId, String);

/// What answers say, each statement once, and how many were left out beyond `most`; of each answer in turn, so that none is left out
/// for the length of another.
pub(crate) fn said(messages: &[MessageRow], most: usize) -> (Vec<Brought>, usize) {
    let of_each: Vec<Vec<Brought>> = messages.iter().map(said_in).collect();
    let longest = of_each.iter().map(Vec::len).max().unwrap_or(0);
    let in_turn = (0..longest).flat_map(|place| of_each.iter().filter_map(move |said| said.get(place)));
    let mut found: Vec<Brought> = Vec::new();
    for brought in in_turn {
        if !found.contains(brought) {
            found.push(brought.clone());
        }
    }
    let left_out = found.len().saturating_sub(most);
    found.truncate(most);
    (found, left_out)
}

fn said_in(answer: &MessageRow) -> Vec<Brought> {
    let citations = answer.citations.as_array().map_or(&[][..], Vec::as_slice);
    let chunk = |number: u32| {
        let citation = citations.iter().find(|citation| citation["number"] == number)?;
        serde_json::from_value::<ChunkId>(citation["chunk_id"].clone()).ok()
    };
    let mut gate = Gate::default();
    let mut statements = gate.push(&answer.content);
    statements.extend(gate.finish());
    let mut said = Vec::new();
    for Statement { body, markers, .. } in statements {
        let chunks = markers.into_iter().filter_map(chunk);
        said.extend(chunks.enumerate().map(|(at, chunk)| (chunk, if at == 0 { body.clone() } else { String::new() })));
    }
    said
}

/// A report without a language model: what the steps have said of these passages, as they said it.
pub(crate) fn said_again(brought: &[Brought], passages: &[Passage]) -> Vec<String> {
    let number = |chunk| passages.iter().position(|passage| passage.chunk_id == chunk).map(|at| at + 1);
    let said = brought.iter().filter(|(_, words)| !words.is_empty());
    said.filter_map(|(chunk, words)| Some(format!("{words} [{}]\n\n", number(*chunk)?))).collect()
}
