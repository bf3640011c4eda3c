//! Connections: TLS and its certificate, clients that are too slow, heads that are too large, and where a request comes
//! from. Raw sockets, because no HTTP client behaves this badly.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use millwright_core::Role;
use reqwest::header::HeaderMap;
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::kit::{Server, World, eventually, problem, tls::Certificate};

/// A large file that every server has.
const LARGE: &str = "/docs/swagger-ui-bundle.js";
/// Far more than any limit of these tests.
const LONG: Duration = Duration::from_secs(30);
/// How long servers of these tests keep a connection without a request.
const KEEP_ALIVE: Duration = Duration::from_secs(6);

/// Short limits, so that the tests need not be slow themselves.
async fn impatient(world: &mut World) -> Server {
    world.set("HEADER_TIMEOUT_SECONDS", "1").set("BODY_TIMEOUT_SECONDS", "2").set("WRITE_TIMEOUT_SECONDS", "1");
    world.set("KEEP_ALIVE_SECONDS", "6").server().await
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address()).await.expect("connect")
}

/// How long the server waits before it ends the connection.
async fn cut_off<S: AsyncRead + Unpin>(stream: &mut S) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // An end or a reset: both are.
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the server ends the connection");
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    started.elapsed()
}

/// Reads one answer of a connection that stays open: its status, and its body by its declared length.
async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(LONG, stream.read_u8()).await.expect("an answer").expect("a byte"));
    }
    let head = String::from_utf8(head).expect("utf-8").to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("status");
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().expect("n"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("body");
    (status, String::from_utf8(body).expect("utf-8"))
}

/// GET on a connection that stays open.
async fn get<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("write");
    answer(stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_dropped_and_nobody_else() {
    let mut world = World::new().await;
    let server = impatient(&mut world).await;
    tokio::join!(
        says_nothing(&server),
        sends_its_head_drop_by_drop(&server),
        stops_in_the_middle_of_a_body(&server),
        sends_a_body_slowly_but_steadily(&server),
        pauses_between_requests(&server),
        stops_reading(&server),
    );
    assert_eq!(server.health("database").await["status"], "ready");
}

async fn says_nothing(server: &Server) {
    let waited = cut_off(&mut connect(server).await).await;
    assert!(waited > Duration::from_millis(900) && waited < KEEP_ALIVE, "{waited:?}");
}

async fn sends_its_head_drop_by_drop(server: &Server) {
    let (mut reading, mut writing) = connect(server).await.into_split();
    let dripping = async {
        let _ = writing.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\nx-drop: ").await;
        while writing.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dripping => {}
        waited = cut_off(&mut reading) => assert!(waited < KEEP_ALIVE, "{waited:?}"),
    }
}

async fn stops_in_the_middle_of_a_body(server: &Server) {
    let mut stream = connect(server).await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("write");
    stream.write_all(b"{ \"email\":").await.expect("write");
    let (status, body) = answer(&mut stream).await;
    let body: serde_json::Value = serde_json::from_str(&body).expect("json");
    assert_eq!((status, body["code"].as_str()), (408, Some("request_timeout")), "{body}");
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32), "{body}");
    cut_off(&mut stream).await;
}

async fn sends_a_body_slowly_but_steadily(server: &Server) {
    let mut stream = connect(server).await;
    let body = json!({ "email": "nobody@a.test", "password": "far longer than the limit for a pause" }).to_string();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("write");
    for part in body.as_bytes().chunks(body.len() / 5) {
        sleep(Duration::from_millis(600)).await;
        stream.write_all(part).await.expect("write");
    }
    assert_eq!(answer(&mut stream).await.0, 401, "read to its end and judged");
}

async fn pauses_between_requests(server: &Server) {
    let mut stream = connect(server).await;
    for _ in 0..3 {
        assert_eq!(get(&mut stream, "/health/live").await.0, 200);
        sleep(Duration::from_millis(1500)).await;
    }
    // But not for ever, and the next head has no more time than the first.
    assert_eq!(get(&mut stream, "/health/live").await.0, 200);
    let waited = cut_off(&mut stream).await;
    assert!(waited + Duration::from_secs(1) > KEEP_ALIVE && waited < LONG, "{waited:?}");
    let mut stream = connect(server).await;
    assert_eq!(get(&mut stream, "/health/live").await.0, 200);
    stream.write_all(b"GET /health/live HTTP/1.1\r\n").await.expect("write");
    let waited = cut_off(&mut stream).await;
    assert!(waited + Duration::from_secs(1) < KEEP_ALIVE, "{waited:?}");
}

