//! What is read.

use futures::StreamExt;
use millwright_llm::{
    LlmError,
    provider::{OllamaProvider, OutputFormat, ProviderKind},
};

use super::{input, kept, play, provider, put_together, read};
use crate::{
    NDJSON, quick,
    server::{Server, whole},
    sources,
};

/// Recorded streams, and whether their connection ends as it should.
const STREAMS: [(ProviderKind, &str, bool); 19] = [
    (ProviderKind::Openai, "text", true),
    (ProviderKind::Openai, "reasoning", true),
    (ProviderKind::Openai, "tool_calls", true),
    (ProviderKind::Openai, "forced_without_index", true),
    (ProviderKind::Openai, "refusal", true),
    (ProviderKind::Openai, "error_midway", true),
    (ProviderKind::Openai, "cut_off", false),
    (ProviderKind::Azure, "text", true),
    (ProviderKind::Ollama, "text", true),
    (ProviderKind::Ollama, "reasoning", true),
    (ProviderKind::Ollama, "tool_calls", true),
    (ProviderKind::Ollama, "error_midway", true),
    (ProviderKind::Ollama, "cut_off", false),
    (ProviderKind::Anthropic, "text", true),
    (ProviderKind::Anthropic, "reasoning", true),
    (ProviderKind::Anthropic, "tool_calls", true),
    (ProviderKind::Anthropic, "json_object", true),
    (ProviderKind::Anthropic, "error_midway", true),
    (ProviderKind::Anthropic, "cut_off", false),
];

fn file(kind: ProviderKind, name: &str) -> String {
    let ending = if kind == ProviderKind::Ollama { "ndjson" } else { "sse" };
    kept(&format!("streams/{kind}_{name}.{ending}"))
}

#[tokio::test]
async fn recorded_streams_are_read_like_this() {
    for (kind, name, ends) in STREAMS {
        let server = play(kind, &file(kind, name), ends);
        let request = input(if name == "json_object" { "json_object" } else { "plain" });
        let (deltas, error) = read(&*provider(kind, &server.address), &request).await;
        let told = error.map_or_else(|| "whole".to_owned(), |error| format!("{}: {error}", error.reason()));
        assert!(!told.contains(crate::KEY), "{told}");
        insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_debug_snapshot!(format!("stream_{kind}_{name}"), (deltas, told));
        });
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_says_what_its_stream_says() {
    for (kind, name) in [
        (ProviderKind::Openai, "text"),
        (ProviderKind::Openai, "reasoning"),
        (ProviderKind::Openai, "tool_calls"),
        (ProviderKind::Azure, "text"),
        (ProviderKind::Ollama, "text"),
        (ProviderKind::Ollama, "reasoning"),
        (ProviderKind::Ollama, "tool_calls"),
        (ProviderKind::Anthropic, "text"),
        (ProviderKind::Anthropic, "reasoning"),
        (ProviderKind::Anthropic, "tool_calls"),
        (ProviderKind::Anthropic, "json_object"),
    ] {
        let request = input(if name == "json_object" { "json_object" } else { "plain" });
        let server = play(kind, &file(kind, name), true);
        let (deltas, error) = read(&*provider(kind, &server.address), &request).await;
        assert!(error.is_none(), "{kind} {name}: {error:?}");
        let server = Server::play(whole("200 OK", &kept(&format!("whole/{kind}_{name}.json"))));
        let whole = provider(kind, &server.address).complete("m-1", &request).await.unwrap();
        assert_eq!(whole, put_together(deltas), "{kind} {name}");
    }
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_is_one() {
    for kind in super::KINDS {
        for (body, expected) in [
            (r#"{"error":{"message":"out of memory"}}"#, "failed_midway"),
            (r#"{"type":"error","error":{"type":"overloaded_error"}}"#, "failed_midway"),
            ("<html>", "bad_stream"),
            ("{}", "bad_stream"),
        ] {
            let server = Server::play(whole("200 OK", body));
            let error = provider(kind, &server.address).complete("m-1", &input("plain")).await.unwrap_err();
            // The Messages API reports failures by their status, and has no other form for them.
            let expected = if kind == ProviderKind::Anthropic { "bad_stream" } else { expected };
            assert_eq!(error.reason(), expected, "{kind}: {body}");
        }
    }
}

#[tokio::test]
async fn a_tool_of_ours_is_no_call_of_the_callers() {
    let request = input("json_object");
    assert_eq!(request.output, OutputFormat::JsonObject);
    let server = play(ProviderKind::Anthropic, &file(ProviderKind::Anthropic, "json_object"), true);
    let (deltas, _) = read(&*provider(ProviderKind::Anthropic, &server.address), &request).await;
    let answer = put_together(deltas);
    assert_eq!((answer.text.as_str(), answer.tool_calls.len()), ("{\"nm\": 25}", 0));
}

#[tokio::test]
async fn a_pull_tells_how_far_it_is_and_how_it_ended() {
    let lines = [
        "{\"status\":\"pulling manifest\"}\n",
        "{\"status\":\"pulling aabb\",\"digest\":\"sha256:aabb\",\"total\":200,\"completed\":50}\n",
        "{\"status\":\"success\"}\n",
    ];
    let ollama = |address: &str| OllamaProvider::new(address, None, None, quick(), sources()).unwrap();
    let server = Server::lines(NDJSON, &lines);
    let steps: Vec<_> = ollama(&server.address).pull("qwen3").await.unwrap().collect().await;
    let steps: Vec<_> = steps.into_iter().map(Result::unwrap).collect();
    assert_eq!(steps.len(), 3);
    assert_eq!((steps[1].total, steps[1].completed), (Some(200), Some(50)));
    assert_eq!(steps[2].status, "success");
    let request = server.request();
    assert!(request.head.starts_with("post /api/pull "), "{}", request.head);
    assert_eq!(request.body, r#"{"model":"qwen3","stream":true}"#);

    let server = Server::lines(NDJSON, &[lines[0], "{\"error\":\"pull model manifest: file does not exist\"}\n"]);
    let last = ollama(&server.address).pull("qwen3").await.unwrap().collect::<Vec<_>>().await.pop();
    assert!(matches!(last, Some(Err(LlmError::FailedMidway { .. }))), "{last:?}");
    let server = Server::lines(NDJSON, &lines[..2]);
    let last = ollama(&server.address).pull("qwen3").await.unwrap().collect::<Vec<_>>().await.pop();
    assert!(matches!(last, Some(Err(LlmError::Interrupted { .. }))), "{last:?}");
}
