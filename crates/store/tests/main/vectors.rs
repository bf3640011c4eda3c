//! Vectors of several models beside each other: no query compares two, and one takes the place of another in one moment.

use std::time::Duration;

use millwright_core::id::ChunkId;
use millwright_store::{
    StoreError, VectorIndexes,
    system::{EmbeddingModelRow, FoundModel, ModelState},
    tenant::{NewVector, PassageQuery, PassageScope, Reader, VectorModel, VersionStatus},
};

use crate::support::{BOOKKEEPING, Manual, Site, World, axis, eventually, scattered};

fn asked<'q>(reader: &'q Reader, embedding: &'q [f32], model: VectorModel) -> PassageQuery<'q> {
    PassageQuery {
        reader,
        embedding: Some(embedding),
        model,
        nearest: 10,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    }
}

/// Says that a model is wanted; all that there are.
async fn want(world: &World, digest: &str, dimensions: i32) -> Vec<EmbeddingModelRow> {
    let mut tx = world.store().system().await.unwrap();
    tx.embedding_models().adopt("first").await.unwrap();
    let model = FoundModel { digest, name: digest, dimensions };
    tx.embedding_models().want(model, world.now()).await.unwrap();
    let rows = tx.embedding_models().list().await.unwrap();
    tx.commit().await.unwrap();
    rows
}

async fn serve(world: &World, model: VectorModel) -> bool {
    let mut tx = world.store().system().await.unwrap();
    let serves = tx.embedding_models().serve(model, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    serves
}

/// Gives a version vectors of another model.
async fn add(world: &World, site: &Site, manual: &Manual, model: VectorModel, embeddings: &[Vec<f32>]) {
    let vectors: Vec<NewVector> = manual
        .chunks
        .iter()
        .zip(embeddings)
        .map(|(chunk, embedding)| NewVector { chunk_id: *chunk, window_number: 0, embedding: embedding.clone() })
        .collect();
    let mut tx = world.begin(site).await;
    for part in vectors.chunks(500) {
        assert!(tx.vectors().add(manual.document, manual.version, model, part).await.unwrap());
    }
    tx.vectors().set_gone_through(manual.version, model, false).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
}

#[tokio::test]
async fn models_of_the_same_size_are_never_compared() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0), axis(1)]).await;
    let rows = want(&world, "second", 384).await;
    let second = rows[1].id;
    assert_eq!((rows[0].state, rows[1].state, rows[1].indexed), (ModelState::Serving, ModelState::Building, false));
    // To the second model the other chunk is the near one.
    add(&world, &site, &manual, second, &[axis(1), axis(0)]).await;
    let reader = world.reader(&site).await;
    let (vector, hits) = (axis(0), manual.chunks.clone());
    let nearest = async |model: VectorModel| {
        let mut found = Vec::new();
        let few = asked(&reader, &vector, model);
        for query in [few.clone(), PassageQuery { visible_chunks: Some(2), ..few.clone() }] {
            let rows = world.read(&site).await.passages().find(&query).await?;
            assert_eq!(rows.len(), 2, "one vector of each chunk");
            found.push(rows[0].chunk_id);
        }
        // By keyword too.
        let by_keyword = PassageQuery { nearest: 0, keyword_hits: &hits, ..few };
        let rows = world.read(&site).await.passages().find(&by_keyword).await?;
        assert_eq!(rows.len(), 2);
        found.push(rows[0].chunk_id);
        Ok::<_, StoreError>(found)
    };
    assert_eq!(nearest(VectorModel::FIRST).await.unwrap(), [manual.chunks[0]; 3]);
    assert!(matches!(nearest(second).await, Err(StoreError::ModelReplaced)), "it does not serve yet");
    assert!(serve(&world, second).await);
    assert!(matches!(nearest(VectorModel::FIRST).await, Err(StoreError::ModelReplaced)), "embedded before the swap");
    assert_eq!(nearest(second).await.unwrap(), [manual.chunks[1]; 3]);
    // Without a vector nothing is compared, and keywords answer whatever serves.
    let blind =
        PassageQuery { embedding: None, keyword_hits: &manual.chunks, ..asked(&reader, &vector, VectorModel::FIRST) };
    assert_eq!(world.read(&site).await.passages().find(&blind).await.unwrap().len(), 2);
    world.drop().await;
}

