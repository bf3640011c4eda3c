use crate::{Setting, reader::Reader};

const CHUNK_SIZE_TOKENS: Setting = Setting {
    name: "CHUNK_SIZE_TOKENS",
    default: "512",
    accepts: "a whole number from 32 to 4096",
    secret: false,
    meaning: "The most tokens in a passage. Holds for documents read from then on; `reindex` reads older ones anew.",
};
const CHUNK_OVERLAP_TOKENS: Setting = Setting {
    name: "CHUNK_OVERLAP_TOKENS",
    default: "50",
    accepts: "a whole number from 0 to 2048, at most half of `CHUNK_SIZE_TOKENS`",
    secret: false,
    meaning: "Tokens that a passage repeats from the one before.",
};
const VECTOR_TOP_K: Setting = Setting {
    name: "VECTOR_TOP_K",
    default: "50",
    accepts: "a whole number from 1 to 1000",
    secret: false,
    meaning: "Candidates that the vector search and the keyword search each bring in before they are fused.",
};
const EMBEDDING_THREADS: Setting = Setting {
    name: "EMBEDDING_THREADS",
    default: "auto",
    accepts: "`auto` or a whole number from 1 to 256",
    secret: false,
    meaning: "Threads of the embedding model; `auto` is one for each core.",
};

pub(crate) const SETTINGS: &[Setting] = &[CHUNK_SIZE_TOKENS, CHUNK_OVERLAP_TOKENS, VECTOR_TOP_K, EMBEDDING_THREADS];

/// Chunks and search.
#[derive(Debug, Clone)]
pub struct RetrievalConfig {
    /// Tokens in a chunk at most.
    pub chunk_size_tokens: usize,
    /// Tokens repeated from the chunk before, at most half of the size.
    pub chunk_overlap_tokens: usize,
    /// Candidates of each search.
    pub vector_top_k: usize,
    /// `None` for one a core.
    pub embedding_threads: Option<usize>,
}

impl RetrievalConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let size = reader.number(&CHUNK_SIZE_TOKENS, 32..=4096);
        let overlap = reader.number(&CHUNK_OVERLAP_TOKENS, 0..=2048);
        if overlap > size / 2 {
            reader.problem(
                CHUNK_OVERLAP_TOKENS.name,
                format!("given is `{overlap}`, accepted is at most half of `CHUNK_SIZE_TOKENS`, which is {size}"),
            );
        }
        let threads = |text: &str| match text {
            "auto" => Some(None),
            number => number.parse().ok().filter(|count| (1..=256).contains(count)).map(Some),
        };
        Self {
            chunk_size_tokens: size,
            chunk_overlap_tokens: overlap,
            vector_top_k: reader.number(&VECTOR_TOP_K, 1..=1000),
            embedding_threads: reader.parsed(&EMBEDDING_THREADS, threads).flatten(),
        }
    }
}
