use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use crate::{OidcError, TokenFault, strict_json};

/// The longest token that is looked at, in bytes. Groups make them long; 8 KiB is what fits into a request header of
/// most servers.
pub(crate) const MAX_TOKEN_BYTES: usize = 8192;

/// A token taken apart. Nothing in it is believed yet.
pub(crate) struct Parsed<'t> {
    /// What is signed: header, dot, payload.
    pub(crate) message: &'t str,
    /// base64url.
    pub(crate) signature: &'t str,
    /// One that some key here could have.
    pub(crate) algorithm: Algorithm,
    /// Names the key.
    pub(crate) kid: Option<String>,
    /// The header's `typ` in small letters, without `application/`; empty when absent.
    pub(crate) kind: String,
    /// The payload.
    pub(crate) claims: Map<String, Value>,
}

/// Takes a signed token in compact form apart.
pub(crate) fn parse(token: &str) -> Result<Parsed<'_>, OidcError> {
    let invalid = OidcError::InvalidToken;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(invalid(TokenFault::TooLong));
    }
    let malformed = || invalid(TokenFault::Malformed);
    let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (header, payload) = message.split_once('.').ok_or_else(malformed)?;
    let object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        strict_json::object(&bytes)
    };
    let header = object(header).ok_or_else(malformed)?;
    // RFC 7515: who does not understand an extension named there must refuse. None is understood here.
    if header.contains_key("crit") {
        return Err(invalid(TokenFault::CriticalHeader));
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(algorithm);
    let algorithm = algorithm.ok_or_else(|| invalid(TokenFault::Algorithm))?;
    let text = |name: &str| match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(malformed()),
    };
    let kind = text("typ")?.unwrap_or_default().to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").map(str::to_owned).unwrap_or(kind);
    Ok(Parsed {
        message,
        signature,
        algorithm,
        kid: text("kid")?,
        kind,
        claims: object(payload).ok_or_else(malformed)?,
    })
}

/// The algorithms that a key can have here. HMAC is none of them: its key would be a secret shared with every verifier.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        _ => return None,
    })
}

/// The `iss` that a token claims, to choose who verifies it.
pub(crate) fn unverified_issuer(token: &str) -> Option<String> {
    let mut claims = parse(token).ok()?.claims;
    match claims.remove("iss") {
        Some(Value::String(issuer)) => Some(issuer),
        _ => None,
    }
}
