//! What of an index a reader may see, and the statistics of just that part: a hidden document must not show in a score.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tantivy::{
    DocSet, Searcher, SegmentReader, TERMINATED, Term,
    columnar::Column,
    index::SegmentId,
    query::Bm25StatisticsProvider,
    schema::{Field, IndexRecordOption},
};

use super::schema::{DORMANT, Fields, LABEL_COLUMN};

/// Numbers of the labels that a reader may see.
#[derive(Debug, Clone)]
pub struct VisibleLabels {
    /// In order.
    ids: Arc<[u64]>,
    /// Whether these were all labels of the tenant when they were read.
    sees_all: bool,
    /// Whether chunks count that do not answer now.
    with_dormant: bool,
}

impl VisibleLabels {
    /// These labels; `sees_all` when the tenant has no others.
    pub fn new(ids: &[i64], sees_all: bool) -> Self {
        let mut ids: Vec<u64> = ids.iter().filter_map(|id| u64::try_from(*id).ok()).collect();
        ids.sort_unstable();
        Self { ids: ids.into(), sees_all, with_dormant: false }
    }

    /// The same, also for what does not answer now.
    #[must_use]
    pub fn with_dormant(self) -> Self {
        Self { with_dormant: true, ..self }
    }

    /// Whether chunks of this label may be seen.
    pub(super) fn contains(&self, label: u64) -> bool {
        if label & DORMANT != 0 && !self.with_dormant {
            return false;
        }
        let label = label & !DORMANT;
        self.sees_all || self.ids.binary_search(&label).is_ok()
    }
}

/// Chunks and tokens of each label in one segment. A segment never changes but for deletions.
#[derive(Debug, Default)]
struct SegmentTotals {
    deleted: u32,
    /// Chunks, and tokens by searched field, of each label.
    by_label: HashMap<u64, (u64, [u64; 3])>,
}

/// Totals of the segments that were asked for, so that they are counted once.
#[derive(Debug, Default)]
pub(super) struct Totals(Mutex<HashMap<SegmentId, Arc<SegmentTotals>>>);

impl Totals {
    fn of(&self, reader: &SegmentReader, fields: [Field; 3]) -> tantivy::Result<Arc<SegmentTotals>> {
        let (id, deleted) = (reader.segment_id(), reader.num_deleted_docs());
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id)
            && known.deleted == deleted
        {
            return Ok(Arc::clone(known));
        }
        let labels = reader.fast_fields().u64(LABEL_COLUMN)?;
        let norms = [
            reader.get_fieldnorms_reader(fields[0])?,
            reader.get_fieldnorms_reader(fields[1])?,
            reader.get_fieldnorms_reader(fields[2])?,
        ];
        let mut totals = SegmentTotals { deleted, ..SegmentTotals::default() };
        for doc in reader.doc_ids_alive() {
            let Some(label) = labels.first(doc) else { continue };
            let (chunks, tokens) = totals.by_label.entry(label).or_default();
            *chunks += 1;
            for (sum, norm) in tokens.iter_mut().zip(&norms) {
                *sum += u64::from(norm.fieldnorm(doc));
            }
        }
        let totals = Arc::new(totals);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&totals));
        Ok(totals)
    }

    /// Forgets segments that are gone.
    fn keep(&self, searcher: &Searcher) {
        let live: Vec<SegmentId> = searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| live.contains(id));
    }
}

/// BM25's statistics over what the reader may see, in one snapshot of an index.
pub(super) struct VisibleStatistics {
    pub(super) searcher: Searcher,
    visible: VisibleLabels,
    /// In how many visible chunks a term was found to be: counted once, asked for by the search, by what is made of its words,
    /// and by the order of what was found.
    frequencies: Mutex<HashMap<Term, u64>>,
    fields: [Field; 3],
    chunks: u64,
    tokens: [u64; 3],
    /// Of each segment: whether nothing in it is hidden.
    is_open: Vec<bool>,
}

impl VisibleStatistics {
    pub(super) fn new(
        searcher: Searcher,
        fields: &Fields,
        visible: VisibleLabels,
        totals: &Totals,
    ) -> tantivy::Result<Self> {
        let fields = [fields.text, fields.heading, fields.codes];
        let (mut chunks, mut tokens, mut is_open) = (0, [0; 3], Vec::new());
        for reader in searcher.segment_readers() {
            let totals = totals.of(reader, fields)?;
            for (label, (of_label, tokens_of_label)) in &totals.by_label {
                if visible.contains(*label) {
                    chunks += of_label;
                    tokens.iter_mut().zip(tokens_of_label).for_each(|(sum, more)| *sum += more);
                }
            }
            is_open.push(totals.by_label.keys().all(|label| visible.contains(*label)));
        }
        totals.keep(&searcher);
        let frequencies = Mutex::default();
        Ok(Self { searcher, visible, frequencies, fields, chunks, tokens, is_open })
    }

    /// Whether nothing in the index is hidden.
    pub(super) fn sees_all(&self) -> bool {
        self.is_open.iter().all(|open| *open)
    }

    pub(super) fn chunks(&self) -> u64 {
        self.chunks
    }
}

impl Bm25StatisticsProvider for VisibleStatistics {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.fields.iter().position(|known| *known == field).map_or(0, |at| self.tokens[at]))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.chunks)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        if let Some(known) = self.frequencies.lock().unwrap_or_else(PoisonError::into_inner).get(term) {
            return Ok(*known);
        }
        let count = self.count(term)?;
        self.frequencies.lock().unwrap_or_else(PoisonError::into_inner).insert(term.clone(), count);
        Ok(count)
    }
}

impl VisibleStatistics {
    /// Counted along the postings of the term: only visible chunks count. Where nothing is hidden and nothing was deleted,
    /// the index knows the same number.
    fn count(&self, term: &Term) -> tantivy::Result<u64> {
        let mut count = 0;
        for (reader, is_open) in self.searcher.segment_readers().iter().zip(&self.is_open) {
            let inverted = reader.inverted_index(term.field())?;
            if *is_open && !reader.has_deletes() {
                count += u64::from(inverted.doc_freq(term)?);
                continue;
            }
            let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic)? else { continue };
            let labels: Column<u64> = reader.fast_fields().u64(LABEL_COLUMN)?;
            let alive = reader.alive_bitset();
            let mut doc = postings.doc();
            while doc != TERMINATED {
                let is_alive = alive.is_none_or(|alive| alive.is_alive(doc));
                if is_alive && labels.first(doc).is_some_and(|label| self.visible.contains(label)) {
                    count += 1;
                }
                doc = postings.advance();
            }
        }
        Ok(count)
    }
}
