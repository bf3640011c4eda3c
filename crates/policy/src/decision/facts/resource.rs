use std::collections::BTreeSet;

use millwright_core::Classification;
use serde::{Deserialize, Serialize};

use super::{ExportRegime, SinkFacts};

/// On what. Confidentiality has no default on the wire: data without a label is not decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceFacts {
    /// How confidential it is.
    pub confidentiality: Classification,
    /// Where it lives.
    #[serde(default)]
    pub environment: Environment,
    /// The export regimes under which it stands.
    #[serde(default)]
    pub export_controls: BTreeSet<ExportRegime>,
    /// Who needs to know; empty: everybody with the clearance.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Its id.
    pub id: String,
    /// What kind of thing, for example `document`.
    pub kind: String,
    /// The id of the person whose it is; empty when it is nobody's.
    #[serde(default)]
    pub owner: String,
    /// Where the data goes, when it goes somewhere.
    #[serde(default)]
    pub sink: SinkFacts,
    /// Whether its content came from outside and was checked by nobody.
    #[serde(default)]
    pub untrusted: bool,
}

impl Default for ResourceFacts {
    /// A thing without a label counts as most confidential, in production.
    fn default() -> Self {
        Self::new("", "", Classification::Restricted)
    }
}

impl ResourceFacts {
    /// A thing of this kind with this label, in production, owned by nobody, for everybody with the clearance.
    pub fn new(kind: impl Into<String>, id: impl Into<String>, confidentiality: Classification) -> Self {
        Self {
            kind: kind.into(),
            id: id.into(),
            owner: String::new(),
            environment: Environment::Production,
            confidentiality,
            export_controls: BTreeSet::new(),
            untrusted: false,
            groups: BTreeSet::new(),
            sink: SinkFacts::default(),
        }
    }

    /// Owned by this person.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = owner.into();
        self
    }

    /// In this environment.
    #[must_use]
    pub fn in_environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Also under this export regime.
    #[must_use]
    pub fn under(mut self, regime: ExportRegime) -> Self {
        self.export_controls.insert(regime);
        self
    }

    /// From outside, checked by nobody.
    #[must_use]
    pub fn from_outside(mut self) -> Self {
        self.untrusted = true;
        self
    }

    /// For this group (and those named before).
    #[must_use]
    pub fn for_group(mut self, group: impl Into<String>) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// On its way to this sink.
    #[must_use]
    pub fn to_sink(mut self, sink: SinkFacts) -> Self {
        self.sink = sink;
        self
    }
}

/// Where a thing lives.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Where mistakes cost.
    #[default]
    Production,
    /// For trying out.
    Test,
    /// For building.
    Development,
}

impl Environment {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Test => "test",
            Self::Development => "development",
        }
    }
}
