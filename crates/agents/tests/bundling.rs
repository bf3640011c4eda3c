//! The evidence of runs whose models read on, draft again and are asked by name.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
};

use millwright_agents::{Anchors, BundleReport, Line, StartedRun, verify_bundle};
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_scripted_model::Turn;
use serde_json::Value;

use crate::{
    computing::{self, QUESTION},
    resuming,
    support::{Plant, Process, drafts, plays},
};

const NAME: &str = "Erika Mustermann";

/// The file as it is handed out, and what the verifier says of it.
pub(crate) async fn bundled(plant: &Plant, process: &Process, run: &StartedRun) -> (Value, BundleReport) {
    let bundle = process.runner.bundle(&plant.principal, run.run_id).await.unwrap();
    let key = AuditKey::derive(&[7; 32]).unwrap();
    let (tenant, actor) = (plant.principal.tenant_id(), Actor::User(plant.principal.user_id));
    let receipt = AuditEvent::new(&plant.sources, tenant, actor, AuditAction::RunExported, run.run_id);
    let receipt = key.authenticate(&receipt.detail("bundle_sha256", bundle.sha256())).unwrap();
    let file = bundle.into_file(&receipt).unwrap();
    let report = verify_bundle(&file, Some(&key), &Anchors::new());
    (serde_json::from_slice(&file).unwrap(), report)
}

pub(crate) fn holds(report: &BundleReport, what: &str) {
    let found = report.lines.iter().any(|line| matches!(line, Line::Holds(text) if text.contains(what)));
    assert!(report.finding.is_none() && found, "no `{what}` in {report:#?}");
}

