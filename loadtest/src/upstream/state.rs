//! What all connections share: settings, the fault that holds, and what was counted.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use crate::fault::Fault;

/// Requests since the start. `asked` is counted when a request was read whole, `answered` when its whole answer was
/// written, with status 200 and nothing wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) asked: AtomicU64,
    pub(crate) answered: AtomicU64,
    /// The client went away before its answer was written.
    pub(crate) abandoned: AtomicU64,
}

/// [`Counts`] as they are shown.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    asked: u64,
    answered: u64,
    abandoned: u64,
    fault: Fault,
}

/// What all connections share.
pub(crate) struct State {
    pub(crate) models: Vec<String>,
    pub(crate) delay: Duration,
    pub(crate) piece_delay: Duration,
    pub(crate) counts: Counts,
    fault: watch::Sender<Fault>,
}

impl State {
    pub(crate) fn new(models: Vec<String>, delay: Duration, piece_delay: Duration) -> Self {
        let fault = watch::Sender::new(Fault::None);
        Self { models, delay, piece_delay, counts: Counts::default(), fault }
    }

    pub(crate) fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Returns when the fault is not, or no longer, one that this holds for.
    pub(crate) async fn until_fault(&self, wanted: impl Fn(Fault) -> bool) {
        // The sender is in this same value: it cannot be gone.
        let _ = self.fault.subscribe().wait_for(|fault| wanted(*fault)).await;
    }

    pub(crate) fn shown(&self) -> Shown {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { asked, answered, abandoned } = &self.counts;
        Shown { asked: read(asked), answered: read(answered), abandoned: read(abandoned), fault: self.fault() }
    }
}
