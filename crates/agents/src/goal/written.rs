//! Plans as people and models write them: YAML of nested pipelines and branches, or of steps that name what they need.
//!
//! ```yaml
//! pipeline:
//!   - fan_out:
//!       join: all
//!       branches:
//!         - ask: How much grease do the motor bearings take?
//!           name: grease
//!           expects: [answered, figure_in: g]
//!         - ask: How often are they greased?
//!   - person: Are these the bearings of line 3?
//!   - ask: What has to be locked out before?
//!     expects: [says: lockout]
//!     rounds: 3
//!     agent: maintenance-advisor
//!     thinking: red_team
//! ```

use millwright_llm::Tier;
use millwright_policy::decision::read_declaration;
use serde::{Deserialize, Serialize};

use super::{
    check::Check,
    plan::{Does, Join, MAX_STEPS, Plan, PlanError, Step},
};
use crate::Thinking;

/// The longest text of a plan, bytes.
pub const MAX_PLAN_BYTES: usize = 64 << 10;

/// Steps that were composed.
#[derive(Debug, Clone, PartialEq)]
pub enum Flow {
    /// One step; what it needs is named, or follows from where it stands.
    Step(Step),
    /// Each after the one before it.
    Pipeline(Vec<Flow>),
    /// All at once; what comes next needs so many of them.
    FanOut(Join, Vec<Flow>),
    /// Each needs what it names.
    Steps(Vec<Flow>),
}

/// A node as it is written: exactly one of its first six fields.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Node {
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<Vec<Node>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fan_out: Option<Branches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Node>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// Demands on the answers before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Vec<Check>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    join: Option<Join>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expects: Vec<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Tier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Branches {
    #[serde(default)]
    join: Join,
    branches: Vec<Node>,
}

/// Reads a plan.
///
/// # Errors
/// Where it is none, and why.
pub fn read(text: &str) -> Result<Plan, PlanError> {
    if text.len() > MAX_PLAN_BYTES {
        return Err(PlanError::new(format!("a plan has at most {} KiB", MAX_PLAN_BYTES >> 10)));
    }
    let node: Node = read_declaration(text).map_err(|error| {
        let line = error.line.map_or(String::new(), |line| format!("line {line}: "));
        let path = if error.path.is_empty() { String::new() } else { format!("{}: ", error.path) };
        PlanError { place: line + &path, message: error.message }
    })?;
    node.flow()?.plan()
}

/// A plan as a person would write it: its steps without the report, each with what it needs.
pub fn write(plan: &Plan) -> String {
    let steps = plan.steps().iter().filter(|step| step.does != Does::Report).map(Node::of).collect();
    serde_saphyr::to_string(&Node { steps: Some(steps), ..Node::default() }).unwrap_or_default()
}

impl Node {
    fn of(step: &Step) -> Self {
        let (ask, person, check) = match &step.does {
            Does::Ask(text) => (Some(text.clone()), None, None),
            Does::Person(text) => (None, Some(text.clone()), None),
            Does::Check => (None, None, Some(step.expects.clone())),
            Does::Report => (None, None, None),
        };
        Self {
            expects: if check.is_some() { Vec::new() } else { step.expects.clone() },
            ask,
            person,
            check,
            name: Some(step.name.clone()),
            after: step.after.clone(),
            join: (step.join != Join::All).then_some(step.join),
            rounds: (step.rounds != 1).then_some(step.rounds),
            tier: step.tier,
            agent: step.agent.clone(),
            thinking: step.thinking,
            ..Self::default()
        }
    }

    fn flow(self) -> Result<Flow, PlanError> {
        let kinds = [
            self.pipeline.is_some(),
            self.fan_out.is_some(),
            self.steps.is_some(),
            self.ask.is_some(),
            self.person.is_some(),
            self.check.is_some(),
        ];
        if kinds.iter().filter(|is_there| **is_there).count() != 1 {
            let what = "each node has exactly one of `pipeline`, `fan_out`, `steps`, `ask`, `person` and `check`";
            return Err(PlanError::new(what));
        }
        let all = |nodes: Vec<Self>| nodes.into_iter().map(Self::flow).collect::<Result<Vec<_>, _>>();
        if let Some(nodes) = self.pipeline {
            return Ok(Flow::Pipeline(all(nodes)?));
        }
        if let Some(nodes) = self.steps {
            return Ok(Flow::Steps(all(nodes)?));
        }
        if let Some(Branches { join, branches }) = self.fan_out {
            return Ok(Flow::FanOut(join, all(branches)?));
        }
        let (does, expects) = match (self.ask, self.person, self.check) {
            (Some(question), ..) => (Does::Ask(question), self.expects),
            (_, Some(text), _) => (Does::Person(text), self.expects),
            (.., checks) => (Does::Check, checks.unwrap_or_default()),
        };
        Ok(Flow::Step(Step {
            name: self.name.unwrap_or_default(),
            does,
            after: self.after,
            join: self.join.unwrap_or_default(),
            expects,
            rounds: self.rounds.unwrap_or(1),
            tier: self.tier,
            agent: self.agent,
            thinking: self.thinking,
        }))
    }
}

