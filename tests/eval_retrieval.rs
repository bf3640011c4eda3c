//! `millwright eval retrieval`: a judged collection goes in, four rows of figures come out, nothing stays.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::kit::{World, root};

const DOCUMENTS: [(&str, &str, &str); 8] = [
    ("pump", "Pump bearings", "The bearings of the pump are greased with lithium grease every 2000 operating hours."),
    ("seal", "Mechanical seal", "Wet the elastomer with soapy water and press the seal onto the shaft."),
    ("belt", "Conveyor belt", "The belt is tensioned until it sags by two per cent of the distance between rollers."),
    ("valve", "Relief valve", "The relief valve opens at 16 bar and is tested once a year."),
    ("motor", "Motor", "The windings of the motor are dried at 90 degrees before insulation is measured."),
    ("fan", "Cooling fan", "Dust on the blades of the fan is removed with compressed air."),
    ("oil", "Gear oil", "Gear oil of viscosity class 220 is changed after 8000 hours."),
    ("empty", "", ""),
];
const QUERIES: [(&str, &str, &str); 3] = [
    ("1", "how often are the pump bearings greased", "pump"),
    ("2", "at which pressure does the relief valve open", "valve"),
    ("3", "fitting a new sealing ring on the shaft", "seal"),
];

fn write_collection(folder: &Path) {
    let documents = DOCUMENTS.map(|(id, title, text)| json!({ "_id": id, "title": title, "text": text }).to_string());
    let queries = QUERIES.map(|(id, text, _)| json!({ "_id": id, "text": text }).to_string());
    let judgements = QUERIES.map(|(id, _, document)| format!("{id}\t{document}\t1"));
    fs::write(folder.join("corpus.jsonl"), documents.join("\n")).expect("corpus");
    fs::write(folder.join("queries.jsonl"), queries.join("\n")).expect("queries");
    fs::write(folder.join("qrels.tsv"), format!("query-id\tcorpus-id\tscore\n{}\n", judgements.join("\n")))
        .expect("qrels");
}

/// Where the private PostgreSQL's programs lie.
pub(crate) fn postgres() -> String {
    let output = Command::new("sh").arg(root().join("scripts/fetch_postgres.sh")).output().expect("fetch_postgres.sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("utf-8").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judged_collection_is_scored_stage_by_stage_and_nothing_stays() {
    let mut world = World::new().await;
    let collection = tempfile::tempdir().expect("folder");
    let scratch = tempfile::Builder::new().permissions(open()).tempdir().expect("folder");
    write_collection(collection.path());
    let data = collection.path().display().to_string();
    world.set("POSTGRES_INSTALL_DIR", &postgres()).set("TMPDIR", &scratch.path().display().to_string());
    let (scored, told, said) = world.command(&["eval", "retrieval", "--json", "--data", &data]);
    assert!(scored, "{told}{said}");
    let report: Value = serde_json::from_str(&told).expect("JSON alone");
    for stage in ["bm25", "vector", "hybrid", "reranked"] {
        let figures = &report[stage];
        for measure in ["ndcg@10", "recall@100", "mrr"] {
            let figure = figures[measure].as_f64().expect("a number");
            assert!((0.0..=1.0).contains(&figure), "{stage}: {figures}");
        }
    }
    assert_eq!(report["vector"]["mrr"], json!(1.0), "{report}");
    assert_eq!(report["reranked"], json!({ "ndcg@10": 1.0, "recall@100": 1.0, "mrr": 1.0 }));
    assert_eq!(fs::read_dir(scratch.path()).expect("folder").count(), 0, "nothing stays");

    fs::write(collection.path().join("qrels.tsv"), "1 pump 1\nnonsense\n").expect("qrels");
    let (scored, told, said) = world.command(&["eval", "retrieval", "--json", "--data", &data]);
    assert!(!scored && told.is_empty() && said.contains("qrels.tsv, line 2: expected query"), "{told}{said}");
}

/// Others may pass: PostgreSQL runs under another uid where root started it.
pub(crate) fn open() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o711)
}
