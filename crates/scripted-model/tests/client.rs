//! A client.

use std::{sync::Once, time::Duration};

use millwright_scripted_model::{Script, ScriptedModel};
use serde_json::{Value, json};

/// A server that plays this.
pub(crate) fn playing(script: &str) -> ScriptedModel {
    ScriptedModel::start(script.parse::<Script>().unwrap()).unwrap()
}

pub(crate) fn playing_turns(script: impl Into<Script>) -> ScriptedModel {
    ScriptedModel::start(script).unwrap()
}

/// A question.
pub(crate) fn question(text: &str) -> Value {
    json!({ "model": "m", "messages": [{ "role": "user", "content": text }] })
}

/// The same, to be answered piece by piece.
pub(crate) fn streamed(text: &str) -> Value {
    with(question(text), "stream", json!(true))
}

pub(crate) fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

pub(crate) fn tool(name: &str) -> Value {
    json!({ "type": "function", "function": { "name": name, "parameters": { "type": "object" } } })
}

fn client() -> reqwest::Client {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// Status and JSON of another page.
pub(crate) async fn get(url: &str) -> (u16, Value) {
    let response = client().get(url).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(crate) async fn send(base_url: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    client().post(format!("{base_url}/chat/completions")).json(body).send().await
}

/// Status and body.
pub(crate) async fn ask(base_url: &str, body: &Value) -> (u16, String) {
    let response = send(base_url, body).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The text of a whole answer, or of a refusal.
pub(crate) async fn said(base_url: &str, body: &Value) -> String {
    let (_, text) = ask(base_url, body).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    let message = answer["choices"][0]["message"]["content"].as_str();
    message.or(answer["error"]["message"].as_str()).unwrap().to_owned()
}

/// The events of a stream that came to its end.
pub(crate) fn events(stream: &str) -> Vec<Value> {
    let mut data: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{stream}");
    data.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// The pieces of text of a stream.
pub(crate) fn pieces(stream: &str) -> Vec<String> {
    let events = events(stream);
    let texts = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
    texts.map(str::to_owned).collect()
}
