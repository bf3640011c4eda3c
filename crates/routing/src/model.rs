//! The weights: one head for questions with options and one for all else, in a file that is part of the binary.

use crate::{
    bytes::{Reader, Writer},
    features::Prompt,
    trees::Forest,
};

const MAGIC: u32 = u32::from_le_bytes(*b"MWR1");
/// Places of hashed words: 2 to this power.
pub const WORD_BITS: u32 = 16;
/// Steps in which the weight of rarity is stored, for one.
const RARITY_STEPS: f32 = 24.0;

/// A linear model over hashed words and pairs, weighted by how rare they were in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    /// Of each place: its weight of rarity, or 0 where training saw it less than twice.
    pub rarity: Vec<u8>,
    /// Of each place: what it adds, in steps.
    pub weights: Vec<i8>,
    /// What one step is worth.
    pub step: f32,
}

impl Words {
    /// From how many of `total` texts hold each place; no weights yet.
    pub fn new(counts: &[u32], total: usize) -> Self {
        let rarity = |count: &u32| match *count {
            0 | 1 => 0,
            count => {
                let weight = ((1.0 + total as f32) / (1.0 + count as f32)).ln() + 1.0;
                (weight * RARITY_STEPS).round().clamp(1.0, 255.0) as u8
            }
        };
        Self { rarity: counts.iter().map(rarity).collect(), weights: vec![0; counts.len()], step: 0.0 }
    }

    /// Stores weights in steps of a byte.
    pub fn quantise(&mut self, weights: &[f32]) {
        let largest = weights.iter().fold(1e-9_f32, |largest, weight| largest.max(weight.abs()));
        self.step = largest / 127.0;
        self.weights = weights.iter().map(|weight| (weight / self.step).round() as i8).collect();
    }

    /// Of sorted places that a prompt touches, each as often as it does: by how much. A vector of length one, or none.
    pub fn features_of(&self, places: &[u32]) -> Vec<(u32, f32)> {
        let mut features: Vec<(u32, f32)> = Vec::with_capacity(places.len());
        for same in places.chunk_by(|one, other| one == other) {
            let Some(place) = same.first() else { continue };
            let rarity = self.rarity.get(*place as usize).copied().unwrap_or(0);
            if rarity > 0 {
                features.push((*place, f32::from(rarity) / RARITY_STEPS * (1.0 + (same.len() as f32).ln())));
            }
        }
        let length = features.iter().map(|(_, value)| value * value).sum::<f32>().sqrt().max(1e-6);
        for (_, value) in &mut features {
            *value /= length;
        }
        features
    }

    /// What these sorted places add.
    pub fn sum_of(&self, places: &[u32]) -> f32 {
        let weight = |place: u32| f32::from(self.weights.get(place as usize).copied().unwrap_or(0));
        self.features_of(places).iter().map(|(place, value)| weight(*place) * value).sum::<f32>() * self.step
    }
}

/// The place of each word and pair of a prompt, as often as it occurs, sorted.
pub fn places(prompt: &Prompt<'_>) -> Vec<u32> {
    let mut places = Vec::new();
    prompt.words(|hash| places.push((hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - WORD_BITS)) as u32));
    places.sort_unstable();
    places
}

/// A linear model over the named numbers, each seen from its centre in units of its scale and cut at ±[`FAR`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear {
    /// Of each number: what is usual.
    pub centres: Vec<f32>,
    /// Of each number: how far from it is far. 0 leaves the number out.
    pub scales: Vec<f32>,
    /// Of each number: what one scale more adds.
    pub weights: Vec<f32>,
}

/// As many scales from the centre a number counts no further.
pub const FAR: f32 = 3.0;

impl Linear {
    /// The number at this place as the model sees it.
    pub fn standard(&self, at: usize, value: f32) -> f32 {
        match (self.centres.get(at), self.scales.get(at)) {
            (Some(centre), Some(scale)) if *scale > 0.0 => ((value - centre) / scale).clamp(-FAR, FAR),
            _ => 0.0,
        }
    }

    /// The sum; `moved` is called with each place and what it adds.
    pub fn sum(&self, values: &[f32], mut moved: impl FnMut(usize, f32)) -> f32 {
        let mut sum = 0.0;
        for (at, (value, weight)) in values.iter().zip(&self.weights).enumerate() {
            let part = self.standard(at, *value) * weight;
            moved(at, part);
            sum += part;
        }
        sum
    }
}

/// What one form of request is scored by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Over the named numbers.
    pub linear: Linear,
    /// Over the same.
    pub trees: Forest,
    /// Over the words, where training had enough of them.
    pub words: Option<Words>,
    /// Over the embedding, where it helped. Empty: it did not.
    pub embedding: Vec<f32>,
    /// Raw scores at equal shares of the reference traffic, from the least to the most. Turns a raw score into a rank.
    pub quantiles: Vec<f32>,
}

