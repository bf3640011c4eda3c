use millwright_core::{ErrorCode, Problem, ToProblem};

/// Which check a token failed. For the log and the metric label; clients only learn "not valid".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenFault {
    /// Longer than any token that is looked at.
    TooLong,
    /// Not three base64url parts with JSON inside, a name that stands twice, a claim that is missing or of the wrong form.
    Malformed,
    /// Another algorithm than that of the key, `none` and HMAC included.
    Algorithm,
    /// The header demands an extension.
    CriticalHeader,
    /// Signed with a key that the provider does not publish.
    UnknownKey,
    /// Not signed with the key.
    Signature,
    /// Made by another issuer, or by none that is configured.
    Issuer,
    /// Made for another audience or another client.
    Audience,
    /// `nbf` or `iat` lies in the future.
    NotYetValid,
    /// An ID token where an access token is needed, or the other way round.
    Kind,
    /// Made for another sign-in.
    Nonce,
    /// Does not belong to the access token beside it.
    AccessTokenHash,
    /// Made for another person than expected.
    Subject,
    /// The claim that names the tenant is missing, or names one that is not in the settings.
    Tenant,
}

impl TokenFault {
    /// All faults.
    pub const ALL: [Self; 14] = [
        Self::TooLong,
        Self::Malformed,
        Self::Algorithm,
        Self::CriticalHeader,
        Self::UnknownKey,
        Self::Signature,
        Self::Issuer,
        Self::Audience,
        Self::NotYetValid,
        Self::Kind,
        Self::Nonce,
        Self::AccessTokenHash,
        Self::Subject,
        Self::Tenant,
    ];

    /// A low-cardinality label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::CriticalHeader => "critical_header",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYetValid => "not_yet_valid",
            Self::Kind => "kind",
            Self::Nonce => "nonce",
            Self::AccessTokenHash => "access_token_hash",
            Self::Subject => "subject",
            Self::Tenant => "tenant",
        }
    }
}

/// Why the browser that came back from the provider is not the one that was sent there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginFault {
    /// Another provider than the one that the sign-in began with.
    Provider,
    /// `state` is missing or another.
    State,
    /// `iss` is missing though the provider promises it, or another.
    Issuer,
    /// It took more than ten minutes.
    Expired,
    /// Neither a code nor an error came back.
    Code,
}

impl LoginFault {
    /// A low-cardinality label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Expired => "expired",
            Self::Code => "code",
        }
    }
}

/// Why a provider's word is not taken, or cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The token was valid once.
    #[error("the token has expired")]
    Expired,
    /// The token is not acceptable.
    #[error("the token is not valid ({})", .0.as_str())]
    InvalidToken(TokenFault),
    /// The sign-in cannot be finished in this browser.
    #[error("the sign-in does not belong to this browser ({})", .0.as_str())]
    InvalidLogin(LoginFault),
    /// The provider did not let the person in; its error code, such as `access_denied`.
    #[error("the provider `{provider}` refused the sign-in with `{code}`")]
    LoginRefused {
        /// Id of the provider.
        provider: String,
        /// RFC 6749's or OpenID Connect's error code.
        code: String,
    },
    /// The code or the refresh token is used up, expired or revoked: the session at the provider is over.
    #[error("the provider `{provider}` accepts the grant no longer")]
    GrantRefused {
        /// Id of the provider.
        provider: String,
    },
    /// The provider refuses Millwright itself: client id, secret or registration are wrong.
    #[error("the provider `{provider}` refused the request with `{code}`: check client id, secret and registration")]
    ClientRefused {
        /// Id of the provider.
        provider: String,
        /// RFC 6749's error code.
        code: String,
    },
    /// No connection, or it broke.
    #[error("the provider `{provider}` cannot be reached")]
    Unreachable {
        /// Id of the provider.
        provider: String,
        /// What the transport says, without the address.
        #[source]
        source: reqwest::Error,
    },
    /// Not within the time that is allowed.
    #[error("the provider `{provider}` did not answer within {seconds} s")]
    Timeout {
        /// Id of the provider.
        provider: String,
        /// The time allowed.
        seconds: u64,
    },
    /// It answered, but not as the standard says.
    #[error("the provider `{provider}` answered with {what}")]
    BadAnswer {
        /// Id of the provider.
        provider: String,
        /// What came.
        what: String,
    },
    /// It failed a moment ago and is not asked again yet.
    #[error("nothing is known of the provider `{provider}` since it did not answer a moment ago")]
    Unavailable {
        /// Id of the provider.
        provider: String,
    },
    /// The issuer is no address.
    #[error("the issuer of `{provider}` is not a URL that begins with `https://` or `http://`")]
    InvalidIssuer {
        /// Id of the provider.
        provider: String,
    },
    /// The address to come back to is none.
    #[error("the address to come back to is not a URL")]
    InvalidRedirect,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ToProblem for OidcError {
    fn problem(&self) -> Problem {
        let unauthenticated = |detail: &str| Problem::new(ErrorCode::Unauthenticated, detail).remedy("sign in again");
        match self {
            Self::Expired => unauthenticated("the access token has expired"),
            Self::InvalidToken(_) => unauthenticated("the access token is not valid"),
            Self::InvalidLogin(_) => unauthenticated("the sign-in was not begun in this browser, or took too long"),
            Self::LoginRefused { .. } => unauthenticated("the identity provider did not let you in"),
            Self::GrantRefused { .. } => unauthenticated("the session at the identity provider is over"),
            Self::ClientRefused { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::BadAnswer { .. }
            | Self::Unavailable { .. } => {
                Problem::new(ErrorCode::UpstreamUnavailable, "the identity provider cannot be used at the moment")
                    .remedy("try again in a minute")
            }
            Self::InvalidIssuer { .. } | Self::InvalidRedirect | Self::Client(_) => Problem::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_learns_no_more_than_expired_or_not_valid() {
        let told = TokenFault::ALL.map(|fault| OidcError::InvalidToken(fault).problem());
        assert!(told.iter().all(|problem| *problem == told[0]));
        assert_eq!(told[0].code, ErrorCode::Unauthenticated);
        assert_ne!(OidcError::Expired.problem(), told[0]);
        let labels: std::collections::HashSet<_> = TokenFault::ALL.map(TokenFault::as_str).into();
        assert_eq!(labels.len(), TokenFault::ALL.len());
    }
}
