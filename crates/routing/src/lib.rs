//! Judges how much model a request deserves.
//!
//! [`assess`] scores a request from 0 (any model will do) to 1 (only the strongest may get it right), and says what weighed most;
//! [`Thresholds`] turn a score into LIGHT, STANDARD or HEAVY. It is not the router: which endpoint may be used, what it costs and
//! whether it answers are asked elsewhere.
//!
//! Invariants:
//! * Pure and deterministic: no clock, no randomness, no input or output; the same request and weights give the same score.
//! * It never panics, whatever the text, and looks at no more than 8 KiB of a prompt, in linear time.
//! * The benchmark a prompt may come from is not known to it, only the text.
//! * What it adds for passages, tools and the like was set by hand and is small: there were no data to learn it from.
//!
//! # Model card
//!
//! Questions with lettered options are scored by boosted trees and hashed words, all else by a linear model held to weights set by
//! hand; `docs/adr/0011-complexity-by-features.md` says why. Trained by `xtask train routing` on 4,622 prompts of RouteLLM's evaluation
//! data; the figures on rows not seen in training stand in `models/held-out.txt`, and miss their goals.
//!
//! **Scores** are ranks: of questions with options among those of MMLU; of all else among word problems and everyday questions, half
//! each. **Weak where** the prompt is no English, where a short question needs deep knowledge, and on open tasks other than word
//! problems, for which there were hardly any labels. Questions of high-school mathematics with options score too low: the data grade
//! each of the strong model's answers to them as wrong.
//!
//! ```
//! use millwright_routing::{Level, Request, Thresholds, assess};
//!
//! let easy = assess(&Request::prompt("What is a valve?"), None);
//! assert_eq!(Thresholds::default().tier_word(easy.score), Level::Light);
//! ```

mod bytes;
pub mod eval;
pub mod features;
mod language;
pub mod model;
mod task;
mod text;
mod thresholds;
pub mod trees;

use std::sync::LazyLock;

use serde::Serialize;

pub use task::TaskKind;
pub use thresholds::{Level, Thresholds, ThresholdsError};

use features::{Dense, Prompt};
use model::{Model, Raw};

/// SHA-256 of the weights that ship, in hexadecimal, for the record of a decision.
pub const MODEL_DIGEST: &str = include_str!("../models/complexity.sha256").trim_ascii();

/// The features of an explanation.
const SHOWN: usize = 6;

static MODEL: LazyLock<Option<Model>> = LazyLock::new(|| Model::from_bytes(include_bytes!("../models/complexity.bin")));

/// What is known of a request before a model is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The last message of the user.
    pub prompt: &'a str,
    /// Characters of the instructions that go before.
    pub system_chars: usize,
    /// Messages of the conversation before the last.
    pub history_turns: usize,
    /// Passages of documents that go along.
    pub passages: usize,
    /// Their characters together.
    pub passage_chars: usize,
    /// Tools that the model may call.
    pub tools: usize,
    /// Images that go along.
    pub images: usize,
    /// Whether the answer must be JSON of a given schema.
    pub wants_json: bool,
}

impl<'a> Request<'a> {
    /// A prompt and nothing else.
    pub fn prompt(prompt: &'a str) -> Self {
        Self { prompt, ..Self::default() }
    }
}

/// How much model a request deserves, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Complexity {
    /// From 0 to 1: the share of typical requests of its form that deserve a strong model less. A rank, no probability.
    pub score: f32,
    /// What kind of work it is.
    pub task: TaskKind,
    /// An ISO 639-1 code, or `und`.
    pub language: &'static str,
    /// What weighed most, the weightiest first.
    pub features: Vec<Feature>,
    /// Whether the embedding took part.
    pub used_embedding: bool,
}

/// One thing that was seen in a request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Feature {
    /// In words that may be shown.
    pub name: &'static str,
    /// As it was measured. Counts are logarithms of one more.
    pub value: f32,
    /// About how far it moved the score, up or down.
    pub contribution: f32,
}

/// Scores a request with the weights that ship. An embedding is one of all-MiniLM-L6-v2 (384 numbers); others are ignored.
pub fn assess(request: &Request<'_>, embedding: Option<&[f32]>) -> Complexity {
    match MODEL.as_ref() {
        Some(model) => assess_with(model, request, embedding),
        None => assess_with(&Model::default(), request, embedding),
    }
}

/// The same with other weights.
pub fn assess_with(model: &Model, request: &Request<'_>, embedding: Option<&[f32]>) -> Complexity {
    let text = text::clip(request.prompt);
    let prompt = Prompt::new(&text);
    let dense = prompt.dense();
    let values: Vec<f32> = dense.iter().map(|(_, value)| *value).collect();
    let head = model.head(&prompt);
    let raw = head.raw(&prompt, &values, embedding);
    let context = features::context(request);
    let shifts: Vec<f32> = context.iter().map(|(name, value)| value.min(8.0) * context_weight(name)).collect();
    let rank = head.rank(raw.score).clamp(1e-4, 1.0 - 1e-4);
    let shifted = (rank / (1.0 - rank)).ln() + shifts.iter().sum::<f32>();
    let score = 1.0 / (1.0 + (-shifted).exp());
    Complexity {
        score: if score.is_finite() { score.clamp(0.0, 1.0) } else { 1.0 },
        task: TaskKind::of(&prompt),
        language: language::of(prompt.tokens()),
        features: explain(&dense, &raw, head.spread(), &context, &shifts, prompt.tokens().len()),
        used_embedding: raw.embedding.is_some(),
    }
}

/// By how much what goes along raises the log-odds of the score, for each unit of its measure. Set by hand: several passages have to
/// be put together, tools have to be chosen, instructions and schemas have to be kept to. A prompt's own text weighs more.
fn context_weight(name: &str) -> f32 {
    match name {
        "attached passages" => 0.10,
        "length of passages" => 0.08,
        "conversation" | "length of instructions" => 0.05,
        "tools" => 0.25,
        "images" => 0.30,
        "answer as JSON" => 0.15,
        _ => 0.0,
    }
}

fn explain(dense: &Dense, raw: &Raw, spread: f32, context: &Dense, shifts: &[f32], tokens: usize) -> Vec<Feature> {
    let own = dense.iter().zip(&raw.by_feature).map(|((name, value), part)| Feature {
        name,
        value: *value,
        contribution: part / spread,
    });
    // At the middle of the scale one of log-odds is a quarter of the score.
    let around = context.iter().zip(shifts).map(|((name, value), shift)| Feature {
        name,
        value: *value,
        contribution: shift / 4.0,
    });
    let words = Feature { name: "vocabulary", value: tokens as f32, contribution: raw.words / spread };
    let meaning = raw.embedding.map(|part| Feature { name: "meaning", value: 1.0, contribution: part / spread });
    let mut features: Vec<Feature> = own.chain(around).chain([words]).chain(meaning).collect();
    features.retain(|feature| feature.contribution.abs() > 1e-4);
    features.sort_by(|one, other| other.contribution.abs().total_cmp(&one.contribution.abs()));
    features.truncate(SHOWN);
    features
}

#[cfg(test)]
mod tests;
