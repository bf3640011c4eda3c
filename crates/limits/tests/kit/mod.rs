//! Limiters as in several processes, and a real Redis between them.
#![allow(dead_code, reason = "shared by several test binaries, of which each needs a part")]

pub(crate) mod redis_server;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use millwright_core::{Sources, id::UserId};
use millwright_limits::{Backend, Decision, Demand, LimitSettings, Quota, RateLimiter};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::redis_server::RedisServer;

pub(crate) const SECRET: [u8; 32] = [7; 32];

pub(crate) fn settings(user: Quota) -> LimitSettings {
    let wide = Quota::new(1_000_000, 100_000);
    let approval = Quota::new(1, 100);
    LimitSettings { address: wide, user, tenant: wide, sign_in: wide, step_up: wide, approval }
}

/// A limiter that uses this Redis, with what runs beside it.
pub(crate) struct Replica {
    pub(crate) limiter: Arc<RateLimiter>,
    stop: CancellationToken,
    beside: JoinSet<()>,
}

impl Replica {
    pub(crate) fn new(redis: &RedisServer, settings: &LimitSettings) -> Self {
        let backend = Backend::Redis { url: redis.url().into() };
        let limiter = Arc::new(RateLimiter::new(settings.clone(), &SECRET, backend).unwrap());
        let (stop, mut beside) = (CancellationToken::new(), JoinSet::new());
        let (running, token) = (Arc::clone(&limiter), stop.clone());
        beside.spawn(async move { running.run(token).await });
        Self { limiter, stop, beside }
    }

    pub(crate) async fn ask(&self, demand: Demand) -> Decision {
        self.limiter.check(&[demand]).await
    }

    /// Waits until two limiters judge together: what one lets through is missing at the other.
    pub(crate) async fn together_with(&self, other: &Self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let user: UserId = Sources::system().new_id();
            let here = self.ask(Demand::approval(user)).await;
            let there = other.ask(Demand::approval(user)).await;
            if there.remaining + 1 == here.remaining {
                return;
            }
            assert!(Instant::now() < deadline, "not judged together: {here:?}, {there:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.beside.join_next()).await;
        ended.expect("ends when it is told to").unwrap().unwrap();
    }
}

pub(crate) async fn pair(redis: &RedisServer, settings: &LimitSettings) -> (Replica, Replica) {
    let (a, b) = (Replica::new(redis, settings), Replica::new(redis, settings));
    a.together_with(&b).await;
    (a, b)
}

pub(crate) fn user() -> UserId {
    Sources::system().new_id()
}

/// How many of so many requests are let through.
pub(crate) async fn passed(replica: &Replica, user: UserId, count: usize) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        passed += usize::from(replica.ask(Demand::user(user)).await.allowed);
    }
    passed
}
