//! How a question becomes a run: messages, run, first events and their proofs in one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Principal,
    id::{ConversationId, MessageId, RunId},
};
use millwright_llm::Tier;
use millwright_store::{
    Proof, TenantTx,
    tenant::{MessageRole, MessageStatus, NewMessage, NewRun, RunEventRow},
};

use crate::{AgentError, runner::Inner};

/// The longest question.
pub const MAX_MESSAGE_CHARS: usize = 16_000;
const MAX_TITLE_CHARS: usize = 80;

/// What a person asks.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// The question; none to have an answer given anew.
    pub message: Option<String>,
    /// In which conversation; none begins one.
    pub conversation_id: Option<ConversationId>,
    /// Where in the conversation's tree the question stands.
    pub parent: Parent,
    /// The answer that shall get a sibling.
    pub regenerate: Option<MessageId>,
    /// How much model it is worth.
    pub tier: Tier,
    /// The request, for the audit log.
    pub trace_id: String,
}

/// What a question follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// The newest message.
    Newest,
    /// Nothing: it stands beside the first question.
    Root,
    /// This message.
    Message(MessageId),
}

/// A run that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartedRun {
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// The run.
    pub run_id: RunId,
    /// The question.
    pub user_message_id: MessageId,
    /// The answer to be.
    pub assistant_message_id: MessageId,
}

/// What was stored for a run before it is worked on.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) ids: StartedRun,
    pub(crate) question: String,
    pub(crate) title: String,
    /// When, for the run and its answer.
    pub(crate) created_at: DateTime<Utc>,
    /// The question's row, where it is a new one: stored together with the answer to be.
    row: Option<NewMessage>,
}

/// Finds or begins the conversation and the question's place in it.
pub(crate) async fn place_question(
    inner: &Inner,
    tx: &mut TenantTx,
    principal: &Principal,
    command: StartRun,
    proofs: &mut Vec<AuditEvent>,
) -> Result<Prepared, AgentError> {
    let now = inner.sources.now();
    let (conversation_id, title, place) = match (command.message, command.conversation_id, command.regenerate) {
        (Some(message), None, None) => {
            let message = checked(&message)?;
            let (id, title) = (inner.sources.new_id::<ConversationId>(), title(&message));
            tx.conversations().insert(id, principal.user_id, &title, now).await?;
            let actor = Actor::User(principal.user_id);
            let action = AuditAction::ConversationCreated;
            proofs.push(AuditEvent::new(&inner.sources, principal.tenant_id(), actor, action, id));
            (id, title, Place::New { parent: None, message })
        }
        (Some(message), Some(conversation), None) => {
            let message = checked(&message)?;
            let title = tx.conversations().require(conversation, principal.user_id).await?.title;
            let parent = resolve(tx, conversation, command.parent).await?;
            (conversation, title, Place::New { parent, message })
        }
        (None, Some(conversation), Some(answer)) => {
            let title = tx.conversations().require(conversation, principal.user_id).await?.title;
            (conversation, title, question_of(tx, conversation, answer).await?)
        }
        _ => return Err(AgentError::InvalidParent("name either a question, or a conversation and an answer")),
    };
    let (user_message_id, question, row) = match place {
        Place::Known { id, content } => (id, content, None),
        Place::New { parent, message } => {
            let id = inner.sources.new_id::<MessageId>();
            let row = NewMessage {
                id,
                conversation_id,
                parent_id: parent,
                role: MessageRole::User,
                content: message.clone(),
                status: MessageStatus::Complete,
                run_id: None,
                created_at: now,
            };
            (id, message, Some(row))
        }
    };
    let ids = StartedRun {
        conversation_id,
        run_id: inner.sources.new_id(),
        user_message_id,
        assistant_message_id: inner.sources.new_id(),
    };
    // After the question by the smallest step there is: the tree is read in the order of time.
    let created_at = now + TimeDelta::microseconds(1);
    Ok(Prepared { ids, question, title, created_at, row })
}

