//! What would make a denied request allowed, found by trying: change one fact after another, ask the policies again, and
//! keep the smallest set of changes that helps.

use millwright_core::{Classification, Role};

use super::{DecisionRequest, Engine, Environment, NetworkZone, PrincipalKind};

/// Missing groups that are tried; more cannot be the smallest set anyway.
const MOST_GROUPS: usize = 3;

/// What a request needs that is only permitted with an approval.
pub(super) const APPROVAL: &str = "another person approves exactly this";

/// Which facts a set of policies looks at: what they don't look at need not be tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dimensions(u32);

impl FromIterator<Self> for Dimensions {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().fold(0, |mask, one| mask | one.0))
    }
}

impl Dimensions {
    /// The facts that a policy's text names. It may name too many, in a comment for example; never too few.
    pub(super) fn named_in(text: &str) -> Self {
        let named = |dimension: &Dimension| dimension.words().iter().any(|word| text.contains(word));
        Self(Dimension::ALL.iter().filter(|one| named(one)).fold(0, |mask, one| mask | one.bit()))
    }

    fn has(self, dimension: Dimension) -> bool {
        self.0 & dimension.bit() != 0
    }
}

/// A fact that can be changed, in the order of preference: what the asker can do now comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Approval,
    SecondFactor,
    Network,
    RunIntegrity,
    Risk,
    Kind,
    Role,
    Clearance,
    Groups,
    ExportAuthorisation,
    Owner,
    Tier,
    Reputation,
    SinkLabel,
    SinkExportControl,
    SinkUntrusted,
    SinkPlace,
    ResourceIntegrity,
    Environment,
}

impl Dimension {
    const ALL: [Self; 19] = [
        Self::Approval,
        Self::SecondFactor,
        Self::Network,
        Self::RunIntegrity,
        Self::Risk,
        Self::Kind,
        Self::Role,
        Self::Clearance,
        Self::Groups,
        Self::ExportAuthorisation,
        Self::Owner,
        Self::Tier,
        Self::Reputation,
        Self::SinkLabel,
        Self::SinkExportControl,
        Self::SinkUntrusted,
        Self::SinkPlace,
        Self::ResourceIntegrity,
        Self::Environment,
    ];

    const fn bit(self) -> u32 {
        1 << (self as u32)
    }

    /// The words by which a policy names the fact.
    const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Approval => &["approved"],
            Self::SecondFactor => &["second_factor"],
            Self::Network => &["network_zone"],
            Self::RunIntegrity | Self::ResourceIntegrity => &["untrusted"],
            Self::Risk => &["risk"],
            Self::Kind => &["principal is", "User::", "Agent::"],
            Self::Role => &["role"],
            Self::Clearance => &["clearance"],
            Self::Groups => &["groups"],
            Self::ExportAuthorisation => &["export_authorisations"],
            Self::Owner => &["owner"],
            Self::Tier => &["tier"],
            Self::Reputation => &["reputation"],
            Self::SinkLabel => &["max_confidentiality"],
            Self::SinkExportControl => &["takes_export_controlled"],
            Self::SinkUntrusted => &["takes_untrusted"],
            Self::SinkPlace => &["leaves_site"],
            Self::Environment => &["environment"],
        }
    }
}

/// One change to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Approve,
    SecondFactor,
    FromInside,
    TrustedRun,
    NoRisk,
    ByPerson,
    Role(Role),
    Clearance(Classification),
    Group(String),
    ExportAuthorisation,
    OwnIt,
    AnotherPerson,
    Tier(u8),
    GoodReputation,
    SinkTakes(Classification),
    SinkTakesExportControlled,
    SinkTakesUntrusted,
    SinkOnSite,
    CheckedContent,
    OutsideProduction,
}

/// An owner that no principal has.
const NOBODY: &str = "\u{0}";
const GOOD_REPUTATION: u8 = 100;