#[tokio::test]
async fn what_models_were_sent_comes_out_byte_for_byte_over_calls_names_and_further_drafts() {
    let plant = computing::plant().await;
    let server = plays([
        Turn::say("[PERSON_1] wants to know.")
            .and_call("calculate", r#"{"expression":"7,3 bar to psi"}"#)
            .and_call("read_on", r#"{"passage":1}"#),
        Turn::say("The compressor was painted blue by [PERSON_1] [1]."),
        Turn::say("The relief valve of the compressor opens at 105.9 psi [1]."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = process.answer(&plant, &format!("{NAME} asks: {QUESTION}")).await;
    let (file, report) = bundled(&plant, &process, &run).await;
    holds(&report, "prompts: 3 of 3 are what was sent to a model, byte for byte");
    holds(&report, "steps: 7,");
    holds(&report, "model calls: 3,");
    assert!(!file.to_string().contains("Mustermann"), "{file}");
    for (prompt, sent) in file["bundle"]["prompts"].as_array().unwrap().iter().zip(server.requests()) {
        let sent = sent.json();
        let (told, sent) = (prompt["request"]["messages"].as_array().unwrap(), sent["messages"].as_array().unwrap());
        assert_eq!(told.len(), sent.len());
        for (told, sent) in told.iter().zip(sent) {
            let text = if told["text"].is_null() { &told["parts"][0]["text"] } else { &told["text"] };
            assert_eq!(text.as_str(), sent["content"].as_str(), "{sent}");
        }
    }
    // An OpenAI-compatible server does not tell which weights its model has, and nothing is made up.
    assert!(file["bundle"]["model_calls"][0]["content"]["model_digest"].is_null());
}

/// A fake of ours in the place of Ollama, which cannot be installed without fetching a model: it tells which weights it has, and
/// answers once. Lives as long as the tests.
fn ollama() -> String {
    const TAGS: &str = r#"{"models":[{"name":"scripted:latest","digest":"0a8c26691023"}]}"#;
    const SAID: &str = r#"{"model":"scripted","message":{"role":"assistant","content":"The relief valve of the compressor opens at 7.3 bar [1]."},"done":false}
{"model":"scripted","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":9}
"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = BufReader::new(stream.try_clone().unwrap());
            let (mut line, mut length, mut asks) = (String::new(), 0, false);
            while request.read_line(&mut line).is_ok_and(|count| count > 2) {
                asks |= line.starts_with("POST");
                if let Some(told) = line.to_lowercase().strip_prefix("content-length:") {
                    length = told.trim().parse().unwrap();
                }
                line.clear();
            }
            request.read_exact(&mut vec![0; length]).unwrap();
            let (kind, body) = if asks { ("application/x-ndjson", SAID) } else { ("application/json", TAGS) };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close");
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_tells_which_weights_answered_is_believed_at_the_time_of_the_call() {
    let plant = computing::plant().await;
    let process = plant.with_ollama(&ollama());
    let (run, _) = process.answer(&plant, "At how many bar does the relief valve of the compressor open?").await;
    let (file, report) = bundled(&plant, &process, &run).await;
    holds(&report, "prompts: 1 of 1");
    assert_eq!(file["bundle"]["model_calls"][0]["content"]["model_digest"], "0a8c26691023", "{file}");
}

#[tokio::test]
async fn a_run_that_was_taken_over_is_proved_with_what_its_first_process_had_shown() {
    let plant = Plant::new().await;
    let server = plays([resuming::falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, resuming::QUESTION).await;
    resuming::text_shown(&plant, &process, &run).await;
    resuming::ends(&process).await;
    let whole = format!("{}{}", resuming::FIRST, resuming::SECOND);
    let server = drafts(&[&whole]);
    let next = plant.with_server(&server.base_url());
    assert!(resuming::is_taken_over(&plant, &next, &run).await);
    next.events(&plant, run.run_id).await;
    let (_, report) = bundled(&plant, &next, &run).await;
    holds(&report, "story: begun, taken over 1 times");
    holds(&report, "steps: 4,");
    holds(&report, "prompts: 1 of 1 are what was sent to a model, byte for byte");
}

#[tokio::test]
async fn a_run_that_begins_with_anothers_steps_says_whose_call_drafted_them() {
    let plant = computing::plant().await;
    let server = plays([
        Turn::call("calculate", r#"{"expression":"7,3 bar to psi"}"#),
        Turn::say("The relief valve of the compressor opens at 105.9 psi [1]."),
        Turn::say("The relief valve of the compressor opens at 7.3 bar [1]."),
    ]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = process.answer(&plant, QUESTION).await;
    let fork = process.runner.fork(&plant.principal, run.run_id, (3, None), "0".repeat(32)).await.unwrap();
    process.events(&plant, fork.run_id).await;
    let (_, report) = bundled(&plant, &process, &fork).await;
    holds(&report, "prompts: 2 of 2 are what was sent to a model, byte for byte");
    holds(&report, "model calls: 1,");
    let told =
        |line: &Line| matches!(line, Line::NotChecked(text) if text.contains("the draft of step 2 is of the run"));
    assert!(report.lines.iter().any(told), "{report:#?}");
}

#[tokio::test]
async fn the_call_of_a_draft_that_was_stopped_is_said_to_be_unchecked() {
    let plant = Plant::new().await;
    let server = plays([resuming::falls_silent()]);
    let process = plant.with_server(&server.base_url());
    let run = process.ask(&plant, resuming::QUESTION).await;
    resuming::text_shown(&plant, &process, &run).await;
    process.runner.cancel_now(run.run_id);
    process.events(&plant, run.run_id).await;
    let (_, report) = bundled(&plant, &process, &run).await;
    let told = |line: &Line| matches!(line, Line::NotChecked(text) if text.starts_with("calls of step 2: it did not come to its end"));
    assert!(report.finding.is_none() && report.lines.iter().any(told), "{report:#?}");
    // One that came to its end is named by its record.
    let server = drafts(&[&format!("{}{}", resuming::FIRST, resuming::SECOND)]);
    let process = plant.with_server(&server.base_url());
    let (run, _) = process.answer(&plant, resuming::QUESTION).await;
    let (_, report) = bundled(&plant, &process, &run).await;
    let told = |line: &Line| matches!(line, Line::NotChecked(text) if text.starts_with("calls of step"));
    assert!(report.finding.is_none() && !report.lines.iter().any(told), "{report:#?}");
}

#[tokio::test]
async fn a_call_whose_usage_is_stored_late_is_said_to_be_late_and_not_missing() {
    let plant = computing::plant().await;
    let server = plays([Turn::say("The relief valve of the compressor opens at 7.3 bar [1].")]);
    let process = plant.with_tools(&server.base_url());
    let (run, _) = process.answer(&plant, QUESTION).await;
    let late = "DELETE FROM model_usage; DELETE FROM audit_entries WHERE action = 'usage.recorded'";
    plant.database.tamper(&format!("CREATE TABLE public.usage AS TABLE model_usage; {late}")).await;
    let (file, report) = bundled(&plant, &process, &run).await;
    let told = |line: &Line| matches!(line, Line::NotChecked(text) if text.contains("its usage was not stored yet"));
    assert!(report.finding.is_none() && report.lines.iter().any(told), "{report:#?}");
    assert_eq!(file["bundle"]["left_out"][0]["what"], "call", "{file}");
    // Where the log has its entry, it was stored.
    plant.database.tamper("INSERT INTO model_usage SELECT * FROM public.usage").await;
    let (_, report) = bundled(&plant, &process, &run).await;
    assert!(
        report.finding.as_ref().is_some_and(|finding| finding.contains("it has no entry in the log")),
        "{report:#?}"
    );
}
