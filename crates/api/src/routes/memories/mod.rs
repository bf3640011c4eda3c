//! What one has remembered.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;

use chrono::{DateTime, Utc};
use millwright_agents::memory::{Memory, MemoryState};
use millwright_core::id::{ConversationId, GoalId, MemoryId, MessageId, RunId};
use millwright_store::tenant::MemoryKind;
use serde::{Deserialize, Serialize};

use crate::dto::{CitationResponse, LabelParts};

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemoryKindName {
    /// What a person says of themselves and their work.
    AboutMe,
    /// A sentence of an answer, with the passages that it stands on.
    PlantFact,
    /// The plan of a goal that came to its end.
    Procedure,
}

impl From<MemoryKindName> for MemoryKind {
    fn from(name: MemoryKindName) -> Self {
        match name {
            MemoryKindName::AboutMe => Self::AboutMe,
            MemoryKindName::PlantFact => Self::PlantFact,
            MemoryKindName::Procedure => Self::Procedure,
        }
    }
}

impl From<MemoryKind> for MemoryKindName {
    fn from(kind: MemoryKind) -> Self {
        match kind {
            MemoryKind::AboutMe => Self::AboutMe,
            MemoryKind::PlantFact => Self::PlantFact,
            MemoryKind::Procedure => Self::Procedure,
        }
    }
}

/// Whether a memory is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemoryStateName {
    /// It is.
    Active,
    /// It is not: another version answers by now, or the document was read anew.
    Stale,
    /// It is neither used nor shown: its label, or that of a document that it stands on, is above one's clearance by now, or the
    /// document is gone.
    Withheld,
}

/// Something that one has remembered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct MemoryResponse {
    id: MemoryId,
    kind: MemoryKindName,
    state: MemoryStateName,
    /// What is remembered: one's own words, a sentence of an answer, or a plan as YAML. Null where it is withheld.
    text: Option<String>,
    /// Of a procedure.
    name: Option<String>,
    /// What it was made from was up to this.
    #[serde(flatten)]
    label: LabelParts,
    /// What a fact stands on, word for word.
    #[schema(value_type = Vec<CitationResponse>)]
    citations: serde_json::Value,
    /// The conversation it comes from.
    conversation_id: Option<ConversationId>,
    /// The answer it comes from.
    message_id: Option<MessageId>,
    /// The run that wrote that.
    run_id: Option<RunId>,
    /// The goal it comes from.
    goal_id: Option<GoalId>,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    /// From then on it is not used, and is deleted; null: it stays until it is deleted.
    expires_at: Option<DateTime<Utc>>,
    /// When an answer was given it last.
    used_at: Option<DateTime<Utc>>,
}

impl From<Memory> for MemoryResponse {
    fn from(memory: Memory) -> Self {
        Self {
            id: memory.id,
            kind: memory.kind.into(),
            state: match memory.state {
                MemoryState::Active => MemoryStateName::Active,
                MemoryState::Stale => MemoryStateName::Stale,
                MemoryState::Withheld => MemoryStateName::Withheld,
            },
            text: memory.text,
            name: memory.name,
            label: memory.label.into(),
            citations: serde_json::to_value(memory.citations).unwrap_or_else(|_| serde_json::json!([])),
            conversation_id: memory.conversation_id,
            message_id: memory.message_id,
            run_id: memory.run_id,
            goal_id: memory.goal_id,
            created_at: memory.created_at,
            changed_at: memory.changed_at,
            expires_at: memory.expires_at,
            used_at: memory.used_at,
        }
    }
}
