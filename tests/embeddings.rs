//! Another embedding model takes the place of the one that serves: beside it, in one moment, and without a gap.

use std::time::{Duration, Instant};

use millwright_core::Role;
use serde_json::{Value, json};

use crate::{
    chat::FACTS,
    crash::long_text,
    kit::{Server, Session, World, embedding_server::EmbeddingServer, eventually, read, session::id},
    labels::{OPEN, RESTRICTED, SECRET, take_in},
};

const LIMIT: Duration = Duration::from_mins(2);
const QUESTION: &str = "relief valve of compressor K-12";

async fn embeddings(admin: &Session<'_>) -> Value {
    admin.json("/api/v1/admin/embeddings").await
}

/// Waits until the model serves.
async fn serves(admin: &Session<'_>, model: &str) -> Value {
    let mut found = Value::Null;
    eventually(&format!("{model} serves"), LIMIT, async || {
        found = embeddings(admin).await;
        found["serving"]["name"] == model
    })
    .await;
    found
}

/// Waits until the server has found its new model, and makes the index that only the owner may make.
async fn prepare(world: &mut World, server: &Server) {
    eventually("it waits for its index", LIMIT, async || {
        let health = server.health("embedding model").await;
        health["remedy"].as_str().is_some_and(|remedy| remedy.contains("embeddings prepare"))
    })
    .await;
    world.prepare_embeddings();
}

/// A search that must have used vectors; its best passage.
async fn best(session: &Session<'_>, query: &str) -> Value {
    let (status, body) = read(session.post("/api/v1/search", &json!({ "query": query })).await).await;
    assert_eq!((status, &body["degraded"]), (200, &Value::Null), "{body}");
    body["items"][0].clone()
}

async fn count(world: &World, query: &str) -> i64 {
    world.db().peek(&format!("SELECT ({query})::text")).await[0].parse().expect("number")
}

/// Chunks that have vectors of the second model.
const BUILT: &str = "SELECT count(DISTINCT chunk_id) FROM chunk_vectors WHERE model_id = 2";

