//! What a person has the agents remember: [`Memories`] keeps it, `recall` brings it into OBSERVE (ADR 32).
//!
//! Nothing is remembered but by a person, and nothing without a check: their own words are inspected as any message is, a
//! sentence is held once more against the passages that it cites, and a plan is one that was carried out. What is remembered
//! is no source. A fact brings its passages back, and those are cited; what somebody wrote of themselves tells a language
//! model whom it answers.

mod kept;
mod recall;
mod remember;
mod shown;

use chrono::{DateTime, TimeDelta, Utc};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{
    Credential, Page, PageRequest, Principal,
    id::{MemoryId, UserId},
};
use millwright_store::{
    StoreError,
    tenant::{ChangedMemory, MemoryKind},
};

use crate::{AgentError, Runner, chat, runner::Inner};
pub(crate) use kept::Content;
pub(crate) use recall::{Kept, Notes, Recalled, again, framed, recall};
pub use remember::{Expiry, Remember};
pub use shown::{Memory, MemoryFilter, MemoryState};

/// A person has no more than so many.
pub const MOST_MEMORIES: i64 = 500;
/// The longest text about oneself, characters.
pub const MAX_ABOUT_ME_CHARS: usize = 1_000;
/// The longest sentence of an answer, characters.
pub const MAX_SENTENCE_CHARS: usize = 4_000;
/// The longest name of a procedure, characters.
pub const MAX_NAME_CHARS: usize = 120;
/// So long something is remembered unless the person says otherwise.
pub const USUAL_DAYS: i64 = 180;
/// Nothing expires later than this, but without end it may be.
const MOST_DAYS: i64 = 3_650;

/// What a person has remembered. Cheap to make.
#[derive(Debug, Clone)]
pub struct Memories {
    runner: Runner,
}

/// What is to be another.
#[derive(Debug, Clone, Default)]
pub struct ChangeMemory {
    /// What the person says of themselves instead.
    pub text: Option<String>,
    /// Until when it is kept.
    pub expires: Option<Expiry>,
}

impl Memories {
    /// Over what this runner works with.
    pub fn new(runner: Runner) -> Self {
        Self { runner }
    }

    fn inner(&self) -> &std::sync::Arc<Inner> {
        &self.runner.0
    }

    /// The person's own, newest first, as they may read them now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: MemoryFilter,
        page: PageRequest,
    ) -> Result<Page<Memory>, AgentError> {
        shown::list(self.inner(), principal, filter, page).await
    }

    /// One of the person's own.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, principal: &Principal, id: MemoryId) -> Result<Memory, AgentError> {
        shown::get(self.inner(), principal, id).await
    }

    /// Has something remembered; false beside it where that was remembered already.
    ///
    /// # Errors
    /// When it does not pass its check, or the person has too many.
    pub async fn remember(
        &self,
        principal: &Principal,
        what: Remember,
        expiry: Expiry,
        trace_id: &str,
    ) -> Result<(MemoryId, bool), AgentError> {
        remember::remember(self.inner(), principal, (what, expiry), trace_id).await
    }

    /// Changes one of the person's own.
    ///
    /// # Errors
    /// When there is none, it holds other words than the person's own, or the new ones do not pass their check.
    pub async fn change(
        &self,
        principal: &Principal,
        id: MemoryId,
        change: ChangeMemory,
        trace_id: &str,
    ) -> Result<(), AgentError> {
        let (inner, user) = (self.inner(), principal.user_id);
        let text = match change.text {
            Some(text) => Some(remember::inspected(inner, principal, &text, trace_id).await?),
            None => None,
        };
        let now = inner.sources.now();
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        tx.memories().lock(user).await?;
        let before = tx.memories().require(id, user, now).await?;
        if text.is_some() && before.kind != MemoryKind::AboutMe {
            return Err(StoreError::InvalidState("only what you have written of yourself can be written anew").into());
        }
        let expires_at = change.expires.map_or(Ok(before.expires_at), |expiry| expiry.at(now))?;
        let is_known = |text: &String| Content::open(inner, &before).is_ok_and(|known| known.text == *text);
        let text = text.filter(|text| !is_known(text));
        let mut changed = Vec::new();
        if text.is_some() {
            changed.push("text");
        }
        if expires_at != before.expires_at {
            changed.push("expires_at");
        }
        // It is so already: nothing happened that is to be proved.
        if changed.is_empty() {
            return Ok(());
        }
        let sealed = text.map(|text| Content::of(text).sealed(inner, user, id)).transpose()?;
        tx.memories().change(id, user, &ChangedMemory { sealed, expires_at, changed_at: now }).await?;
        let proof = proof(inner, principal, AuditAction::MemoryChanged, id).detail("changed", changed);
        chat::commit(inner, tx, &[proof], trace_id).await
    }

    /// Forgets one of the person's own.
    ///
    /// # Errors
    /// When there is none.
    pub async fn forget(&self, principal: &Principal, id: MemoryId, trace_id: &str) -> Result<(), AgentError> {
        let inner = self.inner();
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        tx.memories().delete(id, principal.user_id).await?;
        let proof = proof(inner, principal, AuditAction::MemoryDeleted, id);
        chat::commit(inner, tx, &[proof], trace_id).await
    }

    /// Forgets all of the person's own; how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_all(&self, principal: &Principal, trace_id: &str) -> Result<u64, AgentError> {
        let inner = self.inner();
        let mut tx = inner.store.tenant(&principal.scope).begin().await?;
        tx.memories().lock(principal.user_id).await?;
        let forgotten = tx.memories().clear(principal.user_id).await?;
        let proof =
            proof(inner, principal, AuditAction::MemoriesCleared, principal.user_id).detail("memories", forgotten);
        chat::commit(inner, tx, &[proof], trace_id).await?;
        Ok(forgotten)
    }
}

/// The entry of a change: what kind of thing it was, never what it says.
fn proof(inner: &Inner, principal: &Principal, action: AuditAction, of: impl std::fmt::Display) -> AuditEvent {
    let actor = Actor::User(principal.user_id);
    let proof = AuditEvent::new(&inner.sources, principal.tenant_id(), actor, action, of);
    match principal.credential {
        Credential::ApiKey(key) => proof.detail("api_key", key.to_string()),
        Credential::Session(_) | Credential::Token => proof,
    }
}

/// Whose it is and which: what it is sealed for.
type Place = (UserId, MemoryId);

impl Expiry {
    /// The moment that is meant.
    fn at(self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, AgentError> {
        match self {
            Self::Usual => Ok(Some(now + TimeDelta::days(USUAL_DAYS))),
            Self::Never => Ok(None),
            Self::At(at) if at > now && at <= now + TimeDelta::days(MOST_DAYS) => Ok(Some(at)),
            Self::At(_) => Err(AgentError::InvalidExpiry),
        }
    }
}
