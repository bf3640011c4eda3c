//! Passages: the nearest by vector and the keyword hits, only where their version answers.

use millwright_core::id::ChunkId;
use millwright_store::tenant::{
    CandidateRow, NewChunk, NewVector, PassageQuery, PassageRow, PassageScope, Reader, Standing, VectorModel,
    VersionSet,
};

use crate::support::{BOOKKEEPING, Site, World, axis, scattered};

fn all(reader: &Reader) -> PassageQuery<'_> {
    PassageQuery {
        reader,
        embedding: None,
        model: VectorModel::FIRST,
        nearest: 10,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    }
}

async fn find(world: &World, site: &Site, query: &PassageQuery<'_>) -> Vec<CandidateRow> {
    world.read(site).await.passages().find(query).await.unwrap()
}

async fn read(world: &World, site: &Site, query: &PassageQuery<'_>, chunks: &[ChunkId]) -> Vec<PassageRow> {
    world.read(site).await.passages().read(query, chunks).await.unwrap()
}

fn ids(rows: &[CandidateRow]) -> Vec<ChunkId> {
    rows.iter().map(|row| row.chunk_id).collect()
}

#[tokio::test]
async fn the_nearest_come_first_with_their_similarity() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut between = axis(0);
    between[0] = 0.6;
    between[1] = 0.8;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(2), between, axis(0)]).await;
    let reader = world.reader(&site).await;
    let rows = find(&world, &site, &PassageQuery { embedding: Some(&axis(0)), nearest: 2, ..all(&reader) }).await;
    assert_eq!(ids(&rows), [manual.chunks[2], manual.chunks[1]]);
    assert!((rows[0].similarity.unwrap() - 1.0).abs() < 1e-3);
    assert!((rows[1].similarity.unwrap() - 0.6).abs() < 1e-3);
    assert!(rows[0].from_vector);
    let read = read(&world, &site, &all(&reader), &[manual.chunks[2], manual.chunks[0]]).await;
    assert_eq!(read.iter().map(|row| row.chunk_id).collect::<Vec<_>>(), [manual.chunks[2], manual.chunks[0]]);
    let row = &read[0];
    assert!(row.paged && row.is_current);
    assert_eq!((row.document_id, row.document_name.as_str(), row.version), (manual.document, "Pump manual.txt", 1));
    assert_eq!((row.ordinal, row.page_number, row.char_start, row.char_end, row.token_count), (2, 1, 0, 30, 7));
    assert_eq!(row.heading_path, ["Pump", "Lock\"out, {safely}"]);
    assert_eq!(row.text, "Lock out the pump before work.");
    world.drop().await;
}

#[tokio::test]
async fn keyword_hits_are_added_once_with_their_similarity() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(0), axis(1), axis(2)]).await;
    let unknown: ChunkId = world.sources.new_id();
    let hits = [manual.chunks[0], manual.chunks[1], manual.chunks[1], unknown];
    let reader = world.reader(&site).await;
    let query = PassageQuery { embedding: Some(&axis(0)), nearest: 1, keyword_hits: &hits, ..all(&reader) };
    let rows = find(&world, &site, &query).await;
    assert_eq!(ids(&rows), manual.chunks[..2]);
    assert_eq!(rows.iter().map(|row| row.from_vector).collect::<Vec<_>>(), [true, false]);
    assert!(rows[1].similarity.unwrap().abs() < 1e-3);
    let blind = find(&world, &site, &PassageQuery { keyword_hits: &hits, ..all(&reader) }).await;
    assert_eq!((blind.len(), blind[0].similarity, blind[0].from_vector), (2, None, false));
    assert!(find(&world, &site, &all(&reader)).await.is_empty());
    world.drop().await;
}

#[tokio::test]
async fn windows_of_one_chunk_count_as_one_passage_with_the_best_of_them() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let manual = world.manual(&site, "Pump manual.txt", &[axis(5)]).await;
    let mut tx = world.begin(&site).await;
    let window = NewVector { chunk_id: manual.chunks[0], window_number: 1, embedding: axis(0) };
    tx.vectors().insert(manual.document, manual.version, VectorModel::FIRST, &[window]).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let reader = world.reader(&site).await;
    let rows = find(&world, &site, &PassageQuery { embedding: Some(&axis(0)), ..all(&reader) }).await;
    assert_eq!(ids(&rows), manual.chunks);
    assert!((rows[0].similarity.unwrap() - 1.0).abs() < 1e-3);
    world.drop().await;
}

