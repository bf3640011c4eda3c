//! Runs that ask their person something, and wait for the answer without a process.

use futures::StreamExt;
use millwright_agents::{AgentError, StartRun, StartedRun, specialist::AgentWish};
use millwright_core::ToProblem;
use millwright_scripted_model::{Request, Script, ScriptedModel, Turn};
use serde_json::Value;

use crate::{
    bundling::{bundled, holds},
    resuming::{QUESTION, ends},
    support::{Plant, Process, plays, question_of, shown},
};

const ASKS: &str = r#"{"question":"Which bearings do you mean?","options":["Drive end","Fan end"]}"#;
const ANSWER: &str = "Grease the bearings every 2,000 operating hours, but at least once a year [1].";

fn may_ask(question: &str) -> StartRun {
    let agent = AgentWish::Named { name: "maintenance-advisor".to_owned(), version: None };
    StartRun { agent, may_ask: true, ..question_of(question) }
}

/// Begins a run and waits until it has asked and is left to its person; what it asks.
async fn asks(plant: &Plant, process: &Process) -> (StartedRun, Value) {
    let run = process.runner.start(&plant.principal, may_ask(QUESTION)).await.unwrap();
    let asked = waiting(plant, process, &run).await;
    (run, asked)
}

/// What a run asks next, once it waits for the answer.
async fn waiting(plant: &Plant, process: &Process, run: &StartedRun) -> Value {
    let mut events = Box::pin(process.runner.events(plant.principal.scope, run.run_id, 0));
    let mut asked = Value::Null;
    let (mut waits, mut last) = (None, Value::Null);
    while waits.is_none() {
        let Some(event) = events.next().await else { panic!("it does not wait: {last}") };
        last = event.payload.clone();
        for patch in event.payload["delta"].as_array().into_iter().flatten() {
            if patch["path"] == "/waiting" {
                asked = patch["value"].clone();
            }
        }
        if !asked.is_null() {
            let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
            waits = tx.runs().get(run.run_id).await.unwrap().unwrap().waits_until;
            while waits.is_none() {
                tokio::task::yield_now().await;
                waits = tx.runs().get(run.run_id).await.unwrap().unwrap().waits_until;
            }
        }
    }
    asked
}

/// A model that says each of these as often as told, the first of them that it may.
fn scripted(turns: impl IntoIterator<Item = Turn>) -> ScriptedModel {
    ScriptedModel::start(Script::of(turns)).unwrap()
}

fn drafts(server: &ScriptedModel) -> Vec<Request> {
    server.requests().into_iter().filter(Request::is_streamed).collect()
}

#[tokio::test]
async fn what_its_person_answers_is_told_to_the_model_and_the_run_goes_on_in_another_process() {
    let plant = Plant::new().await;
    let server = plays([Turn::call("ask_person", ASKS).times(1), Turn::say(ANSWER)]);
    let process = plant.with_tools(&server.base_url());
    let (run, asked) = asks(&plant, &process).await;
    assert_eq!(
        (asked["question"].as_str(), asked["options"][1].as_str()),
        (Some("Which bearings do you mean?"), Some("Fan end"))
    );
    ends(&process).await;
    let next = plant.with_tools(&server.base_url());
    assert!(!next.runner.take_over(plant.principal.scope, run.run_id).await.unwrap(), "it waits for nobody else");
    next.runner.answer(&plant.principal, run.run_id, " Drive end ", "trace").await.unwrap();
    let events = next.events(&plant, run.run_id).await;
    assert_eq!(shown(&events), "Grease the bearings every 2,000 operating hours, but at least once a year. [1]");
    let steps = ["observe 1", "think 1", "tool 1", "person 1", "think 1", "verify 1"];
    assert_eq!(plant.steps(run.run_id).await, steps.map(|step| format!("{step} finished")));
    let drafts = drafts(&server);
    assert_eq!(drafts.len(), 2, "no model is asked again");
    let user = drafts[1].last_user();
    assert!(user.contains("You asked them: Which bearings do you mean?\nThey answered: Drive end)"), "{user}");
    let begun = |name: &str| events.iter().filter(|event| event.payload["stepName"] == name).count();
    assert_eq!((begun("person"), begun("tool")), (2, 2), "each begins and ends once");
    let replay = next.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.problem.is_none(), "{replay:?}");
    let (_, report) = bundled(&plant, &next, &run).await;
    holds(&report, "prompts: 2 of 2 are what was sent to a model, byte for byte");
    let audit = plant.database.peek("SELECT action FROM audit_entries WHERE action LIKE 'run.%' ORDER BY id").await;
    assert_eq!(audit, ["run.started", "run.answered", "run.taken_over", "run.finished"]);
    // Whoever answers once more is told that nobody waits.
    let late = next.runner.answer(&plant.principal, run.run_id, "Fan end", "trace").await.unwrap_err();
    assert_eq!(late.problem().code.as_str(), "invalid_transition");
}

