use millwright_core::audit::AuditRecord;

/// Why a transaction may be committed: the audit entries of the change it makes, or the kind of
/// bookkeeping that it is.
#[derive(Debug)]
pub enum Proof<'a> {
    /// One change, one entry.
    Entry(&'a AuditRecord),
    /// Several changes in one transaction.
    Entries(&'a [AuditRecord]),
    /// Progress of work whose start and end are audited themselves.
    Bookkeeping(Bookkeeping),
}

/// The only changes that carry no audit entry of their own. A new kind needs a reason here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bookkeeping {
    /// Pages, chunks, vectors and progress of a version whose upload and outcome are audited.
    IngestProgress,
    /// Steps and events of a run whose start and outcome are audited.
    RunProgress,
    /// An attempt of a job that succeeded or will be tried again; giving up is audited.
    JobState,
    /// A session was refreshed: its start and its end are audited.
    SessionUse,
    /// A run's lease.
    RunLease,
    /// Where the steps of a goal stand: its start, its plans, what people decided and its end are audited, and so are its runs.
    GoalProgress,
    /// Where the cases of an evaluation stand: its start and its end are audited, and so are its runs.
    EvaluationProgress,
    /// A pass over a watched folder: each document that it adds, changes or removes is audited.
    SourcePass,
    /// Budgets held for calls, and given back unspent: what is spent is proved by the call's own entry.
    BudgetHold,
}
