use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use millwright_core::Sources;
use zeroize::Zeroizing;

use crate::{AuthError, keys::derive};

const NONCE_BYTES: usize = 12;

/// Encrypts what must be read back but not by whoever sees the database: secrets of second factors, tokens of identity
/// providers, the state of a login under way. AES-256-GCM under a key derived from the server's secret key.
pub struct FieldCipher(Aes256Gcm);

impl FieldCipher {
    /// Derives the key from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8]) -> Result<Self, AuthError> {
        let key = derive(secret_key, b"encrypted fields v1")?;
        Aes256Gcm::new_from_slice(key.as_ref()).map(Self).map_err(|_| AuthError::WeakKey(secret_key.len()))
    }

    /// Nonce and ciphertext. `place` says what it is and whose; the same must be given to open it, so that one row's
    /// secret cannot be moved to another.
    pub fn seal(&self, sources: &Sources, place: &str, plain: &[u8]) -> Result<Vec<u8>, AuthError> {
        let nonce = sources.random_bytes::<NONCE_BYTES>();
        let sealed = self
            .0
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| AuthError::Sealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// What was sealed for this place; an error when it was altered, moved or sealed with another key.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(AuthError::Sealed)?;
        let plain = self
            .0
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: place.as_bytes() })
            .map_err(|_| AuthError::Sealed)?;
        Ok(Zeroizing::new(plain))
    }
}

impl fmt::Debug for FieldCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FieldCipher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_field_opens_only_in_its_place_and_unchanged() {
        let sources = Sources::system();
        let cipher = FieldCipher::new(&[7; 32]).unwrap();
        let sealed = cipher.seal(&sources, "totp of a", b"secret").unwrap();
        assert_eq!(cipher.open("totp of a", &sealed).unwrap().as_slice(), b"secret");
        assert!(cipher.open("totp of b", &sealed).is_err());
        assert!(FieldCipher::new(&[8; 32]).unwrap().open("totp of a", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(cipher.open("totp of a", &changed).is_err(), "byte {at}");
        }
        assert!(cipher.open("totp of a", &sealed[..5]).is_err());
        assert_ne!(cipher.seal(&sources, "totp of a", b"secret").unwrap(), sealed, "each time another nonce");
    }
}
