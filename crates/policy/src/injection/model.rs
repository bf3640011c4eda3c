//! The weights: a linear model for each channel, in one file that is part of the binary.

use super::{
    Channel,
    features::{BITS, Features},
};

const MAGIC: &[u8; 4] = b"MWI1";
/// Magic, then threshold and bias and step of each channel.
const HEADER: usize = 4 + 2 * 12;
const WEIGHTS: usize = 1 << BITS;

/// The weights of one channel.
#[derive(Clone, Debug)]
pub struct Head {
    /// A text at or above this score is a hit.
    pub threshold: f32,
    /// The score of a text without features, before the logistic function.
    pub bias: f32,
    /// What one step of a stored weight is worth.
    pub step: f32,
    /// One weight for each place of a feature vector.
    pub weights: Vec<i8>,
}

impl Head {
    /// Stores weights in steps of a byte: the largest is 127 steps.
    pub fn quantise(weights: &[f32], bias: f32, threshold: f32) -> Self {
        let largest = weights.iter().fold(1e-6_f32, |largest, weight| largest.max(weight.abs()));
        let step = largest / 127.0;
        Self { threshold, bias, step, weights: weights.iter().map(|weight| (weight / step).round() as i8).collect() }
    }

    /// From 0 to 1.
    pub fn score(&self, features: &Features) -> f32 {
        let sum: f32 = features
            .iter()
            .map(|(place, value)| f32::from(self.weights.get(*place as usize).copied().unwrap_or(0)) * value)
            .sum();
        1.0 / (1.0 + (-(sum * self.step + self.bias)).exp())
    }
}

/// Both channels.
#[derive(Clone, Debug)]
pub struct Model {
    /// What a user typed.
    pub user: Head,
    /// What the assistant reads.
    pub content: Head,
}

impl Model {
    /// The weights of this channel.
    pub fn head(&self, channel: Channel) -> &Head {
        match channel {
            Channel::User => &self.user,
            Channel::Content => &self.content,
        }
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + 2 * WEIGHTS);
        bytes.extend_from_slice(MAGIC);
        for head in [&self.user, &self.content] {
            for value in [head.threshold, head.bias, head.step] {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        for head in [&self.user, &self.content] {
            bytes.extend(head.weights.iter().map(|weight| weight.cast_unsigned()));
        }
        bytes
    }

    /// Reads such a file. `None` if it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != HEADER + 2 * WEIGHTS || !bytes.starts_with(MAGIC) {
            return None;
        }
        let head = |number: usize| {
            let value = |at: usize| {
                let start = 4 + number * 12 + at * 4;
                Some(f32::from_le_bytes(bytes.get(start..start + 4)?.try_into().ok()?))
            };
            let start = HEADER + number * WEIGHTS;
            let weights = bytes.get(start..start + WEIGHTS)?.iter().map(|byte| byte.cast_signed()).collect();
            Some(Head { threshold: value(0)?, bias: value(1)?, step: value(2)?, weights })
        };
        Some(Self { user: head(0)?, content: head(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_comes_back_from_its_bytes() {
        let head = Head::quantise(&vec![0.5; WEIGHTS], -1.0, 0.7);
        let model = Model { user: head.clone(), content: Head { threshold: 0.2, ..head } };
        let bytes = model.to_bytes();
        let again = Model::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes);
        assert!((again.content.threshold - 0.2).abs() < f32::EPSILON);
        assert!(Model::from_bytes(&bytes[1..]).is_none());
        assert!((model.user.score(&vec![(3, 2.0)]) - 0.5).abs() < 0.01);
    }
}
