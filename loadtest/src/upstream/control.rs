//! The second port: what shall go wrong, and what was counted.

use std::{io, sync::Arc};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::{
    fault::Fault,
    state::State,
    wire::{Wire, whole},
};

/// Answers until the process ends. One connection at a time: who controls is one.
pub(crate) async fn serve(listener: TcpListener, state: &Arc<State>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that goes away in the middle is its own affair.
        let _ = answer_one(stream, state).await;
    }
}

async fn answer_one(stream: TcpStream, state: &State) -> io::Result<()> {
    let mut wire = Wire::new(stream)?;
    let Some(request) = wire.request().await? else { return Ok(()) };
    let answer = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/counts") => ok(state),
        ("POST", "/fault") => match serde_json::from_slice::<Fault>(&request.body) {
            Ok(fault) => {
                state.set_fault(fault);
                ok(state)
            }
            Err(error) => whole("400 Bad Request", CLOSE, json!({ "error": error.to_string() }).to_string().as_bytes()),
        },
        _ => whole("404 Not Found", CLOSE, b"{}"),
    };
    wire.write(&answer).await
}

const CLOSE: &str = "connection: close\r\n";

fn ok(state: &State) -> Vec<u8> {
    whole("200 OK", CLOSE, &serde_json::to_vec(&state.shown()).unwrap_or_default())
}
