//! From a goal over its plan to a report, in one process and over the deaths of several.

use std::{sync::Arc, time::Duration};

use millwright_agents::goal::{Goals, Limits, NewGoalRequest};
use millwright_core::{Classification, ToProblem, id::GoalId};
use millwright_scripted_model::{Script, ScriptedModel, Turn, When};
use millwright_store::tenant::{GoalRow, GoalStatus, GoalStepRow, SearchFilter};

use crate::{
    reading,
    support::{Plant, Process},
};

const GOAL: &str = "Prepare the service of the bearings of pump P-101.";
const PLAN: &str = "
pipeline:
  - fan_out:
      branches:
        - ask: How often must the bearings be greased?
          name: interval
          expects: [answered]
        - ask: Which grease do the bearings take?
          name: amount
  - ask: Which torque do M8 screws take?
    name: torque
";

/// Goals of a process that looks at them until it or the test ends.
struct Pursuing {
    goals: Goals,
    process: Process,
    _ends: tokio_util::sync::DropGuard,
}

impl Pursuing {
    fn new(process: Process) -> Self {
        let goals = process.goals();
        let (looking, stop) = (goals.clone(), process.stop.clone());
        process.tracker.spawn(async move { looking.run(stop).await });
        let ends = process.stop.clone().drop_guard();
        Self { goals, process, _ends: ends }
    }

    async fn create(&self, plant: &Plant, request: NewGoalRequest) -> GoalId {
        self.goals.create(&plant.principal, request).await.unwrap()
    }
}

fn request(plan: Option<&str>) -> NewGoalRequest {
    NewGoalRequest {
        goal: GOAL.to_owned(),
        plan: plan.map(str::to_owned),
        review: false,
        tier: None,
        classification: Classification::Internal,
        filter: SearchFilter::default(),
        limits: Limits::default(),
        trace_id: "0".repeat(32),
    }
}

async fn standing(plant: &Plant, id: GoalId) -> (GoalRow, Vec<GoalStepRow>) {
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let goal = tx.goals().require(id, plant.principal.user_id).await.unwrap();
    let steps = tx.goals().steps(id).await.unwrap();
    (goal, steps)
}

async fn waits_for(
    plant: &Plant,
    id: GoalId,
    is_so: impl Fn(&GoalRow, &[GoalStepRow]) -> bool,
) -> (GoalRow, Vec<GoalStepRow>) {
    for _ in 0..400 {
        let (goal, steps) = standing(plant, id).await;
        if is_so(&goal, &steps) {
            return (goal, steps);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to that: {:?}", standing(plant, id).await);
}

async fn ends(plant: &Plant, id: GoalId) -> (GoalRow, Vec<GoalStepRow>) {
    waits_for(plant, id, |goal, _| goal.status.is_end()).await
}

fn words(steps: &[GoalStepRow]) -> Vec<String> {
    steps.iter().map(|step| format!("{} {}", step.name, step.status.as_str())).collect()
}

async fn answer_of(plant: &Plant, step: &GoalStepRow) -> String {
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let (conversation, message) = (step.conversation_id.unwrap().into(), step.message_id.unwrap().into());
    tx.messages().get(conversation, message).await.unwrap().unwrap().content
}

fn step<'s>(steps: &'s [GoalStepRow], name: &str) -> &'s GoalStepRow {
    steps.iter().find(|step| step.name == name).unwrap()
}

