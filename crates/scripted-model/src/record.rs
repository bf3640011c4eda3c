//! A recorder: stands between a client and a real server, and writes what it hears as a script.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use serde_json::Value;

use crate::{
    Request,
    http::{Incoming, Wire, find, head, header, unchunked},
    play::refuse,
    server::{accept, end},
};

/// More of a line than this tells nothing more.
const MATCHED_CHARS: usize = 200;

/// A running recorder. It ends when this is dropped.
///
/// Each answer becomes a turn when it has ended, and the file is written anew. What a turn wants is the last line of the
/// user's last message, since the rest of a prompt often holds what chance has drawn; whether there are tools, and answers of
/// tools; the form that was asked for; and which of the requests that are equal in all this it was. The ids of calls are left out.
/// In the file stand words of whoever asked, and no key.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Why a recorder does not start.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The address is none that it can forward to.
    #[error("`{0}` is no address to record from; give one like http://127.0.0.1:8080/v1 (TLS is not spoken here)")]
    Upstream(String),
    /// Its own port is taken, or the file cannot be written.
    #[error("cannot listen, or cannot write the script")]
    Io(#[from] io::Error),
}

#[derive(Debug)]
struct Shared {
    /// `HOST:PORT`.
    upstream: String,
    /// Before `/chat/completions`.
    prefix: String,
    out: PathBuf,
    state: Mutex<State>,
    ended: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// How many turns want the same.
    equal: HashMap<String, u32>,
    turns: Vec<String>,
}

/// What a server answered.
#[derive(Debug, Default)]
struct Heard {
    thought: String,
    text: String,
    /// Name and arguments.
    calls: BTreeMap<u64, (String, String)>,
    finish: Option<String>,
    usage: Option<(u64, u64)>,
    is_whole: bool,
}

impl Recorder {
    /// Records on this port of loopback, 0 for a free one, what `upstream` answers.
    ///
    /// # Errors
    /// When the address is none, the port is taken or the file cannot be written.
    pub fn start_on(port: u16, upstream: &str, out: &Path) -> Result<Self, RecordError> {
        let wrong = || RecordError::Upstream(upstream.to_owned());
        let rest = upstream.strip_prefix("http://").ok_or_else(wrong)?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() {
            return Err(wrong());
        }
        let shared = Shared {
            upstream: if host.contains(':') { host.to_owned() } else { format!("{host}:80") },
            prefix: format!("/{path}").trim_end_matches('/').to_owned(),
            out: out.to_owned(),
            state: Mutex::default(),
            ended: AtomicBool::new(false),
        };
        shared.write(&[])?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let recorder = Self { address: listener.local_addr()?, shared: Arc::new(shared) };
        let shared = Arc::clone(&recorder.shared);
        accept(listener, move |stream| shared.serve(stream), &recorder.shared);
        Ok(recorder)
    }

    /// Its address, up to and with `/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many turns the file has.
    pub fn recorded(&self) -> usize {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).turns.len()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        end(self.address, &self.shared.ended);
    }
}

impl AsRef<AtomicBool> for Shared {
    fn as_ref(&self) -> &AtomicBool {
        &self.ended
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) {
        let _ = client.set_nodelay(true);
        let Ok(incoming) = Incoming::read(&mut client) else { return };
        let is_chat = incoming.path.ends_with("/chat/completions");
        let request = String::from_utf8(incoming.body.clone()).ok().and_then(|body| Request::new(body).ok());
        let answer = match self.forward(&incoming, &mut client) {
            Ok(answer) => answer,
            Err(error) => {
                let message = format!("the server that is recorded does not answer: {error}");
                let _ = refuse(&mut Wire::new(client, &self.ended), 502, &message);
                return;
            }
        };
        if let Some(request) = request.filter(|_| is_chat)
            && let Err(error) = self.keep(&request, &answer)
        {
            eprintln!("{}: {error}", self.out.display());
        }
        Wire::new(client, &self.ended).close();
    }

    /// Passes a request on, and the answer back as it comes. Returns the answer.
    fn forward(&self, incoming: &Incoming, client: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        let path = incoming.path.strip_prefix("/v1").unwrap_or(&incoming.path);
        let mut request = format!(
            "{} {}{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n",
            incoming.method,
            self.prefix,
            self.upstream,
            incoming.body.len()
        );
        for name in ["authorization", "content-type", "accept"] {
            if let Some(value) = header(&incoming.headers, name) {
                let _ = write!(request, "{name}: {value}\r\n");
            }
        }
        upstream.write_all((request + "\r\n").as_bytes())?;
        upstream.write_all(&incoming.body)?;
        let (mut answer, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        // A server that dies has answered all the same.
        while let Ok(count @ 1..) = upstream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
            // A client that leaves has heard enough, and so has the script.
            if client.write_all(&buffer[..count]).is_err() || is_complete(&answer) {
                break;
            }
        }
        if answer.is_empty() { Err(io::Error::other("it closed the connection")) } else { Ok(answer) }
    }

    fn keep(&self, request: &Request, answer: &[u8]) -> io::Result<()> {
        let Some((status, body)) = read_answer(answer)? else { return Ok(()) };
        let wanted = wanted(request);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = state.equal.entry(wanted.clone()).or_default();
        *nth += 1;
        let mut turn = format!("  - when: {{ {wanted}, nth: {nth} }}\n");
        if status == 200 {
            turn.push_str(&Heard::read(&body).turn());
        } else {
            let body = quoted(&String::from_utf8_lossy(&body));
            let _ = writeln!(turn, "    fail: {{ status: {status}, body: {body} }}");
        }
        state.turns.push(turn);
        self.write(&state.turns)
    }

