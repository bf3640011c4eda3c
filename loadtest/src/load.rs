//! Makes requests from several connections at once and collects what each one found.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures::future::try_join_all;

use crate::{
    http::Client,
    proc::{Processor, processor},
    report::Row,
};

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// Process id of the server.
    pub(crate) server: u32,
}

impl Target {
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address, Some(&self.token)).await
    }
}

/// How much load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    /// Connections, each with one request at a time.
    pub(crate) clients: usize,
    /// Requests at most.
    pub(crate) requests: usize,
    /// No request begins later than this.
    pub(crate) time: Duration,
}

/// What all requests together found.
pub(crate) struct Load<T> {
    pub(crate) found: Vec<T>,
    pub(crate) took: Duration,
    used: Processor,
}

impl<T> Load<T> {
    pub(crate) fn per_second(&self) -> f64 {
        self.found.len() as f64 / self.took.as_secs_f64()
    }

    /// Adds throughput and processor time of one request to a line.
    pub(crate) fn add_to(&self, row: Row, unit: &'static str) -> Row {
        let each = |used: Duration| used.as_secs_f64() * 1000.0 / self.found.len().max(1) as f64;
        row.figure("throughput", self.per_second(), unit).figure("CPU", each(self.used.server), "ms").figure(
            "CPU of PostgreSQL",
            each(self.used.postgres),
            "ms",
        )
    }
}

/// Calls `one` with the numbers 0, 1, 2, …, from as many connections as asked for. The first failure ends it.
pub(crate) async fn drive<T>(
    target: &Target,
    amount: Amount,
    one: impl AsyncFn(&mut Client, usize) -> anyhow::Result<T>,
) -> anyhow::Result<Load<T>> {
    let mut clients = Vec::new();
    for _ in 0..amount.clients {
        clients.push(target.client().await?);
    }
    let (next, found) = (Cell::new(0), RefCell::new(Vec::new()));
    let before = processor(target.server);
    let start = Instant::now();
    try_join_all(clients.iter_mut().map(async |client| {
        while next.get() < amount.requests && start.elapsed() < amount.time {
            let number = next.replace(next.get() + 1);
            let result = one(client, number).await?;
            found.borrow_mut().push(result);
        }
        anyhow::Ok(())
    }))
    .await?;
    let took = start.elapsed();
    let after = processor(target.server);
    let used = Processor {
        server: after.server.saturating_sub(before.server),
        postgres: after.postgres.saturating_sub(before.postgres),
    };
    Ok(Load { found: found.into_inner(), took, used })
}
