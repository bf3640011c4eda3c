use std::collections::BTreeSet;

use millwright_core::{Classification, Role};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Action;

/// The facts about one question: who wants to do what with what, and how things stand. Fields are declared in the order of
/// their names; see [`DecisionRequest::digest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// What for.
    pub action: Action,
    /// Under which circumstances.
    #[serde(default)]
    pub context: ContextFacts,
    /// Who asks.
    pub principal: PrincipalFacts,
    /// On what.
    pub resource: ResourceFacts,
}

impl DecisionRequest {
    /// A question under ordinary circumstances; see [`ContextFacts::default`].
    pub fn new(principal: PrincipalFacts, action: Action, resource: ResourceFacts) -> Self {
        Self { principal, action, resource, context: ContextFacts::default() }
    }

    /// The same question under these circumstances.
    #[must_use]
    pub fn with_context(mut self, context: ContextFacts) -> Self {
        self.context = context;
        self
    }

    /// SHA-256, as hex, of the request's canonical JSON (RFC 8785). None only when it cannot be written.
    pub fn digest(&self) -> Option<String> {
        // The fields of all facts are declared in the order of their names and there are no fractions, so that plain
        // JSON is the canonical one; a property test compares both.
        let bytes = serde_json::to_vec(self).ok()?;
        Some(hex::encode(Sha256::digest(&bytes)))
    }

    /// What the types let through and no honest caller sends.
    pub(super) fn faults(&self) -> Vec<String> {
        let context = &self.context;
        let mut faults = Vec::new();
        let mut check = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        check(!self.principal.id.is_empty(), "principal.id: empty");
        check(!self.principal.person().is_empty(), "principal.on_behalf_of: an agent works for somebody");
        check(self.principal.reputation <= 100, "principal.reputation: above 100");
        check(self.principal.tier <= 3, "principal.tier: above 3");
        check(context.risk <= 100, "context.risk: above 100");
        check(context.minute_of_day < 1440, "context.minute_of_day: above 1439");
        check((1..=7).contains(&context.day_of_week), "context.day_of_week: not from 1 to 7");
        check(context.epoch_seconds.unsigned_abs() < 1 << 53, "context.epoch_seconds: out of range");
        faults
    }
}

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

/// An export regime under which data can stand, and for which a person can be authorised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExportRegime {
    /// Export Administration Regulations.
    Ear,
    /// International Traffic in Arms Regulations.
    Itar,
}

impl ExportRegime {
    /// The word used on the wire and in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ear => "EAR",
            Self::Itar => "ITAR",
        }
    }
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

const fn public() -> Classification {
    Classification::Public
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

/// From where the asker is connected.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum NetworkZone {
    /// The site's own network.
    Internal,
    /// From outside through the company's tunnel.
    Vpn,
    /// From anywhere.
    Internet,
    /// Nobody knows: treated as the internet.
    #[default]
    Unknown,
}

impl NetworkZone {
    /// The word used in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Vpn => "vpn",
            Self::Internet => "internet",
            Self::Unknown => "unknown",
        }
    }
}

/// Under which circumstances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContextFacts {
    /// A person other than the asker has approved exactly this.
    pub approved: bool,
    /// 1 Monday to 7 Sunday, in the tenant's time zone.
    pub day_of_week: u8,
    /// Seconds since 1970, UTC.
    pub epoch_seconds: i64,
    /// 0 to 1439, in the tenant's time zone.
    pub minute_of_day: u16,
    /// From where the asker is connected.
    pub network_zone: NetworkZone,
    /// Risk score, 0 to 100.
    pub risk: u8,
    /// The asker has just shown a second factor.
    pub second_factor: bool,
    /// The run has read content that is not trusted.
    pub untrusted: bool,
}

