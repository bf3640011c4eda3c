use std::fmt;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use millwright_core::Role;
use serde::Deserialize;

use crate::{AuthError, TokenFault, TokenVerifier, token::install_crypto, token_verifier::fault};

/// `iss` of development tokens, where they have one.
pub const DEV_ISSUER: &str = "millwright-dev";

/// What a development token says.
#[derive(Debug, Clone, Deserialize)]
pub struct DevClaims {
    /// Who, in the words of whoever made the token.
    pub sub: String,
    /// The tenant's id or name.
    pub tenant_id: String,
    /// What the user is there.
    pub role: Role,
    /// Seconds since 1970.
    pub exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    /// E-mail address, where it is said.
    #[serde(default)]
    pub email: Option<String>,
    /// Display name, where it is said.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, accepted: &str) -> bool {
        match self {
            Self::One(one) => one == accepted,
            Self::Several(several) => several.iter().any(|one| one == accepted),
        }
    }
}

/// Accepts HS256 tokens signed with `DEV_JWT_SECRET`, for development only: settings refuse it anywhere else.
pub struct DevTokenVerifier {
    key: DecodingKey,
    validation: Validation,
    audience: String,
}

impl DevTokenVerifier {
    /// With the shared secret, at least 32 bytes, and the `aud` that is accepted where a token has one.
    pub fn new(secret: &[u8], audience: impl Into<String>) -> Result<Self, AuthError> {
        install_crypto();
        if secret.len() < 32 {
            return Err(AuthError::WeakKey(secret.len()));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        // Checked below: the crate demands the claim as soon as it checks it.
        validation.validate_aud = false;
        Ok(Self { key: DecodingKey::from_secret(secret), validation, audience: audience.into() })
    }

    /// What the token says, if it is good at the time `now`, with a minute of skew.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<DevClaims, AuthError> {
        let refuse = |fault| Err(AuthError::InvalidToken(fault));
        if token.len() > TokenVerifier::MAX_TOKEN_BYTES {
            return refuse(TokenFault::TooLong);
        }
        let decoded = jsonwebtoken::decode::<DevClaims>(token, &self.key, &self.validation)
            .map_err(|error| AuthError::InvalidToken(fault(error.kind())))?;
        if decoded.header.crit.is_some() {
            return refuse(TokenFault::CriticalHeader);
        }
        let (claims, now) = (decoded.claims, now.timestamp());
        if claims.exp.saturating_add(TokenVerifier::SKEW_SECONDS) <= now {
            return Err(AuthError::Expired);
        }
        let begins = claims.nbf.max(claims.iat).unwrap_or(i64::MIN);
        if begins.saturating_sub(TokenVerifier::SKEW_SECONDS) > now {
            return refuse(TokenFault::NotYetValid);
        }
        if claims.iss.as_deref().is_some_and(|issuer| issuer != DEV_ISSUER) {
            return refuse(TokenFault::Issuer);
        }
        if claims.aud.as_ref().is_some_and(|audience| !audience.includes(&self.audience)) {
            return refuse(TokenFault::Audience);
        }
        if claims.sub.is_empty() || claims.sub.len() > 255 || claims.sub.contains(char::is_control) {
            return refuse(TokenFault::Malformed);
        }
        Ok(claims)
    }
}

impl fmt::Debug for DevTokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevTokenVerifier")
    }
}

/// The issuer that a token claims, unverified: only to choose who verifies it.
pub fn claimed_issuer(token: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    #[derive(Deserialize)]
    struct Claimed {
        #[serde(default)]
        iss: Option<String>,
    }
    let claims = token.split('.').nth(1).filter(|part| part.len() <= 16 * 1024)?;
    let bytes = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice::<Claimed>(&bytes).ok()?.iss
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &[u8] = b"a development secret of 32 bytes!";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap()
    }

    fn claims() -> Value {
        json!({ "sub": "alice", "tenant_id": "acme", "role": "operator", "exp": now().timestamp() + 60 })
    }

    fn token(algorithm: Algorithm, claims: &Value) -> String {
        install_crypto();
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET)).unwrap()
    }

    fn verify(claims: &Value) -> Result<DevClaims, AuthError> {
        DevTokenVerifier::new(SECRET, "api").unwrap().verify(&token(Algorithm::HS256, claims), now())
    }

    #[test]
    fn the_four_claims_are_enough_and_each_is_needed() {
        let said = verify(&claims()).unwrap();
        assert_eq!((said.sub.as_str(), said.tenant_id.as_str(), said.role), ("alice", "acme", Role::Operator));
        for name in ["sub", "tenant_id", "role", "exp"] {
            let mut without = claims();
            without.as_object_mut().unwrap().remove(name);
            assert!(verify(&without).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_said_besides_is_checked() {
        for (name, value) in [
            ("iss", json!("somebody")),
            ("aud", json!("another-api")),
            ("aud", json!(["x", "y"])),
            ("nbf", json!(now().timestamp() + 120)),
            ("exp", json!(now().timestamp() - 61)),
            ("role", json!("root")),
            ("sub", json!("")),
        ] {
            let mut changed = claims();
            changed[name] = value.clone();
            assert!(verify(&changed).is_err(), "{name}: {value}");
        }
        let mut good = claims();
        good["aud"] = json!(["x", "api"]);
        good["iss"] = json!(DEV_ISSUER);
        assert!(verify(&good).is_ok());
    }

    #[test]
    fn only_hs256_with_the_secret_is_accepted() {
        let verifier = DevTokenVerifier::new(SECRET, "api").unwrap();
        assert!(verifier.verify(&token(Algorithm::HS512, &claims()), now()).is_err());
        let other = DevTokenVerifier::new(b"another development secret of 32b", "api").unwrap();
        assert!(other.verify(&token(Algorithm::HS256, &claims()), now()).is_err());
        assert!(DevTokenVerifier::new(b"short", "api").is_err());
    }

    #[test]
    fn the_claimed_issuer_is_read_from_anything() {
        let mut issued = claims();
        issued["iss"] = json!("https://idp.example");
        assert_eq!(claimed_issuer(&token(Algorithm::HS256, &issued)).as_deref(), Some("https://idp.example"));
        for text in ["", "a.b.c", "...", "mwk_abc"] {
            assert_eq!(claimed_issuer(text), None);
        }
    }
}
