//! Tools of other systems: those of MCP servers that a tenant has registered, and that somebody has looked at and enabled (ADR 34).
//!
//! An agent names one as `mcp:<server>/<tool>`. A run keeps what its model is told of them (`OutsideTool`), `ready` makes a call
//! ready to leave, `calling` makes it, [`Servers`] reads what a server offers. What a tool returns is data under the label of its server: a sentence may
//! stand on it, and then names the tool and the minute instead of a passage. A call is recorded as it ends, and one
//! that is recorded is never made again.

mod calling;
mod ready;
mod service;
mod tool;

pub(crate) use calling::{Ended, OutsideAnswer, again, done, drop_above, drop_personal, keep_said, known_word, listen};
pub use millwright_mcp::{AddressError, OfferedTool, Unusable};
pub(crate) use ready::{OutsideCall, names, read, ready, standing};
pub use service::{ReadTools, Servers, Suspicion};
pub use tool::{MAX_SERVER_NAME_CHARS, full_name, is_server_name};
pub(crate) use tool::{OutsideResult, OutsideTool, PREFIX, is_outside_name, resolve};
