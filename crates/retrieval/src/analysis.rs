//! How text becomes search terms: the same way for documents, queries and the relevance
//! check, so that they can never disagree.
//!
//! Two kinds of term come out. *Words* are lower case, without accents, stemmed as English.
//! *Codes* are what people type with signs inside (`6205-2RS`, `M8x1.25`, `E-stop`): lower case,
//! never stemmed, kept whole; where the signs only join (`-`, `_`, `/`), a second form without
//! them is kept too, so that `estop` finds `E-stop`.

use std::cell::RefCell;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

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
    static ENGLISH: Stemmer = Stemmer::create(Algorithm::English);
    static FOLDED: RefCell<Vec<char>> = const { RefCell::new(Vec::new()) };
}

/// Splits `text` into words and codes.
pub(crate) fn analyse(text: &str) -> Analysed {
    let mut analysed = Analysed::default();
    FOLDED.with_borrow_mut(|folded| {
        folded.clear();
        folded.extend(text.nfkd().filter(|c| !is_combining_mark(*c) && *c != '\u{ad}').flat_map(fold));
        for run in folded.split(|c| !c.is_alphanumeric() && !is_sign(*c)) {
            add_run(trim_signs(run), &mut analysed);
        }
    });
    analysed
}

/// Whether a stemmed word says nothing by itself.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Whether a stemmed word shapes a question without naming what it is about: a passage answers
/// "how long" with a number and "what happens" with a verb of its own.
pub(crate) fn is_weak_word(word: &str) -> bool {
    is_stop_word(word) || WEAK_WORDS.binary_search(&word).is_ok()
}

fn fold(c: char) -> impl Iterator<Item = char> {
    // Typographic hyphens and dashes are typed as `-`.
    let c = if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') { '-' } else { c };
    c.to_lowercase()
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

fn add_run(run: &[char], into: &mut Analysed) {
    if run.is_empty() {
        return;
    }
    let position = into.words.len();
    for word in run.split(|c| is_sign(*c)) {
        add_word(word, into);
    }
    if run.len() <= MAX_TERM_CHARS && run.iter().any(|c| is_sign(*c)) {
        into.codes.push(Term { text: run.iter().collect(), position });
        if run.iter().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/')) {
            let joined: String = run.iter().filter(|c| c.is_alphanumeric()).collect();
            into.codes.push(Term { text: joined, position });
        }
    }
}

fn add_word(word: &[char], into: &mut Analysed) {
    // Scripts without spaces: each character is a word, which finds any substring.
    if word.iter().any(|c| is_unspaced(*c)) {
        for c in word {
            into.words.push(Term { text: c.to_string(), position: into.words.len() });
        }
    } else if !word.is_empty() && word.len() <= MAX_TERM_CHARS {
        let word: String = word.iter().collect();
        let text = ENGLISH.with(|english| english.stem(&word).into_owned());
        into.words.push(Term { text, position: into.words.len() });
    }
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Stems of English function words and of the words that questions are made of. Sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "am", "an", "and", "ani", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "doe", "does", "for", "from", "give", "had", "has", "have", "he", "her", "him", "his", "how", "i", "if", "in",
    "into", "is", "it", "its", "me", "mi", "my", "of", "on", "or", "our", "pleas", "s", "shall", "she", "should", "so",
    "some", "t", "tell", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "us",
    "was", "we", "were", "what", "when", "where", "whi", "which", "while", "who", "whom", "whose", "why", "will",
    "with", "would", "you", "your",
];

/// Stems that are searched for, but whose absence from a passage proves nothing. Sorted.
const WEAK_WORDS: &[&str] = &[
    "after", "again", "all", "alreadi", "also", "alway", "anoth", "back", "becaus", "becom", "been", "befor", "best",
    "both", "call", "certain", "come", "could", "do", "done", "down", "each", "either", "els", "enough", "even",
    "ever", "everi", "everyth", "exact", "explain", "far", "fast", "few", "find", "get", "go", "good", "got", "great",
    "happen", "help", "here", "insid", "instead", "itself", "just", "keep", "kept", "know", "last", "least", "less",
    "let", "like", "long", "look", "lot", "made", "make", "mani", "mean", "might", "more", "most", "much", "must",
    "myself", "need", "never", "next", "no", "not", "now", "off", "often", "ok", "onc", "one", "onli", "onto", "other",
    "out", "over", "own", "per", "perform", "possibl", "precis", "put", "rather", "realli", "right", "same", "say",
    "see", "show", "sinc", "somebodi", "someon", "someth", "soon", "still", "such", "sure", "take", "taken", "than",
    "thank", "thing", "till", "together", "too", "toward", "tri", "until", "up", "upon", "use", "veri", "via", "want",
    "way", "well", "whether", "within", "without", "work", "yes", "yet",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        analyse(text).words.into_iter().map(|t| t.text).collect()
    }

    fn codes(text: &str) -> Vec<String> {
        analyse(text).codes.into_iter().map(|t| t.text).collect()
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
        let analysed = analyse("the E-stop button");
        assert_eq!(analysed.codes[0].position, 1);
        assert_eq!(analysed.words[3].text, "button");
        assert_eq!(analysed.words[3].position, 3);
    }

    #[test]
    fn the_stop_list_can_be_searched() {
        for list in [STOP_WORDS, WEAK_WORDS] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "sorted and without repeats");
        }
        assert!(is_stop_word("the") && !is_stop_word("pump"));
    }

    #[test]
    fn endless_runs_are_dropped() {
        let run = "x".repeat(1000);
        assert!(words(&run).is_empty());
        assert!(codes(&format!("{run}-1")).is_empty());
    }
}