#[tokio::test]
async fn a_search_that_began_before_the_swap_sees_all_of_its_own_model_and_nothing_of_the_new_one() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let second = want(&world, "second", 384).await[1].id;
    add(&world, &site, &manual, second, &[axis(3)]).await;
    let reader = world.reader(&site).await;
    let vector = axis(0);
    for round in 0..40_u32 {
        // Swapped there and back beside searches: each either finds the vector of its own model, or is told to embed again.
        let search = async {
            let query = asked(&reader, &vector, VectorModel::FIRST);
            match world.read(&site).await.passages().find(&query).await {
                Ok(rows) => assert!((rows[0].similarity.unwrap() - 1.0).abs() < 1e-3, "round {round}: {rows:?}"),
                Err(error) => assert!(matches!(error, StoreError::ModelReplaced), "{error:?}"),
            }
        };
        let (from, to) = if round % 2 == 0 { ("retired", "serving") } else { ("serving", "retired") };
        let swap = format!(
            "BEGIN; UPDATE embedding_models SET state = 'retired'; UPDATE embedding_models SET state = '{from}' WHERE id = 1; \
             UPDATE embedding_models SET state = '{to}' WHERE id = {second}; COMMIT"
        );
        tokio::join!(search, world.database.tamper(&swap), async {
            let query = asked(&reader, &vector, VectorModel::FIRST);
            if let Ok(rows) = world.read(&site).await.passages().find(&query).await {
                assert!((rows[0].similarity.unwrap() - 1.0).abs() < 1e-3);
            }
        });
    }
    world.drop().await;
}

#[tokio::test]
async fn another_model_of_another_size_has_an_hnsw_index_of_its_own() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let vectors = scattered(4_000, 4);
    let manual = world.manual(&site, "Everything.txt", &vectors).await;
    let second = want(&world, "second", 128).await[1].id;
    let indexes = VectorIndexes::new(world.database.admin_url());
    indexes.make(second, 128).await.unwrap();
    indexes.make(second, 128).await.unwrap();
    let short: Vec<Vec<f32>> = vectors.iter().map(|vector| vector[..128].to_vec()).collect();
    add(&world, &site, &manual, second, &short).await;
    let mut tx = world.begin(&site).await;
    let wrong = NewVector { chunk_id: manual.chunks[0], window_number: 7, embedding: axis(0) };
    assert!(tx.vectors().add(manual.document, manual.version, second, &[wrong]).await.is_err(), "of 384 numbers");
    drop(tx);
    assert!(serve(&world, second).await);
    world.database.tamper("ANALYZE").await;
    let reader = world.reader(&site).await;
    let query = PassageQuery { nearest: 50, ..asked(&reader, &short[7], second) };
    for _ in 0..8 {
        let mut tx = world.read(&site).await;
        let found = tx.passages().find(&query).await.unwrap();
        assert_eq!((found.len(), found[0].chunk_id), (50, manual.chunks[7]));
        assert_eq!(found[0].embedding.0.as_ref().map(Vec::len), Some(128));
        let plan = tx.passages().explain(&query).await.unwrap().join("\n");
        assert!(plan.contains("_embedding_idx") && !plan.contains("Seq Scan on chunk"), "{plan}");
    }
    // The other's vectors go, and then its index; that of the one that serves stays.
    let mut tx = world.begin(&site).await;
    let (mut from, mut rounds) = (None, 0);
    loop {
        from = tx.vectors().delete_some(VectorModel::FIRST, from, 1_000).await.unwrap();
        rounds += 1;
        if from.is_none() {
            break;
        }
    }
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(rounds, 5);
    assert_eq!(world.database.peek("SELECT DISTINCT model_id::text FROM chunk_vectors").await, [second.to_string()]);
    let mut system = world.store().system().await.unwrap();
    assert_eq!(system.embedding_models().list_indexed_in_vain().await.unwrap(), [VectorModel::FIRST]);
    drop(system);
    // Not while a search goes on: all others would wait behind it.
    let mut searching = world.begin(&site).await;
    assert_eq!(searching.passages().find(&query).await.unwrap().len(), 50);
    assert!(indexes.remove(VectorModel::FIRST).await.is_err());
    searching.commit(BOOKKEEPING).await.unwrap();
    // Autovacuum may hold the table for a moment, too.
    eventually("the index goes", async || indexes.remove(VectorModel::FIRST).await.ok()).await;
    // In a transaction that began later: one that looked before goes on to see it.
    let mut system = world.store().system().await.unwrap();
    assert!(system.embedding_models().list_indexed_in_vain().await.unwrap().is_empty());
    system.embedding_models().set_cleared(VectorModel::FIRST, world.now()).await.unwrap();
    assert_eq!(system.embedding_models().list().await.unwrap().len(), 1);
    drop(system);
    world.drop().await;
}

