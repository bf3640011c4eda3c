//! How a question becomes a run: messages, run, first events and their proofs in one transaction.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Classification, Label, Principal,
    id::{ConversationId, MessageId, RunId},
};
use millwright_governance::TenantPolicy;
use millwright_llm::Tier;
use millwright_store::{
    Proof, TenantTx,
    tenant::{MessageRole, MessageStatus, NewMessage, NewRun, RunEventRow, RunFence, SearchFilter, label_of_json},
};

use crate::{
    AgentError,
    goal::Part,
    guard::{Inspected, inspect_message},
    limits::RunLimits,
    record::kept,
    resume::Input,
    runner::Inner,
    specialist::AgentWish,
    thinking::Thinking,
};

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
    /// What was said before, where a program brings the conversation with it; only for a new one. Oldest first.
    pub history: Vec<History>,
    /// How much model it is worth; absent: what it deserves.
    pub tier: Option<Tier>,
    /// How it is thought through before it is answered; absent: not more than usual. Needs a language model.
    pub thinking: Option<Thinking>,
    /// Whether whoever asks can be asked something before they are answered, and looks whether they are.
    pub may_ask: bool,
    /// What the answer may take.
    pub limits: RunLimits,
    /// Who shall answer.
    pub agent: AgentWish,
    /// How confidential the question itself is.
    pub classification: Classification,
    /// What the search for its answer is narrowed by.
    pub filter: SearchFilter,
    /// The request, for the audit log.
    pub trace_id: String,
}

/// What was said, after its checks.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The question; none where it is stored already.
    pub(crate) message: Option<Inspected>,
    /// What came before it, and whether the assistant said it.
    pub(crate) history: Vec<(bool, Inspected)>,
}

impl Said {
    /// Checks what somebody asks, and what they bring with it.
    ///
    /// # Errors
    /// When it is empty or too long, or the tenant blocks what is in it.
    pub(crate) async fn checked(
        inner: &Arc<Inner>,
        principal: &Principal,
        policy: &Arc<TenantPolicy>,
        command: &StartRun,
    ) -> Result<Self, AgentError> {
        let mut said = Self::default();
        if let Some(message) = &command.message {
            let message = checked(message)?;
            said.message = Some(inspect_message(inner, principal, policy, &message, &command.trace_id).await?);
        }
        if command.tier.is_some() && !policy.routing.explicit_tier {
            return Err(AgentError::TierNotAllowed);
        }
        for before in &command.history {
            let text = checked(&before.text)?;
            let inspected = inspect_message(inner, principal, policy, &text, &command.trace_id).await?;
            said.history.push((before.by_assistant, inspected));
        }
        Ok(said)
    }

    /// Whether any of it looks like an attempt to take the assistant over.
    pub(crate) fn is_suspected(&self) -> bool {
        self.all().any(|message| message.suspected)
    }

    fn all(&self) -> impl Iterator<Item = &Inspected> {
        self.message.iter().chain(self.history.iter().map(|(_, said)| said))
    }
}

/// Whether a question may be thought through: by a model, and where the tenant lets whoever asks choose how much model that is.
///
/// # Errors
/// When it may not.
pub(crate) fn may_think(inner: &Inner, policy: &TenantPolicy) -> Result<(), AgentError> {
    match () {
        () if !inner.gateway.catalog().has_chat() => Err(AgentError::ThinkingNeedsModel),
        () if !policy.routing.explicit_tier => Err(AgentError::ThinkingNotAllowed),
        () => Ok(()),
    }
}

/// What a run is for a goal.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) part: Part,
    /// Which version of the plan it is of, and which time it is tried.
    pub(crate) tried: (i32, i32),
    /// The question where it is stored already.
    pub(crate) question: Option<MessageId>,
}

/// A message that a program brings with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whether the assistant said it, as the program says.
    pub by_assistant: bool,
    /// Its text.
    pub text: String,
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
    /// Of the question.
    pub(crate) label: Label,
    pub(crate) filter: SearchFilter,
    pub(crate) title: String,
    /// When, for the run and its answer.
    pub(crate) created_at: DateTime<Utc>,
    /// New rows: what came before, and the question. Stored together with the answer to be.
    pub(crate) rows: Vec<NewMessage>,
}

