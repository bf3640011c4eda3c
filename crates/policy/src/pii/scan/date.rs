//! Dates and times; birthdays, where words say so.

use super::{
    PiiType, Scan,
    cues::{LazyCues, after, before},
    run::{Run, Separator},
};

/// Whether there is such a day. The year matters for leap days only.
pub(super) fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

impl Scan<'_, '_> {
    /// A date, with the time that follows it. Always read, so that no part of it is taken for something else.
    pub(super) fn date(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if run.plus || run.bracket || run.tied {
            return None;
        }
        let (start, end) = match run.separator(0) {
            Some(Separator::Dash | Separator::Dot | Separator::Slash) => (run.start, self.date_in_digits(run, cues)?),
            _ => self.date_in_words(run)?,
        };
        let end = self.time(end);
        let born = cues.born();
        let kind = if born { PiiType::DateOfBirth } else { PiiType::DateTime };
        Some(self.found(start, end, kind, if born { 0.95 } else { 0.9 }))
    }

    fn date_in_digits(&self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        let separator = run.separator(0)?;
        if run.len() < 3
            || !run.joined_by(3, separator)
            || run.separator(2).is_some_and(|next| next != Separator::Space)
        {
            return None;
        }
        let end = run.end_of(2);
        if self.goes_on(end) && !matches!(self.byte(end), b'T' | b't' | b'_') {
            return None;
        }
        let digits = self.digits(run, 3);
        let (first, second, third) = (run.digits_of(0), run.digits_of(1), run.digits_of(2));
        let small = |count: usize| (1..=2).contains(&count);
        let (a, b, c) = (digits.number(0, first), digits.number(first, second), digits.number(first + second, third));
        let valid = if first == 4 && small(second) && small(third) {
            is_year(a) && is_day(a, b, c)
        } else if small(first) && small(second) && third == 4 {
            let american = separator != Separator::Dot && is_day(c, a, b);
            is_year(c) && (american || is_day(c, b, a))
        } else if small(first) && small(second) && third == 2 {
            cues.born() && (is_day(2000, b, a) || is_day(2000, a, b))
        } else {
            false
        };
        valid.then_some(end)
    }

    /// "4 March 2021", "4. März 2021", "4th of March, 2021", "March 4, 2021", "Dec. 24 2021", "March 4, 2021": where it starts and ends.
    fn date_in_words(&self, run: &Run) -> Option<(usize, usize)> {
        let end = run.end_of(0);
        let day: u32 = self.text.get(run.start..end)?.parse().ok().filter(|day| (1..=31).contains(day))?;
        let rest = after(self.text, end, 40);
        let ordinal = ["st", "nd", "rd", "th"].iter().find_map(|ending| rest.strip_prefix(ending)).unwrap_or(rest);
        let trimmed = ordinal.trim_start_matches('.').trim_start_matches([' ', '-']).trim_start_matches("of ");
        let word: usize = trimmed.chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum();
        let behind = trimmed.get(word..).unwrap_or_default().trim_start_matches(['.', ',', ' ', '-']);
        if let (Some(month), Some(year)) = (trimmed.get(..word).and_then(month), year_at(behind)) {
            let to = end + rest.len() - behind.len() + 4;
            return (is_day(year, month, day) && !self.goes_on(to)).then_some((run.start, to));
        }
        let head = before(self.text, run.start, 16).trim_end_matches(' ');
        let name = head.trim_end_matches('.').rsplit(|c: char| !c.is_alphabetic()).next()?;
        let (month, behind) = (month(name)?, ordinal.strip_prefix(',').unwrap_or(ordinal).trim_start_matches(' '));
        let to = end + rest.len() - behind.len() + 4;
        let start =
            run.start - (before(self.text, run.start, 16).len() - head.trim_end_matches('.').len()) - name.len();
        year_at(behind).filter(|year| is_day(*year, month, day) && !self.goes_on(to)).map(|_| (start, to))
    }

    /// Where the time ends that may follow a date.
    fn time(&self, end: usize) -> usize {
        let rest = after(self.text, end, 40);
        let Some(clock) = rest.strip_prefix(['T', 't', ' ', '_']).or_else(|| rest.strip_prefix(", ")) else {
            return end;
        };
        let mut length = 0;
        for part in 0..3 {
            let digits = clock.get(length..).unwrap_or_default().bytes().take_while(u8::is_ascii_digit).count();
            if digits != 2 {
                return if part == 2 { end + rest.len() - clock.len() + length - 1 } else { end };
            }
            length += 2;
            match clock.as_bytes().get(length) {
                Some(b':') if part < 2 => length += 1,
                _ if part == 0 => return end,
                _ => break,
            }
        }
        let tail = clock.get(length..).unwrap_or_default();
        length += fraction(tail);
        let zone = clock.get(length..).unwrap_or_default();
        length += zone_length(zone);
        let to = end + rest.len() - clock.len() + length;
        if self.goes_on(to) { end } else { to }
    }

