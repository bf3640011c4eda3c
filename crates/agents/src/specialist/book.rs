//! Which agents hold for each tenant, remembered for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use millwright_core::{Label, TenantScope};
use millwright_store::{
    Store, StoreError,
    tenant::{AgentStamp, AgentStateRow},
};

use super::{
    Acting, Choice, ChosenBy, GENERALIST, RunnerUp, Specialist,
    router::{Near, Router},
    shipped,
};

/// A change is seen everywhere within this time.
const REMEMBERED: Duration = Duration::from_millis(500);
/// So many tenants are remembered; more are read again when they come.
const MOST_TENANTS: usize = 1_000;

/// The agents of a tenant that answer.
#[derive(Debug)]
pub struct Roster {
    agents: Vec<Arc<Specialist>>,
    router: Router,
}

impl Roster {
    fn new(agents: Vec<Arc<Specialist>>) -> Self {
        let router = Router::new(agents.iter().map(AsRef::as_ref));
        Self { agents, router }
    }

    /// Those that ship, with what a tenant has said of them and its own. One that this version cannot read does not answer, and
    /// the one that ships under its name does not take its place: only the generalist's, as there always is one.
    fn of(states: Vec<AgentStateRow>) -> Self {
        let mut agents: Vec<_> = shipped().iter().map(|agent| Arc::new(agent.clone())).collect();
        for AgentStateRow { name, enabled, active, definition, .. } in states {
            let at = agents.iter().position(|agent| agent.definition.name == name);
            let own = definition.zip(active).map(|(text, number)| Specialist::read(&text, Some(number)));
            match (own, at) {
                (Some(Ok(own)), Some(at)) if enabled => agents[at] = Arc::new(own),
                (Some(Ok(own)), None) if enabled => agents.push(Arc::new(own)),
                (None, _) if enabled => {}
                (own, at) => {
                    if matches!(own, Some(Err(_))) {
                        tracing::warn!(agent = name, "the definition in force cannot be read by this version");
                    }
                    if let Some(at) = at.filter(|_| name != GENERALIST) {
                        agents.remove(at);
                    }
                }
            }
        }
        Self::new(agents)
    }

    /// The agents, those that ship first.
    pub fn agents(&self) -> &[Arc<Specialist>] {
        &self.agents
    }

    /// The agent of this name; `None` where none of it answers.
    pub fn get(&self, name: &str) -> Option<&Arc<Specialist>> {
        self.agents.iter().find(|agent| agent.definition.name == name)
    }

    /// The agent that a question is for, among those that may read it; the generalist where it is clearly nobody's.
    pub(crate) fn route(&self, question: &str, label: &Label) -> Option<Acting> {
        let may = |near: &Near| self.agents[near.agent].definition.labels.clearance().may_have(label);
        let near: Vec<Near> = self.router.near(question).into_iter().filter(may).collect();
        let best = near.first()?;
        let is_clear = Router::is_clear(&near);
        let chosen = if is_clear { best } else { near.iter().find(|near| self.is_generalist(near)).unwrap_or(best) };
        let runner_up = near.iter().find(|other| other.agent != chosen.agent && other.score > 0.0);
        let choice = Choice {
            by: if is_clear { ChosenBy::Nearest } else { ChosenBy::Unsure },
            score: Some(rounded(chosen.score)),
            nearest: chosen.example.clone().filter(|_| is_clear),
            words: if is_clear { chosen.words.clone() } else { Vec::new() },
            runner_up: runner_up.map(|near| {
                let definition = &self.agents[near.agent].definition;
                let (name, title) = (definition.name.clone(), definition.title.clone());
                RunnerUp { name, title, score: rounded(near.score) }
            }),
        };
        Some(Acting::new(&self.agents[chosen.agent], choice))
    }

    fn is_generalist(&self, near: &Near) -> bool {
        self.agents[near.agent].definition.name == GENERALIST
    }
}

fn rounded(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

/// A roster with what it was made of, and when that was looked at.
struct Remembered {
    roster: Arc<Roster>,
    stamps: Vec<AgentStamp>,
    looked: Instant,
}

struct Inner {
    store: Store,
    tenants: Mutex<HashMap<TenantScope, Remembered>>,
}

/// The agents of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Specialists(Arc<Inner>);

impl std::fmt::Debug for Specialists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Specialists").finish_non_exhaustive()
    }
}

