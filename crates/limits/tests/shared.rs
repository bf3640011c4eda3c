//! Two limiters, as in two processes, and a real Redis between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod kit;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use millwright_core::Sources;
use millwright_limits::{Backend, Demand, Kind, Quota, RateLimiter};
use tokio::task::JoinSet;

use self::kit::{Replica, SECRET, pair, passed, redis_server::RedisServer, settings, user};

fn connect(redis: &RedisServer) -> redis::Connection {
    redis::Client::open(redis.url()).unwrap().get_connection().unwrap()
}

/// What the limit promises for a stretch of time.
fn most(quota: Quota, time: Duration) -> f64 {
    f64::from(quota.burst.get()) + f64::from(quota.per_minute.get()) / 60.0 * time.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_two_replicas_exactly_the_burst_and_the_rate_get_through() {
    let Some(redis) = RedisServer::start() else { return };
    let quota = Quota::new(3000, 40);
    let (a, b) = pair(&redis, &settings(quota)).await;
    let user = user();
    let started = Instant::now();
    let mut asking = JoinSet::new();
    // 16 clients as fast as they can, half of them at each replica.
    for client in 0..16 {
        let limiter = Arc::clone(if client % 2 == 0 { &a.limiter } else { &b.limiter });
        asking.spawn(async move {
            let (mut passed, mut refused) = (0_u32, 0_u32);
            while started.elapsed() < Duration::from_secs(3) {
                let decision = limiter.check(&[Demand::user(user)]).await;
                assert!(decision.remaining < decision.limit, "{decision:?}");
                if decision.allowed { passed += 1 } else { refused += 1 }
            }
            (passed, refused)
        });
    }
    let (mut passed, mut refused) = (0, 0);
    while let Some(counts) = asking.join_next().await {
        let counts = counts.unwrap();
        (passed, refused) = (passed + counts.0, refused + counts.1);
    }
    let allowed = most(quota, started.elapsed());
    println!("{passed} of {} passed, {allowed:.1} were allowed", passed + refused);
    assert!(f64::from(passed) <= allowed, "{passed} of {allowed}");
    assert!(f64::from(passed) >= allowed - 3.0, "{passed} of {allowed}: the limit gives away what it promises");
    assert!(refused > passed, "the clients were too slow to prove anything");
    a.end().await;
    b.end().await;
}

#[tokio::test]
async fn tokens_of_all_buckets_are_taken_together_or_not_at_all() {
    let Some(redis) = RedisServer::start() else { return };
    let mut settings = settings(Quota::new(1, 2));
    settings.tenant = Quota::new(1, 10);
    let (a, b) = pair(&redis, &settings).await;
    let sources = Sources::system();
    let (tenant, greedy) = (sources.new_id(), user());
    for _ in 0..10 {
        for replica in [&a, &b] {
            replica.limiter.check(&[Demand::user(greedy), Demand::tenant(tenant)]).await;
        }
    }
    let left = a.ask(Demand::tenant(tenant)).await;
    assert_eq!((left.allowed, left.remaining), (true, 7), "two by the greedy user and this one");
    let refused = b.limiter.check(&[Demand::tenant(tenant), Demand::user(greedy)]).await;
    assert_eq!((refused.allowed, refused.kind, refused.limit, refused.remaining), (false, Kind::User, 2, 0));
    let wait = refused.retry_after.unwrap();
    assert!(wait > Duration::from_secs(55) && wait <= Duration::from_mins(1), "{wait:?}");
    assert!(refused.reset > wait && refused.reset <= Duration::from_mins(2), "{refused:?}");
}

#[tokio::test]
async fn a_refused_request_is_let_through_when_it_was_told_to_come_back() {
    let Some(redis) = RedisServer::start() else { return };
    let (a, b) = pair(&redis, &settings(Quota::new(120, 1))).await;
    let user = user();
    assert!(a.ask(Demand::user(user)).await.allowed);
    let refused = b.ask(Demand::user(user)).await;
    assert!(!refused.allowed);
    tokio::time::sleep(refused.retry_after.unwrap()).await;
    assert!(a.ask(Demand::user(user)).await.allowed);
}

#[tokio::test]
async fn redis_learns_no_address_and_no_id_and_keeps_nothing() {
    let Some(redis) = RedisServer::start() else { return };
    let slow = Quota::new(60, 100);
    let mut settings = settings(slow);
    (settings.address, settings.sign_in) = (slow, slow);
    let (a, _b) = pair(&redis, &settings).await;
    let user = user();
    let address = "192.0.2.77".parse().unwrap();
    a.limiter.check(&[Demand::address(address), Demand::user(user), Demand::sign_in(address)]).await;
    let mut connection = connect(&redis);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
    assert!(keys.len() >= 3, "{keys:?}");
    let uuid = user.uuid();
    for key in &keys {
        let value: String = redis::cmd("GET").arg(key).query(&mut connection).unwrap();
        let (shown, hexadecimal) = (format!("{key} {value}"), "c000024d");
        for private in ["192.0.2.77", hexadecimal, &uuid.to_string(), &uuid.as_simple().to_string()] {
            assert!(!shown.contains(private), "{shown}");
        }
        let left: i64 = redis::cmd("PTTL").arg(key).query(&mut connection).unwrap();
        assert!((0..=121_000).contains(&left), "{key} stays {left} ms");
    }
}

#[tokio::test]
async fn without_a_redis_at_start_the_limiter_limits_and_finds_it_later() {
    let Some(mut redis) = RedisServer::start() else { return };
    redis.kill();
    let quota = Quota::new(60, 5);
    let (a, b) = (Replica::new(&redis, &settings(quota)), Replica::new(&redis, &settings(quota)));
    let started = Instant::now();
    assert_eq!(passed(&a, user(), 50).await, 5);
    assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    redis.restart();
    a.together_with(&b).await;
}

#[tokio::test]
async fn a_clock_of_redis_that_was_set_back_empties_a_bucket_but_does_not_lock_it() {
    let Some(redis) = RedisServer::start() else { return };
    let quota = Quota::new(600, 3);
    let (a, _b) = pair(&redis, &settings(quota)).await;
    let user = user();
    assert!(a.ask(Demand::user(user)).await.allowed);
    let mut connection = connect(&redis);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:user:*").query(&mut connection).unwrap();
    // As if the clock had gone back by an hour since.
    let (now, _): (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
    for key in keys {
        let ahead = (now + 3600) * 1_000_000;
        redis::cmd("SET").arg(key).arg(ahead).arg("PX").arg(3_600_000).exec(&mut connection).unwrap();
    }
    let refused = a.ask(Demand::user(user)).await;
    assert!(!refused.allowed);
    assert!(refused.retry_after.unwrap() <= quota.interval(), "{refused:?}");
    tokio::time::sleep(quota.interval() + Duration::from_millis(5)).await;
    assert!(a.ask(Demand::user(user)).await.allowed);
}

#[test]
fn a_url_that_is_none_is_refused_without_being_shown() {
    for url in ["http://user:hunter2@127.0.0.1/", "hunter2", "redis://user:hunter2@127.0.0.1:port/"] {
        let backend = Backend::Redis { url: url.to_owned().into() };
        assert!(!format!("{backend:?}").contains("hunter2"));
        let refused = RateLimiter::new(settings(Quota::new(1, 1)), &SECRET, backend).unwrap_err();
        let (shown, source) = (format!("{refused} {refused:?}"), std::error::Error::source(&refused).unwrap());
        assert!(!shown.contains("hunter2") && !source.to_string().contains("hunter2"), "{shown}: {source}");
    }
}
