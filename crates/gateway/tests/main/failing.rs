//! Servers fail in every way; the caller sees an answer, or a clear word in time.

use std::time::{Duration, Instant};

use futures::StreamExt;
use millwright_core::{Classification::Internal, ErrorCode, ToProblem};
use millwright_gateway::{GatewayError, Health, Prefer};
use millwright_llm::{LlmError, Tier};

use crate::{
    server::{Act, Server},
    support::{On, Site, complete, read, stream},
};

#[tokio::test]
async fn a_failure_before_the_first_token_is_not_seen_by_the_caller() {
    let site = Site::new().await;
    for act in [Act::Refuse(500, None), Act::Refuse(429, None), Act::Garbage, Act::Break(0), Act::Stall] {
        let (bad, good) = (Server::start(act).await, Server::start(Act::Answer(3)).await);
        let gateway = site.gateway(&[On::new("m@bad", &bad), On::new("m@good", &good)], Prefer::Up);
        let answer = stream(&gateway, site.call(Internal)).await.unwrap();
        assert_eq!(answer.route().endpoint, "at-m@good", "{act:?}");
        assert_eq!(answer.route().failed.len(), 1, "{act:?}: {:?}", answer.route().failed);
        let (text, failure) = read(answer).await;
        assert_eq!((text.as_str(), failure.is_none()), ("word word word ", true), "{act:?}");
        let whole = complete(&gateway, site.call(Internal)).await.unwrap();
        assert_eq!(whole.completion.text, "word word word", "{act:?}");
    }
    site.database.drop().await;
}

#[tokio::test]
async fn a_failure_after_the_first_token_ends_the_answer_and_what_came_is_kept_and_counted() {
    let site = Site::new().await;
    let (breaks, good) = (Server::start(Act::Break(2)).await, Server::start(Act::Answer(3)).await);
    let gateway = site.gateway(&[On::new("m@breaks", &breaks)], Prefer::Up);
    let (text, failure) = read(stream(&gateway, site.call(Internal)).await.unwrap()).await;
    assert_eq!(text, "word word ");
    assert!(matches!(failure, Some(GatewayError::Model(LlmError::Interrupted { .. }))), "{failure:?}");
    // Ten characters are about three tokens; the server told nothing.
    assert_eq!(site.usage(1).await, ["m failed 3 0"]);
    assert_eq!(good.requests(), 0);
    site.database.drop().await;
}

