//! Invitations and resets: a link that works once, for a while, and sets a password worth having.

use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, Server, Session, World,
    identity::{Browser, DEVICE, Tokens, ends_everywhere},
    problem, read,
    session::id,
};

const ME: &str = "/api/v1/auth/me";
const SET: &str = "/api/v1/auth/set-password";
const GOOD: &str = "seven spindles of violet otters";

/// The secret of a link, as the page that it opens takes it out.
fn secret(link: &Value) -> String {
    let url = link["url"].as_str().unwrap_or_else(|| panic!("no url in {link}"));
    let (page, secret) = url.split_once("#token=").expect("behind the #, which browsers send nowhere");
    assert!(page.ends_with("/set-password") && secret.len() >= 43, "{url}");
    secret.to_owned()
}

async fn invite(admin: &Session<'_>, email: &str) -> (Value, String) {
    let body = json!({ "email": email, "display_name": "Ida Kupfer", "role": "operator" });
    let (status, made) = admin.posted("/api/v1/admin/users", &body).await;
    assert_eq!(status, 201, "{made}");
    (made["user"].clone(), secret(&made["invitation"]))
}

async fn set(server: &Server, token: &str, password: &str) -> (u16, Value) {
    read(server.open_post(SET, &json!({ "token": token, "password": password })).await).await
}

#[tokio::test]
async fn an_invited_person_sets_a_password_once_and_is_signed_in() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let (user, link) = invite(&admin, "ida@a.test").await;
    assert_eq!(server.try_sign_in("ida@a.test", "").await.status(), 401, "no password is no empty password");
    let (status, body) = set(&server, &link, GOOD).await;
    assert_eq!((status, &body["user"]["role"]), (200, &json!("operator")), "{body}");
    assert_eq!(server.status(&Tokens::of(&body).access, ME).await, 200);
    assert_eq!(admin.json(&format!("/api/v1/admin/users/{}", id(&user))).await["status"], "active");
    let (status, body) = set(&server, &link, "eleven pumps below the copper roof").await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "it worked before: {body}");
    assert_eq!(server.try_sign_in("ida@a.test", GOOD).await.status(), 200);
    assert_eq!(world.entries("user.password_set").await, 1);
    assert!(!server.log().iter().any(|line| line.contains(&link) || line.contains(GOOD)));
}

#[tokio::test]
async fn a_link_is_used_once_also_by_two_at_the_same_moment() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let (_, link) = invite(&admin, "ida@a.test").await;
    let (one, other) =
        tokio::join!(set(&server, &link, GOOD), set(&server, &link, "eleven pumps below the copper roof"));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn links_expire_and_die_with_the_next_one() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let (user, first) = invite(&admin, "ida@a.test").await;
    let reset = format!("/api/v1/admin/users/{}/password-reset", id(&user));
    let (status, again) = admin.posted(&reset, &json!({})).await;
    assert_eq!(status, 200, "{again}");
    let second = secret(&again);
    assert_eq!(set(&server, &first, GOOD).await.0, 401);
    world.db().tamper("UPDATE password_links SET expires_at = now() - interval '1 second'").await;
    assert_eq!(set(&server, &second, GOOD).await.0, 401);
    let third = secret(&admin.posted(&reset, &json!({})).await.1);
    let mut wrong = third.clone();
    wrong.replace_range(0..1, if third.starts_with('A') { "B" } else { "A" });
    assert_eq!(set(&server, &wrong, GOOD).await.0, 401);
    assert_eq!(set(&server, &third, GOOD).await.0, 200);
}

#[tokio::test]
async fn a_password_that_others_would_guess_is_refused_and_the_link_goes_on() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let (_, link) = invite(&admin, "ida.kupfer@walzwerk.example").await;
    let long = "x7!q".repeat(300);
    for bad in
        ["", "short", "elevenchars", "password1234", "qwertyuiop12", "IdaKupfer2026", "walzwerk1234", "aaaaaaaaaaaaaa"]
    {
        let refused = server.open_post(SET, &json!({ "token": link, "password": bad })).await;
        let body = problem(refused, 422, "validation_failed").await;
        assert_eq!(body["fields"][0]["field"], "password", "{bad}: {body}");
        assert!(bad.is_empty() || !body.to_string().contains(bad), "the answer repeats the password");
    }
    assert_eq!(set(&server, &link, &long).await.0, 422);
    let mut browser = Browser::new(&server);
    let body = json!({ "token": link, "password": GOOD, "transport": "cookie" });
    assert_eq!(browser.post(SET, &body).await.status(), 200);
    assert_eq!(browser.get(ME).await.status(), 200);
    assert!(browser.cookie(DEVICE).has("httponly"), "the device on which the password was set is known");
}

#[tokio::test]
async fn a_reset_ends_what_was_open_and_the_new_password_ends_the_old() {
    let (world, _, first, second) = World::with_two_servers().await;
    let admin = first.sign_in("admin@a.test").await;
    let open = second.tokens("viewer@a.test").await;
    let user = admin.find_user("viewer@a.test").await;
    let (status, link) = admin.posted(&format!("/api/v1/admin/users/{}/password-reset", id(&user)), &json!({})).await;
    assert_eq!(status, 200, "{link}");
    ends_everywhere("a password reset", &[&first, &second], &open.access, ME).await;
    // Whoever knows the old password gets in until the link is used, and out when it is.
    let between = second.tokens("viewer@a.test").await;
    let (status, body) = set(&second, &secret(&link), GOOD).await;
    assert_eq!(status, 200, "{body}");
    ends_everywhere("a password set by link", &[&first, &second], &between.access, ME).await;
    assert_eq!(first.try_sign_in("viewer@a.test", PASSWORD).await.status(), 401);
    assert_eq!(first.status(&Tokens::of(&body).access, ME).await, 200);
    assert_eq!(world.entries("user.password_link_made").await, 1);
    // Not for programs.
    let robot = json!({ "kind": "service", "display_name": "Robot", "role": "viewer" });
    let (_, robot) = admin.posted("/api/v1/admin/users", &robot).await;
    assert_eq!(robot["invitation"], Value::Null);
    let path = format!("/api/v1/admin/users/{}/password-reset", id(&robot["user"]));
    problem(admin.post(&path, &json!({})).await, 409, "conflict").await;
}
