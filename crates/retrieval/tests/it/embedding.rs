use std::time::{Duration, Instant};

use crate::support::embedder;

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[tokio::test]
async fn vectors_have_length_one_and_know_meaning() {
    let embedder = embedder();
    let seal = embedder.embed_query("replace the shaft seal").await.unwrap();
    assert_eq!(seal.len(), millwright_retrieval::embedding::DIMENSIONS);
    assert!((cosine(&seal, &seal) - 1.0).abs() < 1e-4);
    let near = embedder.embed_query("how to exchange the gasket on the axle").await.unwrap();
    let far = embedder.embed_query("vacation days of the staff").await.unwrap();
    assert!(cosine(&seal, &near) > cosine(&seal, &far) + 0.2);
}

#[tokio::test]
async fn a_batch_gives_what_each_text_gives_alone() {
    let embedder = embedder();
    let texts: Vec<String> =
        (1..40).map(|n| format!("station {n} {}", "with a long description of its valves ".repeat(n % 7))).collect();
    let together = embedder.embed_batch(texts.clone()).await.unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.embed_query(text).await.unwrap();
        assert!(cosine(&alone, vector) > 0.9999, "{text}");
    }
    assert!(embedder.embed_batch(vec![]).await.unwrap().is_empty());
}

#[tokio::test]
async fn counting_does_not_cut_and_embedding_does() {
    let embedder = embedder();
    assert_eq!(embedder.max_tokens(), 256);
    assert_eq!(embedder.count_tokens("pump"), 3);
    assert_eq!(embedder.count_text_tokens("pump"), 1);
    let long = "pump ".repeat(2000);
    assert_eq!(embedder.count_tokens(&long), 2002, "neither 128 nor 256");
    let (a, b) = ("valve ".repeat(254), format!("{} and then quite another end", "valve ".repeat(254)));
    let vectors = embedder.embed_batch(vec![a, b, long, String::new()]).await.unwrap();
    assert!(cosine(&vectors[0], &vectors[1]) > 0.9999, "what lies beyond 256 tokens does not count");
    assert!(cosine(&vectors[3], &vectors[3]) > 0.99, "an empty text has a vector too");
}

#[tokio::test]
async fn any_query_text_is_taken() {
    let embedder = embedder();
    for text in ["", " ", "\0", "🦀🦀", "[CLS] [SEP] [MASK]", &"é".repeat(50_000)] {
        assert_eq!(embedder.embed_query(text).await.unwrap().len(), 384);
    }
}

#[tokio::test]
async fn a_query_does_not_wait_for_bulk_work() {
    let embedder = embedder();
    let texts: Vec<String> = (0..160).map(|n| format!("{n} {}", "valve gauge log book ".repeat(40))).collect();
    let bulk = {
        let embedder = embedder.clone();
        async move {
            let started = Instant::now();
            embedder.embed_batch(texts).await.unwrap();
            started.elapsed()
        }
    };
    let queries = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut slowest = Duration::ZERO;
        for n in 0..10 {
            let started = Instant::now();
            embedder.embed_query(&format!("which bearing is number {n}")).await.unwrap();
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (bulk, slowest) = tokio::join!(bulk, queries);
    // The bulk work takes seconds; a query that stood behind it would too.
    assert!(slowest < bulk / 4, "a query took {slowest:?} beside {bulk:?} of bulk work");
}
