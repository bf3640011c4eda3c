//! What is understood of a question, from the text to the passages that it finds.

use millwright_retrieval::understanding::Understood;
use millwright_store::tenant::NewGlossaryEntry;

use crate::support::{BOOKKEEPING, PUMP_MANUAL, Plant, Site};

async fn define(plant: &Plant, site: &Site, term: &str, expansions: &[&str]) {
    let entry = NewGlossaryEntry {
        id: plant.sources.new_id(),
        term: term.to_owned(),
        expansions: expansions.iter().map(|text| (*text).to_owned()).collect(),
        language: None,
        created_by: site.user,
        created_at: plant.sources.now(),
    };
    let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
    tx.glossary().insert(&entry).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    plant.searcher.glossaries().forget(&site.scope);
}

#[tokio::test]
async fn a_slip_is_answered_as_if_it_were_none_and_is_said() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    let right = plant.search(&site, "Which vibration on the drive side means that the bearings are replaced?").await;
    let slip = plant.search(&site, "Which vibraton on the drive side means that the bearnigs are replaced?").await;
    let said: Vec<(&str, &str)> =
        slip.understood.spelling.iter().map(|one| (one.from.as_str(), one.to.as_str())).collect();
    assert_eq!(said, [("vibraton", "vibration"), ("bearnigs", "bearings")]);
    assert_eq!(slip.passages[0].chunk_id, right.passages[0].chunk_id);
    assert!(slip.relevance.is_answerable(), "{:?}", slip.relevance);
    assert_eq!(right.understood, Understood::default(), "nothing is said of what is plain");
}

#[tokio::test]
async fn an_unknown_word_of_the_language_stays_missing() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "bolts.md", "# Bolts\n\nThe bolt of the frame is tightened to 40 Nm after 500 hours.\n").await;
    let found = plant.search(&site, "How far is the belt tightened?").await;
    assert_eq!(found.understood, Understood::default(), "a belt is no bolt");
    assert!(found.relevance.missing_words.contains(&"belt".to_owned()), "{:?}", found.relevance);
}

#[tokio::test]
async fn the_glossary_is_searched_both_ways_and_of_the_own_tenant_only() {
    let plant = Plant::new().await;
    let (site, other) = (plant.site("A").await, plant.site("B").await);
    for site in [&site, &other] {
        plant.add(site, "words.md", "# Pressure relief valve\n\nThe pressure relief valve opens at 6 bar.\n").await;
        plant.add(site, "short.md", "# QRV\n\nThe QRV is cleaned each month with alcohol.\n").await;
    }
    let unknown = plant.search(&site, "When is the PRV opening?").await;
    assert_eq!(unknown.understood, Understood::default());
    define(&plant, &site, "PRV", &["pressure relief valve"]).await;
    define(&plant, &site, "QRV", &["quick release valve"]).await;
    let found = plant.search(&site, "At which pressure does the PRV open?").await;
    assert_eq!(found.passages[0].document_name, "words.md");
    assert_eq!((found.understood.expansions[0].term.as_str(), found.understood.expansions.len()), ("PRV", 1));
    assert!(found.relevance.is_answerable(), "{:?}", found.relevance);
    assert!(!found.relevance.missing_words.contains(&"prv".to_owned()), "it stands for what is there");
    let words = plant.search(&site, "How often is the quick release valve cleaned?").await;
    assert_eq!(words.passages[0].document_name, "short.md");
    assert_eq!(words.understood.expansions[0].words, ["QRV"]);
    assert_eq!(plant.search(&other, "When is the PRV opening?").await.understood, Understood::default());
}

#[tokio::test]
async fn each_part_of_a_question_finds_its_passage() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    let question = "To how many Nm are the casing nuts tightened and which alarm does the emergency stop raise?";
    let found = plant.search(&site, question).await;
    assert_eq!(found.understood.parts.len(), 2);
    let texts: Vec<&str> = found.passages.iter().take(2).map(|passage| passage.text.as_str()).collect();
    assert!(texts[0].contains("45 Nm") && texts[1].contains("A-17"), "{texts:?}");
    assert_eq!((found.passages[0].part, found.passages[1].part), (Some(1), Some(2)));
    assert!(found.relevance.is_answerable());
    let ids: std::collections::HashSet<_> = found.passages.iter().map(|passage| passage.chunk_id).collect();
    assert_eq!(ids.len(), found.passages.len(), "each passage once");
}
