//! Finished runs that are repeated from their records, and runs that begin with the steps of another.

use millwright_agents::StartedRun;
use millwright_scripted_model::Turn;
use millwright_store::tenant::RunEventRow;
use serde_json::Value;

use crate::{
    computing, reading,
    support::{last, plays, shown},
};

#[tokio::test]
async fn today_stays_the_day_of_the_run_whose_step_it_was() {
    let plant = computing::plant().await;
    let server = plays([
        Turn::calls([("date", r#"{"date":"today","add":6,"unit":"months"}"#)]),
        Turn::say("The next oil change of the compressor is due on 2 July 2019 [1]."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let question = "When is the oil of the compressor changed next?";
    let (run, _) = process.answer(&plant, question).await;
    plant
        .database
        .tamper("UPDATE run_steps SET record = jsonb_set(record, '{day}', '\"2019-01-02\"') WHERE kind = 'tool'")
        .await;
    let fork = process.runner.fork(&plant.principal, run.run_id, (5, None), "0".repeat(32)).await.unwrap();
    let events = process.events(&plant, fork.run_id).await;
    assert!(shown(&events).contains("(2019-01-02 + 6 months = 2019-07-02 (Tue))"), "{}", shown(&events));
    let days = plant.database.peek("SELECT record->>'day' FROM run_steps WHERE kind = 'tool'").await;
    assert_eq!(days, ["2019-01-02"; 2], "the copy keeps it");
    // A record of before has none.
    plant.database.tamper("UPDATE run_steps SET record = record - 'day' WHERE kind = 'tool'").await;
    let fork = process.runner.fork(&plant.principal, run.run_id, (3, None), "0".repeat(32)).await;
    assert!(fork.is_ok());
}

#[tokio::test]
async fn the_same_records_give_the_same_answer_and_nothing_is_asked_or_written() {
    let plant = reading::plant().await;
    let server = plays([
        Turn::calls([("find_in_document", r#"{"passage":2,"text":"ZX-77:"}"#), ("read_on", r#"{"passage":1}"#)]),
        Turn::say("It is made of cheese [1]."),
        Turn::say("ZX-77: 7.3 bar, thread M12."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = process.answer(&plant, reading::QUESTION).await;
    let message = plant.message(&run).await;
    assert_eq!(plant.steps(run.run_id).await.len(), 7, "two drafts, and reading on before them");
    let written = async || {
        let tables = ["run_steps", "run_events", "decisions", "policy_events", "audit_entries"];
        let count = |table| format!("(SELECT count(*) FROM {table})");
        plant.database.peek(&format!("SELECT concat_ws(' ', {})", tables.map(count).join(", "))).await
    };
    let before = written().await;
    let asked = server.count();
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert_eq!(
        (replay.steps, replay.is_whole, replay.same_text, replay.same_citations),
        (7, true, true, true),
        "{replay:?}"
    );
    assert_eq!((replay.text, replay.problem, replay.is_proved), (message.content, None, Some(true)));
    assert_eq!((written().await, server.count(), asked), (before, 3, 3));
    plant
        .database
        .tamper("UPDATE messages SET content = replace(content, '7.3', '9.3') WHERE role = 'assistant'")
        .await;
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert_eq!((replay.same_text, replay.is_proved), (false, Some(false)), "an answer that was changed is not the one");
    plant
        .database
        .tamper("UPDATE messages SET content = replace(content, '9.3', '7.3') WHERE role = 'assistant'")
        .await;
    // Records that were changed lead elsewhere.
    plant
        .database
        .tamper("UPDATE run_steps SET record = jsonb_set(record, '{text}', '\"ZX-78: 9.1 bar, thread M14.\"') WHERE number = 6")
        .await;
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(!replay.same_text && !replay.same_citations, "{replay:?}");
    plant
        .database
        .tamper("UPDATE run_steps SET record = jsonb_set(record, '{passages}', '[[\"x\", 0]]') WHERE number = 1")
        .await;
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert_eq!(replay.problem.unwrap().code.as_str(), "interrupted");
    plant.database.tamper("UPDATE run_steps SET record = NULL").await;
    let replay = process.runner.replay(&plant.principal, run.run_id).await;
    assert!(replay.is_ok_and(|replay| replay.problem.is_some()));
    let nobody = millwright_core::Principal { user_id: plant.sources.new_id(), ..plant.principal };
    assert!(process.runner.replay(&nobody, run.run_id).await.is_err());
}

#[tokio::test]
async fn a_run_is_answered_once_more_from_one_of_its_steps_without_what_came_before() {
    let plant = reading::plant().await;
    let server = plays([
        Turn::calls([("find_in_document", r#"{"passage":2,"text":"ZX-77:"}"#), ("read_on", r#"{"passage":1}"#)]),
        Turn::say("ZX-77: 7.3 bar, thread M12."),
        Turn::say("The relief valve of the compressor is of type ZX-77."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let (run, first) = process.answer(&plant, reading::QUESTION).await;
    let asked = server.count();
    let fork = async |step| process.runner.fork(&plant.principal, run.run_id, (step, None), "0".repeat(32)).await;
    // The two drafts, and the tools between them, are observe 1, think 2, tool 3, think 4, verify 5.
    let other = fork(3).await.unwrap();
    let events = process.events(&plant, other.run_id).await;
    assert_eq!(last(&events)["type"], "RUN_FINISHED", "{}", last(&events));
    let message = plant.message(&other).await;
    assert_eq!(message.content, "The relief valve of the compressor is of type ZX-77. [1]");
    assert_eq!((server.count(), asked), (3, 2), "only what follows is asked for");
    assert_eq!((other.conversation_id, other.user_message_id), (run.conversation_id, run.user_message_id));
    let of = |events: &[RunEventRow], kind: &str| events.iter().filter(|event| event.payload["type"] == kind).count();
    for kind in ["TOOL_CALL_RESULT", "STEP_STARTED", "STEP_FINISHED"] {
        assert_eq!(of(&events, kind), of(&first, kind), "{kind}");
    }
    let details = async |run: &StartedRun| {
        let query = format!(
            "SELECT detail::text FROM run_steps WHERE run_id = '{}' AND number IN (1, 3) ORDER BY number",
            run.run_id.uuid()
        );
        plant.database.peek(&query).await
    };
    let costs = |details: Vec<String>| -> Vec<Value> {
        let parsed = details.iter().map(|detail| serde_json::from_str::<Value>(detail).unwrap());
        parsed.map(|detail| serde_json::json!([detail["passages"], detail["calls"], detail["query"]])).collect()
    };
    assert_eq!(costs(details(&other).await), costs(details(&run).await));
    let forked = "SELECT convert_from(canonical, 'UTF8') FROM audit_entries WHERE action = 'run.started' ORDER BY id DESC LIMIT 1";
    assert!(
        plant.database.peek(forked).await[0].contains(&run.run_id.to_string()),
        "the log says whose steps these are"
    );
    // Whole: the same once more.
    let same = fork(5).await.unwrap();
    process.events(&plant, same.run_id).await;
    let (before, after) = (plant.message(&run).await, plant.message(&same).await);
    assert_eq!((after.content, after.citations), (before.content, before.citations));
    assert_eq!(server.count(), 3);
    assert!(process.runner.replay(&plant.principal, same.run_id).await.unwrap().same_citations);
    assert!(fork(9).await.is_err(), "there is no such step");
    let nobody = millwright_core::Principal { user_id: plant.sources.new_id(), ..plant.principal };
    assert!(process.runner.fork(&nobody, run.run_id, (1, None), "0".repeat(32)).await.is_err());
}
