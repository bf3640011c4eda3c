use millwright_core::id::VersionId;
use serde_json::Value;

use super::Versions;
use crate::StoreError;

/// Where the words of a page stand.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PageLayoutRow {
    /// Whether its text was recognised from a picture.
    pub recognized: bool,
    /// In the parser's packed form; `None` where it is not known.
    pub layout: Option<Vec<u8>>,
}

/// The text of a page.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PageTextRow {
    /// Spans are Unicode code points into it.
    pub text: String,
    /// Whether it was recognised from a picture.
    pub recognized: bool,
}

impl Versions<'_> {
    /// The text of one page, and how it was read.
    pub async fn page(&mut self, id: VersionId, number: i32) -> Result<PageTextRow, StoreError> {
        let row: Option<PageTextRow> = sqlx::query_as(
            "SELECT text, recognized FROM document_pages WHERE tenant_id = $1 AND version_id = $2 AND page_number = $3",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(number)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        row.ok_or(StoreError::NotFound("page"))
    }

    /// The text of one page.
    pub async fn page_text(&mut self, id: VersionId, number: i32) -> Result<String, StoreError> {
        Ok(self.page(id, number).await?.text)
    }

    /// Where the words of one page stand.
    pub async fn page_layout(&mut self, id: VersionId, number: i32) -> Result<PageLayoutRow, StoreError> {
        let row: Option<PageLayoutRow> = sqlx::query_as(
            "SELECT recognized, layout FROM document_pages WHERE tenant_id = $1 AND version_id = $2 AND page_number = $3",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(number)
        .fetch_optional(&mut *self.0.connection)
        .await?;
        row.ok_or(StoreError::NotFound("page"))
    }

    /// Records how many pages are pictures whose text was recognised, and the numbers of those without any text and of those
    /// for whose picture there was no time.
    pub async fn set_scans(
        &mut self,
        id: VersionId,
        recognized_pages: i32,
        pages_without_text: &[i32],
        pages_out_of_time: &[i32],
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE document_versions SET recognized_pages = $3, pages_without_text = $4, pages_out_of_time = $5 \
             WHERE tenant_id = $1 AND id = $2",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(recognized_pages)
        .bind(pages_without_text)
        .bind(pages_out_of_time)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// Records what read it: its manifest says so, whoever finishes it.
    pub async fn set_read_with(&mut self, id: VersionId, read_with: &Value) -> Result<(), StoreError> {
        sqlx::query("UPDATE document_versions SET read_with = $3 WHERE tenant_id = $1 AND id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .bind(read_with)
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }
}
