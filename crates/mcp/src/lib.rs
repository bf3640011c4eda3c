//! A client of MCP servers over Streamable HTTP, in the revisions 2025-06-18 and 2025-11-25: [`list`] says which tools a server
//! offers, [`call`] calls one. The only crate that names rmcp.
//!
//! It trusts nothing of what a server says. It is told of no changes and answers no requests of the server (no sampling, no
//! roots, no elicitation), follows no redirects and goes through no proxy. Servers that are started as processes (stdio) are not
//! offered: that would be running somebody's program. It knows no tenants and keeps nothing.
//!
//! Invariants:
//! * A server stands at an origin that the operator allows ([`AllowedOrigins`]); with none allowed there are no servers.
//! * Every exchange has a time and a size, counted while it arrives.
//! * A tool is called only as long as it is offered as it was when somebody looked at it: by the digest of its whole
//!   declaration ([`OfferedTool::digest`]), asked anew in the session of the call.
//! * Arguments fit the input schema before they are sent, and what comes fits the output schema that was declared.
//! * Whatever goes wrong is one of [`McpError`], in words of our own.

mod allowed;
mod bounded;
mod error;
mod render;
mod schema;
mod session;
mod tool;

pub use allowed::{AddressError, AllowedOrigins};
pub use error::McpError;
pub use schema::{ArgumentsError, check_arguments};
pub use session::{Answer, Endpoint, Listed, call, list};
pub use tool::{MAX_TOOLS, OfferedTool, Unusable};
