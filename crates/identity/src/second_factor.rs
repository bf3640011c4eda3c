use chrono::Duration;
use millwright_audit::AuditAction;
use millwright_auth::{
    AuthError, Revocation,
    second_factor::{Enrolment, RecoveryCodes, matching_step},
};
use millwright_core::{
    Principal,
    id::{TenantId, UserId},
};
use millwright_store::{
    Proof, TenantTx,
    system::AccountRow,
    tenant::{SecondFactorState, SessionEnd},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Client, Identity, IdentityError, parts::totp_place};

/// A step-up proof holds so long, seconds.
const PROOF_SECONDS: i64 = 120;

/// That a person showed a fresh code, for one purpose and to be used once.
#[derive(Serialize, Deserialize)]
struct StepUp {
    id: Uuid,
    tenant: TenantId,
    user: UserId,
    purpose: String,
}

impl Identity {
    pub(crate) async fn account(&self, principal: &Principal) -> Result<AccountRow, IdentityError> {
        let mut tx = self.store.system().await?;
        let account = tx.accounts().find(principal.tenant_id(), principal.user_id).await?;
        Ok(account.ok_or(AuthError::Revoked)?)
    }

    pub(crate) fn matching_step(
        &self,
        tenant: TenantId,
        user: UserId,
        secret: &[u8],
        code: &str,
    ) -> Result<Option<i64>, IdentityError> {
        let secret = self.cipher.open(&totp_place(tenant, user), secret)?;
        Ok(matching_step(&secret, code, self.sources.now())?)
    }

