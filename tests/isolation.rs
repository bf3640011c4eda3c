//! Two tenants, and two people of one tenant, through every operation: nothing of the one is there for the other.

use millwright_core::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::kit::{
    Server, Session, World,
    operations::{Ids, Operation, operations},
    problem, read,
    session::id,
};

/// Stands in A's document and nowhere else.
const SECRET_WORD: &str = "Zanzibarium";
const DOCUMENT_NAME: &str = "formula-of-a.md";
const QUESTION: &str = "What is the melting temperature of Zanzibarium?";

/// Parts of a path under which things belong to one person and not to the tenant.
const PERSONAL: &[&str] = &["/api/v1/conversations/", "/api/v1/runs/"];

/// Body fields that hold an id; each is tried with another tenant's.
const ID_FIELDS: &[&str] = &["conversation_id", "parent_message_id", "regenerate_message_id", "document_ids"];

/// A's things.
struct Owned {
    ids: Ids,
    user_message: String,
    answer: String,
    tenant: String,
    user: String,
}

impl Owned {
    async fn make(owner: &Session<'_>) -> Self {
        let text = format!(
            "# Formula\n\nThe melting temperature of {SECRET_WORD} is 731 °C. The crucible of {SECRET_WORD} is made of iridium.\n"
        );
        let document = owner.take_in(DOCUMENT_NAME, text).await;
        assert_eq!(document["latest"]["status"], "ready", "{document}");
        let answer = owner.ask(QUESTION).await;
        assert_eq!(answer["message"]["answered"], true, "{answer}");
        owner.jobs_done().await;
        let me = owner.json("/api/v1/auth/me").await;
        let text = |value: &Value| value.as_str().expect("id").to_owned();
        Self {
            ids: Ids {
                document: id(&document).to_owned(),
                conversation: text(&answer["conversation_id"]),
                run: text(&answer["run_id"]),
                job: id(&owner.all("/api/v1/admin/jobs", 10).await[0]).to_owned(),
            },
            user_message: text(&answer["user_message_id"]),
            answer: text(&answer["message"]["id"]),
            tenant: text(&me["tenant"]["id"]),
            user: text(&me["id"]),
        }
    }

    /// Everything that must not be seen in what another tenant gets.
    fn marks(&self) -> Vec<&str> {
        let ids = &self.ids;
        vec![
            &ids.document,
            &ids.conversation,
            &ids.run,
            &ids.job,
            &self.user_message,
            &self.answer,
            &self.tenant,
            &self.user,
            DOCUMENT_NAME,
            SECRET_WORD,
            "731 °C",
            "iridium",
            "a.test",
        ]
    }

    /// All of it as its owner sees it.
    async fn look(&self, owner: &Session<'_>) -> Vec<Value> {
        let ids = &self.ids;
        let mut seen = Vec::new();
        for path in [
            format!("/api/v1/documents/{}", ids.document),
            format!("/api/v1/documents/{}/chunks", ids.document),
            format!("/api/v1/documents/{}/pages/1", ids.document),
            format!("/api/v1/conversations/{}", ids.conversation),
            format!("/api/v1/runs/{}", ids.run),
            "/api/v1/admin/jobs".to_owned(),
        ] {
            seen.push(owner.json(&path).await);
        }
        seen
    }
}

/// The answer without what differs between any two requests.
async fn absent(response: reqwest::Response) -> Value {
    let mut body = problem(response, 404, "not_found").await;
    body["trace_id"] = Value::Null;
    body
}

