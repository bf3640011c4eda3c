use chrono::{DateTime, Utc};
use millwright_audit::{Actor, AuditAction};
use millwright_auth::{AccessToken, AuthError, Grant, RefreshToken, Revocation};
use millwright_core::{Principal, audit::AuditRecord, id::SessionId};
use millwright_store::{
    Bookkeeping, Proof, StoreError, TenantTx,
    system::{AccountRow, SessionAccount},
    tenant::{NewSession, SessionEnd, SignInMethod, Transport},
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{Client, Identity, IdentityError};

/// What a sign-in or a refresh gives.
pub struct SignedIn {
    /// Who.
    pub account: AccountRow,
    /// The session.
    pub session_id: SessionId,
    /// How its tokens travel.
    pub transport: Transport,
    /// For requests.
    pub access: AccessToken,
    /// For the next access token, once.
    pub refresh: Zeroizing<String>,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// What pages repeat in a header.
    pub csrf: String,
    /// A new cookie for the device, after a sign-in with a password.
    pub device: Option<String>,
    /// Only the profile may be used until a second factor is set up.
    pub restricted: bool,
}

/// How a session begins.
pub(crate) struct Begin {
    pub(crate) transport: Transport,
    pub(crate) method: SignInMethod,
    pub(crate) provider: Option<String>,
    pub(crate) second_factor: bool,
    pub(crate) provider_tokens: Option<Vec<u8>>,
}

/// Whether a session may be renewed: it, its user and its tenant are there, and its way of signing in is still allowed.
fn may_go_on(session: &SessionAccount) -> bool {
    let method = session.method != SignInMethod::Password || session.account.password_sign_in;
    session.alive && session.account.may_act() && method
}

impl Identity {
    /// Begins a session in a transaction that may have done more, and commits it with its entry.
    pub(crate) async fn begin_session(
        &self,
        mut tx: TenantTx,
        account: AccountRow,
        begin: Begin,
        client: &Client,
        more: Option<AuditRecord>,
    ) -> Result<SignedIn, IdentityError> {
        let now = self.sources.now();
        let session = NewSession {
            id: self.sources.new_id(),
            user_id: account.user_id,
            transport: begin.transport,
            method: begin.method,
            provider: begin.provider.clone(),
            second_factor: begin.second_factor,
            provider_tokens: begin.provider_tokens,
            address: client.address.map(|address| address.to_string()),
            user_agent: client.user_agent.clone(),
            created_at: now,
            expires_at: now + self.rules.longest,
        };
        if !tx.users().signed_in(account.user_id, account.sign_in_version, now).await? {
            return Err(AuthError::Revoked.into());
        }
        tx.sessions().insert(&session).await?;
        let entry = self.entry(
            account.scope.tenant_id(),
            Actor::User(account.user_id),
            AuditAction::UserSignedIn,
            account.user_id,
            client,
            &[
                ("session", json!(session.id)),
                ("method", json!(begin.method.as_str())),
                ("provider", json!(begin.provider)),
                ("second_factor", json!(begin.second_factor)),
            ],
        )?;
        let entries: Vec<_> = more.into_iter().chain([entry]).collect();
        tx.commit(Proof::Entries(&entries)).await?;
        let expires_at = session.expires_at;
        self.tokens(account, session.id, begin.transport, begin.second_factor, 1, expires_at)
    }

    fn tokens(
        &self,
        account: AccountRow,
        session_id: SessionId,
        transport: Transport,
        second_factor: bool,
        generation: i32,
        expires_at: DateTime<Utc>,
    ) -> Result<SignedIn, IdentityError> {
        let restricted = account.second_factor_required && !second_factor;
        let tenant_id = account.scope.tenant_id();
        let grant = Grant {
            tenant_id,
            user_id: account.user_id,
            role: account.role,
            session_id,
            access_version: account.access_version,
            restricted,
        };
        Ok(SignedIn {
            access: self.issuer.issue(&self.sources, &grant)?,
            refresh: self.refresh.write(&RefreshToken { tenant_id, session_id, generation }),
            csrf: self.csrf.value(session_id),
            device: None,
            account,
            session_id,
            transport,
            expires_at,
            restricted,
        })
    }

    /// Which session a refresh token belongs to and whether a csrf value fits it; for requests that come with cookies.
    pub fn csrf_fits_refresh(&self, refresh_token: &str, csrf: &str) -> bool {
        self.refresh.read(refresh_token).is_some_and(|token| self.csrf.fits(token.session_id, csrf))
    }

    /// Exchanges a refresh token for the next pair. A token that comes twice ends its session.
    pub async fn refresh(&self, refresh_token: &str, client: &Client) -> Result<SignedIn, IdentityError> {
        let token = self.refresh.read(refresh_token).ok_or(AuthError::Revoked)?;
        let mut tx = self.store.system().await?;
        let session = tx.accounts().find_session(token.tenant_id, token.session_id).await?;
        drop(tx);
        let session = session.filter(may_go_on).ok_or(AuthError::Revoked)?;
        if session.generation != token.generation {
            // Before the provider is asked, which would take its own token for used.
            let tx = self.store.tenant(&session.account.scope).begin().await?;
            return Err(self.end_reused(tx, &session, client).await);
        }
        let renewed = self.renew_at_provider(&session, client).await?;
        let now = self.sources.now();
        let mut tx = self.store.tenant(&session.account.scope).begin().await?;
        if !tx.sessions().rotate(session.id, token.generation, now).await? {
            return Err(self.end_reused(tx, &session, client).await);
        }
        let SessionAccount { mut account, id, transport, second_factor, expires_at, .. } = session;
        let mut entries = Vec::new();
        if let Some(renewed) = renewed {
            tx.sessions().set_provider_tokens(id, &renewed.tokens).await?;
            if let Some(role) = renewed.role.filter(|role| *role != account.role) {
                entries.push(self.synchronise_role(&mut tx, &mut account, role, client).await?);
            }
        }
        if entries.is_empty() {
            tx.commit(Proof::Bookkeeping(Bookkeeping::SessionUse)).await?;
        } else {
            tx.commit(Proof::Entries(&entries)).await?;
        }
        self.tokens(account, id, transport, second_factor, token.generation + 1, expires_at)
    }

    async fn end_reused(&self, mut tx: TenantTx, session: &SessionAccount, client: &Client) -> IdentityError {
        let ended = async {
            let (user, now) = (session.account.user_id, self.sources.now());
            tx.sessions().end(user, session.id, SessionEnd::RefreshReused, now).await?;
            let entry = self.entry(
                session.account.scope.tenant_id(),
                Actor::System("sign-in"),
                AuditAction::SessionReuseDetected,
                session.id,
                client,
                &[("user", json!(user)), ("address", json!(client.address.map(|address| address.to_string())))],
            )?;
            tx.commit(Proof::Entry(&entry)).await?;
            self.forget(Revocation::Session(session.id));
            Ok::<(), IdentityError>(())
        };
        match ended.await {
            // Somebody else was faster.
            Ok(()) | Err(IdentityError::Store(StoreError::NotFound(_))) => AuthError::Revoked.into(),
            Err(error) => error,
        }
    }

    /// Ends the caller's own session. Returns where the browser should go to sign out at the provider too.
    pub async fn sign_out(&self, principal: &Principal, client: &Client) -> Result<Option<String>, IdentityError> {
        let id = principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let mut system = self.store.system().await?;
        let session = system.accounts().find_session(principal.tenant_id(), id).await?;
        drop(system);
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        tx.sessions().end(principal.user_id, id, SessionEnd::SignedOut, self.sources.now()).await?;
        let entry = self.own_entry(principal, AuditAction::SessionSignedOut, id, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        self.forget(Revocation::Session(id));
        // Only now: a provider that takes its time must not keep the session alive.
        Ok(match &session {
            Some(session) => self.end_session_url(session).await,
            None => None,
        })
    }

    /// What was revoked here holds here at once.
    pub fn forget(&self, revoked: Revocation) {
        self.revocations.hear([revoked], self.sources.now(), false);
    }
}
