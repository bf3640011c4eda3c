//! A server of a test's own: its own database, data folder and port.

pub(crate) mod embedding_server;
pub(crate) mod identity;
pub(crate) mod operations;
pub(crate) mod people;
pub(crate) mod request;
pub(crate) mod rerank_server;
pub(crate) mod session;
pub(crate) mod spending;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod wire;

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, Once, OnceLock, mpsc},
    time::{Duration, Instant},
};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_auth::PasswordHasher;
use millwright_core::{Role, Sources, TenantScope, id::UserId};
use millwright_scripted_mcp::{Returns, ScriptedMcp, ScriptedTool};
use millwright_scripted_model::{ScriptedModel, Turn};
use millwright_store::{
    Proof,
    tenant::{NewUser, UserKind},
    testkit::TestDatabase,
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use self::session::{Session, Sse, Stream, problem, types};

pub(crate) const SECRET_KEY: &str = "a-secret-key-that-only-tests-use-0123456789";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("root").to_path_buf()
}

/// One of the documents of the demo.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(root().join("samples").join(name)).expect("sample")
}

/// Public documents to try, where they lie beside the repository; a clear word where they do not.
pub(crate) fn shared_data(path: &str) -> Option<PathBuf> {
    let path = root().parent().expect("parent").join("shared/data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there", path.display());
    None
}

/// Waits until something holds; fails with `what` when it does not in time.
pub(crate) async fn eventually(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// The folder of the embedding model, fetched once where it is missing.
fn model_folder() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let output = Command::new("sh").arg(root().join("scripts/fetch_model.sh")).output().expect("fetch_model.sh");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("utf-8").trim().to_owned()
    })
}

/// A client that goes nowhere but where it is told.
pub(crate) fn client() -> Client {
    static CRYPTO: Once = Once::new();
    // Two implementations are linked in; the choice is the process's.
    CRYPTO.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder().no_proxy().build().expect("client")
}

/// A model that says this to everybody who asks. Real model servers are tested where they can be installed (crates/llm); this one
/// stands where a test must decide what a model says, and when it falls silent or dies.
pub(crate) fn plays(turn: Turn) -> ScriptedModel {
    ScriptedModel::start(turn).expect("listen")
}

/// What a test runs against. The database is removed when it is dropped.
pub(crate) struct World {
    db: Option<TestDatabase>,
    pub(crate) data: TempDir,
    /// An MCP server that may be registered, with a tool `status`.
    pub(crate) mcp: ScriptedMcp,
    pub(crate) sources: Sources,
    hasher: PasswordHasher,
    environment: HashMap<String, String>,
}

impl World {
    /// Servers started from now on ask this model.
    pub(crate) fn set_model(&mut self, base_url: &str) -> &mut Self {
        self.set("LLM_BASE_URL", base_url).set("LLM_MODEL_STANDARD", "scripted")
    }

    pub(crate) async fn new() -> Self {
        let sources = Sources::system();
        let mut environment = HashMap::from([("MODEL_DIR".to_owned(), model_folder().to_owned())]);
        // Tests ask faster than people; those about limits set their own.
        for name in ["", "_TENANT", "_ADDRESS"] {
            environment.insert(format!("RATE_LIMIT{name}_PER_MINUTE"), "1000000".to_owned());
        }
        for name in ["RATE_LIMIT_BURST", "SIGN_IN_LIMIT_PER_MINUTE", "STEP_UP_LIMIT_PER_MINUTE"] {
            environment.insert(name.to_owned(), "100000".to_owned());
        }
        let data = tempfile::tempdir().expect("data folder");
        environment.insert("WATCH_ROOT".to_owned(), data.path().join("watch").display().to_string());
        let status = serde_json::json!({ "pump": "P-101", "turns_at": "1450 rpm" });
        let mcp = ScriptedMcp::start(vec![ScriptedTool::reads("status", Returns::Structured(status))]).expect("listen");
        environment.insert("MCP_ALLOWED_ORIGINS".to_owned(), mcp.origin().to_owned());
        Self {
            db: Some(TestDatabase::create().await),
            data,
            mcp,
            hasher: PasswordHasher::new(&sources).expect("hasher"),
            sources,
            environment,
        }
    }

    /// A world with one tenant, its admin `admin@a.test`, and a server.
    pub(crate) async fn with_admin() -> (Self, Server) {
        let world = Self::new().await;
        let tenant = world.tenant("A").await;
        world.user(&tenant, "admin@a.test", Role::Admin).await;
        let server = world.server().await;
        (world, server)
    }

    pub(crate) fn db(&self) -> &TestDatabase {
        self.db.as_ref().expect("present until dropped")
    }

    /// Sets a variable for servers started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away from servers started from now on.
    pub(crate) fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// A tenant, with a folder `manuals` that can be watched.
    pub(crate) async fn tenant(&self, name: &str) -> TenantScope {
        let tenant = self.db().tenant(&self.sources, name).await;
        std::fs::create_dir_all(self.share(&tenant).join("manuals")).expect("folder");
        tenant
    }

    /// Where the shares of a tenant are mounted.
    pub(crate) fn share(&self, tenant: &TenantScope) -> PathBuf {
        self.data.path().join("watch").join(tenant.tenant_id().to_string())
    }

    /// Made once: a hash takes a third of a second.
    fn password_hash(&self) -> String {
        static HASH: OnceLock<String> = OnceLock::new();
        HASH.get_or_init(|| self.hasher.hash(&self.sources, PASSWORD).expect("hash")).clone()
    }

