use std::path::PathBuf;

use millwright_core::{ErrorCode, Problem, ToProblem};
use millwright_store::StoreError;

use crate::embedding::NoVectors;

/// A cause from a library whose own type is of no use to a caller.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong while finding or taking in passages.
#[derive(Debug, thiserror::Error)]
pub enum RetrievalError {
    /// The model folder lacks a file, or a file is not what it should be.
    #[error("the embedding model in `{}` cannot be loaded", folder.display())]
    ModelLoad {
        /// The folder that was read.
        folder: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The model failed on an input.
    #[error("the embedding failed")]
    Inference(#[source] Cause),
    /// More queries wait for an embedding than the queue holds.
    #[error("too many queries wait for an embedding")]
    Overloaded,
    /// The embedder is shutting down.
    #[error("the embedder has stopped")]
    Stopped,
    /// The model whose vectors serve is not there: its server was not reached yet, or it is not configured here.
    #[error("the embedding model `{name}`, whose vectors serve, is not there")]
    ModelAbsent {
        /// Its name.
        name: String,
    },
    /// The label of a text may not go to the server that would embed it.
    #[error("the embedding server may not be given this")]
    NotReleased,
    /// The embedding server made no vectors.
    #[error("the embedding server made no vectors")]
    Server(#[from] NoVectors),
    /// The keyword index could not be read or written.
    #[error("the keyword index failed")]
    Index(#[from] tantivy::TantivyError),
    /// The keyword index was opened anew while it was written to; the work starts again.
    #[error("the keyword index was replaced while it was written to")]
    IndexReplaced,
    /// The folder of the keyword index could not be read or written.
    #[error("the folder of the keyword index failed")]
    IndexFolder(#[source] std::io::Error),
    /// The database failed.
    #[error("the database failed while retrieving")]
    Store(#[from] StoreError),
    /// Background work was cut off by shutdown or a panic.
    #[error("background work did not finish")]
    Background(#[from] tokio::task::JoinError),
}

impl ToProblem for RetrievalError {
    fn problem(&self) -> Problem {
        match self {
            Self::Store(error) => error.problem(),
            Self::Overloaded => {
                Problem::new(ErrorCode::RateLimited, "too many searches are waiting").remedy("try again in a moment")
            }
            Self::Stopped | Self::Background(_) => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the server is shutting down").remedy("try again")
            }
            Self::ModelAbsent { .. } | Self::NotReleased | Self::Server(_) => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the embedding server makes no vectors at the moment")
            }
            Self::ModelLoad { .. } | Self::Inference(_) => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the embedding model does not work")
            }
            Self::Index(_) | Self::IndexReplaced | Self::IndexFolder(_) => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the keyword index does not work")
            }
        }
    }
}
