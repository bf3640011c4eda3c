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
    default: "100",
    accepts: "a whole number from 1 to 1000",
    secret: false,
    meaning: "Candidates that the vector search and the keyword search each bring in before they are fused; three for each wanted result where that is more.",
};
pub(crate) const EMBEDDING_MODEL: Setting = Setting {
    name: "EMBEDDING_MODEL",
    default: "builtin",
    accepts: "`builtin`, or the name of a model of the kind `embedding` in `MODELS_FILE` that is free",
    secret: false,
    meaning: "What makes the vectors of documents and questions: all-MiniLM-L6-v2 in this process, or a model on a server. \
              When it changes, vectors of the new model are made beside those of the old one, which answer until all are there. \
              What the server may not be given is found by keywords alone. All processes must have the same.",
};
const EMBEDDING_THREADS: Setting = Setting {
    name: "EMBEDDING_THREADS",
    default: "auto",
    accepts: "`auto` or a whole number from 1 to 256",
    secret: false,
    meaning: "Threads of the embedding model; `auto` is one for each core.",
};
const OCR_LANGUAGES: Setting = Setting {
    name: "OCR_LANGUAGES",
    default: "deu+eng",
    accepts: "`off`, or languages as tesseract names them, such as `deu+eng`",
    secret: false,
    meaning: "Languages in which scanned pages of PDFs are read, where the program tesseract is installed; those of them \
              that are not installed are left out. `off` reads no scans. `doctor` says what there is.",
};

pub(crate) const SETTINGS: &[Setting] =
    &[CHUNK_SIZE_TOKENS, CHUNK_OVERLAP_TOKENS, VECTOR_TOP_K, EMBEDDING_MODEL, EMBEDDING_THREADS, OCR_LANGUAGES];

/// Chunks and search.
#[derive(Debug, Clone)]
pub struct RetrievalConfig {
    /// Tokens in a chunk at most.
    pub chunk_size_tokens: usize,
    /// Tokens repeated from the chunk before, at most half of the size.
    pub chunk_overlap_tokens: usize,
    /// Candidates of each search.
    pub vector_top_k: usize,
    /// The name of a model on a server; `None` for the one in process.
    pub embedding_model: Option<String>,
    /// `None` for one a core.
    pub embedding_threads: Option<usize>,
    /// As tesseract names them (`deu`); none reads no scans.
    pub ocr_languages: Vec<String>,
}

/// Most languages that one recognition reads: each takes as long again.
const MOST_LANGUAGES: usize = 8;

/// `off`, or names of languages. They become an argument of a program: nothing else may look like one.
fn languages(text: &str) -> Option<Vec<String>> {
    if text == "off" {
        return Some(Vec::new());
    }
    let is_name = |name: &str| {
        (3..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.as_bytes()[0].is_ascii_alphabetic()
    };
    let names: Vec<String> = text.split(['+', ',']).map(|name| name.trim().to_owned()).collect();
    (names.len() <= MOST_LANGUAGES && names.iter().all(|name| is_name(name))).then_some(names)
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
            embedding_model: reader.text(&EMBEDDING_MODEL).filter(|name| name != "builtin"),
            embedding_threads: reader.parsed(&EMBEDDING_THREADS, threads).flatten(),
            ocr_languages: reader.parsed(&OCR_LANGUAGES, languages).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::languages;

    #[test]
    fn languages_cannot_be_anything_else() {
        assert_eq!(languages("deu+eng").unwrap(), ["deu", "eng"]);
        assert_eq!(languages("chi_sim, eng").unwrap(), ["chi_sim", "eng"]);
        assert_eq!(languages("off").unwrap(), Vec::<String>::new());
        for wrong in ["", "deu+", "--psm", "-l", "../eng", "e", "deu eng", "off+eng!", "a+b+c"] {
            assert_eq!(languages(wrong), None, "{wrong}");
        }
    }
}
