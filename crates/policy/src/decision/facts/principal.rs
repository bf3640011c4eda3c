use std::collections::BTreeSet;

use millwright_core::{Classification, Role};
use serde::{Deserialize, Serialize};

use super::{ExportRegime, public};

/// A person, or a program that works for one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person.
    #[default]
    User,
    /// A program.
    Agent,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalFacts {
    /// The most confidential label it may see. Left out: PUBLIC.
    #[serde(default = "public")]
    pub clearance: Classification,
    /// The export regimes it is authorised for.
    #[serde(default)]
    pub export_authorisations: BTreeSet<ExportRegime>,
    /// The groups it is in.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Its id.
    pub id: String,
    /// Person or agent.
    #[serde(default)]
    pub kind: PrincipalKind,
    /// For an agent: the id of the person for whom it works. A user answers for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// How well an agent's earlier work was judged, 0 to 100.
    #[serde(default)]
    pub reputation: u8,
    /// The role; of an agent: the role of its person.
    pub role: Role,
    /// How far an agent may work alone, 0 to 3.
    #[serde(default)]
    pub tier: u8,
}

impl Default for PrincipalFacts {
    /// Somebody unknown who may see the least. Without an id every question of theirs is denied.
    fn default() -> Self {
        Self {
            kind: PrincipalKind::User,
            id: String::new(),
            on_behalf_of: None,
            role: Role::Viewer,
            clearance: Classification::Public,
            groups: BTreeSet::new(),
            export_authorisations: BTreeSet::new(),
            tier: 0,
            reputation: 0,
        }
    }
}

impl PrincipalFacts {
    /// A person with this role, cleared for INTERNAL.
    pub fn user(id: impl Into<String>, role: Role) -> Self {
        Self { id: id.into(), role, clearance: Classification::Internal, tier: 3, reputation: 100, ..Self::default() }
    }

    /// An agent of tier 1 with a middling reputation that works for this person, cleared for INTERNAL.
    pub fn agent(id: impl Into<String>, person: impl Into<String>, role: Role) -> Self {
        Self {
            kind: PrincipalKind::Agent,
            id: id.into(),
            on_behalf_of: Some(person.into()),
            role,
            clearance: Classification::Internal,
            tier: 1,
            reputation: 50,
            ..Self::default()
        }
    }

    /// Cleared up to this label.
    #[must_use]
    pub fn cleared(mut self, clearance: Classification) -> Self {
        self.clearance = clearance;
        self
    }

    /// Also in this group.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// Also authorised for this export regime.
    #[must_use]
    pub fn authorised_for(mut self, regime: ExportRegime) -> Self {
        self.export_authorisations.insert(regime);
        self
    }

    /// An agent of this tier, 0 to 3.
    #[must_use]
    pub fn of_tier(mut self, tier: u8) -> Self {
        self.tier = tier;
        self
    }

    /// An agent of this reputation, 0 to 100.
    #[must_use]
    pub fn of_reputation(mut self, reputation: u8) -> Self {
        self.reputation = reputation;
        self
    }

    /// The person who answers for it.
    pub fn person(&self) -> &str {
        match (self.kind, &self.on_behalf_of) {
            (PrincipalKind::Agent, Some(person)) => person,
            (PrincipalKind::Agent, None) => "",
            (PrincipalKind::User, _) => &self.id,
        }
    }
}
