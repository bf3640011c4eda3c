//! Fills a tenant with tens of thousands of chunks in a minute, past the product's ingestion.
//!
//! Embedding 20,000 chunks takes two cores some ten minutes. Here a few hundred real chunks are embedded; all others get
//! the vectors of one of these with noise added, brought back to length one. The rows are those that ingestion writes, through
//! the same repositories; the vector index grows as they come and the keyword index follows the feed, as always.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, ensure};
use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey};
use millwright_core::{
    Label, Sources, TenantScope,
    id::{DocumentId, UserId},
};
use millwright_retrieval::{embedding::Embedder, ingest::texts_to_embed};
use millwright_store::{
    AppLogin, Proof, Store, StoreSettings, migrate,
    tenant::{NewChunk, NewDocument, NewVector, NewVersion, PageRow, VectorModel},
};
use sha2::{Digest, Sha256};

use crate::{
    corpus::{Corpus, Random, SeedChunk, SeedDocument},
    server::Installation,
};

/// Real chunks that are embedded.
const EMBEDDED: usize = 400;
/// Length of the noise beside a vector of length one: the cosine to the real vector becomes about 0.86.
const NOISE: f32 = 0.6;
const DOCUMENTS_PER_COMMIT: usize = 20;
/// As many as there are cores to be expected: more would only wait.
const WRITERS: usize = 2;
/// Between two chunks in the text of a page.
const GAP: &str = "\n\n";

/// The windows' vectors of some real chunks, evenly from all of them.
pub(crate) struct Vectors {
    of_chunk: Vec<Vec<Vec<f32>>>,
    base_chunks: usize,
}

impl Vectors {
    pub(crate) async fn embed(corpus: &Corpus, embedder: &Embedder) -> anyhow::Result<Self> {
        let chunks = corpus.base_chunks();
        let count = chunks.len().min(EMBEDDED);
        let texts: Vec<Vec<String>> = (0..count)
            .map(|index| chunks[index * chunks.len() / count])
            .map(|chunk| texts_to_embed(embedder, &chunk.heading_path, &chunk.text))
            .collect();
        let mut vectors = embedder.embed_batch(texts.concat()).await?.into_iter();
        let of_chunk = texts.iter().map(|texts| vectors.by_ref().take(texts.len()).collect()).collect();
        Ok(Self { of_chunk, base_chunks: chunks.len() })
    }

    /// How many real chunks they come from.
    pub(crate) fn embedded(&self) -> usize {
        self.of_chunk.len()
    }

    /// Vectors for a chunk: those of the nearest real chunk that was embedded, with noise.
    fn vary(&self, chunk: &SeedChunk, random: &mut Random) -> Vec<Vec<f32>> {
        let index = (chunk.base * self.of_chunk.len() / self.base_chunks).min(self.of_chunk.len() - 1);
        self.of_chunk[index].iter().map(|vector| noisy(vector, random)).collect()
    }
}

fn noisy(vector: &[f32], random: &mut Random) -> Vec<f32> {
    let each = NOISE / (vector.len() as f32).sqrt();
    let moved: Vec<f32> = vector.iter().map(|value| value + each * random.normal()).collect();
    let length = moved.iter().map(|value| value * value).sum::<f32>().sqrt();
    moved.iter().map(|value| value / length).collect()
}

/// Opens the private database of a running server, with a login of this benchmark's own.
pub(crate) async fn open(installation: &Installation, sources: &Sources) -> anyhow::Result<Store> {
    let settings = StoreSettings {
        url: login(installation, sources).await?,
        max_connections: WRITERS as u32 + 1,
        acquire_timeout: Duration::from_secs(10),
    };
    Store::open(&settings).await.context("opening the database for seeding")
}

/// Makes a login for the private database of a running server, with the rights of the application; its URL.
pub(crate) async fn login(installation: &Installation, sources: &Sources) -> anyhow::Result<String> {
    let admin_url = installation.admin_url()?;
    let (role, password) = ("millwright_loadtest", hex::encode(sources.random_bytes::<16>()));
    migrate(&admin_url, &AppLogin { role: role.to_owned(), password: Some(password.clone()) }, None)
        .await
        .context("making a login for seeding")?;
    let (_, place) = admin_url.split_once('@').context("a URL without a host")?;
    Ok(format!("postgres://{role}:{password}@{place}"))
}

/// Writes documents for one tenant.
pub(crate) struct Seeder<'s> {
    pub(crate) store: &'s Store,
    pub(crate) sources: &'s Sources,
    pub(crate) key: AuditKey,
    pub(crate) scope: TenantScope,
    pub(crate) owner: UserId,
}

