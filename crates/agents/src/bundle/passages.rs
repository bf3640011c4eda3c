//! Passages as they may be given away: personal data behind placeholders, secrets taken out, and every quote of the answer still where it stands.

use std::ops::Range;

use millwright_policy::injection::output;
use millwright_retrieval::search::Passage;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::form::{PassagePart, Replaced};
use crate::guard::{Placeholders, SECRET, without_secrets};

/// A quote as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct CitedQuote {
    pub(super) number: u32,
    pub(super) chunk_id: String,
    pub(super) char_start: i32,
    pub(super) char_end: i32,
    pub(super) quote: String,
}

/// The quotes of an answer.
pub(super) fn quotes(citations: &Value) -> Option<Vec<CitedQuote>> {
    citations.as_array()?.iter().map(|citation| CitedQuote::deserialize(citation).ok()).collect()
}

/// A place in a passage, code points from its beginning, and what stands there instead.
type Place = (Range<usize>, String);

pub(super) fn part(placeholders: &mut Placeholders, passage: &Passage, quotes: &[CitedQuote]) -> PassagePart {
    let id = passage.chunk_id.to_string();
    let text: Vec<char> = passage.text.chars().collect();
    let of_it = quotes.iter().filter(|quote| quote.chunk_id == id);
    let quotes = of_it.filter_map(|quote| {
        let from = usize::try_from(quote.char_start.checked_sub(passage.char_start)?).ok()?;
        let to = usize::try_from(quote.char_end.checked_sub(passage.char_start)?).ok()?;
        Some((from..to, quote.quote.as_str()))
    });
    let found = found(placeholders, &passage.text).into_iter().map(|(bytes, instead)| {
        let at = |byte: usize| passage.text.get(..byte).map_or(text.len(), |before| before.chars().count());
        (at(bytes.start)..at(bytes.end), instead)
    });
    let mut clean = |text: &str| match without_secrets(text) {
        Some(text) => placeholders.mask(&text),
        None => placeholders.mask(text),
    };
    let document_name = clean(&passage.document_name);
    let heading_path = passage.heading_path.iter().map(|heading| clean(heading)).collect();
    let places = places(&text, quotes, found);
    let shown = with_placeholders(&text, &places);
    let at = |place: usize| passage.char_start.saturating_add(i32::try_from(place).unwrap_or(i32::MAX));
    let replaced = places.into_iter().map(|(place, placeholder)| Replaced {
        char_start: at(place.start),
        char_end: at(place.end),
        placeholder,
    });
    PassagePart {
        chunk_id: passage.chunk_id,
        document_id: passage.document_id,
        document_name,
        version: passage.version,
        page_number: passage.page_number,
        char_start: passage.char_start,
        char_end: passage.char_end,
        heading_path,
        label: passage.label.clone(),
        replaced: replaced.collect(),
        sha256: hex::encode(Sha256::digest(&shown)),
        text: shown,
    }
}

/// Bytes that are replaced: secrets, and personal data as far as it does not stand in one.
fn found(placeholders: &mut Placeholders, text: &str) -> Vec<(Range<usize>, String)> {
    let secrets = output::secrets(text);
    let mut found = Vec::new();
    for (bytes, instead) in placeholders.replacements(text) {
        found.extend(outside(bytes, &secrets).into_iter().map(|rest| (rest, instead.clone())));
    }
    found.extend(secrets.into_iter().map(|bytes| (bytes, SECRET.to_owned())));
    found
}

/// What is left of a range beside others, which are in order and do not overlap.
fn outside(range: Range<usize>, others: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut left, mut from) = (Vec::new(), range.start);
    for other in others.iter().filter(|other| other.start < range.end && range.start < other.end) {
        if from < other.start {
            left.push(from..other.start);
        }
        from = from.max(other.end);
    }
    if from < range.end {
        left.push(from..range.end);
    }
    left
}

/// What is replaced: within quotes what is replaced in them as they are stored, elsewhere what the detector finds.
fn places<'q>(
    text: &[char],
    quotes: impl Iterator<Item = (Range<usize>, &'q str)>,
    found: impl Iterator<Item = Place>,
) -> Vec<Place> {
    let (mut quoted, mut places): (Vec<Range<usize>>, Vec<Place>) = (Vec::new(), Vec::new());
    for (span, quote) in quotes {
        let Some(stretch) = text.get(span.clone()) else { continue };
        let overlaps = quoted.iter().any(|known| known.start < span.end && span.start < known.end);
        let Some(inside) = align(quote, stretch) else { continue };
        let moved =
            inside.into_iter().map(|(place, instead)| (place.start + span.start..place.end + span.start, instead));
        // One that shares words with another has the same placeholders there.
        places.extend(moved.filter(|(place, _)| {
            !overlaps || !quoted.iter().any(|known| known.start < place.end && place.start < known.end)
        }));
        quoted.push(span);
    }
    quoted.sort_by_key(|span| span.start);
    for (place, instead) in found {
        places.extend(outside(place, &quoted).into_iter().map(|rest| (rest, instead.clone())));
    }
    places.sort_by_key(|(place, _)| place.start);
    places
}