/// A world with an admin and a document that the model in process has embedded, and the admin's token.
async fn with_facts() -> (World, String) {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let first = embeddings(&admin).await;
    assert_eq!((&first["serving"]["name"], &first["building"]), (&json!("all-minilm-l6-v2"), &Value::Null), "{first}");
    assert_eq!(first["serving"]["done"], first["serving"]["total"], "{first}");
    (world, admin.token.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_of_a_server_takes_the_place_of_the_built_in_one_and_back_without_a_gap() {
    let (mut world, token) = with_facts().await;
    let vectors = EmbeddingServer::start(96, 1);
    vectors.delay(Duration::from_millis(600));
    world.set_embedding_model("counting", &vectors.url, "RESTRICTED");
    let server = world.server().await;
    let admin = server.session(&token);
    eventually("it is being built", LIMIT, async || embeddings(&admin).await["building"]["name"] == "counting").await;
    prepare(&mut world, &server).await;
    // Meanwhile the old one answers, and what is uploaded gets vectors of both.
    let during = best(&admin, QUESTION).await;
    assert!(during["text"].as_str().expect("text").contains("6.5 bar") && !during["vector"].is_null(), "{during}");
    let document = admin.accepted("spindle.md", "# Spindle\n\nThe spindle Zephyr runs at 9000 turns.\n").await;
    let mut searched = 0;
    let mut swapped = Value::Null;
    eventually("it serves", LIMIT, async || {
        let _ = best(&admin, &format!("{QUESTION} {searched}")).await;
        searched += 1;
        swapped = embeddings(&admin).await;
        swapped["serving"]["name"] == "counting"
    })
    .await;
    println!("{searched} searches beside the building, none without vectors");
    vectors.delay(Duration::ZERO);
    assert_eq!((&swapped["serving"]["dimensions"], &swapped["building"]), (&json!(96), &Value::Null), "{swapped}");
    assert_eq!(swapped["serving"]["done"], swapped["serving"]["total"], "{swapped}");
    let after = best(&admin, QUESTION).await;
    assert!(after["text"].as_str().expect("text").contains("6.5 bar") && !after["vector"].is_null(), "{after}");
    assert!(vectors.texts().contains(&QUESTION.to_owned()), "the question went to the server");
    admin.settled(id(&document)).await;
    eventually("what was uploaded meanwhile is found by vector", LIMIT, async || {
        let found = best(&admin, "spindle Zephyr turns").await;
        found["document_id"] == document["id"] && !found["vector"].is_null()
    })
    .await;
    let detail = admin.json(&format!("/api/v1/documents/{}", id(&document))).await;
    assert_eq!(detail["vectors"]["state"], "complete", "{detail}");
    let manifest = admin.json(&format!("/api/v1/documents/{}/versions/1/manifest", id(&document))).await;
    assert!(manifest["vector_model"].is_string() && manifest["intact"] == true, "{manifest}");
    let health = server.health("embedding model").await;
    assert!(health["status"] == "ready" && health["detail"] == "counting, on its server", "{health}");
    let left = "SELECT concat((SELECT count(*) FROM chunk_vectors WHERE model_id = 1), ' ', \
                to_regclass('millwright.chunk_vectors_nearest_1') IS NULL, ' ', \
                (SELECT cleared_at IS NOT NULL FROM embedding_models WHERE id = 1))";
    world.prepare_embeddings();
    eventually("nothing of the old one is left", LIMIT, async || world.db().peek(left).await == ["0 t t"]).await;

    // A server that does not answer: keywords do, and it is said.
    vectors.fail(true);
    let query = json!({ "query": "relief valve pressure of K-12" });
    let (_, alone) = read(admin.post("/api/v1/search", &query).await).await;
    assert_eq!(alone["degraded"], "vectors", "{alone}");
    assert!(alone["items"][0]["text"].as_str().expect("text").contains("6.5 bar"), "{alone}");
    let late = admin.take_in("late.md", "# Late\n\nThe gasket Ypsilon is grey.\n").await;
    assert_eq!(late["latest"]["status"], "ready", "no document waits for a server: {late}");
    assert_eq!(late["vectors"]["state"], "pending", "{late}");
    vectors.fail(false);
    let path = format!("/api/v1/documents/{}", id(&late));
    eventually("it has vectors", LIMIT, async || admin.json(&path).await["vectors"]["state"] == "complete").await;
    drop(server);

    // And back, as a model with a number of its own.
    world.set("EMBEDDING_MODEL", "builtin");
    let server = world.server().await;
    let admin = server.session(&token);
    prepare(&mut world, &server).await;
    serves(&admin, "all-minilm-l6-v2").await;
    let back = best(&admin, QUESTION).await;
    assert!(back["text"].as_str().expect("text").contains("6.5 bar") && !back["vector"].is_null(), "{back}");
    assert_eq!(world.db().peek("SELECT id::text FROM embedding_models WHERE state = 'serving'").await, ["3"]);
    let (sound, said, _) = world.command(&["audit", "verify"]);
    assert!(sound, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_builds_it_goes_on_and_embeds_nothing_twice() {
    let (mut world, token) = with_facts().await;
    let server = world.server().await;
    let admin = server.session(&token);
    admin.take_in("book.md", long_text(1500)).await;
    admin.jobs_done().await;
    drop(server);
    let vectors = EmbeddingServer::start(64, 1);
    vectors.delay(Duration::from_millis(400));
    world.set_embedding_model("counting", &vectors.url, "RESTRICTED");
    let mut server = world.server().await;
    prepare(&mut world, &server).await;
    let mut seen = 0;
    for _ in 0..2 {
        eventually("it has come further", LIMIT, async || count(&world, BUILT).await > seen).await;
        server.kill();
        seen = count(&world, BUILT).await;
        // As time would.
        world.db().tamper("UPDATE embedding_models SET builder_until = now() - interval '1 second'").await;
        server = world.server().await;
    }
    let session = server.session(&token);
    let chunks = count(&world, "SELECT count(*) FROM chunks").await;
    println!("killed twice, the second time with vectors of {seen} of {chunks} chunks");
    assert!(seen < chunks, "it was through before it could be killed");
    vectors.delay(Duration::ZERO);
    serves(&session, "counting").await;
    let lacking = "SELECT count(*) FROM chunks c WHERE NOT EXISTS ( \
                   SELECT 1 FROM chunk_vectors v WHERE v.chunk_id = c.id AND v.model_id = 2)";
    assert_eq!(count(&world, lacking).await, 0);
    // What a killed process had under way is embedded again, a batch for each, and nothing else but questions and probes.
    let windows = count(&world, "SELECT count(*) FROM chunk_vectors WHERE model_id = 2").await;
    let texts = vectors.texts().len() as i64;
    println!("{texts} texts for {windows} windows");
    assert!(texts - windows <= 2 * 80 + 20, "{} texts were embedded again", texts - windows);
    let found = best(&session, "bolt B1399 valve V1399").await;
    assert!(found["text"].as_str().expect("text").contains("V1399"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_go_to_the_server_is_found_by_keywords_and_goes_there_once_it_may() {
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let vectors = EmbeddingServer::start(64, 1);
    world.set_embedding_model("counting", &vectors.url, "INTERNAL");
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let token = admin.token.clone();
    prepare(&mut world, &server).await;
    serves(&admin, "counting").await;
    take_in(&admin, "pump.md", OPEN, &[]).await;
    let secret = take_in(&admin, "formula.md", SECRET, RESTRICTED).await;
    let path = format!("/api/v1/documents/{}", id(&secret));
    let mut detail = Value::Null;
    eventually("it is withheld", LIMIT, async || {
        detail = admin.json(&path).await;
        detail["vectors"]["state"] == "withheld"
    })
    .await;
    let reason = detail["vectors"]["reason"].as_str().expect("reason");
    assert!(reason.contains("RESTRICTED") && reason.contains("INTERNAL"), "it says why: {reason}");
    let found = admin.search("melting temperature of Quixotrium").await;
    assert!(found[0]["document_id"] == secret["id"] && found[0]["similarity"].is_null(), "{}", found[0]);
    let sent = |word: &str| vectors.texts().iter().any(|text| text.to_lowercase().contains(word));
    assert!(sent("500 hours"), "what may go there went");
    for word in ["731", "iridium", "crucible"] {
        assert!(!sent(word), "the server was sent `{word}`");
    }
    let standing = embeddings(&admin).await;
    assert!(standing["serving"]["withheld"].as_i64() > Some(0), "{standing}");
    assert_eq!(standing["serving"]["done"], standing["serving"]["total"], "{standing}");

    // A person's name and number are not sent either.
    take_in(&admin, "who.md", "# Who\n\nAda Lovelace, ada.lovelace@plant.example, looks after the crane.\n", &[]).await;
    eventually("it was sent", LIMIT, async || sent("crane")).await;
    assert!(!sent("ada.lovelace@plant.example"), "an address was sent");

    // Lowering what another person decides aside: the operator lets the server see more.
    drop(server);
    world.set_embedding_model("counting", &vectors.url, "RESTRICTED");
    let server = world.server().await;
    let admin = server.session(&token);
    eventually("it has vectors", LIMIT, async || admin.json(&path).await["vectors"]["state"] == "complete").await;
    assert!(sent("iridium"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_another_model_for_a_while_costs_no_passage_its_vectors() {
    let (mut world, token) = with_facts().await;
    let vectors = EmbeddingServer::start(64, 1);
    world.set_embedding_model("counting", &vectors.url, "RESTRICTED");
    let server = world.server().await;
    let admin = server.session(&token);
    prepare(&mut world, &server).await;
    serves(&admin, "counting").await;
    vectors.resize(48);
    let late = admin.take_in("late.md", "# Late\n\nThe gasket Ypsilon is grey.\n").await;
    assert_eq!(late["vectors"]["state"], "pending", "{late}");
    let sent = vectors.texts().len();
    eventually("it was tried again", LIMIT, async || vectors.texts().len() > sent).await;
    let path = format!("/api/v1/documents/{}", id(&late));
    let state = async || admin.json(&path).await["vectors"]["state"].clone();
    assert_eq!(state().await, "pending");
    vectors.resize(64);
    eventually("it has vectors", LIMIT, async || state().await == "complete").await;
    let found = best(&admin, "gasket Ypsilon grey").await;
    assert!(found["document_id"] == late["id"] && !found["vector"].is_null(), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_models_of_one_size_never_meet() {
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let (one, other) = (EmbeddingServer::start(80, 1), EmbeddingServer::start(80, 2));
    world.set_embedding_model("one", &one.url, "RESTRICTED");
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let token = admin.token.clone();
    prepare(&mut world, &server).await;
    serves(&admin, "one").await;
    take_in(&admin, "pump.md", OPEN, &[]).await;
    admin.take_in("facts.md", FACTS).await;
    let exact = best(&admin, "The filter of the pump P-7 is cleaned every 250 hours").await;
    let similarity = exact["similarity"].as_f64().expect("similarity");
    drop(server);

    world.set_embedding_model("other", &other.url, "RESTRICTED");
    let mut server = world.server().await;
    let found = async || embeddings(&server.session(&token)).await["building"]["waits_for_index"] == true;
    eventually("it waits for its index", LIMIT, found).await;
    // The server of the model that serves is configured no more: keywords answer, and it is said.
    let (_, alone) =
        read(server.session(&token).post("/api/v1/search", &json!({ "query": "pump filter" })).await).await;
    assert_eq!(
        (&alone["degraded"], alone["items"].as_array().map(Vec::is_empty)),
        (&json!("vectors"), Some(false)),
        "{alone}"
    );
    prepare(&mut world, &server).await;
    let began = Instant::now();
    let mut degraded = 0;
    let session = server.session(&token);
    // From here on each search either is told that it goes by keywords, or compares vectors of one model: to one of another the
    // same words are no nearer than any.
    eventually("the other serves", LIMIT, async || {
        let query = json!({ "query": "The filter of the pump P-7 is cleaned every 250 hours" });
        let (_, body) = read(session.post("/api/v1/search", &query).await).await;
        if body["degraded"] == "vectors" {
            degraded += 1;
        } else {
            let found = body["items"][0]["similarity"].as_f64().expect("similarity");
            assert!((found - similarity).abs() < 0.15, "{found} is not {similarity}: {body}");
        }
        embeddings(&session).await["serving"]["name"] == "other" && body["degraded"].is_null()
    })
    .await;
    println!("{degraded} searches by keywords in {:?}", began.elapsed());
    assert!(one.texts().iter().all(|text| !text.contains("pump filter")), "a server that is configured no more");
    server.kill();
    let rest: Server = world.server().await;
    assert!(best(&rest.session(&token), "pump filter").await["vector"].is_object());
}

/// One that `tests/peers/llamacpp/start.sh PORT` started with `LLAMACPP_VECTORS=true`: a real server, with a model of random
/// weights and 256 numbers.
#[expect(clippy::disallowed_methods, reason = "tells the test where the server is")]
fn llama_cpp() -> Option<String> {
    let url = std::env::var("MILLWRIGHT_TEST_LLAMACPP_VECTORS_URL").ok();
    if url.is_none() {
        println!("SKIPPED: MILLWRIGHT_TEST_LLAMACPP_VECTORS_URL is not set");
    }
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_llama_cpp_server_makes_the_vectors() {
    let Some(url) = llama_cpp() else { return };
    let (mut world, token) = with_facts().await;
    world.set_embedding_model("tiny-random", &url, "RESTRICTED");
    let server = world.server().await;
    prepare(&mut world, &server).await;
    let admin = server.session(&token);
    let standing = serves(&admin, "tiny-random").await;
    assert_eq!(standing["serving"]["dimensions"], 256, "{standing}");
    assert_eq!(standing["serving"]["done"], standing["serving"]["total"], "{standing}");
    let found = best(&admin, QUESTION).await;
    assert!(found["text"].as_str().expect("text").contains("6.5 bar") && !found["vector"].is_null(), "{found}");
    let long = admin.take_in("book.md", long_text(60)).await;
    let path = format!("/api/v1/documents/{}", id(&long));
    eventually("it has vectors", LIMIT, async || admin.json(&path).await["vectors"]["state"] == "complete").await;
}
