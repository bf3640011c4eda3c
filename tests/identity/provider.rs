//! Signing in at a real provider: who comes in, as what, and whom it keeps out.

use millwright_core::Role;
use serde_json::{Value, json};

use super::peer::{PUBLIC_URL, TENANT, peer, world_with, world_with_entry};
use crate::kit::{
    Server, World,
    identity::{ACCESS, Browser, PENDING, location},
    problem, read,
    session::id,
};

const ME: &str = "/api/v1/auth/me";

async fn me(browser: &mut Browser) -> Value {
    let (status, body) = read(browser.get(ME).await).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// A refused sign-in comes back to the page with a code and a trace id, and to no session.
fn refused(browser: &Browser, to: &str, code: &str) {
    assert!(to.starts_with(&format!("/sign-in?error={code}&trace_id=")), "{to}");
    assert!(!browser.cookies.contains_key(ACCESS) && !browser.cookies.contains_key(PENDING), "{:?}", browser.cookies);
}

#[tokio::test]
async fn somebody_new_comes_in_by_the_provider_with_their_role() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let options: Value =
        server.http.get(server.url("/api/v1/auth/options")).send().await.unwrap().json().await.unwrap();
    assert_eq!(options["providers"], json!([{ "id": "plant", "name": "Plant" }]));
    let mut browser = Browser::new(&server);
    let url = browser.start_at_provider("anna", "/documents/doc_1?tab=text").await;
    assert!(url.starts_with(&peer.issuer) && url.contains("code_challenge_method=S256"), "{url}");
    let pending = browser.cookie(PENDING);
    assert!(pending.has("httponly") && pending.has("secure") && pending.has("samesite=lax"), "{pending:?}");
    let callback = browser.at_provider(&url).await;
    let back = browser.get(&callback).await;
    assert_eq!((back.status().as_u16(), location(&back).as_str()), (302, "/documents/doc_1?tab=text"));
    assert!(!browser.cookies.contains_key(PENDING), "it has done its work");
    let anna = me(&mut browser).await;
    assert_eq!(
        (&anna["role"], &anna["email"], &anna["display_name"]),
        (&json!("admin"), &json!("anna@acme.test"), &json!("Anna"))
    );
    assert_eq!((&anna["tenant"]["name"], &anna["has_password"]), (&json!(TENANT), &json!(false)));
    let session = &read(browser.get("/api/v1/auth/sessions").await).await.1["items"][0];
    assert_eq!((&session["method"], &session["provider"]), (&json!("oidc"), &json!("plant")));
    // The same person again is the same user.
    let mut again = Browser::new(&server);
    assert_eq!(again.sign_in_at_provider("anna").await, "/chat");
    assert_eq!(me(&mut again).await["id"], anna["id"]);
    assert_eq!(world.entries("user.provisioned").await, 1);
    // Nothing of the provider's lies readable in the database or the log.
    let stored = world.db().peek("SELECT row_to_json(s)::text FROM sessions s").await.join("\n");
    let log = server.log().join("\n");
    let code = callback.split_once("code=").unwrap().1.split('&').next().unwrap();
    assert!(!stored.contains("eyJ") && !log.contains(code) && !log.contains("eyJ"), "{log}");
    // There is no password to sign in with, change or reset.
    assert_eq!(server.try_sign_in("anna@acme.test", "").await.status(), 401);
    let change = json!({ "current_password": "x", "new_password": "seven spindles of violet otters" });
    problem(browser.post("/api/v1/auth/password", &change).await, 409, "conflict").await;
    let reset = format!("/api/v1/admin/users/{}/password-reset", id(&anna));
    problem(browser.post(&reset, &json!({})).await, 409, "conflict").await;
}

#[tokio::test]
async fn groups_become_roles_and_a_fixed_tenant_is_not_the_providers_to_say() {
    let peer = peer!();
    peer.change_users(json!({ "anna": { "role": "nothing we know", "tenant_id": "globex", "amr": ["pwd"] } })).await;
    let entry = "tenant = { fixed = \"acme\" }\n\
                 role = { claim = \"nothing\", groups_claim = \"role\", map = { \"shift-leads\" = \"operator\" } }";
    let (_world, server) = world_with_entry(&peer, entry).await;
    let mut browser = Browser::new(&server);
    let to = browser.sign_in_at_provider("anna").await;
    refused(&browser, &to, "not_authorized");
    peer.change_users(json!({ "anna": { "role": ["readers", "shift-leads"] } })).await;
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let anna = me(&mut browser).await;
    assert_eq!((&anna["role"], &anna["tenant"]["name"]), (&json!("operator"), &json!(TENANT)));
}

