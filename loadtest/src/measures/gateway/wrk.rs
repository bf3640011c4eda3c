//! wrk (Debian's package): load that takes little of the processor.

use std::{net::SocketAddr, process::Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use super::Side;

const SCRIPT: &str = "loadtest/peers/gateway.lua";

/// What is asked for, and how hard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) stream: bool,
    pub(super) connections: usize,
    pub(super) seconds: u64,
}

/// What one run of wrk found; times in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Shot {
    pub(super) requests: u64,
    pub(super) seconds: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) errors: u64,
}

impl Shot {
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// Sends chats as fast as they are answered. `run` makes its requests different from those of all other runs.
pub(super) async fn run(side: &Side, load: Load, run: &str) -> anyhow::Result<Shot> {
    let Load { stream, connections, seconds } = load;
    let address: SocketAddr = side.address;
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "20s", "-s", SCRIPT])
        .arg(format!("http://{address}/v1/chat/completions"))
        .env("WRK_TOKEN", &side.token)
        .env("WRK_MODEL", super::MODEL)
        .env("WRK_STREAM", stream.to_string())
        .env("WRK_RUN", run)
        .stderr(Stdio::inherit())
        .output()
        .await
        .context("running wrk")?;
    ensure!(output.status.success(), "wrk ended with {}", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    let result = said.lines().find_map(|line| line.strip_prefix("RESULT ")).context("wrk said no result")?;
    serde_json::from_str(result).context("wrk's result")
}
