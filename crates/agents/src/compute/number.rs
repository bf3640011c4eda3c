//! Numbers as people write them, and what they can mean.

use std::{cmp::Ordering, fmt};

/// Longer numbers are not read.
const MAX_DIGITS: usize = 15;
/// Nobody writes more decimal places, and more are not compared.
const MAX_PLACES: u32 = 12;

/// A number with its decimal places as written: `1.50` is 150 and two places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decimal {
    digits: i128,
    places: u32,
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.shortened(), other.shortened());
        one.digits == other.digits && one.places == other.places
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |number: &Self| {
            let power = 10_i128.pow(number.places);
            (number.digits.div_euclid(power), number.digits.rem_euclid(power))
        };
        let (one, rest) = parts(self);
        let (others, others_rest) = parts(other);
        // Both below one: with as many places as either has they fit.
        let places = self.places.max(other.places);
        let aligned = |rest: i128, number: &Self| rest * 10_i128.pow(places - number.places);
        one.cmp(&others).then_with(|| aligned(rest, self).cmp(&aligned(others_rest, other)))
    }
}

impl From<u32> for Decimal {
    fn from(whole: u32) -> Self {
        Self { digits: i128::from(whole), places: 0 }
    }
}

impl Decimal {
    /// Reads `-12.5`: digits, at most one point, nothing else.
    pub(crate) fn plain(text: &str) -> Option<Self> {
        let (sign, body) = text.strip_prefix('-').map_or((1, text), |body| (-1, body));
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || whole.len() + fraction.len() > 37 {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits: sign * digits, places: u32::try_from(fraction.len()).ok()? })
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    pub(crate) fn negated(self) -> Self {
        Self { digits: -self.digits, ..self }
    }

    pub(crate) fn magnitude(self) -> Self {
        Self { digits: self.digits.abs(), ..self }
    }

    /// Exactly; `None` where that has more digits than are computed with.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let places = self.places.max(other.places);
        let aligned = |number: Self| number.digits.checked_mul(10_i128.checked_pow(places - number.places)?);
        Some(Self { digits: aligned(self)?.checked_add(aligned(other)?)?, places })
    }

    /// A part of so many, rounded to these places, and whether it is exactly that. `None` for none, or too many digits.
    pub(crate) fn over(self, count: u32, places: u32) -> Option<(Self, bool)> {
        let places = places.max(self.places);
        let digits = self.digits.checked_mul(10_i128.checked_pow(places - self.places)?)?;
        let count = i128::from(count);
        let (whole, rest) = (digits.checked_div(count)?, digits.checked_rem(count)?);
        let is_half = rest.abs().checked_mul(2)? >= count;
        let digits = whole + if is_half { digits.signum() } else { 0 };
        Some((Self { digits, places }.shortened(), rest == 0))
    }

    /// Decimal places as written.
    pub(crate) fn places(self) -> u32 {
        self.places
    }

    /// With so many digits that count as a spreadsheet keeps.
    pub(crate) fn to_spreadsheet(self) -> Self {
        let length = self.digits.unsigned_abs().checked_ilog10().map_or(0, |log| log + 1);
        let drop = length.saturating_sub(MAX_DIGITS as u32).min(self.places);
        self.rounded(self.places - drop).shortened()
    }

    /// Without zeros at its end that say nothing of the value.
    pub(crate) fn shortened(self) -> Self {
        let Self { mut digits, mut places } = self;
        while places > 0 && digits % 10 == 0 {
            digits /= 10;
            places -= 1;
        }
        Self { digits, places }
    }

    /// Rounded as in trade: a half goes away from zero.
    pub(crate) fn rounded(self, places: u32) -> Self {
        if places >= self.places {
            return self;
        }
        let power = 10_i128.pow(self.places - places);
        let half = power / 2 * self.digits.signum();
        Self { digits: (self.digits + half) / power, places }
    }

    /// To four significant digits, and never less than to a whole number.
    pub(crate) fn to_significant(self) -> Self {
        let length = |digits: i128| digits.unsigned_abs().checked_ilog10().map_or(0, |log| log + 1);
        let drop = length(self.digits).saturating_sub(4).min(self.places);
        self.rounded(self.places - drop).shortened()
    }

    /// Whether it was written with at least so many digits that count.
    pub(crate) fn has_significant_digits(self, least: u32) -> bool {
        self.digits.unsigned_abs() >= 10_u128.pow(least - 1)
    }

    /// Whether this, as written, is that value or that value rounded to the places written. A rounded number of fewer than two
    /// significant digits says too little of what it was.
    pub(crate) fn is_rounding_of(self, value: Self) -> bool {
        if self == value {
            return true;
        }
        self.places <= MAX_PLACES && self.digits.abs() >= 10 && self == value.rounded(self.places)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let places = self.places as usize;
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

/// Which sign separates the decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `1,000.5`
    Point,
    /// `1.000,5`
    Comma,
}

