//! What a plan is: steps that need others, and what is demanded of each. Pure.

use std::collections::{BTreeMap, BTreeSet};

use millwright_llm::Tier;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::check::Check;
use crate::Thinking;

/// The most steps of a plan, its report included.
pub(super) const MAX_STEPS: usize = 24;
/// How often a step may be tried until its checks are met.
pub(super) const MAX_ROUNDS: u8 = 5;
/// The longest question of a step.
pub(super) const MAX_QUESTION_CHARS: usize = 2_000;
/// The name of the step that writes the report.
pub(super) const REPORT: &str = "report";
const MAX_NAME_CHARS: usize = 40;
const MAX_CHECKS: usize = 8;

/// A plan that can be carried out: names are unique, nothing waits for itself, and the last step writes the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan {
    /// Each after all that it needs.
    steps: Vec<Step>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What is done.
    pub does: Does,
    /// The steps that it needs.
    pub after: Vec<String>,
    /// How many of them have to come about.
    pub join: Join,
    /// What is demanded of its answer.
    pub expects: Vec<Check>,
    /// How often it is tried until its answer is as demanded.
    pub rounds: u8,
    /// How much model it is worth; absent: what its question deserves.
    pub tier: Option<Tier>,
    /// The agent that answers; absent: the one that the question is for.
    pub agent: Option<String>,
    /// How its question is thought through before it is answered; absent: not more than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Answers a question from the documents, and from what the steps that it needs have found.
    Ask(String),
    /// Waits until a person says yes or no to this.
    Person(String),
    /// Holds the answers of the steps that it needs against `expects`.
    Check,
    /// Brings together what all steps have found, as the answer to the goal.
    Report,
}

/// How many of the steps that are needed have to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// All of them; where one does not, what needs it is skipped.
    #[default]
    All,
    /// The first; the others are stopped where nobody else needs them.
    Any,
    /// So many; the others are stopped where nobody else needs them.
    AtLeast(u8),
    /// Whatever becomes of them, as soon as they have ended.
    Settled,
}

/// Why a text is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{message}")]
pub struct PlanError {
    /// Where: a line or a step, with a colon and a space; empty for the whole.
    pub place: String,
    /// What is wrong, and what would be accepted.
    pub message: String,
}

impl PlanError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { place: String::new(), message: message.into() }
    }

    pub(super) fn too_many() -> Self {
        Self::new(format!("a plan has 1 to {} steps beside its report", MAX_STEPS - 1))
    }

    fn of(step: &str, message: impl Into<String>) -> Self {
        Self { place: format!("step `{step}`: "), message: message.into() }
    }
}

impl Plan {
    /// A plan of these steps. A report over all others is added where there is none.
    ///
    /// # Errors
    /// What keeps them from being one.
    pub fn new(mut steps: Vec<Step>) -> Result<Self, PlanError> {
        if steps.iter().any(|step| step.name == REPORT && step.does != Does::Report) {
            return Err(PlanError::of(REPORT, "that name is kept for the step that writes the report"));
        }
        if !steps.iter().any(|step| step.does == Does::Report) {
            steps.push(Step::report());
        }
        if steps.len() < 2 || steps.len() > MAX_STEPS {
            return Err(PlanError::too_many());
        }
        let names: BTreeSet<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        if names.len() < steps.len() {
            return Err(PlanError::new("two steps have the same name"));
        }
        for step in &steps {
            step.check(&names)?;
        }
        if steps.iter().filter(|step| step.does == Does::Report).count() > 1 {
            return Err(PlanError::new("a plan has one report"));
        }
        Ok(Self { steps: in_order(steps)? })
    }

