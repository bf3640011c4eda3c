//! Fits the weights: stochastic gradient descent with AdaGrad on the likelihood of a linear-chain conditional random field.

use millwright_policy::pii::tagger::{
    features::{self, COUNT},
    label::{LABELS, OUTSIDE, label_of, may_follow},
    lexicon::Lexicon,
    model::{FORBIDDEN, Model, SCALE, START, Scores, WIDTH},
    token::{self, Token, shape},
};

use super::{example::Example, random::Random};

/// Rows of the table of weights.
pub(crate) const ROWS: usize = 3 << 16;

const RATE: f32 = 0.12;
const DECAY: f32 = 3e-5;
/// A gradient this small teaches nothing.
const SMALL: f32 = 2e-3;
/// The word of a token whose word is hidden from the training.
const UNKNOWN: u32 = 0x5eed_0000;

/// Weights under training.
pub(crate) struct Trainer {
    weights: Vec<[f32; WIDTH]>,
    squares: Vec<[f32; WIDTH]>,
    steps: [[f32; WIDTH]; WIDTH],
    step_squares: [[f32; WIDTH]; WIDTH],
    tokens: Vec<Token>,
}

impl Trainer {
    pub(crate) fn new() -> Self {
        Self {
            weights: vec![[0.0; WIDTH]; ROWS],
            squares: vec![[1e-2; WIDTH]; ROWS],
            steps: [[0.0; WIDTH]; WIDTH],
            step_squares: [[1.0; WIDTH]; WIDTH],
            tokens: Vec::new(),
        }
    }

    /// One step on one example. Hides words and classes of some tokens, so that context is learned too.
    pub(crate) fn learn(&mut self, example: &Example, lexicon: &Lexicon<'_>, random: &mut Random) {
        let mut tokens = std::mem::take(&mut self.tokens);
        token::tokenise(&example.text, lexicon, &mut tokens);
        let labels = labels_of(example, &tokens);
        for (token, label) in tokens.iter_mut().zip(&labels) {
            hide(token, *label != OUTSIDE, random);
        }
        let rows: Vec<[u32; COUNT]> = (0..tokens.len()).map(|at| features::rows_of(&tokens, at, ROWS as u32)).collect();
        self.step(&rows, &labels);
        self.tokens = tokens;
    }

    fn step(&mut self, rows: &[[u32; COUNT]], labels: &[usize]) {
        if rows.is_empty() {
            return;
        }
        let exponentials = self.exponentials();
        let weights: Vec<[f32; LABELS]> = rows.iter().map(|rows| self.emission(rows)).collect();
        let (nodes, mut edges) = expectations(&exponentials, &weights);
        for (at, label) in labels.iter().enumerate() {
            let previous = if at == 0 { START } else { labels[at - 1] };
            edges[previous][*label] -= 1.0;
        }
        for ((rows, mut gradient), label) in rows.iter().zip(nodes).zip(labels) {
            gradient[*label] -= 1.0;
            if gradient.iter().all(|value| value.abs() < SMALL) {
                continue;
            }
            for row in rows {
                let (weights, squares) = (&mut self.weights[*row as usize], &mut self.squares[*row as usize]);
                for ((weight, square), gradient) in weights.iter_mut().zip(squares).zip(gradient) {
                    let gradient = gradient + DECAY * *weight;
                    *square += gradient * gradient;
                    *weight -= RATE * gradient / square.sqrt();
                }
            }
        }
        self.learn_steps(&edges);
    }

    fn learn_steps(&mut self, edges: &Edges) {
        for ((steps, squares), edges) in self.steps.iter_mut().zip(&mut self.step_squares).zip(edges) {
            for ((step, square), edge) in steps.iter_mut().zip(squares).zip(edges) {
                let gradient = edge + DECAY * *step;
                *square += gradient * gradient;
                *step -= RATE * gradient / square.sqrt();
            }
        }
    }

    fn emission(&self, rows: &[u32; COUNT]) -> [f32; LABELS] {
        let mut sum = [0.0_f32; LABELS];
        for row in rows {
            for (sum, weight) in sum.iter_mut().zip(&self.weights[*row as usize]) {
                *sum += weight;
            }
        }
        let top = sum.iter().copied().fold(f32::MIN, f32::max);
        sum.map(|value| (value - top).exp())
    }

