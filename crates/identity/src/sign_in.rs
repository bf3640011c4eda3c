use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use millwright_audit::{Actor, AuditAction};
use millwright_auth::{AttemptKey, AttemptKeys, AuthError, second_factor::RecoveryCodes};
use millwright_core::{
    audit::AuditRecord,
    id::{TenantId, UserId},
};
use millwright_store::{
    SystemTx,
    system::AccountRow,
    tenant::{SignInMethod, Transport, UserKind},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Client, Identity, IdentityError, SignedIn, session::Begin};

/// How long one may look for one's phone, minutes.
const CHALLENGE_MINUTES: i64 = 5;

/// What a sign-in gives.
pub enum SignIn {
    /// A session.
    Done(Box<SignedIn>),
    /// The first factor was right; a code is missing.
    SecondFactor {
        /// To be sent back with the code.
        challenge: String,
        /// As it was asked for.
        transport: Transport,
    },
}

/// What was shown already, carried by the client until the code comes.
#[derive(Serialize, Deserialize)]
struct Challenge {
    tenant: TenantId,
    user: UserId,
    transport: String,
    method: String,
    provider: Option<String>,
    /// Encrypted, base 64.
    provider_tokens: Option<String>,
    /// A change of role, password or status since makes it void.
    version: i64,
    /// So does a change of the password or the second factor.
    sign_in_version: i64,
}

/// A sign-in that was counted, and whose outcome is not known yet.
struct Attempt {
    account: AttemptKey,
    failures: i32,
    /// Absent for a known device.
    address: Option<AttemptKey>,
}

fn refuse_until(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), IdentityError> {
    match until.and_then(|until| (until - now).to_std().ok()).filter(|wait| !wait.is_zero()) {
        Some(wait) => Err(IdentityError::Blocked(wait)),
        None => Ok(()),
    }
}

/// Counts an attempt, after which the next must wait if there were more than `free`.
async fn begin(tx: &mut SystemTx, key: &AttemptKey, free: i32, now: DateTime<Utc>) -> Result<i32, IdentityError> {
    let Some(failures) = tx.access().begin_attempt(key, now).await? else {
        // Blocked since that was asked.
        let until = tx.access().blocked_until(std::slice::from_ref(key)).await?;
        return refuse_until(until, now).and(Err(IdentityError::Blocked(std::time::Duration::from_secs(1))));
    };
    block(tx, key, failures, free, now).await?;
    Ok(failures)
}

async fn block(
    tx: &mut SystemTx,
    key: &AttemptKey,
    failures: i32,
    free: i32,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    if let Some(block) = AttemptKeys::block(failures, free).and_then(|block| Duration::from_std(block).ok()) {
        tx.access().block_until(key, now + block).await?;
    }
    Ok(())
}

