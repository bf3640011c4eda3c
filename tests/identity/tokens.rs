//! Bearer tokens for development, and tokens that somebody made up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millwright_core::Role;
use serde_json::{Value, json};

use crate::kit::{
    SECRET_KEY, Server, World,
    identity::{Tokens, sign_hs256},
    problem,
    session::id,
};

const SECRET: &str = "a-development-secret-that-only-tests-use";
const ME: &str = "/api/v1/auth/me";
const DOCUMENTS: &str = "/api/v1/documents";

async fn dev_world() -> (World, Server) {
    let mut world = World::new().await;
    world.set("DEV_JWT_SECRET", SECRET);
    let tenant = world.tenant("acme").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    (world, server)
}

fn claims(world: &World) -> Value {
    json!({ "sub": "alice", "tenant_id": "acme", "role": "operator", "exp": world.sources.now().timestamp() + 600 })
}

fn changed(claims: &Value, name: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[name] = value;
    changed
}

fn token(claims: &Value) -> String {
    sign_hs256(SECRET.as_bytes(), &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

#[tokio::test]
async fn production_does_not_start_with_the_development_secret() {
    let mut world = World::new().await;
    world.tenant("acme").await;
    world.set("DEV_JWT_SECRET", SECRET).set("ENVIRONMENT", "production");
    let (succeeded, _, error) = world.command(&["serve"]);
    assert!(!succeeded && error.contains("DEV_JWT_SECRET"), "{error}");
    assert!(!error.contains(SECRET), "the message repeats the secret");
    world.set("DEV_JWT_SECRET", "short").set("ENVIRONMENT", "dev");
    let (succeeded, _, error) = world.command(&["serve"]);
    assert!(!succeeded && error.contains("DEV_JWT_SECRET"), "{error}");
}

#[tokio::test]
async fn without_the_development_secret_its_tokens_are_nothing() {
    let (world, server) = World::with_admin().await;
    let claims = changed(&claims(&world), "tenant_id", json!("A"));
    for secret in [SECRET, SECRET_KEY, ""] {
        let token = sign_hs256(secret.as_bytes(), &json!({ "alg": "HS256" }), &claims);
        problem(server.session(&token).get(DOCUMENTS).await, 401, "unauthenticated").await;
    }
}

#[tokio::test]
async fn four_claims_are_enough_and_make_a_user() {
    let (world, server) = dev_world().await;
    let claims = claims(&world);
    let alice = server.session(&token(&claims)).json(ME).await;
    assert_eq!(
        (&alice["role"], &alice["display_name"], &alice["session_id"]),
        (&json!("operator"), &json!("alice"), &Value::Null)
    );
    for name in ["sub", "tenant_id", "role", "exp"] {
        let mut without = claims.clone();
        without.as_object_mut().unwrap().remove(name);
        problem(server.session(&token(&without)).get(ME).await, 401, "unauthenticated").await;
    }
    // The same person again, by a newer token with another role.
    let viewer = token(&changed(&claims, "role", json!("viewer")));
    let again = server.session(&viewer).json(ME).await;
    assert_eq!((&again["id"], &again["role"]), (&alice["id"], &json!("viewer")));
    let admin = server.sign_in("admin@a.test").await;
    let found = admin.find_user("alice").await;
    assert_eq!((&found["providers"], &found["has_password"]), (&json!(["dev"]), &json!(false)));
    let entries = admin.audit("action=user.provisioned").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["resource_id"], found["id"], "{}", entries[0]);
    // A token is no session: what belongs to one cannot be done with it.
    let program = server.session(&viewer);
    for (path, body) in [
        ("/api/v1/auth/logout", json!({})),
        ("/api/v1/auth/totp", json!({})),
        ("/api/v1/auth/api-keys", json!({ "name": "x", "scopes": ["chat:use"], "expires_in_days": 1 })),
    ] {
        problem(program.post(path, &body).await, 403, "not_authorized").await;
    }
    // Who is disabled here is out, whatever the token says.
    let user = format!("/api/v1/admin/users/{}", id(&found));
    assert_eq!(admin.patch(&user, &json!({ "status": "disabled" })).await.status(), 200);
    server.dead_within(&viewer, ME, crate::kit::identity::SECOND).await;
    assert_eq!(server.status(&token(&changed(&claims, "exp", json!(4_000_000_000_u32))), ME).await, 401);
}

#[tokio::test]
async fn many_first_requests_at_once_make_one_user() {
    let (world, server) = dev_world().await;
    let second = world.second_server().await;
    for (subject, email) in [("bob", None), ("carol", Some("carol@acme.test"))] {
        let mut claims = changed(&claims(&world), "sub", json!(subject));
        if let Some(email) = email {
            claims["email"] = json!(email);
        }
        let requests = (0..24).map(|number| {
            let server = if number % 2 == 0 { &server } else { &second };
            // Each a token of its own, so that none is remembered from another.
            let token = token(&changed(&claims, "jti", json!(number)));
            async move { server.status(&token, DOCUMENTS).await }
        });
        let statuses = futures::future::join_all(requests).await;
        assert_eq!(statuses, [200; 24], "{subject}");
        let made = world
            .db()
            .peek(&format!("SELECT id::text FROM users WHERE display_name IN ('{subject}', '{}')", email.unwrap_or("")))
            .await;
        assert_eq!(made.len(), 1, "{subject}");
    }
    assert_eq!(world.entries("user.provisioned").await, 2);
}

#[tokio::test]
async fn a_token_for_nobodys_tenant_says_so() {
    let (world, server) = dev_world().await;
    let suspended = world.tenant("sleeping").await;
    world.user(&suspended, "admin@b.test", Role::Admin).await;
    world.db().tamper("UPDATE tenants SET suspended_at = now() WHERE name = 'sleeping'").await;
    let claims = claims(&world);
    for tenant in ["globex", "", "acme ", "ACME", "a\u{0}cme", "'; DROP TABLE users; --"] {
        let token = token(&changed(&claims, "tenant_id", json!(tenant)));
        let refused = problem(server.session(&token).get(DOCUMENTS).await, 403, "not_authorized").await;
        assert!(refused["detail"].as_str().unwrap().contains("tenant"), "{refused}");
    }
    let token_of_sleeping = token(&changed(&claims, "tenant_id", json!("sleeping")));
    problem(server.session(&token_of_sleeping).get(DOCUMENTS).await, 401, "unauthenticated").await;
    assert_eq!(world.db().peek("SELECT id::text FROM users WHERE display_name = 'alice'").await.len(), 0);
    for (name, value) in [
        ("role", json!("root")),
        ("role", json!(["admin"])),
        ("sub", json!("")),
        ("sub", json!("x".repeat(300))),
        ("exp", json!(world.sources.now().timestamp() - 61)),
        ("nbf", json!(world.sources.now().timestamp() + 90)),
        ("aud", json!("somebody-else")),
        ("iss", json!("https://idp.example")),
    ] {
        let token = token(&changed(&claims, name, value.clone()));
        problem(server.session(&token).get(DOCUMENTS).await, 401, "unauthenticated").await;
    }
    // What a claim beside them holds is no reason to fail.
    for (name, value) in [("email", json!("no address")), ("email", json!("a\u{0}@b.test")), ("name", json!("a\u{0}b"))]
    {
        let mut claims = changed(&claims, name, value.clone());
        claims["sub"] = json!(format!("{name} {value}").replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        assert_eq!(server.status(&token(&claims), DOCUMENTS).await, 200, "{name}: {value}");
    }
    let zero = token(&changed(&claims, "sub", json!("a\u{0}b")));
    assert_eq!(server.status(&zero, DOCUMENTS).await, 401);
}

#[tokio::test]
async fn tokens_that_choose_how_they_are_checked_are_refused() {
    let (world, server) = dev_world().await;
    let own = server.tokens("admin@a.test").await;
    let Tokens { access, .. } = &own;
    let part = |token: &str, at: usize| token.split('.').nth(at).unwrap().to_owned();
    let header = |header: &Value| URL_SAFE_NO_PAD.encode(header.to_string());
    let dev = token(&claims(&world));
    assert_eq!(server.status(&dev, DOCUMENTS).await, 200);
    let mut bad = vec![
        ("no token", String::new()),
        ("one part", "a".to_owned()),
        ("four parts", format!("{dev}.x")),
        ("very long", format!("{dev}{}", "A".repeat(60_000))),
        ("long", format!("{}.{}.{}", part(&dev, 0), part(&dev, 1), "A".repeat(5000))),
        ("own token without its signature", format!("{}.{}.", part(access, 0), part(access, 1))),
    ];
    for algorithm in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "EdDSA", ""] {
        for good in [access, &dev] {
            let head = header(&json!({ "alg": algorithm, "typ": "JWT" }));
            bad.push(("another algorithm, the old signature", format!("{head}.{}.{}", part(good, 1), part(good, 2))));
            bad.push(("another algorithm, no signature", format!("{head}.{}.", part(good, 1))));
        }
    }
    for head in [
        json!({ "alg": "HS256", "crit": ["exp"] }),
        json!({ "alg": "HS256", "crit": ["b64"], "b64": false }),
        json!({ "alg": "HS256", "crit": [] }),
    ] {
        bad.push(("an unknown extension", sign_hs256(SECRET.as_bytes(), &head, &claims(&world))));
    }
    // The claims of one of ours, signed with the development secret: whoever has that is not the server.
    let inside: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part(access, 1)).unwrap()).unwrap();
    let plain = json!({ "alg": "HS256", "typ": "JWT" });
    bad.push(("ours, with the development secret", sign_hs256(SECRET.as_bytes(), &plain, &inside)));
    bad.push(("ours, with the server's secret itself", sign_hs256(SECRET_KEY.as_bytes(), &plain, &inside)));
    bad.push(("ours, with another role", {
        let admin = changed(&inside, "role", json!("auditor"));
        format!("{}.{}.{}", part(access, 0), URL_SAFE_NO_PAD.encode(admin.to_string()), part(access, 2))
    }));
    for (what, token) in bad {
        let response = server.session(&token).get(DOCUMENTS).await;
        let status = response.status().as_u16();
        assert!(status == 401 || (token.len() > 10_000 && status == 431), "{what}: {status}");
    }
}