async fn stops_reading(server: &Server) {
    let socket = TcpSocket::new_v4().expect("socket");
    socket.set_recv_buffer_size(4096).expect("buffer");
    let mut stream = socket.connect(server.address().parse().expect("address")).await.expect("connect");
    let request = format!("GET {LARGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // Together far more than the buffers of both machines hold.
    let answers = 40;
    stream.write_all(request.repeat(answers).as_bytes()).await.expect("write");
    sleep(Duration::from_secs(4)).await;
    let mut received = 0;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(Ok(read @ 1..)) = timeout(LONG, stream.read(&mut buffer)).await {
        received += read;
    }
    let size = server.http.get(server.url(LARGE)).send().await.expect("GET").bytes().await.expect("body").len();
    assert!(size > 1_000_000, "{size}");
    assert!(received < size * answers / 2, "{received} of {} bytes came after all", size * answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_large_are_refused_with_words() {
    let mut world = World::new().await;
    world.set("MAX_URL_KB", "8").set("MAX_HEADER_KB", "8");
    let server = world.server().await;
    let get = async |path: &str, header: usize| {
        let request = server.http.get(server.url(path)).header("x-large", "x".repeat(header));
        request.send().await.expect("GET")
    };
    let just = format!("/health/live?{}", "x".repeat(8 * 1024 - 13));
    assert_ne!(get(&just, 1).await.status(), 414, "8192 bytes");
    let body = problem(get(&format!("{just}x"), 1).await, 414, "uri_too_long").await;
    assert!(body["remedy"].as_str().is_some_and(|remedy| remedy.contains("8192")), "{body}");
    problem(get(&format!("/api/v1/documents?q={}", "x".repeat(60_000)), 1).await, 414, "uri_too_long").await;
    assert_eq!(get("/health/live", 7_000).await.status(), 200);
    let refused = get("/health/live", 9_000).await;
    assert!(refused.headers().contains_key("content-security-policy"), "what every answer carries");
    problem(refused, 431, "headers_too_large").await;
    // What is larger still is not even read to its end: the connection may be gone before the answer is read.
    let larger = server.http.get(server.url("/health/live")).header("x-large", "x".repeat(300_000)).send().await;
    assert!(larger.is_err() || larger.is_ok_and(|response| response.status() == 431));
    let mut many = connect(&server).await;
    let headers = "x-one: 1\r\n".repeat(200);
    let request = format!("GET /health/live HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    many.write_all(request.as_bytes()).await.expect("write");
    assert_eq!(answer(&mut many).await.0, 431);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_in_both_versions_and_a_certificate_that_is_replaced_while_serving() {
    let mut world = World::new().await;
    let mut certificate = Certificate::new();
    world.set_certificate(&certificate);
    let server = impatient(&mut world).await;
    for (version, name) in [(&TLS12, "TLSv1_2"), (&TLS13, "TLSv1_3")] {
        let mut stream = server.tls(&certificate.der, &[version], &["http/1.1"]).await.expect("handshake");
        assert_eq!(stream.get_ref().1.protocol_version().and_then(|version| version.as_str()), Some(name));
        assert_eq!(get(&mut stream, "/health/live").await.0, 200);
    }
    let old = certificate.der.clone();
    let mut open = server.tls(&old, &[&TLS13], &["http/1.1"]).await.expect("handshake");
    assert_eq!(get(&mut open, "/health/live").await.0, 200);

    // Half of a new pair, and then rubbish: both times the old one stays.
    let other = Certificate::new();
    certificate.write("tls.crt", &std::fs::read_to_string(other.path().join("tls.crt")).expect("read"));
    wait_for_log(&server, "the old one stays", 1).await;
    certificate.write("tls.crt", "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n");
    wait_for_log(&server, "the old one stays", 2).await;
    assert!(server.tls(&old, &[&TLS13], &[]).await.is_ok());
    assert!(!server.log().join("\n").contains("PRIVATE KEY"));

    certificate.replace();
    eventually("the new certificate is in use", LONG, async || {
        server.tls(&certificate.der, &[&TLS13], &[]).await.is_ok()
    })
    .await;
    assert!(server.tls(&old, &[&TLS13], &[]).await.is_err(), "nobody gets the old one any more");
}

async fn wait_for_log(server: &Server, text: &str, times: usize) {
    eventually(text, LONG, async || server.log().iter().filter(|line| line.contains(text)).count() >= times).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_clients_are_told_to_come_back_with_tls_and_slow_ones_are_dropped() {
    let mut world = World::new().await;
    let certificate = Certificate::new();
    world.set_certificate(&certificate);
    let server = impatient(&mut world).await;
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_der(&certificate.der).expect("certificate")])
        .resolve("localhost", server.address().parse().expect("address"))
        .build()
        .expect("client");
    let port = server.address().rsplit_once(':').expect("port").1;
    let response = trusting.get(format!("https://localhost:{port}/health/live")).send().await.expect("GET");
    assert_eq!(response.headers()["strict-transport-security"], "max-age=31536000");

    // No TLS at all, a handshake that does not go on, a client that speaks HTTP/2 and stops reading.
    let mut plain = connect(&server).await;
    plain.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("write");
    let mut refused = Vec::new();
    let _ = timeout(LONG, plain.read_to_end(&mut refused)).await.expect("an end");
    assert!(!refused.starts_with(b"HTTP/1.1 200"));
    let silent = async {
        let waited = cut_off(&mut connect(&server).await).await;
        assert!(waited < KEEP_ALIVE, "{waited:?}");
    };
    tokio::join!(silent, stops_reading_http2(&server, &certificate), leaves_http2_open(&server, &certificate));
}

/// Takes no window back, so that the answer stands still while the connection is well. Only the answer ends.
async fn stops_reading_http2(server: &Server, certificate: &Certificate) {
    let stream = server.tls(&certificate.der, &[&TLS13], &["h2"]).await.expect("handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let get = async |path: &str| {
        let request = http::Request::get(format!("https://localhost{path}")).body(()).expect("request");
        let (response, _) =
            requests.clone().ready().await.expect("ready").send_request(request, true).expect("request");
        response.await.expect("an answer")
    };
    let stalled = async {
        let started = Instant::now();
        let mut body = get(LARGE).await.into_body();
        let mut received = 0;
        let ended = loop {
            match body.data().await {
                Some(Ok(data)) => received += data.len(),
                ended => break ended,
            }
        };
        let waited = started.elapsed();
        assert!(matches!(&ended, Some(Err(error)) if error.is_reset()), "{ended:?} after {received} bytes");
        assert!(received < 200_000, "{received}");
        assert!(waited > Duration::from_millis(900) && waited < KEEP_ALIVE, "{waited:?}");
        assert_eq!(get("/health/live").await.status(), 200, "the connection goes on");
    };
    tokio::select! {
        () = stalled => {}
        ended = connection => panic!("the connection ended: {ended:?}"),
    }
}

async fn leaves_http2_open(server: &Server, certificate: &Certificate) {
    let stream = server.tls(&certificate.der, &[&TLS13], &["h2"]).await.expect("handshake");
    let (requests, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let one = async {
        let request = http::Request::get("https://localhost/health/live").body(()).expect("request");
        let mut requests = requests.ready().await.expect("ready");
        let (response, _) = requests.send_request(request, true).expect("request");
        assert_eq!(response.await.expect("an answer").status(), 200);
        // Keeps the connection from being closed by this client.
        sleep(LONG).await;
    };
    let started = Instant::now();
    tokio::select! {
        () = one => panic!("an idle connection stays open"),
        _ = connection => {}
    }
    let waited = started.elapsed();
    assert!(waited + Duration::from_secs(1) > KEEP_ALIVE && waited < LONG, "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_told_before_anything_starts() {
    let mut world = World::new().await;
    let certificate = Certificate::new();
    world.set_certificate(&certificate);
    certificate.write("tls.key", "no key");
    let (succeeded, _, error) = world.command(&["serve"]);
    assert!(!succeeded);
    assert!(error.contains("tls.key") && error.contains("private key"), "{error}");
    assert!(!error.contains("no key"), "what a key file holds is not shown: {error}");
}

/// What the server believes about a request with these headers: whether it came through TLS.
async fn secure(server: &Server, headers: HeaderMap) -> bool {
    let response = server.http.get(server.url("/health/live")).headers(headers).send().await.expect("GET");
    response.headers().contains_key("strict-transport-security")
}

fn forwarded(address: &str) -> HeaderMap {
    let pairs =
        [("x-forwarded-for", address), ("x-forwarded-proto", "https"), ("forwarded", "for=203.0.113.9;proto=https")];
    pairs.into_iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
}

/// Under which address the newest session of a person who signs in like this is kept.
async fn seen_address(server: &Server, headers: HeaderMap) -> String {
    let body = json!({ "email": "admin@a.test", "password": crate::kit::PASSWORD });
    let request = server.http.post(server.url("/api/v1/auth/login")).headers(headers).json(&body);
    let (status, login) = crate::kit::read(request.send().await.expect("sign in")).await;
    assert_eq!(status, 200, "{login}");
    let session = server.session(login["access_token"].as_str().expect("token"));
    let sessions = session.all("/api/v1/auth/sessions", 50).await;
    let current = sessions.iter().find(|session| session["current"] == true).expect("the own session");
    current["address"].as_str().expect("address").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_chooses_his_own_address() {
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let direct = world.server().await;
    assert!(!secure(&direct, forwarded("203.0.113.7")).await);
    assert_eq!(seen_address(&direct, forwarded("203.0.113.7")).await, "127.0.0.1");

    let behind = world.set("TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8").second_server().await;
    assert!(secure(&behind, forwarded("203.0.113.7")).await);
    assert!(!secure(&behind, HeaderMap::new()).await);
    assert_eq!(seen_address(&behind, forwarded("203.0.113.7")).await, "203.0.113.7");
    assert_eq!(seen_address(&behind, forwarded("1.1.1.1, 203.0.113.7, 10.2.3.4")).await, "203.0.113.7");
    assert_eq!(seen_address(&behind, HeaderMap::new()).await, "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_may_run_or_style_what_is_not_its_own() {
    let world = World::new().await;
    let server = world.server().await;
    for path in ["/", "/docs/", "/health/live", "/api/v1/nothing", LARGE] {
        let response = server.http.get(server.url(path)).send().await.expect("GET");
        let policy = response.headers()["content-security-policy"].to_str().expect("ascii").to_owned();
        assert!(policy.starts_with("default-src '") && !policy.contains("unsafe-inline"), "{path}: {policy}");
        assert!(!policy.contains("'unsafe-eval'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
    // Swagger UI has one inline style, which is allowed by its hash. Another version may have another.
    let style = ".logo_small_svg__cls-2{fill:#fff}.logo_small_svg__cls-3{fill:#85ea2d}";
    let script = server.http.get(server.url("/docs/swagger-ui-standalone-preset.js")).send().await.expect("GET");
    assert!(script.text().await.expect("text").contains(style), "Swagger UI has changed: look at /docs in a browser");
    let docs = server.http.get(server.url("/docs/")).send().await.expect("GET");
    let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(style)));
    assert!(docs.headers()["content-security-policy"].to_str().expect("ascii").contains(&hash), "{hash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_shutdown_requests_are_finished_and_idle_connections_do_not_hold_it_up() {
    let mut world = World::new().await;
    let mut server = impatient(&mut world).await;
    let mut idle = connect(&server).await;
    assert_eq!(get(&mut idle, "/health/live").await.0, 200);
    let mut begun = connect(&server).await;
    let body = json!({ "email": "nobody@a.test", "password": "wrong" }).to_string();
    let head =
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ";
    begun.write_all(format!("{head}{}\r\n\r\n", body.len()).as_bytes()).await.expect("write");
    sleep(Duration::from_millis(300)).await;
    let address = server.address().to_owned();
    server.terminate();
    eventually("nobody is let in any more", LONG, async || TcpStream::connect(&address).await.is_err()).await;
    begun.write_all(body.as_bytes()).await.expect("write");
    assert_eq!(answer(&mut begun).await.0, 401, "what was begun is finished");
    assert!(server.exited(Duration::from_secs(10)).await.success());
    assert_eq!(idle.read(&mut [0; 8]).await.unwrap_or_default(), 0);
}
