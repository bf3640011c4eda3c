//! What a run knows before it searches: the conversation, within limits.

use millwright_core::{Clearance, Label};
use millwright_llm::{Role, Turn};
use millwright_retrieval::understanding::{FollowUp, follow_up};
use millwright_store::tenant::{MessageRole, MessageRow, label_of_json};

/// The most earlier messages that a model is given.
pub(crate) const MAX_TURNS: usize = 10;
/// The most characters of them.
const MAX_TURN_CHARS: usize = 6_000;
/// The same for the steps of a goal: what is longer is left to the passages that they cite.
const MAX_STEP_TURNS: usize = 48;
const MAX_STEP_CHARS: usize = 12_000;
/// A follow-up is searched for as it stands where it and what it carries would be longer: a pasted page says enough.
const MAX_QUERY_CHARS: usize = 2_000;

/// The conversation before a question.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Oldest first.
    pub(crate) turns: Vec<Turn>,
    /// The join of their labels.
    pub(crate) label: Label,
}

impl Default for Conversation {
    fn default() -> Self {
        Self { turns: Vec::new(), label: Label::LOWEST }
    }
}

impl Conversation {
    /// Of the messages on the way to the question, oldest first, without the question. What the person may not read any
    /// more is left out.
    pub(crate) fn of(messages: &[MessageRow], clearance: &Clearance) -> Self {
        Self::within(messages, clearance, (MAX_TURNS, MAX_TURN_CHARS))
    }

    /// Of what the steps of a goal have asked and found, which is no conversation but as good as one.
    pub(crate) fn of_steps(messages: &[MessageRow], clearance: &Clearance) -> Self {
        Self::within(messages, clearance, (MAX_STEP_TURNS, MAX_STEP_CHARS))
    }

    fn within(messages: &[MessageRow], clearance: &Clearance, (most, mut room): (usize, usize)) -> Self {
        let mut conversation = Self::default();
        for message in messages.iter().rev().take(most) {
            let label = message.label.clone().map_or(Label::LOWEST, label_of_json);
            if !clearance.may_have(&label) {
                continue;
            }
            let text = without_markers(&message.content);
            let length = text.chars().count();
            if length > room {
                break;
            }
            room -= length;
            if !text.is_empty() {
                let role = if message.role == MessageRole::User { Role::User } else { Role::Assistant };
                conversation.turns.push(Turn { role, text });
                conversation.label = conversation.label.join(&label);
            }
        }
        conversation.turns.reverse();
        conversation
    }

    /// The question written out, where it leans on those before it: each of them as it was written out itself.
    pub(crate) fn follow_up(&self, question: &str) -> Option<FollowUp> {
        let asked = self.turns.iter().filter(|turn| turn.role == Role::User);
        let before = asked.fold(String::new(), |before, turn| match follow_up(&before, &turn.text) {
            Some(FollowUp { query, .. }) => query,
            None => turn.text.clone(),
        });
        follow_up(&before, question).filter(|found| found.query.chars().count() <= MAX_QUERY_CHARS)
    }
}

/// Markers name passages of an earlier search: a model would take them for today's.
pub(crate) fn without_markers(text: &str) -> String {
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
    fn a_follow_up_is_written_out_from_all_questions_before_it() {
        let turn = |role, text: &str| Turn { role, text: text.into() };
        let mut conversation = Conversation {
            turns: vec![
                turn(Role::User, "How often must the filter be changed?"),
                turn(Role::Assistant, "Every 500 hours."),
            ],
            label: Label::LOWEST,
        };
        let query = |conversation: &Conversation, question: &str| {
            conversation.follow_up(question).map_or_else(|| question.to_owned(), |found| found.query)
        };
        assert_eq!(query(&conversation, "And the belt?"), "How often must the belt be changed?");
        conversation.turns.extend([turn(Role::User, "And the belt?"), turn(Role::Assistant, "Every year.")]);
        assert_eq!(query(&conversation, "Who checks its tension?"), "Who checks its tension? belt");
        let alone = "Which grease do the motor bearings take?";
        assert_eq!(query(&conversation, alone), alone);
        assert_eq!(Conversation::default().follow_up("And?"), None);
    }

    #[test]
    fn old_markers_do_not_reach_the_model() {
        assert_eq!(without_markers("Use 25 g [1]. Pin [A] and x[12] [2]"), "Use 25 g. Pin [A] and x");
    }
}
