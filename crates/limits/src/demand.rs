use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use millwright_core::id::{TenantId, UserId};

/// What a bucket belongs to. Each kind has its own size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All requests from one address.
    Address,
    /// All requests of one user.
    User,
    /// All requests of one tenant.
    Tenant,
    /// Attempts to sign in from one address.
    SignIn,
    /// Codes of a second factor tried by one user.
    StepUp,
    /// Decisions about approvals by one user.
    Approval,
}

impl Kind {
    /// All kinds, in the order of their buckets.
    pub(crate) const ALL: [Self; 6] =
        [Self::Address, Self::User, Self::Tenant, Self::SignIn, Self::StepUp, Self::Approval];

    /// A low-cardinality label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::User => "user",
            Self::Tenant => "tenant",
            Self::SignIn => "sign_in",
            Self::StepUp => "step_up",
            Self::Approval => "approval",
        }
    }
}

/// One token of one bucket that a request needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Demand {
    pub(crate) kind: Kind,
    pub(crate) key: Vec<u8>,
}

impl Demand {
    /// A token of the bucket of this kind that belongs to `key`, any bytes.
    pub fn new(kind: Kind, key: impl Into<Vec<u8>>) -> Self {
        Self { kind, key: key.into() }
    }

    /// One of the requests from an address.
    pub fn address(address: IpAddr) -> Self {
        Self::new(Kind::Address, network(address))
    }

    /// One attempt to sign in from an address.
    pub fn sign_in(address: IpAddr) -> Self {
        Self::new(Kind::SignIn, network(address))
    }

    /// One of the requests of a user.
    pub fn user(user: UserId) -> Self {
        Self::new(Kind::User, user.uuid().into_bytes())
    }

    /// One of the requests of a tenant.
    pub fn tenant(tenant: TenantId) -> Self {
        Self::new(Kind::Tenant, tenant.uuid().into_bytes())
    }

    /// One code of a second factor tried by a user.
    pub fn step_up(user: UserId) -> Self {
        Self::new(Kind::StepUp, user.uuid().into_bytes())
    }

    /// One decision about an approval by a user.
    pub fn approval(user: UserId) -> Self {
        Self::new(Kind::Approval, user.uuid().into_bytes())
    }

    /// What it belongs to.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Debug for Demand {
    /// Without the key, which may be somebody's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demand").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What one customer of a provider holds: a single IPv4 address, but 2^64 IPv6 addresses, through which anybody could
/// go to have a fresh bucket for each request.
fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            network.octets()[..8].to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Demand::address(a.parse().unwrap()) == Demand::address(b.parse().unwrap())
    }

    #[test]
    fn an_ipv6_network_shares_a_bucket_and_an_ipv4_address_has_its_own() {
        assert!(same("2001:db8:0:1::1", "2001:db8:0:1:ffff::9"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"), "an IPv4 client that came in through an IPv6 socket");
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert_ne!(Demand::address("192.0.2.1".parse().unwrap()), Demand::sign_in("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn an_address_is_not_shown() {
        let shown = format!("{:?}", Demand::address("192.0.2.1".parse().unwrap()));
        assert_eq!(shown, "Demand { kind: Address, .. }");
    }
}
