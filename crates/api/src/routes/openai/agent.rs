//! `millwright-agent`: the whole agent with retrieval and citations, spoken to as if it were a model.

use axum::{
    Json,
    body::Bytes,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use millwright_agents::{History, Parent, StartRun, StartedRun, specialist::AgentWish};
use millwright_core::{ErrorCode, Principal, Problem};
use millwright_llm::provider::{Completion, Delta, Message, ModelRequest, OutputFormat, Part, StopReason, Usage};
use millwright_store::{StoreError, tenant::SearchFilter};
use serde_json::{Value, json};

use super::{
    Said, errors,
    request::{AGENT, Parsed},
    response::{self, ChunkWriter, Head},
};
use crate::{ApiError, AppState, dto::MessageResponse, extract::Watched, problem::current_trace_id, reveal::Reveal};

/// Runs the agent on the last message; those before it become the conversation.
pub(super) async fn answer(
    state: &AppState,
    principal: &Principal,
    watched: Watched,
    said: Said,
    parsed: Parsed,
) -> Result<Response, ApiError> {
    let (question, history) = conversation(parsed.request)?;
    let command = StartRun {
        message: Some(question),
        conversation_id: None,
        parent: Parent::Newest,
        regenerate: None,
        history,
        tier: None,
        thinking: None,
        may_ask: false,
        limits: millwright_agents::RunLimits::default(),
        agent: AgentWish::Route,
        classification: said.classification,
        filter: SearchFilter::default(),
        trace_id: current_trace_id(),
    };
    let run = state.runner.start(principal, command).await?;
    let head = Head {
        id: format!("chatcmpl-{}", run.run_id),
        created: state.sources.now().timestamp(),
        model: AGENT.to_owned(),
    };
    let events = Box::pin(state.runner.events(principal.scope, run.run_id, 0));
    let reveal = Reveal::new(state, principal, run.conversation_id);
    if parsed.stream {
        let writer = ChunkWriter::new(head, parsed.include_usage);
        let asks = (state.clone(), *principal, parsed.include_usage);
        let chunks = stream::unfold(Some((events, reveal, writer, asks)), move |state| async move {
            let (mut events, mut reveal, mut writer, asks) = state?;
            let event = events.next().await?;
            let payload = reveal.event(event.payload).await;
            if asks.2 && payload["type"] == "RUN_FINISHED" {
                // A figure that cannot be read is none; the answer is whole all the same.
                if let Ok(usage) = usage(&asks.0, &asks.1, &run).await {
                    writer.delta(Delta::Usage(usage));
                }
            }
            let (bytes, ended) = chunk(&payload, &run, &mut writer);
            Some((bytes, (!ended).then_some((events, reveal, writer, asks))))
        });
        // Most events of a run are no part of the answer.
        let chunks = chunks.filter(|bytes| std::future::ready(!bytes.is_empty()));
        return Ok(super::chat::events(watched, chunks));
    }
    let mut events = events;
    while events.next().await.is_some() {}
    let message = finished(state, principal, &run, reveal).await?;
    let text = message["content"].as_str().unwrap_or_default().to_owned();
    if let Some(error) = message["error"].as_object() {
        let detail = error.get("detail").and_then(Value::as_str).unwrap_or("the run failed").to_owned();
        let code = error.get("code").and_then(Value::as_str).unwrap_or_default();
        let code = ErrorCode::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(ErrorCode::Internal);
        return Err(Problem::new(code, detail).into());
    }
    if message["status"] != "complete" {
        return Err(Problem::new(ErrorCode::Interrupted, "the answer was broken off")
            .remedy("it is written on in its conversation; ask again if you cannot wait for it")
            .into());
    }
    let completion = Completion {
        text,
        reasoning: String::new(),
        tool_calls: Vec::new(),
        logprobs: None,
        usage: None,
        stop_reason: StopReason::Complete,
    };
    let usage = usage(state, principal, &run).await?;
    Ok(Json(response::whole(head, completion, Some(usage), Some(cited(&run, &message)))).into_response())
}

/// The question, and what was said before it.
fn conversation(request: ModelRequest) -> Result<(String, Vec<History>), ApiError> {
    let mut problem = Problem::new(ErrorCode::ValidationFailed, "the agent does not take this");
    for (given, field) in [
        (!request.tools.is_empty(), "tools"),
        (request.output != OutputFormat::Text, "response_format"),
        (request.logprobs.is_some(), "logprobs"),
        (!request.sampling.stop.is_empty(), "stop"),
        (request.max_output_tokens.is_some(), "max_tokens"),
        (request.sampling.seed.is_some(), "seed"),
    ] {
        if given {
            problem = problem.field(field, format!("expected a model other than `{AGENT}`"));
        }
    }
    let mut turns = Vec::new();
    for message in request.messages {
        match message {
            Message::User { parts } => {
                let mut texts = Vec::new();
                for part in parts {
                    match part {
                        Part::Text { text } => texts.push(text),
                        Part::Image(_) => problem = problem.field("messages", "expected texts and no pictures"),
                    }
                }
                turns.push(History { by_assistant: false, text: texts.join("\n") });
            }
            Message::Assistant { text, .. } => turns.push(History { by_assistant: true, text }),
            Message::System { .. } | Message::Tool { .. } => {
                problem = problem
                    .field("messages", "expected only `user` and `assistant`: the agent has instructions of its own");
            }
        }
    }
    let question = turns.pop().filter(|turn| !turn.by_assistant);
    if question.is_none() {
        problem = problem.field("messages", "expected the question of a user at the end");
    }
    match question {
        Some(question) if problem.fields.is_empty() => Ok((question.text, turns)),
        _ => Err(problem.into()),
    }
}

/// An event of the run as chunks, and whether it was the last.
fn chunk(event: &Value, run: &StartedRun, writer: &mut ChunkWriter) -> (Bytes, bool) {
    match event["type"].as_str().unwrap_or_default() {
        "TEXT_MESSAGE_CONTENT" => {
            let text = event["delta"].as_str().unwrap_or_default().to_owned();
            (writer.delta(Delta::Text(text)), false)
        }
        "STATE_DELTA" => {
            let patches = event["delta"].as_array().map_or(&[][..], Vec::as_slice);
            let message = patches.iter().find(|patch| patch["path"] == "/message");
            if let Some(message) = message {
                writer.remember(cited(run, &message["value"]));
            }
            (Bytes::new(), false)
        }
        "RUN_FINISHED" => (writer.delta(Delta::Done { stop_reason: StopReason::Complete }), true),
        "RUN_ERROR" => {
            let code = event["code"].as_str().unwrap_or_default();
            let code =
                ErrorCode::ALL.iter().copied().find(|known| known.as_str() == code).unwrap_or(ErrorCode::Internal);
            let problem = Problem::new(code, event["message"].as_str().unwrap_or_default());
            (Bytes::from(errors::event(&problem)), true)
        }
        _ => (Bytes::new(), false),
    }
}

/// What an answer of the agent says beside its text.
fn cited(run: &StartedRun, message: &Value) -> Value {
    json!({
        "run_id": run.run_id,
        "conversation_id": run.conversation_id,
        "message_id": run.assistant_message_id,
        "answered": message["answered"],
        "citations": message["citations"],
        "classification": message["classification"],
        "model": message["model"],
    })
}

async fn finished(
    state: &AppState,
    principal: &Principal,
    run: &StartedRun,
    mut reveal: Reveal,
) -> Result<Value, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let reader = tx.labels().reader(principal.user_id).await?;
    reveal.load(&mut tx).await?;
    let message = tx.messages().get(run.conversation_id, run.assistant_message_id).await?;
    let message = message.ok_or(StoreError::NotFound("message"))?;
    let message = reveal.message(MessageResponse::for_reader(message, &reader));
    Ok(serde_json::to_value(message).unwrap_or_default())
}

/// What the models of the run have counted; zeros where the built-in answerer quoted.
async fn usage(state: &AppState, principal: &Principal, run: &StartedRun) -> Result<Usage, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let steps = tx.runs().steps(run.run_id).await?;
    let counted = steps.iter().filter_map(|step| serde_json::from_value::<Usage>(step.detail["usage"].clone()).ok());
    Ok(counted.fold(Usage::default(), |sum, usage| Usage {
        input_tokens: sum.input_tokens + usage.input_tokens,
        output_tokens: sum.output_tokens + usage.output_tokens,
        cached_tokens: sum.cached_tokens + usage.cached_tokens,
        reasoning_tokens: sum.reasoning_tokens + usage.reasoning_tokens,
    }))
}
