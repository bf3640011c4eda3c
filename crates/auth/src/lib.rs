//! Who is asking: password hashes and signed access tokens.
//!
//! It is pure: it neither knows the database (the caller brings the stored hash) nor the network, and
//! takes time and randomness from [`Sources`](millwright_core::Sources). It does not decide what a role
//! may do beyond the order viewer < operator < admin; see [`require_role`].
//!
//! Main types: [`PasswordHasher`] (argon2id, and the same work for users that do not exist),
//! [`passwords::generate`], [`TokenIssuer`] and [`TokenVerifier`] (HS256, key derived from the server's
//! secret key), [`AuthError`].
//!
//! Invariants:
//! * [`TokenVerifier::verify`] is one of the two places that may establish a
//!   [`TenantScope`](millwright_core::TenantScope): the tenant comes from the verified token and from
//!   nothing else in the request.
//! * One algorithm is accepted; the token's own header never chooses.
//! * What a client is told never says which check a token failed, except that it has expired.
//! * Nothing here shows a password, a key or a token in `Debug` or in an error.
//!
//! ```
//! use millwright_auth::passwords;
//! use millwright_core::Sources;
//! let password = passwords::generate(&Sources::system());
//! assert_eq!(password.len(), 24);
//! ```

mod error;
mod password_hasher;
pub mod passwords;
mod token;
#[cfg(test)]
mod token_tests;
mod token_verifier;

pub use error::{AuthError, TokenFault, require_role};
pub use password_hasher::PasswordHasher;
pub use token::{AccessToken, TokenIssuer, TokenRules};
pub use token_verifier::TokenVerifier;
