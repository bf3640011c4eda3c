use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use millwright_core::{
    FixedClock, Permission, Role, SeededRandomness, Sources,
    id::{SessionId, TenantId, UserId},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{AuthError, Grant, TokenFault, TokenIssuer, TokenRules, TokenVerifier, token::token_key};

const SECRET: &[u8] = b"a secret key of more than 32 bytes";

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

fn sources() -> Sources {
    Sources { clock: Arc::new(FixedClock::new(start())), randomness: Arc::new(SeededRandomness::new(7)) }
}

fn verifier() -> TokenVerifier {
    TokenVerifier::new(SECRET, &TokenRules::own(Duration::hours(8))).unwrap()
}

fn tenant() -> TenantId {
    TenantId::from(Uuid::from_u128(1))
}

fn user() -> UserId {
    UserId::from(Uuid::from_u128(2))
}

fn session() -> SessionId {
    SessionId::from(Uuid::from_u128(3))
}

fn issued() -> String {
    let issuer = TokenIssuer::new(SECRET, TokenRules::own(Duration::hours(8))).unwrap();
    let grant = Grant {
        tenant_id: tenant(),
        user_id: user(),
        role: Role::Operator,
        session_id: session(),
        access_version: 4,
        restricted: false,
    };
    issuer.issue(&sources(), &grant).unwrap().token
}

fn claims() -> Value {
    json!({
        "sub": user(), "tenant_id": tenant(), "role": "operator", "iss": "millwright", "aud": "millwright-api",
        "iat": start().timestamp(), "exp": start().timestamp() + 60, "jti": "1",
        "sid": session(), "ver": 4,
    })
}

fn hs256(key: &[u8], message: &str) -> Vec<u8> {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap().chain_update(message);
    mac.finalize().into_bytes().to_vec()
}

/// A token signed with the right key, whatever its header and claims say.
fn signed(header: &Value, claims: &Value) -> String {
    signed_with(token_key(SECRET).unwrap().as_ref(), header, claims)
}

fn signed_with(key: &[u8], header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(hs256(key, &message));
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256" })
}

fn fault(token: &str) -> TokenFault {
    match verifier().verify(token, start()).unwrap_err() {
        AuthError::InvalidToken(fault) => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn a_token_speaks_for_the_user_and_tenant_it_was_made_for() {
    let verified = verifier().verify(&issued(), start()).unwrap();
    let principal = verified.principal;
    assert_eq!((principal.user_id, principal.tenant_id(), principal.role), (user(), tenant(), Role::Operator));
    assert_eq!((principal.session_id(), verified.access_version), (Some(session()), 4));
    assert!(crate::require(&principal, Permission::DocumentsWrite).is_ok());
    let needed = Permission::UsersManage;
    assert!(matches!(crate::require(&principal, needed), Err(AuthError::NotPermitted { .. })));
    // The hand-made token of the tests below is accepted as it stands, so that each refusal has one cause.
    assert!(verifier().verify(&signed(&header(), &claims()), start()).is_ok());
}

#[test]
fn before_the_second_factor_is_set_up_a_token_opens_the_profile_only() {
    let mut limited = claims();
    limited["lim"] = json!(true);
    let principal = verifier().verify(&signed(&header(), &limited), start()).unwrap().principal;
    assert!(crate::require(&principal, Permission::ProfileManage).is_ok());
    let refused = crate::require(&principal, Permission::DocumentsRead);
    assert!(matches!(refused, Err(AuthError::SecondFactorRequired)), "{refused:?}");
    let beyond = crate::require(&principal, Permission::UsersManage);
    assert!(matches!(beyond, Err(AuthError::NotPermitted { .. })), "{beyond:?}");
}

#[test]
fn a_token_holds_until_it_expires_and_a_minute_of_skew_longer() {
    let token = issued();
    let at = |seconds| verifier().verify(&token, start() + Duration::hours(8) + Duration::seconds(seconds));
    assert!(at(0).is_ok());
    assert!(at(59).is_ok());
    assert!(matches!(at(60), Err(AuthError::Expired)));
    assert!(verifier().verify(&token, start() - Duration::seconds(60)).is_ok());
    let early = verifier().verify(&token, start() - Duration::seconds(61)).unwrap_err();
    assert!(matches!(early, AuthError::InvalidToken(TokenFault::NotYetValid)));
}

#[test]
fn a_token_of_another_key_or_purpose_is_refused() {
    assert_eq!(fault(&signed_with(b"another key of more than 32 bytes", &header(), &claims())), TokenFault::Signature);
    assert_eq!(
        fault(&signed_with(SECRET, &header(), &claims())),
        TokenFault::Signature,
        "the secret itself signs nothing"
    );
    let other =
        TokenVerifier::new(b"another secret of more than 32 bytes", &TokenRules::own(Duration::hours(8))).unwrap();
    assert!(other.verify(&issued(), start()).is_err());
    assert!(matches!(TokenVerifier::new(b"short", &TokenRules::own(Duration::hours(8))), Err(AuthError::WeakKey(5))));
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ""] {
        let header = json!({ "typ": "JWT", "alg": algorithm });
        let refused = fault(&signed(&header, &claims()));
        assert!(matches!(refused, TokenFault::Algorithm | TokenFault::Malformed), "{algorithm}: {refused:?}");
        let unsigned = signed(&header, &claims());
        let unsigned = &unsigned[..=unsigned.rfind('.').unwrap()];
        assert!(verifier().verify(unsigned, start()).is_err(), "{algorithm} without signature");
    }
    // Without a signature but with the right algorithm.
    let token = issued();
    assert_eq!(fault(&token[..=token.rfind('.').unwrap()]), TokenFault::Signature);
}

#[test]
fn what_the_header_offers_besides_is_not_followed() {
    for critical in [json!(["exp"]), json!(["b64"]), json!([])] {
        let header = json!({ "typ": "JWT", "alg": "HS256", "crit": critical, "b64": true });
        assert_eq!(fault(&signed(&header, &claims())), TokenFault::CriticalHeader);
    }
    let attacker = b"a key that the attacker brings with him";
    let header = json!({
        "alg": "HS256", "kid": "../../dev/null", "jku": "https://attacker.example/keys",
        "jwk": { "kty": "oct", "k": URL_SAFE_NO_PAD.encode(attacker) },
    });
    assert_eq!(fault(&signed_with(attacker, &header, &claims())), TokenFault::Signature);
}

#[test]
fn every_claim_is_needed_and_must_fit() {
    for name in ["sub", "tenant_id", "role", "iss", "aud", "iat", "exp", "jti", "sid", "ver"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(fault(&signed(&header(), &without)), TokenFault::Malformed, "{name}");
    }
    let cases = [
        ("iss", json!("someone"), TokenFault::Issuer),
        ("aud", json!("another-api"), TokenFault::Audience),
        ("role", json!("root"), TokenFault::Malformed),
        ("sub", json!(tenant()), TokenFault::Malformed),
        ("tenant_id", json!(user()), TokenFault::Malformed),
        ("tenant_id", json!([tenant()]), TokenFault::Malformed),
        ("exp", json!("tomorrow"), TokenFault::Malformed),
        ("exp", json!(1e300), TokenFault::Malformed),
        ("nbf", json!(start().timestamp() + 120), TokenFault::NotYetValid),
        ("iat", json!(start().timestamp() + 120), TokenFault::NotYetValid),
    ];
    for (name, value, expected) in cases {
        let mut changed = claims();
        changed[name] = value;
        assert_eq!(fault(&signed(&header(), &changed)), expected, "{name}: {}", changed[name]);
    }
    let mut expired = claims();
    for long_ago in [0, i64::MIN] {
        expired["exp"] = json!(long_ago);
        assert!(verifier().verify(&signed(&header(), &expired), start()).is_err());
    }
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let twice = claims().to_string().replacen('{', &format!("{{\"tenant_id\":\"{}\",", TenantId::from(Uuid::max())), 1);
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header().to_string()), URL_SAFE_NO_PAD.encode(twice));
    let signature = URL_SAFE_NO_PAD.encode(hs256(token_key(SECRET).unwrap().as_ref(), &message));
    assert_eq!(fault(&format!("{message}.{signature}")), TokenFault::Malformed);
}

#[test]
fn a_huge_token_is_not_even_read() {
    let mut large = claims();
    large["padding"] = json!("x".repeat(TokenVerifier::MAX_TOKEN_BYTES));
    assert_eq!(fault(&signed(&header(), &large)), TokenFault::TooLong);
    assert_eq!(fault(&"a".repeat(50_000_000)), TokenFault::TooLong);
}

proptest! {
    #[test]
    fn no_changed_byte_goes_unnoticed(place: prop::sample::Index, byte in 0x21_u8..0x7f) {
        let mut token = issued().into_bytes();
        let place = place.index(token.len());
        prop_assume!(token[place] != byte);
        token[place] = byte;
        prop_assert!(verifier().verify(&String::from_utf8(token).unwrap(), start()).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(token in ".*", parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        prop_assert!(verifier().verify(&token, start()).is_err());
        prop_assert!(verifier().verify(&parts.join("."), start()).is_err());
    }
}
