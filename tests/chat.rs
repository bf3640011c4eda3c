//! Questions and answers, as a reader of the stream sees them.

use std::time::{Duration, Instant};

use millwright_scripted_model::{ScriptedModel, Then, Turn};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::kit::{
    Server, Session, Sse, World, eventually, plays, problem, read, sample,
    session::{id, shown},
    types,
};

/// What the fake model is asked about, and what it answers from.
pub(crate) const FACTS: &str = "# Compressor K-12\n\nThe relief valve of compressor K-12 opens at 6.5 bar. \
    The oil of compressor K-12 is changed every 2000 hours. The drive belt of compressor K-12 is replaced every 8000 hours. \
    The air filter of compressor K-12 is cleaned every 250 hours.\n";
pub(crate) const QUESTION: &str = "When does the relief valve of compressor K-12 open and when is its oil changed?";
pub(crate) const FIRST: &str = "The relief valve of compressor K-12 opens at 6.5 bar [1]. ";
pub(crate) const SECOND: &str = "The oil of compressor K-12 is changed every 2000 hours [1]. ";

/// A world whose model is the given one, with the facts taken in.
async fn with_model(model: &str) -> (World, Server) {
    let mut world = World::new().await;
    world.set_model(model).set("LLM_TIMEOUT_SECONDS", "1");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", millwright_core::Role::Admin).await;
    let server = world.server().await;
    server.sign_in("admin@a.test").await.take_in("facts.md", FACTS).await;
    (world, server)
}

