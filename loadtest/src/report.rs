//! What was found, each figure beside its target; as a Markdown table or as JSON.

use std::{fmt::Write, time::Duration};

use serde::Serialize;

use crate::proc::Machine;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    group: &'static str,
    measure: String,
    figures: Vec<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

impl Row {
    /// A line without figures yet.
    pub(crate) fn new(group: &'static str, measure: impl Into<String>) -> Self {
        Self { group, measure: measure.into(), figures: Vec::new(), target: None, met: None }
    }

    /// Adds a figure.
    pub(crate) fn figure(mut self, name: &str, value: f64, unit: &'static str) -> Self {
        self.figures.push(Figure { name: name.to_owned(), value, unit });
        self
    }

    /// The figure of that name must be at most this. A figure that is missing is a miss.
    pub(crate) fn at_most(mut self, name: &str, limit: f64) -> Self {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        let unit = figure.map_or("", |figure| figure.unit);
        self.met = Some(figure.is_some_and(|figure| figure.value <= limit));
        self.target = Some(format!("{name} ≤ {} {unit}", number(limit)).trim().to_owned());
        self
    }

    /// The figure of that name must be at least this. A figure that is missing is a miss.
    pub(crate) fn at_least(mut self, name: &str, limit: f64) -> Self {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        let unit = figure.map_or("", |figure| figure.unit);
        self.met = Some(figure.is_some_and(|figure| figure.value >= limit));
        self.target = Some(format!("{name} ≥ {} {unit}", number(limit)).trim().to_owned());
        self
    }

    /// The figure of that name must lie between these. A figure that is missing is a miss.
    pub(crate) fn between(mut self, name: &str, least: f64, most: f64) -> Self {
        let figure = self.figures.iter().find(|figure| figure.name == name);
        self.met = Some(figure.is_some_and(|figure| (least..=most).contains(&figure.value)));
        self.target = Some(format!("{name}: {} to {}", number(least), number(most)));
        self
    }

    /// p50, p95 and p99 of some times.
    pub(crate) fn times(self, times: &[Duration]) -> Self {
        self.figure("p50", percentile(times, 0.50), "ms").figure("p95", percentile(times, 0.95), "ms").figure(
            "p99",
            percentile(times, 0.99),
            "ms",
        )
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Row>,
    /// What was left out or is to be known when reading the figures.
    notes: Vec<String>,
    /// Seconds that the whole measurement took, if it came to its end.
    seconds: Option<f64>,
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, rows: Vec::new(), notes: Vec::new(), seconds: None }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        crate::say(&note);
        self.notes.push(note);
    }

    pub(crate) fn took(&mut self, took: Duration) {
        self.seconds = Some(took.as_secs_f64());
    }

    /// The table, with the machine above and the notes below.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text =
            format!("{}\n\n| what | measure | figures | target | |\n| --- | --- | --- | --- | --- |\n", self.machine);
        for row in &self.rows {
            let figures: Vec<String> = row
                .figures
                .iter()
                .map(|figure| format!("{} {} {}", figure.name, number(figure.value), figure.unit).trim().to_owned())
                .collect();
            let verdict = match row.met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let target = row.target.as_deref().unwrap_or("–");
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "| {} | {} | {} | {target} | {verdict} |", row.group, row.measure, figures.join(" · "));
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        if let Some(seconds) = self.seconds {
            let _ = write!(text, "- The whole measurement took {} s.", number(seconds));
        }
        text
    }
}

/// Three significant digits, and whole numbers as they are.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return format!("{value:.0}");
    }
    let digits = value.abs().log10().floor() as i32;
    let decimals = usize::try_from((2 - digits).clamp(0, 6)).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// The nearest-rank percentile in milliseconds; NaN of nothing.
pub(crate) fn percentile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

/// The middle one of an odd number of times, milliseconds.
pub(crate) fn median(times: &[Duration]) -> f64 {
    percentile(times, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        let found = [0.5, 0.95, 0.99, 1.0].map(|share| number(percentile(&times, share)));
        assert_eq!(found, ["50", "95", "99", "100"]);
        assert_eq!(number(median(&times[..3])), "99");
        assert!(percentile(&[], 0.5).is_nan());
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [0.012_345, 0.5, 1.0 / 3.0, 12.345, 1234.5, 20_000.0].map(number);
        assert_eq!(shown, ["0.0123", "0.500", "0.333", "12.3", "1234", "20000"]);
    }

    #[test]
    fn a_target_judges_its_own_figure() {
        let row =
            Row::new("chat", "first byte").figure("p50", 26.0, "ms").figure("p95", 5.0, "ms").at_most("p50", 25.0);
        assert_eq!((row.met, row.target.as_deref()), (Some(false), Some("p50 ≤ 25 ms")));
        assert_eq!(Row::new("chat", "nothing").at_most("p50", 25.0).met, Some(false));
        let ratio = |ratio| Row::new("gateway", "ratio").figure("ratio", ratio, "×").at_least("ratio", 20.0).met;
        assert_eq!((ratio(19.9), ratio(20.0)), (Some(false), Some(true)));
    }
}
