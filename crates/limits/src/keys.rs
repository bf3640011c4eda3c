use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Demand, LimitError};

type HmacSha256 = Hmac<Sha256>;

/// The name of a bucket: tells nothing about whose it is to somebody who has not the secret key.
pub(crate) type Name = [u8; 16];

/// Turns whose a bucket is into its name. A plain hash would not do: all IPv4 addresses can be tried in seconds.
#[derive(Clone)]
pub(crate) struct Namer(HmacSha256);

impl Namer {
    /// Every process that shares buckets must be given the same secret.
    pub(crate) fn derive(secret_key: &[u8]) -> Result<Self, LimitError> {
        let weak = || LimitError::WeakKey(secret_key.len());
        if secret_key.len() < 32 {
            return Err(weak());
        }
        let mut key = Zeroizing::new([0_u8; 32]);
        let root = Hkdf::<Sha256>::new(Some(b"millwright"), secret_key);
        root.expand(b"rate limit keys v1", key.as_mut()).map_err(|_| weak())?;
        HmacSha256::new_from_slice(key.as_ref()).map(Self).map_err(|_| weak())
    }

    pub(crate) fn name(&self, demand: &Demand) -> Name {
        let mut mac = self.0.clone();
        mac.update(demand.kind.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(&demand.key);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut name = Name::default();
        name.copy_from_slice(&whole[..16]);
        name
    }
}

impl fmt::Debug for Namer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Namer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn names_differ_by_secret_kind_and_key_and_are_the_same_in_every_process() {
        let namer = |byte: u8| Namer::derive(&[byte; 32]).unwrap();
        let demand = |kind, key: &str| Demand::new(kind, key);
        let name = namer(1).name(&demand(Kind::User, "a"));
        assert_eq!(name, namer(1).name(&demand(Kind::User, "a")));
        assert_ne!(name, namer(2).name(&demand(Kind::User, "a")));
        assert_ne!(name, namer(1).name(&demand(Kind::Tenant, "a")));
        assert_ne!(name, namer(1).name(&demand(Kind::User, "b")));
        assert!(Namer::derive(&[1; 31]).is_err());
    }
}
