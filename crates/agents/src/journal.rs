//! Writes a run's events and steps: first to the database, then to those who listen.

use std::{sync::Arc, time::Duration};

use millwright_core::{Sources, TenantScope, id::ConversationId};
use millwright_store::{
    Bookkeeping, Proof, Store, StoreError,
    tenant::{RunEventRow, RunFence, RunStepRow},
};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    events::{AgUiEvent, AgUiEventKind},
    guard::GrownVault,
    hub::RunHub,
};

/// How long the database may be away before a run is given up: less than its lease.
const OUTAGE: Duration = Duration::from_secs(20);
/// Between two tries.
const RETRY: Duration = Duration::from_millis(250);

enum Entry {
    Event(RunEventRow),
    Step(RunStepRow),
    /// What placeholders of later entries stand for.
    Vault(GrownVault),
}

/// The writing end. Never waits; the writer coalesces what comes while it is busy.
pub(crate) struct Journal {
    sender: mpsc::UnboundedSender<Entry>,
    sources: Sources,
    next: i64,
    /// While steps are repeated: they are written already.
    silent: bool,
}

impl Journal {
    /// A journal whose first event has the sequence number `next`, and its writer.
    pub(crate) fn new(
        store: Store,
        hub: RunHub,
        sources: Sources,
        scope: TenantScope,
        (conversation, run): (ConversationId, RunFence),
        next: i64,
    ) -> (Self, JournalWriter) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let journal = Self { sender, sources, next, silent: false };
        (journal, JournalWriter { receiver, store, hub, scope, conversation, run })
    }

    /// Whether nothing is recorded, because it is already.
    pub(crate) fn set_silent(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// Records an event.
    pub(crate) fn emit(&mut self, kind: AgUiEventKind) {
        if self.silent {
            return;
        }
        let row = self.row(kind);
        // Fails only after the writer has given up, which ends the run by itself.
        let _ = self.sender.send(Entry::Event(row));
    }

    /// Records a step as it stands now.
    pub(crate) fn step(&self, step: RunStepRow) {
        if self.silent {
            return;
        }
        let _ = self.sender.send(Entry::Step(step));
    }

    /// Records what placeholders stand for, with what comes after it at the latest.
    pub(crate) fn vault(&self, vault: GrownVault) {
        let _ = self.sender.send(Entry::Vault(vault));
    }

    /// The next event, not recorded: the caller stores it.
    pub(crate) fn row(&mut self, kind: AgUiEventKind) -> RunEventRow {
        let sequence = self.next;
        self.next += 1;
        RunEventRow { sequence, payload: AgUiEvent::at(self.sources.now(), kind).into_json() }
    }
}

/// The reading end, to be run beside the run. Ends when the journal is dropped and all is written.
pub(crate) struct JournalWriter {
    receiver: mpsc::UnboundedReceiver<Entry>,
    store: Store,
    hub: RunHub,
    scope: TenantScope,
    conversation: ConversationId,
    run: RunFence,
}

impl JournalWriter {
    /// Writes until the journal is dropped.
    ///
    /// # Errors
    /// When the database stays away too long or refuses.
    pub(crate) async fn run(mut self) -> Result<(), StoreError> {
        while let Some(first) = self.receiver.recv().await {
            let (mut events, mut steps, mut vault) = (Vec::new(), Vec::<RunStepRow>::new(), None::<GrownVault>);
            let mut next = Some(first);
            while let Some(entry) = next {
                match entry {
                    Entry::Event(event) => events.push(event),
                    Entry::Vault(grown) => {
                        // Of several only the first knows what is stored now, and only the last holds all.
                        let replaces = vault.map_or(grown.replaces, |earlier| earlier.replaces);
                        vault = Some(GrownVault { sealed: grown.sealed, replaces });
                    }
                    Entry::Step(step) => match steps.iter_mut().find(|known| known.number == step.number) {
                        Some(known) => *known = step,
                        None => steps.push(step),
                    },
                }
                next = self.receiver.try_recv().ok();
            }
            let started = Instant::now();
            while let Err(error) = self.write(&events, &steps, vault.as_ref()).await {
                if !error.is_transient() || started.elapsed() > OUTAGE {
                    return Err(error);
                }
                tokio::time::sleep(RETRY).await;
            }
            self.hub.publish(self.run.id, Arc::from(events));
        }
        Ok(())
    }

    async fn write(
        &self,
        events: &[RunEventRow],
        steps: &[RunStepRow],
        vault: Option<&GrownVault>,
    ) -> Result<(), StoreError> {
        let mut tx = self.store.tenant(&self.scope).begin().await?;
        tx.runs().require_lease(self.run).await?;
        if let Some(vault) = vault
            && !tx.vaults().put(self.conversation, &vault.sealed, vault.replaces.as_deref()).await?
        {
            return Err(StoreError::InvalidState("the conversation's placeholders were changed by another run"));
        }
        for step in steps {
            tx.runs().put_step(self.run.id, step).await?;
        }
        if !events.is_empty() {
            match tx.runs().append_events(self.run.id, events).await {
                // The commit before was made and its confirmation lost: all is written.
                Err(StoreError::Duplicate(_)) => return Ok(()),
                other => other?,
            }
        }
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await
    }
}
