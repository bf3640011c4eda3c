//! Runs whose process ends, and the processes that go on with them.

use std::time::Duration;

use futures::StreamExt;
use millwright_agents::StartedRun;
use millwright_core::Classification;
use millwright_scripted_model::{Script, ScriptedModel, Then, ToolResult, Turn, When};
use serde_json::Value;

use crate::{
    computing, reading,
    support::{Plant, Process, drafts, last, plays, shown},
};

pub(crate) const QUESTION: &str = "How often must the bearings be greased?";
pub(crate) const FIRST: &str = "Grease the bearings every 2,000 operating hours [1]. ";
pub(crate) const SECOND: &str = "Use 25 g for each bearing [1].";

/// Says the first sentence, and then nothing for a while.
pub(crate) fn falls_silent() -> Turn {
    breaks_off(FIRST, "Use 25")
}

/// Says this and the beginning of more, and dies after a while.
fn breaks_off(said: &str, more: &str) -> Turn {
    Turn::say(said).and_say(more).and_pause(Duration::from_millis(400)).then(Then::Die)
}

/// The label of an answer, as words.
async fn label(plant: &Plant, run: &StartedRun) -> String {
    let label = plant.message(run).await.label.unwrap();
    label["classification"].as_str().unwrap().to_owned()
}

/// Waits until so many events are stored.
async fn events_stored(plant: &Plant, process: &Process, run: &StartedRun, count: usize) {
    let events = process.runner.events(plant.principal.scope, run.run_id, 0).take(count).collect::<Vec<_>>();
    tokio::time::timeout(Duration::from_secs(5), events).await.unwrap();
}

pub(crate) async fn text_shown(plant: &Plant, process: &Process, run: &StartedRun) {
    texts_shown(plant, process, run, 1).await;
}

/// Waits until so many pieces of text are shown.
async fn texts_shown(plant: &Plant, process: &Process, run: &StartedRun, mut count: usize) {
    let mut events = Box::pin(process.runner.events(plant.principal.scope, run.run_id, 0));
    while let Some(event) = events.next().await {
        count -= usize::from(event.payload["type"] == "TEXT_MESSAGE_CONTENT");
        if count == 0 {
            return;
        }
    }
    panic!("{count} pieces did not come");
}

/// The process ends in order.
pub(crate) async fn ends(process: &Process) {
    process.stop.cancel();
    process.tracker.close();
    tokio::time::timeout(Duration::from_secs(3), process.tracker.wait()).await.unwrap();
}

pub(crate) async fn is_taken_over(plant: &Plant, process: &Process, run: &StartedRun) -> bool {
    process.runner.take_over(plant.principal.scope, run.run_id).await.unwrap()
}

#[tokio::test]
async fn a_draft_that_was_broken_off_goes_on_after_what_its_reader_has() {
    let plant = Plant::new().await;
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    let before: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    // The model says all of it once more: what the reader has is not shown again.
    let server = drafts(&[&format!("{FIRST}{SECOND}")]);
    let next = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    let events = next.events(&plant, run.run_id).await;
    let whole = "Grease the bearings every 2,000 operating hours. [1] Use 25 g for each bearing. [1]";
    assert_eq!(shown(&events), whole, "{:?}", last(&events));
    let message = plant.message(&run).await;
    assert_eq!((message.status.as_str(), message.content.as_str()), ("complete", whole));
    assert_eq!(message.citations.as_array().unwrap().len(), 1, "{}", message.citations);
    assert_eq!(last(&events)["result"]["supported"], 2);
    assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let steps = ["observe 1 finished", "think 1 failed", "think 1 finished", "verify 1 finished"];
    assert_eq!(plant.steps(run.run_id).await, steps);
    let after: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    let said = |body: &Value| body["messages"].as_array().unwrap().len();
    assert_eq!(said(&after), said(&before) + 2, "it is told what it has said");
    let told = after["messages"].to_string();
    assert!(told.contains("Grease the bearings every 2,000 operating hours.") && told.contains("broken off"), "{told}");
    let audit = plant.database.peek("SELECT action FROM audit_entries WHERE action LIKE 'run.%' ORDER BY id").await;
    assert_eq!(audit, ["run.started", "run.taken_over", "run.finished"]);
}

