//! Twenty tenants, each with documents of which one in a hundred is public and one in ten is for everybody inside.

use std::time::{Duration, Instant};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{Allowed, Classification, Clearance, Role, TenantScope, id::UserId};
use millwright_retrieval::{embedding::Embedder, follower::IndexFollower, keyword::KeywordIndexes};
use millwright_store::{
    Proof,
    tenant::{NewUser, Reader, UserChange, UserKind},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::scratch::Scratch;
use crate::{
    corpus::{Corpus, SeedDocument},
    say,
    seed::{Seeder, Vectors},
};

const TENANTS: usize = 20;
/// Between two looks at the feed the follower knows of nothing new: only when it has been behind nobody for so long is it through.
const SETTLED: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// A part of each tenant's documents, which holds the smaller ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) percent: usize,
    /// What is asked for to get no more; all have none.
    pub(super) tag: Option<&'static str>,
    /// Who may see up to this sees no more.
    classification: Classification,
}

/// From the smallest.
pub(super) const SHARES: [Share; 3] = [
    Share { percent: 1, tag: Some("one in a hundred"), classification: Classification::Public },
    Share { percent: 10, tag: Some("one in ten"), classification: Classification::Internal },
    Share { percent: 100, tag: None, classification: Classification::Confidential },
];

/// A tenant with a reader for each share.
pub(super) struct Tenant {
    pub(super) scope: TenantScope,
    readers: Vec<Reader>,
    /// Chunks of each share.
    chunks: [usize; SHARES.len()],
}

impl Tenant {
    /// Who is cleared for that share alone, or for all.
    pub(super) fn reader(&self, only: bool, share: usize) -> &Reader {
        &self.readers[if only { share } else { SHARES.len() - 1 }]
    }

    /// How many chunks that reader sees.
    pub(super) fn visible_chunks(&self, only: bool, share: usize) -> u64 {
        self.chunks[if only { share } else { SHARES.len() - 1 }] as u64
    }
}

/// What was filled, and what it took.
pub(super) struct Filled {
    pub(super) tenants: Vec<Tenant>,
    pub(super) keyword: KeywordIndexes,
    pub(super) vectors: u64,
    pub(super) rows: Duration,
    pub(super) graphs: Duration,
    pub(super) followed: Duration,
}

pub(super) async fn fill(
    scratch: &Scratch,
    corpus: &Corpus,
    embedder: &Embedder,
    chunks: usize,
) -> anyhow::Result<Filled> {
    say("embedding real chunks");
    let vectors = Vectors::embed(corpus, embedder).await?;
    let key = AuditKey::derive(&scratch.sources.random_bytes::<32>())?;
    // Built in one go at the end, from the same definition: row by row would take most of the time.
    let definition =
        scratch.query("SELECT replace(pg_get_indexdef('chunk_vectors_nearest_1'::regclass), ' ON ONLY ', ' ON ')")?;
    scratch.query("DROP INDEX chunk_vectors_nearest_1")?;
    let keyword = KeywordIndexes::new(scratch.keyword_folder());
    let (follower, indexed) = IndexFollower::new(scratch.store.clone(), keyword.clone());
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    let stopping = stop.clone();
    tracker.spawn(async move { follower.run(stopping).await });

    let begin = Instant::now();
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        say(&format!("filling tenant {} of {TENANTS}", number + 1));
        let scope = tenant(scratch, number).await?;
        let mut documents = corpus.editions(chunks / TENANTS, number as u64);
        let of_share = classify(&mut documents);
        let mut readers = Vec::new();
        for share in &SHARES {
            readers.push(user(scratch, &key, &scope, share.classification).await?);
        }
        let seeder =
            Seeder { store: &scratch.store, sources: &scratch.sources, key: key.clone(), scope, owner: readers[0] };
        seeder.write(&documents, &vectors).await?;
        indexed.wake();
        let mut tx = scratch.store.tenant(&scope).read().await?;
        let mut of_tenant = Vec::new();
        for user in readers {
            of_tenant.push(tx.labels().reader(user).await?);
        }
        tenants.push(Tenant { scope, readers: of_tenant, chunks: of_share });
    }
    let rows = begin.elapsed();
    say("keyword indexes");
    let mut last_behind = Instant::now();
    while last_behind.elapsed() < SETTLED {
        tokio::time::sleep(LOOK).await;
        if indexed.lag().tenants_behind > 0 {
            last_behind = Instant::now();
        }
    }
    let followed = last_behind.duration_since(begin).saturating_sub(rows);
    keyword.maintain().await?;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    say("HNSW graphs");
    let begin = Instant::now();
    scratch.query(&format!("SET maintenance_work_mem = '4GB'; {definition}"))?;
    let graphs = begin.elapsed();
    scratch.query("VACUUM ANALYZE")?;
    let vectors = scratch.query("SELECT count(*) FROM chunk_vectors")?.parse()?;
    Ok(Filled { tenants, keyword, vectors, rows, graphs, followed })
}

