use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millwright_audit::{Actor, AuditAction};
use millwright_auth::{AuthError, DevClaims};
use millwright_core::{ErrorCode, Role, TenantScope, ToProblem, audit::AuditRecord, id::UserId};
use millwright_oidc::{LoginCallback, OidcError, PendingLogin, Provider, Secret, VerifiedToken};
use millwright_store::{
    Proof, StoreError, TenantTx,
    system::{AccountRow, SessionAccount},
    tenant::{NewUser, SessionEnd, SignInMethod, Transport, UserChange, UserKind},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Client, Identity, IdentityError, SignIn, session::Begin};

/// The provider's name for users of development tokens.
const DEV_PROVIDER: &str = "dev";
/// Words of `amr` (RFC 8176) that say that a second factor was shown.
const SECOND_FACTORS: &[&str] = &["mfa", "otp", "hwk"];
/// Bytes of a provider's tokens that fit into a cookie together with the rest of a challenge, in base 64 of base 64.
const MOST_IN_A_CHALLENGE: usize = 1800;
/// The place of a login under way, to which its encryption is bound.
const PENDING: &str = "pending login";

/// A provider as the sign-in page shows it.
#[derive(Debug, Clone)]
pub struct ProviderName {
    /// For the address.
    pub id: String,
    /// For people.
    pub name: String,
}

/// A login that begins.
pub struct LoginStarted {
    /// Where the browser goes.
    pub url: String,
    /// What the browser keeps in a cookie until it comes back; encrypted.
    pub pending: String,
}

/// Where a login comes back to.
#[derive(Serialize, Deserialize)]
struct Pending {
    login: PendingLogin,
    return_to: String,
}

/// The provider's tokens of a session.
#[derive(Serialize, Deserialize)]
struct ProviderTokens {
    refresh: Option<String>,
    id_token: Option<String>,
}

/// What a provider said at a refresh.
pub(crate) struct Renewed {
    /// Absent when it could not be learnt this time.
    pub(crate) role: Option<Role>,
    pub(crate) tokens: Vec<u8>,
}

/// Who somebody is in the words of whoever made their token.
pub(crate) struct Claims {
    pub(crate) provider: String,
    pub(crate) subject: String,
    pub(crate) tenant: String,
    pub(crate) role: Role,
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
}

impl Claims {
    pub(crate) fn of_token(token: &VerifiedToken) -> Result<Self, IdentityError> {
        Ok(Self {
            provider: token.provider.clone(),
            subject: token.subject.clone(),
            tenant: token.tenant.clone(),
            role: token.role.ok_or(IdentityError::Unmapped("a role that is"))?,
            email: token.email.as_deref().and_then(address),
            email_verified: token.email_verified,
            name: token.name.clone(),
        })
    }

    pub(crate) fn of_dev_token(said: DevClaims) -> Self {
        Self {
            provider: DEV_PROVIDER.to_owned(),
            subject: said.sub,
            tenant: said.tenant_id,
            role: said.role,
            email: said.email.as_deref().and_then(address),
            email_verified: false,
            name: said.name,
        }
    }

    /// The user that a development token names by its own id.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        (self.provider == DEV_PROVIDER).then(|| self.subject.parse().ok()).flatten()
    }
}

/// The address as it is kept, if it is one.
fn address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (plain && text.contains('@') && text.len() <= 320).then_some(text)
}

impl Identity {
    /// Providers to sign in at.
    pub fn login_providers(&self) -> Vec<ProviderName> {
        let logins = self.providers.iter().map(Provider::settings).filter(|settings| settings.login);
        logins.map(|settings| ProviderName { id: settings.id.clone(), name: settings.name.clone() }).collect()
    }

    fn redirect_uri(&self) -> String {
        format!("{}/api/v1/auth/oidc/callback", self.public_url)
    }