#[tokio::test]
async fn a_model_serves_only_once_nothing_lacks_its_vectors() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let first = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let second = want(&world, "second", 384).await[1].id;
    assert!(!serve(&world, second).await);
    let mut system = world.store().system().await.unwrap();
    assert_eq!(system.embedding_models().list_lacking(second).await.unwrap(), [site.scope]);
    assert_eq!(system.embedding_models().progress(second).await.unwrap(), (0, 1));
    drop(system);
    add(&world, &site, &first, second, &[axis(0)]).await;
    // A version that is ready in the same moment is waited for, and counts.
    let mut tx = world.begin(&site).await;
    let document = world.document(&mut tx, &site, "Valve manual.txt").await;
    let version = world.version(&mut tx, &site, document).await;
    world.fill(&mut tx, document, version, &[axis(1)]).await;
    tx.versions().set_ready(version, world.now()).await.unwrap();
    let live = tx.vectors().hold_models().await.unwrap();
    assert_eq!((live.serving, live.building), (VectorModel::FIRST, Some(second)));
    tx.vectors().set_gone_through(version, live.serving, false).await.unwrap();
    let swap = async { tokio::time::timeout(Duration::from_millis(300), serve(&world, second)).await.is_err() };
    assert!(swap.await, "it waits for the version");
    tx.commit(BOOKKEEPING).await.unwrap();
    assert!(!serve(&world, second).await, "which lacks its vectors");
    let late = Manual { document, version, chunks: Vec::new() };
    add(&world, &site, &late, second, &[]).await;
    assert!(serve(&world, second).await);
    assert!(!serve(&world, second).await, "only once");
    let mut tx = world.read(&site).await;
    assert_eq!(tx.vectors().hold_models().await.unwrap().building, None);
    assert_eq!(tx.vectors().progress(second).await.unwrap().done, 2);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn a_version_that_answers_while_it_waits_to_be_read_anew_holds_the_swap_up() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let old = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let second = want(&world, "second", 384).await[1].id;
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(old.version).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let mut system = world.store().system().await.unwrap();
    assert!(system.embedding_models().list_lacking(second).await.unwrap().is_empty(), "ingestion is at it");
    drop(system);
    assert!(!serve(&world, second).await, "it would be found by keywords alone");
    // Another version answers in its place: what waits and does not answer holds nothing up.
    let mut tx = world.begin(&site).await;
    let version = world.version(&mut tx, &site, old.document).await;
    let chunks = world.fill(&mut tx, old.document, version, &[axis(1)]).await;
    tx.versions().set_ready(version, world.now()).await.unwrap();
    assert_eq!(tx.versions().require(old.version).await.unwrap().status, VersionStatus::Queued);
    tx.commit(BOOKKEEPING).await.unwrap();
    let new = Manual { document: old.document, version, chunks };
    add(&world, &site, &new, second, &[axis(1)]).await;
    assert!(serve(&world, second).await);
    world.drop().await;
}

