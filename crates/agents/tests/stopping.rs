//! Who ends a run, and who does not.

use std::time::{Duration, Instant};

use futures::StreamExt;

use millwright_scripted_model::Turn;

use crate::support::{Plant, Process, last, plays, shown};

const QUESTION: &str = "How often must the bearings be greased?";
const FIRST: &str = "Grease the bearings every 2,000 operating hours [1]. ";

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
