//! How something comes to be remembered.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use millwright_audit::AuditAction;
use millwright_core::{
    Classification, Label, Permission, Principal,
    id::{ChunkId, ConversationId, GoalId, MemoryId, MessageId, RunId},
};
use millwright_governance::GovernanceError;
use millwright_retrieval::search::Passage;
use millwright_store::{
    StoreError, TenantTx,
    tenant::{
        ChangedMemory, GoalStatus, MemoryKind, MemoryRow, MessageRole, MessageRow, MessageStatus, NewMemory, Reader,
        WantedMemories, label_of_json,
    },
};

use super::{Content, MAX_ABOUT_ME_CHARS, MAX_NAME_CHARS, MAX_SENTENCE_CHARS, MOST_MEMORIES, proof};
use crate::{
    AgentError, chat,
    citation::{Citation, Citations},
    context::without_markers,
    guard,
    runner::Inner,
    verify::{Checked, Gate, Statement, Verifier},
};

/// What is to be remembered.
#[derive(Debug, Clone)]
pub enum Remember {
    /// The person's own words about themselves and their work.
    AboutMe {
        /// Up to [`MAX_ABOUT_ME_CHARS`].
        text: String,
        /// How confidential they are.
        classification: Classification,
    },
    /// A sentence of an answer that the person was given.
    Sentence {
        /// The answer.
        message: MessageId,
        /// As it stands there, with or without markers.
        sentence: String,
    },
    /// The plan of a goal that came to its end.
    Procedure {
        /// The goal.
        goal: GoalId,
        /// What to call it; absent: as the goal is called.
        name: Option<String>,
    },
}

/// Until when something is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// As long as is usual.
    Usual,
    /// Until this moment.
    At(DateTime<Utc>),
    /// Until the person forgets it.
    Never,
}

/// What passed its check.
struct Passed {
    kind: MemoryKind,
    content: Content,
    label: Label,
    from: (Option<ConversationId>, Option<MessageId>, Option<RunId>, Option<GoalId>),
    chunks: Vec<ChunkId>,
}

pub(super) async fn remember(
    inner: &Arc<Inner>,
    principal: &Principal,
    (what, expiry): (Remember, Expiry),
    trace_id: &str,
) -> Result<(MemoryId, bool), AgentError> {
    let passed = match what {
        Remember::AboutMe { text, classification } => {
            let text = inspected(inner, principal, &text, trace_id).await?;
            let label = Label::of(classification);
            if !inner.governance.clearance(principal).await?.may_have(&label) {
                return Err(AgentError::InvalidMemory("classification"));
            }
            let from = (None, None, None, None);
            Passed { kind: MemoryKind::AboutMe, content: Content::of(text), label, from, chunks: Vec::new() }
        }
        Remember::Sentence { message, sentence } => fact(inner, principal, message, &sentence).await?,
        Remember::Procedure { goal, name } => procedure(inner, principal, goal, name).await?,
    };
    store(inner, principal, (passed, expiry), trace_id).await
}

/// Words of the person after their checks. What is remembered comes back in each conversation, so what looks like an attempt to
/// take the assistant over is refused whatever the organisation does with such messages.
pub(super) async fn inspected(
    inner: &Arc<Inner>,
    principal: &Principal,
    text: &str,
    trace_id: &str,
) -> Result<String, AgentError> {
    let text = text.replace('\0', "").trim().to_owned();
    if text.is_empty() || text.chars().count() > MAX_ABOUT_ME_CHARS {
        return Err(AgentError::InvalidMemory("about_me"));
    }
    let policy = inner.governance.of(&principal.scope).await?;
    let inspected = guard::inspect_message(inner, principal, &policy, &text, trace_id).await?;
    match inspected.events.into_iter().find(|event| event.kind == millwright_store::tenant::PolicyEventKind::Injection)
    {
        Some(mut event) => {
            event.outcome = "block";
            guard::refuse(inner, principal, event, trace_id).await?;
            Err(GovernanceError::Injection.into())
        }
        None => Ok(text),
    }
}

