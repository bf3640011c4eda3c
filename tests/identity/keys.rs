//! Keys of programs: shown once, no stronger than their owner, dead when revoked.

use millwright_core::Role;
use serde_json::{Value, json};

use crate::kit::{World, identity::ends_everywhere, problem, read, session::id};

const KEYS: &str = "/api/v1/auth/api-keys";
const DOCUMENTS: &str = "/api/v1/documents";
const AUDIT: &str = "/api/v1/admin/audit";

#[tokio::test]
async fn a_key_is_shown_once_and_does_what_its_scopes_say() {
    let (world, _, first, second) = World::with_two_servers().await;
    let operator = first.sign_in("operator@a.test").await;
    let (key, made) = operator.make_key(&["documents:read", "chat:use"]).await;
    let prefix = made["prefix"].as_str().unwrap();
    assert!(key.starts_with(prefix) && prefix.starts_with("mwk_") && prefix.len() == 12 && key.len() > 50);
    let keys = operator.all(KEYS, 10).await;
    assert_eq!((keys.len(), &keys[0]["prefix"], &keys[0]["last_used_at"]), (1, &json!(prefix), &Value::Null));
    assert!(!keys[0].to_string().contains(&key), "it is never shown again");

    assert_eq!((first.status(&key, DOCUMENTS).await, second.status(&key, DOCUMENTS).await), (200, 200));
    assert!(operator.all(KEYS, 10).await[0]["last_used_at"].is_string());
    let program = first.session(&key);
    assert!(program.ask("How often is the pump greased?").await["conversation_id"].is_string());
    problem(program.upload("a.md", "# A").await, 403, "not_authorized").await;
    problem(program.get(AUDIT).await, 403, "not_authorized").await;
    // Nothing that belongs to a person in front of a screen.
    for path in ["/api/v1/auth/me", "/api/v1/auth/sessions", KEYS] {
        problem(program.get(path).await, 403, "not_authorized").await;
    }
    let another = json!({ "name": "x", "scopes": ["documents:read"], "expires_in_days": 1 });
    problem(program.post(KEYS, &another).await, 403, "not_authorized").await;
    let step_up = json!({ "purpose": "totp.disable", "code": "000000" });
    problem(program.post("/api/v1/auth/step-up", &step_up).await, 403, "not_authorized").await;

    // The log names the key by its prefix and nothing names the rest.
    let lines = first.log();
    let named = lines.iter().filter(|line| line.contains(prefix) && line.contains("/api/v1/documents"));
    assert!(named.count() >= 1, "no request's line names {prefix}");
    assert!(!lines.iter().chain(&second.log()).any(|line| line.contains(&key)));
    let stored = world.db().peek("SELECT row_to_json(k)::text FROM api_keys k").await;
    assert!(!stored.iter().any(|row| row.contains(&key)));
    let entry = &first.sign_in("admin@a.test").await.audit("action=api_key.created").await[0];
    assert!(entry.to_string().contains(prefix) && !entry.to_string().contains(&key), "{entry}");
}

#[tokio::test]
async fn nobody_makes_a_key_that_does_more_than_they_may() {
    let (_world, _, first, _) = World::with_two_servers().await;
    let viewer = first.sign_in("viewer@a.test").await;
    for scope in
        ["documents:write", "audit:read", "users:read", "users:manage", "profile:manage", "configuration:manage"]
    {
        let body = json!({ "name": "x", "scopes": ["documents:read", scope], "expires_in_days": 1 });
        let refused = problem(viewer.post(KEYS, &body).await, 422, "validation_failed").await;
        assert!(refused.to_string().contains(scope), "{refused}");
    }
    for (scopes, days) in [(json!(["root"]), 1), (json!([]), 1), (json!(["chat:use"]), 0), (json!(["chat:use"]), 366)] {
        let body = json!({ "name": "x", "scopes": scopes, "expires_in_days": days });
        problem(viewer.post(KEYS, &body).await, 422, "validation_failed").await;
    }
    // Not even an admin's program manages people.
    let admin = first.sign_in("admin@a.test").await;
    let body = json!({ "name": "x", "scopes": ["users:manage"], "expires_in_days": 1 });
    problem(admin.post(KEYS, &body).await, 422, "validation_failed").await;
    // People make their keys themselves.
    let path = format!("/api/v1/admin/users/{}/api-keys", id(&admin.find_user("viewer@a.test").await));
    let body = json!({ "name": "x", "scopes": ["documents:read"], "expires_in_days": 1 });
    problem(admin.post(&path, &body).await, 409, "conflict").await;
    problem(viewer.post(&path, &body).await, 403, "not_authorized").await;
}

