//! Follow-ups: a question that leans on the one before it, written out.

use serde::Serialize;

use super::subject::{Subject, Token, content_words, refers, subjects, tokens};

/// A question with fewer words that say something may lean on the one before it.
const WORDS_TO_STAND_ALONE: usize = 3;
/// A follow-up that only names another thing has at most so many words.
const MAX_THING_WORDS: usize = 6;

/// How a follow-up begins, and that names a thing after it. Longer ones first.
const OPENINGS: &[&str] = &[
    "and what about",
    "what about",
    "how about",
    "and with",
    "and for",
    "and also",
    "and",
    "or",
    "also",
    "but",
    "then",
    "wie sieht es mit",
    "wie sieht es bei",
    "wie ist es mit",
    "wie ist es bei",
    "und wie ist es mit",
    "was ist mit",
    "und was ist mit",
    "und bei",
    "und für",
    "und mit",
    "und",
    "oder",
    "auch",
    "aber",
];
/// These make more of a follow-up than a thing.
const ASKING: &[&str] = &[
    "when", "where", "which", "what", "who", "whom", "whose", "why", "how", "if", "is", "are", "does", "do", "can",
    "must", "should", "may", "has", "have", "wann", "wo", "welche", "welcher", "welches", "welchen", "welchem", "was",
    "wer", "wem", "wen", "wie", "warum", "wieso", "weshalb", "womit", "wofür", "wenn", "falls", "ist", "sind", "kann",
    "muss", "darf", "hat", "soll", "wird", "werden",
];

/// A follow-up as it is searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FollowUp {
    /// What is searched for.
    pub query: String,
    /// Words of the question before it that are in there.
    pub carried: Vec<String>,
}

/// Writes out a question that cannot be understood without the one before it; `None` for one that can. `before` is that
/// question as it was searched for itself.
pub fn follow_up(before: &str, question: &str) -> Option<FollowUp> {
    if tokens(before).is_empty() {
        return None;
    }
    let (opening, rest) = without_opening(question);
    let words = tokens(rest);
    let telling = content_words(rest);
    let asks = words.iter().any(|token| ASKING.contains(&token.lower.as_str()));
    let points = refers(rest);
    if let Some(thing) = thing(rest, &words, opening, asks || points)
        && let Some(swapped) = swap(before, thing)
    {
        return Some(swapped);
    }
    let is_whole = asks && !subjects(rest).is_empty();
    let stands_alone = !points && (is_whole || (telling.len() >= WORDS_TO_STAND_ALONE && opening.is_none()));
    if stands_alone {
        return None;
    }
    let about: Vec<String> = subjects(before).into_iter().map(|subject| subject.text).collect();
    // A question of its own about the same thing, or nothing but the wish to hear more of it.
    let is_own_question = !telling.is_empty() && (asks || points) && !about.is_empty();
    if is_own_question {
        let new: Vec<String> = about.into_iter().filter(|word| !contains(question, word)).collect();
        if new.is_empty() {
            return None;
        }
        return Some(FollowUp { query: format!("{} {}", question.trim(), new.join(" ")), carried: new });
    }
    Some(FollowUp { query: format!("{} {}", before.trim(), question.trim()), carried: content_words(before) })
}

fn contains(text: &str, phrase: &str) -> bool {
    text.to_lowercase().contains(&phrase.to_lowercase())
}

