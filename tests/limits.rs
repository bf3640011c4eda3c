//! Limits as a client meets them: what it is told, what it cannot get round, and what two processes let through
//! together.

#[path = "../crates/limits/tests/kit/redis_server.rs"]
#[allow(dead_code, reason = "the tests of the crate need more of it")]
mod redis_server;

use std::time::{Duration, Instant};

use millwright_core::Role;
use millwright_scripted_model::{Then, Turn};
use reqwest::Response;
use serde_json::json;

use self::redis_server::RedisServer;
use crate::kit::{PASSWORD, Server, World, eventually, plays, problem};

const ME: &str = "/api/v1/auth/me";

/// A world in which one user may ask five times at once and then once a minute.
async fn tight() -> World {
    let mut world = World::new().await;
    world.set("RATE_LIMIT_PER_MINUTE", "1").set("RATE_LIMIT_BURST", "5");
    world
}

fn number(response: &Response, header: &str) -> u64 {
    let value = response.headers().get(header).unwrap_or_else(|| panic!("no {header}: {:?}", response.headers()));
    value.to_str().expect("ascii").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_asks_too_often_is_told_so_and_nobody_else_is_refused() {
    let world = tight().await;
    let tenant = world.tenant("A").await;
    let (ada, bob) =
        (world.somebody(&tenant, "Ada", Role::Viewer).await, world.somebody(&tenant, "Bob", Role::Viewer).await);
    let server = world.server().await;
    let ada = server.session(&ada.token);
    for left in (0..5).rev() {
        let response = ada.get(ME).await;
        assert_eq!(response.status(), 200);
        assert_eq!((number(&response, "ratelimit-limit"), number(&response, "ratelimit-remaining")), (5, left));
        assert!(number(&response, "ratelimit-reset") <= 5 * 60);
    }
    let refused = ada.get(ME).await;
    assert_eq!((number(&refused, "ratelimit-limit"), number(&refused, "ratelimit-remaining")), (5, 0));
    let wait = number(&refused, "retry-after");
    assert!((50..=60).contains(&wait), "{wait}");
    problem(refused, 429, "rate_limited").await;
    // Asking on does not make it longer, and does not touch anybody else.
    for _ in 0..20 {
        assert_eq!(ada.get(ME).await.status(), 429);
    }
    assert!(number(&ada.get(ME).await, "retry-after") <= wait);
    assert_eq!(server.session(&bob.token).get(ME).await.status(), 200);
    let text = server.http.get(server.url("/metrics")).send().await.expect("GET").text().await.expect("text");
    assert!(text.contains("rate_limited_total{kind=\"user\"} 22"), "{text}");
}

/// Signs in from an address that a trusted proxy gives; the status.
async fn sign_in_from(server: &Server, address: &str) -> u16 {
    let body = json!({ "email": "admin@a.test", "password": PASSWORD });
    let request = server.http.post(server.url("/api/v1/auth/login")).header("x-forwarded-for", address).json(&body);
    request.send().await.expect("sign in").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_to_sign_in_are_few_for_each_address_and_no_header_makes_them_more() {
    let mut world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    world.set("SIGN_IN_LIMIT_PER_MINUTE", "3").set("TRUSTED_PROXIES", "127.0.0.1");
    let server = world.server().await;
    // The left part is what the client sent, the right one what the proxy saw. One IPv6 network is one client.
    for client in ["203.0.113.7", "1.1.1.1, 203.0.113.7", "203.0.113.7"] {
        assert_eq!(sign_in_from(&server, client).await, 200, "{client}");
    }
    for client in ["203.0.113.7", "2.2.2.2, 203.0.113.7", "::ffff:203.0.113.7"] {
        assert_eq!(sign_in_from(&server, client).await, 429, "{client}");
    }
    let network = ["2001:db8::1", "2001:db8::2", "2001:db8::3:4", "2001:db8::5"];
    let mut statuses = Vec::new();
    for client in network {
        statuses.push(sign_in_from(&server, client).await);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_streams_and_gets_a_place_back_when_one_ends() {
    let model = plays(Turn::nothing().then(Then::Hang));
    let mut world = World::new().await;
    world.set_model(&model.base_url()).set("MAX_STREAMS_PER_USER", "2");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", "# Press line 2\n\nPress line 2 is lubricated every 250 hours.\n").await;
    let question = json!({ "message": "How often is press line 2 lubricated?" });
    let mut first = admin.ask_streaming("How often is press line 2 lubricated?").await;
    let _second = admin.ask_streaming("How often is press line 2 lubricated?").await;
    assert!(first.next().await.is_some());
    problem(admin.post("/api/v1/chat", &question).await, 429, "rate_limited").await;
    drop(first);
    eventually("the place is given back", Duration::from_secs(30), async || {
        admin.post("/api/v1/chat", &question).await.status() == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_count_together_and_each_for_itself_while_redis_is_away() {
    let Some(mut redis) = RedisServer::start() else { return };
    let mut world = tight().await;
    world.set("REDIS_URL", &redis.url());
    let tenant = world.tenant("A").await;
    let (first, second) = (world.server().await, world.second_server().await);
    for server in [&first, &second] {
        eventually("Redis is used", Duration::from_secs(30), async || metric(server, "rate_limits_shared 1").await)
            .await;
    }
    let token = world.somebody(&tenant, "Ada", Role::Viewer).await.token;
    assert_eq!(passed(&[&first, &second], &token).await, 5, "one burst for both");

    redis.kill();
    let token = world.somebody(&tenant, "Bob", Role::Viewer).await.token;
    let started = Instant::now();
    assert_eq!(passed(&[&first, &second], &token).await, 10, "a burst for each");
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for it: {:?}", started.elapsed());
    for server in [&first, &second] {
        assert!(metric(server, "rate_limits_shared 0").await);
    }
    assert!(first.log().iter().any(|line| line.contains("every process limits by itself")));
}

/// How many of twenty requests, in turn to these servers, are let through.
async fn passed(servers: &[&Server], token: &str) -> usize {
    let mut passed = 0;
    for index in 0..20 {
        let status = servers[index % servers.len()].session(token).get(ME).await.status();
        assert!(status == 200 || status == 429, "{status}");
        passed += usize::from(status == 200);
    }
    passed
}

async fn metric(server: &Server, line: &str) -> bool {
    let text = server.http.get(server.url("/metrics")).send().await.expect("GET").text().await.expect("text");
    text.lines().any(|found| found == line)
}
