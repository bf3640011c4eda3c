use std::{fmt, sync::Arc};

use cedar_policy::{Authorizer, Decision as CedarDecision, PolicySet};
use sha2::{Digest, Sha256};

use super::{
    Action, Decision, DecisionRequest, Obligation, PolicyError, PolicyRef, PrincipalKind, Rule, TenantPolicy, Verdict,
    cedar_input::Names,
    remedy::{self, Dimensions},
    shipped,
    source::{self, SourceFile},
};

/// Decides by the policies that ship and those that a tenant added. Cheap to clone; its answers depend on nothing but the
/// request.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    version: String,
    rules: Vec<Arc<Rule>>,
    slices: Vec<Slice>,
    names: Names,
    authorizer: Authorizer,
}

/// The policies that can speak of one action asked for by one kind of principal.
#[derive(Default)]
pub(super) struct Slice {
    /// Policies with a test, by their place in the list.
    forbids: Vec<usize>,
    permits: Vec<usize>,
    /// Policies that only Cedar's evaluator understands.
    cedar_forbids: PolicySet,
    cedar_permits: PolicySet,
    /// The facts that its policies look at.
    pub(super) dimensions: Dimensions,
}

/// What the policies say to a request as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Policies that permit it, by their place.
    pub(super) permits: Vec<usize>,
    /// Policies that forbid it, by their place.
    pub(super) forbids: Vec<usize>,
    pub(super) errors: Vec<String>,
}

impl Outcome {
    /// Cedar's rule, and a fault denies.
    pub(super) fn allows(&self) -> bool {
        self.errors.is_empty() && self.forbids.is_empty() && !self.permits.is_empty()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} policies, version {})", self.0.rules.len(), self.0.version)
    }
}

impl Engine {
    /// The policies that ship and these. All that is wrong with them comes back together; then there is no engine.
    pub fn new(tenant_policies: &[TenantPolicy]) -> Result<Self, Vec<PolicyError>> {
        let oversized = source::check_size(tenant_policies);
        if !oversized.is_empty() {
            return Err(oversized);
        }
        let mut own: Vec<_> = tenant_policies
            .iter()
            .map(|policy| SourceFile { name: &policy.name, text: &policy.text, tenant: true })
            .collect();
        own.sort_by_key(|file| file.name);
        let (validator, rules) = source::shipped_rules()?;
        let rules = source::load(validator, rules, own.iter().copied())?;
        let version = version_of(source::shipped_files().chain(own));
        Self::of_rules(rules, version).map_err(|fault| vec![PolicyError::of_file("", fault)])
    }

    /// Exactly these files, for tests.
    #[cfg(test)]
    fn of_files(files: &[SourceFile<'_>]) -> Result<Self, Vec<PolicyError>> {
        let (validator, _) = source::shipped_rules()?;
        let rules = source::load(validator, Vec::new(), files.iter().copied())?;
        Self::of_rules(rules, version_of(files.iter().copied())).map_err(|fault| vec![PolicyError::of_file("", fault)])
    }

    fn of_rules(rules: Vec<Arc<Rule>>, version: String) -> Result<Self, String> {
        let mut slices = Vec::new();
        for action in Action::ALL {
            for kind in [PrincipalKind::User, PrincipalKind::Agent] {
                slices.push(Slice::new(&rules, *action, kind)?);
            }
        }
        Ok(Self(Arc::new(Inner { version, rules, slices, names: Names::new()?, authorizer: Authorizer::new() })))
    }

    /// SHA-256, as hex, over the schema and all policies.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// How many policies there are.
    pub fn policy_count(&self) -> usize {
        self.0.rules.len()
    }

    /// How many of them need Cedar's evaluator; the others run as direct tests.
    pub fn evaluator_count(&self) -> usize {
        self.0.rules.iter().filter(|rule| rule.test.is_none()).count()
    }

    /// Decides. Never fails: whatever goes wrong is a DENY that says so.
    pub fn decide(&self, request: &DecisionRequest) -> Decision {
        let mut errors = request.faults();
        let digest = request.digest();
        if digest.is_none() {
            errors.push("the request has no canonical form".to_owned());
        }
        let (verdict, deciding, errors) =
            if errors.is_empty() { self.judge(request) } else { (Verdict::Deny, Vec::new(), errors) };
        let would_allow = match verdict {
            Verdict::RequireApproval => vec![remedy::APPROVAL.to_owned()],
            Verdict::Deny if errors.is_empty() => remedy::smallest_change(self, request),
            Verdict::Allow | Verdict::Deny => Vec::new(),
        };
        Decision {
            verdict,
            obligations: self.obligations_of(&deciding),
            policies: self.references_to(&deciding),
            would_allow,
            inputs_digest: digest.unwrap_or_default(),
            policy_version: self.0.version.clone(),
            errors,
        }
    }

    /// Verdict, the policies behind it, and what went wrong.
    fn judge(&self, request: &DecisionRequest) -> (Verdict, Vec<usize>, Vec<String>) {
        let as_it_is = self.evaluate(request);
        if !as_it_is.errors.is_empty() {
            return (Verdict::Deny, as_it_is.forbids, as_it_is.errors);
        }
        if as_it_is.allows() {
            return (Verdict::Allow, as_it_is.permits, Vec::new());
        }
        if !request.context.approved {
            let mut approved = request.clone();
            approved.context.approved = true;
            if self.permits(&approved) {
                let once_approved = self.evaluate(&approved);
                let mut deciding = as_it_is.forbids;
                deciding.extend(once_approved.permits);
                return (Verdict::RequireApproval, deciding, Vec::new());
            }
        }
        (Verdict::Deny, as_it_is.forbids, Vec::new())
    }

    /// The policies that can speak of the request.
    pub(super) fn slice(&self, request: &DecisionRequest) -> Option<&Slice> {
        self.0.slices.get(request.action as usize * 2 + request.principal.kind as usize)
    }

    /// The policies, in the order to which places refer.
    pub(super) fn rules(&self) -> &[Arc<Rule>] {
        &self.0.rules
    }

    /// Asks every policy that can speak of the request.
    pub(super) fn evaluate(&self, request: &DecisionRequest) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(slice) = self.slice(request) else {
            outcome.errors.push("no policies are prepared for this action".to_owned());
            return outcome;
        };
        outcome.forbids = self.holding(&slice.forbids, request);
        outcome.permits = self.holding(&slice.permits, request);
        if slice.needs_evaluator() {
            self.ask_evaluator(slice, request, &mut outcome);
        }
        outcome
    }

