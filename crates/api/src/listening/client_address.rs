//! Where a request comes from: the other end of its connection, or what a trusted proxy says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use millwright_config::{ForwardedHeader, TrustedProxies};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address; of a proxy, where there is one.
    pub ip: IpAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
}

/// Where a request comes from. In the extensions of every request that was taken in by [`serve`](crate::serve).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// Address of the client; never an IPv4 address in IPv6 form.
    pub ip: IpAddr,
    /// Whether it came to us, or to the proxy in front of us, through TLS.
    pub secure: bool,
}

impl ClientAddress {
    /// Of a request. One that came in through no listener has none: `0.0.0.0`, not secure.
    pub fn of(extensions: &Extensions) -> Self {
        let unknown = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), secure: false };
        extensions.get().copied().unwrap_or(unknown)
    }
}

/// Where a request comes from.
///
/// A peer that is no trusted proxy is the client, whatever its headers say. A trusted one is believed about whom it
/// forwards for: the list is read from the right, where the nearest proxy wrote, and the first address that is no
/// trusted proxy is the client. What stands further left was written by that client. An entry that is no address ends
/// the search at the proxy that wrote it. The nearest proxy also says whether TLS was used.
pub fn client_address(peer: Peer, headers: &HeaderMap, trusted: &TrustedProxies) -> ClientAddress {
    let direct = ClientAddress { ip: peer.ip.to_canonical(), secure: peer.tls };
    if !trusted.contains(direct.ip) {
        return direct;
    }
    let (ip, scheme) = match trusted.header {
        ForwardedHeader::XForwardedFor => {
            let hops = from_the_right(headers, &X_FORWARDED_FOR, |list| list.rsplit(',').collect());
            let schemes = from_the_right(headers, &X_FORWARDED_PROTO, |list| list.rsplit(',').collect());
            let hops = hops.into_iter().map(|hop| hop.and_then(address));
            (nearest_stranger(hops, direct.ip, trusted), schemes.first().copied().flatten().map(str::to_owned))
        }
        ForwardedHeader::Forwarded => {
            let elements = from_the_right(headers, &header::FORWARDED, |list| split_from_the_right(list, ','));
            let scheme = elements.first().copied().flatten().and_then(|nearest| parameter(nearest, "proto"));
            let hops = elements.into_iter().map(|element| address(&parameter(element?, "for")?));
            (nearest_stranger(hops, direct.ip, trusted), scheme)
        }
    };
    let secure = scheme.map_or(peer.tls, |scheme| scheme.trim().eq_ignore_ascii_case("https"));
    ClientAddress { ip, secure }
}

fn nearest_stranger(hops: impl Iterator<Item = Option<IpAddr>>, peer: IpAddr, trusted: &TrustedProxies) -> IpAddr {
    let mut nearest = peer;
    for hop in hops {
        let Some(hop) = hop else { return nearest };
        nearest = hop;
        if !trusted.contains(hop) {
            return hop;
        }
    }
    nearest
}

/// The entries of a header that may come several times, from the last to the first. What is no text is `None`.
fn from_the_right<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    split: impl Fn(&'h str) -> Vec<&'h str>,
) -> Vec<Option<&'h str>> {
    let mut entries = Vec::new();
    for value in headers.get_all(name).into_iter().rev() {
        match value.to_str() {
            Ok(text) => entries.extend(split(text).into_iter().map(Some)),
            Err(_) => entries.push(None),
        }
    }
    entries
}

/// The parts between separators that stand in no quoted string, from the last to the first. Quotes are paired from the
/// right too: one that a client left open, on the left, must not swallow what a proxy wrote behind it.
fn split_from_the_right(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut end, mut quoted) = (Vec::new(), text.len(), false);
    for (at, character) in text.char_indices().rev() {
        if character == '"' && !text[..at].ends_with('\\') {
            quoted = !quoted;
        } else if character == separator && !quoted {
            parts.push(&text[at + separator.len_utf8()..end]);
            end = at;
        }
    }
    parts.push(&text[..end]);
    parts
}

