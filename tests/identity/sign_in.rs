//! Passwords: nobody learns who exists, guessing gets slower everywhere, and the owner is not locked out.

use std::time::{Duration, Instant};

use millwright_core::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, Server, World, client, eventually,
    identity::{ACCESS, Browser, DEVICE, retry_after},
    problem, read,
};

const WRONG: &str = "a wrong password of some length";

/// An answer without what is new each time.
async fn look(server: &Server, email: &str, password: &str) -> (u16, Value, Duration) {
    let began = Instant::now();
    let (status, mut body) = read(server.try_sign_in(email, password).await).await;
    let took = began.elapsed();
    body["trace_id"] = Value::Null;
    (status, body, took)
}

#[tokio::test]
async fn the_right_password_opens_a_session_by_token_or_by_cookie() {
    let (_world, server) = World::with_admin().await;
    let body = json!({ "email": " Admin@A.test ", "password": PASSWORD });
    let response = server.open_post("/api/v1/auth/login", &body).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(!response.headers().contains_key("set-cookie"), "a program gets no cookies");
    let (status, body) = read(response).await;
    assert_eq!((status, &body["status"], &body["token_type"]), (200, &json!("signed_in"), &json!("Bearer")), "{body}");
    assert_eq!((&body["expires_in"], &body["challenge"]), (&json!(600), &Value::Null));
    assert_eq!((&body["user"]["email"], &body["user"]["restricted"]), (&json!("admin@a.test"), &json!(false)));
    let me = server.session(body["access_token"].as_str().unwrap()).json("/api/v1/auth/me").await;
    assert_eq!(me, body["user"]);
    assert!(me["session_id"].is_string() && me["tenant"]["name"] == "A" && me["has_password"] == true, "{me}");

    let mut browser = Browser::new(&server);
    let (status, body) = browser.sign_in("admin@a.test", PASSWORD).await;
    assert_eq!((status, &body["status"]), (200, &json!("signed_in")), "{body}");
    for token in ["access_token", "refresh_token", "token_type"] {
        assert_eq!(body[token], Value::Null, "scripts must not see {token}");
    }
    let (status, me) = read(browser.get("/api/v1/auth/me").await).await;
    assert_eq!((status, &me), (200, &body["user"]));
    assert!(!body.to_string().contains(&browser.cookie(ACCESS).value));
}

#[tokio::test]
async fn whoever_cannot_sign_in_looks_like_a_wrong_password() {
    let (world, server) = World::with_admin().await;
    let (suspended, tenant) = (world.tenant("Suspended").await, world.tenant("B").await);
    world.user(&suspended, "of-suspended@a.test", Role::Viewer).await;
    for email in ["disabled@a.test", "wrong@a.test"] {
        world.user(&tenant, email, Role::Viewer).await;
    }
    world.db().tamper("UPDATE users SET disabled_at = now() WHERE email = 'disabled@a.test'").await;
    world.db().tamper("UPDATE tenants SET suspended_at = now() WHERE name = 'Suspended'").await;
    let admin = server.sign_in("admin@a.test").await;
    let invited = json!({ "email": "invited@a.test", "display_name": "Ida", "role": "viewer" });
    assert_eq!(admin.post("/api/v1/admin/users", &invited).await.status(), 201);
    let service = json!({ "kind": "service", "display_name": "robot@a.test", "role": "viewer" });
    assert_eq!(admin.post("/api/v1/admin/users", &service).await.status(), 201);

    let (status, expected, _) = look(&server, "wrong@a.test", WRONG).await;
    assert_eq!((status, &expected["code"]), (401, &json!("unauthenticated")), "{expected}");
    for email in ["nobody@a.test", "disabled@a.test", "of-suspended@a.test", "invited@a.test", "robot@a.test", "", "x"]
    {
        let (status, body, _) = look(&server, email, PASSWORD).await;
        assert_eq!((status, &body), (401, &expected), "{email}");
    }
}

