//! Builds the lexicon that goes into the model: lists of values, and words that are seen in lower case.

use std::collections::BTreeMap;

use millwright_policy::pii::tagger::{
    lexicon::{self, Lexicon, class},
    token::{self, Token, shape},
};

use super::values::Values;

/// A word is plain when it stands in lower case so often.
const PLAIN_COUNT: u32 = 3;

/// The bytes of a lexicon from the lists and these texts.
///
/// `lower` are texts without capitals: their words are plain unless the lists have them.
pub(crate) fn lexicon_bytes<'t>(
    values: &Values,
    texts: impl Iterator<Item = &'t str>,
    lower: impl Iterator<Item = &'t str>,
) -> Vec<u8> {
    let mut words: BTreeMap<u32, u8> = BTreeMap::new();
    let lists = [
        ("given", class::GIVEN),
        ("surname", class::SURNAME),
        ("city", class::CITY),
        ("region", class::CITY),
        ("country", class::COUNTRY),
        ("streetword", class::STREET),
        ("compound", class::STREET),
        ("romance", class::STREET),
        ("slavic", class::STREET),
        ("unit", class::STREET),
        ("companysuffix", class::COMPANY),
        ("companytail", class::COMPANY),
        ("title", class::ROLE),
        ("job", class::ROLE),
        ("group", class::GROUP),
    ];
    let empty = lexicon::build(&[]);
    let Some(none) = Lexicon::new(&empty) else { return Vec::new() };
    let mut tokens = Vec::new();
    for (kind, class) in lists {
        for value in values.all(kind) {
            token::tokenise(value, &none, &mut tokens);
            let words_of_value = tokens.iter().filter(|token| is_word(token) && token.end - token.start > 1);
            for token in words_of_value {
                *words.entry(token.word).or_default() |= class;
            }
        }
    }
    let mut counts: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    for text in texts {
        token::tokenise(text, &none, &mut tokens);
        for token in tokens.iter().filter(|token| is_word(token)) {
            let count = counts.entry(token.word).or_default();
            if token.shape == shape::LOWER { count.0 += 1 } else { count.1 += 1 }
        }
    }
    for (word, (lower, other)) in counts {
        if lower >= PLAIN_COUNT && lower * 2 >= other {
            *words.entry(word).or_default() |= class::PLAIN;
        }
    }
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for text in lower {
        token::tokenise(text, &none, &mut tokens);
        for token in tokens.iter().filter(|token| is_word(token)) {
            *counts.entry(token.word).or_default() += 1;
        }
    }
    for (word, count) in counts {
        if count >= PLAIN_COUNT {
            words.entry(word).or_insert(class::PLAIN);
        }
    }
    lexicon::build(&words.into_iter().collect::<Vec<_>>())
}

fn is_word(token: &Token) -> bool {
    token.shape <= shape::MIXED
}
