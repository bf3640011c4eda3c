//! What is remembered, as its owner is shown it.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use millwright_core::{
    Credential, Cursor, Label, Page, PageRequest, Permission, Principal,
    id::{ChunkId, ConversationId, DocumentId, GoalId, MemoryId, MessageId, RunId},
};
use millwright_governance::TenantPolicy;
use millwright_policy::pii::Vault;
use millwright_retrieval::search::Passage;
use millwright_store::tenant::{MemoryKind, MemoryRow, Reader, WantedMemories, label_of_json};

use super::{Content, recall::holds};
use crate::{AgentError, citation::Citation, guard, runner::Inner};

/// Whether a memory is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryState {
    /// It is.
    Active,
    /// What it stands on does not answer any more: another version does, or it reads otherwise.
    Stale,
    /// Its label, or that of a document that it stands on, is above the person's clearance by now, or that is gone.
    Withheld,
}

/// Something that is remembered.
#[derive(Debug, Clone)]
pub struct Memory {
    /// To name it.
    pub id: MemoryId,
    /// What it is.
    pub kind: MemoryKind,
    /// Whether it is used.
    pub state: MemoryState,
    /// None where it is withheld.
    pub text: Option<String>,
    /// Of a procedure.
    pub name: Option<String>,
    /// What it is.
    pub label: Label,
    /// What it stands on.
    pub citations: Vec<Citation>,
    /// The conversation it comes from.
    pub conversation_id: Option<ConversationId>,
    /// The answer it comes from.
    pub message_id: Option<MessageId>,
    /// The run that wrote that.
    pub run_id: Option<RunId>,
    /// The goal it comes from.
    pub goal_id: Option<GoalId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// Until when; none without end.
    pub expires_at: Option<DateTime<Utc>>,
    /// When a run was given it last.
    pub used_at: Option<DateTime<Utc>>,
}

/// Which memories.
#[derive(Debug, Clone, Default)]
pub struct MemoryFilter {
    /// Of this kind.
    pub kind: Option<MemoryKind>,
    /// With this in their text or name, in any case.
    pub contains: Option<String>,
}

pub(super) async fn list(
    inner: &Arc<Inner>,
    principal: &Principal,
    filter: MemoryFilter,
    page: PageRequest,
) -> Result<Page<Memory>, AgentError> {
    let contains = filter.contains.map(|text| text.to_lowercase()).filter(|text| !text.is_empty());
    // Nobody can look into what is sealed but by opening all of it.
    let limit = contains.is_none().then(|| i64::from(page.limit) + 1);
    let wanted = WantedMemories { kinds: filter.kind.as_slice(), after: page.after, limit };
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let rows = tx.memories().list(principal.user_id, inner.sources.now(), wanted).await?;
    drop(tx);
    let mut memories = shown(inner, principal, rows).await?;
    if let Some(contains) = contains {
        let has = |text: &Option<String>| text.as_ref().is_some_and(|text| text.to_lowercase().contains(&contains));
        memories.retain(|memory| has(&memory.text) || has(&memory.name));
    }
    Ok(Page::from_rows(memories, page.limit, |memory| Cursor { at: memory.created_at, id: memory.id.uuid() }))
}

pub(super) async fn get(inner: &Arc<Inner>, principal: &Principal, id: MemoryId) -> Result<Memory, AgentError> {
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let row = tx.memories().require(id, principal.user_id, inner.sources.now()).await?;
    drop(tx);
    let shown = shown(inner, principal, vec![row]).await?.pop();
    shown.ok_or_else(|| millwright_store::StoreError::NotFound("memory").into())
}

