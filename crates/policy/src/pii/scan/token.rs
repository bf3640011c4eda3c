//! Tokens of letters and digits: IBAN, British and German insurance numbers, documents.

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues},
    date::is_day,
    run::{Digits, Run, Separator},
};

impl Scan<'_, '_> {
    /// Looks at a token that has a digit here and letters before it.
    pub(super) fn token(&mut self, at: usize) -> usize {
        let end = self.skip(at, 64, |byte| byte.is_ascii_alphanumeric());
        let start = self.skip_back(at, 24, |byte| byte.is_ascii_alphanumeric());
        if self.inside_word(start) || self.before(start) == b'-' && self.inside_word(start - 1) {
            return end;
        }
        let cues = LazyCues::new(self.text, start);
        self.iban(start, at, &cues)
            .or_else(|| self.licence_number(start, &cues))
            .or_else(|| self.nino(start, end, &cues))
            .or_else(|| self.health_number(start, end, &cues))
            .unwrap_or(end)
    }

    /// Two letters, two digits, then as many letters and digits as the country has, with spaces or without. A wrong
    /// check digit or a wrong length is forgiven if words say that it is an account, but not both.
    fn iban(&mut self, start: usize, at: usize, cues: &LazyCues<'_>) -> Option<usize> {
        if at != start + 2 || !self.byte(at + 1).is_ascii_digit() {
            return None;
        }
        let country = [self.byte(start).to_ascii_uppercase(), self.byte(start + 1).to_ascii_uppercase()];
        let length = IBAN_LENGTHS.iter().find(|(code, _)| **code == country)?.1;
        if let Some(end) = self.iban_end(start, length)
            && !self.goes_on(end)
        {
            if self.is_iban(start, end) {
                return Some(self.found(start, end, PiiType::IbanCode, 1.0));
            }
            let plain = end == start + length && cues.get().has(Cue::Bank);
            return plain.then(|| self.found(start, end, PiiType::IbanCode, 0.6));
        }
        let end = (length - 3..length + 3).find_map(|length| {
            self.iban_end(start, length).filter(|end| !self.goes_on(*end) && self.is_iban(start, *end))
        })?;
        cues.get().has(Cue::Bank).then(|| self.found(start, end, PiiType::IbanCode, 0.6))
    }

    /// Where so many letters and digits end, single spaces or hyphens behind each four of them left out.
    fn iban_end(&self, start: usize, length: usize) -> Option<usize> {
        let mut end = start;
        for count in 0..length {
            if count > 0 && count % 4 == 0 && matches!(self.byte(end), b' ' | b'-') {
                end += 1;
            }
            if !self.byte(end).is_ascii_alphanumeric() {
                return None;
            }
            end += 1;
        }
        Some(end)
    }

    /// Whether the remainder by 97 is 1, the first four characters counted last, letters from A as 10.
    fn is_iban(&self, start: usize, end: usize) -> bool {
        let characters =
            self.bytes.get(start..end).unwrap_or_default().iter().filter(|byte| byte.is_ascii_alphanumeric());
        let rotated = characters.clone().skip(4).chain(characters.take(4));
        let remainder = rotated.fold(0_u32, |sum, byte| match byte {
            b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
            byte => (sum * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
        });
        remainder == 1
    }

    /// `QQ123456C`, without white space.
    fn nino(&mut self, start: usize, end: usize, cues: &LazyCues<'_>) -> Option<usize> {
        let token = self.bytes.get(start..end)?;
        let [first, second, digits @ .., suffix] = token else { return None };
        if digits.len() != 6 || !digits.iter().all(u8::is_ascii_digit) || !is_nino(*first, *second, *suffix) {
            return None;
        }
        let called = cues.get().has(Cue::NationalInsurance);
        (called || !cues.get().nearest(Cue::Thing))
            .then(|| self.found(start, end, PiiType::UkNino, if called { 1.0 } else { 0.7 }))
    }

    /// `QQ 12 34 56 C`, with white space; the run is that of its digits.
    pub(super) fn spaced_nino(&mut self, run: &Run) -> Option<usize> {
        let start = run.start.checked_sub(3)?;
        let end = run.end_of(2) + 2;
        let shaped = run.len() == 3 && run.shaped(&[2, 2, 2]) && run.joined_by(3, Separator::Space);
        let spaced = self.byte(start + 2) == b' ' && self.byte(end - 2) == b' ';
        let valid = shaped && spaced && is_nino(self.byte(start), self.byte(start + 1), self.byte(end - 1));
        (valid && !self.inside_word(start) && !self.goes_on(end)).then(|| self.found(start, end, PiiType::UkNino, 0.95))
    }

    /// The German health insurance number: a letter, eight digits and a check digit. One in ten part numbers of that
    /// shape passes, so a word must stand before it.
    fn health_number(&mut self, start: usize, end: usize, cues: &LazyCues<'_>) -> Option<usize> {
        let [letter, digits @ ..] = self.bytes.get(start..end)? else { return None };
        if digits.len() != 9 || !letter.is_ascii_uppercase() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut number = Digits::default();
        push_letter(&mut number, *letter);
        for digit in digits {
            number.push(*digit);
        }
        let (check, rest) = number.as_slice().split_last()?;
        let valid = weighted(rest, &[1, 2]) % 10 == u32::from(*check);
        (valid && cues.get().has(Cue::Insurance)).then(|| self.found(start, end, PiiType::DeInsuranceId, 1.0))
    }

    /// The German pension insurance number: area, date of birth, letter, serial, check digit, as in `65 170839 J 003`.
    pub(super) fn pension_number(&mut self, at: usize, run: &Run) -> Option<usize> {
        let digits = run.digits(run.len());
        if digits != 8 || run.tied || !(run.len() == 1 || run.shaped(&[2, 6])) {
            return None;
        }
        let mut end = run.end_of(run.len() - 1);
        end += usize::from(self.byte(end) == b' ');
        let letter = self.byte(end);
        let serial = end + 1 + usize::from(self.byte(end + 1) == b' ');
        let last = self.skip(serial, 4, |byte| byte.is_ascii_digit());
        if !letter.is_ascii_uppercase() || last != serial + 3 || self.goes_on(last) {
            return None;
        }
        let mut number = self.digits(run, run.len());
        push_letter(&mut number, letter);
        (serial..last).for_each(|at| number.push(self.byte(at)));
        let (check, rest) = number.as_slice().split_last()?;
        let valid = weighted(rest, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]) % 10 == u32::from(*check);
        let born = is_day(2000, number.number(4, 2), number.number(2, 2));
        (valid && born).then(|| self.found(at, last, PiiType::DeInsuranceId, 0.95))
    }
}

