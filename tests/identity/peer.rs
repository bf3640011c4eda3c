//! A real OpenID provider beside the server, and a world that believes it.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use millwright_core::Role;
use reqwest::{Client, redirect};
use serde_json::{Value, json};

use crate::kit::{
    Server, World, client,
    identity::{Browser, location},
    root,
};

/// The address that users reach, as far as the provider knows; the browser of these tests takes it to the server.
pub(crate) const PUBLIC_URL: &str = "http://127.0.0.1:21077";
/// The tenant to which the provider counts Anna.
pub(crate) const TENANT: &str = "acme";
/// What the start script exits with when the provider cannot run here.
const CANNOT_RUN: i32 = 77;

/// npm oidc-provider as a process. Ends when dropped.
pub(crate) struct Peer {
    pub(crate) issuer: String,
    child: Child,
    http: Client,
    settings: Value,
}

impl Peer {
    /// `None`, and a word about it, where there is no Node.js or its packages cannot be had.
    pub(crate) fn start(port: u16) -> Option<Self> {
        let settings = json!({
            "port": port,
            "redirect_uris": [format!("{PUBLIC_URL}/api/v1/auth/oidc/callback")],
            "post_logout_redirect_uris": [format!("{PUBLIC_URL}/sign-in")],
        });
        let spawn = || {
            Command::new(root().join("tests/peers/oidc/start.sh"))
                .arg(settings.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("start.sh")
        };
        let mut child = spawn();
        let line = first_line(&mut child).unwrap_or_else(|| {
            let _ = child.kill();
            let _ = child.wait();
            child = spawn();
            first_line(&mut child).expect("a line at the second try")
        });
        if line.is_empty() {
            let mut reason = String::new();
            child.stderr.take().expect("stderr").read_to_string(&mut reason).expect("reason");
            assert_eq!(child.wait().expect("wait").code(), Some(CANNOT_RUN), "{reason}");
            println!("SKIPPED: {reason}");
            return None;
        }
        let ready: Value = serde_json::from_str(&line).expect("json");
        let issuer = ready["issuer"].as_str().expect("issuer").to_owned();
        // Its choice of cryptography is the process's.
        drop(client());
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("client");
        Some(Self { issuer, child, http, settings })
    }

    /// Pulls the plug.
    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn port(&self) -> u16 {
        self.issuer.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("port")
    }

    /// The same provider after a restart: it has forgotten keys, grants and sessions.
    pub(crate) fn started_again(&mut self) {
        self.stop();
        let again = Self::start(self.port()).expect("it ran before");
        assert_eq!((&again.issuer, &again.settings["redirect_uris"]), (&self.issuer, &self.settings["redirect_uris"]));
        *self = again;
    }

    /// Signs with a new key from now on.
    pub(crate) async fn rotate_keys(&self, keep_old: bool) {
        self.test("keys", json!({ "keep_old": keep_old })).await;
    }

    /// Changes claims of users; null removes one.
    pub(crate) async fn change_users(&self, users: Value) {
        self.test("users", users).await;
    }

    async fn test(&self, what: &str, body: Value) {
        let request = self.http.post(format!("{}/test/{what}", self.issuer)).body(body.to_string());
        assert!(request.send().await.expect("POST").status().is_success());
    }

    /// An access token for the API, by client credentials: tenant acme, role operator.
    pub(crate) async fn access_token(&self) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", "api:run")];
        let request = self.http.post(format!("{}/token", self.issuer)).basic_auth("svc-acme", Some("svc-secret"));
        let body: Value = request.form(&form).send().await.expect("POST").json().await.expect("json");
        body["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

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

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A world whose server believes this provider, with the tenant acme and its admin `admin@acme.test`, who has a password.
pub(crate) async fn world_with(peer: &Peer) -> (World, Server) {
    world_with_entry(peer, "tenant = { claim = \"tenant_id\" }").await
}

/// The same with more or other lines in the provider's entry.
pub(crate) async fn world_with_entry(peer: &Peer, lines: &str) -> (World, Server) {
    let mut world = World::new().await;
    let tenant = world.tenant(TENANT).await;
    world.user(&tenant, "admin@acme.test", Role::Admin).await;
    believe(&mut world, peer, lines);
    let server = world.server().await;
    (world, server)
}

/// Writes the settings of the provider for servers that start from now on.
pub(crate) fn believe(world: &mut World, peer: &Peer, lines: &str) {
    let (secret, file) = (world.data.path().join("client-secret"), world.data.path().join("providers.toml"));
    std::fs::write(&secret, "web-secret").expect("secret");
    let text = format!(
        "[[provider]]\nid = \"plant\"\nname = \"Plant\"\nissuer = \"{}\"\nclient_id = \"millwright-web\"\n\
         client_secret_file = \"{}\"\naudience = \"urn:millwright:api\"\n\
         scopes = [\"openid\", \"email\", \"profile\", \"offline_access\"]\n\
         authorize_parameters = {{ prompt = \"consent\" }}\n{lines}\n",
        peer.issuer,
        secret.display()
    );
    std::fs::write(&file, text).expect("providers");
    world.set("IDENTITY_PROVIDERS_FILE", file.to_str().expect("utf-8")).set("PUBLIC_URL", PUBLIC_URL);
}

impl Browser {
    /// Begins a sign-in at the provider; the provider's page, with the name that is typed there.
    pub(crate) async fn start_at_provider(&mut self, user: &str, return_to: &str) -> String {
        let start = self.get(&format!("/api/v1/auth/oidc/plant/start?return={return_to}")).await;
        assert_eq!(start.status(), 302);
        format!("{}&login_hint={user}", location(&start))
    }

    /// What a browser does at the provider until it is sent back; the path of the callback with its query.
    pub(crate) async fn at_provider(&self, url: &str) -> String {
        let (mut cookies, mut url) = (std::collections::BTreeMap::new(), reqwest::Url::parse(url).expect("url"));
        for _ in 0..12 {
            if let Some(path) = url.as_str().strip_prefix(PUBLIC_URL) {
                return path.to_owned();
            }
            let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = self.http.get(url.clone()).header("cookie", jar.join("; ")).send().await.expect("GET");
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().expect("ascii").split(';').next().expect("pair");
                let (name, value) = pair.split_once('=').expect("pair");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            url = url.join(&location(&answer)).expect("url");
        }
        panic!("the provider redirects without end");
    }

    /// A whole sign-in at the provider; where it led.
    pub(crate) async fn sign_in_at_provider(&mut self, user: &str) -> String {
        let url = self.start_at_provider(user, "/chat").await;
        let callback = self.at_provider(&url).await;
        location(&self.get(&callback).await)
    }
}

/// Starts the provider or leaves the test, which says so.
macro_rules! peer {
    () => {
        match $crate::identity::peer::Peer::start(0) {
            Some(peer) => peer,
            None => return,
        }
    };
}

pub(crate) use peer;
