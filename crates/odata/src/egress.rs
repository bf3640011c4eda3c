//! Where a connector may reach: hosts that its configuration names, at addresses that it allows, and nowhere else.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Origin, Url};

const MAX_ADDRESS_BYTES: usize = 16_000;

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not of the form.
    #[error("expected an address such as `https://sap.example.com/sap/opu/odata/sap/NAME/`, without user and fragment")]
    Form,
    /// Its scheme, host or port is not named in the configuration.
    #[error("the address is at no host that the configuration names")]
    NotAllowed,
    /// The host's name leads to an address that the configuration does not allow.
    #[error("the host has an address that the configuration does not allow for it")]
    Network,
    /// Nobody knows the host.
    #[error("the host has no address")]
    Unknown,
}

/// One place that may be reached.
#[derive(Debug, Clone)]
pub struct AllowedHost {
    /// Scheme, host and port, such as `https://sap.example.com:44300`.
    pub origin: String,
    /// The networks that its address may lie in beside the public ones: a company's own, such as `10.0.0.0/8`. Link-local
    /// addresses, at which clouds hand out credentials, are never reached.
    pub networks: Vec<IpNet>,
}

/// All places that may be reached.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts(Vec<(Origin, Vec<IpNet>)>);

impl AllowedHosts {
    /// These; what is no origin of `https` or `http` allows nothing.
    pub fn new(hosts: &[AllowedHost]) -> Self {
        let read = hosts.iter().filter_map(|host| {
            let url = Url::parse(&host.origin).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
            Some((url.origin(), host.networks.clone()))
        });
        Self(read.collect())
    }

    /// Whether requests may be sent to an address, as far as its text says.
    ///
    /// # Errors
    /// When they may not.
    pub fn check(&self, url: &Url) -> Result<(), AddressError> {
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "https" | "http") || !is_bare || url.as_str().len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::Form);
        }
        if !self.0.iter().any(|(origin, _)| *origin == url.origin()) {
            return Err(AddressError::NotAllowed);
        }
        // An address in figures is looked up by nobody, so it is checked here.
        let (text, address) = match url.host() {
            Some(Host::Ipv4(address)) => (address.to_string(), IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => (format!("[{address}]"), IpAddr::V6(address)),
            _ => return Ok(()),
        };
        if self.allows(&text, address) { Ok(()) } else { Err(AddressError::Network) }
    }

    fn allows(&self, host: &str, address: IpAddr) -> bool {
        let address = plain(address);
        if is_never_reached(address) {
            return false;
        }
        let networks = self.0.iter().filter(|(origin, _)| match origin {
            Origin::Tuple(_, known, _) => known.to_string() == host,
            Origin::Opaque(_) => false,
        });
        is_public(address) || networks.flat_map(|(_, networks)| networks).any(|network| network.contains(&address))
    }
}

/// An IPv4 address that is written as one of IPv6 is that one.
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let parts = v6.segments();
            let embedded = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
            match parts {
                // Translation (NAT64) and 6to4.
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => embedded(high, low),
                // The compatible form of old; `::1` is none.
                [0, 0, 0, 0, 0, 0, high, low] if high > 0 => embedded(high, low),
                _ => IpAddr::V6(v6),
            }
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Link-local, unspecified, multicast and broadcast: no system of a company stands there, and services of clouds do.
fn is_never_reached(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.octets()[0] == 0 || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => {
            // The second is where a cloud of the largest hands out credentials.
            v6.is_unicast_link_local()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
                || v6.is_unspecified()
                || v6.is_multicast()
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmarks = a == 198 && (18..20).contains(&b);
            let special = (a, b, c) == (192, 0, 0) || (a, b, c) == (192, 88, 99) || a >= 240;
            !(v4.is_private() || v4.is_loopback() || v4.is_documentation() || shared || benchmarks || special)
        }
        // Global unicast, without documentation and Teredo.
        IpAddr::V6(v6) => {
            let parts = v6.segments();
            parts[0] & 0xe000 == 0x2000
                && !(parts[0] == 0x2001 && (parts[1] == 0xdb8 || parts[1] == 0))
                && parts[0] != 0x3fff
        }
    }
}

/// The addresses of a host's name, or nothing.
pub type Looking = Pin<Box<dyn Future<Output = Option<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a host's name.
pub trait Lookup: Send + Sync {
    /// All addresses of a name.
    fn lookup(&self, host: &str) -> Looking;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: &str) -> Looking {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await.ok()?;
            Some(found.map(|address| address.ip()).collect())
        })
    }
}

