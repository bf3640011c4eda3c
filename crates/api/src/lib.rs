//! HTTP: routes, the OpenAPI document made from them, server-sent events, errors as RFC 9457, and the web UI that is
//! carried inside the binary.
//!
//! [`router`] turns an [`AppState`] into the whole service; [`openapi`] gives its document without one. Each file under
//! `routes` is one endpoint: its request, response, handler and OpenAPI description.
//!
//! It is not where things happen: a handler says by an extractor which permission it needs
//! ([`extract::DocumentsRead`] and its siblings), calls one of the crates below, and turns what comes back into an answer.
//!
//! Invariants:
//! * A route that changes something is registered with the [`AuditAction`](millwright_audit::AuditAction) that proves it
//!   (`routing::changes`), and its handler can commit only with an entry of that action.
//! * No error reaches a client but as a [`Problem`](millwright_core::Problem): the internal half goes to the log, once.
//! * Another tenant's id is 404 like one that never was.
//! * Nothing here blocks an async thread: hashing and parsing run elsewhere.

mod cookies;
mod dto;
pub mod extract;
mod filters;
mod limits;
mod listening;
mod middleware;
mod problem;
mod reveal;
mod routes;
mod routing;
mod serve;
mod sse;
mod state;
mod ui;

pub use listening::{ClientAddress, Listening, Peer, TlsError, client_address};
pub use problem::ApiError;
pub use routes::{openapi, router};
pub use serve::serve;
pub use state::{AppParts, AppState, HealthCheck, HealthStatus, Limits, Readiness};