/// A letter counts as its place in the alphabet, in two digits.
fn push_letter(number: &mut Digits, letter: u8) {
    let place = letter - b'A' + 1;
    number.push(b'0' + place / 10);
    number.push(b'0' + place % 10);
}

/// The sum of the digit sums of each digit times its weight; the weights repeat.
fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights.iter().cycle())
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .map(|product| product / 10 + product % 10)
        .sum()
}

/// Prefixes and suffixes that HM Revenue and Customs gives out.
fn is_nino(first: u8, second: u8, suffix: u8) -> bool {
    let letters = first.is_ascii_uppercase() && second.is_ascii_uppercase();
    let unused = b"DFIQUV".contains(&first) || b"DFIOQUV".contains(&second);
    let refused = [b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&&[first, second]);
    letters && !unused && !refused && (b'A'..=b'D').contains(&suffix)
}

/// Lengths by country, from the registry of ISO 13616.
const IBAN_LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{DeInsuranceId, IbanCode, UkNino};

    #[test]
    fn ibans() {
        // The examples of the registry.
        for iban in [
            "GB29NWBK60161331926819",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "GB29 NWBK 6016 1331 9268 19",
            "DE89 3704 0044 0532 0130 00",
            "CZ6508000000192000145399",
            "MT84MALT011000012345MTLCAST001S",
            "PL61109010140000071219812874",
            "de89370400440532013000",
        ] {
            only(&format!("transfer from {iban} to us"), IbanCode, iban);
        }
        only("My IBAN is DE89370400440532013001", IbanCode, "DE89370400440532013001");
        // Shorter than its country's, but the check digits are right.
        only("wire to GB48FBTW7631937271260", IbanCode, "GB48FBTW7631937271260");
        for text in [
            "DE89370400440532013001",
            "XX29NWBK60161331926819",
            "DE8937040044053201300",
            "ADE89370400440532013000",
            "DE89 3704",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn insurance_numbers() {
        // 6 5 1 7 0 8 3 9 1 0 0 0 times 2 1 2 5 7 1 2 1 2 1 2 1, digit sums: 3+5+2+8+0+8+6+9+2 = 43.
        only("65 170839 J 003", DeInsuranceId, "65 170839 J 003");
        only("Rentenversicherung 65170839J003.", DeInsuranceId, "65170839J003");
        // A000500015: A = 01; weights 1 2 over 0 1 0 0 0 5 0 0 0 1: 0+2+0+0+0+1+0+0+0+2 = 5.
        only("Versichertennummer A000500015", DeInsuranceId, "A000500015");
        for text in ["65 170839 J 004", "65 173839 J 003", "KVNR A000500016", "A000500015"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn british_insurance_numbers() {
        only("NINO AB123456C", UkNino, "AB123456C");
        only("is AB 12 34 56 C.", UkNino, "AB 12 34 56 C");
        for text in ["GB123456C", "AB123456E", "AQ123456C", "part AB123456C", "AB1234567C", "XAB 12 34 56 C"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
