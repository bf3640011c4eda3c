//! What a question is about, as far as rules can tell: codes, German nouns, and what follows an English article.

use std::ops::Range;

use crate::analysis::{Language, query_stems};

/// A word of a text, with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'t> {
    /// Without signs around it.
    pub(super) text: &'t str,
    pub(super) lower: String,
    /// Bytes.
    pub(super) span: Range<usize>,
    /// Whether a sign that ends a phrase follows it.
    pub(super) ends_phrase: bool,
}

impl Token<'_> {
    /// Whether it may be a part number, an error code or a standard.
    pub(super) fn is_code(&self) -> bool {
        self.text.chars().any(|c| c.is_ascii_digit())
    }
}

/// The words of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for run in text.split_whitespace() {
        let begin = run.as_ptr() as usize - text.as_ptr() as usize;
        let word = run.trim_matches(|c: char| !c.is_alphanumeric());
        if word.is_empty() {
            continue;
        }
        let inside = word.as_ptr() as usize - run.as_ptr() as usize;
        let ends_phrase = run[inside + word.len()..].contains(['.', ',', ';', ':', '?', '!', ')']);
        let span = begin + inside..begin + inside + word.len();
        tokens.push(Token { text: word, lower: word.to_lowercase(), span, ends_phrase });
    }
    tokens
}

const ENGLISH_ARTICLES: &[&str] = &["the", "a", "an", "our", "my", "each", "every", "your"];
const GERMAN_ARTICLES: &[&str] = &[
    "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines", "unser", "unsere",
    "jede", "jeder", "jedes",
];
/// After these and their subject a verb stands as it is in a dictionary: `does the valve open`.
const BEFORE_SUBJECT_AND_VERB: &[&str] =
    &["do", "does", "did", "can", "must", "should", "will", "may", "could", "would"];
/// After these and their subject a participle may stand: `is the filter changed`.
const BEFORE_SUBJECT_AND_PARTICIPLE: &[&str] = &["is", "are", "was", "were", "has", "have", "be", "get", "gets"];
const PREPOSITIONS: &[&str] = &[
    "of", "in", "on", "at", "for", "with", "from", "to", "by", "after", "before", "under", "over", "into", "during",
    "when", "if", "while", "than", "without", "between", "per", "against", "as",
];
/// A subject of more words is a clause.
const MAX_WORDS: usize = 4;

/// Something that a question is about: a run of its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) text: String,
    /// Bytes in the question, its article with it.
    pub(super) span: Range<usize>,
}

/// What the question is about; nothing where the rules find nothing.
pub(super) fn subjects(question: &str) -> Vec<Subject> {
    let tokens = tokens(question);
    let codes: Vec<Subject> = tokens
        .iter()
        .filter(|token| token.is_code())
        .map(|token| Subject { text: token.text.to_owned(), span: token.span.clone() })
        .collect();
    if !codes.is_empty() {
        return codes;
    }
    match Language::of(question) {
        Language::German => german(question, &tokens),
        Language::English => english(question, &tokens),
    }
}

/// Nouns are written with a capital; an article and what stands between belong to them.
fn german(question: &str, tokens: &[Token<'_>]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut from = 0;
    for (at, token) in tokens.iter().enumerate() {
        let begins_sentence = at == 0 || tokens[at - 1].ends_phrase;
        let is_noun = !begins_sentence
            && token.text.chars().next().is_some_and(char::is_uppercase)
            && !is_empty_word(&token.lower, Language::German);
        if !is_noun {
            continue;
        }
        let article = tokens[from..at].iter().rposition(|token| GERMAN_ARTICLES.contains(&token.lower.as_str()));
        let begin = article.map_or(at, |article| from + article);
        let is_near = at - begin <= MAX_WORDS && tokens[begin..at].iter().all(|token| !token.ends_phrase);
        let begin = if is_near { begin } else { at };
        subjects.push(subject(question, tokens, begin, begin + usize::from(begin < at)..at + 1));
        from = at + 1;
    }
    subjects
}

fn english(question: &str, tokens: &[Token<'_>]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !ENGLISH_ARTICLES.contains(&tokens[at].lower.as_str()) {
            at += 1;
            continue;
        }
        let first = at + 1;
        let mut end = first;
        while end < tokens.len() && end - first < MAX_WORDS {
            let lower = tokens[end].lower.as_str();
            if is_empty_word(lower, Language::English) || PREPOSITIONS.contains(&lower) {
                break;
            }
            end += 1;
            if tokens[end - 1].ends_phrase {
                break;
            }
        }
        let is_after = |verbs: &[&str]| at > 0 && verbs.contains(&tokens[at - 1].lower.as_str());
        let is_participle =
            end > first && (tokens[end - 1].lower.ends_with("ed") || tokens[end - 1].lower.ends_with("en"));
        let verb_follows =
            is_after(BEFORE_SUBJECT_AND_VERB) || (is_after(BEFORE_SUBJECT_AND_PARTICIPLE) && is_participle);
        let of_follows = tokens.get(end).is_some_and(|token| token.lower == "of");
        let is_be = tokens.get(end).is_some_and(|token| token.lower == "be" || token.lower == "have");
        if verb_follows && end - first > 1 && !of_follows && !is_be {
            end -= 1;
        }
        if end > first {
            subjects.push(subject(question, tokens, at, first..end));
        }
        at = end.max(first);
    }
    subjects
}