#[tokio::test]
async fn superseded_and_deleted_versions_are_never_found() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let old = world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let gone = world.manual(&site, "Downtime report.txt", &[axis(0)]).await;
    let mut tx = world.begin(&site).await;
    let version = world.version(&mut tx, &site, old.document).await;
    let chunks = world.fill(&mut tx, old.document, version, &[axis(0)]).await;
    tx.commit(BOOKKEEPING).await.unwrap();
    let everything: Vec<ChunkId> = [&old.chunks[..], &gone.chunks, &chunks].concat();
    let reader = world.reader(&site).await;
    let query = PassageQuery { embedding: Some(&axis(0)), keyword_hits: &everything, ..all(&reader) };
    // Embedded but not ready: the old version answers.
    let mut found = ids(&find(&world, &site, &query).await);
    found.sort_unstable();
    assert_eq!(found, [old.chunks[0], gone.chunks[0]]);

    let mut tx = world.begin(&site).await;
    assert_eq!(tx.versions().set_ready(version, world.now()).await.unwrap(), Standing::Answers);
    tx.documents().delete(gone.document, world.now()).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    let rows = find(&world, &site, &query).await;
    assert_eq!(ids(&rows), chunks);
    // What was found a moment before is not read any more.
    let rows = read(&world, &site, &query, &everything).await;
    assert_eq!(rows.iter().map(|row| (row.chunk_id, row.version)).collect::<Vec<_>>(), [(chunks[0], 2)]);
    // A vector that some fault left behind does not bring its version back either.
    let mut tx = world.begin(&site).await;
    let stale = NewVector { chunk_id: old.chunks[0], window_number: 0, embedding: axis(0) };
    tx.vectors().insert(old.document, old.version, VectorModel::FIRST, &[stale]).await.unwrap();
    tx.commit(BOOKKEEPING).await.unwrap();
    assert_eq!(ids(&find(&world, &site, &query).await), chunks);
    let all = VersionSet { ids: vec![old.version, version, gone.version], chunks: 3 };
    let filtered = find(&world, &site, &PassageQuery { scope: PassageScope::CurrentOf(&all), ..query }).await;
    assert_eq!(ids(&filtered), chunks);
    world.drop().await;
}

#[tokio::test]
async fn a_filter_holds_for_vectors_and_for_keyword_hits() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let pump = world.manual(&site, "Pump manual.txt", &[axis(0), axis(1)]).await;
    let press = world.manual(&site, "Press manual.txt", &[axis(0)]).await;
    let hits = [pump.chunks[1], press.chunks[0]];
    let vector = axis(0);
    let reader = world.reader(&site).await;
    let both = PassageQuery { embedding: Some(&vector), keyword_hits: &hits, ..all(&reader) };
    assert_eq!(find(&world, &site, &both).await.len(), 3);
    let press_only = VersionSet { ids: vec![press.version], chunks: 1 };
    let (none, large) = (VersionSet::default(), VersionSet { chunks: 1_000_000, ..press_only.clone() });
    for (versions, expected) in [(&press_only, &press.chunks[..]), (&large, &press.chunks), (&none, &[])] {
        for scope in [PassageScope::CurrentOf(versions), PassageScope::Any(versions)] {
            let found = find(&world, &site, &PassageQuery { scope, ..both.clone() }).await;
            assert_eq!(ids(&found), expected, "no version is not every version: {scope:?}");
        }
    }
    world.drop().await;
}