/// Finds or begins the conversation and the question's place in it; `stored` is a question that stands there already.
pub(crate) async fn place_question(
    inner: &Inner,
    tx: &mut TenantTx,
    principal: &Principal,
    policy: &TenantPolicy,
    (command, said, stored): (StartRun, Said, Option<MessageId>),
    proofs: &mut Vec<AuditEvent>,
) -> Result<Prepared, AgentError> {
    let now = inner.sources.now();
    for message in said.all() {
        tx.policy_events().insert(&message.events).await?;
    }
    let Said { message, history } = said;
    let mut label = Label::of(command.classification);
    let mut before = Vec::new();
    let (conversation_id, title, place) = match (message, command.conversation_id, command.regenerate) {
        (Some(message), None, None) => {
            let id = inner.sources.new_id::<ConversationId>();
            let sealed;
            (before, sealed) = masked_all(inner, policy, id, &history)?;
            let (message, grown) = masked(inner, policy, id, sealed.as_deref(), &message)?;
            let sealed = grown.or(sealed);
            let title = title(&message);
            tx.conversations().insert(id, principal.user_id, &title, now).await?;
            if let Some(sealed) = sealed {
                tx.vaults().put(id, &sealed, None).await?;
            }
            let actor = Actor::User(principal.user_id);
            let action = AuditAction::ConversationCreated;
            proofs.push(AuditEvent::new(&inner.sources, principal.tenant_id(), actor, action, id));
            (id, title, Place::New { parent: None, message })
        }
        (Some(message), Some(conversation), None) => {
            let title = tx.conversations().require(conversation, principal.user_id).await?.title;
            let message = masked_in(inner, tx, policy, conversation, message).await?;
            let parent = resolve(tx, conversation, command.parent).await?;
            (conversation, title, Place::New { parent, message })
        }
        (None, Some(conversation), answer) if answer.is_some() || stored.is_some() => {
            let title = tx.conversations().require(conversation, principal.user_id).await?.title;
            let place = match answer {
                Some(answer) => question_of(tx, conversation, answer).await?,
                None => stored_question(tx, conversation, stored).await?,
            };
            (conversation, title, place)
        }
        _ => return Err(AgentError::InvalidParent("name either a question, or a conversation and an answer")),
    };
    let (user_message_id, question, rows) = match place {
        Place::Known { id, content, label: known } => {
            label = known;
            (id, content, Vec::new())
        }
        Place::New { parent, message } => {
            let mut rows = said_before(inner, conversation_id, before, &label, now);
            let parent = rows.last().map(|row| row.id).or(parent);
            let id = inner.sources.new_id::<MessageId>();
            let row = NewMessage {
                id,
                conversation_id,
                parent_id: parent,
                role: MessageRole::User,
                content: message.clone(),
                status: MessageStatus::Complete,
                label: Some(label.clone()),
                run_id: None,
                as_of: command.filter.as_of,
                created_at: now,
            };
            rows.push(row);
            (id, message, rows)
        }
    };
    let (run_id, assistant_message_id) = (inner.sources.new_id(), inner.sources.new_id());
    let ids = StartedRun { conversation_id, run_id, user_message_id, assistant_message_id };
    // After the question by the smallest step there is: the tree is read in the order of time.
    let created_at = now + TimeDelta::microseconds(1);
    Ok(Prepared { ids, question, label, filter: command.filter, title, created_at, rows })
}

/// A further message of a conversation with its placeholders, which are stored.
pub(crate) async fn masked_in(
    inner: &Inner,
    tx: &mut TenantTx,
    policy: &TenantPolicy,
    conversation: ConversationId,
    message: Inspected,
) -> Result<String, AgentError> {
    if !message.has_placeholders {
        return Ok(message.text);
    }
    let before = tx.vaults().get(conversation).await?;
    let (text, sealed) = masked(inner, policy, conversation, before.as_deref(), &message)?;
    if let Some(sealed) = sealed
        && !tx.vaults().put(conversation, &sealed, before.as_deref()).await?
    {
        return Err(AgentError::StillRunning);
    }
    Ok(text)
}

/// Rows of what was said before, each a microsecond after the one before it and all before `now`.
fn said_before(
    inner: &Inner,
    conversation_id: ConversationId,
    before: Vec<Before>,
    label: &Label,
    now: DateTime<Utc>,
) -> Vec<NewMessage> {
    let count = i64::try_from(before.len()).unwrap_or(i64::MAX);
    let mut rows: Vec<NewMessage> = Vec::with_capacity(before.len());
    for (place, (by_assistant, content)) in (0..count).zip(before) {
        rows.push(NewMessage {
            id: inner.sources.new_id(),
            conversation_id,
            parent_id: rows.last().map(|row| row.id),
            role: if by_assistant { MessageRole::Assistant } else { MessageRole::User },
            content,
            status: MessageStatus::Complete,
            label: Some(label.clone()),
            run_id: None,
            as_of: None,
            created_at: now - TimeDelta::microseconds(count - place),
        });
    }
    rows
}

