//! The OpenAI API as a program meets it: its answers, its refusals, and what is kept of a call.

use millwright_scripted_model::{ScriptedModel, Then, Turn};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::kit::{Server, Session, World, plays, read};

const CHAT: &str = "/v1/chat/completions";

/// A world whose one model says this.
async fn with_model(turn: Turn) -> (World, Server, ScriptedModel) {
    with_settings(turn, &[]).await
}

async fn with_settings(turn: Turn, settings: &[(&str, &str)]) -> (World, Server, ScriptedModel) {
    let model = plays(turn);
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    for (name, value) in settings {
        world.set(name, value);
    }
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", millwright_core::Role::Admin).await;
    let server = world.server().await;
    (world, server, model)
}

fn asked(question: &str) -> Value {
    json!({ "model": "scripted", "stream": true, "messages": [{ "role": "user", "content": question }] })
}

/// The text of a stream, and whether it came to its end marker.
async fn streamed(response: Response) -> (String, bool) {
    let body = response.text().await.expect("body");
    let events = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let text = chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect();
    (text, body.trim_end().ends_with("data: [DONE]"))
}

async fn refused(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    let (found, body) = read(response).await;
    assert_eq!((found, body["error"]["code"].as_str()), (status, Some(code)), "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    body
}

async fn usage(session: &Session<'_>) -> Value {
    session.json("/api/v1/usage?group_by=model").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_carries_its_route_and_leaves_usage_and_one_entry() {
    let (world, server, model) = with_model(Turn::pieces(["It opens ", "at 6.5 bar."])).await;
    let admin = server.sign_in("admin@a.test").await;
    let response = admin.post(CHAT, &asked("When does it open?")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let route = response.headers()["x-millwright-route"].to_str().expect("ascii").to_owned();
    assert!(route.contains("model=scripted") && route.contains("reason=model_asked"), "{route}");
    assert!(response.headers()["x-millwright-overhead-us"].to_str().is_ok_and(|text| text.parse::<u64>().is_ok()));
    assert_eq!(streamed(response).await, ("It opens at 6.5 bar.".to_owned(), true));
    assert_eq!(model.count(), 1);
    let counted = usage(&admin).await;
    assert_eq!(counted["total"]["calls"], 1, "{counted}");
    assert_eq!(admin.audit("action=usage.recorded").await.len(), 1);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_never_reaches_the_model_and_comes_back_in_the_answer() {
    let (world, server, model) = with_model(Turn::say("Noted.")).await;
    let admin = server.sign_in("admin@a.test").await;
    let response = admin.post(CHAT, &asked("Write to erika.muster@works.example about pump 7.")).await;
    assert!(streamed(response).await.1);
    let sent = model.last_body();
    assert!(sent.contains("pump 7") && !sent.contains("erika.muster"), "{sent}");
    let placeholder = sent.split(['[', ']']).find(|word| word.starts_with("EMAIL")).map(|word| format!("[{word}]"));
    let placeholder = placeholder.unwrap_or_else(|| panic!("no placeholder in {sent}"));
    model.play(Turn::pieces(["To ", &placeholder[..4], &placeholder[4..], "."]));
    let response = admin.post(CHAT, &asked("Write to erika.muster@works.example about pump 7.")).await;
    assert_eq!(streamed(response).await.0, "To erika.muster@works.example.");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_request_is_answered_from_memory_where_that_is_on_and_stands_in_the_proof() {
    let turn = Turn::pieces(["To [EMAIL_ADDRESS_1], ", "at 6.5 bar."]);
    let (world, server, model) = with_settings(turn, &[("GATEWAY_CACHE_ENTRIES", "10")]).await;
    let admin = server.sign_in("admin@a.test").await;
    let route = |response: &Response| response.headers()["x-millwright-route"].to_str().expect("ascii").to_owned();
    let question = asked("Write to erika.muster@works.example: when does it open?");
    let answer = ("To erika.muster@works.example, at 6.5 bar.".to_owned(), true);
    let first = admin.post(CHAT, &question).await;
    assert!(!route(&first).contains("cached"), "{}", route(&first));
    assert_eq!(streamed(first).await, answer);
    let again = admin.post(CHAT, &question).await;
    assert!(route(&again).contains("cached"), "{}", route(&again));
    assert_eq!((streamed(again).await, model.count()), (answer.clone(), 1));
    // Equal but for the address, which the model never sees: everybody gets back their own.
    let other = admin.post(CHAT, &asked("Write to max.mann@works.example: when does it open?")).await;
    assert_eq!(streamed(other).await.0, "To max.mann@works.example, at 6.5 bar.");
    let mut warmer = question.clone();
    warmer["temperature"] = json!(0.9);
    assert_eq!((streamed(admin.post(CHAT, &warmer).await).await, model.count()), (answer, 2));
    let more_confidential =
        admin.request(reqwest::Method::POST, CHAT).header("x-millwright-classification", "CONFIDENTIAL");
    let response = more_confidential.json(&question).send().await.expect("send");
    assert!(streamed(response).await.1);
    assert_eq!((model.count(), usage(&admin).await["total"]["calls"].as_i64()), (3, Some(5)));
    assert_eq!(admin.audit("action=usage.recorded").await.len(), 5);

    model.play(Turn::pieces(["It opens"]).then(Then::Die));
    assert!(!streamed(admin.post(CHAT, &asked("When?")).await).await.1);
    model.play(Turn::say("It opens at 7 bar."));
    let whole = streamed(admin.post(CHAT, &asked("When?")).await).await;
    assert_eq!(whole, ("It opens at 7 bar.".to_owned(), true), "what broke off is not remembered");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_openais_form_and_nothing_reaches_the_model() {
    let (world, server, model) = with_model(Turn::say("never")).await;
    let admin = server.sign_in("admin@a.test").await;
    let unknown = admin.post(CHAT, &json!({ "model": "nope", "messages": [{ "role": "user", "content": "x" }] })).await;
    refused(unknown, 404, "not_found").await;
    let mut body = asked("x");
    body["logit_bias"] = json!({});
    let said = refused(admin.post(CHAT, &body).await, 400, "validation_failed").await;
    assert!(said["error"]["message"].as_str().is_some_and(|message| message.contains("`logit_bias`")), "{said}");
    let mut body = asked("x");
    body["n"] = json!(2);
    refused(admin.post(CHAT, &body).await, 400, "validation_failed").await;
    let nobody = server.http.post(server.url(CHAT)).json(&asked("x")).send().await.expect("send");
    refused(nobody, 401, "unauthenticated").await;
    let picture = json!({ "type": "image_url", "image_url": { "url": server.url("/health/live") } });
    let mut body = asked("x");
    body["messages"][0]["content"] = json!([picture]);
    refused(admin.post(CHAT, &body).await, 400, "validation_failed").await;
    assert_eq!(model.count(), 0, "not even to fetch a picture");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_budget_is_a_quota_that_is_not_asked_for_again() {
    let (world, server, model) = with_model(Turn::say("never")).await;
    let admin = server.sign_in("admin@a.test").await;
    let budget = json!({ "name": "Pilot", "subject_kind": "tenant", "period": "day", "unit": "tokens", "limit": 1 });
    assert_eq!(admin.post("/api/v1/admin/budgets", &budget).await.status(), StatusCode::CREATED);
    let response = admin.post(CHAT, &asked("x")).await;
    assert_eq!(response.headers()["x-should-retry"], "false");
    assert!(response.headers().contains_key("retry-after"));
    let said = refused(response, 429, "budget_exceeded").await;
    assert_eq!(said["error"]["type"], "insufficient_quota");
    assert!(said["error"]["message"].as_str().is_some_and(|message| message.contains("`Pilot`")), "{said}");
    assert_eq!(model.count(), 0);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_ends_with_an_error_and_without_the_end_marker() {
    let (world, server, _model) = with_model(Turn::pieces(["It opens"]).then(Then::Die)).await;
    let admin = server.sign_in("admin@a.test").await;
    let body = admin.post(CHAT, &asked("When?")).await.text().await.expect("body");
    assert!(body.contains("It opens"), "what came is kept: {body}");
    let last = body.lines().rfind(|line| line.starts_with("data: ")).expect("events");
    assert!(last.contains("\"error\"") && last.contains("upstream_unavailable"), "{last}");
    assert!(!body.contains("[DONE]"));
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_answers_with_citations_as_if_it_were_a_model() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", crate::chat::FACTS).await;
    let question = json!({ "role": "user", "content": "When does the relief valve of compressor K-12 open?" });
    let body = json!({ "model": "millwright-agent", "messages": [question] });
    let (status, answer) = read(admin.post(CHAT, &body).await).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["choices"][0]["message"]["content"].as_str().expect("text");
    assert!(text.contains("6.5 bar") && text.contains("[1]"), "{answer}");
    assert_eq!(answer["millwright"]["citations"][0]["document_name"], "facts.md", "{answer}");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_come_from_this_process_and_are_counted() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let body = json!({ "model": "all-minilm-l6-v2", "input": ["pump", "valve"] });
    let (status, answer) = read(admin.post("/v1/embeddings", &body).await).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"][1]["embedding"].as_array().map(Vec::len), Some(384));
    let counted = usage(&admin).await;
    assert_eq!(counted["total"]["calls"], 1, "{counted}");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_names_the_key_that_was_used() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", crate::chat::FACTS).await;
    let (key, _) = admin.make_key(&["chat:use"]).await;
    let program = server.session(&key);
    let body = json!({ "model": "all-minilm-l6-v2", "input": "pump" });
    assert_eq!(program.post("/v1/embeddings", &body).await.status(), StatusCode::OK);
    let by_key = admin.json("/api/v1/usage?group_by=api_key").await;
    assert_eq!(by_key["items"][0]["name"], "nightly export", "{by_key}");
    assert_eq!(by_key["items"][0]["user_id"], Value::Null);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn use_by_run_tells_whose_run_it_was_and_tiers_are_offered_where_they_may_be_named() {
    let (world, server, _model) = with_model(Turn::say("It opens at 6.5 bar [1].")).await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", crate::chat::FACTS).await;
    admin.ask("When does the relief valve of compressor K-12 open?").await;
    let me = admin.json("/api/v1/auth/me").await;
    let by_run = admin.json("/api/v1/usage?group_by=run").await;
    let runs = by_run["items"].as_array().expect("items");
    assert!(runs.iter().any(|run| run["user_id"] == me["id"] && run["name"] == me["display_name"]), "{by_run}");

    let tiers = || async { admin.json("/api/v1/chat/tiers").await["tiers"].clone() };
    assert_eq!(tiers().await, json!(["LIGHT", "STANDARD", "HEAVY"]));
    let mut settings = admin.json("/api/v1/policy/settings").await;
    settings["routing"]["explicit_tier"] = json!(false);
    let wish = json!({
        "personal_data": settings["personal_data"], "injection": settings["injection"], "routing": settings["routing"],
        "version": settings["version"],
    });
    let changed = admin.request(reqwest::Method::PUT, "/api/v1/policy/settings").json(&wish).send().await.expect("PUT");
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(tiers().await, json!([]));
    drop(world);
}