    fn exponentials(&self) -> [[f32; WIDTH]; WIDTH] {
        self.allowed_steps(0.0, f32::exp)
    }

    /// The transitions that may happen, changed by `change`; `never` for the others.
    fn allowed_steps<T: Copy>(&self, never: T, change: impl Fn(f32) -> T) -> [[T; WIDTH]; WIDTH] {
        let mut result = [[never; WIDTH]; WIDTH];
        for previous in (0..LABELS).chain([START]) {
            for (label, (cell, step)) in result[previous].iter_mut().zip(self.steps[previous]).enumerate() {
                if label < LABELS && may_follow((previous != START).then_some(previous), label) {
                    *cell = change(step);
                }
            }
        }
        result
    }

    /// The model's bytes, with weights as small integers.
    pub(crate) fn finish(&self, thresholds: [f32; 8], lexicon: &[u8]) -> Vec<u8> {
        let small = |weight: &f32| (weight * SCALE).round().clamp(-127.0, 127.0) as i8;
        let weights: Vec<i8> = self.weights.as_flattened().iter().map(small).collect();
        let steps: [Scores; WIDTH] = self.allowed_steps(FORBIDDEN, |step| (step * SCALE).round() as i16);
        Model::to_bytes(thresholds.map(|value| (value * 255.0).round() as u8), &steps, lexicon, &weights)
    }
}

/// The labels of the tokens of an example.
pub(crate) fn labels_of(example: &Example, tokens: &[Token]) -> Vec<usize> {
    let mut labels = vec![OUTSIDE; tokens.len()];
    for span in &example.spans {
        let mut first = true;
        for (token, label) in tokens.iter().zip(&mut labels) {
            if (token.start as usize) < span.end && (token.end as usize) > span.start {
                *label = label_of(span.kind, first);
                first = false;
            }
        }
    }
    labels
}

fn hide(token: &mut Token, inside: bool, random: &mut Random) {
    if token.shape > shape::MIXED {
        return;
    }
    let (words, classes) = if inside { (25, 25) } else { (6, 6) };
    if random.percent(words) {
        token.word = UNKNOWN;
    }
    if random.percent(classes) {
        token.lexicon = 0;
    }
}

type Edges = [[f32; WIDTH]; WIDTH];

/// Expected labels of each token and expected transitions of the whole.
fn expectations(steps: &Edges, weights: &[[f32; LABELS]]) -> (Vec<[f32; LABELS]>, Edges) {
    let mut forward: Vec<[f32; LABELS]> = Vec::with_capacity(weights.len());
    for weight in weights {
        let mut here = [0.0_f32; LABELS];
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
        let mut sum = 0.0;
        for (here, weight) in here.iter_mut().zip(weight) {
            *here *= weight;
            sum += *here;
        }
        forward.push(here.map(|value| value / sum.max(f32::MIN_POSITIVE)));
    }
    let mut edges = [[0.0; WIDTH]; WIDTH];
    let mut nodes = forward.clone();
    let mut backward = [1.0_f32; LABELS];
    for at in (0..weights.len()).rev() {
        let mut ahead = [0.0; LABELS];
        for ((ahead, weight), backward) in ahead.iter_mut().zip(&weights[at]).zip(backward) {
            *ahead = weight * backward;
        }
        let total: f32 = forward[at].iter().zip(backward).map(|(forward, backward)| forward * backward).sum();
        for ((node, forward), backward) in nodes[at].iter_mut().zip(forward[at]).zip(backward) {
            *node = forward * backward / total.max(f32::MIN_POSITIVE);
        }
        if at == 0 {
            for (edge, node) in edges[START].iter_mut().zip(nodes[0]) {
                *edge += node;
            }
            break;
        }
        let mut sum = 0.0;
        let mut next = [0.0_f32; LABELS];
        for ((next, row), mass) in next.iter_mut().zip(steps).zip(forward[at - 1]) {
            *next = row.iter().zip(ahead).map(|(step, ahead)| step * ahead).sum();
            sum += *next * mass;
        }
        for ((edges, row), mass) in edges.iter_mut().zip(steps).zip(forward[at - 1]) {
            for ((edge, step), ahead) in edges.iter_mut().zip(row).zip(ahead) {
                *edge += mass * step * ahead / sum.max(f32::MIN_POSITIVE);
            }
        }
        backward = next.map(|value| value / sum.max(f32::MIN_POSITIVE));
    }
    (nodes, edges)
}