impl Seeder<'_> {
    /// Writes all documents; the last one that each writer wrote.
    pub(crate) async fn write(&self, documents: &[SeedDocument], vectors: &Vectors) -> anyhow::Result<Vec<DocumentId>> {
        let share = documents.len().div_ceil(WRITERS).max(1);
        let writers = documents.chunks(share).zip(1..).map(async |(documents, seed)| {
            let mut random = Random(seed);
            let mut last = None;
            for some in documents.chunks(DOCUMENTS_PER_COMMIT) {
                last = self.write_some(some, vectors, &mut random).await?;
            }
            anyhow::Ok(last)
        });
        let last = futures::future::try_join_all(writers).await?;
        Ok(last.into_iter().flatten().collect())
    }

    async fn write_some(
        &self,
        documents: &[SeedDocument],
        vectors: &Vectors,
        random: &mut Random,
    ) -> anyhow::Result<Option<DocumentId>> {
        let mut records = Vec::new();
        let mut last = None;
        let mut tx = self.store.tenant(&self.scope).begin().await?;
        for seed in documents {
            let (page, chunks) = lay_out(seed, self.sources);
            let label = Label::of(seed.classification);
            let label_id = tx.labels().intern(&label).await?;
            let document = self.document(seed, label, label_id);
            let version = self.version(&document, &page);
            tx.documents().insert(&document).await?;
            tx.versions().insert(&version, page.as_bytes()).await?;
            let pages = [PageRow { page_number: 1, text: page, blocks: serde_json::json!([]), ..PageRow::default() }];
            tx.versions().insert_pages(version.id, &pages).await?;
            tx.versions().set_parsed(version.id, false, 1).await?;
            tx.chunks().replace(document.id, version.id, &chunks).await?;
            tx.vectors()
                .insert(document.id, version.id, VectorModel::FIRST, &windows_of(seed, &chunks, vectors, random))
                .await?;
            tx.versions().set_ready(version.id, self.sources.now()).await?;
            tx.vectors().set_gone_through(version.id, VectorModel::FIRST, false).await?;
            let (tenant, actor) = (self.scope.tenant_id(), Actor::System("loadtest"));
            let event = AuditEvent::new(self.sources, tenant, actor, AuditAction::DocumentUploaded, document.id);
            records.push(self.key.authenticate(&event)?);
            last = Some(document.id);
        }
        tx.commit(Proof::Entries(&records)).await?;
        Ok(last)
    }

    fn document(&self, seed: &SeedDocument, label: Label, label_id: i64) -> NewDocument {
        NewDocument {
            id: self.sources.new_id(),
            name: seed.name.clone(),
            label,
            label_id,
            metadata: serde_json::json!({ "source": "loadtest" }),
            tags: seed.tags.clone(),
            supersedes: None,
            created_by: self.owner,
            created_at: self.sources.now(),
        }
    }

    fn version(&self, document: &NewDocument, page: &str) -> NewVersion {
        NewVersion {
            id: self.sources.new_id(),
            document_id: document.id,
            format: "text".to_owned(),
            media_type: "text/plain".to_owned(),
            sha256: Sha256::digest(page.as_bytes()).into(),
            created_by: self.owner,
            created_at: self.sources.now(),
            effective_from: self.sources.now(),
            effective_until: None,
        }
    }
}

/// The text of the document's page, and its chunks as spans of it.
fn lay_out(seed: &SeedDocument, sources: &Sources) -> (String, Vec<NewChunk>) {
    let (mut page, mut at, mut chunks) = (String::new(), 0, Vec::new());
    for (ordinal, chunk) in (0..).zip(&seed.chunks) {
        let length = chunk.text.chars().count() as i32;
        chunks.push(NewChunk {
            id: sources.new_id(),
            ordinal,
            page_number: 1,
            char_start: at,
            char_end: at + length,
            heading_path: chunk.heading_path.clone(),
            table_header: None,
            token_count: chunk.token_count,
            text: chunk.text.clone(),
            quarantined: Vec::new(),
        });
        page.push_str(&chunk.text);
        page.push_str(GAP);
        at += length + GAP.len() as i32;
    }
    (page, chunks)
}

fn windows_of(seed: &SeedDocument, chunks: &[NewChunk], vectors: &Vectors, random: &mut Random) -> Vec<NewVector> {
    let mut windows = Vec::new();
    for (chunk, new) in seed.chunks.iter().zip(chunks) {
        for (window_number, embedding) in (0..).zip(vectors.vary(chunk, random)) {
            windows.push(NewVector { chunk_id: new.id, window_number, embedding });
        }
    }
    windows
}

/// Renews the planner's statistics, as autovacuum does by itself within some minutes of such a change.
pub(crate) fn analyze(installation: &Installation, cache_dir: &Path) -> anyhow::Result<()> {
    query(installation, cache_dir, "VACUUM ANALYZE").map(drop)
}

/// What PostgreSQL answers its superuser, without decoration.
pub(crate) fn query(installation: &Installation, cache_dir: &Path, statement: &str) -> anyhow::Result<String> {
    let output = Command::new(cache_dir.join("postgres-18/bin/psql"))
        .args([
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--command",
            statement,
            &installation.admin_url()?,
        ])
        .output()
        .context("running psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_keeps_the_length_and_most_of_the_direction() {
        let mut random = Random(3);
        let vector: Vec<f32> = (0..384).map(|_| random.normal()).collect();
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let vector: Vec<f32> = vector.iter().map(|value| value / length).collect();
        let moved = noisy(&vector, &mut random);
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!((product(&moved, &moved) - 1.0).abs() < 1e-4);
        assert!((0.80..0.92).contains(&product(&vector, &moved)), "{}", product(&vector, &moved));
    }

    #[test]
    fn a_chunk_is_the_slice_that_its_span_names() {
        let chunk = |text: &str| SeedChunk { heading_path: vec![], text: text.to_owned(), token_count: 3, base: 0 };
        let seed = SeedDocument::new("pump".to_owned(), vec![chunk("5 µm filter"), chunk("Ölstand")]);
        let (page, chunks) = lay_out(&seed, &Sources::system());
        let characters: Vec<char> = page.chars().collect();
        for chunk in &chunks {
            let slice: String = characters[chunk.char_start as usize..chunk.char_end as usize].iter().collect();
            assert_eq!(slice, chunk.text);
        }
    }
}
