//! A fake of ours: a server that speaks the forms of TEI, Jina and Cohere and scores a text by how often it has one word. No
//! real reranker can be installed without a model from elsewhere; what this cannot show is how good a real one is.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::request::read_request;

/// A running server; ends with the test.
pub(crate) struct RerankServer {
    pub(crate) url: String,
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// What it looks for.
    word: String,
    requests: Mutex<Vec<(String, Value)>>,
    delay: Mutex<Duration>,
    ended: AtomicBool,
}

impl RerankServer {
    /// Puts texts first that have `word`.
    pub(crate) fn start(word: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("address").to_string();
        let (requests, delay, ended) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared { word: word.to_owned(), requests, delay, ended });
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
        Self { url: format!("http://{address}"), address, shared }
    }

    /// Answers only after this time from now on.
    pub(crate) fn delay(&self, time: Duration) {
        *self.shared.delay.lock().expect("delay") = time;
    }

    /// First lines and bodies of all requests, oldest first.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.shared.requests.lock().expect("requests").clone()
    }
}

impl Drop for RerankServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (line, body) = read_request(&mut stream)?;
        let Ok(body) = serde_json::from_str::<Value>(&body) else { return Ok(()) };
        self.requests.lock().expect("requests").push((line.clone(), body.clone()));
        thread::sleep(*self.delay.lock().expect("delay"));
        let is_tei = line.contains(" /rerank ");
        let texts = body[if is_tei { "texts" } else { "documents" }].as_array().cloned().unwrap_or_default();
        let score = |text: &Value| text.as_str().map_or(0, |text| text.matches(&self.word).count());
        let name = if is_tei { "score" } else { "relevance_score" };
        let mut scores: Vec<(usize, usize)> = texts.iter().map(score).enumerate().collect();
        scores.sort_by_key(|(_, score)| std::cmp::Reverse(*score));
        let scores: Value = scores.into_iter().map(|(index, score)| json!({ "index": index, name: score })).collect();
        let answer = if is_tei { scores } else { json!({ "results": scores }) }.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
    }
}