/// Stores what passed, unless the same is remembered already, as confidential and from the same passages: that is kept for as long
/// as is said now, if anything is said of it.
async fn store(
    inner: &Inner,
    principal: &Principal,
    (passed, expiry): (Passed, Expiry),
    trace_id: &str,
) -> Result<(MemoryId, bool), AgentError> {
    let (user, now) = (principal.user_id, inner.sources.now());
    let expires_at = expiry.at(now)?;
    let mut tx = inner.store.tenant(&principal.scope).begin().await?;
    tx.memories().lock(user).await?;
    let wanted = WantedMemories { kinds: &[passed.kind], ..WantedMemories::default() };
    let known = tx.memories().list(user, now, wanted).await?;
    let is_same = |row: &&MemoryRow| {
        label_of_json(row.label.clone()) == passed.label
            && row.chunk_ids.iter().copied().eq(passed.chunks.iter().map(|chunk| chunk.uuid()))
            && Content::open(inner, row).is_ok_and(|known| known.text == passed.content.text)
    };
    if let Some(row) = known.iter().find(is_same) {
        if expiry != Expiry::Usual && row.expires_at != expires_at {
            let change = ChangedMemory { sealed: None, expires_at, changed_at: now };
            tx.memories().change(row.id, user, &change).await?;
            let proof = proof(inner, principal, AuditAction::MemoryChanged, row.id).detail("changed", ["expires_at"]);
            chat::commit(inner, tx, &[proof], trace_id).await?;
        }
        return Ok((row.id, false));
    }
    if tx.memories().count(user, now).await? >= MOST_MEMORIES {
        return Err(AgentError::TooManyMemories);
    }
    let id = inner.sources.new_id::<MemoryId>();
    let (conversation_id, message_id, run_id, goal_id) = passed.from;
    let memory = NewMemory {
        id,
        user_id: user,
        kind: passed.kind,
        sealed: passed.content.sealed(inner, user, id)?,
        label: passed.label,
        conversation_id,
        message_id,
        run_id,
        goal_id,
        chunk_ids: passed.chunks,
        created_at: now,
        expires_at,
    };
    tx.memories().insert(&memory).await?;
    let mut proof = proof(inner, principal, AuditAction::MemoryCreated, id)
        .detail("kind", memory.kind.as_str())
        .detail("classification", memory.label.classification.as_str());
    if let Some(message) = message_id {
        proof = proof.detail("message_id", message.to_string());
    }
    if let Some(goal) = goal_id {
        proof = proof.detail("goal_id", goal.to_string());
    }
    chat::commit(inner, tx, &[proof], trace_id).await?;
    Ok((id, true))
}

/// An answer as its reader has it.
struct Answer {
    row: MessageRow,
    label: Label,
    /// What it answers: a sentence of few words is held against it too.
    question: String,
    reader: Reader,
    /// The sentence that is meant; none where the answer does not say it.
    said: Option<Statement>,
}

/// A sentence of an answer, held once more against what it cites.
async fn fact(
    inner: &Arc<Inner>,
    principal: &Principal,
    message: MessageId,
    sentence: &str,
) -> Result<Passed, AgentError> {
    if sentence.is_empty() || sentence.chars().count() > MAX_SENTENCE_CHARS {
        return Err(AgentError::InvalidMemory("sentence"));
    }
    let answer = answer(inner, principal, message, sentence).await?;
    let said = answer.said.ok_or(AgentError::NotInAnswer)?;
    let cited: Vec<Citation> = serde_json::from_value(answer.row.citations.clone()).map_err(|_| AgentError::NotHeld)?;
    let cited = cited.iter().filter(|citation| said.markers.contains(&citation.number));
    let mut chunks: Vec<ChunkId> = cited.map(|citation| citation.chunk_id).collect();
    chunks.dedup();
    let passages = inner.searcher.read_again(&principal.scope, &answer.reader, &chunks).await?;
    let is_whole = !chunks.is_empty() && passages.len() == chunks.len();
    if !is_whole || passages.iter().any(|passage| !passage.is_current) {
        return Err(AgentError::NotHeld);
    }
    let of_passages = Label::join_all(passages.iter().map(|passage| &passage.label));
    let clearance = answer.reader.clearance().clone();
    let (question, body) = (answer.question, said.body.clone());
    let work = tokio::task::spawn_blocking(move || held(&question, said.body, &passages, Citations::of(clearance)));
    let citations = work.await.map_err(|_| AgentError::Classifier)?.ok_or(AgentError::NotHeld)?;
    let run = answer.row.run_id.map(RunId::from);
    let mut chunks: Vec<ChunkId> = citations.iter().map(|citation| citation.chunk_id).collect();
    chunks.dedup();
    Ok(Passed {
        kind: MemoryKind::PlantFact,
        content: Content { text: body, name: None, citations },
        label: answer.label.join(&of_passages),
        from: (Some(answer.row.conversation_id), Some(message), run, None),
        chunks,
    })
}

/// An answer of the person's own, as far as they may read it.
async fn answer(inner: &Inner, principal: &Principal, id: MessageId, sentence: &str) -> Result<Answer, AgentError> {
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let row = tx.messages().require_of(principal.user_id, id).await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    let label = row.label.clone().map_or_else(Label::unreadable, label_of_json);
    if row.role != MessageRole::Assistant || !reader.clearance().may_have(&label) {
        return Err(StoreError::NotFound("message").into());
    }
    if row.status == MessageStatus::Streaming {
        return Err(AgentError::StillRunning);
    }
    let question = match row.parent_id {
        Some(parent) => tx.messages().get(row.conversation_id, parent.into()).await?.map(|question| question.content),
        None => None,
    };
    let vault = vault(inner, &mut tx, row.conversation_id).await?;
    // Who may not read personal data cannot find it out by saying what an answer might have said.
    let said = if principal.permissions.contains(Permission::PersonalDataRead) {
        said(&vault.restore(&row.content), &vault.restore(sentence))
    } else {
        said(&row.content, sentence).map(|said| Statement { body: vault.restore(&said.body), ..said })
    };
    Ok(Answer { question: vault.restore(&question.unwrap_or_default()), row, label, reader, said })
}

