//! National numbers made of digits: US SSN and ITIN, German tax id, Polish PESEL, Czech birth number.

use super::{
    PiiType, Scan,
    cues::{Cue, Cues, LazyCues},
    date::is_day,
    run::{Digits, Run, Separator},
};

impl Scan<'_, '_> {
    /// A national number of 9 to 11 digits.
    pub(super) fn national(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if run.plus || run.bracket || run.tied {
            return None;
        }
        for groups in (1..=run.len().min(4)).rev() {
            if !(9..=11).contains(&run.digits(groups)) || !self.may_end(run, groups) {
                continue;
            }
            let digits = self.digits(run, groups);
            let cues = cues.get();
            let found = social_security(run, groups, &digits, cues)
                .or_else(|| pesel(groups, &digits, cues))
                .or_else(|| tax_id(run, groups, &digits, cues))
                .or_else(|| birth_number(run, groups, &digits, cues));
            if let Some((kind, score)) = found {
                return Some(self.found(run.start, run.end_of(groups - 1), kind, score));
            }
        }
        None
    }
}

/// Areas, groups and serials that the Social Security Administration and the IRS give out.
fn social_security(run: &Run, groups: usize, digits: &Digits, cues: Cues) -> Option<(PiiType, f32)> {
    if digits.as_slice().len() != 9 {
        return None;
    }
    let called = cues.nearest(Cue::SocialSecurity);
    let shaped = groups == 3 && run.shaped(&[3, 2, 4]);
    let dashed = shaped && run.joined_by(3, Separator::Dash) && !cues.nearest(Cue::Thing);
    let spaced = (shaped && run.joined_by(3, Separator::Space)) || groups == 1;
    if !(dashed || (called && (spaced || shaped))) {
        return None;
    }
    let (area, group, serial) = (digits.number(0, 3), digits.number(3, 2), digits.number(5, 4));
    let score = if called { 1.0 } else { 0.85 };
    match (area, group) {
        (900..=999, 50..=65 | 70..=88 | 90..=92 | 94..=99) if serial > 0 => Some((PiiType::UsItin, score)),
        (0 | 666 | 900..=999, _) | (_, 0) => None,
        _ if serial == 0 => None,
        _ => Some((PiiType::UsSsn, score)),
    }
}

