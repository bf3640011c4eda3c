use std::collections::HashMap;

/// Remembers the newest query vectors: the same question is searched again by retries,
/// paging and the steps of one run. 512 vectors of 384 floats are 0.8 MB, of 4,000 floats 8 MB.
pub(super) const CAPACITY: usize = 512;

/// A least-recently-used map. Eviction scans all entries, which for this capacity costs
/// microseconds against the milliseconds of an inference.
#[derive(Default)]
pub(super) struct QueryCache {
    entries: HashMap<String, (u64, Vec<f32>)>,
    clock: u64,
}

impl QueryCache {
    pub(super) fn get(&mut self, text: &str) -> Option<Vec<f32>> {
        self.clock += 1;
        let (used, vector) = self.entries.get_mut(text)?;
        *used = self.clock;
        Some(vector.clone())
    }

    pub(super) fn insert(&mut self, text: &str, vector: &[f32]) {
        self.clock += 1;
        if self.entries.len() >= CAPACITY
            && !self.entries.contains_key(text)
            && let Some(oldest) = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone())
        {
            self.entries.remove(&oldest);
        }
        self.entries.insert(text.to_owned(), (self.clock, vector.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves_first() {
        let mut cache = QueryCache::default();
        for n in 0..CAPACITY {
            cache.insert(&n.to_string(), &[1.0]);
        }
        assert!(cache.get("0").is_some());
        cache.insert("new", &[2.0]);
        assert!(cache.get("0").is_some(), "just used");
        assert!(cache.get("1").is_none(), "the oldest left");
        assert_eq!(cache.entries.len(), CAPACITY);
    }
}
