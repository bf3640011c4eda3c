use std::time::{Duration, Instant};

use millwright_documents::{DocumentError, Format, Page, PageLayout, Summary, detect};
use millwright_store::tenant::{PageRow, Stage, VersionRow};
use tokio::sync::mpsc;

use super::{IngestError, IngestTask, Ingestor, commit, finish_stage, manifest::ReadWith};

/// Pages for one commit, at most.
const PAGES_PER_COMMIT: usize = 100;
/// At least this long between commits, and so between changes of the progress that is shown.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

impl Ingestor {
    /// Reads the document's pages into the database, from the first one: the parser cannot begin
    /// in the middle.
    pub(super) async fn parse(&self, task: &IngestTask, version: &VersionRow) -> Result<(), IngestError> {
        let started = Instant::now();
        let mut tx = self.begin(task).await?;
        let bytes = tx.versions().content(version.id).await?;
        tx.versions().delete_pages(version.id).await?;
        tx.versions().set_progress(version.id, Stage::Parse, 0, None).await?;
        commit(tx).await?;
        let format = format_of(version, &bytes)?;
        // Unbounded, since the parser's callback cannot wait; the parser's limit on text bounds it.
        let (sender, receiver) = mpsc::unbounded_channel();
        let (read, stored) = tokio::join!(self.read(format, bytes, sender), self.store_pages(task, version, receiver));
        // Without a place to store them the parser was stopped: the cause is the store's.
        stored?;
        let summary = read?;
        let page_count = i32::try_from(summary.page_count).unwrap_or(i32::MAX);
        let mut tx = self.begin(task).await?;
        tx.versions().set_parsed(version.id, summary.paged, page_count).await?;
        let recognized = i32::try_from(summary.pages_recognized.len()).unwrap_or(i32::MAX);
        let numbers = |pages: &[u32]| -> Vec<i32> {
            pages.iter().map(|&number| i32::try_from(number).unwrap_or(i32::MAX)).collect()
        };
        let (without_text, out_of_time) = (numbers(&summary.pages_without_text), numbers(&summary.pages_out_of_time));
        tx.versions().set_scans(version.id, recognized, &without_text, &out_of_time).await?;
        let read_with = serde_json::to_value(ReadWith::of_summary(&summary)).map_err(IngestError::StoredPages)?;
        tx.versions().set_read_with(version.id, &read_with).await?;
        finish_stage(&mut tx, version.id, Stage::Parse, started, Some((Stage::Chunk, None))).await?;
        commit(tx).await
    }

    async fn read(
        &self,
        format: Format,
        bytes: Vec<u8>,
        pages: mpsc::UnboundedSender<Page>,
    ) -> Result<Summary, DocumentError> {
        let hand_over = |page| {
            // Only when storing failed, which the caller reports instead.
            pages.send(page).map_err(|_| DocumentError::ParserUnavailable { detail: "nobody reads on".to_owned() })
        };
        self.parser.parse(format, &bytes, hand_over).await
    }

    /// Stores pages as they come, in a few large commits.
    async fn store_pages(
        &self,
        task: &IngestTask,
        version: &VersionRow,
        mut pages: mpsc::UnboundedReceiver<Page>,
    ) -> Result<(), IngestError> {
        let mut waiting: Vec<PageRow> = Vec::new();
        let mut done = 0_i64;
        let mut committed = Instant::now();
        while let Some(page) = pages.recv().await {
            waiting.push(row_of_page(page)?);
            if waiting.len() >= PAGES_PER_COMMIT || committed.elapsed() > COMMIT_INTERVAL {
                done += waiting.len() as i64;
                self.commit_pages(task, version, &waiting, done).await?;
                waiting.clear();
                committed = Instant::now();
            }
        }
        if waiting.is_empty() {
            return Ok(());
        }
        done += waiting.len() as i64;
        self.commit_pages(task, version, &waiting, done).await
    }

    async fn commit_pages(
        &self,
        task: &IngestTask,
        version: &VersionRow,
        pages: &[PageRow],
        done: i64,
    ) -> Result<(), IngestError> {
        let mut tx = self.begin(task).await?;
        tx.versions().insert_pages(version.id, pages).await?;
        tx.versions().set_progress(version.id, Stage::Parse, done, None).await?;
        commit(tx).await
    }
}

/// The format recorded at upload; an unknown word means that the row is of another version of
/// this program, and the bytes decide.
fn format_of(version: &VersionRow, bytes: &[u8]) -> Result<Format, DocumentError> {
    let recorded = Format::ALL.into_iter().find(|format| format.as_str() == version.format);
    recorded.map_or_else(|| detect(bytes, ""), Ok)
}

fn row_of_page(page: Page) -> Result<PageRow, IngestError> {
    let blocks = serde_json::to_value(&page.blocks).map_err(IngestError::StoredPages)?;
    Ok(PageRow {
        page_number: i32::try_from(page.number).unwrap_or(i32::MAX),
        text: page.text,
        blocks,
        recognized: page.recognized,
        layout: page.layout.as_ref().map(PageLayout::to_bytes),
    })
}
