//! Both remote providers against played-back servers: what is sent, what is read, and how each
//! failure is told.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what tests share may fail them, and say so"
)]

mod golden;
mod llama_cpp;
mod server;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use millwright_core::{ErrorCode, SeededRandomness, Sources, SystemClock, ToProblem};
use millwright_llm::{
    ApiKey, ChatRequest, LlmError, Patience, PromptPassage, Role, Turn,
    provider::{Delta, ModelRequest, OllamaProvider, OpenAiProvider, Provider, StopReason, Usage},
};
use server::{Act, Server, chunk, head, whole};

const SSE: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";
const KEY: &str = "sk-secret-4711";

const OPENAI_HELLO: &[&str] = &[
    "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    ": keep-alive\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"25 Nm\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" [1]\"},\"finish_reason\":null}]}\r\n\r\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":5,\"total_tokens\":125}}\n\n",
    "data: [DONE]\n\n",
];

const OLLAMA_HELLO: &[&str] = &[
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"25 Nm\"},\"done\":false}\n",
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\" [1]\"},\"done\":false}\n",
    "{\"model\":\"m\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":120,\"eval_count\":5}\n",
];

fn sources() -> Sources {
    Sources { clock: Arc::new(SystemClock), randomness: Arc::new(SeededRandomness::new(7)) }
}

fn quick() -> Patience {
    Patience {
        connect: Duration::from_secs(1),
        first_token: Duration::from_millis(400),
        idle: Duration::from_millis(200),
        total: Duration::from_secs(2),
    }
}

const MODEL: &str = "tiny";

fn openai(address: &str, patience: Patience) -> OpenAiProvider {
    OpenAiProvider::new(&format!("{address}/v1"), Some(ApiKey::new(KEY.into())), patience).unwrap()
}

fn ollama(address: &str, patience: Patience) -> OllamaProvider {
    OllamaProvider::new(address, None, None, patience, sources()).unwrap()
}

fn request() -> ModelRequest {
    let request = ChatRequest {
        system: "Earlier draft: a sentence had no source.".into(),
        turns: vec![
            Turn { role: Role::User, text: "Which screws hold the cover?".into() },
            Turn { role: Role::Assistant, text: "Four M8 screws [1].".into() },
        ],
        question: "What torque?".into(),
        passages: vec![PromptPassage {
            number: 1,
            text: "Tighten the M8 screws with 25 Nm.".into(),
            document_name: "pump.pdf".into(),
            page: Some(4),
            heading_path: vec!["Assembly".into(), "Cover".into()],
            table_header: None,
            score: 0.9,
        }],
        max_output_tokens: 512,
        ..ChatRequest::default()
    };
    request.to_model_request(&sources())
}

async fn read(model: &dyn Provider) -> (Vec<Delta>, Option<LlmError>) {
    let mut stream = match model.stream(MODEL, &request()).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut deltas = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(delta) => deltas.push(delta),
            Err(error) => {
                assert!(stream.next().await.is_none(), "nothing follows an error");
                return (deltas, Some(error));
            }
        }
    }
    (deltas, None)
}

fn text(deltas: &[Delta]) -> String {
    deltas.iter().filter_map(|delta| if let Delta::Text(text) = delta { Some(text.as_str()) } else { None }).collect()
}

fn hello() -> Vec<Delta> {
    vec![
        Delta::Text("25 Nm".into()),
        Delta::Text(" [1]".into()),
        Delta::Usage(Usage { input_tokens: 120, output_tokens: 5, ..Usage::default() }),
        Delta::Done { stop_reason: StopReason::Complete },
    ]
}