#[tokio::test]
async fn the_built_in_answerer_goes_on_too() {
    let plant = Plant::new().await;
    let process = plant.extractive();
    let (reference, _) = process.answer(&plant, QUESTION).await;
    let content = plant.message(&reference).await.content;
    let mut taken_over = 0;
    for stored in 1..12 {
        let process = plant.extractive();
        let run = process.ask(&plant, QUESTION).await;
        events_stored(&plant, &process, &run, stored).await;
        ends(&process).await;
        let next = plant.extractive();
        // It may have been at its end.
        taken_over += usize::from(is_taken_over(&plant, &next, &run).await);
        next.events(&plant, run.run_id).await;
        assert_eq!(plant.message(&run).await.content, content, "after {stored} events");
        assert_eq!(plant.outcome(run.run_id).await, ("finished".into(), None));
    }
    assert!(taken_over > 0, "it was at its end each time");
    // A model that came since does not write anew what was quoted.
    let server = drafts(&[FIRST]);
    let with_model = plant.with_server(&server.base_url());
    let replay = with_model.runner.replay(&plant.principal, reference.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn wherever_a_process_ends_no_finished_call_is_made_again_and_the_answer_is_the_same() {
    let plant = reading::plant().await;
    let reads = [("find_in_document", r#"{"passage":2,"text":"ZX-77:"}"#), ("read_on", r#"{"passage":1}"#)];
    let content = ends_anywhere(&plant, reading::QUESTION, calls_once(reads, "ZX-77: 7.3 bar, thread M12."));
    assert_eq!(content.await, "ZX-77: 7.3 bar, thread M12. [1]");
}

#[tokio::test]
async fn wherever_a_process_ends_what_was_computed_is_known_to_the_next() {
    let plant = computing::plant().await;
    let computes = [("calculate", r#"{"expression":"7,3 bar to psi"}"#), ("date", r#"{"date":"today"}"#)];
    let said = "The relief valve of the compressor opens at 105.9 psi [1].";
    let content = ends_anywhere(&plant, computing::QUESTION, calls_once(computes, said));
    let expected = "The relief valve of the compressor opens at 105.9 psi. (7.3 bar ≈ 105.9 psi) [1]";
    assert_eq!(content.await, expected);
}

/// A draft that calls tools once, and one that answers from what they brought, slowly enough to end in the middle of it.
pub(crate) fn calls_once(calls: [(&str, &str); 2], answer: &str) -> Script {
    let answered = When { has_tool_result: Some(ToolResult::Any(true)), ..When::default() };
    let pause = Duration::from_millis(1);
    Script::of([Turn::say(answer).slowly(pause).when(answered), Turn::calls(calls).slowly(pause)])
}

/// Asks, lets the process end after each of the events in turn, and has another go on; what came of it each time.
pub(crate) async fn ends_anywhere(plant: &Plant, question: &str, script: Script) -> String {
    let (reference, events) = {
        let server = ScriptedModel::start(script.clone()).unwrap();
        plant.with_tools(&server.base_url()).answer(plant, question).await
    };
    let (whole, expected) = (plant.message(&reference).await, events.len());
    let mut interrupted = 0;
    for stored in 1..expected {
        let server = ScriptedModel::start(script.clone()).unwrap();
        let process = plant.with_tools(&server.base_url());
        let run = process.ask(plant, question).await;
        events_stored(plant, &process, &run, stored).await;
        ends(&process).await;
        let next = plant.with_tools(&server.base_url());
        let _ = is_taken_over(plant, &next, &run).await;
        let events = next.events(plant, run.run_id).await;
        assert_eq!(last(&events)["type"], "RUN_FINISHED", "after {stored}: {}", last(&events));
        assert_eq!(events.iter().filter(|event| event.payload["type"] == "RUN_FINISHED").count(), 1);
        let message = plant.message(&run).await;
        assert_eq!(timeless(&message.content), timeless(&whole.content), "after {stored} events");
        assert_eq!((shown(&events), &message.citations), (message.content, &whole.citations));
        let steps = plant.steps(run.run_id).await;
        let of = |kind: &str, status: &str| steps.iter().filter(|step| **step == format!("{kind} 1 {status}")).count();
        for kind in ["observe", "tool", "verify"] {
            assert_eq!(of(kind, "finished"), 1, "after {stored}: {steps:?}");
        }
        assert_eq!(of("think", "finished"), 2, "after {stored}: {steps:?}");
        // Each finished draft was asked for once, each broken one once more.
        let asked = server.count();
        assert!(asked <= 2 + of("think", "failed"), "after {stored}: asked {asked} times: {steps:?}");
        interrupted += usize::from(steps.iter().any(|step| step.ends_with("failed")));
    }
    assert!(interrupted > 3, "{interrupted} of {expected}");
    whole.content
}

/// A text without the minute at which another system said something.
fn timeless(text: &str) -> String {
    match (text.find(", 20"), text.find(" UTC)")) {
        (Some(from), Some(to)) => [&text[..from], &text[to..]].concat(),
        _ => text.to_owned(),
    }
}

/// What a model says beside its calls was turned back for the check of its sentences, and went to the next process's model like
/// that.
#[tokio::test]
async fn a_name_beside_a_call_does_not_reach_the_model_of_the_process_that_takes_over() {
    let plant = computing::plant().await;
    let calls = Turn::say("[PERSON_1] wants to know.").and_call("calculate", r#"{"expression":"7,3 bar to psi"}"#);
    let server = plays([calls, falls_silent()]);
    let process = plant.with_tools(&server.base_url());
    let run = process.ask(&plant, &format!("Erika Mustermann asks: {}", computing::QUESTION)).await;
    let events = process.runner.events(plant.principal.scope, run.run_id, 0);
    let mut drafts_begun = events.filter(|event| std::future::ready(event.payload["stepName"] == "think")).boxed();
    for _ in ["begun", "ended", "begun again"] {
        drafts_begun.next().await.unwrap();
    }
    assert!(server.wait_for_requests(2, Duration::from_secs(5)));
    let before = server.last_body();
    assert!(before.contains("[PERSON_1] wants to know."), "{before}");
    ends(&process).await;
    let server = drafts(&["The relief valve of the compressor opens at 105.9 psi [1]."]);
    let next = plant.with_tools(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    next.events(&plant, run.run_id).await;
    let after = server.last_body();
    assert!(after.contains("[PERSON_1] wants to know.") && !after.contains("Mustermann"), "{after}");
}

#[tokio::test]
async fn a_process_that_was_only_slow_writes_nothing_more_once_another_has_its_run() {
    let plant = Plant::new().await;
    let goes_on = Turn::pieces([" and"; 30]).slowly(Duration::from_millis(100));
    let server = plays([Turn::say(FIRST).and(goes_on).then(Then::Die)]);
    let slow = plant.with_server(&server.base_url());
    let run = slow.ask(&plant, QUESTION).await;
    text_shown(&plant, &slow, &run).await;
    plant.database.tamper("UPDATE runs SET lease_expires_at = now() - interval '1 second'").await;
    let server = drafts(&[&format!("{FIRST}{SECOND}")]);
    let next = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    assert!(!is_taken_over(&plant, &next, &run).await, "it has one already");
    let events = next.events(&plant, run.run_id).await;
    slow.tracker.close();
    tokio::time::timeout(Duration::from_secs(3), slow.tracker.wait()).await.expect("it notices");
    assert_eq!(next.events(&plant, run.run_id).await.len(), events.len(), "nothing came after the end");
    let whole = "Grease the bearings every 2,000 operating hours. [1] Use 25 g for each bearing. [1]";
    assert_eq!(plant.message(&run).await.content, whole);
    assert_eq!(plant.outcome(run.run_id).await, ("finished".into(), None));
}

#[tokio::test]
async fn what_may_not_be_read_any_more_ends_the_run_and_what_was_shown_stays() {
    let plant = Plant::new().await;
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    plant.database.tamper("UPDATE documents SET deleted_at = now()").await;
    let server = drafts(&[SECOND]);
    let next = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    let events = next.events(&plant, run.run_id).await;
    assert_eq!(
        (last(&events)["type"].as_str(), last(&events)["code"].as_str()),
        (Some("RUN_ERROR"), Some("interrupted"))
    );
    assert_eq!(plant.outcome(run.run_id).await, ("failed".into(), Some("interrupted".into())));
    let message = plant.message(&run).await;
    assert_eq!(message.content, "Grease the bearings every 2,000 operating hours. [1]");
    assert_eq!(
        message.citations[0]["quote"], "Grease the bearings every 2,000 operating hours, but at least once a year.",
        "{}",
        message.citations
    );
    assert_eq!(label(&plant, &run).await, "CONFIDENTIAL", "what was read keeps its label");
    assert_eq!(plant.steps(run.run_id).await, ["observe 1 finished", "think 1 failed"]);
    let record = "SELECT (record IS NOT NULL)::text FROM run_steps WHERE number = 1";
    assert_eq!(plant.database.peek(record).await, ["true"], "what was finished stays as it is");
    let of = |kind: &str| events.iter().filter(|event| event.payload["type"] == kind).count();
    assert_eq!(of("STEP_STARTED"), of("STEP_FINISHED"));
    assert_eq!(server.count(), 0, "no model is asked about it");
}

#[tokio::test]
async fn a_stop_that_was_asked_for_meanwhile_is_heeded_by_the_next_process() {
    let plant = Plant::new().await;
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    plant.request_cancel(run.run_id).await;
    let server = plays([falls_silent(), falls_silent()]);
    let next = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    next.events(&plant, run.run_id).await;
    assert_eq!(plant.outcome(run.run_id).await, ("cancelled".into(), Some("cancelled".into())));
    assert_eq!(plant.message(&run).await.content, "Grease the bearings every 2,000 operating hours. [1]");
    assert_eq!(label(&plant, &run).await, "CONFIDENTIAL");
    let replay = next.runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(!replay.is_whole && replay.problem.is_none(), "a run that was stopped has no end: {replay:?}");
    assert_eq!(replay.is_proved, Some(true), "but the log names what it had written");
}

#[tokio::test]
async fn a_model_that_only_goes_on_and_a_process_that_dies_again_lose_nothing_of_what_was_shown() {
    let plant = Plant::new().await;
    let whole = "Grease the bearings every 2,000 operating hours. [1] Use 25 g for each bearing. [1]";
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    // The second says what follows and nothing else, and its process ends before it is done.
    let server = plays([breaks_off(SECOND, " Wipe")]);
    let process = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &process, &run).await);
    texts_shown(&plant, &process, &run, 2).await;
    ends(&process).await;
    // The third has nothing to add.
    let server = drafts(&["Use 25 g for each bearing [1]."]);
    let process = plant.with_tools(&server.base_url());
    assert!(is_taken_over(&plant, &process, &run).await);
    let events = process.events(&plant, run.run_id).await;
    assert_eq!((shown(&events), last(&events)["result"]["supported"].as_u64()), (whole.to_owned(), Some(2)));
    let message = plant.message(&run).await;
    assert_eq!((message.status.as_str(), message.content.as_str()), ("complete", whole));
    let told = server.requests()[0].body.clone();
    assert!(told.contains("Grease the bearings every 2,000 operating hours. Use 25 g for each bearing."), "{told}");
    let steps = ["observe 1 finished", "think 1 failed", "think 1 failed", "think 1 finished", "verify 1 finished"];
    assert_eq!(plant.steps(run.run_id).await, steps);
    let replay = process.runner.replay(&plant.principal, run.run_id).await.unwrap();
    let same = (replay.is_whole, replay.same_text, replay.same_citations, replay.is_proved);
    assert_eq!(same, (true, true, true, Some(true)), "{replay:?}");
    // So is what begins with its steps.
    let fork = process.runner.fork(&plant.principal, run.run_id, (5, None), "0".repeat(32)).await.unwrap();
    let events = process.events(&plant, fork.run_id).await;
    let copy = plant.message(&fork).await;
    assert_eq!((shown(&events), copy.content, copy.citations), (whole.to_owned(), whole.to_owned(), message.citations));
    assert_eq!(label(&plant, &fork).await, "CONFIDENTIAL");
    assert_eq!(plant.steps(fork.run_id).await, steps, "what was broken off is a step of the fork as well");
    let replay = process.runner.replay(&plant.principal, fork.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn what_a_model_wrote_keeps_the_label_of_all_it_had_read_though_quotes_go_on() {
    let plant = Plant::new().await;
    let note = "# Shifts\n\nThe bearings of the pump are greased by the fitter of the night shift.\n";
    plant.add("shifts.md", Classification::Internal, note).await;
    let said = "The bearings of the pump are greased by the fitter of the night shift [1]. ";
    let server = plays([breaks_off(said, "Use 25")]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, "Who greases the bearings of the pump, and how often?").await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    let next = plant.extractive();
    assert!(is_taken_over(&plant, &next, &run).await);
    next.events(&plant, run.run_id).await;
    let message = plant.message(&run).await;
    assert!(message.content.starts_with("The bearings of the pump are greased by the fitter"), "{}", message.content);
    assert_eq!(message.citations[0]["classification"], "INTERNAL");
    assert_eq!(label(&plant, &run).await, "CONFIDENTIAL", "the model had the manual too");
}

#[tokio::test]
async fn nobody_goes_on_from_a_version_that_was_replaced() {
    let plant = Plant::new().await;
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    plant.database.tamper("UPDATE documents SET current_version_id = NULL").await;
    let next = plant.with_server(&server.base_url());
    assert!(is_taken_over(&plant, &next, &run).await);
    let events = next.events(&plant, run.run_id).await;
    assert_eq!(last(&events)["code"], "interrupted");
    assert!(next.runner.fork(&plant.principal, run.run_id, (1, None), "0".repeat(32)).await.is_ok(), "it begins");
}

#[tokio::test]
async fn nobody_goes_on_for_a_person_who_may_not_ask_any_more_nor_for_ever() {
    let plant = Plant::new().await;
    let server = plays([falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    text_shown(&plant, &process, &run).await;
    ends(&process).await;
    let next = plant.extractive();
    for (change, back) in [
        ("users SET disabled_at = now()", "users SET disabled_at = NULL"),
        ("users SET role = 'auditor'", "users SET role = 'operator'"),
        ("tenants SET suspended_at = now()", "tenants SET suspended_at = NULL"),
        ("conversations SET deleted_at = now()", "conversations SET deleted_at = NULL"),
        ("runs SET takeovers = 5", "runs SET takeovers = 0"),
        ("runs SET created_at = now() - interval '2 hours'", "runs SET created_at = now()"),
        ("runs SET input = NULL", "runs SET input = NULL"),
    ] {
        plant.database.tamper(&format!("UPDATE {change}")).await;
        assert!(!is_taken_over(&plant, &next, &run).await, "{change}");
        assert_eq!(plant.outcome(run.run_id).await, ("running".into(), None), "it is for the reaper to end");
        assert_eq!(plant.database.peek("SELECT (lease_expires_at < now())::text FROM runs").await, ["true"]);
        plant.database.tamper(&format!("UPDATE {back}")).await;
    }
}
