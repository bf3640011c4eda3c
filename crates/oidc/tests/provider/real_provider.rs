//! A real OpenID provider on loopback (npm oidc-provider), and a browser that follows its redirects.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
};

use millwright_oidc::{LoginCallback, Provider, ProviderSettings, Secret};
use reqwest::{Client, redirect};
use serde_json::{Value, json};
use url::Url;

use crate::support::{AUDIENCE, provider_of};

pub(crate) const REDIRECT: &str = "http://127.0.0.1:21099/cb";
/// What the start script exits with when the provider cannot run here.
const CANNOT_RUN: i32 = 77;

/// What it says first; `None` when it says nothing for a minute: Node.js has been seen to hang at its start.
fn first_line(child: &mut Child) -> Option<String> {
    let out = child.stdout.take()?;
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(out).read_line(&mut line);
        let _ = said.send(line);
    });
    heard.recv_timeout(std::time::Duration::from_mins(1)).ok()
}

pub(crate) struct RealProvider {
    pub(crate) issuer: String,
    child: Child,
    http: Client,
}

impl RealProvider {
    /// `None`, and a word about it, where there is no Node.js or its packages cannot be had.
    pub(crate) fn start(settings: &Value) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/oidc/start.sh");
        let spawn = || {
            Command::new(&script)
                .arg(settings.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let mut child = spawn();
        let line = first_line(&mut child).unwrap_or_else(|| {
            let _ = child.kill();
            let _ = child.wait();
            child = spawn();
            first_line(&mut child).unwrap()
        });
        if line.is_empty() {
            let mut reason = String::new();
            child.stderr.take().unwrap().read_to_string(&mut reason).unwrap();

            assert_eq!(child.wait().unwrap().code(), Some(CANNOT_RUN), "{reason}");
            println!("SKIPPED: {reason}");
            return None;
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        let issuer = ready["issuer"].as_str().unwrap().to_owned();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Some(Self { issuer, child, http })
    }

    pub(crate) fn settings(&self) -> ProviderSettings {
        let scopes = ["openid", "email", "profile", "offline_access"].map(str::to_owned).to_vec();
        ProviderSettings {
            client_secret: Some(Secret::new("web-secret")),
            audience: Some(AUDIENCE.to_owned()),
            scopes,
            // Without it this provider hands out no refresh token.
            authorize_parameters: [("prompt".to_owned(), "consent".to_owned())].into(),
            ..ProviderSettings::new("real", &self.issuer, "millwright-web")
        }
    }

    pub(crate) fn provider(&self) -> Provider {
        provider_of(self.settings())
    }

    /// An access token for Millwright's API, by client credentials.
    pub(crate) async fn access_token(&self) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", "api:run")];
        let request = self.http.post(format!("{}/token", self.issuer)).basic_auth("svc-acme", Some("svc-secret"));
        let answer: Value = request.form(&form).send().await.unwrap().json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Signs with a new key from now on.
    pub(crate) async fn rotate_keys(&self, keep_old: bool) {
        self.test("keys", json!({ "keep_old": keep_old })).await;
    }

    /// Changes claims of users; null removes one.
    pub(crate) async fn change_users(&self, users: Value) {
        self.test("users", users).await;
    }

    /// How often the path was asked for.
    pub(crate) async fn requests(&self, path: &str) -> u64 {
        self.test("requests", Value::Null).await[path].as_u64().unwrap_or(0)
    }

    async fn test(&self, what: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}/test/{what}", self.issuer)).body(body.to_string());
        request.send().await.unwrap().json().await.unwrap()
    }

    /// What a browser does from `url` on, until it is sent back to Millwright.
    pub(crate) async fn browse(&self, url: &Url) -> LoginCallback {
        let mut cookies = BTreeMap::new();
        let mut url = url.clone();
        for _ in 0..12 {
            if url.as_str().starts_with(REDIRECT) {
                let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
                return serde_json::from_value(json!(query)).unwrap();
            }
            let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.http.get(url.clone()).header("cookie", jar.join("; ")).send().await.unwrap();
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                cookies.insert(name.to_owned(), value.to_owned());
            }
            let status = answer.status();
            let Some(next) = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()) else {
                panic!("{status} at {url}: {}", answer.text().await.unwrap());
            };
            url = url.join(&next).unwrap();
        }
        panic!("the provider redirects without end");
    }
}

impl Drop for RealProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