#[tokio::test]
async fn a_key_follows_its_owners_role_down_and_up_without_a_pause() {
    let (world, tenant, first, second) = World::with_two_servers().await;
    world.user(&tenant, "second-admin@a.test", Role::Admin).await;
    let admin = first.sign_in("admin@a.test").await;
    let owner = second.sign_in("second-admin@a.test").await;
    let (key, _) = owner.make_key(&["documents:read", "audit:read", "users:read", "jobs:manage"]).await;
    let statuses = async || {
        let mut found = Vec::new();
        for server in [&first, &second] {
            for path in [DOCUMENTS, AUDIT, "/api/v1/admin/users"] {
                found.push(server.status(&key, path).await);
            }
        }
        found
    };
    assert_eq!(statuses().await, [200; 6]);
    let path = format!("/api/v1/admin/users/{}", id(&admin.find_user("second-admin@a.test").await));
    assert_eq!(admin.patch(&path, &json!({ "role": "viewer" })).await.status(), 200);
    tokio::time::sleep(crate::kit::identity::SECOND).await;
    assert_eq!(statuses().await, [200, 403, 403, 200, 403, 403], "what an admin may, a viewer's key may not");
    assert_eq!(admin.patch(&path, &json!({ "role": "auditor" })).await.status(), 200);
    tokio::time::sleep(crate::kit::identity::SECOND).await;
    assert_eq!(statuses().await, [403, 200, 200, 403, 200, 200]);
}

#[tokio::test]
async fn revoked_and_expired_keys_end_everywhere() {
    let (world, _, first, second) = World::with_two_servers().await;
    let operator = first.sign_in("operator@a.test").await;
    let (key, made) = operator.make_key(&["documents:read"]).await;
    assert_eq!((first.status(&key, DOCUMENTS).await, second.status(&key, DOCUMENTS).await), (200, 200));
    let viewer = second.sign_in("viewer@a.test").await;
    let path = format!("{KEYS}/{}", id(&made));
    assert_eq!(viewer.delete(&path).await, 404, "it is another's");
    assert_eq!(operator.delete(&path).await, 204);
    ends_everywhere("one's own key", &[&first, &second], &key, DOCUMENTS).await;
    assert!(operator.all(KEYS, 10).await[0]["revoked_at"].is_string());
    assert_eq!(operator.delete(&path).await, 404);

    let (key, made) = operator.make_key(&["documents:read"]).await;
    assert_eq!(second.status(&key, DOCUMENTS).await, 200);
    let admin = first.sign_in("admin@a.test").await;
    let user = admin.find_user("operator@a.test").await;
    assert_eq!(user["api_key_count"], 1);
    let path = format!("/api/v1/admin/users/{}/api-keys", id(&user));
    assert_eq!(admin.all(&path, 1).await.len(), 2);
    assert_eq!(admin.delete(&format!("{path}/{}", id(&made))).await, 204);
    ends_everywhere("a key, by an admin", &[&first, &second], &key, DOCUMENTS).await;

    let (key, _) = operator.make_key(&["documents:read"]).await;
    world.db().tamper("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE revoked_at IS NULL").await;
    assert_eq!(first.status(&key, DOCUMENTS).await, 401);
    for key in ["mwk_", "mwk_x", &key[..key.len() - 1], &format!("{key}A")] {
        assert_eq!(second.status(key, DOCUMENTS).await, 401);
    }
}

#[tokio::test]
async fn a_service_account_acts_by_keys_alone() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let robot = json!({ "kind": "service", "display_name": "Nightly export", "role": "viewer" });
    let (status, robot) = admin.posted("/api/v1/admin/users", &robot).await;
    assert_eq!((status, &robot["user"]["email"], &robot["invitation"]), (201, &Value::Null, &Value::Null));
    let user = format!("/api/v1/admin/users/{}", id(&robot["user"]));
    let path = format!("{user}/api-keys");
    // Beyond its role an admin may give what only reads.
    let (key, _) = admin.make_key_at(&path, &["chat:use", "audit:read"]).await;
    assert_eq!((first.status(&key, AUDIT).await, second.status(&key, AUDIT).await), (200, 200));
    assert_eq!(second.status(&key, DOCUMENTS).await, 403, "only what its scopes say");
    for scope in ["documents:write", "jobs:manage", "profile:manage", "users:manage"] {
        let body = json!({ "name": "x", "scopes": [scope], "expires_in_days": 1 });
        problem(admin.post(&path, &body).await, 422, "validation_failed").await;
    }
    for name in ["Nightly export", "", "nightly export@a.test"] {
        assert_eq!(first.try_sign_in(name, crate::kit::PASSWORD).await.status(), 401);
    }
    assert_eq!(admin.patch(&user, &json!({ "status": "disabled" })).await.status(), 200);
    ends_everywhere("the key of a disabled service account", &[&first, &second], &key, AUDIT).await;
    let body = json!({ "name": "x", "scopes": ["chat:use"], "expires_in_days": 1 });
    let (status, made) = read(admin.post(&path, &body).await).await;
    if status == 201 {
        assert_eq!(second.status(made["key"].as_str().unwrap(), DOCUMENTS).await, 401, "it is still disabled");
    }
    assert_eq!(world.entries("api_key.created").await, if status == 201 { 2 } else { 1 });
}
