//! Addresses of networks: IPv4, IPv6, MAC.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    PiiType, Scan,
    cues::{Cue, LazyCues},
    run::{Run, Separator},
};

impl Scan<'_, '_> {
    /// Four numbers below 256 with dots, unless they read like a version.
    pub(super) fn ipv4(&mut self, run: &Run, cues: &LazyCues<'_>) -> Option<usize> {
        if run.len() < 4 || !run.joined_by(4, Separator::Dot) || run.tied || run.plus {
            return None;
        }
        let end = run.end_of(3);
        let tied = matches!(run.separator(3), Some(Separator::Dot | Separator::Dash));
        let address = self.text.get(run.start_of(0)..end)?.parse::<Ipv4Addr>().ok()?;
        if tied || self.goes_on(end) {
            return None;
        }
        let (cues, octets) = (cues.get(), address.octets());
        let version = cues.nearest(Cue::Version) || (octets.iter().all(|octet| *octet < 10) && !cues.has(Cue::Network));
        if version || (octets == [0; 4] && !cues.has(Cue::Network)) {
            return None;
        }
        let prefix = if self.byte(end) == b'/' { self.skip(end + 1, 3, |byte| byte.is_ascii_digit()) } else { end };
        let network = (end + 2..=end + 3).contains(&prefix) && !self.goes_on(prefix);
        self.found(run.start_of(0), end, PiiType::IpAddress, 0.95);
        Some(if network { prefix } else { end })
    }

    /// Looks around a `:`: a web address, a MAC address, an IPv6 address.
    pub(super) fn colon(&mut self, at: usize) -> usize {
        if self.byte(at + 1) == b'/' && self.byte(at + 2) == b'/' {
            return self.url(at);
        }
        let hexadecimal = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
        if !self.byte(at + 1).is_ascii_hexdigit() && self.byte(at + 1) != b':' {
            return at + 1;
        }
        let start = self.skip_back(at, 4, |byte| byte.is_ascii_hexdigit());
        let end = self.skip(at, 48, hexadecimal);
        if self.inside_word(start) || self.before(start) == b':' || self.goes_on(end) {
            return at + 1;
        }
        let token = self.text.get(start..end).unwrap_or_default().trim_end_matches(['.', ':']);
        // A trailing `::` belongs to the address.
        let token = if self.text.get(start..end).is_some_and(|all| all.ends_with("::")) {
            self.text.get(start..end).unwrap_or_default()
        } else {
            token
        };
        if is_mac(token, ':') {
            return self.found(start, start + token.len(), PiiType::MacAddress, 1.0);
        }
        if is_ipv6(token) {
            return self.found(start, start + token.len(), PiiType::IpAddress, 0.95);
        }
        at + 1
    }

    /// Looks around a `-` for a MAC address written with hyphens.
    pub(super) fn mac_with_dashes(&mut self, at: usize) -> Option<usize> {
        let start = at.checked_sub(2)?;
        let end = start + 17;
        match self.text.get(start..end) {
            Some(token)
                if is_mac(token, '-') && !self.inside_word(start) && !self.goes_on(end) && self.byte(end) != b'-' =>
            {
                Some(self.found(start, end, PiiType::MacAddress, 1.0))
            }
            _ => None,
        }
    }
}

/// Six pairs of hexadecimal digits, of which one at least is a letter: else it may be a date or a part number.
fn is_mac(token: &str, separator: char) -> bool {
    token.len() == 17
        && token.split(separator).count() == 6
        && token.split(separator).all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
        && (separator == ':' || token.bytes().any(|byte| byte.is_ascii_alphabetic()))
        && token.bytes().any(|byte| byte.is_ascii_digit())
}

/// An IPv6 address that no programmer's `a::b` or slice `[1::2]` can be.
fn is_ipv6(token: &str) -> bool {
    let groups = token.split(':').filter(|group| !group.is_empty()).count();
    let long = token.split(':').any(|group| group.len() >= 3);
    token.parse::<Ipv6Addr>().is_ok()
        && (token == "::1" || (groups >= 2 && long && token.bytes().any(|byte| byte.is_ascii_digit())) || groups >= 4)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{find, only};
    use crate::pii::PiiType::{IpAddress, MacAddress};

    #[test]
    fn addresses() {
        only("the host 192.168.0.1 is down", IpAddress, "192.168.0.1");
        only("keep getting address 41.173.96.26 blocked error", IpAddress, "41.173.96.26");
        only("client_ip = ?%//!%20\\|16.244.11.141|%20/", IpAddress, "16.244.11.141");
        only("ping 8.8.8.8.", IpAddress, "8.8.8.8");
        only("10.0.0.0/8 is private", IpAddress, "10.0.0.0");
        only("10.1.2.3:8080", IpAddress, "10.1.2.3");
        only("2001:db8::8a2e:370:7334 answers", IpAddress, "2001:db8::8a2e:370:7334");
        only("[fe80::1ff:fe23:4567:890a]", IpAddress, "fe80::1ff:fe23:4567:890a");
        only("at ::1.", IpAddress, "::1");
        only("MAC 00:1A:2b:3c:4D:5e.", MacAddress, "00:1A:2b:3c:4D:5e");
        only("00-1A-2B-3C-4D-5E", MacAddress, "00-1A-2B-3C-4D-5E");
    }

    #[test]
    fn no_addresses() {
        for text in [
            "1.2.3.4",
            "version 10.20.30.40",
            "256.1.1.1",
            "1.2.3.4.5",
            "12.34.56",
            "v192.168.0.1",
            "12:33:10",
            "a::b",
            "std::fe",
            "x[1::2]",
            "10:20:30:40",
            "12-34-56-78-90-12",
            "AB-CD",
            "192.168.0.1a",
            "::",
            "0.0.0.0",
        ] {
            assert_eq!(find(text), [], "in {text:?}");
        }
    }
}
