//! What a search understands and says, over the API: the glossary, slips, parts, follow-ups, and a reranker.

use std::time::Duration;

use millwright_core::Role;
use millwright_scripted_model::Turn;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::kit::{Server, Session, World, eventually, plays, problem, read, rerank_server::RerankServer, session::id};

const GLOSSARY: &str = "/api/v1/admin/glossary";
/// Each is a document of its own, and with that a passage.
const MANUAL: [(&str, &str); 5] = [
    ("lockout.md", "# Lockout tagout\n\nLockout tagout of the press takes two locks, one at each isolator.\n"),
    (
        "valve.md",
        "# Relief valve\n\nThe relief valve of the press opens at 6 bar. Its spring is changed every 500 hours.\n",
    ),
    ("belt.md", "# Belt\n\nThe belt of the feeder is changed every 900 hours and tensioned to 40 N.\n"),
    ("filter.md", "# Filter\n\nThe filter of the feeder is changed every 250 hours.\n"),
    ("panel.md", "# Panel\n\nThe panel of the press shows the alarm in red.\n"),
];

async fn search(session: &Session<'_>, query: &str) -> Value {
    let (status, found) = read(session.post("/api/v1/search", &json!({ "query": query })).await).await;
    assert_eq!(status, 200, "{found}");
    found
}

async fn add(admin: &Session<'_>, body: Value) -> Value {
    let (status, made) = read(admin.post(GLOSSARY, &body).await).await;
    assert_eq!(status, 201, "{made}");
    made
}

