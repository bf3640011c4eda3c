//! The second factor: every code, recovery code and proof works once, for its owner and what it was asked for.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use millwright_auth::NoteKey;
use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, SECRET_KEY, Server, World,
    identity::{Browser, Tokens, ends_everywhere},
    people::Authenticator,
    problem, read,
};

const ME: &str = "/api/v1/auth/me";
const TOTP: &str = "/api/v1/auth/totp";
const CODES: &str = "/api/v1/auth/totp/recovery-codes";
const STEP_UP: &str = "/api/v1/auth/step-up";

/// The first half of a sign-in.
async fn challenge(server: &Server, email: &str) -> String {
    let (status, body) = read(server.try_sign_in(email, PASSWORD).await).await;
    assert_eq!((status, &body["status"]), (200, &json!("second_factor_required")), "{body}");
    for token in ["access_token", "refresh_token", "user", "expires_in"] {
        assert_eq!(body[token], Value::Null, "{token} before the code");
    }
    body["challenge"].as_str().expect("challenge").to_owned()
}

async fn complete(server: &Server, challenge: &str, code: &str) -> (u16, Value) {
    let body = json!({ "challenge": challenge, "code": code });
    read(server.open_post("/api/v1/auth/login/second-factor", &body).await).await
}

/// Sets a second factor up; the authenticator and the recovery codes.
async fn enrol(server: &Server, token: &str) -> (Authenticator, Vec<String>) {
    let session = server.session(token);
    let (status, begun) = session.posted(TOTP, &json!({})).await;
    assert_eq!(status, 200, "{begun}");
    let (uri, secret) = (begun["otpauth_uri"].as_str().unwrap(), begun["secret"].as_str().unwrap());
    assert!(uri.contains(secret) && begun["qr_svg"].as_str().unwrap().contains("<svg"), "{begun}");
    let mut authenticator = Authenticator::scan(uri);
    let code = json!({ "code": authenticator.code().await });
    let (status, confirmed) = session.posted("/api/v1/auth/totp/confirm", &code).await;
    assert_eq!(status, 200, "{confirmed}");
    let codes: Vec<_> = confirmed["recovery_codes"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(codes.len(), 10);
    (authenticator, codes)
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// A code that is not that of any moment around now.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| char::from(b'0' + (digit as u8 - b'0' + 5) % 10)).collect()
}

#[tokio::test]
async fn after_enrolling_one_signs_in_with_a_code_that_works_once() {
    let (world, _, first, second) = World::with_two_servers().await;
    let (mine, other) = (first.tokens("viewer@a.test").await, second.tokens("viewer@a.test").await);
    let session = first.session(&mine.access);
    // Begun is not enrolled: a first code must show that the device has the secret.
    let (_, begun) = session.posted(TOTP, &json!({})).await;
    assert!(!first.tokens("viewer@a.test").await.access.is_empty(), "no code is asked for yet");
    let mut lost = Authenticator::scan(begun["otpauth_uri"].as_str().unwrap());
    let (mut authenticator, _) = enrol(&first, &mine.access).await;
    ends_everywhere("a second factor set up", &[&first, &second], &other.access, ME).await;
    assert_eq!(first.status(&mine.access, ME).await, 200);
    let me = session.json(ME).await;
    assert_eq!(me["second_factor"], json!({ "enrolled": true, "required": false, "recovery_codes_left": 10 }));
    problem(session.post(TOTP, &json!({})).await, 409, "conflict").await;
    assert_eq!(world.entries("second_factor.enabled").await, 1);

    let pending = challenge(&first, "viewer@a.test").await;
    let (status, body) = complete(&second, &pending, &lost.code().await).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "the secret that was never confirmed");
    let code = authenticator.code().await;
    let (status, body) = complete(&second, &pending, &code).await;
    assert_eq!((status, &body["status"]), (200, &json!("signed_in")), "{body}");
    let tokens = Tokens::of(&body);
    assert_eq!(first.status(&tokens.access, ME).await, 200);
    // Whoever looked over the shoulder comes second: at the other replica, with a sign-in of their own, in a step-up.
    let again = challenge(&first, "viewer@a.test").await;
    assert_eq!(complete(&first, &again, &code).await.0, 401);
    assert_eq!(complete(&first, &pending, &code).await.0, 401);
    let step_up = json!({ "purpose": "totp.disable", "code": code });
    problem(first.session(&tokens.access).post(STEP_UP, &step_up).await, 401, "unauthenticated").await;
    // A challenge is a challenge and nothing else, and only as it was made.
    assert_eq!(first.status(&again, ME).await, 401);
    let forged = format!("{}A{}", &again[..20], &again[21..]);
    assert_eq!(complete(&first, &forged, &authenticator.code().await).await.0, 401);
    assert_eq!(complete(&first, &tokens.access, "000000").await.0, 401);
}

