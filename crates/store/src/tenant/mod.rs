//! Repositories of one tenant. Each borrows a [`TenantTx`](crate::TenantTx); each statement names the tenant.

mod agents;
mod api_keys;
mod audit;
mod budget_ledger;
mod budgets;
mod chunks;
mod conversations;
mod documents;
mod evaluations;
mod glossary;
mod goals;
mod index_changes;
mod jobs;
mod label_requests;
mod labels;
mod mcp_servers;
mod memories;
mod messages;
mod pages;
mod passages;
mod policy;
mod policy_events;
mod reading;
mod retention;
mod runs;
mod security;
mod sessions;
mod source_files;
mod sources;
mod usage;
mod users;
mod validity;
mod vaults;
mod vectors;
mod versions;

pub use agents::{AgentStamp, AgentStateRow, AgentVersionRow, Agents, NewAgentVersion};
pub use api_keys::{ApiKeyRow, ApiKeys, NewApiKeyRow};
pub(crate) use audit::append as append_audit;
pub use audit::{AuditEntries, AuditEntryRow, AuditFilter, ProvedEntryRow};
pub use budget_ledger::{BudgetAlert, BudgetLedger, BudgetLevel, EndedCall, HoldRow, PeriodKey, RefusedClaim};
pub use budgets::{
    BudgetPeriod, BudgetPeriodRow, BudgetRow, BudgetSubjectKind, BudgetUnit, Budgets, CurrentBudgetRow, NewBudget,
    PeriodStarts,
};
pub use chunks::{ChunkPreview, Chunks, NewChunk};
pub use conversations::{ConversationRow, Conversations};
pub use documents::{DocumentFilter, DocumentRow, Documents, NewDocument, RelatedDocument, RelatedSource};
pub use evaluations::{
    CaseFence, CaseUsage, EvaluationCaseRow, EvaluationCaseStatus, EvaluationEnd, EvaluationRow, EvaluationStatus,
    EvaluationSuiteRow, EvaluationSuiteSummaryRow, Evaluations, NewEvaluation, SuiteContent,
};
pub use glossary::{Glossary, GlossaryEntryRow, NewGlossaryEntry};
pub use goals::{
    GoalPlanRow, GoalRow, GoalStatus, GoalStepRow, GoalStepStatus, GoalSummaryRow, GoalUsage, Goals, NewGoal, StepFence,
};
pub use index_changes::{IndexChange, IndexChanges, IndexOperation, IndexedChunk};
pub use jobs::{JobFence, JobOutcome, JobRow, JobStatus, Jobs, NewJob};
pub use label_requests::{LabelRequestRow, LabelRequestStatus, LabelRequests, NewLabelRequest};
pub use labels::{ClearanceColumns, LabelColumns, Labels, Reader, label_of_json};
pub use mcp_servers::{McpServerRow, McpServerSettings, McpServers, McpToolRow, NewMcpServer, ReadMcpTool};
pub use memories::{ChangedMemory, Memories, MemoryKind, MemoryRow, NewMemory, WantedMemories};
pub use messages::{FinishedMessage, MessageRole, MessageRow, MessageStatus, Messages, NewMessage};
pub use pages::{PageLayoutRow, PageRow, PageTextRow};
pub use passages::{CandidateRow, PassageQuery, PassageRow, PassageScope, Passages, WindowVector};
pub use policy::{DecisionRow, NewDecision, Policies, PolicySettingsRow, PolicyState, PolicyVersionRow};
pub use policy_events::{
    NewPolicyEvent, PolicyEventCount, PolicyEventFilter, PolicyEventKind, PolicyEventRow, PolicyEvents,
};
pub use reading::{PassageDigestRow, PlaceRow, ReadVersion, Reading, SectionRow, Stretch, TablePageRow, TablesSizeRow};
pub use retention::{Erased, Retention};
pub use runs::{NewRun, RunEventRow, RunFence, RunRow, RunStatus, RunStepRow, Runs, StepKind, StepStatus};
pub use security::{SecondFactorState, Security, SecurityPolicy};
pub use sessions::{NewSession, SessionEnd, SessionRow, Sessions, SignInMethod, Transport};
pub use source_files::{FileCheck, KnownFile, SourceFileRow, SourceFiles};
pub use sources::{
    ClockFence, ClockRow, NewSource, PassEnd, SourceChange, SourceClock, WatchedSourceRow, WatchedSources,
};
pub use usage::{CallOutcome, NewUsage, RunTotal, Usage, UsageFilter, UsageGroup, UsageRow, UsageTotals};
pub use users::{NewUser, UserChange, UserFilter, UserKind, UserRow, UserStatus, Users};
pub use validity::{SearchFilter, Standing, Validity, VersionSet};
pub use vaults::Vaults;
pub(crate) use vectors::{AT_REST, READ, SWAP_LOCK};
pub use vectors::{LackingVersion, LiveModels, NewVector, UnembeddedChunk, VectorModel, VectorProgress, Vectors};
pub use versions::{NewVersion, Stage, VersionDigests, VersionRow, VersionStatus, Versions};

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
pub(crate) use text_enum;
