//! The facts that are decided on: who wants to do what with what, and how things stand.

mod circumstances;
mod principal;
mod resource;
mod sink;

use millwright_core::Classification;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use circumstances::{ContextFacts, NetworkZone};
pub use principal::{PrincipalFacts, PrincipalKind};
pub use resource::{Environment, ResourceFacts};
pub use sink::SinkFacts;

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

const fn public() -> Classification {
    Classification::Public
}

#[cfg(test)]
mod tests {
    use millwright_core::Role;
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
