//! Who ends a run, and who does not.

use std::time::{Duration, Instant};

use futures::StreamExt;

use millwright_agents::{RunLimits, StartRun};
use millwright_scripted_model::Turn;
use serde_json::Value;

use crate::support::{Plant, Process, last, plays, question_of, shown};

const QUESTION: &str = "How often must the bearings be greased?";
const FIRST: &str = "Grease the bearings every 2,000 operating hours [1]. ";
const ANSWER: &str = "Grease the bearings every 2,000 operating hours, but at least once a year [1].";

/// A model that says one sentence, then a word every 200 ms for a long time.
fn slow() -> Turn {
    Turn::say(FIRST).and(Turn::pieces([" and"; 40]).slowly(Duration::from_millis(200)))
}

async fn first_text(plant: &Plant, process: &Process, run: millwright_core::id::RunId) {
    let mut events = Box::pin(process.runner.events(plant.principal.scope, run, 0));
    while let Some(event) = events.next().await {
        if event.payload["type"] == "TEXT_MESSAGE_CONTENT" {
            return;
        }
    }
    panic!("no text came");
}

#[tokio::test]
async fn a_stop_from_another_process_is_heeded_within_a_second() {
    let plant = Plant::new().await;
    let server = plays([slow()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    first_text(&plant, &process, run.run_id).await;
    plant.request_cancel(run.run_id).await;
    let asked = Instant::now();
    let events = process.events(&plant, run.run_id).await;
    assert!(asked.elapsed() < Duration::from_millis(1100), "{:?}", asked.elapsed());
    assert_eq!(
        (last(&events)["type"].as_str(), last(&events)["code"].as_str()),
        (Some("RUN_ERROR"), Some("cancelled"))
    );
    let message = plant.message(&run).await;
    assert_eq!(
        (message.status.as_str(), message.content.as_str()),
        ("stopped", "Grease the bearings every 2,000 operating hours. [1]")
    );
    assert_eq!(plant.outcome(run.run_id).await, ("cancelled".into(), Some("cancelled".into())));
    assert!(server.wait_until_left(1, Duration::from_secs(5)), "the model server is let go");
    assert_eq!(process.runner.running(), 0);
}

#[tokio::test]
async fn a_stop_in_the_same_process_is_heeded_at_once() {
    let plant = Plant::new().await;
    let server = plays([slow()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    first_text(&plant, &process, run.run_id).await;
    let asked = Instant::now();
    process.runner.cancel_now(run.run_id);
    let events = process.events(&plant, run.run_id).await;
    assert!(asked.elapsed() < Duration::from_millis(300), "{:?}", asked.elapsed());
    assert_eq!(last(&events)["code"], "cancelled");
}

#[tokio::test]
async fn a_reader_who_leaves_does_not_stop_the_run() {
    let plant = Plant::new().await;
    let model = Turn::say(FIRST).and_pause(Duration::from_millis(300)).and_say("Use 25 g for each bearing [1].");
    let server = plays([model]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    first_text(&plant, &process, run.run_id).await;
    process.tracker.close();
    process.tracker.wait().await;
    let message = plant.message(&run).await;
    assert_eq!(message.status.as_str(), "complete");
    assert_eq!(message.content, "Grease the bearings every 2,000 operating hours. [1] Use 25 g for each bearing. [1]");
}

#[tokio::test]
async fn a_shutdown_is_quick_and_leaves_runs_to_the_next_process() {
    let plant = Plant::new().await;
    let server = plays([slow()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    first_text(&plant, &process, run.run_id).await;
    process.stop.cancel();
    process.tracker.close();
    tokio::time::timeout(Duration::from_secs(2), process.tracker.wait()).await.expect("a shutdown is quick");
    assert_eq!(plant.outcome(run.run_id).await, ("running".into(), None));
    assert_eq!(plant.database.peek("SELECT (lease_expires_at < now())::text FROM runs").await, ["true"]);
    assert!(process.runner.take_over(plant.principal.scope, run.run_id).await.unwrap(), "not for it to decide");
    assert_eq!(plant.database.peek("SELECT takeovers::text FROM runs").await, ["0"]);
    assert!(process.runner.start(&plant.principal, crate::support::question_of(QUESTION)).await.is_err());
}

#[tokio::test]
async fn a_run_that_another_process_has_ended_writes_nothing_more() {
    let plant = Plant::new().await;
    let server = plays([slow()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    first_text(&plant, &process, run.run_id).await;
    plant.database.tamper("UPDATE runs SET status = 'failed', error_code = 'interrupted'").await;
    process.tracker.close();
    tokio::time::timeout(Duration::from_secs(3), process.tracker.wait()).await.expect("the run notices");
    assert_eq!(plant.message(&run).await.status.as_str(), "streaming", "its end is the other process's to write");
    assert_eq!(plant.outcome(run.run_id).await, ("failed".into(), Some("interrupted".into())));
    let events = process.events(&plant, run.run_id).await;
    assert!(!shown(&events).is_empty() && last(&events)["type"] != "RUN_FINISHED");
}

#[tokio::test]
async fn a_limit_that_is_reached_ends_a_run_with_a_reason_and_that_of_tools_has_it_answer() {
    let plant = Plant::new().await;
    // Time, while the model still writes.
    let server = plays([slow()]);
    let process = plant.with_server(&server.base_url());
    let within = |limits: RunLimits| StartRun { limits, ..question_of(QUESTION) };
    let run = process.runner.start(&plant.principal, within(RunLimits { seconds: Some(1), ..RunLimits::default() }));
    let run = run.await.unwrap();
    let events = process.events(&plant, run.run_id).await;
    assert_eq!(last(&events)["code"], "limit_reached", "{:?}", last(&events));
    assert!(last(&events)["message"].as_str().unwrap().contains("it may take 1 seconds"), "{:?}", last(&events));
    assert_eq!(plant.outcome(run.run_id).await, ("failed".into(), Some("limit_reached".into())));
    // Tokens: the first call takes more, and there is no second.
    let calls = || Turn::call("search_documents", r#"{"query":"grease"}"#);
    let server = plays([calls(), Turn::say(ANSWER)]);
    let process = plant.with_tools(&server.base_url());
    let run = process.runner.start(&plant.principal, within(RunLimits { tokens: Some(1), ..RunLimits::default() }));
    let run = run.await.unwrap();
    let events = process.events(&plant, run.run_id).await;
    assert!(last(&events)["message"].as_str().unwrap().contains("may take 1 tokens, and took"), "{:?}", last(&events));
    assert_eq!(server.count(), 1);
    // Tools: the second call of the draft is refused, and the model is told to answer.
    let two = [("search_documents", r#"{"query":"grease"}"#), ("search_documents", r#"{"query":"oil"}"#)];
    let server = plays([Turn::calls(two), Turn::say(ANSWER)]);
    let process = plant.with_tools(&server.base_url());
    let run = process.runner.start(&plant.principal, within(RunLimits { tool_calls: Some(1), ..RunLimits::default() }));
    let run = run.await.unwrap();
    let events = process.events(&plant, run.run_id).await;
    assert!(shown(&events).starts_with("Grease the bearings"), "{:?}", last(&events));
    let told = server.requests()[1].tool_results().concat();
    assert!(told.contains("no more tools may be called"), "{told}");
    let body: Value = serde_json::from_str(&server.requests()[1].body).unwrap();
    assert_eq!(body["tool_choice"], "none", "{body}");
}
