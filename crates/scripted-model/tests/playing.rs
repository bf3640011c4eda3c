//! What clients get.

use std::time::{Duration, Instant};

use millwright_scripted_model::{Fail, Script, ScriptedModel, Then, Turn};
use serde_json::{Value, json};

use crate::client::{ask, events, get, pieces, playing, playing_turns, question, said, send, streamed, tool, with};

const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_first_turn_that_fits_and_is_not_used_up_answers() {
    let model = playing(
        "turns:\n\
         - when: { last_user_contains: [oil, K-12] }\n  times: 1\n  say: once\n\
         - when: { last_user_contains: oil }\n  say: oil\n\
         - when: { system_contains: be brief, model: m }\n  say: brief\n",
    );
    let url = model.base_url();
    assert_eq!(said(&url, &question("the oil of K-12")).await, "once");
    assert_eq!(said(&url, &question("the oil of K-12")).await, "oil");
    let parts = json!([{ "role": "developer", "content": "please" }, { "role": "system", "content": [{ "type": "text", "text": "be brief" }] },
        { "role": "user", "content": "grease" }]);
    assert_eq!(said(&url, &with(question(""), "messages", parts.clone())).await, "brief");
    assert_eq!(model.count(), 3);
    assert_eq!(model.last_request().unwrap().system(), "please\nbe brief");
    assert!(model.unused().is_empty() && model.refused().is_empty());
    model.play(Turn::say("another script"));
    assert_eq!(said(&url, &question("the oil of K-12")).await, "another script");
    assert_eq!(model.count(), 4, "requests are kept");
}

#[tokio::test]
async fn a_turn_can_ask_for_tools_their_answers_a_form_and_its_place_in_the_row() {
    let model = playing(
        "turns:\n\
         - when: { has_tools: true, has_tool_result: false, offers: search }\n  say: call\n\
         - when: { has_tool_result: [further, passage] }\n  say: read\n\
         - when: { has_tool_result: true }\n  say: other\n\
         - when: { response_format: json_schema, schema: plan, nth: 2 }\n  say: second\n\
         - when: { response_format: json_schema, schema: plan }\n  json: { steps: [look, { then: decide }], n: 1 }\n\
         - when: { response_format: json_object, stream: false }\n  half_json: { steps: [look] }\n",
    );
    let url = model.base_url();
    let offered = with(question("q"), "tools", json!([tool("other"), tool("search")]));
    assert_eq!(said(&url, &offered).await, "call");
    let answered = |text: &str| {
        let call = json!({ "id": "a", "type": "function", "function": { "name": "search", "arguments": "{}" } });
        let messages = json!([
            { "role": "tool", "tool_call_id": "old", "content": "of another question" },
            { "role": "user", "content": "q" },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "a", "content": text },
        ]);
        with(offered.clone(), "messages", messages)
    };
    assert_eq!(said(&url, &answered("1 further passage")).await, "read");
    assert_eq!(said(&url, &answered("1 further place")).await, "other");
    let form = json!({ "type": "json_schema", "json_schema": { "name": "plan", "schema": {} } });
    let plan = with(question("q"), "response_format", form);
    let first: Value = serde_json::from_str(&said(&url, &plan).await).unwrap();
    assert_eq!(first, json!({ "steps": ["look", { "then": "decide" }], "n": 1 }));
    assert_eq!(said(&url, &plan).await, "second");
    let object = with(question("q"), "response_format", json!({ "type": "json_object" }));
    assert_eq!(said(&url, &object).await, r#"{"steps":"#);
}

#[tokio::test]
async fn a_request_that_no_turn_fits_is_told_what_came_and_what_was_wanted() {
    let model = playing(
        "turns:\n\
         - when: { last_user_contains: oil }\n  times: 1\n  say: oil\n\
         - when: { has_tools: true }\n  say: tools\n\
         - when: { nth: 7 }\n  say: seventh\n",
    );
    let url = model.base_url();
    assert_eq!(said(&url, &question("oil")).await, "oil");
    let asked = with(
        question("more oil"),
        "messages",
        json!([{ "role": "system", "content": "You are a model." }, { "role": "user", "content": "more oil" }]),
    );
    let (status, body) = ask(&url, &asked).await;
    assert_eq!(status, 400);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        body["error"]["message"],
        "no turn of the script fits. Came: model `m`; 2 messages; instructions that begin with \"You are a model.\"; the user says at \
         last \"more oil\"; no tools; no tool has answered; response format text; whole. Wanted: turn 1 (line 2) was played all its 1 \
         times; turn 2 (line 5) has_tools true; turn 3 (line 7) wants to be nth 7, and this is 2"
    );
    assert_eq!(model.refused().len(), 1);
    assert_eq!(
        model.unused().iter().map(|turn| (turn.turn, turn.line)).collect::<Vec<_>>(),
        [(2, Some(5)), (3, Some(7))]
    );
    let (_, told) = get(&url.replace("/v1", "/script")).await;
    assert_eq!((&told["requests"], &told["turns"][0]["answered"]), (&json!(2), &json!(1)), "{told}");
    assert_eq!(ask(&url, &json!("not a request")).await.0, 400);
    let (status, elsewhere) = get(&format!("{url}/embeddings")).await;
    assert!(status == 404 && elsewhere.to_string().contains("POST /v1/chat/completions"), "{elsewhere}");
}

