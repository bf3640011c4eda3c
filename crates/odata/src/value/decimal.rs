//! Decimal numbers as digits.

use std::fmt;

/// The longest decimal, written out: more than those of 34 digits in any common scale need.
const MAX_CHARS: usize = 400;

/// A decimal number as it was written, without an exponent: `-12.500` keeps its zeros.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// From `[+-]digits[.digits][e[+-]digits]`; nothing where it is of another form or would be longer than 400 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !is_digits(whole)
            || !is_digits(fraction)
            || (mantissa.contains('.') && fraction.is_empty())
        {
            return None;
        }
        if mantissa.len() > MAX_CHARS {
            return None;
        }
        let (whole, fraction) = shift(whole, fraction, exponent)?;
        let whole = whole.trim_start_matches('0');
        let mut written = String::from(if negative { "-" } else { "" });
        written.push_str(if whole.is_empty() { "0" } else { whole });
        if !fraction.is_empty() {
            written.push('.');
            written.push_str(&fraction);
        }
        if written.bytes().all(|b| !b.is_ascii_digit() || b == b'0') {
            written.retain(|c| c != '-');
        }
        (written.len() <= MAX_CHARS).then_some(Self(written))
    }

    /// How many digits stand before the point, without leading zeros, and how many after it, without zeros at the end.
    pub fn digits(&self) -> (usize, usize) {
        let digits = self.0.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (whole.trim_start_matches('0').len(), fraction.trim_end_matches('0').len())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn parse_exponent(text: &str) -> Option<i32> {
    let exponent: i32 = text.parse().ok()?;
    (exponent.unsigned_abs() as usize <= MAX_CHARS).then_some(exponent)
}

/// Moves the point by `exponent` digits to the right.
fn shift(whole: &str, fraction: &str, exponent: i32) -> Option<(String, String)> {
    let by = exponent.unsigned_abs() as usize;
    if exponent >= 0 {
        let moved = by.min(fraction.len());
        let (to_whole, rest) = fraction.split_at(moved);
        return Some((format!("{whole}{to_whole}{}", "0".repeat(by - moved)), rest.to_owned()));
    }
    let padded = format!("{}{whole}", "0".repeat(by));
    let (rest, to_fraction) = padded.split_at_checked(padded.len() - by)?;
    Some((rest.to_owned(), format!("{to_fraction}{fraction}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> Option<String> {
        Decimal::parse(text).map(|found| found.to_string())
    }

    #[test]
    fn digits_stay_and_exponents_are_written_out() {
        for (text, expected) in [
            ("12.500", "12.500"),
            ("-0.00", "0.00"),
            ("007", "7"),
            ("+1", "1"),
            ("1E3", "1000"),
            ("1.5e-7", "0.00000015"),
            ("-12.34e1", "-123.4"),
            ("12.34e5", "1234000"),
            ("1234567890123456789012345678901", "1234567890123456789012345678901"),
            ("0.1234567890123456789012345678901", "0.1234567890123456789012345678901"),
            ("9.999999999999999999999999999999999E+33", "9999999999999999999999999999999999"),
        ] {
            assert_eq!(written(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", "-", ".5", "5.", "1,5", "1e", "1e1000", "NaN", "INF", "0x1", "1 ", "١", "1.2.3", "--1", "1e+-1"]
        {
            assert_eq!(written(text), None, "{text}");
        }
        assert_eq!(written(&"9".repeat(401)), None);
        assert_eq!(Decimal::parse("-0012.500").unwrap().digits(), (2, 1));
        assert_eq!(Decimal::parse("0.050").unwrap().digits(), (0, 2));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_as_itself(text in "-?(0|[1-9][0-9]{0,33})(\\.[0-9]{1,34})?") {
            let found = written(&text).unwrap();
            let is_zero = text.bytes().all(|b| !(b'1'..=b'9').contains(&b));
            let expected = if is_zero { text.trim_start_matches('-').to_owned() } else { text.clone() };
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(written(&found), Some(found.clone()));
        }

        #[test]
        fn nothing_that_comes_makes_it_fail(text in "\\PC{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