    /// Begins a login at a provider.
    pub async fn begin_login(&self, provider: &str, return_to: &str) -> Result<LoginStarted, IdentityError> {
        let provider = self.providers.by_id(provider).filter(|provider| provider.settings().login);
        let provider = provider.ok_or(IdentityError::UnknownProvider)?;
        let begun = provider.begin_login(&self.sources, &self.redirect_uri(), None).await?;
        let pending = Pending { login: begun.pending, return_to: return_to.to_owned() };
        let plain = serde_json::to_vec(&pending).map_err(|_| AuthError::Sealed)?;
        let sealed = self.cipher.seal(&self.sources, PENDING, &plain)?;
        Ok(LoginStarted { url: begun.url.to_string(), pending: URL_SAFE_NO_PAD.encode(sealed) })
    }

    /// The browser came back from a provider. Returns what came of it and where the browser wanted to go.
    pub async fn finish_login(
        &self,
        pending: &str,
        callback: &LoginCallback,
        client: &Client,
    ) -> Result<(SignIn, String), IdentityError> {
        let sealed = URL_SAFE_NO_PAD.decode(pending).map_err(|_| AuthError::Revoked)?;
        let plain = self.cipher.open(PENDING, &sealed).map_err(|_| AuthError::Revoked)?;
        let pending: Pending = serde_json::from_slice(&plain).map_err(|_| AuthError::Revoked)?;
        let provider = self.providers.by_id(pending.login.provider()).ok_or(IdentityError::UnknownProvider)?;
        let logged_in = provider.finish_login(&pending.login, callback, self.sources.now()).await?;
        let claims = Claims::of_token(&logged_in.identity)?;
        let mut account = self.account_of(&claims, client).await?;
        if account.role != claims.role {
            let mut tx = self.store.tenant(&account.scope).begin().await?;
            let entry = self.synchronise_role(&mut tx, &mut account, claims.role, client).await?;
            tx.commit(Proof::Entry(&entry)).await?;
        }
        let second_factor = logged_in.identity.amr.iter().any(|word| SECOND_FACTORS.contains(&word.as_str()));
        let tokens = ProviderTokens {
            refresh: logged_in.refresh_token.map(|token| token.expose().to_owned()),
            id_token: Some(logged_in.id_token.expose().to_owned()),
        };
        let challenged = account.second_factor_secret.is_some() && !second_factor;
        let tokens =
            self.seal_tokens_within(&account, tokens, if challenged { MOST_IN_A_CHALLENGE } else { usize::MAX })?;
        let begin = Begin {
            transport: Transport::Cookie,
            method: SignInMethod::Oidc,
            provider: Some(claims.provider.clone()),
            second_factor,
            provider_tokens: Some(tokens),
        };
        Ok((self.after_first_factor(account, begin, client).await?, pending.return_to))
    }

    /// The tokens within so many bytes, if need be without the ID token, which is only a hint for signing out. Without the
    /// refresh token a role would never follow the provider's.
    fn seal_tokens_within(
        &self,
        account: &AccountRow,
        mut tokens: ProviderTokens,
        most: usize,
    ) -> Result<Vec<u8>, IdentityError> {
        let sealed = self.seal_tokens(account, &tokens)?;
        if sealed.len() <= most {
            return Ok(sealed);
        }
        tokens.id_token = None;
        let sealed = self.seal_tokens(account, &tokens)?;
        if sealed.len() <= most {
            return Ok(sealed);
        }
        tracing::error!(bytes = sealed.len(), most, "a provider's refresh token is too long for a second factor here");
        Err(AuthError::Sealed.into())
    }

    fn seal_tokens(&self, account: &AccountRow, tokens: &ProviderTokens) -> Result<Vec<u8>, IdentityError> {
        let plain = serde_json::to_vec(tokens).map_err(|_| AuthError::Sealed)?;
        Ok(self.cipher.seal(&self.sources, &tokens_place(account), &plain)?)
    }

    fn open_tokens(&self, session: &SessionAccount) -> Result<Option<ProviderTokens>, IdentityError> {
        let Some(sealed) = &session.provider_tokens else { return Ok(None) };
        let plain = self.cipher.open(&tokens_place(&session.account), sealed)?;
        Ok(serde_json::from_slice(&plain).ok())
    }

