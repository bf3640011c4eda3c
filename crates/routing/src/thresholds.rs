//! Where the tiers begin.

use serde::{Deserialize, Serialize};

/// How much model a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// A small model will do.
    Light,
    /// The usual model.
    Standard,
    /// The strongest model.
    Heavy,
}

/// The scores at which a tenant's requests go to a larger model.
///
/// A score is a rank: of typical traffic, about the share `light_below` goes to LIGHT and the share `1 - heavy_from` to HEAVY. So a
/// tenant sets what he is willing to pay: `0.3, 0.7` sends three requests in ten to each end. Equal numbers leave STANDARD out, `0, 1`
/// sends everything to STANDARD.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Thresholds {
    light_below: f32,
    heavy_from: f32,
}

#[derive(Deserialize)]
struct Unchecked {
    light_below: f32,
    heavy_from: f32,
}

impl TryFrom<Unchecked> for Thresholds {
    type Error = ThresholdsError;

    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(unchecked.light_below, unchecked.heavy_from)
    }
}

/// Thresholds that mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ThresholdsError {
    /// A number that is no share.
    #[error("`{name}` must lie between 0 and 1, and is {value}")]
    OutOfRange {
        /// Which of the two.
        name: &'static str,
        /// What was given.
        value: f32,
    },
    /// The tiers overlap.
    #[error("`light_below` ({light_below}) must not be greater than `heavy_from` ({heavy_from})")]
    Crossed {
        /// What was given.
        light_below: f32,
        /// What was given.
        heavy_from: f32,
    },
}

impl Thresholds {
    /// Both from 0 to 1, the first at most the second.
    pub fn new(light_below: f32, heavy_from: f32) -> Result<Self, ThresholdsError> {
        for (name, value) in [("light_below", light_below), ("heavy_from", heavy_from)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(ThresholdsError::OutOfRange { name, value });
            }
        }
        if light_below > heavy_from {
            return Err(ThresholdsError::Crossed { light_below, heavy_from });
        }
        Ok(Self { light_below, heavy_from })
    }

    /// Scores below it go to LIGHT.
    pub fn light_below(self) -> f32 {
        self.light_below
    }

    /// Scores at or above it go to HEAVY.
    pub fn heavy_from(self) -> f32 {
        self.heavy_from
    }

    /// The tier for a score.
    pub fn tier_word(self, score: f32) -> Level {
        if score < self.light_below {
            Level::Light
        } else if score < self.heavy_from {
            Level::Standard
        } else {
            Level::Heavy
        }
    }
}

impl Default for Thresholds {
    /// A third to LIGHT, a quarter to HEAVY.
    fn default() -> Self {
        Self { light_below: 0.35, heavy_from: 0.75 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_that_mean_nothing_are_refused() {
        assert!(matches!(Thresholds::new(-0.1, 0.5), Err(ThresholdsError::OutOfRange { name: "light_below", .. })));
        assert!(matches!(Thresholds::new(0.1, f32::NAN), Err(ThresholdsError::OutOfRange { name: "heavy_from", .. })));
        assert!(matches!(Thresholds::new(0.6, 0.5), Err(ThresholdsError::Crossed { .. })));
        assert!(serde_json::from_str::<Thresholds>(r#"{"light_below": 0.9, "heavy_from": 0.1}"#).is_err());
    }

    #[test]
    fn a_score_at_a_threshold_belongs_to_the_larger_model() {
        let thresholds = Thresholds::new(0.3, 0.7).unwrap();
        let tiers = [0.0, 0.299, 0.3, 0.699, 0.7, 1.0].map(|score| thresholds.tier_word(score));
        assert_eq!(tiers, [Level::Light, Level::Light, Level::Standard, Level::Standard, Level::Heavy, Level::Heavy]);
        let all = Thresholds::new(0.0, 0.0).unwrap();
        assert_eq!(all.tier_word(0.0), Level::Heavy);
    }
}
