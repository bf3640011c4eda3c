//! What a thread of the pool does: a driver blocks, and everything about a connection happens here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::error::Context;
use crate::fetch::Place;
use crate::job::{Job, Message, Task};
use crate::link::Link;
use crate::pool::{Next, Shared};
use crate::{Credential, Dialect, Limits, OdbcError, catalogue, privileges};

pub(crate) fn work(shared: &Shared, worker: u64) {
    let mut kept = None;
    loop {
        match shared.next(worker) {
            Next::Closed => return,
            Next::Idle => kept = None,
            Next::Job(job) => {
                // `odbc-api` panics where a driver answers what ODBC does not know.
                let result = catch_unwind(AssertUnwindSafe(|| carry_out(shared, &mut kept, &job)));
                let result = result.unwrap_or(Err(OdbcError::Driver));
                let keep = keeps(&result, kept.as_ref());
                // The reader hears of it first: closing a broken connection may take its time.
                job.finish(result);
                if !keep {
                    kept = None;
                }
                if !shared.done(worker) {
                    return;
                }
            }
        }
    }
}

/// A connection, and who signed in on it.
struct Kept {
    link: Link,
    credential: Credential,
}

/// Whether the connection can serve again. A table that was not read to its end costs the databases that are known little.
fn keeps(result: &Result<(), OdbcError>, kept: Option<&Kept>) -> bool {
    let Err(error) = result else { return true };
    let cut = matches!(error, OdbcError::TooManyRows(_) | OdbcError::TooLarge(_) | OdbcError::ValueTooLarge { .. });
    let cheap = kept.is_some_and(|kept| !matches!(kept.link.dialect, Dialect::Other(_)));
    error.leaves_connection() || matches!(error, OdbcError::ValueUnfit { .. }) || (cut && cheap)
}

fn carry_out(shared: &Shared, kept: &mut Option<Kept>, job: &Job) -> Result<(), OdbcError> {
    job.check()?;
    let limits = limits(job);
    let context =
        Context { connecting: false, driver: shared.source.driver(), credential: &job.credential, time: job.left() };
    connect(shared, kept, job, &context, limits.rows)?;
    job.check()?;
    let Some(Kept { link, .. }) = kept else { return Err(OdbcError::Driver) };
    let place = Place { link, cancel: &job.cancel, context: Context { time: job.time, ..context }, limits };
    let result = match &job.task {
        Task::Query(query) => place.query(&query.sql, &query.parameters, &mut &*job),
        Task::Catalogue(limits) => {
            catalogue::read(&place, limits).and_then(|found| job.send(Message::Catalogue(found)))
        }
        Task::Check => privileges::check(&place, &shared.source).and_then(|found| job.send(Message::Checked(found))),
    };
    if keeps(&result, kept.as_ref())
        && let Some(Kept { link, .. }) = kept
        && link.rollback(&context).is_err()
    {
        *kept = None;
    }
    result
}

/// Leaves a connection of the right login in a transaction that only reads: the one that is kept, if it is alive.
fn connect(
    shared: &Shared,
    kept: &mut Option<Kept>,
    job: &Job,
    context: &Context<'_>,
    rows: u64,
) -> Result<(), OdbcError> {
    let old = kept.as_ref().is_some_and(|kept| {
        kept.credential != job.credential
            || kept.link.opened.elapsed() > shared.options.age
            || Instant::now().duration_since(kept.link.used) > shared.options.idle
    });
    if old {
        *kept = None;
    }
    if let Some(Kept { link, .. }) = kept {
        if link.begin(context, rows).is_ok() {
            return Ok(());
        }
        *kept = None;
        job.check()?;
    }
    let signing_in = Context { connecting: true, time: context.time.min(shared.options.connect), ..*context };
    let link = Link::open(&shared.source, &signing_in)?;
    link.begin(context, rows)?;
    *kept = Some(Kept { link, credential: job.credential.clone() });
    Ok(())
}

fn limits(job: &Job) -> Limits {
    match &job.task {
        Task::Query(query) => query.limits,
        Task::Catalogue(limits) => {
            Limits { rows: limits.relations.max(limits.columns) as u64, time: limits.time, ..Limits::default() }
        }
        Task::Check => Limits { time: job.time, ..Limits::default() },
    }
}
