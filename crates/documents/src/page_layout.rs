use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::placed::Place;

/// Places are kept in tenths of a point: a third of a dot of a 200 dpi scan.
const UNITS_PER_POINT: f64 = 10.0;
/// First byte of the stored form.
const FORM: u8 = 1;
/// No page is larger: 100,000 points, 35 metres.
const MOST_UNITS: f64 = 1e6;

/// Where the words of a page stand. All lengths are tenths of a point (a point is 1/72 inch), counted from the top left
/// corner of the page as it is shown: cut to its crop box and turned upright.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLayout {
    /// Width of the page.
    pub width: u32,
    /// Height of the page.
    pub height: u32,
    /// In the order of the text, without overlap. Text between them (spaces, the bars of a table row) has no place.
    pub words: Vec<WordBox>,
}

/// A word and the rectangle in which it stands, as high as its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[u32; 6]", into = "[u32; 6]")]
pub struct WordBox {
    /// First code point in the page's text.
    pub start: u32,
    /// One past the last code point.
    pub end: u32,
    /// Distance of its left edge from the page's left edge.
    pub left: u32,
    /// Distance of its top from the page's top.
    pub top: u32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

impl WordBox {
    pub(crate) fn new(range: Range<usize>, place: Place) -> Self {
        let (left, top) = (units(place.left), units(place.top));
        let (width, height) = (units(place.right).saturating_sub(left), units(place.bottom).saturating_sub(top));
        Self { start: range.start as u32, end: range.end as u32, left, top, width, height }
    }
}

impl From<[u32; 6]> for WordBox {
    fn from([start, end, left, top, width, height]: [u32; 6]) -> Self {
        Self { start, end, left, top, width, height }
    }
}

impl From<WordBox> for [u32; 6] {
    fn from(word: WordBox) -> Self {
        [word.start, word.end, word.left, word.top, word.width, word.height]
    }
}

fn units(points: f64) -> u32 {
    (points * UNITS_PER_POINT).round().clamp(0.0, MOST_UNITS) as u32
}

impl PageLayout {
    pub(crate) fn new(width: f32, height: f32, words: Vec<WordBox>) -> Self {
        Self { width: units(width.into()), height: units(height.into()), words }
    }

    /// The words of which a span of code points holds a part.
    pub fn words_within(&self, span: Range<u32>) -> &[WordBox] {
        let first = self.words.partition_point(|word| word.end <= span.start);
        let last = self.words.partition_point(|word| word.start < span.end);
        self.words.get(first..last).unwrap_or_default()
    }

    /// As few bytes as are easily had, to be stored: each number as its difference from where one would expect it, in
    /// seven bits a byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        put(&mut out, self.width.into());
        put(&mut out, self.height.into());
        let mut last = WordBox::from([0; 6]);
        for word in &self.words {
            put_differences(&mut out, &last, word);
            last = *word;
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) made; nothing when it is of another form or cut off.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (form, mut rest) = bytes.split_first()?;
        if *form != FORM {
            return None;
        }
        let (width, height) = (take(&mut rest)?, take(&mut rest)?);
        let mut words: Vec<WordBox> = Vec::new();
        let mut last = WordBox::from([0; 6]);
        while !rest.is_empty() {
            last = take_differences(&mut rest, &last)?;
            words.push(last);
        }
        Some(Self { width: width.try_into().ok()?, height: height.try_into().ok()?, words })
    }
}

/// A word follows the last one on its line, as high as that.
fn put_differences(out: &mut Vec<u8>, last: &WordBox, word: &WordBox) {
    let difference = |a: u32, b: u32| i64::from(a) - i64::from(b);
    put(out, difference(word.start, last.end));
    put(out, difference(word.end, word.start));
    put(out, difference(word.left, last.left.saturating_add(last.width)));
    put(out, difference(word.top, last.top));
    put(out, word.width.into());
    put(out, difference(word.height, last.height));
}

fn take_differences(rest: &mut &[u8], last: &WordBox) -> Option<WordBox> {
    let mut next = |from: u32| take(rest)?.checked_add(from.into())?.try_into().ok();
    let start = next(last.end)?;
    let end = next(start)?;
    let left = next(last.left.checked_add(last.width)?)?;
    Some(WordBox { start, end, left, top: next(last.top)?, width: next(0)?, height: next(last.height)? })
}

/// Small numbers of either sign in few bytes: LEB128 over the zigzag form.
fn put(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn take(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_of_words_takes_few_bytes() {
        let word = |at: u32| WordBox {
            start: at * 7,
            end: at * 7 + 6,
            left: 720 + at % 12 * 350,
            top: 800 + at / 12 * 140,
            width: 300,
            height: 97,
        };
        let layout = PageLayout { width: 5950, height: 8420, words: (0..500).map(word).collect() };
        let bytes = layout.to_bytes();
        assert!(bytes.len() < 500 * 9, "{} bytes", bytes.len());
        assert_eq!(PageLayout::from_bytes(&bytes).unwrap(), layout);
    }

    #[test]
    fn the_words_of_a_span_are_found() {
        let word = |start: u32, end: u32| WordBox::from([start, end, 0, 0, 1, 1]);
        let layout = PageLayout { width: 1, height: 1, words: vec![word(0, 4), word(5, 9), word(12, 20)] };
        assert_eq!(layout.words_within(6..13), [word(5, 9), word(12, 20)]);
        assert!(layout.words_within(9..12).is_empty());
    }

    proptest! {
        #[test]
        fn every_layout_survives_its_bytes(
            width in 0..1_000_000_u32,
            words in prop::collection::vec(prop::array::uniform6(0..1_000_000_u32), 0..20),
        ) {
            let layout = PageLayout { width, height: 7, words: words.into_iter().map(WordBox::from).collect() };
            prop_assert_eq!(PageLayout::from_bytes(&layout.to_bytes()), Some(layout));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PageLayout::from_bytes(&bytes);
            let _ = PageLayout::from_bytes(&[&[FORM], &bytes[..]].concat());
        }
    }
}
