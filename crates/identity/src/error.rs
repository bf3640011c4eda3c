use std::time::Duration;

use millwright_audit::AuditError;
use millwright_auth::AuthError;
use millwright_core::{ErrorCode, Problem, ToProblem};
use millwright_oidc::OidcError;
use millwright_store::StoreError;

/// Why somebody is not let in, or may not change how they are let in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A credential that does not hold.
    #[error("the credential is not accepted")]
    Auth(#[from] AuthError),
    /// The database.
    #[error("the database cannot answer")]
    Store(#[from] StoreError),
    /// An audit entry cannot be made.
    #[error("the audit entry cannot be made")]
    Audit(#[from] AuditError),
    /// An identity provider.
    #[error("the identity provider does not vouch for this")]
    Oidc(#[from] OidcError),
    /// Too many failures before.
    #[error("too many failed attempts")]
    Blocked(Duration),
    /// No such second factor, or not this code.
    #[error("the code is wrong or was used before")]
    WrongCode,
    /// The password in this field does not fit.
    #[error("the new password is not accepted")]
    PasswordRefused(&'static str, String),
    /// The user has no password here.
    #[error("there is no password to change")]
    NoPassword,
    /// The link was used, has expired or never was.
    #[error("the link does not work any more")]
    LinkUsed,
    /// A second factor is set up already.
    #[error("a second factor is set up already")]
    AlreadyEnrolled,
    /// No second factor is set up.
    #[error("no second factor is set up")]
    NotEnrolled,
    /// An admin's own second factor is not reset, it is taken away with a code.
    #[error("one's own second factor cannot be reset")]
    OwnSecondFactor,
    /// The security policy wants the second factor to stay.
    #[error("the security policy asks for the second factor")]
    SecondFactorNeeded,
    /// The step-up proof is missing, for something else, or was used.
    #[error("the step-up proof does not fit")]
    ProofRefused(&'static str),
    /// Only a person who signed in may do this, not a key.
    #[error("this needs a session")]
    SessionNeeded,
    /// The page that sent the request is not ours.
    #[error("the csrf value does not fit")]
    CsrfRejected,
    /// No such provider.
    #[error("no such identity provider")]
    UnknownProvider,
    /// The token names a tenant that is not here, or no role that is known.
    #[error("the token does not say a tenant and a role that exist here: {0}")]
    Unmapped(&'static str),
    /// A user of that address exists and is not bound to the provider.
    #[error("another user has this e-mail address")]
    NotLinked,
    /// Too many passwords wait to be looked at.
    #[error("too many passwords wait to be looked at")]
    Busy,
    /// A blocking thread ended.
    #[error("a hash could not be computed")]
    Worker,
}

impl ToProblem for IdentityError {
    fn problem(&self) -> Problem {
        match self {
            Self::Auth(error) => error.problem(),
            Self::Store(error) => error.problem(),
            Self::Audit(error) => error.problem(),
            Self::Oidc(error) => error.problem(),
            Self::Blocked(wait) => {
                // Rounded up: a client that waits exactly so long must not come too early.
                let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
                Problem::new(ErrorCode::RateLimited, "there were too many failed attempts")
                    .remedy(format!("try again in {seconds} seconds"))
                    .retry_after(seconds)
            }
            Self::WrongCode => Problem::new(ErrorCode::Unauthenticated, "the code is wrong or was used before")
                .remedy("wait for the next code of the authenticator, or use a recovery code"),
            Self::PasswordRefused(field, fault) => {
                Problem::new(ErrorCode::ValidationFailed, "the new password is not accepted").field(*field, fault)
            }
            Self::NoPassword => Problem::new(ErrorCode::Conflict, "this user has no password here")
                .remedy("change it at the identity provider"),
            Self::LinkUsed => Problem::new(ErrorCode::Unauthenticated, "the link was used or has expired")
                .remedy("ask an admin of your organisation for another one"),
            Self::AlreadyEnrolled => {
                Problem::new(ErrorCode::Conflict, "a second factor is set up already").remedy("remove it first")
            }
            Self::NotEnrolled => Problem::new(ErrorCode::SecondFactorRequired, "no second factor is set up")
                .remedy("set one up on the profile page, or with POST /api/v1/auth/totp"),
            Self::SecondFactorNeeded => {
                Problem::new(ErrorCode::Conflict, "your organisation asks your role for a second factor")
                    .remedy("ask an admin to reset it if the device is lost")
            }
            Self::OwnSecondFactor => Problem::new(ErrorCode::Conflict, "nobody resets their own second factor")
                .remedy("take it away on the profile page with a code, or ask another admin"),
            Self::ProofRefused(purpose) => Problem::new(
                ErrorCode::StepUpRequired,
                format!("this needs a fresh code for `{purpose}`"),
            )
            .remedy(
                "POST /api/v1/auth/step-up with that purpose and send the proof in `x-step-up-proof`; each works once",
            ),
            Self::SessionNeeded => Problem::new(ErrorCode::NotAuthorized, "this needs a person who has signed in")
                .remedy("sign in instead of using a key or a provider's token"),
            Self::CsrfRejected => {
                Problem::new(ErrorCode::CsrfRejected, "the request does not carry the value of its cookie")
                    .remedy("repeat the cookie `__Host-millwright_csrf` in the header `x-csrf-token`")
            }
            Self::UnknownProvider => Problem::not_found("identity provider"),
            Self::Unmapped(what) => {
                Problem::new(ErrorCode::NotAuthorized, format!("your identity provider does not say {what} known here"))
                    .remedy("ask whoever runs Millwright to map it in the provider's settings")
            }
            Self::NotLinked => Problem::new(ErrorCode::NotAuthorized, "another user here has your e-mail address")
                .remedy("ask an admin of your organisation to remove or rename that user"),
            Self::Busy => Problem::new(ErrorCode::UpstreamUnavailable, "too many people are signing in at the moment")
                .remedy("try again in a few seconds")
                .retry_after(5),
            Self::Worker => Problem::internal(),
        }
    }
}