    /// Whether the request is permitted as it is. The same answer as [`Outcome::allows`], with less work.
    pub(super) fn permits(&self, request: &DecisionRequest) -> bool {
        let Some(slice) = self.slice(request) else { return false };
        let forbidden = slice.forbids.iter().any(|&place| self.holds(place, request));
        let permitted = || slice.permits.iter().any(|&place| self.holds(place, request));
        if forbidden || (slice.cedar_permits.is_empty() && !permitted()) {
            return false;
        }
        // The evaluator has the last word where it is needed at all, and its errors deny.
        !slice.needs_evaluator() || self.evaluate(request).allows()
    }

    fn holds(&self, place: usize, request: &DecisionRequest) -> bool {
        self.0.rules.get(place).and_then(|rule| rule.test.as_ref()).is_some_and(|test| test.holds(request))
    }

    fn holding(&self, places: &[usize], request: &DecisionRequest) -> Vec<usize> {
        places.iter().copied().filter(|&place| self.holds(place, request)).collect()
    }

    fn ask_evaluator(&self, slice: &Slice, request: &DecisionRequest, outcome: &mut Outcome) {
        let (question, entities) = match self.0.names.translate(request) {
            Ok(translated) => translated,
            Err(fault) => {
                outcome.errors.push(fault);
                return;
            }
        };
        for (set, effect, into) in [
            (&slice.cedar_forbids, CedarDecision::Deny, &mut outcome.forbids),
            (&slice.cedar_permits, CedarDecision::Allow, &mut outcome.permits),
        ] {
            let response = self.0.authorizer.is_authorized(&question, set, &entities);
            outcome.errors.extend(response.diagnostics().errors().map(ToString::to_string));
            if response.decision() == effect {
                let ids: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
                into.extend(
                    (0..).zip(&self.0.rules).filter(|(_, rule)| ids.contains(&rule.id)).map(|(place, _)| place),
                );
            }
            into.sort_unstable();
        }
        outcome.errors.sort();
    }

    /// The same answer from Cedar's evaluator alone, for tests.
    #[cfg(test)]
    fn evaluate_by_cedar(&self, request: &DecisionRequest) -> Outcome {
        let set = |forbids| PolicySet::from_policies(self.cedar_policies(forbids)).unwrap();
        let slice = Slice { cedar_forbids: set(true), cedar_permits: set(false), ..Slice::default() };
        let mut outcome = Outcome::default();
        self.ask_evaluator(&slice, request, &mut outcome);
        outcome
    }

    #[cfg(test)]
    fn cedar_policies(&self, forbids: bool) -> impl Iterator<Item = cedar_policy::Policy> {
        self.0.rules.iter().filter(move |rule| rule.forbids == forbids).map(|rule| rule.policy.clone())
    }

    fn obligations_of(&self, places: &[usize]) -> Vec<Obligation> {
        let mut obligations: Vec<_> = places
            .iter()
            .filter_map(|&place| self.0.rules.get(place))
            .flat_map(|rule| rule.obligations.clone())
            .collect();
        obligations.sort_unstable();
        obligations.dedup();
        obligations
    }

    fn references_to(&self, places: &[usize]) -> Vec<PolicyRef> {
        places.iter().filter_map(|&place| self.0.rules.get(place)).map(|rule| rule.reference.clone()).collect()
    }
}

impl Slice {
    fn new(rules: &[Arc<Rule>], action: Action, kind: PrincipalKind) -> Result<Self, String> {
        let mut slice = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            if rule.actions & action.bit() == 0 || rule.kind.is_some_and(|only| only != kind) {
                continue;
            }
            match (&rule.test, rule.forbids) {
                (Some(_), true) => slice.forbids.push(place),
                (Some(_), false) => slice.permits.push(place),
                (None, true) => slice.cedar_forbids.add(rule.policy.clone()).map_err(|fault| fault.to_string())?,
                (None, false) => slice.cedar_permits.add(rule.policy.clone()).map_err(|fault| fault.to_string())?,
            }
        }
        let all_of_action = rules.iter().filter(|rule| rule.actions & action.bit() != 0);
        slice.dimensions = all_of_action.map(|rule| rule.dimensions).collect();
        Ok(slice)
    }

    fn needs_evaluator(&self) -> bool {
        !(self.cedar_forbids.is_empty() && self.cedar_permits.is_empty())
    }
}

/// Each name and text with its length before it, so that no two sets of files look the same.
fn version_of<'a>(files: impl Iterator<Item = SourceFile<'a>>) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    add(shipped::SCHEMA);
    for file in files {
        add(if file.tenant { "tenant" } else { "shipped" });
        add(file.name);
        add(file.text);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