    /// Each after all that it needs; the report is the last.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The canonical form, which the digest is of.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json_canonicalizer::to_vec(self).unwrap_or_default()
    }

    /// Of the canonical form, in hex.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.canonical()))
    }

    /// The same with every text changed that people or models wrote.
    #[must_use]
    pub fn with_texts(mut self, mut change: impl FnMut(&str) -> String) -> Self {
        for step in &mut self.steps {
            match &mut step.does {
                Does::Ask(text) | Does::Person(text) => *text = change(text),
                Does::Check | Does::Report => {}
            }
            step.expects.iter_mut().for_each(|check| check.with_texts(&mut change));
        }
        self
    }

    /// All texts that people or models wrote, names included.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.steps.iter().map(|step| step.name.replace(['-', '_'], " ")).collect();
        let _ = self.clone().with_texts(|text| {
            texts.push(text.to_owned());
            text.to_owned()
        });
        texts
    }

    /// Whether a step of it is thought through, which takes a language model.
    pub(super) fn thinks(&self) -> bool {
        self.steps.iter().any(|step| step.thinking.is_some())
    }

    /// What is demanded of answers, in the words of whoever wrote it.
    pub(super) fn demands(&self) -> String {
        let mut words = Vec::new();
        for check in self.steps.iter().flat_map(|step| &step.expects) {
            check.clone().with_texts(&mut |text: &str| {
                words.push(text.to_owned());
                text.to_owned()
            });
        }
        words.join("\n")
    }

    /// Whether the steps of the other plan that have begun are the same here: only what is still to come may be another.
    pub fn keeps(&self, other: &Self, begun: &BTreeSet<&str>) -> bool {
        let own: BTreeMap<&str, &Step> = self.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        other
            .steps
            .iter()
            .filter(|step| begun.contains(step.name.as_str()))
            .all(|step| own.get(&*step.name) == Some(&step))
    }
}

impl Step {
    /// A question under this name.
    pub fn ask(name: &str, question: &str) -> Self {
        Self {
            name: name.to_owned(),
            does: Does::Ask(question.to_owned()),
            after: Vec::new(),
            join: Join::All,
            expects: Vec::new(),
            rounds: 1,
            tier: None,
            agent: None,
            thinking: None,
        }
    }

    fn report() -> Self {
        Self { does: Does::Report, join: Join::Settled, ..Self::ask(REPORT, "") }
    }

    /// Whether it is one that a model or the built-in answerer works on.
    pub fn has_run(&self) -> bool {
        matches!(self.does, Does::Ask(_) | Does::Report)
    }

    fn check(&self, names: &BTreeSet<&str>) -> Result<(), PlanError> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if self.name.is_empty() || self.name.len() > MAX_NAME_CHARS || !self.name.chars().all(is_name) {
            let what = format!("a name is 1 to {MAX_NAME_CHARS} of a-z, 0-9, `-` and `_`");
            return Err(PlanError::of(&self.name, what));
        }
        let wrong = |message: String| Err(PlanError::of(&self.name, message));
        match &self.does {
            Does::Ask(text) | Does::Person(text) => {
                let chars = text.trim().chars().count();
                if chars == 0 || chars > MAX_QUESTION_CHARS || text.contains('\0') {
                    return wrong(format!("its text has {chars} characters, 1 to {MAX_QUESTION_CHARS} are possible"));
                }
            }
            Does::Check if self.expects.is_empty() => {
                return wrong("a check says in `expects` what it checks".to_owned());
            }
            Does::Check if self.after.is_empty() => {
                return wrong("a check needs steps whose answers it checks".to_owned());
            }
            Does::Report if self.name != REPORT => return wrong(format!("the report's name is `{REPORT}`")),
            Does::Check | Does::Report => {}
        }
        if let Some(missing) = self.after.iter().find(|other| !names.contains(other.as_str())) {
            return wrong(format!("it needs `{missing}`, which is no step of this plan"));
        }
        if self.after.iter().any(|other| other == REPORT) {
            return wrong("nothing comes after the report".to_owned());
        }
        if self.after.iter().collect::<BTreeSet<_>>().len() < self.after.len() {
            return wrong("it names a step twice in `after`".to_owned());
        }
        if let Join::AtLeast(count) = self.join
            && (count == 0 || usize::from(count) > self.after.len())
        {
            return wrong(format!("at_least is 1 to the number of steps that it needs, {}", self.after.len()));
        }
        if !(1..=MAX_ROUNDS).contains(&self.rounds) {
            return wrong(format!("rounds is 1 to {MAX_ROUNDS}"));
        }
        if self.rounds > 1 && self.expects.is_empty() {
            return wrong("more than one round needs `expects`, which says when it is done".to_owned());
        }
        if matches!(self.does, Does::Person(_)) && !self.expects.is_empty() {
            return wrong("what a person decides has no `expects`".to_owned());
        }
        if (self.agent.is_some() || self.thinking.is_some()) && !self.has_run() {
            return wrong("only a step that is answered has `agent` and `thinking`".to_owned());
        }
        if self.expects.len() > MAX_CHECKS {
            return wrong(format!("at most {MAX_CHECKS} checks"));
        }
        self.expects.iter().try_for_each(Check::check).or_else(wrong)
    }
}