    fn write(&self, turns: &[String]) -> io::Result<()> {
        let head = format!("# Recorded from http://{}{}\n", self.upstream, self.prefix);
        let turns = if turns.is_empty() { "turns: []\n".to_owned() } else { format!("turns:\n{}", turns.concat()) };
        fs::write(&self.out, head + &turns)
    }
}

/// Whether an answer has said how long it is, and has come to its end.
fn is_complete(answer: &[u8]) -> bool {
    let Some(at) = find(answer, b"\r\n\r\n") else { return false };
    let Ok((_, headers)) = head(&answer[..at]) else { return false };
    let length = header(&headers, "content-length").and_then(|length| length.parse::<usize>().ok());
    length.map_or_else(|| answer.ends_with(b"\r\n0\r\n\r\n"), |length| answer.len() >= at + 4 + length)
}

/// Status and body; none where there was not even a head.
fn read_answer(answer: &[u8]) -> io::Result<Option<(u16, Vec<u8>)>> {
    let Some(at) = find(answer, b"\r\n\r\n") else { return Ok(None) };
    let (first, headers) = head(&answer[..at])?;
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(502);
    let body = &answer[at + 4..];
    let is_chunked = header(&headers, "transfer-encoding").is_some_and(|how| how.contains("chunked"));
    Ok(Some((status, if is_chunked { unchunked(body).0 } else { body.to_vec() })))
}

/// What a turn wants, so that it fits this request and those like it.
fn wanted(request: &Request) -> String {
    let user = request.last_user();
    let line = user.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().take(MATCHED_CHARS).collect();
    let mut wanted = Vec::new();
    if !line.is_empty() {
        wanted.push(format!("last_user_contains: {}", quoted(&line)));
    }
    wanted.push(format!("has_tools: {}", !request.tools().is_empty()));
    wanted.push(format!("has_tool_result: {}", !request.tool_results().is_empty()));
    if matches!(request.response_format(), "json_object" | "json_schema") {
        wanted.push(format!("response_format: {}", request.response_format()));
    }
    if !request.schema().is_empty() {
        wanted.push(format!("schema: {}", quoted(request.schema())));
    }
    wanted.join(", ")
}

impl Heard {
    /// Reads an answer, whole or in events.
    fn read(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let mut heard = Self::default();
        if let Ok(whole) = serde_json::from_str::<Value>(&body) {
            heard.take(&whole);
            heard.is_whole = true;
            return heard;
        }
        for line in body.lines() {
            let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
            if data == "[DONE]" {
                heard.is_whole = true;
            } else if let Ok(event) = serde_json::from_str(data) {
                heard.take(&event);
            }
        }
        heard.is_whole |= heard.finish.is_some();
        heard
    }

    fn take(&mut self, event: &Value) {
        let choice = &event["choices"][0];
        let said = if choice["message"].is_object() { &choice["message"] } else { &choice["delta"] };
        let text = |name: &str| said[name].as_str().unwrap_or_default();
        self.text.push_str(text("content"));
        self.thought.push_str(text("reasoning_content"));
        for (at, call) in (0..).zip(said["tool_calls"].as_array().into_iter().flatten()) {
            let known = self.calls.entry(call["index"].as_u64().unwrap_or(at)).or_default();
            let part = |name: &str| call["function"][name].as_str().unwrap_or_default();
            if known.0.is_empty() {
                part("name").clone_into(&mut known.0);
            }
            known.1.push_str(part("arguments"));
        }
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
        let count = |name: &str| event["usage"][name].as_u64();
        if let (Some(prompt), Some(completion)) = (count("prompt_tokens"), count("completion_tokens")) {
            self.usage = Some((prompt, completion));
        }
    }

    /// The lines of a turn that says the same.
    fn turn(&self) -> String {
        let mut turn = String::new();
        if !self.thought.is_empty() {
            let _ = writeln!(turn, "    think: {}", quoted(&self.thought));
        }
        if !self.text.is_empty() || self.calls.is_empty() {
            let _ = writeln!(turn, "    say: {}", quoted(&self.text));
        }
        if !self.calls.is_empty() {
            turn.push_str("    call:\n");
        }
        for (name, arguments) in self.calls.values() {
            let _ = writeln!(turn, "      - {{ name: {}, arguments: {} }}", quoted(name), quoted(arguments));
        }
        if !self.is_whole {
            turn.push_str("    then: die\n");
            return turn;
        }
        let usual = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        match self.finish.as_deref() {
            Some(finish @ ("stop" | "length" | "tool_calls" | "content_filter")) if finish != usual => {
                let _ = writeln!(turn, "    finish: {finish}");
            }
            _ => {}
        }
        if let Some((prompt, completion)) = self.usage {
            let _ = writeln!(turn, "    usage: {{ prompt_tokens: {prompt}, completion_tokens: {completion} }}");
        }
        turn
    }
}

/// A text as YAML and JSON both read it.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    json.chars().fold(String::with_capacity(json.len()), |mut quoted, character| {
        // What YAML does not take as it is.
        let is_bare =
            !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}');
        if is_bare {
            quoted.push(character);
        } else {
            let _ = write!(quoted, "\\u{:04x}", u32::from(character));
        }
        quoted
    })
}
