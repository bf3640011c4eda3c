use millwright_documents::{ChunkSettings, Recognition, Summary};
use millwright_store::tenant::{VersionDigests, VersionRow};
use serde::{Deserialize, Serialize};

/// How a version was read: enough to read the same bytes again and come to the same passages. It stands in the audit entry of
/// the moment in which the version was ready, and is as authentic as that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its form: 2; that of 1 does not say what recognised text, and names the parser of the process that finished.
    pub manifest: u32,
    /// `pdf`, `docx` and so on.
    pub format: String,
    /// Name and version of the parser that read it.
    pub parser: String,
    /// What recognised the text of pictures, where any was recognised.
    #[serde(default)]
    pub recognition: Option<Recognition>,
    /// The most tokens of a chunk.
    pub chunk_tokens: usize,
    /// About how many tokens chunks repeat of the one before.
    pub overlap_tokens: usize,
    /// Digest of the embedding model in process, whose tokens are counted.
    pub embedding_model: String,
    /// Digest of the model whose vectors served when it was ready, if it had them: `None` where they were withheld or came
    /// later, and in manifests from before models were told apart, when it was the one above.
    #[serde(default)]
    pub vector_model: Option<String>,
    /// What was read, and what came of it.
    pub digests: Digests,
}

/// What a version consists of. Lower-case hexadecimal SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of the uploaded bytes.
    pub source: String,
    /// Of the digests of all pages' texts, in order.
    pub pages: String,
    /// How many pages of text.
    pub page_count: i64,
    /// Of the digests of all chunks, in order, each of `page:start:end:headings:text`.
    pub chunks: String,
    /// How many chunks.
    pub chunk_count: i64,
}

impl From<VersionDigests> for Digests {
    fn from(stored: VersionDigests) -> Self {
        Self {
            source: hex::encode(stored.source),
            pages: hex::encode(stored.pages),
            page_count: stored.page_count,
            chunks: hex::encode(stored.chunks),
            chunk_count: stored.chunk_count,
        }
    }
}

/// What read a version. Kept when the pages are, since another build may go on from there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ReadWith {
    parser: String,
    recognition: Option<Recognition>,
}

impl ReadWith {
    pub(super) fn of_summary(summary: &Summary) -> Self {
        Self { parser: summary.parser.clone(), recognition: summary.recognition.clone() }
    }

    fn of_row(version: &VersionRow) -> Self {
        let kept = version.read_with.clone().and_then(|kept| serde_json::from_value(kept).ok());
        // Read by a build that did not write it down, and finished by this one.
        kept.unwrap_or_else(|| Self { parser: "not recorded".to_owned(), recognition: None })
    }
}

impl Manifest {
    pub(super) fn of(
        version: &VersionRow,
        settings: &ChunkSettings,
        embedding_model: &str,
        vector_model: Option<String>,
        digests: VersionDigests,
    ) -> Self {
        let ReadWith { parser, recognition } = ReadWith::of_row(version);
        Self {
            manifest: 2,
            format: version.format.clone(),
            parser,
            recognition,
            chunk_tokens: settings.size_tokens,
            overlap_tokens: settings.overlap_tokens,
            embedding_model: embedding_model.to_owned(),
            vector_model,
            // What was uploaded, whatever is stored by now.
            digests: Digests { source: hex::encode(&version.sha256), ..digests.into() },
        }
    }
}
