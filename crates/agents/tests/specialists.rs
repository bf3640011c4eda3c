//! Agents by definition: what a definition adds to a run, what it cannot take away, and who is chosen.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use millwright_agents::{
    StartRun, StartedRun,
    specialist::{AgentWish, digest},
};
use millwright_core::{Classification, ToProblem, id::RunId};
use millwright_scripted_model::{Fail, Then, Turn};
use millwright_store::{Bookkeeping, Proof, tenant::NewAgentVersion};
use serde_json::{Value, json};

use crate::{
    reading,
    support::{Plant, Process, drafts, last, outline, plays, question_of, shown},
};

const QUESTION: &str = "How often must the bearings be greased?";
const FIRST: &str = "Grease the bearings every 2,000 operating hours, but at least once a year [1].";
const HAND: &str = "WARNING: Isolate the motor before any work at the coupling.\n\nThe coupling of the mixer is greased every 300 hours.\n";

fn named(name: &str, question: &str) -> StartRun {
    StartRun { agent: AgentWish::Named { name: name.to_owned(), version: None }, ..question_of(question) }
}

fn routed(question: &str) -> StartRun {
    StartRun { agent: AgentWish::Route, tier: None, ..question_of(question) }
}

/// Stores a version; `active` brings it into force.
async fn store(plant: &Plant, name: &str, more: &str, active: bool) -> i32 {
    let text = format!("name: {name}\ntitle: Somebody\npurpose: Tries things.\n{more}");
    let mut tx = plant.database.store.tenant(&plant.principal.scope).begin().await.unwrap();
    let version = NewAgentVersion { name, definition: &text, digest: digest(&text), note: "a trial" };
    let (by, now) = (plant.principal.user_id, plant.sources.now());
    let number = tx.agents().insert_version(&version, by, now).await.unwrap();
    if active {
        tx.agents().activate(name, Some(number), by, now).await.unwrap();
    }
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
    number
}

async fn asked(plant: &Plant, process: &Process, command: StartRun) -> (StartedRun, Vec<Value>) {
    let run = process.runner.start(&plant.principal, command).await.unwrap();
    let events = process.events(plant, run.run_id).await;
    (run, events.into_iter().map(|event| event.payload).collect())
}

fn said(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "TEXT_MESSAGE_CONTENT");
    deltas.map(|event| event["delta"].as_str().unwrap()).collect()
}

/// The details of the steps of a kind.
async fn details(plant: &Plant, run: RunId, kind: &str) -> Vec<Value> {
    let query = format!(
        "SELECT detail::text FROM run_steps WHERE kind = '{kind}' AND run_id = '{}' ORDER BY number",
        run.uuid()
    );
    plant.database.peek(&query).await.iter().map(|detail| serde_json::from_str(detail).unwrap()).collect()
}

async fn refused(plant: &Plant, process: &Process, command: StartRun) -> String {
    process.runner.start(&plant.principal, command).await.unwrap_err().problem().code.as_str().to_owned()
}

#[tokio::test]
async fn a_question_is_answered_by_the_agent_that_it_is_for_and_says_why() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (run, events) = asked(&plant, &process, routed(QUESTION)).await;
    let agent = &events[1]["snapshot"]["agent"];
    assert_eq!((&agent["name"], &agent["choice"]["by"]), (&json!("maintenance-advisor"), &json!("nearest")), "{agent}");
    assert_eq!(agent["choice"]["nearest"], "How often must the bearings of the pump be greased?");
    assert_eq!(agent["choice"]["words"], json!(["how often", "greas", "bearing"]));
    assert!(agent["choice"]["score"].as_f64() > agent["choice"]["runner_up"]["score"].as_f64(), "{agent}");
    assert_eq!(details(&plant, run.run_id, "observe").await[0]["agent"], *agent);
    assert_eq!(plant.message(&run).await.agent.as_ref(), Some(agent));
    let sent = events
        .iter()
        .rev()
        .find_map(|event| event["delta"].as_array()?.iter().find(|patch| patch["path"] == "/message"));
    assert_eq!(sent.unwrap()["value"]["agent"], *agent);
    let (_, events) = asked(&plant, &process, routed("Who is the mayor?")).await;
    let agent = &events[1]["snapshot"]["agent"];
    assert_eq!(agent["name"], "generalist", "{agent}");
    let more = StartRun { conversation_id: Some(run.conversation_id), ..routed("And the coupling?") };
    let (_, events) = asked(&plant, &process, more).await;
    let agent = &events[1]["snapshot"]["agent"];
    assert_eq!(
        (&agent["name"], &agent["choice"]["by"]),
        (&json!("maintenance-advisor"), &json!("continued")),
        "{agent}"
    );
    let (_, events) = asked(&plant, &process, named("data-analyst", QUESTION)).await;
    let agent = &events[1]["snapshot"]["agent"];
    assert_eq!((&agent["name"], &agent["choice"]["by"]), (&json!("data-analyst"), &json!("named")));
    assert_eq!(refused(&plant, &process, named("nobody", QUESTION)).await, "not_found");
}

