//! A fake of ours: a server that plays an OpenAI-compatible chat stream in the form that llama.cpp's server sends it.
//! Real model servers are tested where they can be installed (crates/llm); this one stands where a test must decide
//! when the model speaks, falls silent or dies.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;

use super::World;

/// What the model does, one after the other. At the end of the list it finishes properly.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Says this in one piece.
    Say(String),
    Pause(Duration),
    /// Says nothing more and keeps the connection open.
    Hang,
    /// Closes the connection in the middle of the stream.
    Die,
    /// Repeats the instructions that it was sent.
    RepeatInstructions,
}

impl Act {
    pub(crate) fn say(text: &str) -> Self {
        Self::Say(text.to_owned())
    }

    /// Says this, a few characters at a time, with a pause after each piece.
    pub(crate) fn slowly(text: &str, pause: Duration) -> Vec<Self> {
        let characters: Vec<char> = text.chars().collect();
        let pieces = characters.chunks(6).map(|piece| Self::Say(piece.iter().collect()));
        pieces.flat_map(|piece| [piece, Self::Pause(pause)]).collect()
    }
}

/// A running model server; ends with the test.
pub(crate) struct ModelServer {
    pub(crate) base_url: String,
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    acts: Mutex<Vec<Act>>,
    questions: AtomicUsize,
    requests: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl ModelServer {
    /// Plays the same acts to everybody who asks.
    pub(crate) fn start(acts: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("address").to_string();
        let shared = Arc::new(Shared {
            acts: Mutex::new(acts.to_vec()),
            questions: AtomicUsize::new(0),
            requests: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || {
                    // The client may leave whenever it likes.
                    let _ = shared.serve(connection);
                });
            }
        });
        Self { base_url: format!("http://{address}/v1"), address, shared }
    }

    /// An address where nothing listens.
    pub(crate) fn absent() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        format!("http://{}/v1", listener.local_addr().expect("address"))
    }

    /// Other acts from now on.
    pub(crate) fn play(&self, acts: &[Act]) {
        *self.shared.acts.lock().expect("acts") = acts.to_vec();
    }

    /// How often it was asked.
    pub(crate) fn questions(&self) -> usize {
        self.shared.questions.load(Ordering::Relaxed)
    }

    /// The last request's body.
    pub(crate) fn last_request(&self) -> String {
        self.requests().pop().unwrap_or_default()
    }

    /// The bodies of all requests, oldest first.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("requests").clone()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

impl World {
    /// Servers started from now on ask this model.
    pub(crate) fn set_model(&mut self, base_url: &str) -> &mut Self {
        self.set("LLM_BASE_URL", base_url).set("LLM_MODEL_STANDARD", "recorded")
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (path, body) = read_request(&mut stream)?;
        if !path.contains("/chat/completions") {
            let list = json!({ "object": "list", "data": [{ "id": "recorded", "object": "model" }] }).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            return write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{list}", list.len());
        }
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.requests.lock().expect("requests").push(body.clone());
        let request: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        if request["stream"] != true {
            return self.answer_whole(&mut stream);
        }
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close";
        write!(stream, "{head}\r\n\r\n")?;
        let acts = self.acts.lock().expect("acts").clone();
        for act in acts {
            match act {
                Act::Say(text) => chunk(&mut stream, &piece(&json!({ "content": text }), None))?,
                Act::Pause(time) => thread::sleep(time),
                Act::Hang => {
                    while !self.ended.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(20));
                    }
                    return Ok(());
                }
                Act::Die => return stream.shutdown(Shutdown::Both),
                Act::RepeatInstructions => {
                    let request: serde_json::Value = serde_json::from_str(&body).expect("json");
                    let text = request["messages"][0]["content"].as_str().expect("instructions").to_owned();
                    for piece in text.chars().collect::<Vec<_>>().chunks(5) {
                        let piece: String = piece.iter().collect();
                        chunk(&mut stream, &self::piece(&json!({ "content": piece }), None))?;
                    }
                }
            }
        }
        chunk(&mut stream, &piece(&json!({}), Some("stop")))?;
        chunk(&mut stream, "data: [DONE]\n\n")?;
        stream.write_all(b"0\r\n\r\n")
    }
}

impl Shared {
    /// All that it would say, in one piece, with counted tokens.
    fn answer_whole(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut said = String::new();
        for act in self.acts.lock().expect("acts").clone() {
            match act {
                Act::Say(text) => said.push_str(&text),
                Act::Pause(time) => thread::sleep(time),
                Act::Hang | Act::Die | Act::RepeatInstructions => return stream.shutdown(Shutdown::Both),
            }
        }
        let message = json!({ "role": "assistant", "content": said });
        let answer = json!({
            "choices": [{ "finish_reason": "stop", "index": 0, "message": message }],
            "created": 1_763_683_200,
            "id": "chatcmpl-dGVzdHM",
            "model": "recorded",
            "object": "chat.completion",
            "usage": { "prompt_tokens": 400, "completion_tokens": 20, "total_tokens": 420 },
        });
        let body = answer.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }
}

/// One event of the stream, as recorded from llama.cpp's server.
fn piece(delta: &serde_json::Value, finish_reason: Option<&str>) -> String {
    let event = json!({
        "choices": [{ "finish_reason": finish_reason, "index": 0, "delta": delta }],
        "created": 1_763_683_200,
        "id": "chatcmpl-dGVzdHM",
        "model": "recorded",
        "object": "chat.completion.chunk",
    });
    format!("data: {event}\n\n")
}

fn chunk(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
}

pub(crate) fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(Default::default());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()));
        }
    }
}
