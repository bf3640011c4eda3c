//! The models that answer: the built-in extractive one, Ollama, and any OpenAI-compatible server.
//!
//! A [`ChatModel`] turns a [`ChatRequest`] (question, conversation, numbered passages) into a
//! stream of [`Delta`]s. [`ModelSet`] holds one for each [`Tier`]; `choose` is the seam at which
//! a router, budgets and several endpoints will stand. [`text`] reads sentences and figures, for
//! the extractive answerer and for whoever checks an answer against its passages.
//!
//! It is not an agent: it neither searches, nor checks what a model says, nor remembers. It does
//! not retry: before the first token that is the caller's choice, after it a lie.
//!
//! Invariants:
//! * A stream ends with `Done` or with an error. An answer that ends without its end marker is
//!   an error, never a short answer.
//! * No wait is without a limit ([`Patience`]), and dropping a stream closes its connection.
//! * Errors and logs hold no key, no prompt and no words of the server.
//! * Passages reach a model only between boundary lines that no document can have guessed.
//! * The extractive answerer says only what stands in the passages, byte for byte; a row of a
//!   table is read out with the names of its columns.
//!
//! ```
//! use millwright_core::Sources;
//! use millwright_llm::{ModelSet, ModelSettings, Tier};
//! let models = ModelSet::new(&ModelSettings::extractive(), &Sources::system())?;
//! assert!(!models.choose(Tier::Light).info().is_language_model);
//! # Ok::<(), millwright_llm::LlmError>(())
//! ```

mod error;
mod extractive;
mod model;
mod ollama;
mod openai;
mod prompt;
mod set;
pub mod text;
mod transport;

pub use error::LlmError;
pub use extractive::ExtractiveModel;
pub use model::{
    ChatModel, ChatRequest, Delta, DeltaStream, InvalidTier, ModelInfo, PromptPassage, Role, StopReason, Tier, Turn,
};
pub use ollama::OllamaModel;
pub use openai::OpenAiModel;
pub use prompt::NOT_IN_DOCUMENTS;
pub use set::{Backend, ModelSet, ModelSettings};
pub use transport::{ApiKey, Patience};
