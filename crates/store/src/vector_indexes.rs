use std::str::FromStr;

use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

use crate::{StoreError, tenant::VectorModel};

/// Makes and drops the indexes of models' vectors, through a login that may take the owner's role.
#[derive(Clone)]
pub struct VectorIndexes {
    admin_url: String,
}

impl std::fmt::Debug for VectorIndexes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorIndexes").finish_non_exhaustive()
    }
}

impl VectorIndexes {
    /// Through the login that migrates. Connects when there is something to do.
    pub fn new(admin_url: impl Into<String>) -> Self {
        Self { admin_url: admin_url.into() }
    }

    /// The index of a model's vectors, as the first migration that had one makes it. Nothing when it is there. Of a model
    /// without vectors it takes as long as reading the others'; writers wait so long, readers do not.
    pub async fn make(&self, model: VectorModel, dimensions: i32) -> Result<(), StoreError> {
        self.run(format!(
            "SET lock_timeout = '10s'; \
             CREATE INDEX IF NOT EXISTS chunk_vectors_nearest_{model} ON chunk_vectors \
             USING hnsw ((embedding::halfvec({dimensions})) halfvec_cosine_ops) WITH (ef_construction = 128) \
             WHERE model_id = {model}"
        ))
        .await
    }

    /// Drops the index of a model that serves no more. Gives up after a tenth of a second where searches do not let it, because
    /// all others wait behind it.
    pub async fn remove(&self, model: VectorModel) -> Result<(), StoreError> {
        self.run(format!("SET lock_timeout = '100ms'; DROP INDEX IF EXISTS chunk_vectors_nearest_{model}")).await
    }

    async fn run(&self, statements: String) -> Result<(), StoreError> {
        let options = PgConnectOptions::from_str(&self.admin_url)?.application_name("millwright-vectors");
        let mut connection = PgConnection::connect_with(&options).await?;
        // One at a time, over all processes: two would wait for each other's locks on the parts.
        let first =
            "SELECT pg_advisory_lock(7810774205); SET ROLE millwright_owner; SET search_path = millwright, public";
        let done = async {
            sqlx::raw_sql(first).execute(&mut connection).await?;
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await
        };
        let done = done.await;
        connection.close().await?;
        done?;
        Ok(())
    }
}
