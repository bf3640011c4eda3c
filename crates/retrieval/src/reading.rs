//! Reading on from a passage: what stands around it, a page, a place that holds a word, and what the document is made of.

use millwright_core::{TenantScope, id::ChunkId};
use millwright_store::tenant::{PassageRow, ReadVersion, Reader, SectionRow, Stretch};

use crate::{
    RetrievalError,
    fusion::Ranked,
    search::{Passage, Searcher},
};

/// Sections of an outline.
const MAX_SECTIONS: i64 = 60;
/// Words that are looked for at once.
const MAX_WORDS: usize = 8;
/// So many passages on each side of a hit may belong to its section and be given with it.
const REACH: i32 = 2;

/// Which way to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What follows.
    After,
    /// What stands before.
    Before,
}

/// A document as its table of contents and a place in it.
#[derive(Debug, Clone)]
pub struct OpenedDocument {
    /// Its sections in their order.
    pub sections: Vec<SectionRow>,
    /// The passages at the place, in their order.
    pub passages: Vec<Passage>,
}

/// Documents are read on from a passage that a search has returned, in the version it lies in, as far as the reader may see
/// it now. A version that no longer answers is not read on, unless the passage was found as of another moment.
impl Searcher {
    /// At most so many passages next to one, in the order of the document.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_on(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        passage: &Passage,
        direction: Direction,
        most: u8,
    ) -> Result<Vec<Passage>, RetrievalError> {
        let most = i32::from(most);
        let (from, to) = match direction {
            Direction::After => (passage.ordinal.saturating_add(1), passage.ordinal.saturating_add(most)),
            Direction::Before => (passage.ordinal.saturating_sub(most), passage.ordinal.saturating_sub(1)),
        };
        let mut tx = self.store().tenant(scope).read().await?;
        Ok(passages(tx.reading().stretches(reader, &[stretch(passage, from, to)]).await?))
    }

    /// The document of a passage: its sections, and the first passages of a page or of the document.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        passage: &Passage,
        page: Option<i32>,
        most: u8,
    ) -> Result<OpenedDocument, RetrievalError> {
        let mut tx = self.store().tenant(scope).read().await?;
        let of = version(reader, passage);
        let sections = tx.reading().outline(of, MAX_SECTIONS).await?;
        let rows = match page {
            Some(page) => tx.reading().page(of, page, i64::from(most)).await?,
            None => tx.reading().stretches(reader, &[stretch(passage, 0, i32::from(most) - 1)]).await?,
        };
        Ok(OpenedDocument { sections, passages: passages(rows) })
    }

    /// The first passages of a passage's document that hold this text as it stands, whatever its case; where none does, those
    /// that hold all of its words.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_in_document(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        passage: &Passage,
        text: &str,
        most: u8,
    ) -> Result<Vec<Passage>, RetrievalError> {
        let (of, most) = (version(reader, passage), i64::from(most));
        let words: Vec<String> = text.split_whitespace().take(MAX_WORDS).map(str::to_owned).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store().tenant(scope).read().await?;
        let mut rows = tx.reading().find(of, &[words.join(" ")], most).await?;
        if rows.is_empty() && words.len() > 1 {
            rows = tx.reading().find(of, &words, most).await?;
        }
        Ok(passages(rows))
    }

    /// These passages as they stand, in this order, under the reader's labels at this moment. What was deleted or may not be
    /// read any more is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_again(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        chunks: &[ChunkId],
    ) -> Result<Vec<Passage>, RetrievalError> {
        let mut tx = self.store().tenant(scope).read().await?;
        Ok(passages(tx.reading().again(reader, chunks).await?))
    }

    /// What stands under the same headings right before and after each of these passages, without what is among them
    /// already: a step without the one before it, or a table without its remark, misleads. In the order of the document.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn surroundings(
        &self,
        scope: &TenantScope,
        reader: &Reader,
        hits: &[Passage],
    ) -> Result<Vec<Passage>, RetrievalError> {
        let around = |hit: &Passage| stretch(hit, hit.ordinal.saturating_sub(REACH), hit.ordinal.saturating_add(REACH));
        let stretches: Vec<Stretch> = hits.iter().map(around).collect();
        let mut tx = self.store().tenant(scope).read().await?;
        let near = passages(tx.reading().stretches(reader, &stretches).await?);
        let mut found: Vec<Passage> = Vec::new();
        for hit in hits {
            for passage in section_of(hit, &near) {
                let is_known = |known: &Passage| known.chunk_id == passage.chunk_id;
                if !hits.iter().any(is_known) && !found.iter().any(is_known) {
                    found.push(passage.clone());
                }
            }
        }
        Ok(found)
    }
}

pub(crate) fn version<'r>(reader: &'r Reader, passage: &Passage) -> ReadVersion<'r> {
    ReadVersion { reader, document_id: passage.document_id, version: passage.version, any: !passage.is_current }
}

fn stretch(of: &Passage, from: i32, to: i32) -> Stretch {
    Stretch { document_id: of.document_id, version: of.version, any: !of.is_current, from, to }
}

/// The unbroken run of neighbours that stand under the hit's own headings.
fn section_of<'p>(hit: &Passage, near: &'p [Passage]) -> Vec<&'p Passage> {
    let at = |ordinal: i32| {
        let is_there = |passage: &&Passage| {
            (passage.document_id, passage.version, passage.ordinal) == (hit.document_id, hit.version, ordinal)
        };
        near.iter().find(is_there).filter(|passage| passage.heading_path == hit.heading_path)
    };
    let before = (1..=REACH).map_while(|step| at(hit.ordinal.saturating_sub(step)));
    let mut section: Vec<&Passage> = before.collect();
    section.reverse();
    section.extend((1..=REACH).map_while(|step| at(hit.ordinal.saturating_add(step))));
    section
}

/// As passages that no search has ordered.
fn passages(rows: Vec<PassageRow>) -> Vec<Passage> {
    let unranked = Ranked { rank: 0, score: 0.0 };
    rows.into_iter().map(|row| Passage::of(row, 0.0, unranked, (None, None, None))).collect()
}
