//! The client: a connector for one service, and sessions in it, each for one call.

mod batch;
mod cookies;
mod exchange;
mod multipart;
mod read;
mod token;
mod write;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, header};
use millwright_core::Sources;
use reqwest::{Certificate, Client, Identity, redirect, retry};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

pub use self::{
    batch::{BatchAnswer, BatchFormat, BatchPart},
    read::{Cut, Reading, Rows},
    write::Written,
};
use self::{cookies::Cookies, exchange::Outgoing, token::Token};
use crate::{
    credential::{Authorization, Credential},
    egress::{AllowedHosts, Lookup, Pinned},
    error::{Hide, ODataError},
    metadata::{MetadataLimits, Service},
};

const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How much one session may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a whole session.
    pub patience: Duration,
    /// Rows of one read.
    pub max_rows: usize,
    /// Bytes of one read, all its pages together, and of any other answer.
    pub max_bytes: usize,
    /// Pages of one read.
    pub max_pages: usize,
    /// Requests to the service in a second, over all sessions of a connector; those above wait in line.
    pub requests_per_second: u32,
    /// A read that is answered with 429 or 503 is sent so many times again.
    pub retries: u32,
    /// The longest wait before the first of those; it doubles.
    pub backoff: Duration,
    /// Of `$metadata`.
    pub metadata: MetadataLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patience: Duration::from_mins(1),
            max_rows: 1_000,
            max_bytes: 16 << 20,
            max_pages: 100,
            requests_per_second: 20,
            retries: 2,
            backoff: Duration::from_millis(500),
            metadata: MetadataLimits::default(),
        }
    }
}

/// Where a service stands, and what holds for it.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The root of the service.
    pub root: Url,
    /// Where requests may go: the root's host, and that of tokens.
    pub hosts: AllowedHosts,
    /// The client of the SAP system: `sap-client`.
    pub sap_client: Option<String>,
    /// The language of texts: `Accept-Language`.
    pub language: Option<String>,
    /// PEM: the authorities that vouch for the servers. Empty: those that the machine trusts.
    pub authorities: Vec<u8>,
    /// How much a session may take.
    pub limits: Limits,
}

/// A service that can be asked. It holds no credential.
#[derive(Clone)]
pub struct Connector {
    destination: Arc<Destination>,
    sources: Sources,
    lookup: Arc<dyn Lookup>,
    /// When the next request may be sent.
    next: Arc<Mutex<Option<Instant>>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("root", &self.destination.root.as_str()).finish_non_exhaustive()
    }
}

impl Connector {
    /// One for a service; names of hosts are looked up by `lookup`.
    ///
    /// # Errors
    /// When its root may not be reached, or cannot be one.
    pub fn new(mut destination: Destination, sources: Sources, lookup: Arc<dyn Lookup>) -> Result<Self, ODataError> {
        destination.hosts.check(&destination.root)?;
        if destination.root.query().is_some() {
            return Err(crate::AddressError::Form.into());
        }
        if !destination.root.path().ends_with('/') {
            destination.root.set_path(&format!("{}/", destination.root.path()));
        }
        let is_client = |text: &String| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        if !destination.sap_client.as_ref().is_none_or(is_client) {
            return Err(crate::ArgumentError::new("sap-client", "three digits").into());
        }
        Ok(Self { destination: Arc::new(destination), sources, lookup, next: Arc::default() })
    }

    /// Begins a session that signs in with a credential. Nothing is sent yet. The credential is wiped when the session is
    /// dropped; copies that the HTTP client has made are freed then, not wiped.
    ///
    /// # Errors
    /// When the credential, or an authority, cannot be used.
    pub fn session(&self, credential: Credential) -> Result<Session, ODataError> {
        if let Authorization::ClientCredentials { token_url, .. } = &credential.authorization {
            self.destination.hosts.check(token_url)?;
        }
        let mut hidden = Vec::new();
        match &credential.authorization {
            Authorization::None => {}
            Authorization::Basic { user, password } => {
                if user.contains(':') {
                    return Err(ODataError::Credential("name of the user"));
                }
                hidden.push(Zeroizing::new(password.expose().to_owned()));
                hidden.push(token::basic(user, password.expose()));
            }
            Authorization::ClientCredentials { client_id, client_secret, .. } => {
                hidden.push(Zeroizing::new(client_secret.expose().to_owned()));
                hidden.push(token::basic(client_id, client_secret.expose()));
            }
        }
        let client = self.client(&credential)?;
        let deadline = Instant::now() + self.destination.limits.patience;
        let state = State { csrf: None, cookies: Cookies::default(), token: None, hidden };
        Ok(Session { connector: self.clone(), credential, client, deadline, state: Mutex::new(state) })
    }

