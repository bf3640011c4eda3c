//! The labelled prompts, with what the model sees of each, and their division into folds.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use anyhow::Context;
use millwright_routing::{
    eval::Record,
    features::{Prompt, bounded},
    model::places,
};

use crate::pii::random::Random;

/// A prompt and what is known of it.
pub(super) struct Row {
    pub(super) record: Record,
    /// How well the strong and the weak model did, from 0 to 1.
    pub(super) strong: f32,
    pub(super) weak: f32,
    pub(super) is_choice: bool,
    pub(super) dense: Vec<f32>,
    /// Sorted places of its words and pairs.
    pub(super) places: Vec<u32>,
    /// Prompts that share a passage have the same number.
    group: usize,
}

impl Row {
    /// What the strong model's answer is worth more, as the report counts it.
    pub(super) fn benefit(&self) -> f32 {
        self.record.quality().map_or(0.0, |(strong, weak)| strong - weak)
    }
}

/// Reads the file. Judges' scores from 1 to 10 become 0 to 1.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut rows = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let record: Record = serde_json::from_str(line).context("a record")?;
        let Some((strong, weak)) = record.quality() else { continue };
        let judged = record.strong_correct.is_none();
        let scale = |quality: f32| if judged { (quality - 1.0) / 9.0 } else { quality };
        let text = bounded(&record.prompt);
        let prompt = Prompt::new(&text);
        rows.push(Row {
            strong: scale(strong),
            weak: scale(weak),
            is_choice: prompt.is_choice(),
            dense: prompt.dense().into_iter().map(|(_, value)| value).collect(),
            places: places(&prompt),
            group: 0,
            record,
        });
    }
    let groups = groups(&rows);
    rows.iter_mut().zip(groups).for_each(|(row, group)| row.group = group);
    Ok(rows)
}

/// Letters of a piece of text that, where two prompts share it, makes them near duplicates.
const PIECE: usize = 80;
/// A piece that more prompts have than this is a form that is filled in, such as the introduction of a subject's questions.
const MOST_ALIKE: usize = 20;

/// A number for each row: the same where rows share a piece of text, directly or through others.
fn groups(rows: &[Row]) -> Vec<usize> {
    let mut having: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let letters: Vec<char> =
            row.record.prompt.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        for piece in letters.chunks(PIECE).filter(|piece| piece.len() == PIECE).take(6) {
            having.entry(piece.iter().collect()).or_default().push(at);
        }
        // Short prompts have no whole piece: they are alike where all their letters are.
        having.entry(letters.iter().collect()).or_default().push(at);
    }
    let mut leader: Vec<usize> = (0..rows.len()).collect();
    for alike in having.values().filter(|alike| alike.len() <= MOST_ALIKE) {
        for pair in alike.windows(2) {
            let (one, other) = (root(&mut leader, pair[0]), root(&mut leader, pair[1]));
            leader[one.max(other)] = one.min(other);
        }
    }
    (0..rows.len()).map(|at| root(&mut leader, at)).collect()
}

fn root(leader: &mut [usize], mut at: usize) -> usize {
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}

/// A fold for each row. Near duplicates stay together; each benchmark and subject is spread over all folds, without a look at the labels.
pub(super) fn folds(rows: &[Row], count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut subjects: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for row in rows.iter().enumerate().filter(|(at, row)| *at == row.group) {
        subjects.entry(subject(&row.1.record)).or_default().push(row.0);
    }
    let mut fold = vec![0; rows.len()];
    for groups in subjects.values_mut() {
        for at in (1..groups.len()).rev() {
            groups.swap(at, random.below(at + 1));
        }
        let first = random.below(count);
        for (at, group) in groups.iter().enumerate() {
            fold[*group] = (first + at) % count;
        }
    }
    rows.iter().map(|row| fold[row.group]).collect()
}

/// A fold for each row, such that each subject is in one fold only.
pub(super) fn folds_by_subject(rows: &[Row], count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut subjects: Vec<String> = rows.iter().map(|row| subject(&row.record)).collect();
    subjects.sort();
    subjects.dedup();
    for at in (1..subjects.len()).rev() {
        subjects.swap(at, random.below(at + 1));
    }
    let fold = |row: &Row| subjects.iter().position(|known| *known == subject(&row.record)).unwrap_or(0) % count;
    rows.iter().map(fold).collect()
}

fn subject(record: &Record) -> String {
    format!("{} {}", record.benchmark, record.domain.as_deref().unwrap_or_default())
}
