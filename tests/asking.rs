//! Agents that ask whoever they answer, over HTTP.

use millwright_core::Role;
use millwright_scripted_model::Turn;
use serde_json::json;

use crate::{
    chat::{FACTS, QUESTION},
    kit::{World, plays, problem, session::Stream},
};

const ASKS: &str = r#"{"question":"Which compressor do you mean?","options":["K-12","K-14"]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn only_whoever_is_asked_answers_and_a_run_that_nobody_answers_ends_with_that_reason() {
    let model = plays(Turn::call("ask_person", ASKS));
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    let (asker, other) = (
        world.somebody(&tenant, "asker", Role::Operator).await,
        world.somebody(&tenant, "other", Role::Operator).await,
    );
    let server = world.server().await;
    let (asker, other) = (server.session(&asker.token), server.session(&other.token));
    asker.take_in("facts.md", FACTS).await;
    let whole = json!({ "message": QUESTION, "stream": false, "may_ask": true });
    problem(asker.post("/api/v1/chat", &whole).await, 422, "validation_failed").await;
    let question = json!({ "message": QUESTION, "may_ask": true });
    let mut stream = Stream::new(asker.post("/api/v1/chat", &question).await);
    let events = stream.until(|event| event.data.to_string().contains("\"/waiting\"")).await;
    let run = format!("/api/v1/runs/{}", events[0].data["runId"].as_str().expect("id"));
    let waits = asker.until(&run, |run| !run["waits_until"].is_null()).await;
    let last = waits["steps"].as_array().and_then(|steps| steps.last()).expect("a step");
    assert_eq!((&last["kind"], &last["status"]), (&json!("person"), &json!("running")), "{waits}");
    assert_eq!(last["detail"]["question"], "Which compressor do you mean?", "{waits}");
    let answer = format!("{run}/answer");
    problem(other.post(&answer, &json!({ "text": "K-12" })).await, 404, "not_found").await;
    problem(asker.post(&answer, &json!({ "text": " " })).await, 422, "validation_failed").await;
    // A day goes by.
    let late = "UPDATE runs SET waits_until = now() - interval '1 second', lease_expires_at = now() - interval '1 second' \
                WHERE status = 'running'";
    world.db().tamper(late).await;
    problem(asker.post(&answer, &json!({ "text": "K-12" })).await, 409, "invalid_transition").await;
    let events = stream.rest().await;
    assert_eq!(events.last().expect("event").data["code"], "unanswered", "{events:?}");
    let ended = asker.json(&run).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("failed"), &json!("unanswered")), "{ended}");
}
