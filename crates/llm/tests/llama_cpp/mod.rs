//! Against a real llama.cpp server: one that `MILLWRIGHT_TEST_LLAMACPP_URL` names, for instance one that
//! `tests/peers/llamacpp/start.sh PORT` installs and starts. Without it the test says `SKIPPED`.

use futures::StreamExt;
use millwright_llm::{ApiKey, ChatModel, Delta, OpenAiModel, Patience, StopReason};

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tells the test where the server is")]
async fn a_real_llama_cpp_server_answers() {
    let Ok(url) = std::env::var("MILLWRIGHT_TEST_LLAMACPP_URL") else {
        println!("SKIPPED: MILLWRIGHT_TEST_LLAMACPP_URL is not set");
        return;
    };
    let model =
        OpenAiModel::new(&url, Some(ApiKey::new("none".into())), "tiny-random", Patience::default(), super::sources())
            .unwrap();
    println!("check: {}", model.check().await.unwrap());
    let mut request = super::request();
    request.max_output_tokens = 24;
    let mut stream = model.stream(request.clone()).await.unwrap();
    let (mut texts, mut last) = (0, None);
    while let Some(delta) = stream.next().await {
        let delta = delta.unwrap();
        texts += usize::from(matches!(delta, Delta::Text(_)));
        last = Some(delta);
    }
    assert!(texts >= 1, "the random model says something");
    assert!(matches!(last, Some(Delta::Done { stop_reason: StopReason::Length | StopReason::Complete })), "{last:?}");

    // Leaving early frees the server for the next question.
    request.max_output_tokens = 1500;
    let mut stream = model.stream(request.clone()).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    request.max_output_tokens = 8;
    let mut stream = model.stream(request).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
}
