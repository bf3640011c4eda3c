//! How often the judgement whether the documents hold an answer is right. The bounds lie a little below what is
//! reached; they are there to notice a change for the worse, not to be proud of.

use std::collections::BTreeMap;

use millwright_retrieval::relevance::{Features, THRESHOLD};
use serde::Deserialize;

use crate::support::{PUMP_MANUAL, Plant};

/// A question over some 250 public manuals (machine controls, a 3D printer firmware, a PLC runtime), with what was
/// measured on the passages that were found for it.
#[derive(Deserialize)]
struct Measured {
    question: String,
    answerable: bool,
    kind: String,
    similarity: f32,
    coverage: f32,
    missing_rarest: f32,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    answerable: bool,
}

fn share(right: usize, all: usize) -> f64 {
    right as f64 / all as f64
}

#[test]
fn over_many_manuals() {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in include_str!("../data/questions-manuals.jsonl").lines() {
        let asked: Measured = serde_json::from_str(line).unwrap();
        let features = Features {
            similarity: Some(asked.similarity),
            coverage: asked.coverage,
            joint_coverage: asked.coverage,
            missing_rarest: asked.missing_rarest,
        };
        let right = (features.probability() >= THRESHOLD) == asked.answerable;
        assert!(!asked.question.is_empty());
        let count = counts.entry(asked.kind).or_default();
        *count = (count.0 + usize::from(right), count.1 + 1);
    }
    println!("{counts:?}");
    let of = |kind: &str| share(counts[kind].0, counts[kind].1);
    assert!(of("answerable") >= 0.96, "asked in the words of the manual");
    assert!(of("paraphrase") >= 0.85, "asked in other words");
    assert!(of("other-domain") >= 0.97, "about something else altogether");
    assert!(of("near-domain") >= 0.88, "about a detail that the manuals do not hold");
}

#[tokio::test]
async fn over_four_short_documents() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    for (name, text) in [
        ("pump-manual.md", PUMP_MANUAL),
        ("lockout.md", include_str!("../data/lockout.md")),
        ("downtime.md", include_str!("../data/downtime.md")),
        ("compressor.md", include_str!("../data/compressor.md")),
    ] {
        plant.add(&site, name, text).await;
    }
    let (mut answered, mut answerable, mut abstained, mut absent) = (0, 0, 0, 0);
    for line in include_str!("../data/questions-own.jsonl").lines() {
        let asked: Question = serde_json::from_str(line).unwrap();
        let tried = plant.search(&site, &asked.question).await.relevance.is_answerable();
        if asked.answerable {
            answerable += 1;
            answered += usize::from(tried);
        } else {
            absent += 1;
            abstained += usize::from(!tried);
        }
    }
    println!("tried {answered} of {answerable} that can be answered, abstained from {abstained} of {absent} others");
    assert!(share(answered, answerable) >= 0.7);
    assert!(share(abstained, absent) >= 0.6);
}
