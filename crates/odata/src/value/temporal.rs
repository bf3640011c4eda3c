//! Dates and times in the forms of V2 and V4.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

const DAY_NANOS: u64 = 86_400 * 1_000_000_000;
/// Years of four digits, the most that the protocol and SAP have.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// A time of the day; `24:00:00`, which ABAP has, is one too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u64);

impl TimeOfDay {
    /// From `hh:mm[:ss[.fraction]]`.
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "24:00" | "24:00:00") {
            return Some(Self(DAY_NANOS));
        }
        let time = NaiveTime::parse_from_str(text, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"));
        // A leap second is none of a day here.
        let time = time.ok().filter(|time| time.nanosecond() < 1_000_000_000)?;
        Some(Self(u64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + u64::from(time.nanosecond())))
    }

    /// From V2's `PT11H30M05.5S`.
    pub(crate) fn from_duration(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix("PT")?;
        let mut nanos = 0_u64;
        let mut found = false;
        for (mark, seconds) in [('H', 3600), ('M', 60)] {
            if let Some((number, after)) = rest.split_once(mark) {
                nanos += number.parse::<u16>().ok().map(u64::from)? * seconds * 1_000_000_000;
                (rest, found) = (after, true);
            }
        }
        if let Some(number) = rest.strip_suffix('S') {
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            nanos += whole.parse::<u16>().ok().map(u64::from)? * 1_000_000_000 + fraction_nanos(fraction)?;
            (rest, found) = ("", true);
        }
        (found && rest.is_empty() && nanos <= DAY_NANOS).then_some(Self(nanos))
    }

    /// As V2 writes it: `PT11H30M05S`.
    pub(crate) fn to_duration(self) -> String {
        let (hours, minutes, seconds, nanos) = self.parts();
        format!("PT{hours:02}H{minutes:02}M{seconds:02}{}S", fraction(nanos))
    }

    fn parts(self) -> (u64, u64, u64, u64) {
        let seconds = self.0 / 1_000_000_000;
        (seconds / 3600, seconds / 60 % 60, seconds % 60, self.0 % 1_000_000_000)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds, nanos) = self.parts();
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}{}", fraction(nanos))
    }
}

fn fraction_nanos(fraction: &str) -> Option<u64> {
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

/// `.5` without zeros at the end, or nothing.
fn fraction(nanos: u64) -> String {
    if nanos == 0 { String::new() } else { format!(".{nanos:09}").trim_end_matches('0').to_owned() }
}

/// A date as `2024-12-31`.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = is_plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()?;
    in_years(date).then_some(date)
}

fn in_years(date: NaiveDate) -> bool {
    YEARS.contains(&chrono::Datelike::year(&date))
}

/// A date and a time without zone: `2024-12-31T23:59:59.123`; of a date alone, its beginning.
pub(crate) fn date_time(text: &str) -> Option<NaiveDateTime> {
    match text.split_once('T') {
        None => date(text)?.and_hms_opt(0, 0, 0),
        Some((day, time)) => {
            let time =
                NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
            Some(date(day)?.and_time(time.ok().filter(|time| time.nanosecond() < 1_000_000_000)?))
        }
    }
}

/// A moment: `2024-12-31T23:59:59.123+01:00` or with `Z`.
pub(crate) fn moment(text: &str) -> Option<DateTime<FixedOffset>> {
    let day = text.split_once('T')?.0;
    date(day)?;
    // Seconds can be left out.
    let full = text.len() > 16 && text.as_bytes().get(16) == Some(&b':');
    let text = if full { text.to_owned() } else { format!("{}:00{}", text.get(..16)?, text.get(16..)?) };
    DateTime::parse_from_rfc3339(&text).ok().filter(|moment| moment.nanosecond() < 1_000_000_000)
}

