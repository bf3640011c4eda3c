//! Signing in, staying signed in and rotating keys, at a real provider.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use chrono::{DateTime, Duration, Utc};
use millwright_core::{ErrorCode, Role, Sources, ToProblem};
use millwright_oidc::{
    LoggedIn, LoginCallback, LoginFault, OidcError, PendingLogin, Provider, ProviderSettings, Providers, Secret,
    TokenFault,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    real_provider::{REDIRECT, RealProvider},
    support::provider_of,
};

fn now() -> DateTime<Utc> {
    Sources::system().now()
}

/// Starts the provider or leaves the test, which says so.
macro_rules! real_provider {
    ($settings:expr) => {
        match RealProvider::start(&$settings) {
            Some(real) => real,
            None => return,
        }
    };
}

async fn begin(real: &RealProvider, provider: &Provider, user: &str) -> (PendingLogin, LoginCallback) {
    let begun = provider.begin_login(&Sources::system(), REDIRECT, Some(user)).await.unwrap();
    (begun.pending, real.browse(&begun.url).await)
}

async fn sign_in(real: &RealProvider, provider: &Provider, user: &str) -> LoggedIn {
    let (pending, callback) = begin(real, provider, user).await;
    provider.finish_login(&pending, &callback, now()).await.unwrap()
}

/// The same pending sign-in with one secret changed.
fn changed(pending: &PendingLogin, name: &str) -> PendingLogin {
    let mut kept = serde_json::to_value(pending).unwrap();
    assert!(kept[name].is_string(), "{name}");
    kept[name] = json!("x".repeat(43));
    serde_json::from_value(kept).unwrap()
}

#[tokio::test]
async fn somebody_signs_in_and_out() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let (pending, callback) = begin(&real, &provider, "anna").await;
    // Between the two halves it lies in a database or a cookie.
    let kept: PendingLogin = serde_json::from_str(&serde_json::to_string(&pending).unwrap()).unwrap();
    assert_eq!((&kept, kept.provider(), kept.state()), (&pending, "real", callback.state.as_deref().unwrap()));
    let LoggedIn { identity, refresh_token, id_token } = provider.finish_login(&kept, &callback, now()).await.unwrap();
    assert_eq!((identity.subject.as_str(), identity.tenant.as_str()), ("anna", "acme"));
    assert_eq!((identity.role, identity.issuer.as_str()), (Some(Role::Admin), real.issuer.as_str()));
    assert_eq!((identity.email.as_deref(), identity.email_verified), (Some("anna@acme.test"), true));
    assert_eq!((identity.name.as_deref(), identity.amr.as_slice()), (Some("Anna"), &["pwd".to_owned()][..]));
    assert!(refresh_token.is_some());
    let end = provider.end_session_url(Some(&id_token), "http://127.0.0.1:21099/", now()).await.unwrap();
    assert!(end.as_str().starts_with(&format!("{}/session/end?id_token_hint=", real.issuer)), "{end}");
    // An ID token opens nothing, and what is pending shows no secret.
    let refused = provider.verify_access_token(id_token.expose(), now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::InvalidToken(TokenFault::Audience)), "{refused}");
    let shown = format!("{pending:?} {callback:?} {refresh_token:?} {id_token:?}");
    for secret in [kept.state(), callback.code.as_deref().unwrap(), id_token.expose()] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn another_browsers_sign_in_cannot_be_finished() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let (pending, callback) = begin(&real, &provider, "anna").await;
    let login_fault = |result: Result<LoggedIn, OidcError>| match result.unwrap_err() {
        OidcError::InvalidLogin(fault) => fault,
        other => panic!("{other}"),
    };
    let finish =
        async |pending: &PendingLogin, callback: &LoginCallback| provider.finish_login(pending, callback, now()).await;
    for state in [None, Some(String::new()), Some("another".to_owned())] {
        let callback = LoginCallback { state, ..callback.clone() };
        assert_eq!(login_fault(finish(&pending, &callback).await), LoginFault::State);
    }
    assert_eq!(login_fault(finish(&changed(&pending, "state"), &callback).await), LoginFault::State);
    assert_eq!(login_fault(finish(&changed(&pending, "provider"), &callback).await), LoginFault::Provider);
    // This provider promises `iss`, so that nobody can pass another provider's answer off as its.
    for iss in [None, Some("https://another.example".to_owned())] {
        let callback = LoginCallback { iss, ..callback.clone() };
        assert_eq!(login_fault(finish(&pending, &callback).await), LoginFault::Issuer);
    }
    let no_code = LoginCallback { code: None, ..callback.clone() };
    assert_eq!(login_fault(finish(&pending, &no_code).await), LoginFault::Code);
    let late = provider.finish_login(&pending, &callback, now() + Duration::minutes(11)).await;
    assert_eq!(login_fault(late), LoginFault::Expired);
    assert!(finish(&pending, &callback).await.is_ok(), "none of these used the code up");
    assert!(matches!(finish(&pending, &callback).await, Err(OidcError::GrantRefused { .. })), "a code is used once");
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let (pending, callback) = begin(&real, &provider, "anna").await;
    let refused = provider.finish_login(&changed(&pending, "pkce_verifier"), &callback, now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::GrantRefused { .. }), "{refused}");
    assert_eq!(refused.problem().code, ErrorCode::Unauthenticated);
    // A code of one's own injected into another sign-in: the state of that one, the code of this.
    let (pending, callback) = begin(&real, &provider, "anna").await;
    let refused = provider.finish_login(&changed(&pending, "nonce"), &callback, now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::InvalidToken(TokenFault::Nonce)), "{refused}");
    let (victim, victims) = begin(&real, &provider, "anna").await;
    let (_, attackers) = begin(&real, &provider, "bert").await;
    let injected = LoginCallback { code: attackers.code, ..victims };
    let refused = provider.finish_login(&victim, &injected, now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::GrantRefused { .. }), "{refused}");
}

