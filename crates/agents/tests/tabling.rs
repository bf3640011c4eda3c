//! A model that has the rows of a table counted up, and what of that reaches the reader.

use std::{fmt::Write as _, time::Duration};

use millwright_agents::NOT_IN_DOCUMENTS_TEXT;
use millwright_core::{Classification, Label};
use millwright_scripted_model::Turn;
use millwright_store::{Bookkeeping, Proof};
use serde_json::{Value, json};

use crate::{
    bundling::{bundled, holds},
    resuming::{calls_once, ends_anywhere},
    support::{Plant, last, plays, shown},
};

const QUESTION: &str = "How many hours did the packaging lines stop in total, by the log of stops?";
const CALL: &str =
    r#"{"passage":1,"where":[{"column":"Line","op":"=","value":"3"}],"aggregates":[{"fn":"sum","column":"Stop (h)"}]}"#;
const BY_LINE: &str = r#"{"passage":1,"group_by":["Line"],"aggregates":[{"fn":"sum","column":"Stop (h)"}]}"#;

/// A log of ninety rows, of which a third is of line 3: its hours in all, as added up here.
fn log() -> (String, String) {
    let mut text = "# Log of stops\n\nHours that the packaging lines stopped.\n\n| Line | Cause of the stop | Stop (h) |\n|---|---|---|\n".to_owned();
    let mut quarters = 0;
    for row in 0..90_u32 {
        let (line, size) = (3 + row % 3, 1 + row % 7);
        quarters += if line == 3 { size } else { 0 };
        let _ = writeln!(
            text,
            "| {line} | jam of cartons at the infeed number {row} | {}.{:02} |",
            size / 4,
            size % 4 * 25
        );
    }
    let _ = writeln!(text, "| Total | | 90 |");
    let hours = format!("{}.{:02}", quarters / 4, quarters % 4 * 25);
    (text, hours.trim_end_matches('0').trim_end_matches('.').to_owned())
}

async fn plant() -> (Plant, String) {
    let plant = Plant::new().await;
    let (text, hours) = log();
    plant.add("log-of-stops.md", Classification::Internal, &text).await;
    (plant, hours)
}

async fn call(plant: &Plant) -> Value {
    let details =
        plant.database.peek("SELECT detail::text FROM run_steps WHERE kind = 'tool' ORDER BY started_at").await;
    serde_json::from_str::<Value>(&details[0]).unwrap()["calls"][0].clone()
}

