//! What handlers take: who is asking, and bodies and parameters whose faults are explained.

mod audit;
mod body;
mod page;
mod principal;

pub use audit::Audit;
pub(crate) use body::holds_zero;
pub use body::{PathId, StrictJson, StrictQuery};
pub use page::PageQuery;
pub use principal::{Admin, Operator, Viewer};
