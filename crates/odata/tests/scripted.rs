//! A server that answers byte for byte as a test says.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What follows the bytes of an answer.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// The connection ends.
    Close,
    /// Nothing, and the connection stays.
    Hang,
    /// These bytes again and again.
    Endless(&'static [u8]),
}

pub(crate) struct Scripted {
    pub(crate) origin: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// An answer with a body of JSON.
pub(crate) fn json(status: &str, body: &str) -> (Vec<u8>, Then) {
    with("application/json", status, "", body)
}

pub(crate) fn with(kind: &str, status: &str, headers: &str, body: &str) -> (Vec<u8>, Then) {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    ([head.as_bytes(), body.as_bytes()].concat(), Then::Close)
}

impl Scripted {
    /// `answer` is told a request, head and body, and its number from 0 on.
    pub(crate) async fn start(answer: impl Fn(&str, usize) -> (Vec<u8>, Then) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (heard, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, answer) = (Arc::clone(&heard), Arc::clone(&answer));
                tokio::spawn(async move { one(stream, &heard, answer.as_ref()).await });
            }
        });
        Self { origin, requests }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn one(
    mut stream: TcpStream,
    heard: &Mutex<Vec<String>>,
    answer: &(impl Fn(&str, usize) -> (Vec<u8>, Then) + Send + Sync),
) {
    let mut text = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut buffer).await else { return };
        text.extend_from_slice(&buffer[..read]);
        let Some(head) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let headers = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if text.len() >= head + 4 + length.unwrap_or_default() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let number = {
        let mut heard = heard.lock().unwrap();
        heard.push(text.clone());
        heard.len() - 1
    };
    let (bytes, then) = answer(&text, number);
    let _ = stream.write_all(&bytes).await;
    match then {
        Then::Close => {
            let _ = stream.shutdown().await;
        }
        Then::Hang => {
            let _ = stream.read(&mut buffer).await;
        }
        Then::Endless(more) => while stream.write_all(more).await.is_ok() {},
    }
}