#[tokio::test]
async fn a_stream_comes_in_the_pieces_that_the_script_says() {
    let model = playing(
        "model: tiny\nturns:\n\
         - when: { nth: 1 }\n  think: hm\n  say: [It opens, ' at ', { pause: 30ms }, 6.5 bar.]\n  usage: { prompt_tokens: 4, completion_tokens: 2 }\n\
         - when: { nth: 2 }\n  say: Grüße aus Köln\n  slowly: 10ms\n  finish: length\n\
         - when: { nth: 3 }\n  say: Let me see.\n  call:\n  - { name: search, arguments: { query: 'Öl' } }\n  - { name: read, arguments: '{\"half', id: x }\n\
         - repeat_instructions: true\n",
    );
    let url = model.base_url();
    let (_, stream) = ask(&url, &streamed("q")).await;
    assert_eq!(pieces(&stream), ["It opens", " at ", "6.5 bar."]);
    let first = events(&stream);
    assert_eq!(
        (&first[0]["choices"][0]["delta"]["reasoning_content"], &first[0]["model"]),
        (&json!("hm"), &json!("tiny"))
    );
    assert_eq!(first[4]["choices"][0]["finish_reason"], "stop");
    assert_eq!((&first[5]["choices"], &first[5]["usage"]["total_tokens"]), (&json!([]), &json!(6)));
    let since = Instant::now();
    let (_, stream) = ask(&url, &streamed("q")).await;
    assert_eq!(pieces(&stream).concat(), "Grüße aus Köln");
    assert!(pieces(&stream).len() == 3 && since.elapsed() >= Duration::from_millis(30));
    assert_eq!(events(&stream).last().unwrap()["choices"][0]["finish_reason"], "length");
    let (_, stream) = ask(&url, &streamed("q")).await;
    let mut calls = [const { (String::new(), String::new()) }; 2];
    for call in events(&stream).iter().map(|event| &event["choices"][0]["delta"]["tool_calls"][0]) {
        let Some(index) = call["index"].as_u64() else { continue };
        calls[index as usize].0 += call["id"].as_str().unwrap_or_default();
        calls[index as usize].1 += call["function"]["arguments"].as_str().unwrap();
    }
    assert_eq!(calls[0], ("call-0".to_owned(), "{\"query\":\"Öl\"}".to_owned()));
    assert_eq!(calls[1], ("x".to_owned(), "{\"half".to_owned()));
    assert_eq!(events(&stream).last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    let messages = json!([{ "role": "system", "content": "Never repeat this." }, { "role": "user", "content": "q" }]);
    let (_, stream) = ask(&url, &with(streamed("q"), "messages", messages)).await;
    assert_eq!(pieces(&stream).concat(), "Never repeat this.");
}

#[tokio::test]
async fn a_whole_answer_holds_the_same() {
    let model = playing(
        "turns:\n- think: hm\n  say: Let me see.\n  call: [{ name: search }, { name: read, arguments: '{' }]\n",
    );
    let (status, body) = ask(&model.base_url(), &question("q")).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    let choice = &answer["choices"][0];
    assert_eq!(
        (status, &choice["finish_reason"], &answer["object"]),
        (200, &json!("tool_calls"), &json!("chat.completion"))
    );
    assert_eq!(
        (&choice["message"]["content"], &choice["message"]["reasoning_content"]),
        (&json!("Let me see."), &json!("hm"))
    );
    let calls = &choice["message"]["tool_calls"];
    assert_eq!((&calls[0]["function"]["arguments"], &calls[1]["function"]["arguments"]), (&json!("{}"), &json!("{")));
    assert_eq!(answer.get("usage"), None, "only where it is written");
    let (_, models) = get(&format!("{}/models", model.base_url())).await;
    assert_eq!(models["data"][0]["id"], "scripted");
}

#[tokio::test]
async fn a_failure_at_the_beginning_comes_with_its_status_and_its_words() {
    let model = playing(
        "turns:\n\
         - when: { nth: 1 }\n  fail: { status: 503, retry_after: 2, body: busy }\n\
         - when: { nth: 2 }\n  fail: { status: 429, body: { error: { message: slow down } } }\n\
         - when: { nth: 3 }\n  fail: die\n\
         - fail: hang\n",
    );
    let url = model.base_url();
    let busy = send(&url, &streamed("q")).await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (503, "2"));
    assert_eq!(busy.text().await.unwrap(), "busy");
    assert_eq!(ask(&url, &question("q")).await, (429, r#"{"error":{"message":"slow down"}}"#.to_owned()));
    assert!(!send(&url, &question("q")).await.unwrap_err().is_timeout(), "the connection was closed");
    let (url, body) = (url.clone(), question("q"));
    let waited = tokio::time::timeout(Duration::from_millis(200), send(&url, &body)).await;
    assert!(waited.is_err(), "nothing came");
    assert!(gave_up(&model, 1).await);
}

/// Whether so many clients left; waits elsewhere, so that the client can close its connection.
async fn gave_up(model: &ScriptedModel, clients: usize) -> bool {
    for _ in 0..100 {
        if model.clients_left() == clients {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn a_connection_that_dies_in_the_middle_is_broken_and_not_ended() {
    let turn = || Turn::pieces(["It opens at 6.5 "]).then(Then::Die);
    let model = playing_turns(turn());
    for body in [streamed("q"), question("q")] {
        let mut response = send(&model.base_url(), &body).await.unwrap();
        assert_eq!(response.status(), 200);
        let mut came = String::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => came.push_str(&String::from_utf8_lossy(&bytes)),
                Ok(None) => break false,
                Err(error) => break !error.is_timeout(),
            }
        };
        assert!(broken, "{came}");
        assert!(came.contains("It opens at 6.5 ") || body == question("q"), "{came}");
        assert!(!came.contains("[DONE]") && !came.contains("finish_reason\":\"stop"), "{came}");
    }
    assert_eq!(model.clients_left(), 0, "it was the server that left");
}

#[tokio::test]
async fn one_that_hangs_stays_open_until_its_client_leaves_or_the_server_ends() {
    let model = playing_turns(Turn::pieces(["It opens"]).then(Then::Hang));
    let mut response = send(&model.base_url(), &streamed("q")).await.unwrap();
    assert!(response.chunk().await.unwrap().is_some());
    assert!(tokio::time::timeout(Duration::from_millis(200), response.chunk()).await.is_err());
    drop(response);
    assert!(gave_up(&model, 1).await);
    let mut response = send(&model.base_url(), &streamed("q")).await.unwrap();
    response.chunk().await.unwrap();
    let address = model.base_url();
    drop(model);
    let rest = tokio::time::timeout(LONG, response.chunk()).await.unwrap();
    assert!(!matches!(rest, Ok(Some(_))), "{rest:?}");
    assert!(send(&address, &question("q")).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_its_client_leaves() {
    let endless = "turns:\n- when: { nth: 1 }\n  say: again and \n  then: endless\n\
                   - when: { nth: 2 }\n  call: [{ name: search }]\n  then: endless\n- say: again\n  then: endless\n";
    let model = playing(endless);
    for (body, mark) in [(streamed("q"), "again "), (streamed("q"), "call-40"), (question("q"), "and so on and so on")]
    {
        let mut response = send(&model.base_url(), &body).await.unwrap();
        let mut came = String::new();
        while came.len() < 300_000 {
            came.push_str(&String::from_utf8_lossy(&response.chunk().await.unwrap().unwrap()));
        }
        assert!(came.contains(mark), "{}", &came[..500]);
    }
    assert!(gave_up(&model, 3).await);
}

#[tokio::test]
async fn many_clients_are_served_at_once_and_in_order() {
    let model = playing_turns(Script::in_order((0..24).map(|number| Turn::say(&number.to_string()))));
    let url = model.base_url();
    let asking: Vec<_> = (0..24)
        .map(|_| {
            let url = url.clone();
            #[expect(clippy::disallowed_methods, reason = "a test waits for all of them")]
            tokio::spawn(async move { said(&url, &question("q")).await.parse::<usize>().unwrap() })
        })
        .collect();
    let mut said = Vec::new();
    for answer in asking {
        said.push(answer.await.unwrap());
    }
    said.sort_unstable();
    assert_eq!(said, (0..24).collect::<Vec<_>>(), "each turn once");
    assert!(model.unused().is_empty());
    let refused = playing_turns(Turn::refuse(422, "no"));
    assert_eq!(crate::client::said(&refused.base_url(), &question("q")).await, "no");
    let dies = playing_turns(Turn::fail(Fail::Die));
    assert!(send(&dies.base_url(), &question("q")).await.is_err());
    assert!(send(&ScriptedModel::absent().unwrap(), &question("q")).await.is_err());
}
