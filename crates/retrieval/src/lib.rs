//! Finding the right passage, and taking documents in so that they can be found.
//!
//! [`search::Searcher`] answers a query: what it asks for ([`understanding`]), then keywords ([`keyword`], BM25 by tantivy) and meaning
//! ([`embedding`], all-MiniLM-L6-v2 in process, with vectors in PostgreSQL) at the same time, one
//! trip to the database, one list ([`fusion`]), ordered anew by what its best have in common (`rerank`),
//! anew once more by a [`reranker`] where there is one, and a judgement whether the passages can answer at all ([`relevance`]). [`ingest::Ingestor`] takes a version of a document
//! through parse, chunk, embed and index. [`follower::IndexFollower`] keeps this process's keyword
//! indexes at the end of the change feed.
//!
//! It is not an answerer and keeps no text of its own: the keyword index holds ids and terms, and
//! only the database says what may be shown.
//!
//! Invariants:
//! * Indexes are opened with a [`TenantScope`](millwright_core::TenantScope), never with a name; a
//!   hit of either index is shown only if the tenant's database has it as current at that moment.
//! * The keyword index is derived: deleted, damaged, late or restored, it catches up by itself, and
//!   meanwhile vectors answer. Its position is part of its commit.
//! * No text is embedded beyond what the model reads: longer chunks have several windows.
//! * What a query is taken to mean comes from its own text, the tenant's glossary, and words that its reader may see.
//! * Inference and index work never run on an async thread, and a query never waits for bulk work.
//! * A killed ingestion goes on from its last commit; without its job's lease it writes nothing.

mod analysis;
pub mod embedding;
mod error;
pub mod eval;
pub mod follower;
pub mod fusion;
pub mod ingest;
pub mod keyword;
mod passage;
mod ranking;
pub mod reading;
pub mod relevance;
mod repeats;
mod rerank;
pub mod reranker;
pub mod search;
pub mod tables;
pub mod understanding;

pub use error::RetrievalError;
