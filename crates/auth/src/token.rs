use std::fmt;

use chrono::{DateTime, Duration, Utc};
use hkdf::Hkdf;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use millwright_core::{
    Role, Sources,
    id::{TenantId, UserId},
};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::AuthError;

/// The only algorithm that is written or accepted.
pub(crate) const ALGORITHM: Algorithm = Algorithm::HS256;

/// What issuer and verifier must agree on.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
}

impl TokenRules {
    /// Tokens that Millwright makes for its own API.
    pub fn own(lifetime: Duration) -> Self {
        Self { issuer: "millwright".to_owned(), audience: "millwright-api".to_owned(), lifetime }
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) tenant_id: TenantId,
    pub(crate) role: Role,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<i64>,
    pub(crate) iss: String,
    pub(crate) aud: String,
    pub(crate) jti: String,
}

/// A token as it is handed to a client. `Debug` does not show it.
pub struct AccessToken {
    /// What the client sends after `Bearer`.
    pub token: String,
    /// When it stops being accepted, but for the allowed skew of clocks.
    pub expires_at: DateTime<Utc>,
    /// Seconds from now to then.
    pub expires_in: i64,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Makes access tokens for users who have just shown who they are.
pub struct TokenIssuer {
    key: EncodingKey,
    rules: TokenRules,
}

impl TokenIssuer {
    /// Derives the signing key from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8], rules: TokenRules) -> Result<Self, AuthError> {
        install_crypto();
        let key = token_key(secret_key)?;
        Ok(Self { key: EncodingKey::from_secret(key.as_ref()), rules })
    }

    /// A token for this user, from now on.
    pub fn issue(
        &self,
        sources: &Sources,
        tenant_id: TenantId,
        user_id: UserId,
        role: Role,
    ) -> Result<AccessToken, AuthError> {
        let issued_at = sources.now();
        let expires_at = issued_at + self.rules.lifetime;
        let claims = Claims {
            sub: user_id,
            tenant_id,
            role,
            iat: issued_at.timestamp(),
            exp: expires_at.timestamp(),
            nbf: None,
            iss: self.rules.issuer.clone(),
            aud: self.rules.audience.clone(),
            jti: sources.new_uuid().as_simple().to_string(),
        };
        let token = jsonwebtoken::encode(&Header::new(ALGORITHM), &claims, &self.key).map_err(AuthError::Signing)?;
        Ok(AccessToken { token, expires_at, expires_in: self.rules.lifetime.num_seconds() })
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// The key for access tokens: HKDF-SHA-256 with its own purpose, so that no MAC made elsewhere from the
/// same secret is ever a token's signature.
pub(crate) fn token_key(secret_key: &[u8]) -> Result<Zeroizing<[u8; 32]>, AuthError> {
    let weak = || AuthError::WeakKey(secret_key.len());
    if secret_key.len() < 32 {
        return Err(weak());
    }
    let mut key = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(Some(b"millwright"), secret_key)
        .expand(b"access tokens v1", key.as_mut())
        .map_err(|_| weak())?;
    Ok(key)
}

/// Settles which cryptography `jsonwebtoken` uses. Without it the crate panics at its first use as soon
/// as any dependency turns on a second implementation. Only the first call in a process counts.
pub(crate) fn install_crypto() {
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}
