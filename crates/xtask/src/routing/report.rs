//! Figures on rows that the model has not seen.

use std::{collections::BTreeMap, fmt::Write, time::Instant};

use millwright_routing::{
    Request, assess_with,
    eval::{self, Figures, Scored},
    model::Model,
};

use super::{
    Options, learn,
    rows::{self, Row},
};
use crate::pii::random::Random;

const FOLDS: usize = 5;
/// Folds of whole subjects.
const SUBJECT_FOLDS: usize = 10;
/// Samples behind an interval.
const SAMPLES: usize = 1_000;

/// Raw scores of all rows, each by a model that was trained without its fold.
pub(super) fn held_out(rows: &[Row], names: &[&'static str], folds: &[usize], seed: u64) -> Vec<f32> {
    let count = folds.iter().max().map_or(0, |last| last + 1);
    let mut scores = vec![0.0; rows.len()];
    for fold in 0..count {
        let train: Vec<&Row> = rows.iter().zip(folds).filter(|(_, own)| **own != fold).map(|(row, _)| row).collect();
        let model = learn::learn(&train, names, seed);
        for (at, row) in rows.iter().enumerate().filter(|(at, _)| folds[*at] == fold) {
            scores[at] = raw(&model, row);
        }
    }
    scores
}

/// The raw score of a row.
pub(super) fn raw(model: &Model, row: &Row) -> f32 {
    let head = if row.is_choice { &model.choice } else { &model.open };
    let words = head.words.as_ref().map_or(0.0, |words| words.sum_of(&row.places));
    head.linear.sum(&row.dense, |_, _| ()) + head.trees.sum(&row.dense, |_, _| ()) + words
}

/// Rows of each benchmark with these scores.
fn by_benchmark(rows: &[Row], scores: &[f32]) -> BTreeMap<String, Vec<Scored>> {
    let mut scored: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for (row, score) in rows.iter().zip(scores) {
        let row_scored = Scored { score: *score, benefit: row.benefit() };
        scored.entry(row.record.benchmark.clone()).or_default().push(row_scored);
    }
    scored
}

/// Trains for each fold of each division, and once more with whole subjects held out. The report, and the held-out scores of the
/// first division.
pub(super) fn cross_validated(
    rows: &[Row],
    names: &[&'static str],
    options: &Options,
) -> anyhow::Result<(String, Vec<f32>)> {
    let divisions: Vec<Vec<f32>> = (0..options.seeds.max(1))
        .map(|number| held_out(rows, names, &rows::folds(rows, FOLDS, options.seed + number), options.seed))
        .collect();
    let apart = held_out(rows, names, &rows::folds_by_subject(rows, SUBJECT_FOLDS, options.seed), options.seed);
    let lengths: Vec<f32> = rows.iter().map(|row| row.record.prompt.len() as f32).collect();
    let mut text = String::new();
    writeln!(
        text,
        "Held out: each row scored by models trained without it, in {} divisions into {FOLDS} folds; prompts that share a passage are in \
         one fold.\nAPGR is the mean over divisions, +/- their standard deviation; the interval (95 %) is of the first division, rows \
         drawn anew 1,000 times.\nThe weights set by hand for open prompts were chosen after a look at single features of these gsm8k rows: its \
         figure flatters.",
        divisions.len()
    )?;
    writeln!(
        text,
        "{:<26} {:>5} {:>15} {:>16} {:>9} {:>9} {:>14}",
        "benchmark", "n", "APGR", "interval", "CPT(50%)", "CPT(80%)", "APGR by length"
    )?;
    let divided: Vec<_> = divisions.iter().map(|scores| by_benchmark(rows, scores)).collect();
    let by_length = by_benchmark(rows, &lengths);
    for name in by_length.keys() {
        let found: Vec<Vec<Scored>> = divided.iter().filter_map(|scored| scored.get(name).cloned()).collect();
        line(&mut text, name, &found, by_length.get(name))?;
    }
    let apart = by_benchmark(rows, &apart);
    line(&mut text, "mmlu, subjects not seen", &apart.get("mmlu").cloned().into_iter().collect::<Vec<_>>(), None)?;
    Ok((text, divisions.into_iter().next().unwrap_or_default()))
}

fn line(text: &mut String, name: &str, divisions: &[Vec<Scored>], by_length: Option<&Vec<Scored>>) -> std::fmt::Result {
    let figures: Vec<Figures> = divisions.iter().map(|rows| eval::figures(rows.clone())).collect();
    let (area, spread) = mean(figures.iter().filter_map(|figures| figures.apgr));
    let (half, _) = mean(figures.iter().filter_map(|figures| figures.cpt50));
    let (most, _) = mean(figures.iter().filter_map(|figures| figures.cpt80));
    let (low, high) = divisions.first().map_or((0.0, 0.0), |rows| interval(rows));
    let by_length = by_length.and_then(|rows| eval::figures(rows.clone()).apgr);
    writeln!(
        text,
        "{name:<26} {:>5} {:>15} {:>16} {half:>9.3} {most:>9.3} {:>14}",
        figures.first().map_or(0, |figures| figures.n),
        format!("{area:.3} +/- {spread:.3}"),
        format!("[{low:.3}, {high:.3}]"),
        by_length.map_or_else(String::new, |area| format!("{area:.3}")),
    )
}

/// Mean and standard deviation.
fn mean(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// Where APGR lies in 95 of 100 samples of as many rows, drawn with replacement.
fn interval(rows: &[Scored]) -> (f64, f64) {
    let mut random = Random::new(1);
    let mut areas: Vec<f64> = (0..SAMPLES)
        .filter_map(|_| eval::figures((0..rows.len()).map(|_| rows[random.below(rows.len())]).collect()).apgr)
        .collect();
    areas.sort_by(f64::total_cmp);
    let at = |share: usize| areas.get(areas.len() * share / 1000).copied().unwrap_or(0.0);
    (at(25), at(975))
}

/// How long a decision takes: all prompts of the data one after the other, and long texts made of them.
#[expect(clippy::print_stdout, reason = "the report is what this command is for")]
pub(super) fn times(rows: &[Row], model: &Model) {
    let prompts: Vec<&str> = rows.iter().map(|row| row.record.prompt.as_str()).collect();
    let long: Vec<String> = prompts.chunks(100).map(<[&str]>::concat).collect();
    for (name, texts) in [("prompts", prompts), ("texts of 20 kB and more", long.iter().map(String::as_str).collect())]
    {
        let mut micros: Vec<u128> = texts
            .iter()
            .map(|text| {
                // Others share the machine: of five decisions on one text the fastest was disturbed least.
                let decide = |_| {
                    let start = Instant::now();
                    std::hint::black_box(assess_with(model, &Request::prompt(text), None));
                    start.elapsed().as_micros()
                };
                (0..5).map(decide).min().unwrap_or(0)
            })
            .collect();
        micros.sort_unstable();
        let at = |share: usize| micros.get(micros.len() * share / 100).copied().unwrap_or(0);
        println!("a decision, {name}: p50 {} µs, p99 {} µs of {}", at(50), at(99), micros.len());
    }
}