/// Looks each name up once, checks all its addresses, and stays with them: a name that leads elsewhere later leads nowhere new.
pub(crate) struct Pinned {
    hosts: AllowedHosts,
    lookup: Arc<dyn Lookup>,
    known: Arc<Mutex<HashMap<String, Vec<SocketAddr>>>>,
}

impl Pinned {
    pub(crate) fn new(hosts: AllowedHosts, lookup: Arc<dyn Lookup>) -> Self {
        Self { hosts, lookup, known: Arc::default() }
    }
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let (hosts, known, lookup) = (self.hosts.clone(), Arc::clone(&self.known), Arc::clone(&self.lookup));
        Box::pin(async move {
            let before = known.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned();
            if let Some(addresses) = before {
                return Ok(Box::new(addresses.into_iter()) as Addrs);
            }
            let found = lookup.lookup(&host).await.filter(|found| !found.is_empty()).ok_or(AddressError::Unknown)?;
            // One that is not allowed says that somebody has a hand in it: none is used then.
            if !found.iter().all(|address| hosts.allows(&host, *address)) {
                return Err(AddressError::Network.into());
            }
            let found: Vec<SocketAddr> = found.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            // Another request may have been first; both stay with what it found.
            let addresses = known.entry(host).or_insert(found).clone();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The reason of ours in an error of the transport.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> Option<AddressError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<AddressError>() {
            return Some(*found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(networks: &[&str]) -> AllowedHosts {
        let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
        let origins = ["https://sap.example.com", "http://10.1.2.3:8000", "http://169.254.169.254", "http://[fe80::1]"];
        AllowedHosts::new(&origins.map(|origin| AllowedHost { origin: origin.into(), networks: networks.clone() }))
    }

    #[test]
    fn only_what_the_configuration_names_is_reached() {
        let hosts = hosts(&["10.0.0.0/8", "0.0.0.0/0", "::/0"]);
        let check = |text: &str| hosts.check(&Url::parse(text).unwrap());
        for text in ["https://sap.example.com/a?b=c", "https://SAP.example.com:443/", "http://10.1.2.3:8000/x"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "http://sap.example.com/",
            "https://sap.example.com:8443/",
            "https://sap.example.com.evil.example/",
            "http://10.1.2.3/",
            "http://127.0.0.1/",
        ] {
            assert_eq!(check(text), Err(AddressError::NotAllowed), "{text}");
        }
        for text in [
            "file:///etc/passwd",
            "ftp://sap.example.com/",
            "https://u:p@sap.example.com/",
            "https://sap.example.com/#a",
        ] {
            assert_eq!(check(text), Err(AddressError::Form), "{text}");
        }
        for text in ["http://169.254.169.254/latest/meta-data", "http://[fe80::1]/"] {
            assert_eq!(check(text), Err(AddressError::Network), "{text}: whatever the configuration says");
        }
        assert_eq!(
            AllowedHosts::default().check(&Url::parse("https://a.example/").unwrap()),
            Err(AddressError::NotAllowed)
        );
    }

    #[test]
    fn an_address_in_figures_is_held_against_the_networks() {
        let origins = ["http://[::1]:80", "http://127.0.0.1", "http://192.168.1.1"];
        let networks = vec!["::1/128".parse().unwrap(), "127.0.0.0/8".parse().unwrap()];
        let hosts =
            AllowedHosts::new(&origins.map(|origin| AllowedHost { origin: origin.into(), networks: networks.clone() }));
        let check = |text: &str| hosts.check(&Url::parse(text).unwrap());
        for text in
            ["http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        assert_eq!(check("http://192.168.1.1/"), Err(AddressError::Network));
        assert_eq!(check("http://[::ffff:127.0.0.1]/"), Err(AddressError::NotAllowed));
    }

    #[test]
    fn private_addresses_need_a_network_and_disguises_are_seen_through() {
        let open = hosts(&[]);
        let own = hosts(&["10.0.0.0/8"]);
        let host = "sap.example.com";
        for text in ["203.0.114.1", "8.8.8.8", "2606:4700::1"] {
            assert!(open.allows(host, text.parse().unwrap()), "{text}");
        }
        for text in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::1"] {
            assert!(!open.allows(host, text.parse().unwrap()), "{text}");
            assert!(own.allows(host, text.parse().unwrap()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "169.254.169.254",
            "::1",
            "::",
            "fc00::1",
            "fe80::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "::127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "fd00:ec2::254",
            "192.0.2.1",
            "198.18.0.1",
            "2001:db8::1",
            "240.0.0.1",
        ] {
            assert!(!own.allows(host, text.parse().unwrap()), "{text}");
        }
        assert!(!own.allows("other.example.com", "10.1.2.3".parse().unwrap()), "a network holds for its host");
    }
}
