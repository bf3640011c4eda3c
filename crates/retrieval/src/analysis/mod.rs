//! How text becomes search terms: the same way for documents, queries and the relevance
//! check, so that they can never disagree.
//!
//! Two kinds of term come out. *Words* are lower case, without accents, stemmed as English or as German, whichever the
//! text is in. A query is too short to tell and has both stems of each word.
//! *Codes* are what people type with signs inside (`6205-2RS`, `M8x1.25`, `E-stop`): lower case,
//! never stemmed, kept whole; where the signs only join (`-`, `_`, `/`), a second form without
//! them is kept too, so that `estop` finds `E-stop`.

mod language;

use std::cell::RefCell;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

pub(crate) use self::language::{Language, cuts};

/// Longer runs are hashes, base64 or table rules: no one types them, and they swell the dictionary.
const MAX_TERM_CHARS: usize = 64;

/// A term and where it stands, counted in words from the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) position: usize,
}

/// The terms of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Analysed {
    /// Stemmed words, in order. The n-th word has position n.
    pub(crate) words: Vec<Term>,
    /// Whole codes; position is that of their first word.
    pub(crate) codes: Vec<Term>,
}

thread_local! {
    static FOLDED: RefCell<Vec<char>> = const { RefCell::new(Vec::new()) };
}

/// Splits `text` into words, stemmed as this language, and codes.
pub(crate) fn analyse(text: &str, language: Language) -> Analysed {
    let mut analysed = Analysed::default();
    FOLDED.with_borrow_mut(|folded| {
        folded.clear();
        folded.extend(text.nfkd().filter(|c| !is_combining_mark(*c) && *c != '\u{ad}').flat_map(fold));
        for run in folded.split(|c| !c.is_alphanumeric() && !is_sign(*c)) {
            add_run(trim_signs(run), language, &mut analysed);
        }
    });
    analysed
}

/// A query's words, as texts of any language have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryTerms {
    pub(crate) language: Language,
    /// Each with its stem in the query's language, and the other language's stem where it differs.
    pub(crate) words: Vec<(String, Option<String>)>,
    pub(crate) codes: Vec<String>,
}

/// Splits a query into words and codes.
pub(crate) fn analyse_query(text: &str) -> QueryTerms {
    let language = Language::of(text);
    let other = if language == Language::German { Language::English } else { Language::German };
    let (own, others) = (analyse(text, language), analyse(text, other).words);
    let words = own.words.into_iter().zip(others);
    let words = words.map(|(own, other)| (own.text.clone(), (other.text != own.text).then_some(other.text))).collect();
    QueryTerms { language, words, codes: own.codes.into_iter().map(|code| code.text).collect() }
}

/// A word as it stands in a text, where it is one: letters alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlainWord {
    /// Lower case, with its accents.
    pub(crate) text: String,
    /// Whether it stands all in capitals: as abbreviations do.
    pub(crate) is_capitals: bool,
}

/// Words of more letters are hardly typed.
const MAX_PLAIN_LETTERS: usize = 32;

/// The words of a text without what is a code or a number, or a part of one.
pub(crate) fn plain_words(text: &str) -> impl Iterator<Item = PlainWord> {
    text.split(|c: char| !c.is_alphanumeric() && !is_sign(hyphen(c)) && !is_combining_mark(c) && c != '\u{ad}')
        .map(|run| run.trim_matches(|c| is_sign(hyphen(c))))
        .filter(|run| run.chars().all(|c| c.is_alphabetic() || is_combining_mark(c) || c == '\u{ad}'))
        .map(|run| {
            let text: String = run.nfc().filter(|c| *c != '\u{ad}').flat_map(char::to_lowercase).collect();
            PlainWord { text, is_capitals: run.chars().all(char::is_uppercase) }
        })
        .filter(|word| {
            let letters = word.text.chars().count();
            (1..=MAX_PLAIN_LETTERS).contains(&letters) && !word.text.chars().any(is_unspaced)
        })
}

/// The stems that a single word has in a query of this language, as [`QueryTerms::words`] has them.
pub(crate) fn query_stems(word: &str, language: Language) -> Option<(String, Option<String>)> {
    let other = if language == Language::German { Language::English } else { Language::German };
    let own = analyse(word, language).words.into_iter().next()?.text;
    let other = analyse(word, other).words.into_iter().next()?.text;
    Some((own.clone(), (other != own).then_some(other)))
}

/// Typographic hyphens and dashes are typed as `-`.
fn hyphen(c: char) -> char {
    if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') { '-' } else { c }
}

