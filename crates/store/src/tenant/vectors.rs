use millwright_core::id::{ChunkId, DocumentId, VersionId};
use pgvector::HalfVector;
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// Vectors of chunks, by the model that made them.
pub struct Vectors<'t>(pub(crate) TenantConnection<'t>);

/// An embedding model by its number. Models are numbered upwards, and no number comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VectorModel(pub(crate) i16);

impl VectorModel {
    /// The model that a new database begins with.
    pub const FIRST: Self = Self(1);
}

impl From<i16> for VectorModel {
    fn from(number: i16) -> Self {
        Self(number)
    }
}

impl std::fmt::Display for VectorModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One window of a chunk, embedded.
#[derive(Debug, Clone)]
pub struct NewVector {
    /// Of which chunk.
    pub chunk_id: ChunkId,
    /// 0 for the first window.
    pub window_number: i32,
    /// Unit length.
    pub embedding: Vec<f32>,
}

/// A chunk that has no vectors of a model yet.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UnembeddedChunk {
    /// The chunk.
    #[sqlx(try_from = "Uuid")]
    pub id: ChunkId,
    /// Headings above it, outermost first.
    pub heading_path: Vec<String>,
    /// Its text.
    pub text: String,
}

/// A version that was read and not yet gone through with a model.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LackingVersion {
    /// The version.
    #[sqlx(try_from = "Uuid")]
    pub id: VersionId,
    /// Its document.
    #[sqlx(try_from = "Uuid")]
    pub document_id: DocumentId,
}

/// How far a tenant's chunks were gone through with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct VectorProgress {
    /// Chunks that were.
    pub done: i64,
    /// Chunks there are.
    pub total: i64,
    /// Of those done, chunks without vectors, because their label may not go to the model's server.
    pub withheld: i64,
}

/// Which models vectors are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveModels {
    /// Whose vectors answer.
    pub serving: VectorModel,
    /// Whose are being made.
    pub building: Option<VectorModel>,
}

/// Nobody makes another model serve while the last step of a version holds this, and the other way round.
pub(crate) const SWAP_LOCK: i64 = 7_810_774_204;

/// A version `v` with something to go through: read to its end at least once, and not deleted since, which leaves it no chunks.
/// Should ingestion have been at it in that moment, it is gone through like any other, and nothing is found.
pub(crate) const READ: &str = "v.chunk_count > 0 AND v.ready_at IS NOT NULL";
/// That can be gone through: it is not about to be read anew.
pub(crate) const AT_REST: &str = "v.status NOT IN ('queued', 'processing')";

