//! What kind of work a request is, by its words. A rough word for people who read the explanation; the score does not ask it.

use serde::{Deserialize, Serialize};

use crate::features::{Prompt, words};

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One of several given answers is wanted.
    MultipleChoice,
    /// Something is to be computed or proved.
    Mathematics,
    /// A program is to be written, read or mended.
    Code,
    /// Something is to be compared, planned, explained or decided.
    Analysis,
    /// What a text says is to be taken out, shortened, sorted or translated.
    Extraction,
    /// A text is to be written.
    Writing,
    /// A plain question.
    Question,
    /// None of these.
    Other,
}

impl TaskKind {
    pub(crate) fn of(prompt: &Prompt<'_>) -> Self {
        if prompt.is_choice() {
            return Self::MultipleChoice;
        }
        let class = |class| prompt.class(class);
        // Each kind's evidence, its own words counting most. Of equals the first wins.
        let evidence = [
            (Self::Code, 1.5 * class(words::CODE) + prompt.signs_of_code() / 3.0),
            (
                Self::Mathematics,
                class(words::COMPUTE)
                    + 0.5 * (class(words::TIMES) + class(words::MEASURE) + class(words::REST))
                    + 0.4 * prompt.numbers()
                    + 0.5 * prompt.signs_of_mathematics(),
            ),
            (Self::Analysis, 1.6 * class(words::ANALYSIS)),
            (Self::Extraction, class(words::EXTRACT)),
            (Self::Writing, 1.2 * class(words::WRITE)),
            (Self::Question, 0.9 * class(words::ASK).min(1.0)),
        ];
        let mut best = (Self::Other, 0.8);
        for (kind, weight) in evidence {
            if weight > best.1 {
                best = (kind, weight);
            }
        }
        best.0
    }
}