/// A server with the manual, and its admin.
async fn with_manual(world: &World) -> Server {
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    for (name, text) in MANUAL {
        admin.take_in(name, text).await;
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_is_found_by_what_it_stands_for_and_the_change_is_proved() {
    let world = World::new().await;
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    let question = "How many locks does LOTO take?";
    assert_eq!(search(&admin, question).await["understood"]["expansions"], json!([]));
    let body = json!({ "term": " LOTO ", "expansions": ["lockout tagout", "Lockout Tagout"], "language": "en" });
    let made = add(&admin, body.clone()).await;
    assert_eq!((&made["term"], &made["expansions"]), (&json!("LOTO"), &json!(["lockout tagout"])));
    let found = search(&admin, question).await;
    let expected =
        json!({ "spelling": [], "expansions": [{ "term": "LOTO", "words": ["lockout tagout"] }], "parts": [] });
    assert_eq!(found["understood"], expected, "at once");
    assert!(found["items"][0]["text"].as_str().expect("text").contains("two locks"), "{}", found["items"][0]);
    let answer = admin.ask(question).await;
    assert!(answer["message"]["content"].as_str().expect("text").contains("two locks"), "{answer}");
    let run = admin.json(&format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("id"))).await;
    assert_eq!(run["steps"][0]["detail"]["understood"], expected);
    assert_eq!(run["steps"][0]["detail"]["follow_up"], Value::Null);

    problem(admin.post(GLOSSARY, &json!({ "term": "loto", "expansions": ["x"] })).await, 409, "conflict").await;
    let path = format!("{GLOSSARY}/{}", id(&made));
    let (status, changed) = read(admin.patch(&path, &json!({ "term": "LTO", "language": "any" })).await).await;
    assert_eq!((status, &changed["term"], &changed["language"]), (200, &json!("LTO"), &json!("any")));
    assert_eq!(changed["expansions"], made["expansions"], "what is absent stays");
    assert_eq!(search(&admin, question).await["understood"]["expansions"], json!([]));
    add(&admin, json!({ "term": "PRV", "expansions": ["relief valve"] })).await;
    let named = |items: Vec<Value>| items.iter().map(|item| item["term"].clone()).collect::<Vec<_>>();
    assert_eq!(named(admin.all(GLOSSARY, 1).await), ["PRV", "LTO"]);
    assert_eq!(named(admin.all(&format!("{GLOSSARY}?q=TAGOUT"), 10).await), ["LTO"]);
    assert_eq!(admin.delete(&path).await, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await, StatusCode::NOT_FOUND);
    let entries = admin.audit("resource_type=glossary_entry").await;
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(actions.contains(&"glossary_entry.changed") && actions.contains(&"glossary_entry.deleted"), "{actions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_term_is_explained() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let nine: Vec<String> = (0..9).map(|number| format!("meaning {number}")).collect();
    for (body, field) in [
        (json!({ "term": " ", "expansions": ["x"] }), "term"),
        (json!({ "term": "--", "expansions": ["x"] }), "term"),
        (json!({ "term": "x".repeat(61), "expansions": ["x"] }), "term"),
        (json!({ "term": "LOTO", "expansions": [] }), "expansions"),
        (json!({ "term": "LOTO", "expansions": nine }), "expansions"),
        (json!({ "term": "LOTO", "expansions": ["loto"] }), "expansions"),
        (json!({ "term": "LOTO", "expansions": ["…"] }), "expansions"),
    ] {
        let refused = problem(admin.post(GLOSSARY, &body).await, 422, "validation_failed").await;
        assert_eq!(refused["fields"][0]["field"], field, "{refused}");
    }
    let made = add(&admin, json!({ "term": "LOTO", "expansions": ["x"] })).await;
    problem(admin.patch(&format!("{GLOSSARY}/{}", id(&made)), &json!({})).await, 422, "validation_failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slips_and_parts_are_said_and_answered() {
    let world = World::new().await;
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    let found = search(&admin, "At how many bar does the releif valve open?").await;
    assert_eq!(found["understood"]["spelling"], json!([{ "from": "releif", "to": "relief" }]));
    assert!(found["items"][0]["text"].as_str().expect("text").contains("6 bar"));
    let found = search(&admin, "When does the relief valve open and when is the filter changed?").await;
    assert_eq!(found["understood"]["parts"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!((&found["items"][0]["part"], &found["items"][1]["part"]), (&json!(1), &json!(2)));
    let texts: String =
        found["items"].as_array().expect("items")[..2].iter().map(|item| item["text"].to_string()).collect();
    assert!(texts.contains("6 bar") && texts.contains("250"), "{texts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_is_written_out_and_the_step_says_so() {
    let world = World::new().await;
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    let first = admin.ask("How often is the filter changed?").await;
    let body = json!({ "message": "And the belt?", "conversation_id": first["conversation_id"], "stream": false });
    let answer = admin.chat(&body).await;
    assert!(answer["message"]["content"].as_str().expect("text").contains("900 hours"), "{answer}");
    let run = admin.json(&format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("id"))).await;
    let detail = &run["steps"][0]["detail"];
    assert_eq!(detail["query"], "How often is the belt changed?");
    assert_eq!(detail["follow_up"]["carried"], json!(["changed"]));
}

/// Servers with this reranker.
fn rerank(world: &mut World, server: &RerankServer, form: &str) {
    world
        .set("RERANK_URL", &server.url)
        .set("RERANK_FORM", form)
        .set("RERANK_MODEL", "judge")
        .set("RERANK_API_KEY", "k");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reranker_decides_the_order_in_each_of_its_forms() {
    for (form, path) in [("tei", "/rerank"), ("jina", "/v1/rerank"), ("cohere", "/v2/rerank")] {
        let judge = RerankServer::start("tensioned");
        let mut world = World::new().await;
        rerank(&mut world, &judge, form);
        let server = with_manual(&world).await;
        let admin = server.sign_in("admin@a.test").await;
        let found = search(&admin, "How many locks does lockout tagout take?").await;
        assert!(found["items"][0]["text"].as_str().expect("text").contains("tensioned"), "{form}: {found}");
        assert_eq!((&found["items"][0]["reranker"], &found["degraded"]), (&json!(1.0), &Value::Null));
        assert!(found["stages_ms"]["reranker"].as_f64().expect("time") > 0.0);
        let (line, body) = judge.requests().pop().expect("asked");
        assert!(line.starts_with(&format!("POST {path} ")), "{line}");
        assert_eq!(body["query"], "How many locks does lockout tagout take?");
        assert_eq!(body.get("model").is_some(), form != "tei");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reranker_is_given_no_label_above_its_own_and_no_personal_data() {
    let judge = RerankServer::start("tensioned");
    let mut world = World::new().await;
    rerank(&mut world, &judge, "tei");
    world.set("RERANK_MAX_CLASSIFICATION", "INTERNAL");
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    let secret = admin.take_in("secret.md", "# Secret press\n\nThe secret press takes seven locks, tensioned.").await;
    let path = format!("/api/v1/documents/{}", id(&secret));
    let (status, changed) = read(admin.patch(&path, &json!({ "classification": "CONFIDENTIAL" })).await).await;
    assert_eq!(status, 200, "{changed}");
    admin
        .take_in("person.md", "# Locks of the press\n\nFor locks of the press write to ada.lovelace@example.org.")
        .await;
    eventually("the label is in the index", Duration::from_secs(10), async || {
        let found = search(&admin, "How many locks does the press take?").await;
        let items = found["items"].as_array().expect("items").clone();
        items.iter().any(|item| item["document_name"] == "secret.md" && item["reranker"].is_null())
    })
    .await;
    let asked = judge.requests();
    let (_, last) = asked.last().expect("asked");
    assert!(last["texts"].as_array().is_some_and(|texts| texts.len() >= 2));
    assert!(!last.to_string().contains("seven locks"), "{last}");
    assert!(last.to_string().contains("write to") && !last.to_string().contains("ada.lovelace"), "{last}");
    let before = judge.requests().len();
    let body = json!({ "query": "How many locks does the press take?", "classification": "RESTRICTED" });
    let (_, found) = read(admin.post("/api/v1/search", &body).await).await;
    assert!(found["items"].as_array().is_some_and(|items| items.iter().all(|item| item["reranker"].is_null())));
    assert_eq!(judge.requests().len(), before, "nor is a question that is above it");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_reranker_a_search_answers_in_the_built_in_order_and_says_so() {
    let judge = RerankServer::start("tensioned");
    let mut world = World::new().await;
    rerank(&mut world, &judge, "tei");
    world.set("RERANK_TIMEOUT_MS", "300");
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    judge.delay(Duration::from_secs(5));
    let question = "How many locks does lockout tagout take?";
    let found = search(&admin, question).await;
    assert_eq!(found["degraded"], "reranker");
    assert!(found["items"][0]["text"].as_str().expect("text").contains("two locks"), "{found}");
    assert!(found["stages_ms"]["reranker"].as_f64().expect("time") < 2000.0);
    // It is left alone for a while: nobody waits for it again.
    let asked = judge.requests().len();
    let again = search(&admin, question).await;
    assert_eq!((&again["degraded"], judge.requests().len()), (&json!("reranker"), asked));
    assert!(again["stages_ms"]["reranker"].as_f64().expect("time") < 100.0);
}

/// The number of passages in a request to a model that judges.
fn judged(request: &str) -> usize {
    let request: Value = serde_json::from_str(request).expect("json");
    let content = &request["messages"][1]["content"];
    let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
    text.matches("BEGIN PASSAGE ").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_model_reranks_on_the_account_of_who_asks_and_its_cost_is_shown() {
    let model = plays(Turn::say("nothing yet").usage(400, 20));
    let mut world = World::new().await;
    world.set_model(&model.base_url()).set("LLM_PRICE_PER_MILLION", "2/10");
    world.set("RERANK_FORM", "model").set("RERANK_MODEL", "scripted");
    let server = with_manual(&world).await;
    let admin = server.sign_in("admin@a.test").await;
    let question = "How many locks does lockout tagout take?";
    let found = search(&admin, question).await;
    assert_eq!(found["degraded"], "reranker", "what it says are no scores: {found}");
    let built_in: Vec<Value> =
        found["items"].as_array().expect("items").iter().map(|item| item["text"].clone()).collect();
    let count = judged(&model.last_body());
    assert!(count > 2, "{}", model.last_body());
    // The last of what it was given is the best to it.
    let scores: Vec<String> =
        (0..count).map(|place| if place + 1 == count { "9".into() } else { "1".to_owned() }).collect();
    model.play(Turn::say(&format!("{{\"scores\": [{}]}}", scores.join(", "))).usage(400, 20));
    let found = search(&admin, question).await;
    let items = found["items"].as_array().expect("items");
    assert_eq!((&found["degraded"], &items[0]["reranker"]), (&Value::Null, &json!(9.0)), "{found}");
    assert_eq!(items[1]["text"], built_in[0], "equals keep their order");
    assert_eq!(
        found["rerank_cost"],
        json!({ "model": "scripted", "input_tokens": 400, "output_tokens": 20, "cost_micros": 1000 })
    );
    eventually("the calls are in the audit log", Duration::from_secs(5), async || {
        let entries = admin.json("/api/v1/admin/audit?action=usage.recorded").await;
        entries["items"]
            .as_array()
            .is_some_and(|entries| entries.iter().any(|entry| entry.to_string().contains("rerank")))
    })
    .await;
}