#[tokio::test]
async fn a_plan_is_carried_out_and_its_report_says_what_its_steps_have_cited() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let id = pursuing.create(&plant, request(Some(PLAN))).await;
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!((goal.status, goal.error_code), (GoalStatus::Finished, None), "{steps:?}");
    assert_eq!(words(&steps), ["amount done", "interval done", "report done", "torque done"]);
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let run = tx.runs().get(step(&steps, "amount").run_id.unwrap().into()).await.unwrap().unwrap();
    assert_eq!(run.goal_id, Some(id.uuid()), "a run says of which goal it is a step");
    drop(tx);
    let interval = answer_of(&plant, step(&steps, "interval")).await;
    assert!(interval.contains("every 2,000 operating hours"), "{interval}");
    let report = answer_of(&plant, step(&steps, "report")).await;
    for said in ["every 2,000 operating hours", "lithium grease NLGI 2", "25 Nm", "[3]"] {
        assert!(report.contains(said), "{report}");
    }
    let begun = |name: &str| step(&steps, name).started_at.unwrap();
    let ended = |name: &str| step(&steps, name).finished_at.unwrap();
    assert!(begun("torque") >= ended("interval").max(ended("amount")), "it needs both");
    assert!(begun("report") >= ended("torque"));
    let audit = "SELECT action FROM audit_entries WHERE action LIKE 'goal%' ORDER BY id";
    assert_eq!(plant.database.peek(audit).await, ["goal.created", "goal.planned", "goal.finished"]);
    // Its conversations are shown with the goal, not among those of the person.
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let clearance = tx.labels().clearance(plant.principal.user_id).await.unwrap();
    let page = millwright_core::PageRequest { limit: 50, after: None };
    let listed = tx.conversations().list(plant.principal.user_id, (None, &clearance), page).await.unwrap();
    assert!(listed.items.is_empty(), "{listed:?}");
}

#[tokio::test]
async fn a_goal_without_a_plan_says_at_once_that_it_needs_a_language_model() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let refused = pursuing.goals.create(&plant.principal, request(None)).await.unwrap_err();
    assert_eq!(refused.problem().code.as_str(), "not_configured");
    let broken = NewGoalRequest { plan: Some("pipeline: [{ask: a, after: [b]}]".to_owned()), ..request(None) };
    let refused = pursuing.goals.create(&plant.principal, broken).await.unwrap_err().problem();
    assert_eq!(refused.code.as_str(), "validation_failed");
    assert!(refused.fields[0].message.contains("`b`, which is no step"), "{refused}");
    assert_eq!(plant.database.peek("SELECT count(*)::text FROM goals").await, ["0"]);
}

const GREASED: &str = "Grease the bearings every 2,000 operating hours, but at least once a year [1].";

/// Says these plans one after the other, and what the documents hold to whoever asks.
fn planner(plans: &[&str]) -> ScriptedModel {
    let plans = plans.iter().map(|plan| {
        Turn::say(plan)
            .when(When { system_contains: "You plan how a goal is reached".into(), ..When::default() })
            .times(1)
    });
    ScriptedModel::start(Script::of(plans.chain([Turn::say(GREASED)]))).unwrap()
}

