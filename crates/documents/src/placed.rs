//! Text that remembers where on the page its words stand.

use std::ops::{Deref, Range};

/// A rectangle on the page, in points from its top left corner as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// Text in which some stretches have a place. Reads as its text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PlacedText {
    text: String,
    /// Stretches in bytes of `text`, in order, without overlap.
    words: Vec<(Range<usize>, Place)>,
}

impl PlacedText {
    /// One word.
    pub(crate) fn word(text: &str, place: Place) -> Self {
        let words = if text.is_empty() { Vec::new() } else { vec![(0..text.len(), place)] };
        Self { text: text.to_owned(), words }
    }

    /// Adds text after a separator.
    pub(crate) fn append(&mut self, separator: &str, next: &Self) {
        self.text.push_str(separator);
        let at = self.text.len();
        self.text.push_str(&next.text);
        self.words.extend(next.words.iter().map(|(range, place)| (range.start + at..range.end + at, *place)));
    }

    /// Takes the last character away.
    pub(crate) fn pop(&mut self) {
        self.text.pop();
        *self = self.part(0..self.text.len());
    }

    /// A part, in bytes. A word that is cut keeps its whole place.
    pub(crate) fn part(&self, range: Range<usize>) -> Self {
        let words = self.words.iter().filter_map(|(word, place)| {
            let (start, end) = (word.start.max(range.start), word.end.min(range.end));
            (start < end).then(|| (start - range.start..end - range.start, *place))
        });
        Self { text: self.text[range.clone()].to_owned(), words: words.collect() }
    }

    /// Without white space at its ends.
    pub(crate) fn trimmed(&self) -> Self {
        let start = self.text.len() - self.text.trim_start().len();
        self.part(start..start + self.text.trim().len())
    }

    /// Each word's stretch in code points, in order.
    pub(crate) fn places(&self) -> Vec<(Range<usize>, Place)> {
        let (mut at, mut count) = (0, 0);
        let mut code_points = |byte: usize| {
            count += self.text[at..byte].chars().count();
            at = byte;
            count
        };
        self.words.iter().map(|(word, place)| (code_points(word.start)..code_points(word.end), *place)).collect()
    }
}

impl Deref for PlacedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl From<&str> for PlacedText {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), words: Vec::new() }
    }
}

#[cfg(test)]
impl PartialEq<&str> for PlacedText {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_places_through_every_change() {
        let at = |left: f64| Place { left, top: 0.0, right: left + 1.0, bottom: 1.0 };
        let mut text = PlacedText::word("  Öl-", at(1.0));
        text.pop();
        text.append(" ", &PlacedText::word("wechsel", at(2.0)));
        text.append(" | ", &PlacedText::from("x"));
        text.append("", &PlacedText::word("y ", at(3.0)));
        let text = text.trimmed();
        assert_eq!(&*text, "Öl wechsel | xy");
        let places = text.places();
        let read = |range: &Range<usize>| text.chars().skip(range.start).take(range.len()).collect::<String>();
        let words: Vec<(String, f64)> = places.iter().map(|(range, place)| (read(range), place.left)).collect();
        assert_eq!(words, [("Öl".to_owned(), 1.0), ("wechsel".to_owned(), 2.0), ("y".to_owned(), 3.0)]);
    }
}
