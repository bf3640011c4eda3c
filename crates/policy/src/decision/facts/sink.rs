use millwright_core::Classification;
use serde::{Deserialize, Serialize};

use super::public;

/// A place to which data can go and the most that it takes. The default takes public data only and counts as outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SinkFacts {
    /// What kind of place, for example `model` or `webhook`.
    #[serde(default)]
    pub kind: String,
    /// Whether it is outside the site.
    #[serde(default = "yes")]
    pub leaves_site: bool,
    /// The most confidential label it takes.
    #[serde(default = "public")]
    pub max_confidentiality: Classification,
    /// Whether it takes export-controlled data.
    #[serde(default)]
    pub takes_export_controlled: bool,
    /// Whether it takes content that nobody checked.
    #[serde(default)]
    pub takes_untrusted: bool,
}

const fn yes() -> bool {
    true
}

impl Default for SinkFacts {
    fn default() -> Self {
        Self {
            kind: String::new(),
            max_confidentiality: Classification::Public,
            takes_export_controlled: false,
            takes_untrusted: false,
            leaves_site: true,
        }
    }
}

impl SinkFacts {
    /// A place on the site that takes data up to this label, checked or not, and none under export control.
    pub fn on_site(kind: impl Into<String>, max_confidentiality: Classification) -> Self {
        Self {
            kind: kind.into(),
            max_confidentiality,
            takes_export_controlled: false,
            takes_untrusted: true,
            leaves_site: false,
        }
    }

    /// A place outside the site that takes checked data up to this label, and none under export control.
    pub fn outside(kind: impl Into<String>, max_confidentiality: Classification) -> Self {
        Self { kind: kind.into(), max_confidentiality, ..Self::default() }
    }
}