/// What a written number means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    /// One thing, and what it shows of the writer's style.
    Sure(Decimal, Option<Style>),
    /// `1,000` or `1.000`: one or a thousand.
    Either {
        /// As with a decimal point.
        point: Decimal,
        /// As with a decimal comma.
        comma: Decimal,
    },
    /// No number, or one that is too long: `3.2.1`.
    None,
}

/// The number that `text` begins with, which is a digit, and its length in bytes.
pub(crate) fn number(text: &str) -> (Meaning, usize) {
    let (mut groups, mut signs) = (Vec::new(), Vec::new());
    let mut at = 0;
    loop {
        let length = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        groups.push(&text[at..at + length]);
        at += length;
        let Some(sign) = text[at..].chars().next() else { break };
        let after = at + sign.len_utf8();
        let digits = text[after..].bytes().take_while(u8::is_ascii_digit).count();
        let joins = match sign {
            '.' | ',' => digits > 0,
            // Only where it can separate thousands.
            '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}' => {
                let is_first = groups.len() == 1 && matches!(groups[0].len(), 1..=3) && !groups[0].starts_with('0');
                digits == 3 && (is_first || signs.last() == Some(&sign))
            }
            _ => false,
        };
        if !joins {
            break;
        }
        signs.push(sign);
        at = after;
    }
    let total: usize = groups.iter().map(|group| group.len()).sum();
    (if total > MAX_DIGITS { Meaning::None } else { meaning(&groups, &signs) }, at)
}

fn meaning(groups: &[&str], signs: &[char]) -> Meaning {
    let sure = |text: String, style| Decimal::plain(&text).map_or(Meaning::None, |number| Meaning::Sure(number, style));
    let Some((last, before)) = signs.split_last() else { return sure(groups.concat(), None) };
    let separates_places = matches!(last, '.' | ',');
    let style = |sign: char| if sign == '.' { Style::Point } else { Style::Comma };
    let (fraction, whole) = groups.split_last().map_or(("", groups), |(fraction, whole)| (*fraction, whole));
    if before.is_empty() && separates_places {
        let decimal = format!("{}.{fraction}", whole.concat());
        if !is_grouped(groups) {
            return sure(decimal, Some(style(*last)));
        }
        return match (Decimal::plain(&decimal), Decimal::plain(&groups.concat())) {
            (Some(point), Some(comma)) if *last == '.' => Meaning::Either { point, comma },
            (Some(comma), Some(point)) => Meaning::Either { point, comma },
            _ => Meaning::None,
        };
    }
    if signs.iter().all(|sign| sign == last) {
        let style = match last {
            '.' => Some(Style::Comma),
            ',' => Some(Style::Point),
            _ => None,
        };
        return if is_grouped(groups) { sure(groups.concat(), style) } else { Meaning::None };
    }
    let is_one_sign = before.windows(2).all(|pair| pair[0] == pair[1]) && !before.contains(last);
    if separates_places && is_one_sign && is_grouped(whole) {
        return sure(format!("{}.{fraction}", whole.concat()), Some(style(*last)));
    }
    Meaning::None
}

