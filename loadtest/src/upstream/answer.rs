//! The forms of answers: one JSON document, or the events of a stream.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::chat::{Answer, Said};

const ID: &str = "chatcmpl-stand-in";
const CREATED: u64 = 1_700_000_000;
const FINGERPRINT: &str = "fp_stand_in";
/// As long as those of the embedding model in the product.
const DIMENSIONS: usize = 384;

/// A completion. Put together as text: `Value`s would cost more than all the rest.
pub(crate) fn completion(model: &str, answer: &Answer) -> String {
    let message = match &answer.said {
        Said::Text(pieces) => format!(r#"{{"role":"assistant","content":{}}}"#, quoted(&pieces.concat())),
        Said::Call { name, arguments } => json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": "call_1", "type": "function", "function": { "name": name, "arguments": arguments } }] })
        .to_string(),
    };
    let logprobs = logprobs(answer, &answer.said);
    let choice = format!(r#"{{"index":0,"message":{message},"finish_reason":"{}"{logprobs}}}"#, answer.finish_reason);
    framed(model, "chat.completion", &choice, Some(answer))
}

/// The events of a stream, each whole with its empty line.
pub(crate) fn events(model: &str, answer: &Answer) -> Vec<String> {
    let event = |delta: &str, finish_reason: &str, logprobs: &str| {
        let choice = format!(r#"{{"index":0,"delta":{delta},"finish_reason":{finish_reason}{logprobs}}}"#);
        format!("data: {}\n\n", framed(model, "chat.completion.chunk", &choice, None))
    };
    let mut events = vec![event(r#"{"role":"assistant","content":""}"#, "null", "")];
    match &answer.said {
        Said::Text(pieces) => events.extend(pieces.iter().map(|piece| {
            let logprobs = logprobs(answer, &Said::Text(vec![piece.clone()]));
            event(&format!(r#"{{"content":{}}}"#, quoted(piece)), "null", &logprobs)
        })),
        Said::Call { name, arguments } => {
            let begin = json!({ "index": 0, "id": "call_1", "type": "function",
                "function": { "name": name, "arguments": "" } });
            events.push(event(&json!({ "tool_calls": [begin] }).to_string(), "null", ""));
            let characters: Vec<char> = arguments.chars().collect();
            for piece in characters.chunks(6) {
                let piece: String = piece.iter().collect();
                let call = json!({ "index": 0, "function": { "arguments": piece } });
                events.push(event(&json!({ "tool_calls": [call] }).to_string(), "null", ""));
            }
        }
    }
    events.push(event("{}", &quoted(answer.finish_reason), ""));
    if answer.with_usage {
        events.push(format!("data: {}\n\n", framed(model, "chat.completion.chunk", "", Some(answer))));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

/// What surrounds a choice, or no choice; with the usage of an answer.
fn framed(model: &str, object: &str, choice: &str, usage: Option<&Answer>) -> String {
    let usage = usage.map_or_else(String::new, |answer| {
        let (prompt, completion) = (answer.prompt_tokens, answer.completion_tokens);
        let total = prompt + completion;
        format!(r#","usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}}}"#)
    });
    format!(
        r#"{{"id":"{ID}","object":"{object}","created":{CREATED},"model":{},"system_fingerprint":"{FINGERPRINT}","choices":[{choice}]{usage}}}"#,
        quoted(model)
    )
}

/// As JSON.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// With a comma before it, or nothing where nobody asked for it.
fn logprobs(answer: &Answer, said: &Said) -> String {
    let (Said::Text(pieces), true) = (said, answer.with_logprobs) else { return String::new() };
    let each =
        |piece: &String| json!({ "token": piece, "logprob": -0.25, "bytes": piece.as_bytes(), "top_logprobs": [] });
    format!(r#","logprobs":{}"#, json!({ "content": pieces.iter().map(each).collect::<Vec<_>>(), "refusal": null }))
}

/// Vectors for each input of an embeddings request.
pub(crate) fn embeddings(body: &Value) -> String {
    let inputs = match &body["input"] {
        Value::Array(inputs) if inputs.first().is_some_and(|first| first.is_string() || first.is_array()) => {
            inputs.iter().map(|input| input.as_str().unwrap_or_default().len()).collect()
        }
        input => vec![input.as_str().unwrap_or_default().len()],
    };
    let vector: Vec<f32> = (0..DIMENSIONS).map(|at| (at as f32 * 0.01).sin()).collect();
    let shown = if body["encoding_format"] == "base64" {
        json!(BASE64_STANDARD.encode(vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()))
    } else {
        json!(vector)
    };
    let data: Vec<_> =
        (0..inputs.len()).map(|at| json!({ "object": "embedding", "index": at, "embedding": shown })).collect();
    let tokens: usize = inputs.iter().map(|length| 2 + length / 4).sum();
    json!({ "object": "list", "data": data, "model": body["model"],
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens } })
    .to_string()
}

/// The list of models.
pub(crate) fn models(names: &[String]) -> String {
    let data: Vec<_> = names
        .iter()
        .map(|name| json!({ "id": name, "object": "model", "created": CREATED, "owned_by": "stand-in" }))
        .collect();
    json!({ "object": "list", "data": data }).to_string()
}

/// An error in the form of the OpenAI API.
pub(crate) fn error(message: &str, kind: &str) -> String {
    json!({ "error": { "message": message, "type": kind, "param": null, "code": null } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(with_usage: bool) -> Answer {
        Answer {
            said: Said::Text(vec!["say \"".to_owned(), "Grüße\"".to_owned()]),
            finish_reason: "stop",
            prompt_tokens: 5,
            completion_tokens: 2,
            with_logprobs: true,
            with_usage,
        }
    }

    #[test]
    fn answers_are_json_whatever_is_said() {
        let whole: Value = serde_json::from_str(&completion("a\"b", &answer(false))).unwrap();
        assert_eq!((&whole["model"], &whole["usage"]["total_tokens"]), (&json!("a\"b"), &json!(7)));
        let choice = &whole["choices"][0];
        assert_eq!(choice["message"]["content"], "say \"Grüße\"");
        assert_eq!(choice["logprobs"]["content"][1]["token"], "Grüße\"");
    }

    #[test]
    fn a_stream_says_the_same_in_pieces() {
        let events = events("fake-1", &answer(true));
        assert_eq!(events.last().map(String::as_str), Some("data: [DONE]\n\n"));
        let parsed: Vec<Value> = events[..events.len() - 1]
            .iter()
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap())
            .collect();
        let text: String = parsed.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        assert_eq!(text, "say \"Grüße\"");
        assert_eq!(parsed.last().unwrap()["usage"]["prompt_tokens"], 5);
        assert_eq!(parsed.iter().filter(|event| event["choices"][0]["finish_reason"] == "stop").count(), 1);
    }

    #[test]
    fn each_input_gets_a_vector_in_the_form_that_was_asked_for() {
        let inputs = json!({ "model": "fake-emb", "input": ["a", "b"] });
        let plain: Value = serde_json::from_str(&embeddings(&inputs)).unwrap();
        assert_eq!(plain["data"].as_array().unwrap().len(), 2);
        assert_eq!(plain["data"][1]["embedding"].as_array().unwrap().len(), DIMENSIONS);
        let packed = json!({ "model": "fake-emb", "input": "a", "encoding_format": "base64" });
        let packed: Value = serde_json::from_str(&embeddings(&packed)).unwrap();
        let bytes = BASE64_STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), DIMENSIONS * 4);
    }
}
