//! When keys are fetched, and what holds while the provider does not answer.

use std::time::{Duration as StdDuration, Instant};

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::Algorithm;
use millwright_core::{ErrorCode, ToProblem};
use millwright_oidc::{OidcError, Provider, TokenFault};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Idp, OTHER_RSA, Pair, RSA, Reply, start};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn jwk(pair: &Pair, kid: &str) -> Value {
    pair.jwk(&json!({ "kid": kid, "use": "sig", "alg": "RS256" }))
}

fn old_key() -> Value {
    jwk(&RSA, "k1")
}

/// A token that holds on every day of these tests.
fn token(idp: &Idp, pair: &Pair, kid: &str) -> String {
    let mut claims = idp.claims();
    claims["exp"] = json!((start() + Duration::days(30)).timestamp());
    pair.sign(Algorithm::RS256, &json!({ "alg": "RS256", "kid": kid }), &claims)
}

fn at(minutes: i64) -> DateTime<Utc> {
    start() + Duration::minutes(minutes)
}

async fn accepts(provider: &Provider, token: &str, now: DateTime<Utc>) -> bool {
    provider.verify_access_token(token, now).await.is_ok()
}

/// Waits for what happens in the background.
async fn eventually(what: impl Fn() -> bool) {
    let deadline = Instant::now() + StdDuration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(StdDuration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn nothing_is_asked_before_it_is_needed_and_then_once_for_all() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    assert_eq!((idp.hits(DISCOVERY), idp.hits("/jwks")), (0, 0));
    let known = token(&idp, &RSA, "k1");
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (provider, known) = (provider.clone(), known.clone());
        tasks.spawn(async move { accepts(&provider, &known, start()).await });
    }
    assert!(tasks.join_all().await.into_iter().all(|accepted| accepted));
    assert!(accepts(&provider, &known, at(9)).await);
    assert_eq!((idp.hits(DISCOVERY), idp.hits("/jwks")), (1, 1));
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_one_fetch_a_minute() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    assert!(accepts(&provider, &token(&idp, &RSA, "k1"), start()).await);
    let before = idp.hits("/jwks");
    for minute in 0..3 {
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let provider = provider.clone();
            let forged = token(&idp, &OTHER_RSA, &format!("random-{minute}-{number}"));
            let now = at(minute) + Duration::milliseconds(number * 290);
            tasks.spawn(async move { provider.verify_access_token(&forged, now).await.unwrap_err() });
        }
        for refused in tasks.join_all().await {
            assert!(matches!(refused, OidcError::InvalidToken(TokenFault::UnknownKey)), "{refused}");
        }
        assert_eq!(idp.hits("/jwks") - before, 1 + usize::try_from(minute).unwrap());
    }
    // Forged signatures under a known id are counted in the same purse.
    for _ in 0..50 {
        assert!(!accepts(&provider, &token(&idp, &OTHER_RSA, "k1"), at(2) + Duration::seconds(59)).await);
    }
    assert_eq!(idp.hits("/jwks") - before, 3);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_a_withdrawn_one_is_gone() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    let (old, new) = (token(&idp, &RSA, "k1"), token(&idp, &OTHER_RSA, "k2"));
    assert!(accepts(&provider, &old, start()).await);
    idp.publish(&[jwk(&OTHER_RSA, "k2"), old_key()]);
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let (provider, token) = (provider.clone(), if number % 2 == 0 { old.clone() } else { new.clone() });
        tasks.spawn(async move { accepts(&provider, &token, start()).await });
    }
    assert!(tasks.join_all().await.into_iter().all(|accepted| accepted), "no request fails while keys rotate");
    idp.publish(&[jwk(&OTHER_RSA, "k2")]);
    assert!(accepts(&provider, &old, at(9)).await, "not noticed yet");
    assert!(accepts(&provider, &new, at(11)).await);
    eventually(|| idp.hits("/jwks") == 3).await;
    let gone = Instant::now() + StdDuration::from_secs(10);
    while accepts(&provider, &old, at(11)).await {
        assert!(Instant::now() < gone, "the withdrawn key is still believed");
        tokio::time::sleep(StdDuration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_new_key_under_an_old_name_is_found_too() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    assert!(accepts(&provider, &token(&idp, &RSA, "k1"), start()).await);
    idp.publish(&[jwk(&OTHER_RSA, "k1")]);
    assert!(accepts(&provider, &token(&idp, &OTHER_RSA, "k1"), start()).await);
    assert!(!accepts(&provider, &token(&idp, &RSA, "k1"), start()).await);
}

#[tokio::test]
async fn nobody_waits_for_a_refresh_in_the_background() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    let known = token(&idp, &RSA, "k1");
    assert!(accepts(&provider, &known, start()).await);
    idp.on("/jwks", Reply::Late(StdDuration::from_secs(3), json!({ "keys": [old_key()] })));
    let begun = Instant::now();
    for _ in 0..20 {
        assert!(accepts(&provider, &known, at(10)).await);
    }
    assert!(begun.elapsed() < StdDuration::from_secs(2), "{:?}", begun.elapsed());
    eventually(|| idp.hits("/jwks") == 2).await;
}