/// Checks that each marker of an answer has its citation and each citation is what stands on its page.
async fn check_citations(session: &Session<'_>, message: &Value) {
    let content = message["content"].as_str().expect("content");
    let citations = message["citations"].as_array().expect("citations");
    for (place, citation) in citations.iter().enumerate() {
        assert_eq!(citation["number"], place + 1);
        assert!(content.contains(&format!("[{}]", place + 1)), "no marker for {citation} in {content}");
        let document = citation["document_id"].as_str().expect("id");
        let page = citation["page"].as_i64().unwrap_or(1);
        let path = format!("/api/v1/documents/{document}/pages/{page}?version={}", citation["version"]);
        let text: Vec<char> = session.json(&path).await["text"].as_str().expect("text").chars().collect();
        let at = |field: &str| usize::try_from(citation[field].as_u64().expect(field)).expect("small");
        let slice: String = text[at("char_start")..at("char_end")].iter().collect();
        assert_eq!(citation["quote"], slice, "not what stands there");
    }
    assert!(!content.contains(&format!("[{}]", citations.len() + 1)), "a marker leads nowhere: {content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_quotes_the_page_it_stands_on_byte_for_byte() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for name in ["pump-manual.pdf", "lockout-procedure.docx", "downtime-report.md"] {
        admin.take_in(name, sample(name)).await;
    }
    for (question, expected, document) in [
        ("What torque do the casing nuts need?", "75 Nm", "pump-manual.pdf"),
        ("Which torque for the impeller nut?", "140 Nm", "pump-manual.pdf"),
        ("To what was the alarm limit of the bearing temperature lowered?", "85 °C", "downtime-report.md"),
    ] {
        let answer = admin.ask(question).await;
        let message = &answer["message"];
        let content = message["content"].as_str().expect("content");
        assert_eq!((&message["answered"], &message["status"]), (&json!(true), &json!("complete")), "{answer}");
        assert!(content.contains(expected), "{question} got: {content}");
        let citations = message["citations"].as_array().expect("citations");
        let right = citations.iter().any(|citation| {
            citation["document_name"] == document && citation["quote"].as_str().expect("quote").contains(expected)
        });
        assert!(right, "{question}: {citations:#?}");
        check_citations(&admin, message).await;
        assert!(message["model"].as_str().is_some_and(|model| model.contains("extractive")), "it says what it is");
        assert_eq!(message["classification"], "INTERNAL");
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_documents_do_not_hold_is_not_guessed() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let empty = admin.ask("What torque do the casing nuts need?").await;
    assert_eq!(empty["message"]["answered"], false, "there are no documents at all: {empty}");
    admin.take_in("pump-manual.pdf", sample("pump-manual.pdf")).await;
    for question in [
        "Who won the football world cup in 1974?",
        "What is the capital of France?",
        "Write a poem about love.",
        "asdf qwer zxcv",
        "Wie hoch ist der Eiffelturm?",
    ] {
        let message = &admin.ask(question).await["message"];
        assert_eq!((&message["answered"], &message["citations"]), (&json!(false), &json!([])), "{question}: {message}");
        assert_eq!(message["status"], "complete");
        assert!(!message["content"].as_str().expect("content").is_empty(), "it says so");
    }
    drop(world);
}

/// Checks the grammar of a whole stream.
fn check_protocol(events: &[Sse]) {
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id), "ids do not increase");
    assert!(events.iter().all(|event| event.data["timestamp"].is_i64()), "an event without its time");
    let types = types(events);
    assert_eq!(types[..2], ["RUN_STARTED", "STATE_SNAPSHOT"]);
    assert!(matches!(types[types.len() - 1], "RUN_FINISHED" | "RUN_ERROR"), "{types:?}");
    assert_eq!(types.iter().filter(|name| name.starts_with("RUN_")).count(), 2, "{types:?}");
    let (mut step, mut message, mut call) = (None, None, None);
    for event in events {
        let data = &event.data;
        let text = |field: &str| data[field].as_str().map(str::to_owned);
        match data["type"].as_str().expect("type") {
            "STEP_STARTED" => assert_eq!(step.replace(text("stepName")), None, "a step inside of a step"),
            "STEP_FINISHED" => assert_eq!(step.take(), Some(text("stepName"))),
            "TEXT_MESSAGE_START" => assert_eq!(message.replace(text("messageId")), None),
            "TEXT_MESSAGE_CONTENT" => {
                assert_eq!(message, Some(text("messageId")));
                assert!(text("delta").is_some_and(|delta| !delta.is_empty()), "the protocol forbids empty pieces");
            }
            "TEXT_MESSAGE_END" => assert_eq!(message.take(), Some(text("messageId"))),
            "TOOL_CALL_START" => assert_eq!(call.replace(text("toolCallId")), None),
            "TOOL_CALL_ARGS" | "TOOL_CALL_END" => assert_eq!(call, Some(text("toolCallId"))),
            "TOOL_CALL_RESULT" => assert_eq!(call.take(), Some(text("toolCallId"))),
            "RUN_STARTED" | "STATE_SNAPSHOT" | "STATE_DELTA" | "RUN_FINISHED" | "RUN_ERROR" => {}
            other => panic!("`{other}` is not of the contract"),
        }
    }
    assert_eq!((step, message, call), (None, None, None), "something was not ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_is_ag_ui_and_adds_up_to_the_stored_message() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("pump-manual.pdf", sample("pump-manual.pdf")).await;
    let events = admin.ask_streaming("What torque do the casing nuts need?").await.rest().await;
    check_protocol(&events);
    let steps: Vec<_> = events.iter().filter_map(|event| event.data["stepName"].as_str()).collect();
    assert_eq!(steps, ["observe", "observe", "think", "think", "verify", "verify"]);
    let snapshot = &events[1].data["snapshot"];
    let conversation = snapshot["conversation_id"].as_str().expect("id");
    assert_eq!(events[0].data["threadId"], conversation);
    let stored = &admin.json(&format!("/api/v1/conversations/{conversation}")).await["messages"];
    assert_eq!((&stored[0]["id"], &stored[1]["id"]), (&snapshot["user_message_id"], &snapshot["assistant_message_id"]));
    assert_eq!(stored[1]["content"], shown(&events), "what was shown is what is kept");
    let patches = || {
        let deltas = events.iter().filter(|event| event.data["type"] == "STATE_DELTA");
        deltas.flat_map(|event| event.data["delta"].as_array().expect("delta").clone())
    };
    let last = patches().find(|patch| patch["path"] == "/message").expect("the final message");
    assert_eq!(last["value"], stored[1], "the final form of the stream is the stored one");
    let mut citations = Vec::new();
    for patch in patches().filter(|patch| patch["path"].as_str().is_some_and(|path| path.starts_with("/citations/"))) {
        match patch["op"].as_str() {
            Some("add") => citations.push(patch["value"].clone()),
            _ => {
                citations[patch["path"].as_str().expect("path")[11..].parse::<usize>().expect("index")] =
                    patch["value"].clone();
            }
        }
    }
    assert_eq!(json!(citations), stored[1]["citations"]);
    let result = &events.last().expect("event").data["result"];
    assert_eq!(result["answered"], true, "{result}");
    let tool = events.iter().find(|event| event.data["type"] == "TOOL_CALL_RESULT").expect("tool result");
    let found: Value = serde_json::from_str(tool.data["content"].as_str().expect("content")).expect("json");
    assert_eq!(found["passages"][0]["document_name"], "pump-manual.pdf");
    let run = admin.json(&format!("/api/v1/runs/{}", events[0].data["runId"].as_str().expect("id"))).await;
    assert_eq!((&run["status"], run["steps"].as_array().map(Vec::len)), (&json!("finished"), Some(3)), "{run}");
    let abstained = admin.ask_streaming("What is the capital of France?").await.rest().await;
    check_protocol(&abstained);
    assert_eq!(abstained.last().expect("event").data["result"]["answered"], false);
    drop(world);
}

