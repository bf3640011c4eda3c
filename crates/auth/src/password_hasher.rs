use argon2::{
    Argon2, Params,
    password_hash::{self, PasswordHasher as _, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use millwright_core::Sources;

use crate::AuthError;

/// Hashes and checks passwords with argon2id: 64 MiB, ten passes, one lane. That is several times what OWASP's password
/// storage cheat sheet asks for, so that a stolen table is worth little; people sign in rarely.
///
/// Each call takes about 0.3 s of one core by design: call it from a blocking thread, a few at a time.
/// Hashes made with other costs are checked with theirs.
#[derive(Debug)]
pub struct PasswordHasher {
    argon2: Argon2<'static>,
    decoy: PasswordHash,
}

impl PasswordHasher {
    /// The longest password that is looked at, in bytes.
    pub const MAX_PASSWORD_BYTES: usize = 1024;

    /// Prepares a hash that no password matches, for [`verify_absent`](Self::verify_absent).
    pub fn new(sources: &Sources) -> Result<Self, AuthError> {
        let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params()?);
        // Of no password at all, so it need not be computed: checking against it is the same work as against any other.
        let (salt, output) = (sources.random_bytes::<16>(), sources.random_bytes::<32>());
        let params = argon2.params();
        let decoy = format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            params.m_cost(),
            params.t_cost(),
            params.p_cost(),
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(output)
        );
        let decoy = PasswordHash::new(&decoy).map_err(|error| AuthError::Hashing(error.into()))?;
        Ok(Self { argon2, decoy })
    }

    /// The password's hash as a PHC string with a fresh salt, to be stored.
    pub fn hash(&self, sources: &Sources, password: &str) -> Result<String, AuthError> {
        hash(&self.argon2, sources, password.as_bytes()).map(|hash| hash.to_string())
    }

    /// Whether `stored` (a PHC string) was made from this password. An error means that it is no hash.
    pub fn verify(&self, password: &str, stored: &str) -> Result<bool, AuthError> {
        let stored = PasswordHash::new(stored).map_err(|e| AuthError::Hashing(e.into()))?;
        if password.len() > Self::MAX_PASSWORD_BYTES {
            return Ok(self.verify_absent(""));
        }
        match self.argon2.verify_password(password.as_bytes(), &stored) {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(other) => Err(AuthError::Hashing(other)),
        }
    }

    /// Does the work of [`verify`](Self::verify) for a user that does not exist, so that the time tells
    /// nothing. Always false: the decoy was made from 32 random bytes that were not kept.
    pub fn verify_absent(&self, password: &str) -> bool {
        let password = if password.len() > Self::MAX_PASSWORD_BYTES { "" } else { password };
        let _ = std::hint::black_box(self.argon2.verify_password(password.as_bytes(), &self.decoy));
        false
    }
}

fn params() -> Result<Params, AuthError> {
    Params::new(64 * 1024, 10, 1, None).map_err(|error| AuthError::Hashing(error.into()))
}

fn hash(argon2: &Argon2<'_>, sources: &Sources, password: &[u8]) -> Result<PasswordHash, AuthError> {
    let salt: [u8; 16] = sources.random_bytes();
    argon2.hash_password_with_salt(password, &salt).map_err(AuthError::Hashing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_and_only_that_matches() {
        let sources = Sources::system();
        let hasher = PasswordHasher::new(&sources).unwrap();
        let stored = hasher.hash(&sources, "Grundfos CR-15 läuft").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=65536,t=10,p=1$"), "{stored}");
        assert!(hasher.verify("Grundfos CR-15 läuft", &stored).unwrap());
        for wrong in ["grundfos CR-15 läuft", "", "Grundfos CR-15 läuft ", &"x".repeat(5000)] {
            assert!(!hasher.verify(wrong, &stored).unwrap());
        }
        assert_ne!(hasher.hash(&sources, "Grundfos CR-15 läuft").unwrap(), stored, "salts differ");
        assert!(matches!(hasher.verify("a", "not a hash"), Err(AuthError::Hashing(_))));
    }

    /// The cost of argon2 is its parameters and nothing else; a stopwatch would only measure the machine.
    #[test]
    fn an_unknown_user_costs_the_same_work() {
        let sources = Sources::system();
        let hasher = PasswordHasher::new(&sources).unwrap();
        let cost = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        let stored = hasher.hash(&sources, "right").unwrap();
        assert_eq!(cost(&hasher.decoy.to_string()), cost(&stored));
        assert_eq!(cost(&stored)[1..], ["argon2id", "v=19", "m=65536,t=10,p=1"]);
        assert!(!hasher.verify_absent("right"));
    }
}