impl Default for ContextFacts {
    /// Nothing approved, nothing confirmed, no risk known, from an unknown network, on Thursday 1 January 1970, 00:00.
    fn default() -> Self {
        Self {
            approved: false,
            second_factor: false,
            untrusted: false,
            risk: 0,
            epoch_seconds: 0,
            minute_of_day: 0,
            day_of_week: 4,
            network_zone: NetworkZone::Unknown,
        }
    }
}

impl ContextFacts {
    /// At this time, in a time zone so many minutes east of UTC.
    pub fn at(epoch_seconds: i64, minutes_east: i32) -> Self {
        let local = epoch_seconds.saturating_add(i64::from(minutes_east) * 60);
        Self {
            epoch_seconds,
            minute_of_day: (local.rem_euclid(86_400) / 60) as u16,
            day_of_week: ((local.div_euclid(86_400).rem_euclid(7) + 3) % 7 + 1) as u8,
            ..Self::default()
        }
    }

    /// From this network.
    #[must_use]
    pub fn from_zone(mut self, zone: NetworkZone) -> Self {
        self.network_zone = zone;
        self
    }

    /// Approved by another person.
    #[must_use]
    pub fn approved(mut self) -> Self {
        self.approved = true;
        self
    }

    /// Confirmed with a second factor.
    #[must_use]
    pub fn second_factor(mut self) -> Self {
        self.second_factor = true;
        self
    }

    /// In a run that has read untrusted content.
    #[must_use]
    pub fn untrusted(mut self) -> Self {
        self.untrusted = true;
        self
    }

    /// With this risk score, 0 to 100.
    #[must_use]
    pub fn with_risk(mut self, risk: u8) -> Self {
        self.risk = risk;
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decision::testing::requests;

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_what_is_a_set() {
        let one = r#"{"principal":{"id":"u","role":"viewer","groups":["b","a"]},"action":"chat.ask",
            "resource":{"kind":"chat","id":"c","confidentiality":"PUBLIC"}}"#;
        let other = r#"{"resource":{"id":"c","confidentiality":"PUBLIC","kind":"chat"},"action":"chat.ask",
            "principal":{"role":"viewer","groups":["a","b","a"],"id":"u"},"context":{}}"#;
        let [one, other] = [one, other].map(|text| serde_json::from_str::<DecisionRequest>(text).unwrap());
        assert_eq!(one.digest(), other.digest());
        let risky = one.clone().with_context(ContextFacts::default().with_risk(1));
        assert_ne!(one.digest(), risky.digest());
    }

    proptest! {
        #[test]
        fn plain_json_is_the_canonical_one(request in requests(), id in ".{0,12}", group in "\\PC{0,6}") {
            let mut request = request;
            request.resource.id = id;
            request.resource.groups.insert(group);
            let canonical = serde_json_canonicalizer::to_vec(&request).unwrap();
            prop_assert_eq!(serde_json::to_vec(&request).unwrap(), canonical);
        }
    }

    #[test]
    fn unknown_facts_and_missing_labels_are_refused() {
        let facts = r#"{"kind":"document","id":"d","confidentiality":"PUBLIC","colour":"red"}"#;
        assert!(serde_json::from_str::<ResourceFacts>(facts).is_err());
        assert!(serde_json::from_str::<ResourceFacts>(r#"{"kind":"document","id":"d"}"#).is_err());
    }

    #[test]
    fn the_time_of_the_week_follows_the_zone() {
        // 2024-02-29 was a Thursday.
        let noon = ContextFacts::at(1_709_208_000, 60);
        assert_eq!((noon.minute_of_day, noon.day_of_week), (13 * 60, 4));
        let before = ContextFacts::at(-1, 0);
        assert_eq!((before.minute_of_day, before.day_of_week), (1439, 3));
    }

    #[test]
    fn an_agent_without_a_person_is_nobodys() {
        let mut agent = PrincipalFacts::agent("a", "p", Role::Operator);
        assert_eq!(agent.person(), "p");
        agent.on_behalf_of = None;
        assert_eq!(agent.person(), "");
        assert_eq!(PrincipalFacts::user("u", Role::Viewer).person(), "u");
    }
}