#[tokio::test]
async fn a_model_plans_what_was_no_plan_goes_back_and_the_plan_waits_for_approval_by_its_digest() {
    let plant = Plant::new().await;
    let server = planner(&[
        "I would ask about the grease.",
        r#"{"steps": [{"name": "grease", "ask": "How often must the bearings be greased?", "after": []}]}"#,
    ]);
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let id = pursuing.create(&plant, NewGoalRequest { review: true, ..request(None) }).await;
    let (goal, steps) = waits_for(&plant, id, |goal, _| goal.status != GoalStatus::Planning).await;
    assert_eq!((goal.status, goal.plan_version), (GoalStatus::Proposed, 1), "{goal:?}");
    assert_eq!(words(&steps), ["grease pending", "report pending"]);
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].body.contains("That is no plan: it has no JSON object"), "{}", asked[1].body);
    let plan = |goal: GoalId| async move {
        format!("SELECT sha256 FROM goal_plans WHERE goal_id = '{}' ORDER BY version DESC", goal.uuid())
    };
    let sha256 = plant.database.peek(&plan(id).await).await.remove(0);
    let approve = async |digest: &str| pursuing.goals.approve(&plant.principal, id, digest, "t").await;
    assert_eq!(approve(&"0".repeat(64)).await.unwrap_err().problem().code.as_str(), "stale_target");
    // A person changes the plan: the digest that was read before approves nothing any more.
    let other =
        "steps: [{ask: How often must the bearings be greased?, name: grease, expects: [figure_in: operating hours]}]";
    let change = (other.to_owned(), sha256.as_str());
    pursuing.goals.change_plan(&plant.principal, id, change, "t").await.unwrap();
    assert_eq!(approve(&sha256).await.unwrap_err().problem().code.as_str(), "stale_target");
    let sha256 = plant.database.peek(&plan(id).await).await.remove(0);
    approve(&sha256).await.unwrap();
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
    assert_eq!(goal.plan_version, 2);
    let audit = "SELECT action FROM audit_entries WHERE action LIKE 'goal%' ORDER BY id";
    let said = ["goal.created", "goal.planned", "goal.planned", "goal.approved", "goal.finished"];
    assert_eq!(plant.database.peek(audit).await, said);
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    let usage = tx.goals().usage(&goal).await.unwrap();
    assert_eq!((usage.calls, usage.runs), (4, 2), "two of the planner, one for each run");
}

#[tokio::test]
async fn a_step_is_tried_again_with_what_was_wrong_until_its_check_is_met_or_its_rounds_are_over() {
    let plant = Plant::new().await;
    let first = Turn::say("Do not overfill the bearing: too much grease makes it hot [1].").times(1);
    let server = ScriptedModel::start(Script::of([first, Turn::say(GREASED)])).unwrap();
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let plan =
        "ask: How often must the bearings be greased?\nname: a\nexpects: [figure_in: operating hours]\nrounds: 2";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
    assert_eq!(step(&steps, "a").round, 2);
    let asked = server.requests();
    assert!(
        asked[1].body.contains("Your answer before did not do: the answer has to name a figure in operating hours")
    );
    let never = plan.replace("operating hours", "bar");
    let id = pursuing.create(&plant, request(Some(&never))).await;
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!((goal.status, goal.error_code.as_deref()), (GoalStatus::Failed, Some("check_failed")), "{goal:?}");
    assert_eq!(words(&steps), ["a failed", "report skipped"]);
    assert!(goal.error_detail.unwrap().contains("name a figure in bar"));
}

#[tokio::test]
async fn a_gate_waits_for_a_person_who_lets_it_go_on_or_not() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let plan = "pipeline: [{ask: How often must the bearings be greased?, name: a}, {person: Is this the right pump?, name: sure}, \
                {ask: How much grease does each bearing take?, name: b}]";
    let is_asked = |_: &GoalRow, steps: &[GoalStepRow]| step(steps, "sure").status.as_str() == "waiting";
    for (approve, then) in [(true, "finished"), (false, "failed")] {
        let id = pursuing.create(&plant, request(Some(plan))).await;
        waits_for(&plant, id, is_asked).await;
        let decide = async |name: &str| {
            let decision = (name, approve, Some(" Looked at the type plate. ".to_owned()));
            pursuing.goals.decide(&plant.principal, id, decision, "t").await
        };
        assert!(decide("a").await.is_err(), "only a gate is decided");
        let other = millwright_core::Principal { user_id: plant.sources.new_id(), ..plant.principal };
        let stranger = pursuing.goals.decide(&other, id, ("sure", approve, None), "t").await;
        assert_eq!(stranger.unwrap_err().problem().code.as_str(), "not_found");
        decide("sure").await.unwrap();
        let (goal, steps) = ends(&plant, id).await;
        assert_eq!(goal.status.as_str(), then, "{goal:?}");
        assert_eq!(step(&steps, "sure").note.as_deref(), Some("Looked at the type plate."));
        assert_eq!(step(&steps, "b").status.as_str(), if approve { "done" } else { "skipped" });
        assert!(decide("sure").await.is_err(), "once");
    }
}

