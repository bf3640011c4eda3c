//! The mock server, started once for all tests; it ends with this process.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock},
    time::Duration,
};

use serde_json::Value;

/// What the start script exits with when the server cannot run here.
const CANNOT_RUN: i32 = 77;
pub(crate) const V2: &str = "/sap/opu/odata/sap/ZMW_PURCHASING/";
pub(crate) const V4: &str = "/sap/opu/odata4/sap/zmw_stock/";

/// Held so that its standard input stays open: it ends when this process does.
static RUNNING: OnceLock<Option<(String, Mutex<Child>)>> = OnceLock::new();

/// Where it listens; nothing, and a word about it, where there is no Node.js or its packages cannot be had.
pub(crate) fn origin() -> Option<&'static str> {
    let running = RUNNING.get_or_init(start).as_ref();
    if running.is_none() {
        println!("SKIPPED: the mock server of SAP's Fiori tools cannot run here");
    }
    running.map(|(origin, _)| origin.as_str())
}

fn spawn() -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/sap-odata/start.sh");
    Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What it says first; nothing when it says nothing for a minute: Node.js has been seen to hang at its start.
fn first_line(child: &mut Child) -> Option<String> {
    let out = child.stdout.take()?;
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(out).read_line(&mut line);
        let _ = said.send(line);
    });
    heard.recv_timeout(Duration::from_mins(1)).ok()
}

fn start() -> Option<(String, Mutex<Child>)> {
    let mut child = spawn();
    let line = first_line(&mut child).unwrap_or_else(|| {
        let _ = child.kill();
        let _ = child.wait();
        child = spawn();
        first_line(&mut child).unwrap()
    });
    let mut errors = child.stderr.take().unwrap();
    if line.is_empty() {
        let mut reason = String::new();
        errors.read_to_string(&mut reason).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(CANNOT_RUN), "{reason}");
        println!("SKIPPED: {reason}");
        return None;
    }
    // It logs each refusal; a full pipe would stop it.
    std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
    let ready: Value = serde_json::from_str(&line).unwrap();
    Some((ready["origin"].as_str().unwrap().to_owned(), Mutex::new(child)))
}