impl Change {
    fn dimension(&self) -> Dimension {
        match self {
            Self::Approve => Dimension::Approval,
            Self::SecondFactor => Dimension::SecondFactor,
            Self::FromInside => Dimension::Network,
            Self::TrustedRun => Dimension::RunIntegrity,
            Self::NoRisk => Dimension::Risk,
            Self::ByPerson => Dimension::Kind,
            Self::Role(_) => Dimension::Role,
            Self::Clearance(_) => Dimension::Clearance,
            Self::Group(_) => Dimension::Groups,
            Self::ExportAuthorisation => Dimension::ExportAuthorisation,
            Self::OwnIt | Self::AnotherPerson => Dimension::Owner,
            Self::Tier(_) => Dimension::Tier,
            Self::GoodReputation => Dimension::Reputation,
            Self::SinkTakes(_) => Dimension::SinkLabel,
            Self::SinkTakesExportControlled => Dimension::SinkExportControl,
            Self::SinkTakesUntrusted => Dimension::SinkUntrusted,
            Self::SinkOnSite => Dimension::SinkPlace,
            Self::CheckedContent => Dimension::ResourceIntegrity,
            Self::OutsideProduction => Dimension::Environment,
        }
    }

    /// Makes the change. Whatever it touches, [`Change::undo`] puts back.
    fn apply(&self, to: &mut DecisionRequest) {
        match self {
            Self::Approve => to.context.approved = true,
            Self::SecondFactor => to.context.second_factor = true,
            Self::FromInside => to.context.network_zone = NetworkZone::Internal,
            Self::TrustedRun => to.context.untrusted = false,
            Self::NoRisk => to.context.risk = 0,
            Self::ByPerson => to.principal.kind = PrincipalKind::User,
            Self::Role(role) => to.principal.role = *role,
            Self::Clearance(label) => to.principal.clearance = *label,
            Self::Group(group) => drop(to.principal.groups.insert(group.clone())),
            Self::ExportAuthorisation => to.principal.export_authorisations.extend(&to.resource.export_controls),
            Self::OwnIt => to.principal.person().clone_into(&mut to.resource.owner),
            Self::AnotherPerson => NOBODY.clone_into(&mut to.resource.owner),
            Self::Tier(tier) => to.principal.tier = *tier,
            Self::GoodReputation => to.principal.reputation = GOOD_REPUTATION,
            Self::SinkTakes(label) => to.resource.sink.max_confidentiality = *label,
            Self::SinkTakesExportControlled => to.resource.sink.takes_export_controlled = true,
            Self::SinkTakesUntrusted => to.resource.sink.takes_untrusted = true,
            Self::SinkOnSite => to.resource.sink.leaves_site = false,
            Self::CheckedContent => to.resource.untrusted = false,
            Self::OutsideProduction => to.resource.environment = Environment::Test,
        }
    }

    fn undo(&self, to: &mut DecisionRequest, original: &DecisionRequest) {
        match self {
            Self::Approve | Self::SecondFactor | Self::FromInside | Self::TrustedRun | Self::NoRisk => {
                let (from, to) = (&original.context, &mut to.context);
                match self {
                    Self::Approve => to.approved = from.approved,
                    Self::SecondFactor => to.second_factor = from.second_factor,
                    Self::FromInside => to.network_zone = from.network_zone,
                    Self::TrustedRun => to.untrusted = from.untrusted,
                    _ => to.risk = from.risk,
                }
            }
            Self::ByPerson => to.principal.kind = original.principal.kind,
            Self::Role(_) => to.principal.role = original.principal.role,
            Self::Clearance(_) => to.principal.clearance = original.principal.clearance,
            Self::Group(group) => drop(to.principal.groups.remove(group)),
            Self::ExportAuthorisation => {
                to.principal.export_authorisations.clone_from(&original.principal.export_authorisations);
            }
            Self::OwnIt | Self::AnotherPerson => to.resource.owner.clone_from(&original.resource.owner),
            Self::Tier(_) => to.principal.tier = original.principal.tier,
            Self::GoodReputation => to.principal.reputation = original.principal.reputation,
            Self::SinkTakes(_) | Self::SinkTakesExportControlled | Self::SinkTakesUntrusted | Self::SinkOnSite => {
                let (from, to) = (&original.resource.sink, &mut to.resource.sink);
                match self {
                    Self::SinkTakes(_) => to.max_confidentiality = from.max_confidentiality,
                    Self::SinkTakesExportControlled => to.takes_export_controlled = from.takes_export_controlled,
                    Self::SinkTakesUntrusted => to.takes_untrusted = from.takes_untrusted,
                    _ => to.leaves_site = from.leaves_site,
                }
            }
            Self::CheckedContent => to.resource.untrusted = original.resource.untrusted,
            Self::OutsideProduction => to.resource.environment = original.resource.environment,
        }
    }

