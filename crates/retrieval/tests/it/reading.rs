//! Reading on from what a search has found.

use std::fmt::Write as _;

use millwright_core::{Classification, Label};
use millwright_retrieval::{reading::Direction, search::Passage, tables::TablesRefused};

use crate::support::{BOOKKEEPING, Plant, Site};

/// Thirty sections, of which the seventh has three passages.
fn compressor() -> String {
    let mut text = "# Compressor C-7\n\n".to_owned();
    for number in 1..=30 {
        let _ = write!(
            text,
            "## Part {number}\n\nPart {number} is checked by the fitter, who notes the result of check {number}.\n\n"
        );
        if number == 7 {
            for step in 1..=12 {
                let _ = writeln!(
                    text,
                    "{step}. Turn the screw S-{step} by {step} turns and wait until the needle of gauge G-{step} stands still for a while."
                );
            }
            text.push_str("\nOnly a trained fitter may do this.\n\n");
        }
    }
    text
}

fn ordinals(passages: &[Passage]) -> Vec<i32> {
    passages.iter().map(|passage| passage.ordinal).collect()
}

async fn found(plant: &Plant, site: &Site, query: &str, holds: &str) -> Passage {
    let outcome = plant.search(site, query).await;
    outcome.passages.into_iter().find(|passage| passage.text.contains(holds)).unwrap()
}

