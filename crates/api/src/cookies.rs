//! The cookies of browser sessions: which there are, how they are read, set and cleared.
//!
//! All are `Secure`: browsers keep them on HTTPS and on loopback, and drop them anywhere else. `__Host-` binds a cookie to
//! this host, so that a neighbouring one cannot plant it; the refresh token goes to the few paths that take it.

use axum::http::{HeaderMap, HeaderValue, header};
use millwright_identity::SignedIn;

/// The access token.
pub(crate) const ACCESS: &str = "__Host-millwright_access";
/// The refresh token.
pub(crate) const REFRESH: &str = "__Secure-millwright_refresh";
/// What our pages repeat in [`CSRF_HEADER`]; the only one that scripts may read.
pub(crate) const CSRF: &str = "__Host-millwright_csrf";
/// That this device signed in before.
pub(crate) const DEVICE: &str = "__Secure-millwright_device";
/// A login under way at a provider, or one that waits for its second factor.
pub(crate) const PENDING: &str = "__Secure-millwright_login";
/// The header that carries the value of [`CSRF`].
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";

const AUTH_PATH: &str = "/api/v1/auth";
const DEVICE_SECONDS: i64 = 180 * 24 * 3600;
const PENDING_SECONDS: i64 = 600;

/// The value of a cookie of the request.
pub(crate) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value)
}

enum Reach {
    /// Our own pages only.
    Strict,
    /// Also when a provider sends the browser back here.
    Lax,
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, path: &str, seconds: i64, reach: &Reach) {
    let same_site = match reach {
        Reach::Strict => "Strict",
        Reach::Lax => "Lax",
    };
    let script = if name == CSRF { "" } else { "; HttpOnly" };
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; Secure; SameSite={same_site}{script}");
    // Values are base 64 and hexadecimal.
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        headers.append(header::SET_COOKIE, value);
    }
}

/// The cookies of a session that begins or goes on.
pub(crate) fn set_session(headers: &mut HeaderMap, signed_in: &SignedIn, now: chrono::DateTime<chrono::Utc>) {
    let whole = (signed_in.expires_at - now).num_seconds().max(1);
    set(headers, ACCESS, &signed_in.access.token, "/", signed_in.access.expires_in, &Reach::Strict);
    set(headers, REFRESH, &signed_in.refresh, AUTH_PATH, whole, &Reach::Strict);
    set(headers, CSRF, &signed_in.csrf, "/", whole, &Reach::Strict);
    if let Some(device) = &signed_in.device {
        set(headers, DEVICE, device, AUTH_PATH, DEVICE_SECONDS, &Reach::Strict);
    }
}

/// Ends the session in this browser; the device stays known.
pub(crate) fn clear_session(headers: &mut HeaderMap) {
    for (name, path) in [(ACCESS, "/"), (REFRESH, AUTH_PATH), (CSRF, "/")] {
        set(headers, name, "", path, 0, &Reach::Strict);
    }
}

/// A login that is under way.
pub(crate) fn set_pending(headers: &mut HeaderMap, value: &str) {
    set(headers, PENDING, value, AUTH_PATH, PENDING_SECONDS, &Reach::Lax);
}

/// The login came to its end.
pub(crate) fn clear_pending(headers: &mut HeaderMap) {
    set(headers, PENDING, "", AUTH_PATH, 0, &Reach::Lax);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_and_an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; __Host-millwright_csrf=two; b="));
        headers.append(header::COOKIE, HeaderValue::from_static("c=3"));
        assert_eq!(read(&headers, CSRF), Some("two"));
        assert_eq!(read(&headers, "c"), Some("3"));
        assert_eq!(read(&headers, "b"), None);
        assert_eq!(read(&headers, "millwright_csrf"), None);
    }

    #[test]
    fn only_the_csrf_value_is_for_scripts_and_nothing_travels_in_the_clear() {
        let mut headers = HeaderMap::new();
        for name in [ACCESS, REFRESH, CSRF, DEVICE] {
            set(&mut headers, name, "v", "/", 60, &Reach::Strict);
        }
        for value in headers.get_all(header::SET_COOKIE) {
            let text = value.to_str().unwrap();
            assert!(text.contains("; Secure; SameSite=Strict"), "{text}");
            assert_eq!(text.contains("HttpOnly"), !text.starts_with(CSRF), "{text}");
        }
    }
}