/// V2's `/Date(1735689599000)/` or `/Date(1735689599000+0060)/`: a moment, and the minutes of its offset.
pub(crate) fn v2_date(text: &str) -> Option<(DateTime<Utc>, i32)> {
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = inner.get(1..)?.find(['+', '-']).map(|at| at + 1);
    let (millis, offset) = match sign {
        Some(at) => (&inner[..at], minutes(&inner[at..])?),
        None => (inner, 0),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(millis.strip_prefix('-').unwrap_or(millis)) {
        return None;
    }
    let moment = DateTime::from_timestamp_millis(millis.parse().ok()?)?;
    in_years(moment.date_naive()).then_some((moment, offset))
}

fn minutes(text: &str) -> Option<i32> {
    let is_plain = text.len() == 5 && text[1..].bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten().filter(|minutes: &i32| minutes.abs() < 24 * 60)
}

/// The moment of `/Date(…)/` at its offset.
pub(crate) fn v2_moment(text: &str) -> Option<DateTime<FixedOffset>> {
    let (moment, offset) = v2_date(text)?;
    let there = moment.with_timezone(&FixedOffset::east_opt(offset * 60)?);
    in_years(there.date_naive()).then_some(there)
}

/// `/Date(…)/` of a date and a time; nothing where it has parts of a millisecond, which that form cannot hold.
pub(crate) fn to_v2_date(moment: NaiveDateTime, offset_minutes: Option<i32>) -> Option<String> {
    if !moment.nanosecond().is_multiple_of(1_000_000) {
        return None;
    }
    let millis = moment.and_utc().timestamp_millis();
    Some(match offset_minutes {
        Some(offset) if offset != 0 => format!("/Date({millis}{offset:+05})/"),
        Some(_) => format!("/Date({millis}+0000)/"),
        None => format!("/Date({millis})/"),
    })
}

/// `2024-12-31T23:59:59.123`, the fraction as long as it needs to be.
pub(crate) fn written(moment: NaiveDateTime) -> String {
    format!("{}{}", moment.format("%Y-%m-%dT%H:%M:%S"), fraction(u64::from(moment.nanosecond())))
}

/// `2024-12-31T23:59:59.123+01:00`, or with `Z`.
pub(crate) fn written_moment(moment: &DateTime<FixedOffset>) -> String {
    let offset = moment.offset().local_minus_utc() / 60;
    let zone = if offset == 0 {
        "Z".to_owned()
    } else {
        format!("{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60)
    };
    format!("{}{zone}", written(moment.naive_local()))
}

/// Whether a text is a duration of V4: `-P1DT2H3M4.5S`.
pub(crate) fn is_duration(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some(rest) = rest.strip_prefix('P') else { return false };
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let number = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    let days_fit = days.is_empty() || days.strip_suffix('D').is_some_and(number);
    let Some(time) = time else { return !days.is_empty() && days_fit };
    let mut rest = time;
    for mark in ['H', 'M'] {
        if let Some((value, after)) = rest.split_once(mark) {
            if !number(value) {
                return false;
            }
            rest = after;
        }
    }
    let seconds_fit = rest.is_empty()
        || rest.strip_suffix('S').is_some_and(|seconds| {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            number(whole) && number(fraction)
        });
    days_fit && !time.is_empty() && seconds_fit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_v2_are_exact_from_the_first_year_to_the_last() {
        for (text, expected) in [
            ("/Date(0)/", "1970-01-01T00:00:00"),
            ("/Date(-1)/", "1969-12-31T23:59:59.999"),
            ("/Date(253402300799999)/", "9999-12-31T23:59:59.999"),
            ("/Date(-62135596800000)/", "0001-01-01T00:00:00"),
            ("/Date(1709164800000)/", "2024-02-29T00:00:00"),
        ] {
            let found = v2_date(text).unwrap().0.naive_utc();
            assert_eq!(written(found), expected);
            assert_eq!(to_v2_date(found, None).as_deref(), Some(text));
        }
        for text in [
            "/Date(253402300800000)/",
            "/Date(-62135596800001)/",
            "/Date(9223372036854775807)/",
            "/Date(9223372036854775808)/",
            "/Date()/",
            "/Date(-)/",
            "/Date(1.5)/",
            "/Date(0+60)/",
            "/Date(0+9999)/",
            "/Date(0)",
            "Date(0)",
            "/Date(é)/",
            "/Date(0+é0)/",
        ] {
            assert_eq!(v2_date(text), None, "{text}");
        }
        assert_eq!(written_moment(&v2_moment("/Date(0+0060)/").unwrap()), "1970-01-01T01:00:00+01:00");
        assert_eq!(written_moment(&v2_moment("/Date(0-0210)/").unwrap()), "1969-12-31T20:30:00-03:30");
        assert_eq!(v2_moment("/Date(253402300799999+0060)/"), None, "the year 10000 there");
        assert_eq!(to_v2_date(date_time("2024-01-01T00:00:00.1234567").unwrap(), None), None);
    }

    #[test]
    fn times_of_the_day_are_read_in_both_forms() {
        for (duration, plain) in [
            ("PT11H30M05S", "11:30:05"),
            ("PT00H00M00S", "00:00:00"),
            ("PT23H59M59.999S", "23:59:59.999"),
            ("PT24H00M00S", "24:00:00"),
        ] {
            let found = TimeOfDay::from_duration(duration).unwrap();
            assert_eq!(found.to_string(), plain);
            assert_eq!(found.to_duration(), duration);
            assert_eq!(TimeOfDay::parse(plain), Some(found));
        }
        assert_eq!(TimeOfDay::from_duration("PT5M"), TimeOfDay::parse("00:05"));
        for text in ["PT", "P1D", "PT25H", "PT24H00M00.1S", "11:30", "PTxS", "PT1H1H", "PT1S1", "PT99999H"] {
            assert_eq!(TimeOfDay::from_duration(text), None, "{text}");
        }
        for text in ["25:00", "12:60", "24:00:01", "12", "", "23:59:60"] {
            assert_eq!(TimeOfDay::parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_and_moments_that_are_none_are_refused() {
        for text in [
            "2023-02-29",
            "2024-13-01",
            "24-01-01",
            "2024-1-1",
            "+2024-01-01",
            "0000-01-01",
            "10000-01-01",
            "é024-01-01",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
        assert!(date("2024-02-29").is_some());
        for (text, expected) in [
            ("2024-12-31T23:59:59Z", "2024-12-31T23:59:59Z"),
            ("2024-12-31T23:59Z", "2024-12-31T23:59:00Z"),
            ("2024-12-31T23:59:59.1234567+05:30", "2024-12-31T23:59:59.1234567+05:30"),
            ("2024-12-31T23:59-08:00", "2024-12-31T23:59:00-08:00"),
        ] {
            assert_eq!(written_moment(&moment(text).unwrap()), expected);
        }
        for text in [
            "2024-12-31T23:59:59",
            "2024-12-31",
            "2024-12-31T24:00:00Z",
            "2024-12-31T23:59:60Z",
            "",
            "T",
            "ééééééééééééé",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        for text in ["P1D", "-P1DT2H3M4.5S", "PT0S", "PT5M"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["P", "PT", "1D", "P1Y", "PT1.5H", "P1DT", "PT1S' or 1 eq 1"] {
            assert!(!is_duration(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_millisecond_goes_there_and_back(millis in -62_135_596_800_000_i64..=253_402_300_799_999) {
            let text = format!("/Date({millis})/");
            let (moment, _) = v2_date(&text).unwrap();
            prop_assert_eq!(to_v2_date(moment.naive_utc(), None), Some(text));
            prop_assert_eq!(date_time(&written(moment.naive_utc())), Some(moment.naive_utc()));
        }

        #[test]
        fn nothing_that_comes_makes_them_fail(text in "\\PC{0,30}|/Date\\(\\PC{0,12}\\)/|PT\\PC{0,12}") {
            let _ = (v2_moment(&text), TimeOfDay::from_duration(&text), TimeOfDay::parse(&text));
            let _ = (date(&text), date_time(&text), moment(&text), is_duration(&text));
        }
    }
}
