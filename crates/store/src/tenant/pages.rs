use millwright_core::id::VersionId;
use serde_json::Value;

use super::Versions;
use crate::StoreError;

/// A page of text as the parser read it.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub struct PageRow {
    /// 1 for the first.
    pub page_number: i32,
    /// The text; spans are Unicode code points into it.
    pub text: String,
    /// The parser's blocks, as it serialised them.
    pub blocks: Value,
    /// Whether the text was recognised from a picture. Written with the page, read by `page_layout`.
    #[sqlx(default)]
    pub recognized: bool,
    /// Where its words stand, in the parser's packed form. Written with the page, read by `page_layout`.
    #[sqlx(default)]
    pub layout: Option<Vec<u8>>,
}

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
    /// Removes pages left by an attempt that did not finish.
    pub async fn delete_pages(&mut self, id: VersionId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM document_pages WHERE tenant_id = $1 AND version_id = $2")
            .bind(self.0.tenant)
            .bind(id.uuid())
            .execute(&mut *self.0.connection)
            .await?;
        Ok(())
    }

    /// Adds pages.
    pub async fn insert_pages(&mut self, id: VersionId, pages: &[PageRow]) -> Result<(), StoreError> {
        let numbers: Vec<i32> = pages.iter().map(|page| page.page_number).collect();
        let texts: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
        let blocks: Vec<&Value> = pages.iter().map(|page| &page.blocks).collect();
        let recognized: Vec<bool> = pages.iter().map(|page| page.recognized).collect();
        let layouts: Vec<Option<&[u8]>> = pages.iter().map(|page| page.layout.as_deref()).collect();
        sqlx::query(
            "INSERT INTO document_pages (tenant_id, version_id, page_number, text, blocks, recognized, layout) \
             SELECT $1, $2, * FROM unnest($3::integer[], $4::text[], $5::jsonb[], $6::boolean[], $7::bytea[])",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .bind(numbers)
        .bind(texts)
        .bind(blocks)
        .bind(recognized)
        .bind(layouts)
        .execute(&mut *self.0.connection)
        .await?;
        Ok(())
    }

    /// All pages, in order.
    pub async fn pages(&mut self, id: VersionId) -> Result<Vec<PageRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT page_number, text, blocks FROM document_pages WHERE tenant_id = $1 AND version_id = $2 \
             ORDER BY page_number",
        )
        .bind(self.0.tenant)
        .bind(id.uuid())
        .fetch_all(&mut *self.0.connection)
        .await?;
        Ok(rows)
    }

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
