//! A gateway of our own before the mock server: what SAP's own would want and the mock server does not. It wants passwords or
//! access tokens, CSRF tokens with their cookies, and ETags for changes of single rows (not in batches); it hands rows out by
//! pages with links to the next, and may stand behind TLS that wants a certificate. It is no product of SAP's.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue, IF_MATCH, SET_COOKIE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// What it wants.
#[derive(Default)]
pub(crate) struct Rules {
    /// What stands behind `Authorization: `.
    pub(crate) authorization: Option<String>,
    /// Hands out tokens to whoever sends this as `Authorization`, and wants one of them.
    pub(crate) token_for: Option<String>,
    /// How many seconds a token lasts.
    pub(crate) token_seconds: u64,
    /// Rows a page.
    pub(crate) page: Option<usize>,
    pub(crate) tls: Option<TlsAcceptor>,
}

pub(crate) struct Gateway {
    pub(crate) origin: String,
    state: Arc<State>,
}

struct State {
    upstream: String,
    rules: Rules,
    http: reqwest::Client,
    /// The number of the CSRF token that holds now.
    csrf: AtomicUsize,
    tokens: AtomicUsize,
    /// By the first value of the key.
    versions: Mutex<HashMap<String, usize>>,
    log: Mutex<Vec<String>>,
}

type Answer = Response<Full<Bytes>>;

impl Gateway {
    pub(crate) async fn start(upstream: &str, rules: Rules) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let origin = match rules.tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            rules,
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap(),
            csrf: AtomicUsize::new(1),
            tokens: AtomicUsize::new(0),
            versions: Mutex::default(),
            log: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    match state.rules.tls.clone() {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(state, stream).await;
                            }
                        }
                        None => serve(state, stream).await,
                    }
                });
            }
        });
        Self { origin, state }
    }

    /// Lets the CSRF token end that was handed out last.
    pub(crate) fn end_csrf(&self) {
        self.state.csrf.fetch_add(1, Ordering::SeqCst);
    }

    /// As if somebody else had changed the row.
    pub(crate) fn touch(&self, key: &str) {
        *self.state.versions.lock().unwrap().entry(key.to_owned()).or_default() += 1;
    }

    /// How often a method was asked for on a path, by their beginnings: `GET /sap`.
    pub(crate) fn count(&self, begins: &str) -> usize {
        self.state.log.lock().unwrap().iter().filter(|line| line.starts_with(begins)).count()
    }
}

async fn serve(state: Arc<State>, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.handle(request).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn answer(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "error": { "code": code, "message": { "lang": "en", "value": message } } });
    answer(status, "application/json", body.to_string())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `4500000001` of `…/Orders('4500000001')…`.
fn key_of(path: &str) -> Option<String> {
    let path = path.replace("%27", "'").replace("%28", "(");
    let (_, rest) = path.split_once("('")?;
    rest.split('\'').next().map(str::to_owned)
}

