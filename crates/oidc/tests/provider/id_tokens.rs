//! What a sign-in refuses when the provider's answers are not as the standard says.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use millwright_core::{ErrorCode, FixedClock, SeededRandomness, Sources, ToProblem};
use millwright_oidc::{
    LoggedIn, LoginBegun, LoginCallback, OidcError, Provider, ProviderSettings, Secret, TenantBinding, TokenFault,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{AUDIENCE, CLIENT, Idp, RSA, Reply, provider_of, start};

const ACCESS_TOKEN: &str = "opaque-4711";

fn sources() -> Sources {
    Sources { clock: Arc::new(FixedClock::new(start())), randomness: Arc::new(SeededRandomness::new(7)) }
}

fn idp() -> Idp {
    Idp::new(&[RSA.jwk(&json!({ "kid": "k1", "use": "sig", "alg": "RS256" }))])
}

async fn begin(provider: &Provider) -> (LoginBegun, LoginCallback) {
    let begun = provider.begin_login(&sources(), "https://mw.example/cb", Some("ada")).await.unwrap();
    let callback = json!({ "code": "c-1", "state": begun.pending.state() });
    (begun, serde_json::from_value(callback).unwrap())
}

fn nonce(begun: &LoginBegun) -> String {
    let (_, nonce) = begun.url.query_pairs().find(|(name, _)| name == "nonce").unwrap();
    nonce.into_owned()
}

fn sign(header: &Value, claims: &Value) -> String {
    RSA.sign(Algorithm::RS256, header, claims)
}

/// Signs in with an ID token that `change` has touched, and says how that went.
async fn sign_in(
    idp: &Idp,
    settings: ProviderSettings,
    change: impl FnOnce(&mut Value, &mut Value),
) -> Result<LoggedIn, OidcError> {
    let provider = provider_of(settings);
    let (begun, callback) = begin(&provider).await;
    let mut header = json!({ "alg": "RS256", "kid": "k1" });
    let mut claims = idp.claims();
    claims["aud"] = json!(CLIENT);
    claims["nonce"] = json!(nonce(&begun));
    claims["email"] = json!("ada@acme.example");
    change(&mut header, &mut claims);
    let tokens = json!({ "access_token": ACCESS_TOKEN, "token_type": "bearer", "id_token": sign(&header, &claims) });
    idp.on("/token", Reply::Json(tokens));
    provider.finish_login(&begun.pending, &callback, start()).await
}

fn fault(result: Result<LoggedIn, OidcError>) -> TokenFault {
    match result.unwrap_err() {
        OidcError::InvalidToken(fault) => fault,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_request_for_authorisation_has_all_that_protects_it() {
    let idp = idp();
    let settings = ProviderSettings {
        authorize_parameters: [("prompt".to_owned(), "consent".to_owned())].into(),
        ..idp.settings()
    };
    let (begun, _) = begin(&provider_of(settings)).await;
    let of = |name: &str| begun.url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let kept = serde_json::to_value(&begun.pending).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(kept["pkce_verifier"].as_str().unwrap()));
    for (name, expected) in [
        ("x", "1"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://mw.example/cb"),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
        ("code_challenge", &challenge),
        ("state", begun.pending.state()),
        ("prompt", "consent"),
        ("login_hint", "ada"),
    ] {
        assert_eq!(of(name).as_deref(), Some(expected), "{name}");
    }
    for name in ["state", "nonce", "pkce_verifier"] {
        assert_eq!(kept[name].as_str().unwrap().len(), 43, "{name} has 256 bits");
    }
    assert!(!begun.url.as_str().contains(kept["pkce_verifier"].as_str().unwrap()));
}

#[tokio::test]
async fn an_id_token_must_be_for_this_client_and_this_sign_in() {
    let idp = idp();
    let refused = async |change: fn(&mut Value, &mut Value)| fault(sign_in(&idp, idp.settings(), change).await);
    assert!(sign_in(&idp, idp.settings(), |_, _| {}).await.is_ok());
    assert_eq!(refused(|_, claims| claims["nonce"] = json!("another")).await, TokenFault::Nonce);
    assert_eq!(refused(|_, claims| claims["nonce"] = Value::Null).await, TokenFault::Nonce);
    assert_eq!(refused(|_, claims| claims["aud"] = json!(AUDIENCE)).await, TokenFault::Audience);
    assert_eq!(refused(|_, claims| claims["aud"] = json!([CLIENT, "other"])).await, TokenFault::Audience);
    assert_eq!(refused(|_, claims| claims["azp"] = json!("other")).await, TokenFault::Audience);
    assert_eq!(refused(|_, claims| claims["azp"] = json!(1)).await, TokenFault::Audience);
    assert_eq!(refused(|header, _| header["typ"] = json!("at+jwt")).await, TokenFault::Kind);
    assert_eq!(refused(|header, _| header["typ"] = json!("logout+jwt")).await, TokenFault::Kind);
    assert_eq!(refused(|_, claims| claims["iss"] = json!("https://other.example")).await, TokenFault::Issuer);
    assert_eq!(refused(|_, claims| drop(claims.as_object_mut().unwrap().remove("iat"))).await, TokenFault::Malformed);
    let for_both = sign_in(&idp, idp.settings(), |_, claims| {
        claims["aud"] = json!([CLIENT, "other"]);
        claims["azp"] = json!(CLIENT);
    });
    assert!(for_both.await.is_ok());
}

#[tokio::test]
async fn the_access_token_beside_it_must_be_the_one_that_it_was_made_with() {
    let idp = idp();
    let with_hash = |hash: String| sign_in(&idp, idp.settings(), move |_, claims| claims["at_hash"] = json!(hash));
    let half = |text: &str| URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]);
    assert!(with_hash(half(ACCESS_TOKEN)).await.is_ok());
    assert_eq!(fault(with_hash(half("another")).await), TokenFault::AccessTokenHash);
    assert_eq!(fault(with_hash(String::new()).await), TokenFault::AccessTokenHash);
}

#[tokio::test]
async fn user_info_completes_but_never_overrules_and_must_be_about_the_same_person() {
    let idp = idp();
    let lean = |_: &mut Value, claims: &mut Value| {
        claims.as_object_mut().unwrap().retain(|name, _| !["email", "tenant_id"].contains(&name.as_str()));
    };
    let said =
        json!({ "sub": "u-1", "email": "ada@acme.example", "tenant_id": "globex", "role": "admin", "amr": ["mfa"] });
    idp.on("/me", Reply::Json(said.clone()));
    let identity = sign_in(&idp, idp.settings(), lean).await.unwrap().identity;
    assert_eq!((identity.email.as_deref(), identity.tenant.as_str()), (Some("ada@acme.example"), "globex"));
    assert_eq!(identity.role.unwrap().as_str(), "operator", "as the ID token says");
    assert!(identity.amr.is_empty(), "how somebody signed in stands in the ID token or nowhere");
    let mut another = said;
    another["sub"] = json!("u-2");
    idp.on("/me", Reply::Json(another));
    assert_eq!(fault(sign_in(&idp, idp.settings(), lean).await), TokenFault::Subject);
    idp.on("/me", Reply::Status(500));
    let failed = sign_in(&idp, idp.settings(), lean).await.unwrap_err();
    assert_eq!(failed.problem().code, ErrorCode::UpstreamUnavailable);
    assert!(sign_in(&idp, idp.settings(), |_, _| {}).await.is_ok(), "not asked when nothing is missing");
}

#[tokio::test]
async fn somebody_of_no_known_tenant_is_not_let_in() {
    let idp = idp();
    let map = [("0017".to_owned(), "acme".to_owned())].into();
    let tenant = TenantBinding::Claim { claim: "tenant_id".to_owned(), map };
    let settings = ProviderSettings { tenant, ..idp.settings() };
    assert_eq!(fault(sign_in(&idp, settings.clone(), |_, _| {}).await), TokenFault::Tenant);
    let known = sign_in(&idp, settings, |_, claims| claims["tenant_id"] = json!("0017")).await.unwrap();
    assert_eq!(known.identity.tenant, "acme");
}

#[tokio::test]
async fn a_refresh_without_id_token_asks_user_info() {
    let idp = idp();
    let provider = idp.provider();
    idp.on("/token", Reply::Json(json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60 })));
    idp.on(
        "/me",
        Reply::Json(
            json!({ "sub": "u-1", "tenant_id": "acme", "role": "viewer", "iss": "https://x.example", "exp": 9 }),
        ),
    );
    let token = Secret::new("r-1");
    let refreshed = provider.refresh(&token, "u-1", start()).await.unwrap();
    assert_eq!(refreshed.refresh_token, token, "a provider that does not rotate lets one keep it");
    let identity = refreshed.identity.unwrap();
    assert_eq!((identity.subject.as_str(), identity.role.unwrap().as_str()), ("u-1", "viewer"));
    assert_eq!(identity.claims["iss"], json!(idp.issuer));
    assert_eq!(identity.expires_at, start() + chrono::Duration::seconds(60));
    let other = provider.refresh(&token, "u-2", start()).await.unwrap().identity.unwrap_err();
    assert!(matches!(other, OidcError::InvalidToken(TokenFault::Subject)), "{other}");
}