/// Stores the question, the answer to be, and the run that writes it with its first events.
pub(crate) async fn store_run(
    inner: &Inner,
    tx: &mut TenantTx,
    principal: &Principal,
    prepared: &mut Prepared,
    (tier, model): (Tier, &str),
    (fence, input, events): (RunFence, &Input, &[RunEventRow]),
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
        label: None,
        run_id: Some(ids.run_id),
        as_of: prepared.filter.as_of,
        created_at: now,
    };
    let messages: Vec<_> = std::mem::take(&mut prepared.rows).into_iter().chain([answer]).collect();
    tx.messages().insert_all(&messages).await?;
    let run = NewRun {
        id: ids.run_id,
        conversation_id: ids.conversation_id,
        user_id: principal.user_id,
        user_message_id: ids.user_message_id,
        assistant_message_id: ids.assistant_message_id,
        tier: tier.as_str().to_owned(),
        model: model.to_owned(),
        owner: fence.owner,
        input: kept(input),
        created_at: now,
    };
    tx.runs().insert(&run, events).await?;
    let actor = Actor::User(principal.user_id);
    let proof = AuditEvent::new(&inner.sources, principal.tenant_id(), actor, AuditAction::RunStarted, ids.run_id)
        .detail("conversation_id", ids.conversation_id.to_string())
        .detail("model", model)
        .detail("tier", tier.as_str());
    let proof = match input.forked_from {
        Some((from, step)) => proof.detail("forked_from", from.to_string()).detail("forked_at_step", step),
        None => proof,
    };
    let proof = match &input.part {
        Some(part) => proof.detail("goal", part.goal.to_string()).detail("step", part.step.clone()),
        None => proof,
    };
    let proof = match input.agent.as_ref().and_then(|agent| agent.shown.as_ref()) {
        Some(agent) => proof.detail("agent", agent.name.as_str()).detail("agent_sha256", agent.digest.as_str()),
        None => proof,
    };
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

/// Whether the assistant said it, and the words.
type Before = (bool, String);

/// What was said before with placeholders, and the vault where it has to be stored.
fn masked_all(
    inner: &Inner,
    policy: &TenantPolicy,
    conversation: ConversationId,
    history: &[(bool, Inspected)],
) -> Result<(Vec<Before>, Option<Vec<u8>>), AgentError> {
    let (mut before, mut sealed) = (Vec::with_capacity(history.len()), None);
    for (by_assistant, said) in history {
        let (text, grown) = masked(inner, policy, conversation, sealed.as_deref(), said)?;
        sealed = grown.or(sealed);
        before.push((*by_assistant, text));
    }
    Ok((before, sealed))
}

/// The message with placeholders, and the vault where it has to be stored.
fn masked(
    inner: &Inner,
    policy: &TenantPolicy,
    conversation: ConversationId,
    before: Option<&[u8]>,
    message: &Inspected,
) -> Result<(String, Option<Vec<u8>>), AgentError> {
    if !message.has_placeholders {
        return Ok((message.text.clone(), None));
    }
    let mut vault = inner.governance.open(conversation, before)?;
    let text = vault.redact(&policy.detector, &message.text).text;
    let sealed = if vault.is_changed() { Some(inner.governance.seal(conversation, &vault)?) } else { None };
    Ok((text, sealed))
}

enum Place {
    New { parent: Option<MessageId>, message: String },
    Known { id: MessageId, content: String, label: Label },
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
    stored_question(tx, conversation, Some(parent)).await
}

async fn stored_question(
    tx: &mut TenantTx,
    conversation: ConversationId,
    id: Option<MessageId>,
) -> Result<Place, AgentError> {
    let missing = || millwright_store::StoreError::NotFound("message");
    let question = tx.messages().get(conversation, id.ok_or_else(missing)?).await?.ok_or_else(missing)?;
    let label = question.label.map_or(Label::LOWEST, label_of_json);
    Ok(Place::Known { id: question.id, content: question.content, label })
}

/// The message as it is stored, if its length is right.
pub(crate) fn checked(message: &str) -> Result<String, AgentError> {
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
