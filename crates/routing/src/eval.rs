//! Scores the choice of models on prompts of which it is known how well a strong and a weak model did. Pure: the records come in, the
//! report goes out.
//!
//! At a share x of prompts sent to the strong model, those with the highest scores, PGR(x) = (quality − weak) / (strong − weak). Prompts
//! with equal scores are sent in proportion, so that their order in the file does not matter: PGR is linear across them. It is taken at
//! x = 0, 1/n, … 1; APGR is the area below the lines between these points. Random routing has 0.5.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A prompt and how well both models did.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// What both models were asked.
    pub prompt: String,
    /// The benchmark it is of.
    pub benchmark: String,
    /// Its subject within the benchmark.
    #[serde(default)]
    pub domain: Option<String>,
    /// Whether the strong model was right.
    #[serde(default)]
    pub strong_correct: Option<bool>,
    /// Whether the weak model was right.
    #[serde(default)]
    pub weak_correct: Option<bool>,
    /// A judge's score of the strong model, where no answer is simply right.
    #[serde(default)]
    pub strong_score: Option<f32>,
    /// The same of the weak model.
    #[serde(default)]
    pub weak_score: Option<f32>,
}

impl Record {
    /// How well the strong and the weak model did: 0 or 1, or a judge's scores. `None` if the record does not say.
    pub fn quality(&self) -> Option<(f32, f32)> {
        match (self.strong_correct, self.weak_correct) {
            (Some(strong), Some(weak)) => Some((f32::from(strong), f32::from(weak))),
            _ => self.strong_score.zip(self.weak_score),
        }
    }
}

/// A record's score and what the strong model's answer was worth more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The higher, the sooner the prompt goes to the strong model.
    pub score: f32,
    /// Quality of the strong model less that of the weak.
    pub benefit: f32,
}

/// The figures of all benchmarks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// By the benchmark's name.
    pub by_benchmark: BTreeMap<String, Figures>,
}

/// The figures of one benchmark. Where the strong model is no better in all, shares of its advantage mean nothing and are `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Mean PGR over the share of the strong model.
    pub apgr: Option<f64>,
    /// The least share of the strong model that reaches half of its advantage.
    pub cpt50: Option<f64>,
    /// The same for four fifths of it.
    pub cpt80: Option<f64>,
    /// Prompts.
    pub n: usize,
    /// Share of the strong model, and PGR there: at 0, 1/12, … 1.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

/// Points of a printed curve, less one.
const STEPS: usize = 12;

/// Scores each record that says how well both models did. `score` is called with each.
pub fn evaluate<'a>(records: impl Iterator<Item = &'a Record>, mut score: impl FnMut(&Record) -> f32) -> Report {
    let mut scored: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for record in records {
        if let Some((strong, weak)) = record.quality() {
            let row = Scored { score: score(record), benefit: strong - weak };
            scored.entry(record.benchmark.clone()).or_default().push(row);
        }
    }
    Report { by_benchmark: scored.into_iter().map(|(name, rows)| (name, figures(rows))).collect() }
}

/// The figures of these rows.
pub fn figures(rows: Vec<Scored>) -> Figures {
    let n = rows.len();
    let curve = Curve::new(rows);
    Figures {
        apgr: curve.area(),
        cpt50: curve.least_share(0.5),
        cpt80: curve.least_share(0.8),
        n,
        curve: (0..=STEPS)
            .map(|step| step as f64 / STEPS as f64)
            .filter_map(|share| Some((share, curve.at(share)?)))
            .collect(),
    }
}

/// PGR as lines between points: one after each group of equal scores. Empty where the strong model has no advantage.
struct Curve(Vec<(f64, f64)>);

impl Curve {
    fn new(mut rows: Vec<Scored>) -> Self {
        rows.sort_by(|one, other| other.score.total_cmp(&one.score));
        let total: f64 = rows.iter().map(|row| f64::from(row.benefit)).sum();
        if total <= 0.0 {
            return Self(Vec::new());
        }
        let (mut sent, mut gained) = (0, 0.0);
        let mut points = vec![(0.0, 0.0)];
        for equal in rows.chunk_by(|one, other| one.score.total_cmp(&other.score).is_eq()) {
            sent += equal.len();
            gained += equal.iter().map(|row| f64::from(row.benefit)).sum::<f64>();
            points.push((sent as f64 / rows.len() as f64, gained / total));
        }
        Self(points)
    }

