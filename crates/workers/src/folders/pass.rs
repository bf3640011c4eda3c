//! One pass over a source: what both kinds share.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Group, Sources, TenantScope, audit::AuditRecord, id::DocumentId};
use millwright_store::{
    Store, TenantTx,
    system::ClaimedClock,
    tenant::{ClockFence, SourceClock, WatchedSourceRow},
};
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    Inside, WatchSettings,
    access::GroupMap,
    place::Folder,
    report::{PassFailure, Progress, Skip},
};

/// What passes work with.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) store: Store,
    pub(super) sources: Sources,
    pub(super) key: Arc<AuditKey>,
    pub(super) settings: WatchSettings,
    pub(super) jobs_wake: Arc<Notify>,
}

/// A pass under way.
pub(super) struct Pass {
    tools: Tools,
    claimed: ClaimedClock,
    pub(super) source: WatchedSourceRow,
    folder: Option<Folder>,
    pub(super) groups: GroupMap,
    pub(super) progress: Progress,
    /// `None` for a source that is to be removed.
    inside: Option<Inside>,
}

impl std::ops::Deref for Pass {
    type Target = Tools;

    fn deref(&self) -> &Tools {
        &self.tools
    }
}

impl Pass {
    /// Goes through everything.
    pub(super) async fn run(
        tools: &Tools,
        claimed: ClaimedClock,
        source: &WatchedSourceRow,
        progress: Progress,
        inside: Option<Inside>,
    ) -> Result<(), PassFailure> {
        let mut pass = Self {
            tools: tools.clone(),
            claimed,
            source: source.clone(),
            folder: None,
            groups: GroupMap::Ignored,
            progress,
            inside,
        };
        if source.deleted {
            return match claimed.fence.clock {
                SourceClock::Contents => pass.remove_source().await,
                SourceClock::Permissions => Err(PassFailure::LeaseLost),
            };
        }
        pass.open().await?;
        match claimed.fence.clock {
            SourceClock::Contents => Box::pin(pass.contents()).await,
            SourceClock::Permissions => Box::pin(pass.permissions()).await,
        }
    }

    async fn open(&mut self) -> Result<(), PassFailure> {
        let root = self.settings.root.clone().ok_or(PassFailure::NotConfigured)?;
        let (tenant, path) = (self.claimed.scope.tenant_id(), self.source.path.clone());
        let map: Option<BTreeMap<String, Group>> = match self.source.settings.group_map.clone() {
            Some(map) => Some(serde_json::from_value(map).map_err(|_| PassFailure::Internal)?),
            None => None,
        };
        let inside = self.inside.clone().ok_or(PassFailure::Internal)?;
        let opened = tokio::task::spawn_blocking(move || {
            let _inside = inside;
            let folder = Folder::open(&root, tenant, &path)?;
            // Without the file no name is known, and whoever is not known reads nothing.
            let etc_group = std::fs::read_to_string("/etc/group").unwrap_or_default();
            Ok::<_, PassFailure>((folder, GroupMap::resolve(map.as_ref(), &etc_group)))
        });
        let (folder, (groups, unknown)) = opened.await.map_err(|_| PassFailure::Internal)??;
        for name in unknown {
            self.progress.skip(&name, Skip::UnknownGroup);
        }
        self.folder = Some(folder);
        self.groups = groups;
        self.require_folder_if_known().await
    }

    pub(super) fn fence(&self) -> &ClockFence {
        &self.claimed.fence
    }

    pub(super) fn scope(&self) -> &TenantScope {
        &self.claimed.scope
    }

    /// Work with the file system, off the async threads.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> T + Send + 'static,
    ) -> Result<T, PassFailure> {
        let folder = self.folder.clone().ok_or(PassFailure::Internal)?;
        let inside = self.inside.clone().ok_or(PassFailure::Internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _inside = inside;
            work(&folder)
        });
        let done = done.await.map_err(|_| PassFailure::Internal);
        self.progress.beat();
        done
    }

    /// Fails when the folder is not the one that was opened, or has nothing in it.
    pub(super) async fn require_folder(&self) -> Result<(), PassFailure> {
        if self.blocking(Folder::is_still_there).await? { Ok(()) } else { Err(PassFailure::FolderGone) }
    }

    /// The same where files are known: a new source may begin with an empty folder.
    pub(super) async fn require_folder_if_known(&self) -> Result<(), PassFailure> {
        if self.read().await?.source_files().any(self.fence().source).await? {
            return self.require_folder().await;
        }
        Ok(())
    }

    /// A transaction that only reads.
    pub(super) async fn read(&self) -> Result<TenantTx, PassFailure> {
        Ok(self.store.tenant(self.scope()).read().await?)
    }

    /// A transaction in which this pass may write.
    pub(super) async fn begin(&self) -> Result<TenantTx, PassFailure> {
        let mut tx = self.store.tenant(self.scope()).begin().await?;
        if tx.sources().require_lease(self.fence(), self.source.revision).await? {
            Ok(tx)
        } else {
            Err(PassFailure::Changed)
        }
    }

    /// What proves a change to a document.
    pub(super) fn entry(
        &self,
        action: AuditAction,
        document: DocumentId,
        details: &[(&str, Value)],
    ) -> Result<AuditRecord, PassFailure> {
        let event =
            AuditEvent::new(&self.sources, self.scope().tenant_id(), Actor::System("sources"), action, document);
        let event = details.iter().fold(event, |event, (name, value)| event.detail(name, value.clone()));
        self.key.authenticate(&event).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "audit entry cannot be made");
            PassFailure::Internal
        })
    }

    /// How long until the next pass of this clock.
    pub(super) fn interval(source: &WatchedSourceRow, clock: SourceClock) -> Duration {
        let seconds = match clock {
            SourceClock::Contents => source.settings.content_interval_s,
            SourceClock::Permissions => source.settings.permission_interval_s,
        };
        Duration::from_secs(u64::try_from(seconds).unwrap_or(60))
    }
}
