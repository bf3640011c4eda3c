//! What a person is shown unasked: lists, findings, answers, figures, and streams of events.

use std::time::Duration;

use millwright_core::Role;
use serde_json::{Value, json};

use super::{Database, Owned, QUESTION, SECRET_WORD, lists};
use crate::kit::{Session, Stream, problem, session::id};

pub(super) async fn lists_search_chat_and_metrics_show_nothing_of_another_tenant(database: Database) {
    let (world, a, b) = database.world().await;
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&b, "admin@b.test", Role::Admin).await;
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let stranger = server.sign_in("admin@b.test").await;
    let owned = Owned::make(&owner, &world.mcp.url()).await;
    stranger.take_in("notes-of-b.md", "# Notes\n\nTin melts at 232 °C in the crucible.\n").await;
    let clean = |what: &str, text: &str| {
        let shown = owned.shown_in(text);
        assert!(shown.is_empty(), "{what} shows {shown:?}: {text}");
    };
    let mut seen = 0;
    for operation in lists() {
        let mut paths = vec![operation.path.clone()];
        if operation.takes_query("q") {
            paths.push(format!("{}?q=formula", operation.path));
            paths.push(format!("{}?q={SECRET_WORD}", operation.path));
        }
        if operation.takes_query("resource_id") {
            paths.push(format!("{}?resource_id={}", operation.path, owned.ids.document));
            paths.push(format!("{}?actor={}", operation.path, owned.ids.user));
        }
        if operation.takes_query("group_by") {
            for group in ["day", "model", "user", "agent", "run", "api_key"] {
                paths.push(format!("{}?group_by={group}", operation.path));
            }
        }
        for path in paths {
            // As its owner first, so that whatever keeps answers has this one.
            owner.get(&path).await;
            if operation.id == "usage.export" {
                clean(&path, &stranger.get(&path).await.text().await.expect("text"));
                continue;
            }
            let body = stranger.json(&path).await;
            clean(&path, &body.to_string());
            if path.contains('?') {
                assert_eq!(body["items"], json!([]), "{path}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 10, "the generator is broken");
    // By its word, by its meaning without any of its words, by both, and by something that could be syntax.
    for query in [SECRET_WORD, "when does this metal turn into a liquid", QUESTION, "melting crucible"] {
        let found = Value::from(owner.search(query).await).to_string();
        assert!(found.contains(SECRET_WORD), "`{query}` finds it for its owner: {found}");
        clean("search", &Value::from(stranger.search(query).await).to_string());
    }
    clean("search", &Value::from(stranger.search("\" OR *:* --").await).to_string());
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

/// What a follower of a document or a run gets, as text, to its end or for a while.
async fn followed(session: &Session<'_>, path: &str) -> String {
    let mut stream = Stream::new(session.get(path).await);
    let events = tokio::time::timeout(Duration::from_secs(20), stream.rest()).await.unwrap_or_default();
    events.iter().map(|event| event.data.to_string()).collect()
}

pub(super) async fn streams_carry_nothing_of_another_tenant(database: Database) {
    let (world, a, b) = database.world().await;
    world.user(&a, "admin@a.test", Role::Admin).await;
    world.user(&b, "admin@b.test", Role::Admin).await;
    let server = world.server().await;
    let owner = server.sign_in("admin@a.test").await;
    let stranger = server.sign_in("admin@b.test").await;
    let owned = Owned::make(&owner, &world.mcp.url()).await;
    let own = stranger.accepted("notes-of-b.md", "# Notes\n\nTin melts at 232 °C in the crucible.\n").await;
    let events = format!("/api/v1/documents/{}/events", id(&own));
    // Both at work at the same time, in what they share: the hub of events, the workers, the notifications.
    let (text, other, asked, others) = tokio::join!(
        followed(&stranger, &events),
        owner.take_in("more-of-a.md", format!("{SECRET_WORD} is kept dry.\n")),
        async { stranger.ask_streaming("At what temperature does tin melt?").await.rest().await },
        async { owner.ask_streaming(QUESTION).await.rest().await },
    );
    assert!(text.contains(id(&own)) || text.contains("ready"), "the stream says something: {text}");
    let asked: Vec<_> = asked.iter().map(|event| event.data.to_string()).collect();
    let others: Vec<_> = others.iter().map(|event| event.data.to_string()).collect();
    assert!(others.concat().contains("731"), "its owner gets an answer: {others:?}");
    let mut marks = owned.marks();
    let other = id(&other).to_owned();
    marks.push(&other);
    for (what, text) in [("the document's events", text), ("the run's events", asked.concat())] {
        let shown: Vec<_> = marks.iter().filter(|mark| text.contains(**mark)).collect();
        // The question is echoed, and says nothing of A's.
        assert!(shown.is_empty(), "{what} show {shown:?}: {text}");
    }
    for path in [
        format!("/api/v1/documents/{}/events", owned.ids.document),
        format!("/api/v1/documents/{other}/events"),
        format!("/api/v1/runs/{}/events", owned.ids.run),
    ] {
        owner.get(&path).await;
        problem(stranger.get(&path).await, 404, "not_found").await;
    }
}
