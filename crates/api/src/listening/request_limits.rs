//! How large the head of a request may be, and how slow its body.

use std::time::Duration;

use axum::{body::Body, http::Request};
use millwright_config::ListeningConfig;
use millwright_core::{ErrorCode, Problem};

/// In the extensions of every request that a listener took in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLimits {
    max_url_bytes: usize,
    max_header_bytes: usize,
    /// Between two parts of a body.
    pub(crate) body_timeout: Duration,
}

impl RequestLimits {
    pub(crate) fn new(config: &ListeningConfig) -> Self {
        Self {
            max_url_bytes: config.max_url_bytes,
            max_header_bytes: config.max_header_bytes,
            body_timeout: config.body_timeout,
        }
    }

    /// Where hyper itself gives up reading a head, without words: far enough behind the limits that whoever exceeds
    /// those by mistake is told so.
    pub(crate) fn hard_head_bytes(&self) -> usize {
        64 * 1024 + 2 * self.max_header_bytes
    }

    /// Why this request is not looked at.
    pub(crate) fn refusal(&self, request: &Request<Body>) -> Option<Problem> {
        let url = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
        if url > self.max_url_bytes {
            let detail = format!("path and query have {url} bytes");
            let remedy = format!("at most {} bytes; long input goes into a body", self.max_url_bytes);
            return Some(Problem::new(ErrorCode::UriTooLong, detail).remedy(remedy));
        }
        // As they would stand on the wire of HTTP/1.1, which is also how HTTP/2 counts, but for its larger overhead.
        let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if headers > self.max_header_bytes {
            let detail = format!("the headers have {headers} bytes");
            let remedy = format!("at most {} bytes; clear the cookies of this site", self.max_header_bytes);
            return Some(Problem::new(ErrorCode::HeadersTooLarge, detail).remedy(remedy));
        }
        None
    }
}