#[tokio::test]
async fn a_paused_goal_begins_nothing_more_and_a_cancelled_one_stops_within_a_second() {
    let plant = Plant::new().await;
    let slow = Turn::pieces(["Grease ", "the bearings every 2,000 operating hours, but at least once a year [1]."]);
    let server = ScriptedModel::start(Script::of([slow.slowly(Duration::from_millis(300))])).unwrap();
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let plan =
        "pipeline: [{ask: How often must the bearings be greased?, name: a}, {ask: How much grease is it?, name: b}]";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    waits_for(&plant, id, |_, steps| step(steps, "a").status.as_str() == "running").await;
    pursuing.goals.pause(&plant.principal, id, "t").await.unwrap();
    waits_for(&plant, id, |_, steps| step(steps, "a").status.as_str() == "done").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (goal, steps) = standing(&plant, id).await;
    assert_eq!((goal.status, step(&steps, "b").status.as_str()), (GoalStatus::Paused, "pending"));
    pursuing.goals.resume(&plant.principal, id, "t").await.unwrap();
    let (_, steps) = waits_for(&plant, id, |_, steps| step(steps, "b").status.as_str() == "running").await;
    pursuing.goals.cancel(&plant.principal, id, "t").await.unwrap();
    let run = step(&steps, "b").run_id.unwrap().into();
    let events = tokio::time::timeout(Duration::from_secs(1), pursuing.process.events(&plant, run)).await;
    assert_eq!(events.expect("within a second").last().unwrap().payload["code"], "cancelled");
    let (goal, steps) = standing(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Cancelled);
    assert_eq!(words(&steps), ["a done", "b stopped", "report stopped"]);
    assert!(pursuing.goals.cancel(&plant.principal, id, "t").await.is_err());
    pursuing.goals.delete(&plant.principal, id, "t").await.unwrap();
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    assert!(tx.goals().require(id, plant.principal.user_id).await.is_err());
}

#[tokio::test]
async fn a_limit_that_is_used_up_ends_a_goal_and_says_which() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let limits = Limits { runs: 2, ..Limits::default() };
    let id = pursuing.create(&plant, NewGoalRequest { limits, ..request(Some(PLAN)) }).await;
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!((goal.status, goal.error_code.as_deref()), (GoalStatus::Failed, Some("limit_reached")), "{steps:?}");
    assert_eq!(goal.error_detail.as_deref(), Some("its steps may take 2 runs"));
    assert_eq!(plant.database.peek("SELECT count(*)::text FROM runs").await, ["2"]);
}

#[tokio::test]
async fn no_more_runs_begin_than_a_goal_may_take_however_many_steps_could() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let limits = Limits { runs: 1, ..Limits::default() };
    let side_by_side =
        "steps: [{ask: How often must the bearings be greased?}, {ask: Which torque do M8 screws take?}]";
    let after_a_yes = "pipeline: [{ask: How often must the bearings be greased?}, {person: Go on?, name: sure}, {ask: Which torque do M8 screws take?}]";
    let gated = pursuing.create(&plant, NewGoalRequest { limits, ..request(Some(after_a_yes)) }).await;
    waits_for(&plant, gated, |_, steps| step(steps, "sure").status.as_str() == "waiting").await;
    pursuing.goals.decide(&plant.principal, gated, ("sure", true, None), "t").await.unwrap();
    for id in [gated, pursuing.create(&plant, NewGoalRequest { limits, ..request(Some(side_by_side)) }).await] {
        let (goal, steps) = ends(&plant, id).await;
        assert_eq!(goal.error_code.as_deref(), Some("limit_reached"), "{steps:?}");
    }
    assert_eq!(plant.database.peek("SELECT count(*)::text FROM runs").await, ["2"], "one for each");
}

