//! How long one decision takes, in processor time: `cargo run --release -p millwright-policy --example decision_speed`.
//!
//! Four sets of policies: those that ship; 1,000 of a realistic mix; 1,000 that all speak of the one action that is asked
//! for; and 200 that only Cedar's evaluator understands. The questions are the same everywhere: four fifths ordinary work, one fifth
//! refused, of which the remedies are searched too.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::{fmt::Write, hint::black_box, time::Instant};

use millwright_core::{Classification, Role};
use millwright_policy::decision::{
    Action, ContextFacts, DecisionRequest, Engine, NetworkZone, PolicyError, PrincipalFacts, ResourceFacts, SinkFacts,
    TenantPolicy, Verdict,
};

const TOTAL: usize = 1_000;

fn main() -> Result<(), Vec<PolicyError>> {
    let shipped = Engine::new(&[])?;
    measure("shipped", &shipped, &questions());
    let add = TOTAL - shipped.policy_count();
    let started = Instant::now();
    let mixed = Engine::new(&files(&mixed_policies(add)))?;
    println!("  (1,000 policies loaded and validated in {:?})", started.elapsed());
    measure("1,000 mixed", &mixed, &questions());
    let narrow = Engine::new(&files(&one_action_policies(add)))?;
    let asked: Vec<_> = questions().into_iter().filter(|question| question.action == Action::DocumentRead).collect();
    measure("1,000 on the action asked for", &narrow, &asked);
    let evaluated = Engine::new(&files(&evaluator_policies(200)))?;
    measure("200 more for Cedar's evaluator", &evaluated, &questions());
    Ok(())
}

/// Splits policies into files that keep to the limit of size.
fn files(policies: &[String]) -> Vec<TenantPolicy> {
    let chunks = policies.chunks(200).enumerate();
    chunks.map(|(number, texts)| TenantPolicy { name: format!("file-{number}"), text: texts.concat() }).collect()
}

/// Of every ten: seven on one action with one to three conditions, one on a group of actions, one on one agent, one on all
/// actions.
fn mixed_policies(count: usize) -> Vec<String> {
    let conditions = [
        "resource.kind == \"plan-K\" && context.risk >= 40",
        "principal.groups.contains(\"group-K\") && resource.environment == \"production\" && !context.approved",
        "resource.owner == \"person-K\" && principal.role != \"admin\"",
        "resource.groups.contains(\"group-K\") && principal.clearance <= 1",
        "[\"sap-K\", \"mes-K\"].contains(resource.sink.kind) && resource.confidentiality >= 2",
        "context.minute_of_day < 360 && principal.person == \"person-K\"",
    ];
    let groups = ["read", "write", "sink", "change", "external_write"];
    (0..count)
        .map(|number| {
            let condition = conditions[number % conditions.len()].replace('K', &number.to_string());
            let action = Action::ALL[number * 7 % Action::ALL.len()];
            let scope = match number % 10 {
                7 => format!("principal, action in Action::\"{}\", resource", groups[number / 10 % groups.len()]),
                8 => format!("principal == Agent::\"agent-{number}\", action, resource"),
                9 => "principal, action, resource".to_owned(),
                _ => format!("principal, action == Action::\"{action}\", resource"),
            };
            format!("@id(\"p{number}\") forbid ({scope}) when {{ {condition} }};\n")
        })
        .collect()
}

fn one_action_policies(count: usize) -> Vec<String> {
    mixed_policies(count)
        .into_iter()
        .map(|text| {
            let (head, rest) = text.split_once("forbid (").unwrap_or_default();
            let condition = rest.split_once(") when").map(|(_, condition)| condition).unwrap_or_default();
            format!("{head}forbid (principal, action == Action::\"document.read\", resource) when{condition}")
        })
        .collect()
}

fn evaluator_policies(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let action = Action::ALL[number * 7 % Action::ALL.len()];
            format!(
                "@id(\"e{number}\") forbid (principal, action == Action::\"{action}\", resource) \
                 when {{ resource.id like \"draft-{number}-*\" && context.risk + 5 > 40 }};\n"
            )
        })
        .collect()
}

/// Ten different questions, two of which are refused.
fn questions() -> Vec<DecisionRequest> {
    let viewer = || PrincipalFacts::user("usr_1", Role::Viewer).in_group("maintenance").in_group("plant-2");
    let operator =
        || PrincipalFacts::user("usr_2", Role::Operator).cleared(Classification::Confidential).in_group("plant-2");
    let agent = || PrincipalFacts::agent("agt_1", "usr_2", Role::Operator).of_tier(2).in_group("plant-2");
    let thing = |kind: &str| ResourceFacts::new(kind, "0198c5a1b2c37d4e8f90123456789abc", Classification::Internal);
    let model = SinkFacts::on_site("model", Classification::Confidential);
    let erp = SinkFacts::on_site("erp", Classification::Confidential);
    let now = || ContextFacts::at(1_790_000_000, 120).from_zone(NetworkZone::Internal).with_risk(12);
    [
        (viewer(), Action::ChatAsk, thing("chat")),
        (viewer(), Action::DocumentRead, thing("document").for_group("plant-2")),
        (operator(), Action::DocumentSearch, thing("index")),
        (agent(), Action::ModelCall, thing("prompt").to_sink(model)),
        (agent(), Action::ConnectorRead, thing("order")),
        (agent(), Action::OperationPropose, thing("order")),
        (operator(), Action::DocumentUpload, thing("document")),
        (agent(), Action::ExternalWrite, thing("order").to_sink(erp)),
        (
            viewer(),
            Action::DocumentRead,
            ResourceFacts { confidentiality: Classification::Restricted, ..thing("document") },
        ),
        (viewer(), Action::PolicyChange, thing("policy")),
    ]
    .into_iter()
    .map(|(principal, action, resource)| DecisionRequest::new(principal, action, resource).with_context(now()))
    .collect()
}

/// Processor time of this thread, so that what else the machine does is not counted.
fn processor_micros() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1000.0
}

fn measure(name: &str, engine: &Engine, questions: &[DecisionRequest]) {
    let rounds = 20_000 / questions.len();
    let mut all = Vec::with_capacity(rounds * questions.len());
    let mut refused = Vec::new();
    for round in 0..rounds + 200 {
        for question in questions {
            let started = processor_micros();
            let decision = black_box(engine.decide(black_box(question)));
            let took = processor_micros() - started;
            if round >= 200 {
                all.push(took);
                if decision.verdict == Verdict::Deny {
                    refused.push(took);
                }
            }
        }
    }
    let mut line =
        format!("{name}: {} policies ({} in the evaluator)", engine.policy_count(), engine.evaluator_count());
    for (what, mut times) in [("all", all), ("refused", refused)] {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
        let _ = write!(line, "; {what}: p50 {:.1} µs, p99 {:.1} µs, {} taken", at(0.5), at(0.99), times.len());
    }
    println!("{line}");
}