/// A date of birth in the first six digits (the century in the month), and a weighted sum that ends in 0.
fn pesel(groups: usize, digits: &Digits, cues: Cues) -> Option<(PiiType, f32)> {
    let number = digits.as_slice();
    let other = matches!(cues.last, Some(Cue::Tax | Cue::Thing | Cue::Phone | Cue::Call));
    if groups != 1 || number.len() != 11 || other {
        return None;
    }
    let (month, day) = (digits.number(2, 2), digits.number(4, 2));
    let sum: u32 =
        number.iter().zip([1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    // Centuries: +0 for 1900, +20 for 2000.
    let dated = month / 20 < 2 && is_day(2000, month % 20, day);
    let score = if cues.has(Cue::Pesel) { 1.0 } else { 0.85 };
    (sum.is_multiple_of(10) && dated).then_some((PiiType::PlNationalId, score))
}

/// ISO/IEC 7064 MOD 11,10 over eleven digits, of which one occurs twice or three times among the first ten.
fn tax_id(run: &Run, groups: usize, digits: &Digits, cues: Cues) -> Option<(PiiType, f32)> {
    let number = digits.as_slice();
    let spaced = groups == 4 && run.shaped(&[2, 3, 3, 3]) && run.joined_by(4, Separator::Space);
    let called = cues.has(Cue::Tax);
    let shaped = number.len() == 11 && number.first() != Some(&0);
    (shaped && (spaced || (called && groups == 1)) && is_tax_id(number))
        .then_some((PiiType::DeTaxId, if called { 1.0 } else { 0.9 }))
}

fn is_tax_id(number: &[u8]) -> bool {
    let Some((check, first)) = number.split_last() else { return false };
    let mut counts = [0_u8; 10];
    let mut product = 10_u32;
    for digit in first {
        if let Some(count) = counts.get_mut(usize::from(*digit)) {
            *count += 1;
        }
        let sum = match (u32::from(*digit) + product) % 10 {
            0 => 10,
            sum => sum,
        };
        product = sum * 2 % 11;
    }
    let repeated = counts.iter().filter(|count| **count > 1).count() == 1 && counts.iter().all(|count| *count <= 3);
    repeated && u32::from(*check) == (11 - product) % 10
}

/// A date of birth (the sex in the month) and, since 1954, a number that 11 divides.
fn birth_number(run: &Run, groups: usize, digits: &Digits, cues: Cues) -> Option<(PiiType, f32)> {
    let number = digits.as_slice();
    let called = cues.has(Cue::BirthNumber);
    let slashed = groups == 2 && run.digits_of(0) == 6 && run.separator(0) == Some(Separator::Slash);
    if !(slashed && !cues.nearest(Cue::Thing) || (called && groups == 1)) {
        return None;
    }
    let (year, day) = (digits.number(0, 2), digits.number(4, 2));
    let month = match digits.number(2, 2) {
        month @ 51..=62 => month - 50,
        month @ (21..=32 | 71..=82) if (4..54).contains(&year) => month % 50 - 20,
        month => month,
    };
    let full = number.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(*digit));
    let checked = match number.len() {
        10 => full.is_multiple_of(11) || (full / 10 % 11 == 10 && full.is_multiple_of(10)),
        9 => year < 54,
        _ => false,
    };
    let score = if called { 1.0 } else { 0.9 };
    (checked && is_day(2000, month, day)).then_some((PiiType::CzNationalId, score))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{CzNationalId, DeTaxId, PlNationalId, UsItin, UsSsn};

    #[test]
    fn social_security_numbers() {
        only("Here's my SSN: 054-28-6917", UsSsn, "054-28-6917");
        only("social security number 054286917.", UsSsn, "054286917");
        only("SSN 054 28 6917", UsSsn, "054 28 6917");
        only("054-28-6917", UsSsn, "054-28-6917");
        only("ITIN 912-72-3456", UsItin, "912-72-3456");
        for text in [
            "000-28-6917",
            "666-28-6917",
            "054-00-6917",
            "054-28-0000",
            "912-40-3456",
            "054286917",
            "part 054-28-6917",
            "A-054-28-6917",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn pesel() {
        // 440514 0145 with weights 1 3 7 9: 4+12+0+45+1+12+0+9+4+15 = 102 - the check digit is 10 - 2 - 0 = 9 by
        // weights 1,3,7,9,1,3,7,9,1,3: 4·1+4·3+0·7+5·9+1·1+4·3+0·7+1·9+4·1+5·3 = 102, and 102 + 8 ends in 0.
        only("PESEL 44051401458", PlNationalId, "44051401458");
        // The same person born in 2044 would have month 25: 4+12+14+45+1+12+0+9+4+15 = 116, check digit 4.
        only("pesel: 44251401454", PlNationalId, "44251401454");
        for text in ["PESEL 44051401459", "PESEL 44131401458", "PESEL 44053201458", "serial 44051401458"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn german_tax_ids() {
        // The Federal Central Tax Office's own example.
        only("Steuer-ID 86095742719", DeTaxId, "86095742719");
        only("86 095 742 719", DeTaxId, "86 095 742 719");
        only("Tax ID: 47036892816", DeTaxId, "47036892816");
        for text in ["Steuer-ID 86095742718", "Steuer-ID 06095742719", "47036892816", "Steuer-ID 12345678901"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn birth_numbers() {
        // 7103192745 and 7153192745 + 9 … : 11 divides 710319 2745 (11 × 645744795) and 736028 5163 (11 × 669116833).
        only("rodné číslo 7103192745", CzNationalId, "7103192745");
        only("710319/2745", CzNationalId, "710319/2745");
        only("736028/5163", CzNationalId, "736028/5163");
        // Nine digits, given out until the end of 1953, have no check digit.
        only("r. č. 510319/274", CzNationalId, "510319/274");
        for text in ["710319/2746", "711319/2745", "710332/2745", "7103192745", "order 710319/2745", "710319/274"] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
