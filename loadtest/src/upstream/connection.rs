//! Connections to the API: one request after another, answered well or as the fault says.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};

use anyhow::Context;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::{
    answer,
    chat::ChatRequest,
    fault::Fault,
    state::State,
    wire::{Request, STREAM_END, STREAM_HEAD, Wire, chunk, whole},
};

pub(crate) async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("listening on port {port}"))
}

/// Accepts until the process ends. While connections shall be refused, nobody listens.
pub(crate) async fn serve(listener: TcpListener, address: SocketAddr, state: &Arc<State>) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let mut listener = Some(listener);
    loop {
        let open = match listener.take() {
            Some(open) => open,
            None => listen(address.port()).await?,
        };
        tokio::select! {
            accepted = open.accept() => {
                let (stream, _) = accepted?;
                listener = Some(open);
                let state = Arc::clone(state);
                tasks.spawn(async move {
                    tokio::select! {
                        // A client that goes away in the middle is no failure of this server.
                        _ = converse(stream, &state) => {}
                        () = state.until_fault(|fault| fault == Fault::Refuse) => {}
                    }
                });
            }
            () = state.until_fault(|fault| fault == Fault::Refuse) => {
                drop(open);
                state.until_fault(|fault| fault != Fault::Refuse).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, state: &State) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    while let Some(request) = wire.request().await? {
        let answered = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/models") => wire.write(&whole("200 OK", "", answer::models(&state.models).as_bytes())).await,
            ("POST", "/v1/chat/completions" | "/v1/embeddings") => {
                state.counts.asked.fetch_add(1, Ordering::Relaxed);
                let answered = generate(&mut wire, &request, state).await;
                let gone = answered.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Other);
                state.counts.abandoned.fetch_add(u64::from(gone), Ordering::Relaxed);
                answered
            }
            _ => wire.write(&whole("404 Not Found", "", answer::error("no such path", "not_found").as_bytes())).await,
        };
        answered?;
    }
    Ok(())
}

/// Ends a connection that this server itself wants to end.
fn hang_up() -> io::Error {
    io::ErrorKind::Other.into()
}

async fn generate(wire: &mut Wire, request: &Request, state: &State) -> io::Result<()> {
    let fault = state.fault();
    match fault {
        Fault::Stall => {
            wire.watch(state.until_fault(|now| now != Fault::Stall)).await?;
            return Err(hang_up());
        }
        Fault::RateLimited { retry_after } => {
            let body = answer::error("the stand-in is overloaded", "rate_limit_exceeded");
            let more = format!("retry-after: {retry_after}\r\n");
            return wire.write(&whole("429 Too Many Requests", &more, body.as_bytes())).await;
        }
        Fault::Error => {
            let body = answer::error("the stand-in has failed", "server_error");
            return wire.write(&whole("500 Internal Server Error", "", body.as_bytes())).await;
        }
        _ => wire.pause(state.delay + fault.delay()).await?,
    }
    if request.path == "/v1/embeddings" {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        return document(wire, fault, &answer::embeddings(&body), state).await;
    }
    let chat: ChatRequest = match serde_json::from_slice(&request.body) {
        Ok(chat) => chat,
        Err(error) => {
            let body = answer::error(&error.to_string(), "invalid_request_error");
            return wire.write(&whole("400 Bad Request", "", body.as_bytes())).await;
        }
    };
    if chat.stream {
        stream(wire, fault, &answer::events(&chat.model, &chat.answer()), state).await
    } else {
        document(wire, fault, &answer::completion(&chat.model, &chat.answer()), state).await
    }
}

async fn document(wire: &mut Wire, fault: Fault, body: &str, state: &State) -> io::Result<()> {
    match fault {
        Fault::Garbage => wire.write(&whole("200 OK", "", b"<html><body>upstream proxy \xff error")).await,
        Fault::Half => {
            let bytes = whole("200 OK", "", body.as_bytes());
            wire.write(&bytes[..bytes.len() - body.len() / 2]).await?;
            Err(hang_up())
        }
        Fault::Silent => {
            wire.watch(state.until_fault(|now| now != Fault::Silent)).await?;
            Err(hang_up())
        }
        _ => {
            wire.write(&whole("200 OK", "", body.as_bytes())).await?;
            state.counts.answered.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
}

async fn stream(wire: &mut Wire, fault: Fault, events: &[String], state: &State) -> io::Result<()> {
    let pause = state.piece_delay + fault.delay();
    let mut out = STREAM_HEAD.to_vec();
    for (at, event) in events.iter().enumerate() {
        if at == events.len() / 2 && matches!(fault, Fault::Half | Fault::Silent | Fault::Garbage) {
            if fault == Fault::Garbage {
                chunk(&mut out, "data: {\"choices\":[{\"delta\":{\"content\":<html>\n\n");
            }
            wire.write(&out).await?;
            if fault == Fault::Silent {
                wire.watch(state.until_fault(|now| now != Fault::Silent)).await?;
            }
            return Err(hang_up());
        }
        chunk(&mut out, event);
        // Without pauses all pieces go out together: what reads them must cope with that as well.
        if !pause.is_zero() {
            wire.write(&out).await?;
            out.clear();
            wire.pause(pause).await?;
        }
    }
    out.extend_from_slice(STREAM_END);
    wire.write(&out).await?;
    state.counts.answered.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
