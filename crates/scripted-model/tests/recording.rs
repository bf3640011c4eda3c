//! What is recorded is played again.

use std::{path::Path, time::Duration};

use millwright_scripted_model::{Recorder, Script, ScriptedModel};
use serde_json::{Value, json};

use crate::client::{ask, get, playing, question, send, streamed, tool, with};

/// Waits until the file has so many turns.
async fn recorded(recorder: &Recorder, turns: usize) {
    for _ in 0..200 {
        if recorder.recorded() == turns {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} of {turns} turns were recorded", recorder.recorded());
}

/// The answer without what streams and whole answers have apart.
fn gist(answer: &(u16, String)) -> Value {
    let mut gist = json!({ "status": answer.0, "text": "", "calls": "", "finish": null });
    let events = answer.1.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let whole = std::iter::once(answer.1.as_str()).filter(|text| text.starts_with('{'));
    for event in events.chain(whole).map(|event| serde_json::from_str::<Value>(event).unwrap()) {
        let choice = &event["choices"][0];
        let said = if choice["message"].is_object() { &choice["message"] } else { &choice["delta"] };
        let mut add = |name: &str, text: &Value| {
            gist[name] = json!(format!("{}{}", gist[name].as_str().unwrap(), text.as_str().unwrap_or_default()));
        };
        add("text", &said["content"]);
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            add("calls", &call["function"]["name"]);
            add("calls", &call["function"]["arguments"]);
        }
        if choice["finish_reason"].is_string() {
            gist["finish"] = choice["finish_reason"].clone();
        }
        if event["usage"].is_object() {
            gist["usage"] = event["usage"].clone();
        }
    }
    if answer.0 != 200 {
        gist["body"] = json!(answer.1);
    }
    gist
}

#[tokio::test]
async fn what_was_recorded_is_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("recorded.yaml");
    let real = playing(
        "model: tiny\nturns:\n\
         - when: { has_tools: true, has_tool_result: false }\n  say: \"Let me\\tsee: \\u2028\\u0085 \\\"Öl\\\" # {x}\"\n  call: [{ name: search, arguments: { query: 'a: \"b\" #c' } }, { name: read, arguments: '{\"half' }]\n\
         - when: { has_tool_result: true }\n  say: \"first\\nsecond: line\"\n  usage: { prompt_tokens: 4, completion_tokens: 2 }\n\
         - when: { response_format: json_schema }\n  json: { steps: [look] }\n  finish: length\n\
         - when: { last_user_contains: busy }\n  fail: { status: 503, body: busy }\n\
         - when: { nth: 1 }\n  say: [one]\n\
         - when: { nth: 2 }\n  say: [another]\n",
    );
    let recorder = Recorder::start_on(0, &real.base_url(), &out).unwrap();
    let offered = with(question("BEGIN 0123\n\nQuestion: what of \"Öl\" #1: {x}?"), "tools", json!([tool("search")]));
    let messages = json!([{ "role": "user", "content": "Question: which?" }, { "role": "tool", "tool_call_id": "a", "content": "found" }]);
    let form = json!({ "type": "json_schema", "json_schema": { "name": "plan", "schema": {} } });
    let asked = [
        offered.clone(),
        with(offered, "messages", messages),
        with(question("make a plan"), "response_format", form),
        question("busy?"),
        question("the same"),
        question("the same"),
    ];
    let mut heard = Vec::new();
    for (number, body) in asked.iter().enumerate() {
        let body = if number % 2 == 0 { with(body.clone(), "stream", json!(true)) } else { body.clone() };
        heard.push((body.clone(), gist(&ask(&recorder.base_url(), &body).await)));
        recorded(&recorder, number + 1).await;
    }
    let (_, models) = get(&format!("{}/models", recorder.base_url())).await;
    assert!(models.to_string().contains("tiny"), "what is no answer is passed on too: {models}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(!text.contains("0123"), "what chance has drawn is not asked for: {text}");
    let played = ScriptedModel::start(Script::load(&out).unwrap()).unwrap();
    for (body, expected) in &heard {
        assert_eq!(gist(&ask(&played.base_url(), body).await), *expected, "{text}");
    }
    assert!(played.unused().is_empty(), "{text}");
}

#[tokio::test]
async fn an_answer_that_broke_off_breaks_off_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("recorded.yaml");
    let real = playing("turns:\n- say: It opens\n  then: die\n");
    let recorder = Recorder::start_on(0, &real.base_url(), &out).unwrap();
    let broken = async |url: String| {
        let response = send(&url, &streamed("q")).await.unwrap();
        response.text().await.is_err()
    };
    assert!(broken(recorder.base_url()).await);
    recorded(&recorder, 1).await;
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.ends_with("say: \"It opens\"\n    then: die\n"), "{text}");
    assert!(broken(ScriptedModel::start(Script::load(&out).unwrap()).unwrap().base_url()).await);
}

#[tokio::test]
async fn a_recorder_says_what_it_cannot_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("recorded.yaml");
    for upstream in ["https://models.example/v1", "models.example", "http:///v1"] {
        let refused = Recorder::start_on(0, upstream, &out).unwrap_err().to_string();
        assert!(refused.contains("give one like http://127.0.0.1:8080/v1"), "{refused}");
    }
    assert!(Recorder::start_on(0, "http://127.0.0.1:1/v1", Path::new("/nowhere/a.yaml")).is_err());
    let absent = Recorder::start_on(0, &ScriptedModel::absent().unwrap(), &out).unwrap();
    let (status, body) = ask(&absent.base_url(), &question("q")).await;
    assert!(status == 502 && body.contains("the server that is recorded does not answer"), "{body}");
    assert_eq!(absent.recorded(), 0);
}
