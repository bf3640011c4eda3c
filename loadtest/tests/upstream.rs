//! The stand-in does what it is told: a chaos test whose faults do not happen would prove nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

struct Upstream {
    child: Child,
    address: String,
    control: String,
}

impl Upstream {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millwright-upstream"));
        let mut child = command.args(["--threads", "1"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self { child, address: text("address"), control: text("control") }
    }

    fn fault(&self, fault: &Value) {
        let answer = send(&self.control, "/fault", fault, Duration::from_secs(5)).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn chat(&self, stream: bool) -> std::io::Result<String> {
        let body = json!({ "model": "fake-1", "stream": stream, "messages": [{ "role": "user", "content": "Hello" }] });
        send(&self.address, "/v1/chat/completions", &body, Duration::from_millis(400))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that comes until the connection is closed or nothing has come for this long.
fn send(address: &str, path: &str, body: &Value, patience: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    let body = body.to_string();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: upstream\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..count]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn answers_are_whole_when_nothing_is_wrong() {
    let upstream = Upstream::start();
    let whole = upstream.chat(false).unwrap();
    assert!(whole.starts_with("HTTP/1.1 200") && whole.contains("three open items"), "{whole}");
    let streamed = upstream.chat(true).unwrap();
    assert!(streamed.contains("data: [DONE]") && streamed.ends_with("0\r\n\r\n"), "{streamed}");
}

#[test]
fn each_fault_is_what_its_name_says_and_ends() {
    let upstream = Upstream::start();
    upstream.fault(&json!({ "kind": "rate_limited", "retry_after": 2 }));
    assert!(
        upstream
            .chat(false)
            .unwrap()
            .contains("429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 2")
    );
    upstream.fault(&json!({ "kind": "error" }));
    assert!(upstream.chat(true).unwrap().starts_with("HTTP/1.1 500"));
    upstream.fault(&json!({ "kind": "garbage" }));
    assert!(upstream.chat(false).unwrap().contains("<html>") && upstream.chat(true).unwrap().contains("<html>"));
    upstream.fault(&json!({ "kind": "half" }));
    let half = upstream.chat(true).unwrap();
    assert!(half.contains("purchase") && !half.contains("[DONE]"), "{half}");
    let half = upstream.chat(false).unwrap();
    assert!(half.contains("chatcmpl") && !half.contains("usage"), "{half}");
    upstream.fault(&json!({ "kind": "silent" }));
    let half = upstream.chat(true).unwrap();
    assert!(half.contains("purchase") && !half.contains("[DONE]"), "{half}");
    upstream.fault(&json!({ "kind": "stall" }));
    assert_eq!(upstream.chat(false).unwrap(), "");
    upstream.fault(&json!({ "kind": "slow", "ms": 150 }));
    let begun = Instant::now();
    assert!(upstream.chat(false).unwrap().contains("three open items"));
    assert!(begun.elapsed() >= Duration::from_millis(150));
    upstream.fault(&json!({ "kind": "refuse" }));
    // The port closes a moment after the answer to the fault.
    let deadline = Instant::now() + Duration::from_secs(5);
    while upstream.chat(false).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
    }
    upstream.fault(&json!({ "kind": "none" }));
    while !upstream.chat(false).is_ok_and(|answer| answer.contains("three open items")) {
        assert!(Instant::now() < deadline, "it does not listen again");
    }
}
