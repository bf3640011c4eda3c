//! What a pass met, and why one does not go through.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use millwright_store::StoreError;
use serde::Serialize;
use serde_json::Value;

use super::{access::Refusal, place::PlaceError};

/// Paths that a report names; the others it counts.
const MOST_NAMED: usize = 50;

/// Why a file is not taken in, or not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    /// A link: none is followed.
    Link,
    /// No regular file: a pipe, a socket or a device.
    Special,
    /// A name that cannot be shown, or is too long.
    Name,
    /// Deeper than is looked.
    TooDeep,
    /// Larger than an upload may be.
    TooLarge,
    /// Not a format that is read here, or empty.
    Format,
    /// It cannot be opened, listed or read.
    Unreadable,
    /// Only its owner may read it, or all but its group.
    OwnerOnly,
    /// Members of a Unix group may read it that stands for no access group.
    UnmappedGroup,
    /// The group map names a Unix group that this machine does not know.
    UnknownGroup,
}

impl Skip {
    /// The stable word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Special => "special",
            Self::Name => "name",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Format => "format",
            Self::Unreadable => "unreadable",
            Self::OwnerOnly => "owner_only",
            Self::UnmappedGroup => "unmapped_group",
            Self::UnknownGroup => "unknown_group",
        }
    }

    /// What a report names for a path. Who sees reports may see neither names of files that are kept from everybody nor of
    /// those kept for a group: of them the folder is named, in which an operator finds what to change.
    fn named(self, path: &str) -> &str {
        match self {
            Self::OwnerOnly | Self::UnmappedGroup => path.rsplit_once('/').map_or(".", |(folder, _)| folder),
            _ => path,
        }
    }

    /// The word of a stored problem.
    pub(crate) fn of_stored(word: &str) -> Self {
        if word == Self::TooLarge.as_str() { Self::TooLarge } else { Self::Format }
    }
}

impl From<Refusal> for Skip {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::OwnerOnly => Self::OwnerOnly,
            Refusal::UnmappedGroup => Self::UnmappedGroup,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Named {
    path: String,
    reason: &'static str,
}

/// What a pass met so far.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct PassReport {
    /// Files looked at.
    pub(crate) seen: u64,
    /// Taken in for the first time.
    pub(crate) new: u64,
    /// Taken in as another version.
    pub(crate) changed: u64,
    /// Documents of files that are gone.
    pub(crate) removed: u64,
    /// Documents that got another label.
    pub(crate) relabelled: u64,
    /// Documents that nobody sees, for nobody can say who may.
    pub(crate) hidden: u64,
    /// Names that begin with a dot or `~$`: passed over without a look.
    pub(crate) passed_over: u64,
    skipped: BTreeMap<&'static str, u64>,
    problems: Vec<Named>,
}

/// The report of a running pass, shared with whoever tells how far it is; and its signs of life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<PassReport>>, Arc<AtomicU64>);

impl Progress {
    /// A sign of life.
    pub(crate) fn beat(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns once there was no sign of life for so long.
    pub(crate) async fn stalled(&self, limit: Duration) {
        let mut seen = None;
        loop {
            let beats = self.1.load(Ordering::Relaxed);
            if seen == Some(beats) {
                return;
            }
            seen = Some(beats);
            tokio::time::sleep(limit).await;
        }
    }

    /// Changes the counts.
    pub(crate) fn count(&self, change: impl FnOnce(&mut PassReport)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts what was left out, and names the first ones, each once.
    pub(crate) fn skip(&self, path: &str, reason: Skip) {
        self.count(|report| {
            *report.skipped.entry(reason.as_str()).or_default() += 1;
            let named = Named { path: reason.named(path).to_owned(), reason: reason.as_str() };
            if report.problems.len() < MOST_NAMED && !report.problems.contains(&named) {
                report.problems.push(named);
            }
        });
    }

    /// As it is stored.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(&*self.0.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default()
    }
}

/// Why a pass did not go through everything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassFailure {
    /// Another worker has it, or the source is gone: stop without a trace.
    #[error("another process has the source")]
    LeaseLost,
    /// The feature is off.
    #[error("`WATCH_ROOT` is not set on this server")]
    NotConfigured,
    /// The folder is not there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The folder was there when the pass began, or files are known and it is empty.
    #[error("the folder is empty or was taken away; it may be a share that is not mounted. Nothing was removed")]
    FolderGone,
    /// The file system does not answer.
    #[error("the folder does not answer; it may be a share whose server is away")]
    Stalled,
    /// Its settings changed: another pass goes by the new ones.
    #[error("the source was changed during the pass")]
    Changed,
    /// What was met first has to be read before more is taken in.
    #[error("many documents wait to be read; the next pass takes in more")]
    NoPlace,
    /// The database did not do its part.
    #[error("the database could not be used")]
    Store(#[source] StoreError),
    /// A change could not be proved, or a task ended without a word.
    #[error("an unexpected fault; the log tells more")]
    Internal,
}

impl PassFailure {
    /// The stable word.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::LeaseLost => "interrupted",
            Self::NotConfigured => "not_configured",
            Self::Place(error) => error.code(),
            Self::FolderGone => "folder_gone",
            Self::Stalled => "folder_stalled",
            Self::Changed => "source_changed",
            Self::NoPlace => "documents_waiting",
            Self::Store(_) => "upstream_unavailable",
            Self::Internal => "internal",
        }
    }
}

impl From<StoreError> for PassFailure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::LeaseLost,
            other => Self::Store(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_the_first_and_counts_all() {
        let progress = Progress::default();
        for number in 0..80 {
            progress.skip(&format!("{number}.png"), Skip::Format);
        }
        progress.skip("out", Skip::Link);
        let report = progress.to_json();
        assert_eq!(report["skipped"], serde_json::json!({ "format": 80, "link": 1 }));
        assert_eq!(report["problems"].as_array().unwrap().len(), MOST_NAMED);
        assert_eq!(report["problems"][0], serde_json::json!({ "path": "0.png", "reason": "format" }));
    }

    #[test]
    fn of_files_that_are_kept_from_people_the_folder_is_named() {
        let progress = Progress::default();
        for name in ["hr/dismissals/anna.md", "hr/dismissals/ben.md"] {
            progress.skip(name, Skip::UnmappedGroup);
        }
        progress.skip("secret.md", Skip::OwnerOnly);
        let report = progress.to_json();
        assert_eq!(report["skipped"], serde_json::json!({ "owner_only": 1, "unmapped_group": 2 }));
        let folders = serde_json::json!([
            { "path": "hr/dismissals", "reason": "unmapped_group" }, { "path": ".", "reason": "owner_only" },
        ]);
        assert_eq!(report["problems"], folders);
    }
}
