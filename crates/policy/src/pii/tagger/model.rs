//! The weights, and the best row of labels under them: a linear-chain conditional random field.

use super::{
    features,
    label::{LABELS, OUTSIDE},
    lexicon::Lexicon,
    token::Token,
};

/// Weights of a row: one for each label, padded.
pub const WIDTH: usize = 16;

/// The state before the first token, as a row of the transitions.
pub const START: usize = WIDTH - 1;

/// Weights are stored in units of one over this.
pub const SCALE: f32 = 16.0;

/// A transition that never happens.
pub const FORBIDDEN: i16 = -12_000;

const MAGIC: &[u8; 4] = b"MWT1";
const HEADER: usize = 12;
const KINDS: usize = 8;

/// Scores of the labels of a token.
pub type Scores = [i16; WIDTH];

/// A view of a model's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    lexicon: Lexicon<'a>,
    rows: u32,
    weights: &'a [u8],
    transitions: [Scores; WIDTH],
    thresholds: [u8; KINDS],
}

impl<'a> Model<'a> {
    /// `None` when these are not the bytes of a model.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        if header.get(..4)? != MAGIC {
            return None;
        }
        let (rows, lexicon_bytes) = (number(4)?, number(8)? as usize);
        let (thresholds, rest) = rest.split_first_chunk::<KINDS>()?;
        let (transition_bytes, rest) = rest.split_at_checked(WIDTH * WIDTH * 2)?;
        let (lexicon, weights) = rest.split_at_checked(lexicon_bytes)?;
        let mut transitions = [[0; WIDTH]; WIDTH];
        for (cell, pair) in transitions.as_flattened_mut().iter_mut().zip(transition_bytes.as_chunks::<2>().0) {
            *cell = i16::from_le_bytes(*pair);
        }
        (rows > 0 && weights.len() == rows as usize * WIDTH).then_some(())?;
        Some(Self { lexicon: Lexicon::new(lexicon)?, rows, weights, transitions, thresholds: *thresholds })
    }

    /// The bytes that [`Self::parse`] reads. `thresholds` are 255 times the least score of each kind.
    pub fn to_bytes(thresholds: [u8; KINDS], transitions: &[Scores; WIDTH], lexicon: &[u8], weights: &[i8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(((weights.len() / WIDTH) as u32).to_le_bytes());
        bytes.extend((lexicon.len() as u32).to_le_bytes());
        bytes.extend(thresholds);
        bytes.extend(transitions.as_flattened().iter().flat_map(|cell| cell.to_le_bytes()));
        bytes.extend(lexicon);
        bytes.extend(weights.iter().map(|weight| weight.cast_unsigned()));
        bytes
    }

    /// The words it knows.
    pub fn lexicon(&self) -> &Lexicon<'a> {
        &self.lexicon
    }

    /// The least score with which a span of this kind is reported.
    pub fn threshold(&self, kind: usize) -> f32 {
        self.thresholds.get(kind).map_or(1.0, |threshold| f32::from(*threshold) / 255.0)
    }

    /// The labels' scores for one token.
    pub fn emission(&self, tokens: &[Token], at: usize) -> Scores {
        let mut sum = [0_i16; WIDTH];
        for row in features::rows_of(tokens, at, self.rows) {
            let start = row as usize * WIDTH;
            if let Some(weights) = self.weights.get(start..).and_then(|rest| rest.first_chunk::<WIDTH>()) {
                for (sum, weight) in sum.iter_mut().zip(weights) {
                    *sum += i16::from(weight.cast_signed());
                }
            }
        }
        sum
    }

    /// The most likely row of labels.
    pub fn best_labels(&self, emissions: &[Scores], labels: &mut Vec<u8>) {
        let mut back = Vec::with_capacity(emissions.len());
        let mut scores = [FORBIDDEN; WIDTH];
        scores[START] = 0;
        for emission in emissions {
            let mut best = [i16::MIN; WIDTH];
            let mut from = [0_i16; WIDTH];
            for (previous, (score, row)) in scores.iter().zip(&self.transitions).enumerate() {
                for ((best, from), step) in best.iter_mut().zip(&mut from).zip(row) {
                    let candidate = score.saturating_add(*step);
                    *from = if candidate > *best { previous as i16 } else { *from };
                    *best = candidate.max(*best);
                }
            }
            let top = best.iter().copied().max().unwrap_or(0);
            for ((score, best), emission) in scores.iter_mut().zip(best).zip(emission) {
                *score = best.saturating_sub(top).saturating_add(*emission).max(FORBIDDEN);
            }
            scores[LABELS..].fill(FORBIDDEN);
            back.push(from);
        }
        let mut label = (0..LABELS).max_by_key(|&label| (scores[label], LABELS - label)).unwrap_or(OUTSIDE);
        labels.clear();
        for from in back.iter().rev() {
            labels.push(label as u8);
            label = from.get(label).map_or(OUTSIDE, |label| *label as usize);
        }
        labels.reverse();
    }

    /// The probability of each label of each token.
    pub fn marginals(&self, emissions: &[Scores]) -> Vec<[f32; LABELS]> {
        let steps = self.transitions.map(|row| row.map(|step| (f32::from(step) / SCALE).exp()));
        marginals(
            &steps,
            emissions.iter().map(|scores| {
                let top = scores.iter().take(LABELS).copied().max().unwrap_or(0);
                let mut weights = [0.0; LABELS];
                for (weight, score) in weights.iter_mut().zip(scores) {
                    *weight = (f32::from(score - top) / SCALE).exp();
                }
                weights
            }),
        )
    }
}

/// Forward and backward over the chain; weights are exponentials of scores.
pub fn marginals(
    steps: &[[f32; WIDTH]; WIDTH],
    weights: impl ExactSizeIterator<Item = [f32; LABELS]>,
) -> Vec<[f32; LABELS]> {
    let weights: Vec<_> = weights.collect();
    let mut forward: Vec<[f32; LABELS]> = Vec::with_capacity(weights.len());
    for weight in &weights {
        let mut here = [0.0; LABELS];
        match forward.last() {
            None => here.copy_from_slice(&steps[START][..LABELS]),
            Some(last) => {
                for (mass, row) in last.iter().zip(steps) {
                    for (here, step) in here.iter_mut().zip(row) {
                        *here += mass * step;
                    }
                }
            }
        }
        for (here, weight) in here.iter_mut().zip(weight) {
            *here *= weight;
        }
        normalise(&mut here);
        forward.push(here);
    }
    let mut backward = [1.0_f32; LABELS];
    for (here, weight) in forward.iter_mut().zip(&weights).rev() {
        for (here, backward) in here.iter_mut().zip(backward) {
            *here *= backward;
        }
        normalise(here);
        let mut next = [0.0; LABELS];
        for (next, row) in next.iter_mut().zip(steps) {
            for ((step, weight), backward) in row.iter().zip(weight).zip(backward) {
                *next += step * weight * backward;
            }
        }
        normalise(&mut next);
        backward = next;
    }
    forward
}

fn normalise(values: &mut [f32; LABELS]) {
    let sum: f32 = values.iter().sum();
    if sum > 0.0 && sum.is_finite() {
        for value in values {
            *value /= sum;
        }
    } else {
        *values = [1.0 / LABELS as f32; LABELS];
    }
}