#[tokio::test]
async fn a_document_that_was_deleted_while_it_was_read_anew_holds_no_swap_up_for_ever() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let second = want(&world, "second", 384).await[1].id;
    let mut tx = world.begin(&site).await;
    tx.documents().delete(manual.document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    // What is left when ingestion wrote its chunks a moment later, and failed.
    world.database.tamper("UPDATE document_versions SET chunk_count = 3, status = 'failed', vectors_by = 0").await;
    assert!(!serve(&world, second).await);
    // Whoever looks for gaps finds it in the tenant as well as over all tenants.
    let mut system = world.store().system().await.unwrap();
    assert_eq!(system.embedding_models().list_lacking(second).await.unwrap(), [site.scope]);
    drop(system);
    let mut tx = world.begin(&site).await;
    let lacking: Vec<_> = tx.vectors().list_lacking(second, 9).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(lacking, [manual.version]);
    tx.vectors().set_gone_through(manual.version, second, false).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert!(serve(&world, second).await);
    world.drop().await;
}

#[tokio::test]
async fn nothing_is_recorded_of_a_model_that_was_given_up() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let second = want(&world, "second", 384).await[1].id;
    want(&world, "third", 384).await;
    let mut tx = world.begin(&site).await;
    tx.vectors().set_gone_through(manual.version, second, true).await.unwrap();
    let row = tx.versions().require(manual.version).await.unwrap();
    assert_eq!((row.vectors_by, row.vectors_withheld), (VectorModel::from(0), false));
    tx.vectors().set_gone_through(manual.version, VectorModel::FIRST, false).await.unwrap();
    assert_eq!(tx.versions().require(manual.version).await.unwrap().vectors_by, VectorModel::FIRST);
    drop(tx);
    world.drop().await;
}

#[tokio::test]
async fn what_is_given_up_is_retired_and_no_number_comes_twice() {
    let world = World::new().await;
    let states = |rows: &[EmbeddingModelRow]| {
        rows.iter().map(|row| (row.id.to_string(), row.name.clone(), row.state)).collect::<Vec<_>>()
    };
    let row = |id: &str, name: &str, state| (id.to_owned(), name.to_owned(), state);
    let first = row("1", "all-minilm-l6-v2", ModelState::Serving);
    assert_eq!(states(&want(&world, "first", 384).await), std::slice::from_ref(&first), "it serves already");
    for _ in 0..2 {
        assert_eq!(states(&want(&world, "b", 3).await), [first.clone(), row("2", "b", ModelState::Building)]);
    }
    let third = states(&want(&world, "c", 4).await);
    assert_eq!(third, [first.clone(), row("2", "b", ModelState::Retired), row("3", "c", ModelState::Building)]);
    let back = states(&want(&world, "first", 384).await);
    assert_eq!(back[1..], [row("2", "b", ModelState::Retired), row("3", "c", ModelState::Retired)]);
    let again = states(&want(&world, "b", 3).await);
    assert_eq!(again[3], row("4", "b", ModelState::Building), "vectors of the second may still be about to go");
    let builders = [world.sources.new_uuid(), world.sources.new_uuid()];
    let mut system = world.store().system().await.unwrap();
    let mut models = system.embedding_models();
    let (id, lease) = (VectorModel::from(4), Duration::from_secs(30));
    assert!(models.lease(id, builders[0], lease).await.unwrap() && models.lease(id, builders[0], lease).await.unwrap());
    assert!(!models.lease(id, builders[1], lease).await.unwrap());
    assert!(models.lease(id, builders[0], Duration::ZERO).await.unwrap());
    assert!(models.lease(id, builders[1], lease).await.unwrap(), "of one who was not heard of");
    drop(system);
    world.drop().await;
}