    fn client(&self, credential: &Credential) -> Result<Client, ODataError> {
        // An error only says that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pinned = Pinned::new(self.destination.hosts.clone(), Arc::clone(&self.lookup));
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_PATIENCE)
            .dns_resolver(pinned);
        let authorities = &self.destination.authorities;
        if !authorities.is_empty() {
            let read = Certificate::from_pem_bundle(authorities).ok().filter(|found| !found.is_empty());
            builder = builder.tls_certs_only(read.ok_or(ODataError::Credential("authorities"))?);
        } else if self.destination.root.scheme() == "http" && !self.uses_tls(credential) {
            // Never used, and needs no certificates on the machine.
            builder = builder.tls_certs_only([]);
        }
        if let Some(certificate) = &credential.certificate {
            let identity = Identity::from_pem(certificate.pem.expose().as_bytes());
            builder = builder.identity(identity.map_err(|_| ODataError::Credential("certificate"))?);
        }
        builder.build().map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a client of an OData service cannot be made");
            ODataError::Credential("certificate or the authorities")
        })
    }

    fn uses_tls(&self, credential: &Credential) -> bool {
        let token = match &credential.authorization {
            Authorization::ClientCredentials { token_url, .. } => Some(token_url.scheme()),
            _ => None,
        };
        self.destination.root.scheme() == "https" || token == Some("https")
    }

    /// Waits until another request may be sent.
    async fn turn(&self, deadline: Instant) -> Result<(), ODataError> {
        let gap = Duration::from_secs(1) / self.destination.limits.requests_per_second.max(1);
        let at = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // As many as a second allows may come at once.
            let earliest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
            let at = next.map_or(earliest, |next| next.max(earliest));
            if at > deadline {
                return Err(ODataError::Limited);
            }
            *next = Some(at + gap);
            at
        };
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    /// A random duration up to `most`.
    fn jitter(&self, most: Duration) -> Duration {
        let mut bytes = [0_u8; 4];
        self.sources.randomness.fill(&mut bytes);
        let share = u32::from_le_bytes(bytes) % 1_000;
        most * share / 1_000
    }
}

/// One session with a service: its cookies, CSRF token and access token live as long as it does.
pub struct Session {
    connector: Connector,
    credential: Credential,
    client: Client,
    deadline: Instant,
    state: Mutex<State>,
}

struct State {
    csrf: Option<Zeroizing<String>>,
    cookies: Cookies,
    token: Option<Token>,
    /// What may stand in no message.
    hidden: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("root", &self.destination().root.as_str()).finish_non_exhaustive()
    }
}

impl Session {
    fn destination(&self) -> &Destination {
        &self.connector.destination
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the service says of itself.
    ///
    /// # Errors
    /// Whatever goes wrong.
    pub async fn metadata(&self) -> Result<Service, ODataError> {
        let limits = &self.destination().limits.metadata;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/xml"));
        let url = self.url("$metadata")?;
        let answer = self.get(Outgoing { method: Method::GET, url, headers, body: None }, limits.max_bytes).await?;
        if !answer.is_success() {
            return Err(self.refused(&answer));
        }
        Ok(Service::parse(&answer.body, limits)?)
    }

    /// An address below the root, with what the destination adds.
    fn url(&self, relative: &str) -> Result<Url, ODataError> {
        let root = &self.destination().root;
        let url = Url::parse(&format!("{root}{relative}")).map_err(|_| crate::AddressError::Form)?;
        self.own(url)
    }

    /// An address of the service; nothing else is one.
    fn own(&self, mut url: Url) -> Result<Url, ODataError> {
        let root = &self.destination().root;
        if url.origin() != root.origin() || !url.path().starts_with(root.path()) {
            return Err(ODataError::ForeignLink);
        }
        if let Some(client) = &self.destination().sap_client
            && !url.query_pairs().any(|(name, _)| name == "sap-client")
        {
            let query = url.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{query}sap-client={client}")));
        }
        self.destination().hosts.check(&url)?;
        Ok(url)
    }

    /// The error that an answer stands for.
    fn refused(&self, answer: &exchange::Answer) -> ODataError {
        self.refused_by(answer.status.as_u16(), answer.retry_after(), &answer.body)
    }

    fn refused_by(&self, status: u16, retry_after: Option<Duration>, body: &[u8]) -> ODataError {
        let state = self.state();
        let mut hidden: Vec<&str> = state.hidden.iter().map(|text| text.as_str()).collect();
        hidden.extend(state.csrf.as_ref().map(|text| text.as_str()));
        hidden.extend(state.token.as_ref().map(|token| token.text.as_str()));
        hidden.extend(state.cookies.values());
        ODataError::of(status, retry_after, body, &Hide(hidden))
    }
}