fn fold(c: char) -> impl Iterator<Item = char> {
    hyphen(c).to_lowercase()
}

/// Signs that may stand inside a code.
fn is_sign(c: char) -> bool {
    matches!(c, '-' | '_' | '/' | '.' | '+' | '#')
}

fn trim_signs(mut run: &[char]) -> &[char] {
    while let [first, rest @ ..] = run
        && is_sign(*first)
    {
        run = rest;
    }
    while let [rest @ .., last] = run
        && is_sign(*last)
    {
        run = rest;
    }
    run
}

fn add_run(run: &[char], language: Language, into: &mut Analysed) {
    if run.is_empty() {
        return;
    }
    let position = into.words.len();
    for word in run.split(|c| is_sign(*c)) {
        add_word(word, language, into);
    }
    if run.len() <= MAX_TERM_CHARS && run.iter().any(|c| is_sign(*c)) {
        into.codes.push(Term { text: run.iter().collect(), position });
        if run.iter().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/')) {
            let joined: String = run.iter().filter(|c| c.is_alphanumeric()).collect();
            into.codes.push(Term { text: joined, position });
        }
    }
}

fn add_word(word: &[char], language: Language, into: &mut Analysed) {
    // Scripts without spaces: each character is a word, which finds any substring.
    if word.iter().any(|c| is_unspaced(*c)) {
        for c in word {
            into.words.push(Term { text: c.to_string(), position: into.words.len() });
        }
    } else if !word.is_empty() && word.len() <= MAX_TERM_CHARS {
        let text = language.stem(&word.iter().collect::<String>());
        into.words.push(Term { text, position: into.words.len() });
    }
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        analyse(text, Language::English).words.into_iter().map(|t| t.text).collect()
    }

    fn codes(text: &str) -> Vec<String> {
        analyse(text, Language::English).codes.into_iter().map(|t| t.text).collect()
    }

    #[test]
    fn words_are_folded_and_stemmed() {
        assert_eq!(words("Lubricating the Bearings"), ["lubric", "the", "bear"]);
        assert_eq!(words("Größe café ﬁlter"), ["große", "cafe", "filter"]);
        assert_eq!(words("泵压力"), ["泵", "压", "力"]);
        assert!(words("-- … //").is_empty());
    }

    #[test]
    fn codes_stay_as_typed() {
        assert_eq!(codes("bearing 6205-2RS."), ["6205-2rs", "62052rs"]);
        assert_eq!(codes("(M8x1.25)"), ["m8x1.25"]);
        assert_eq!(codes("Press E\u{2011}stop!"), ["e-stop", "estop"]);
        assert!(codes("SAP 4500001234 ends here.").is_empty());
        assert_eq!(words("SAP 4500001234"), ["sap", "4500001234"]);
    }

    #[test]
    fn a_code_stands_where_its_first_word_stands() {
        let analysed = analyse("the E-stop button", Language::English);
        assert_eq!(analysed.codes[0].position, 1);
        assert_eq!(analysed.words[3].text, "button");
        assert_eq!(analysed.words[3].position, 3);
    }

    #[test]
    fn a_query_meets_texts_of_both_languages() {
        let query = analyse_query("Kühlung der Lager");
        assert_eq!(query.language, Language::German);
        let german: Vec<String> =
            analyse("Kühlungen; des Lagers", Language::German).words.into_iter().map(|t| t.text).collect();
        assert_eq!((&query.words[0].0, &query.words[2].0), (&german[0], &german[2]));
        assert_eq!(analyse_query("pumps").words, [("pump".to_owned(), Some("pumps".to_owned()))]);
        assert_eq!(analyse_query("E-stop").codes, ["e-stop", "estop"]);
    }

    #[test]
    fn plain_words_keep_their_accents_and_leave_codes_out() {
        let words: Vec<String> =
            plain_words("Prüfung (LOTO): 6205-2RS, E-stop; M8 der Wel\u{ad}le.").map(|w| w.text).collect();
        assert_eq!(words, ["prüfung", "loto", "der", "welle"]);
        assert_eq!(plain_words("Pru\u{308}fung").next().unwrap().text, "prüfung");
        let capitals: Vec<bool> = plain_words("LOTO Valve").map(|word| word.is_capitals).collect();
        assert_eq!(capitals, [true, false]);
    }

    #[test]
    fn endless_runs_are_dropped() {
        let run = "x".repeat(1000);
        assert!(words(&run).is_empty());
        assert!(codes(&format!("{run}-1")).is_empty());
    }
}