/// 2,000 vectors of one tenant, 100 of another among them: what pgvector without an iterative scan would answer with
/// 5 % of its first 40 candidates.
#[tokio::test]
async fn a_filtered_vector_scan_returns_as_many_rows_as_were_asked_for() {
    let world = World::new().await;
    let (large, small) = (world.site("TenantA").await, world.site("TenantB").await);
    let vectors = scattered(2_100, 9);
    world.manual(&large, "Everything.txt", &vectors[100..]).await;
    let few = world.manual(&small, "Few.txt", &vectors[..100]).await;
    let mut tx = world.read(&small).await;
    let reader = world.reader(&small).await;
    let query = PassageQuery { embedding: Some(&vectors[1_000]), nearest: 60, ..all(&reader) };
    assert_eq!(tx.passages().find(&query).await.unwrap().len(), 60);
    drop(tx);
    // The same through HNSW, which the planner would not choose for so few rows.
    let mut connection = world.superuser().await;
    let tenant = small.scope.tenant_id().uuid();
    let settings = format!(
        "SET ROLE millwright_tenant; SET millwright.tenant_id = '{tenant}'; SET enable_seqscan = off; \
         SET enable_sort = off; SET enable_bitmapscan = off; SET hnsw.iterative_scan = relaxed_order"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(&mut connection).await.unwrap();
    let nearest =
        "SELECT chunk_id FROM chunk_vectors WHERE model_id = 1 ORDER BY embedding::halfvec(384) <=> $1 LIMIT 60";
    let vector = pgvector::HalfVector::from_f32_slice(&vectors[1_000]);
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {nearest}")))
        .bind(vector.clone())
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert!(plan.iter().any(|line| line.contains("_embedding_idx")), "{plan:#?}");
    let rows: Vec<uuid::Uuid> = sqlx::query_scalar(nearest).bind(vector).fetch_all(&mut connection).await.unwrap();
    assert_eq!(rows.len(), 60);
    assert!(rows.iter().all(|id| few.chunks.contains(&ChunkId::from(*id))));
    world.drop().await;
}

#[tokio::test]
async fn a_vector_of_another_length_is_an_error_and_not_a_wrong_answer() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.manual(&site, "Pump manual.txt", &[axis(0)]).await;
    let reader = world.reader(&site).await;
    let query = PassageQuery { embedding: Some(&[1.0, 0.0]), ..all(&reader) };
    assert!(world.read(&site).await.passages().find(&query).await.is_err());
    world.drop().await;
}

#[tokio::test]
async fn chunks_without_vectors_are_listed_until_they_have_them() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let mut tx = world.begin(&site).await;
    let document = world.document(&mut tx, &site, "Pump manual.txt").await;
    let version = world.version(&mut tx, &site, document).await;
    let chunks: Vec<NewChunk> = (0..1_203)
        .map(|ordinal| NewChunk {
            id: world.sources.new_id(),
            ordinal,
            page_number: 1,
            char_start: 0,
            char_end: 1,
            heading_path: Vec::new(),
            table_header: None,
            token_count: 1,
            text: format!("part {ordinal}"),
            quarantined: Vec::new(),
        })
        .collect();
    tx.chunks().replace(document, version, &chunks).await.unwrap();
    assert_eq!(tx.versions().require(version).await.unwrap().chunk_count, Some(1_203));
    let first = tx.vectors().list_unembedded(version, VectorModel::FIRST, &[], 2).await.unwrap();
    assert_eq!(first.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>(), ["part 0", "part 1"]);
    assert!(first[0].heading_path.is_empty());
    let vector = NewVector { chunk_id: chunks[0].id, window_number: 0, embedding: axis(0) };
    tx.vectors().insert(document, version, VectorModel::FIRST, &[vector]).await.unwrap();
    assert_eq!(tx.vectors().list_unembedded(version, VectorModel::FIRST, &[], 1).await.unwrap()[0].id, chunks[1].id);

    let page = tx.chunks().list(version, millwright_core::PageRequest { limit: 200, after: None }).await.unwrap();
    let next = millwright_core::PageRequest { limit: 200, after: page.next_cursor };
    let second = tx.chunks().list(version, next).await.unwrap();
    assert_eq!((page.items[199].ordinal, second.items[0].ordinal), (199, 200));
    // Chunking again replaces everything, vectors included.
    tx.chunks().replace(document, version, &chunks[..1]).await.unwrap();
    assert_eq!(tx.vectors().list_unembedded(version, VectorModel::FIRST, &[], 5).await.unwrap().len(), 1);
    drop(tx);
    world.drop().await;
}