#[tokio::test]
async fn whoever_may_not_ask_any_more_has_nothing_begun_for_them() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let plan = "pipeline: [{ask: How often must the bearings be greased?, name: a}, {person: Go on?, name: sure}, {ask: b?, name: b}]";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    waits_for(&plant, id, |_, steps| step(steps, "sure").status.as_str() == "waiting").await;
    plant.database.tamper("UPDATE users SET disabled_at = now()").await;
    pursuing.goals.decide(&plant.principal, id, ("sure", true, None), "t").await.unwrap();
    let (_, steps) = ends(&plant, id).await;
    assert_eq!(step(&steps, "b").error_code.as_deref(), Some("not_authorized"), "{steps:?}");
}

#[tokio::test]
async fn a_check_holds_the_answers_behind_a_gate_and_nothing_begins_for_a_suspended_tenant() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let plan = |unit: &str| {
        format!(
            "pipeline: [{{ask: Which torque do M8 screws take?, name: a}}, {{person: Go on?, name: sure}}, \
             {{check: [figure_in: {unit}], name: held}}, {{ask: Which grease do the bearings take?, name: b}}]"
        )
    };
    for (unit, then) in [("Nm", "done"), ("bar", "skipped")] {
        let id = pursuing.create(&plant, request(Some(&plan(unit)))).await;
        waits_for(&plant, id, |_, steps| step(steps, "sure").status.as_str() == "waiting").await;
        plant.database.tamper("UPDATE tenants SET suspended_at = now()").await;
        pursuing.goals.decide(&plant.principal, id, ("sure", true, None), "t").await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (_, steps) = standing(&plant, id).await;
        assert_ne!(step(&steps, "b").status.as_str(), "running", "{steps:?}");
        plant.database.tamper("UPDATE tenants SET suspended_at = NULL").await;
        let (_, steps) = ends(&plant, id).await;
        assert_eq!(step(&steps, "b").status.as_str(), then, "{steps:?}");
    }
}

/// All that was done for goals was done then.
const A_NIGHT_AGO: &str = "UPDATE goal_steps SET started_at = started_at - interval '9 hours', finished_at = finished_at - interval '9 hours'; \
    UPDATE runs SET created_at = created_at - interval '9 hours', finished_at = finished_at - interval '9 hours'";

#[tokio::test]
async fn a_night_before_a_gate_takes_none_of_the_time_of_a_goal() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let plan = "pipeline: [{ask: Which torque do M8 screws take?, name: a}, {person: Go on?, name: sure}, \
                {ask: Which grease do the bearings take?, name: b}]";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    waits_for(&plant, id, |_, steps| step(steps, "sure").status.as_str() == "waiting").await;
    plant.database.tamper(A_NIGHT_AGO).await;
    pursuing.goals.decide(&plant.principal, id, ("sure", true, None), "t").await.unwrap();
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
    // Nine hours of a step are another thing.
    let id = pursuing.create(&plant, request(Some(plan))).await;
    waits_for(&plant, id, |_, steps| step(steps, "sure").status.as_str() == "waiting").await;
    plant.database.tamper("UPDATE runs SET created_at = created_at - interval '9 hours'").await;
    pursuing.goals.decide(&plant.principal, id, ("sure", true, None), "t").await.unwrap();
    let (goal, _) = ends(&plant, id).await;
    assert_eq!(goal.error_code.as_deref(), Some("limit_reached"), "{goal:?}");
}

