use std::{fmt, net::IpAddr, sync::Arc};

use chrono::Duration;
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_auth::{
    AttemptKeys, CsrfKey, DevTokenVerifier, FieldCipher, NoteKey, PasswordHasher, RefreshTokens, Revocations,
    TokenIssuer, TokenRules, TokenVerifier, VerifiedCache, second_factor::RecoveryCodes,
};
use millwright_core::{
    Principal, Sources,
    audit::AuditRecord,
    id::{TenantId, UserId},
};
use millwright_oidc::Providers;
use millwright_store::Store;
use tokio::sync::Semaphore;

use crate::IdentityError;

/// Credentials remembered as checked. An entry has about 200 bytes.
const REMEMBERED: u64 = 50_000;

/// Passwords looked at or waiting at the same time: half a minute of work.
const HASH_QUEUE: usize = 128;

/// How long sessions last.
#[derive(Debug, Clone)]
pub struct SessionRules {
    /// Of an access token: after that it is refreshed.
    pub access: Duration,
    /// From sign-in to the end at the latest.
    pub longest: Duration,
}

/// What [`Identity`] is made of.
pub struct IdentityParts {
    /// The database.
    pub store: Store,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// Proves changes.
    pub audit_key: Arc<AuditKey>,
    /// The server's secret, at least 32 bytes.
    pub secret_key: Vec<u8>,
    /// How long sessions last.
    pub rules: SessionRules,
    /// Identity providers; empty for none.
    pub providers: Providers,
    /// For development only: the secret of HS256 tokens and the audience they may name.
    pub dev_tokens: Option<DevTokenVerifier>,
    /// The address at which people reach the service, without a slash at the end.
    pub public_url: String,
}

/// Signing in and staying signed in.
pub struct Identity {
    pub(crate) store: Store,
    pub(crate) sources: Sources,
    pub(crate) audit_key: Arc<AuditKey>,
    pub(crate) rules: SessionRules,
    pub(crate) providers: Providers,
    pub(crate) dev_tokens: Option<DevTokenVerifier>,
    pub(crate) public_url: String,

    pub(crate) issuer: TokenIssuer,
    pub(crate) verifier: TokenVerifier,
    pub(crate) refresh: RefreshTokens,
    pub(crate) csrf: CsrfKey,
    pub(crate) attempts: AttemptKeys,
    pub(crate) cipher: FieldCipher,
    pub(crate) recovery: RecoveryCodes,
    pub(crate) challenges: NoteKey,
    pub(crate) proofs: NoteKey,
    pub(crate) hasher: Arc<PasswordHasher>,
    /// Hashes at the same time: each takes a core and 19 MiB, on purpose. Two leave the rest to those signed in already.
    pub(crate) hash_places: Arc<Semaphore>,
    /// Those that wait for a place, and those that have one.
    pub(crate) hash_queue: Semaphore,
    pub(crate) verified: VerifiedCache,
    pub(crate) revocations: Arc<Revocations>,
}

/// Where a request came from.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address, behind trusted proxies.
    pub address: Option<IpAddr>,
    /// What the browser calls itself, cut to a sane length.
    pub user_agent: Option<String>,
    /// The cookie that says that this device signed in before.
    pub device: Option<String>,
    /// The request's trace id.
    pub trace_id: String,
}

impl Identity {
    /// Derives every key and prepares what is remembered.
    pub fn new(parts: IdentityParts) -> Result<Self, IdentityError> {
        let key = parts.secret_key.as_slice();
        let rules = TokenRules::own(parts.rules.access);
        Ok(Self {
            issuer: TokenIssuer::new(key, rules.clone())?,
            verifier: TokenVerifier::new(key, &rules)?,
            refresh: RefreshTokens::new(key)?,
            csrf: CsrfKey::new(key)?,
            attempts: AttemptKeys::new(key)?,
            cipher: FieldCipher::new(key)?,
            recovery: RecoveryCodes::new(key)?,
            challenges: NoteKey::new(key, "sign-in challenge")?,
            proofs: NoteKey::new(key, "step-up proof")?,
            hasher: Arc::new(PasswordHasher::new(&parts.sources)?),
            hash_places: Arc::new(Semaphore::new(2)),
            hash_queue: Semaphore::new(HASH_QUEUE),
            verified: VerifiedCache::new(REMEMBERED),
            revocations: Arc::new(Revocations::default()),
            store: parts.store,
            sources: parts.sources,
            audit_key: parts.audit_key,
            rules: parts.rules,
            providers: parts.providers,
            dev_tokens: parts.dev_tokens,
            public_url: parts.public_url,
        })
    }

    /// What this process knows about revocations, for its follower.
    pub fn revocations(&self) -> Arc<Revocations> {
        Arc::clone(&self.revocations)
    }

    /// How long sessions last.
    pub fn rules(&self) -> &SessionRules {
        &self.rules
    }

    /// The address at which people reach the service.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// An entry for the log of a tenant.
    pub(crate) fn entry(
        &self,
        tenant: TenantId,
        actor: Actor,
        action: AuditAction,
        resource: impl fmt::Display,
        client: &Client,
        details: &[(&str, serde_json::Value)],
    ) -> Result<AuditRecord, IdentityError> {
        let mut event = AuditEvent::new(&self.sources, tenant, actor, action, resource);
        if !client.trace_id.is_empty() {
            event = event.trace(&client.trace_id);
        }
        let event = details.iter().fold(event, |event, (name, value)| event.detail(name, value.clone()));
        Ok(self.audit_key.authenticate(&event)?)
    }

    /// The same for what a user does to themselves or to something of theirs.
    pub(crate) fn own_entry(
        &self,
        principal: &Principal,
        action: AuditAction,
        resource: impl fmt::Display,
        client: &Client,
    ) -> Result<AuditRecord, IdentityError> {
        self.entry(principal.tenant_id(), Actor::User(principal.user_id), action, resource, client, &[])
    }

    /// Hashes off the async threads, a few at a time.
    pub(crate) async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PasswordHasher, &Sources) -> Result<T, millwright_auth::AuthError> + Send + 'static,
    ) -> Result<T, IdentityError> {
        // Whoever waits holds a password and a connection: beyond this many it is an attack or an outage.
        let _waiting = self.hash_queue.try_acquire().map_err(|_| IdentityError::Busy)?;
        let place = Arc::clone(&self.hash_places).acquire_owned().await.map_err(|_| IdentityError::Worker)?;
        let (hasher, sources) = (Arc::clone(&self.hasher), self.sources.clone());
        let done = tokio::task::spawn_blocking(move || {
            // Until the work is done, not until the client hangs up: that does not end the work.
            let _place = place;
            work(&hasher, &sources)
        })
        .await;
        Ok(done.map_err(|_| IdentityError::Worker)??)
    }
}

/// The place of a second factor's secret, to which its encryption is bound.
pub(crate) fn totp_place(tenant: TenantId, user: UserId) -> String {
    format!("second factor of {tenant} {user}")
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