/// How a raw score came about.
#[derive(Debug, Default)]
pub struct Raw {
    /// The sum.
    pub score: f32,
    /// What each named number added.
    pub by_feature: Vec<f32>,
    /// What the words added.
    pub words: f32,
    /// What the embedding added, if it was asked.
    pub embedding: Option<f32>,
}

impl Head {
    /// The raw score: about how much more often the strong model is right.
    pub fn raw(&self, prompt: &Prompt<'_>, values: &[f32], embedding: Option<&[f32]>) -> Raw {
        let mut by_feature = vec![0.0; values.len()];
        let mut add = |at: usize, part: f32| {
            if let Some(sum) = by_feature.get_mut(at) {
                *sum += part;
            }
        };
        let mut score = self.linear.sum(values, &mut add);
        score += self.trees.sum(values, &mut add);
        let words = self.words.as_ref().map_or(0.0, |words| words.sum_of(&places(prompt)));
        let embedding = embedding
            .filter(|vector| !self.embedding.is_empty() && vector.len() == self.embedding.len())
            .map(|vector| vector.iter().zip(&self.embedding).map(|(value, weight)| value * weight).sum::<f32>())
            .filter(|part| part.is_finite());
        Raw { score: score + words + embedding.unwrap_or(0.0), by_feature, words, embedding }
    }

    /// The share of the reference traffic below this raw score, from 0 to 1.
    pub fn rank(&self, raw: f32) -> f32 {
        let last = self.quantiles.len().saturating_sub(1);
        let above = self.quantiles.partition_point(|quantile| *quantile <= raw);
        let Some(below) = above.checked_sub(1) else {
            // Below everything seen: towards 0, but still in order.
            let least = self.quantiles.first().copied().unwrap_or(0.0);
            return 0.5 / (last.max(1) as f32) / (1.0 + 10.0 * (least - raw));
        };
        let (low, high) = (self.quantiles.get(below), self.quantiles.get(above));
        let (Some(low), Some(high)) = (low, high) else {
            let most = self.quantiles.last().copied().unwrap_or(0.0);
            return 1.0 - 0.5 / (last.max(1) as f32) / (1.0 + 10.0 * (raw - most));
        };
        let inside = (raw - low) / (high - low).max(1e-9);
        let edge = 0.5 / (last.max(1) as f32);
        edge + (below as f32 + inside) / (last.max(1) as f32) * (1.0 - 2.0 * edge)
    }

    /// The raw scores of the middle four fifths of the reference traffic lie so far apart, for a score of one.
    pub fn spread(&self) -> f32 {
        let at = |share: usize| self.quantiles.get(self.quantiles.len() * share / 10).copied().unwrap_or(0.0);
        ((at(9) - at(1)) / 0.8).max(1e-3)
    }

    fn write(&self, writer: &mut Writer) {
        writer.f32s(&self.linear.centres);
        writer.f32s(&self.linear.scales);
        writer.f32s(&self.linear.weights);
        self.trees.write(writer);
        let empty = Words { rarity: Vec::new(), weights: Vec::new(), step: 0.0 };
        let words = self.words.as_ref().unwrap_or(&empty);
        writer.f32(words.step);
        writer.bytes(words.rarity.iter().copied());
        writer.bytes(words.weights.iter().map(|weight| weight.cast_unsigned()));
        writer.f32s(&self.embedding);
        writer.f32s(&self.quantiles);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let linear = Linear { centres: reader.f32s()?, scales: reader.f32s()?, weights: reader.f32s()? };
        let trees = Forest::read(reader)?;
        let step = reader.f32()?;
        let rarity = reader.bytes()?.to_vec();
        let weights: Vec<i8> = reader.bytes()?.iter().map(|byte| byte.cast_signed()).collect();
        let words = (!rarity.is_empty()).then_some(Words { rarity, weights, step });
        Some(Self { linear, trees, words, embedding: reader.f32s()?, quantiles: reader.f32s()? })
    }
}

/// Both heads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// For questions whose answer is one of lettered lines.
    pub choice: Head,
    /// For everything else.
    pub open: Head,
}

impl Model {
    /// The head that scores this prompt.
    pub fn head(&self, prompt: &Prompt<'_>) -> &Head {
        if prompt.is_choice() { &self.choice } else { &self.open }
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u32(MAGIC);
        self.choice.write(&mut writer);
        self.open.write(&mut writer);
        writer.0
    }

    /// Reads such a file. `None` if it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.u32()? != MAGIC {
            return None;
        }
        let model = Self { choice: Head::read(&mut reader)?, open: Head::read(&mut reader)? };
        reader.0.is_empty().then_some(model)
    }
}
