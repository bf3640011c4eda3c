//! What an attacker would try with access tokens, against a provider on loopback.

use std::sync::LazyLock;

use crate::support::{AUDIENCE, CLIENT, Idp, OTHER_RSA, P256, P384, Pair, RSA, base64, provider_of, start};
use chrono::Duration;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::Algorithm;
use millwright_core::{ErrorCode, Role, ToProblem};
use millwright_oidc::{OidcError, Provider, ProviderSettings, Providers, TokenFault};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// One provider with a key of each kind.
static IDP: LazyLock<Idp> = LazyLock::new(|| {
    Idp::new(&[
        RSA.jwk(&json!({ "kid": "rsa", "use": "sig", "alg": "RS256" })),
        P256.jwk(&json!({ "kid": "p256", "use": "sig" })),
        P384.jwk(&json!({ "kid": "p384" })),
        RSA.jwk(&json!({ "kid": "pss", "alg": "PS256", "key_ops": ["verify"] })),
        RSA.jwk(&json!({ "kid": "rsa512", "alg": "RS512" })),
        OTHER_RSA.jwk(&json!({ "kid": "bare" })),
    ])
});
static PROVIDER: LazyLock<Provider> = LazyLock::new(|| IDP.provider());

fn verify(token: &str) -> Result<millwright_oidc::VerifiedToken, OidcError> {
    RUNTIME.block_on(PROVIDER.verify_access_token(token, start()))
}

fn fault(token: &str) -> TokenFault {
    match verify(token).unwrap_err() {
        OidcError::InvalidToken(fault) => fault,
        other => panic!("{other}"),
    }
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": "rsa" })
}

fn signed(header: &Value, claims: &Value) -> String {
    RSA.sign(Algorithm::RS256, header, claims)
}

fn hs256(key: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap().chain_update(&message);
    format!("{message}.{}", base64(mac.finalize().into_bytes()))
}

#[test]
fn a_token_speaks_for_the_person_that_the_provider_names() {
    let mut claims = IDP.claims();
    let more =
        json!({ "email": "ada@acme.example", "email_verified": true, "name": "Ada", "amr": ["pwd", "otp"], "x": 1 });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let token = verify(&signed(&header(), &claims)).unwrap();
    assert_eq!((token.subject.as_str(), token.tenant.as_str(), token.role), ("u-1", "acme", Some(Role::Operator)));
    assert_eq!((token.issuer.as_str(), token.provider.as_str()), (IDP.issuer.as_str(), "test"));
    assert_eq!(token.expires_at, start() + Duration::seconds(600));
    assert_eq!((token.email.as_deref(), token.email_verified), (Some("ada@acme.example"), true));
    assert_eq!((token.name.as_deref(), token.amr.as_slice()), (Some("Ada"), &["pwd".to_owned(), "otp".to_owned()][..]));
    assert_eq!(token.claims["x"], 1);
    assert!(!format!("{token:?}").contains("ada@"));
}

