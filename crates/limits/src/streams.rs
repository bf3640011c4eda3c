use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use millwright_core::id::UserId;

/// How many event streams each user has open in this process, with a limit.
#[derive(Clone)]
pub struct StreamSlots {
    most: usize,
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl StreamSlots {
    /// At most so many for each user.
    pub fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// The limit.
    pub fn most(&self) -> usize {
        self.most
    }

    /// A place, given back when it is dropped; `None` while the user has all of them.
    pub fn take(&self, user: UserId) -> Option<StreamSlot> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&user).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        open.insert(user, count + 1);
        Some(StreamSlot { user, open: Arc::clone(&self.open) })
    }
}

impl fmt::Debug for StreamSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSlots").field("most", &self.most).finish_non_exhaustive()
    }
}

/// One open stream of a user. To be kept inside the stream, so that it ends with it in whatever way that ends.
#[must_use = "dropped at once, it limits nothing"]
pub struct StreamSlot {
    user: UserId,
    open: Arc<Mutex<HashMap<UserId, usize>>>,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

impl fmt::Debug for StreamSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSlot").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use millwright_core::Sources;

    use super::*;

    #[test]
    fn a_user_has_so_many_streams_and_gets_places_back() {
        let sources = Sources::system();
        let (ada, bob) = (sources.new_id(), sources.new_id());
        let slots = StreamSlots::new(2);
        let first = slots.take(ada).unwrap();
        let _second = slots.take(ada).unwrap();
        assert!(slots.take(ada).is_none());
        let others = slots.take(bob).unwrap();
        drop(first);
        assert!(slots.take(ada).is_some(), "the place that was given back");
        drop(others);
        assert_eq!(slots.open.lock().unwrap().len(), 1, "users without streams take no memory");
    }

    #[test]
    fn a_refused_user_takes_no_memory() {
        let slots = StreamSlots::new(0);
        assert!(slots.take(Sources::system().new_id()).is_none());
        assert!(slots.open.lock().unwrap().is_empty());
    }
}
