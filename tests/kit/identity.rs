//! Signing in by hand: as a program, as a browser that keeps cookies, and as somebody who waits for access to end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use millwright_core::{Role, TenantScope};
use reqwest::{Client, Method, RequestBuilder, Response, header::HeaderMap, redirect};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

use super::{PASSWORD, Server, Session, World, read};

pub(crate) const ACCESS: &str = "__Host-millwright_access";
pub(crate) const REFRESH: &str = "__Secure-millwright_refresh";
pub(crate) const CSRF: &str = "__Host-millwright_csrf";
pub(crate) const DEVICE: &str = "__Secure-millwright_device";
pub(crate) const PENDING: &str = "__Secure-millwright_login";

/// Every revocation holds everywhere within this time.
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The tokens of a session.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tokens {
    /// Of an answer that carries them.
    pub(crate) fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token") }
    }
}

impl World {
    /// A world with the tenant `A`, its admin, one user of each other role, and two servers.
    pub(crate) async fn with_two_servers() -> (Self, TenantScope, Server, Server) {
        let world = Self::new().await;
        let tenant = world.tenant("A").await;
        for role in [Role::Admin, Role::Operator, Role::Viewer] {
            world.user(&tenant, &format!("{role}@a.test"), role).await;
        }
        let (first, second) = tokio::join!(world.server(), world.second_server());
        (world, tenant, first, second)
    }

    /// Ends the wait that failures have earned.
    pub(crate) async fn let_them_try_again(&self) {
        self.db().tamper("UPDATE failed_attempts SET blocked_until = now() - interval '1 second'").await;
    }

    /// Prolongs every wait that failures have earned, so that a slow test does not outlast it.
    pub(crate) async fn let_them_wait(&self) {
        let longer = "UPDATE failed_attempts SET blocked_until = now() + interval '5 minutes' WHERE blocked_until > \
                      last_failure_at";
        self.db().tamper(longer).await;
    }

    /// How many entries of this action all audit logs hold.
    pub(crate) async fn entries(&self, action: &str) -> usize {
        self.db().peek(&format!("SELECT id::text FROM audit_entries WHERE action = '{action}'")).await.len()
    }
}

impl Server {
    /// POST of JSON by somebody who is not signed in.
    pub(crate) async fn open_post(&self, path: &str, body: &Value) -> Response {
        self.http.post(self.url(path)).json(body).send().await.expect("POST")
    }

    /// An attempt to sign in.
    pub(crate) async fn try_sign_in(&self, email: &str, password: &str) -> Response {
        self.open_post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
    }

    /// Signs in with the right password; both tokens.
    pub(crate) async fn tokens(&self, email: &str) -> Tokens {
        let (status, body) = read(self.try_sign_in(email, PASSWORD).await).await;
        assert_eq!(status, 200, "{body}");
        Tokens::of(&body)
    }

    pub(crate) async fn refresh(&self, token: &str) -> (u16, Value) {
        read(self.open_post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).await).await
    }

    /// A refresh that must succeed.
    pub(crate) async fn refreshed(&self, token: &str) -> Tokens {
        let (status, body) = self.refresh(token).await;
        assert_eq!(status, 200, "{body}");
        Tokens::of(&body)
    }

    /// Status of `GET path` with a bearer token.
    pub(crate) async fn status(&self, token: &str, path: &str) -> u16 {
        self.session(token).get(path).await.status().as_u16()
    }

    /// The most memory that the process has ever held, MiB.
    pub(crate) fn peak_memory_mib(&self) -> u64 {
        let id = self.child.as_ref().expect("started here").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// How long a credential goes on being accepted; it must end within `limit`.
    pub(crate) async fn dead_within(&self, token: &str, path: &str, limit: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let status = self.status(token, path).await;
            let elapsed = began.elapsed();
            if status == 401 {
                return elapsed;
            }
            assert!(elapsed < limit, "still {status} after {elapsed:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Checks that a credential ends on each of these servers within a second, and prints how long that took.
pub(crate) async fn ends_everywhere(what: &str, servers: &[&Server], token: &str, path: &str) {
    let waits = servers.iter().map(|server| server.dead_within(token, path, SECOND));
    let waits: Vec<_> = futures::future::join_all(waits).await.iter().map(Duration::as_millis).collect();
    println!("MEASURED revocation: {what}: {waits:?} ms");
}

impl Session<'_> {
    /// Status and body of a POST.
    pub(crate) async fn posted(&self, path: &str, body: &Value) -> (u16, Value) {
        read(self.post(path, body).await).await
    }

    /// DELETE with a step-up proof.
    pub(crate) async fn delete_with_proof(&self, path: &str, proof: &str) -> Response {
        self.request(Method::DELETE, path).header("x-step-up-proof", proof).send().await.expect("DELETE")
    }

    /// Makes a key of one's own; the key and its answer.
    pub(crate) async fn make_key(&self, scopes: &[&str]) -> (String, Value) {
        self.make_key_at("/api/v1/auth/api-keys", scopes).await
    }

    pub(crate) async fn make_key_at(&self, path: &str, scopes: &[&str]) -> (String, Value) {
        let body = json!({ "name": "nightly export", "scopes": scopes, "expires_in_days": 30 });
        let (status, made) = self.posted(path, &body).await;
        assert_eq!(status, 201, "{made}");
        (made["key"].as_str().expect("key").to_owned(), made)
    }

    /// The one user of that address, as an admin sees them.
    pub(crate) async fn find_user(&self, email: &str) -> Value {
        let found = self.all(&format!("/api/v1/admin/users?q={email}"), 50).await;
        assert_eq!(found.len(), 1, "{email}: {found:?}");
        found[0].clone()
    }
}

/// A cookie as a browser keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Cookie {
    pub(crate) value: String,
    /// What stands behind the value, in small letters.
    pub(crate) attributes: Vec<String>,
}

impl Cookie {
    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|found| found == attribute)
    }

    fn path(&self) -> &str {
        self.attributes.iter().find_map(|attribute| attribute.strip_prefix("path=")).unwrap_or("/")
    }
}