    /// Renews a session at its provider where it gave a token for that: what it says now about the role holds from now
    /// on, and when it refuses, the session ends. A provider that cannot be reached refuses nothing and renews nothing.
    pub(crate) async fn renew_at_provider(
        &self,
        session: &SessionAccount,
        client: &Client,
    ) -> Result<Option<Renewed>, IdentityError> {
        let Some(provider) = &session.provider else { return Ok(None) };
        // Whoever took it out of the settings believes it no longer.
        let Some(provider) = self.providers.by_id(provider) else {
            return Err(self.end_refused(session, client).await);
        };
        let Some(ProviderTokens { refresh: Some(refresh), id_token }) = self.open_tokens(session)? else {
            return Ok(None);
        };
        let mut tx = self.store.tenant(&session.account.scope).read().await?;
        let subject = tx.users().subject_at(session.account.user_id, &provider.settings().id).await?;
        drop(tx);
        let subject = subject.ok_or(AuthError::Revoked)?;
        let renewed = provider.refresh(&Secret::new(refresh), &subject, self.sources.now()).await;
        let refreshed = match renewed {
            Ok(refreshed) => refreshed,
            Err(OidcError::GrantRefused { .. }) => return Err(self.end_refused(session, client).await),
            Err(error) => return Err(error.into()),
        };
        let role = match &refreshed.identity {
            Ok(identity) => match Claims::of_token(identity) {
                Ok(claims) if self.is_tenant_of(&claims, session).await? => Some(claims.role),
                _ => return Err(self.end_refused(session, client).await),
            },
            // The grant was accepted and the token renewed: what the person is now, the next refresh will tell.
            Err(error) if error.problem().code == ErrorCode::UpstreamUnavailable => None,
            Err(_) => return Err(self.end_refused(session, client).await),
        };
        let tokens = ProviderTokens {
            refresh: Some(refreshed.refresh_token.expose().to_owned()),
            id_token: refreshed.id_token.map(|token| token.expose().to_owned()).or(id_token),
        };
        Ok(Some(Renewed { role, tokens: self.seal_tokens(&session.account, &tokens)? }))
    }

    /// Whether the provider still counts the person to the session's tenant: what they are elsewhere they are not here.
    async fn is_tenant_of(&self, claims: &Claims, session: &SessionAccount) -> Result<bool, IdentityError> {
        let mut tx = self.store.system().await?;
        let tenant = tx.tenants().find_by_claim(&claims.tenant).await?;
        Ok(tenant.is_some_and(|tenant| tenant.scope == session.account.scope))
    }

    async fn end_refused(&self, session: &SessionAccount, client: &Client) -> IdentityError {
        match self.write_refusal(session, client).await {
            Ok(()) => AuthError::Revoked.into(),
            Err(error) => error,
        }
    }

    async fn write_refusal(&self, session: &SessionAccount, client: &Client) -> Result<(), IdentityError> {
        let mut tx = self.store.tenant(&session.account.scope).begin().await?;
        let user = session.account.user_id;
        tx.sessions().end(user, session.id, SessionEnd::RefusedByProvider, self.sources.now()).await?;
        let entry = self.entry(
            session.account.scope.tenant_id(),
            Actor::System("sign-in"),
            AuditAction::SessionRefused,
            session.id,
            client,
            &[("user", json!(user))],
        )?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(())
    }

