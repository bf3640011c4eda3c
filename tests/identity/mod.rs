//! Signing in, staying signed in and being thrown out, as users and attackers notice it.

mod browser;
mod keys;
mod links;
mod peer;
mod provider;
mod provider_sessions;
mod second_factor;
mod second_factor_policy;
mod sessions;
mod sign_in;
mod tenants;
mod tokens;
mod users;
