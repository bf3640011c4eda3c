//! The model servers that are spoken to, in one form for all kinds, and the built-in answerer, which quotes.
//!
//! A [`provider::Provider`] is one server: it turns a [`provider::ModelRequest`] into a stream of
//! [`provider::Delta`]s, makes one attempt, and gives up after its patience. A [`ChatRequest`] (question, conversation,
//! numbered passages) becomes such a request ([`ChatRequest::to_model_request`]), or is answered here by [`quote`], which
//! is no language model. [`text`] reads sentences and figures, for the built-in answerer and for whoever checks an answer
//! against its passages.
//!
//! It is not an agent and not the gateway: it neither searches, nor checks what a model says, nor remembers, nor chooses,
//! nor retries.
//!
//! Invariants:
//! * A stream ends with `Done` or with an error. An answer that ends without its end marker is
//!   an error, never a short answer.
//! * No wait is without a limit ([`Patience`]), and dropping a stream closes its connection.
//! * What a kind of server cannot do is said before anything is sent.
//! * Errors and logs hold no key, no prompt and no words of the server.
//! * Passages reach a model only between boundary lines that no document can have guessed.
//! * The built-in answerer says only what stands in the passages, byte for byte; a row of a
//!   table is read out with the names of its columns.
//!
//! ```
//! use millwright_llm::{ChatRequest, quote};
//! assert!(quote(&ChatRequest { question: "How is it primed?".into(), ..ChatRequest::default() }).is_empty());
//! ```

mod error;
mod extractive;
mod judge;
mod model;
mod prompt;
pub mod provider;
mod rerank;
pub mod text;
mod transport;

pub use error::LlmError;
pub use extractive::{EXTRACTIVE, quote};
pub use judge::JudgeRequest;
pub use model::{ChatRequest, InvalidTier, PromptPassage, Role, Tier, ToolResult, ToolRound, Turn};
pub use prompt::{NOT_IN_DOCUMENTS, boundary};
pub use rerank::{RerankForm, RerankServer};
pub use transport::{ApiKey, Patience};
