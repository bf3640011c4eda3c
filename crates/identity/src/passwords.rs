use chrono::{DateTime, Duration, Utc};
use millwright_audit::{Actor, AuditAction};
use millwright_auth::{AuthError, api_key, passwords};
use millwright_core::{Principal, id::UserId};
use millwright_store::{
    Proof, TenantTx,
    system::AccountRow,
    tenant::{SessionEnd, Transport},
};

use crate::{Client, Identity, IdentityError, SignIn};

/// A link with which a person sets a password.
pub struct PasswordLink {
    /// Shown once, to be handed over.
    pub url: String,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// How long an invitation or a reset may lie in an inbox.
const LINK_DAYS: i64 = 7;

impl Identity {
    /// Makes a link for a user in a transaction that the caller commits with its entry. Earlier links stop working.
    pub async fn password_link(&self, tx: &mut TenantTx, user: UserId) -> Result<PasswordLink, IdentityError> {
        let secret = api_key::random_secret(&self.sources);
        let now = self.sources.now();
        let expires_at = now + Duration::days(LINK_DAYS);
        tx.security().insert_password_link(user, &api_key::hash(&secret), now, expires_at).await?;
        // Behind the `#`, so that it is sent to no server and stands in no log.
        Ok(PasswordLink { url: format!("{}/set-password#token={}", self.public_url, *secret), expires_at })
    }

    /// Sets a password with a link and signs in.
    pub async fn set_password(
        &self,
        link: &str,
        password: String,
        transport: Transport,
        client: &Client,
    ) -> Result<SignIn, IdentityError> {
        let hash = api_key::hash(link);
        let mut system = self.store.system().await?;
        let account = system.accounts().find_by_password_link(&hash).await?;
        drop(system);
        let mut account = account.filter(AccountRow::may_act).ok_or(IdentityError::LinkUsed)?;
        let stored = self.accepted(&account, "password", password).await?;
        let now = self.sources.now();
        let mut tx = self.store.tenant(&account.scope).begin().await?;
        if !tx.security().take_password_link(&hash, now).await? {
            return Err(IdentityError::LinkUsed);
        }
        tx.users().set_password(account.user_id, &stored).await?;
        tx.sessions().end_all(account.user_id, None, SessionEnd::UserChanged, now).await?;
        let entry = self.entry(
            account.scope.tenant_id(),
            Actor::User(account.user_id),
            AuditAction::UserPasswordSet,
            account.user_id,
            client,
            &[],
        )?;
        tx.commit(Proof::Entry(&entry)).await?;
        account.sign_in_version += 1;
        if !account.password_sign_in {
            return Err(AuthError::WrongCredentials.into());
        }
        self.after_password(account, transport, client).await
    }

    /// Changes the caller's own password and ends their other sessions.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: String,
        new: String,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let session = principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let account = self.account(principal).await?;
        let stored = account.password_hash.clone().ok_or(IdentityError::NoPassword)?;
        let key = self.attempts.own_password(principal.user_id);
        self.begin_attempt(&key).await?;
        if !self.hashing(move |hasher, _| hasher.verify(&current, &stored)).await? {
            self.write_failure(&account, "password", client).await?;
            return Err(AuthError::WrongCredentials.into());
        }
        self.forget_failures(&key).await?;
        let stored = self.accepted(&account, "new_password", new).await?;
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        tx.users().set_password(principal.user_id, &stored).await?;
        let now = self.sources.now();
        tx.sessions().end_all(principal.user_id, Some(session), SessionEnd::UserChanged, now).await?;
        let entry = self.own_entry(principal, AuditAction::UserPasswordChanged, principal.user_id, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(())
    }

    /// The hash of a password that is good enough for this user.
    async fn accepted(
        &self,
        account: &AccountRow,
        field: &'static str,
        password: String,
    ) -> Result<String, IdentityError> {
        let known = [
            account.display_name.clone(),
            account.email.clone().unwrap_or_default(),
            account.tenant_name.clone(),
            "millwright".to_owned(),
        ];
        self.hashing(move |hasher, sources| {
            let words: Vec<&str> = known.iter().map(String::as_str).collect();
            match passwords::fault(&password, &words) {
                Some(fault) => Ok(Err(IdentityError::PasswordRefused(field, fault))),
                None => hasher.hash(sources, &password).map(Ok),
            }
        })
        .await?
    }
}
