use chrono::{DateTime, Utc};
use millwright_core::{
    Cursor, Page, PageRequest,
    id::{ChunkId, DocumentId, PolicyEventId, RunId, UserId},
};
use uuid::Uuid;

use super::text_enum;
use crate::{StoreError, tenant_tx::TenantConnection};

text_enum! {
    /// What was noticed.
    PolicyEventKind {
        /// Text that tries to take over the assistant.
        Injection = "injection",
        /// Export-controlled content that somebody asked for without authorisation.
        ExportBlocked = "export_blocked",
        /// A label above what a sink takes.
        LabelDenied = "label_denied",
        /// Personal data of a kind that the tenant lets no model see.
        PersonalDataBlocked = "personal_data_blocked",
        /// Words of a model that were not let out.
        OutputWithheld = "output_withheld",
    }
}

/// What the policy layer noticed, newest first. Never changed; pruned with age.
pub struct PolicyEvents<'t>(pub(crate) TenantConnection<'t>);

/// An event to be stored.
#[derive(Debug, Clone)]
pub struct NewPolicyEvent {
    /// The event.
    pub id: PolicyEventId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What.
    pub kind: PolicyEventKind,
    /// What was done about it: `shadow`, `warn`, `block`, `quarantine`, `cut`.
    pub outcome: &'static str,
    /// Whose text or request it was.
    pub user_id: Option<UserId>,
    /// In which run.
    pub run_id: Option<RunId>,
    /// In or for which document.
    pub document_id: Option<DocumentId>,
    /// In which chunk.
    pub chunk_id: Option<ChunkId>,
    /// Score and threshold of a classifier.
    pub score: Option<(f32, f32)>,
    /// The sentence with its personal data masked, or what else explains it; at most 4,000 characters.
    pub detail: String,
}

/// An event as it is shown.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PolicyEventRow {
    /// The event.
    #[sqlx(try_from = "Uuid")]
    pub id: PolicyEventId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What.
    #[sqlx(try_from = "String")]
    pub kind: PolicyEventKind,
    /// What was done about it.
    pub outcome: String,
    /// Whose text or request it was.
    pub user_id: Option<Uuid>,
    /// That person's name.
    pub user_name: Option<String>,
    /// In which run.
    pub run_id: Option<Uuid>,
    /// In or for which document.
    pub document_id: Option<Uuid>,
    /// In which chunk.
    pub chunk_id: Option<Uuid>,
    /// Of a classifier.
    pub score: Option<f32>,
    /// The least score of a hit.
    pub threshold: Option<f32>,
    /// What explains it.
    pub detail: String,
}

/// Which events; an absent field does not restrict.
#[derive(Debug, Clone, Default)]
pub struct PolicyEventFilter {
    /// Exactly this kind.
    pub kind: Option<PolicyEventKind>,
    /// Exactly this outcome.
    pub outcome: Option<String>,
    /// In this run.
    pub run_id: Option<RunId>,
}

/// How many events of a kind and outcome there are since a moment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PolicyEventCount {
    /// What.
    #[sqlx(try_from = "String")]
    pub kind: PolicyEventKind,
    /// What was done.
    pub outcome: String,
    /// How often.
    pub count: i64,
}

/// The longest detail, characters.
const MAX_DETAIL: usize = 4_000;

impl PolicyEvents<'_> {
    /// Stores events, in one trip.
    pub async fn insert(&mut self, events: &[NewPolicyEvent]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let column = |of: fn(&NewPolicyEvent) -> Option<Uuid>| events.iter().map(of).collect::<Vec<_>>();
        sqlx::query(
            "INSERT INTO policy_events (tenant_id, id, occurred_at, kind, outcome, user_id, run_id, document_id, chunk_id, \
                                        score, threshold, detail) \
             SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], \
                                      $8::uuid[], $9::uuid[], $10::real[], $11::real[], $12::text[])",
        )
        .bind(self.0.tenant)
        .bind(column(|event| Some(event.id.uuid())))
        .bind(events.iter().map(|event| event.occurred_at).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.outcome).collect::<Vec<_>>())
        .bind(column(|event| event.user_id.map(UserId::uuid)))
        .bind(column(|event| event.run_id.map(RunId::uuid)))
        .bind(column(|event| event.document_id.map(DocumentId::uuid)))
        .bind(column(|event| event.chunk_id.map(ChunkId::uuid)))
        .bind(events.iter().map(|event| event.score.map(|(score, _)| score)).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.score.map(|(_, threshold)| threshold)).collect::<Vec<_>>())
        .bind(events.iter().map(|event| event.detail.chars().take(MAX_DETAIL).collect()).collect::<Vec<String>>())
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Events, newest first.
    pub async fn list(
        &mut self,
        filter: &PolicyEventFilter,
        page: PageRequest,
    ) -> Result<Page<PolicyEventRow>, StoreError> {
        let rows: Vec<PolicyEventRow> = sqlx::query_as(
            "SELECT e.id, e.occurred_at, e.kind, e.outcome, e.user_id, u.display_name AS user_name, e.run_id, e.document_id, \
                    e.chunk_id, e.score, e.threshold, e.detail \
             FROM policy_events e LEFT JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id \
             WHERE e.tenant_id = $1 AND ($2::text IS NULL OR e.kind = $2) AND ($3::text IS NULL OR e.outcome = $3) \
               AND ($4::uuid IS NULL OR e.run_id = $4) \
               AND ($5::timestamptz IS NULL OR (e.occurred_at, e.id) < ($5, $6)) \
             ORDER BY e.occurred_at DESC, e.id DESC LIMIT $7",
        )
        .bind(self.0.tenant)
        .bind(filter.kind.map(PolicyEventKind::as_str))
        .bind(&filter.outcome)
        .bind(filter.run_id.map(RunId::uuid))
        .bind(page.after.map(|cursor| cursor.at))
        .bind(page.after.map(|cursor| cursor.id))
        .bind(i64::from(page.limit) + 1)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(Page::from_rows(rows, page.limit, |row| Cursor { at: row.occurred_at, id: row.id.uuid() }))
    }

    /// How many there are of each kind and outcome since a moment.
    pub async fn count_since(&mut self, since: DateTime<Utc>) -> Result<Vec<PolicyEventCount>, StoreError> {
        let counts = sqlx::query_as(
            "SELECT kind, outcome, count(*) AS count FROM policy_events WHERE tenant_id = $1 AND occurred_at >= $2 \
             GROUP BY kind, outcome ORDER BY kind, outcome",
        )
        .bind(self.0.tenant)
        .bind(since)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(counts)
    }
}
