//! One pass over the text for everything that has a shape.
//!
//! Nothing is searched for by itself. The pass looks for the few bytes that no structured type can do without (a digit,
//! `@`, `:`, `.`, `-`), looks around each of them, and goes on behind what it has looked at. Every look is bounded, so
//! the work is linear whatever the text is.

mod age;
mod card;
mod cues;
mod date;
mod email;
mod national;
mod net;
mod number;
mod phone;
mod run;
mod token;
mod web;
mod zip;

use super::{Finding, PiiType, kind::TypeSet};

/// The types that this pass finds.
pub(super) const TYPES: TypeSet = TypeSet::of(&[
    PiiType::Age,
    PiiType::DateTime,
    PiiType::DateOfBirth,
    PiiType::ZipCode,
    PiiType::EmailAddress,
    PiiType::PhoneNumber,
    PiiType::CreditCard,
    PiiType::IbanCode,
    PiiType::UsSsn,
    PiiType::UsItin,
    PiiType::DeTaxId,
    PiiType::DeInsuranceId,
    PiiType::CzNationalId,
    PiiType::PlNationalId,
    PiiType::UkNino,
    PiiType::Passport,
    PiiType::UsDriverLicense,
    PiiType::DriverLicense,
    PiiType::IpAddress,
    PiiType::MacAddress,
    PiiType::Url,
    PiiType::DomainName,
]);

/// Appends what stands in the text of the wanted types. Findings may overlap and are in no order.
pub(super) fn scan(text: &str, wanted: TypeSet, findings: &mut Vec<Finding>) {
    let mut scan = Scan { text, bytes: text.as_bytes(), wanted, url_end: 0, findings };
    let mut at = 0;
    while let Some(offset) = scan.bytes.get(at..).and_then(|rest| rest.iter().position(|byte| ANCHOR[*byte as usize])) {
        let anchor = at + offset;
        at = scan.look(anchor).max(anchor + 1);
    }
}

const ANCHOR: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'0'..=b'9' | b'@' | b':' | b'.' | b'-');
        byte += 1;
    }
    table
};

/// The state of one pass.
struct Scan<'t, 'f> {
    text: &'t str,
    bytes: &'t [u8],
    wanted: TypeSet,
    /// Where the last web address ends: none starts inside it.
    url_end: usize,
    findings: &'f mut Vec<Finding>,
}

impl Scan<'_, '_> {
    /// Looks around an anchor; returns where to go on.
    fn look(&mut self, anchor: usize) -> usize {
        match self.byte(anchor) {
            b'@' => self.email(anchor),
            b':' => self.colon(anchor),
            b'.' => self.domain(anchor),
            b'-' => self.mac_with_dashes(anchor).unwrap_or(anchor + 1),
            _ => self.digit(anchor),
        }
    }

    /// A token with digits in it: a number if the token starts here, else something like a part number or an IBAN.
    fn digit(&mut self, at: usize) -> usize {
        if self.inside_word(at) { self.token(at) } else { self.number(at) }
    }

    /// The byte at a place; 0 outside the text.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before a place; 0 at the start.
    fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    /// Whether the character before is a letter, a digit or `_`.
    fn inside_word(&self, at: usize) -> bool {
        match self.before(at) {
            byte if byte < 0x80 => is_word(byte),
            _ => self.text.get(..at).and_then(|text| text.chars().next_back()).is_some_and(char::is_alphanumeric),
        }
    }

    /// Whether the character at a place is a letter, a digit or `_`.
    fn goes_on(&self, at: usize) -> bool {
        match self.byte(at) {
            byte if byte < 0x80 => is_word(byte),
            _ => self.text.get(at..).and_then(|text| text.chars().next()).is_some_and(char::is_alphanumeric),
        }
    }

    /// The first place from here on whose byte does not satisfy; looks at no more than `most` bytes.
    fn skip(&self, from: usize, most: usize, accept: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().take(most).take_while(|byte| accept(**byte)).count()
    }

    /// The first place of the stretch before here whose bytes satisfy; looks at no more than `most` bytes.
    fn skip_back(&self, from: usize, most: usize, accept: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(..from).unwrap_or_default();
        from - rest.iter().rev().take(most).take_while(|byte| accept(**byte)).count()
    }

    /// Notes a finding if its type is wanted and it lies between characters.
    fn found(&mut self, start: usize, end: usize, kind: PiiType, score: f32) -> usize {
        if self.wanted.has(kind) && start < end && self.text.get(start..end).is_some() {
            self.findings.push(Finding::new(start, end, kind, score));
        }
        end
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What the pass finds, as pairs of type and text.
    pub(in super::super) fn find(text: &str) -> Vec<(PiiType, &str)> {
        let mut findings = Vec::new();
        scan(text, TypeSet::ALL, &mut findings);
        findings.sort_by_key(|finding| (finding.start, finding.end));
        findings
            .iter()
            .filter_map(|finding| Some((finding.kind.builtin()?, text.get(finding.start..finding.end)?)))
            .collect()
    }

    /// Asserts that a text holds exactly this one piece of data.
    pub(in super::super) fn only(text: &str, kind: PiiType, value: &str) {
        assert_eq!(find(text), [(kind, value)], "in {text:?}");
    }

    #[test]
    fn industry_is_full_of_numbers_that_are_nobody() {
        for text in [
            "6205-2RS",
            "SAP 4500001234",
            "G01 X12.5 Y-3",
            "M8x1.25",
            "v1.2.3.4 of the firmware",
            "1-2-3",
            "bearing 6205-2RS-C3, seal 35x52x7",
            "IEC 61131-3:2013",
            "DIN EN ISO 9001:2015",
            "N100 G02 X10.5 Y20 I-5 J0",
            "Siemens 6ES7214-1AG40-0XB0",
            "4140-5321-887",
            "0x1F4A 0xDEADBEEF",
            "#define FOO 0123456",
            "12,345,678.90",
            "article no. 123-456-7890",
            "1000000",
            "serial 4111111111111",
            "std::vector<int>",
            "a[1::2]",
            "fe::ad",
            "torque 12.5 - 13.5 Nm",
            "3.14159265358979",
            "4.5e-10",
            "10 20 30 40 50",
            "100-200 200-300",
            "1/2 3/4",
            "PID 1.0 2.0 3.0 4.0",
            "section 4.1.2.3",
            "PM01,183.05",
            "EAN 4006381333931",
            "2.718281828459045",
            "K1-K4",
            "order 4500001234/10",
            "0000 0000 0000 0000",
            "X-100 Y-200 Z-300",
            "part AB123456X",
            "drawing 12-34-56",
            "1.2.3.4.5.6.7",
            "-10:20:30",
            "e.g. 5 of 10",
            "T1.5 S1000 M3",
            "GB2312",
            "ISO8859-1",
            "RS232/RS485",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }

    #[test]
    fn timestamps_are_dates_and_nothing_else() {
        for text in ["2021-03-04 12:33:10", "2021-03-04T12:33:10.123Z", "2021-03-04T12:33:10+02:00"] {
            only(text, PiiType::DateTime, text);
        }
    }
}
