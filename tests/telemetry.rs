//! Traces as a collector gets them, read with the protocol's own message types.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use millwright_core::Role;
use millwright_scripted_model::Turn;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Kind},
    trace::v1::Span,
};
use prost::Message;
use reqwest::Method;
use serde_json::json;

use crate::kit::{World, eventually, plays};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SECRET: &str = "collector-key-7461";

/// A collector of ours that keeps what it is sent: heads of requests, and spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<(Vec<String>, Vec<Span>)>>);

impl Collector {
    /// Its address. The thread ends with the process.
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let collector = Self::default();
        let kept = collector.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                while let Some((head, body)) = request(&connection) {
                    let sent = ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP");
                    let scopes = sent.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                    let mut kept = kept.0.lock().expect("kept");
                    kept.0.push(head);
                    kept.1.extend(scopes.flat_map(|scope| scope.spans));
                    let answer =
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    (&connection).write_all(answer).expect("answer");
                }
            }
        });
        (collector, address)
    }

    fn spans(&self) -> Vec<Span> {
        self.0.lock().expect("kept").1.clone()
    }

    fn heads(&self) -> Vec<String> {
        self.0.lock().expect("kept").0.clone()
    }
}

fn request(mut stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let body = &bytes[end + 4..];
        if body.len() >= length.unwrap_or(0) {
            return Some((head, body.to_vec()));
        }
    }
}

fn attributes(span: &Span) -> HashMap<&str, String> {
    let text = |value: &KeyValue| match value.value.as_ref()?.value.as_ref()? {
        Kind::StringValue(text) => Some(text.clone()),
        Kind::IntValue(number) => Some(number.to_string()),
        _ => None,
    };
    span.attributes.iter().filter_map(|value| Some((value.key.as_str(), text(value)?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_callers_trace_with_the_model_call_in_it_and_no_text_of_either() {
    let (collector, address) = Collector::start();
    let model = plays(Turn::pieces(["It opens at 6.5 bar."]));
    let mut world = World::new().await;
    world.set_model(&model.base_url()).set("OTEL_EXPORTER_OTLP_ENDPOINT", &address);
    world.set("OTEL_EXPORTER_OTLP_HEADERS", &format!("x-collector-key={SECRET}"));
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let mut server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let question = json!({ "role": "user", "content": "When does it open, zirconium?" });
    let asked = admin.request(Method::POST, "/v1/chat/completions");
    let asked = asked.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let body = json!({ "model": "scripted", "stream": true, "messages": [question] });
    let answer = asked.json(&body).send().await.expect("send").text().await.expect("body");
    assert!(answer.contains("6.5 bar"), "{answer}");

    // What is not sent yet when the process is told to stop is sent then.
    server.terminate();
    assert!(server.exited(Duration::from_secs(20)).await.success());
    eventually("spans arrived", Duration::from_secs(5), async || collector.spans().len() >= 2).await;
    let spans: Vec<_> = collector.spans().into_iter().filter(|span| hex::encode(&span.trace_id) == TRACE).collect();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:?}"));
    let (request, call) = (find("POST /v1/chat/completions"), find("chat scripted"));
    assert_eq!(hex::encode(&request.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(call.parent_span_id, request.span_id);
    assert!(call.end_time_unix_nano > call.start_time_unix_nano);
    assert_eq!(attributes(request)["http.response.status_code"], "200");
    let told = attributes(call);
    assert_eq!((told["gen_ai.operation.name"].as_str(), told["gen_ai.provider.name"].as_str()), ("chat", "openai"));
    assert_eq!(told["gen_ai.response.model"], "scripted");
    assert!(told["gen_ai.usage.output_tokens"].parse::<u64>().is_ok_and(|tokens| tokens > 0), "{told:?}");
    let everything = format!("{:?}", collector.spans());
    assert!(!everything.contains("zirconium") && !everything.contains("6.5 bar"), "texts stay here");
    assert!(collector.heads().iter().all(|head| head.starts_with("post /v1/traces ") && head.contains(SECRET)));
    assert!(!server.log().join("\n").contains(SECRET));
}