#[tokio::test]
async fn a_rotated_refresh_token_is_not_lost_when_the_rest_fails() {
    let idp = idp();
    let tokens = json!({ "access_token": ACCESS_TOKEN, "token_type": "Bearer", "refresh_token": "r-2" });
    idp.on("/token", Reply::Json(tokens));
    idp.on("/me", Reply::Status(503));
    let refreshed = idp.provider().refresh(&Secret::new("r-1"), "u-1", start()).await.unwrap();
    assert_eq!(refreshed.refresh_token.expose(), "r-2");
    assert_eq!(refreshed.identity.unwrap_err().problem().code, ErrorCode::UpstreamUnavailable);
}

#[tokio::test]
async fn a_provider_in_trouble_is_not_taken_for_a_no() {
    let idp = idp();
    let provider = idp.provider();
    let refresh = async || provider.refresh(&Secret::new("r-1"), "u-1", start()).await.unwrap_err();
    for reply in [
        Reply::Status(503),
        Reply::Status(400),
        Reply::Status(302),
        Reply::Endless,
        Reply::Json(json!([])),
        Reply::Json(json!({ "access_token": "a", "token_type": "mac" })),
    ] {
        idp.on("/token", reply);
        assert_eq!(refresh().await.problem().code, ErrorCode::UpstreamUnavailable);
    }
    idp.on("/token", Reply::Refusal(json!({ "error": "invalid_grant" })));
    assert!(matches!(refresh().await, OidcError::GrantRefused { .. }));
    // What a provider writes there does not reach a log as it is.
    idp.on("/token", Reply::Refusal(json!({ "error": "<script>\n" })));
    assert!(!refresh().await.to_string().contains("script"));
}