/// Gives every document its classification and tags, so that the shares hold in chunks; how many chunks each share has.
fn classify(documents: &mut [SeedDocument]) -> [usize; SHARES.len()] {
    let mut of_share = [0; SHARES.len()];
    let mut so_far = 0;
    for document in documents {
        so_far += document.chunks.len();
        // The smallest share that is not full yet.
        let fits = |(share, count): (&Share, &usize)| (count + document.chunks.len()) * 100 <= share.percent * so_far;
        let place = SHARES.iter().zip(&of_share).position(fits).unwrap_or(SHARES.len() - 1);
        document.classification = SHARES[place].classification;
        document.tags = SHARES[place..].iter().filter_map(|share| share.tag.map(str::to_owned)).collect();
        for count in &mut of_share[place..] {
            *count += document.chunks.len();
        }
    }
    of_share
}

async fn tenant(scratch: &Scratch, number: usize) -> anyhow::Result<TenantScope> {
    let mut platform = scratch.platform().await?;
    let mut tx = platform.begin().await?;
    let scope = tx.create(scratch.sources.new_id(), &format!("Tenant {number}"), scratch.sources.now()).await?;
    tx.commit(&[]).await?;
    platform.close().await?;
    Ok(scope)
}

/// Somebody who may see up to this.
async fn user(
    scratch: &Scratch,
    key: &AuditKey,
    scope: &TenantScope,
    classification: Classification,
) -> anyhow::Result<UserId> {
    let sources = &scratch.sources;
    let id: UserId = sources.new_id();
    let user = NewUser {
        id,
        kind: UserKind::Person,
        email: Some(format!("{id}@bench.example")),
        display_name: "Somebody".to_owned(),
        role: Role::Operator,
        password_hash: None,
        local: true,
        created_at: sources.now(),
    };
    let clearance = Clearance { classification, export_control: Allowed::none(), groups: Allowed::none() };
    let mut tx = scratch.store.tenant(scope).begin().await?;
    tx.users().insert(&user).await?;
    let change = UserChange { clearance: Some(clearance), ..UserChange::default() };
    tx.users().change(id, &change).await?;
    let event = AuditEvent::new(sources, scope.tenant_id(), Actor::System("loadtest"), AuditAction::UserCreated, id);
    tx.commit(Proof::Entry(&key.authenticate(&event)?)).await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::SeedChunk;

    #[test]
    fn shares_hold_in_chunks_and_lie_in_one_another() {
        let chunk = |base| SeedChunk { heading_path: vec![], text: String::new(), token_count: 1, base };
        let document = |size: usize| SeedDocument::new(String::new(), (0..size).map(chunk).collect());
        let mut documents: Vec<SeedDocument> = (0..400).map(|number| document(1 + number % 7)).collect();
        let of_share = classify(&mut documents);
        let all = of_share[2] as f64;
        assert!((0.005..=0.01).contains(&(of_share[0] as f64 / all)), "{of_share:?}");
        assert!((0.09..=0.1).contains(&(of_share[1] as f64 / all)), "{of_share:?}");
        let public: Vec<_> = documents.iter().filter(|one| one.classification == Classification::Public).collect();
        assert!(!public.is_empty() && public.iter().all(|one| one.tags.len() == 2));
    }
}
