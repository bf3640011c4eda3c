//! A server that plays back what was recorded, packet by packet, and keeps the request.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

/// One thing the server does after it has read the request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these bytes as one packet.
    Send(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Ends the connection with a reset instead of an end.
    Abort,
}

/// What the client sent.
pub(crate) struct Request {
    pub(crate) body: String,
}

/// A server that plays one list of acts to each connection, in order.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: mpsc::Receiver<Request>,
}

impl Server {
    pub(crate) fn play(answers: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let (request_out, requests) = mpsc::channel();
        thread::spawn(move || {
            for acts in answers {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                let _ = request_out.send(read_request(&mut stream).expect("the client ended its request too early"));
                play(&mut stream, acts);
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read(&mut [0; 1]);
            }
        });
        Self { address, requests }
    }

    /// Answers each request with the acts that its body deserves, as many as come.
    pub(crate) fn by_request(deserves: impl Fn(&str) -> Vec<Act> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let (request_out, requests) = mpsc::channel();
        thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                stream.set_nodelay(true).unwrap();
                // Who asks may be stopped before it has asked.
                let Some(request) = read_request(&mut stream) else { continue };
                let acts = deserves(&request.body);
                let _ = request_out.send(request);
                play(&mut stream, acts);
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read(&mut [0; 1]);
            }
        });
        Self { address, requests }
    }

    /// The requests that came in so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }

    /// Answers with these drafts, each to one request, a few characters a packet.
    pub(crate) fn drafts(drafts: &[&str]) -> Self {
        Self::play(drafts.iter().map(|draft| answer(draft)).collect())
    }

    /// The next request as it came in.
    pub(crate) fn request(&self) -> Request {
        self.requests.recv_timeout(Duration::from_secs(5)).unwrap()
    }
}

fn play(stream: &mut TcpStream, acts: Vec<Act>) {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            }
            Act::Pause(time) => thread::sleep(time),
            Act::Abort => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// The events of a draft, without their end.
pub(crate) fn draft(text: &str) -> Vec<Act> {
    let chars: Vec<char> = text.chars().collect();
    let pieces = chars.chunks(7).map(|piece| {
        let content = piece.iter().collect::<String>();
        let event = serde_json::json!({ "choices": [{ "index": 0, "delta": { "content": content } }] });
        chunk(format!("data: {event}\n\n").as_bytes())
    });
    std::iter::once(head("text/event-stream")).chain(pieces).collect()
}

/// A whole answer.
pub(crate) fn answer(text: &str) -> Vec<Act> {
    let mut acts = draft(text);
    acts.push(chunk(b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"));
    acts.push(chunk(b"data: [DONE]\n\n"));
    acts.push(Act::Send(b"0\r\n\r\n".to_vec()));
    acts
}

/// An answer that asks for tools to be called, the arguments of each in two pieces.
pub(crate) fn calls(calls: &[(&str, &str)]) -> Vec<Act> {
    let mut acts = vec![head("text/event-stream")];
    let mut send = |delta: serde_json::Value, reason: serde_json::Value| {
        let event = serde_json::json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
        acts.push(chunk(format!("data: {event}\n\n").as_bytes()));
    };
    for (index, (name, arguments)) in calls.iter().enumerate() {
        let (first, second) = arguments.split_at(arguments.len() / 2);
        let function = serde_json::json!({ "name": name, "arguments": first });
        let call = serde_json::json!({ "index": index, "id": format!("call-{index}"), "type": "function", "function": function });
        send(serde_json::json!({ "tool_calls": [call] }), serde_json::json!(null));
        let rest = serde_json::json!({ "index": index, "function": { "arguments": second } });
        send(serde_json::json!({ "tool_calls": [rest] }), serde_json::json!(null));
    }
    send(serde_json::json!({}), serde_json::json!("tool_calls"));
    acts.push(chunk(b"data: [DONE]\n\n"));
    acts.push(Act::Send(b"0\r\n\r\n".to_vec()));
    acts
}

/// The head of an answer in chunked encoding.
pub(crate) fn head(content_type: &str) -> Act {
    Act::Send(
        format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes(),
    )
}

/// One chunk of the encoding.
pub(crate) fn chunk(bytes: &[u8]) -> Act {
    let mut packet = format!("{:x}\r\n", bytes.len()).into_bytes();
    packet.extend_from_slice(bytes);
    packet.extend_from_slice(b"\r\n");
    Act::Send(packet)
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return Some(Request { body: body.to_owned() });
            }
        }
        if read == 0 {
            return None;
        }
    }
}
