//! Both roles of the crate, as those on the other side see them: attackers with tokens, a provider that rotates, fails and
//! returns, and a real OpenID provider that nobody here wrote.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what tests share may fail them, and says when it cannot run"
)]

mod access_tokens;
mod id_tokens;
mod keys;
mod real_provider;
mod sign_in;
mod support;