fn with_placeholders(text: &[char], places: &[Place]) -> String {
    let (mut shown, mut at) = (String::new(), 0);
    for (place, instead) in places {
        shown.extend(text.get(at..place.start).into_iter().flatten());
        shown.push_str(instead);
        at = place.end;
    }
    shown.extend(text.get(at..).into_iter().flatten());
    shown
}

/// A piece of a quote.
enum Piece {
    Words(Vec<char>),
    Placeholder(String),
}

/// Where the placeholders of a quote stand in the words that it was made of; none where these are others.
fn align(quote: &str, words: &[char]) -> Option<Vec<Place>> {
    if words.iter().copied().eq(quote.chars()) {
        return Some(Vec::new());
    }
    let pieces = pieces(quote);
    let (mut places, mut at, mut open): (Vec<Place>, usize, Option<(usize, String)>) = (Vec::new(), 0, None);
    for (number, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Placeholder(placeholder) => {
                if let Some((from, before)) = open.replace((at, placeholder.clone())) {
                    // Two side by side: nothing tells where one ends.
                    places.push((from..from + 1, before));
                    at = from + 1;
                    open = Some((at, placeholder.clone()));
                }
            }
            Piece::Words(expected) => {
                let found = match &open {
                    None => words.get(at..at + expected.len()).is_some_and(|here| here == expected).then_some(at),
                    // The last words stand at the end, others as early as can be.
                    Some((from, _)) if number + 1 == pieces.len() => {
                        let start = words.len().checked_sub(expected.len())?;
                        (start > *from && words[start..] == expected[..]).then_some(start)
                    }
                    Some((from, _)) => {
                        (from + 1..words.len()).find(|start| words[*start..].starts_with(expected.as_slice()))
                    }
                }?;
                if let Some((from, placeholder)) = open.take() {
                    places.push((from..found, placeholder));
                }
                at = found + expected.len();
            }
        }
    }
    match open {
        Some((from, placeholder)) if from < words.len() => places.push((from..words.len(), placeholder)),
        None if at == words.len() => {}
        _ => return None,
    }
    Some(places)
}

