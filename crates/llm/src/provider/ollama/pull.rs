//! Having the server fetch a model.

use std::collections::VecDeque;

use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::super::lenient::{MaybeText, Present};
use crate::{
    LlmError,
    transport::{Decoder, Seen},
};

/// How far the server is with fetching a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullProgress {
    /// The server's word for what it does, for instance `pulling manifest`; the last one is `success`.
    pub status: String,
    /// The layer that it fetches, `sha256:…`.
    pub digest: Option<String>,
    /// The layer's bytes.
    pub total: Option<u64>,
    /// How many of them have come.
    pub completed: Option<u64>,
}

/// The steps of a pull as they come. Without an error the last one's status is `success`.
pub type PullStream = BoxStream<'static, Result<PullProgress, LlmError>>;

#[derive(Debug, Serialize)]
pub(super) struct PullBody<'a> {
    pub(super) model: &'a str,
    pub(super) stream: bool,
}

#[derive(Debug, Deserialize)]
struct PullLine {
    #[serde(default)]
    status: MaybeText,
    #[serde(default)]
    digest: MaybeText,
    total: Option<u64>,
    completed: Option<u64>,
    #[serde(default)]
    error: Present,
}

/// Reads the lines of a pull.
#[derive(Debug)]
pub(super) struct PullDecoder {
    provider: &'static str,
    done: bool,
}

impl PullDecoder {
    pub(super) fn new(provider: &'static str) -> Self {
        Self { provider, done: false }
    }
}

impl Decoder for PullDecoder {
    type Item = PullProgress;

    fn line(&mut self, line: &[u8], out: &mut VecDeque<PullProgress>) -> Result<Seen, LlmError> {
        let provider = self.provider;
        if line.trim_ascii().is_empty() {
            return Ok(Seen::default());
        }
        let bad = || LlmError::BadStream { provider, what: "a line that is not the progress of a pull" };
        let line: PullLine = serde_json::from_slice(line).map_err(|_| bad())?;
        if line.error.0 {
            return Err(LlmError::FailedMidway { provider });
        }
        let status = line.status.0.ok_or_else(bad)?;
        self.done = status == "success";
        out.push_back(PullProgress { status, digest: line.digest.0, total: line.total, completed: line.completed });
        Ok(Seen { token: true, end: self.done, bytes: 0 })
    }

    fn is_whole(&self) -> bool {
        self.done
    }

    fn finish(&mut self, _: &mut VecDeque<PullProgress>) {}
}
