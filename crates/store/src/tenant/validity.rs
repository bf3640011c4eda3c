//! Truth in time: which version of a document answers, now or on another day.

use chrono::{DateTime, Utc};
use millwright_core::{
    Classification,
    id::{DocumentId, VersionId},
};
use uuid::Uuid;

use super::labels::Reader;
use crate::{StoreError, tenant_tx::TenantConnection};

/// Which versions answer. Of all versions of a document whose day has come, the one with the latest day does, until its
/// end; none does once another document that takes its place holds.
pub struct Validity<'t>(pub(crate) TenantConnection<'t>);

/// What a search is narrowed by: all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SearchFilter {
    /// Only these documents; `None` for all.
    pub documents: Option<Vec<DocumentId>>,
    /// One of these formats, such as `pdf`; empty for any.
    pub formats: Vec<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// One of these; empty for any.
    pub classifications: Vec<Classification>,
    /// Kept for all of these access groups.
    pub groups: Vec<String>,
    /// Mostly in one of these languages, such as `de`; empty for any.
    pub languages: Vec<String>,
    /// Its version holds since this moment or later.
    pub effective_since: Option<DateTime<Utc>>,
    /// Its version holds since before this moment.
    pub effective_before: Option<DateTime<Utc>>,
    /// What held at this moment instead of what holds now.
    pub as_of: Option<DateTime<Utc>>,
}

impl SearchFilter {
    /// Whether everything that answers now passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Versions to search in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionSet {
    /// Which.
    pub ids: Vec<VersionId>,
    /// How many chunks they have together.
    pub chunks: i64,
}

/// How a version stands once it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It answers.
    Answers,
    /// It will, when its day comes.
    Scheduled,
    /// Another answers instead, or its time is over.
    Past,
    /// Its document was deleted meanwhile.
    Gone,
}

/// Standings of versions that were read.
const READ: &str = "'ready', 'scheduled', 'superseded', 'expired'";

/// Of a document whose place another took: one that is not deleted and has a version whose day has come, also while that is
/// read again.
const REPLACED: &str = "EXISTS (SELECT 1 FROM documents s JOIN document_versions w ON w.tenant_id = s.tenant_id AND w.document_id = s.id \
    WHERE s.tenant_id = $1 AND s.supersedes = d.id AND s.deleted_at IS NULL AND w.effective_from <= {day} \
    AND (w.id = s.current_version_id OR w.status IN ({read})))";

fn replaced(day: &str) -> String {
    REPLACED.replace("{day}", day).replace("{read}", READ)
}

