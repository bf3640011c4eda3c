//! What a run knows before it searches: the conversation, within limits.

use millwright_core::Classification;
use millwright_llm::{Role, Turn, text::terms};
use millwright_store::tenant::{MessageRole, MessageRow};

/// The most earlier messages that a model is given.
pub(crate) const MAX_TURNS: usize = 10;
/// The most characters of them.
const MAX_TURN_CHARS: usize = 6_000;
/// A question with fewer content words may lean on the one before it.
const WORDS_TO_STAND_ALONE: usize = 3;

/// The conversation before a question.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// Oldest first.
    pub(crate) turns: Vec<Turn>,
    /// The join of the labels of the answers among them.
    pub(crate) classification: Option<Classification>,
}

impl Conversation {
    /// Of the messages on the way to the question, oldest first, without the question.
    pub(crate) fn of(messages: &[MessageRow]) -> Self {
        let mut conversation = Self::default();
        let mut room = MAX_TURN_CHARS;
        for message in messages.iter().rev().take(MAX_TURNS) {
            let text = without_markers(&message.content);
            let length = text.chars().count();
            if length > room {
                break;
            }
            room -= length;
            if !text.is_empty() {
                let role = if message.role == MessageRole::User { Role::User } else { Role::Assistant };
                conversation.turns.push(Turn { role, text });
                let label = message.classification.as_deref().and_then(|label| label.parse::<Classification>().ok());
                conversation.classification = join(conversation.classification, label);
            }
        }
        conversation.turns.reverse();
        conversation
    }

    /// What to search for: the question, with the one before it if it leans on that.
    pub(crate) fn query(&self, question: &str) -> String {
        match self.turns.iter().rev().find(|turn| turn.role == Role::User) {
            Some(before) if leans(question) => format!("{} {question}", before.text),
            _ => question.to_owned(),
        }
    }
}

/// The higher of two labels, where there are any.
pub(crate) fn join(a: Option<Classification>, b: Option<Classification>) -> Option<Classification> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (one, other) => one.or(other),
    }
}

/// Whether a question cannot be understood by itself.
fn leans(question: &str) -> bool {
    const BEGINNINGS: &[&str] = &["and ", "what about", "how about", "why", "but ", "or ", "then ", "also ", "und "];
    const REFERENCES: &[&str] =
        &["it", "its", "they", "them", "their", "that", "this", "those", "these", "there", "he", "she", "same", "one"];
    let lower = question.trim().to_lowercase();
    let refers = lower.split(|c: char| !c.is_alphanumeric()).any(|word| REFERENCES.contains(&word));
    refers
        || BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning))
        || terms(question).keys().count() < WORDS_TO_STAND_ALONE
}

/// Markers name passages of an earlier search: a model would take them for today's.
fn without_markers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let inside = &rest[open + 1..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && inside[digits..].starts_with(']') {
            out.push_str(rest[..open].trim_end_matches(' '));
            rest = &inside[digits + 1..];
        } else {
            out.push_str(&rest[..=open]);
            rest = inside;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follow_up_is_searched_with_the_question_before_it() {
        let conversation = Conversation {
            turns: vec![
                Turn { role: Role::User, text: "How do I replace the seal?".into() },
                Turn { role: Role::Assistant, text: "Press it in.".into() },
            ],
            classification: None,
        };
        assert_eq!(conversation.query("And how often?"), "How do I replace the seal? And how often?");
        assert_eq!(
            conversation.query("Which tool does it need?"),
            "How do I replace the seal? Which tool does it need?"
        );
        let alone = "Which grease do the motor bearings take?";
        assert_eq!(conversation.query(alone), alone);
        assert_eq!(Conversation::default().query("And?"), "And?");
    }

    #[test]
    fn old_markers_do_not_reach_the_model() {
        assert_eq!(without_markers("Use 25 g [1]. Pin [A] and x[12] [2]"), "Use 25 g. Pin [A] and x");
    }
}
