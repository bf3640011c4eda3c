//! Keys, forged tokens, and a played-back provider that counts what it is asked.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use millwright_oidc::{Provider, ProviderSettings};
use p256::pkcs8::EncodePrivateKey;
use rsa::{pkcs1::EncodeRsaPrivateKey, rand_core::OsRng, traits::PublicKeyParts};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

pub(crate) const CLIENT: &str = "millwright";
pub(crate) const AUDIENCE: &str = "urn:millwright:api";

pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key pair: signs, and says its public half as JWK without `kid`, `use` and `alg`.
pub(crate) struct Pair {
    pub(crate) private: EncodingKey,
    pub(crate) public: Value,
}

impl Pair {
    pub(crate) fn rsa(bits: usize) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut OsRng, bits).unwrap();
        let part = |number: &rsa::BigUint| base64(number.to_bytes_be());
        let public = json!({ "kty": "RSA", "n": part(key.n()), "e": part(key.e()) });
        Self { private: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()), public }
    }

    fn p256() -> Self {
        let key = p256::SecretKey::random(&mut OsRng);
        let public = serde_json::from_str(&key.public_key().to_jwk_string()).unwrap();
        Self { private: EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes()), public }
    }

    fn p384() -> Self {
        let key = p384::SecretKey::random(&mut OsRng);
        let public = serde_json::from_str(&key.public_key().to_jwk_string()).unwrap();
        Self { private: EncodingKey::from_ec_der(key.to_pkcs8_der().unwrap().as_bytes()), public }
    }

    pub(crate) fn jwk(&self, more: &Value) -> Value {
        let mut jwk = self.public.clone();
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    pub(crate) fn sign(&self, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
        self.sign_text(algorithm, &header.to_string(), &claims.to_string())
    }

    pub(crate) fn sign_text(&self, algorithm: Algorithm, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64(header), base64(claims));
        let signature = crypto::sign(message.as_bytes(), &self.private, algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

pub(crate) static RSA: LazyLock<Pair> = LazyLock::new(|| Pair::rsa(2048));
pub(crate) static OTHER_RSA: LazyLock<Pair> = LazyLock::new(|| Pair::rsa(2048));
pub(crate) static P256: LazyLock<Pair> = LazyLock::new(Pair::p256);
pub(crate) static P384: LazyLock<Pair> = LazyLock::new(Pair::p384);

/// What the played-back provider does when a path is asked for.
#[derive(Clone)]
pub(crate) enum Reply {
    Json(Value),
    Status(u16),
    /// Status 400 and a body.
    Refusal(Value),
    /// Answers, but only after that time.
    Late(Duration, Value),
    /// Never stops sending.
    Endless,
}

/// A server on loopback that answers each path as it is told.
pub(crate) struct Idp {
    pub(crate) issuer: String,
    paths: Arc<Mutex<HashMap<String, (Reply, usize)>>>,
}

impl Idp {
    /// Publishes these keys.
    pub(crate) fn new(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let paths = Arc::<Mutex<HashMap<String, (Reply, usize)>>>::default();
        let served = Arc::clone(&paths);
        thread::spawn(move || {
            for connection in listener.incoming() {
                let served = Arc::clone(&served);
                thread::spawn(move || serve(connection.unwrap(), &served));
            }
        });
        let idp = Self { issuer, paths };
        idp.on("/.well-known/openid-configuration", Reply::Json(idp.metadata()));
        idp.publish(keys);
        idp
    }

    pub(crate) fn metadata(&self) -> Value {
        let issuer = &self.issuer;
        json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"), "authorization_endpoint": format!("{issuer}/auth?x=1"),
            "token_endpoint": format!("{issuer}/token"), "userinfo_endpoint": format!("{issuer}/me"),
        })
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        self.on("/jwks", Reply::Json(json!({ "keys": keys })));
    }

    pub(crate) fn on(&self, path: &str, reply: Reply) {
        let mut paths = self.paths.lock().unwrap();
        let hits = paths.get(path).map_or(0, |(_, hits)| *hits);
        paths.insert(path.to_owned(), (reply, hits));
    }

    /// How often the path was asked for.
    pub(crate) fn hits(&self, path: &str) -> usize {
        self.paths.lock().unwrap().get(path).map_or(0, |(_, hits)| *hits)
    }

    pub(crate) fn settings(&self) -> ProviderSettings {
        let settings = ProviderSettings::new("test", &self.issuer, CLIENT);
        ProviderSettings { audience: Some(AUDIENCE.to_owned()), ..settings }
    }

    pub(crate) fn provider(&self) -> Provider {
        provider_of(self.settings())
    }

    /// Claims of an access token that is accepted, so that each refusal in a test has one cause.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": AUDIENCE, "sub": "u-1", "tenant_id": "acme", "role": "operator",
            "iat": start().timestamp(), "exp": start().timestamp() + 600,
        })
    }
}

fn serve(connection: TcpStream, paths: &Mutex<HashMap<String, (Reply, usize)>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut line = String::new();
    let Ok(1..) = reader.read_line(&mut line) else { return };
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        let Ok(1..) = reader.read_line(&mut line) else { return };
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    // Left unread, it would make the system reset the connection under the answer.
    let Ok(()) = reader.read_exact(&mut vec![0; length]) else { return };
    let reply = paths.lock().unwrap().get_mut(&path).map(|(reply, hits)| {
        *hits += 1;
        reply.clone()
    });
    // The client may have gone; that is its own affair.
    let _ = match reply {
        Some(Reply::Json(body)) => answer(connection, 200, &body.to_string()),
        Some(Reply::Refusal(body)) => answer(connection, 400, &body.to_string()),
        Some(Reply::Status(status)) => answer(connection, status, "{}"),
        Some(Reply::Late(after, body)) => {
            thread::sleep(after);
            answer(connection, 200, &body.to_string())
        }
        Some(Reply::Endless) => endless(connection),
        None => answer(connection, 404, "{}"),
    };
}

fn answer(mut connection: TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(connection, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn endless(mut connection: TcpStream) -> std::io::Result<()> {
    write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{{\"keys\":[")?;
    loop {
        connection.write_all(&[b' '; 4096])?;
    }
}

pub(crate) fn provider_of(settings: ProviderSettings) -> Provider {
    Provider::new(settings, TaskTracker::new()).unwrap()
}