/// The steps so that each stands after all that it needs, in the order in which they were written where that is open. The report
/// needs all that nothing else needs.
fn in_order(mut steps: Vec<Step>) -> Result<Vec<Step>, PlanError> {
    let needed: BTreeSet<String> =
        steps.iter().filter(|step| step.does != Does::Report).flat_map(|step| step.after.clone()).collect();
    let last: Vec<String> = steps
        .iter()
        .filter(|step| step.name != REPORT && !needed.contains(&step.name))
        .map(|step| step.name.clone())
        .collect();
    if let Some(report) = steps.iter_mut().find(|step| step.does == Does::Report) {
        (report.after, report.join) = (last, Join::Settled);
    }
    let mut ordered: Vec<Step> = Vec::with_capacity(steps.len());
    while !steps.is_empty() {
        let has = |name: &String| ordered.iter().any(|step| step.name == *name);
        let Some(next) = steps.iter().position(|step| step.after.iter().all(has)) else {
            let circle = steps.iter().map(|step| format!("`{}`", step.name)).collect::<Vec<_>>().join(", ");
            return Err(PlanError::new(format!("these steps wait for each other: {circle}")));
        };
        ordered.push(steps.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: &str, needs: &[&str]) -> Step {
        Step { after: needs.iter().map(ToString::to_string).collect(), ..Step::ask(name, "How much oil?") }
    }

    #[test]
    fn a_plan_ends_with_a_report_on_all_that_nothing_else_needs() {
        let plan =
            Plan::new(vec![after("c", &["a", "b"]), after("a", &[]), after("b", &["a"]), after("d", &[])]).unwrap();
        let names: Vec<&str> = plan.steps().iter().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d", "report"]);
        assert_eq!(plan.steps()[4].after, ["c", "d"]);
        assert_eq!(plan.steps()[4].join, Join::Settled);
        let again = Plan::new(plan.steps().to_vec()).unwrap();
        assert_eq!(again.sha256(), plan.sha256(), "what was made a plan stays the same plan");
    }

    #[test]
    fn what_cannot_be_carried_out_is_no_plan_and_says_why() {
        let with = |change: fn(&mut Step)| {
            let mut step = after("a", &[]);
            change(&mut step);
            Plan::new(vec![step]).unwrap_err().to_string()
        };
        for (told, refused) in [
            ("1 to 23 steps", Plan::new(Vec::new()).unwrap_err().to_string()),
            ("the same name", Plan::new(vec![after("a", &[]), after("a", &[])]).unwrap_err().to_string()),
            ("`b`, which is no step", Plan::new(vec![after("a", &["b"])]).unwrap_err().to_string()),
            ("wait for each other: `a`, `b`", {
                Plan::new(vec![after("a", &["b"]), after("b", &["a"])]).unwrap_err().to_string()
            }),
            ("a-z, 0-9", with(|step| step.name = "Step 1".into())),
            ("kept for the step that writes the report", with(|step| step.name = REPORT.into())),
            ("0 characters", with(|step| step.does = Does::Ask("  ".into()))),
            ("needs `expects`", with(|step| step.rounds = 2)),
            ("rounds is 1 to 5", with(|step| step.rounds = 0)),
            ("at_least is 1 to", with(|step| step.join = Join::AtLeast(1))),
            ("says in `expects`", with(|step| step.does = Does::Check)),
        ] {
            assert!(refused.contains(told), "{refused}");
        }
    }

    #[test]
    fn what_has_begun_stays_in_a_later_version() {
        let first = Plan::new(vec![after("a", &[]), after("b", &["a"])]).unwrap();
        let begun = BTreeSet::from(["a"]);
        let other_end = Plan::new(vec![after("a", &[]), after("c", &["a"])]).unwrap();
        assert!(other_end.keeps(&first, &begun));
        let other_begin = Plan::new(vec![Step::ask("a", "Another question?"), after("b", &["a"])]).unwrap();
        assert!(!other_begin.keeps(&first, &begun) && other_begin.keeps(&first, &BTreeSet::new()));
        assert!(!Plan::new(vec![after("b", &[])]).unwrap().keeps(&first, &begun));
    }
}
