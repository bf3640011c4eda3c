use std::fmt;

use millwright_core::id::SessionId;

use crate::{AuthError, keys::MacKey};

/// Values that our own pages read from a cookie and repeat in a header. Other sites cannot read the cookie; a value planted
/// by a neighbouring host does not fit, because it is bound to the session.
#[derive(Clone)]
pub struct CsrfKey(MacKey);

impl CsrfKey {
    /// Derives the key from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8]) -> Result<Self, AuthError> {
        MacKey::derive(secret_key, b"csrf v1").map(Self)
    }

    /// The value for this session.
    pub fn value(&self, session: SessionId) -> String {
        hex::encode(self.0.mac(&[session.uuid().as_bytes()]))
    }

    /// Whether this is the session's value. Takes the same time whatever differs.
    pub fn fits(&self, session: SessionId, value: &str) -> bool {
        hex::decode(value).is_ok_and(|value| self.0.is_mac_of(&[session.uuid().as_bytes()], &value))
    }
}

impl fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_value_fits_its_own_session_only() {
        let key = CsrfKey::new(&[1; 32]).unwrap();
        let (one, other) = (Uuid::from_u128(1).into(), Uuid::from_u128(2).into());
        assert!(key.fits(one, &key.value(one)));
        assert!(!key.fits(other, &key.value(one)) && !key.fits(one, "") && !key.fits(one, "zz"));
    }
}