impl Flow {
    /// The plan that it comes to. Steps without a name are numbered.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn plan(self) -> Result<Plan, PlanError> {
        // Before they are laid out, where each takes the names of all that it needs.
        if self.steps() >= MAX_STEPS {
            return Err(PlanError::too_many());
        }
        let mut steps = Vec::new();
        self.lay_out(&mut steps, (&[], Join::All));
        Plan::new(steps)
    }

    fn steps(&self) -> usize {
        match self {
            Self::Step(_) => 1,
            Self::Pipeline(flows) | Self::FanOut(_, flows) | Self::Steps(flows) => flows.iter().map(Self::steps).sum(),
        }
    }

    /// Adds its steps, the first of which need `before`; returns those that come last, and how many of them are needed.
    fn lay_out(self, steps: &mut Vec<Step>, (before, join): (&[String], Join)) -> (Vec<String>, Join) {
        match self {
            Self::Step(mut step) => {
                if step.after.is_empty() {
                    step.after = before.to_vec();
                    if step.join == Join::All {
                        step.join = join;
                    }
                }
                if step.name.is_empty() {
                    step.name = format!("step-{}", steps.len() + 1);
                }
                let name = step.name.clone();
                steps.push(step);
                (vec![name], Join::All)
            }
            Self::Pipeline(flows) => flows
                .into_iter()
                .fold((before.to_vec(), join), |(before, join), flow| flow.lay_out(steps, (&before, join))),
            Self::FanOut(next, flows) => (Self::side_by_side(flows, steps, (before, join)), next),
            Self::Steps(flows) => (Self::side_by_side(flows, steps, (before, join)), Join::All),
        }
    }

    fn side_by_side(flows: Vec<Self>, steps: &mut Vec<Step>, before: (&[String], Join)) -> Vec<String> {
        flows.into_iter().flat_map(|flow| flow.lay_out(steps, before).0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "
pipeline:
  - fan_out:
      join: {at_least: 1}
      branches:
        - ask: How much grease do the bearings take?
          name: grease
          expects: [answered, figure_in: g]
        - pipeline:
            - ask: Which bearings are there?
            - ask: How often are they greased?
  - person: Are these the bearings of line 3?
    name: sure
  - check: [documents: 2]
    name: two-sources
    after: [grease]
  - ask: What has to be locked out before?
    name: lockout
    expects: [says: lock]
    rounds: 3
    tier: HEAVY
    agent: maintenance-advisor
";

    #[test]
    fn a_composition_comes_to_steps_with_what_they_need() {
        let plan = read(WRITTEN).unwrap();
        let needs: Vec<String> = plan
            .steps()
            .iter()
            .map(|step| format!("{} < {} {:?}", step.name, step.after.join(","), step.join))
            .collect();
        assert_eq!(
            needs,
            [
                "grease <  All",
                "step-2 <  All",
                "step-3 < step-2 All",
                "sure < grease,step-3 AtLeast(1)",
                "two-sources < grease All",
                "lockout < two-sources All",
                "report < sure,lockout Settled",
            ]
        );
        assert_eq!(plan.steps()[5].rounds, 3);
        assert_eq!(
            (plan.steps()[5].tier, plan.steps()[5].agent.as_deref()),
            (Some(Tier::Heavy), Some("maintenance-advisor"))
        );
        assert_eq!(plan.steps()[4].expects, [Check::Documents(2)]);
    }

    #[test]
    fn what_is_written_is_read_as_the_same_plan() {
        let plan = read(WRITTEN).unwrap();
        let text = write(&plan);
        assert_eq!(read(&text).unwrap(), plan, "{text}");
        let json = r#"{"steps": [{"ask": "How much oil?"}]}"#;
        assert_eq!(read(json).unwrap().steps()[0].name, "step-1", "JSON is YAML");
    }

    #[test]
    fn a_plan_of_thousands_of_steps_is_refused_before_it_is_laid_out() {
        let branches = "{ask: a},".repeat(3_000);
        let all = format!(
            "pipeline: [{{fan_out: {{branches: &b [{branches}]}}}}, {{fan_out: {{branches: *b}}}}, {{fan_out: {{branches: *b}}}}]"
        );
        let refused = read(&all).unwrap_err().to_string();
        assert!(refused.contains("1 to 23 steps"), "{refused}");
    }

    #[test]
    fn a_text_that_is_no_plan_is_refused_with_its_place() {
        for (text, told) in [
            ("pipeline:\n  - aks: What?\n", "line 2: "),
            ("pipeline: []", "1 to 23 steps"),
            ("ask: a\nperson: b", "exactly one of `pipeline`"),
            ("steps:\n  - ask: a\n    expects: [nice]", "line 3: "),
            ("- ask: a", "line 1: "),
            ("", "exactly one of"),
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }
}
