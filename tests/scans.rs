//! Scanned documents, from the picture to the passage that is found and the place where its words stand.

use std::process::Command;

use serde_json::{Value, json};

use crate::kit::{World, problem, sample, session::id};

#[path = "../crates/documents/tests/scanner/mod.rs"]
mod scanner;

fn has_tesseract() -> bool {
    let found = Command::new("tesseract").arg("--list-langs").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("SKIPPED: no tesseract here to read scans with");
    }
    found
}

/// The text of a page from `start` to `end`, in code points.
fn slice(text: &Value, start: &Value, end: &Value) -> String {
    let at = |number: &Value| usize::try_from(number.as_u64().expect("number")).expect("small");
    text.as_str().expect("text").chars().skip(at(start)).take(at(end) - at(start)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_manual_answers_and_shows_where() {
    if !has_tesseract() {
        return;
    }
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let manual = sample("pump-manual.pdf");
    let scans = scanner::scans_of(&manual, &[2, 6]);
    let document = admin.take_in("scanned.pdf", scanner::pdf_of(&scans)).await;
    let latest = &document["latest"];
    assert_eq!((&latest["status"], &latest["recognized_pages"]), (&json!("ready"), &json!(2)), "{document}");
    assert_eq!((&latest["pages_without_text"], &latest["pages_out_of_time"]), (&json!([]), &json!([])));
    let manifest = admin.json(&format!("/api/v1/documents/{}/versions/1/manifest", id(&document))).await;
    let engine = manifest["recognition"]["engine"].as_str().expect("what recognised it");
    assert!(engine.starts_with("tesseract "), "{manifest}");

    let found = admin.search("table of hydraulic data").await;
    let passage = found.first().expect("a passage of the scan");
    assert_eq!((&passage["document_name"], &passage["page"]), (&json!("scanned.pdf"), &json!(1)), "{passage}");
    let page = format!("/api/v1/documents/{}/pages/1", id(&document));
    let read = admin.json(&page).await;
    assert_eq!(read["recognized"], true);
    let text = read["text"].clone();
    let (start, end) = (&passage["char_start"], &passage["char_end"]);
    let words = admin.json(&format!("{page}/words?version=1&start={start}&end={end}")).await;
    assert_eq!(words["recognized"], true);
    let places = words["words"].as_array().expect("words");
    let read: Vec<String> = places.iter().map(|word| slice(&text, &word["start"], &word["end"])).collect();
    let spoken = slice(&text, start, end);
    let expected: Vec<&str> = spoken.split_whitespace().filter(|word| *word != "|").collect();
    assert_eq!(read, expected, "each word of the passage has its place");
    let (width, height) = (words["width"].as_f64().expect("width"), words["height"].as_f64().expect("height"));
    assert!((width - scans[0].width).abs() < 1.0 && (height - scans[0].height).abs() < 1.0, "{words}");
    for word in places {
        let at = |side: &str| word[side].as_f64().expect("points");
        assert!(at("width") > 0.0 && at("height") > 0.0, "{word}");
        assert!(at("left") + at("width") <= width + 1.0 && at("top") + at("height") <= height + 1.0, "{word}");
    }
    let answer = admin.ask("What is in the table of hydraulic data?").await;
    assert_eq!(answer["message"]["citations"][0]["document_name"], "scanned.pdf", "{answer}");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_have_places_where_pages_are_printed_and_only_there() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let manual = admin.take_in("pump-manual.pdf", sample("pump-manual.pdf")).await;
    let path = format!("/api/v1/documents/{}/pages/3", id(&manual));
    let (text, words) = (admin.json(&path).await["text"].clone(), admin.json(&format!("{path}/words")).await);
    assert_eq!((&words["recognized"], &words["number"]), (&json!(false), &json!(3)));
    let read: Vec<String> = words["words"]
        .as_array()
        .expect("words")
        .iter()
        .map(|word| slice(&text, &word["start"], &word["end"]))
        .collect();
    let expected: Vec<&str> = text.as_str().expect("text").split_whitespace().filter(|word| *word != "|").collect();
    assert_eq!(read, expected);
    problem(admin.get(&format!("{path}/words?start=-1")).await, 422, "validation_failed").await;
    problem(admin.get(&format!("/api/v1/documents/{}/pages/99/words", id(&manual))).await, 404, "not_found").await;
    let note = admin.take_in("note.md", "# Note\n\nGrease the bearing.").await;
    let words = admin.json(&format!("/api/v1/documents/{}/pages/1/words", id(&note))).await;
    assert_eq!((&words["width"], &words["words"]), (&Value::Null, &json!([])));
    drop(world);
}