/// Five of each are free of delay, so more accounts and not more attempts make the sample.
#[tokio::test]
async fn the_time_does_not_tell_whether_an_address_is_known() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    for number in 0..5 {
        world.user(&tenant, &format!("known{number}@a.test"), Role::Viewer).await;
    }
    world.db().tamper("UPDATE users SET disabled_at = now() WHERE email = 'known4@a.test'").await;
    let server = world.server().await;
    look(&server, "warm@a.test", WRONG).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        for number in 0..5 {
            // In turn, so that what else the machine does weighs on both.
            known.push(look(&server, &format!("known{number}@a.test"), WRONG).await.2);
            unknown.push(look(&server, &format!("unknown{number}@a.test"), WRONG).await.2);
        }
        world.db().tamper("DELETE FROM failed_attempts").await;
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let (known, unknown) = (median(&mut known), median(&mut unknown));
    println!("MEASURED sign-in refused, median of 20: known address {known:.1} ms, unknown {unknown:.1} ms");
    assert!((0.75..1.34).contains(&(known / unknown)), "{known:.1} ms and {unknown:.1} ms");
}

#[tokio::test]
async fn guessing_gets_slower_on_every_replica_and_stops_no_longer_than_a_quarter_of_an_hour() {
    let (world, _, first, second) = World::with_two_servers().await;
    for (attempt, server) in [&first, &second, &first, &second, &first].into_iter().enumerate() {
        let refused = server.try_sign_in("viewer@a.test", WRONG).await;
        assert_eq!(refused.status(), 401, "attempt {attempt}");
    }
    let refused = second.try_sign_in("viewer@a.test", PASSWORD).await;
    let mut wait = retry_after(&refused);
    problem(refused, 429, "rate_limited").await;
    assert!((1..=2).contains(&wait), "{wait} s");
    // Each further failure doubles it, up to a limit.
    let mut waits = vec![wait];
    for _ in 0..12 {
        world.let_them_try_again().await;
        assert_eq!(second.try_sign_in("viewer@a.test", WRONG).await.status(), 401);
        let refused = first.try_sign_in("viewer@a.test", PASSWORD).await;
        assert_eq!(refused.status(), 429);
        let next = retry_after(&refused);
        assert!(next >= wait && next <= 900, "{next} s after {wait} s");
        wait = next;
        waits.push(wait);
    }
    assert!(waits.windows(2).filter(|pair| pair[1] > pair[0]).count() >= 6 && wait > 890, "{waits:?}");
    // An address that does not exist is refused alike.
    for _ in 0..5 {
        assert_eq!(first.try_sign_in("nobody@a.test", WRONG).await.status(), 401);
    }
    assert_eq!(second.try_sign_in("nobody@a.test", WRONG).await.status(), 429);
    // The right password clears the count.
    world.let_them_try_again().await;
    assert_eq!(first.try_sign_in("viewer@a.test", PASSWORD).await.status(), 200);
    for _ in 0..4 {
        assert_eq!(second.try_sign_in("viewer@a.test", WRONG).await.status(), 401);
    }
    assert_eq!(first.try_sign_in("viewer@a.test", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn a_wait_ends_by_itself() {
    let (_world, server) = World::with_admin().await;
    for _ in 0..5 {
        assert_eq!(server.try_sign_in("admin@a.test", WRONG).await.status(), 401);
    }
    let refused = server.try_sign_in("admin@a.test", PASSWORD).await;
    assert_eq!(refused.status(), 429);
    tokio::time::sleep(Duration::from_secs(retry_after(&refused)) + Duration::from_millis(100)).await;
    assert_eq!(server.try_sign_in("admin@a.test", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn guesses_at_the_same_moment_are_no_more_than_guesses_in_a_row() {
    let (world, _, first, second) = World::with_two_servers().await;
    let mut guesses = tokio::task::JoinSet::new();
    for number in 0..60 {
        let server = if number % 2 == 0 { first.elsewhere() } else { second.elsewhere() };
        guesses.spawn(async move { server.try_sign_in("viewer@a.test", WRONG).await.status().as_u16() });
    }
    let statuses = guesses.join_all().await;
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    println!("MEASURED 60 guesses at once on two servers: {looked_at} passwords were looked at");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(looked_at <= 15, "{looked_at} passwords were tried in one moment");
    assert!(world.entries("user.sign_in_failed").await == looked_at, "each stands in the log");
}

#[tokio::test]
async fn strangers_do_not_lock_out_the_owner_of_an_account() {
    let (world, server) = World::with_admin().await;
    let mut owner = Browser::signed_in(&server, "admin@a.test").await;
    assert!(owner.cookie(DEVICE).has("httponly") && owner.cookie(DEVICE).has("path=/api/v1/auth"));
    assert_eq!(owner.post("/api/v1/auth/logout", &json!({})).await.status(), 200);
    for _ in 0..5 {
        assert_eq!(server.try_sign_in("admin@a.test", WRONG).await.status(), 401);
    }
    world.let_them_wait().await;
    assert_eq!(server.try_sign_in("admin@a.test", PASSWORD).await.status(), 429, "a stranger's device waits");
    let (status, body) = owner.sign_in("admin@a.test", PASSWORD).await;
    assert_eq!(status, 200, "the owner's does not: {body}");
    // The cookie is worth nothing for another account, and forged it is worth nothing at all.
    let tenant = world.tenant("B").await;
    world.user(&tenant, "bob@b.test", Role::Viewer).await;
    for _ in 0..5 {
        assert_eq!(server.try_sign_in("bob@b.test", WRONG).await.status(), 401);
    }
    world.let_them_wait().await;
    assert_eq!(owner.sign_in("bob@b.test", PASSWORD).await.0, 429);
    owner.cookies.get_mut(DEVICE).unwrap().value.replace_range(0..1, "#");
    assert_eq!(owner.sign_in("admin@a.test", PASSWORD).await.0, 429);
    // A known device does not guess for ever either.
    let mut thief = Browser::new(&server);
    world.let_them_try_again().await;
    assert_eq!(thief.sign_in("admin@a.test", PASSWORD).await.0, 200);
    for _ in 0..5 {
        assert_eq!(thief.sign_in("admin@a.test", WRONG).await.0, 401);
    }
    assert_eq!(thief.sign_in("admin@a.test", PASSWORD).await.0, 429);
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_and_an_account_of_its_own_does_not_help() {
    let (world, server) = World::with_admin().await;
    for number in 0..30 {
        if number % 10 == 9 {
            assert_eq!(server.try_sign_in("admin@a.test", PASSWORD).await.status(), 200, "an account of their own");
        }
        assert_eq!(server.try_sign_in(&format!("victim{number}@a.test"), WRONG).await.status(), 401, "{number}");
    }
    assert_eq!(server.try_sign_in("another-victim@a.test", WRONG).await.status(), 429);
    // A site that mistypes now and then is not kept waiting for what happened long ago.
    world
        .db()
        .tamper("UPDATE failed_attempts SET last_failure_at = now() - interval '151 minutes', blocked_until = now()")
        .await;
    for number in 0..5 {
        assert_eq!(server.try_sign_in(&format!("typist{number}@a.test"), WRONG).await.status(), 401, "{number}");
    }
}

#[tokio::test]
async fn clients_that_hang_up_do_not_fill_the_memory_with_hashes() {
    let (_world, server) = World::with_admin().await;
    assert_eq!(server.try_sign_in("admin@a.test", PASSWORD).await.status(), 200);
    let before = server.peak_memory_mib();
    let impatient = client();
    for number in 0..40 {
        let body = json!({ "email": format!("nobody{number}@a.test"), "password": WRONG });
        let request = impatient.request(Method::POST, server.url("/api/v1/auth/login")).json(&body);
        let _ = request.timeout(Duration::from_millis(25)).send().await;
    }
    eventually("somebody can sign in", Duration::from_mins(1), async || {
        server.try_sign_in("admin@a.test", PASSWORD).await.status() == 200
    })
    .await;
    let more = server.peak_memory_mib() - before;
    println!("MEASURED 40 sign-ins of clients that hung up: {more} MiB more at the peak");
    assert!(more < 120, "{more} MiB");
}
