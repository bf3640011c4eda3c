//! `date`: a day so many days, weeks, months, years or operating days from another, what lies between two, and its weekday.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use serde::Deserialize;

use super::{
    Computed, Figure, Value, figures,
    number::Decimal,
    unit::{DAY, MONTH, OPERATING_DAY, Unit, WEEK, YEAR},
};

/// Longer intervals are not added.
const MAX_INTERVAL: u32 = 100_000;
/// Years that plants have to do with.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;
const HOLIDAYS: &str = "Saturdays and Sundays are left out, holidays are not known";

/// What an interval is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Interval {
    Days,
    Weeks,
    Months,
    Years,
    OperatingDays,
}

impl Interval {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Months => "months",
            Self::Years => "years",
            Self::OperatingDays => "operating_days",
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Days => DAY,
            Self::Weeks => WEEK,
            Self::Months => MONTH,
            Self::Years => YEAR,
            Self::OperatingDays => OPERATING_DAY,
        }
    }
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DateCall {
    pub(crate) date: String,
    pub(crate) add: Option<i32>,
    pub(crate) unit: Option<Interval>,
    pub(crate) until: Option<String>,
}

/// Why a date is not computed, said to the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateError {
    #[error("a date is written 2026-03-31 or 31.03.2026, or is `today`, and lies between 1900 and 2199")]
    NoDate,
    #[error(
        "give `add` with `unit` (days, weeks, months, years, operating_days), or `until`, not both; for the weekday, neither"
    )]
    Fields,
    #[error("`until` counts days or operating_days")]
    CountsDays,
    #[error("`until` lies before `date`: exchange them")]
    Backwards,
    #[error(
        "`add` is a whole number from -{MAX_INTERVAL} to {MAX_INTERVAL}, and the result lies between 1900 and 2199"
    )]
    TooFar,
}

impl DateCall {
    /// Computes it. `today` is the day on which the run was made, whenever this is called.
    ///
    /// # Errors
    /// What is wrong with it, and what would be accepted.
    pub(crate) fn compute(&self, today: NaiveDate) -> Result<Computed, DateError> {
        let mut inputs = Vec::new();
        let start = day(&self.date, today, &mut inputs)?;
        match (self.add, self.unit, &self.until) {
            (None, None, None) => Ok(Computed::dated(start.to_string(), inputs, start, None)),
            (Some(add), Some(unit), None) => {
                let (day, note) = moved(start, add, unit).ok_or(DateError::TooFar)?;
                let count = Decimal::from(add.unsigned_abs());
                inputs.push(Figure::Quantity(Value { number: count, unit: Some(unit.unit()) }));
                let sign = if add < 0 { '-' } else { '+' };
                let plural = unit.as_str().replace('_', " ");
                Ok(Computed::dated(format!("{start} {sign} {count} {plural}"), inputs, day, note))
            }
            (None, unit, Some(until)) => {
                let end = day(until, today, &mut inputs)?;
                if end < start {
                    return Err(DateError::Backwards);
                }
                let (count, note) = match unit.unwrap_or(Interval::Days) {
                    Interval::Days => ((end - start).num_days(), None),
                    Interval::OperatingDays => (operating_days(start, end), Some(HOLIDAYS)),
                    Interval::Weeks | Interval::Months | Interval::Years => return Err(DateError::CountsDays),
                };
                let count = u32::try_from(count).map_err(|_| DateError::TooFar)?;
                let unit = unit.unwrap_or(Interval::Days).unit();
                Ok(Computed::counted(format!("{start} → {end}"), inputs, count, unit, note))
            }
            _ => Err(DateError::Fields),
        }
    }
}

/// A day as it was written. Today is the run's own and needs no source.
fn day(text: &str, today: NaiveDate, inputs: &mut Vec<Figure>) -> Result<NaiveDate, DateError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("today") {
        return Ok(today);
    }
    match figures::date(text) {
        Some((day, length)) if length == text.len() && YEARS.contains(&day.year()) => {
            inputs.push(Figure::Date(day));
            Ok(day)
        }
        _ => Err(DateError::NoDate),
    }
}

fn moved(start: NaiveDate, add: i32, unit: Interval) -> Option<(NaiveDate, Option<&'static str>)> {
    let count = add.unsigned_abs();
    if count > MAX_INTERVAL {
        return None;
    }
    let by_days = |days: u32| {
        let days = Days::new(days.into());
        if add < 0 { start.checked_sub_days(days) } else { start.checked_add_days(days) }
    };
    let by_months = |months: u32| {
        let months = Months::new(months);
        if add < 0 { start.checked_sub_months(months) } else { start.checked_add_months(months) }
    };
    let day = match unit {
        Interval::Days => by_days(count)?,
        Interval::Weeks => by_days(count.checked_mul(7)?)?,
        Interval::Months => by_months(count)?,
        Interval::Years => by_months(count.checked_mul(12)?)?,
        Interval::OperatingDays => {
            let (mut day, mut left) = (start, count);
            while left > 0 {
                day = if add < 0 { day.pred_opt()? } else { day.succ_opt()? };
                left -= u32::from(is_operating(day));
            }
            day
        }
    };
    let note = match unit {
        Interval::OperatingDays => Some(HOLIDAYS),
        Interval::Months | Interval::Years if day.day() != start.day() => {
            Some("the month has no such day, so its last day is taken")
        }
        _ => None,
    };
    YEARS.contains(&day.year()).then_some((day, note))
}

fn is_operating(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Those after `start`, up to `end`.
fn operating_days(start: NaiveDate, end: NaiveDate) -> i64 {
    start.iter_days().skip(1).take_while(|day| *day <= end).filter(|day| is_operating(*day)).count() as i64
}
