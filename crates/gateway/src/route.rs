//! Why an answer came from where it came from: stored with the run, shown in the UI, sent in a header.

use millwright_llm::Tier;
use serde::Serialize;

use crate::{
    attempt::FailedAttempt,
    choose::{Choice, Reason},
};

/// The way that a request went.
#[derive(Debug, Clone, Serialize)]
pub struct Route {
    /// The choice of models.
    #[serde(flatten)]
    pub choice: Choice,
    /// The model that answered.
    pub model: String,
    /// The endpoint that answered.
    pub endpoint: String,
    /// Its kind of server.
    pub provider: &'static str,
    /// What failed or was passed over before.
    pub failed: Vec<FailedAttempt>,
    /// From the call to the endpoint that answered: lines, pauses, failures; milliseconds.
    pub waited_ms: u64,
    /// Whether the answer was remembered from an equal request.
    pub cached: bool,
}

impl Route {
    /// Of vectors that this process makes itself.
    pub(crate) fn in_process(model: &str, input_tokens: u64) -> Self {
        let choice = Choice {
            reason: Reason::ModelAsked,
            tier: Tier::Light,
            judged: None,
            input_tokens,
            output_tokens: 0,
            candidates: Vec::new(),
        };
        let (model, endpoint, provider) = (model.to_owned(), "in-process".to_owned(), "built_in");
        Self { choice, model, endpoint, provider, failed: Vec::new(), waited_ms: 0, cached: false }
    }

    /// For the header `x-millwright-route`: `tier=HEAVY; reason=complexity; score=0.71; model=m; endpoint=e; failed=1`.
    pub fn header(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!("tier={}; reason={}", self.choice.tier, self.choice.reason.as_str());
        if let Some(judged) = &self.choice.judged {
            let _ = write!(text, "; score={:.3}", judged.score);
        }
        let _ = write!(text, "; model={}; endpoint={}; failed={}", self.model, self.endpoint, self.failed.len());
        if self.cached {
            text.push_str("; cached");
        }
        // Names come from a file that people write.
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
    }
}