#[tokio::test]
async fn a_passage_leads_to_what_stands_around_it() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "compressor.md", &compressor()).await;
    let reader = plant.reader(&site).await;
    let hit = found(&plant, &site, "turn the screw S-6", "S-6").await;
    let searcher = &plant.searcher;

    let after = searcher.read_on(&site.scope, &reader, &hit, Direction::After, 2).await.unwrap();
    assert_eq!(ordinals(&after), [hit.ordinal + 1, hit.ordinal + 2]);
    let before = searcher.read_on(&site.scope, &reader, &hit, Direction::Before, 2).await.unwrap();
    assert_eq!(ordinals(&before), [hit.ordinal - 2, hit.ordinal - 1]);
    let first = searcher.open(&site.scope, &reader, &hit, None, 2).await.unwrap();
    assert_eq!(ordinals(&first.passages), [0, 1]);
    assert!(first.sections.iter().any(|section| section.heading_path == hit.heading_path), "{:?}", first.sections);
    assert!(first.sections.is_sorted_by_key(|section| section.ordinal));
    assert!(searcher.read_on(&site.scope, &reader, &first.passages[0], Direction::Before, 3).await.unwrap().is_empty());

    let section = searcher.surroundings(&site.scope, &reader, std::slice::from_ref(&hit)).await.unwrap();
    assert!(!section.is_empty() && section.iter().all(|passage| passage.heading_path == hit.heading_path));
    assert!(section.iter().all(|passage| passage.chunk_id != hit.chunk_id));

    let gauge = searcher.find_in_document(&site.scope, &reader, &hit, "gauge  g-11", 3).await.unwrap();
    assert_eq!(gauge.len(), 1, "as it stands, whatever its case");
    let words = searcher.find_in_document(&site.scope, &reader, &hit, "fitter 23 checked", 3).await.unwrap();
    assert!(words[0].text.contains("Part 23"), "all of its words");
    assert!(searcher.find_in_document(&site.scope, &reader, &hit, "100%_", 3).await.unwrap().is_empty());
    assert!(searcher.find_in_document(&site.scope, &reader, &hit, "  ", 3).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_may_not_find_a_document_may_not_read_on_in_it() {
    let plant = Plant::new().await;
    let (site, other) = (plant.site("A").await, plant.site("B").await);
    let (document, _) = plant.add(&site, "compressor.md", &compressor()).await;
    let hit = found(&plant, &site, "turn the screw S-6", "S-6").await;
    let searcher = &plant.searcher;
    let of_other = plant.reader(&other).await;
    assert!(searcher.read_on(&other.scope, &of_other, &hit, Direction::After, 3).await.unwrap().is_empty());
    assert!(searcher.open(&other.scope, &of_other, &hit, None, 3).await.unwrap().sections.is_empty());

    let label = Label::of(Classification::Restricted);
    let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
    let label_id = tx.labels().intern(&label).await.unwrap();
    tx.documents().set_label(document, &label, label_id, plant.sources.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let reader = plant.reader(&site).await;
    assert!(searcher.read_on(&site.scope, &reader, &hit, Direction::After, 3).await.unwrap().is_empty());
    assert!(searcher.find_in_document(&site.scope, &reader, &hit, "screw", 3).await.unwrap().is_empty());
    assert!(searcher.open(&site.scope, &reader, &hit, None, 3).await.unwrap().sections.is_empty());
    assert!(searcher.surroundings(&site.scope, &reader, &[hit]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_version_that_no_longer_answers_is_not_read_on() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "compressor.md", &compressor()).await;
    let hit = found(&plant, &site, "turn the screw S-6", "S-6").await;
    plant.add(&site, "compressor.md", "# Compressor C-7\n\nIt was scrapped.\n").await;
    let reader = plant.reader(&site).await;
    let on = plant.searcher.read_on(&site.scope, &reader, &hit, Direction::After, 3).await.unwrap();
    assert!(on.is_empty(), "{:?}", ordinals(&on));
    let as_of = Passage { is_current: false, ..hit };
    let on = plant.searcher.read_on(&site.scope, &reader, &as_of, Direction::After, 2).await.unwrap();
    assert_eq!(ordinals(&on), [as_of.ordinal + 1, as_of.ordinal + 2]);
}

/// A table of sixty rows, in many passages.
fn stops() -> String {
    let mut text = "# Stops\n\n## Lines\n\n| Line | Öl | Stop (h) |\n|---|---|---|\n".to_owned();
    for row in 1..=60 {
        let _ = writeln!(text, "| {} | Sorte {row} mit Zusatz für lange Laufzeit | {row}.5 |", row % 3 + 1);
    }
    text
}

#[tokio::test]
async fn all_rows_of_a_table_are_read_each_with_its_place() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "stops.md", &stops()).await;
    let reader = plant.reader(&site).await;
    let hit = found(&plant, &site, "Sorte 40 mit Zusatz", "Sorte 40").await;
    assert!(hit.ordinal > 0 && hit.table_header.as_deref() == Some("Line | Öl | Stop (h)"), "{hit:?}");
    let tables = plant.searcher.tables(&site.scope, &reader, &hit).await.unwrap().unwrap();
    let [table] = tables.tables.as_slice() else { panic!("{:?}", tables.tables.len()) };
    assert_eq!(
        (table.rows.len(), table.heading_path.as_slice()),
        (60, ["Stops".to_owned(), "Lines".to_owned()].as_slice())
    );
    for row in table.header.iter().chain(&table.rows) {
        let place = row.place.as_ref().unwrap();
        let passages = plant.searcher.read_again(&site.scope, &reader, &[tables.chunks[place.chunk]]).await.unwrap();
        let text: String = passages[0].text.chars().skip(place.points.start).take(place.points.len()).collect();
        assert_eq!(text, row.cells.join(" | "));
    }
}

#[tokio::test]
async fn rows_of_what_may_not_be_read_now_are_not_read() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (document, version) = plant.add(&site, "stops.md", &stops()).await;
    let hit = found(&plant, &site, "Sorte 40 mit Zusatz", "Sorte 40").await;
    let tables = async |passage: &Passage| {
        let reader = plant.reader(&site).await;
        let read = plant.searcher.tables(&site.scope, &reader, passage).await.unwrap();
        read.map(|tables| tables.tables.iter().map(|table| table.rows.len()).sum::<usize>())
    };
    assert_eq!(tables(&hit).await, Ok(60));
    // While it is read anew its pages need not be those that answer.
    let processing =
        |status: &str| format!("UPDATE document_versions SET status = '{status}' WHERE id = '{}'", version.uuid());
    plant.database.tamper(&processing("processing")).await;
    assert_eq!(tables(&hit).await, Err(TablesRefused::BeingRead));
    plant.database.tamper(&processing("ready")).await;
    plant.add(&site, "stops.md", "# Stops\n\n| Line | Stop (h) |\n|---|---|\n| 1 | 2 |\n").await;
    assert_eq!(tables(&hit).await, Err(TablesRefused::Gone));
    assert_eq!(tables(&Passage { is_current: false, ..hit.clone() }).await, Ok(60), "as of the day on which it held");
    let label = Label::of(Classification::Restricted);
    let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
    let label_id = tx.labels().intern(&label).await.unwrap();
    tx.documents().set_label(document, &label, label_id, plant.sources.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(tables(&Passage { is_current: false, ..hit }).await, Err(TablesRefused::Gone));
}
