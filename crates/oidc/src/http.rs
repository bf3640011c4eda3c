//! Requests to one provider: no proxy, no redirects, limits of size and time.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::{OidcError, Secret};

/// Metadata and keys have a few KiB; the largest known key set 20.
const MAX_ANSWER_BYTES: usize = 256 << 10;
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// For a whole exchange. Requests wait for keys meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// The HTTP side of one provider.
#[derive(Debug)]
pub(crate) struct Http {
    provider: String,
    client: Client,
}

/// An answer within the limits.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Http {
    pub(crate) fn new(provider: &str, issuer: &Url) -> Result<Self, OidcError> {
        let client = client(issuer).map_err(OidcError::Client)?;
        Ok(Self { provider: provider.to_owned(), client })
    }

    /// What lies at `url`, if the status says that it is that.
    pub(crate) async fn get(&self, url: &Url, bearer: Option<&Secret>) -> Result<Vec<u8>, OidcError> {
        let request = self.client.get(url.clone()).header("accept", "application/json");
        let request = match bearer {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let answer = self.exchange(request).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(self.bad_answer(format!("status {} at `{}`", answer.status.as_u16(), url.path())))
    }

    /// Posts a form, as `client` with HTTP basic authentication where given.
    pub(crate) async fn post(
        &self,
        url: &Url,
        client: Option<(&str, &Secret)>,
        form: &[(&str, &str)],
    ) -> Result<Answer, OidcError> {
        let request = self.client.post(url.clone()).header("accept", "application/json").form(form);
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let request = match client {
            // RFC 6749 2.3.1: both are form-encoded first.
            Some((id, secret)) => request.basic_auth(encoded(id), Some(encoded(secret.expose()))),
            None => request,
        };
        self.exchange(request).await
    }

    pub(crate) fn bad_answer(&self, what: impl Into<String>) -> OidcError {
        OidcError::BadAnswer { provider: self.provider.clone(), what: what.into() }
    }

    pub(crate) fn unavailable(&self) -> OidcError {
        OidcError::Unavailable { provider: self.provider.clone() }
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Answer, OidcError> {
        let deadline = Instant::now() + PATIENCE;
        let late = |_| OidcError::Timeout { provider: self.provider.clone(), seconds: PATIENCE.as_secs() };
        let broken =
            |e: reqwest::Error| OidcError::Unreachable { provider: self.provider.clone(), source: e.without_url() };
        let mut response = timeout_at(deadline, request.send()).await.map_err(late)?.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(part) = timeout_at(deadline, response.chunk()).await.map_err(late)?.map_err(broken)? {
            if body.len() + part.len() > MAX_ANSWER_BYTES {
                return Err(self.bad_answer(format!("more than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status: response.status(), body })
    }
}

fn client(issuer: &Url) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_PATIENCE)
        .pool_idle_timeout(Duration::from_secs(30));
    let builder = if issuer.scheme() == "http" {
        // Never used, and needs no certificates on the machine.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
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
