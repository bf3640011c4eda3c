//! The client against the mock server of SAP's Fiori tools behind a gateway of our own, and against hostile servers of our own.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]
#![expect(clippy::print_stdout, reason = "a test that cannot run here says so")]
#![expect(clippy::panic, reason = "what tests share may fail them")]
#![expect(clippy::disallowed_methods, reason = "servers of tests end with the test's runtime")]

mod batches;
mod gateway;
mod hostile;
mod peer;
mod reads;
mod scripted;
mod signing_in;
mod writes;

use std::{sync::Arc, time::Duration};

use millwright_core::Sources;
use millwright_odata::{
    AllowedHost, AllowedHosts, Authorization, Connector, Credential, Destination, Limits, SystemLookup,
};
use serde_json::{Map, Value};
use url::Url;

/// A destination on loopback, which its configuration names.
fn destination(origin: &str, root: &str) -> Destination {
    let host = AllowedHost { origin: origin.to_owned(), networks: vec!["127.0.0.0/8".parse().unwrap()] };
    Destination {
        root: Url::parse(&format!("{origin}{root}")).unwrap(),
        hosts: AllowedHosts::new(&[host]),
        sap_client: None,
        language: None,
        authorities: Vec::new(),
        limits: Limits {
            patience: Duration::from_secs(20),
            requests_per_second: 1_000,
            backoff: Duration::from_millis(2),
            ..Limits::default()
        },
    }
}

fn connector(destination: Destination) -> Connector {
    Connector::new(destination, Sources::system(), Arc::new(SystemLookup)).unwrap()
}

fn nobody() -> Credential {
    Credential { authorization: Authorization::None, certificate: None }
}

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(entries) = value else { panic!("{value} is no object") };
    entries
}
