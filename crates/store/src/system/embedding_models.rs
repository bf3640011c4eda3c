use std::time::Duration;

use chrono::{DateTime, Utc};
use millwright_core::TenantScope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope_of;
use crate::{
    StoreError,
    tenant::{AT_REST, READ, SWAP_LOCK, VectorModel, text_enum},
};

/// The embedding models of the installation.
pub struct EmbeddingModels<'t>(pub(crate) &'t mut PgConnection);

text_enum! {
    /// What becomes of a model's vectors.
    ModelState {
        /// They are being made.
        Building = "building",
        /// They answer.
        Serving = "serving",
        /// They are deleted.
        Retired = "retired",
    }
}

/// An embedding model.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EmbeddingModelRow {
    /// Its number.
    #[sqlx(try_from = "i16")]
    pub id: VectorModel,
    /// Of all that decides what a vector means; `None` before the first start that tells models apart.
    pub digest: Option<String>,
    /// What people call it.
    pub name: String,
    /// How many numbers a vector has.
    pub dimensions: i32,
    /// What becomes of its vectors.
    #[sqlx(try_from = "String")]
    pub state: ModelState,
    /// What its server was given when documents were last gone through.
    pub takes: Option<String>,
    /// When it was first seen.
    pub created_at: DateTime<Utc>,
    /// Since when it serves, or when it began to.
    pub served_at: Option<DateTime<Utc>>,
    /// Since when it does not any more.
    pub retired_at: Option<DateTime<Utc>>,
    /// Whether its vectors have an index.
    pub indexed: bool,
}

/// A model as it is found.
#[derive(Debug, Clone, Copy)]
pub struct FoundModel<'m> {
    /// Of all that decides what a vector means.
    pub digest: &'m str,
    /// What people call it.
    pub name: &'m str,
    /// How many numbers a vector has.
    pub dimensions: i32,
}

const SELECT: &str = "SELECT id, digest, name, dimensions, state, takes, created_at, served_at, retired_at, \
    to_regclass('millwright.chunk_vectors_nearest_' || id) IS NOT NULL AS indexed FROM embedding_models";

