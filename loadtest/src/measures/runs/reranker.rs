//! A server that searches ask to put passages in order, and that remembers each time that it was asked.
//!
//! It leaves the order as it is. What it is for is to count from outside how often the searches of a run were done.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};

use super::script::{Step, step_of_search};

/// A running server; listens until the process ends.
pub(super) struct Reranker {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    asked: Vec<(usize, Step)>,
    /// Searches of this step get no answer.
    held: Option<Step>,
}

impl Reranker {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&accepting);
                // The client may leave whenever it likes.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Searches of this step wait from now on, until another word.
    pub(super) fn hold(&self, step: Option<Step>) {
        self.shared.state().held = step;
        self.shared.changed.notify_all();
    }

    /// Cases and steps of all searches so far.
    pub(super) fn asked(&self) -> Vec<(usize, Step)> {
        self.shared.state().asked.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let body: Value = serde_json::from_slice(&read_body(&mut stream)?)?;
        let step = body["query"].as_str().and_then(step_of_search);
        let mut state = self.state();
        state.asked.extend(step);
        let waits = |state: &mut State| state.held.is_some() && state.held == step.map(|(_, step)| step);
        drop(self.changed.wait_while(state, waits));
        let texts = body["texts"].as_array().map_or(0, Vec::len);
        let scores: Value =
            (0..texts).map(|index| json!({ "index": index, "score": 1.0 / (1.0 + index as f64) })).collect();
        let answer = scores.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
    }
}

fn read_body(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return Ok(bytes.split_off(end + 4));
        }
    }
}
