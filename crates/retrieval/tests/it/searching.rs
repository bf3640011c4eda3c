use std::time::Duration;

use millwright_core::{Classification, Label, id::ChunkId};
use millwright_retrieval::{
    keyword::{KeywordQuery, VisibleLabels},
    search::{Degraded, Passage, SearchRequest},
};

use millwright_store::tenant::SearchFilter;

use crate::support::{PUMP_MANUAL, Plant, eventually, of_all};

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

const GERMAN: &str = "# Wartung der Anlage\n\n## Kreiselpumpe\n\nDie Welle der Kreiselpumpe wird alle 2000 Stunden geprüft. \
    Verschlissene Wellendichtringe sind zu ersetzen.\n\n## Förderband\n\nDas Band ist zu spannen, wenn es durchhängt. Die \
    Rollen sind mit dem Schlüssel T-40 zu befestigen.\n\n## Verdichter\n\nDer Ölstand ist bei stehender Maschine \
    abzulesen. Das Schauglas muss sauber sein.\n";

#[tokio::test]
async fn german_words_are_found_in_other_forms_and_within_compounds() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "Wartung.md", GERMAN).await;
    for (query, expected) in [
        ("Prüfung der Wellen", "geprüft"),
        ("Wie oft sind die Pumpen zu pruefen?", "Kreiselpumpe"),
        ("Dichtringe", "Wellendichtringe"),
        ("Kreiselpumpenwelle", "Welle der Kreiselpumpe"),
        ("Oelstand", "Ölstand"),
        ("wann spannt man Bänder", "Das Band"),
    ] {
        let hits = plant.keyword.search(&site.scope, of_all(query)).await.unwrap();
        assert!(!hits.hits.is_empty(), "{query}: {:?}", hits.words);
        let found = plant.search(&site, query).await;
        let best =
            found.passages.iter().find(|passage| passage.keyword.is_some_and(|ranked| ranked.rank == 1)).unwrap();
        assert!(best.text.contains(expected), "{query}: {}", best.text);
    }
}

#[tokio::test]
async fn a_word_that_no_text_has_still_counts_as_missing_when_it_could_be_cut() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "heating.md", "# Heating\n\nThe steam is at 6 bar. The trap for mice is made of copper.\n").await;
    let found = plant.keyword.search(&site.scope, of_all("what is the steamtrap made of")).await.unwrap();
    let word = found.words.iter().find(|word| word.stem == "steamtrap").unwrap();
    assert_eq!((word.chunk_frequency, word.is_weak), (0, false));
    assert!(found.words.iter().any(|word| word.stem == "trap" && word.is_weak), "{:?}", found.words);
}

/// The best passages are examples for the others, and their words are weighed: of what is hidden nothing may go into that.
#[tokio::test]
async fn what_is_hidden_changes_no_score_of_what_is_shown() {
    let plant = Plant::new().await;
    let (with, without) = (plant.site("A").await, plant.site("B").await);
    for site in [&with, &without] {
        for number in 1..=20 {
            let text = format!(
                "# Pump P-{number}\n\nThe bearing of pump P-{number} is greased every {} hours. Its seal is of class {}.\n",
                number * 100,
                number % 3
            );
            plant.add(site, &format!("pump {number}.md"), &text).await;
        }
    }
    let secret =
        "# Quixotrium\n\nThe bearing of the Quixotrium pump is greased with graphite. Quixotrium seal, class 2.\n";
    for number in 0..3 {
        let (document, _) = plant.add(&with, &format!("secret {number}.md"), secret).await;
        let label = Label::of(Classification::Restricted);
        let mut tx = plant.database.store.tenant(&with.scope).begin().await.unwrap();
        let label_id = tx.labels().intern(&label).await.unwrap();
        tx.documents().set_label(document, &label, label_id, plant.sources.now()).await.unwrap();
        tx.commit(crate::support::BOOKKEEPING).await.unwrap();
    }
    plant.follower.wake();
    let found = async |site, query: &str| {
        let found = plant.search(site, query).await;
        let of =
            |passage: &Passage| (passage.text.clone(), passage.score, passage.fused, passage.keyword, passage.vector);
        found.passages.iter().map(of).collect::<Vec<_>>()
    };
    eventually("the index has the new labels", async || {
        let visible = VisibleLabels::new(plant.reader(&with).await.visible(), false);
        let query = KeywordQuery { visible, ..of_all("Quixotrium") };
        plant.keyword.search(&with.scope, query).await.unwrap().hits.is_empty()
    })
    .await;
    for query in ["grease the pump bearing", "Quixotrium seal class", "graphite", "Pumpenlager", "P-7"] {
        let shown = found(&with, query).await;
        assert!(shown.len() > 4 && shown.iter().all(|(text, ..)| !text.contains("Quixotrium")), "{query}");
        assert_eq!(shown, found(&without, query).await, "{query}");
    }
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
    let filter = SearchFilter { documents: Some(vec![document]), ..SearchFilter::default() };
    let request = SearchRequest { query: "pump".to_owned(), limit: 5, filter, label: Label::LOWEST, account: None };
    assert!(
        plant.searcher.search(&b.scope, &plant.reader(&b).await, request.clone()).await.unwrap().passages.is_empty()
    );
    let of_a = plant.searcher.search(&a.scope, &plant.reader(&a).await, request).await.unwrap();
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
        plant.keyword.search(&site.scope, of_all("mechanical seal")).await.unwrap().hits.is_empty()
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
