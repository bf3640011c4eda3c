//! A stand-in for a model server: it speaks enough of the OpenAI API for one answer a connection, and fails as it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Answers with this many words.
    Answer(usize),
    /// Refuses with a status, and asks to be left alone for so many seconds.
    Refuse(u16, Option<u64>),
    /// Takes the request and says nothing.
    Stall,
    /// Answers with something that is no answer.
    Garbage,
    /// Breaks off after this many words.
    Break(usize),
    /// Answers with this many words, one every 20 ms.
    Slow(usize),
}

/// The server. Ends when dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    act: Arc<Mutex<Act>>,
    requests: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub(crate) async fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let act = Arc::new(Mutex::new(act));
        let (requests, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let shared = (Arc::clone(&act), Arc::clone(&requests), Arc::clone(&left));
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (act, requests, left) = shared.clone();
                tokio::spawn(async move { serve(stream, act, requests, left).await });
            }
        });
        Self { url, act, requests, left, accepting: accepting.abort_handle() }
    }

    /// From now on it does this.
    pub(crate) fn set(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many clients went away before the end of their answer.
    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, act: Arc<Mutex<Act>>, requests: Arc<AtomicUsize>, left: Arc<AtomicUsize>) {
    stream.set_nodelay(true).unwrap();
    let Some(body) = read_request(&mut stream).await else { return };
    requests.fetch_add(1, Ordering::SeqCst);
    let act = *act.lock().unwrap();
    let streamed = body.contains("\"stream\":true");
    let done = match act {
        Act::Answer(words) if streamed => say(&mut stream, words, Duration::ZERO, true).await,
        Act::Answer(words) => whole(&mut stream, words).await,
        Act::Slow(words) => say(&mut stream, words, Duration::from_millis(20), true).await,
        Act::Break(words) => say(&mut stream, words, Duration::ZERO, false).await,
        Act::Refuse(status, retry_after) => {
            let retry_after = retry_after.map_or(String::new(), |seconds| format!("retry-after: {seconds}\r\n"));
            let head = format!("HTTP/1.1 {status} No\r\n{retry_after}content-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.is_ok()
        }
        Act::Garbage => {
            let text = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\nconnection: close\r\n\r\nnot json!";
            stream.write_all(text.as_bytes()).await.is_ok()
        }
        Act::Stall => {
            // Until the client goes.
            stream.read(&mut [0; 1]).await.is_ok_and(|read| read > 0)
        }
    };
    if !done {
        left.fetch_add(1, Ordering::SeqCst);
    }
}

async fn whole(stream: &mut TcpStream, words: usize) -> bool {
    let text = vec!["word"; words].join(" ");
    let body = format!(
        "{{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"message\":\
         {{\"role\":\"assistant\",\"content\":\"{text}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":{words},\"total_tokens\":{}}}}}",
        words + 10
    );
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(body.as_bytes()).await.is_ok()
}

async fn say(stream: &mut TcpStream, words: usize, pause: Duration, ends: bool) -> bool {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    if stream.write_all(head.as_bytes()).await.is_err() {
        return false;
    }
    for _ in 0..words {
        let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"}}]}\n\n";
        if stream.write_all(event.as_bytes()).await.is_err() {
            return false;
        }
        tokio::time::sleep(pause).await;
    }
    if !ends {
        return true;
    }
    let end = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":{words},\"total_tokens\":0}}}}\n\n\
         data: [DONE]\n\n"
    );
    stream.write_all(end.as_bytes()).await.is_ok()
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(body.to_owned());
        }
    }
}