#[tokio::test]
async fn the_openai_request_is_this() {
    let server = Server::lines(SSE, OPENAI_HELLO);
    let (deltas, error) = read(&openai(&server.address, quick())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(deltas, hello());
    let request = server.request();
    assert!(request.head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{}", request.head);
    assert!(request.head.contains(&format!("authorization: bearer {KEY}")));
    let mut body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    body.sort_all_objects();
    insta::assert_json_snapshot!("openai_request", body);
}

#[tokio::test]
async fn the_ollama_request_is_this() {
    let server = Server::lines(NDJSON, OLLAMA_HELLO);
    let (deltas, error) = read(&ollama(&server.address, quick())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(deltas, hello());
    let request = server.request();
    assert!(request.head.starts_with("post /api/chat http/1.1\r\n"), "{}", request.head);
    let mut body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    body.sort_all_objects();
    insta::assert_json_snapshot!("ollama_request", body);
}

#[tokio::test]
async fn a_character_split_over_packets_stays_whole() {
    let openai_line = "data: {\"choices\":[{\"delta\":{\"content\":\"80 °C – größer\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let ollama_line =
        "{\"message\":{\"content\":\"80 °C – größer\"},\"done\":false}\n{\"done\":true,\"done_reason\":\"stop\"}\n";
    for (content_type, line) in [(SSE, openai_line), (NDJSON, ollama_line)] {
        let mut acts = vec![head(content_type)];
        acts.extend(line.as_bytes().chunks(1).map(chunk));
        acts.push(Act::Send(b"0\r\n\r\n".to_vec()));
        let server = Server::play(acts);
        let patience = Patience::default();
        let model: Box<dyn Provider> = if content_type == SSE {
            Box::new(openai(&server.address, patience))
        } else {
            Box::new(ollama(&server.address, patience))
        };
        let (deltas, error) = read(&*model).await;
        assert!(error.is_none(), "{error:?}");
        assert_eq!(text(&deltas), "80 °C – größer");
    }
}

#[tokio::test]
async fn a_failure_reported_in_the_middle_keeps_what_came_before() {
    let openai_lines = [
        OPENAI_HELLO[2],
        "data: {\"error\":{\"message\":\"out of memory at Tighten the M8 screws\",\"type\":\"server_error\"}}\n\n",
    ];
    let ollama_lines = [OLLAMA_HELLO[0], "{\"error\":\"out of memory at Tighten the M8 screws\"}\n"];
    let server = Server::lines(SSE, &openai_lines);
    let (deltas, error) = read(&openai(&server.address, quick())).await;
    assert_eq!(text(&deltas), "25 Nm");
    assert!(matches!(error, Some(LlmError::FailedMidway { .. })), "{error:?}");
    let server = Server::lines(NDJSON, &ollama_lines);
    let (deltas, error) = read(&ollama(&server.address, quick())).await;
    assert_eq!(text(&deltas), "25 Nm");
    assert!(matches!(error, Some(LlmError::FailedMidway { .. })), "{error:?}");
}

#[tokio::test]
async fn an_end_without_end_marker_is_an_error() {
    // A proper end of the body, a dropped connection, and a cut in the middle of a line.
    let cut = &OPENAI_HELLO[3][..30];
    for acts in [
        vec![head(SSE), chunk(OPENAI_HELLO[2].as_bytes()), Act::Send(b"0\r\n\r\n".to_vec())],
        vec![head(SSE), chunk(OPENAI_HELLO[2].as_bytes()), Act::Abort],
        vec![head(SSE), chunk(OPENAI_HELLO[2].as_bytes()), chunk(cut.as_bytes()), Act::Abort],
    ] {
        let server = Server::play(acts);
        let (deltas, error) = read(&openai(&server.address, quick())).await;
        assert_eq!(text(&deltas), "25 Nm");
        assert!(matches!(error, Some(LlmError::Interrupted { .. })), "{error:?}");
    }
    for last in [Act::Send(b"0\r\n\r\n".to_vec()), Act::Abort] {
        let server = Server::play(vec![head(NDJSON), chunk(OLLAMA_HELLO[0].as_bytes()), last]);
        let (deltas, error) = read(&ollama(&server.address, quick())).await;
        assert_eq!(text(&deltas), "25 Nm");
        assert!(matches!(error, Some(LlmError::Interrupted { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_stream_that_gave_its_reason_for_stopping_is_whole_without_done() {
    let server = Server::lines(SSE, &OPENAI_HELLO[..5]);
    let (deltas, error) = read(&openai(&server.address, quick())).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(deltas.last(), Some(&Delta::Done { stop_reason: StopReason::Complete }));
}

#[tokio::test]
async fn a_stalled_stream_ends_in_time() {
    let hold = Act::Pause(Duration::from_secs(3));
    let cases = [
        // Accepts the request and says nothing.
        (vec![hold.clone()], "answer"),
        // Keeps the connection alive and gives no token.
        (vec![head(SSE), chunk(b": keep-alive\n\n"), hold.clone()], "first token"),
        // Stops after a token.
        (vec![head(SSE), chunk(OPENAI_HELLO[2].as_bytes()), hold], "further token"),
    ];
    for (acts, expected) in cases {
        let server = Server::play(acts);
        let started = Instant::now();
        let (_, error) = read(&openai(&server.address, quick())).await;
        assert!(matches!(error, Some(LlmError::Timeout { what, .. }) if what == expected), "{expected}: {error:?}");
        assert!(started.elapsed() < Duration::from_millis(1500), "{expected}: {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_stream_that_never_ends_is_cut_at_the_total() {
    let mut acts = vec![head(SSE)];
    for _ in 0..60 {
        acts.extend([chunk(OPENAI_HELLO[2].as_bytes()), Act::Pause(Duration::from_millis(50))]);
    }
    let server = Server::play(acts);
    let started = Instant::now();
    let (deltas, error) = read(&openai(&server.address, quick())).await;
    assert!(deltas.len() > 10);
    assert!(matches!(error, Some(LlmError::Timeout { what: "complete answer", .. })), "{error:?}");
    assert!(started.elapsed() < Duration::from_millis(2600));
}

#[tokio::test]
async fn garbage_is_told_apart_from_an_answer() {
    for lines in [&["data: <html>\n\n"][..], &["data: 7\n\n"], &["data: {\"choices\":3}\n\n"]] {
        let server = Server::lines(SSE, lines);
        let (_, error) = read(&openai(&server.address, quick())).await;
        assert!(matches!(error, Some(LlmError::BadStream { .. })), "{error:?}");
    }
    let server = Server::lines(NDJSON, &["<html>\n"]);
    let (_, error) = read(&ollama(&server.address, quick())).await;
    assert!(matches!(error, Some(LlmError::BadStream { .. })), "{error:?}");
}

#[tokio::test]
async fn refusals_and_absence_are_told_without_key_or_prompt() {
    let echo = format!("{{\"error\":{{\"message\":\"bad key {KEY} in: Tighten the M8 screws\"}}}}");
    for (status, code) in
        [("401 Unauthorized", 401), ("429 Too Many Requests", 429), ("500 Internal Server Error", 500)]
    {
        let server = Server::play(whole(status, &echo));
        let model = openai(&server.address, quick());
        let (_, error) = read(&model).await;
        let error = error.unwrap();
        assert!(matches!(error, LlmError::Rejected { status, .. } if status == code), "{error:?}");
        assert_eq!(error.problem().code, ErrorCode::UpstreamUnavailable);
        let told = format!("{error} {error:?} {:?} {model:?}", error.problem());
        assert!(!told.contains(KEY) && !told.contains("Tighten"), "{told}");
    }
    // A port that nobody listens on.
    let (_, error) = read(&openai("http://127.0.0.1:9", quick())).await;
    let error = error.unwrap();
    assert!(matches!(error, LlmError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("127.0.0.1:9/"), "{error:?}");
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let server = Server::play(vec![head(SSE), chunk(OPENAI_HELLO[2].as_bytes())]);
    let model = openai(&server.address, Patience::default());
    let mut stream = model.stream(MODEL, &request()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Delta::Text("25 Nm".into()));
    drop(stream);
    assert!(tokio::task::spawn_blocking(move || server.client_closed()).await.unwrap());
}

#[tokio::test]
async fn a_server_says_what_it_has() {
    let tags = r#"{"models":[{"name":"tiny:latest","modified_at":"t","size":1}]}"#;
    let server = Server::play(whole("200 OK", tags));
    assert_eq!(ollama(&server.address, quick()).list_models().await.unwrap(), ["tiny:latest"]);
    let server = Server::play(whole("200 OK", r#"{"object":"list","data":[{"id":"tiny"}]}"#));
    assert_eq!(openai(&server.address, quick()).list_models().await.unwrap(), ["tiny"]);
    let server = Server::play(whole("200 OK", "<html>"));
    assert!(matches!(openai(&server.address, quick()).list_models().await, Err(LlmError::BadStream { .. })));
    assert!(matches!(ollama("http://127.0.0.1:9", quick()).list_models().await, Err(LlmError::Unreachable { .. })));
}

#[tokio::test]
async fn ollama_says_which_weights_a_name_means_and_others_do_not() {
    let tags =
        r#"{"models":[{"name":"other:latest","digest":"sha1"},{"name":"tiny:latest","digest":"0a1b"},{"name":"old"}]}"#;
    for (name, digest) in [("tiny", Some("0a1b")), ("tiny:latest", Some("0a1b")), ("old", None), ("absent", None)] {
        let server = Server::play(whole("200 OK", tags));
        assert_eq!(ollama(&server.address, quick()).model_digest(name).await.unwrap().as_deref(), digest, "{name}");
    }
    assert_eq!(openai("http://127.0.0.1:9", quick()).model_digest("tiny").await.unwrap(), None, "it is not asked");
    assert!(ollama("http://127.0.0.1:9", quick()).model_digest("tiny").await.is_err());
}

#[test]
fn an_address_must_be_one() {
    for address in ["", "localhost:8000", "ftp://x/", "not a url"] {
        let refused = OpenAiProvider::new(address, None, Patience::default());
        assert!(matches!(refused, Err(LlmError::InvalidAddress { .. })), "{address}");
    }
}
