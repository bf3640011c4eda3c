//! `millwright eval agent`: a suite is taken in and asked, what was shown is scored, and a later run is held against it.

use std::{collections::BTreeSet, fs, path::Path};

use millwright_agents::eval::Suite;
use millwright_scripted_model::Turn;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    eval_retrieval::{open, postgres},
    kit::{World, plays, root},
};

pub(crate) const FAN: &str = "# Fan F-7\n\n## Belt\n\nThe drive belt of fan F-7 is tensioned to 65 Hz. It is replaced every 4000 operating hours.\n\n\
    ## Bearings\n\nThe bearings of fan F-7 are greased with 12 g of lithium grease every 1500 operating hours.\n";
pub(crate) const PRICES: &str = "# Prices\n\nThe drive belt of fan F-7 costs 38.20 EUR at Brandner Industriebedarf.\n";

fn write(folder: &Path, cases: &[Value]) {
    let documents = folder.join("documents");
    fs::create_dir_all(&documents).expect("folder");
    fs::write(documents.join("fan.md"), FAN).expect("document");
    fs::write(documents.join("prices.md"), PRICES).expect("document");
    let named = "{\"file\": \"fan.md\"}\n{\"file\": \"prices.md\", \"classification\": \"RESTRICTED\"}\n";
    fs::write(folder.join("documents.jsonl"), named).expect("documents");
    let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
    fs::write(folder.join("cases.jsonl"), lines.join("\n")).expect("cases");
}

pub(crate) fn cases() -> [Value; 4] {
    let fan = json!(["fan.md"]);
    [
        json!({ "id": "belt", "kind": "fact", "question": "To which frequency is the drive belt of fan F-7 tensioned?",
                "documents": fan, "facts": [["65Hz"]], "forbidden": ["12 g"],
                "cites": [{ "document": "fan.md", "heading": "Belt" }], "tools": ["search_documents"] }),
        json!({ "id": "grease", "kind": "follow-up", "question": "And how often are its bearings greased?",
                "before": [{ "role": "user", "content": "To which frequency is the drive belt of fan F-7 tensioned?" },
                           { "role": "assistant", "content": "The drive belt of fan F-7 is tensioned to 65 Hz." }],
                "documents": fan, "facts": [["1500 h"]] }),
        json!({ "id": "hidden", "kind": "label", "question": "What does the drive belt of fan F-7 cost at Brandner?",
                "abstain": true, "forbidden": ["38.20"] }),
        json!({ "id": "cleared", "kind": "label", "question": "What does the drive belt of fan F-7 cost at Brandner?",
                "documents": ["prices.md"], "facts": [["38.20 EUR"]], "clearance": "RESTRICTED" }),
    ]
}

