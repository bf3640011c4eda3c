//! A Redis that goes away and comes back, and what is counted meanwhile. Alone in its process, because metrics are the
//! process's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod kit;

use std::time::{Duration, Instant};

use millwright_config::{Config, Surroundings};
use millwright_limits::Quota;

use self::kit::{pair, passed, redis_server::RedisServer, settings, user};

#[tokio::test]
async fn an_abandoned_redis_slows_one_request_down_and_local_limits_carry_on() {
    let Some(mut redis) = RedisServer::start() else { return };
    let variables = [("HOME", "/tmp"), ("LOG_LEVEL", "error")];
    let config = Config::from_surroundings(&Surroundings::new(variables)).unwrap();
    let counted = millwright_telemetry::init(&config.telemetry);
    let quota = Quota::new(60, 5);
    let (a, b) = pair(&redis, &settings(quota)).await;
    assert!(counted.render().contains("rate_limits_shared 1"), "{}", counted.render());

    // Neither answers nor closes the connection.
    let ada = user();
    assert_eq!(passed(&a, ada, 3).await, 3);
    redis.signal("STOP");
    let started = Instant::now();
    assert_eq!(passed(&a, ada, 1).await, 1);
    let first = started.elapsed();
    assert!(first >= Duration::from_millis(90) && first < Duration::from_millis(300), "{first:?}");
    let started = Instant::now();
    assert_eq!(passed(&a, ada, 10).await, 1, "what went through before Redis stopped counts here too");
    assert!(started.elapsed() < Duration::from_millis(50), "{:?}", started.elapsed());
    let text = counted.render();
    assert!(text.contains("rate_limits_shared 0"), "{text}");
    assert!(text.contains("rate_limit_fallbacks_total{reason=\"too_slow\"} 1"), "{text}");
    assert!(text.contains("rate_limited_total{kind=\"user\"}"), "{text}");
    redis.signal("CONT");
    a.together_with(&b).await;
    assert!(counted.render().contains("rate_limits_shared 1"));

    // Gone, and back with nothing remembered: not even the script.
    redis.kill();
    let started = Instant::now();
    assert_eq!(passed(&a, user(), 50).await, 5, "the burst, judged here");
    assert!(started.elapsed() < Duration::from_millis(300), "{:?}", started.elapsed());
    redis.restart();
    a.together_with(&b).await;
    a.end().await;
    b.end().await;
}