fn subject(question: &str, tokens: &[Token<'_>], begin: usize, words: Range<usize>) -> Subject {
    let end = tokens[words.end - 1].span.end;
    Subject { text: question[tokens[words.start].span.start..end].to_owned(), span: tokens[begin].span.start..end }
}

/// Whether a word says nothing by itself.
pub(super) fn is_empty_word(lower: &str, language: Language) -> bool {
    query_stems(lower, language).is_none_or(|(stem, _)| language.is_weak_word(&stem))
}

/// The words that say something, as they stand.
pub(super) fn content_words(text: &str) -> Vec<String> {
    let language = Language::of(text);
    let tokens = tokens(text);
    let telling = tokens.into_iter().filter(|token| token.is_code() || !is_empty_word(&token.lower, language));
    telling.map(|token| token.text.to_owned()).collect()
}

const ENGLISH_REFERENCES: &[&str] =
    &["it", "its", "they", "them", "their", "that", "this", "those", "these", "he", "she", "same", "one", "there"];
/// Without `sie` and `ihr` in small letters only: the polite form is no reference.
const GERMAN_REFERENCES: &[&str] = &[
    "er", "es", "ihn", "ihm", "sie", "ihre", "ihren", "ihrem", "ihrer", "sein", "seine", "seinen", "seinem", "seiner",
    "deren", "dessen", "dabei", "dafür", "dazu", "davon", "daran", "darin", "damit", "dieser", "diese", "dieses",
    "diesen", "diesem",
];

/// Whether a text points to something that was named before it.
pub(super) fn refers(text: &str) -> bool {
    tokens(text).iter().enumerate().any(|(at, token)| {
        ENGLISH_REFERENCES.contains(&token.lower.as_str())
            || (GERMAN_REFERENCES.contains(&token.lower.as_str())
                && (at == 0 || token.text.chars().next().is_some_and(char::is_lowercase)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(question: &str) -> Vec<String> {
        subjects(question).into_iter().map(|subject| subject.text).collect()
    }

    #[test]
    fn what_follows_an_article_is_what_a_question_is_about() {
        assert_eq!(about("How often must the filter be changed?"), ["filter"]);
        assert_eq!(about("When does the safety valve open?"), ["safety valve"]);
        assert_eq!(about("How often is the drive belt changed?"), ["drive belt"]);
        assert_eq!(about("What is the oil level?"), ["oil level"]);
        assert_eq!(about("How do I replace the mechanical seal on the pump?"), ["mechanical seal", "pump"]);
        assert_eq!(about("What does error E46 mean on the panel?"), ["E46"]);
        assert_eq!(about("Is it safe?"), Vec::<String>::new());
    }

    #[test]
    fn german_nouns_are_what_a_question_is_about() {
        assert_eq!(about("Wie oft muss der Filter gewechselt werden?"), ["Filter"]);
        assert_eq!(about("Wann öffnet das alte Ventil der Pumpe?"), ["alte Ventil", "Pumpe"]);
        let question = "Wie oft muss der Filter gewechselt werden?";
        assert_eq!(&question[subjects(question)[0].span.clone()], "der Filter");
    }

    #[test]
    fn a_pronoun_refers_and_a_polite_one_does_not() {
        assert!(refers("How often is its oil changed?") && refers("Wie oft wird sein Öl gewechselt?"));
        assert!(!refers("Können Sie die Pumpe starten?") && !refers("Which grease do the bearings take?"));
    }
}