#[tokio::test]
async fn a_prompt_stands_after_the_rules_and_the_tools_are_the_agents() {
    let plant = reading::plant().await;
    store(&plant, "reader", "prompt: Be brief. Cite nothing and check nothing.\ntools: [read_on, date]\n", true).await;
    let server = plays([
        Turn::calls([("search_documents", r#"{"query":"ZX-77"}"#), ("read_on", r#"{"passage":1}"#)]),
        Turn::say("It opens at 99 bar. ZX-77: 7.3 bar, thread M12 [1]."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let (run, events) = asked(&plant, &process, named("reader", reading::QUESTION)).await;
    let sent = server.requests();
    let (first, system) = (sent[0].json(), sent[0].system());
    let (rules, own) = (system.find("answer only from the passages").unwrap(), system.find("Be brief.").unwrap());
    assert!(rules < own, "{system}");
    let tools: Vec<&str> =
        first["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(tools, ["read_on", "date"]);
    let second = &sent[1].body;
    assert!(second.contains("you do not have this tool; you have read_on, date"), "{second}");
    let called = &details(&plant, run.run_id, "tool").await[0]["calls"];
    assert_eq!((&called[0]["outcome"], &called[1]["outcome"]), (&json!("refused"), &json!("done")));
    assert!(!said(&events).contains("99 bar"), "whatever a prompt says, a sentence needs its passage: {events:?}");
}

#[tokio::test]
async fn an_agent_reads_no_further_than_its_labels() {
    let plant = Plant::new().await;
    plant.add("mixer.md", Classification::Internal, HAND).await;
    store(&plant, "narrow", "tools: []\nlabels: { up_to: INTERNAL }\n", true).await;
    let process = plant.extractive();
    let (run, _) = asked(&plant, &process, named("narrow", QUESTION)).await;
    let found = details(&plant, run.run_id, "observe").await[0]["passages"].to_string();
    assert!(!found.contains("pump-p101.md"), "the pump's manual is CONFIDENTIAL: {found}");
    let (run, _) = asked(&plant, &process, named("generalist", QUESTION)).await;
    let found = details(&plant, run.run_id, "observe").await[0]["passages"].to_string();
    assert!(found.contains("pump-p101.md"), "{found}");
    let command = StartRun { classification: Classification::Confidential, ..named("narrow", QUESTION) };
    assert_eq!(refused(&plant, &process, command).await, "label_denied");
}

#[tokio::test]
async fn what_an_answer_does_not_do_is_asked_for_once_and_what_stands_stays() {
    let plant = Plant::new().await;
    store(&plant, "thorough", "tools: []\nchecks: { cites_at_least: 2 }\n", true).await;
    let second = "Retighten the cover screws after 24 hours of operation [2].";
    let question = "How often are bearings greased and cover screws retightened?";
    // Which numbers the passages have.
    let server = drafts(&["NOT_IN_DOCUMENTS"]);
    asked(&plant, &plant.with_server(&server.base_url()), named("thorough", question)).await;
    let passages = server.requests()[0].last_user();
    let number = |text: &str| {
        let before = &passages[..passages.find(text).unwrap()];
        let (_, number) = before.rsplit_once("BEGIN PASSAGE ").unwrap();
        format!("[{}]", number.split(' ').next().unwrap())
    };
    let first = FIRST.replace("[1]", &number("Grease the bearings every"));
    let both = format!("{first} {}", second.replace("[2]", &number("Retighten the cover")));
    let server = drafts(&[&first, &both]);
    let process = plant.with_server(&server.base_url());
    let (run, events) = asked(&plant, &process, named("thorough", question)).await;
    let text = said(&events);
    assert_eq!(text.matches("Grease the bearings").count(), 1, "{text}");
    assert!(text.contains("Retighten the cover screws"), "{text}");
    let steps = ["observe 1", "think 1", "verify 1", "think 2", "verify 2"].map(|step| format!("{step} finished"));
    assert_eq!(plant.steps(run.run_id).await, steps);
    let checks: Vec<_> =
        details(&plant, run.run_id, "verify").await.iter().map(|detail| detail["checks"][0].clone()).collect();
    assert_eq!(checks[0], json!({ "check": "cites_at_least", "wanted": 2, "found": 1, "met": false }));
    assert_eq!(checks[1], json!({ "check": "cites_at_least", "wanted": 2, "found": 2, "met": true }));
    let bodies: Vec<String> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[1].contains("it rests on 1 passages and should rest on at least 2"), "{}", bodies[1]);
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
}

#[tokio::test]
async fn an_answer_stands_where_nothing_can_be_added_to_it() {
    let plant = Plant::new().await;
    store(&plant, "thorough", "tools: []\nchecks: { cites_documents: 2 }\n", true).await;
    let server = plays([Turn::say(FIRST), Turn::fail(Fail::Die)]);
    let process = plant.with_server(&server.base_url());
    let (run, events) = asked(&plant, &process, named("thorough", QUESTION)).await;
    assert!(said(&events).contains("every 2,000 operating hours"), "{events:?}");
    assert_eq!(events.last().unwrap()["type"], "RUN_FINISHED");
    assert_eq!(plant.message(&run).await.status.as_str(), "complete");
    let verified = details(&plant, run.run_id, "verify").await;
    assert_eq!((verified.len(), &verified[1]["checks"][0]["met"]), (2, &json!(false)));
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text, "{replay:?}");
    // The answerer that quotes would quote the same again: it is told, and not asked.
    let (run, events) = asked(&plant, &plant.extractive(), named("thorough", QUESTION)).await;
    assert!(!said(&events).is_empty());
    let verified = details(&plant, run.run_id, "verify").await;
    assert_eq!((verified.len(), &verified[0]["checks"][0]["met"]), (1, &json!(false)));
}

#[tokio::test]
async fn a_sentence_that_breaks_off_while_an_answer_is_added_to_is_not_shown() {
    let plant = Plant::new().await;
    store(&plant, "thorough", "tools: []\nchecks: { cites_documents: 2 }\n", true).await;
    let server = plays([Turn::say(FIRST), Turn::say("Retighten the cover screws").then(Then::Die)]);
    let process = plant.with_server(&server.base_url());
    let question = "How often are bearings greased and cover screws retightened?";
    let (run, events) = asked(&plant, &process, named("thorough", question)).await;
    assert!(
        said(&events).contains("every 2,000 operating hours") && !said(&events).contains("Retighten"),
        "{events:?}"
    );
    assert_eq!(plant.message(&run).await.status.as_str(), "complete");
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
}

#[tokio::test]
async fn a_warning_of_a_cited_passage_is_missed() {
    let plant = Plant::new().await;
    plant.add("mixer.md", Classification::Internal, HAND).await;
    let server = drafts(&[
        "The coupling of the mixer is greased every 300 hours [1].",
        "Isolate the motor before any work at the coupling [1].",
    ]);
    let process = plant.with_server(&server.base_url());
    let question = "How often is the coupling of the mixer greased?";
    let (run, events) = asked(&plant, &process, routed(question)).await;
    assert_eq!(events[1]["snapshot"]["agent"]["name"], "maintenance-advisor");
    let text = said(&events);
    assert!(text.contains("every 300 hours") && text.contains("Isolate the motor"), "{text}");
    let checks = details(&plant, run.run_id, "verify").await;
    assert_eq!((&checks[0]["checks"][0]["met"], &checks[1]["checks"][0]["met"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn a_run_stays_with_the_definition_that_it_began_with() {
    let plant = Plant::new().await;
    let first = store(&plant, "changing", "prompt: Say it in five words.\ntools: []\n", true).await;
    let server = drafts(&[FIRST, FIRST, FIRST]);
    let process = plant.with_server(&server.base_url());
    let (run, _) = asked(&plant, &process, named("changing", QUESTION)).await;
    assert!(server.last_body().contains("Say it in five words."));
    let second = store(&plant, "changing", "prompt: Say it in ten words.\ntools: []\n", true).await;
    assert_eq!((first, second), (1, 2));
    process.runner.specialists().forget(&plant.principal.scope);
    let (later, _) = asked(&plant, &process, named("changing", QUESTION)).await;
    assert!(server.last_body().contains("Say it in ten words."));
    assert_eq!(plant.message(&later).await.agent.unwrap()["version"], 2);
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
    let fork = process.runner.fork(&plant.principal, run.run_id, (1, None), "0".repeat(32)).await.unwrap();
    process.events(&plant, fork.run_id).await;
    assert!(server.last_body().contains("Say it in five words."), "a fork is the same agent");
    assert_eq!(plant.message(&fork).await.agent.unwrap()["version"], 1);
}

#[tokio::test]
async fn a_stored_version_can_be_tried_before_it_holds() {
    let plant = Plant::new().await;
    let number = store(&plant, "trial", "tools: []\n", false).await;
    let process = plant.extractive();
    assert_eq!(refused(&plant, &process, named("trial", QUESTION)).await, "not_found");
    let version = |version| AgentWish::Named { name: "trial".into(), version: Some(version) };
    let (_, events) = asked(&plant, &process, StartRun { agent: version(number), ..question_of(QUESTION) }).await;
    let agent = &events[1]["snapshot"]["agent"];
    assert_eq!((&agent["version"], &agent["choice"]["by"]), (&json!(1), &json!("tried")));
    let missing = StartRun { agent: version(9), ..question_of(QUESTION) };
    assert_eq!(refused(&plant, &process, missing).await, "not_found");
}

#[tokio::test]
async fn a_run_that_is_taken_over_goes_on_as_the_same_agent() {
    let plant = Plant::new().await;
    store(&plant, "lasting", "prompt: Say it in five words.\ntools: []\n", true).await;
    let said_so_far = format!("{FIRST} Use");
    let server = plays([Turn::say(&said_so_far).and_pause(Duration::from_millis(400)).then(Then::Die)]);
    let process = plant.with_server(&server.base_url());
    let run = process.runner.start(&plant.principal, named("lasting", QUESTION)).await.unwrap();
    let mut events = Box::pin(process.runner.events(plant.principal.scope, run.run_id, 0));
    while events.next().await.unwrap().payload["type"] != "TEXT_MESSAGE_CONTENT" {}
    drop(events);
    assert!(server.last_body().contains("Say it in five words."));
    process.stop.cancel();
    process.tracker.close();
    tokio::time::timeout(Duration::from_secs(5), process.tracker.wait()).await.unwrap();
    store(&plant, "lasting", "prompt: Say it in ten words.\ntools: []\n", true).await;
    let server = drafts(&[FIRST]);
    let next = plant.with_server(&server.base_url());
    assert!(next.runner.take_over(plant.principal.scope, run.run_id).await.unwrap());
    let events = next.events(&plant, run.run_id).await;
    assert!(shown(&events).contains("every 2,000 operating hours"), "{:?} {:?}", last(&events), outline(&events));
    assert!(server.last_body().contains("Say it in five words."));
}

#[tokio::test]
async fn agents_are_not_read_anew_while_nothing_was_said_of_them() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    store(&plant, "reader", "tools: []\n", true).await;
    let (scope, specialists) = (plant.principal.scope, process.runner.specialists().clone());
    let later = Duration::from_millis(600);
    let first = specialists.of(&scope).await.unwrap();
    tokio::time::sleep(later).await;
    assert!(Arc::ptr_eq(&first, &specialists.of(&scope).await.unwrap()));
    let number = store(&plant, "reader", "tools: [date]\n", true).await;
    tokio::time::sleep(later).await;
    let then = specialists.of(&scope).await.unwrap();
    assert_eq!(then.get("reader").unwrap().version, Some(number));
}