/// Rows for their owner, whose clearance may have fallen and whose documents may have changed since.
async fn shown(inner: &Arc<Inner>, principal: &Principal, rows: Vec<MemoryRow>) -> Result<Vec<Memory>, AgentError> {
    let policy = inner.governance.of(&principal.scope).await?;
    let reveals = principal.permissions.contains(Permission::PersonalDataRead);
    let chunks: BTreeSet<ChunkId> = rows.iter().flat_map(|row| &row.chunk_ids).map(|id| ChunkId::from(*id)).collect();
    let chunks: Vec<ChunkId> = chunks.into_iter().collect();
    let mut tx = inner.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    drop(tx);
    let passages = inner.searcher.read_again(&principal.scope, &reader, &chunks).await?;
    let of_inner = inner.clone();
    let work = tokio::task::spawn_blocking(move || {
        // One that was sealed with another key is listed, so that it can be forgotten.
        let contents: Vec<Option<Content>> = rows.iter().map(|row| Content::open(&of_inner, row).ok()).collect();
        (rows, contents)
    });
    let (rows, contents) = work.await.map_err(|_| AgentError::Classifier)?;
    // What was read anew has other passages; whether its document may still be read decides what is shown.
    let known = |chunk: &ChunkId| passages.iter().any(|passage| passage.chunk_id == *chunk);
    let gone: BTreeSet<DocumentId> = contents
        .iter()
        .flatten()
        .flat_map(|content| &content.citations)
        .filter(|citation| !known(&citation.chunk_id))
        .map(|citation| citation.document_id)
        .collect();
    let mut readable = BTreeSet::new();
    if !gone.is_empty() {
        let gone: Vec<DocumentId> = gone.into_iter().collect();
        let mut tx = inner.store.tenant(&principal.scope).read().await?;
        readable.extend(tx.documents().readable(&reader, &gone).await?);
    }
    let found = Found { reader, passages, readable, is_program: matches!(principal.credential, Credential::ApiKey(_)) };
    let policy = (!reveals).then_some(policy);
    let work = tokio::task::spawn_blocking(move || {
        rows.into_iter().zip(contents).map(|(row, content)| found.memory(row, content, policy.as_deref())).collect()
    });
    work.await.map_err(|_| AgentError::Classifier)
}

/// What the person may read of what their memories stand on.
struct Found {
    reader: Reader,
    passages: Vec<Passage>,
    /// Of which other passages may be read.
    readable: BTreeSet<DocumentId>,
    /// Whether a program reads them for the person.
    is_program: bool,
}

impl Found {
    fn state(&self, label: &Label, content: Option<&Content>) -> MemoryState {
        let Some(Content { citations, .. }) = content else { return MemoryState::Withheld };
        let passage = |citation: &Citation| self.passages.iter().find(|one| one.chunk_id == citation.chunk_id);
        let may_read =
            |citation: &Citation| passage(citation).is_some() || self.readable.contains(&citation.document_id);
        if !self.reader.clearance().may_have(label) || !citations.iter().all(may_read) {
            MemoryState::Withheld
        } else if citations.iter().all(|citation| passage(citation).is_some_and(|passage| holds(citation, passage))) {
            MemoryState::Active
        } else {
            MemoryState::Stale
        }
    }

    /// `masks` is the policy by which personal data is hidden from somebody who may not read it. A person's own words are not
    /// hidden from them; they are from a program of theirs.
    fn memory(&self, row: MemoryRow, content: Option<Content>, masks: Option<&TenantPolicy>) -> Memory {
        let label = label_of_json(row.label);
        let state = self.state(&label, content.as_ref());
        let content = content.filter(|_| state != MemoryState::Withheld);
        let mut vault = Vault::default();
        let mut masked = |text: String| match masks {
            Some(policy) if self.is_program || row.kind != MemoryKind::AboutMe => {
                vault.redact(&policy.detector, &text).text
            }
            _ => text,
        };
        let Content { text, name, citations } = content.unwrap_or_default();
        let text = (state != MemoryState::Withheld).then(|| masked(text));
        let name = name.map(&mut masked);
        let mut cited = |citation: Citation| Citation {
            quote: masked(guard::without_secrets(&citation.quote).unwrap_or(citation.quote)),
            document_name: masked(citation.document_name),
            heading_path: citation.heading_path.into_iter().map(&mut masked).collect(),
            ..citation
        };
        let citations = citations.into_iter().map(&mut cited).collect();
        Memory {
            id: row.id,
            kind: row.kind,
            state,
            text,
            name,
            label,
            citations,
            conversation_id: row.conversation_id.map(ConversationId::from),
            message_id: row.message_id.map(MessageId::from),
            run_id: row.run_id.map(RunId::from),
            goal_id: row.goal_id.map(GoalId::from),
            created_at: row.created_at,
            changed_at: row.changed_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        }
    }
}
