use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use millwright_telemetry::metrics;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError, Script, aio::MultiplexedConnection,
    io::tcp::TcpSettings,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Kind, LimitError, LimitSettings, Quota, decision::Level, keys::Name};

/// Longer than any Redis in the same house takes, short enough that the request that meets a dead one is not slow.
const PATIENCE: Duration = Duration::from_millis(100);
/// For a connection to be made, TLS and sign-in included. No request waits for it.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// Pause between attempts to connect, doubled each time up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The braces put all keys into one slot, because one script works on several of them.
const PREFIX: &str = "{millwright:limits}";

/// The buckets that all processes share.
///
/// Connections are made by [`Shared::keep_connected`] and never by a request: a request finds one or goes on without.
/// One that fails or does not answer in time is given up at once, so that the next request does not wait for it.
pub(crate) struct Shared {
    client: Client,
    script: Script,
    link: RwLock<Option<Link>>,
    made: AtomicU64,
    lost: Notify,
}

#[derive(Clone)]
struct Link {
    /// Tells it from its successors.
    number: u64,
    connection: MultiplexedConnection,
}

/// The shared buckets cannot be asked now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Outage {
    #[error("there is no connection to Redis")]
    NotConnected,
    #[error("Redis did not answer within {} ms", PATIENCE.as_millis())]
    TooSlow,
    #[error("Redis failed")]
    Failed(#[from] RedisError),
    #[error("Redis answered with {0} numbers")]
    Strange(usize),
}

impl Outage {
    /// A low-cardinality label.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::TooSlow => "too_slow",
            Self::Failed(_) | Self::Strange(_) => "failed",
        }
    }
}

impl Shared {
    pub(crate) fn new(url: &str) -> Result<Self, LimitError> {
        let info = url.into_connection_info().map_err(LimitError::Url)?;
        // Without it a request would wait for the acknowledgement of the one before.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        metrics::rate_limits_shared(false);
        Ok(Self {
            client: Client::open(info).map_err(LimitError::Url)?,
            script: Script::new(include_str!("take.lua")),
            link: RwLock::default(),
            made: AtomicU64::new(0),
            lost: Notify::new(),
        })
    }

    /// Takes a token of each bucket, or none at all.
    pub(crate) async fn take(&self, settings: &LimitSettings, wanted: &[(Kind, Name)]) -> Result<Vec<Level>, Outage> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = match link {
            Some(Link { number, mut connection }) => {
                let answer = self.ask(&mut connection, settings, wanted).await;
                answer.inspect_err(|outage| self.give_up(number, outage))
            }
            None => Err(Outage::NotConnected),
        };
        answer.inspect_err(|outage| metrics::rate_limit_fallback(outage.as_str()))
    }

    /// Makes a connection whenever there is none, until it is told to stop.
    pub(crate) async fn keep_connected(&self, stop: &CancellationToken, settings: &LimitSettings) {
        let mut pause = SHORTEST_PAUSE;
        let mut told = false;
        loop {
            match self.connect(settings).await {
                Ok(connection) => {
                    let number = self.made.fetch_add(1, Ordering::Relaxed);
                    let link = Link { number, connection };
                    *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(link);
                    metrics::rate_limits_shared(true);
                    tracing::info!("rate limits are shared through Redis");
                    (pause, told) = (SHORTEST_PAUSE, false);
                    tokio::select! {
                        () = self.lost.notified() => {}
                        () = stop.cancelled() => return,
                    }
                }
                Err(outage) if !told => {
                    told = true;
                    tracing::warn!(
                        error = &outage as &dyn std::error::Error,
                        "no connection to Redis: every process limits by itself until there is one"
                    );
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => return,
            }
        }
    }

    /// A connection on which the script has run in time: one that only connects may still be read-only or too slow.
    async fn connect(&self, settings: &LimitSettings) -> Result<MultiplexedConnection, Outage> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_PATIENCE))
            .set_response_timeout(Some(CONNECT_PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection =
            tokio::time::timeout(CONNECT_PATIENCE, connecting).await.map_err(|_| Outage::TooSlow)??;
        // Sends the script, which takes two more trips than later ones; its time counts the second time.
        let probe = [(Kind::Address, Name::default())];
        let invocation = self.invocation(settings, &probe);
        let sending = invocation.invoke_async::<Vec<u64>>(&mut connection);
        tokio::time::timeout(CONNECT_PATIENCE, sending).await.map_err(|_| Outage::TooSlow)??;
        self.ask(&mut connection, settings, &probe).await?;
        Ok(connection)
    }

    async fn ask(
        &self,
        connection: &mut MultiplexedConnection,
        settings: &LimitSettings,
        wanted: &[(Kind, Name)],
    ) -> Result<Vec<Level>, Outage> {
        let invocation = self.invocation(settings, wanted);
        let asking = invocation.invoke_async::<Vec<u64>>(connection);
        let numbers = tokio::time::timeout(PATIENCE, asking).await.map_err(|_| Outage::TooSlow)??;
        let strange = Outage::Strange(numbers.len());
        let Some((taken, missing)) = numbers.split_first().filter(|(_, missing)| missing.len() == wanted.len()) else {
            return Err(strange);
        };
        let levels = wanted.iter().zip(missing).map(|((kind, _), missing)| {
            Level::from_missing(*kind, settings.quota(*kind), Duration::from_micros(*missing), *taken == 1)
        });
        Ok(levels.collect())
    }

    fn invocation(&self, settings: &LimitSettings, wanted: &[(Kind, Name)]) -> redis::ScriptInvocation<'_> {
        let mut invocation = self.script.prepare_invoke();
        for (kind, name) in wanted {
            let quota = settings.quota(*kind);
            invocation.key(format!("{PREFIX}:{}:{}", kind.as_str(), hex::encode(name)));
            invocation.arg(quota.interval().as_micros() as u64).arg(quota.burst.get());
        }
        invocation
    }

    /// Of all requests that a lost connection fails, the first one tells.
    fn give_up(&self, number: u64, outage: &Outage) {
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_none_or(|link| link.number != number) {
            return;
        }
        *link = None;
        drop(link);
        metrics::rate_limits_shared(false);
        tracing::warn!(
            error = outage as &dyn std::error::Error,
            "Redis is given up for now: every process limits by itself until it answers again"
        );
        self.lost.notify_one();
    }
}

impl Level {
    /// From the time that a bucket was away from full before anything was taken.
    fn from_missing(kind: Kind, quota: Quota, missing: Duration, taken: bool) -> Self {
        let (interval, capacity) = (quota.interval(), quota.capacity());
        let reset = if taken { missing + interval } else { missing };
        let left = capacity.saturating_sub(reset).as_micros() / interval.as_micros().max(1);
        let wait = (missing + interval).saturating_sub(capacity);
        let wait = Some(wait).filter(|wait| !taken && !wait.is_zero());
        Self { kind, quota, remaining: u32::try_from(left).unwrap_or(u32::MAX), reset, wait }
    }
}