impl Identity {
    /// Signs in with e-mail address and password. Whatever is wrong, the answer and the work are the same.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        transport: Transport,
        client: &Client,
    ) -> Result<SignIn, IdentityError> {
        let email = email.trim().to_lowercase();
        let attempt = self.begin_sign_in(&email, client).await?;
        let mut tx = self.store.system().await?;
        let account = tx.accounts().find_by_email(&email).await?;
        drop(tx);
        let stored = account.as_ref().and_then(|account| account.password_hash.clone());
        let right = self
            .hashing(move |hasher, _| match stored {
                Some(stored) => hasher.verify(&password, &stored),
                None => Ok(hasher.verify_absent(&password)),
            })
            .await?;
        let allowed = account
            .as_ref()
            .is_some_and(|account| account.may_act() && account.password_sign_in && account.kind == UserKind::Person);
        match account {
            Some(account) if right && allowed => {
                // Not those of the address: who has an account here could clear them between guesses at another.
                self.forget_failures(&attempt.account).await?;
                self.after_password(account, transport, client).await
            }
            account => {
                let entry = account.map(|account| self.failed_entry(&account, "password", client)).transpose()?;
                self.end_failed_sign_in(&attempt, entry.as_slice()).await?;
                Err(AuthError::WrongCredentials.into())
            }
        }
    }

    /// The password was shown: begins the session, or asks for the second factor. The device is known from now on.
    pub(crate) async fn after_password(
        &self,
        account: AccountRow,
        transport: Transport,
        client: &Client,
    ) -> Result<SignIn, IdentityError> {
        let email = account.email.clone();
        let begin = Begin {
            transport,
            method: SignInMethod::Password,
            provider: None,
            second_factor: false,
            provider_tokens: None,
        };
        let mut outcome = self.after_first_factor(account, begin, client).await?;
        if let SignIn::Done(signed_in) = &mut outcome {
            signed_in.device = email.map(|email| self.attempts.device(&self.sources, &email));
        }
        Ok(outcome)
    }

    /// Begins the session, or asks for the second factor where one is set up.
    pub(crate) async fn after_first_factor(
        &self,
        account: AccountRow,
        begin: Begin,
        client: &Client,
    ) -> Result<SignIn, IdentityError> {
        if account.second_factor_secret.is_none() || begin.second_factor {
            let tx = self.store.tenant(&account.scope).begin().await?;
            return Ok(SignIn::Done(Box::new(self.begin_session(tx, account, begin, client, None).await?)));
        }
        let challenge = Challenge {
            tenant: account.scope.tenant_id(),
            user: account.user_id,
            transport: begin.transport.as_str().to_owned(),
            method: begin.method.as_str().to_owned(),
            provider: begin.provider,
            provider_tokens: begin.provider_tokens.map(|tokens| STANDARD_NO_PAD.encode(tokens)),
            version: account.access_version,
            sign_in_version: account.sign_in_version,
        };
        let until = self.sources.now() + Duration::minutes(CHALLENGE_MINUTES);
        Ok(SignIn::SecondFactor { challenge: self.challenges.sign(&challenge, until)?, transport: begin.transport })
    }

    /// Completes a sign-in with a code of the authenticator or a recovery code.
    pub async fn complete_sign_in(
        &self,
        challenge: &str,
        code: &str,
        client: &Client,
    ) -> Result<SignedIn, IdentityError> {
        let challenge: Challenge = self.challenges.read(challenge, self.sources.now())?;
        let mut tx = self.store.system().await?;
        let account = tx.accounts().find(challenge.tenant, challenge.user).await?;
        drop(tx);
        let account = account
            .filter(|account| account.may_act() && account.access_version == challenge.version)
            .filter(|account| account.sign_in_version == challenge.sign_in_version)
            .filter(|account| account.password_sign_in || challenge.method != SignInMethod::Password.as_str())
            .ok_or(AuthError::Revoked)?;
        let tx = self.show_code(&account, code, client).await?;
        let provider_tokens = challenge.provider_tokens.and_then(|tokens| STANDARD_NO_PAD.decode(tokens).ok());
        let begin = Begin {
            transport: Transport::try_from(challenge.transport)?,
            method: SignInMethod::try_from(challenge.method)?,
            provider: challenge.provider,
            second_factor: true,
            provider_tokens,
        };
        let email = account.email.clone();
        let password = begin.method == SignInMethod::Password;
        let mut signed_in = self.begin_session(tx, account, begin, client, None).await?;
        signed_in.device = email.filter(|_| password).map(|email| self.attempts.device(&self.sources, &email));
        Ok(signed_in)
    }

    /// Checks a code and takes it, in a transaction that the caller commits with what the code allows.
    pub(crate) async fn show_code(
        &self,
        account: &AccountRow,
        code: &str,
        client: &Client,
    ) -> Result<millwright_store::TenantTx, IdentityError> {
        let key = self.attempts.second_factor(account.user_id);
        let now = self.sources.now();
        let secret = account.second_factor_secret.as_deref().ok_or(IdentityError::NotEnrolled)?;
        self.begin_attempt(&key).await?;
        let mut tx = self.store.tenant(&account.scope).begin().await?;
        let taken = if RecoveryCodes::looks_like_one(code) {
            let hash = self.recovery.hash(account.user_id, code);
            tx.security().take_recovery_code(account.user_id, &hash, now).await?
        } else {
            match self.matching_step(account.scope.tenant_id(), account.user_id, secret, code)? {
                Some(step) => tx.security().take_step(account.user_id, step).await?,
                None => false,
            }
        };
        if taken {
            self.forget_failures(&key).await?;
            return Ok(tx);
        }
        drop(tx);
        self.write_failure(account, "second_factor", client).await?;
        Err(IdentityError::WrongCode)
    }

    /// Counts an attempt under the account as this device knows it, and looks at the address unless the device is known.
    /// The attempt counts as a failure until it turns out well: many at once get no further than one after the other.
    async fn begin_sign_in(&self, email: &str, client: &Client) -> Result<Attempt, IdentityError> {
        let device = client.device.as_deref();
        let account = self.attempts.account(email, device);
        let known = device.is_some_and(|device| self.attempts.knows_device(email, device));
        let address = client.address.filter(|_| !known).map(|address| self.attempts.address(address));
        let now = self.sources.now();
        let mut tx = self.store.system().await?;
        let keys: Vec<AttemptKey> = [account].into_iter().chain(address).collect();
        refuse_until(tx.access().blocked_until(&keys).await?, now)?;
        let failures = begin(&mut tx, &account, AttemptKeys::FREE + AttemptKeys::AT_ONCE, now).await?;
        tx.commit().await?;
        Ok(Attempt { account, failures, address })
    }

    /// Makes the next attempt wait, with an entry where there is a log to write it to: the same statements either way.
    async fn end_failed_sign_in(&self, attempt: &Attempt, entries: &[AuditRecord]) -> Result<(), IdentityError> {
        let now = self.sources.now();
        let mut tx = self.store.system().await?;
        block(&mut tx, &attempt.account, attempt.failures, AttemptKeys::FREE, now).await?;
        if let Some(address) = &attempt.address {
            let failures = tx.access().count_failure(address, AttemptKeys::ADDRESS_FORGIVES, now).await?;
            block(&mut tx, address, failures, AttemptKeys::FREE_BY_ADDRESS, now).await?;
        }
        tx.append(entries).await?;
        Ok(tx.commit().await?)
    }

    /// Counts an attempt of somebody who is known already.
    pub(crate) async fn begin_attempt(&self, key: &AttemptKey) -> Result<(), IdentityError> {
        let now = self.sources.now();
        let mut tx = self.store.system().await?;
        refuse_until(tx.access().blocked_until(std::slice::from_ref(key)).await?, now)?;
        begin(&mut tx, key, AttemptKeys::FREE, now).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn forget_failures(&self, key: &AttemptKey) -> Result<(), IdentityError> {
        let mut tx = self.store.system().await?;
        tx.access().forget_failures(std::slice::from_ref(key)).await?;
        Ok(tx.commit().await?)
    }

    pub(crate) async fn write_failure(
        &self,
        account: &AccountRow,
        factor: &str,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let entry = self.failed_entry(account, factor, client)?;
        let mut tx = self.store.system().await?;
        tx.append(&[entry]).await?;
        Ok(tx.commit().await?)
    }

    fn failed_entry(&self, account: &AccountRow, factor: &str, client: &Client) -> Result<AuditRecord, IdentityError> {
        self.entry(
            account.scope.tenant_id(),
            Actor::System("sign-in"),
            AuditAction::UserSignInFailed,
            account.user_id,
            client,
            &[("factor", json!(factor)), ("address", json!(client.address.map(|address| address.to_string())))],
        )
    }
}
