use std::{fmt, net::IpAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millwright_core::{Sources, id::UserId};

use crate::{AuthError, keys::MacKey};

/// How failures to sign in, or to show a code, slow down the next attempt, and whose failures are counted together.
///
/// A stranger's failures must not lock the owner out. So attempts are counted by account *and* device: whoever signed in
/// from a browser before carries a cookie ([`Self::device`]) and has a count of their own; everybody without one shares
/// another count for the account. That is the scheme of device cookies that OWASP describes. Attempts are also counted by
/// address, for those without a known device. No block is longer than [`Self::LONGEST`].
#[derive(Clone)]
pub struct AttemptKeys {
    counts: MacKey,
    devices: MacKey,
}

/// What an attempt is counted under; a keyed hash, so that the table of counts names nobody.
pub type AttemptKey = [u8; 32];

impl AttemptKeys {
    /// The longest that an attempt is refused.
    pub const LONGEST: Duration = Duration::from_mins(15);
    /// Failures without any consequence: people mistype.
    pub const FREE: i32 = 5;
    /// The same for an address, behind which a whole site may be.
    pub const FREE_BY_ADDRESS: i32 = 30;
    /// One failure of an address is forgiven each time so long has passed: a site mistypes every day.
    pub const ADDRESS_FORGIVES: Duration = Duration::from_mins(5);
    /// Sign-ins to one account whose outcome is not known yet, beyond [`Self::FREE`]: a burst is not faster than a row.
    pub const AT_ONCE: i32 = 10;

    /// Derives the keys from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8]) -> Result<Self, AuthError> {
        Ok(Self {
            counts: MacKey::derive(secret_key, b"failed attempts v1")?,
            devices: MacKey::derive(secret_key, b"device cookies v1")?,
        })
    }

    /// For the account of this lower-case e-mail address, whether there is one or not, from this device or from all
    /// unknown ones.
    pub fn account(&self, email: &str, device: Option<&str>) -> AttemptKey {
        let known = device.and_then(|cookie| self.device_id(email, cookie)).unwrap_or("");
        self.counts.mac(&[b"account", email.as_bytes(), known.as_bytes()])
    }

    /// For an address: the whole of an IPv4 address, the network part (/64) of an IPv6 address.
    pub fn address(&self, address: IpAddr) -> AttemptKey {
        let octets = match address.to_canonical() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().get(..8).unwrap_or_default().to_vec(),
        };
        self.counts.mac(&[b"address", &octets])
    }

    /// For codes of this user's second factor.
    pub fn second_factor(&self, user: UserId) -> AttemptKey {
        self.counts.mac(&[b"second factor", user.uuid().as_bytes()])
    }

    /// For this user's own current password, asked for before it is changed.
    pub fn own_password(&self, user: UserId) -> AttemptKey {
        self.counts.mac(&[b"own password", user.uuid().as_bytes()])
    }

    /// A cookie for a device on which this account has just signed in.
    pub fn device(&self, sources: &Sources, email: &str) -> String {
        let id = URL_SAFE_NO_PAD.encode(sources.random_bytes::<12>());
        let mac = self.devices.mac(&[email.as_bytes(), id.as_bytes()]);
        format!("{id}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether the cookie was given to this account.
    pub fn knows_device(&self, email: &str, cookie: &str) -> bool {
        self.device_id(email, cookie).is_some()
    }

    fn device_id<'c>(&self, email: &str, cookie: &'c str) -> Option<&'c str> {
        let (id, mac) = cookie.split_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.devices.is_mac_of(&[email.as_bytes(), id.as_bytes()], &mac).then_some(id)
    }

    /// How long the next attempt is refused after so many failures, of which `free` have no consequence: 2 s, then
    /// doubling up to [`Self::LONGEST`].
    pub fn block(failures: i32, free: i32) -> Option<Duration> {
        let beyond = u32::try_from(failures - free).ok()?;
        Some(Duration::from_secs(2_u64.saturating_pow(beyond + 1)).min(Self::LONGEST))
    }
}

impl fmt::Debug for AttemptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_to_a_quarter_of_an_hour_and_never_longer() {
        let blocks: Vec<_> = (0..40).map(|failures| AttemptKeys::block(failures, AttemptKeys::FREE)).collect();
        assert_eq!(blocks[4], None);
        assert_eq!(blocks[5], Some(Duration::from_secs(2)));
        assert_eq!(blocks[6], Some(Duration::from_secs(4)));
        assert_eq!(blocks[39], Some(AttemptKeys::LONGEST));
        assert_eq!(AttemptKeys::block(i32::MAX, 5), Some(AttemptKeys::LONGEST));
    }

    #[test]
    fn strangers_failures_are_not_the_owners() {
        let keys = AttemptKeys::new(&[1; 32]).unwrap();
        let device = keys.device(&Sources::system(), "ada@a.test");
        let owner = keys.account("ada@a.test", Some(&device));
        let stranger = keys.account("ada@a.test", None);
        assert_ne!(owner, stranger);
        assert_eq!(keys.account("ada@a.test", Some("made up")), stranger);
        assert_eq!(keys.account("bob@a.test", Some(&device)), keys.account("bob@a.test", None), "another's cookie");
        assert!(keys.knows_device("ada@a.test", &device) && !keys.knows_device("bob@a.test", &device));
    }

    #[test]
    fn addresses_are_counted_by_network() {
        let keys = AttemptKeys::new(&[1; 32]).unwrap();
        let key = |text: &str| keys.address(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