/// The opening of a follow-up, where it has one, and what comes after it.
fn without_opening(question: &str) -> (Option<&'static str>, &str) {
    let words = tokens(question);
    let mut found: Option<(&'static str, usize)> = None;
    for opening in OPENINGS {
        let count = opening.split(' ').count();
        let begins = words.len() > count && opening.split(' ').zip(&words).all(|(word, token)| token.lower == word);
        if begins && found.is_none_or(|(_, most)| count > most) {
            found = Some((opening, count));
        }
    }
    match found {
        Some((opening, count)) => (Some(opening), &question[words[count].span.start..]),
        None => (None, question),
    }
}

/// What a follow-up names when it does nothing else: after an opening some words, without one a code.
fn thing<'q>(rest: &'q str, words: &[Token<'_>], opening: Option<&str>, says_more: bool) -> Option<&'q str> {
    let (first, last) = (words.first()?, words.last()?);
    let is_code = words.len() == 1 && first.is_code();
    let is_named = opening.is_some() && words.len() <= MAX_THING_WORDS && !says_more && !content_words(rest).is_empty();
    // `wie sieht es mit dem Riemen aus` ends with half of its verb.
    let end = match words {
        [.., before, last] if last.lower == "aus" && opening.is_some_and(|words| words.starts_with("wie sieht")) => {
            before.span.end
        }
        _ => last.span.end,
    };
    (is_code || is_named).then(|| &rest[first.span.start..end])
}

/// The question before with another thing in the place of the one that it is about, where it is about one.
fn swap(before: &str, thing: &str) -> Option<FollowUp> {
    let subjects = subjects(before);
    let [Subject { span, .. }] = subjects.as_slice() else { return None };
    let (head, tail) = (&before[..span.start], &before[span.end..]);
    let carried = content_words(&format!("{head} {tail}"));
    Some(FollowUp { query: format!("{head}{thing}{tail}"), carried })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(before: &str, question: &str) -> String {
        follow_up(before, question).map_or_else(|| question.to_owned(), |follow_up| follow_up.query)
    }

    #[test]
    fn another_thing_takes_the_place_of_the_one_before() {
        let before = "How often must the filter be changed?";
        assert_eq!(query(before, "And the belt?"), "How often must the belt be changed?");
        assert_eq!(query(before, "What about the drive belt?"), "How often must the drive belt be changed?");
        assert_eq!(query("What does error E46 mean?", "And E47?"), "What does error E47 mean?");
        assert_eq!(query("What does error E46 mean?", "E47?"), "What does error E47 mean?");
        let before = "Wie oft muss der Filter gewechselt werden?";
        assert_eq!(query(before, "Und der Riemen?"), "Wie oft muss der Riemen gewechselt werden?");
        assert_eq!(query(before, "Wie ist es mit dem Riemen?"), "Wie oft muss dem Riemen gewechselt werden?");
        assert_eq!(query(before, "Wie sieht es mit dem Riemen aus?"), "Wie oft muss dem Riemen gewechselt werden?");
        assert_eq!(follow_up(before, "Und der Riemen?").unwrap().carried, ["gewechselt"]);
    }

    #[test]
    fn of_several_things_none_is_replaced() {
        let before = "What is the oil level of the pump?";
        assert_eq!(query(before, "And the compressor?"), "What is the oil level of the pump? And the compressor?");
    }

    #[test]
    fn a_pronoun_gets_what_it_stands_for() {
        let found = follow_up("When does the valve open?", "How often is its oil changed?").unwrap();
        assert_eq!(found.query, "How often is its oil changed? valve");
        assert_eq!(found.carried, ["valve"]);
        assert_eq!(
            query("Wann öffnet das Ventil?", "Wie oft wird sein Öl gewechselt?"),
            "Wie oft wird sein Öl gewechselt? Ventil"
        );
    }

    #[test]
    fn the_wish_to_hear_more_carries_all() {
        assert_eq!(query("How do I replace the seal?", "And how often?"), "How do I replace the seal? And how often?");
        assert_eq!(query("How do I replace the seal?", "Why?"), "How do I replace the seal? Why?");
    }

    #[test]
    fn a_question_that_can_be_understood_stays() {
        assert_eq!(follow_up("How do I replace the seal?", "Which grease do the motor bearings take?"), None);
        assert_eq!(follow_up("Wann öffnet das Ventil?", "Welches Fett brauchen die Lager der Pumpe?"), None);
        assert_eq!(follow_up("How do I replace the seal?", "How often is the filter changed?"), None);
        assert_eq!(follow_up("Wann öffnet das Ventil?", "Und wann schließt der Schieber?"), None);
        assert_eq!(follow_up("", "And the belt?"), None);
    }
}
