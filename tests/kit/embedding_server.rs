//! A fake of ours: a server with OpenAI's API for vectors. A text's vector counts its words, so that texts with the same words are
//! near, in as many numbers as wanted and in places of its own: two servers of one size agree on nothing. No embedding model can
//! be installed without one from elsewhere; what this cannot show is how good a real one is.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{World, request::read_request};

/// A running server; ends with the test.
pub(crate) struct EmbeddingServer {
    pub(crate) url: String,
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    dimensions: AtomicUsize,
    seed: u64,
    texts: Mutex<Vec<String>>,
    delay: Mutex<Duration>,
    fails: AtomicBool,
    ended: AtomicBool,
}

impl EmbeddingServer {
    /// Vectors of so many numbers.
    pub(crate) fn start(dimensions: usize, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("address").to_string();
        let (texts, delay) = (Mutex::default(), Mutex::default());
        let (fails, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let dimensions = AtomicUsize::new(dimensions);
        let shared = Arc::new(Shared { dimensions, seed, texts, delay, fails, ended });
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
        Self { url: format!("http://{address}/v1"), address, shared }
    }

    /// Each request takes so long from now on.
    pub(crate) fn delay(&self, time: Duration) {
        *self.shared.delay.lock().expect("delay") = time;
    }

    /// Whether it answers with an error.
    pub(crate) fn fail(&self, fails: bool) {
        self.shared.fails.store(fails, Ordering::Relaxed);
    }

    /// Has it have another model from now on, whose vectors are of so many numbers.
    pub(crate) fn resize(&self, dimensions: usize) {
        self.shared.dimensions.store(dimensions, Ordering::Relaxed);
    }

    /// All texts that it was sent, oldest first.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.shared.texts.lock().expect("texts").clone()
    }
}

impl Drop for EmbeddingServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let (line, body) = read_request(&mut stream)?;
        let answer = if line.contains("/embeddings") {
            let Ok(body) = serde_json::from_str::<Value>(&body) else { return Ok(()) };
            let texts: Vec<String> = serde_json::from_value(body["input"].clone()).unwrap_or_default();
            thread::sleep(*self.delay.lock().expect("delay"));
            if self.fails.load(Ordering::Relaxed) {
                let head = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0";
                return write!(stream, "{head}\r\n\r\n");
            }
            let data =
                texts.iter().enumerate().map(|(index, text)| json!({ "index": index, "embedding": self.vector(text) }));
            let data: Value = data.collect();
            self.texts.lock().expect("texts").extend(texts);
            json!({ "object": "list", "data": data, "usage": { "prompt_tokens": 1, "total_tokens": 1 } })
        } else {
            json!({ "object": "list", "data": [{ "id": "counting", "object": "model" }] })
        };
        let answer = answer.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len())
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let dimensions = self.dimensions.load(Ordering::Relaxed);
        let mut vector = vec![0.01; dimensions];
        let lower = text.to_lowercase();
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2) {
            let mut hasher = DefaultHasher::new();
            (self.seed, word).hash(&mut hasher);
            vector[(hasher.finish() % dimensions as u64) as usize] += 1.0;
        }
        vector
    }
}

impl World {
    /// Servers started from now on make vectors by `model`, which is at `url` and takes up to `classification`.
    pub(crate) fn set_embedding_model(&mut self, model: &str, url: &str, classification: &str) -> &mut Self {
        let text = format!(
            "endpoints:\n  - name: vectors\n    provider: openai\n    url: \"{url}\"\n    concurrency: 2\n    \
             takes: {{classification: {classification}, export_controlled: false}}\nmodels:\n  - name: {model}\n    \
             kind: embedding\n    context_tokens: 512\n    endpoints: [{{endpoint: vectors}}]\n    price: free\n"
        );
        let path = self.data.path().join(format!("models-{model}.yaml"));
        std::fs::write(&path, text).expect("write");
        self.set("MODELS_FILE", path.to_str().expect("utf-8")).set("EMBEDDING_MODEL", model)
    }

    /// Runs `millwright embeddings prepare`.
    pub(crate) fn prepare_embeddings(&mut self) {
        let admin_url = self.db().admin_url().to_owned();
        self.set("DATABASE_ADMIN_URL", &admin_url);
        let (done, _, said) = self.command(&["embeddings", "prepare"]);
        assert!(done, "{said}");
    }
}
