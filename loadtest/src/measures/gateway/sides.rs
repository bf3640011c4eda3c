//! Who is compared: the stand-in for a model server called directly, Millwright before it, and LiteLLM before it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::MODEL;
use crate::{http::Client, proc::Processor};

/// Its imports alone take seconds.
const PEER_READY: Duration = Duration::from_secs(90);
const PEER_KEY: &str = "sk-bench";

/// A process of this measurement. Killed when dropped.
pub(super) struct Companion(Child);

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a chat can be had.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    pub(super) process: u32,
}

impl Side {
    pub(super) async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address, Some(&self.token)).await
    }

    /// Processor time used so far: PostgreSQL's apart where it is a child.
    pub(super) fn processor(&self) -> Processor {
        crate::proc::processor_with_children(self.process)
    }
}

/// The stand-in of `loadtest/src/upstream`.
pub(super) fn start_upstream(binary: &Path) -> anyhow::Result<(Companion, Side)> {
    let mut child = Command::new(binary).stdout(Stdio::piped()).spawn().context("starting millwright-upstream")?;
    let out = child.stdout.take().context("no output")?;
    let process = child.id();
    let companion = Companion(child);
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let ready: Value = serde_json::from_str(&line).context("millwright-upstream did not start")?;
    let address = ready["address"].as_str().context("no address")?.parse()?;
    Ok((companion, Side { name: "the model server itself", address, token: "none".to_owned(), process }))
}

/// LiteLLM's proxy from a virtual environment, with nothing on but its key: no database, no budgets, no policy.
pub(super) async fn start_litellm(
    environment: &Path,
    scratch: &Path,
    upstream: SocketAddr,
) -> anyhow::Result<(Companion, Side)> {
    let config = scratch.join("litellm.yaml");
    fs::write(
        &config,
        format!(
            "model_list:\n  - model_name: {MODEL}\n    litellm_params: {{model: openai/{MODEL}, api_base: \"http://{upstream}/v1\", \
             api_key: none}}\nlitellm_settings: {{telemetry: false, set_verbose: false}}\n\
             general_settings: {{master_key: {PEER_KEY}}}\n"
        ),
    )?;
    // Taken and given back: nobody else asks for it in the moment between.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let binary: PathBuf = environment.join("bin/litellm");
    let child = Command::new(&binary)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--config"])
        .arg(&config)
        .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        .env("LITELLM_LOG", "ERROR")
        .current_dir(scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(scratch.join("litellm.log"))?)
        .spawn()
        .with_context(|| binary.display().to_string())?;
    let process = child.id();
    let mut companion = Companion(child);
    let started = Instant::now();
    loop {
        if let Ok(mut client) = Client::connect(address, None).await
            && client.get("/health/liveliness").await.is_ok_and(|answer| answer.status == 200)
        {
            return Ok((companion, Side { name: "LiteLLM", address, token: PEER_KEY.to_owned(), process }));
        }
        ensure!(companion.0.try_wait()?.is_none(), "LiteLLM ended");
        ensure!(started.elapsed() < PEER_READY, "LiteLLM was not ready after {} s", PEER_READY.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