/// The quote in pieces. Whatever looks like a placeholder is taken for one.
fn pieces(quote: &str) -> Vec<Piece> {
    let (mut pieces, mut words, mut rest) = (Vec::new(), Vec::new(), quote);
    while let Some(first) = rest.chars().next() {
        if let Some(length) = placeholder(rest) {
            if !words.is_empty() {
                pieces.push(Piece::Words(std::mem::take(&mut words)));
            }
            pieces.push(Piece::Placeholder(rest[..length].to_owned()));
            rest = &rest[length..];
        } else {
            words.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    if !words.is_empty() {
        pieces.push(Piece::Words(words));
    }
    pieces
}

/// The bytes of a placeholder at the beginning of a text: `[PERSON_1]`, `[PERSON_1v2]`, `[IBAN_CODE]`, or what stands for a secret.
fn placeholder(text: &str) -> Option<usize> {
    if text.starts_with(SECRET) {
        return Some(SECRET.len());
    }
    let inside = text.strip_prefix('[')?;
    let name = inside.bytes().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    let mut length = name.count();
    if length < 2 || !inside.starts_with(|first: char| first.is_ascii_uppercase()) {
        return None;
    }
    if inside[length..].starts_with('v') {
        length += 1 + inside[length + 1..].bytes().take_while(u8::is_ascii_digit).count();
    }
    inside[length..].starts_with(']').then_some(length + 2)
}

/// What stands at a span of a passage, with its placeholders: none where the span cuts one, or the passage contradicts itself.
pub(super) fn slice(passage: &PassagePart, start: i32, end: i32) -> Option<String> {
    let (mut rest, mut at, mut slice) = (passage.text.chars(), passage.char_start, String::new());
    let last = Replaced { char_start: passage.char_end, char_end: passage.char_end, placeholder: String::new() };
    for replaced in passage.replaced.iter().chain([&last]) {
        if replaced.char_start < at || replaced.char_end < replaced.char_start {
            return None;
        }
        while at < replaced.char_start {
            let next = rest.next()?;
            if (start..end).contains(&at) {
                slice.push(next);
            }
            at += 1;
        }
        rest = rest.as_str().strip_prefix(replaced.placeholder.as_str())?.chars();
        if start <= replaced.char_start && replaced.char_end <= end {
            slice.push_str(&replaced.placeholder);
        } else if replaced.char_start < end && start < replaced.char_end {
            return None;
        }
        at = replaced.char_end;
    }
    let is_whole = rest.as_str().is_empty() && passage.char_start <= start && start <= end && end <= passage.char_end;
    is_whole.then_some(slice)
}

#[cfg(test)]
mod tests {
    use millwright_core::{
        Classification, Label,
        id::{ChunkId, DocumentId},
    };

    use super::*;

    fn shown(text: &str, quotes: &[(Range<usize>, &str)], found: &[(Range<usize>, &str)]) -> PassagePart {
        let text: Vec<char> = text.chars().collect();
        let found = found.iter().map(|(place, instead)| (place.clone(), (*instead).to_owned()));
        let places = places(&text, quotes.iter().cloned(), found);
        let at = |place: usize| 100 + i32::try_from(place).unwrap();
        PassagePart {
            chunk_id: ChunkId::from(uuid::Uuid::nil()),
            document_id: DocumentId::from(uuid::Uuid::nil()),
            document_name: String::new(),
            version: 1,
            page_number: 1,
            char_start: 100,
            char_end: at(text.len()),
            heading_path: Vec::new(),
            label: Label::of(Classification::Public),
            text: with_placeholders(&text, &places),
            replaced: places
                .into_iter()
                .map(|(place, placeholder)| Replaced {
                    char_start: at(place.start),
                    char_end: at(place.end),
                    placeholder,
                })
                .collect(),
            sha256: String::new(),
        }
    }

    #[test]
    fn a_quote_stands_in_its_passage_as_it_is_stored_whatever_is_found_around_it() {
        let text = "Ruf Anna Öz an, Tel. 12345. Dann Bo.";
        let quote = "Ruf [PERSON_1] an, Tel. [PHONE_NUMBER_1].";
        // In the whole text the detector finds a name that reaches beyond the quote, and one more.
        let passage =
            shown(text, &[(0..27, quote)], &[(4..11, "[PERSON_9]"), (26..32, "[X_1]"), (33..35, "[PERSON_2]")]);
        assert_eq!(passage.text, "Ruf [PERSON_1] an, Tel. [PHONE_NUMBER_1].[X_1] [PERSON_2].");
        assert_eq!(slice(&passage, 100, 127).as_deref(), Some(quote));
        assert_eq!(slice(&passage, 100, 103).as_deref(), Some("Ruf"));
        assert_eq!(slice(&passage, 133, 136).as_deref(), Some("[PERSON_2]."));
        assert_eq!(slice(&passage, 100, 106), None, "it cuts a name");
        assert_eq!(slice(&passage, 99, 103), None, "it begins before the passage");
    }

    #[test]
    fn a_passage_that_contradicts_itself_has_no_quotes() {
        let mut passage = shown("Ask Anna now.", &[], &[(4..8, "[PERSON_1]")]);
        assert_eq!(slice(&passage, 100, 113).as_deref(), Some("Ask [PERSON_1] now."));
        passage.char_end += 1;
        assert_eq!(slice(&passage, 100, 113), None);
        passage.char_end -= 1;
        passage.replaced[0].placeholder = "[PERSON_2]".to_owned();
        assert_eq!(slice(&passage, 100, 113), None);
    }

    #[test]
    fn placeholders_are_found_in_the_words_that_they_stand_for() {
        let align = |quote: &str, words: &str| align(quote, &words.chars().collect::<Vec<_>>());
        let place = |range: Range<usize>, name: &str| (range, name.to_owned());
        assert_eq!(align("Pin [A] is [1].", "Pin [A] is [1]."), Some(vec![]));
        assert_eq!(
            align("[PERSON_1] and [PERSON_1v2]", "Ada and ADA"),
            Some(vec![place(0..3, "[PERSON_1]"), place(8..11, "[PERSON_1v2]")])
        );
        assert_eq!(align("x [US_SSN] x", "x 1 x 2 x"), Some(vec![place(2..7, "[US_SSN]")]));
        assert_eq!(align("Ask [PERSON_1].", "Ask Ada!"), None);
        assert_eq!(align("Ask [PERSON_1]", "Ask "), None);
    }
}
