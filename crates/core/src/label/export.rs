use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An export regime that data falls under: `ITAR`, or `EAR:` with its classification number (`EAR:3A001`, `EAR:EAR99`). As
/// an authorisation of a person also `EAR`, which covers every number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExportControl(String);

impl ExportControl {
    /// The word on the wire and in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names all of EAR, which only an authorisation may.
    pub fn is_all_of_ear(&self) -> bool {
        self.0 == "EAR"
    }

    /// Whether this authorisation covers data under `regime`.
    pub fn covers(&self, regime: &Self) -> bool {
        self == regime || (self.is_all_of_ear() && regime.0.starts_with("EAR:"))
    }
}

impl fmt::Display for ExportControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A word that is no export regime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `ITAR`, or `EAR:` with its number such as `EAR:3A001` or `EAR:EAR99`")]
pub struct InvalidExportControl;

impl FromStr for ExportControl {
    type Err = InvalidExportControl;

    fn from_str(text: &str) -> Result<Self, InvalidExportControl> {
        // 15 CFR 774: a category, a product group, three digits, and paragraphs below them.
        let is_number = |number: &str| {
            let bytes = number.as_bytes();
            number == "EAR99"
                || ((5..=16).contains(&bytes.len())
                    && bytes[0].is_ascii_digit()
                    && (b'A'..=b'E').contains(&bytes[1])
                    && bytes[2..5].iter().all(u8::is_ascii_digit)
                    && bytes[5..]
                        .iter()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'.'))
        };
        let is_known = matches!(text, "ITAR" | "EAR") || text.strip_prefix("EAR:").is_some_and(is_number);
        if is_known { Ok(Self(text.to_owned())) } else { Err(InvalidExportControl) }
    }
}

impl Serialize for ExportControl {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

/// Data names its number: `EAR` alone is refused here.
impl<'de> Deserialize<'de> for ExportControl {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let regime: Self = String::deserialize(d)?.parse().map_err(de::Error::custom)?;
        if regime.is_all_of_ear() { Err(de::Error::custom(InvalidExportControl)) } else { Ok(regime) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_the_form_of_the_list() {
        for word in ["ITAR", "EAR", "EAR:EAR99", "EAR:3A001", "EAR:9E003.a.1", "EAR:5D002"] {
            assert_eq!(word.parse::<ExportControl>().map(|regime| regime.to_string()), Ok(word.to_owned()));
        }
        for word in ["", "itar", "EAR:", "EAR:3X001", "EAR:3A01", "EAR:AA001", "ITAR:II", "EAR:3A001'; DROP"] {
            assert!(word.parse::<ExportControl>().is_err(), "{word}");
        }
        let regime = |word: &str| word.parse::<ExportControl>().unwrap();
        assert!(regime("EAR").covers(&regime("EAR:3A001")) && !regime("EAR").covers(&regime("ITAR")));
        assert!(!regime("EAR:3A001").covers(&regime("EAR:EAR99")));
    }
}
