//! What is sent.

use millwright_llm::{
    LlmError,
    provider::{ModelRequest, ProviderKind},
};
use serde_json::{Value, json};

use super::{KINDS, input, provider, read};
use crate::server::{Request, Server, whole};

const INPUTS: [&str; 9] =
    ["plain", "tools", "forced_tool", "schema", "json_object", "image", "sampling", "rich", "everything"];

/// The first line, and the headers that this kind of server wants.
fn sent(request: &Request) -> Value {
    let wanted = ["authorization", "api-key", "x-api-key", "anthropic-version", "content-type"];
    let mut headers: Vec<&str> = request.head.lines().skip(1).collect();
    headers.retain(|line| line.split_once(':').is_some_and(|(name, _)| wanted.contains(&name)));
    headers.sort_unstable();
    let mut body: Value = serde_json::from_str(&request.body).unwrap();
    body.sort_all_objects();
    json!({ "request": request.head.lines().next(), "headers": headers, "body": body })
}

async fn asked(kind: ProviderKind, request: &ModelRequest) -> Value {
    let server = Server::play(whole("200 OK", "{}"));
    let (_, error) = read(&*provider(kind, &server.address), request).await;
    if let Some(LlmError::Unsupported { what, .. }) = error {
        assert_eq!(kind.cannot(request), Some(what), "who asks before is told the same");
        return json!({ "not sent, because it cannot do": what });
    }
    assert_eq!(kind.cannot(request), None);
    let streamed = sent(&server.request());

    // The answer in one piece is asked for in the same words, but for those about the stream.
    let server = Server::play(whole("200 OK", "{}"));
    assert!(provider(kind, &server.address).complete("m-1", request).await.is_err(), "there is no answer in `{{}}`");
    let (mut streamed_body, mut whole_body) = (streamed["body"].clone(), sent(&server.request())["body"].clone());
    assert_eq!((&streamed_body["stream"], &whole_body["stream"]), (&json!(true), &json!(false)));
    for body in [&mut streamed_body, &mut whole_body] {
        let body = body.as_object_mut().unwrap();
        body.remove("stream");
        body.remove("stream_options");
    }
    assert_eq!(streamed_body, whole_body);
    streamed
}

#[tokio::test]
async fn every_input_is_put_to_every_kind_of_server_like_this() {
    for kind in KINDS {
        for name in INPUTS {
            let asked = asked(kind, &input(name)).await;
            insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false, description => name }, {
                insta::assert_json_snapshot!(format!("request_{kind}_{name}"), asked);
            });
        }
    }
}

/// Whether all that is in `part` is in `whole`, but for what `ollama-rs` does not know.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part.iter().all(|(key, value)| {
            let unknown = ["stream", "id", "tool_name", "tool_call_id"].contains(&key.as_str());
            unknown || whole.get(key).is_some_and(|other| holds(other, value))
        }),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        _ => whole == part,
    }
}

#[tokio::test]
async fn somebody_else_who_knows_ollama_understands_the_request() {
    use ollama_rs::generation::chat::request::ChatMessageRequest;
    for name in INPUTS {
        let asked = asked(ProviderKind::Ollama, &input(name)).await;
        let Some(body) = asked.get("body") else { continue };
        let read: ChatMessageRequest = serde_json::from_value(body.clone()).unwrap();
        let again: Value = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert!(holds(&again, body), "{name}: {again:#} is not {body:#}");
    }
}

#[test]
fn an_input_reads_back_as_it_was() {
    for name in INPUTS {
        let request = input(name);
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ModelRequest>(&text).unwrap(), request, "{name}");
    }
}

#[tokio::test]
async fn vectors_are_asked_for_like_this() {
    let texts = ["grease".to_owned(), "oil".to_owned()];
    let mut all = serde_json::Map::new();
    for kind in KINDS {
        let answer = match kind {
            ProviderKind::Ollama => r#"{"model":"m","embeddings":[[0.5,1],[0.25,-1]],"prompt_eval_count":4}"#,
            // Not in their order.
            _ => {
                r#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[0.25,-1]},
                {"object":"embedding","index":0,"embedding":[0.5,1]}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}"#
            }
        };
        let server = Server::play(whole("200 OK", answer));
        let result = provider(kind, &server.address).embed("m-1", &texts).await;
        if !kind.embeds() {
            assert!(matches!(result, Err(LlmError::Unsupported { what: "embeddings", .. })), "{result:?}");
            continue;
        }
        let embeddings = result.unwrap();
        assert_eq!(embeddings.vectors, [[0.5, 1.0], [0.25, -1.0]]);
        assert_eq!(embeddings.input_tokens, 4);
        all.insert(kind.to_string(), sent(&server.request()));
    }
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!("request_embeddings", all);
    });
}

#[tokio::test]
async fn fewer_vectors_than_texts_are_no_answer() {
    let texts = ["grease".to_owned(), "oil".to_owned()];
    for (kind, answer) in [
        (ProviderKind::Openai, r#"{"data":[{"index":0,"embedding":[0.5]}]}"#),
        (ProviderKind::Openai, r#"{"data":[{"index":0,"embedding":[0.5]},{"index":7,"embedding":[0.5]}]}"#),
        (ProviderKind::Ollama, r#"{"embeddings":[[0.5]]}"#),
    ] {
        let server = Server::play(whole("200 OK", answer));
        let result = provider(kind, &server.address).embed("m-1", &texts).await;
        assert!(matches!(result, Err(LlmError::BadStream { .. })), "{answer}: {result:?}");
    }
}

#[tokio::test]
async fn each_kind_of_server_is_asked_for_its_models() {
    for (kind, line, answer) in [
        (ProviderKind::Openai, "get /v1/models http/1.1", r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#),
        (
            ProviderKind::Azure,
            "get /openai/models?api-version=2024-10-21 http/1.1",
            r#"{"data":[{"id":"a","status":"succeeded"},{"id":"b"}]}"#,
        ),
        (ProviderKind::Ollama, "get /api/tags http/1.1", r#"{"models":[{"name":"a","size":1},{"name":"b"}]}"#),
        (
            ProviderKind::Anthropic,
            "get /v1/models?limit=1000 http/1.1",
            r#"{"data":[{"type":"model","id":"a"},{"type":"model","id":"b"}],"has_more":false}"#,
        ),
    ] {
        let server = Server::play(whole("200 OK", answer));
        assert_eq!(provider(kind, &server.address).list_models().await.unwrap(), ["a", "b"]);
        assert_eq!(server.request().head.lines().next(), Some(line));
    }
}

#[tokio::test]
async fn a_deployment_cannot_name_another_address() {
    let server = Server::play(whole("200 OK", "{}"));
    let azure = provider(ProviderKind::Azure, &server.address);
    assert!(azure.complete("../../admin?x=#", &input("plain")).await.is_err());
    let head = server.request().head;
    let line = head.lines().next().unwrap();
    assert_eq!(
        line,
        "post /openai/deployments/..%2f..%2fadmin%3fx=%23/chat/completions?api-version=2024-10-21 http/1.1"
    );
}