#[tokio::test]
async fn somebody_unknown_is_not_let_in() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let (pending, callback) = begin(&real, &provider, "zed").await;
    let refused = provider.finish_login(&pending, &callback, now()).await.unwrap_err();
    assert!(matches!(&refused, OidcError::LoginRefused { code, .. } if code == "access_denied"), "{refused}");
    assert_eq!(refused.problem().code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_wrong_client_secret_is_not_the_persons_fault() {
    let real = real_provider!(json!({}));
    let wrong = ProviderSettings { client_secret: Some(Secret::new("wrong")), ..real.settings() };
    let provider = provider_of(wrong);
    let (pending, callback) = begin(&real, &provider, "anna").await;
    let refused = provider.finish_login(&pending, &callback, now()).await.unwrap_err();
    assert!(matches!(&refused, OidcError::ClientRefused { code, .. } if code == "invalid_client"), "{refused}");
    assert_eq!(refused.problem().code, ErrorCode::UpstreamUnavailable);
}

#[tokio::test]
async fn a_public_client_signs_in_with_pkce_alone() {
    let real = real_provider!(json!({ "algorithm": "ES256" }));
    let public = ProviderSettings { client_secret: None, client_id: "millwright-public".to_owned(), ..real.settings() };
    let provider = provider_of(public);
    assert_eq!(sign_in(&real, &provider, "bert").await.identity.role, Some(Role::Operator));
}

#[tokio::test]
async fn a_changed_role_counts_from_the_next_refresh_on() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let first = sign_in(&real, &provider, "anna").await;
    assert_eq!(first.identity.role, Some(Role::Admin));
    real.change_users(json!({ "anna": { "role": "viewer" } })).await;
    let token = first.refresh_token.unwrap();
    let refreshed = provider.refresh(&token, "anna", now()).await.unwrap();
    let identity = refreshed.identity.unwrap();
    assert_eq!((identity.role, identity.subject.as_str()), (Some(Role::Viewer), "anna"));
    assert_ne!(refreshed.refresh_token, token, "this provider rotates them");
    // The session of somebody else is not taken over by a mixed-up token.
    let mixed = provider.refresh(&refreshed.refresh_token, "bert", now()).await.unwrap().identity.unwrap_err();
    assert!(matches!(mixed, OidcError::InvalidToken(TokenFault::Subject)), "{mixed}");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_the_session() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let stolen = sign_in(&real, &provider, "anna").await.refresh_token.unwrap();
    let next = provider.refresh(&stolen, "anna", now()).await.unwrap().refresh_token;
    for token in [&stolen, &next] {
        let refused = provider.refresh(token, "anna", now()).await.unwrap_err();
        assert!(matches!(refused, OidcError::GrantRefused { .. }), "{refused}");
    }
    let given_back = sign_in(&real, &provider, "anna").await.refresh_token.unwrap();
    assert!(provider.revoke(&given_back, now()).await.unwrap());
    assert!(matches!(provider.refresh(&given_back, "anna", now()).await, Err(OidcError::GrantRefused { .. })));
    // Somebody whom the provider does not know any more.
    let token = sign_in(&real, &provider, "anna").await.refresh_token.unwrap();
    real.change_users(json!({ "anna": null })).await;
    assert!(matches!(provider.refresh(&token, "anna", now()).await, Err(OidcError::GrantRefused { .. })));
}