impl State {
    async fn handle(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = head.uri.path().to_owned();
        self.log.lock().unwrap().push(format!("{} {path}", head.method));
        if path == "/oauth/token" {
            return self.token(&head.headers);
        }
        if let Some(refused) = self.refused(&head.headers) {
            return refused;
        }
        let reads = head.method == Method::GET;
        if !reads && !self.has_csrf(&head.headers) {
            let mut refused = answer(403, "text/plain", "CSRF token validation failed");
            refused.headers_mut().insert("x-csrf-token", HeaderValue::from_static("Required"));
            return refused;
        }
        let key = key_of(&path).filter(|_| !reads && !path.ends_with("$batch"));
        if let Some(key) = &key {
            match text(&head.headers, IF_MATCH.as_str()) {
                "" => return refusal(428, "ZGW/428", "Precondition required"),
                sent if sent != self.etag(key) => return refusal(412, "ZGW/412", "Precondition failed"),
                _ => {}
            }
        }
        let mut sent = self.forward(&head.method, &head.uri.to_string(), &head.headers, body).await;
        if let Some(key) = key.filter(|_| sent.status().is_success()) {
            *self.versions.lock().unwrap().entry(key).or_default() += 1;
        }
        if text(&head.headers, "x-csrf-token") == "Fetch" {
            let number = self.csrf.load(Ordering::SeqCst);
            sent.headers_mut().insert("x-csrf-token", HeaderValue::from_str(&format!("csrf-{number}==")).unwrap());
            let cookie = format!("SAP_SESSIONID_MWR_100=session-{number}; path=/; HttpOnly");
            sent.headers_mut().append(SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
        }
        sent
    }

    fn token(&self, headers: &HeaderMap) -> Answer {
        if Some(text(headers, AUTHORIZATION.as_str())) != self.rules.token_for.as_deref() {
            return answer(401, "application/json", r#"{"error":"invalid_client","error_description":"no"}"#);
        }
        let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
        let token = json!({ "access_token": format!("token-{number}"), "token_type": "bearer", "expires_in": self.rules.token_seconds });
        answer(200, "application/json", token.to_string())
    }

    fn refused(&self, headers: &HeaderMap) -> Option<Answer> {
        let sent = text(headers, AUTHORIZATION.as_str());
        let fits = match (&self.rules.authorization, &self.rules.token_for) {
            (Some(wanted), _) => sent == wanted,
            (None, Some(_)) => sent == format!("Bearer token-{}", self.tokens.load(Ordering::SeqCst)),
            (None, None) => true,
        };
        // It repeats what was sent, as careless servers do.
        (!fits).then(|| refusal(401, "ZGW/401", &format!("Not authorised: {sent}")))
    }

    fn has_csrf(&self, headers: &HeaderMap) -> bool {
        let number = self.csrf.load(Ordering::SeqCst);
        let cookie = format!("SAP_SESSIONID_MWR_100=session-{number}");
        text(headers, "x-csrf-token") == format!("csrf-{number}==")
            && text(headers, COOKIE.as_str()).split("; ").any(|pair| pair == cookie)
    }

    fn etag(&self, key: &str) -> String {
        format!("W/\"'{}'\"", self.versions.lock().unwrap().get(key).copied().unwrap_or_default())
    }

    async fn forward(&self, method: &Method, path_and_query: &str, headers: &HeaderMap, body: Bytes) -> Answer {
        let mut url = Url::parse(&format!("{}{path_and_query}", self.upstream)).unwrap();
        let page = self.rules.page.filter(|_| *method == Method::GET && url.path().ends_with('s'));
        let from = page.map(|size| turn_page(&mut url, size));
        let mut request = self.http.request(method.clone(), url.clone());
        for name in ["accept", "content-type", "if-match", "x-csrf-token"] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        // The mock server takes a call without a body for one with a text.
        let body = if *method == Method::POST && body.is_empty() { Bytes::from_static(b"{}") } else { body };
        if text(headers, "content-type").is_empty() && *method == Method::POST {
            request = request.header("content-type", "application/json");
        }
        let sent = request.body(body).send().await.unwrap();
        let (status, sent_headers) = (sent.status(), sent.headers().clone());
        let mut body = sent.bytes().await.unwrap();
        if text(&sent_headers, "content-type").starts_with("application/json")
            && let Ok(mut json) = serde_json::from_slice::<Value>(&body)
        {
            self.add_etags(&mut json);
            if let (Some(from), Some(size)) = (from, page) {
                add_next(&mut json, path_and_query, from + size);
            }
            body = json.to_string().into();
        }
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = status;
        for name in ["content-type", "sap-messages"] {
            if let Some(value) = sent_headers.get(name) {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        answer
    }

    fn add_etags(&self, json: &mut Value) {
        match json {
            Value::Array(items) => items.iter_mut().for_each(|item| self.add_etags(item)),
            Value::Object(entries) => {
                entries.values_mut().for_each(|value| self.add_etags(value));
                let key = ["PurchaseOrder", "Material"].iter().find_map(|name| entries.get(*name)?.as_str());
                let Some(etag) = key.map(|key| self.etag(key)) else { return };
                match entries.get_mut("__metadata") {
                    Some(metadata) => metadata["etag"] = json!(etag),
                    None => {
                        entries.insert("@odata.etag".into(), json!(etag));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Asks for one page; where it begins.
fn turn_page(url: &mut Url, size: usize) -> usize {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let number =
        |name: &str| pairs.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse::<usize>().ok());
    let from = number("$skiptoken").unwrap_or_default();
    let top = number("$top").map_or(size, |top| top.saturating_sub(from).min(size));
    let skip = number("$skip").unwrap_or_default() + from;
    let others = pairs.iter().filter(|(name, _)| !matches!(name.as_str(), "$skiptoken" | "$top" | "$skip"));
    let others: Vec<(String, String)> = others.cloned().collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .extend_pairs([("$top", top), ("$skip", skip)].map(|(name, value)| (name, value.to_string())));
    from
}

/// Adds the link to the next page, where there are more rows.
fn add_next(json: &mut Value, path_and_query: &str, next: usize) {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let query: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.contains("skiptoken")).collect();
    let query = query.join("&");
    let top = query.split('&').find_map(|pair| pair.strip_prefix("$top=")?.parse::<usize>().ok()).unwrap_or(usize::MAX);
    let link = format!("{path}?{query}&$skiptoken={next}");
    let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    if let Some(d) = json.get_mut("d").filter(|d| d.get("results").is_some()) {
        if count(&d["__count"]).min(top) > next {
            d["__next"] = json!(link);
        }
    } else if json.get("value").is_some_and(Value::is_array) && count(&json["@odata.count"]).min(top) > next {
        // Relative to the request, as V4 allows.
        json["@odata.nextLink"] = json!(link.rsplit('/').next().unwrap());
    }
}
