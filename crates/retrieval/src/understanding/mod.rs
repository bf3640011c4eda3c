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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::{analyse_query, plain_words};

    /// Words that the rules know, codes, and letters that change their length when they change their case or are folded.
    fn questions() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            3 => prop::sample::select(vec![
                "what", "und", "and", "which", "wie sieht es mit", "aus", "what about", "it", "the", "der", "does", "open",
                "?", ";", ",", "between", "P-101", "6205-2RS", "45 Nm", "pump", "Pumpe", "valve", "\"", "(", ")", "\u{2014}",
            ])
            .prop_map(str::to_owned),
            1 => "[İŉǰßΐﬁa\u{301}\u{ad}\u{200d}字🔧٣Ⅷ.-]{1,6}",
            1 => "\\PC{0,8}",
        ];
        prop::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
    }

    proptest! {
        #[test]
        fn no_question_is_too_strange_and_none_grows_without_bound(before in questions(), question in questions()) {
            let parts = parts(&question);
            prop_assert!(parts.len() <= 4);
            prop_assert!(parts.iter().all(|part| part.len() <= 2 * question.len() + 1), "{parts:?}");
            if let Some(written_out) = follow_up(&before, &question) {
                prop_assert!(written_out.query.len() <= 2 * (before.len() + question.len()) + 2, "{written_out:?}");
            }
            let terms = analyse_query(&question);
            prop_assert!(terms.words.len() <= question.len() && terms.codes.len() <= question.len());
            prop_assert!(plain_words(&question).all(|word| !word.text.is_empty()));
        }
    }
}
