use std::fmt;

use chrono::SubsecRound;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use millwright_core::audit::AuditRecord;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{AuditError, AuditEvent, Head, SignedHead, canonical};

type HmacSha256 = Hmac<Sha256>;

/// Authenticates entries and heads. Made from the server's secret key; wiped when dropped.
#[derive(Clone)]
pub struct AuditKey {
    id: String,
    entries: HmacSha256,
    heads: HmacSha256,
}

impl AuditKey {
    /// Derives the keys (HKDF-SHA-256, one for each purpose) from at least 32 bytes of secret.
    pub fn derive(secret_key: &[u8]) -> Result<Self, AuditError> {
        let weak = || AuditError::WeakKey(secret_key.len());
        if secret_key.len() < 32 {
            return Err(weak());
        }
        let root = Hkdf::<Sha256>::new(Some(b"millwright"), secret_key);
        let purpose = |purpose: &[u8]| {
            let mut key = Zeroizing::new([0_u8; 32]);
            root.expand(purpose, key.as_mut()).map_err(|_| weak())?;
            HmacSha256::new_from_slice(key.as_ref()).map_err(|_| weak())
        };
        let mut id = [0_u8; 4];
        root.expand(b"audit key id v1", &mut id).map_err(|_| weak())?;
        Ok(Self { id: hex::encode(id), entries: purpose(b"audit entries v1")?, heads: purpose(b"audit heads v1")? })
    }

    /// Eight hexadecimal digits that name the key without telling anything about it. They stand in every
    /// entry, so that a changed secret key is not mistaken for altered entries.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the record to be stored in the transaction of the change that it proves.
    pub fn authenticate(&self, event: &AuditEvent) -> Result<AuditRecord, AuditError> {
        let canonical = canonical::write(event, &self.id)?;
        let mac = self.entry_mac(&canonical).finalize().into_bytes().into();
        Ok(AuditRecord {
            id: event.id,
            tenant_id: event.tenant_id,
            occurred_at: event.occurred_at.trunc_subsecs(6),
            actor: event.actor.to_string(),
            action: event.action.as_str().to_owned(),
            resource_type: event.action.resource_type().to_owned(),
            resource_id: event.resource_id.clone(),
            canonical,
            mac,
        })
    }

    /// Whether these bytes were authenticated with this key. Takes the same time whatever differs.
    pub fn is_authentic(&self, canonical: &[u8], mac: &[u8; 32]) -> bool {
        self.entry_mac(canonical).verify(mac.into()).is_ok()
    }

    /// Vouches for the newest seal of a tenant, so that a log that was cut off can be told from a short one.
    pub fn sign_head(&self, head: Head) -> SignedHead {
        SignedHead { head, mac: self.head_mac(&head).finalize().into_bytes().into() }
    }

    /// Whether the head was signed with this key.
    pub fn vouches_for(&self, signed: &SignedHead) -> bool {
        self.head_mac(&signed.head).verify(&signed.mac.into()).is_ok()
    }

    fn entry_mac(&self, canonical: &[u8]) -> HmacSha256 {
        self.entries.clone().chain_update(canonical)
    }

    fn head_mac(&self, head: &Head) -> HmacSha256 {
        self.heads
            .clone()
            .chain_update(head.tenant_id.uuid().as_bytes())
            .chain_update(head.sequence.to_be_bytes())
            .chain_update(head.hash)
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditKey").field("id", &self.id).finish_non_exhaustive()
    }
}
