//! Postal codes, where a word or the lines of an address say that a number is one.

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues, before},
    run::{Run, Separator},
};

impl Scan<'_, '_> {
    /// A postal code behind "ZIP" or "PLZ", or on a line by itself under the code of a state.
    pub(super) fn postal_code(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if !self.wanted.has(PiiType::ZipCode) || run.plus || run.bracket || run.tied {
            return None;
        }
        let digits = run.digits_of(0);
        if !(3..=6).contains(&digits) {
            return None;
        }
        let mut end = run.end_of(0);
        let tail = run.digits_of(1);
        match run.separator(0) {
            Some(Separator::Dash) if run.len() == 2 && (tail == 3 || tail == 4) => end = run.end_of(1),
            Some(Separator::Space) if run.len() == 2 && digits == 3 && tail == 2 => end = run.end_of(1),
            Some(Separator::Space) | None => {}
            _ => return None,
        }
        // The Netherlands: 7412 SL
        let letters = digits == 4
            && self.byte(end) == b' '
            && self.byte(end + 1).is_ascii_uppercase()
            && self.byte(end + 2).is_ascii_uppercase()
            && !self.goes_on(end + 3);
        if letters {
            end += 3;
        }
        if self.goes_on(end) {
            return None;
        }
        let near = before(self.text, run.start, 24).to_lowercase();
        let called = cues.get().nearest(Cue::Zip)
            && ["zip", "post", "plz", "psč", "pocztowy"].iter().any(|word| near.contains(word));
        (called || self.is_under_a_state(run.start, end)).then(|| self.found(run.start, end, PiiType::ZipCode, 0.85))
    }

    fn is_under_a_state(&self, start: usize, end: usize) -> bool {
        let alone = matches!(self.byte(end), 0 | b'\n' | b'\r');
        let mut lines = before(self.text, start, 24).rsplit('\n');
        let indented = lines.next().is_some_and(|line| line.trim().is_empty());
        let state = lines
            .next()
            .is_some_and(|line| line.trim().len() == 2 && line.trim().bytes().all(|byte| byte.is_ascii_uppercase()));
        alone && indented && state
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::ZipCode;

    #[test]
    fn codes() {
        for (text, code) in [
            ("ZIP: 3520", "3520"),
            ("My zip code is 880", "880"),
            ("ZIP: 7412 SL", "7412 SL"),
            ("my zip code is 90010-170", "90010-170"),
            ("zip 12345-6789.", "12345-6789"),
            ("PLZ 70173", "70173"),
            ("PSČ 340 12", "340 12"),
            ("Town\n   SK\n    53650", "53650"),
        ] {
            only(text, ZipCode, code);
        }
        for text in ["unzip 12345", "53650", "code 53650", "zip 12"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
