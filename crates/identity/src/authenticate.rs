use chrono::{DateTime, Duration, Utc};
use millwright_auth::{AuthError, DEV_ISSUER, Standing, TokenFault, TokenRules, Verified, api_key, claimed_issuer};
use millwright_core::{Credential, Permission, Permissions, Principal, Role, TenantScope, id::UserId};
use millwright_store::{
    system::{AccountRow, Credential as StoredCredential},
    tenant::UserKind,
};

use crate::{Client, Identity, IdentityError, provider::Claims};

/// How long a key's row, or a provider's token, is remembered before it is looked at again.
const REMEMBERED_SECONDS: i64 = 60;

/// A credential as it came with a request.
#[derive(Clone, Copy)]
pub enum Presented<'r> {
    /// In the `Authorization` header.
    Bearer(&'r str),
    /// In a cookie.
    Cookie {
        /// The access token.
        access: &'r str,
        /// The header that our own pages send.
        csrf: Option<&'r str>,
        /// Whether the request may change something, so that the header is needed.
        changes: bool,
    },
}

impl<'r> Presented<'r> {
    fn text(self) -> &'r str {
        match self {
            Presented::Bearer(text) | Presented::Cookie { access: text, .. } => text,
        }
    }
}

impl Identity {
    /// Who sent the request. Signature and rows are looked at once; revocation is asked for each time.
    pub async fn authenticate(&self, presented: Presented<'_>, client: &Client) -> Result<Verified, IdentityError> {
        let now = self.sources.now();
        let of_cookie = matches!(presented, Presented::Cookie { .. });
        let known = self.verified.get(presented.text(), now);
        // A key that was seen in the header is no cookie.
        let known = known.filter(|known| !of_cookie || known.principal.session_id().is_some());
        let (verified, remembered) = match known {
            Some(verified) => (verified, true),
            None => (self.verify(presented, client, now).await?, false),
        };
        if let Presented::Cookie { csrf, changes, .. } = presented {
            // Only what a sign-in here has put there.
            let session = verified.principal.session_id().ok_or(AuthError::Revoked)?;
            if changes && !csrf.is_some_and(|value| self.csrf.fits(session, value)) {
                return Err(IdentityError::CsrfRejected);
            }
        }
        if self.holds(&verified, now).await? {
            return Ok(verified);
        }
        // What a session's token says stands in the token. A key or a provider's token is looked up anew: its user may
        // have another role since, which ends nothing.
        if remembered && verified.principal.session_id().is_none() {
            self.verified.forget(presented.text());
            let verified = self.verify(presented, client, now).await?;
            if self.holds(&verified, now).await? {
                return Ok(verified);
            }
        }
        Err(AuthError::Revoked.into())
    }

    async fn verify(
        &self,
        presented: Presented<'_>,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<Verified, IdentityError> {
        let verified = match presented {
            Presented::Bearer(text) => self.verify_bearer(text, client, now).await?,
            Presented::Cookie { access, .. } => self.verifier.verify(access, now)?,
        };
        self.verified.insert(presented.text(), verified);
        Ok(verified)
    }

    /// Whether this credential was checked before, so that checking it again costs no I/O.
    pub fn is_remembered(&self, presented: Presented<'_>) -> bool {
        self.verified.get(presented.text(), self.sources.now()).is_some()
    }

    /// Whether a credential that was checked has not been revoked since; for streams, which outlive their request. That it
    /// has expired meanwhile does not end a stream.
    pub async fn still_holds(&self, verified: &Verified) -> Result<bool, IdentityError> {
        self.holds(verified, self.sources.now()).await
    }

    async fn holds(&self, verified: &Verified, now: DateTime<Utc>) -> Result<bool, IdentityError> {
        match self.revocations.standing(verified, now) {
            Standing::Good => Ok(true),
            Standing::Revoked => Ok(false),
            Standing::Unknown => {
                let principal = &verified.principal;
                let api_key = match principal.credential {
                    Credential::ApiKey(id) => Some(id),
                    Credential::Session(_) | Credential::Token => None,
                };
                let credential = StoredCredential {
                    tenant: principal.tenant_id(),
                    user: principal.user_id,
                    session: principal.session_id(),
                    api_key,
                    access_version: verified.access_version,
                };
                let mut tx = self.store.system().await?;
                Ok(tx.access().holds(&credential).await?)
            }
        }
    }

