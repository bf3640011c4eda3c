//! Logistic regression over hashed features, by AdaGrad.

use millwright_policy::injection::{
    Channel, Head,
    features::{self, BITS, Features},
    normalise, sentences, windows,
};

use super::{
    generate::{Document, UserText},
    random::Random,
};

const RATE: f32 = 0.1;
/// Pulls each weight towards nothing, by this much a step.
const DECAY: f32 = 3e-4;
const EPOCHS: usize = 5;
/// Pieces of one document that are trained on, at most.
const PIECES: usize = 24;

/// One example: features that vouch for the label together. The strongest of them is trained.
pub(super) struct Example {
    bags: Vec<Features>,
    is_attack: bool,
    weight: f32,
    pub(super) source: String,
}

/// Examples of what users type.
pub(super) fn user_examples(texts: &[UserText], weight: impl Fn(&UserText) -> f32) -> Vec<Example> {
    texts
        .iter()
        .map(|text| {
            let mut bags = Vec::new();
            for window in windows(&text.text).into_iter().take(4) {
                let plain = normalise(window);
                bags.push(features::user(&plain));
                bags.extend(plain.views.iter().map(|view| features::user(&normalise(view))));
            }
            Example { bags, is_attack: text.is_attack, weight: weight(text), source: text.source.clone() }
        })
        .collect()
}

/// Examples of what stands in documents: the attack's pieces, and the harmless pieces around them.
pub(super) fn content_examples(documents: &[Document], seed: u64, weight: impl Fn(&Document) -> f32) -> Vec<Example> {
    let mut random = Random::new(seed);
    let mut examples = Vec::new();
    for document in documents {
        let mut attack = Vec::new();
        let mut harmless = Vec::new();
        for sentence in sentences(&document.text) {
            let range = &sentence.segment.range;
            let inside =
                document.attack.as_ref().is_some_and(|attack| range.start < attack.end && range.end > attack.start);
            if inside { attack.push(sentence.features) } else { harmless.push(sentence.features) }
        }
        random.shuffle(&mut harmless);
        harmless.truncate(PIECES);
        let weight = weight(document);
        let source = &document.source;
        if !attack.is_empty() {
            examples.push(Example { bags: attack, is_attack: true, weight, source: source.clone() });
        }
        if !harmless.is_empty() {
            examples.push(Example { bags: harmless, is_attack: false, weight, source: source.clone() });
        }
    }
    examples
}

/// Weights before they are stored.
pub(super) struct Weights {
    values: Vec<f32>,
    squares: Vec<f32>,
    bias: f32,
}

impl Weights {
    fn new() -> Self {
        Self { values: vec![0.0; 1 << BITS], squares: vec![1e-3; 1 << BITS], bias: 0.0 }
    }

    fn sum(&self, features: &Features) -> f32 {
        self.bias
            + features
                .iter()
                .map(|(place, value)| self.values.get(*place as usize).copied().unwrap_or(0.0) * value)
                .sum::<f32>()
    }

    fn step(&mut self, features: &Features, is_attack: bool, weight: f32) {
        let wanted = if is_attack { 1.0 } else { 0.0 };
        let error = (1.0 / (1.0 + (-self.sum(features)).exp()) - wanted) * weight;
        for (place, value) in features {
            let at = *place as usize;
            if let (Some(own), Some(square)) = (self.values.get_mut(at), self.squares.get_mut(at)) {
                let gradient = error * value + DECAY * *own;
                *square += gradient * gradient;
                *own -= RATE * gradient / square.sqrt();
            }
        }
        self.bias -= 0.01 * error;
    }

    /// As they ship.
    pub(super) fn head(&self, threshold: f32) -> Head {
        Head::quantise(&self.values, self.bias, threshold)
    }
}

/// Trains on these examples. Of a harmless document the strongest piece counts, and two others; of an attack the strongest.
pub(super) fn train(examples: &[&Example], channel: Channel, seed: u64) -> Weights {
    let mut weights = Weights::new();
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for _ in 0..EPOCHS {
        random.shuffle(&mut order);
        for example in order.iter().filter_map(|at| examples.get(*at)) {
            let strongest = example.bags.iter().max_by(|one, other| weights.sum(one).total_cmp(&weights.sum(other)));
            if let Some(strongest) = strongest {
                weights.step(strongest, example.is_attack, example.weight);
            }
            if channel == Channel::Content && !example.is_attack && example.bags.len() > 1 {
                for _ in 0..2 {
                    if let Some(bag) = random.choose(&example.bags) {
                        weights.step(bag, false, example.weight * 0.5);
                    }
                }
            }
        }
    }
    weights
}
