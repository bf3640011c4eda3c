//! What identity costs: an authenticated request that does nothing, signing in, revocation over two processes, and whether
//! a limit holds over two processes that share a Redis.

use std::{
    cell::Cell,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use millwright_core::Sources;
use serde_json::Value;

use crate::{
    http::Client,
    load::{Amount, Target, drive},
    proc::processor,
    report::{Report, Row, percentile},
    say, seed,
    server::{Installation, Server},
};

/// Authenticated, counted against its limits, and refused for its form before anything else: it asks no database.
const NO_OP: &str = "/api/v1/documents?limit=0";
const NO_OP_TIME: Duration = Duration::from_secs(8);
/// Processor time of a request that does nothing, milliseconds.
const NO_OP_TARGET: f64 = 0.1;
const SIGN_INS: usize = 12;
const REVOCATIONS: usize = 20;
/// Everywhere within this, milliseconds.
const REVOKED_TARGET: f64 = 1000.0;
const LIMIT_PER_MINUTE: u32 = 3000;
const LIMIT_BURST: u32 = 100;
const LIMIT_TIME: Duration = Duration::from_secs(10);
const USER: &str = "viewer@tenant-a.example";
const ADMIN: &str = "admin@tenant-a.example";

/// A process of this stage. Killed when dropped.
struct Companion(Child);

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All of it, with an installation whose server is stopped.
pub(crate) async fn measure(report: &mut Report, installation: &Installation) -> anyhow::Result<()> {
    let provider = start_provider();
    let mut settings = vec![
        ("RATE_LIMIT_PER_MINUTE", "1000000".to_owned()),
        ("RATE_LIMIT_TENANT_PER_MINUTE", "1000000".to_owned()),
        ("RATE_LIMIT_ADDRESS_PER_MINUTE", "1000000".to_owned()),
        ("RATE_LIMIT_BURST", "1000000".to_owned()),
        ("SIGN_IN_LIMIT_PER_MINUTE", "1000000".to_owned()),
    ];
    if let Ok((_, issuer)) = &provider {
        settings.push(("IDENTITY_PROVIDERS_FILE", providers_file(installation, issuer)?));
    }
    let (server, _) = installation.start_with(&settings).await?;
    say("authenticated requests");
    let own = server.sign_in(installation, USER).await?;
    no_op(report, &server, own, "own token").await?;
    match &provider {
        Ok((_, issuer)) => {
            let token = provider_token(issuer).await?;
            no_op(report, &server, token, "RS256 token of a provider").await?;
        }
        Err(error) => report.note(format!("Requests with RS256 were not measured: {error:#}.")),
    }
    say("signing in");
    sign_ins(report, &server, installation).await?;
    server.stop()?;
    drop(provider);
    match start_redis(installation.scratch()) {
        Ok((redis, url)) => {
            let done = two_processes(report, installation, &url).await;
            drop(redis);
            done
        }
        Err(error) => {
            report.note(format!("Two processes with a Redis were not measured: {error:#}."));
            Ok(())
        }
    }
}

async fn no_op(report: &mut Report, server: &Server, token: String, kind: &str) -> anyhow::Result<()> {
    let target = Target { address: server.address, token, server: server.process_id() };
    let amount = Amount { clients: 4, requests: usize::MAX, time: NO_OP_TIME };
    let load = drive(&target, amount, async |client, _| {
        let begin = Instant::now();
        let answer = client.get(NO_OP).await?;
        let took = begin.elapsed();
        ensure!(answer.status == 422, "status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        Ok(took)
    })
    .await?;
    let row = Row::new("identity", format!("authenticated request that does nothing, {kind}")).times(&load.found);
    report.row(load.add_to(row, "requests/s").at_most("CPU", NO_OP_TARGET));
    Ok(())
}

async fn sign_ins(report: &mut Report, server: &Server, installation: &Installation) -> anyhow::Result<()> {
    let before = processor(server.process_id()).server;
    let mut times = Vec::new();
    for _ in 0..SIGN_INS {
        let begin = Instant::now();
        server.sign_in(installation, USER).await?;
        times.push(begin.elapsed());
    }
    let used = processor(server.process_id()).server.saturating_sub(before).as_secs_f64();
    let row = Row::new("identity", "signing in with a password, one after another").times(&times);
    let a_core = SIGN_INS as f64 / used.max(f64::MIN_POSITIVE);
    report.row(row.figure("sign-ins a second a core", a_core, "").between("sign-ins a second a core", 1.0, 4.0));
    Ok(())
}

/// Two processes on one database, which share their limits over Redis.
async fn two_processes(report: &mut Report, installation: &Installation, redis: &str) -> anyhow::Result<()> {
    say("two processes");
    let limits = [
        ("REDIS_URL", redis.to_owned()),
        ("RATE_LIMIT_PER_MINUTE", LIMIT_PER_MINUTE.to_string()),
        ("RATE_LIMIT_BURST", LIMIT_BURST.to_string()),
        ("RATE_LIMIT_TENANT_PER_MINUTE", "1000000".to_owned()),
        ("RATE_LIMIT_ADDRESS_PER_MINUTE", "1000000".to_owned()),
        ("SIGN_IN_LIMIT_PER_MINUTE", "1000000".to_owned()),
    ];
    let (first, _) = installation.start_with(&limits).await?;
    let store = seed::login(installation, &Sources::system()).await?;
    let mut shared = limits.to_vec();
    shared.push(("DATABASE_URL", store));
    shared.push(("SECRET_KEY", installation.secret_key()?));
    shared.push(("MILLWRIGHT_DATA_DIR", installation.scratch().join("second").display().to_string()));
    let (second, _) = installation.start_with(&shared).await?;
    revocation(report, installation, &first, &second).await?;
    limit(report, installation, &first, &second).await?;
    second.stop()?;
    first.stop()
}

async fn revocation(
    report: &mut Report,
    installation: &Installation,
    first: &Server,
    second: &Server,
) -> anyhow::Result<()> {
    let admin = first.sign_in(installation, ADMIN).await?;
    let mut admin = Client::connect(first.address, Some(&admin)).await?;
    let mut times = Vec::new();
    for _ in 0..REVOCATIONS {
        let token = first.sign_in(installation, USER).await?;
        let mut user = Client::connect(second.address, Some(&token)).await?;
        let me = user.get("/api/v1/auth/me").await?.json()?;
        let (id, session) = (text(&me["id"])?, text(&me["session_id"])?);
        let path = format!("/api/v1/admin/users/{id}/sessions/{session}");
        let begin = Instant::now();
        ensure!(admin.delete(&path).await?.status == 204, "a session could not be ended");
        while user.get("/api/v1/auth/me").await?.status == 200 {
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        times.push(begin.elapsed());
    }
    let row = Row::new("identity", "a session ended by one process is refused by another").times(&times);
    report.row(row.figure("slowest", percentile(&times, 1.0), "ms").at_most("slowest", REVOKED_TARGET));
    Ok(())
}

async fn limit(
    report: &mut Report,
    installation: &Installation,
    first: &Server,
    second: &Server,
) -> anyhow::Result<()> {
    let token = first.sign_in(installation, "operator@tenant-a.example").await?;
    let (asked, allowed) = (Cell::new(0_u32), Cell::new(0_u32));
    let mut clients = Vec::new();
    for address in [first.address, second.address, first.address, second.address] {
        clients.push(Client::connect(address, Some(&token)).await?);
    }
    let begin = Instant::now();
    try_join_all(clients.iter_mut().map(async |client| {
        while begin.elapsed() < LIMIT_TIME {
            let status = client.get(NO_OP).await?.status;
            asked.set(asked.get() + 1);
            allowed.set(allowed.get() + u32::from(status == 422));
            ensure!(matches!(status, 422 | 429), "status {status}");
            // 200 requests a second in all.
            tokio::time::sleep(Duration::from_millis(19)).await;
        }
        anyhow::Ok(())
    }))
    .await?;
    let took = begin.elapsed().as_secs_f64();
    let most = f64::from(LIMIT_BURST) + f64::from(LIMIT_PER_MINUTE) / 60.0 * took;
    let row = Row::new("identity", "one user over two processes with a limit of 50/s and a burst of 100")
        .figure("asked", f64::from(asked.get()) / took, "requests/s")
        .figure("let through", f64::from(allowed.get()), "")
        .figure("burst + rate × time", most, "");
    report.row(row.at_most("let through", most.floor()));
    Ok(())
}

fn text(value: &Value) -> anyhow::Result<&str> {
    value.as_str().context("an answer without an id")
}

/// The real npm oidc-provider, started as the tests start it.
fn start_provider() -> anyhow::Result<(Companion, String)> {
    let mut child = Command::new("sh")
        .arg("tests/peers/oidc/start.sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the test provider")?;
    let out = child.stdout.take().context("no output")?;
    let companion = Companion(child);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let ready: Value = serde_json::from_str(&line).context("the test provider (Node.js) cannot run here")?;
    Ok((companion, text(&ready["issuer"])?.to_owned()))
}

fn providers_file(installation: &Installation, issuer: &str) -> anyhow::Result<String> {
    let path = installation.scratch().join("providers.toml");
    let mut file = fs::File::create(&path)?;
    write!(
        file,
        "[[provider]]\nid = \"bench\"\nname = \"Bench\"\nissuer = \"{issuer}\"\nclient_id = \"svc-acme\"\n\
         audience = \"urn:millwright:api\"\nlogin = false\n\
         tenant = {{ claim = \"tenant_id\", map = {{ acme = \"TenantB\" }} }}\n"
    )?;
    Ok(path.display().to_string())
}

async fn provider_token(issuer: &str) -> anyhow::Result<String> {
    let address = issuer.strip_prefix("http://").context("an issuer on loopback")?.parse()?;
    let mut client = Client::connect(address, None).await?;
    let form = "grant_type=client_credentials&scope=api:run&client_id=svc-acme&client_secret=svc-secret";
    let answer = client.form("/token", form).await?.json()?;
    Ok(text(&answer["access_token"])?.to_owned())
}

fn start_redis(folder: &Path) -> anyhow::Result<(Companion, String)> {
    // Taken and given back: nobody else asks for it in the moment between.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .context("redis-server is not installed")?;
    let companion = Companion(child);
    let started = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        ensure!(started.elapsed() < Duration::from_secs(5), "redis-server did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((companion, format!("redis://127.0.0.1:{port}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_without_an_id_is_said_to_be_one() {
        assert!(text(&json!({ "id": 1 })["id"]).is_err());
        assert_eq!(text(&json!({ "id": "usr_1" })["id"]).unwrap(), "usr_1");
    }
}
