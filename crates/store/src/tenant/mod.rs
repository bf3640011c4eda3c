//! Repositories of one tenant. Each borrows a [`TenantTx`](crate::TenantTx); each statement names the tenant.

mod audit;
mod chunks;
mod conversations;
mod documents;
mod index_changes;
mod jobs;
mod messages;
mod passages;
mod runs;
mod users;
mod versions;

pub use audit::{AuditEntries, AuditEntryRow, AuditFilter};
pub use chunks::{ChunkPreview, Chunks, NewChunk, NewVector, UnembeddedChunk};
pub use conversations::{ConversationRow, Conversations};
pub use documents::{DocumentFilter, DocumentRow, Documents, NewDocument};
pub use index_changes::{IndexChange, IndexChanges, IndexOperation, IndexedChunk};
pub use jobs::{JobFence, JobOutcome, JobRow, JobStatus, Jobs, NewJob};
pub use messages::{FinishedMessage, MessageRole, MessageRow, MessageStatus, Messages, NewMessage};
pub use passages::{PassageQuery, PassageRow, Passages};
pub use runs::{NewRun, RunEventRow, RunRow, RunStatus, RunStepRow, Runs, StepKind, StepStatus};
pub use users::{NewUser, UserRow, Users};
pub use versions::{NewVersion, PageRow, Stage, VersionRow, VersionStatus, Versions};

/// An enum kept as text in the database: its words, and what reads them back.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The word in the database and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::StoreError;
            fn try_from(word: String) -> Result<Self, crate::StoreError> {
                match word.as_str() {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::StoreError::UnknownValue(stringify!($name))),
                }
            }
        }
    };
}
use text_enum;