#[tokio::test]
async fn vectors_lie_where_their_version_stands_and_follow_it() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let old = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let mut tx = world.begin(&site).await;
    let version = world.version(&mut tx, &site, old.document).await;
    let chunks = world.fill(&mut tx, old.document, version, &[axis(1)]).await;
    tx.versions().set_ready(version, world.now()).await.unwrap();
    tx.vectors().set_gone_through(version, VectorModel::FIRST, false).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let second = want(&world, "second", 384).await[1].id;
    let mut tx = world.read(&site).await;
    let lacking: Vec<_> = tx.vectors().list_lacking(second, 9).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(lacking, [version, old.version], "what answers first, and what is dormant too");
    drop(tx);
    let new = Manual { document: old.document, version, chunks };
    add(&world, &site, &old, second, &[axis(0)]).await;
    add(&world, &site, &new, second, &[axis(1)]).await;
    let places = "SELECT concat_ws(' ', t, version_id, model_id) FROM (SELECT 'answers' AS t, version_id, model_id FROM chunk_vectors \
        UNION ALL SELECT 'dormant', version_id, model_id FROM dormant_vectors) v ORDER BY 1";
    let placed = |answers: &Manual, dormant: &Manual| {
        let of = |word: &str, manual: &Manual| [1, 2].map(|model| format!("{word} {} {model}", manual.version.uuid()));
        [of("answers", answers), of("dormant", dormant)].concat()
    };
    assert_eq!(world.database.peek(places).await, placed(&new, &old));
    // Read anew, a version begins without vectors of any.
    let mut tx = world.begin(&site).await;
    tx.versions().set_queued(version).await.unwrap();
    world.fill(&mut tx, old.document, version, &[axis(2)]).await;
    let row = tx.versions().require(version).await.unwrap();
    assert_eq!((row.status, row.vectors_by), (VersionStatus::Queued, VectorModel::from(0)));
    assert!(tx.vectors().list_lacking(second, 9).await.unwrap().is_empty(), "ingestion is at it");
    tx.versions().set_ready(version, world.now()).await.unwrap();
    assert_eq!(tx.vectors().list_lacking(second, 9).await.unwrap().len(), 1);
    // Withheld counts as gone through, until the label changes.
    tx.vectors().set_gone_through(version, second, true).await.unwrap();
    assert_eq!(tx.vectors().progress(second).await.unwrap().withheld, 1);
    let label = millwright_core::Label::of(millwright_core::Classification::Public);
    let label_id = tx.labels().intern(&label).await.unwrap();
    tx.documents().set_label(old.document, &label, label_id, world.now()).await.unwrap();
    assert_eq!(tx.vectors().list_lacking(second, 9).await.unwrap().len(), 1);
    tx.documents().delete(old.document, world.now()).await.unwrap();
    assert!(tx.vectors().list_lacking(second, 9).await.unwrap().is_empty());
    tx.commit(BOOKKEEPING).await.unwrap();
    world.drop().await;
}

#[tokio::test]
async fn what_a_search_has_found_it_can_read_though_another_version_answers_by_now() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let (reader, vector) = (world.reader(&site).await, axis(0));
    let query = asked(&reader, &vector, VectorModel::FIRST);
    let mut search = world.store().tenant(&site.scope).snapshot().await.unwrap();
    let found: Vec<ChunkId> =
        search.passages().find(&query).await.unwrap().into_iter().map(|row| row.chunk_id).collect();
    assert_eq!(found.len(), 1);
    world.database.tamper("UPDATE documents SET current_version_id = NULL").await;
    assert_eq!(search.passages().read(&query, &found).await.unwrap().len(), 1);
    drop(search);
    let mut next = world.store().tenant(&site.scope).snapshot().await.unwrap();
    assert!(next.passages().find(&query).await.unwrap().is_empty());
    drop(next);
    world.drop().await;
}