#[tokio::test]
async fn a_night_in_which_a_goal_is_paused_before_a_further_try_takes_none_of_its_time() {
    let plant = Plant::new().await;
    // Slow, so that the goal is paused meanwhile.
    let first = Turn::nothing()
        .and_pause(Duration::from_secs(2))
        .and(Turn::say("Do not overfill the bearing: too much grease makes it hot [1]."));
    let server = ScriptedModel::start(Script::of([first.times(1), Turn::say(GREASED)])).unwrap();
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let plan =
        "ask: How often must the bearings be greased?\nname: a\nexpects: [figure_in: operating hours]\nrounds: 2";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    waits_for(&plant, id, |_, steps| step(steps, "a").status.as_str() == "running").await;
    pursuing.goals.pause(&plant.principal, id, "t").await.unwrap();
    let tried = |_: &GoalRow, steps: &[GoalStepRow]| step(steps, "a").round == 2;
    waits_for(&plant, id, tried).await;
    plant.database.tamper(A_NIGHT_AGO).await;
    pursuing.goals.resume(&plant.principal, id, "t").await.unwrap();
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
    assert_eq!(step(&steps, "a").round, 2);
}

#[tokio::test]
async fn a_step_that_is_to_be_tried_again_cannot_be_taken_out_of_the_plan() {
    let plant = Plant::new().await;
    // Slow, so that the goal is paused meanwhile.
    let first = Turn::nothing()
        .and_pause(Duration::from_secs(2))
        .and(Turn::say("Do not overfill the bearing: too much grease makes it hot [1]."));
    let server = ScriptedModel::start(Script::of([first.times(1), Turn::say(GREASED)])).unwrap();
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let plan =
        "ask: How often must the bearings be greased?\nname: a\nexpects: [figure_in: operating hours]\nrounds: 2";
    let id = pursuing.create(&plant, NewGoalRequest { review: true, ..request(Some(plan)) }).await;
    let sha256 = async || {
        plant
            .database
            .peek("SELECT sha256 FROM goal_plans ORDER BY created_at DESC, version DESC LIMIT 1")
            .await
            .remove(0)
    };
    pursuing.goals.approve(&plant.principal, id, &sha256().await, "t").await.unwrap();
    waits_for(&plant, id, |_, steps| step(steps, "a").status.as_str() == "running").await;
    pursuing.goals.pause(&plant.principal, id, "t").await.unwrap();
    let tried = |_: &GoalRow, steps: &[GoalStepRow]| step(steps, "a").round == 2;
    waits_for(&plant, id, tried).await;
    let change = async |text: &str| {
        let digest = sha256().await;
        pursuing.goals.change_plan(&plant.principal, id, (text.to_owned(), &digest), "t").await
    };
    let removed = change("ask: Which grease do the bearings take?\nname: b").await.unwrap_err();
    assert_eq!(removed.problem().code.as_str(), "conflict", "{removed}");
    let more =
        format!("steps: [{{ask: Which grease do the bearings take?, name: b}}, {{{}}}]", plan.replace('\n', ", "));
    change(&more).await.unwrap();
    let (_, steps) = standing(&plant, id).await;
    assert_eq!((step(&steps, "a").round, step(&steps, "a").run_id.is_some()), (2, true));
    pursuing.goals.resume(&plant.principal, id, "t").await.unwrap();
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
}

#[tokio::test]
async fn a_report_that_is_forked_is_still_told_what_the_steps_have_found() {
    let plant = Plant::new().await;
    let pursuing = Pursuing::new(plant.extractive());
    let id = pursuing.create(&plant, request(Some(PLAN))).await;
    let (_, steps) = ends(&plant, id).await;
    let (report, run) = (answer_of(&plant, step(&steps, "report")).await, step(&steps, "report").run_id.unwrap());
    let fork = pursuing.process.runner.fork(&plant.principal, run.into(), (1, None), "0".repeat(32)).await.unwrap();
    pursuing.process.events(&plant, fork.run_id).await;
    assert_eq!(plant.message(&fork).await.content, report);
    let (_, after) = standing(&plant, id).await;
    assert_eq!(words(&after), words(&steps), "the goal stays as it is");
}

