use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::AuthError;

type HmacSha256 = Hmac<Sha256>;

/// 32 bytes for one purpose, from HKDF-SHA-256 over the server's secret key: no MAC made for one purpose is one of another.
pub(crate) fn derive(secret_key: &[u8], purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, AuthError> {
    let weak = || AuthError::WeakKey(secret_key.len());
    if secret_key.len() < 32 {
        return Err(weak());
    }
    let mut key = Zeroizing::new([0_u8; 32]);
    Hkdf::<Sha256>::new(Some(b"millwright"), secret_key).expand(purpose, key.as_mut()).map_err(|_| weak())?;
    Ok(key)
}

/// Makes keyed hashes for one purpose.
#[derive(Clone)]
pub(crate) struct MacKey(HmacSha256);

impl MacKey {
    pub(crate) fn derive(secret_key: &[u8], purpose: &[u8]) -> Result<Self, AuthError> {
        let key = derive(secret_key, purpose)?;
        HmacSha256::new_from_slice(key.as_ref()).map(Self).map_err(|_| AuthError::WeakKey(secret_key.len()))
    }

    /// HMAC-SHA-256 over the parts, each preceded by its length, so that no two lists of parts look the same.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.over(parts).finalize().into_bytes().into()
    }

    /// Takes the same time whatever differs.
    pub(crate) fn is_mac_of(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.over(parts).verify_slice(mac).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> HmacSha256 {
        parts
            .iter()
            .fold(self.0.clone(), |mac, part| mac.chain_update((part.len() as u64).to_be_bytes()).chain_update(part))
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}