/// `1` `000` or `12` `345` `678`.
fn is_grouped(groups: &[&str]) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    matches!(first.len().cmp(&3), Ordering::Less | Ordering::Equal)
        && !first.starts_with('0')
        && rest.iter().all(|group| group.len() == 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        let (meaning, length) = number(text);
        let meaning = match meaning {
            Meaning::Sure(number, _) => number.to_string(),
            Meaning::Either { point, comma } => format!("{point} or {comma}"),
            Meaning::None => "none".into(),
        };
        format!("{meaning} {:?}", &text[length..])
    }

    #[test]
    fn numbers_mean_what_people_mean() {
        for (text, expected) in [
            ("1,5 bar", r#"1.5 " bar""#),
            ("1.5", r#"1.5 """#),
            ("0,125", r#"0.125 """#),
            ("1,000 h", r#"1000 or 1.000 " h""#),
            ("1.000 h", r#"1.000 or 1000 " h""#),
            ("1.234.567", r#"1234567 """#),
            ("1,234.5", r#"1234.5 """#),
            ("1.234,56 EUR", r#"1234.56 " EUR""#),
            ("12 000 mm", r#"12000 " mm""#),
            ("1'000'000", r#"1000000 """#),
            ("1 000,5", r#"1000.5 """#),
            ("1450.125", r#"1450.125 """#),
            ("3.2.1", r#"none """#),
            ("5. Then", r#"5 ". Then""#),
            ("5, 6", r#"5 ", 6""#),
            ("12 3456", r#"12 " 3456""#),
            ("1234567890123456", r#"none """#),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_figure_is_a_rounding_only_to_the_places_it_is_written_with() {
        let is = |written: &str, value: &str| {
            Decimal::plain(written).unwrap().is_rounding_of(Decimal::plain(value).unwrap())
        };
        assert!(is("21.76", "21.7556") && is("22", "21.7556") && is("21.7556", "21.7556") && is("100", "99.6"));
        assert!(is("-2.5", "-2.45") && is("6", "6.000"));
        assert!(!is("21.75", "21.7556") && !is("21", "21.7556") && !is("20", "21.7556"));
        assert!(!is("1", "1.4") && !is("0", "0.3"), "one digit says too little");
        assert!(!is("2.5", "-2.5") && !is("15", "1.5"));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(digits in -999_999_999_i64..999_999_999, places in 0_u32..9) {
            let number = Decimal { digits: digits.into(), places };
            prop_assert_eq!(Decimal::plain(&number.to_string()), Some(number));
            prop_assert!(number.to_significant().is_rounding_of(number) || number.to_significant().digits.abs() < 10);
        }

        #[test]
        fn sums_parts_and_order_are_those_of_whole_numbers(
            one in -999_999_999_i128..999_999_999, other in -999_999_999_i128..999_999_999,
            places in 0_u32..9, fewer in 0_u32..9, count in 1_u32..999,
        ) {
            let (a, b) = (Decimal { digits: one, places }, Decimal { digits: other, places: fewer });
            let scaled = |digits: i128, places: u32| digits * 10_i128.pow(9 - places);
            let (one, other) = (scaled(one, places), scaled(other, fewer));
            prop_assert_eq!(a.plus(b), Some(Decimal { digits: one + other, places: 9 }));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
            let (part, is_exact) = a.over(count, 12).unwrap();
            let twelve = one * 1000;
            prop_assert_eq!(is_exact, twelve % i128::from(count) == 0);
            let nearest = Decimal { digits: twelve, places: 12 };
            let times = Decimal { digits: part.digits * i128::from(count), places: part.places };
            let off = times.plus(nearest.negated()).unwrap().magnitude();
            prop_assert!(off.digits * 2 * 10_i128.pow(12 - off.places.min(12)) <= i128::from(count));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9][0-9.,' \u{a0}x]{0,30}") {
            let (_, length) = number(&text);
            prop_assert!(text.is_char_boundary(length) && length > 0);
        }
    }
}
