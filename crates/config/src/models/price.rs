//! Prices, in whole millionths of the currency: sums of them are exact.

/// The parts of one unit of the currency that prices are counted in.
const MICROS: u64 = 1_000_000;

/// What a model costs. All figures are in millionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPrice {
    /// Nothing: tokens are counted all the same.
    Free,
    /// By tokens.
    Tokens {
        /// A million tokens read.
        input_per_million: u64,
        /// A million tokens written.
        output_per_million: u64,
        /// A million tokens read from the server's cache.
        cached_per_million: u64,
    },
    /// By the time that a GPU works.
    GpuSeconds {
        /// One second.
        per_gpu_second: u64,
    },
}

impl ModelPrice {
    /// From `input/output` or `input/output/cached`, each a price for a million tokens, or `free`.
    pub(crate) fn of_setting(text: &str) -> Option<Self> {
        if text == "free" {
            return Some(Self::Free);
        }
        let parts: Option<Vec<u64>> = text.split('/').map(|part| micros(part.trim())).collect();
        let (input_per_million, output_per_million, cached_per_million) = match *parts?.as_slice() {
            [input, output] => (input, output, input),
            [input, output, cached] => (input, output, cached),
            _ => return None,
        };
        let costs = input_per_million > 0 || output_per_million > 0;
        costs.then_some(Self::Tokens { input_per_million, output_per_million, cached_per_million })
    }
}

/// A price written with a decimal point and at most six places, in millionths; read without passing through a float.
pub(crate) fn micros(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 6 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let rest: u64 = format!("{rest:0<6}").parse().ok()?;
    // A million units of the currency is no price.
    let price = whole.checked_mul(MICROS)?.checked_add(rest)?;
    (price <= MICROS * MICROS).then_some(price)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prices_are_read_exactly_or_not_at_all() {
        assert_eq!(micros("2.5"), Some(2_500_000));
        assert_eq!(micros("0.000001"), Some(1));
        assert_eq!(micros("10"), Some(10_000_000));
        for wrong in ["", ".5", "5.", "-1", "1e3", "0.0000001", "1,5", "99999999", "18446744073709551616"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
        let expected =
            ModelPrice::Tokens { input_per_million: 2_500_000, output_per_million: 10_000_000, cached_per_million: 1 };
        assert_eq!(ModelPrice::of_setting("2.5 / 10/0.000001"), Some(expected));
        assert_eq!(ModelPrice::of_setting("free"), Some(ModelPrice::Free));
        for wrong in ["2.5", "0/0", "1/2/3/4", "Free", "1/"] {
            assert_eq!(ModelPrice::of_setting(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_price_in_millionths_reads_back(price in 0_u64..=1_000_000_000_000) {
            prop_assert_eq!(micros(&format!("{}.{:06}", price / MICROS, price % MICROS)), Some(price));
        }
    }
}
