//! The cookies of a session.

use http::{HeaderMap, HeaderValue, header};
use zeroize::Zeroizing;

const MAX_COOKIES: usize = 30;
const MAX_BYTES: usize = 4_096;

/// Names and values. All go to the one service, so paths and domains are not looked at.
#[derive(Default)]
pub(super) struct Cookies(Vec<(String, Zeroizing<String>)>);

impl Cookies {
    /// Takes in what an answer of the service sets.
    pub(super) fn take(&mut self, headers: &HeaderMap) {
        for set in headers.get_all(header::SET_COOKIE) {
            let Ok(text) = set.to_str() else { continue };
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (name, value) = (name.trim(), value.trim());
            if name.is_empty() || name.len() + value.len() > MAX_BYTES {
                continue;
            }
            self.0.retain(|(known, _)| known != name);
            let ends = parts.filter_map(|part| part.split_once('=')).any(|(attribute, value)| {
                attribute.eq_ignore_ascii_case("max-age") && value.parse::<i64>().is_ok_and(|seconds| seconds <= 0)
            });
            if !ends && self.0.len() < MAX_COOKIES {
                self.0.push((name.to_owned(), Zeroizing::new(value.to_owned())));
            }
        }
    }

    /// The header that sends them.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={}", value.as_str())).collect();
        let pairs = Zeroizing::new(pairs.join("; "));
        let mut value = HeaderValue::from_str(&pairs).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        // Values such as `100` are no secrets, and stand in many texts.
        self.0.iter().map(|(_, value)| value.as_str()).filter(|value| value.len() >= 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_replaced_and_ended() {
        let mut cookies = Cookies::default();
        let mut set = |texts: &[&str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(header::SET_COOKIE, HeaderValue::from_str(text).unwrap());
            }
            cookies.take(&headers);
            cookies.header().map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(set(&[]), None);
        let two =
            set(&["SAP_SESSIONID_S4H_100=ab%3d; path=/; secure; HttpOnly", "sap-usercontext=sap-client=100; path=/"]);
        assert_eq!(two.as_deref(), Some("SAP_SESSIONID_S4H_100=ab%3d; sap-usercontext=sap-client=100"));
        assert_eq!(
            set(&["SAP_SESSIONID_S4H_100=cd"]).as_deref(),
            Some("sap-usercontext=sap-client=100; SAP_SESSIONID_S4H_100=cd")
        );
        assert_eq!(set(&["sap-usercontext=; Max-Age=0", "broken", "=x"]).as_deref(), Some("SAP_SESSIONID_S4H_100=cd"));
        let many: Vec<String> = (0..100).map(|at| format!("c{at}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(set(&many).unwrap().split("; ").count(), MAX_COOKIES);
    }
}
