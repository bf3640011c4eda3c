use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};
use millwright_agents::{Ask, StreamedAnswer};
use millwright_core::{ErrorCode, Principal, Problem, ToProblem};
use millwright_llm::provider::Delta;

use super::{
    Said, agent, errors,
    request::{AGENT, ChatCompletionRequest, Parsed},
    response::{self, ChatCompletionResponse, ChunkWriter, Head},
    tell,
};
use crate::{
    ApiError, AppState,
    extract::{Audit, ChatUse, StrictJson, Watched},
    middleware::Arrived,
    problem::current_trace_id,
    sse,
};

/// So many parts that are there already travel in one packet.
const PARTS_AT_ONCE: usize = 64;

/// Answers as OpenAI's chat API does; errors have OpenAI's form. Headers: `x-millwright-classification` says how
/// confidential the messages are (`INTERNAL` when absent), `x-millwright-deadline-ms` how long the answer may take to begin;
/// the answer's `x-millwright-route` says which model answered and why, `x-millwright-overhead-us` what Millwright itself took.
#[utoipa::path(post, path = "/v1/chat/completions", operation_id = "openai.chat.completions", tag = "openai",
               request_body = ChatCompletionRequest,
               params(("x-millwright-classification" = Option<String>, Header, description = "PUBLIC, INTERNAL, CONFIDENTIAL or RESTRICTED"),
                      ("x-millwright-deadline-ms" = Option<u64>, Header, description = "Milliseconds until the answer has to begin")),
               responses((status = 200, description = "The answer, or chunks of it where `stream` is true",
                          content((ChatCompletionResponse = "application/json"), (sse::EventSchema = "text/event-stream"))),
                         (status = 404, description = "No such model"),
                         (status = 429, description = "Too many requests, or the budget is used up")))]
pub(crate) async fn completions(
    State(state): State<AppState>,
    ChatUse(principal): ChatUse,
    _audit: Audit,
    Extension(Arrived(arrived)): Extension<Arrived>,
    watched: Watched,
    headers: HeaderMap,
    StrictJson(request): StrictJson<ChatCompletionRequest>,
) -> Result<Response, ApiError> {
    let said = Said::read(&headers)?;
    let parsed = request.parse()?;
    if parsed.model == AGENT {
        return agent::answer(&state, &principal, watched, said, parsed).await;
    }
    direct(&state, &principal, watched, said, parsed, arrived).await
}

async fn direct(
    state: &AppState,
    principal: &Principal,
    watched: Watched,
    said: Said,
    parsed: Parsed,
    arrived: Instant,
) -> Result<Response, ApiError> {
    let Parsed { wanted, request, agent, task, stream, include_usage, .. } = parsed;
    let call_id = state.sources.new_id();
    let ask = Ask {
        call_id,
        wanted,
        request,
        classification: said.classification,
        agent,
        task,
        within: said.within,
        trace_id: current_trace_id(),
    };
    let head = |model: &str| Head {
        id: format!("chatcmpl-{call_id}"),
        created: state.sources.now().timestamp(),
        model: model.to_owned(),
    };
    if stream {
        let StreamedAnswer { route, upstream, deltas } = state.completions.stream(principal, ask).await?;
        let writer = ChunkWriter::new(head(&route.model), include_usage);
        let mut response = events(watched, chunks(deltas, writer));
        tell(response.headers_mut(), &route, arrived, upstream);
        return Ok(response);
    }
    let answer = state.completions.complete(principal, ask).await?;
    let body = response::whole(head(&answer.route.model), answer.completion, Some(answer.usage), None);
    let mut response = Json(body).into_response();
    tell(response.headers_mut(), &answer.route, arrived, answer.upstream);
    Ok(response)
}

/// The events of an answer; the last is `[DONE]`, or an error.
fn chunks<E: ToProblem + 'static>(
    deltas: impl Stream<Item = Result<Delta, E>> + Send + 'static,
    writer: ChunkWriter,
) -> impl Stream<Item = Bytes> + Send {
    stream::unfold((Box::pin(deltas), writer), |(mut deltas, mut writer)| async move {
        let bytes = match deltas.next().await? {
            Ok(delta) => writer.delta(delta),
            Err(error) => Bytes::from(errors::event(&ApiError::logged(&error))),
        };
        Some((bytes, (deltas, writer)))
    })
}

/// Whether these events end an answer.
fn is_last(bytes: &[u8]) -> bool {
    bytes.ends_with(b"data: [DONE]\n\n") || bytes.starts_with(b"data: {\"error\":")
}

/// A response of events. Parts that are there at the same time leave in one packet.
/// One that ends before its end, because the server stops or the credential was revoked, says so.
pub(super) fn events(watched: Watched, chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let ended = Arc::new(AtomicBool::new(false));
    let (sees, asks) = (Arc::clone(&ended), ended);
    let chunks = watched.guard(chunks.inspect(move |bytes| {
        if is_last(bytes) {
            sees.store(true, Ordering::Relaxed);
        }
    }));
    let interrupted = stream::once(async move {
        let problem = Problem::new(ErrorCode::Interrupted, "the answer was broken off").remedy("ask again");
        (!asks.load(Ordering::Relaxed)).then(|| Bytes::from(errors::event(&problem)))
    });
    let chunks = chunks.chain(interrupted.filter_map(std::future::ready));
    let packets = chunks.ready_chunks(PARTS_AT_ONCE).map(|parts| {
        let packet = match <[Bytes; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => parts.concat().into(),
        };
        Ok::<_, Infallible>(packet)
    });
    let mut response = Body::from_stream(packets).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
