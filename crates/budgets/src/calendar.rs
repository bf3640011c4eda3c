use chrono::{DateTime, Datelike, Duration, DurationRound, Months, NaiveDate, Utc};
use millwright_store::tenant::{BudgetPeriod, PeriodStarts};

/// When the hour, day and month that run began, in UTC.
pub fn period_starts(now: DateTime<Utc>) -> PeriodStarts {
    // Truncation fails only outside of the years that nanoseconds can count.
    let truncated = |by: Duration| now.duration_trunc(by).unwrap_or(now);
    let first = NaiveDate::from_ymd_opt(now.year(), now.month(), 1);
    let month = first.map_or(now, |day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    PeriodStarts { hour: truncated(Duration::hours(1)), day: truncated(Duration::days(1)), month }
}

/// When the period that runs began.
pub(crate) fn start_of(period: BudgetPeriod, now: DateTime<Utc>) -> DateTime<Utc> {
    let starts = period_starts(now);
    match period {
        BudgetPeriod::Hour => starts.hour,
        BudgetPeriod::Day => starts.day,
        BudgetPeriod::Month => starts.month,
    }
}

/// When a period that began at `start` ends and the budget begins anew.
pub fn period_end(period: BudgetPeriod, start: DateTime<Utc>) -> DateTime<Utc> {
    match period {
        BudgetPeriod::Hour => start + Duration::hours(1),
        BudgetPeriod::Day => start + Duration::days(1),
        BudgetPeriod::Month => start + Months::new(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar_in_utc() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (now, hour, day, month, next_month) in [
            (
                "2026-02-28T23:59:59.999999Z",
                "2026-02-28T23:00:00Z",
                "2026-02-28T00:00:00Z",
                "2026-02-01T00:00:00Z",
                "2026-03-01T00:00:00Z",
            ),
            (
                "2026-12-31T00:00:00Z",
                "2026-12-31T00:00:00Z",
                "2026-12-31T00:00:00Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
        ] {
            let starts = period_starts(at(now));
            assert_eq!((starts.hour, starts.day, starts.month), (at(hour), at(day), at(month)));
            assert_eq!(period_end(BudgetPeriod::Hour, starts.hour), starts.hour + Duration::hours(1));
            assert_eq!(period_end(BudgetPeriod::Day, starts.day), starts.day + Duration::days(1));
            assert_eq!(period_end(BudgetPeriod::Month, starts.month), at(next_month));
        }
    }
}
