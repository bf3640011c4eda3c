//! Who may call what, as found by calling it: every operation of the OpenAPI document as everybody, compared with the table
//! in `tests/snapshots/permissions.txt`. A change of who may do what is a change of that file, and is reviewed as one.

use std::{collections::BTreeMap, fs, path::PathBuf};

use millwright_core::{Permission, Role};
use reqwest::Response;
use serde_json::json;

use crate::kit::{
    Server, Session, World,
    operations::{Ids, Operation, operations},
    read, root,
    session::id,
};

/// Set to `1` to write the table anew.
const UPDATE: &str = "MILLWRIGHT_TEST_UPDATE_SNAPSHOTS";
const COLUMNS: [&str; 7] = ["anonymous", "viewer", "operator", "admin", "auditor", "documents key", "own key"];
const PREAMBLE: &str = "\
# Who may call what. Made by calling every operation of the OpenAPI document, on ids of nothing, as everybody.
# allowed: the credential is enough (whatever else the answer is). 401: sign in first. 403: not with this credential.
# open: anybody may call it. The documents key of a program has the scope documents:read only; the own key has exactly the
# operation's permission, or a dash where no key can have it. Both belong to a service account that is an admin.
# Written by: MILLWRIGHT_TEST_UPDATE_SNAPSHOTS=1 cargo test -p millwright-server --test service permissions
";

fn file() -> PathBuf {
    root().join("tests/snapshots/permissions.txt")
}

/// What an answer says about the right to ask.
async fn outcome(operation: &Operation, response: Response) -> &'static str {
    let status = response.status().as_u16();
    if operation.permission.is_none() {
        let text = response.text().await.expect("text");
        assert!(!text.contains("no bearer token"), "`{}` is said to be open: {text}", operation.id);
        assert_ne!(status, 403, "`{}` is said to be open: {text}", operation.id);
        return "open";
    }
    match status {
        401 => "401",
        403 => match read(response).await.1["code"].as_str().expect("code") {
            "not_authorized" => "403",
            // Asked for more than a session, which is there.
            "step_up_required" | "second_factor_required" => "allowed",
            other => panic!("`{}`: {other}", operation.id),
        },
        500.. => panic!("`{}`: {status} {}", operation.id, response.text().await.expect("text")),
        _ => "allowed",
    }
}

/// A key for each permission that a program may have, all of one service account that is an admin.
async fn keys(admin: &Session<'_>) -> BTreeMap<Permission, String> {
    let body = json!({ "kind": "service", "display_name": "Program", "role": "admin" });
    let (_, account) = read(admin.post("/api/v1/admin/users", &body).await).await;
    let path = format!("/api/v1/admin/users/{}/api-keys", id(&account["user"]));
    let mut keys = BTreeMap::new();
    for permission in Permission::ALL {
        let body = json!({ "name": "one scope", "scopes": [permission], "expires_in_days": 1 });
        let (status, made) = read(admin.post(&path, &body).await).await;
        assert_eq!(status == 201, permission.is_for_programs(), "{permission}: {made}");
        if status == 201 {
            keys.insert(*permission, made["key"].as_str().expect("key").to_owned());
        }
    }
    keys
}

/// The outcomes of one operation, in the order of the columns.
async fn row(
    world: &World,
    server: &Server,
    tenant: &millwright_core::TenantScope,
    keys: &BTreeMap<Permission, String>,
    operation: &Operation,
) -> Vec<&'static str> {
    let request = || operation.request(server, &Ids::of_nothing());
    let mut found = vec![outcome(operation, request().send().await.expect("send")).await];
    for role in Role::ALL {
        // Somebody else each time: some operations end the session that asks.
        let who = world.somebody(tenant, "Somebody", role).await;
        found.push(outcome(operation, request().bearer_auth(&who.token).send().await.expect("send")).await);
    }
    let own = operation.permission.map(|permission| keys.get(&permission));
    for key in [keys.get(&Permission::DocumentsRead), own.unwrap_or(keys.get(&Permission::ChatUse))] {
        found.push(match key {
            Some(key) => outcome(operation, request().bearer_auth(key).send().await.expect("send")).await,
            None => "-",
        });
    }
    found
}

fn line(name: &str, cells: &[&str]) -> String {
    let line = cells.iter().fold(format!("{name:<32}"), |line, cell| format!("{line} {cell:<13}"));
    line.trim_end().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a person says that the table shall be written anew")]
async fn who_may_call_what_is_as_in_the_table() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let admin = world.somebody(&tenant, "Admin", Role::Admin).await;
    let keys = keys(&server.session(&admin.token)).await;
    let mut operations = operations();
    operations.sort_by(|one, other| one.id.cmp(&other.id));
    let mut found = BTreeMap::new();
    for operation in &operations {
        let row = row(&world, &server, &tenant, &keys, operation).await;
        let (auditor, changes) = (row[4], operation.audit.is_some());
        let profile = operation.id.starts_with("auth.");
        assert!(!changes || profile || auditor == "403", "an auditor may change something by `{}`", operation.id);
        assert!(operation.permission.is_none() || row[0] == "401", "anybody may call `{}`", operation.id);
        found.insert(operation.id.clone(), line(&operation.id, &row));
    }
    let table = format!(
        "{PREAMBLE}\n{}\n{}\n",
        line("operation", &COLUMNS),
        found.values().cloned().collect::<Vec<_>>().join("\n")
    );
    if std::env::var_os(UPDATE).is_some_and(|value| value == "1") {
        fs::write(file(), &table).expect("write the table");
    }
    let kept = fs::read_to_string(file()).expect("tests/snapshots/permissions.txt");
    for (id, line) in &found {
        let row = kept.lines().find(|kept| kept.split_whitespace().next() == Some(id.as_str()));
        let row = row.unwrap_or_else(|| panic!("`{id}` has no row in tests/snapshots/permissions.txt; set {UPDATE}=1"));
        assert_eq!(row, line, "who may call `{id}` is not as in tests/snapshots/permissions.txt; set {UPDATE}=1");
    }
    assert!(kept == table, "tests/snapshots/permissions.txt is out of date; set {UPDATE}=1");
}
