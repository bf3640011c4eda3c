//! Sessions and tokens of a real provider: what changes there changes here.

use serde_json::{Value, json};

use super::peer::{PUBLIC_URL, believe, peer, world_with};
use crate::kit::{
    World,
    identity::{Browser, REFRESH, SECOND},
    problem, read,
    session::id,
};

const ME: &str = "/api/v1/auth/me";
const DOCUMENTS: &str = "/api/v1/documents";

#[tokio::test]
async fn a_role_that_changes_at_the_provider_changes_here_at_the_next_refresh() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let (mut browser, mut other) = (Browser::new(&server), Browser::new(&server));
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    assert_eq!(other.sign_in_at_provider("anna").await, "/chat");
    peer.change_users(json!({ "anna": { "role": "viewer" } })).await;
    assert_eq!(browser.get("/api/v1/admin/users").await.status(), 200, "until then nobody knows");
    let (status, body) = browser.refresh().await;
    assert_eq!((status, &body["user"]["role"]), (200, &json!("viewer")), "{body}");
    assert_eq!(browser.get("/api/v1/admin/users").await.status(), 403);
    // Her other session is held to it as well, at once.
    tokio::time::sleep(SECOND).await;
    assert_eq!(other.get("/api/v1/admin/users").await.status(), 401);
    assert_eq!(other.refresh().await.1["user"]["role"], "viewer");
    assert_eq!(world.entries("user.role_synchronised").await, 1);
    // What is no role any more is no session any more.
    peer.change_users(json!({ "anna": { "role": "visitor" } })).await;
    assert_eq!(browser.refresh().await.0, 401);
    assert_eq!(browser.get(ME).await.status(), 401);
    assert_eq!(world.entries("session.refused_by_provider").await, 1);
}

#[tokio::test]
async fn who_moves_to_another_tenant_takes_no_rights_back_to_the_old_one() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    world.tenant("globex").await;
    peer.change_users(json!({ "anna": { "role": "viewer" } })).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    peer.change_users(json!({ "anna": { "tenant_id": "globex", "role": "admin" } })).await;
    let (status, body) = browser.refresh().await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "{body}");
    let roles = world.db().peek("SELECT role FROM users WHERE email = 'anna@acme.test'").await;
    assert_eq!(roles, ["viewer"], "an admin there is none here");
}

#[tokio::test]
async fn a_provider_that_refuses_ends_the_session_and_one_that_is_down_does_not() {
    let mut peer = peer!();
    let (_world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    peer.stop();
    let before = browser.cookie(REFRESH).value.clone();
    for _ in 0..2 {
        let (status, body) = browser.refresh().await;
        assert_eq!((status, &body["code"]), (503, &json!("upstream_unavailable")), "{body}");
    }
    assert_eq!(browser.cookie(REFRESH).value, before, "nothing was used up");
    assert_eq!(browser.get(ME).await.status(), 200, "until the access token ends, work goes on");
    // Signing out needs no provider.
    let mut leaving = browser.clone();
    let mut dead = browser.clone();
    let (status, body) = read(leaving.post("/api/v1/auth/logout", &json!({})).await).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(dead.get(ME).await.status(), 401);
    let mut waiting = Browser::new(&server);
    let start = waiting.get("/api/v1/auth/oidc/plant/start").await;
    assert!([302, 503].contains(&start.status().as_u16()));
    // It comes back and knows nobody: what it gave before is refused.
    peer.started_again();
    let mut browser = Browser::new(&server);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    peer.change_users(json!({ "anna": null })).await;
    let (status, body) = browser.refresh().await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "{body}");
    assert!(!browser.cookies.contains_key(REFRESH));
}

#[tokio::test]
async fn a_stolen_refresh_token_is_noticed_also_while_the_provider_is_down() {
    let mut peer = peer!();
    let (world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let mut thief = browser.clone();
    assert_eq!(browser.refresh().await.0, 200);
    peer.stop();
    assert_eq!(thief.refresh().await.0, 401);
    assert_eq!(browser.get(ME).await.status(), 401, "the family has ended");
    assert_eq!(world.entries("session.reuse_detected").await, 1);
}

#[tokio::test]
async fn keys_rotate_in_the_middle_of_sessions_and_nobody_notices() {
    let peer = peer!();
    let (_world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let old = peer.access_token().await;
    assert_eq!(server.status(&old, DOCUMENTS).await, 200);
    peer.rotate_keys(true).await;
    let new = peer.access_token().await;
    assert_eq!((server.status(&new, DOCUMENTS).await, server.status(&old, DOCUMENTS).await), (200, 200));
    assert_eq!(browser.refresh().await.0, 200, "with an ID token that the new key signed");
    assert_eq!(Browser::new(&server).sign_in_at_provider("anna").await, "/chat");
}

#[tokio::test]
async fn access_tokens_of_the_provider_open_the_api() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let token = peer.access_token().await;
    let me = server.session(&token).json(ME).await;
    assert_eq!(
        (&me["role"], &me["tenant"]["name"], &me["session_id"]),
        (&json!("operator"), &json!("acme"), &Value::Null)
    );
    assert_eq!(server.status(&token, "/api/v1/admin/users").await, 403);
    assert_eq!(world.entries("user.provisioned").await, 1);
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    for forged in [
        format!("{head}.{claims}."),
        format!("eyJhbGciOiJub25lIn0.{claims}."),
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{signature}"),
        format!("{head}.{claims}.{}", signature.chars().rev().collect::<String>()),
    ] {
        problem(server.session(&forged).get(DOCUMENTS).await, 401, "unauthenticated").await;
    }
    // Disabled here, its token is dead at once; enabled again, it is looked up anew.
    let admin = server.sign_in("admin@acme.test").await;
    let path = format!("/api/v1/admin/users/{}", id(&me));
    assert_eq!(admin.patch(&path, &json!({ "status": "disabled" })).await.status(), 200);
    server.dead_within(&token, ME, SECOND).await;
    assert_eq!(admin.patch(&path, &json!({ "status": "active" })).await.status(), 200);
    assert_eq!(server.status(&token, ME).await, 200);
}

#[tokio::test]
async fn signing_out_ends_it_at_the_provider_too() {
    let peer = peer!();
    let (_world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let (status, body) = read(browser.post("/api/v1/auth/logout", &json!({})).await).await;
    let to = body["redirect_to"].as_str().unwrap_or_else(|| panic!("{body}"));
    assert_eq!(status, 200);
    assert!(to.starts_with(&format!("{}/session/end?id_token_hint=", peer.issuer)), "{to}");
    let back = format!("post_logout_redirect_uri={}%2Fsign-in", PUBLIC_URL.replace(':', "%3A").replace('/', "%2F"));
    assert!(to.contains(&back), "{to}");
    assert_eq!(browser.get(ME).await.status(), 401);
}

#[tokio::test]
async fn sessions_of_a_provider_that_is_believed_no_longer_end() {
    let peer = peer!();
    let (mut world, server): (World, _) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    believe(&mut world, &peer, "tenant = { claim = \"tenant_id\" }");
    world.set("IDENTITY_PROVIDERS_FILE", "");
    let later = world.second_server().await;
    browser.base.clone_from(&later.base);
    assert_eq!(browser.refresh().await.0, 401);
    assert_eq!(world.entries("session.refused_by_provider").await, 1);
}