impl Validity<'_> {
    /// The versions that pass, of documents that the reader may see.
    pub async fn versions(&mut self, reader: &Reader, filter: &SearchFilter) -> Result<VersionSet, StoreError> {
        let version = if filter.as_of.is_some() {
            format!(
                "CROSS JOIN LATERAL (SELECT w.* FROM document_versions w WHERE w.tenant_id = $1 AND w.document_id = d.id \
                     AND (w.id = d.current_version_id OR w.status IN ({READ})) \
                     AND w.effective_from <= $11 ORDER BY w.effective_from DESC, w.number DESC LIMIT 1) v \
                 WHERE (v.effective_until IS NULL OR v.effective_until > $11) AND NOT {}",
                replaced("$11")
            )
        } else {
            "JOIN document_versions v ON v.tenant_id = d.tenant_id AND v.id = d.current_version_id \
             WHERE $11::timestamptz IS NULL"
                .to_owned()
        };
        let statement = format!(
            "SELECT v.id, coalesce(v.chunk_count, 0)::bigint FROM documents d \
             JOIN labels b ON b.tenant_id = d.tenant_id AND b.id = d.label_id {version} \
             AND d.tenant_id = $1 AND d.label_id = ANY ($2) AND d.deleted_at IS NULL \
             AND ($3::uuid[] IS NULL OR d.id = ANY ($3)) \
             AND ($4::text[] = '{{}}' OR v.format = ANY ($4)) \
             AND d.tags @> $5 \
             AND ($6::text[] = '{{}}' OR b.classification = ANY ($6)) \
             AND b.groups @> $7 \
             AND ($8::text[] = '{{}}' OR v.language = ANY ($8)) \
             AND ($9::timestamptz IS NULL OR v.effective_from >= $9) \
             AND ($10::timestamptz IS NULL OR v.effective_from < $10)"
        );
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(reader.visible())
            .bind(filter.documents.as_ref().map(|ids| ids.iter().map(|id| id.uuid()).collect::<Vec<_>>()))
            .bind(&filter.formats)
            .bind(&filter.tags)
            .bind(filter.classifications.iter().map(|known| known.as_str()).collect::<Vec<_>>())
            .bind(&filter.groups)
            .bind(&filter.languages)
            .bind(filter.effective_since)
            .bind(filter.effective_before)
            .bind(filter.as_of)
            .fetch_all(&mut *self.0.connection)
            .await?;
        let chunks = rows.iter().map(|(_, chunks)| chunks).sum();
        Ok(VersionSet { ids: rows.into_iter().map(|(id, _)| VersionId::from(id)).collect(), chunks })
    }

    /// Makes the version answer that should on this day, and no other, with all that follows for the indexes. `touched` was
    /// read anew and is told to the indexes in any case. Whether anything changed.
    pub async fn settle(
        &mut self,
        document: DocumentId,
        touched: Option<VersionId>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let locked: Option<Option<Uuid>> = sqlx::query_scalar(
            "SELECT current_version_id FROM documents WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        let Some(current) = locked else { return Ok(false) };
        // Not joined to the statement above: after waiting for the lock, it would see the document as it is now beside
        // joined rows as they were before.
        let winner = self.winner(document, now).await?;
        let standings_changed = self.tell_standings(document, (current, winner), now).await?;
        let touched = touched.map(VersionId::uuid);
        if winner == current && touched.is_none() {
            return Ok(standings_changed);
        }
        let mut changed: Vec<Uuid> = [current, winner, touched].into_iter().flatten().collect();
        changed.sort_unstable();
        changed.dedup();
        for version in &changed {
            self.place_vectors(*version, winner == Some(*version)).await?;
        }
        sqlx::query(
            "WITH fed AS (INSERT INTO index_changes (tenant_id, version_id, operation) \
                          SELECT $1, id, 'upsert' FROM unnest($4::uuid[]) AS c (id)) \
             UPDATE documents SET current_version_id = $3, updated_at = $5 WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .bind(winner)
        .bind(&changed)
        .bind(now)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(true)
    }

    /// [`settle`](Self::settle) for the document whose place this one takes, if there is one: that document, if anything
    /// changed.
    pub async fn settle_superseded_by(
        &mut self,
        document: DocumentId,
        now: DateTime<Utc>,
    ) -> Result<Option<DocumentId>, StoreError> {
        let superseded: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT supersedes FROM documents WHERE tenant_id = $1 AND id = $2")
                .bind(self.0.tenant)
                .bind(document.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        let Some(superseded) = superseded.flatten().map(DocumentId::from) else { return Ok(None) };
        Ok(self.settle(superseded, None, now).await?.then_some(superseded))
    }

    /// Begins a change of which document takes the place of which. Who begins one next waits until the transaction ends: two
    /// at once could close a circle, or each hold a document that the other needs. Comes before anything that locks a
    /// document; documents are locked then with the newer before the one whose place it takes, as
    /// [`settle_superseded_by`](Self::settle_superseded_by) does.
    pub async fn begin_replacing(&mut self) -> Result<(), StoreError> {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('supersedes ' || $1::text, 0))")
            .bind(self.0.tenant)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Locks a document, the one whose place it takes and the one whose place it is to take, in the order in which others
    /// lock them. Within [`begin_replacing`](Self::begin_replacing).
    pub(super) async fn lock_replaced(
        &mut self,
        document: DocumentId,
        next: Option<DocumentId>,
    ) -> Result<(), StoreError> {
        let before = self.lock(document).await?;
        let mut replaced = [before, next];
        if let [Some(before), Some(next)] = replaced
            && self.supersedes(next, before).await?
        {
            replaced.reverse();
        }
        for older in replaced.into_iter().flatten() {
            self.lock(older).await?;
        }
        Ok(())
    }

    /// Locks a document; the one whose place it takes.
    async fn lock(&mut self, document: DocumentId) -> Result<Option<DocumentId>, StoreError> {
        let supersedes: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT supersedes FROM documents WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
                .bind(self.0.tenant)
                .bind(document.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        Ok(supersedes.flatten().map(DocumentId::from))
    }

    /// Whether `older` takes, directly or through others, the place of `document`: then it cannot be replaced by it. Within
    /// [`begin_replacing`](Self::begin_replacing), so that it stays so.
    pub async fn supersedes(&mut self, older: DocumentId, document: DocumentId) -> Result<bool, StoreError> {
        let circular = sqlx::query_scalar(
            "WITH RECURSIVE replaced AS ( \
                 SELECT supersedes FROM documents WHERE tenant_id = $1 AND id = $2 \
                 UNION SELECT d.supersedes FROM replaced r JOIN documents d ON d.tenant_id = $1 AND d.id = r.supersedes) \
             SELECT EXISTS (SELECT 1 FROM replaced WHERE supersedes = $3)",
        )
        .bind(self.0.tenant)
        .bind(older.uuid())
        .bind(document.uuid())
        .fetch_one(&mut *self.0.connection)
        .await?;
        Ok(circular)
    }

    async fn winner(&mut self, document: DocumentId, now: DateTime<Utc>) -> Result<Option<Uuid>, StoreError> {
        // A version that answers goes on while it is read again.
        let statement = format!(
            "SELECT v.id FROM (SELECT d.id AS document_id, w.id, w.effective_until FROM documents d \
                 JOIN document_versions w ON w.tenant_id = $1 AND w.document_id = d.id \
                 WHERE d.tenant_id = $1 AND d.id = $2 AND w.effective_from <= $3 \
                 AND (w.id = d.current_version_id OR w.status IN ({READ})) \
                 AND NOT {} ORDER BY w.effective_from DESC, w.number DESC LIMIT 1) v \
             WHERE v.effective_until IS NULL OR v.effective_until > $3",
            replaced("$3")
        );
        let winner = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .bind(now)
            .fetch_optional(&mut *self.0.connection)
            .await?;
        Ok(winner)
    }

    async fn tell_standings(
        &mut self,
        document: DocumentId,
        (before, winner): (Option<Uuid>, Option<Uuid>),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        // One that could not be read again is shown as failed while it answers, and no longer.
        let statement = format!(
            "WITH standings AS (SELECT v.id, CASE WHEN v.id = $3 THEN 'ready' \
                 WHEN v.effective_from > $4 THEN 'scheduled' \
                 WHEN v.effective_until <= $4 AND NOT EXISTS ( \
                     SELECT 1 FROM document_versions w WHERE w.tenant_id = $1 AND w.document_id = $2 \
                     AND w.status IN ({READ}) AND w.effective_from <= $4 \
                     AND (w.effective_from, w.number) > (v.effective_from, v.number)) THEN 'expired' \
                 ELSE 'superseded' END AS standing FROM document_versions v \
                 WHERE v.tenant_id = $1 AND v.document_id = $2 \
                 AND (v.status IN ({READ}) \
                      OR (v.status = 'failed' AND v.id = $5 AND v.id IS DISTINCT FROM $3))) \
             UPDATE document_versions v SET status = s.standing FROM standings s \
             WHERE v.tenant_id = $1 AND v.id = s.id AND v.status <> s.standing"
        );
        let changed = sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(document.uuid())
            .bind(winner)
            .bind(now)
            .bind(before)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    /// Vectors of what answers lie where HNSW finds them, all others apart.
    async fn place_vectors(&mut self, version: Uuid, answers: bool) -> Result<(), StoreError> {
        let (from, to) =
            if answers { ("dormant_vectors", "chunk_vectors") } else { ("chunk_vectors", "dormant_vectors") };
        let statement = format!(
            "WITH moved AS (DELETE FROM {from} WHERE tenant_id = $1 AND version_id = $2 \
                            RETURNING tenant_id, document_id, version_id, chunk_id, window_number, model_id, embedding) \
             INSERT INTO {to} (tenant_id, document_id, version_id, chunk_id, window_number, model_id, embedding) SELECT * FROM moved"
        );
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(version)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