/// A browser: keeps cookies by hand, because all are `Secure` and tests speak plain HTTP, and follows no redirect by
/// itself.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) cookies: BTreeMap<String, Cookie>,
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("client");
        Self { http, base: server.base.clone(), cookies: BTreeMap::new() }
    }

    /// One in which somebody has signed in with a password.
    pub(crate) async fn signed_in(server: &Server, email: &str) -> Self {
        let mut browser = Self::new(server);
        let (status, body) = browser.sign_in(email, PASSWORD).await;
        assert_eq!((status, &body["status"]), (200, &json!("signed_in")), "{body}");
        browser
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> (u16, Value) {
        let body = json!({ "email": email, "password": password, "transport": "cookie" });
        read(self.post("/api/v1/auth/login", &body).await).await
    }

    pub(crate) fn cookie(&self, name: &str) -> &Cookie {
        self.cookies.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.cookies.keys()))
    }

    pub(crate) fn csrf(&self) -> String {
        self.cookies.get(CSRF).map(|cookie| cookie.value.clone()).unwrap_or_default()
    }

    /// A request with the cookies that fit its path, and nothing else.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let fits = |cookie: &&(&String, &Cookie)| path.starts_with(cookie.1.path());
        let pairs: Vec<_> = self.cookies.iter().collect();
        let pairs: Vec<_> =
            pairs.iter().filter(fits).map(|(name, cookie)| format!("{name}={}", cookie.value)).collect();
        let request = self.http.request(method, format!("{}{path}", self.base));
        if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) }
    }

    /// Sends it and keeps the cookies of the answer.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Response {
        let response = request.send().await.expect("answer");
        self.keep(response.headers());
        response
    }

    pub(crate) async fn get(&mut self, path: &str) -> Response {
        self.send(self.request(Method::GET, path)).await
    }

    /// As our own pages do: with the value of the csrf cookie.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Response {
        self.send(self.request(Method::POST, path).header("x-csrf-token", self.csrf()).json(body)).await
    }

    pub(crate) async fn refresh(&mut self) -> (u16, Value) {
        read(self.post("/api/v1/auth/refresh", &json!({})).await).await
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for header in headers.get_all("set-cookie") {
            let mut parts = header.to_str().expect("ascii").split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
            let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
            if attributes.iter().any(|attribute| attribute == "max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), Cookie { value: value.to_owned(), attributes });
            }
        }
    }
}

/// Where a redirect leads.
pub(crate) fn location(response: &Response) -> String {
    let to = response.headers().get("location").unwrap_or_else(|| panic!("{} is no redirect", response.status()));
    to.to_str().expect("ascii").to_owned()
}

/// `Retry-After`, seconds.
pub(crate) fn retry_after(response: &Response) -> u64 {
    response.headers()["retry-after"].to_str().expect("ascii").parse().expect("seconds")
}

/// Stands between a server and its database, and can go silent as a pulled cable does.
pub(crate) struct Cable {
    pub(crate) url: String,
    silent: Arc<AtomicBool>,
    /// Ended with it.
    _tasks: JoinSet<()>,
}

impl Cable {
    /// To the database of the application's URL.
    pub(crate) async fn to(url: &str) -> Self {
        let (head, tail) = url.rsplit_once('@').expect("login");
        let (database, name) = tail.split_once('/').expect("database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("{head}@{}/{name}", listener.local_addr().expect("address"));
        let silent = Arc::new(AtomicBool::new(false));
        let (pulled, database) = (Arc::clone(&silent), database.to_owned());
        let (mut tasks, mut carriers) = (JoinSet::new(), JoinSet::new());
        tasks.spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&database).await else { continue };
                let (near, far) = (near.into_split(), far.into_split());
                carriers.spawn(carry(near.0, far.1, Arc::clone(&pulled)));
                carriers.spawn(carry(far.0, near.1, Arc::clone(&pulled)));
            }
        });
        Self { url, silent, _tasks: tasks }
    }

    pub(crate) fn pull(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn plug_in(&self) {
        self.silent.store(false, Ordering::SeqCst);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, silent: Arc<AtomicBool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        while silent.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A token signed with HS256 by hand, whatever stands in its header.
pub(crate) fn sign_hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length").chain_update(&message);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
