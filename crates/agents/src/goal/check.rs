//! What can be demanded of an answer, and is checked in code: the same each time, and no model is asked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

const MAX_TEXT_CHARS: usize = 200;

/// A demand on an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// That there is one: the documents hold it.
    Answered,
    /// That it says this, in any case and spacing.
    Says(String),
    /// That it does not say this.
    NeverSays(String),
    /// That it cites so many documents.
    Documents(u8),
    /// That it names a figure with this unit, written like this.
    FigureIn(String),
}

/// An answer as it is checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    /// With markers.
    pub(crate) text: &'a str,
    pub(crate) citations: &'a Value,
    /// False where the documents do not hold it.
    pub(crate) answered: bool,
}

impl Check {
    /// What is wrong with the demand itself.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Says(text) | Self::NeverSays(text) | Self::FigureIn(text)
                if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS =>
            {
                Err(format!("the text of a check has 1 to {MAX_TEXT_CHARS} characters"))
            }
            Self::Documents(0) => Err("`documents` is 1 or more".to_owned()),
            _ => Ok(()),
        }
    }

    pub(super) fn with_texts(&mut self, change: &mut impl FnMut(&str) -> String) {
        if let Self::Says(text) | Self::NeverSays(text) | Self::FigureIn(text) = self {
            *text = change(text);
        }
    }

    /// Whether the answer is as demanded.
    pub(crate) fn is_met(&self, answer: &Answer<'_>) -> bool {
        match self {
            Self::Answered => answer.answered,
            Self::Says(text) => plain(answer.text).contains(&plain(text)),
            Self::NeverSays(text) => !plain(answer.text).contains(&plain(text)),
            Self::Documents(count) => {
                let cited = answer.citations.as_array().into_iter().flatten();
                let documents: BTreeSet<&str> = cited.filter_map(|citation| citation["document_id"].as_str()).collect();
                documents.len() >= usize::from(*count)
            }
            Self::FigureIn(unit) => has_figure(answer.text, unit.trim()),
        }
    }

    /// The demand in words, for the model that is to meet it and for people.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Answered => "the documents have to hold the answer".to_owned(),
            Self::Says(text) => format!("the answer has to say \"{text}\""),
            Self::NeverSays(text) => format!("the answer may not say \"{text}\""),
            Self::Documents(count) => format!("the answer has to cite {count} documents or more"),
            Self::FigureIn(unit) => format!("the answer has to name a figure in {unit}"),
        }
    }
}

/// Which demands the answer does not meet, in the words of those `stored`: the same with placeholders for personal data.
pub(crate) fn unmet((checks, stored): (&[Check], &[Check]), answer: &Answer<'_>) -> Vec<String> {
    let unmet = checks.iter().zip(stored).filter(|(check, _)| !check.is_met(answer));
    unmet.map(|(_, stored)| stored.in_words()).collect()
}

fn plain(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a number stands right before the unit, and the unit ends there.
fn has_figure(text: &str, unit: &str) -> bool {
    text.match_indices(unit).any(|(at, _)| {
        let before = text[..at].trim_end();
        let ends = text[at + unit.len()..].chars().next().is_none_or(|next| !next.is_alphanumeric());
        ends && before.ends_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn demands_are_held_against_the_answer() {
        let citations = json!([{ "document_id": "doc_1" }, { "document_id": "doc_1" }, { "document_id": "doc_2" }]);
        let text = "Tighten  the bolts to 25 Nm. [1] Never exceed 30 Nms. [2]";
        let answer = Answer { text, citations: &citations, answered: true };
        for (check, met) in [
            (Check::Answered, true),
            (Check::Says("tighten the BOLTS".into()), true),
            (Check::Says("loosen".into()), false),
            (Check::NeverSays("loosen".into()), true),
            (Check::Documents(2), true),
            (Check::Documents(3), false),
            (Check::FigureIn("Nm".into()), true),
            (Check::FigureIn("bar".into()), false),
            (Check::FigureIn("the".into()), false),
        ] {
            assert_eq!(check.is_met(&answer), met, "{check:?}");
        }
        let checks = [Check::Answered, Check::Documents(2)];
        let unanswered = Answer { answered: false, ..answer };
        assert_eq!(unmet((&checks, &checks), &unanswered), ["the documents have to hold the answer"]);
    }
}
