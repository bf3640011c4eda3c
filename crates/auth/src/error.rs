use millwright_core::{Credential, ErrorCode, Permission, Principal, Problem, Role, ToProblem};

/// Which check a token failed. For the log and the metric label; clients only learn "not valid".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// Longer than any token made here.
    TooLong,
    /// Not three base64url parts with JSON inside, or a claim is missing or of the wrong form.
    Malformed,
    /// Another algorithm than the one accepted, `none` included.
    Algorithm,
    /// The header demands an extension.
    CriticalHeader,
    /// Not signed with the key.
    Signature,
    /// Made by another issuer.
    Issuer,
    /// Made for another audience.
    Audience,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
}

impl TokenFault {
    /// A low-cardinality label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::CriticalHeader => "critical_header",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
        }
    }
}

/// Why somebody is not let in, or why the means to decide are broken.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The token was valid once.
    #[error("the access token has expired")]
    Expired,
    /// The token is not acceptable.
    #[error("the access token is not valid ({})", .0.as_str())]
    InvalidToken(TokenFault),
    /// No such user, or not this password: the same for both.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The credential was good once: the session ended, the key was revoked, the user or tenant may not go on.
    #[error("the credential has been revoked")]
    Revoked,
    /// The permission is not among those that the credential grants.
    #[error("the credential does not grant {needed}")]
    NotPermitted {
        /// Which one.
        needed: Permission,
    },
    /// The organisation demands a second factor, and this person has not set one up.
    #[error("a second factor must be set up first")]
    SecondFactorRequired,
    /// An encrypted field or a signed note cannot be made, or was altered.
    #[error("a sealed value cannot be made or opened")]
    Sealed,
    /// A time-based code cannot be computed.
    #[error("a time-based code cannot be computed")]
    SecondFactor,
    /// The secret from which keys are derived is shorter than 32 bytes.
    #[error("the secret key has {0} bytes, at least 32 are needed")]
    WeakKey(usize),
    /// A token cannot be made.
    #[error("the access token cannot be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
    /// A password cannot be hashed, or what is stored is not a hash.
    #[error("the password hash cannot be computed or read")]
    Hashing(#[source] argon2::password_hash::Error),
}

impl ToProblem for AuthError {
    fn problem(&self) -> Problem {
        let unauthenticated = |detail: &str| Problem::new(ErrorCode::Unauthenticated, detail);
        match self {
            Self::Expired => unauthenticated("the access token has expired").remedy("sign in again"),
            Self::InvalidToken(_) => unauthenticated("the access token is not valid").remedy("sign in again"),
            Self::WrongCredentials => unauthenticated("the e-mail address or the password is wrong"),
            Self::Revoked => unauthenticated("the session or key has ended").remedy("sign in again"),
            Self::NotPermitted { needed } => {
                let roles: Vec<_> = Role::ALL
                    .into_iter()
                    .filter(|role| role.permissions().contains(*needed))
                    .map(Role::as_str)
                    .collect();
                Problem::new(ErrorCode::NotAuthorized, format!("this needs the permission {needed}"))
                    .remedy(format!("ask an admin of your organisation for it; the roles {} have it", roles.join(", ")))
            }
            Self::SecondFactorRequired => Problem::new(
                ErrorCode::SecondFactorRequired,
                "your organisation asks for a second factor, and none is set up",
            )
            .remedy("set one up on the profile page, or with POST /api/v1/auth/totp"),
            Self::WeakKey(_) | Self::Signing(_) | Self::Hashing(_) | Self::Sealed | Self::SecondFactor => {
                Problem::internal()
            }
        }
    }
}

/// Refuses a principal without this permission, and says whether a second factor would give it.
pub fn require(principal: &Principal, needed: Permission) -> Result<(), AuthError> {
    if principal.permissions.contains(needed) {
        return Ok(());
    }
    // A session grants less than its role only until the second factor is set up.
    let role_has_it = principal.role.permissions().contains(needed);
    Err(match principal.credential {
        Credential::Session(_) if role_has_it => AuthError::SecondFactorRequired,
        _ => AuthError::NotPermitted { needed },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_learns_no_more_than_expired_or_not_valid() {
        let faults = [
            TokenFault::TooLong,
            TokenFault::Malformed,
            TokenFault::Algorithm,
            TokenFault::CriticalHeader,
            TokenFault::Signature,
            TokenFault::Issuer,
            TokenFault::Audience,
            TokenFault::NotYetValid,
        ];
        let told: Vec<_> = faults.map(|fault| AuthError::InvalidToken(fault).problem()).into();
        assert!(told.iter().all(|problem| *problem == told[0]));
        assert_eq!(told[0].code, ErrorCode::Unauthenticated);
        assert_ne!(AuthError::Expired.problem(), told[0]);
    }
}
