//! Both heads, learned from rows.

use std::collections::BTreeMap;

use millwright_routing::model::{Head, Linear, Model, WORD_BITS, Words};

use super::{
    forest::{self, Growth, Table},
    prior, ridge,
    rows::Row,
};

/// Trees of the head for questions with options.
const GROWTH: Growth =
    Growth { trees: 150, leaves: 12, least_rows: 40, rate: 0.03, pull: 10.0, rows: 70, features: 40 };
/// Forests with other random choices, of which the mean is taken.
const FORESTS: u64 = 4;
/// Strength of the penalty on the weights of words.
const WORD_PULL: f32 = 10.0;
/// How much the words count beside the trees.
const WORD_SHARE: f32 = 2.0;
/// Strength with which the weights of the open head are held to those that were set by hand.
const PRIOR_PULL: f32 = 1_000.0;

/// Learns both heads. Quantiles are left out: they come from scores of rows that the model has not seen.
pub(super) fn learn(rows: &[&Row], names: &[&'static str], seed: u64) -> Model {
    let (choice, open): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_choice);
    Model { choice: learn_choice(&choice, seed), open: learn_open(&open, names) }
}

fn learn_choice(rows: &[&Row], seed: u64) -> Head {
    let values: Vec<&[f32]> = rows.iter().map(|row| row.dense.as_slice()).collect();
    let table = Table::new(&values);
    let strong: Vec<f32> = rows.iter().map(|row| row.strong).collect();
    let weak: Vec<f32> = rows.iter().map(|row| row.weak).collect();
    // How often each model is right is learned apart: their difference alone has more noise. Joined, the strong model's trees count
    // for half and so do the weak model's, so answers are doubled.
    let mut forests = Vec::new();
    for number in 0..FORESTS {
        forests.push(forest::grow(&table, &strong, GROWTH, 2.0, seed ^ (number << 8)));
        forests.push(forest::grow(&table, &weak, GROWTH, -2.0, seed ^ (number << 8) ^ 1));
    }
    Head { trees: forest::join(&forests), words: Some(learn_words(rows)), ..Head::default() }
}

fn learn_words(rows: &[&Row]) -> Words {
    let width = 1 << WORD_BITS;
    let mut counts = vec![0_u32; width];
    for row in rows {
        for same in row.places.chunk_by(|one, other| one == other) {
            counts[same[0] as usize] += 1;
        }
    }
    let mut words = Words::new(&counts, rows.len());
    let features: Vec<ridge::Row> = rows.iter().map(|row| words.features_of(&row.places)).collect();
    let targets: Vec<f32> = rows.iter().map(|row| row.strong - row.weak).collect();
    let mut weights = ridge::fit(&features.iter().collect::<Vec<_>>(), &targets, width, WORD_PULL);
    for weight in &mut weights {
        *weight *= WORD_SHARE;
    }
    words.quantise(&weights);
    words
}

fn learn_open(rows: &[&Row], names: &[&'static str]) -> Head {
    let prior: BTreeMap<&str, prior::Prior> = prior::PRIORS.iter().map(|prior| (prior.name, *prior)).collect();
    let of = |name: &str| prior.get(name);
    let linear = Linear {
        centres: names.iter().map(|name| of(name).map_or(0.0, |prior| prior.centre)).collect(),
        scales: names.iter().map(|name| of(name).map_or(0.0, |prior| prior.scale)).collect(),
        weights: names.iter().map(|name| of(name).map_or(0.0, |prior| prior.weight)).collect(),
    };
    // What the prior leaves of the benefit is learned with a strong pull towards nothing, so that features of which the rows say
    // little keep the weight that they were given.
    let features: Vec<ridge::Row> = rows
        .iter()
        .map(|row| row.dense.iter().enumerate().map(|(at, value)| (at as u32, linear.standard(at, *value))).collect())
        .collect();
    let rest: Vec<f32> = rows
        .iter()
        .zip(&features)
        .map(|(row, features)| row.strong - row.weak - ridge::times(features, &linear.weights))
        .collect();
    let learned = ridge::fit(&features.iter().collect::<Vec<_>>(), &rest, names.len(), PRIOR_PULL);
    let weights = linear.weights.iter().zip(&learned).map(|(prior, learned)| prior + learned).collect();
    Head { linear: Linear { weights, ..linear }, ..Head::default() }
}
