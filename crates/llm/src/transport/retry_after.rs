//! `Retry-After`: seconds, or a date.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

/// No server is believed for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// How long the server asks to be left alone, where it is busy and says so.
pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        // Held against the server's own clock, which need not go as ours does.
        let until = httpdate::parse_http_date(text).ok()?;
        let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nonsense_is_not() {
        let read = |status, retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            of(status, &headers).map(|wait| wait.as_secs())
        };
        let busy = StatusCode::TOO_MANY_REQUESTS;
        let noon = Some("Sat, 28 Nov 2026 12:00:00 GMT");
        assert_eq!(read(busy, "7", None), Some(7));
        assert_eq!(read(StatusCode::SERVICE_UNAVAILABLE, " 30 ", None), Some(30));
        assert_eq!(read(busy, "Sat, 28 Nov 2026 12:01:30 GMT", noon), Some(90));
        assert_eq!(read(busy, "Sat, 28 Nov 2026 11:00:00 GMT", noon), Some(0), "already over");
        assert_eq!(read(busy, "99999999999", None), Some(86_400), "nobody waits for years");
        assert_eq!(read(busy, "Sat, 28 Nov 2026 12:01:30 GMT", None), None, "nothing to hold it against");
        assert_eq!(read(busy, "soon", noon), None);
        assert_eq!(read(StatusCode::BAD_REQUEST, "7", None), None, "does not get better by waiting");
    }
}