#[tokio::test]
async fn what_a_model_says_instead_of_a_plan_names_nobody_in_what_is_kept() {
    let plant = Plant::new().await;
    let said = r#"{"steps": [{"ask": "Who?", "after": ["erika.mustermann@works.example"]}]}"#;
    let server = planner(&[said, said, said]);
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let id = pursuing.create(&plant, request(None)).await;
    let (goal, _) = ends(&plant, id).await;
    assert_eq!(goal.error_code.as_deref(), Some("check_failed"), "{goal:?}");
    let detail = goal.error_detail.unwrap();
    assert!(detail.contains("which is no step of this plan") && !detail.contains("mustermann"), "{detail}");
    let named = "ask: Who looks after it?\nname: erika-mustermann";
    let refused = pursuing.goals.create(&plant.principal, request(Some(named))).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("the name of a step holds personal data")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_that_is_stopped_while_it_is_planned_asks_the_model_no_further() {
    let plant = Plant::new().await;
    let slow = Turn::nothing().and_pause(Duration::from_secs(30)).and(Turn::say("{}"));
    let server = ScriptedModel::start(Script::of([slow])).unwrap();
    let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
    let id = pursuing.create(&plant, request(None)).await;
    for _ in 0..100 {
        if server.count() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.count(), 1, "the model is asked for a plan");
    pursuing.goals.cancel(&plant.principal, id, "t").await.unwrap();
    assert!(server.wait_until_left(1, Duration::from_secs(3)), "the model is let go");
    assert_eq!(server.count(), 1);
}

const ONE_QUESTION: &str =
    r#"{"steps": [{"name": "grease", "ask": "How often must the bearings be greased?", "after": []}]}"#;

#[tokio::test]
async fn a_first_step_that_begins_slowly_is_not_cut_off_when_its_plan_is_stored() {
    let plant = Plant::new().await;
    let server = planner(&[ONE_QUESTION]);
    let process = plant.with_server(&server.base_url());
    // Nobody else looks at them: only whoever has planned it begins its first step.
    let goals = process.goals();
    // No run can be stored for so long: longer than it takes until the plan is held no more.
    let slow = plant.database.tamper("BEGIN; LOCK TABLE runs IN SHARE MODE; SELECT pg_sleep(4); COMMIT");
    let create = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        goals.create(&plant.principal, request(None)).await.unwrap()
    };
    let ((), id) = tokio::join!(slow, create);
    let (_, steps) = waits_for(&plant, id, |_, steps| steps.iter().any(|step| step.run_id.is_some())).await;
    let events = process.events(&plant, step(&steps, "grease").run_id.unwrap().into()).await;
    assert_eq!(events.last().unwrap().payload["type"], "RUN_FINISHED", "it is worked on by whoever has begun it");
}

