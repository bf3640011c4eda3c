//! The gateway between agents and models: it chooses a model by what a request deserves and its label allows, finds an
//! endpoint that answers, and keeps every call within its budgets.
//!
//! A caller makes a [`Plan`] with [`Gateway::plan`] (which models, in which order, and why), strikes out what policy does not
//! allow, and calls [`Gateway::stream`] or [`Gateway::complete`] with it. What comes back carries its [`Route`], the
//! explanation that is stored and shown.
//!
//! [`HttpReranker`] is the way of retrieval to a reranker, and [`ServedEmbedder`] to a model of the catalogue that makes vectors.
//!
//! It is no HTTP server, does not read `models.yaml` (the server hands it a [`Catalog`]), and judges no text itself.
//!
//! Invariants:
//! * An endpoint is given a request only after its label was held against what the endpoint takes, also on a failover.
//! * Before the first part of an answer a failure leads to another endpoint; after it the stream ends with the error, and
//!   what came is kept and paid for. Dropping an answer cancels the request to the server.
//! * No call without a reservation; every reservation is settled once, whoever goes away.
//! * No lock is held across a call to a server.
//! * A line before an endpoint has an end, and tenants take turns in it.

mod answer;
mod attempt;
mod begun;
mod catalog;
mod choose;
mod embedder;
mod endpoint;
mod error;
mod gateway;
mod price;
mod rerank;
mod route;
mod runaway;

pub use answer::{Answer, WholeAnswer};
pub use attempt::FailedAttempt;
pub use catalog::{
    Capabilities, Catalog, EndpointFinding, ExpectedModel, ModelKind, ModelSettings, Place as ModelPlace, Prefer,
    UnknownEndpoint,
};
pub use choose::{Candidate, Choice, Fate, Judged, Plan, Reason, Wanted};
pub use embedder::ServedEmbedder;
pub use endpoint::{EndpointSettings, EndpointState, Health, Place};
pub use error::GatewayError;
pub use gateway::{Call, Gateway, GatewayParts, Purpose, Request, above};
pub use price::Price;
pub use rerank::{HttpReranker, Masking, NotMasked};
pub use route::Route;