    /// Creates a user whose password is [`PASSWORD`].
    pub(crate) async fn user(&self, tenant: &TenantScope, email: &str, role: Role) -> UserId {
        let user = NewUser {
            id: self.sources.new_id(),
            kind: UserKind::Person,
            email: Some(email.to_owned()),
            display_name: email.to_owned(),
            role,
            password_hash: Some(self.password_hash()),
            local: true,
            created_at: self.sources.now(),
        };
        let key = AuditKey::derive(SECRET_KEY.as_bytes()).expect("key");
        let event = AuditEvent::new(
            &self.sources,
            tenant.tenant_id(),
            Actor::System("test"),
            AuditAction::UserCreated,
            user.id,
        );
        let mut tx = self.db().store.tenant(tenant).begin().await.expect("begin");
        tx.users().insert(&user).await.expect("insert user");
        tx.commit(Proof::Entry(&key.authenticate(&event).expect("entry"))).await.expect("commit");
        user.id
    }

    pub(crate) async fn server(&self) -> Server {
        Server::start(self, self.data.path()).await
    }

    /// A second process on the same database, with a data folder of its own as on another machine.
    pub(crate) async fn second_server(&self) -> Server {
        Server::start(self, &self.data.path().join("second")).await
    }

    /// Runs a subcommand to its end: whether it succeeded, and what it wrote to standard output and error.
    pub(crate) fn command(&self, arguments: &[&str]) -> (bool, String, String) {
        let output = self.binary(arguments).output().expect("run");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    /// The same on a machine that has neither the database nor the key.
    pub(crate) fn command_elsewhere(&self, arguments: &[&str]) -> (bool, String, String) {
        let nothing = self.data.path().join("elsewhere");
        let mut command = self.binary(arguments);
        command.env_remove("DATABASE_URL").env_remove("SECRET_KEY").env("MILLWRIGHT_DATA_DIR", nothing);
        let output = command.output().expect("run");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.success(), text(output.stdout), text(output.stderr))
    }

    #[expect(clippy::disallowed_methods, reason = "the binary gets an environment of its own, but for PATH")]
    fn binary(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH"))
            .env("HOME", self.data.path())
            .env("DATABASE_URL", &self.db().url)
            .env("SECRET_KEY", SECRET_KEY)
            .env("MILLWRIGHT_DATA_DIR", self.data.path())
            .env("PORT", "0")
            .env("LOG_FORMAT", "json")
            .envs(&self.environment);
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(db) = self.db.take() else { return };
        // Dropping waits, which this thread may not do inside of a runtime.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(db.drop());
        });
        let _ = dropped.join();
    }
}

/// A running `millwright serve`. Killed when dropped.
pub(crate) struct Server {
    /// None for one that is another's to stop.
    child: Option<Child>,
    pub(crate) base: String,
    pub(crate) http: Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(world: &World, data: &Path) -> Self {
        let mut command = world.binary(&["serve"]);
        let command = command.env("MILLWRIGHT_DATA_DIR", data).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the server");
        let stderr = child.stderr.take().expect("stderr");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (ready, address) = mpsc::channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let entry: Value = serde_json::from_str(&line).unwrap_or_default();
                kept.lock().expect("log").push(line);
                if entry["message"] == "ready" {
                    let _ = ready.send(entry["address"].as_str().expect("address").to_owned());
                }
            }
        });
        let address = tokio::task::spawn_blocking(move || address.recv_timeout(Duration::from_mins(1)));
        let Ok(address) = address.await.expect("wait") else {
            let _ = child.kill();
            panic!("the server did not start:\n{}", log.lock().expect("log").join("\n"));
        };
        Self { child: Some(child), base: format!("http://{address}"), http: client(), log }
    }

    /// The same server for a task that cannot borrow it.
    pub(crate) fn elsewhere(&self) -> Self {
        Self { child: None, base: self.base.clone(), http: self.http.clone(), log: Arc::clone(&self.log) }
    }

    /// One that listens nowhere, where a type wants a server.
    pub(crate) fn nobody() -> Self {
        Self { child: None, base: "http://127.0.0.1:9".to_owned(), http: client(), log: Arc::default() }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("started here")
    }

    /// Log lines written so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("log").clone()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child().kill().expect("kill");
        self.child().wait().expect("wait");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&mut self) {
        let status = Command::new("kill").args(["-TERM", &self.child().id().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn exited(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child().try_wait().expect("wait") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {limit:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Signs in.
    pub(crate) async fn sign_in(&self, email: &str) -> Session<'_> {
        let body = json!({ "email": email, "password": PASSWORD });
        let response = self.http.post(self.url("/api/v1/auth/login")).json(&body).send().await.expect("sign in");
        let (status, body) = read(response).await;
        assert_eq!(status, 200, "{body}");
        self.session(body["access_token"].as_str().expect("token"))
    }

    /// Somebody who has a token already.
    pub(crate) fn session(&self, token: &str) -> Session<'_> {
        Session { server: self, token: token.to_owned() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What `/health/ready` says of one part.
    pub(crate) async fn health(&self, part: &str) -> Value {
        let response = self.http.get(self.url("/health/ready")).send().await.expect("GET /health/ready");
        let (_, body) = read(response).await;
        let checks = body["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == part).unwrap_or_else(|| panic!("no `{part}` in {body}")).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Status and JSON body; null for an empty one.
pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.expect("body");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("json") };
    (status, body)
}
