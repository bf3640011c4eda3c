use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use millwright_core::{
    Allowed, Classification, Clearance, Integrity, Label,
    id::{DocumentId, SourceId, UserId},
};
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{StoreError, tenant_tx::TenantConnection};

/// The labels that occur in the tenant, by number, and who may read what.
pub struct Labels<'t>(pub(crate) TenantConnection<'t>);

/// What somebody may read, at one moment. Everything that shows documents asks for one, and only
/// [`Labels::reader`] makes it.
#[derive(Debug, Clone)]
pub struct Reader {
    clearance: Clearance,
    visible: Arc<[i64]>,
    hidden_by_export: Arc<[i64]>,
    sees_all: bool,
}

impl Reader {
    /// Up to where.
    pub fn clearance(&self) -> &Clearance {
        &self.clearance
    }

    /// Numbers of the labels that the reader may see, in order. A label that came later is not among them.
    pub fn visible(&self) -> &[i64] {
        &self.visible
    }

    /// Whether these are all labels of the tenant.
    pub fn sees_all(&self) -> bool {
        self.sees_all
    }

    /// The same person with only the labels hidden from them for export control: to notice what was kept from them.
    /// None where there are none.
    pub fn kept_by_export_control(&self) -> Option<Self> {
        (!self.hidden_by_export.is_empty()).then(|| Self {
            visible: self.hidden_by_export.clone(),
            hidden_by_export: Arc::default(),
            sees_all: false,
            ..self.clone()
        })
    }
}

/// A document's label as the columns `classification`, `export_control`, `integrity` and `groups` of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumns(pub Label);

impl FromRow<'_, PgRow> for LabelColumns {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(Label {
            classification: word(row, "classification")?,
            export_control: words(row, "export_control")?,
            integrity: word::<Integrity>(row, "integrity")?,
            groups: words(row, "groups")?,
        }))
    }
}

fn decoded<T: FromStr>(text: &str, column: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

fn word<T: FromStr>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    decoded(row.try_get::<&str, _>(column)?, column)
}

fn words<T: FromStr + Ord>(row: &PgRow, column: &str) -> Result<BTreeSet<T>, sqlx::Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.try_get::<Vec<String>, _>(column)?.iter().map(|text| decoded(text, column)).collect()
}

fn texts<T: ToString>(values: &BTreeSet<T>) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

/// The columns of a person's clearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearanceColumns(pub Clearance);

impl FromRow<'_, PgRow> for ClearanceColumns {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(Clearance {
            classification: word::<Classification>(row, "clearance")?,
            export_control: Allowed::Only(words(row, "export_authorisations")?),
            groups: Allowed::Only(words(row, "user_groups")?),
        }))
    }
}

