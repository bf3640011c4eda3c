//! Small changes of an input, the same ones on every machine.

/// Longer inputs find nothing that shorter ones do not.
const LONGEST: usize = 64 * 1024;
const BYTES: [u8; 12] = [0, 1, 0x7f, 0x80, 0xc3, 0xff, b'<', b'>', b'"', b'\n', b' ', b'('];
const NUMBERS: [&str; 8] =
    ["0", "-1", "1e999", "65536", "2147483648", "4294967295", "18446744073709551616", "99999999999999999999999"];
/// Words for all formats: characters that change their length when they change their case, that join, that go the
/// other way, that end lines.
const WORDS: [&str; 8] = ["ß", "İ", "e\u{301}", "\u{202e}", "\u{2028}", "\u{feff}", "🔧", "\r\n"];

/// A generator of numbers (SplitMix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`; 0 when that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_of<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        things.get(self.below(things.len()))
    }

    /// A range of at most `longest` within `0..length`.
    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(longest + 1)).min(length)
    }
}

/// `input` with one to four changes; `other` lends it parts.
pub(super) fn mutated(numbers: &mut Numbers, input: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=numbers.below(4) {
        change(numbers, &mut bytes, other, words);
        bytes.truncate(LONGEST);
    }
    bytes
}

fn change(numbers: &mut Numbers, bytes: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = numbers.below(bytes.len() + 1);
    match numbers.below(10) {
        0 => {
            let bit = 1 << numbers.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
        }
        1 => {
            let new = numbers.one_of(&BYTES).copied().unwrap_or_default();
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = new);
        }
        2 => drop(bytes.drain(numbers.range(bytes.len(), 64))),
        3 => {
            let part = bytes[numbers.range(bytes.len(), 64)].repeat(1 + numbers.below(40));
            bytes.splice(at..at, part);
        }
        4 | 5 => {
            let word = numbers.one_of(words).or(WORDS.first()).copied().unwrap_or_default();
            bytes.splice(at..at, word.bytes());
        }
        6 => {
            let word = numbers.one_of(&WORDS).copied().unwrap_or_default();
            bytes.splice(at..at, word.bytes());
        }
        7 => {
            // The next number becomes an extreme one.
            let number = numbers.one_of(&NUMBERS).copied().unwrap_or_default();
            let digits = |byte: &u8| byte.is_ascii_digit();
            if let Some(start) = bytes[at..].iter().position(digits).map(|found| at + found) {
                let length = bytes[start..].iter().take_while(|byte| digits(byte)).count();
                bytes.splice(start..start + length, number.bytes());
            }
        }
        8 => {
            let part = other[numbers.range(other.len(), 256)].to_vec();
            bytes.splice(at..at, part);
        }
        _ => bytes.truncate(at),
    }
}