    /// What has to happen, as a plain sentence without a full stop.
    fn sentence(&self, request: &DecisionRequest) -> String {
        match self {
            Self::Approve => APPROVAL.to_owned(),
            Self::SecondFactor => "the asker confirms with a second factor".to_owned(),
            Self::FromInside => "the asker connects from the internal network".to_owned(),
            Self::TrustedRun => "it is asked in a run that has read trusted content only".to_owned(),
            Self::NoRisk => format!("its risk score, now {}, is lower", request.context.risk),
            Self::ByPerson => "a person does it instead of an agent".to_owned(),
            Self::Role(role) => format!("the asker has the role {role}"),
            Self::Clearance(label) => format!("the asker is cleared for {label}"),
            Self::Group(group) => format!("the asker is in the group {group}"),
            Self::ExportAuthorisation => {
                let missing = request.resource.export_controls.difference(&request.principal.export_authorisations);
                let names: Vec<_> = missing.map(|regime| regime.as_str()).collect();
                format!("the asker is authorised for {}", names.join(" and "))
            }
            Self::OwnIt => "its owner asks for it".to_owned(),
            Self::AnotherPerson => "a person does it who did not ask for it and does not own it".to_owned(),
            Self::Tier(tier) => format!("an agent of tier {tier} does it"),
            Self::GoodReputation => format!("the agent's reputation, now {}, is better", request.principal.reputation),
            Self::SinkTakes(label) => format!("it goes to a place that takes {label} data"),
            Self::SinkTakesExportControlled => "it goes to a place that takes export-controlled data".to_owned(),
            Self::SinkTakesUntrusted => "it goes to a place that takes unchecked content".to_owned(),
            Self::SinkOnSite => "it goes to a place on the site".to_owned(),
            Self::CheckedContent => "a person has checked the content".to_owned(),
            Self::OutsideProduction => "it is done in a test environment".to_owned(),
        }
    }

    /// Every change that is one for this request and that its policies look at, in order of preference.
    fn candidates(request: &DecisionRequest, looked_at: Dimensions) -> Vec<Self> {
        let (principal, resource, context) = (&request.principal, &request.resource, &request.context);
        let agent = principal.kind == PrincipalKind::Agent;
        let mut all = Vec::with_capacity(24);
        let mut offer = |when: bool, change: Self| {
            if when && looked_at.has(change.dimension()) {
                all.push(change);
            }
        };
        offer(!context.approved, Self::Approve);
        offer(!context.second_factor, Self::SecondFactor);
        offer(context.network_zone != NetworkZone::Internal, Self::FromInside);
        offer(context.untrusted, Self::TrustedRun);
        offer(context.risk > 0, Self::NoRisk);
        offer(agent, Self::ByPerson);
        for role in [Role::Viewer, Role::Operator, Role::Auditor, Role::Admin] {
            offer(principal.role != role, Self::Role(role));
        }
        offer(principal.clearance < resource.confidentiality, Self::Clearance(resource.confidentiality));
        for group in resource.groups.difference(&principal.groups).take(MOST_GROUPS) {
            offer(true, Self::Group(group.clone()));
        }
        offer(!resource.export_controls.is_subset(&principal.export_authorisations), Self::ExportAuthorisation);
        offer(resource.owner != principal.person(), Self::OwnIt);
        offer(resource.owner == principal.person(), Self::AnotherPerson);
        for tier in principal.tier.saturating_add(1)..=3 {
            offer(agent, Self::Tier(tier));
        }
        offer(agent && principal.reputation < GOOD_REPUTATION, Self::GoodReputation);
        offer(resource.sink.max_confidentiality < resource.confidentiality, Self::SinkTakes(resource.confidentiality));
        offer(!resource.sink.takes_export_controlled, Self::SinkTakesExportControlled);
        offer(!resource.sink.takes_untrusted, Self::SinkTakesUntrusted);
        offer(resource.sink.leaves_site, Self::SinkOnSite);
        offer(resource.untrusted, Self::CheckedContent);
        offer(resource.environment == Environment::Production, Self::OutsideProduction);
        all
    }
}

