//! Busy servers, silent servers, servers that do not stop, and the socket to them.

use std::time::Duration;

use millwright_core::{ErrorCode, ToProblem};
use millwright_llm::{
    LlmError,
    provider::{KeepAlive, ProviderKind},
};

use super::{KINDS, input, patient, provider, read};
use crate::{
    quick,
    server::{Act, Server, head, whole},
};

#[tokio::test]
async fn a_busy_server_says_when_to_come_back() {
    for kind in KINDS {
        for (status, headers, expected) in [
            ("429 Too Many Requests", "retry-after: 7\r\n", Some(7)),
            (
                "503 Service Unavailable",
                "date: Sat, 28 Nov 2026 12:00:00 GMT\r\nretry-after: Sat, 28 Nov 2026 12:00:20 GMT\r\n",
                Some(20),
            ),
            ("429 Too Many Requests", "", None),
            ("400 Bad Request", "retry-after: 7\r\n", None),
        ] {
            let answer = format!("HTTP/1.1 {status}\r\n{headers}content-length: 4\r\n\r\nbusy");
            let server = Server::play(vec![Act::Send(answer.clone().into_bytes())]);
            let (deltas, streamed) = read(&*provider(kind, &server.address), &input("plain")).await;
            assert!(deltas.is_empty());
            let server = Server::play(vec![Act::Send(answer.into_bytes())]);
            let asked = provider(kind, &server.address).complete("m-1", &input("plain")).await.err();
            for error in [streamed, asked] {
                let Some(LlmError::Rejected { status: code, retry_after, .. }) = error else { panic!("{error:?}") };
                assert!(status.starts_with(&code.to_string()));
                assert_eq!(retry_after.map(|wait| wait.as_secs()), expected, "{kind}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_not_waited_for_without_end() {
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"";
    for (acts, expected) in [
        // Accepts the request and says nothing: the whole patience is for computing.
        (vec![Act::Pause(Duration::from_secs(4))], "answer"),
        // Begins and stops.
        (vec![Act::Send(length.into()), Act::Pause(Duration::from_secs(4))], "further byte"),
    ] {
        let server = Server::play(acts);
        let error =
            patient(ProviderKind::Openai, &server.address, quick()).complete("m-1", &input("plain")).await.unwrap_err();
        assert!(matches!(error, LlmError::Timeout { what, .. } if what == expected), "{expected}: {error:?}");
    }
    let server = Server::play(vec![Act::Send(length.into()), Act::Abort]);
    let error =
        patient(ProviderKind::Openai, &server.address, quick()).complete("m-1", &input("plain")).await.unwrap_err();
    assert!(matches!(error, LlmError::Interrupted { .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_in_one_piece_has_a_limit() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n{";
    let server = Server::play(vec![Act::Send(announced.into())]);
    let error = provider(ProviderKind::Openai, &server.address).complete("m-1", &input("plain")).await.unwrap_err();
    assert!(matches!(error, LlmError::BadStream { what: "an answer without end", .. }), "{error:?}");
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let mut acts = vec![head("application/json")];
    acts.extend(std::iter::repeat_n(Act::Send(chunk.into()), 20));
    let server = Server::play(acts);
    let error = provider(ProviderKind::Openai, &server.address).complete("m-1", &input("plain")).await.unwrap_err();
    assert!(matches!(error, LlmError::BadStream { what: "an answer without end", .. }), "{error:?}");
}

#[tokio::test]
async fn what_a_server_cannot_do_is_said_before_anything_is_sent() {
    // Nobody listens there: whoever connects is told so.
    for kind in [ProviderKind::Ollama, ProviderKind::Anthropic] {
        let provider = provider(kind, "http://127.0.0.1:9");
        let error = provider.stream("m-1", &input("everything")).await.err().unwrap();
        assert!(matches!(error, LlmError::Unsupported { .. }), "{error:?}");
        assert_eq!(error.problem().code, ErrorCode::ValidationFailed);
        assert!(matches!(provider.complete("m-1", &input("everything")).await, Err(LlmError::Unsupported { .. })));
    }
}

#[test]
fn a_time_to_keep_a_model_loaded_is_one() {
    for fine in ["30s", "10m", "2h", "0", "-1"] {
        assert!(fine.parse::<KeepAlive>().is_ok(), "{fine}");
    }
    for wrong in ["", "10", "m", "-5m", "ten", "1d"] {
        assert!(wrong.parse::<KeepAlive>().is_err(), "{wrong}");
    }
}

/// Without TCP_NODELAY each request whose body follows its head waits 40 ms for an acknowledgement.
#[tokio::test]
async fn the_socket_to_a_server_does_not_wait_for_acknowledgements() {
    use rustix::{
        net::{getpeername, sockopt::tcp_nodelay},
        process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
    };
    let mut acts = whole("200 OK", r#"{"choices":[{"message":{"content":"25"},"finish_reason":"stop"}]}"#);
    // It leaves the connection open, so that it can be looked at.
    acts.push(Act::Pause(Duration::from_secs(5)));
    let server = Server::play(acts);
    let openai = provider(ProviderKind::Openai, &server.address);
    openai.complete("m-1", &input("plain")).await.unwrap();
    let address: std::net::SocketAddr = server.address.strip_prefix("http://").unwrap().parse().unwrap();
    let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let mut sockets = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let Ok(number) = entry.unwrap().file_name().to_string_lossy().parse() else { continue };
        // The open file itself, so that nothing is taken from its owner.
        let Ok(open) = pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) else { continue };
        let Ok(Some(peer)) = getpeername(&open) else { continue };
        if std::net::SocketAddr::try_from(peer).ok() == Some(address) {
            sockets += 1;
            assert!(tcp_nodelay(&open).unwrap(), "the client's socket has TCP_NODELAY");
        }
    }
    assert!(sockets > 0, "the connection is kept for the next request");
}