impl Vectors<'_> {
    /// Which models there are, which stays so until the transaction ends.
    pub async fn hold_models(&mut self) -> Result<LiveModels, StoreError> {
        sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(SWAP_LOCK).execute(&mut *self.0.connection).await?;
        // A statement of its own: it sees what was committed while the lock was waited for.
        let rows: Vec<(i16, String)> =
            sqlx::query_as("SELECT id, state FROM embedding_models WHERE state IN ('serving', 'building')")
                .fetch_all(&mut *self.0.connection)
                .await?;
        let of = |state: &str| rows.iter().find(|row| row.1 == state).map(|row| VectorModel(row.0));
        let serving = of("serving").ok_or(StoreError::NotFound("serving embedding model"))?;
        Ok(LiveModels { serving, building: of("building") })
    }

    /// Up to `limit` chunks of the version that have no vectors of the model yet, in order, without those of `except`.
    pub async fn list_unembedded(
        &mut self,
        version: VersionId,
        model: VectorModel,
        except: &[ChunkId],
        limit: i64,
    ) -> Result<Vec<UnembeddedChunk>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT c.id, c.heading_path, c.text FROM chunks c WHERE c.tenant_id = $1 AND c.version_id = $2 \
             AND NOT EXISTS (SELECT 1 FROM chunk_vectors v WHERE v.tenant_id = c.tenant_id AND v.chunk_id = c.id AND v.model_id = $4) \
             AND NOT EXISTS (SELECT 1 FROM dormant_vectors v WHERE v.tenant_id = c.tenant_id AND v.chunk_id = c.id AND v.model_id = $4) \
             AND c.id <> ALL ($5) ORDER BY c.ordinal LIMIT $3",
        )
        .bind(self.0.tenant)
        .bind(version.uuid())
        .bind(limit)
        .bind(model.0)
        .bind(except.iter().map(|id| id.uuid()).collect::<Vec<Uuid>>())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

    /// Adds vectors of a version that is being read; all windows of a chunk belong in one transaction.
    pub async fn insert(
        &mut self,
        document: DocumentId,
        version: VersionId,
        model: VectorModel,
        vectors: &[NewVector],
    ) -> Result<(), StoreError> {
        self.insert_into("chunk_vectors", (document, version), model, vectors).await
    }

    /// Adds vectors of a version that was read: where HNSW finds them if it answers, else apart. False when the document is gone.
    pub async fn add(
        &mut self,
        document: DocumentId,
        version: VersionId,
        model: VectorModel,
        vectors: &[NewVector],
    ) -> Result<bool, StoreError> {
        // Locked, so that it does not begin or cease to answer before these are in their place.
        let answers: Option<Option<bool>> = sqlx::query_scalar(
            "SELECT current_version_id = $3 FROM documents WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .bind(version.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        let Some(answers) = answers else { return Ok(false) };
        let table = if answers == Some(true) { "chunk_vectors" } else { "dormant_vectors" };
        self.insert_into(table, (document, version), model, vectors).await?;
        Ok(true)
    }

    /// Chunks that were replaced meanwhile are passed over, and so is a model that serves no more; vectors that somebody else made
    /// in the same moment stay.
    async fn insert_into(
        &mut self,
        table: &str,
        (document, version): (DocumentId, VersionId),
        model: VectorModel,
        vectors: &[NewVector],
    ) -> Result<(), StoreError> {
        let embeddings: Vec<HalfVector> =
            vectors.iter().map(|vector| HalfVector::from_f32_slice(&vector.embedding)).collect();
        let statement = format!(
            "INSERT INTO {table} (tenant_id, document_id, version_id, model_id, chunk_id, window_number, embedding) \
             SELECT $1, $2, $3, $4, * FROM unnest($5::uuid[], $6::integer[], $7::halfvec[]) AS n (chunk_id, window_number, embedding) \
             WHERE EXISTS (SELECT 1 FROM chunks c WHERE c.tenant_id = $1 AND c.id = n.chunk_id) \
               AND EXISTS (SELECT 1 FROM embedding_models m WHERE m.id = $4 AND m.state <> 'retired') ON CONFLICT DO NOTHING"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .bind(version.uuid())
            .bind(model.0)
            .bind(vectors.iter().map(|vector| vector.chunk_id.uuid()).collect::<Vec<Uuid>>())
            .bind(vectors.iter().map(|vector| vector.window_number).collect::<Vec<_>>())
            .bind(embeddings)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Up to `limit` versions that were not gone through with the model: those that answer first.
    pub async fn list_lacking(&mut self, model: VectorModel, limit: i64) -> Result<Vec<LackingVersion>, StoreError> {
        let statement = format!(
            "SELECT v.id, v.document_id FROM document_versions v \
             JOIN documents d ON d.tenant_id = v.tenant_id AND d.id = v.document_id \
             WHERE v.tenant_id = $1 AND v.vectors_by < $2 AND {READ} AND {AT_REST} \
             ORDER BY d.current_version_id = v.id DESC NULLS LAST, v.id LIMIT $3"
        );
        let rows = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(model.0)
            .bind(limit)
            .fetch_all(&mut *self.0.connection)
            .await?;
        Ok(rows)
    }

    /// Records that a version that was read was gone through with the model. Nothing when it is about to be read anew, or when the
    /// model was given up or replaced: its vectors are deleted, and a higher number than that of the one that serves would hide
    /// that the version lacks those.
    pub async fn set_gone_through(
        &mut self,
        version: VersionId,
        model: VectorModel,
        withheld: bool,
    ) -> Result<(), StoreError> {
        let statement = format!(
            "UPDATE document_versions v SET vectors_by = $3, vectors_withheld = $4 \
             WHERE v.tenant_id = $1 AND v.id = $2 AND v.vectors_by < $3 AND {READ} AND {AT_REST} \
               AND EXISTS (SELECT 1 FROM embedding_models m WHERE m.id = $3 AND m.state <> 'retired')"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(version.uuid())
            .bind(model.0)
            .bind(withheld)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// What was withheld from a model is looked at again, now that its server may be given more.
    pub async fn revisit_withheld(&mut self) -> Result<(), StoreError> {
        sqlx::query("UPDATE document_versions SET vectors_by = 0, vectors_withheld = false WHERE tenant_id = $1 AND vectors_withheld")
            .bind(self.0.tenant)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// How far the tenant's chunks were gone through.
    pub async fn progress(&mut self, model: VectorModel) -> Result<VectorProgress, StoreError> {
        let statement = format!(
            "SELECT coalesce(sum(v.chunk_count) FILTER (WHERE v.vectors_by >= $2), 0)::bigint AS done, \
                    coalesce(sum(v.chunk_count), 0)::bigint AS total, \
                    coalesce(sum(v.chunk_count) FILTER (WHERE v.vectors_by = $2 AND v.vectors_withheld), 0)::bigint AS withheld \
             FROM document_versions v WHERE v.tenant_id = $1 AND {READ} AND {AT_REST}"
        );
        let progress = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(model.0)
            .fetch_one(&mut *self.0.connection)
            .await?;
        Ok(progress)
    }

    /// Deletes some vectors of a model that serves no more: those of chunks from `from` on. Where to go on; `None` when none is left.
    pub async fn delete_some(
        &mut self,
        model: VectorModel,
        from: Option<ChunkId>,
        limit: i64,
    ) -> Result<Option<ChunkId>, StoreError> {
        let mut last = None;
        for table in ["chunk_vectors", "dormant_vectors"] {
            let statement = format!(
                "DELETE FROM {table} v USING (SELECT chunk_id, window_number FROM {table} \
                     WHERE tenant_id = $1 AND chunk_id >= $2 AND model_id = $3 ORDER BY chunk_id, window_number LIMIT $4) g \
                 WHERE v.tenant_id = $1 AND v.chunk_id = g.chunk_id AND v.window_number = g.window_number AND v.model_id = $3 \
                 RETURNING v.chunk_id"
            );
            let chunks: Vec<Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .bind(self.0.tenant)
                .bind(from.map(ChunkId::uuid).unwrap_or_default())
                .bind(model.0)
                .bind(limit)
                .fetch_all(&mut *self.0.connection)
                .await?;
            // Of two tables that did not come equally far the nearer end counts: the other finds nothing twice.
            let furthest = chunks.into_iter().max();
            last = match (last, furthest) {
                (Some(one), Some(other)) => Some(std::cmp::min(one, other)),
                (one, other) => one.or(other),
            };
        }
        Ok(last.map(ChunkId::from))
    }

    /// Versions that only this model went through are gone through again with the one that serves.
    pub async fn forget(&mut self, model: VectorModel) -> Result<(), StoreError> {
        sqlx::query("UPDATE document_versions SET vectors_by = 0, vectors_withheld = false WHERE tenant_id = $1 AND vectors_by = $2")
            .bind(self.0.tenant)
            .bind(model.0)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
