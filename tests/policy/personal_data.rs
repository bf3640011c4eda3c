//! Personal data never reaches a model, and comes back to whoever may see it.

use millwright_core::Role;
use millwright_scripted_model::Turn;
use serde_json::{Value, json};

use crate::kit::{
    World, plays, problem, read,
    session::{id, shown},
};

const NAME: &str = "Katarzyna Wiśniewska";
const MAIL: &str = "katarzyna.wisniewska@zaklad-polnoc.example";
const PHONE: &str = "+48 512 345 678";

fn contacts() -> String {
    format!(
        "# Contacts of line 7\n\nThe shift lead of line 7 is {NAME}. Her e-mail address is {MAIL} and her phone number is {PHONE}.\n"
    )
}

fn assert_nothing_personal(what: &str, text: &str) {
    for secret in [NAME, "Wiśniewska", MAIL, "zaklad-polnoc", PHONE, "512 345 678"] {
        assert!(!text.contains(secret), "{what} holds `{secret}`: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_sees_placeholders_and_the_reader_the_answer_as_it_was() {
    // Cut in the middle of the placeholder.
    let said =
        ["The shift lead's e-mail address is [EMAIL_", "ADDRESS_1] [1]. Her phone number is [PHONE_NUM", "BER_1] [1]."];
    let model = plays(Turn::pieces(said));
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("contacts.md", contacts()).await;
    let question =
        format!("What are e-mail address and phone number of the shift lead of line 7? I am {NAME}, {MAIL}.");
    let mut stream = admin.ask_streaming(&question).await;
    let events = stream.rest().await;
    let text = shown(&events);
    assert!(text.contains(MAIL) && text.contains(PHONE), "restored for its reader: {text}");
    assert_eq!(model.count(), 1);
    let sent = model.last_body();
    assert_nothing_personal("the request to the model", &sent);
    assert!(sent.contains("[EMAIL_ADDRESS_1]") && sent.contains("[PERSON_1]"), "{sent}");

    // What is stored holds placeholders; what is shown does not.
    let conversation = events[0].data["threadId"].as_str().expect("id").to_owned();
    let detail = admin.json(&format!("/api/v1/conversations/{conversation}")).await;
    assert_eq!(detail["messages"][0]["content"], question);
    assert!(detail["messages"][1]["content"].as_str().expect("text").contains(MAIL), "{detail}");
    let quote = detail["messages"][1]["citations"][0]["quote"].as_str().expect("quote");
    assert!(contacts().contains(quote), "byte for byte: {quote}");
    let run = events[0].data["runId"].as_str().expect("run");
    assert!(admin.json(&format!("/api/v1/runs/{run}")).await.to_string().contains(MAIL));
    for table in ["messages", "conversations", "runs", "run_steps", "run_events", "policy_events", "decisions"] {
        for row in world.db().peek(&format!("SELECT t::text FROM {table} t")).await {
            assert_nothing_personal(table, &row);
        }
    }
    for row in world.db().peek("SELECT convert_from(canonical, 'utf8') FROM audit_entries").await {
        assert_nothing_personal("the audit log", &row);
    }
    for row in world.db().peek("SELECT encode(sealed, 'escape') FROM placeholder_vaults").await {
        assert_nothing_personal("the vault", &row);
    }
    for line in server.log() {
        assert_nothing_personal("the log", &line);
    }

    // A follow-up has the same placeholders, and still nothing personal.
    let body = json!({ "message": "And what is her phone number?", "conversation_id": conversation, "stream": false });
    admin.chat(&body).await;
    assert_nothing_personal("the second request", &model.last_body());

    // A program whose key may not see personal data sees placeholders.
    let key = json!({ "name": "reader", "scopes": ["chat:use", "documents:read"], "expires_in_days": 30 });
    let (_, key) = read(admin.post("/api/v1/auth/api-keys", &key).await).await;
    let program = server.session(key["key"].as_str().expect("key"));
    let masked = program.json(&format!("/api/v1/conversations/{conversation}")).await.to_string();
    assert_nothing_personal("what the program sees", &masked);
    assert!(masked.contains("[EMAIL_ADDRESS_1]"), "{masked}");
    let events = program.follow(run, 0).await.rest().await;
    for event in &events {
        assert_nothing_personal("an event", &event.data.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tenant_blocks_is_refused_and_kept_from_the_model() {
    let model = plays(Turn::say("NOT_IN_DOCUMENTS"));
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let (server, replica) = (world.server().await, world.second_server().await);
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("contacts.md", contacts()).await;
    let settings = json!({ "personal_data": { "modes": { "EMAIL_ADDRESS": "block" } }, "injection": {}, "version": 0 });
    let (status, set) = read(put(&admin, "/api/v1/policy/settings", &settings).await).await;
    assert_eq!((status, &set["version"]), (200, &json!(1)), "{set}");
    problem(put(&admin, "/api/v1/policy/settings", &settings).await, 412, "stale_target").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let elsewhere = replica.sign_in("admin@a.test").await;
    let body = json!({ "message": format!("Who is {MAIL}?"), "stream": false });
    let refused = problem(elsewhere.post("/api/v1/chat", &body).await, 403, "policy_denied").await;
    assert!(refused["detail"].as_str().expect("detail").contains("EMAIL_ADDRESS"), "{refused}");
    assert_nothing_personal("the refusal", &refused.to_string());
    admin.ask("What is the e-mail address of the shift lead of line 7?").await;
    for request in model.requests() {
        assert_nothing_personal("the request", &request.body);
    }
    let events = admin.all("/api/v1/policy/events?kind=personal_data_blocked", 50).await;
    assert!(!events.is_empty());
    assert_eq!(admin.audit("action=policy.refused").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_cannot_be_used_is_refused_with_its_place() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for (pattern, place) in [("(a", "personal_data.custom[0].pattern"), ("a*", "personal_data.custom[0].pattern")] {
        let personal_data = json!({ "custom": [{ "name": "BADGE", "pattern": pattern }] });
        let settings = json!({ "personal_data": personal_data, "injection": {}, "version": 0 });
        let refused = problem(put(&admin, "/api/v1/policy/settings", &settings).await, 422, "validation_failed").await;
        assert_eq!(refused["fields"][0]["field"], place, "{refused}");
    }
    let personal_data = json!({ "custom": [{ "name": "BADGE", "pattern": "BDG-[0-9]{5}" }] });
    let preview = json!({ "personal_data": personal_data, "text": "Badge BDG-12345 of line 4." });
    let (status, seen) = read(admin.post("/api/v1/policy/settings/preview", &preview).await).await;
    assert_eq!(status, 200, "{seen}");
    assert_eq!((&seen["text"], &seen["findings"][0]["kind"]), (&json!("Badge [BADGE_1] of line 4."), &json!("BADGE")));
    drop(world);
}

pub(super) async fn put(session: &crate::kit::Session<'_>, path: &str, body: &Value) -> reqwest::Response {
    session.request(reqwest::Method::PUT, path).json(body).send().await.expect("send")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_with_a_name_is_shown_to_its_owner_and_stored_without_it() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let answer = admin.ask(&format!("Mail {MAIL} about pump P-7?")).await;
    let listed = admin.all("/api/v1/conversations", 10).await;
    assert_eq!(id(&listed[0]), answer["conversation_id"].as_str().expect("id"));
    assert!(listed[0]["title"].as_str().expect("title").contains(MAIL), "{listed:?}");
    for row in world.db().peek("SELECT title FROM conversations").await {
        assert_nothing_personal("the stored title", &row);
    }
}
