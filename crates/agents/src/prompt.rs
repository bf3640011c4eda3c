//! What a model was sent for a draft: its digest, and what it takes to write it again byte for byte.

use millwright_audit::canonical_json;
use millwright_core::id::UsageId;
use millwright_llm::{ChatRequest, boundary, provider::ModelRequest};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{progress::Progress, record::Drafted, run::Run, runner::Inner, think};

/// Words that are drawn for one draft: no document can have guessed them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Words {
    /// Stands in the instructions and nowhere else.
    pub(crate) canary: String,
    /// Frames what documents say.
    pub(crate) boundary: String,
}

impl Words {
    /// Fresh ones.
    pub(crate) fn draw(inner: &Inner) -> Self {
        Self { canary: hex::encode(inner.sources.random_bytes::<8>()), boundary: boundary(&inner.sources) }
    }
}

/// What a model was sent, as it is kept with the draft. The draft's passages and texts are in the records before it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prompt {
    /// SHA-256, in hex, of the canonical JSON of what the gateway was given, its words included.
    pub(crate) sha256: String,
    pub(crate) words: Words,
    /// Whether tools were named at first.
    tools: bool,
    /// Where the server would not take that: no tools, and at most so many passages.
    most: Option<usize>,
    /// The call that was answered.
    pub(crate) call: UsageId,
    /// The digest of the model's weights, where its server tells.
    pub(crate) model_digest: Option<String>,
}

/// SHA-256, in hex, of the canonical JSON of a request. Empty where it has none, which nothing equals.
pub(crate) fn digest(request: &ModelRequest) -> String {
    canonical_json(request).map(|bytes| hex::encode(Sha256::digest(bytes))).unwrap_or_default()
}

/// Draws the words of a draft. Of one that is only repeated they are those of then; returns what was sent then.
pub(crate) fn begin(inner: &Inner, run: &Run, progress: &mut Progress, repeated: Option<&Drafted>) -> Option<Prompt> {
    progress.words = Words::draw(inner);
    let prompt = repeated?.prompt.clone().filter(|_| run.only_replayed)?;
    progress.words = prompt.words.clone();
    progress.may_call = prompt.tools;
    Some(prompt)
}

/// Asks which weights the model has that has answered, where its server tells.
pub(crate) async fn note_weights(inner: &Inner, progress: &mut Progress) {
    if let (Some(prompt), Some(route)) = (&mut progress.prompt, &progress.route) {
        prompt.model_digest = inner.gateway.catalog().weights(&route.model, &route.endpoint).await;
    }
}

impl Prompt {
    /// Of a request that was answered.
    pub(crate) fn of(
        progress: &Progress,
        request: &ModelRequest,
        (tools, most): (bool, Option<usize>),
        call: UsageId,
    ) -> Self {
        let (sha256, words) = (digest(request), progress.words.clone());
        Self { sha256, words, tools, most, call, model_digest: None }
    }

    /// Keeps what a repeated draft was made from, as it comes out today.
    pub(crate) fn keep(&self, progress: &mut Progress, request: ChatRequest) {
        let request = match self.most {
            Some(most) => think::without_tools(progress, request, most),
            None => request,
        };
        progress.may_call = self.tools && self.most.is_none();
        keep_as(progress, request.to_model_request_between(&self.words.boundary));
    }
}

/// Keeps what was sent, as it comes out today.
pub(crate) fn keep_as(progress: &mut Progress, request: ModelRequest) {
    let step = progress.repeat.as_ref().and_then(|repeat| Some(repeat.current.as_ref()?.number));
    progress.prompts.push((step.unwrap_or(progress.steps), request));
}