fn slow_answer() -> Turn {
    let first = Turn::say(FIRST).slowly(Duration::from_millis(10));
    first.and(Turn::say(SECOND).slowly(Duration::from_millis(60)))
}

fn without_time(events: &[Sse]) -> Vec<(i64, Value)> {
    events.iter().map(|event| (event.id, event.data.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_goes_on_exactly_where_the_reader_stopped() {
    let model = plays(slow_answer());
    let (world, server) = with_model(&model.base_url()).await;
    let second = world.second_server().await;
    let admin = server.sign_in("admin@a.test").await;
    let elsewhere = second.session(&admin.token);
    let mut stream = admin.ask_streaming(QUESTION).await;
    let mut seen = stream.until(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").await;
    drop(stream);
    let run = seen[0].data["runId"].as_str().expect("id").to_owned();
    let last = seen.last().expect("event").id;
    let mut rest = elsewhere.follow(&run, last).await;
    assert_eq!(elsewhere.json(&format!("/api/v1/runs/{run}")).await["status"], "running", "taken up in the middle");
    seen.extend(rest.rest().await);
    check_protocol(&seen);
    assert_eq!(seen.last().expect("event").data["type"], "RUN_FINISHED");
    for session in [&admin, &elsewhere] {
        let whole = session.follow(&run, 0).await.rest().await;
        assert_eq!(without_time(&whole), without_time(&seen), "nothing twice, nothing lost");
        let path = format!("/api/v1/runs/{run}/events?after={last}");
        let after = crate::kit::Stream::new(session.get(&path).await).rest().await;
        assert!(after.iter().all(|event| event.id > last) && !after.is_empty());
        assert!(session.follow(&run, seen.last().expect("event").id).await.rest().await.is_empty(), "nothing is left");
    }
    for wrong in ["abc", "1.5", ""] {
        let request = admin.request(reqwest::Method::GET, &format!("/api/v1/runs/{run}/events"));
        problem(request.header("last-event-id", wrong).send().await.expect("send"), 422, "validation_failed").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_does_not_stop_the_answer_but_a_person_who_asks_does() {
    let model = plays(slow_answer());
    let (world, server) = with_model(&model.base_url()).await;
    let second = world.second_server().await;
    let admin = server.sign_in("admin@a.test").await;
    let mut stream = admin.ask_streaming(QUESTION).await;
    let first = stream.next().await.expect("event");
    drop(stream);
    let run = first.data["runId"].as_str().expect("id");
    let ended = admin.ended(run, Duration::from_secs(20)).await;
    assert_eq!((&ended["status"], &ended["model"]), (&json!("finished"), &json!("scripted")), "{ended}");

    let goes_on = Turn::pieces([" of"; 100]).slowly(Duration::from_millis(200));
    model.play(Turn::pieces([FIRST, "The oil"]).and(goes_on));
    for canceller in [admin.clone(), second.session(&admin.token)] {
        let mut stream = admin.ask_streaming(QUESTION).await;
        let mut events = stream.until(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").await;
        let run = events[0].data["runId"].as_str().expect("id").to_owned();
        let waiting = json!({ "message": "And the belt?", "conversation_id": events[0].data["threadId"] });
        problem(admin.post("/api/v1/chat", &waiting).await, 409, "conflict").await;
        let asked = Instant::now();
        let cancel = format!("/api/v1/runs/{run}/cancel");
        assert_eq!(canceller.post(&cancel, &json!({})).await.status(), StatusCode::ACCEPTED);
        events.extend(stream.rest().await);
        println!("a run stopped {:?} after it was asked to", asked.elapsed());
        assert!(asked.elapsed() < Duration::from_secs(5));
        check_protocol(&events);
        assert_eq!(events.last().expect("event").data["code"], "cancelled");
        let ended = admin.json(&format!("/api/v1/runs/{run}")).await;
        assert_eq!(ended["status"], "cancelled");
        let conversation =
            admin.json(&format!("/api/v1/conversations/{}", ended["conversation_id"].as_str().expect("id"))).await;
        let message = &conversation["messages"][1];
        assert_eq!(message["status"], "stopped");
        assert!(message["content"].as_str().expect("text").contains("6.5 bar"), "what was written stays: {message}");
        problem(canceller.post(&cancel, &json!({})).await, 409, "invalid_transition").await;
        let more =
            admin.post("/api/v1/chat", &json!({ "message": "x", "conversation_id": ended["conversation_id"] })).await;
        assert_eq!(more.status(), StatusCode::OK, "the conversation goes on after a stopped answer");
        drop(more);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_while_the_model_still_speaks_and_without_forty_millisecond_steps() {
    let sentences: Vec<String> = (1..=24).map(|n| format!("Valve {n} of line K-12 opens at {n}.5 bar.")).collect();
    let said: Vec<String> = sentences.iter().map(|said| format!("{} [1]. ", said.trim_end_matches('.'))).collect();
    let said = Turn::pieces(said.iter().map(String::as_str)).slowly(Duration::from_millis(8));
    let model = plays(Turn::nothing().and_pause(Duration::from_millis(700)).and(said));
    let (world, server) = with_model(&model.base_url()).await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("valves.md", format!("# Valves of line K-12\n\n{}\n", sentences.join(" "))).await;
    let mut stream = admin.ask_streaming("At which pressure does each valve of line K-12 open?").await;
    let first = stream.next().await.expect("event");
    let run = admin.json(&format!("/api/v1/runs/{}", first.data["runId"].as_str().expect("id"))).await;
    assert_eq!(run["status"], "running", "the first event came only at the end");
    let events = stream.rest().await;
    let pieces: Vec<_> = events.iter().filter(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").collect();
    assert!(pieces.len() > 12, "only {} pieces: {}", pieces.len(), events.last().expect("event").data);
    let mut gaps: Vec<Duration> =
        pieces.windows(2).map(|pair| pair[1].at - pair[0].at).filter(|gap| !gap.is_zero()).collect();
    gaps.sort();
    let median = gaps[gaps.len() / 2];
    println!("{} pieces, median gap {median:?}", pieces.len());
    assert!(median < Duration::from_millis(35), "delayed acknowledgements hold the events back: {gaps:?}");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_ends_the_run_with_a_reason_and_what_was_said_stays() {
    let model = plays(Turn::nothing());
    let (world, server) = with_model(&model.base_url()).await;
    let admin = server.sign_in("admin@a.test").await;
    let broken_off = || Turn::pieces([FIRST, "The oil of comp"]);
    for (what, turn, partial) in [
        ("dies before a word", Turn::nothing().then(Then::Die), ""),
        ("dies in the middle", broken_off().then(Then::Die), "6.5 bar"),
        ("falls silent", broken_off().then(Then::Hang), "6.5 bar"),
        ("never says a word", Turn::nothing().then(Then::Hang), ""),
    ] {
        model.play(turn);
        let started = Instant::now();
        let events = admin.ask_streaming(QUESTION).await.rest().await;
        check_protocol(&events);
        assert_eq!(events.last().expect("event").data["code"], "upstream_unavailable", "it {what}");
        assert!(started.elapsed() < Duration::from_secs(15), "it {what}: {:?}", started.elapsed());
        let run = admin.json(&format!("/api/v1/runs/{}", events[0].data["runId"].as_str().expect("id"))).await;
        assert_eq!(
            (&run["status"], &run["error"]["code"]),
            (&json!("failed"), &json!("upstream_unavailable")),
            "it {what}"
        );
        let conversation = run["conversation_id"].as_str().expect("id");
        let message = &admin.json(&format!("/api/v1/conversations/{conversation}")).await["messages"][1];
        assert_eq!((&message["status"], &message["error"]["code"]), (&json!("failed"), &json!("upstream_unavailable")));
        let content = message["content"].as_str().expect("text");
        assert!(content.contains(partial) && content.is_empty() == partial.is_empty(), "it {what}: {content}");
        assert_eq!(content, shown(&events));
        check_citations(&admin, message).await;
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_down_degrades_and_search_goes_on() {
    let (world, server) = with_model(&ScriptedModel::absent().expect("port")).await;
    let admin = server.sign_in("admin@a.test").await;
    let answer = admin.ask(QUESTION).await;
    let message = &answer["message"];
    assert_eq!(
        (&message["status"], &message["error"]["code"]),
        (&json!("failed"), &json!("upstream_unavailable")),
        "{answer}"
    );
    let explained = message["error"]["detail"].as_str().expect("detail");
    assert!(!explained.contains("127.0.0.1"), "no addresses for readers: {explained}");
    assert!(!admin.search("relief valve").await.is_empty());
    let health = server.health("language model").await;
    assert_eq!(health["status"], "degraded", "{health}");
    assert_eq!(server.http.get(server.url("/health/ready")).send().await.expect("send").status(), StatusCode::OK);
    assert_eq!(admin.audit("action=run.failed").await.len(), 1);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_no_passage_holds_is_never_shown() {
    let wrong = "The relief valve of compressor K-12 opens at 9.9 bar [1]. ";
    let model = plays(Turn::pieces([wrong, FIRST, "Compressor K-12 was built on the moon. "]));
    let (world, server) = with_model(&model.base_url()).await;
    let admin = server.sign_in("admin@a.test").await;
    let events = admin.ask_streaming(QUESTION).await.rest().await;
    let text = shown(&events);
    assert!(text.contains("6.5 bar") && !text.contains("9.9") && !text.contains("moon"), "{text}");
    assert_eq!(events.last().expect("event").data["result"], json!({ "answered": true, "supported": 1, "cut": 2 }));
    assert!(model.last_body().contains("6.5 bar"), "the model was given the passage");

    model.play(Turn::say(wrong));
    let asked = model.count();
    let answer = admin.ask(QUESTION).await;
    assert_eq!(
        (&answer["message"]["answered"], &answer["message"]["citations"]),
        (&json!(false), &json!([])),
        "{answer}"
    );
    assert!(!answer["message"]["content"].as_str().expect("text").contains("9.9"));
    assert_eq!(model.count() - asked, 3, "it was asked again, and at most three times");
    let run = admin.json(&format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("id"))).await;
    let kinds: Vec<_> =
        run["steps"].as_array().expect("steps").iter().map(|step| step["kind"].as_str().expect("kind")).collect();
    assert_eq!(kinds, ["observe", "think", "verify", "think", "verify", "think", "verify"]);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_are_listed_found_renamed_and_deleted() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let mut ids = Vec::new();
    for question in ["About pumps?", "About 100% _valves_?", "About kilns?"] {
        ids.push(admin.ask(question).await["conversation_id"].as_str().expect("id").to_owned());
    }
    let list = admin.all("/api/v1/conversations", 2).await;
    let listed: Vec<_> = list.iter().rev().map(|item| id(item).to_owned()).collect();
    assert_eq!(listed, ids, "newest first, page by page");
    assert_eq!((&list[2]["title"], &list[2]["message_count"]), (&json!("About pumps?"), &json!(2)));
    for (query, expected) in [("PUMPS", 1), ("%25", 1), ("_", 1), ("about", 3), ("nothing%20of%20it", 0)] {
        let found = admin.all(&format!("/api/v1/conversations?q={query}"), 10).await;
        assert_eq!(found.len(), expected, "{query}: a search is no pattern");
    }
    admin.chat(&json!({ "message": "And again?", "conversation_id": ids[0], "stream": false })).await;
    assert_eq!(id(&admin.all("/api/v1/conversations", 10).await[0]), ids[0], "the last used comes first");

    let path = format!("/api/v1/conversations/{}", ids[1]);
    let (status, renamed) = read(admin.patch(&path, &json!({ "title": "  Ventile 🔧 " })).await).await;
    assert_eq!((status, &renamed["title"]), (200, &json!("Ventile 🔧")));
    for title in ["", "   ", "two\nlines", "zero\u{0}", &"x".repeat(201)] {
        problem(admin.patch(&path, &json!({ "title": title })).await, 422, "validation_failed").await;
    }
    assert_eq!(admin.json(&path).await["title"], "Ventile 🔧");
    assert_eq!(admin.delete(&path).await, StatusCode::NO_CONTENT);
    problem(admin.get(&path).await, 404, "not_found").await;
    problem(admin.patch(&path, &json!({ "title": "x" })).await, 404, "not_found").await;
    let body = json!({ "message": "Still there?", "conversation_id": ids[1] });
    problem(admin.post("/api/v1/chat", &body).await, 404, "not_found").await;
    assert_eq!(admin.all("/api/v1/conversations", 10).await.len(), 2);
    assert_eq!(admin.delete(&path).await, StatusCode::NOT_FOUND);
    let kept = world.db().peek("SELECT count(*)::text FROM conversations WHERE deleted_at IS NOT NULL").await;
    assert_eq!(kept, ["1"], "soft: what was asked and answered can still be accounted for");
}

#[tokio::test(flavor = "multi_thread")]
async fn editing_and_regenerating_make_siblings() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let first = admin.ask("When does the relief valve of compressor K-12 open?").await;
    let conversation = &first["conversation_id"];
    let say = async |mut body: Value| {
        body["conversation_id"] = conversation.clone();
        body["stream"] = json!(false);
        admin.chat(&body).await
    };
    let edited =
        say(json!({ "message": "When is the oil of compressor K-12 changed?", "parent_message_id": null })).await;
    let again = say(json!({ "regenerate_message_id": first["message"]["id"] })).await;
    let follow_up =
        say(json!({ "message": "And its drive belt?", "parent_message_id": edited["message"]["id"] })).await;
    let sibling = say(json!({ "message": "And its air filter?", "parent_message_id": edited["message"]["id"] })).await;
    let newest = say(json!({ "message": "When is the oil of compressor K-12 changed?" })).await;
    let tree = admin.json(&format!("/api/v1/conversations/{}", conversation.as_str().expect("id"))).await;
    let messages = tree["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), 11, "five questions, six answers");
    let parent =
        |of: &Value| messages.iter().find(|message| message["id"] == *of).expect("message")["parent_id"].clone();
    assert_eq!(parent(&first["user_message_id"]), Value::Null);
    assert_eq!(parent(&edited["user_message_id"]), Value::Null, "an edit of the first question is a second root");
    assert_eq!(again["user_message_id"], first["user_message_id"], "regenerating asks the same question");
    assert_eq!(parent(&again["message"]["id"]), first["user_message_id"]);
    assert_ne!(again["message"]["id"], first["message"]["id"]);
    assert_eq!(parent(&follow_up["user_message_id"]), edited["message"]["id"]);
    assert_eq!(parent(&sibling["user_message_id"]), edited["message"]["id"]);
    assert_eq!(parent(&newest["user_message_id"]), sibling["message"]["id"], "without a parent: after the newest");
    assert!(edited["message"]["content"].as_str().expect("text").contains("2000 hours"), "{edited}");
    let times: Vec<_> = messages.iter().map(|message| message["created_at"].as_str().expect("time")).collect();
    assert!(times.is_sorted(), "oldest first");
    for body in [
        json!({ "message": "x", "regenerate_message_id": first["message"]["id"], "conversation_id": conversation }),
        json!({ "regenerate_message_id": first["message"]["id"] }),
        json!({ "message": "x", "parent_message_id": first["message"]["id"] }),
        json!({ "message": "x", "parent_message_id": first["user_message_id"], "conversation_id": conversation }),
        json!({ "regenerate_message_id": first["user_message_id"], "conversation_id": conversation }),
        json!({ "conversation_id": conversation }),
        json!({ "message": " \n " }),
        json!({ "message": "zero\u{0}" }),
        json!({ "message": "x".repeat(16_001) }),
        json!({ "message": "x", "tier": "FAST" }),
        json!({ "message": "x", "conversation_id": "cnv_1" }),
    ] {
        problem(admin.post("/api/v1/chat", &body).await, 422, "validation_failed").await;
    }
    eventually("nothing was half done", Duration::from_secs(2), async || {
        let tree = admin.json(&format!("/api/v1/conversations/{}", conversation.as_str().expect("id"))).await;
        tree["messages"].as_array().is_some_and(|messages| messages.len() == 11)
    })
    .await;
    drop(world);
}
