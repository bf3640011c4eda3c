//! What a run knows before it searches: the conversation, within limits.
//!
//! Of a long one the oldest messages fall out first. Of those an extract stays, each on a line: what was asked, and the first sentence
//! of an answer that cites something, the oldest falling out first again. ADR 32 has the order of all that OBSERVE drops.

use millwright_core::{Clearance, Label};
use millwright_llm::{Role, Turn};
use millwright_retrieval::understanding::{FollowUp, follow_up};
use millwright_store::tenant::{MessageRole, MessageRow, label_of_json};

use crate::verify::Gate;

/// The most earlier messages that a model is given.
pub(crate) const MAX_TURNS: usize = 10;
/// The most characters of them.
const MAX_TURN_CHARS: usize = 6_000;
/// So many messages before those an extract is made of, and the most characters of it and of one of its lines.
pub(crate) const MAX_EARLIER: usize = 40;
const MAX_EARLIER_CHARS: usize = 1_500;
const MAX_LINE_CHARS: usize = 200;
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
    /// What came before them, oldest first, a line each.
    pub(crate) earlier: Vec<String>,
    /// The join of the labels of that.
    pub(crate) earlier_label: Label,
}

impl Default for Conversation {
    fn default() -> Self {
        Self { turns: Vec::new(), label: Label::LOWEST, earlier: Vec::new(), earlier_label: Label::LOWEST }
    }
}

impl Conversation {
    /// Of the messages on the way to the question, oldest first, without the question. What the person may not read any
    /// more is left out.
    pub(crate) fn of(messages: &[MessageRow], clearance: &Clearance) -> Self {
        let mut conversation = Self::within(messages, clearance, (MAX_TURNS, MAX_TURN_CHARS));
        conversation.extract(messages, clearance);
        conversation
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

    /// Takes in briefly what fell out: messages before the first that is given whole.
    fn extract(&mut self, messages: &[MessageRow], clearance: &Clearance) {
        let whole = messages.iter().rev().take(MAX_TURNS).scan(0, |chars, message| {
            *chars += message_chars(message, clearance);
            (*chars <= MAX_TURN_CHARS).then_some(())
        });
        let before = messages.len() - whole.count();
        let mut room = MAX_EARLIER_CHARS;
        for message in messages[..before].iter().rev().take(MAX_EARLIER) {
            let label = message.label.clone().map_or(Label::LOWEST, label_of_json);
            let Some(line) = line_of(message).filter(|_| clearance.may_have(&label)) else { continue };
            let length = line.chars().count();
            if length > room {
                break;
            }
            room -= length;
            self.earlier.push(line);
            self.earlier_label = self.earlier_label.join(&label);
        }
        self.earlier.reverse();
    }

    /// Leaves out what came before the turns.
    pub(crate) fn forget_earlier(&mut self) {
        self.earlier.clear();
        self.earlier_label = Label::LOWEST;
    }

    /// The turns as a model is given them: what came before them stands at their beginning.
    pub(crate) fn told(&self) -> Vec<Turn> {
        let mut turns = self.turns.clone();
        if self.earlier.is_empty() {
            return turns;
        }
        let before = format!("(Earlier in this conversation, shortened:\n- {})", self.earlier.join("\n- "));
        match turns.first_mut().filter(|turn| turn.role == Role::User) {
            Some(first) => first.text = format!("{before}\n\n{}", first.text),
            None => turns.insert(0, Turn { role: Role::User, text: before }),
        }
        turns
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

fn message_chars(message: &MessageRow, clearance: &Clearance) -> usize {
    let label = message.label.clone().map_or(Label::LOWEST, label_of_json);
    if clearance.may_have(&label) { without_markers(&message.content).chars().count() } else { 0 }
}

/// A message in a line: a question, or the first sentence of an answer that cites something.
fn line_of(message: &MessageRow) -> Option<String> {
    let (word, text) = match message.role {
        MessageRole::User => ("Asked", message.content.clone()),
        MessageRole::Assistant => {
            let mut gate = Gate::default();
            let mut statements = gate.push(&message.content);
            statements.extend(gate.finish());
            ("Found", statements.into_iter().find(|statement| !statement.markers.is_empty())?.body)
        }
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(MAX_LINE_CHARS).collect();
    let more = if short.len() < text.len() { " …" } else { "" };
    (!short.is_empty()).then(|| format!("{word}: {short}{more}"))
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
            ..Conversation::default()
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

    fn message(role: MessageRole, content: String) -> MessageRow {
        MessageRow {
            id: uuid::Uuid::nil().into(),
            conversation_id: uuid::Uuid::nil().into(),
            parent_id: None,
            role,
            content,
            status: millwright_store::tenant::MessageStatus::Complete,
            citations: serde_json::json!([]),
            run_id: None,
            model: None,
            tier: None,
            label: None,
            answered: None,
            error_code: None,
            error_detail: None,
            duration_ms: None,
            as_of: None,
            agent: None,
            created_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_falls_out_of_a_long_conversation_stays_as_a_line() {
        let pair = |number: usize| {
            let answer = format!("Well.\n\nPart {number} takes {number} g [1]. And more.");
            [message(MessageRole::User, format!("What of part {number}?")), message(MessageRole::Assistant, answer)]
        };
        let short: Vec<_> = (0..5).flat_map(pair).collect();
        let conversation = Conversation::of(&short, &Clearance::EVERYTHING);
        assert_eq!((conversation.turns.len(), conversation.earlier.len()), (10, 0));
        assert_eq!(conversation.told(), conversation.turns);
        let long: Vec<_> = (0..40).flat_map(pair).collect();
        let conversation = Conversation::of(&long, &Clearance::EVERYTHING);
        assert_eq!(conversation.turns.len(), 10);
        assert_eq!(conversation.earlier.last().map(String::as_str), Some("Found: Part 34 takes 34 g."));
        assert_eq!(conversation.earlier.len(), MAX_EARLIER);
        let told = conversation.told();
        assert_eq!(told.len(), 10);
        assert!(
            told[0].text.starts_with("(Earlier in this conversation") && told[0].text.ends_with("What of part 35?")
        );
        // A long message falls out whole, and all before it.
        let mut long = short;
        long[6].content = "x".repeat(7_000);
        let conversation = Conversation::of(&long, &Clearance::EVERYTHING);
        assert_eq!((conversation.turns.len(), conversation.earlier.len()), (3, 7));
        assert!(conversation.earlier[6].ends_with("x …") && conversation.told()[0].role == Role::User);
        assert!(conversation.earlier.iter().map(|line| line.chars().count()).sum::<usize>() <= MAX_EARLIER_CHARS);
    }

    #[test]
    fn old_markers_do_not_reach_the_model() {
        assert_eq!(without_markers("Use 25 g [1]. Pin [A] and x[12] [2]"), "Use 25 g. Pin [A] and x");
    }
}
