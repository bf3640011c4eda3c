//! What a question asks for beyond its words: what an abbreviation stands for, what its parts are, and what it carries over
//! from the question before it.
//!
//! All of it is rules over the text, in English and German: the same question is always understood the same way, no model is
//! asked, and what was understood is shown ([`Understood`], [`FollowUp`]). Slips of the pen are found where the vocabulary
//! is, in [`crate::keyword`].

mod follow_up;
mod glossary;
mod parts;
mod subject;

use serde::Serialize;

pub(crate) use self::parts::{parts, weave};
pub use self::{
    follow_up::{FollowUp, follow_up},
    glossary::{Expansion, Glossaries, Glossary, GlossaryEntry},
};
use crate::keyword::Correction;

/// What was understood of a question beyond what stands there, for whoever asks and whoever checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Understood {
    /// Words that no text has, and what they were taken for.
    pub spelling: Vec<Correction>,
    /// What the glossary says to its terms.
    pub expansions: Vec<Expansion>,
    /// The questions that it asks, each searched for beside the whole; empty for one.
    pub parts: Vec<String>,
}
