use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::{
    OidcError, ProviderSettings, TokenFault, VerifiedToken,
    claims::{audiences, check_times},
    http::Http,
    key_cache::{Age, KeyCache, Why},
    keys::KeySet,
    metadata::{Metadata, MetadataCache},
    token::{self, Parsed},
};

/// Claims that only ID tokens have.
const ID_TOKEN_MARKS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

/// One OpenID provider. Cheap to clone; clones share what is known of it.
#[derive(Clone)]
pub struct Provider(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: ProviderSettings,
    pub(crate) http: Http,
    metadata: Mutex<MetadataCache>,
    keys: KeyCache,
    /// Held by the one fetch of keys that is under way.
    fetching: Arc<Mutex<()>>,
    tasks: TaskTracker,
}

impl Provider {
    /// Takes the settings in. Nothing is asked of the provider yet, so that Millwright starts without it. Fetches of
    /// keys run on `tasks`: they go on when the request that wanted them ends.
    pub fn new(settings: ProviderSettings, tasks: TaskTracker) -> Result<Self, OidcError> {
        // As in `auth`: without it the crate panics as soon as a dependency turns on a second implementation.
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
        let issuer = Url::parse(&settings.issuer).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let issuer = issuer.ok_or_else(|| OidcError::InvalidIssuer { provider: settings.id.clone() })?;
        Ok(Self(Arc::new(Inner {
            http: Http::new(&settings.id, &issuer)?,
            settings,
            metadata: Mutex::default(),
            keys: KeyCache::default(),
            fetching: Arc::default(),
            tasks,
        })))
    }

    /// As it was set up.
    pub fn settings(&self) -> &ProviderSettings {
        &self.0.settings
    }

    /// Who the access token speaks for at the time `now`, if this provider made it for Millwright. Fetches the
    /// provider's keys when it has none, when they are old, or (once a minute) when the token's key is not among them.
    pub async fn verify_access_token(&self, token: &str, now: DateTime<Utc>) -> Result<VerifiedToken, OidcError> {
        let parsed = token::parse(token)?;
        self.verify_origin(&parsed, now).await?;
        let settings = &self.0.settings;
        if !audiences(&parsed.claims).any(|audience| audience == settings.accepted_audience()) {
            return Err(OidcError::InvalidToken(TokenFault::Audience));
        }
        check_times(&parsed.claims, now)?;
        if !is_access_token(&parsed, &settings.client_id) {
            return Err(OidcError::InvalidToken(TokenFault::Kind));
        }
        VerifiedToken::new(settings, parsed.claims)
    }

