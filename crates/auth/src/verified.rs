use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use millwright_core::{
    Credential, Principal,
    id::{ApiKeyId, SessionId, TenantId, UserId},
};
use moka::sync::Cache;

use crate::api_key;

/// A credential whose signature, or whose row, has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Who it speaks for.
    pub principal: Principal,
    /// The user's access version when it was checked.
    pub access_version: i64,
    /// Not to be used from then on without another check.
    pub expires_at: DateTime<Utc>,
}

/// Remembers credentials that were checked, by their hash, so that a signature or a row is looked at once and not with every
/// request. Bounded; the least used go first. Revocation is asked for apart, every time ([`Revocations`]).
pub struct VerifiedCache(Cache<[u8; 32], Verified>);

impl VerifiedCache {
    /// Keeps at most so many.
    pub fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }

    /// What was found out about this credential, while it holds.
    pub fn get(&self, credential: &str, now: DateTime<Utc>) -> Option<Verified> {
        let hash = api_key::hash(credential);
        let verified = self.0.get(&hash)?;
        if verified.expires_at > now {
            return Some(verified);
        }
        self.0.invalidate(&hash);
        None
    }

    /// Forgets it, so that it is checked anew.
    pub fn forget(&self, credential: &str) {
        self.0.invalidate(&api_key::hash(credential));
    }

    /// Remembers it.
    pub fn insert(&self, credential: &str, verified: Verified) {
        self.0.insert(api_key::hash(credential), verified);
    }
}

impl fmt::Debug for VerifiedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedCache")
    }
}

/// Something that ended before its credentials expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// A session.
    Session(SessionId),
    /// A key.
    ApiKey(ApiKeyId),
    /// Whatever a user's credentials with a lower access version allowed.
    User(UserId, i64),
    /// All of a tenant: `true` while it is suspended.
    Tenant(TenantId, bool),
}

/// What this process has heard.
#[derive(Default)]
struct Heard {
    sessions: HashMap<SessionId, DateTime<Utc>>,
    api_keys: HashMap<ApiKeyId, DateTime<Utc>>,
    users: HashMap<UserId, (i64, DateTime<Utc>)>,
    tenants: HashMap<TenantId, bool>,
    /// When it last heard that it has everything.
    complete_at: Option<DateTime<Utc>>,
}

/// Whether a credential still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Good,
    /// It does not.
    Revoked,
    /// What is known here is too old to tell: ask the database.
    Unknown,
}

/// The revocations that this process knows, fed from the database several times a second. A request asks it without any
/// I/O; when it has not been fed for [`MAX_AGE_MILLIS`](Self::MAX_AGE_MILLIS) it says so instead of guessing.
#[derive(Default)]
pub struct Revocations(RwLock<Heard>);

impl Revocations {
    /// How old its knowledge may be, milliseconds: the time within which a revocation takes effect everywhere.
    pub const MAX_AGE_MILLIS: i64 = 900;

    /// Takes in what was revoked up to `at`; complete when nothing written before that is missing.
    pub fn hear(&self, revoked: impl IntoIterator<Item = Revocation>, at: DateTime<Utc>, complete: bool) {
        let mut heard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for revocation in revoked {
            match revocation {
                Revocation::Session(id) => drop(heard.sessions.insert(id, at)),
                Revocation::ApiKey(id) => drop(heard.api_keys.insert(id, at)),
                Revocation::User(id, version) => {
                    let known = heard.users.get(&id).map_or(version, |(known, _)| version.max(*known));
                    heard.users.insert(id, (known, at));
                }
                Revocation::Tenant(id, suspended) => drop(heard.tenants.insert(id, suspended)),
            }
        }
        if complete {
            heard.complete_at = heard.complete_at.max(Some(at));
        }
    }

    /// Forgets sessions, keys and users heard of before `then`, when every credential made before that has expired.
    pub fn forget_before(&self, then: DateTime<Utc>) {
        let mut heard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        heard.sessions.retain(|_, at| *at >= then);
        heard.api_keys.retain(|_, at| *at >= then);
        heard.users.retain(|_, (_, at)| *at >= then);
        heard.tenants.retain(|_, suspended| *suspended);
    }