    /// A year by itself, where a word before it says so.
    pub(super) fn year(&mut self, run: &Run) -> Option<usize> {
        if !self.wanted.has(PiiType::DateTime) || run.tied || run.bracket || run.plus || run.len() > 1 {
            return None;
        }
        let (start, end) = (run.start, run.end_of(0));
        let digits = self.digits(run, 1);
        if !(1900..=2049).contains(&digits.number(0, 4)) || self.goes_on(end) || matches!(self.byte(end), b'-' | b'%') {
            return None;
        }
        let mut words = before(self.text, start, 24).trim_end_matches(' ').rsplit(' ');
        let (word, previous) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let behind = after(self.text, end, 16);
        let next = behind.strip_prefix(' ').unwrap_or_default();
        let stops = !behind.starts_with(' ')
            || ["while", "with", "when", "and", "by", "as", "to", "("].iter().any(|word| next.starts_with(word));
        let opens = next.chars().next().is_some_and(char::is_uppercase);
        let said = match &*word.to_ascii_lowercase() {
            "in" | "since" | "during" | "until" | "anno" | "seit" => stops,
            "of" => previous.eq_ignore_ascii_case("act") || previous.eq_ignore_ascii_case("law"),
            "a" | "the" => opens,
            _ => false,
        };
        said.then(|| self.found(start, end, PiiType::DateTime, 0.7))
    }
}

fn is_year(year: u32) -> bool {
    (1850..=2150).contains(&year)
}

fn year_at(text: &str) -> Option<u32> {
    text.get(..4)
        .filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
        .filter(|year| is_year(*year))
}

fn fraction(text: &str) -> usize {
    match text.as_bytes() {
        [b'.' | b',', first, ..] if first.is_ascii_digit() => {
            1 + text.bytes().skip(1).take_while(u8::is_ascii_digit).count()
        }
        _ => 0,
    }
}

fn zone_length(text: &str) -> usize {
    match text.as_bytes() {
        [b'Z' | b'z', ..] => 1,
        [b'+' | b'-', a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 6,
        [b'+' | b'-', a, b, c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => 5,
        _ => 0,
    }
}

/// The number of a month by its English, German, Czech or Polish name.
fn month(word: &str) -> Option<u32> {
    Some(match &*word.to_lowercase() {
        "january" | "jan" | "januar" | "jänner" | "ledna" | "stycznia" => 1,
        "february" | "feb" | "februar" | "února" | "lutego" => 2,
        "march" | "mar" | "märz" | "března" | "marca" => 3,
        "april" | "apr" | "dubna" | "kwietnia" => 4,
        "may" | "mai" | "května" | "maja" => 5,
        "june" | "jun" | "juni" | "června" | "czerwca" => 6,
        "july" | "jul" | "juli" | "července" | "lipca" => 7,
        "august" | "aug" | "srpna" | "sierpnia" => 8,
        "september" | "sep" | "sept" | "září" | "września" => 9,
        "october" | "oct" | "oktober" | "okt" | "října" | "października" => 10,
        "november" | "nov" | "listopadu" | "listopada" => 11,
        "december" | "dec" | "dezember" | "dez" | "prosince" | "grudnia" => 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{DateOfBirth, DateTime};

    #[test]
    fn dates() {
        for date in [
            "1978-04-13 12:20:39",
            "2/8/1935",
            "11/22/2000",
            "28.02.2021",
            "2021/03/04",
            "4 March 2021",
            "4. März 2021",
            "4th of March, 2021",
            "2021-03-04 12:33",
            "2024-02-29",
        ] {
            only(&format!("On {date}, it was"), DateTime, date);
        }
        only("founded in 1977. Since", DateTime, "1977");
        only("Civil Rights Act of 2001 protects", DateTime, "2001");
        only("a 2017 Polish film", DateTime, "2017");
    }

    #[test]
    fn birthdays() {
        only("She was born on 2/8/1935.", DateOfBirth, "2/8/1935");
        only("Please tell me your date of birth. It's 8/12/1991", DateOfBirth, "8/12/1991");
        only("geb. am 4.3.78", DateOfBirth, "4.3.78");
        only("Geburtsdatum: 04. Mai 1978", DateOfBirth, "04. Mai 1978");
    }

    #[test]
    fn no_dates() {
        for text in [
            "2021-13-04",
            "31.04.2021",
            "2023-02-29",
            "1.2.03",
            "12/34/5678",
            "in 2000 steps",
            "a 2000 rpm",
            "of 2001 parts",
            "1.2.2021.5",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
