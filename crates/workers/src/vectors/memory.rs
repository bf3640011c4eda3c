use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use millwright_core::{
    Sources, TenantScope,
    id::{ChunkId, TenantId, VersionId},
};
use millwright_store::tenant::VectorModel;

use crate::backoff;

/// Refused passages that are remembered, over all versions: a few megabytes.
const REFUSED: usize = 50_000;

/// What a keeper learns from round to round and no row tells. A process that is killed learns it anew.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Of versions that are being gone through: passages that the model's server refused. Forgotten between two rounds, a version
    /// of many would begin again for ever, and the model would never serve.
    refused: HashMap<(VectorModel, VersionId), HashSet<ChunkId>>,
    /// Whose turn was the last. For each model: the gaps of one must not decide who comes first to the other.
    served: HashMap<VectorModel, TenantId>,
    /// Indexes that could not be dropped: how often that was tried, and when it is again.
    drops: HashMap<VectorModel, (i32, Instant)>,
}

impl Memory {
    /// Forgets passages and turns of all other models.
    pub(super) fn keep(&mut self, live: &[VectorModel]) {
        self.refused.retain(|(model, _), _| live.contains(model));
        self.served.retain(|model, _| live.contains(model));
    }

    /// The passages of a version that were refused.
    pub(super) fn refused(&self, model: VectorModel, version: VersionId) -> Vec<ChunkId> {
        self.refused.get(&(model, version)).map(|chunks| chunks.iter().copied().collect()).unwrap_or_default()
    }

    /// Remembers that a passage was refused.
    pub(super) fn refuse(&mut self, model: VectorModel, version: VersionId, chunk: ChunkId) {
        self.refused.entry((model, version)).or_default().insert(chunk);
        // The version with most of them stays: it comes to its end, and makes room for the others.
        while self.refused.len() > 1 && self.refused.values().map(HashSet::len).sum::<usize>() > REFUSED {
            let fewest = self.refused.iter().min_by_key(|(_, chunks)| chunks.len()).map(|(key, _)| *key);
            let Some(fewest) = fewest else { return };
            self.refused.remove(&fewest);
        }
    }

    /// A version was gone through. Should it be again, all its passages are tried again.
    pub(super) fn forget(&mut self, model: VectorModel, version: VersionId) {
        self.refused.remove(&(model, version));
    }

    /// Has the list begin with whoever comes after the tenant that was served last. It is in the order of ids, as the database
    /// lists them.
    pub(super) fn take_turns(&self, model: VectorModel, tenants: &mut [TenantScope]) {
        let Some(last) = self.served.get(&model) else { return };
        let next = tenants.partition_point(|tenant| tenant.tenant_id() <= *last);
        tenants.rotate_left(next);
    }

    /// Remembers whose turn it is.
    pub(super) fn set_served(&mut self, model: VectorModel, tenant: TenantScope) {
        self.served.insert(model, tenant.tenant_id());
    }

    /// Whether a model's index may be tried to be dropped by now.
    pub(super) fn may_drop(&self, model: VectorModel) -> bool {
        self.drops.get(&model).is_none_or(|(_, again)| Instant::now() >= *again)
    }

    /// A model's index could not be dropped: how many times by now.
    pub(super) fn drop_failed(&mut self, model: VectorModel, sources: &Sources) -> i32 {
        let attempt = self.drops.get(&model).map_or(1, |(attempts, _)| attempts.saturating_add(1));
        self.drops.insert(model, (attempt, Instant::now() + backoff::after_attempt(attempt, sources)));
        attempt
    }

    /// A model's index is gone.
    pub(super) fn dropped(&mut self, model: VectorModel) {
        self.drops.remove(&model);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: VectorModel = VectorModel::FIRST;

    #[expect(clippy::disallowed_methods, reason = "tenants that are only compared")]
    fn three_tenants() -> Vec<TenantScope> {
        let sources = Sources::system();
        let mut tenants: Vec<TenantScope> = (0..3).map(|_| TenantScope::establish(sources.new_id())).collect();
        tenants.sort_by_key(|tenant| tenant.tenant_id());
        tenants
    }

    #[test]
    fn whoever_was_not_reached_comes_first_the_next_time() {
        let (mut memory, all) = (Memory::default(), three_tenants());
        let in_turn = |memory: &Memory, model: VectorModel, mut tenants: Vec<TenantScope>| {
            memory.take_turns(model, &mut tenants);
            tenants
        };
        assert_eq!(in_turn(&memory, MODEL, all.clone()), all);
        memory.set_served(MODEL, all[0]);
        assert_eq!(in_turn(&memory, MODEL, all.clone()), [all[1], all[2], all[0]]);
        assert_eq!(in_turn(&memory, VectorModel::from(2), all.clone()), all, "of another model");
        memory.set_served(MODEL, all[2]);
        assert_eq!(in_turn(&memory, MODEL, all.clone()), all);
        // Whoever was served last lacks nothing any more.
        memory.set_served(MODEL, all[1]);
        assert_eq!(in_turn(&memory, MODEL, vec![all[0], all[2]]), [all[2], all[0]]);
        memory.keep(&[]);
        assert_eq!(in_turn(&memory, MODEL, all.clone()), all);
    }

    #[test]
    fn refused_passages_are_remembered_until_their_version_is_through_and_within_bounds() {
        let sources = Sources::system();
        let (large, small): (VersionId, VersionId) = (sources.new_id(), sources.new_id());
        let mut memory = Memory::default();
        memory.refuse(MODEL, small, sources.new_id());
        assert_eq!(memory.refused(MODEL, small).len(), 1);
        for _ in 0..REFUSED {
            memory.refuse(MODEL, large, sources.new_id());
        }
        assert_eq!((memory.refused(MODEL, small).len(), memory.refused(MODEL, large).len()), (0, REFUSED));
        assert!(memory.refused(VectorModel::from(2), large).is_empty(), "of another model");
        memory.forget(MODEL, large);
        assert!(memory.refused(MODEL, large).is_empty());
    }

    #[test]
    fn an_index_that_could_not_be_dropped_is_left_alone_for_a_while() {
        let (mut memory, sources) = (Memory::default(), Sources::system());
        assert!(memory.may_drop(MODEL));
        assert_eq!(memory.drop_failed(MODEL, &sources), 1);
        assert!(!memory.may_drop(MODEL) && memory.may_drop(VectorModel::from(2)));
        assert_eq!(memory.drop_failed(MODEL, &sources), 2);
        memory.dropped(MODEL);
        assert!(memory.may_drop(MODEL));
    }
}
