//! Decides what a run of digits is.

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues},
    run::Run,
};

impl Scan<'_, '_> {
    /// Looks at a run of digits that starts a word.
    pub(super) fn number(&mut self, at: usize) -> usize {
        if self.byte(at + 2) == b'-'
            && let Some(end) = self.mac_with_dashes(at + 2)
        {
            return end;
        }
        let run = self.run(at);
        let cues = LazyCues::new(self.text, run.start);
        if let Some(end) = self.date(&run, &cues) {
            return end;
        }
        let found = self
            .ipv4(&run, &cues)
            .or_else(|| self.licence_number(at, &cues))
            .or_else(|| self.long_number(&run, &cues))
            .or_else(|| self.pension_number(at, &run))
            .or_else(|| self.spaced_nino(&run))
            .or_else(|| self.postal_code(&run, &cues))
            .or_else(|| self.age(&run));
        if let Some(end) = found {
            return end;
        }
        if run.digits_of(0) == 4 {
            self.year(&run);
        }
        // Nothing that is tied together starts in its middle.
        let end = run.end_of(run.tied_groups() - 1);
        if self.goes_on(end) { self.skip(end, 64, |byte| byte.is_ascii_alphanumeric()) } else { end }
    }

    fn long_number(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if run.digits(run.len()) < 7 {
            return None;
        }
        self.card(run, cues).or_else(|| self.national(run, cues)).or_else(|| self.phone(run, cues))
    }

    /// Whether the first groups of a run can end there: no digit or letter is tied to the right.
    pub(super) fn may_end(&self, run: &Run, groups: usize) -> bool {
        use super::run::Separator::Space;
        let end = run.end_of(groups - 1);
        match run.separator(groups - 1) {
            Some(Space) => true,
            Some(_) => false,
            None => !(self.goes_on(end) || self.byte(end) == b'-' && self.byte(end + 1).is_ascii_digit()),
        }
    }

    /// A passport or a licence: words before it say so, and any token of at least five digits will do.
    pub(super) fn licence_number(&mut self, at: usize, cues: &LazyCues<'_>) -> Option<usize> {
        let end = self.skip(at, 24, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let digits = self.bytes.get(at..end)?.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits < 5 || self.goes_on(end) {
            return None;
        }
        let kind = match cues.get().last? {
            Cue::Passport => PiiType::Passport,
            Cue::UsLicense => PiiType::UsDriverLicense,
            Cue::License => PiiType::DriverLicense,
            _ => return None,
        };
        let hyphens = self.bytes.get(at..end)?.iter().rev().take_while(|byte| **byte == b'-').count();
        Some(self.found(at, end - hyphens, kind, 0.9))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{DriverLicense, Passport, UsDriverLicense};

    #[test]
    fn licences_need_a_word_before_them() {
        only("my driver's license number is 2270-66-1551", UsDriverLicense, "2270-66-1551");
        only("My driver's license number is F162823540116.", UsDriverLicense, "F162823540116");
        only("driving licence MORGA657054SM9IJ, please", DriverLicense, "MORGA657054SM9IJ");
        only("Führerschein Nr. B072RRE2I55", DriverLicense, "B072RRE2I55");
        only("passport no. 533380006 issued", Passport, "533380006");
        only("Reisepass C01X00T47", Passport, "C01X00T47");
        assert_eq!(find("the license number is F162823540116"), []);
        assert_eq!(find("A F162823540116 relay"), []);
    }
}