/// Stores the question, the answer to be, and the run that writes it with its first events.
pub(crate) async fn store_run(
    inner: &Inner,
    tx: &mut TenantTx,
    principal: &Principal,
    prepared: &mut Prepared,
    (tier, model): (Tier, &str),
    events: &[RunEventRow],
    proofs: &mut Vec<AuditEvent>,
) -> Result<(), AgentError> {
    let (ids, now) = (prepared.ids, prepared.created_at);
    let answer = NewMessage {
        id: ids.assistant_message_id,
        conversation_id: ids.conversation_id,
        parent_id: Some(ids.user_message_id),
        role: MessageRole::Assistant,
        content: String::new(),
        status: MessageStatus::Streaming,
        run_id: Some(ids.run_id),
        created_at: now,
    };
    let messages: Vec<_> = prepared.row.take().into_iter().chain([answer]).collect();
    tx.messages().insert_all(&messages).await?;
    let run = NewRun {
        id: ids.run_id,
        conversation_id: ids.conversation_id,
        user_id: principal.user_id,
        user_message_id: ids.user_message_id,
        assistant_message_id: ids.assistant_message_id,
        tier: tier.as_str().to_owned(),
        model: model.to_owned(),
        created_at: now,
    };
    tx.runs().insert(&run, events).await?;
    let actor = Actor::User(principal.user_id);
    let proof = AuditEvent::new(&inner.sources, principal.tenant_id(), actor, AuditAction::RunStarted, ids.run_id)
        .detail("conversation_id", ids.conversation_id.to_string())
        .detail("model", model)
        .detail("tier", tier.as_str());
    proofs.push(proof);
    Ok(())
}

/// Commits with the proofs of all changes.
pub(crate) async fn commit(
    inner: &Inner,
    tx: TenantTx,
    proofs: &[AuditEvent],
    trace_id: &str,
) -> Result<(), AgentError> {
    let mut records = Vec::with_capacity(proofs.len());
    for proof in proofs {
        let mut proof = proof.clone();
        proof.trace_id = Some(trace_id.to_owned());
        records.push(inner.audit_key.authenticate(&proof)?);
    }
    tx.commit(Proof::Entries(&records)).await?;
    Ok(())
}

enum Place {
    New { parent: Option<MessageId>, message: String },
    Known { id: MessageId, content: String },
}

async fn resolve(
    tx: &mut TenantTx,
    conversation: ConversationId,
    parent: Parent,
) -> Result<Option<MessageId>, AgentError> {
    let row = match parent {
        Parent::Root => return Ok(None),
        Parent::Newest => tx.messages().newest(conversation).await?,
        Parent::Message(id) => {
            let row = tx.messages().get(conversation, id).await?;
            Some(row.ok_or(millwright_store::StoreError::NotFound("message"))?)
        }
    };
    let Some(row) = row else { return Ok(None) };
    if row.status == MessageStatus::Streaming {
        return Err(AgentError::StillRunning);
    }
    if row.role == MessageRole::User {
        return Err(AgentError::InvalidParent("a question follows an answer: name the answer as parent message"));
    }
    Ok(Some(row.id))
}

async fn question_of(tx: &mut TenantTx, conversation: ConversationId, answer: MessageId) -> Result<Place, AgentError> {
    let missing = || millwright_store::StoreError::NotFound("message");
    let row = tx.messages().get(conversation, answer).await?.ok_or_else(missing)?;
    if row.role != MessageRole::Assistant {
        return Err(AgentError::InvalidParent("only an answer can be given anew: name an answer"));
    }
    if row.status == MessageStatus::Streaming {
        return Err(AgentError::StillRunning);
    }
    let parent = row.parent_id.map(MessageId::from).ok_or_else(missing)?;
    let question = tx.messages().get(conversation, parent).await?.ok_or_else(missing)?;
    Ok(Place::Known { id: question.id, content: question.content })
}

fn checked(message: &str) -> Result<String, AgentError> {
    let message = message.trim();
    let chars = message.chars().count();
    // PostgreSQL cannot store the character zero.
    if (1..=MAX_MESSAGE_CHARS).contains(&chars) && !message.contains('\0') {
        Ok(message.to_owned())
    } else {
        Err(AgentError::InvalidMessage { chars })
    }
}

/// The question's first words.
fn title(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_TITLE_CHARS {
        return line;
    }
    let cut: String = line.chars().take(MAX_TITLE_CHARS - 1).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_words() {
        assert_eq!(title("How often?\nSecond line"), "How often?");
        let long = title(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.chars().count() <= MAX_TITLE_CHARS, "{long}");
        assert_eq!(title(&"x".repeat(200)).chars().count(), MAX_TITLE_CHARS);
    }

    #[test]
    fn a_message_has_text() {
        assert!(checked(" \n ").is_err() && checked(&"x".repeat(MAX_MESSAGE_CHARS + 1)).is_err());
        assert!(checked("a\0b").is_err());
        assert_eq!(checked(" hi ").unwrap(), "hi");
    }
}
