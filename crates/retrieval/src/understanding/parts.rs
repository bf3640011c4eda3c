//! Questions that ask for several things, cut where each begins, and their results woven into one list.

use std::collections::HashSet;

use millwright_core::id::ChunkId;

use super::subject::{Token, content_words, is_empty_word, refers, subjects, tokens};
use crate::{analysis::Language, search::Passage};

/// A text of more parts is no question with parts.
const MAX_PARTS: usize = 4;
/// A part of fewer words is hardly a question.
const LEAST_WORDS: usize = 3;

const ENGLISH_QUESTION_WORDS: &[&str] = &["when", "where", "which", "what", "who", "whom", "whose", "why", "how"];
const GERMAN_QUESTION_WORDS: &[&str] = &[
    "wann", "wo", "welche", "welcher", "welches", "welchen", "welchem", "was", "wer", "wem", "wen", "wie", "warum",
    "wieso", "weshalb", "womit", "wofür", "wodurch", "wohin", "woher", "wozu", "woran", "worauf",
];
/// What a question begins with when it has no question word.
const VERBS_IN_FRONT: &[&str] = &[
    "is", "are", "does", "do", "can", "must", "should", "may", "has", "have", "ist", "sind", "kann", "muss", "müssen",
    "darf", "hat", "soll", "sollte", "wird",
];
/// What may stand before a question word: `and at which pressure`.
const ENGLISH_PREPOSITIONS: &[&str] = &["at", "by", "for", "from", "in", "of", "on", "to", "with", "under", "after"];
const GERMAN_PREPOSITIONS: &[&str] =
    &["bei", "mit", "von", "in", "nach", "auf", "an", "aus", "für", "unter", "zu", "ab"];
/// These ask for one thing, whatever stands between.
const ONE_THING: &[&str] = &["between", "zwischen", "whether"];

/// The questions that a text asks, where they are several; else nothing. A part that refers to what the first is about gets
/// that with it.
pub(crate) fn parts(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    if tokens.iter().any(|token| ONE_THING.contains(&token.lower.as_str())) {
        return Vec::new();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut begin = 0;
    for at in 1..=tokens.len() {
        let Some(next) = (if at == tokens.len() { Some((at, at)) } else { cut(text, &tokens, begin, at) }) else {
            continue;
        };
        let (end, after) = next;
        let part = text[tokens[begin].span.start..tokens[end - 1].span.end].trim();
        if !is_question(&tokens[begin..end]) {
            return Vec::new();
        }
        parts.push(part.to_owned());
        if parts.len() > MAX_PARTS {
            return Vec::new();
        }
        if after >= tokens.len() {
            break;
        }
        begin = after;
    }
    if parts.len() < 2 {
        return Vec::new();
    }
    let about: Vec<String> = subjects(&parts[0]).into_iter().map(|subject| subject.text).collect();
    let about = if about.is_empty() { content_words(&parts[0]) } else { about }.join(" ");
    let (first, others) = parts.split_at_mut(1);
    for part in others.iter_mut().filter(|part| refers(part)) {
        *part = format!("{part} {about}");
    }
    [first, others].concat()
}

/// Whether another question begins at this word: where the one before it ends, and where it begins itself.
fn cut(text: &str, tokens: &[Token<'_>], begin: usize, at: usize) -> Option<(usize, usize)> {
    if at <= begin {
        return None;
    }
    let between = &text[tokens[at - 1].span.end..tokens[at].span.start];
    if between.contains('?') {
        return Some((at, at));
    }
    let asks = |from: usize, words: &[&str], prepositions: &[&str]| {
        let is = |at: usize, list: &[&str]| tokens.get(at).is_some_and(|token| list.contains(&token.lower.as_str()));
        is(from, words) || (is(from, prepositions) && is(from + 1, words))
    };
    let joins = match tokens[at].lower.as_str() {
        "and" => asks(at + 1, ENGLISH_QUESTION_WORDS, ENGLISH_PREPOSITIONS),
        "und" | "sowie" => asks(at + 1, GERMAN_QUESTION_WORDS, GERMAN_PREPOSITIONS),
        _ => false,
    };
    if joins {
        return Some((at, at + 1));
    }
    if !between.contains(';') {
        return None;
    }
    let (words, prepositions) = match Language::of(text) {
        Language::English => (ENGLISH_QUESTION_WORDS, ENGLISH_PREPOSITIONS),
        Language::German => (GERMAN_QUESTION_WORDS, GERMAN_PREPOSITIONS),
    };
    asks(at, words, prepositions).then_some((at, at))
}

/// Whether these words ask for something by themselves.
fn is_question(tokens: &[Token<'_>]) -> bool {
    let is_word = |token: &Token<'_>, words: &[&str]| words.contains(&token.lower.as_str());
    let asks = tokens.first().is_some_and(|token| is_word(token, VERBS_IN_FRONT))
        || tokens.iter().any(|token| is_word(token, ENGLISH_QUESTION_WORDS) || is_word(token, GERMAN_QUESTION_WORDS));
    let says = |language| tokens.iter().any(|token| token.is_code() || !is_empty_word(&token.lower, language));
    tokens.len() >= LEAST_WORDS && asks && says(Language::English) && says(Language::German)
}

/// The parts' passages in turn, then those of the whole, best first and each once.
pub(crate) fn weave(lists: Vec<Vec<Passage>>) -> Vec<Passage> {
    let mut seen: HashSet<ChunkId> = HashSet::new();
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut woven = Vec::new();
    loop {
        let row: Vec<Passage> = lists.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() {
            return woven;
        }
        woven.extend(row.into_iter().filter(|passage| seen.insert(passage.chunk_id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_questions_are_cut_where_each_begins() {
        assert_eq!(
            parts("When does the valve open and when is its oil changed?"),
            ["When does the valve open", "when is its oil changed valve"]
        );
        assert_eq!(
            parts("How often is the filter changed? Which oil does the gearbox take?"),
            ["How often is the filter changed", "Which oil does the gearbox take"]
        );
        assert_eq!(
            parts("Wann öffnet das Ventil und wie oft wird sein Öl gewechselt?"),
            ["Wann öffnet das Ventil", "wie oft wird sein Öl gewechselt Ventil"]
        );
        assert_eq!(
            parts("What is the torque of the nuts and at which pressure does the relief valve open?"),
            ["What is the torque of the nuts", "at which pressure does the relief valve open"]
        );
    }

    #[test]
    fn one_question_stays_one() {
        for one in [
            "How and when is the filter replaced?",
            "How are the pump and the motor aligned?",
            "What is the difference between when it runs and when it stops?",
            "Wie und wann wird der Filter gewechselt?",
            "Which oil and which grease are used?",
            "pump",
            "",
            "?",
            "what problems of heat conduction in composite slabs have been solved so far .",
        ] {
            assert_eq!(parts(one), Vec::<String>::new(), "{one}");
        }
    }
}
