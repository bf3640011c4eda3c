//! Telephone numbers: international, North American, British, French, German by shape, others by the words around.

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues, after, before, is_labelled, leads_on, telephone_follows},
    run::{Run, Separator},
};

impl Scan<'_, '_> {
    /// A telephone number with its extension.
    pub(super) fn phone(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        for groups in (1..=run.len()).rev() {
            if !(7..=16).contains(&run.digits(groups)) || !self.phone_may_end(run, groups) {
                continue;
            }
            let end = run.end_of(groups - 1);
            if !self.is_bracketed(run, end) {
                continue;
            }
            let score = self.phone_by_shape(run, groups, cues).or_else(|| self.phone_by_words(run, groups, cues));
            if let Some(score) = score {
                let start = if run.bracket && !self.closes(run.start, end) { run.start_of(0) } else { run.start };
                let end = self.extension(end);
                return Some(self.found(start, end, PiiType::PhoneNumber, score));
            }
        }
        None
    }

    fn phone_may_end(&self, run: &Run, groups: usize) -> bool {
        let end = run.end_of(groups - 1);
        self.may_end(run, groups) || (run.separator(groups - 1).is_none() && self.extension(end) > end)
    }

    /// Whether a bracket that is open at the start of the run closes in the number.
    fn closes(&self, start: usize, end: usize) -> bool {
        self.bytes.get(start..end).is_some_and(|run| run.contains(&b')'))
    }

    /// Whether all brackets that open between the groups close there, too.
    fn is_bracketed(&self, run: &Run, end: usize) -> bool {
        let between = self.bytes.get(run.start_of(0)..end).unwrap_or_default();
        let open = between.iter().fold(i32::from(run.bracket), |open, byte| match byte {
            b'(' => open + 1,
            b')' => open - 1,
            _ => open,
        });
        open == 0 || (run.bracket && open == 1 && !between.contains(&b')'))
    }

    /// Where the extension ends that may follow: `x123`, ` ext. 12`, ` Durchwahl 3`.
    fn extension(&self, end: usize) -> usize {
        let rest = after(self.text, end, 24);
        let lower = rest.to_ascii_lowercase();
        let trimmed = lower.trim_start_matches([' ', ',', '-']);
        for word in ["extension", "ext.", "ext", "durchwahl", "dw", "x", "#"] {
            let Some(number) = trimmed.strip_prefix(word) else { continue };
            let number = number.trim_start_matches([' ', ':']);
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            let to = end + rest.len() - number.len() + digits;
            if (1..=6).contains(&digits) && !self.goes_on(to) {
                return to;
            }
        }
        end
    }

    fn phone_by_shape(&self, run: &Run, groups: usize, cues: &LazyCues<'_>) -> Option<f32> {
        if run.tied {
            return None;
        }
        let digits = self.digits(run, groups);
        if run.plus {
            return is_international(digits.as_slice(), 0, if groups == 1 { 9 } else { 8 }).then_some(0.9);
        }
        let doubled = digits.as_slice().starts_with(&[0, 0]) && groups >= 3 && !run.joined_by(groups, Separator::Dot);
        if doubled && is_international(digits.as_slice(), 2, 9) {
            return Some(0.8);
        }
        let followed = self.byte(run.end_of(groups - 1)) == b'-' && self.goes_on(run.end_of(groups - 1) + 1);
        if followed || cues.get().nearest(Cue::Thing) || cues.get().nearest(Cue::Version) {
            return None;
        }
        let shaped = self.is_north_american(run, groups) || is_european(run, groups, digits.as_slice());
        shaped.then_some(0.75)
    }

    /// `(201) 555-0123`, `201-555-0123`, `1.201.555.0123`.
    fn is_north_american(&self, run: &Run, groups: usize) -> bool {
        let first = usize::from(run.digits_of(0) == 1 && self.byte(run.start_of(0)) == b'1');
        let shaped = groups == first + 3
            && run.digits_of(first) == 3
            && run.digits_of(first + 1) == 3
            && run.digits_of(first + 2) == 4
            && matches!(self.byte(run.start_of(first)), b'2'..=b'9');
        let last = run.separator(first + 1);
        let tied = matches!(last, Some(Separator::Dash | Separator::Dot | Separator::Space));
        let middle = run.separator(first);
        let bracketed = middle == Some(Separator::Bracket) && (run.bracket || first == 1);
        shaped && tied && (bracketed || (middle == last && last != Some(Separator::Space)))
    }

    /// A number of whatever shape that the words around call a telephone's.
    fn phone_by_words(&self, run: &Run, groups: usize, cues: &LazyCues<'_>) -> Option<f32> {
        let count = run.digits(groups);
        let priced = matches!(self.before(run.start), b'$' | b'#' | b'=');
        if count > 13 || groups > 6 || priced || !Self::is_balanced(run, groups) {
            return None;
        }
        let labelled = groups > 1 && count > 7 && is_labelled(before(self.text, run.start, 12));
        let end = self.extension(run.end_of(groups - 1));
        let named = labelled || cues.get().nearest(Cue::Phone) || telephone_follows(after(self.text, end, 14));
        if named {
            return (groups > 1 || count <= 12).then_some(0.85);
        }
        // A verb says less than a noun: decimals and ranges may be anything, and a plain number must follow closely.
        let range = groups == 2
            && run.separator(0) == Some(Separator::Dash)
            && run.digits_of(0) == run.digits_of(1)
            && self.text.get(run.start_of(0)..run.end_of(0)) < self.text.get(run.start_of(1)..run.end_of(1));
        let led = (8..=12).contains(&count) && leads_on(before(self.text, run.start, 16));
        let plain = if groups == 1 { !led } else { run.joined_by(groups, Separator::Dot) && !led || range };
        (cues.get().nearest(Cue::Call) && !run.tied && !plain).then_some(0.7)
    }

