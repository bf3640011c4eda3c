use millwright_core::id::{ChunkId, DocumentId, VersionId};
use tantivy::{
    TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};
use uuid::Uuid;

use crate::analysis::{self, analyse};

/// Raised when the fields or the analysis change: an index of another number is built anew.
pub(super) const SCHEMA_NUMBER: u32 = 1;

/// What the index keeps of a chunk: ids and terms. The text itself stays in the database, which
/// alone says whether a chunk may be shown.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    /// The chunk id's halves, as columns: a hit's id is read without touching a document store.
    chunk_high: Field,
    chunk_low: Field,
    pub(super) version: Field,
    pub(super) document: Field,
    /// Stemmed words of the text.
    pub(super) text: Field,
    /// Stemmed words of the headings and of the document's name.
    pub(super) heading: Field,
    /// Codes of all of them, as typed.
    pub(super) codes: Field,
}

/// A chunk to be made findable.
#[derive(Debug, Clone)]
pub struct KeywordChunk {
    /// The chunk.
    pub id: ChunkId,
    /// Its document.
    pub document_id: DocumentId,
    /// Its version, by which it is removed.
    pub version_id: VersionId,
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
        let chunk_low = builder.add_u64_field("chunk_low", FAST);
        let version = builder.add_bytes_field("version", INDEXED);
        let document = builder.add_bytes_field("document", INDEXED);
        let text = builder.add_text_field("text", terms.clone());
        let heading = builder.add_text_field("heading", terms.clone());
        let codes = builder.add_text_field("codes", terms);
        Self { schema: builder.build(), chunk_high, chunk_low, version, document, text, heading, codes }
    }

    pub(super) fn version_term(&self, version: VersionId) -> Term {
        Term::from_field_bytes(self.version, version.uuid().as_bytes())
    }

    pub(super) fn document_term(&self, document: DocumentId) -> Term {
        Term::from_field_bytes(self.document, document.uuid().as_bytes())
    }

    pub(super) fn document(&self, chunk: &KeywordChunk) -> TantivyDocument {
        let (high, low) = chunk.id.uuid().as_u64_pair();
        let text = analyse(&chunk.text);
        let heading = analyse(&chunk.headings.join("\n"));
        let mut codes = text.codes;
        codes.extend(heading.codes);
        let mut document = TantivyDocument::default();
        document.add_u64(self.chunk_high, high);
        document.add_u64(self.chunk_low, low);
        document.add_bytes(self.version, chunk.version_id.uuid().as_bytes());
        document.add_bytes(self.document, chunk.document_id.uuid().as_bytes());
        document.add_pre_tokenized_text(self.text, tokenized(text.words));
        document.add_pre_tokenized_text(self.heading, tokenized(heading.words));
        document.add_pre_tokenized_text(self.codes, tokenized(codes));
        document
    }
}

/// The chunk id of a hit, from its two columns.
pub(super) fn chunk_id(high: u64, low: u64) -> ChunkId {
    ChunkId::from(Uuid::from_u64_pair(high, low))
}

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