/// The smallest set of changes after which the request is allowed, as sentences; empty when no set was found. One and two
/// changes are searched completely; of larger sets one is found from which nothing can be left out.
pub(super) fn smallest_change(engine: &Engine, request: &DecisionRequest) -> Vec<String> {
    let Some(slice) = engine.slice(request) else { return Vec::new() };
    let candidates = Change::candidates(request, slice.dimensions);
    let mut search = Search { engine, original: request, scratch: request.clone() };
    let Some(sufficient) = search.sufficient(&candidates) else { return Vec::new() };
    let found = search.single(&candidates).or_else(|| {
        let irreducible = search.reduce(sufficient);
        if irreducible.len() <= 2 { Some(irreducible) } else { search.pair(&candidates).or(Some(irreducible)) }
    });
    found.unwrap_or_default().into_iter().map(|change| change.sentence(request)).collect()
}

struct Search<'a> {
    engine: &'a Engine,
    original: &'a DecisionRequest,
    scratch: DecisionRequest,
}

impl<'c> Search<'_> {
    fn helps(&mut self, changes: &[&'c Change]) -> bool {
        for change in changes {
            change.apply(&mut self.scratch);
        }
        let allowed = self.engine.permits(&self.scratch);
        // Backwards, for a change that builds on another.
        for change in changes.iter().rev() {
            change.undo(&mut self.scratch, self.original);
        }
        allowed
    }

    fn single(&mut self, candidates: &'c [Change]) -> Option<Vec<&'c Change>> {
        candidates.iter().find(|change| self.helps(&[*change])).map(|change| vec![change])
    }

    fn pair(&mut self, candidates: &'c [Change]) -> Option<Vec<&'c Change>> {
        for (place, first) in candidates.iter().enumerate() {
            for second in candidates.iter().skip(place + 1) {
                if first.dimension() != second.dimension() && self.helps(&[first, second]) {
                    return Some(vec![first, second]);
                }
            }
        }
        None
    }

    /// Everything at once, once for each role (the present one first) and for each way of owning it.
    fn sufficient(&mut self, candidates: &'c [Change]) -> Option<Vec<&'c Change>> {
        let alternatives = |dimension| {
            let of_dimension = candidates.iter().filter(move |change| change.dimension() == dimension);
            std::iter::once(None).chain(of_dimension.map(Some))
        };
        let settled = |change: &&Change| {
            let dimension = change.dimension();
            dimension != Dimension::Role && dimension != Dimension::Owner && dimension != Dimension::Kind
        };
        let others: Vec<_> = candidates.iter().filter(settled).collect();
        for kind in alternatives(Dimension::Kind) {
            for role in alternatives(Dimension::Role) {
                for owner in alternatives(Dimension::Owner) {
                    let mut all = others.clone();
                    all.extend([kind, role, owner].into_iter().flatten());
                    if self.helps(&all) {
                        return Some(all);
                    }
                }
            }
        }
        None
    }

    /// Leaves out what is not needed, the least preferred first.
    fn reduce(&mut self, mut changes: Vec<&'c Change>) -> Vec<&'c Change> {
        let mut place = changes.len();
        while place > 0 {
            place -= 1;
            let left_out = changes.remove(place);
            if !self.helps(&changes) {
                changes.insert(place, left_out);
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decision::testing::requests;

    proptest! {
        #[test]
        fn every_change_is_undone_completely(request in requests()) {
            for change in Change::candidates(&request, Dimensions(u32::MAX)) {
                let mut changed = request.clone();
                change.apply(&mut changed);
                prop_assert_ne!(&changed, &request, "{:?} changes nothing", change);
                change.undo(&mut changed, &request);
                prop_assert_eq!(&changed, &request, "{:?} leaves traces", change);
            }
        }
    }

    #[test]
    fn the_words_of_a_policy_name_its_facts() {
        let named = Dimensions::named_in("forbid (principal is Agent, action, resource) unless { context.approved };");
        assert!(named.has(Dimension::Approval) && named.has(Dimension::Kind));
        assert!(!named.has(Dimension::Role) && !named.has(Dimension::SinkPlace));
    }
}
