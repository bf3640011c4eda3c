//! Against a real llama.cpp server: one that `MILLWRIGHT_TEST_LLAMACPP_URL` names, for instance one that
//! `tests/peers/llamacpp/start.sh PORT` installs and starts. Without it the tests say `SKIPPED`.

use futures::StreamExt;
use millwright_llm::{
    ApiKey, LlmError, Patience,
    provider::{
        Delta, Message, ModelRequest, OpenAiProvider, OutputFormat, Part, Provider, Sampling, StopReason, ToolChoice,
        ToolDefinition,
    },
};
use serde_json::{Value, json};

const MODEL: &str = "tiny-random";

#[expect(clippy::disallowed_methods, reason = "tells the test where the server is")]
fn url() -> Option<String> {
    let url = std::env::var("MILLWRIGHT_TEST_LLAMACPP_URL").ok();
    if url.is_none() {
        println!("SKIPPED: MILLWRIGHT_TEST_LLAMACPP_URL is not set");
    }
    url
}

fn server(url: &str) -> OpenAiProvider {
    OpenAiProvider::new(url, Some(ApiKey::new("none".into())), Patience::default()).unwrap()
}

fn ask(text: &str) -> ModelRequest {
    ModelRequest {
        messages: vec![Message::User { parts: vec![Part::Text { text: text.into() }] }],
        max_output_tokens: Some(200),
        sampling: Sampling { temperature: Some(0.0), seed: Some(1), ..Sampling::default() },
        ..ModelRequest::default()
    }
}

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": { "part": { "enum": ["pump", "valve"] }, "torn": { "type": "boolean" } },
        "required": ["part", "torn"],
        "additionalProperties": false
    })
}

/// Whether a text is JSON of that schema. A model of random weights hits it only if it is held to it.
fn fits(text: &str) -> bool {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    value["torn"].is_boolean() && matches!(value["part"].as_str(), Some("pump" | "valve"))
}

#[tokio::test]
async fn a_real_llama_cpp_server_answers() {
    let Some(url) = url() else { return };
    let model = OpenAiProvider::new(&url, Some(ApiKey::new("none".into())), Patience::default()).unwrap();
    println!("models: {:?}", model.list_models().await.unwrap());
    let mut request = super::request();
    request.max_output_tokens = Some(24);
    let mut stream = model.stream(MODEL, &request).await.unwrap();
    let (mut texts, mut last) = (0, None);
    while let Some(delta) = stream.next().await {
        let delta = delta.unwrap();
        texts += usize::from(matches!(delta, Delta::Text(_)));
        last = Some(delta);
    }
    assert!(texts >= 1, "the random model says something");
    assert!(matches!(last, Some(Delta::Done { stop_reason: StopReason::Length | StopReason::Complete })), "{last:?}");

    // Leaving early frees the server for the next question.
    request.max_output_tokens = Some(1500);
    let mut stream = model.stream(MODEL, &request).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    request.max_output_tokens = Some(8);
    let mut stream = model.stream(MODEL, &request).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_real_llama_cpp_server_keeps_to_a_schema() {
    let Some(url) = url() else { return };
    let output = OutputFormat::JsonSchema { name: "finding".into(), schema: schema(), strict: true };
    let answer = server(&url).complete(MODEL, &ModelRequest { output, ..ask("What is torn?") }).await.unwrap();
    assert!(fits(&answer.text), "{}", answer.text);
    let usage = answer.usage.unwrap();
    assert!(usage.input_tokens > 0 && usage.output_tokens > 0, "{usage:?}");
}

#[tokio::test]
async fn a_real_llama_cpp_server_calls_the_tool_that_it_must() {
    let Some(url) = url() else { return };
    let tool = ToolDefinition {
        name: "report".into(),
        description: "Reports a finding.".into(),
        parameters: schema(),
        strict: false,
    };
    let request =
        ModelRequest { tools: vec![tool], tool_choice: ToolChoice::Named("report".into()), ..ask("What is torn?") };
    let answer = server(&url).complete(MODEL, &request).await.unwrap();
    let [call] = answer.tool_calls.as_slice() else { panic!("{answer:?}") };
    assert!(call.name == "report" && !call.id.is_empty() && fits(&call.arguments), "{call:?}");
    assert_eq!(answer.stop_reason, StopReason::ToolCalls);

    let mut stream = server(&url).stream(MODEL, &request).await.unwrap();
    let (mut arguments, mut pieces, mut last) = (String::new(), 0, None);
    while let Some(delta) = stream.next().await {
        let delta = delta.unwrap();
        if let Delta::ToolCall { index: 0, arguments: more, .. } = &delta {
            arguments += more;
            pieces += 1;
        }
        last = Some(delta);
    }
    assert!(pieces > 1 && fits(&arguments), "{pieces} pieces: {arguments}");
    assert_eq!(last, Some(Delta::Done { stop_reason: StopReason::ToolCalls }));
}

#[tokio::test]
async fn a_real_llama_cpp_server_makes_vectors() {
    let Some(url) = url() else { return };
    match server(&url).embed(MODEL, &["grease".into(), "oil".into(), "grease".into()]).await {
        Ok(embeddings) => {
            assert_eq!(embeddings.vectors.len(), 3);
            assert_eq!(embeddings.vectors[0], embeddings.vectors[2]);
            assert_ne!(embeddings.vectors[0], embeddings.vectors[1]);
        }
        Err(LlmError::Rejected { .. }) => println!("SKIPPED: the server was started without vectors"),
        Err(error) => panic!("{error}"),
    }
}
