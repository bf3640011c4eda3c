//! What a call costs.

use std::time::Duration;

use millwright_llm::provider::Usage;
use serde::Serialize;

/// The price of a model. Money is counted in millionths of the installation's currency, so that sums are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Price {
    /// Costs nothing: tokens and seconds are counted, no budget of money refuses it.
    Free,
    /// By tokens.
    Tokens {
        /// Millionths for a million tokens read.
        input: u64,
        /// Millionths for a million tokens written.
        output: u64,
        /// Millionths for a million tokens read from the server's cache.
        cached: u64,
    },
    /// By the time for which a card is kept busy.
    GpuSecond {
        /// Millionths a second.
        micros: u64,
    },
}

impl Price {
    /// What a call has cost, millionths, rounded up.
    pub fn cost(self, usage: Usage, busy: Duration) -> u64 {
        match self {
            Self::Free => 0,
            Self::Tokens { input, output, cached } => {
                // No more can come from the cache than was read, whatever the server says.
                let from_cache = usage.cached_tokens.min(usage.input_tokens);
                let sum = u128::from(usage.input_tokens - from_cache) * u128::from(input)
                    + u128::from(from_cache) * u128::from(cached)
                    + u128::from(usage.output_tokens) * u128::from(output);
                u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
            }
            Self::GpuSecond { micros } => {
                u64::try_from((busy.as_millis() * u128::from(micros)).div_ceil(1_000)).unwrap_or(u64::MAX)
            }
        }
    }

    /// The most that a call of so many tokens may cost, for a reservation and for comparisons. A card's time is not known
    /// before: `per_call` is how long one takes lately.
    pub fn most(self, input_tokens: u64, output_tokens: u64, per_call: Duration) -> u64 {
        self.cost(Usage { input_tokens, output_tokens, ..Usage::default() }, per_call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact_and_rounded_up() {
        // 2.50 and 10.00 a million, 1.25 from the cache.
        let price = Price::Tokens { input: 2_500_000, output: 10_000_000, cached: 1_250_000 };
        let usage = Usage { input_tokens: 1_000, output_tokens: 200, cached_tokens: 400, reasoning_tokens: 0 };
        assert_eq!(price.cost(usage, Duration::ZERO), 600 * 25 / 10 + 400 * 125 / 100 + 200 * 10);
        let one = Usage { input_tokens: 1, ..Usage::default() };
        assert_eq!(price.cost(one, Duration::ZERO), 3, "2.5 millionths are counted as 3");
        let nonsense = Usage { input_tokens: 1, cached_tokens: 9, ..Usage::default() };
        assert_eq!(price.cost(nonsense, Duration::ZERO), 2, "no more can come from the cache than was read");
        assert_eq!(Price::GpuSecond { micros: 300 }.cost(usage, Duration::from_millis(1_500)), 450);
        assert_eq!(Price::Free.cost(usage, Duration::from_secs(9)), 0);
        let much = Usage { input_tokens: u64::MAX, output_tokens: u64::MAX, ..Usage::default() };
        assert_eq!(price.cost(much, Duration::MAX), u64::MAX, "a server's nonsense does not overflow");
    }
}
