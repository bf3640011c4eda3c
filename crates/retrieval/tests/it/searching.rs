use std::time::Duration;

use millwright_core::id::ChunkId;
use millwright_retrieval::search::{Degraded, SearchRequest};

use crate::support::{PUMP_MANUAL, Plant, eventually};

#[tokio::test]
async fn keywords_and_meaning_both_find() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    for (query, expected) in [
        ("6205-2RS", "6205-2RS"),
        ("M8x1.25", "M8x1.25"),
        ("what does the estop do", "E-stop"),
        ("SAP 4500001234", "4500001234"),
        ("at which shaking must the rollers be exchanged", "4.5 mm/s"),
        ("fit a new sealing ring", "soapy water"),
    ] {
        let found = plant.search(&site, query).await;
        let best = &found.passages[0];
        assert!(best.text.contains(expected), "{query}: {}", best.text);
        assert_eq!(found.degraded, None);
        assert!(best.similarity.is_some());
    }
    let found = plant.search(&site, "torque of the casing nuts").await;
    let best = &found.passages[0];
    assert_eq!(best.keyword.unwrap().rank, 1);
    assert!(best.vector.unwrap().rank <= 2 && best.vector.unwrap().score > 0.2);
    assert_eq!(best.heading_path.last().unwrap(), "Replacing the mechanical seal");
    let seal = plant.search(&site, "How is the mechanical seal replaced?").await;
    assert!(seal.relevance.is_answerable(), "{:?}", seal.relevance);
    let off = plant.search(&site, "Who won the football world cup in 1998?").await;
    assert!(!off.relevance.is_answerable(), "{:?}", off.relevance);
}

#[tokio::test]
async fn a_tenant_finds_its_own_documents_only() {
    let plant = Plant::new().await;
    let (a, b) = (plant.site("A").await, plant.site("B").await);
    let (document, _) = plant.add(&a, "pump-manual.md", PUMP_MANUAL).await;
    plant.add(&b, "recipe.md", "# Cleaning\n\nRinse the pump with caustic at 80 degrees.").await;
    for query in ["pump", "6205-2RS", "mechanical seal"] {
        assert!(plant.search(&b, query).await.passages.iter().all(|passage| passage.document_name == "recipe.md"));
    }
    let request = SearchRequest { query: "pump".to_owned(), limit: 5, document_ids: Some(vec![document]) };
    assert!(plant.searcher.search(&b.scope, request.clone()).await.unwrap().passages.is_empty());
    let of_a = plant.searcher.search(&a.scope, request).await.unwrap();
    assert!(!of_a.passages.is_empty() && of_a.passages.len() <= 5);
}

#[tokio::test]
async fn a_deleted_document_is_gone_at_once() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (document, _) = plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    assert!(!plant.search(&site, "mechanical seal").await.passages.is_empty());
    let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
    tx.documents().delete(document, plant.sources.now()).await.unwrap();
    tx.commit(crate::support::BOOKKEEPING).await.unwrap();
    assert!(plant.search(&site, "mechanical seal").await.passages.is_empty(), "with the index still behind");
    plant.follower.wake();
    eventually("the keyword index forgets it", async || {
        plant.keyword.search(&site.scope, "mechanical seal", 10, None).await.unwrap().hits.is_empty()
    })
    .await;
}

#[tokio::test]
async fn without_the_keyword_index_vectors_answer() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    // A file where the folder should be: neither read nor made anew.
    std::fs::remove_dir_all(plant.folder.path().join("index")).unwrap();
    std::fs::write(plant.folder.path().join("index"), "in the way").unwrap();
    let found = plant.search(&site, "replace the mechanical seal").await;
    assert_eq!(found.degraded, Some(Degraded::KeywordsFailed));
    assert!(found.passages[0].text.contains("soapy water"));
    assert!(found.passages.iter().all(|passage| passage.keyword.is_none()));
    assert!(found.relevance.is_answerable(), "{:?}", found.relevance);
    eventually("readiness says why", async || plant.follower.lag().failure.is_some()).await;
    std::fs::remove_file(plant.folder.path().join("index")).unwrap();
    eventually("the index is built again", async || {
        plant.search(&site, "6205-2RS").await.passages.first().is_some_and(|passage| passage.keyword.is_some())
    })
    .await;
    eventually("readiness is well again", async || {
        let lag = plant.follower.lag();
        lag.failure.is_none() && lag.tenants_behind == 0
    })
    .await;
}

#[tokio::test]
async fn passages_come_once_each_and_in_order() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    plant.add(&site, "copy of pump-manual.md", PUMP_MANUAL).await;
    let found = plant.search(&site, "pump").await;
    let mut ids: Vec<ChunkId> = found.passages.iter().map(|passage| passage.chunk_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), found.passages.len());
    let mut texts: Vec<&str> = found.passages.iter().map(|passage| passage.text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), found.passages.len(), "identical passages are folded");
    assert!(found.passages.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(found.timings.total < Duration::from_secs(10) && found.timings.total >= found.timings.store);
    assert!(plant.search(&site, "").await.passages.len() <= 10, "an empty query is no error");
}