#[tokio::test]
async fn a_plan_of_a_process_that_has_lost_its_goal_is_not_stored_over_what_another_writes() {
    let plant = Plant::new().await;
    for plan in [ONE_QUESTION, "I cannot plan this."] {
        let server = planner(&[plan, plan, plan]);
        let pursuing = Pursuing::new(plant.with_server(&server.base_url()));
        // Another process takes it over while the last answer of the model is booked.
        let last = if plan == ONE_QUESTION { 1 } else { 3 };
        let taken = format!(
            "CREATE OR REPLACE FUNCTION take() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = millwright, public AS \
             $$ BEGIN UPDATE goals SET planning_attempts = 2 WHERE status = 'planning' AND {last} = \
             (SELECT count(*) FROM model_usage WHERE occurred_at >= goals.created_at); RETURN NULL; END $$; \
             CREATE OR REPLACE TRIGGER take AFTER INSERT ON model_usage FOR EACH ROW EXECUTE FUNCTION take()"
        );
        plant.database.tamper(&taken).await;
        let id = pursuing.create(&plant, request(None)).await;
        waits_for(&plant, id, |goal, _| goal.planning_attempts == 2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (goal, _) = standing(&plant, id).await;
        assert_eq!((goal.status, goal.plan_version), (GoalStatus::Planning, 0), "{goal:?}");
        plant.database.tamper("UPDATE goals SET status = 'cancelled'").await;
    }
}

#[tokio::test]
async fn steps_side_by_side_keep_the_personal_data_of_each_apart_and_none_of_it_is_stored() {
    let plant = Plant::new().await;
    let who = "# Contacts\n\nThe pump P-101 is looked after by Erika Mustermann, erika.mustermann@works.example.\n\n\
               The compressor K-7 is looked after by Jonas Beispiel, jonas.beispiel@works.example.";
    plant.add("contacts.md", Classification::Internal, who).await;
    let pursuing = Pursuing::new(plant.extractive());
    let plan = "steps: [{ask: Who looks after the pump P-101?, name: pump}, {ask: Who looks after the compressor K-7?, name: compressor}, \
                {ask: Can erika.mustermann@works.example be asked about the pump P-101?, name: third}]";
    let id = pursuing.create(&plant, request(Some(plan))).await;
    let (goal, steps) = ends(&plant, id).await;
    assert_eq!(goal.status, GoalStatus::Finished, "{goal:?} {steps:?}");
    let report = answer_of(&plant, step(&steps, "report")).await;
    assert!(!report.contains("@works.example"), "{report}");
    // Nor in what is said of a demand that was not met.
    let plan = "steps: [{ask: Who looks after the pump P-101?, name: a, expects: [says: nobody@works.example]}]";
    let failed = pursuing.create(&plant, request(Some(plan))).await;
    let (goal, _) = ends(&plant, failed).await;
    assert_eq!(goal.error_code.as_deref(), Some("check_failed"), "{goal:?}");
    let kept = "SELECT count(*)::text FROM (SELECT text || steps::text AS t FROM goal_plans UNION ALL SELECT content FROM messages \
                UNION ALL SELECT detail::text FROM run_steps UNION ALL SELECT input::text FROM runs \
                UNION ALL SELECT error_detail FROM goals UNION ALL SELECT error_detail FROM goal_steps \
                UNION ALL SELECT title FROM conversations) all_texts WHERE t LIKE '%@works.example%'";
    assert_eq!(plant.database.peek(kept).await, ["0"]);
}

#[tokio::test]
async fn whichever_process_dies_the_goal_goes_on_and_no_step_begins_twice() {
    let plant = reading::plant().await;
    let mut dying: Vec<Pursuing> = Vec::new();
    let goals: Vec<GoalId> = {
        let first = Pursuing::new(plant.extractive());
        let mut goals = Vec::new();
        for _ in 0..6 {
            goals.push(first.create(&plant, request(Some(PLAN))).await);
        }
        dying.push(first);
        goals
    };
    // One after the other dies in the middle; several look at the same goals.
    for pause in [30, 70, 20, 110] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        dying.push(Pursuing::new(plant.extractive()));
        let dead = dying.remove(0);
        dead.process.stop.cancel();
        dead.process.tracker.close();
        dead.process.tracker.wait().await;
    }
    let last = Arc::new(dying.remove(0));
    for goal in goals {
        // What the dead had begun is taken over by whoever lives, as their leases are free.
        for _ in 0..200 {
            let (row, steps) = standing(&plant, goal).await;
            if row.status.is_end() {
                break;
            }
            for run in steps.iter().filter(|step| step.status.as_str() == "running").filter_map(|step| step.run_id) {
                let _ = last.process.runner.take_over(plant.principal.scope, run.into()).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (row, steps) = ends(&plant, goal).await;
        assert_eq!(row.status, GoalStatus::Finished, "{row:?} {steps:?}");
    }
    assert_eq!(plant.database.peek("SELECT count(*)::text FROM runs").await, ["24"], "four for each goal");
    let ends = "SELECT count(*)::text FROM audit_entries WHERE action = 'goal.finished'";
    assert_eq!(plant.database.peek(ends).await, ["6"]);
}