#[tokio::test]
async fn a_caller_who_leaves_cancels_the_request_and_pays_for_what_was_produced() {
    let site = Site::new().await;
    let slow = Server::start(Act::Slow(500)).await;
    let gateway = site.gateway(&[On::new("m", &slow)], Prefer::Up);
    let answer = stream(&gateway, site.call(Internal)).await.unwrap();
    let mut deltas = Box::pin(answer.into_deltas());
    for _ in 0..3 {
        deltas.next().await.unwrap().unwrap();
    }
    drop(deltas);
    let usage = site.usage(1).await;
    assert!(usage.len() == 1 && usage[0].starts_with("m cut "), "{usage:?}");
    for _ in 0..100 {
        if slow.left() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(slow.left(), 1, "the server goes on writing for nobody");
    assert_eq!(gateway.catalog().endpoints()[0].running, 0);
    site.database.drop().await;
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is() {
    let site = Site::new().await;
    let (busy, good) = (Server::start(Act::Refuse(429, Some(60))).await, Server::start(Act::Answer(1)).await);
    let gateway = site.gateway(&[On::new("m@busy", &busy), On::new("m@good", &good)], Prefer::Up);
    for _ in 0..5 {
        complete(&gateway, site.call(Internal)).await.unwrap();
    }
    assert_eq!((busy.requests(), good.requests()), (1, 5));
    assert_eq!(gateway.catalog().endpoints()[0].health, Health::Down);
    site.database.drop().await;
}

#[tokio::test]
async fn a_request_that_a_server_finds_wrong_is_not_tried_elsewhere() {
    let site = Site::new().await;
    let (wrong, other) = (Server::start(Act::Refuse(400, None)).await, Server::start(Act::Answer(1)).await);
    let gateway = site.gateway(&[On::new("m@wrong", &wrong), On::new("m@other", &other)], Prefer::Up);
    let error = complete(&gateway, site.call(Internal)).await.unwrap_err();
    assert!(matches!(error, GatewayError::Model(LlmError::Rejected { status: 400, .. })), "{error:?}");
    assert_eq!(other.requests(), 0);
    assert!(site.usage(0).await.is_empty(), "nothing reached a model");
    site.database.drop().await;
}

#[tokio::test]
async fn nobody_waits_past_the_deadline() {
    let site = Site::new().await;
    let (one, two) = (Server::start(Act::Stall).await, Server::start(Act::Stall).await);
    let gateway = site.gateway(&[On::new("m@one", &one), On::new("m@two", &two)], Prefer::Up);
    let mut call = site.call(Internal);
    call.within = Some(Duration::from_millis(300));
    let began = Instant::now();
    let error = complete(&gateway, call).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(error.problem().code, ErrorCode::UpstreamUnavailable);
    site.database.drop().await;
}

#[tokio::test]
async fn a_server_that_is_back_is_found_within_five_seconds() {
    let site = Site::new().await;
    let server = Server::start(Act::Refuse(503, None)).await;
    let gateway = site.gateway(&[On::new("m", &server)], Prefer::Up);
    for _ in 0..6 {
        complete(&gateway, site.call(Internal)).await.unwrap_err();
    }
    assert_eq!(gateway.catalog().endpoints()[0].health, Health::Down);
    server.set(Act::Answer(1));
    let began = Instant::now();
    while complete(&gateway, site.call(Internal)).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    assert_eq!(gateway.catalog().endpoints()[0].health, Health::Up);
    site.database.drop().await;
}

#[tokio::test]
async fn when_a_tier_is_down_a_stronger_model_answers_and_a_weaker_one_only_where_that_is_preferred() {
    let site = Site::new().await;
    let (down, light, heavy) = (
        Server::start(Act::Refuse(500, None)).await,
        Server::start(Act::Answer(1)).await,
        Server::start(Act::Answer(1)).await,
    );
    let models = |with_heavy: bool| {
        let mut models = vec![On::new("standard", &down), On { tier: Tier::Light, ..On::new("light", &light) }];
        if with_heavy {
            models.push(On { tier: Tier::Heavy, ..On::new("heavy", &heavy) });
        }
        models
    };
    let answer = complete(&site.gateway(&models(true), Prefer::Down), site.call(Internal)).await.unwrap();
    assert_eq!(answer.route.model, "heavy");
    let answer = complete(&site.gateway(&models(false), Prefer::Down), site.call(Internal)).await.unwrap();
    assert_eq!(answer.route.model, "light");
    assert!(complete(&site.gateway(&models(false), Prefer::Up), site.call(Internal)).await.is_err());
    assert!(complete(&site.gateway(&models(true), Prefer::Refuse), site.call(Internal)).await.is_err());
    site.database.drop().await;
}

#[tokio::test]
async fn a_prompt_that_a_server_was_sent_is_counted_though_nobody_waited_for_its_answer() {
    let site = Site::new().await;
    let silent = Server::start(Act::Stall).await;
    let gateway = site.gateway(&[On::new("m", &silent)], Prefer::Up);
    // Somebody who goes away, and somebody whose time runs out.
    let left = tokio::time::timeout(Duration::from_millis(200), complete(&gateway, site.call(Internal))).await;
    assert!(left.is_err());
    let mut call = site.call(Internal);
    call.within = Some(Duration::from_millis(100));
    complete(&gateway, call).await.unwrap_err();
    assert_eq!(site.usage(2).await, ["m cut 0 0", "m failed 0 0"]);
    let read = site.database.peek("SELECT (min(input_tokens) > 0)::text FROM model_usage").await;
    assert_eq!(read, ["true"]);
    site.database.drop().await;
}

#[tokio::test]
async fn a_caller_in_a_hurry_takes_no_server_from_the_others() {
    let site = Site::new().await;
    let silent = Server::start(Act::Stall).await;
    let gateway = site.gateway(&[On::new("m", &silent)], Prefer::Up);
    for _ in 0..5 {
        let mut call = site.call(Internal);
        call.within = Some(Duration::from_millis(20));
        complete(&gateway, call).await.unwrap_err();
    }
    assert_eq!(gateway.catalog().endpoints()[0].health, Health::Up);
    silent.set(Act::Answer(1));
    complete(&gateway, site.call(Internal)).await.unwrap();
    site.database.drop().await;
}

#[tokio::test]
async fn a_server_that_fails_quickly_is_not_preferred_for_its_quickness() {
    let site = Site::new().await;
    let (bad, good) = (Server::start(Act::Answer(1)).await, Server::start(Act::Answer(1)).await);
    let gateway = site.gateway(&[On::new("m@bad", &bad), On::new("m@good", &good)], Prefer::Up);
    for _ in 0..6 {
        complete(&gateway, site.call(Internal)).await.unwrap();
    }
    bad.set(Act::Refuse(500, None));
    let before = bad.requests();
    for _ in 0..6 {
        complete(&gateway, site.call(Internal)).await.unwrap();
    }
    assert!(bad.requests() - before <= 1, "it was asked {} times", bad.requests() - before);
    site.database.drop().await;
}
