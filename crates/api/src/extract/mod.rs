//! What handlers take: who is asking, and bodies and parameters whose faults are explained.

mod audit;
mod body;
mod idempotency;
mod page;
mod principal;
mod streaming;

pub use audit::Audit;
pub(crate) use body::holds_zero;
pub use body::{PathId, StrictJson, StrictQuery};
pub use idempotency::IdempotencyKey;
pub use page::PageQuery;
pub use principal::{
    AuditRead, BudgetsManage, BudgetsRead, ChatUse, ConfigurationManage, ConfigurationRead, DocumentsRead,
    DocumentsWrite, EvaluationsManage, From, JobsManage, JobsRead, LabelsApprove, MetricsRead, ProfileManage,
    SourcesManage, StepUpProof, UsageRead, UsersManage, UsersRead,
};
pub use streaming::{Streaming, Watched};