/// What the model was told of its call.
fn told(request: &str) -> String {
    let request: Value = serde_json::from_str(request).unwrap();
    let messages = request["messages"].as_array().unwrap().iter();
    messages.rev().find(|message| message["role"] == "tool").unwrap()["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_sum_over_all_rows_is_shown_with_how_it_was_made_and_cites_the_table() {
    let (plant, hours) = plant().await;
    let said = format!("Line 3 had {hours} h of stop in total [1].");
    let server = plays([Turn::calls([("table", CALL)]), Turn::say(&said)]);
    let process = plant.with_tools(&server.base_url());
    let (run, events) = process.answer(&plant, QUESTION).await;
    let how = "sum of Stop (h) over 30 of 90 rows where Line = 3; without 1 that look like totals";
    let text = shown(&events);
    assert!(
        text.starts_with(&format!("Line 3 had {hours} h of stop in total. ({how}) [1]")),
        "{text} {:?}",
        last(&events)
    );
    let citation = plant.message(&run).await.citations[0].clone();
    let quote = citation["quote"].as_str().unwrap();
    assert!(quote.starts_with("Line | Cause of the stop | Stop (h)\n3 | jam of cartons"), "{quote}");
    let page = plant.database.peek("SELECT text FROM document_pages WHERE text LIKE 'Log of stops%'").await.remove(0);
    let points = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
    let stored: String =
        page.chars().skip(points("char_start")).take(points("char_end") - points("char_start")).collect();
    assert_eq!(stored, quote, "byte for byte as it is stored");
    let told = told(&server.requests()[1].body);
    assert!(
        told.starts_with("90 rows were read and 30 match; 1 that look like totals are left out. Say one row"),
        "{told}"
    );
    assert!(told.contains("BEGIN RESULT ") && told.contains(&format!("sum of Stop (h)\n{hours} h\n")), "{told}");
    let call = call(&plant).await;
    assert_eq!((&call["tool"], &call["outcome"]), (&json!("table"), &json!("done")), "{call}");
    assert_eq!(call["arguments"], serde_json::from_str::<Value>(CALL).unwrap());
    assert_eq!(call["result"]["text"], format!("sum of Stop (h)\n{hours} h\n"));
    let decisions = plant.database.peek("SELECT action || ' ' || verdict FROM decisions").await;
    assert!(decisions.contains(&"document.read ALLOW".to_owned()), "{decisions:?}");
    // Repeated it is what it was, and nothing is asked or read again.
    let replay = plant.with_tools(&server.base_url()).runner.replay(&plant.principal, run.run_id).await.unwrap();
    assert!(replay.is_whole && replay.same_text && replay.same_citations, "{replay:?}");
    assert_eq!(server.count(), 2);
    let (bundle, report) = bundled(&plant, &process, &run).await;
    holds(&report, "prompts: 2 of 2 are what was sent to a model, byte for byte");
    assert!(bundle.to_string().contains(how));
}

#[tokio::test]
async fn a_wrong_sum_and_the_right_one_of_another_line_are_cut() {
    let (plant, hours) = plant().await;
    for said in [
        "Line 3 had 90 h of stop in total [1].".to_owned(),
        format!("Line 4 had {hours} h of stop in total [1]."),
        // A figure that stands in a row of line 3.
        "Line 3 had 1.75 h of stop in total [1].".to_owned(),
    ] {
        let draft = || Turn::say(&said);
        let server = plays([Turn::calls([("table", BY_LINE)]), draft(), draft(), draft()]);
        let (_, events) = plant.with_tools(&server.base_url()).answer(&plant, QUESTION).await;
        assert_eq!(shown(&events), NOT_IN_DOCUMENTS_TEXT, "{said} {:?}", last(&events));
    }
}

#[tokio::test]
async fn a_call_that_names_no_column_is_told_which_there_are() {
    let (plant, hours) = plant().await;
    let wrong = r#"{"passage":1,"aggregates":[{"fn":"sum","column":"Downtime"}]}"#;
    let said = format!("Line 3 had {hours} h of stop in total [1].");
    let server = plays([Turn::calls([("table", wrong)]), Turn::calls([("table", BY_LINE)]), Turn::say(&said)]);
    let (_, events) = plant.with_tools(&server.base_url()).answer(&plant, QUESTION).await;
    assert!(shown(&events).starts_with(&format!("Line 3 had {hours} h of stop in total. (")), "{:?}", last(&events));
    let told = told(&server.requests()[1].body);
    assert!(
        told.starts_with(
            "figure 1 of `aggregates` names a column that the table has not; the table has these columns\n"
        ),
        "{told}"
    );
    assert!(told.contains("Line (numbers) | Cause of the stop (words) | Stop (h) (numbers in h)"), "{told}");
    assert_eq!(call(&plant).await["outcome"], "malformed");
}

#[tokio::test]
async fn wherever_a_process_ends_rows_that_were_read_are_not_read_again() {
    let (plant, hours) = plant().await;
    let calls = [("table", BY_LINE), ("table", r#"{"passage":1}"#)];
    let said = format!("Line 3 had {hours} h of stop in total.");
    let content = ends_anywhere(&plant, QUESTION, calls_once(calls, &said)).await;
    assert!(content.starts_with(&format!("{said} (sum of Stop (h) over 30 of 90 rows where Line = 3; ")), "{content}");
}

/// Its rows were found, and may not be read any more when the model asks for them.
#[tokio::test]
async fn rows_of_a_document_that_was_hidden_meanwhile_are_not_read() {
    let (plant, hours) = plant().await;
    let said = format!("Line 3 had {hours} h of stop in total [1].");
    let slowly = Duration::from_millis(150);
    let server =
        plays([Turn::calls([("table", CALL)]).slowly(slowly), Turn::say(&said), Turn::say(&said), Turn::say(&said)]);
    let process = plant.with_tools(&server.base_url());
    let run = process.ask(&plant, QUESTION).await;
    while server.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let label = Label::of(Classification::Restricted);
    let mut tx = plant.database.store.tenant(&plant.principal.scope).begin().await.unwrap();
    let label_id = tx.labels().intern(&label).await.unwrap();
    let document = plant.database.peek("SELECT id::text FROM documents WHERE name = 'log-of-stops.md'").await.remove(0);
    let document = document.parse::<uuid::Uuid>().unwrap().into();
    tx.documents().set_label(document, &label, label_id, plant.sources.now()).await.unwrap();
    tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
    let events = process.events(&plant, run.run_id).await;
    assert!(!shown(&events).contains(&hours), "{}", shown(&events));
    let call = call(&plant).await;
    assert_eq!((&call["outcome"], &call["result"]), (&json!("malformed"), &Value::Null), "{call}");
    let kept = plant.database.peek("SELECT coalesce(record::text, '') FROM run_steps WHERE kind = 'tool'").await;
    assert!(!kept[0].contains(&hours), "{kept:?}");
}