async fn vault(
    inner: &Inner,
    tx: &mut TenantTx,
    conversation: ConversationId,
) -> Result<millwright_policy::pii::Vault, AgentError> {
    let sealed = tx.vaults().get(conversation).await?;
    Ok(inner.governance.open(conversation, sealed.as_deref())?)
}

/// The statement of an answer that is this sentence, or holds it; its body is the sentence.
fn said(content: &str, sentence: &str) -> Option<Statement> {
    // Whether its full stop stands before or after the marker.
    let plain = |text: &str| {
        let words = without_markers(text).split_whitespace().collect::<Vec<_>>().join(" ");
        words.trim_end_matches(['.', '!', '?', '。', ' ']).to_owned()
    };
    let wanted = plain(sentence);
    let mut gate = Gate::default();
    let mut statements = gate.push(content);
    statements.extend(gate.finish());
    let body = |body: &str| body[millwright_llm::text::item_mark(body).unwrap_or(0)..].trim().to_owned();
    statements.into_iter().filter(|statement| !wanted.is_empty() && !statement.markers.is_empty()).find_map(
        |statement| {
            let whole = body(&statement.body);
            if plain(&whole) == plain(&body(&wanted)) {
                return Some(Statement { body: whole, gap: String::new(), ..statement });
            }
            let units = millwright_llm::text::units(&whole);
            let unit = units.iter().map(|unit| unit.of(&whole)).find(|unit| plain(unit) == wanted)?.to_owned();
            Some(Statement { body: unit, gap: String::new(), ..statement })
        },
    )
}

/// What a sentence stands on, if each part of it stands on something.
fn held(question: &str, body: String, passages: &[Passage], mut citations: Citations) -> Option<Vec<Citation>> {
    let evidence: Vec<Passage> = passages.iter().map(guard::without_instructions).collect();
    let markers = (1..).take(evidence.len()).collect();
    let checked = Verifier::new(question, &evidence).check(&Statement { gap: String::new(), body, markers });
    for part in checked {
        let Checked::Supported { supports, workings, .. } = part else { return None };
        if !workings.is_empty() {
            return None;
        }
        for support in supports {
            citations.cite(&passages[support.passage], support.start, support.end);
        }
    }
    Some(citations.list().to_vec()).filter(|citations| !citations.is_empty())
}

/// The plan of a goal that is finished.
async fn procedure(
    inner: &Inner,
    principal: &Principal,
    id: GoalId,
    name: Option<String>,
) -> Result<Passed, AgentError> {
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let goal = tx.goals().require(id, principal.user_id).await?;
    if goal.status != GoalStatus::Finished {
        return Err(StoreError::InvalidState("only the plan of a goal that has come to its end is remembered").into());
    }
    let plan = tx.goals().plan(&goal).await?.ok_or(StoreError::NotFound("plan"))?;
    let clearance = tx.labels().clearance(principal.user_id).await?;
    let messages = tx.messages().list(goal.conversation_id).await?;
    // An answer without a label broke off before anybody knew what it was made from.
    let of_message = |message: MessageRow| match (message.label, message.role) {
        (Some(label), _) => label_of_json(label),
        (None, MessageRole::User) => Label::LOWEST,
        (None, MessageRole::Assistant) => Label::unreadable(),
    };
    let labels: Vec<Label> = messages.into_iter().map(of_message).collect();
    let label = Label::join_all(&labels);
    if !clearance.may_have(&label) {
        return Err(StoreError::NotFound("goal").into());
    }
    let title = tx.conversations().require(goal.conversation_id, principal.user_id).await?.title;
    let vault = vault(inner, &mut tx, goal.conversation_id).await?;
    let name = name.map_or_else(|| vault.restore(&title), |name| name.trim().to_owned());
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(AgentError::InvalidMemory("name"));
    }
    Ok(Passed {
        kind: MemoryKind::Procedure,
        content: Content { text: vault.restore(&plan.text), name: Some(name), citations: Vec::new() },
        label,
        from: (Some(goal.conversation_id), None, None, Some(id)),
        chunks: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "Grease the bearing every 500 h with 12 g. Use NLGI 2. [1]\n\n1. Stop the pump. [2]\n2. Wait.";

    #[test]
    fn a_sentence_is_found_with_its_markers_however_it_is_spaced() {
        let markers = |sentence: &str| said(ANSWER, sentence).map(|statement| (statement.body, statement.markers));
        assert_eq!(markers("Use  NLGI 2."), Some(("Use NLGI 2.".to_owned(), vec![1])));
        assert_eq!(markers("1. Stop the pump. [2]"), Some(("Stop the pump.".to_owned(), vec![2])));
        let both = "Grease the bearing every 500 h with 12 g. Use NLGI 2.";
        assert_eq!(markers(both), Some((both.to_owned(), vec![1])));
    }

    #[test]
    fn what_the_answer_does_not_say_or_does_not_cite_is_not_found() {
        for sentence in ["Wait.", "Grease the bearing.", "Use NLGI 3.", "", "  ", "[1]"] {
            assert!(said(ANSWER, sentence).is_none(), "{sentence}");
        }
    }
}