/// A parameter of one element of `Forwarded`, without quotes.
fn parameter(element: &str, name: &str) -> Option<String> {
    split_from_the_right(element, ';').into_iter().find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        if !key.trim().eq_ignore_ascii_case(name) {
            return None;
        }
        let value = value.trim();
        match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => Some(quoted.replace('\\', "")),
            None => Some(value.to_owned()),
        }
    })
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default().parse())
        .ok()?;
    Some(ip.to_canonical())
}

/// For a year, and nothing about neighbours under the same domain.
pub(crate) const STRICT_TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ForwardedHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
        TrustedProxies { networks, header }
    }

    fn peer(ip: &str) -> Peer {
        Peer { ip: ip.parse().unwrap(), tls: false }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn found(from: &str, header: ForwardedHeader, pairs: &[(&'static str, &str)]) -> (String, bool) {
        let client = client_address(peer(from), &headers(pairs), &proxies(header));
        (client.ip.to_string(), client.secure)
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right_past_trusted_proxies() {
        const FOR: &str = "x-forwarded-for";
        const PROTO: &str = "x-forwarded-proto";
        for (from, pairs, expected) in [
            ("192.0.2.9", vec![], ("192.0.2.9", false)),
            ("192.0.2.9", vec![(FOR, "203.0.113.1"), (PROTO, "https")], ("192.0.2.9", false)),
            ("10.0.0.1", vec![], ("10.0.0.1", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1")], ("203.0.113.1", false)),
            ("::ffff:10.0.0.1", vec![(FOR, "203.0.113.1")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1"), (PROTO, "https")], ("203.0.113.1", true)),
            ("10.0.0.1", vec![(FOR, "1.1.1.1, 203.0.113.1")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(FOR, "1.1.1.1,203.0.113.1, 10.2.3.4")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(FOR, "1.1.1.1"), (FOR, "203.0.113.1"), (FOR, "10.2.3.4")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(FOR, "10.9.9.9, 10.2.3.4")], ("10.9.9.9", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1:4711")], ("203.0.113.1", false)),
            ("fd00::1", vec![(FOR, "2001:db8::7")], ("2001:db8::7", false)),
            ("fd00::1", vec![(FOR, "[2001:db8::7]:4711")], ("2001:db8::7", false)),
            ("fd00::1", vec![(FOR, "[2001:db8::7]")], ("2001:db8::7", false)),
            ("10.0.0.1", vec![(FOR, "::ffff:203.0.113.1")], ("203.0.113.1", false)),
            // What cannot be read ends the search at the proxy that wrote it.
            ("10.0.0.1", vec![(FOR, "203.0.113.1, unknown")], ("10.0.0.1", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1, unknown, 10.2.3.4")], ("10.2.3.4", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1, ")], ("10.0.0.1", false)),
            ("10.0.0.1", vec![(FOR, "")], ("10.0.0.1", false)),
            // Of several, the nearest proxy's word counts.
            ("10.0.0.1", vec![(FOR, "203.0.113.1"), (PROTO, "https, http")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(FOR, "203.0.113.1"), (PROTO, "http"), (PROTO, "HTTPS")], ("203.0.113.1", true)),
            // The other header is a client's own, because the proxy does not write it.
            ("10.0.0.1", vec![(FOR, "203.0.113.1"), ("forwarded", "for=1.1.1.1;proto=https")], ("203.0.113.1", false)),
        ] {
            let client = found(from, ForwardedHeader::XForwardedFor, &pairs);
            assert_eq!((client.0.as_str(), client.1), expected, "{from} {pairs:?}");
        }
    }

    #[test]
    fn forwarded_is_read_with_its_quotes() {
        const NAME: &str = "forwarded";
        for (from, pairs, expected) in [
            ("192.0.2.9", vec![(NAME, "for=203.0.113.1;proto=https")], ("192.0.2.9", false)),
            ("10.0.0.1", vec![(NAME, "for=203.0.113.1;proto=https")], ("203.0.113.1", true)),
            ("10.0.0.1", vec![(NAME, "For=\"203.0.113.1:80\"; PROTO=http")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(NAME, "for=\"[2001:db8::7]:4711\"")], ("2001:db8::7", false)),
            (
                "10.0.0.1",
                vec![(NAME, "for=1.1.1.1, for=203.0.113.1;by=10.2.3.4, for=10.2.3.4;proto=https")],
                ("203.0.113.1", true),
            ),
            ("10.0.0.1", vec![(NAME, "for=1.1.1.1"), (NAME, "for=203.0.113.1")], ("203.0.113.1", false)),
            // A quote that a client leaves open swallows nothing.
            ("10.0.0.1", vec![(NAME, "for=1.1.1.1;x=\", for=203.0.113.1")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(NAME, "for=1.1.1.1;x=\"\\, for=\"203.0.113.1:80\"")], ("203.0.113.1", false)),
            // A separator inside of quotes separates nothing.
            ("10.0.0.1", vec![(NAME, "for=203.0.113.1;host=\"a,for=1.1.1.1;b\"")], ("203.0.113.1", false)),
            ("10.0.0.1", vec![(NAME, "for=_hidden")], ("10.0.0.1", false)),
            ("10.0.0.1", vec![(NAME, "for=\"unknown")], ("10.0.0.1", false)),
            ("10.0.0.1", vec![(NAME, "proto=https")], ("10.0.0.1", true)),
            (
                "10.0.0.1",
                vec![(NAME, "for=203.0.113.1"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https")],
                ("203.0.113.1", false),
            ),
        ] {
            let client = found(from, ForwardedHeader::Forwarded, &pairs);
            assert_eq!((client.0.as_str(), client.1), expected, "{from} {pairs:?}");
        }
    }

    #[test]
    fn tls_to_us_is_secure_unless_a_proxy_says_that_it_was_not_before() {
        let tls = |ip: &str, pairs: &[(&'static str, &str)]| {
            let peer = Peer { tls: true, ..peer(ip) };
            client_address(peer, &headers(pairs), &proxies(ForwardedHeader::XForwardedFor)).secure
        };
        assert!(tls("192.0.2.9", &[("x-forwarded-proto", "http")]));
        assert!(tls("10.0.0.1", &[]));
        assert!(!tls("10.0.0.1", &[("x-forwarded-proto", "http")]));
    }

    #[test]
    fn without_trusted_proxies_nobody_is_believed() {
        let nobody = TrustedProxies { networks: Vec::new(), header: ForwardedHeader::XForwardedFor };
        let headers = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https")]);
        let client = client_address(peer("127.0.0.1"), &headers, &nobody);
        assert_eq!((client.ip.to_string(), client.secure), ("127.0.0.1".to_owned(), false));
    }

    proptest! {
        #[test]
        fn a_client_behind_a_proxy_cannot_choose_his_address(
            spoofed in "[ -~]{0,60}",
            real in any::<[u8; 4]>().prop_filter("a stranger", |ip| ip[0] != 10),
        ) {
            let real = IpAddr::from(real);
            // Proxies append to what a client sent, in the same header or in one of their own.
            for (header, one, two) in [
                (ForwardedHeader::XForwardedFor, format!("{spoofed},{real}"), real.to_string()),
                (ForwardedHeader::Forwarded, format!("{spoofed},for=\"{real}:80\""), format!("for={real}")),
            ] {
                let name = match header {
                    ForwardedHeader::XForwardedFor => X_FORWARDED_FOR,
                    ForwardedHeader::Forwarded => header::FORWARDED,
                };
                let mut appended = HeaderMap::new();
                appended.insert(&name, one.parse().unwrap());
                let mut added = HeaderMap::new();
                added.append(&name, spoofed.parse().unwrap());
                added.append(&name, two.parse().unwrap());
                for headers in [appended, added] {
                    prop_assert_eq!(client_address(peer("10.0.0.1"), &headers, &proxies(header)).ip, real);
                }
            }
        }

        #[test]
        fn nothing_in_a_header_breaks_it(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
                let headers: HeaderMap = [X_FORWARDED_FOR, X_FORWARDED_PROTO, header::FORWARDED]
                    .into_iter().map(|name| (name, value.clone())).collect();
                client_address(peer("10.0.0.1"), &headers, &proxies(header));
                let stranger = client_address(peer("192.0.2.1"), &headers, &proxies(header));
                prop_assert_eq!(stranger.ip.to_string(), "192.0.2.1");
            }
        }
    }
}
