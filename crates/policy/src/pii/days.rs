//! Days of the week, as dates.

use std::sync::LazyLock;

use super::{Finding, PiiType, words::Words};

static DAYS: LazyLock<Option<Words>> =
    LazyLock::new(|| Words::exact(&["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]));

/// Appends the days that are named. They are written large: "sun" and "friday" may be anything.
pub(super) fn find(text: &str, findings: &mut Vec<Finding>) {
    if let Some(days) = &*DAYS {
        days.find(text, |start, end, _| findings.push(Finding::new(start, end, PiiType::DateTime, 0.6)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_only() {
        let mut findings = Vec::new();
        find("We'll meet Monday, not on Sundays or on friday.", &mut findings);
        assert_eq!(findings, [Finding::new(11, 17, PiiType::DateTime, 0.6)]);
    }
}
