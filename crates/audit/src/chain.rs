//! The order of entries: a hash chain per tenant that anybody can recompute, and heads that only the
//! holder of the key can sign.

use millwright_core::id::{AuditEntryId, TenantId};
use sha2::{Digest, Sha256};

/// The newest seal of a tenant's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub tenant_id: TenantId,
    /// Sequence number of the newest seal; 0 when nothing is sealed.
    pub sequence: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Head {
    /// The head of an empty log. Differs from tenant to tenant, so that no chain fits another's log.
    pub fn genesis(tenant_id: TenantId) -> Self {
        let mut hash = Sha256::new_with_prefix(b"millwright audit genesis v1\0");
        hash.update(tenant_id.uuid().as_bytes());
        Self { tenant_id, sequence: 0, hash: hash.finalize().into() }
    }
}

impl Head {
    /// The head after one more entry, known by its [`leaf`] alone.
    #[must_use]
    pub fn after(&self, leaf: &[u8; 32]) -> Self {
        let sequence = self.sequence + 1;
        let hash = Sha256::new_with_prefix(b"millwright audit seal v1\0")
            .chain_update(self.hash)
            .chain_update(sequence.to_be_bytes())
            .chain_update(leaf)
            .finalize()
            .into();
        Self { tenant_id: self.tenant_id, sequence, hash }
    }
}

/// What a seal covers of an entry. Tells nothing of it to whoever does not have its MAC.
pub fn leaf(canonical: &[u8], mac: &[u8; 32]) -> [u8; 32] {
    // Two hashes, so that a Merkle tree can later be built from the same leaves: the first byte keeps
    // leaves apart from inner nodes, as in RFC 6962.
    Sha256::new_with_prefix([0]).chain_update(mac).chain_update(canonical).finalize().into()
}

/// A head and the proof that the server stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// What is stated.
    pub head: Head,
    /// HMAC-SHA-256 over tenant, sequence and hash.
    pub mac: [u8; 32],
}

/// The place of one entry in its tenant's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Whose log.
    pub tenant_id: TenantId,
    /// 1, 2, 3, … without gaps.
    pub sequence: i64,
    /// The entry that stands here.
    pub entry_id: AuditEntryId,
    /// Hash of the seal before, or of the genesis.
    pub previous_hash: [u8; 32],
    /// Covers the previous hash, the sequence number, and the entry's bytes and MAC.
    pub hash: [u8; 32],
}

impl Seal {
    /// The log's head once this seal is stored.
    pub fn head(&self) -> Head {
        Head { tenant_id: self.tenant_id, sequence: self.sequence, hash: self.hash }
    }
}

/// Gives an entry the place after `previous`. To seal a batch, pass each seal's [`Seal::head`] on.
pub fn seal(previous: &Head, entry_id: AuditEntryId, canonical: &[u8], mac: &[u8; 32]) -> Seal {
    let head = previous.after(&leaf(canonical, mac));
    Seal { tenant_id: head.tenant_id, sequence: head.sequence, entry_id, previous_hash: previous.hash, hash: head.hash }
}
