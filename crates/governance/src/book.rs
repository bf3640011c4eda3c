//! What holds for each tenant, remembered for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use millwright_auth::FieldCipher;
use millwright_core::{
    Clearance, Principal, Sources, TenantScope,
    id::{TenantId, UserId},
};
use millwright_policy::{
    decision::{Engine, PolicyError, TenantPolicy as OwnPolicy},
    pii::{Detector, Vault},
};
use millwright_store::{Store, tenant::PolicyState};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{GovernanceError, InjectionSettings, PersonalDataSettings, RoutingSettings};

/// A change is seen everywhere within this time.
const REMEMBERED: Duration = Duration::from_millis(500);
/// So many clearances are remembered.
const MOST_CLEARANCES: usize = 10_000;
/// So many tenants are remembered; more are read again when they come.
const MOST_TENANTS: usize = 1_000;

/// What governance works with.
pub struct GovernanceParts {
    /// The database.
    pub store: Store,
    /// Time, randomness, ids.
    pub sources: Sources,
    /// Seals placeholders.
    pub secret_key: Vec<u8>,
    /// The text of the `policies.yaml` that holds, which was found valid.
    pub policy_file: String,
}

/// What holds for a tenant.
#[derive(Debug)]
pub struct TenantPolicy {
    /// Decides.
    pub engine: Engine,
    /// Finds personal data.
    pub detector: Detector,
    /// For injection.
    pub injection: InjectionSettings,
    /// How models are chosen.
    pub routing: RoutingSettings,
    /// Which rows it was made of.
    state: PolicyState,
}

impl TenantPolicy {
    /// Texts as they may be given to a model that nobody hears: with placeholders that are not turned back, and none for one
    /// that the tenant refuses to models altogether. The same person has the same placeholder in all of them, or, where they
    /// have nothing to do with each other (`apart`), each counts by itself, so that it becomes the same whatever is beside it.
    ///
    /// Some milliseconds for a dozen passages: call it from a blocking thread.
    pub fn without_personal_data(&self, texts: &[String], apart: bool) -> Vec<Option<String>> {
        let mut vault = Vault::default();
        let mut redact = |text: &String| {
            if apart {
                vault = Vault::default();
            }
            let redacted = vault.redact(&self.detector, text);
            redacted.blocked.is_empty().then_some(redacted.text)
        };
        texts.iter().map(&mut redact).collect()
    }
}

struct Remembered {
    policy: Arc<TenantPolicy>,
    looked_at: Instant,
}

/// Of people, and when they were looked at.
type Clearances = HashMap<(TenantId, UserId), (Arc<Clearance>, Instant)>;

struct Inner {
    store: Store,
    pub(crate) sources: Sources,
    cipher: FieldCipher,
    /// Of a tenant that chose nothing.
    shipped: (Engine, Detector),
    policy_file: String,
    tenants: Mutex<HashMap<TenantScope, Remembered>>,
    clearances: Mutex<Clearances>,
}

/// Policy joined with the database. Cheap to clone.
#[derive(Clone)]
pub struct Governance(Arc<Inner>);

impl std::fmt::Debug for Governance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Governance").field("policy_version", &self.0.shipped.0.version()).finish_non_exhaustive()
    }
}

impl Governance {
    /// Loads what ships.
    ///
    /// # Errors
    /// When a policy that ships is not valid: the server must not start without one.
    pub fn new(parts: GovernanceParts) -> Result<Self, GovernanceError> {
        let engine = Engine::new(&[]).map_err(GovernanceError::Policies)?;
        let detector = Detector::new(&PersonalDataSettings::default())?;
        Ok(Self(Arc::new(Inner {
            store: parts.store,
            sources: parts.sources,
            cipher: FieldCipher::new(&parts.secret_key)?,
            shipped: (engine, detector),
            policy_file: parts.policy_file,
            tenants: Mutex::default(),
            clearances: Mutex::default(),
        })))
    }

    /// The text of the `policies.yaml` that holds.
    pub fn policy_file(&self) -> &str {
        &self.0.policy_file
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }

    pub(crate) fn cipher(&self) -> &FieldCipher {
        &self.0.cipher
    }

