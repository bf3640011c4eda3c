//! Signing in and staying signed in: who is behind a credential, how sessions begin, go on and end, and what a person does
//! with their own second factor, password and keys.
//!
//! [`Identity`] is all of it; `api` calls it and turns what comes back into cookies and JSON. It joins `auth` (pure
//! cryptography), `oidc` (providers) and `store` (rows), and is the only place that does. What a role may do is `core`'s.
//!
//! Main types: [`Identity`], [`Presented`] (a credential as it came), [`SignedIn`] and [`SignIn`] (what a sign-in gives),
//! [`Client`] (where a request came from), [`RevocationFollower`] (keeps this process informed), [`IdentityError`].
//!
//! Invariants:
//! * A request with a credential that was seen before costs no I/O, and none is older than 900 ms in what it knows about
//!   revocations: then the database is asked.
//! * A wrong password, an unknown address, a disabled user and a suspended tenant look the same and take the same work.
//! * A refresh token works once. One that comes twice ends its session.
//! * A code of the second factor, a recovery code, a link and a step-up proof work once, by a row that changes in the
//!   transaction of what they allow.
//! * Every beginning, end and change commits with its audit entry.

mod authenticate;
mod error;
mod follower;
mod keys;
mod parts;
mod passwords;
mod provider;
mod second_factor;
mod session;
mod sign_in;

pub use authenticate::Presented;
pub use error::IdentityError;
pub use follower::RevocationFollower;
pub use keys::{CreatedApiKey, NewApiKeyRequest};
pub use parts::{Client, Identity, IdentityParts, SessionRules};
pub use passwords::PasswordLink;
pub use provider::{LoginStarted, ProviderName};
pub use session::SignedIn;
pub use sign_in::SignIn;