    /// Hands out a secret; it counts once a first code has confirmed it.
    pub async fn begin_second_factor(
        &self,
        principal: &Principal,
        client: &Client,
    ) -> Result<Enrolment, IdentityError> {
        principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let account = self.account(principal).await?;
        let name = account.email.as_deref().unwrap_or(&account.display_name);
        let enrolment = Enrolment::begin(&self.sources, name)?;
        let place = totp_place(principal.tenant_id(), principal.user_id);
        let sealed = self.cipher.seal(&self.sources, &place, enrolment.secret.as_ref())?;
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        if !tx.security().begin_second_factor(principal.user_id, &sealed, self.sources.now()).await? {
            return Err(IdentityError::AlreadyEnrolled);
        }
        let entry = self.own_entry(principal, AuditAction::SecondFactorBegun, principal.user_id, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(enrolment)
    }

    /// The first code: from now on the second factor is asked for. Ends the person's other sessions, in which none was
    /// shown, and returns the recovery codes.
    pub async fn confirm_second_factor(
        &self,
        principal: &Principal,
        code: &str,
        client: &Client,
    ) -> Result<Vec<Zeroizing<String>>, IdentityError> {
        let session = principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let mut system = self.store.system().await?;
        let begun = system.accounts().second_factor_begun(principal.tenant_id(), principal.user_id).await?;
        let account = system.accounts().find(principal.tenant_id(), principal.user_id).await?;
        drop(system);
        let account = account.ok_or(AuthError::Revoked)?;
        if account.second_factor_secret.is_some() {
            return Err(IdentityError::AlreadyEnrolled);
        }
        let secret = begun.ok_or(IdentityError::NotEnrolled)?;
        let unconfirmed = AccountRow { second_factor_secret: Some(secret), ..account };
        let mut tx = self.show_code(&unconfirmed, code, client).await?;
        let (user, now) = (principal.user_id, self.sources.now());
        tx.security().confirm_second_factor(user, now).await?;
        tx.users().end_sign_ins(user).await?;
        let codes = self.renew_codes(&mut tx, user).await?;
        tx.sessions().confirm_second_factor(session).await?;
        tx.sessions().end_all(user, Some(session), SessionEnd::UserChanged, now).await?;
        let entry = self.own_entry(principal, AuditAction::SecondFactorEnabled, user, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(codes)
    }

    async fn renew_codes(&self, tx: &mut TenantTx, user: UserId) -> Result<Vec<Zeroizing<String>>, IdentityError> {
        let codes = RecoveryCodes::generate(&self.sources);
        let hashes: Vec<_> = codes.iter().map(|code| self.recovery.hash(user, code)).collect();
        tx.security().set_recovery_codes(user, &hashes).await?;
        Ok(codes)
    }

    /// New recovery codes in place of the old ones, for a proof of the purpose `totp.recovery_codes`.
    pub async fn renew_recovery_codes(
        &self,
        principal: &Principal,
        proof: Option<&str>,
        client: &Client,
    ) -> Result<Vec<Zeroizing<String>>, IdentityError> {
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        if tx.security().second_factor(principal.user_id).await? != SecondFactorState::Confirmed {
            return Err(IdentityError::NotEnrolled);
        }
        self.take_proof(&mut tx, principal, "totp.recovery_codes", proof).await?;
        let codes = self.renew_codes(&mut tx, principal.user_id).await?;
        let entry = self.own_entry(principal, AuditAction::RecoveryCodesRenewed, principal.user_id, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(codes)
    }

    /// Takes the caller's own second factor away, for a proof of the purpose `totp.disable`.
    pub async fn remove_second_factor(
        &self,
        principal: &Principal,
        proof: Option<&str>,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let account = self.account(principal).await?;
        if account.second_factor_secret.is_none() {
            return Err(IdentityError::NotEnrolled);
        }
        if account.second_factor_required {
            return Err(IdentityError::SecondFactorNeeded);
        }
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        self.take_proof(&mut tx, principal, "totp.disable", proof).await?;
        tx.security().remove_second_factor(principal.user_id).await?;
        tx.users().end_sign_ins(principal.user_id).await?;
        let entry = self.own_entry(principal, AuditAction::SecondFactorRemoved, principal.user_id, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(())
    }

    /// Turns a fresh code into a proof for one purpose. Returns it with the seconds that it holds.
    pub async fn step_up(
        &self,
        principal: &Principal,
        purpose: &str,
        code: &str,
        client: &Client,
    ) -> Result<(String, i64), IdentityError> {
        principal.session_id().ok_or(IdentityError::SessionNeeded)?;
        let account = self.account(principal).await?;
        let tx = self.show_code(&account, code, client).await?;
        let note = StepUp {
            id: self.sources.new_uuid(),
            tenant: principal.tenant_id(),
            user: principal.user_id,
            purpose: purpose.to_owned(),
        };
        let proof = self.proofs.sign(&note, self.sources.now() + Duration::seconds(PROOF_SECONDS))?;
        let entry = self.entry(
            principal.tenant_id(),
            millwright_audit::Actor::User(principal.user_id),
            AuditAction::SteppedUp,
            principal.user_id,
            client,
            &[("purpose", purpose.into())],
        )?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok((proof, PROOF_SECONDS))
    }

    /// Uses up a proof in the transaction of what it allows. Each is good for its person and purpose, once.
    pub async fn take_proof(
        &self,
        tx: &mut TenantTx,
        principal: &Principal,
        purpose: &'static str,
        proof: Option<&str>,
    ) -> Result<(), IdentityError> {
        let refused = || IdentityError::ProofRefused(purpose);
        let now = self.sources.now();
        let note: StepUp = self.proofs.read(proof.ok_or_else(refused)?, now).map_err(|_| refused())?;
        let fits = note.tenant == principal.tenant_id() && note.user == principal.user_id && note.purpose == purpose;
        if !fits || !tx.security().take_proof(note.id, now + Duration::seconds(PROOF_SECONDS)).await? {
            return Err(refused());
        }
        Ok(())
    }

    /// Takes another user's second factor away and ends that user's sessions. An admin who has a second factor shows it,
    /// by a proof of the purpose `users.reset_second_factor`.
    pub async fn reset_second_factor(
        &self,
        admin: &Principal,
        user: UserId,
        proof: Option<&str>,
        client: &Client,
    ) -> Result<(), IdentityError> {
        if admin.user_id == user {
            return Err(IdentityError::OwnSecondFactor);
        }
        let enrolled = self.account(admin).await?.second_factor_secret.is_some();
        let mut tx = self.store.tenant(&admin.scope).begin().await?;
        tx.users().require(user).await?;
        if enrolled {
            self.take_proof(&mut tx, admin, "users.reset_second_factor", proof).await?;
        }
        tx.security().remove_second_factor(user).await?;
        tx.users().end_sign_ins(user).await?;
        tx.sessions().end_all(user, None, SessionEnd::UserChanged, self.sources.now()).await?;
        tx.users().revoke_access(user).await?;
        let entry = self.own_entry(admin, AuditAction::SecondFactorReset, user, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(())
    }

    /// Ends one session of a user, by its owner or an admin.
    pub async fn end_session(
        &self,
        principal: &Principal,
        user: UserId,
        session: millwright_core::id::SessionId,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let reason = if principal.user_id == user { SessionEnd::EndedByUser } else { SessionEnd::EndedByAdmin };
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        tx.sessions().end(user, session, reason, self.sources.now()).await?;
        let entry = self.own_entry(principal, AuditAction::SessionEnded, session, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        self.forget(Revocation::Session(session));
        Ok(())
    }

    /// Ends all sessions of a user.
    pub async fn end_sessions(
        &self,
        principal: &Principal,
        user: UserId,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let mut tx = self.store.tenant(&principal.scope).begin().await?;
        tx.users().require(user).await?;
        tx.sessions().end_all(user, None, SessionEnd::EndedByAdmin, self.sources.now()).await?;
        let entry = self.own_entry(principal, AuditAction::SessionsEnded, user, client)?;
        tx.commit(Proof::Entry(&entry)).await?;
        Ok(())
    }
}