#[tokio::test]
async fn what_the_id_token_lacks_comes_from_user_info() {
    let real = real_provider!(json!({ "lean_id_tokens": true }));
    let provider = real.provider();
    let signed_in = sign_in(&real, &provider, "anna").await;
    assert_eq!(signed_in.identity.email.as_deref(), Some("anna@acme.test"));
    assert_eq!((signed_in.identity.tenant.as_str(), signed_in.identity.role), ("acme", Some(Role::Admin)));
    assert_eq!(real.requests("/me").await, 1);
}

#[tokio::test]
async fn keys_rotate_while_people_work_and_no_request_fails() {
    let real = Arc::new(real_provider!(json!({})));
    let provider = real.provider();
    let session = sign_in(&real, &provider, "anna").await;
    let (stop, verified) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (real, provider, stop, verified) =
            (Arc::clone(&real), provider.clone(), Arc::clone(&stop), Arc::clone(&verified));
        clients.spawn(async move {
            let mut tokens = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // Tokens of before the rotation are used on, as clients do.
                tokens.push(real.access_token().await);
                for token in tokens.iter().rev().take(20) {
                    provider.verify_access_token(token, now()).await.unwrap();
                    verified.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let wait_for = async |more: usize| {
        let wanted = verified.load(Ordering::Relaxed) + more;
        while verified.load(Ordering::Relaxed) < wanted {
            assert!(!clients.is_empty());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    wait_for(200).await;
    real.rotate_keys(true).await;
    wait_for(200).await;
    stop.store(true, Ordering::Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert_eq!(real.requests("/jwks").await, 2, "one fetch at first, one for the new key");
    // The session goes on, with an ID token that the new key signed.
    let refreshed = provider.refresh(&session.refresh_token.unwrap(), "anna", now()).await.unwrap();
    assert_eq!(refreshed.identity.unwrap().subject, "anna");
}

#[tokio::test]
async fn a_flood_of_forged_tokens_is_one_fetch_a_minute() {
    let real = real_provider!(json!({}));
    let provider = real.provider();
    let good = real.access_token().await;
    let begun = now();
    assert_eq!(provider.verify_access_token(&good, begun).await.unwrap().tenant, "acme");
    assert_eq!(real.requests("/jwks").await, 1);
    for (seconds, fetches) in [(0, 2), (20, 2), (59, 2), (60, 3), (110, 3)] {
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let (provider, forged) = (provider.clone(), with_key(&good, &format!("{seconds}-{number}")));
            let at = begun + Duration::seconds(seconds);
            tasks.spawn(async move { provider.verify_access_token(&forged, at).await.unwrap_err().to_string() });
        }
        let refused = tasks.join_all().await;
        assert!(
            refused.iter().all(|refused| refused == "the token is not valid (unknown_key)"),
            "{:?}",
            refused.first()
        );
        assert_eq!(real.requests("/jwks").await, fetches, "after {seconds} s");
        assert!(provider.verify_access_token(&good, begun).await.is_ok(), "others go on meanwhile");
    }
}

/// The token with another `kid` in its header.
fn with_key(token: &str, kid: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": kid });
    format!("{}.{rest}", crate::support::base64(header.to_string()))
}

#[tokio::test]
async fn tokens_of_a_second_issuer_are_refused_by_the_first() {
    let (first, second) = (real_provider!(json!({})), real_provider!(json!({ "algorithm": "ES256" })));
    let named = |id: &str, real: &RealProvider| provider_of(ProviderSettings { id: id.to_owned(), ..real.settings() });
    let providers = Providers::new([named("first", &first), named("second", &second)]);
    let token = second.access_token().await;
    assert_eq!(providers.verify_access_token(&token, now()).await.unwrap().provider, "second");
    let refused = providers.by_id("first").unwrap().verify_access_token(&token, now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::InvalidToken(TokenFault::Issuer)), "{refused}");
    assert_eq!(first.requests("/jwks").await, 0);
    // A sign-in that began at one is not finished by the other.
    let (pending, callback) = begin(&second, providers.by_id("second").unwrap(), "anna").await;
    let refused = providers.by_id("first").unwrap().finish_login(&pending, &callback, now()).await.unwrap_err();
    assert!(matches!(refused, OidcError::InvalidLogin(LoginFault::Provider)), "{refused}");
}