    /// The claims of an ID token made for this client at the time `now`. Nonce and hash are left to the caller.
    pub(crate) async fn verify_id_token<'t>(
        &self,
        token: &'t str,
        now: DateTime<Utc>,
    ) -> Result<Parsed<'t>, OidcError> {
        let parsed = token::parse(token)?;
        self.verify_origin(&parsed, now).await?;
        let claims = &parsed.claims;
        let client_id = self.0.settings.client_id.as_str();
        let authorized = claims.get("azp").map(|party| party == client_id);
        // OpenID Connect Core 3.1.3.7: for several audiences, the token must say for which client it was made.
        let for_us = audiences(claims).any(|audience| audience == client_id)
            && authorized.unwrap_or_else(|| audiences(claims).count() == 1);
        if !for_us {
            return Err(OidcError::InvalidToken(TokenFault::Audience));
        }
        if !claims.contains_key("iat") {
            return Err(OidcError::InvalidToken(TokenFault::Malformed));
        }
        check_times(claims, now)?;
        if !["", "jwt"].contains(&parsed.kind.as_str()) {
            return Err(OidcError::InvalidToken(TokenFault::Kind));
        }
        Ok(parsed)
    }

    pub(crate) async fn metadata(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, OidcError> {
        let mut cache = self.0.metadata.lock().await;
        cache.get(&self.0.http, &self.0.settings.issuer, now).await
    }

    /// Issuer, then signature.
    async fn verify_origin(&self, token: &Parsed<'_>, now: DateTime<Utc>) -> Result<(), OidcError> {
        if token.claims.get("iss").and_then(Value::as_str) != Some(&self.0.settings.issuer) {
            return Err(OidcError::InvalidToken(TokenFault::Issuer));
        }
        let (keys, seen) = self.keys(now).await?;
        let refused = match keys.verify(token) {
            Err(error @ OidcError::InvalidToken(TokenFault::UnknownKey | TokenFault::Signature)) => error,
            other => return other,
        };
        // A signature that does not hold may be that of a new key too: some providers give it an old id.
        let _ = self.fetch_keys(seen, Why::UnknownKey, now).await;
        let newer = self.0.keys.current(now).keys.filter(|newer| !Arc::ptr_eq(newer, &keys));
        newer.map_or(Err(refused), |newer| newer.verify(token))
    }

    /// Keys to verify with, and the count of fetches for [`KeyCache::may_fetch`].
    async fn keys(&self, now: DateTime<Utc>) -> Result<(Arc<KeySet>, u64), OidcError> {
        let current = self.0.keys.current(now);
        match current.age {
            Age::Fresh => {}
            Age::Ageing => drop(self.start_fetch(current.fetches, Why::Old, now)),
            // The old keys do when this fails; the failure is in the log.
            Age::Old => drop(self.fetch_keys(current.fetches, Why::Old, now).await),
            Age::Missing => self.fetch_keys(current.fetches, Why::Missing, now).await?,
        }
        let current = self.0.keys.current(now);
        current.keys.map(|keys| (keys, current.fetches)).ok_or_else(|| self.0.http.unavailable())
    }

    /// Fetches keys if that is allowed now, or waits for the fetch that is under way.
    async fn fetch_keys(&self, seen: u64, why: Why, now: DateTime<Utc>) -> Result<(), OidcError> {
        match self.start_fetch(seen, why, now) {
            Fetch::Begun(task) => task.await.unwrap_or_else(|_| Err(self.0.http.unavailable())),
            Fetch::UnderWay => {
                drop(self.0.fetching.lock().await);
                Ok(())
            }
            Fetch::NotNow => Ok(()),
        }
    }

    /// In a task of its own: a client that hangs up must not end the fetch that others wait for, and that is not allowed
    /// again for a minute.
    fn start_fetch(&self, seen: u64, why: Why, now: DateTime<Utc>) -> Fetch {
        let Ok(guard) = Arc::clone(&self.0.fetching).try_lock_owned() else { return Fetch::UnderWay };
        if !self.0.keys.may_fetch(seen, why, now) {
            return Fetch::NotNow;
        }
        let provider = self.clone();
        Fetch::Begun(self.0.tasks.spawn(async move {
            let fetched = provider.fetch(now).await;
            if let Err(error) = &fetched {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                tracing::warn!(%error, cause, ?why, "the identity provider's keys cannot be fetched");
            }
            drop(guard);
            fetched
        }))
    }

    async fn fetch(&self, now: DateTime<Utc>) -> Result<(), OidcError> {
        let metadata = self.metadata(now).await?;
        let json = self.0.http.get(&metadata.jwks, None).await?;
        let keys = KeySet::read(&json).ok_or_else(|| self.0.http.bad_answer("no key set with a key for signatures"))?;
        self.0.keys.keep(keys, now);
        Ok(())
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

enum Fetch {
    Begun(JoinHandle<Result<(), OidcError>>),
    UnderWay,
    NotNow,
}

/// Whether it is no ID token, as far as that can be told. An ID token is always made for the client, so a token that is
/// not made for it cannot be one.
fn is_access_token(token: &Parsed<'_>, client_id: &str) -> bool {
    // RFC 9068.
    if token.kind == "at+jwt" {
        return true;
    }
    let claims: &Map<String, Value> = &token.claims;
    let plain = ["", "jwt"].contains(&token.kind.as_str());
    // How Keycloak and Cognito mark it.
    let says_so = claims.get("typ").is_some_and(|kind| kind == "ID")
        || claims.get("token_use").is_some_and(|usage| usage == "id");
    let for_client = audiences(claims).any(|audience| audience == client_id);
    plain && !says_so && !(for_client && ID_TOKEN_MARKS.iter().any(|mark| claims.contains_key(*mark)))
}
