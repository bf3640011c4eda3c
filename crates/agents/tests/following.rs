//! The events of a run, wherever and whenever they are read.

use std::time::Duration;

use futures::StreamExt;
use millwright_scripted_model::Turn;
use millwright_store::tenant::RunEventRow;

use crate::support::{Plant, last, plays, shown};

const QUESTION: &str = "How often must the bearings be greased?";

fn plain(events: &[RunEventRow]) -> Vec<(i64, String)> {
    events.iter().map(|event| (event.sequence, event.payload.to_string())).collect()
}

#[tokio::test]
async fn any_process_at_any_time_reads_the_same_events() {
    let plant = Plant::new().await;
    let first =
        Turn::say("Grease the bearings every 2,000 operating hours [1]. ").and_pause(Duration::from_millis(150));
    let goes_on = Turn::pieces([" and"; 5]).slowly(Duration::from_millis(150));
    let server = plays([first.and(goes_on).and_say(". Use 25 g for each bearing [1].")]);
    let process = plant.with_server(&server.base_url());
    let other = plant.extractive();
    let run = process.ask(&plant, QUESTION).await.run_id;
    let (live, remote) = tokio::join!(process.events(&plant, run), other.events(&plant, run));
    let later = other.events(&plant, run).await;
    assert_eq!(plain(&live), plain(&remote));
    assert_eq!(plain(&live), plain(&later));
    assert_eq!(last(&live)["type"], "RUN_FINISHED");
    assert!(shown(&live).ends_with("Use 25 g for each bearing. [1]"), "{}", shown(&live));
    for after in [0, 3, live.len() as i64 - 1] {
        let rest: Vec<_> = other.runner.events(plant.principal.scope, run, after).collect().await;
        assert_eq!(plain(&rest), plain(&live[after as usize..]));
    }
    let none: Vec<_> = other.runner.events(plant.principal.scope, run, live.len() as i64).collect().await;
    assert!(none.is_empty());
}

#[tokio::test]
async fn an_event_is_stored_before_it_is_seen() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let run = process.ask(&plant, QUESTION).await.run_id;
    let mut events = Box::pin(process.runner.events(plant.principal.scope, run, 0));
    while let Some(event) = events.next().await {
        let mut tx = plant.database.store.tenant(&plant.principal.scope).read().await.unwrap();
        let stored = tx.runs().events_after(run, event.sequence - 1, 1).await.unwrap();
        assert_eq!(stored[0].payload, event.payload);
    }
}

#[tokio::test]
async fn another_tenant_sees_no_events() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (run, events) = process.answer(&plant, QUESTION).await;
    assert!(!events.is_empty());
    let stranger = plant.database.tenant(&plant.sources, "Strangers").await;
    let seen: Vec<_> = process.runner.events(stranger, run.run_id, 0).collect().await;
    assert!(seen.is_empty());
}

#[tokio::test]
async fn many_runs_at_once_all_come_to_their_end() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let questions = [
        "How often must the bearings be greased?",
        "What torque do the M10 screws need?",
        "Who may replace the mechanical seal?",
    ];
    let answers = (0..24).map(|at| process.answer(&plant, questions[at % 3]));
    for (_, events) in futures::future::join_all(answers).await {
        assert_eq!(last(&events)["result"]["answered"], true, "{}", shown(&events));
    }
    process.tracker.close();
    process.tracker.wait().await;
    assert_eq!(process.runner.running(), 0);
}
