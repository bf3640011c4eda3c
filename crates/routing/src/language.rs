//! The language of a prompt, by its function words or its script.

use crate::text::{Kind, Token};

/// Tokens that are looked at.
const MOST: usize = 400;

/// Function words that no other language of the list shares much.
const WORDS: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "a", "an", "in", "on", "at", "be", "must", "not", "we", "the", "of", "and", "is", "what", "how", "does",
            "to", "which", "are", "for", "with", "that", "i", "you", "it",
        ],
    ),
    (
        "de",
        &[
            "der", "die", "das", "und", "ist", "wie", "nicht", "ein", "eine", "mit", "auf", "für", "wird", "ich",
            "den", "zu", "bei",
        ],
    ),
    (
        "fr",
        &[
            "le", "la", "les", "et", "est", "une", "des", "que", "pour", "dans", "quel", "quelle", "je", "du", "sur",
            "avec",
        ],
    ),
    ("es", &["el", "los", "las", "y", "es", "una", "que", "para", "cómo", "qué", "por", "con", "del", "se", "cuál"]),
    ("it", &["il", "lo", "gli", "e", "è", "una", "che", "per", "come", "con", "della", "quale", "sono", "di", "non"]),
    ("pt", &["o", "os", "as", "e", "é", "uma", "que", "para", "como", "com", "não", "qual", "do", "da", "em"]),
    ("nl", &["de", "het", "een", "en", "van", "hoe", "niet", "wat", "voor", "met", "zijn", "wordt", "ik", "op"]),
    ("pl", &["i", "w", "nie", "jest", "się", "na", "jak", "co", "czy", "dla", "z", "do", "to", "jaki", "jaka"]),
    ("cs", &["a", "je", "se", "na", "jak", "co", "pro", "není", "který", "která", "v", "že", "jsou", "být"]),
];

/// An ISO 639-1 code, or `und` where nothing tells. By its script alone: Russian stands for all Cyrillic, Chinese for Han.
pub(crate) fn of(tokens: &[Token<'_>]) -> &'static str {
    let mut counts = vec![0_usize; WORDS.len()];
    let mut scripts = [("ru", 0_usize), ("zh", 0), ("ja", 0), ("ko", 0), ("ar", 0), ("he", 0), ("el", 0)];
    let mut words = 0;
    let mut lower = String::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Word).take(MOST) {
        words += 1;
        lower.clear();
        lower.extend(token.text.chars().take(12).flat_map(char::to_lowercase));
        for ((_, list), count) in WORDS.iter().zip(&mut counts) {
            *count += usize::from(list.contains(&lower.as_str()));
        }
        let script = token.text.chars().next().and_then(script);
        if let Some((_, count)) = scripts.iter_mut().find(|(code, _)| Some(*code) == script) {
            *count += 1;
        }
    }
    if let Some((code, _)) = scripts.iter().rev().max_by_key(|(_, count)| *count).filter(|(_, count)| count * 2 > words)
    {
        return code;
    }
    let best = WORDS.iter().zip(&counts).rev().max_by_key(|(_, count)| **count);
    best.filter(|(_, count)| **count > 0).map_or("und", |((code, _), _)| code)
}

fn script(first: char) -> Option<&'static str> {
    Some(match first {
        '\u{0400}'..='\u{052f}' => "ru",
        '\u{3040}'..='\u{30ff}' => "ja",
        '\u{4e00}'..='\u{9fff}' => "zh",
        '\u{ac00}'..='\u{d7af}' => "ko",
        '\u{0600}'..='\u{06ff}' => "ar",
        '\u{0590}'..='\u{05ff}' => "he",
        '\u{0370}'..='\u{03ff}' => "el",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokens;

    #[test]
    fn languages_are_told_by_their_small_words() {
        for (text, language) in [
            ("What is a valve and how does it work?", "en"),
            ("Wie wird das Ventil mit der Pumpe verbunden?", "de"),
            ("Quelle est la pression dans le réservoir?", "fr"),
            ("Jak se mění filtr a co je pro to třeba?", "cs"),
            ("Как заменить фильтр?", "ru"),
            ("如何更换过滤器", "zh"),
            ("42", "und"),
            ("", "und"),
        ] {
            assert_eq!(of(&tokens(text)), language, "{text}");
        }
    }
}