#[test]
fn every_kind_of_key_verifies_its_own_algorithm_and_no_other() {
    let keys: [(&str, &Pair, Algorithm); 6] = [
        ("rsa", &RSA, Algorithm::RS256),
        ("p256", &P256, Algorithm::ES256),
        ("p384", &P384, Algorithm::ES384),
        ("pss", &RSA, Algorithm::PS256),
        ("rsa512", &RSA, Algorithm::RS512),
        ("bare", &OTHER_RSA, Algorithm::RS256),
    ];
    let rsa =
        [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
    for (kid, pair, own) in keys {
        let token = |algorithm: Algorithm| {
            let header = json!({ "typ": "JWT", "alg": format!("{algorithm:?}"), "kid": kid });
            pair.sign(algorithm, &header, &IDP.claims())
        };
        assert!(verify(&token(own)).is_ok(), "{kid}");
        // The same private key, another algorithm: cryptographically sound, and still not what the key is for.
        for other in rsa.into_iter().filter(|other| rsa.contains(&own) && *other != own) {
            assert_eq!(fault(&token(other)), TokenFault::Algorithm, "{kid} {other:?}");
        }
    }
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    for algorithm in ["none", "None", "NONE", "HS256", "HS384", "HS512", "EdDSA", "RS1", "rs256", "RSA-OAEP", "dir", ""]
    {
        let header = json!({ "typ": "JWT", "alg": algorithm, "kid": "rsa" });
        let token = signed(&header, &IDP.claims());
        assert_eq!(fault(&token), TokenFault::Algorithm, "{algorithm}");
        assert_eq!(fault(&token[..=token.rfind('.').unwrap()]), TokenFault::Algorithm, "{algorithm} without signature");
    }
    for algorithm in [json!(null), json!(["RS256"]), json!(5)] {
        assert_eq!(fault(&signed(&json!({ "alg": algorithm, "kid": "rsa" }), &IDP.claims())), TokenFault::Algorithm);
    }
    assert_eq!(fault(&signed(&json!({ "kid": "rsa" }), &IDP.claims())), TokenFault::Algorithm);
    let token = signed(&header(), &IDP.claims());
    assert_eq!(fault(&token[..=token.rfind('.').unwrap()]), TokenFault::Signature);
    // A key of one kind under the name of another.
    let as_ec = json!({ "alg": "ES256", "kid": "rsa" });
    assert_eq!(fault(&P256.sign(Algorithm::ES256, &as_ec, &IDP.claims())), TokenFault::Algorithm);
    let as_rsa = json!({ "alg": "RS256", "kid": "p256" });
    assert_eq!(fault(&signed(&as_rsa, &IDP.claims())), TokenFault::Algorithm);
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let modulus = RSA.public["n"].as_str().unwrap();
    let jwk = RSA.jwk(&json!({ "kid": "rsa", "use": "sig", "alg": "RS256" })).to_string();
    for secret in [modulus.as_bytes(), jwk.as_bytes(), b"", b"rsa"] {
        for algorithm in ["HS256", "RS256"] {
            let token = hs256(secret, &json!({ "typ": "JWT", "alg": algorithm, "kid": "rsa" }), &IDP.claims());
            assert!(matches!(fault(&token), TokenFault::Algorithm | TokenFault::Signature));
        }
    }
}

#[test]
fn what_the_header_offers_besides_is_not_followed() {
    for critical in [json!(["exp"]), json!(["b64"]), json!([]), json!(null), json!("x")] {
        let header = json!({ "alg": "RS256", "kid": "rsa", "crit": critical, "b64": true });
        assert_eq!(fault(&signed(&header, &IDP.claims())), TokenFault::CriticalHeader);
    }
    let attacker = Idp::new(&[OTHER_RSA.jwk(&json!({ "kid": "rsa", "alg": "RS256" }))]);
    let keys = format!("{}/jwks", attacker.issuer);
    let header = json!({
        "alg": "RS256", "kid": "rsa", "jku": keys, "x5u": keys, "x5c": [base64("certificate")],
        "jwk": OTHER_RSA.jwk(&json!({ "kid": "rsa" })),
    });
    assert_eq!(fault(&OTHER_RSA.sign(Algorithm::RS256, &header, &IDP.claims())), TokenFault::Signature);
    assert_eq!(attacker.hits("/jwks"), 0);
    for kid in ["../../dev/null", "' or 1=1 --", "", "RSA"] {
        let header = json!({ "alg": "RS256", "kid": kid });
        assert_eq!(fault(&signed(&header, &IDP.claims())), TokenFault::UnknownKey, "{kid}");
    }
    assert_eq!(fault(&signed(&json!({ "alg": "RS256", "kid": 1 }), &IDP.claims())), TokenFault::Malformed);
    // Among several keys the token must name one.
    assert_eq!(fault(&signed(&json!({ "alg": "RS256" }), &IDP.claims())), TokenFault::UnknownKey);
}

#[test]
fn a_token_holds_until_it_expires_and_a_minute_of_skew_longer() {
    let token = signed(&header(), &IDP.claims());
    let at = |seconds| RUNTIME.block_on(PROVIDER.verify_access_token(&token, start() + Duration::seconds(seconds)));
    assert!(at(599).is_ok());
    assert!(at(659).is_ok());
    assert!(matches!(at(660), Err(OidcError::Expired)));
    assert!(at(-60).is_ok());
    assert!(matches!(at(-61), Err(OidcError::InvalidToken(TokenFault::NotYetValid))));
}

#[test]
fn every_claim_is_needed_and_must_fit() {
    for (name, expected) in [
        ("sub", TokenFault::Malformed),
        ("tenant_id", TokenFault::Tenant),
        ("iss", TokenFault::Issuer),
        ("aud", TokenFault::Audience),
        ("exp", TokenFault::Malformed),
    ] {
        let mut without = IDP.claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(fault(&signed(&header(), &without)), expected, "{name}");
    }
    let later = start().timestamp() + 120;
    let cases = [
        ("iss", json!("https://someone.example"), TokenFault::Issuer),
        ("iss", json!(format!("{}/", IDP.issuer)), TokenFault::Issuer),
        ("iss", json!([IDP.issuer]), TokenFault::Issuer),
        ("aud", json!("another-api"), TokenFault::Audience),
        ("aud", json!(["a", "b"]), TokenFault::Audience),
        ("aud", json!({ AUDIENCE: 1 }), TokenFault::Audience),
        ("aud", json!("URN:millwright:api"), TokenFault::Audience),
        ("sub", json!(""), TokenFault::Malformed),
        ("sub", json!(7), TokenFault::Malformed),
        ("sub", json!("a\u{0}b"), TokenFault::Malformed),
        ("sub", json!("x".repeat(256)), TokenFault::Malformed),
        ("tenant_id", json!(["acme"]), TokenFault::Tenant),
        ("tenant_id", json!(""), TokenFault::Tenant),
        ("exp", json!("tomorrow"), TokenFault::Malformed),
        ("exp", json!(1e300), TokenFault::Malformed),
        ("exp", json!(i64::MAX), TokenFault::Malformed),
        ("exp", json!(null), TokenFault::Malformed),
        ("nbf", json!(later), TokenFault::NotYetValid),
        ("nbf", json!("now"), TokenFault::Malformed),
        ("iat", json!(later), TokenFault::NotYetValid),
    ];
    for (name, value, expected) in cases {
        let mut changed = IDP.claims();
        changed[name] = value;
        assert_eq!(fault(&signed(&header(), &changed)), expected, "{name}: {}", changed[name]);
    }
    for long_ago in [json!(0), json!(i64::MIN), json!(-1.5)] {
        let mut expired = IDP.claims();
        expired["exp"] = long_ago;
        assert!(matches!(verify(&signed(&header(), &expired)), Err(OidcError::Expired)));
    }
    // What is accepted besides: several audiences, fractions of seconds, no `iat`, a role that is none of ours.
    let mut loose = IDP.claims();
    loose["aud"] = json!(["other", AUDIENCE]);
    loose["exp"] = json!(start().timestamp() as f64 + 10.5);
    loose["role"] = json!("service");
    loose.as_object_mut().unwrap().remove("iat");
    assert_eq!(verify(&signed(&header(), &loose)).unwrap().role, None);
}

#[test]
fn a_claim_or_header_that_stands_twice_is_refused() {
    let twice = |value: &Value, more: &str| value.to_string().replacen('{', &format!("{{{more},"), 1);
    for more in ["\"tenant_id\":\"globex\"", "\"tenant\\u005fid\":\"globex\"", "\"sub\":\"u-2\"", "\"exp\":9999999999"]
    {
        let token = RSA.sign_text(Algorithm::RS256, &header().to_string(), &twice(&IDP.claims(), more));
        assert_eq!(fault(&token), TokenFault::Malformed, "{more}");
    }
    for more in ["\"alg\":\"none\"", "\"kid\":\"p256\""] {
        let token = RSA.sign_text(Algorithm::RS256, &twice(&header(), more), &IDP.claims().to_string());
        assert_eq!(fault(&token), TokenFault::Malformed, "{more}");
    }
}

#[test]
fn a_huge_token_is_not_even_read() {
    let mut large = IDP.claims();
    large["padding"] = json!("x".repeat(8192));
    assert_eq!(fault(&signed(&header(), &large)), TokenFault::TooLong);
    assert_eq!(fault(&"a".repeat(50_000_000)), TokenFault::TooLong);
    large["padding"] = json!("x".repeat(4000));
    assert!(verify(&signed(&header(), &large)).is_ok());
}

#[test]
fn an_id_token_is_no_access_token() {
    // With an audience of the API's own, the audience tells.
    let mut id_token = IDP.claims();
    id_token["aud"] = json!(CLIENT);
    assert_eq!(fault(&signed(&header(), &id_token)), TokenFault::Audience);
    // Where the client id is the audience too, other marks tell.
    let settings = ProviderSettings { audience: None, ..IDP.settings() };
    let provider = provider_of(settings);
    let verify = |header: &Value, claims: &Value| {
        RUNTIME
            .block_on(provider.verify_access_token(&signed(header, claims), start()))
            .map_err(|error| error.to_string())
    };
    let refused = Err(OidcError::InvalidToken(TokenFault::Kind).to_string());
    assert!(verify(&header(), &id_token).is_ok());
    for (mark, value) in [("nonce", "n"), ("at_hash", "h"), ("c_hash", "h"), ("typ", "ID"), ("token_use", "id")] {
        let mut marked = id_token.clone();
        marked[mark] = json!(value);
        assert_eq!(verify(&header(), &marked), refused, "{mark}");
    }
    for kind in ["logout+jwt", "secevent+jwt", "dpop+jwt", "JOSE", "id+jwt"] {
        assert_eq!(verify(&json!({ "alg": "RS256", "kid": "rsa", "typ": kind }), &id_token), refused, "{kind}");
    }
    for kind in ["at+jwt", "application/at+jwt", "AT+JWT", "jwt"] {
        assert!(verify(&json!({ "alg": "RS256", "kid": "rsa", "typ": kind }), &id_token).is_ok(), "{kind}");
    }
}

#[test]
fn keys_that_are_not_for_signatures_or_weak_are_not_used() {
    let weak = Pair::rsa(1024);
    let secret = b"a secret of thirty-two bytes....";
    let identity = |exponent: &str| {
        let mut jwk = RSA.jwk(&json!({ "kid": "e", "alg": "RS256" }));
        jwk["e"] = json!(exponent);
        jwk
    };
    let off_the_curve =
        json!({ "kty": "EC", "crv": "P-256", "kid": "off", "x": base64([1; 32]), "y": base64([1; 32]) });
    let idp = Idp::new(&[
        RSA.jwk(&json!({ "kid": "enc", "use": "enc" })),
        RSA.jwk(&json!({ "kid": "ops", "key_ops": ["encrypt"] })),
        RSA.jwk(&json!({ "kid": "wrong", "alg": "ES256" })),
        RSA.jwk(&json!({ "kid": "oaep", "alg": "RSA-OAEP" })),
        RSA.jwk(&json!({ "kid": "hmac", "alg": "HS256" })),
        P256.jwk(&json!({ "kid": "ec-as-rsa", "alg": "RS256" })),
        json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": base64(secret) }),
        weak.jwk(&json!({ "kid": "weak", "alg": "RS256" })),
        identity("AQ"),
        off_the_curve,
        json!("no key"),
        P384.jwk(&json!({ "kid": "good" })),
    ]);
    let provider = idp.provider();
    let verify =
        |token: &str| RUNTIME.block_on(provider.verify_access_token(token, start())).map_err(|e| e.to_string());
    let unknown = Err(OidcError::InvalidToken(TokenFault::UnknownKey).to_string());
    for kid in ["enc", "ops", "wrong", "oaep", "hmac", "ec-as-rsa", "e"] {
        assert_eq!(verify(&signed(&json!({ "alg": "RS256", "kid": kid }), &idp.claims())), unknown, "{kid}");
    }
    let weak = weak.sign(Algorithm::RS256, &json!({ "alg": "RS256", "kid": "weak" }), &idp.claims());
    assert_eq!(verify(&weak), unknown);
    assert!(verify(&hs256(secret, &json!({ "alg": "HS256", "kid": "oct" }), &idp.claims())).is_err());
    let off = P256.sign(Algorithm::ES256, &json!({ "alg": "ES256", "kid": "off" }), &idp.claims());
    assert_eq!(verify(&off), unknown);
    // Only one usable key is left, so a token need not name it.
    let good = P384.sign(Algorithm::ES384, &json!({ "alg": "ES384" }), &idp.claims());
    assert!(verify(&good).is_ok());
}

#[test]
fn a_provider_vouches_for_nobody_but_its_own() {
    let other = Idp::new(&[OTHER_RSA.jwk(&json!({ "kid": "rsa", "alg": "RS256" }))]);
    let second = provider_of(ProviderSettings { id: "second".to_owned(), ..other.settings() });
    let providers = Providers::new([PROVIDER.clone(), second]);
    let verify = |token: &str| RUNTIME.block_on(providers.verify_access_token(token, start()));
    let of = |claims: &Value, pair: &Pair| pair.sign(Algorithm::RS256, &header(), claims);
    assert_eq!(verify(&of(&IDP.claims(), &RSA)).unwrap().provider, "test");
    assert_eq!(verify(&of(&other.claims(), &OTHER_RSA)).unwrap().provider, "second");
    // Signed by the one in the name of the other.
    assert!(matches!(verify(&of(&IDP.claims(), &OTHER_RSA)), Err(OidcError::InvalidToken(TokenFault::Signature))));
    assert_eq!(fault(&of(&other.claims(), &OTHER_RSA)), TokenFault::Issuer);
    let mut nobody = IDP.claims();
    nobody["iss"] = json!("https://nobody.example");
    assert!(matches!(verify(&of(&nobody, &RSA)), Err(OidcError::InvalidToken(TokenFault::Issuer))));
    assert!(providers.of_token("not a token").is_none() && providers.by_issuer(&format!("{}/", IDP.issuer)).is_none());
}

#[test]
fn a_client_is_told_nothing_about_the_cause() {
    let problem = verify(&signed(&json!({ "alg": "RS256", "kid": "p256" }), &IDP.claims())).unwrap_err().problem();
    assert_eq!((problem.code, problem.detail.as_str()), (ErrorCode::Unauthenticated, "the access token is not valid"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_changed_byte_goes_unnoticed(place: prop::sample::Index, byte in 0x21_u8..0x7f) {
        static TOKEN: LazyLock<String> = LazyLock::new(|| signed(&header(), &IDP.claims()));
        let mut token = TOKEN.clone().into_bytes();
        let place = place.index(token.len());
        prop_assume!(token[place] != byte);
        token[place] = byte;
        prop_assert!(verify(&String::from_utf8(token).unwrap()).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(token in ".*", parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        prop_assert!(verify(&token).is_err());
        prop_assert!(verify(&parts.join(".")).is_err());
    }

    #[test]
    fn no_json_makes_the_verifier_panic(header in json_object(), claims in json_object()) {
        // Signed, so that what lies behind the signature is reached as well.
        prop_assert!(verify(&signed(&header, &claims)).is_err());
        let mut complete = self::header();
        complete.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        let mut all = IDP.claims();
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let _ = verify(&signed(&complete, &all));
    }
}

fn json_object() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::collection::vec(".{0,5}", 0..3).prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec![
            "alg",
            "typ",
            "kid",
            "exp",
            "nbf",
            "iat",
            "aud",
            "sub",
            "role",
            "amr",
            "email",
            "tenant_id"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,5}",
    ];
    prop::collection::btree_map(name, value, 0..5).prop_map(|map| map.into_iter().collect())
}
