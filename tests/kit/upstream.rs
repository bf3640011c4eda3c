//! Model servers that stand in for real ones: processes of `loadtest/src/upstream`, which can be killed, and told to do
//! wrong in chosen ways. Real model servers are tested where they can be installed.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Once,
};

use serde_json::{Value, json};

use super::{client, root};

/// A stand-in. Killed when dropped.
pub(crate) struct Upstream {
    child: Child,
    /// `127.0.0.1:PORT`; stays the same when it is started again.
    pub(crate) address: String,
    control: String,
}

/// The binary. `cargo test --workspace` has built it beside that of the service; otherwise it is built now.
fn binary() -> PathBuf {
    static BUILT: Once = Once::new();
    let path = PathBuf::from(env!("CARGO_BIN_EXE_millwright")).with_file_name("millwright-upstream");
    BUILT.call_once(|| {
        if !path.exists() {
            let arguments = ["build", "--locked", "-p", "millwright-loadtest", "--bin", "millwright-upstream"];
            let status = Command::new(env!("CARGO")).args(arguments).current_dir(root()).status().expect("cargo");
            assert!(status.success() && path.exists(), "millwright-upstream was not built");
        }
    });
    path
}

impl Upstream {
    pub(crate) fn start() -> Self {
        Self::on(0, 0)
    }

    fn on(port: u16, control_port: u16) -> Self {
        let mut command = Command::new(binary());
        command.args(["--threads", "1", "--port", &port.to_string(), "--control-port", &control_port.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("start the stand-in");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("ready");
        let ready: Value = serde_json::from_str(&line).expect("json");
        let text = |name: &str| ready[name].as_str().expect("address").to_owned();
        Self { child, address: text("address"), control: text("control") }
    }

    /// Up to and with its `/v1`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// At the same address, in a new process.
    pub(crate) fn start_again(&mut self) {
        self.kill();
        let port = |address: &str| address.rsplit_once(':').expect("port").1.parse().expect("port");
        *self = Self::on(port(&self.address), port(&self.control));
    }

    /// Does this wrong from now on, for instance `{ "kind": "stall" }`.
    pub(crate) async fn fault(&self, fault: &Value) {
        let response = client().post(format!("http://{}/fault", self.control)).json(fault).send().await;
        assert!(response.is_ok_and(|response| response.status().is_success()), "the stand-in did not take {fault}");
    }

    /// Does nothing wrong from now on.
    pub(crate) async fn heal(&self) {
        self.fault(&json!({ "kind": "none" })).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.kill();
    }
}