    /// Groups as people write them: one is a single digit at most, and dots are not mixed with spaces.
    fn is_balanced(run: &Run, groups: usize) -> bool {
        let singles = (0..groups).filter(|group| run.digits_of(*group) == 1).count();
        let count = |wanted| (0..groups - 1).filter(|group| run.separator(*group) == Some(wanted)).count();
        singles <= usize::from(groups > 2) && (count(Separator::Dot) == 0 || count(Separator::Space) == 0)
    }
}

/// Whether the digits from a place on start with a country code that is given out, in a length that E.164 allows.
fn is_international(digits: &[u8], from: usize, least: usize) -> bool {
    let rest = digits.get(from..).unwrap_or_default();
    let code = rest.iter().take(2).fold(0, |sum, digit| sum * 10 + digit);
    (least..=16).contains(&rest.len()) && !matches!(code, 0..=9 | 28 | 83 | 89)
}

/// Shapes that are written so in one country and hardly for anything else.
fn is_european(run: &Run, groups: usize, digits: &[u8]) -> bool {
    let trunk = digits.first() == Some(&0) && digits.get(1).is_some_and(|digit| *digit != 0);
    if !trunk {
        return false;
    }
    let second = digits.get(1).copied().unwrap_or(0);
    let spaced = run.joined_by(groups, Separator::Space);
    let shape = |shape: &[usize]| shape.len() == groups && run.shaped(shape);
    // United Kingdom: 020 7946 0958, 0161 496 0000, 01632 960123, 07700 900 123
    let british = spaced
        && ((second == 2 && shape(&[3, 4, 4]))
            || (matches!(second, 1 | 3 | 8) && shape(&[4, 3, 4]))
            || (matches!(second, 1 | 7) && (shape(&[5, 3, 3]) || shape(&[5, 6]))));
    // France: 01 23 45 67 89
    let french = shape(&[2, 2, 2, 2, 2]) && (spaced || (run.joined_by(groups, Separator::Dot) && second != 0));
    // Germany: 0711/123456, (0711) 123456, 0171 1234567
    let area = (3..=5).contains(&run.digits_of(0)) && groups <= 4;
    let parted = match run.separator(0) {
        Some(Separator::Slash) => run.digits_of(1) >= 4 || groups > 2,
        Some(Separator::Bracket) => run.bracket,
        Some(Separator::Space | Separator::Dash) => {
            groups == 2 && second == 1 && matches!(digits.get(2), Some(5..=7)) && matches!(run.digits_of(1), 7 | 8)
        }
        _ => false,
    };
    let german = area && parted && (9..=13).contains(&digits.len());
    british || french || german
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::PhoneNumber;

    #[test]
    fn by_shape() {
        for number in [
            "+41 (0)96 471 07 95",
            "+447700 921 916",
            "+46 (0)157 548 89",
            "+1-903-140-4508x769",
            "001-253-366-9781",
            "(602)272-9781",
            "(602) 272-9781",
            "201-948-1927",
            "259.735.7502x459",
            "1-800-555-0199",
            "07700 063 966",
            "03.93.92.16.85",
            "+49 711 123456-0",
            "+420 601 123 456",
            "+48601123456",
            "0711/1234567",
            "(0711) 1234567",
            "0171 1234567",
            "020 7946 0958",
            "+49 (711) 1234-56",
            "201-948-1927 ext. 12",
            "+33 1 23 45 67 89",
        ] {
            only(&format!("It is {number}."), PhoneNumber, number);
        }
    }

    #[test]
    fn by_the_words_around() {
        for (before, number, behind) in [
            ("Phone:\n", "467 3395", "\n\nE-mail:\n"),
            ("Fax: ", "9498777106", ""),
            ("Mobile: ", "432 03 163", "\nDesk: "),
            ("call me on ", "9472 7916", "? I"),
            ("messages to ", "699 956 915", ""),
            ("answering at ", "374 780 163", ""),
            ("\n", "28-64-66-98", " office"),
            ("\n", "(37) 788-063", "-Office\\,"),
            ("Tel. ", "0961-7596216", ""),
            ("call me at ", "0688 872 49 99", " I'd"),
            ("my registered ", "668 5702", ". Could"),
            ("Telefon: ", "601 123 456", ""),
            ("call me at ", "01164960431", " tomorrow"),
            ("tel:", "079 485 24 37", ""),
            ("at ", "(116)277-6241x31452", " fax"),
            ("Phone: ", "06-6/769 8829", ""),
            ("My number is ", "052 042 486", ", thanks"),
            ("Home: ", "06 7747 837", "\nWork:"),
            ("Text me on ", "08862438146", " when done"),
            ("Handy ", "0171/123 45 67", ""),
            ("zadzwoń ", "22 123 45 67", ""),
            ("tel ", "99 577450", ""),
        ] {
            only(&format!("{before}{number}{behind}"), PhoneNumber, number);
        }
    }

    #[test]
    fn no_telephones() {
        for text in [
            "467 3395",
            "9472 7916",
            "123-456-7890",
            "part no. 201-948-1927",
            "A-201-948-1927",
            "a+4477009219",
            "+12345678",
            "order 0711/1234567",
            "x = +0.1234567",
            "call 1000000",
            "1 000 000 000",
            "01.02.2003.04.05",
            "call sub 12345678",
            "+8912345678901",
            "contact 1.234.567",
            "call 954 (1938",
            "message 5400-5413",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