impl Labels<'_> {
    /// The number of a label, given to it now if it has none. For documents of no source.
    pub async fn intern(&mut self, label: &Label) -> Result<i64, StoreError> {
        self.intern_in(None, label, false).await
    }

    /// The number of a label for this document, which may belong to a source: one that is hidden stays so. Locks the document
    /// until the transaction ends.
    pub async fn intern_for(&mut self, document: DocumentId, label: &Label) -> Result<i64, StoreError> {
        let source: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT source_id FROM documents WHERE tenant_id = $1 AND id = $2 FOR UPDATE")
                .bind(self.0.tenant)
                .bind(document.uuid())
                .fetch_optional(&mut *self.0.connection)
                .await?;
        // Not beside the lock: who had to wait for it would read the label as it was before.
        let hidden: Option<bool> = sqlx::query_scalar(
            "SELECT l.hidden FROM documents d JOIN labels l ON l.tenant_id = $1 AND l.id = d.label_id \
             WHERE d.tenant_id = $1 AND d.id = $2",
        )
        .bind(self.0.tenant)
        .bind(document.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        self.intern_in(source.flatten(), label, hidden.unwrap_or(false)).await
    }

    /// The number of a label for documents of this source; of a hidden one nobody sees what carries it.
    pub async fn intern_of(&mut self, source: SourceId, label: &Label, hidden: bool) -> Result<i64, StoreError> {
        self.intern_in(Some(source.uuid()), label, hidden).await
    }

    async fn intern_in(&mut self, source: Option<Uuid>, label: &Label, hidden: bool) -> Result<i64, StoreError> {
        // A label that another transaction is inserting at this moment shows at the second look.
        for _ in 0..2 {
            let id: Option<i64> = sqlx::query_scalar(
                "WITH known AS (SELECT id FROM labels WHERE tenant_id = $1 AND classification = $2 \
                                AND export_control = $3 AND groups = $4 \
                                AND source_id IS NOT DISTINCT FROM $5 AND hidden = $6), \
                      made AS (INSERT INTO labels (tenant_id, classification, export_control, groups, source_id, hidden) \
                               SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (SELECT 1 FROM known) \
                               ON CONFLICT DO NOTHING RETURNING id) \
                 SELECT id FROM known UNION ALL SELECT id FROM made",
            )
            .bind(self.0.tenant)
            .bind(label.classification.as_str())
            .bind(texts(&label.export_control))
            .bind(texts(&label.groups))
            .bind(source)
            .bind(hidden)
            .fetch_optional(&mut *self.0.connection)
            .await?;
            if let Some(id) = id {
                return Ok(id);
            }
        }
        Err(StoreError::InvalidState("the label could not be stored"))
    }

    /// What the user may read now. Nobody has a clearance who is not a user of the tenant. Labels of a source whose
    /// permissions were not checked for too long are visible to nobody, nor is a hidden one.
    pub async fn reader(&mut self, user: UserId) -> Result<Reader, StoreError> {
        self.reader_within(user, &Clearance::EVERYTHING).await
    }

    /// The same for something that acts for the user and may itself read no more than `most`: as if the user's clearance ended
    /// there. What is kept from the user for export control stays what it is.
    pub async fn reader_within(&mut self, user: UserId, most: &Clearance) -> Result<Reader, StoreError> {
        let statement = format!(
            "SELECT u.clearance, u.export_authorisations, u.groups AS user_groups, l.id, \
                    coalesce(l.classification, 'PUBLIC') AS classification, coalesce(l.export_control, '{{}}') AS export_control, \
                    'untrusted' AS integrity, coalesce(l.groups, '{{}}') AS groups, \
                    {} AS withheld \
             FROM users u LEFT JOIN labels l ON l.tenant_id = u.tenant_id \
             WHERE u.tenant_id = $1 AND u.id = $2 ORDER BY l.id",
            withheld("l")
        );
        let rows: Vec<ReaderRow> = sqlx::query_as(sqlx::AssertSqlSafe(statement))
            .bind(self.0.tenant)
            .bind(user.uuid())
            .fetch_all(&mut *self.0.connection)
            .await?;
        let clearance = rows.first().ok_or(StoreError::NotFound("user"))?.clearance.0.clone();
        let (mut visible, mut by_export, mut count) = (Vec::new(), Vec::new(), 0);
        for row in &rows {
            let Some(id) = row.id else { continue };
            count += 1;
            if row.withheld {
                continue;
            }
            if clearance.may_have(&row.label.0) {
                if most.may_have(&row.label.0) {
                    visible.push(id);
                }
            } else if clearance.lacks_export_authorisation(&row.label.0) {
                by_export.push(id);
            }
        }
        let sees_all = visible.len() == count;
        Ok(Reader {
            clearance: clearance.meet(most),
            visible: visible.into(),
            hidden_by_export: by_export.into(),
            sees_all,
        })
    }

    /// Up to where the user may read.
    pub async fn clearance(&mut self, user: UserId) -> Result<Clearance, StoreError> {
        let row: Option<ClearanceColumns> = sqlx::query_as(
            "SELECT clearance, export_authorisations, groups AS user_groups FROM users WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(user.uuid())
        .fetch_optional(&mut *self.0.connection)
        .await?;
        Ok(row.ok_or(StoreError::NotFound("user"))?.0)
    }

    /// Groups that any document or person of the tenant has, for suggestions.
    pub async fn groups(&mut self) -> Result<Vec<String>, StoreError> {
        let groups = sqlx::query_scalar(
            "SELECT DISTINCT g FROM ( \
                 SELECT unnest(groups) AS g FROM labels WHERE tenant_id = $1 \
                 UNION SELECT unnest(groups) FROM users WHERE tenant_id = $1) all_groups ORDER BY g LIMIT 1000",
        )
        .bind(self.0.tenant)
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(groups)
    }
}

#[derive(FromRow)]
struct ReaderRow {
    id: Option<i64>,
    #[sqlx(flatten)]
    clearance: ClearanceColumns,
    #[sqlx(flatten)]
    label: LabelColumns,
    withheld: bool,
}

/// Sources of the tenant `$1` whose permissions were checked lately enough.
const FRESH: &str = "ARRAY(SELECT c.source_id FROM source_clocks c \
    JOIN sources s ON s.tenant_id = $1 AND s.id = c.source_id AND s.deleted_at IS NULL \
    WHERE c.tenant_id = $1 AND c.clock = 'permissions' \
    AND c.checked_at + make_interval(secs => s.permission_max_age_s) > now())";

/// Whether documents with a label, a row of `labels` under this name, are kept from everybody at the moment.
pub(crate) fn withheld(label: &str) -> String {
    format!("coalesce({label}.hidden OR NOT ({label}.source_id IS NULL OR {label}.source_id = ANY ({FRESH})), false)")
}

/// The label of a row of `messages` under this name, or, while it cites what is kept from everybody, one that nobody can read.
pub(crate) fn message_label(message: &str) -> String {
    label_unless_withheld(
        message,
        &format!("SELECT q->>'document_id' AS id FROM jsonb_array_elements({message}.citations) q"),
    )
}

/// The same for a row of `runs`: by all documents that its steps name.
pub(crate) fn run_label(run: &str) -> String {
    let named = format!(
        "SELECT q #>> '{{}}' AS id FROM run_steps s, jsonb_path_query(s.detail, '$.**.document_ids[*]') q \
         WHERE s.tenant_id = $1 AND s.run_id = {run}.id"
    );
    label_unless_withheld(run, &named)
}

/// `documents` selects the ids of documents as texts. A deleted one counts by the label that it had last: what was hidden is
/// not shown again because it is gone, nor what came from a source that is gone. Tenants that never had a source are not
/// looked at further; that is told by labels, which outlive their source. `OFFSET 0` keeps each document a look into the primary key: the
/// planner takes any JSON for a hundred documents, and reads all of the tenant's for each row instead.
fn label_unless_withheld(of: &str, documents: &str) -> String {
    format!(
        "CASE WHEN (SELECT EXISTS (SELECT 1 FROM labels WHERE tenant_id = $1 AND source_id IS NOT NULL)) AND EXISTS ( \
             SELECT 1 FROM ({documents}) named, \
             LATERAL (SELECT d.label_id FROM documents d WHERE d.tenant_id = $1 AND d.id = substr(named.id, 5)::uuid \
                      AND d.source_id IS NOT NULL OFFSET 0) d, \
             LATERAL (SELECT l.hidden, l.source_id FROM labels l WHERE l.tenant_id = $1 AND l.id = d.label_id OFFSET 0) l \
             WHERE {}) THEN '\"withheld\"'::jsonb ELSE {of}.label END",
        withheld("l")
    )
}

/// A label in a `jsonb` column.
pub(crate) fn label_json(label: &Label) -> serde_json::Value {
    serde_json::to_value(label).unwrap_or(serde_json::Value::Null)
}

/// Of a `jsonb` column. One that cannot be read is as high as can be: nobody is shown what nobody understands.
pub fn label_of_json(value: serde_json::Value) -> Label {
    serde_json::from_value(value).unwrap_or_else(|_| Label::unreadable())
}
