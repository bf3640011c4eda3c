//! What differs between languages: which words say nothing, and which endings are forms of one word.

use std::{collections::HashSet, sync::LazyLock};

use rust_stemmers::{Algorithm, Stemmer};

/// A language whose word forms are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

/// How much of a text is looked at to tell its language.
const LOOKED_AT: usize = 2000;

impl Language {
    /// Told by function words, and by letters where there are none; English where nothing tells.
    pub(crate) fn of(text: &str) -> Self {
        let end = (0..=LOOKED_AT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let (mut english, mut german, mut letters) = (0, 0, false);
        for word in text[..end].split(|c: char| !c.is_alphabetic()) {
            let word = word.to_lowercase();
            english += usize::from(ENGLISH_MARKS.contains(&word.as_str()));
            german += usize::from(GERMAN_MARKS.contains(&word.as_str()));
            letters |= word.contains(['ä', 'ö', 'ü', 'ß']);
        }
        if german > english || (german == english && letters) { Self::German } else { Self::English }
    }

    /// Its code by ISO 639-1.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The stem of a word in lower case and without accents.
    pub(super) fn stem(self, word: &str) -> String {
        match self {
            Self::English => STEMMERS.with(|(english, _)| english.stem(word).into_owned()),
            Self::German => {
                let plain = without_digraphs(word);
                STEMMERS.with(|(_, german)| german.stem(&plain).into_owned())
            }
        }
    }

    /// Whether a stem of this language says nothing by itself.
    pub(crate) fn is_stop_word(self, stem: &str) -> bool {
        match self {
            Self::English => ENGLISH_STOP_WORDS.binary_search(&stem).is_ok(),
            Self::German => GERMAN_STEMS.0.contains(stem),
        }
    }

    /// Whether a stem shapes a question without naming what it is about: a passage answers "how long" with a number and
    /// "what happens" with a verb of its own.
    pub(crate) fn is_weak_word(self, stem: &str) -> bool {
        let is_weak = match self {
            Self::English => ENGLISH_WEAK_WORDS.binary_search(&stem).is_ok(),
            Self::German => GERMAN_STEMS.1.contains(stem),
        };
        is_weak || self.is_stop_word(stem)
    }
}

/// Stems shorter than this are hardly of two words.
const LEAST_COMPOUND: usize = 9;
/// The shortest word within another.
const LEAST_PART: usize = 4;

/// What may be the first and the second word of a German compound, at each place where it could be cut. Most are no words;
/// those find nothing.
pub(crate) fn cuts(stem: &str) -> Vec<(String, String)> {
    let letters: Vec<char> = stem.chars().collect();
    if letters.len() < LEAST_COMPOUND || !letters.iter().all(|c| c.is_alphabetic()) {
        return Vec::new();
    }
    let cut = |at: usize| {
        let first: String = letters[..at].iter().collect();
        (Language::German.stem(&first), letters[at..].iter().collect())
    };
    (LEAST_PART..=letters.len() - LEAST_PART).map(cut).collect()
}

thread_local! {
    static STEMMERS: (Stemmer, Stemmer) = (Stemmer::create(Algorithm::English), Stemmer::create(Algorithm::German));
}

/// `Pruefung` is `Prüfung` without the letters for it; accents are gone already. After a vowel or a `q` the `e` is one of
/// its own, as in `neue` and `quer`.
fn without_digraphs(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let (mut before, mut last) = (None, None);
    for c in word.chars() {
        let joined =
            c == 'e' && matches!(last, Some('a' | 'o' | 'u')) && !matches!(before, Some('a' | 'e' | 'o' | 'q'));
        if !joined {
            plain.push(c);
        }
        (before, last) = (last, Some(c));
    }
    plain
}

/// Stems of the German lists: of stop words, of weak words.
static GERMAN_STEMS: LazyLock<(HashSet<String>, HashSet<String>)> = LazyLock::new(|| {
    let stems = |words: &[&str]| words.iter().map(|word| Language::German.stem(word)).collect();
    (stems(GERMAN_STOP_WORDS), stems(GERMAN_WEAK_WORDS))
});

const ENGLISH_MARKS: &[&str] = &[
    "a", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "has", "how", "if", "is", "it",
    "must", "not", "of", "on", "or", "should", "that", "the", "this", "to", "what", "when", "which", "with", "you",
];

const GERMAN_MARKS: &[&str] = &[
    "auf", "bei", "das", "dem", "den", "der", "des", "die", "durch", "ein", "eine", "einem", "einen", "einer", "eines",
    "für", "ist", "kann", "mit", "muss", "müssen", "nach", "nicht", "oder", "sich", "sind", "und", "vom", "von", "vor",
    "welche", "wenn", "werden", "wie", "wird", "wo", "zu", "zum", "zur", "über",
];

/// Stems of English function words and of the words that questions are made of. Sorted.
const ENGLISH_STOP_WORDS: &[&str] = &[
    "a", "about", "am", "an", "and", "ani", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do",
    "doe", "does", "for", "from", "give", "had", "has", "have", "he", "her", "him", "his", "how", "i", "if", "in",
    "into", "is", "it", "its", "me", "mi", "my", "of", "on", "or", "our", "pleas", "s", "shall", "she", "should", "so",
    "some", "t", "tell", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "us",
    "was", "we", "were", "what", "when", "where", "whi", "which", "while", "who", "whom", "whose", "why", "will",
    "with", "would", "you", "your",
];

/// English stems that are searched for, but whose absence from a passage proves nothing. Sorted.
const ENGLISH_WEAK_WORDS: &[&str] = &[
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

/// German function words and words that questions are made of, without accents.
const GERMAN_STOP_WORDS: &[&str] = &[
    "aber", "als", "am", "an", "auch", "auf", "aus", "bei", "beim", "bin", "bis", "bitte", "da", "damit", "dann",
    "das", "dass", "dein", "dem", "den", "denn", "der", "des", "die", "dies", "diese", "diesem", "diesen", "dieser",
    "dieses", "doch", "dort", "du", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es", "fur",
    "gibt", "habe", "haben", "hat", "hatte", "ich", "ihr", "ihre", "im", "in", "ins", "ist", "ja", "kann", "kein",
    "keine", "konnen", "man", "mein", "mich", "mir", "mit", "muss", "mussen", "nach", "nein", "nicht", "noch", "nun",
    "nur", "ob", "oder", "sein", "seine", "sich", "sie", "sind", "so", "soll", "sollen", "sollte", "um", "und", "uns",
    "unser", "unsere", "unter", "vom", "von", "vor", "war", "waren", "warum", "was", "welche", "welchem", "welchen",
    "welcher", "welches", "wem", "wen", "wenn", "wer", "werde", "werden", "wie", "wir", "wird", "wo", "wofur", "womit",
    "worden", "wurde", "wurden", "zu", "zum", "zur", "uber",
];

/// German words that are searched for, but whose absence from a passage proves nothing.
const GERMAN_WEAK_WORDS: &[&str] = &[
    "alle",
    "allem",
    "allen",
    "alles",
    "andere",
    "bedeutet",
    "bereits",
    "besser",
    "bevor",
    "brauche",
    "braucht",
    "danach",
    "darf",
    "darum",
    "dazu",
    "durfen",
    "erst",
    "etwas",
    "finde",
    "finden",
    "funktioniert",
    "ganz",
    "geht",
    "genau",
    "gerade",
    "gut",
    "heißt",
    "hier",
    "immer",
    "jede",
    "jedem",
    "jeden",
    "jeder",
    "jedes",
    "jetzt",
    "lange",
    "lassen",
    "mache",
    "machen",
    "macht",
    "mehr",
    "meist",
    "moglich",
    "nie",
    "oben",
    "oft",
    "ohne",
    "passiert",
    "schon",
    "sehr",
    "seit",
    "selbst",
    "sieht",
    "sofort",
    "sonst",
    "tun",
    "viel",
    "viele",
    "wann",
    "weil",
    "wenig",
    "wieder",
    "wirklich",
    "zeige",
    "zeigen",
    "zuerst",
    "zwischen",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_apart() {
        assert_eq!(Language::of("How often must the bearings be greased?"), Language::English);
        assert_eq!(Language::of("Wie oft muss die Pumpe geschmiert werden?"), Language::German);
        assert_eq!(Language::of("Wellendichtring prüfen"), Language::German);
        assert_eq!(Language::of("6205-2RS"), Language::English);
        assert_eq!(Language::of(&"ü".repeat(LOOKED_AT)), Language::German);
    }

    #[test]
    fn forms_of_a_german_word_meet() {
        let stem = |word: &str| Language::German.stem(word);
        assert_eq!(stem("schrauben"), stem("schraube"));
        assert_eq!(stem("prufung"), stem("pruefung"));
        assert_eq!(stem("prufungen"), stem("pruefung"));
        assert_ne!(stem("neue"), "nu");
        assert_eq!(without_digraphs("quelle"), "quelle");
        assert_eq!(without_digraphs("steuerung"), "steuerung");
    }

    #[test]
    fn compounds_are_cut_at_their_words() {
        let welle = Language::German.stem("kreiselpumpenwelle");
        let wanted = (Language::German.stem("kreiselpumpe"), Language::German.stem("welle"));
        assert!(cuts(&welle).contains(&wanted), "{:?}", cuts(&welle));
        assert!(cuts("pumpe").is_empty() && cuts("4500001234").is_empty());
    }

    #[test]
    fn the_lists_can_be_searched() {
        for list in [ENGLISH_STOP_WORDS, ENGLISH_WEAK_WORDS] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "sorted and without repeats");
        }
        assert!(Language::English.is_stop_word("the") && !Language::English.is_stop_word("pump"));
        let german = |word: &str| Language::German.stem(word);
        assert!(Language::German.is_stop_word(&german("mussen")) && Language::German.is_weak_word(&german("oft")));
        assert!(!Language::German.is_weak_word(&german("pumpe")));
    }
}
