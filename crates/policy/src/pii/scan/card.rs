//! Numbers of payment cards: issuer, length and the check digit of Luhn (ISO/IEC 7812).

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues, after},
    run::{Run, Separator},
};

impl Scan<'_, '_> {
    /// A card number, plain or in groups.
    pub(super) fn card(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if run.plus || run.bracket || run.tied || run.digits(run.len()) < 12 {
            return None;
        }
        for groups in (1..=run.len().min(5)).rev() {
            let count = run.digits(groups);
            let joined = run.joined_by(groups, Separator::Space) || run.joined_by(groups, Separator::Dash);
            if !(12..=19).contains(&count) || !joined || !self.may_end(run, groups) {
                continue;
            }
            if let Some(score) = self.card_score(run, groups, cues) {
                return Some(self.found(run.start, run.end_of(groups - 1), PiiType::CreditCard, score));
            }
        }
        None
    }

    fn card_score(&self, run: &Run, groups: usize, cues: &LazyCues<'_>) -> Option<f32> {
        let digits = self.digits(run, groups);
        let number = digits.as_slice();
        if number.iter().all(|digit| Some(digit) == number.first()) {
            return None;
        }
        let (checked, known, cues) = (luhn(number), is_issued(number), cues.get());
        let card = cues.has(Cue::Card)
            || cues.has(Cue::CreditCard)
            || cues.has(Cue::Payment)
            || after(self.text, run.end_of(groups - 1), 16).contains(" card");
        let grouped = [&[4, 4, 4, 4][..], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]]
            .iter()
            .any(|shape| shape.len() == groups && run.shaped(shape));
        let plain = groups == 1 && number.len() >= 15 && !cues.nearest(Cue::Thing);
        match (checked, known, card) {
            (true, true, true) => Some(1.0),
            (true, true, false) if grouped || plain => Some(0.95),
            (true, false, true) if grouped || groups == 1 => Some(0.9),
            // A mistyped card is still somebody's.
            (false, true, true) if cues.has(Cue::CreditCard) && (grouped || groups == 1) => Some(0.6),
            _ => None,
        }
    }
}

/// Whether the last digit is the check digit of those before it.
pub(super) fn luhn(number: &[u8]) -> bool {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether some card scheme issues numbers with this start in this length.
fn is_issued(number: &[u8]) -> bool {
    let start = number.iter().take(4).fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit));
    let length = number.len();
    match start {
        // Visa
        4000..=4999 => matches!(length, 13 | 16 | 19),
        // Mastercard
        5100..=5599 | 2221..=2720 => length == 16,
        // American Express; old numbers of JCB
        3400..=3499 | 3700..=3799 | 1800 | 2131 => length == 15,
        // Diners Club
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&length),
        // JCB; Discover and UnionPay; Mir
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 | 8100..=8171 | 2200..=2204 => (16..=19).contains(&length),
        // Maestro
        5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 | 6000..=6010 | 6012..=6199 | 604 => {
            (12..=19).contains(&length)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use super::luhn;
    use crate::pii::PiiType::CreditCard;

    /// A number with its check digit, made from the definition: the one digit that makes the sum end in 0.
    fn checked(start: &str) -> String {
        (0..10)
            .map(|digit| format!("{start}{digit}"))
            .find(|number| luhn(&number.bytes().map(|byte| byte - b'0').collect::<Vec<_>>()))
            .unwrap()
    }

    #[test]
    fn the_check_digit_of_the_standard_example() {
        assert_eq!(checked("7992739871"), "79927398713");
    }

    #[test]
    fn cards_of_all_issuers() {
        for start in [
            "411111222233334",
            "555566667777888",
            "37828224631000",
            "3030303030303",
            "353011133330000",
            "601111122223333",
            "400000111122223333",
        ] {
            let number = checked(start);
            only(&format!("My credit card {number} has been lost"), CreditCard, &number);
        }
        for start in ["63042737339", "06042607001", "421234567890"] {
            let number = checked(start);
            only(&format!("What is the limit for card {number}?"), CreditCard, &number);
            assert_eq!(find(&number), [], "too short to be one without a word for it");
        }
    }

    #[test]
    fn groups() {
        let number = checked("411111222233334");
        for separator in [" ", "-"] {
            let grouped: Vec<_> = (0..4).map(|at| &number[at * 4..at * 4 + 4]).collect();
            let grouped = grouped.join(separator);
            only(&format!("paid with {grouped} today"), CreditCard, &grouped);
        }
        assert_eq!(find(&number), [(CreditCard, &*number)]);
    }

    #[test]
    fn mistyped_cards_need_an_unmistakable_word() {
        assert!(!luhn(&[4; 15]));
        only("charge my credit card 4111 1111 1111 1112", CreditCard, "4111 1111 1111 1112");
        assert_eq!(find("number 4111 1111 1111 1112"), []);
        assert_eq!(find("4111111111111112"), []);
    }
}
