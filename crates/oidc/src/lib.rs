//! OpenID Connect: whom the identity providers of other organisations vouch for.
//!
//! In two roles. As *resource server* it verifies access tokens that a client got from a provider
//! ([`Provider::verify_access_token`]); as *relying party* it lets people sign in there with the
//! authorisation code flow, PKCE, state and nonce ([`Provider::begin_login`], [`Provider::finish_login`],
//! [`Provider::refresh`], [`Provider::end_session_url`]). Either way the result is [`VerifiedToken`]: the claims,
//! and what the settings make of them (tenant, role). It knows neither the users nor the tenants of Millwright,
//! nor database, cookies or HTTP server; who keeps [`PendingLogin`] between the two halves is the caller's business.
//!
//! Main types: [`Provider`] (a cheap clone; discovers lazily, keeps metadata and keys), [`Providers`] (all of
//! them, by id and by issuer), [`ProviderSettings`] (from `config`), [`OidcError`].
//!
//! It is written on `reqwest` and `jsonwebtoken`. The `openidconnect` crate was looked at (4.1) and left: it keeps no
//! keys and cannot verify access tokens, so that a second verifier would stand beside it with other rules for the same
//! tokens; it lets the header's algorithm choose among those allowed; and it brings second copies of p256,
//! p384 and ed25519. What remains of the protocol is three requests.
//!
//! Invariants:
//! * A key has exactly one algorithm, asymmetric, given by the key. The token's header can agree or be refused.
//! * Nothing in a token's header names a key but `kid`, among those of the configured provider.
//! * No claim is believed before the signature holds, and a JSON object with a name that stands twice is refused.
//! * However many tokens with unknown keys come, they cause one fetch a minute. A provider that does not answer
//!   takes nobody's access for a day: the keys that it last published stay.
//! * What a client is told never says which check a token failed, except that it has expired.
//! * Time comes in as `now`, randomness from [`Sources`](millwright_core::Sources). No token and no secret is shown
//!   in `Debug` or in an error.
//!
//! ```
//! use millwright_oidc::{Provider, ProviderSettings, Providers};
//! let settings = ProviderSettings::new("contoso", "https://login.contoso.example", "millwright");
//! let providers = Providers::new([Provider::new(settings, Default::default()).unwrap()]);
//! assert!(providers.by_id("contoso").is_some());
//! ```

mod claims;
mod error;
mod http;
mod key_cache;
mod keys;
mod login;
mod metadata;
mod provider;
mod providers;
mod strict_json;
mod token;
mod token_response;

pub use claims::VerifiedToken;
pub use error::{LoginFault, OidcError, TokenFault};
pub use login::{LoggedIn, LoginBegun, LoginCallback, PendingLogin, Refreshed};
pub use millwright_config::{ProviderSettings, RoleMapping, Secret, TenantBinding};
pub use provider::Provider;
pub use providers::Providers;