#[tokio::test]
async fn one_code_at_two_replicas_in_the_same_moment_signs_in_once() {
    let (_world, _, first, second) = World::with_two_servers().await;
    let (mut authenticator, recovery) = enrol(&first, &first.tokens("viewer@a.test").await.access).await;
    for code in [authenticator.code().await, recovery[0].clone()] {
        let (one, other) = (challenge(&first, "viewer@a.test").await, challenge(&second, "viewer@a.test").await);
        let (a, b) = tokio::join!(complete(&first, &one, &code), complete(&second, &other, &code));
        let mut statuses = [a.0, b.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{code}");
    }
}

#[tokio::test]
async fn codes_cannot_be_tried_out() {
    let (world, _, first, second) = World::with_two_servers().await;
    let (mut authenticator, recovery) = enrol(&first, &first.tokens("viewer@a.test").await.access).await;
    let pending = challenge(&first, "viewer@a.test").await;
    let code = authenticator.code().await;
    let guesses = (0..40).map(|number| {
        let server = if number % 2 == 0 { &first } else { &second };
        let guess = if number == 7 { "a1b2c-3d4e5".to_owned() } else { wrong(&code) };
        let pending = &pending;
        async move { complete(server, pending, &guess).await.0 }
    });
    let statuses = futures::future::join_all(guesses).await;
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    println!("MEASURED 40 codes at once on two servers: {looked_at} were looked at");
    assert!(looked_at <= 6 && statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    for right in [code.as_str(), &recovery[0]] {
        assert_eq!(complete(&second, &pending, right).await.0, 429, "also the right one waits");
    }
    world.let_them_try_again().await;
    assert_eq!(complete(&second, &pending, &recovery[0]).await.0, 200);
    for garbage in ["", "0", "0000000", "abcdef", &"1".repeat(65), "١٢٣٤٥٦"] {
        let status = complete(&first, &pending, garbage).await.0;
        assert!([401, 422].contains(&status), "{garbage}: {status}");
    }
}

#[tokio::test]
async fn recovery_codes_work_once_each_until_new_ones_take_their_place() {
    let (world, _, first, second) = World::with_two_servers().await;
    let (mut authenticator, codes) = enrol(&first, &first.tokens("viewer@a.test").await.access).await;
    let pending = challenge(&first, "viewer@a.test").await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let (status, body) = complete(&second, &pending, &typed).await;
    assert_eq!((status, &body["user"]["second_factor"]["recovery_codes_left"]), (200, &json!(9)), "{body}");
    assert_eq!(complete(&first, &pending, &codes[0]).await.0, 401, "used");
    let session = first.session(body["access_token"].as_str().unwrap());
    // For new ones a fresh code must be shown, for that purpose.
    problem(session.post(CODES, &json!({})).await, 403, "step_up_required").await;
    let other = session.step_up(&mut authenticator, "totp.disable").await;
    let request = async |proof: &str| {
        session
            .request(reqwest::Method::POST, CODES)
            .header("x-step-up-proof", proof)
            .json(&json!({}))
            .send()
            .await
            .unwrap()
    };
    problem(request(&other).await, 403, "step_up_required").await;
    let proof = session.step_up(&mut authenticator, "totp.recovery_codes").await;
    let (status, renewed) = read(request(&proof).await).await;
    assert_eq!(status, 200, "{renewed}");
    problem(request(&proof).await, 403, "step_up_required").await;
    let renewed: Vec<_> = renewed["recovery_codes"].as_array().unwrap().iter().map(text).collect();
    assert!(renewed.len() == 10 && !renewed.iter().any(|code| codes.contains(code)));
    assert_eq!(complete(&first, &pending, &codes[1]).await.0, 401, "an old one that was never used");
    assert_eq!(complete(&first, &pending, &renewed[1]).await.0, 200);
    // Nobody reads them out of the database or the log.
    let stored = world.db().peek("SELECT row_to_json(c)::text FROM recovery_codes c").await.join("\n");
    for code in codes.iter().chain(&renewed) {
        assert!(!stored.contains(code.as_str()) && !stored.contains(&code.replace('-', "")));
        assert!(!first.log().iter().chain(&second.log()).any(|line| line.contains(code.as_str())));
    }
}

#[tokio::test]
async fn a_proof_is_for_its_person_and_purpose_once_and_for_two_minutes() {
    let (world, tenant, first, second) = World::with_two_servers().await;
    let mine = first.tokens("viewer@a.test").await;
    let (mut authenticator, _) = enrol(&first, &mine.access).await;
    let session = first.session(&mine.access);
    let (status, stepped) =
        session.posted(STEP_UP, &json!({ "purpose": "totp.disable", "code": authenticator.code().await })).await;
    assert_eq!((status, &stepped["purpose"], &stepped["expires_in"]), (200, &json!("totp.disable"), &json!(120)));
    let proof = text(&stepped["proof"]);
    // Another person, who has a second factor too.
    let other = second.tokens("operator@a.test").await;
    enrol(&second, &other.access).await;
    let theirs = second.session(&other.access).delete_with_proof(TOTP, &proof).await;
    problem(theirs, 403, "step_up_required").await;
    // The same words with a time that has passed, made with the server's own key; with a time that has not they hold.
    let (body, _) = proof.split_once('.').unwrap();
    let mut note: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    note.as_object_mut().unwrap().remove("exp");
    let key = NoteKey::new(SECRET_KEY.as_bytes(), "step-up proof").unwrap();
    let aged = |seconds| key.sign(&note, world.sources.now() + TimeDelta::seconds(seconds)).unwrap();
    for bad in [aged(-1), format!("{proof}A"), body.to_owned(), String::new(), mine.access.clone()] {
        problem(session.delete_with_proof(TOTP, &bad).await, 403, "step_up_required").await;
    }
    problem(session.request(reqwest::Method::DELETE, TOTP).send().await.unwrap(), 403, "step_up_required").await;
    // Of two at the same moment one removes it.
    let (one, twin) = (first.session(&mine.access), second.session(&mine.access));
    let (a, b) = tokio::join!(one.delete_with_proof(TOTP, &proof), twin.delete_with_proof(TOTP, &proof));
    let mut statuses = [a.status().as_u16(), b.status().as_u16()];
    statuses.sort_unstable();
    assert!(statuses[0] == 204 && statuses[1] >= 400, "{statuses:?}");
    // It is used up, also as the other form of the same words.
    enrol(&first, &mine.access).await;
    problem(session.delete_with_proof(TOTP, &proof).await, 403, "step_up_required").await;
    problem(session.delete_with_proof(TOTP, &aged(60)).await, 403, "step_up_required").await;
    for bad in ["", "Totp.Disable", "x y", &"x".repeat(121)] {
        let body = json!({ "purpose": bad, "code": "000000" });
        problem(session.post(STEP_UP, &body).await, 422, "validation_failed").await;
    }
    let _ = tenant;
}

#[tokio::test]
async fn without_a_second_factor_there_is_nothing_to_show() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let step_up = json!({ "purpose": "totp.disable", "code": "000000" });
    problem(admin.post(STEP_UP, &step_up).await, 403, "second_factor_required").await;
    problem(admin.post("/api/v1/auth/totp/confirm", &json!({ "code": "000000" })).await, 403, "second_factor_required")
        .await;
    problem(admin.request(reqwest::Method::DELETE, TOTP).send().await.unwrap(), 403, "second_factor_required").await;
    problem(admin.post(CODES, &json!({})).await, 403, "second_factor_required").await;
}

#[tokio::test]
async fn a_browser_gets_its_cookies_with_the_code_and_not_before() {
    let (_world, server) = World::with_admin().await;
    let (mut authenticator, _) = enrol(&server, &server.tokens("admin@a.test").await.access).await;
    let mut browser = Browser::new(&server);
    let (status, body) = browser.sign_in("admin@a.test", PASSWORD).await;
    assert_eq!((status, &body["status"]), (200, &json!("second_factor_required")));
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    let code = json!({ "challenge": body["challenge"], "code": authenticator.code().await });
    let (status, body) = read(browser.post("/api/v1/auth/login/second-factor", &code).await).await;
    assert_eq!((status, &body["access_token"]), (200, &Value::Null), "{body}");
    assert_eq!(browser.get(ME).await.status(), 200);
    assert_eq!(browser.cookies.len(), 4, "{:?}", browser.cookies.keys());
    assert_eq!(browser.refresh().await.0, 200);
    let (status, body) =
        read(server.open_post("/api/v1/auth/login/second-factor", &json!({ "code": "000000" })).await).await;
    assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")), "no sign-in is under way");
}