#[tokio::test]
async fn whom_the_provider_refuses_or_counts_to_no_tenant_stays_out() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    let to = browser.sign_in_at_provider("nobody").await;
    refused(&browser, &to, "unauthenticated");
    let to = browser.sign_in_at_provider("bert").await;
    refused(&browser, &to, "not_authorized");
    assert_eq!(world.db().peek("SELECT email FROM users").await, ["admin@acme.test"], "bert's tenant is not here");
    // Somebody whose tenant sleeps is not even written down.
    let globex = world.tenant("globex").await;
    world.db().tamper("UPDATE tenants SET suspended_at = now() WHERE name = 'globex'").await;
    let to = browser.sign_in_at_provider("bert").await;
    refused(&browser, &to, "unauthenticated");
    assert_eq!(world.db().peek("SELECT email FROM users").await.len(), 1);
    world.db().tamper("UPDATE tenants SET suspended_at = NULL").await;
    assert_eq!(browser.sign_in_at_provider("bert").await, "/chat");
    assert_eq!(me(&mut browser).await["tenant"]["id"], json!(globex.tenant_id().to_string()));
    assert_eq!(server.http.get(server.url("/api/v1/auth/oidc/other/start")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_sign_in_is_finished_by_the_browser_that_began_it_and_once() {
    let peer = peer!();
    let (_world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    let url = browser.start_at_provider("anna", "/chat").await;
    let callback = browser.at_provider(&url).await;
    // A link with somebody else's code, opened in a browser that began nothing, or began another sign-in.
    let mut victim = Browser::new(&server);
    let to = location(&victim.get(&callback).await);
    refused(&victim, &to, "unauthenticated");
    victim.start_at_provider("bert", "/chat").await;
    let to = location(&victim.get(&callback).await);
    refused(&victim, &to, "unauthenticated");
    let begun = browser.clone();
    let spoilt = |from: &str, to: &str| callback.replace(from, to);
    for bad in [
        spoilt("state=", "state=x"),
        spoilt("state=", "other="),
        spoilt("code=", "code=x"),
        spoilt("iss=", "iss=x"),
        format!("{callback}&error=access_denied"),
        "/api/v1/auth/oidc/callback".to_owned(),
        "/api/v1/auth/oidc/callback?error=access_denied".to_owned(),
        "/api/v1/auth/oidc/callback?code=%ff&state=%00".to_owned(),
    ] {
        let mut attempt = begun.clone();
        let to = location(&attempt.get(&bad).await);
        refused(&attempt, &to, "unauthenticated");
    }
    let mut changed = begun.clone();
    changed.cookies.get_mut(PENDING).unwrap().value.replace_range(30..31, "#");
    let to = location(&changed.get(&callback).await);
    refused(&changed, &to, "unauthenticated");
    // The code went to the provider with a wrong end, which does not use up the right one.
    assert_eq!(location(&browser.get(&callback).await), "/chat");
    let mut replay = begun;
    let to = location(&replay.get(&callback).await);
    refused(&replay, &to, "unauthenticated");
}

#[tokio::test]
async fn a_link_to_sign_in_leads_to_no_other_host() {
    let peer = peer!();
    let (_world, server) = world_with(&peer).await;
    let places = [
        "//evil.example",
        "https://evil.example",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
        "/%09/evil.example",
        "/%2Fevil.example",
        "javascript:alert(1)",
        "/a%0d%0aset-cookie:x=1",
    ];
    for place in places {
        let mut browser = Browser::new(&server);
        let url = browser.start_at_provider("anna", place).await;
        let callback = browser.at_provider(&url).await;
        let back = browser.get(&callback).await;
        let base = reqwest::Url::parse(PUBLIC_URL).unwrap();
        let to = base.join(&location(&back)).unwrap();
        assert_eq!(to.origin(), base.origin(), "{place} led to {to}");
        assert!(back.headers().get("x").is_none());
    }
}

async fn invited(server: &Server, email: &str) -> (Value, String) {
    let admin = server.sign_in("admin@acme.test").await;
    let body = json!({ "email": email, "display_name": "Anna", "role": "viewer" });
    let (status, made) = admin.posted("/api/v1/admin/users", &body).await;
    assert_eq!(status, 201, "{made}");
    let link = made["invitation"]["url"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
    (made["user"].clone(), link)
}

#[tokio::test]
async fn an_invited_person_is_recognised_by_a_verified_address_alone() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let (user, link) = invited(&server, "anna@acme.test").await;
    peer.change_users(json!({ "anna": { "email_verified": false } })).await;
    let mut browser = Browser::new(&server);
    let to = browser.sign_in_at_provider("anna").await;
    refused(&browser, &to, "not_authorized");
    peer.change_users(json!({ "anna": { "email_verified": true } })).await;
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let anna = me(&mut browser).await;
    assert_eq!((&anna["id"], &anna["role"]), (&user["id"], &json!("admin")), "the provider says what she is");
    assert_eq!(world.entries("user.linked").await, 1);
    // The invitation that still lies in a mailbox opens nothing any more.
    let body = json!({ "token": link, "password": "seven spindles of violet otters" });
    problem(server.open_post("/api/v1/auth/set-password", &body).await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn the_provider_hands_nobody_an_account_that_has_a_password() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    peer.change_users(json!({ "anna": { "email": "Admin@ACME.test", "email_verified": true } })).await;
    let mut browser = Browser::new(&server);
    let to = browser.sign_in_at_provider("anna").await;
    refused(&browser, &to, "not_authorized");
    // Nor that of another person of the provider.
    peer.change_users(json!({ "anna": { "email": "anna@acme.test" } })).await;
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let twin = json!({ "tenant_id": TENANT, "role": "viewer", "email": "anna@acme.test", "email_verified": true });
    peer.change_users(json!({ "twin": twin })).await;
    let mut other = Browser::new(&server);
    let to = other.sign_in_at_provider("twin").await;
    refused(&other, &to, "not_authorized");
    assert_eq!(world.db().peek("SELECT email FROM users").await.len(), 2);
}

#[tokio::test]
async fn a_second_factor_here_is_asked_for_after_the_provider() {
    let peer = peer!();
    let (world, server) = world_with(&peer).await;
    let mut browser = Browser::new(&server);
    assert_eq!(browser.sign_in_at_provider("anna").await, "/chat");
    let (_, begun) = read(browser.post("/api/v1/auth/totp", &json!({})).await).await;
    let mut authenticator = crate::kit::people::Authenticator::scan(begun["otpauth_uri"].as_str().unwrap());
    let code = json!({ "code": authenticator.code().await });
    assert_eq!(browser.post("/api/v1/auth/totp/confirm", &code).await.status(), 200);

    let mut browser = Browser::new(&server);
    let to = browser.sign_in_at_provider("anna").await;
    assert_eq!(to, "/sign-in/second-factor?return=%2Fchat");
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [PENDING], "no session yet");
    assert!(browser.cookie(PENDING).value.len() < 3900, "browsers keep 4096 bytes");
    assert_eq!(browser.get(ME).await.status(), 401);
    let code = json!({ "code": authenticator.code().await });
    assert_eq!(browser.post("/api/v1/auth/login/second-factor", &code).await.status(), 200);
    assert!(!browser.cookies.contains_key(PENDING));
    assert_eq!(me(&mut browser).await["role"], "admin");
    // The session still follows the provider.
    peer.change_users(json!({ "anna": { "role": "viewer" } })).await;
    assert_eq!(browser.refresh().await.1["user"]["role"], "viewer");
    let _ = (world, Role::Viewer);
}

#[tokio::test]
async fn many_first_sign_ins_at_once_make_one_user() {
    let peer = peer!();
    let (world, server): (World, Server) = world_with(&peer).await;
    let signed_in = (0..6).map(|_| {
        let mut browser = Browser::new(&server);
        async move { browser.sign_in_at_provider("anna").await }
    });
    assert_eq!(futures::future::join_all(signed_in).await, ["/chat"; 6]);
    assert_eq!(world.entries("user.provisioned").await, 1);
}