    /// Whether the credential still holds at the time `now`.
    pub fn standing(&self, verified: &Verified, now: DateTime<Utc>) -> Standing {
        let heard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let principal = &verified.principal;
        let ended = match principal.credential {
            Credential::Session(id) => heard.sessions.contains_key(&id),
            Credential::ApiKey(id) => heard.api_keys.contains_key(&id),
            Credential::Token => false,
        };
        let changed =
            heard.users.get(&principal.user_id).is_some_and(|(version, _)| verified.access_version < *version);
        let suspended = heard.tenants.get(&principal.tenant_id()).copied().unwrap_or(false);
        if ended || changed || suspended {
            return Standing::Revoked;
        }
        let age = heard.complete_at.map(|at| (now - at).num_milliseconds());
        if age.is_some_and(|age| age <= Self::MAX_AGE_MILLIS) { Standing::Good } else { Standing::Unknown }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revocations")
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use millwright_core::{Role, TenantScope};
    use uuid::Uuid;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own tenant")]
    fn verified(credential: Credential, access_version: i64) -> Verified {
        let scope = TenantScope::establish(Uuid::from_u128(1).into());
        let principal = Principal::new(Uuid::from_u128(2).into(), scope, Role::Viewer, credential);
        Verified { principal, access_version, expires_at: now() + Duration::minutes(10) }
    }

    fn session() -> Verified {
        verified(Credential::Session(Uuid::from_u128(3).into()), 1)
    }

    #[test]
    fn what_was_not_heard_lately_is_not_vouched_for() {
        let revocations = Revocations::default();
        assert_eq!(revocations.standing(&session(), now()), Standing::Unknown);
        revocations.hear([], now(), true);
        assert_eq!(revocations.standing(&session(), now()), Standing::Good);
        let later = now() + Duration::milliseconds(Revocations::MAX_AGE_MILLIS + 1);
        assert_eq!(revocations.standing(&session(), later), Standing::Unknown);
        revocations.hear([], later, false);
        assert_eq!(revocations.standing(&session(), later), Standing::Unknown, "a single word is not everything");
    }

    #[test]
    fn each_revocation_ends_its_own_credentials_and_no_others() {
        let key = verified(Credential::ApiKey(Uuid::from_u128(4).into()), 1);
        let token = verified(Credential::Token, 1);
        let all = [session(), key, token];
        let standing = |revoked| {
            let revocations = Revocations::default();
            revocations.hear([revoked], now(), true);
            all.map(|verified| revocations.standing(&verified, now()) == Standing::Good)
        };
        assert_eq!(standing(Revocation::Session(Uuid::from_u128(3).into())), [false, true, true]);
        assert_eq!(standing(Revocation::ApiKey(Uuid::from_u128(4).into())), [true, false, true]);
        assert_eq!(standing(Revocation::User(Uuid::from_u128(2).into(), 2)), [false; 3]);
        assert_eq!(standing(Revocation::User(Uuid::from_u128(2).into(), 1)), [true; 3]);
        assert_eq!(standing(Revocation::User(Uuid::from_u128(9).into(), 2)), [true; 3]);
        assert_eq!(standing(Revocation::Tenant(Uuid::from_u128(1).into(), true)), [false; 3]);
        assert_eq!(standing(Revocation::Tenant(Uuid::from_u128(1).into(), false)), [true; 3]);
    }

    #[test]
    fn a_suspension_is_kept_and_everything_else_forgotten_in_time() {
        let revocations = Revocations::default();
        let tenant = Uuid::from_u128(1).into();
        revocations.hear([Revocation::Session(Uuid::from_u128(3).into())], now(), true);
        revocations.forget_before(now() + Duration::seconds(1));
        assert_eq!(revocations.standing(&session(), now()), Standing::Good);
        revocations.hear([Revocation::Tenant(tenant, true)], now(), true);
        revocations.forget_before(now() + Duration::seconds(1));
        assert_eq!(revocations.standing(&session(), now()), Standing::Revoked);
        revocations.hear([Revocation::Tenant(tenant, false)], now(), true);
        assert_eq!(revocations.standing(&session(), now()), Standing::Good);
    }

    #[test]
    fn a_checked_credential_is_remembered_until_it_expires() {
        let cache = VerifiedCache::new(10);
        cache.insert("token", session());
        assert_eq!(cache.get("token", now()), Some(session()));
        assert_eq!(cache.get("other", now()), None);
        assert_eq!(cache.get("token", session().expires_at), None);
    }
}
