//! Not how long, but how: which index the database takes, and how many trips a transaction costs.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use millwright_store::{
    Store, StoreSettings,
    tenant::{PassageQuery, PassageScope, VectorModel, VersionSet},
};

use crate::support::{BOOKKEEPING, World, axis, eventually, scattered};

/// One large tenant of four thousand vectors and a small one of forty, as the planner knows them after ANALYZE.
#[tokio::test]
async fn search_takes_hnsw_for_a_large_tenant_and_the_tenants_index_for_a_small_one() {
    let world = World::new().await;
    let (large, small) = (world.site("TenantA").await, world.site("TenantB").await);
    let vectors = scattered(4_040, 4);
    let mut filter = Vec::new();
    for (number, part) in vectors[..4_000].chunks(200).enumerate() {
        filter.push(world.manual(&large, &format!("Manual {number}.txt"), part).await.version);
    }
    world.manual(&small, "Manual.txt", &vectors[4_000..]).await;
    world.database.tamper("ANALYZE").await;

    let (of_large, of_small) = (world.reader(&large).await, world.reader(&small).await);
    let query = PassageQuery {
        reader: &of_large,
        embedding: Some(&vectors[7]),
        model: VectorModel::FIRST,
        nearest: 50,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    };
    let query_of_small = PassageQuery { reader: &of_small, ..query.clone() };
    for _ in 0..8 {
        // More often than the server makes a plan for the values at hand: afterwards it may keep one for all.
        let mut tx = world.read(&large).await;
        assert_eq!(tx.passages().find(&query).await.unwrap().len(), 50);
        let plan = tx.passages().explain(&query).await.unwrap().join("\n");
        assert!(plan.contains("_embedding_idx"), "{plan}");
        assert!(!plan.contains("Seq Scan on chunk"), "{plan}");
        drop(tx);
        let mut tx = world.read(&small).await;
        assert_eq!(tx.passages().find(&query_of_small).await.unwrap().len(), 40);
        let plan = tx.passages().explain(&query_of_small).await.unwrap().join("\n");
        assert!(!plan.contains("_embedding_idx"), "{plan}");
        assert!(plan.contains("_version_id_model_id_idx") || plan.contains("_pkey"), "{plan}");
    }
    let few = VersionSet { ids: filter[..1].to_vec(), chunks: 200 };
    let many = VersionSet { ids: filter.clone(), chunks: 1_000_000 };
    for (scope, by_hnsw) in [
        (PassageScope::CurrentOf(&few), false),
        (PassageScope::CurrentOf(&many), true),
        (PassageScope::Any(&few), false),
    ] {
        let query = PassageQuery { scope, ..query.clone() };
        let mut tx = world.read(&large).await;
        assert_eq!(tx.passages().find(&query).await.unwrap().len(), 50);
        let plan = tx.passages().explain(&query).await.unwrap().join("\n");
        assert_eq!(plan.contains("_embedding_idx"), by_hnsw, "{plan}");
        assert!(!plan.contains("Seq Scan on chunk"), "{plan}");
    }
    world.drop().await;
}

#[tokio::test]
async fn claiming_does_not_read_the_jobs_that_are_done() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    let tenant = site.scope.tenant_id().uuid();
    world
        .database
        .tamper(&format!(
            "INSERT INTO jobs (tenant_id, id, kind, payload, status, created_at) \
             SELECT '{tenant}', gen_random_uuid(), 'ingest', '{{}}', 'succeeded', now() FROM generate_series(1, 5000); \
             INSERT INTO jobs (tenant_id, id, kind, payload, created_at) \
             SELECT '{tenant}', gen_random_uuid(), 'ingest', '{{}}', now() FROM generate_series(1, 20); ANALYZE"
        ))
        .await;
    let mut system = world.store().system().await.unwrap();
    let plan = system.jobs().explain_claim().await.unwrap().join("\n");
    assert!(plan.contains("jobs_waiting") && plan.contains("jobs_leased"), "{plan}");
    assert!(!plan.contains("Seq Scan on jobs"), "{plan}");
    drop(system);
    world.drop().await;
}

/// Stands between the store and the server and counts how often the talk turns from client to server.
struct Counter {
    port: u16,
    trips: Arc<AtomicUsize>,
}

impl Counter {
    fn new(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let trips = Arc::new(AtomicUsize::new(0));
        let (server, counted) = (server.to_owned(), Arc::clone(&trips));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&server)) else { return };
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let waiting = Arc::new(AtomicUsize::new(0));
                let (asked, counted) = (Arc::clone(&waiting), Arc::clone(&counted));
                // A trip begins with the first bytes after an answer; more bytes before the next answer belong to it.
                std::thread::spawn(move || {
                    pump(client, server_too, || {
                        if asked.swap(1, Ordering::SeqCst) == 0 {
                            counted.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                });
                std::thread::spawn(move || pump(server, client_too, || waiting.store(0, Ordering::SeqCst)));
            }
        });
        Self { port, trips }
    }

    fn taken(&self) -> usize {
        self.trips.swap(0, Ordering::SeqCst)
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, mut seen: impl FnMut()) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        seen();
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_transaction_opens_with_one_message_search_is_one_trip_and_so_are_claims_and_ends_of_calls() {
    let world = World::new().await;
    let site = world.site("TenantA").await;
    world.manual(&site, "Pump manual.txt", &scattered(5, 1)).await;
    let (head, database) = world.database.url.rsplit_once('/').unwrap();
    let (login, server) = head.rsplit_once('@').unwrap();
    let counter = Counter::new(server);
    let store = Store::open(&StoreSettings {
        url: format!("{login}@127.0.0.1:{}/{database}", counter.port),
        max_connections: 1,
        acquire_timeout: Duration::from_secs(10),
    })
    .await
    .unwrap();
    let vector = axis(0);
    let reader = world.reader(&site).await;
    let query = PassageQuery {
        reader: &reader,
        embedding: Some(&vector),
        model: VectorModel::FIRST,
        nearest: 5,
        keyword_hits: &[],
        scope: PassageScope::Current,
        visible_chunks: None,
    };
    for round in 0..3 {
        // The pool tries a connection that comes back, in the background: wait until that is over.
        let back = async || {
            let all_idle = async || {
                let (open, idle) = store.pool_state();
                (open as usize == idle).then_some(())
            };
            eventually("all connections to be back", all_idle).await;
        };
        back().await;
        counter.taken();
        let mut tx = store.tenant(&site.scope).begin().await.unwrap();
        assert_eq!(counter.taken(), 1, "BEGIN, role and settings");
        tx.passages().find(&query).await.unwrap();
        let find = counter.taken();
        tx.documents().count(&reader).await.unwrap();
        let count = counter.taken();
        tx.commit(BOOKKEEPING).await.unwrap();
        let commit = counter.taken();
        let (tenant, lease) = (store.tenant(&site.scope), Duration::from_secs(45));
        let claim = [world.sources.new_id()];
        back().await;
        counter.taken();
        tenant.reserve_budgets(&[], &claim, &[], lease).await.unwrap();
        let reserve = counter.taken();
        tenant.settle_budgets(&[], &claim, &[], world.now()).await.unwrap();
        let settle = counter.taken();
        // The first time on a connection, statements are prepared and pgvector's types are looked up.
        if round > 0 {
            // Committing bookkeeping first makes sure that no statement had failed; an audit entry does that by itself.
            assert_eq!((find, count, commit), (1, 1, 2), "round {round}");
            assert_eq!((reserve, settle), (1, 1), "round {round}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(counter.taken(), 0, "no connection of the ledger is tried when it comes back");
    }
    store.close().await;
    world.drop().await;
}
