use std::fmt;

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use millwright_core::{
    Role, Sources,
    id::{SessionId, TenantId, UserId},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{AuthError, keys::derive};

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
    /// The session.
    pub(crate) sid: SessionId,
    /// The user's access version when the token was made.
    pub(crate) ver: i64,
    /// The second factor must be set up before anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lim: bool,
}

/// What a token is to say.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// The user's tenant.
    pub tenant_id: TenantId,
    /// The user.
    pub user_id: UserId,
    /// What the user is there.
    pub role: Role,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    /// The user's access version: the token ends when it is raised.
    pub access_version: i64,
    /// Only the profile may be used until a second factor is set up.
    pub restricted: bool,
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
    pub fn issue(&self, sources: &Sources, grant: &Grant) -> Result<AccessToken, AuthError> {
        let issued_at = sources.now();
        let expires_at = issued_at + self.rules.lifetime;
        let claims = Claims {
            sub: grant.user_id,
            tenant_id: grant.tenant_id,
            role: grant.role,
            iat: issued_at.timestamp(),
            exp: expires_at.timestamp(),
            nbf: None,
            iss: self.rules.issuer.clone(),
            aud: self.rules.audience.clone(),
            jti: sources.new_uuid().as_simple().to_string(),
            sid: grant.session_id,
            ver: grant.access_version,
            lim: grant.restricted,
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

/// The key for access tokens.
pub(crate) fn token_key(secret_key: &[u8]) -> Result<Zeroizing<[u8; 32]>, AuthError> {
    derive(secret_key, b"access tokens v1")
}

/// Settles which cryptography `jsonwebtoken` uses. Without it the crate panics at its first use as soon
/// as any dependency turns on a second implementation. Only the first call in a process counts.
pub fn install_crypto() {
    let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
}