/// A folder with the suite, one for what must not stay, and where both are given to the command.
pub(crate) async fn world(cases: &[Value]) -> (World, TempDir, TempDir) {
    let mut world = World::new().await;
    let suite = tempfile::tempdir().expect("folder");
    let scratch = tempfile::Builder::new().permissions(open()).tempdir().expect("folder");
    write(suite.path(), cases);
    world.set("POSTGRES_INSTALL_DIR", &postgres()).set("TMPDIR", &scratch.path().display().to_string());
    (world, suite, scratch)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_is_asked_and_scored_and_a_later_run_that_got_worse_exits_with_1() {
    let mut cases = cases();
    let (world, suite, scratch) = world(&cases).await;
    let folder = suite.path().display().to_string();
    let (scored, told, said) = world.command(&["eval", "agent", "--json", "--suite", &folder]);
    assert!(scored, "{told}{said}");
    let report: Value = serde_json::from_str(&told).expect("JSON alone");
    let totals = &report["totals"];
    let all = |of: u32| json!({ "count": of, "of": of, "share": 1.0 });
    assert_eq!(totals["right"], all(4), "{report:#}");
    assert_eq!(
        (&totals["answers"], &totals["abstention_precision"], &totals["abstention_recall"]),
        (&all(3), &all(1), &all(1))
    );
    assert_eq!(totals["groundedness"]["share"], 1.0, "{report:#}");
    assert_eq!(totals["citation_recall"], all(3), "{report:#}");
    assert_eq!(totals["tools"], json!({ "count": 0, "of": 0, "share": null }), "no model can call any");
    assert_eq!(
        (&report["models"], &totals["failed"], &totals["input_tokens"]),
        (&json!(["extractive"]), &json!(0), &json!(0))
    );
    assert!(totals["steps"].as_u64() >= Some(8) && totals["p95_ms"].as_u64() >= Some(1), "{totals}");
    let shown = report["cases"][2]["shown"].as_str().expect("text");
    assert!(!shown.contains("38.20"), "{shown}");
    assert_eq!(fs::read_dir(scratch.path()).expect("folder").count(), 0, "nothing stays");

    let earlier = suite.path().join("earlier.json");
    fs::write(&earlier, &told).expect("report");
    let earlier = earlier.display().to_string();
    cases[0]["facts"] = json!([["70 Hz"]]);
    write(suite.path(), &cases);
    let compare = ["eval", "agent", "--suite", &folder, "--compare", &earlier];
    let (well, told, said) = world.command(&compare);
    assert!(!well, "{told}{said}");
    for expected in ["belt: without `70 Hz`", "-0.250  WORSE", "lost: belt", "fell by more than 0.02: right, answers"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let (well, told, said) = world.command(&[&compare[..], &["--margin", "0.34", "--json"]].concat());
    assert!(well, "{told}{said}");
    let report: Value = serde_json::from_str(&told).expect("JSON alone");
    assert_eq!(report["comparison"]["lost"], json!(["belt"]));
    assert_eq!(report["comparison"]["quality"][0]["worse"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_language_model_tokens_are_counted_and_tools_that_it_did_not_call() {
    let (mut world, suite, _scratch) = world(&cases()[..1]).await;
    let said = "The drive belt of fan F-7 is tensioned to 65 Hz [1]. It weighs 3 kg [1].";
    let model = plays(Turn::say(said));
    world.set_model(&model.base_url());
    let folder = suite.path().display().to_string();
    let (scored, told, said) = world.command(&["eval", "agent", "--json", "--suite", &folder]);
    assert!(scored, "{told}{said}");
    let report: Value = serde_json::from_str(&told).expect("JSON alone");
    let (totals, case) = (&report["totals"], &report["cases"][0]);
    assert_eq!(report["models"], json!(["scripted"]), "{report:#}");
    assert_eq!(totals["tools"], json!({ "count": 0, "of": 1, "share": 0.0 }), "it can, and did not");
    assert!(totals["input_tokens"].as_u64() > Some(100) && totals["output_tokens"].as_u64() > Some(10), "{totals}");
    // What it made up was cut before anybody saw it.
    assert_eq!((&case["right"], &case["sentences"], &case["grounded"]), (&json!(true), &json!(1), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_suite_or_report_is_named_before_anything_starts() {
    let (mut world, suite, scratch) = world(&cases()).await;
    // What starts would say that there is no PostgreSQL.
    world.set("POSTGRES_INSTALL_DIR", "/nowhere");
    let folder = suite.path().display().to_string();
    let run = |more: &[&str]| {
        let (scored, told, said) = world.command(&[&["eval", "agent", "--suite", &folder], more].concat());
        assert!(!scored && told.is_empty(), "{told}{said}");
        said
    };
    let mut missing = cases();
    missing[1]["documents"] = json!(["pump.md"]);
    let mut unknown = cases();
    unknown[3]["fact"] = json!([]);
    let mut hidden = cases();
    hidden[3]["clearance"] = json!("INTERNAL");
    for (cases, expected) in [
        (missing, "cases.jsonl, line 2: expected documents of documents.jsonl, and `pump.md` is in none of its lines"),
        (unknown, "cases.jsonl, line 4: expected a case with `id`"),
        (hidden, "line 4: expected `clearance` to reach `prices.md`, which is RESTRICTED, and it is INTERNAL"),
    ] {
        write(suite.path(), &cases);
        let said = run(&[]);
        assert!(said.contains(expected), "{said}");
    }
    write(suite.path(), &cases());
    fs::write(suite.path().join("earlier.json"), "{\"cases\": 1}").expect("report");
    let earlier = suite.path().join("earlier.json").display().to_string();
    assert!(run(&["--compare", &earlier]).contains("expected a report that `millwright eval agent --json` printed"));
    assert!(run(&["--margin", "2"]).contains("expected a number from 0 to 1"));
    fs::remove_file(suite.path().join("documents/fan.md")).expect("remove");
    let said = run(&[]);
    assert!(
        said.contains("documents.jsonl, line 1: expected a file in `documents`, and there is no `fan.md`"),
        "{said}"
    );
    assert_eq!(fs::read_dir(scratch.path()).expect("folder").count(), 0, "nothing was begun");
}

#[test]
fn the_suite_that_ships_has_a_hundred_cases_of_which_a_third_has_no_answer() {
    let suite = Suite::read(&root().join("samples/evals/plant")).expect("suite");
    let unanswerable = suite.cases.iter().filter(|case| case.abstain).count();
    assert_eq!((suite.cases.len(), unanswerable), (100, 33));
    let asked: BTreeSet<&str> = suite.cases.iter().flat_map(|case| &case.documents).map(String::as_str).collect();
    let silent = suite.documents.iter().filter(|document| !asked.contains(document.file.as_str()));
    let silent: Vec<&str> = silent.map(|document| document.file.as_str()).collect();
    assert_eq!(silent, ["sop-cip-fm-30-rev2.md"], "only what is superseded answers nothing");
}
