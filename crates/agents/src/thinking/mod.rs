//! Ways of thinking, chosen by the asker before an answer or asked for by the model that drafts it: several voices of a language model look at the question and its passages, each of their points is
//! held against the passages in code, and what they came to is told to the model that answers. Its sentences are verified as ever.

mod phase;
mod said;
mod speaking;
mod turns;
mod voices;

use millwright_llm::Tier;
use serde::{Deserialize, Serialize};

pub(crate) use phase::{Deliberated, Deliberation, deliberate, may_be_called, thinks};

/// How a question is thought through before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// An answer is proposed, and attackers look for what is wrong with it, each for another kind of failure.
    RedTeam,
    /// What is known is told apart from what is assumed, and the answer rebuilt from what is known.
    FirstPrinciples,
    /// Roles of the plant give their views, hear each other, and a chair says what they agree on and who dissents.
    Council,
}

impl Thinking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RedTeam, Self::FirstPrinciples, Self::Council];

    /// The word on the wire and in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RedTeam => "red_team",
            Self::FirstPrinciples => "first_principles",
            Self::Council => "council",
        }
    }

    /// So many turns it takes; in each all who are asked speak at the same time.
    pub(crate) const fn turns(self) -> u8 {
        match self {
            Self::RedTeam | Self::FirstPrinciples => 2,
            Self::Council => 3,
        }
    }

    /// So many calls of a model it takes at most, at this tier.
    pub fn calls(self, tier: Tier) -> usize {
        match self {
            Self::RedTeam => 1 + voices::attackers(tier).len(),
            Self::FirstPrinciples => 2,
            Self::Council => 2 * voices::council(tier).len() + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_grows_with_the_tier() {
        let calls = |thinking: Thinking| Tier::ALL.map(|tier| thinking.calls(tier));
        assert_eq!(calls(Thinking::RedTeam), [5, 9, 33]);
        assert_eq!(calls(Thinking::FirstPrinciples), [2, 2, 2]);
        assert_eq!(calls(Thinking::Council), [7, 11, 15]);
        for thinking in Thinking::ALL {
            assert_eq!(serde_json::to_value(thinking).unwrap(), thinking.as_str());
        }
    }
}
