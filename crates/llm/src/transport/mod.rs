//! The HTTP side shared by all kinds of servers: one client, patience with limits, lines and whole documents.

mod retry_after;
mod stream;
mod whole;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, Url, header::HeaderValue, redirect};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use crate::LlmError;

pub(crate) use stream::{Decoder, Seen};
pub(crate) use whole::{MAX_COMPLETION_BYTES, MAX_EMBEDDING_BYTES};

/// How long a health check may take.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for a model server before giving up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// To establish the connection.
    pub connect: Duration,
    /// From the request to the first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub idle: Duration,
    /// For the whole answer.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_mins(1),
            idle: Duration::from_secs(30),
            total: Duration::from_mins(10),
        }
    }
}

/// The key of a model server. Never shown, and wiped when dropped.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Takes the key into keeping.
    pub fn new(key: String) -> Self {
        Self(Zeroizing::new(key))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// As the value of a header that logs do not show. A key that cannot stand in one is sent as none, and refused by the
    /// server.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// One server: where it is and how it is spoken to. One client, and with it one pool of connections.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) provider: &'static str,
    base: Url,
    client: Client,
    pub(crate) patience: Patience,
}

impl Endpoint {
    /// An endpoint below `base`; `variable` is named when the address is not one.
    pub(crate) fn new(
        provider: &'static str,
        variable: &'static str,
        base: &str,
        patience: Patience,
    ) -> Result<Self, LlmError> {
        let invalid = || LlmError::InvalidAddress { variable };
        let mut base = Url::parse(base.trim()).map_err(|_| invalid())?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(invalid());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = client(&base, patience).map_err(LlmError::Client)?;
        Ok(Self { provider, base, client, patience })
    }

    /// The host, to tell the services that want other words from the rest.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The base address; its path ends with a slash.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of `path` below the base.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        url
    }

    pub(crate) fn post(&self, url: &Url) -> RequestBuilder {
        self.client.post(url.clone())
    }

    pub(crate) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone())
    }

    /// Sends a request and waits for an accepting status until `deadline`.
    async fn send(
        &self,
        request: RequestBuilder,
        deadline: Instant,
        waited_for: Duration,
    ) -> Result<Response, LlmError> {
        let provider = self.provider;
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.failed_to_send(error)),
            Err(_) => return Err(LlmError::Timeout { provider, what: "answer", seconds: waited_for.as_secs() }),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(LlmError::Rejected {
            provider,
            status: status.as_u16(),
            retry_after: retry_after::of(status, response.headers()),
        })
    }

    fn failed_to_send(&self, error: reqwest::Error) -> LlmError {
        let provider = self.provider;
        if error.is_connect() || error.is_request() {
            LlmError::Unreachable { provider, source: error.without_url() }
        } else {
            LlmError::BadStream { provider, what: "something else than an HTTP answer" }
        }
    }
}

fn client(base: &Url, patience: Patience) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(patience.connect)
        .pool_idle_timeout(Duration::from_secs(30));
    let builder = if base.scheme() == "http" {
        // Never used, and needs no certificates on the machine.
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.tls_backend_preconfigured(tls)
    } else {
        // An error only says that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        builder
    };
    Ok(builder.build()?)
}
