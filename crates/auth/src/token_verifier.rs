use std::fmt;

use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, Validation, errors::ErrorKind};
use millwright_core::{Credential, Permission, Permissions, Principal, TenantScope};

use crate::{
    AuthError, TokenFault, TokenRules, Verified,
    token::{ALGORITHM, Claims, install_crypto, token_key},
};

/// Tells whether a token is one that [`TokenIssuer`](crate::TokenIssuer) made and that still holds.
pub struct TokenVerifier {
    key: DecodingKey,
    validation: Validation,
}

impl TokenVerifier {
    /// The longest token that is looked at, in bytes. Those made here have about 500.
    pub const MAX_TOKEN_BYTES: usize = 4096;
    /// How far the clocks of two servers may differ, in seconds.
    pub const SKEW_SECONDS: i64 = 60;

    /// Derives the key from the same secret as the issuer.
    pub fn new(secret_key: &[u8], rules: &TokenRules) -> Result<Self, AuthError> {
        install_crypto();
        let key = token_key(secret_key)?;
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[&rules.issuer]);
        validation.set_audience(&[&rules.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The crate would ask the machine's clock; `verify` is told the time.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { key: DecodingKey::from_secret(key.as_ref()), validation })
    }

    /// The person and tenant that the token speaks for at the time `now`. Whether it was revoked since is not asked here.
    #[expect(clippy::disallowed_methods, reason = "the credential has just been verified")]
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, AuthError> {
        let claims = self.claims(token)?;
        let now = now.timestamp();
        if claims.exp.saturating_add(Self::SKEW_SECONDS) <= now {
            return Err(AuthError::Expired);
        }
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if begins.saturating_sub(Self::SKEW_SECONDS) > now {
            return Err(AuthError::InvalidToken(TokenFault::NotYetValid));
        }
        let scope = TenantScope::establish(claims.tenant_id);
        let mut principal = Principal::new(claims.sub, scope, claims.role, Credential::Session(claims.sid));
        if claims.lim {
            principal.permissions = Permissions::NONE.with(Permission::ProfileManage);
        }
        // Beyond every calendar is no time at all, and nothing made here says so.
        let expires_at = DateTime::from_timestamp(claims.exp.saturating_add(Self::SKEW_SECONDS), 0)
            .ok_or(AuthError::InvalidToken(TokenFault::Malformed))?;
        Ok(Verified { principal, access_version: claims.ver, expires_at })
    }

    fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        if token.len() > Self::MAX_TOKEN_BYTES {
            return Err(AuthError::InvalidToken(TokenFault::TooLong));
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .map_err(|error| AuthError::InvalidToken(fault(error.kind())))?;
        // RFC 7515: who does not understand an extension named there must refuse. None is understood here.
        if decoded.header.crit.is_some() {
            return Err(AuthError::InvalidToken(TokenFault::CriticalHeader));
        }
        Ok(decoded.claims)
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenVerifier")
    }
}

pub(crate) fn fault(kind: &ErrorKind) -> TokenFault {
    match kind {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
            TokenFault::Algorithm
        }
        ErrorKind::InvalidIssuer => TokenFault::Issuer,
        ErrorKind::InvalidAudience => TokenFault::Audience,
        _ => TokenFault::Malformed,
    }
}