impl EmbeddingModels<'_> {
    /// Models of which there are vectors, or will be.
    pub async fn list(&mut self) -> Result<Vec<EmbeddingModelRow>, StoreError> {
        let statement = format!("{SELECT} WHERE cleared_at IS NULL ORDER BY id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(statement)).fetch_all(&mut *self.0).await?)
    }

    /// Models that serve no more and whose index is still there.
    pub async fn list_indexed_in_vain(&mut self) -> Result<Vec<VectorModel>, StoreError> {
        let ids: Vec<i16> = sqlx::query_scalar(
            "SELECT id FROM embedding_models WHERE state = 'retired' \
             AND to_regclass('millwright.chunk_vectors_nearest_' || id) IS NOT NULL",
        )
        .fetch_all(&mut *self.0)
        .await?;
        Ok(ids.into_iter().map(VectorModel).collect())
    }

    /// Vectors from before models were told apart are those of the model in process.
    pub async fn adopt(&mut self, digest: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE embedding_models SET digest = $1 WHERE digest IS NULL AND state = 'serving'")
            .bind(digest)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Makes the model the one that is wanted: it serves already, or is being built from now on; any other that was being built
    /// is given up.
    pub async fn want(&mut self, model: FoundModel<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.lock().await?;
        sqlx::query(
            "UPDATE embedding_models SET state = 'retired', retired_at = $2 WHERE state = 'building' AND digest <> $1",
        )
        .bind(model.digest)
        .bind(now)
        .execute(&mut *self.0)
        .await?;
        sqlx::query(
            "INSERT INTO embedding_models (id, digest, name, dimensions, state, created_at) \
             SELECT 1 + max(id), $1, $2, $3, 'building', $4 FROM embedding_models \
             HAVING NOT coalesce(bool_or(digest = $1 AND state <> 'retired'), false)",
        )
        .bind(model.digest)
        .bind(model.name)
        .bind(model.dimensions)
        .bind(now)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Records what the model's server is given.
    pub async fn set_takes(&mut self, id: VectorModel, takes: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE embedding_models SET takes = $2 WHERE id = $1")
            .bind(id.0)
            .bind(takes)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Takes or keeps the lease to go through what lacks vectors of a model. Whether this process has it.
    pub async fn lease(&mut self, id: VectorModel, builder: Uuid, lease: Duration) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE embedding_models SET builder = $2, builder_until = clock_timestamp() + make_interval(secs => $3) \
             WHERE id = $1 AND (builder = $2 OR builder IS NULL OR builder_until < clock_timestamp())",
        )
        .bind(id.0)
        .bind(builder)
        .bind(lease.as_secs_f64())
        .execute(&mut *self.0)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Tenants with versions that were not gone through with the model.
    pub async fn list_lacking(&mut self, id: VectorModel) -> Result<Vec<TenantScope>, StoreError> {
        let statement = format!(
            "SELECT DISTINCT v.tenant_id FROM document_versions v WHERE v.vectors_by < $1 AND {READ} AND {AT_REST} \
             ORDER BY v.tenant_id"
        );
        let tenants: Vec<Uuid> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).bind(id.0).fetch_all(&mut *self.0).await?;
        Ok(tenants.into_iter().map(scope_of).collect())
    }

    /// How many chunks of all tenants were gone through with the model, and how many there are.
    pub async fn progress(&mut self, id: VectorModel) -> Result<(i64, i64), StoreError> {
        let statement = format!(
            "SELECT coalesce(sum(v.chunk_count) FILTER (WHERE v.vectors_by >= $1), 0)::bigint, \
                    coalesce(sum(v.chunk_count), 0)::bigint \
             FROM document_versions v WHERE {READ} AND {AT_REST}"
        );
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(statement)).bind(id.0).fetch_one(&mut *self.0).await?)
    }

    /// Whether a version lacks vectors of the model that can be gone through, or that answers and is about to be read anew:
    /// ingestion makes the vectors of the latter, which answers with those of the model that serves until then.
    async fn is_lacking(&mut self, id: VectorModel) -> Result<bool, StoreError> {
        let statement = format!(
            "SELECT EXISTS (SELECT 1 FROM document_versions v WHERE v.vectors_by < $1 AND {READ} AND ({AT_REST} OR EXISTS ( \
                 SELECT 1 FROM documents d WHERE d.tenant_id = v.tenant_id AND d.current_version_id = v.id)))"
        );
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).bind(id.0).fetch_one(&mut *self.0).await?)
    }

    /// Makes the model that is being built serve, if nothing that answers or may answer lacks its vectors. Whether it does now.
    pub async fn serve(&mut self, id: VectorModel, now: DateTime<Utc>) -> Result<bool, StoreError> {
        self.lock().await?;
        // Statements of their own from here on: they see every version whose last step held the lock before.
        if self.is_lacking(id).await? {
            return Ok(false);
        }
        let building: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM embedding_models WHERE id = $1 AND state = 'building')")
                .bind(id.0)
                .fetch_one(&mut *self.0)
                .await?;
        if !building {
            return Ok(false);
        }
        sqlx::query("UPDATE embedding_models SET state = 'retired', retired_at = $1 WHERE state = 'serving'")
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        sqlx::query("UPDATE embedding_models SET state = 'serving', served_at = $2 WHERE id = $1")
            .bind(id.0)
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        Ok(true)
    }

    /// Records that no vector of a retired model is left.
    pub async fn set_cleared(&mut self, id: VectorModel, now: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("UPDATE embedding_models SET cleared_at = $2 WHERE id = $1 AND state = 'retired'")
            .bind(id.0)
            .bind(now)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    async fn lock(&mut self) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(SWAP_LOCK).execute(&mut *self.0).await?;
        Ok(())
    }
}
