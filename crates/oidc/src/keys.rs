use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::{Map, Value};

use crate::{
    OidcError, TokenFault, strict_json,
    token::{Parsed, algorithm},
};

/// More keys than any provider publishes; keeps one that misbehaves from making every token slow.
const MAX_KEYS: usize = 64;
/// Sizes of an RSA modulus, bits: below is weak, above the library refuses.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The keys that a provider publishes for signatures.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    /// The only one that this key verifies.
    algorithm: Algorithm,
    public: DecodingKey,
}

impl KeySet {
    /// Reads a JWK set. Keys that are not for signatures, or of a kind that is not accepted here, are left out; nothing
    /// when none remain.
    pub(crate) fn read(json: &[u8]) -> Option<Self> {
        let set = strict_json::object(json)?;
        let keys = set.get("keys")?.as_array()?.iter().filter_map(Value::as_object);
        let keys: Vec<_> = keys.filter_map(read_key).take(MAX_KEYS).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Whether one of the keys made the signature.
    pub(crate) fn verify(&self, token: &Parsed<'_>) -> Result<(), OidcError> {
        let named: Vec<_> = match &token.kid {
            Some(kid) => self.0.iter().filter(|key| key.kid.as_ref() == Some(kid)).collect(),
            None => self.0.iter().filter(|key| key.algorithm == token.algorithm).collect(),
        };
        // OpenID Connect Core 10.1: with several keys, the token must name one.
        if named.is_empty() || (token.kid.is_none() && named.len() > 1) {
            return Err(OidcError::InvalidToken(TokenFault::UnknownKey));
        }
        let mut fitting = named.into_iter().filter(|key| key.algorithm == token.algorithm).peekable();
        if fitting.peek().is_none() {
            return Err(OidcError::InvalidToken(TokenFault::Algorithm));
        }
        let message = token.message.as_bytes();
        let signed_by =
            |key: &Key| matches!(crypto::verify(token.signature, message, &key.public, key.algorithm), Ok(true));
        if fitting.any(signed_by) { Ok(()) } else { Err(OidcError::InvalidToken(TokenFault::Signature)) }
    }
}

fn read_key(jwk: &Map<String, Value>) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let for_signatures = match (text("use"), jwk.get("key_ops")) {
        (Some(usage), _) if usage != "sig" => false,
        (_, Some(operations)) => operations.as_array()?.iter().any(|operation| operation == "verify"),
        _ => !jwk.contains_key("use") || text("use").is_some(),
    };
    if !for_signatures {
        return None;
    }
    let part = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let (by_kind, public) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (RSA, rsa_key(&part("n")?, &part("e")?)?),
        ("EC", Some("P-256")) => (&[Algorithm::ES256][..], ec_key(&part("x")?, &part("y")?, 32)?),
        ("EC", Some("P-384")) => (&[Algorithm::ES384][..], ec_key(&part("x")?, &part("y")?, 48)?),
        _ => return None,
    };
    let algorithm = match jwk.get("alg") {
        Some(name) => algorithm(name.as_str()?).filter(|algorithm| by_kind.contains(algorithm))?,
        // RS256 is what every provider must offer, and what those that do not say it use.
        None => *by_kind.first()?,
    };
    // Says whether the point lies on the curve; there is no signature yet to be right or wrong.
    crypto::verify("", &[], &public, algorithm).ok()?;
    Some(Key { kid: text("kid").map(str::to_owned), algorithm, public })
}

/// What an RSA key can verify, the default first.
const RSA: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<DecodingKey> {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = &modulus[zeros..];
    let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // An exponent of 1 would make every message its own signature.
    let safe_exponent = odd(exponent) && exponent != [1] && exponent.first() != Some(&0) && exponent.len() <= 4;
    let fits = RSA_BITS.contains(&bits) && odd(modulus) && safe_exponent;
    fits.then(|| DecodingKey::from_rsa_raw_components(modulus, exponent))
}

fn ec_key(x: &[u8], y: &[u8], length: usize) -> Option<DecodingKey> {
    let uncompressed = [&[4], x, y].concat();
    (x.len() == length && y.len() == length).then(|| DecodingKey::from_ec_der(&uncompressed))
}
