//! Who is asking: passwords, tokens, keys, second factors, and what has been revoked.
//!
//! It is pure: it neither knows the database (the caller brings the stored hash) nor the network, and takes time and
//! randomness from [`Sources`](millwright_core::Sources). What a role may do is `core`'s; [`require`] asks for it.
//!
//! Main types: [`PasswordHasher`] (argon2id, and the same work for users that do not exist), [`passwords`],
//! [`TokenIssuer`] and [`TokenVerifier`] (access tokens of sessions), [`RefreshTokens`], [`DevTokenVerifier`],
//! [`api_key`], [`second_factor`], [`NoteKey`] (short-lived statements that a client carries), [`FieldCipher`],
//! [`AttemptKeys`] (how failures slow down), [`CsrfKey`], [`VerifiedCache`] and [`Revocations`].
//!
//! Invariants:
//! * [`TokenVerifier::verify`] is one of the few places that may establish a
//!   [`TenantScope`](millwright_core::TenantScope): the tenant comes from the verified token and from
//!   nothing else in the request.
//! * One algorithm is accepted by each verifier; the token's own header never chooses.
//! * What a client is told never says which check a token failed, except that it has expired.
//! * Every key is derived from the server's secret for one purpose.
//! * Nothing here shows a password, a key or a token in `Debug` or in an error.
//!
//! ```
//! use millwright_auth::passwords;
//! use millwright_core::Sources;
//! let password = passwords::generate(&Sources::system());
//! assert_eq!(password.len(), 24);
//! ```

pub mod api_key;
mod attempts;
mod cipher;
mod csrf;
mod dev_token;
mod error;
mod keys;
mod note;
mod password_hasher;
pub mod passwords;
mod refresh;
pub mod second_factor;
mod token;
#[cfg(test)]
mod token_tests;
mod token_verifier;
mod verified;

pub use attempts::{AttemptKey, AttemptKeys};
pub use cipher::FieldCipher;
pub use csrf::CsrfKey;
pub use dev_token::{DEV_ISSUER, DevClaims, DevTokenVerifier, claimed_issuer};
pub use error::{AuthError, TokenFault, require};
pub use note::NoteKey;
pub use password_hasher::PasswordHasher;
pub use refresh::{RefreshToken, RefreshTokens};
pub use token::{AccessToken, Grant, TokenIssuer, TokenRules, install_crypto};
pub use token_verifier::TokenVerifier;
pub use verified::{Revocation, Revocations, Standing, Verified, VerifiedCache};
