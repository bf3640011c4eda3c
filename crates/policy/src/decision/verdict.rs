use std::fmt;

use serde::{Deserialize, Serialize};

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Permitted as it is.
    Allow,
    /// Permitted once another person has approved exactly this.
    RequireApproval,
    /// Not permitted, also with an approval.
    Deny,
}

impl Verdict {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::RequireApproval => "REQUIRE_APPROVAL",
            Self::Deny => "DENY",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What must be done along with it. Whoever cannot do it treats the verdict as DENY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// The asker, or the approver, confirms with a second factor.
    SecondFactor,
    /// A second person looks at it.
    FourEyes,
    /// Personal data is replaced before the data leaves.
    Redact,
    /// It is recorded by name; nothing else is asked.
    LogOnly,
}

impl Obligation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SecondFactor, Self::FourEyes, Self::Redact, Self::LogOnly];

    /// The word used in policies and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::FourEyes => "four_eyes",
            Self::Redact => "redact",
            Self::LogOnly => "log_only",
        }
    }

    /// Reads what stands in `@obligation("...")`: one or several, with commas between. The error is the unknown word.
    pub(super) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        text.split(',')
            .map(str::trim)
            .map(|word| Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| word.to_owned()))
            .collect()
    }
}

/// A policy that determined the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyRef {
    /// Its stable id.
    pub id: String,
    /// Why it exists, in plain words.
    pub reason: String,
    /// What would make it allowed, in plain words; empty when its author did not say.
    pub remedy: String,
}

/// The answer, with everything needed to explain it and to make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// The outcome.
    pub verdict: Verdict,
    /// What must be done along with it, each once, in a fixed order.
    pub obligations: Vec<Obligation>,
    /// The policies that determined it: of an ALLOW those that permit, of a DENY those that forbid, of a REQUIRE_APPROVAL
    /// those that forbid without an approval and those that permit with one. Empty when nothing permits.
    pub policies: Vec<PolicyRef>,
    /// What would make it allowed: the smallest set of changes that was found by trying, one plain sentence each, all of
    /// them needed together. Empty for an ALLOW, and when nothing that was tried helps.
    pub would_allow: Vec<String>,
    /// SHA-256, as hex, of the request's canonical JSON (RFC 8785).
    pub inputs_digest: String,
    /// Which policies decided: SHA-256, as hex, over their texts and the schema.
    pub policy_version: String,
    /// What went wrong while deciding. Not empty means DENY.
    pub errors: Vec<String>,
}