#[tokio::test]
async fn a_provider_that_is_down_takes_nobodys_access_for_a_day() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    let known = token(&idp, &RSA, "k1");
    assert!(accepts(&provider, &known, start()).await);
    idp.on("/jwks", Reply::Status(503));
    idp.on(DISCOVERY, Reply::Status(503));
    for minutes in [11, 59, 61, 62, 600, 24 * 60 - 1] {
        assert!(accepts(&provider, &known, at(minutes)).await, "after {minutes} minutes");
    }
    let refused = provider.verify_access_token(&known, at(24 * 60)).await.unwrap_err();
    assert_eq!(refused.problem().code, ErrorCode::UpstreamUnavailable);
    idp.on(DISCOVERY, Reply::Json(idp.metadata()));
    idp.publish(&[old_key()]);
    assert!(accepts(&provider, &known, at(24 * 60 + 1)).await);
}

#[tokio::test]
async fn the_server_starts_without_the_provider_and_asks_again_after_seconds() {
    let idp = Idp::new(&[old_key()]);
    idp.on(DISCOVERY, Reply::Status(502));
    let provider = idp.provider();
    let known = token(&idp, &RSA, "k1");
    for _ in 0..20 {
        let refused = provider.verify_access_token(&known, start()).await.unwrap_err();
        assert_eq!(refused.problem().code, ErrorCode::UpstreamUnavailable);
    }
    assert_eq!(idp.hits(DISCOVERY), 1, "a provider in trouble is not made more of it");
    idp.on(DISCOVERY, Reply::Json(idp.metadata()));
    assert!(accepts(&provider, &known, start() + Duration::seconds(5)).await);
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_believed() {
    let idp = Idp::new(&[old_key()]);
    let mut metadata = idp.metadata();
    metadata["issuer"] = json!("https://another.example");
    idp.on(DISCOVERY, Reply::Json(metadata));
    let refused = idp.provider().verify_access_token(&token(&idp, &RSA, "k1"), start()).await.unwrap_err();
    assert!(refused.to_string().contains("the metadata of another issuer"), "{refused}");
    assert_eq!(idp.hits("/jwks"), 0);
}

#[tokio::test]
async fn an_answer_without_end_or_without_keys_is_cut_off() {
    let endless = Idp::new(&[]);
    endless.on("/jwks", Reply::Endless);
    let refused = endless.provider().verify_access_token(&token(&endless, &RSA, "k1"), start()).await.unwrap_err();
    assert!(refused.to_string().contains("more than 262144 bytes"), "{refused}");
    let empty = Idp::new(&[]);
    let refused = empty.provider().verify_access_token(&token(&empty, &RSA, "k1"), start()).await.unwrap_err();
    assert!(refused.to_string().contains("no key set"), "{refused}");
}

#[tokio::test]
async fn a_silent_provider_is_given_up_after_five_seconds() {
    let idp = Idp::new(&[old_key()]);
    idp.on("/jwks", Reply::Late(StdDuration::from_mins(1), Value::Null));
    let begun = Instant::now();
    let refused = idp.provider().verify_access_token(&token(&idp, &RSA, "k1"), start()).await.unwrap_err();
    assert!(matches!(refused, OidcError::Timeout { seconds: 5, .. }), "{refused}");
    assert!(begun.elapsed() < StdDuration::from_secs(8));
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_fetch() {
    let idp = Idp::new(&[old_key()]);
    let provider = idp.provider();
    assert!(accepts(&provider, &token(&idp, &RSA, "k1"), start()).await);
    let keys = json!({ "keys": [jwk(&OTHER_RSA, "k2")] });
    idp.on("/jwks", Reply::Late(StdDuration::from_millis(300), keys));
    let new = token(&idp, &OTHER_RSA, "k2");
    let impatient = provider.verify_access_token(&new, start());
    assert!(tokio::time::timeout(StdDuration::from_millis(50), impatient).await.is_err());
    // The next request finds what the first one began: no second fetch is allowed within the minute.
    assert!(accepts(&provider, &new, start()).await);
    assert_eq!(idp.hits("/jwks"), 2);
}
