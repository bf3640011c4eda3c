//! The OpenAPI document, believed word by word by somebody else: schemathesis makes requests from it, good and bad, and finds
//! no 5xx and no answer that the document does not describe.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use millwright_core::Role;
use serde_json::{Value, json};

use crate::kit::{Session, World, read, root, session::id};

/// Ids of things that are there: half of the requests would find nothing otherwise. What is read is read of these; what is
/// changed is changed of a service account that is there for that.
async fn things(session: &Session<'_>) -> String {
    let text = |value: &Value| value.as_str().expect("id").to_owned();
    let document = session.take_in("pump.txt", "The pump is oiled every 500 hours.").await;
    let answer = session.ask("How often is the pump oiled?").await;
    let account = json!({ "kind": "service", "display_name": "Program", "role": "viewer" });
    let (_, account) = read(session.post("/api/v1/admin/users", &account).await).await;
    let mut config = String::new();
    for (path, method, id) in [
        ("documents", "GET", id(&document)),
        ("conversations", "GET", &text(&answer["conversation_id"])),
        ("conversations", "PATCH", &text(&answer["conversation_id"])),
        ("runs", "GET", &text(&answer["run_id"])),
        ("admin/users", "GET", id(&account["user"])),
        ("admin/users", "PATCH", id(&account["user"])),
        ("admin/users", "POST", id(&account["user"])),
    ] {
        writeln!(
            config,
            "[[operations]]\ninclude-path-regex = '^/api/v1/{path}/\\{{id\\}}'\ninclude-method = '{method}'\n\
             parameters = {{ 'path.id' = '{id}' }}\n"
        )
        .expect("write");
    }
    config
}

/// Operations that may end the session that asks: with it gone, the others would be answered with 401 only.
const LAST: &[(&str, &str)] = &[
    ("auth.logout", "ends the session"),
    ("admin.security_policy.set", "a policy that asks admins for a second factor ends theirs"),
];

/// Runs it with these options to its end. False where it cannot be had.
async fn run(session: &Session<'_>, config: &Path, options: Vec<String>) -> bool {
    let mut command = Command::new(root().join("tests/peers/schemathesis/run.sh"));
    command.args([&session.server.base, &session.token]).arg(config).args(options);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(Duration::from_mins(10), output).await.expect("in time");
    let output = output.expect("join").expect("run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("SKIPPED") || said.contains("Test cases:"), "it tested nothing: {said}");
    !said.starts_with("SKIPPED")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_the_document_describes() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let admin = world.somebody(&tenant, "Admin", Role::Admin).await;
    let server = world.server().await;
    let session = server.session(&admin.token);
    let config = world.data.path().join("schemathesis.toml");
    std::fs::write(&config, things(&session).await).expect("write");
    let last = |option: &str| LAST.iter().flat_map(|(id, _)| [option.to_owned(), (*id).to_owned()]).collect::<Vec<_>>();
    if run(&session, &config, last("--exclude-operation-id")).await {
        let me = session.json("/api/v1/auth/me").await;
        assert_eq!(me["role"], "admin", "the session lasted to the end, so that what was tested was not only 401");
        assert!(run(&session, &config, last("--include-operation-id")).await);
    }
}