async fn call(server: &Server, operation: &Operation, ids: &Ids, token: &str) -> reqwest::Response {
    operation.request(server, ids).bearer_auth(token).send().await.expect("send")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_operation_another_tenants_ids_are_as_absent_as_ids_that_never_were() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&b, "admin@b.test", Role::Admin).await;
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let stranger = server.sign_in("admin@b.test").await;
    let owned = Owned::make(&owner).await;
    let before = owned.look(&owner).await;
    let mut tried = 0;
    for operation in operations().iter().filter(|operation| operation.has_path_parameters()) {
        let theirs = absent(call(&server, operation, &owned.ids, &stranger.token).await).await;
        let nobodys = absent(call(&server, operation, &Ids::of_nothing(), &stranger.token).await).await;
        assert_eq!(theirs, nobodys, "`{}` tells that the id exists", operation.id);
        tried += 1;
    }
    assert!(tried >= 12, "only {tried} operations: the generator is broken");
    assert_eq!(owned.look(&owner).await, before, "somebody else changed it");
    for operation in
        operations().iter().filter(|operation| operation.has_path_parameters() && operation.method == Method::GET)
    {
        let response = call(&server, operation, &owned.ids, &owner.token).await;
        assert_eq!(response.status(), StatusCode::OK, "`{}` would have worked for its owner", operation.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_in_bodies_reach_nothing_of_another_tenant() {
    for operation in operations().iter().filter(|operation| operation.takes_json()) {
        for field in operation.fields().iter().filter(|field| field.ends_with("_id") || field.ends_with("_ids")) {
            assert!(ID_FIELDS.contains(&field.as_str()), "teach this test what to do with `{field}`");
        }
    }
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    for (tenant, email) in [(&a, "admin@a.test"), (&a, "other@a.test"), (&b, "admin@b.test")] {
        world.user(tenant, email, Role::Admin).await;
    }
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let owned = Owned::make(&owner).await;
    let before = owned.look(&owner).await;
    for email in ["admin@b.test", "other@a.test"] {
        let other = server.sign_in(email).await;
        let own = other.ask("Is anything here mine?").await;
        let (own, theirs) = (&own["conversation_id"], &owned.ids.conversation);
        for body in [
            json!({ "message": "hello", "conversation_id": theirs }),
            json!({ "message": "hello", "conversation_id": theirs, "parent_message_id": owned.answer }),
            json!({ "message": "hello", "conversation_id": theirs, "parent_message_id": null }),
            json!({ "message": "hello", "conversation_id": own, "parent_message_id": owned.answer }),
            json!({ "conversation_id": theirs, "regenerate_message_id": owned.answer }),
            json!({ "conversation_id": own, "regenerate_message_id": owned.answer }),
        ] {
            problem(other.post("/api/v1/chat", &body).await, 404, "not_found").await;
        }
    }
    let stranger = server.sign_in("admin@b.test").await;
    let search = json!({ "query": SECRET_WORD, "document_ids": [owned.ids.document] });
    let (status, found) = read(stranger.post("/api/v1/search", &search).await).await;
    assert_eq!((status, &found["items"]), (200, &json!([])));
    assert_eq!(owned.look(&owner).await, before, "somebody else changed it");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_person_of_the_tenant_finds_documents_but_no_conversations_or_runs() {
    let world = World::new().await;
    let a = world.tenant("A").await;
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&a, "colleague@a.test", Role::Admin).await;
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let colleague = server.sign_in("colleague@a.test").await;
    let owned = Owned::make(&owner).await;
    let mut tried = 0;
    for operation in operations().iter().filter(|operation| operation.has_path_parameters()) {
        if PERSONAL.iter().any(|part| operation.path.starts_with(part)) {
            absent(call(&server, operation, &owned.ids, &colleague.token).await).await;
            tried += 1;
        } else if operation.method == Method::GET {
            let response = call(&server, operation, &owned.ids, &colleague.token).await;
            assert_eq!(response.status(), StatusCode::OK, "`{}` belongs to the tenant", operation.id);
        }
    }
    assert!(tried >= 6, "only {tried} operations: the generator is broken");
    for query in ["", "?q=Zanzibarium", "?q=melting"] {
        let list = colleague.json(&format!("/api/v1/conversations{query}")).await;
        assert_eq!(list["items"], json!([]), "{query}");
    }
    assert_eq!(owner.json("/api/v1/conversations?q=Zanzibarium").await["items"].as_array().expect("items").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_search_chat_and_metrics_show_nothing_of_another_tenant() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&b, "admin@b.test", Role::Admin).await;
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let stranger = server.sign_in("admin@b.test").await;
    let owned = Owned::make(&owner).await;
    stranger.take_in("notes-of-b.md", "# Notes\n\nTin melts at 232 °C in the crucible.\n").await;
    let clean = |what: &str, text: &str| {
        for mark in owned.marks() {
            assert!(!text.contains(mark), "{what} shows `{mark}`: {text}");
        }
    };
    let mut lists = 0;
    for operation in
        operations().iter().filter(|operation| operation.method == Method::GET && !operation.has_path_parameters())
    {
        let mut paths = vec![operation.path.clone()];
        if operation.takes_query("q") {
            paths.push(format!("{}?q=formula", operation.path));
            paths.push(format!("{}?q={SECRET_WORD}", operation.path));
        }
        if operation.takes_query("resource_id") {
            paths.push(format!("{}?resource_id={}", operation.path, owned.ids.document));
            paths.push(format!("{}?actor={}", operation.path, owned.user));
        }
        for path in paths {
            let body = stranger.json(&path).await;
            clean(&path, &body.to_string());
            if path.contains('?') {
                assert_eq!(body["items"], json!([]), "{path}");
            }
        }
        lists += 1;
    }
    assert!(lists >= 6, "the generator is broken");
    for query in [SECRET_WORD, "melting crucible", QUESTION, "\" OR *:* --"] {
        clean("search", &Value::from(stranger.search(query).await).to_string());
    }
    let passages = stranger.search("crucible melts").await;
    assert!(!passages.is_empty(), "its own document is found");
    let answer = stranger.ask(QUESTION).await;
    assert_eq!(answer["message"]["citations"], json!([]), "{answer}");
    assert_eq!(answer["message"]["answered"], false, "{answer}");
    clean("chat", &answer["message"].to_string());
    let metrics = stranger.json("/api/v1/admin/metrics").await;
    assert_eq!((&metrics["documents"], &metrics["users"]), (&json!(1), &json!(1)), "{metrics}");
    for path in ["/metrics", "/health/ready", "/openapi.json"] {
        let open = server.http.get(server.url(path)).send().await.expect("send").text().await.expect("text");
        clean(path, &open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_in_two_tenants_is_two_documents() {
    let world = World::new().await;
    let (a, b) = (world.tenant("A").await, world.tenant("B").await);
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&b, "admin@b.test", Role::Admin).await;
    let server = world.server().await;
    let (first, second) = (server.sign_in("admin@a.test").await, server.sign_in("admin@b.test").await);
    let ours = first.take_in("manual.md", "# Manual\n\nThe left valve opens at 3 bar.\n").await;
    let theirs = second.take_in("manual.md", "# Manual\n\nThe right valve opens at 4 bar.\n").await;
    assert_ne!(id(&ours), id(&theirs));
    assert_eq!((&ours["latest"]["number"], &theirs["latest"]["number"]), (&json!(1), &json!(1)));
    let path = format!("/api/v1/documents/{}", id(&theirs));
    assert_eq!(second.delete(&path).await, StatusCode::NO_CONTENT);
    let found = first.search("valve opens").await;
    assert_eq!(found[0]["document_id"], ours["id"], "{found:?}");
    assert!(second.search("valve opens").await.is_empty());
}
