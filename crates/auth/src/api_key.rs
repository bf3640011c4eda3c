//! Keys of programs: made, hashed and named.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millwright_core::Sources;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const MARK: &str = "mwk_";
const PREFIX_LENGTH: usize = MARK.len() + 8;

/// A key of a program, as it is shown once.
pub struct NewApiKey {
    /// The whole key.
    pub key: Zeroizing<String>,
    /// Its readable beginning, which may stand in logs: `mwk_` and eight characters.
    pub prefix: String,
    /// What is stored.
    pub hash: [u8; 32],
}

impl NewApiKey {
    /// A key of 43 random characters after its prefix: 258 bits, so that a plain hash is enough to store it.
    pub fn generate(sources: &Sources) -> Self {
        let name = URL_SAFE_NO_PAD.encode(sources.random_bytes::<6>());
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(sources.random_bytes::<32>()));
        let key = Zeroizing::new(format!("{MARK}{name}{}", *secret));
        Self { prefix: key.get(..PREFIX_LENGTH).unwrap_or_default().to_owned(), hash: hash(&key), key }
    }
}

/// What is stored of a key, or of any other secret with that much randomness.
pub fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

/// Whether a credential is of this kind: `mwk_…`.
pub fn is_api_key(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Its readable beginning, for the log. Nothing of a text that is too short to be a key.
pub fn prefix(text: &str) -> &str {
    if text.len() > 2 * PREFIX_LENGTH { text.get(..PREFIX_LENGTH).unwrap_or_default() } else { "" }
}

/// A link's secret: 256 random bits, to be hashed like a key.
pub fn random_secret(sources: &Sources) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(sources.random_bytes::<32>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_hash_and_named_by_its_prefix() {
        let sources = Sources::system();
        let (one, other) = (NewApiKey::generate(&sources), NewApiKey::generate(&sources));
        assert_ne!(*one.key, *other.key);
        assert_eq!(hash(&one.key), one.hash);
        assert!(is_api_key(&one.key));
        assert_eq!((prefix(&one.key), one.prefix.len()), (one.prefix.as_str(), 12));
        assert_eq!(prefix("mwk_short"), "");
    }
}
