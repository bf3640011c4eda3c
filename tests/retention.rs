//! What ends by itself, and what stays.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{World, eventually, problem, read};

const DOCUMENT: &str = "# Pump P-7\n\nThe pump P-7 is oiled every 500 hours.\n";
const QUESTION: &str = "How often is the pump P-7 oiled?";
const ASKED: &str = "My name is Erika Wolkenstein. How often is the pump P-7 oiled?";

#[tokio::test(flavor = "multi_thread")]
async fn old_events_and_decisions_go_and_what_was_deleted_long_ago_is_erased() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("pump.md", DOCUMENT).await;
    let kept = admin.ask(QUESTION).await;
    let recent = admin.ask(QUESTION).await;
    let deleted = admin.ask(ASKED).await;
    let goal = json!({ "goal": "Know the pump of Erika Wolkenstein.", "plan": "pipeline:\n  - ask: How often is the pump P-7 oiled?\n    name: oil\n" });
    let (status, goal) = read(admin.post("/api/v1/goals", &goal).await).await;
    assert_eq!(status, 201, "{goal}");
    let goal = format!("/api/v1/goals/{}", goal["id"].as_str().expect("id"));
    admin.until(&goal, |goal| goal["status"] == "finished").await;
    let conversation = format!("/api/v1/conversations/{}", deleted["conversation_id"].as_str().expect("id"));
    for path in [&conversation, &goal] {
        assert_eq!(admin.delete(path).await, 204);
    }
    let count = async |table: &str| world.db().peek(&format!("SELECT count(*)::text FROM {table}")).await.remove(0);
    let (conversations, runs) = (count("conversations").await, count("runs").await);
    // As the database writes it.
    let uuid = |id: &Value| id.as_str().expect("id").split_once('_').expect("a kind").1.to_owned();
    let (recent_run, recent) = (recent["run_id"].as_str().expect("id"), uuid(&recent["run_id"]));
    world
        .db()
        .tamper(&format!(
            "UPDATE runs SET finished_at = finished_at - interval '31 days' WHERE id <> '{recent}'; \
             UPDATE conversations SET deleted_at = deleted_at - interval '31 days'; \
             UPDATE decisions SET decided_at = decided_at - interval '366 days' WHERE run_id IS NULL OR run_id <> '{recent}'"
        ))
        .await;
    // Another process looks as soon as it begins.
    let second = world.second_server().await;
    eventually("what is old is gone", Duration::from_secs(20), async || {
        let others = format!("run_events WHERE run_id <> '{recent}'");
        count(&others).await == "0" && count("conversations WHERE erased_at IS NOT NULL").await != "0"
    })
    .await;
    drop(second);
    // What was answered and not deleted can still be read, repeated and proved.
    let run = format!("/api/v1/runs/{}", kept["run_id"].as_str().expect("id"));
    problem(admin.get(&format!("{run}/events")).await, 409, "invalid_transition").await;
    assert!(admin.json(&run).await["steps"].as_array().is_some_and(|steps| steps.len() > 1));
    let path = format!("/api/v1/conversations/{}", kept["conversation_id"].as_str().expect("id"));
    assert!(admin.json(&path).await.to_string().contains("500 hours"));
    let replayed = admin.json(&format!("{run}/replay")).await;
    assert_eq!(replayed["same_text"], true, "{replayed}");
    assert_eq!(admin.get(&format!("/api/v1/runs/{recent_run}/events")).await.status(), 200);
    // Of what was deleted nothing says what was asked or answered; that it was is still known.
    assert_eq!((count("conversations").await, count("runs").await), (conversations, runs));
    for table in ["messages", "conversations", "runs", "run_steps", "run_events", "goals", "goal_plans", "goal_steps"] {
        let holding = format!("{table} t WHERE t::text ILIKE '%wolkenstein%' OR t::text LIKE '%[PERSON%'");
        assert_eq!(count(&holding).await, "0", "{table}");
    }
    let of_deleted = uuid(&deleted["conversation_id"]);
    assert_eq!(count(&format!("placeholder_vaults WHERE conversation_id = '{of_deleted}'")).await, "0");
    assert_eq!(count(&format!("messages WHERE conversation_id = '{of_deleted}' AND content <> ''")).await, "0");
    // Decisions go, but those by which a run that is kept is proved.
    let of = |run: &str| format!("decisions WHERE run_id = '{run}'");
    assert_eq!(count("decisions WHERE run_id IS NULL").await, "0");
    assert_eq!(count(&of(&uuid(&deleted["run_id"]))).await, "0");
    assert_ne!(count(&of(&uuid(&kept["run_id"]))).await, "0");
    let (status, _) = read(admin.post(&format!("{run}/bundle"), &json!({})).await).await;
    assert_eq!(status, 200);
    let entries = admin.audit("action=retention.applied").await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(entry["actor"], "system:retention");
    assert!(entry["details"]["conversations"].as_u64().is_some_and(|erased| erased >= 2), "{entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_stay_unless_an_operator_says_how_long() {
    let (mut world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("pump.md", DOCUMENT).await;
    let answer = admin.ask(QUESTION).await;
    world.db().tamper("UPDATE runs SET finished_at = finished_at - interval '4000 days'").await;
    world.set("RUN_RECORDS_KEPT_DAYS", "3650");
    let second = world.second_server().await;
    let records = "SELECT count(*)::text FROM run_steps WHERE record IS NOT NULL";
    eventually("the records are gone", Duration::from_secs(20), async || world.db().peek(records).await == ["0"]).await;
    drop(second);
    let run = format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("id"));
    problem(admin.get(&format!("{run}/replay")).await, 409, "invalid_transition").await;
    problem(admin.post(&format!("{run}/bundle"), &json!({})).await, 409, "invalid_transition").await;
}
