use serde::{Deserialize, Serialize};

use super::{
    Action, ContextFacts, DecisionRequest, Engine, Obligation, PrincipalFacts, ResourceFacts, Verdict, shipped, yaml,
};

/// A question and the answer that policies must give to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    principal: PrincipalFacts,
    action: Action,
    resource: ResourceFacts,
    #[serde(default)]
    context: ContextFacts,
    expect: Expected,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: Verdict,
    /// Exactly these, where given.
    obligations: Option<Vec<Obligation>>,
    /// At least these among those that determine the verdict.
    #[serde(default)]
    policies: Vec<String>,
    /// Exactly these sentences, where given.
    would_allow: Option<Vec<String>>,
}

/// How a table of cases came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CaseReport {
    /// How many cases came out as expected.
    pub passed: usize,
    /// Those that did not.
    pub failures: Vec<CaseFailure>,
    /// Actions that no case asks for.
    pub untested_actions: Vec<Action>,
    /// What is wrong with the table itself; then nothing was run.
    pub errors: Vec<String>,
}

impl CaseReport {
    /// Whether there were cases and all of them came out as expected.
    pub fn is_clean(&self) -> bool {
        self.passed > 0 && self.failures.is_empty() && self.errors.is_empty()
    }
}

/// A case that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CaseFailure {
    /// The case.
    pub name: String,
    /// What differs, one sentence each.
    pub differences: Vec<String>,
}

/// The table of cases that the shipped policies are held to, as YAML.
pub const fn shipped_cases() -> &'static str {
    shipped::CASES
}

/// Asks every question of a table in YAML and compares the answers.
pub fn run_cases(engine: &Engine, table: &str) -> CaseReport {
    let mut report = CaseReport { passed: 0, failures: Vec::new(), untested_actions: Vec::new(), errors: Vec::new() };
    let cases: Vec<Case> = match yaml::read(table) {
        Ok(cases) => cases,
        Err(fault) => {
            report.errors.push(fault.to_string());
            return report;
        }
    };
    let mut names = std::collections::BTreeSet::new();
    report.errors.extend(
        cases.iter().filter(|case| !names.insert(&case.name)).map(|case| format!("`{}` stands there twice", case.name)),
    );
    report.untested_actions =
        Action::ALL.iter().copied().filter(|action| cases.iter().all(|case| case.action != *action)).collect();
    for case in cases {
        let differences = differences(engine, &case);
        if differences.is_empty() {
            report.passed += 1;
        } else {
            report.failures.push(CaseFailure { name: case.name, differences });
        }
    }
    report
}

fn differences(engine: &Engine, case: &Case) -> Vec<String> {
    let request = DecisionRequest {
        principal: case.principal.clone(),
        action: case.action,
        resource: case.resource.clone(),
        context: case.context.clone(),
    };
    let decision = engine.decide(&request);
    let expected = &case.expect;
    let mut differences = Vec::new();
    if decision.verdict != expected.verdict {
        differences.push(format!("expected {}, came out {}", expected.verdict, decision.verdict));
    }
    if let Some(obligations) = &expected.obligations {
        let mut wanted = obligations.clone();
        wanted.sort_unstable();
        if wanted != decision.obligations {
            differences.push(format!("expected the obligations {wanted:?}, came out {:?}", decision.obligations));
        }
    }
    let determining: Vec<_> = decision.policies.iter().map(|policy| policy.id.as_str()).collect();
    for id in &expected.policies {
        if !determining.contains(&id.as_str()) {
            differences.push(format!("expected the policy {id} to decide, but it was {determining:?}"));
        }
    }
    if let Some(sentences) = &expected.would_allow
        && *sentences != decision.would_allow
    {
        differences.push(format!("expected it to be allowed once {sentences:?}, came out {:?}", decision.would_allow));
    }
    differences.extend(decision.errors.into_iter().map(|error| format!("error: {error}")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_cases_hold_and_ask_for_every_action() {
        let report = run_cases(&Engine::new(&[]).unwrap(), shipped_cases());
        assert!(report.is_clean(), "{report:#?}");
        assert_eq!(report.untested_actions, []);
        assert!(report.passed >= 40);
    }

    #[test]
    fn a_case_that_does_not_hold_is_told_and_so_is_a_broken_table() {
        let engine = Engine::new(&[]).unwrap();
        let wrong = "
- name: viewers delete
  principal: { id: anna, role: viewer, clearance: INTERNAL }
  action: document.delete
  resource: { kind: document, id: d, confidentiality: PUBLIC }
  expect: { verdict: ALLOW, obligations: [redact], policies: [read.people], would_allow: [] }
";
        let report = run_cases(&engine, wrong);
        assert_eq!((report.passed, report.failures.len(), report.failures[0].differences.len()), (0, 1, 4));
        assert!(!report.is_clean());
        let twice = format!("{wrong}{wrong}");
        assert_eq!(run_cases(&engine, &twice).errors.len(), 1);
        let broken = run_cases(&engine, &wrong.replace("verdict: ALLOW", "verdict: MAYBE"));
        assert!(broken.errors[0].contains("[0].expect.verdict"), "{:?}", broken.errors);
        assert!(!run_cases(&engine, "[]").is_clean(), "no case proves nothing");
    }
}