impl Specialists {
    /// Knows none yet.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner { store, tenants: Mutex::default() }))
    }

    /// The agents that answer for the tenant, at most half a second old.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn of(&self, scope: &TenantScope) -> Result<Arc<Roster>, StoreError> {
        static AS_SHIPPED: LazyLock<Arc<Roster>> = LazyLock::new(|| Arc::new(Roster::of(Vec::new())));
        let known = {
            let tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            tenants.get(scope).map(|known| (Arc::clone(&known.roster), known.stamps.clone(), known.looked))
        };
        if let Some((roster, ..)) = known.as_ref().filter(|known| known.2.elapsed() < REMEMBERED) {
            return Ok(Arc::clone(roster));
        }
        let mut tx = self.0.store.tenant(scope).read().await?;
        let stamps = tx.agents().stamps().await?;
        // Versions are never changed: what they were made into then, they are.
        let roster = match known {
            Some((roster, known, _)) if known == stamps => roster,
            _ if stamps.is_empty() => Arc::clone(&AS_SHIPPED),
            _ => Arc::new(Roster::of(tx.agents().states().await?)),
        };
        drop(tx);
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST_TENANTS {
            tenants.clear();
        }
        tenants.insert(*scope, Remembered { roster: Arc::clone(&roster), stamps, looked: Instant::now() });
        Ok(roster)
    }

    /// Looks anew at the next question: this process has just changed something.
    pub fn forget(&self, scope: &TenantScope) {
        self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Classification;

    use super::*;

    fn state(name: &str, enabled: bool, definition: Option<&str>) -> AgentStateRow {
        let (active, definition) = (definition.map(|_| 3), definition.map(str::to_owned));
        AgentStateRow { name: name.into(), enabled, active, definition, latest: active }
    }

    fn names(roster: &Roster) -> Vec<&str> {
        roster.agents().iter().map(|agent| agent.definition.name.as_str()).collect()
    }

    const BUYER: &str = "name: buyer\ntitle: Buyer\npurpose: Prices and orders.\ntools: []\nwords: [purchase order]\n";

    #[test]
    fn a_tenants_own_take_the_place_of_those_that_ship_and_stand_beside_them() {
        let advisor = "name: maintenance-advisor\ntitle: Fitter\npurpose: Repairs.\ntools: [date]\n";
        let roster =
            Roster::of(vec![state("buyer", true, Some(BUYER)), state("maintenance-advisor", true, Some(advisor))]);
        let all = ["document-analyst", "maintenance-advisor", "data-analyst", "generalist", "buyer"];
        assert_eq!(names(&roster), all);
        let fitter = roster.get("maintenance-advisor").unwrap();
        assert_eq!((fitter.definition.title.en.as_str(), fitter.version), ("Fitter", Some(3)));
        let routed = roster.route("Show me the purchase order.", &Label::LOWEST).unwrap().shown.unwrap();
        assert_eq!(
            (routed.name.as_str(), routed.choice.by, &routed.choice.words[..]),
            ("buyer", ChosenBy::Nearest, &["purchase order".to_owned()][..])
        );
    }

    #[test]
    fn what_is_out_of_service_or_cannot_be_read_does_not_answer() {
        let roster = Roster::of(vec![
            state("buyer", false, Some(BUYER)),
            state("data-analyst", false, None),
            state("document-analyst", true, Some("verify: false")),
            state("seller", true, None),
        ]);
        assert_eq!(names(&roster), ["maintenance-advisor", "generalist"]);
    }

    #[test]
    fn a_generalist_that_cannot_be_read_leaves_questions_to_the_one_that_ships() {
        let roster = Roster::of(vec![state(GENERALIST, true, Some("verify: false"))]);
        assert_eq!(roster.get(GENERALIST).unwrap().version, None);
        let routed = roster.route("xyzzy", &Label::LOWEST).unwrap().shown.unwrap();
        assert_eq!((routed.name.as_str(), routed.version), (GENERALIST, None));
    }

    #[test]
    fn nobody_is_chosen_for_what_it_may_not_read() {
        let narrow = "name: buyer\ntitle: Buyer\npurpose: Prices.\ntools: []\nlabels: { up_to: INTERNAL }\nwords: [purchase order, price]\n";
        let roster = Roster::of(vec![state("buyer", true, Some(narrow))]);
        let chosen = |classification| {
            let label = Label::of(classification);
            roster.route("Which price has the purchase order?", &label).unwrap().shown.unwrap()
        };
        assert_eq!(chosen(Classification::Internal).name, "buyer");
        assert_eq!(
            (chosen(Classification::Confidential).name.as_str(), chosen(Classification::Confidential).choice.by),
            (GENERALIST, ChosenBy::Unsure)
        );
    }
}