    /// Where to sign out at the session's provider.
    pub(crate) async fn end_session_url(&self, session: &SessionAccount) -> Option<String> {
        let provider = self.providers.by_id(session.provider.as_deref()?)?;
        let tokens = self.open_tokens(session).ok()??;
        let back = format!("{}/sign-in", self.public_url);
        let hint = tokens.id_token.map(Secret::new);
        let now = self.sources.now();
        if let Some(refresh) = tokens.refresh.map(Secret::new)
            && let Err(error) = provider.revoke(&refresh, now).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "a provider's token could not be revoked");
        }
        provider.end_session_url(hint.as_ref(), &back, now).await.map(|url| url.to_string())
    }

    /// Gives the user the role that the provider says, and the account row what follows from it.
    pub(crate) async fn synchronise_role(
        &self,
        tx: &mut TenantTx,
        account: &mut AccountRow,
        role: Role,
        client: &Client,
    ) -> Result<AuditRecord, IdentityError> {
        let change = UserChange { role: Some(role), ..UserChange::default() };
        tx.users().change(account.user_id, &change).await?;
        let entry = self.entry(
            account.scope.tenant_id(),
            Actor::System("sign-in"),
            AuditAction::UserRoleSynchronised,
            account.user_id,
            client,
            &[("from", json!(account.role)), ("to", json!(role))],
        )?;
        let user = tx.users().require(account.user_id).await?;
        account.role = role;
        account.access_version = user.access_version;
        account.second_factor_required = user.second_factor_required;
        Ok(entry)
    }

    /// Makes the user of a first token, or binds the one that an admin invited with that address.
    pub(crate) async fn provision(
        &self,
        tenant: TenantScope,
        claims: &Claims,
        client: &Client,
    ) -> Result<AccountRow, IdentityError> {
        let mut system = self.store.system().await?;
        let same_address = match &claims.email {
            Some(email) => system.accounts().find_in_tenant(tenant.tenant_id(), email).await?,
            None => None,
        };
        drop(system);
        let now = self.sources.now();
        let mut tx = self.store.tenant(&tenant).begin().await?;
        let (user, action) = match same_address {
            // Only who has never signed in, and only at the provider's word that the address is theirs: anything else
            // would hand an account to whoever can name its address.
            Some((account, false)) if account.password_hash.is_none() && claims.email_verified => {
                // The provider answers for the person from now on; an invitation that still lies about does not.
                tx.security().end_password_links(account.user_id, now).await?;
                (account.user_id, AuditAction::UserLinked)
            }
            // Unless it is the same person, made by another request a moment ago.
            Some(_) => return self.provisioned_meanwhile(tx, tenant, claims).await,
            None => {
                let name = claims.name.as_deref().or(claims.email.as_deref()).unwrap_or(&claims.subject);
                let user = NewUser {
                    id: self.sources.new_id(),
                    kind: UserKind::Person,
                    email: claims.email.clone(),
                    display_name: name.chars().filter(|c| !c.is_control()).take(120).collect(),
                    role: claims.role,
                    password_hash: None,
                    local: false,
                    created_at: now,
                };
                match tx.users().insert(&user).await {
                    Ok(()) => {}
                    Err(StoreError::Duplicate(_)) => return self.provisioned_meanwhile(tx, tenant, claims).await,
                    Err(error) => return Err(error.into()),
                }
                (user.id, AuditAction::UserProvisioned)
            }
        };
        match tx.users().add_identity(user, &claims.provider, &claims.subject, now).await {
            Ok(()) => {}
            Err(StoreError::Duplicate(_)) => return self.provisioned_meanwhile(tx, tenant, claims).await,
            Err(error) => return Err(error.into()),
        }
        let entry = self.entry(
            tenant.tenant_id(),
            Actor::System("sign-in"),
            action,
            user,
            client,
            &[("provider", json!(claims.provider)), ("role", json!(claims.role))],
        )?;
        tx.commit(Proof::Entry(&entry)).await?;
        let mut system = self.store.system().await?;
        let account = system.accounts().find(tenant.tenant_id(), user).await?;
        Ok(account.ok_or(StoreError::NotFound("user"))?)
    }

    /// Another request of the same person was faster, or another person has the address.
    async fn provisioned_meanwhile(
        &self,
        tx: TenantTx,
        tenant: TenantScope,
        claims: &Claims,
    ) -> Result<AccountRow, IdentityError> {
        drop(tx);
        let mut system = self.store.system().await?;
        let account = system.accounts().find_by_identity(tenant.tenant_id(), &claims.provider, &claims.subject).await?;
        account.ok_or(IdentityError::NotLinked)
    }
}

fn tokens_place(account: &AccountRow) -> String {
    format!("provider tokens of {} {}", account.scope.tenant_id(), account.user_id)
}
