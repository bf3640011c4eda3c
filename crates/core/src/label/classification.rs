use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How confidential a piece of data is. Ordered: what is derived takes the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Classification {
    /// May be shown to anyone.
    Public,
    /// For the company's own people.
    Internal,
    /// For those who need it.
    Confidential,
    /// For named people only.
    Restricted,
}

impl Classification {
    /// All values, least confidential first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Internal, Self::Confidential, Self::Restricted];

    /// The word used on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Internal => "INTERNAL",
            Self::Confidential => "CONFIDENTIAL",
            Self::Restricted => "RESTRICTED",
        }
    }

    /// The label of something made from both: never lower than either.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no classification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of PUBLIC, INTERNAL, CONFIDENTIAL, RESTRICTED")]
pub struct InvalidClassification;

impl TryFrom<String> for Classification {
    type Error = InvalidClassification;

    fn try_from(text: String) -> Result<Self, InvalidClassification> {
        text.parse()
    }
}

impl FromStr for Classification {
    type Err = InvalidClassification;

    fn from_str(text: &str) -> Result<Self, InvalidClassification> {
        Self::ALL.into_iter().find(|value| value.as_str() == text).ok_or(InvalidClassification)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifications_only_rise() {
        for a in Classification::ALL {
            for b in Classification::ALL {
                assert!(a.join(b) >= a && a.join(b) >= b);
                assert_eq!(a.join(b), b.join(a));
            }
            assert_eq!(a.as_str().parse(), Ok(a));
        }
    }
}