    fn lines(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
        self.0.iter().copied().zip(self.0.iter().copied().skip(1))
    }

    fn area(&self) -> Option<f64> {
        let area = self.lines().map(|((from, low), (to, high))| (to - from) * f64::midpoint(low, high)).sum();
        (!self.0.is_empty()).then_some(area)
    }

    fn at(&self, share: f64) -> Option<f64> {
        self.lines()
            .find(|(_, (to, _))| share <= *to + 1e-12)
            .map(|((from, low), (to, high))| low + (high - low) * ((share - from) / (to - from)).clamp(0.0, 1.0))
    }

    fn least_share(&self, wanted: f64) -> Option<f64> {
        self.lines()
            .find(|(_, (_, high))| *high >= wanted)
            .map(|((from, low), (to, high))| from + (to - from) * ((wanted - low) / (high - low)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[(f32, f32)]) -> Vec<Scored> {
        rows.iter().map(|(score, benefit)| Scored { score: *score, benefit: *benefit }).collect()
    }

    fn close(found: Option<f64>, wanted: f64) {
        let found = found.unwrap();
        assert!((found - wanted).abs() < 1e-9, "{found} instead of {wanted}");
    }

    #[test]
    fn figures_agree_with_a_curve_drawn_by_hand() {
        // Half of the prompts need the strong model, and they come first: PGR rises to 1 at x = 1/2 and stays.
        let perfect = figures(rows(&[(0.9, 1.0), (0.8, 1.0), (0.2, 0.0), (0.1, 0.0)]));
        close(perfect.apgr, 0.75);
        close(perfect.cpt50, 0.25);
        close(perfect.cpt80, 0.4);
        assert_eq!(perfect.n, 4);
        let worst = figures(rows(&[(0.1, 1.0), (0.2, 1.0), (0.8, 0.0), (0.9, 0.0)]));
        close(worst.apgr, 0.25);
    }

    #[test]
    fn equal_scores_are_random_routing_whatever_their_order() {
        for benefits in [[1.0, 0.0, 0.0, -0.5], [-0.5, 0.0, 0.0, 1.0]] {
            let equal = figures(rows(&benefits.map(|benefit| (0.5, benefit))));
            close(equal.apgr, 0.5);
            close(equal.cpt80, 0.8);
        }
    }

    #[test]
    fn a_prompt_on_which_the_weak_model_is_better_can_lift_quality_above_the_strong() {
        let curve = figures(rows(&[(0.9, 1.0), (0.8, 1.0), (0.1, -1.0)])).curve;
        assert!(curve.iter().any(|(_, pgr)| *pgr > 1.9));
        assert!((curve.last().unwrap().1 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn without_an_advantage_of_the_strong_model_there_are_no_shares() {
        let none = figures(rows(&[(0.9, 0.0), (0.1, 0.0)]));
        assert_eq!((none.apgr, none.cpt50, none.cpt80), (None, None, None));
        let json = serde_json::to_value(&none).unwrap();
        assert_eq!(json, serde_json::json!({"apgr": null, "cpt50": null, "cpt80": null, "n": 2}));
    }

    #[test]
    fn records_of_judged_and_of_checked_answers_are_read() {
        let records: Vec<Record> = [
            r#"{"id": "1", "prompt": "p", "benchmark": "gsm8k", "strong_correct": true, "weak_correct": false}"#,
            r#"{"id": "2", "prompt": "p", "benchmark": "mt_bench", "strong_correct": null, "weak_correct": null, "turn": 1, "strong_score": 10, "weak_score": 8.5}"#,
            r#"{"id": "3", "prompt": "p", "benchmark": "gsm8k"}"#,
        ]
        .map(|line| serde_json::from_str(line).unwrap())
        .into();
        assert_eq!(
            records.iter().map(Record::quality).collect::<Vec<_>>(),
            [Some((1.0, 0.0)), Some((10.0, 8.5)), None]
        );
        let report = evaluate(records.iter(), |_| 0.5);
        assert_eq!(report.by_benchmark["gsm8k"].n, 1);
        assert_eq!(report.by_benchmark["mt_bench"].n, 1);
    }
}
