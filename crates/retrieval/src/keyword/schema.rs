use std::collections::BTreeSet;

use millwright_core::id::{ChunkId, VersionId};
use tantivy::{
    TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};
use uuid::Uuid;

use super::spelling::LEAST_LETTERS;
use crate::analysis::{self, Language, analyse, cuts, plain_words};

/// Raised when the fields or the analysis change: an index of another number is built anew.
pub(super) const SCHEMA_NUMBER: u32 = 5;

/// What the index keeps of a chunk: ids and terms. The text itself stays in the database, which
/// alone says whether a chunk may be shown.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The chunk id's halves, as columns: a hit's id is read without touching a document store.
    chunk_high: Field,
    /// Also a term, by which a chunk is found.
    pub(super) chunk_low: Field,
    /// Number of the document's label.
    label: Field,
    pub(super) version: Field,
    /// Stemmed words of the text.
    pub(super) text: Field,
    /// Stemmed words of the headings and of the document's name.
    pub(super) heading: Field,
    /// Codes of all of them, as typed.
    pub(super) codes: Field,
    /// What may be a word within a German compound: `Pumpe` finds `Kreiselpumpe`.
    pub(super) parts: Field,
    /// Words as they stand there, in lower case: what a slip in a query may have meant.
    pub(super) spellings: Field,
}

/// A chunk to be made findable.
#[derive(Debug, Clone)]
pub struct KeywordChunk {
    /// The chunk.
    pub id: ChunkId,
    /// Its version, by which it is removed.
    pub version_id: VersionId,
    /// Number of the document's label.
    pub label_id: i64,
    /// Whether only questions about another day may find it.
    pub is_dormant: bool,
    /// Headings above it and the document's name.
    pub headings: Vec<String>,
    /// Its text.
    pub text: String,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut builder = Schema::builder();
        // Terms come in analysed, so the tokenizer's name is never used. Frequencies are for BM25;
        // positions would double the index and nothing asks for phrases.
        let terms = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs).set_fieldnorms(true),
        );
        let chunk_high = builder.add_u64_field("chunk_high", FAST);
        let chunk_low = builder.add_u64_field("chunk_low", FAST | INDEXED);
        let label = builder.add_u64_field(LABEL_COLUMN, FAST);
        let version = builder.add_bytes_field("version", INDEXED);
        let text = builder.add_text_field("text", terms.clone());
        let heading = builder.add_text_field("heading", terms.clone());
        let codes = builder.add_text_field("codes", terms);
        let only_there = TextFieldIndexing::default().set_index_option(IndexRecordOption::Basic).set_fieldnorms(false);
        let only_there = TextOptions::default().set_indexing_options(only_there);
        let parts = builder.add_text_field("parts", only_there.clone());
        let spellings = builder.add_text_field("spellings", only_there);
        let schema = builder.build();
        Self { schema, chunk_high, chunk_low, label, version, text, heading, codes, parts, spellings }
    }

    pub(super) fn version_term(&self, version: VersionId) -> Term {
        Term::from_field_bytes(self.version, version.uuid().as_bytes())
    }

    /// Half of the chunk's id: whoever finds by it compares the other half.
    pub(super) fn chunk_term(&self, chunk: ChunkId) -> Term {
        Term::from_field_u64(self.chunk_low, chunk.uuid().as_u64_pair().1)
    }

    pub(super) fn document(&self, chunk: &KeywordChunk) -> TantivyDocument {
        let (high, low) = chunk.id.uuid().as_u64_pair();
        let language = Language::of(&chunk.text);
        let text = analyse(&chunk.text, language);
        let heading = analyse(&chunk.headings.join("\n"), language);
        let mut codes = text.codes;
        codes.extend(heading.codes);
        let mut document = TantivyDocument::default();
        document.add_u64(self.chunk_high, high);
        document.add_u64(self.chunk_low, low);
        // Below zero there are no numbers: no reader sees such a chunk.
        let label = u64::try_from(chunk.label_id).unwrap_or(u64::MAX);
        document.add_u64(self.label, if chunk.is_dormant { label | DORMANT } else { label });
        document.add_bytes(self.version, chunk.version_id.uuid().as_bytes());
        if language == Language::German {
            document.add_pre_tokenized_text(self.parts, tokenized(parts(&text.words, &heading.words)));
        }
        document.add_pre_tokenized_text(self.spellings, tokenized(spellings(chunk)));
        document.add_pre_tokenized_text(self.text, tokenized(text.words));
        document.add_pre_tokenized_text(self.heading, tokenized(heading.words));
        document.add_pre_tokenized_text(self.codes, tokenized(codes));
        document
    }
}

fn parts(text: &[analysis::Term], heading: &[analysis::Term]) -> Vec<analysis::Term> {
    let cut = text.iter().chain(heading).flat_map(|term| cuts(&term.text));
    distinct(cut.flat_map(|(first, second)| [first, second]))
}

fn spellings(chunk: &KeywordChunk) -> Vec<analysis::Term> {
    let texts = chunk.headings.iter().map(String::as_str).chain([chunk.text.as_str()]);
    let words = texts.flat_map(plain_words).map(|word| word.text);
    distinct(words.filter(|word| word.chars().count() >= LEAST_LETTERS))
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<analysis::Term> {
    let distinct: BTreeSet<String> = texts.collect();
    distinct.into_iter().map(|text| analysis::Term { text, position: 0 }).collect()
}

/// The chunk id of a hit, from its two columns.
pub(super) fn chunk_id(high: u64, low: u64) -> ChunkId {
    ChunkId::from(Uuid::from_u64_pair(high, low))
}

pub(super) const LABEL_COLUMN: &str = "label";

/// Set in the label's number of a chunk that does not answer now: like a label that nobody has, it hides the chunk from
/// hits and from statistics alike.
pub(super) const DORMANT: u64 = 1 << 62;

pub(super) const CHUNK_COLUMNS: [&str; 2] = ["chunk_high", "chunk_low"];

fn tokenized(terms: Vec<analysis::Term>) -> PreTokenizedString {
    let tokens = terms
        .into_iter()
        .map(|term| Token {
            offset_from: 0,
            offset_to: 0,
            position: term.position,
            text: term.text,
            position_length: 1,
        })
        .collect();
    PreTokenizedString { text: String::new(), tokens }
}