#[tokio::test]
async fn a_person_is_asked_twice_at_most_and_never_where_they_cannot_be() {
    let plant = Plant::new().await;
    let server = scripted([Turn::call("ask_person", ASKS).times(3), Turn::say(ANSWER)]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = asks(&plant, &process).await;
    process.runner.answer(&plant.principal, run.run_id, "Drive end", "trace").await.unwrap();
    let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
    while tx.runs().get(run.run_id).await.unwrap().unwrap().waits_until.is_none() {
        tokio::task::yield_now().await;
    }
    drop(tx);
    process.runner.answer(&plant.principal, run.run_id, "Fan end", "trace").await.unwrap();
    let events = process.events(&plant, run.run_id).await;
    assert!(shown(&events).starts_with("Grease the bearings"));
    let of_run = drafts(&server);
    let offered = of_run.iter().map(|draft| draft.tools().contains(&"ask_person")).collect::<Vec<_>>();
    assert_eq!(offered, [true, true, false, false]);
    assert!(of_run[3].tool_results().concat().contains("cannot be asked now"), "{:?}", of_run[3].tool_results());
    // A program that did not say that it can be asked is not.
    let silent = StartRun { may_ask: false, ..may_ask(QUESTION) };
    let other = plays([Turn::say(ANSWER)]);
    let process = plant.with_tools(&other.base_url());
    let run = process.runner.start(&plant.principal, silent).await.unwrap();
    process.events(&plant, run.run_id).await;
    assert!(!drafts(&other)[0].tools().contains(&"ask_person"));
}

#[tokio::test]
async fn a_run_that_waits_can_be_stopped_and_ends_when_nobody_answers() {
    let plant = Plant::new().await;
    let server = scripted([Turn::call("ask_person", ASKS)]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = asks(&plant, &process).await;
    for (text, expected) in [(" ".to_owned(), 0), ("x".repeat(2_001), 2_001)] {
        let refused = process.runner.answer(&plant.principal, run.run_id, &text, "trace").await.unwrap_err();
        assert!(matches!(refused, AgentError::InvalidAnswer { chars } if chars == expected), "{refused:?}");
    }
    plant.request_cancel(run.run_id).await;
    let gone = process.runner.answer(&plant.principal, run.run_id, "Drive end", "trace").await.unwrap_err();
    assert!(matches!(gone, AgentError::NotWaiting), "{gone:?}");
    process.runner.take_over_soon(plant.principal.scope, run.run_id).await;
    process.events(&plant, run.run_id).await;
    assert_eq!(plant.outcome(run.run_id).await, ("cancelled".into(), Some("cancelled".into())));
    // Nobody answers in its time: then it is nobody's to take over, and it can be ended.
    let (run, _) = asks(&plant, &process).await;
    let expire = "UPDATE runs SET waits_until = now() - interval '1 s', lease_expires_at = now() - interval '1 s' \
                  WHERE status = 'running' RETURNING status";
    assert_eq!(plant.database.peek(expire).await, ["running"]);
    assert!(!process.runner.take_over(plant.principal.scope, run.run_id).await.unwrap());
    let late = process.runner.answer(&plant.principal, run.run_id, "Drive end", "trace").await.unwrap_err();
    assert!(matches!(late, AgentError::NotWaiting), "{late:?}");
}

#[tokio::test]
async fn names_in_what_is_asked_and_answered_are_stored_behind_placeholders() {
    let plant = Plant::new().await;
    let server = plays([Turn::call("ask_person", ASKS).times(1), Turn::say(ANSWER)]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = asks(&plant, &process).await;
    process.runner.answer(&plant.principal, run.run_id, "Ask erika.mustermann@example.com", "trace").await.unwrap();
    process.events(&plant, run.run_id).await;
    let kept =
        plant.database.peek("SELECT detail::text || record::text FROM run_steps WHERE kind = 'person'").await.concat();
    assert!(kept.contains("answer") && !kept.contains("mustermann"), "{kept}");
    assert!(!drafts(&server)[1].last_user().contains("mustermann"));
}