    async fn verify_bearer(&self, text: &str, client: &Client, now: DateTime<Utc>) -> Result<Verified, IdentityError> {
        if api_key::is_api_key(text) {
            return self.verify_api_key(text, now).await;
        }
        if let Some(provider) = self.providers.of_token(text) {
            let token = provider.verify_access_token(text, now).await?;
            let expires_at = token.expires_at;
            let claims = Claims::of_token(&token)?;
            let account = self.account_of(&claims, client).await?;
            return Ok(remembered(&account, claims.role, expires_at, now));
        }
        let own = TokenRules::own(self.rules.access).issuer;
        if let Some(dev_tokens) = &self.dev_tokens
            && claimed_issuer(text).is_none_or(|issuer| issuer == DEV_ISSUER || issuer != own)
        {
            let said = dev_tokens.verify(text, now)?;
            let expires_at =
                DateTime::from_timestamp(said.exp, 0).ok_or(AuthError::InvalidToken(TokenFault::Malformed))?;
            let claims = Claims::of_dev_token(said);
            let account = self.account_of(&claims, client).await?;
            return Ok(remembered(&account, claims.role, expires_at, now));
        }
        Ok(self.verifier.verify(text, now)?)
    }

    async fn verify_api_key(&self, text: &str, now: DateTime<Utc>) -> Result<Verified, IdentityError> {
        let mut tx = self.store.system().await?;
        let key = tx.accounts().find_api_key(&api_key::hash(text)).await?;
        let key = key
            .filter(|key| key.revoked_at.is_none() && key.expires_at > now && key.account.may_act())
            .ok_or(AuthError::Revoked)?;
        let (tenant, id) = (key.account.scope.tenant_id(), key.id);
        tx.accounts().api_key_used(tenant, id, now).await?;
        tx.commit().await?;
        let scopes: Permissions = key.scopes.iter().filter_map(|scope| scope.parse::<Permission>().ok()).collect();
        let AccountRow { user_id, scope, role, access_version, kind, .. } = key.account;
        let mut principal = Principal::new(user_id, scope, role, Credential::ApiKey(id));
        // What an admin gave a service account beyond its role only reads. Everything else ends with the role.
        let beyond = if kind == UserKind::Service { Permissions::tenant_wide_reads() } else { Permissions::NONE };
        principal.permissions = scopes.intersection(role.permissions().union(beyond));
        let expires_at = key.expires_at.min(now + Duration::seconds(REMEMBERED_SECONDS));
        Ok(Verified { principal, access_version, expires_at })
    }

    /// The account behind a provider's claims, made now if it is the first time.
    pub(crate) async fn account_of(&self, claims: &Claims, client: &Client) -> Result<AccountRow, IdentityError> {
        let mut tx = self.store.system().await?;
        let tenant = tx.tenants().find_by_claim(&claims.tenant).await?;
        let tenant = tenant.ok_or(IdentityError::Unmapped("a tenant that is"))?;
        if tenant.suspended {
            return Err(AuthError::Revoked.into());
        }
        let tenant = tenant.scope;
        let known = match claims.user_id() {
            Some(user) => tx.accounts().find(tenant.tenant_id(), user).await?,
            None => None,
        };
        let known = match known {
            Some(account) => Some(account),
            None => tx.accounts().find_by_identity(tenant.tenant_id(), &claims.provider, &claims.subject).await?,
        };
        drop(tx);
        let account = match known {
            Some(account) => account,
            None => self.provision(tenant, claims, client).await?,
        };
        if account.may_act() { Ok(account) } else { Err(AuthError::Revoked.into()) }
    }
}

fn remembered(account: &AccountRow, role: Role, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Verified {
    let (user, scope): (UserId, TenantScope) = (account.user_id, account.scope);
    Verified {
        principal: Principal::new(user, scope, role, Credential::Token),
        access_version: account.access_version,
        expires_at: expires_at.min(now + Duration::seconds(REMEMBERED_SECONDS)),
    }
}
