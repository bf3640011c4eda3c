use chrono::{DateTime, Duration, Utc};
use millwright_audit::AuditAction;
use millwright_auth::{AuthError, Revocation, api_key::NewApiKey};
use millwright_core::{
    ErrorCode, Permission, Principal, Problem,
    id::{ApiKeyId, UserId},
};
use millwright_store::{
    Proof,
    tenant::{NewApiKeyRow, UserKind},
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{Client, Identity, IdentityError};

/// What a key is to be.
pub struct NewApiKeyRequest {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// A key that was just made.
pub struct CreatedApiKey {
    /// The key, shown once.
    pub key: Zeroizing<String>,
    /// What is kept of it.
    pub id: ApiKeyId,
    /// Its readable beginning.
    pub prefix: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Identity {
    /// Makes a key that carries the rights of `owner`, at most those of its scopes. People make their own; an admin makes
    /// them for service accounts, and may give those what only reads over the whole tenant.
    pub async fn create_api_key(
        &self,
        principal: &Principal,
        owner: UserId,
        request: &NewApiKeyRequest,
        client: &Client,
    ) -> Result<Result<CreatedApiKey, Problem>, IdentityError> {
        principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        let user = tx.users().require(owner).await?;
        // A session that may not do something yet, for want of a second factor, must not make a key that may.
        if owner == principal.user_id && principal.permissions != principal.role.permissions() {
            return Err(AuthError::SecondFactorRequired.into());
        }
        let for_service = user.kind == UserKind::Service && principal.permissions.contains(Permission::UsersManage);
        let allowed = |scope: &Permission| {
            scope.is_for_programs()
                && (user.role.permissions().contains(*scope) || (for_service && scope.is_tenant_wide_read()))
        };
        if let Some(scope) = request.scopes.iter().find(|scope| !allowed(scope)) {
            return Ok(Err(Problem::new(ErrorCode::ValidationFailed, "a scope cannot be given to this key")
                .field("scopes", format!("`{scope}` is not among what a program of a {} may do", user.role))));
        }
        let made = NewApiKey::generate(&self.sources);
        let row = NewApiKeyRow {
            id: self.sources.new_id(),
            user_id: owner,
            name: request.name.clone(),
            prefix: made.prefix.clone(),
            hash: made.hash,
            scopes: request.scopes.clone(),
            created_by: principal.user_id,
            created_at: self.sources.now(),
            expires_at: request.expires_at,
        };
        tx.api_keys().insert(&row).await?;
        let entry = self.entry(
            principal.tenant_id(),
            millwright_audit::Actor::User(principal.user_id),
            AuditAction::ApiKeyCreated,
            row.id,
            client,
            &[
                ("owner", json!(owner)),
                ("prefix", json!(row.prefix)),
                ("scopes", json!(row.scopes)),
                ("expires_at", json!(row.expires_at)),
            ],
        )?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(Ok(CreatedApiKey { key: made.key, id: row.id, prefix: row.prefix, created_at: row.created_at }))
    }

    /// Revokes a key of a user.
    pub async fn revoke_api_key(
        &self,
        principal: &Principal,
        owner: UserId,
        key: ApiKeyId,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        tx.api_keys().revoke(owner, key, self.sources.now()).await?;
        let entry = self.own_entry(principal, AuditAction::ApiKeyRevoked, key, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        self.forget(Revocation::ApiKey(key));
        Ok(())
    }

    /// When a key ends that is to work for so many days.
    pub fn in_days(&self, days: u32) -> DateTime<Utc> {
        self.sources.now() + Duration::days(i64::from(days))
    }
}