    /// What holds for the tenant, at most half a second old.
    ///
    /// # Errors
    /// When the database fails, or what it holds cannot be used: then nothing is allowed.
    pub async fn of(&self, scope: &TenantScope) -> Result<Arc<TenantPolicy>, GovernanceError> {
        let known = self.remembered(scope);
        if let Some((policy, looked_at)) = &known
            && looked_at.elapsed() < REMEMBERED
        {
            return Ok(Arc::clone(policy));
        }
        let state = self.0.store.tenant(scope).read().await?.policies().state().await?;
        let policy = match known {
            Some((policy, _)) if policy.state == state => policy,
            _ => Arc::new(self.read(scope, state).await?),
        };
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST_TENANTS {
            tenants.clear();
        }
        tenants.insert(*scope, Remembered { policy: Arc::clone(&policy), looked_at: Instant::now() });
        Ok(policy)
    }

    /// How far somebody is cleared, at most half a second old. For decisions on what they bring themselves; what they may
    /// read of others' is asked of the database each time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clearance(&self, principal: &Principal) -> Result<Arc<Clearance>, GovernanceError> {
        let key = (principal.tenant_id(), principal.user_id);
        let known = {
            let clearances = self.0.clearances.lock().unwrap_or_else(PoisonError::into_inner);
            clearances.get(&key).filter(|known| known.1.elapsed() < REMEMBERED).map(|known| Arc::clone(&known.0))
        };
        if let Some(clearance) = known {
            return Ok(clearance);
        }
        let reader = self.0.store.tenant(&principal.scope).read().await?.labels().reader(principal.user_id).await?;
        let clearance = Arc::new(reader.clearance().clone());
        let mut clearances = self.0.clearances.lock().unwrap_or_else(PoisonError::into_inner);
        if clearances.len() >= MOST_CLEARANCES {
            clearances.clear();
        }
        clearances.insert(key, (Arc::clone(&clearance), Instant::now()));
        Ok(clearance)
    }

    /// Looks anew at the next question: this process has just changed something.
    pub fn forget(&self, scope: &TenantScope) {
        self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }

    fn remembered(&self, scope: &TenantScope) -> Option<(Arc<TenantPolicy>, Instant)> {
        let tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(scope).map(|known| (Arc::clone(&known.policy), known.looked_at))
    }

    async fn read(&self, scope: &TenantScope, state: PolicyState) -> Result<TenantPolicy, GovernanceError> {
        let mut tx = self.0.store.tenant(scope).read().await?;
        let settings = tx.policies().settings().await?;
        let active = tx.policies().active().await?;
        drop(tx);
        let engine = match active {
            Some((_, files)) => engine(&files_of_json(files)?).map_err(GovernanceError::Policies)?,
            None => self.0.shipped.0.clone(),
        };
        let (detector, injection, routing) = match settings {
            Some(row) => (Detector::new(&parsed(row.personal_data)?)?, parsed(row.injection)?, parsed(row.routing)?),
            None => (self.0.shipped.1.clone(), InjectionSettings::default(), RoutingSettings::default()),
        };
        Ok(TenantPolicy { engine, detector, injection, routing, state })
    }
}

/// A file of a tenant's own policies, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// Its name, for messages; `.cedar` at the end by custom.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Cedar policies that forbid.
    pub text: String,
}

/// An engine with what ships and these files.
///
/// # Errors
/// When a file is not valid or permits something.
pub fn engine(files: &[PolicyText]) -> Result<Engine, Vec<PolicyError>> {
    let own: Vec<_> = files.iter().map(|file| OwnPolicy { name: file.name.clone(), text: file.text.clone() }).collect();
    Engine::new(&own)
}

/// The files of a stored version.
///
/// # Errors
/// When they are not of the stored form.
pub fn files_of_json(files: Value) -> Result<Vec<PolicyText>, GovernanceError> {
    parsed(files)
}

fn parsed<T: DeserializeOwned>(value: Value) -> Result<T, GovernanceError> {
    serde_json::from_value(value).map_err(GovernanceError::Form)
}
