//! What holds of everything that is read, whatever the bytes were.

use std::cell::Cell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use millwright_core::ToProblem;

use crate::receive::{bounded, receive};
use crate::worker::{Message, Request};
use crate::{
    Chunk, ChunkSettings, DocumentError, Format, Limits, Page, PageLayout, Summary, chunk, parse, sentences, windows,
};

/// Small enough to be reached.
fn limits() -> Limits {
    Limits { max_pages: 40, max_characters: 200_000, max_expanded_bytes: 4 * 1024 * 1024, ..Limits::default() }
}

/// Characters: longer explanations are no explanations; a stranger's words do not belong into them.
const LONGEST_EXPLANATION: usize = 450;

/// What a parent asks that has no text recognition.
fn request(format: Format, limits: &Limits) -> Request {
    Request { format, limits: *limits, length: 0, recognizer: None }
}

/// What a parent asks that has the pages of a scan read.
pub(super) fn request_for_scans() -> Request {
    let recognizer = serde_json::json!({
        "tesseract": "/usr/bin/tesseract", "setpriv": "/usr/bin/setpriv", "languages": "deu+eng", "version": "tesseract 5.3.0",
    });
    let recognizer = Some(serde_json::from_value(recognizer).expect("recognizer"));
    Request { recognizer, ..request(Format::Pdf, &limits()) }
}

/// Reads the bytes; all that comes of it must be of the promised form.
fn read(format: Format, bytes: &[u8]) {
    let limits = limits();
    let mut pages = Vec::new();
    let result = parse(format, bytes, &limits, |page| {
        pages.push(page);
        Ok(())
    });
    holds_of_pages(&pages, &limits);
    match &result {
        Ok(summary) => holds_of_summary(summary, &pages),
        Err(error) => holds_of_refusal(error),
    }
    holds_of_pipe(&pages, result, &request(format, &limits));
    holds_of_chunks(&pages);
}

thread_local! {
    /// Whether a panic of other people's code is to be passed over on this thread.
    static PASSES_OVER: Cell<bool> = const { Cell::new(false) };
    static PASSED_OVER: Cell<bool> = const { Cell::new(false) };
}

/// Reads in the worker's manner: where a library panics, the worker makes a refusal of it. Our own code may not panic.
pub(super) fn read_as_worker(format: Format, bytes: &[u8]) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let of_others = info.location().is_some_and(|place| place.file().contains("/registry/src/"));
            PASSED_OVER.set(of_others && PASSES_OVER.get());
            if PASSED_OVER.get() {
                println!("a library panics: {}", info.location().map(ToString::to_string).unwrap_or_default());
            } else {
                before(info);
            }
        }));
    });
    PASSES_OVER.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(|| read(format, bytes)));
    PASSES_OVER.set(false);
    if let Err(cause) = result
        && !PASSED_OVER.get()
    {
        panic::resume_unwind(cause);
    }
}

fn holds_of_pages(pages: &[Page], limits: &Limits) {
    let mut characters = 0;
    for (at, page) in pages.iter().enumerate() {
        assert_eq!(page.number as usize, at + 1, "pages come in order");
        let text: Vec<char> = page.text.chars().collect();
        characters += text.len();
        let mut end = 0;
        for block in &page.blocks {
            assert!(end <= block.start && block.start < block.end && block.end <= text.len(), "{block:?} after {end}");
            assert!(text[end..block.start].iter().all(|c| c.is_whitespace()), "text between blocks");
            end = block.end;
        }
        assert!(text[end..].iter().all(|c| c.is_whitespace()), "text after the last block");
        if let Some(layout) = &page.layout {
            assert_eq!(PageLayout::from_bytes(&layout.to_bytes()).as_ref(), Some(layout), "places survive their bytes");
            assert!(layout.words.len() <= text.len(), "more places than characters");
        }
    }
    assert!(pages.len() <= limits.max_pages as usize, "{} pages", pages.len());
    assert!(characters as u64 <= limits.max_characters, "{characters} characters");
}

/// A summary says what came, whoever made it; what is signed of it is short and ours.
pub(super) fn holds_of_summary(summary: &Summary, pages: &[Page]) {
    assert_eq!(summary.page_count as usize, pages.len());
    assert_eq!(summary.characters, pages.iter().map(|page| page.text.chars().count() as u64).sum::<u64>());
    assert_eq!(summary.paged, summary.format.is_paged());
    let recognized: Vec<u32> = pages.iter().filter(|page| page.recognized).map(|page| page.number).collect();
    assert_eq!(summary.pages_recognized, recognized);
    for listed in [&summary.pages_without_text, &summary.pages_out_of_time] {
        assert!(listed.iter().all(|page| (1..=summary.page_count).contains(page)), "{listed:?}");
        assert!(listed.is_sorted_by(|one, next| one < next), "{listed:?}");
    }
    assert!(summary.parser.starts_with("millwright-documents ") && summary.parser.len() <= 80, "{}", summary.parser);
    if let Some(recognition) = &summary.recognition {
        let asked = request_for_scans().recognizer.expect("recognizer");
        assert_eq!((recognition.engine.as_str(), recognition.languages.as_str()), (asked.version(), asked.languages()));
    }
}

/// A refusal is of the closed list, says why in a sentence, and survives the wire.
pub(super) fn holds_of_refusal(error: &DocumentError) {
    assert!(!error.is_transient(), "trying again cannot help: {error:?}");
    let problem = error.problem();
    let length = problem.detail.chars().count();
    assert!(problem.remedy.is_some() && length <= LONGEST_EXPLANATION, "{}", problem.detail);
    let json = serde_json::to_string(error).expect("json");
    assert_eq!(&serde_json::from_str::<DocumentError>(&json).expect("json"), error);
}

/// What a worker says of it is what its parent believes, but for control characters in the names of parts.
fn holds_of_pipe(pages: &[Page], result: Result<Summary, DocumentError>, request: &Request) {
    let last = match result.clone() {
        Ok(summary) => Message::Done(summary),
        Err(error) => Message::Error(error),
    };
    let mut said = Vec::new();
    for message in pages.iter().cloned().map(Message::Page).chain([last]) {
        serde_json::to_writer(&mut said, &message).expect("json");
        said.write_all(b"\n").expect("memory");
    }
    let mut heard = Vec::new();
    let outcome = heard_from(&said, request, &mut heard);
    assert_eq!(outcome, result.map(Some).map_err(bounded));
    assert_eq!(heard, pages);
}

/// Listens as the parent does.
pub(super) fn heard_from(
    said: &[u8],
    request: &Request,
    pages: &mut Vec<Page>,
) -> Result<Option<Summary>, DocumentError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
    runtime.block_on(receive(said, request, |page| {
        pages.push(page);
        Ok(())
    }))
}

/// Counts words and punctuation, linear, additive over pieces cut at white space.
fn count(text: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric();
        tokens += usize::from((word && !in_word) || (!word && !c.is_whitespace()));
        in_word = word;
    }
    tokens
}

/// Chunks are exact slices within their size that lose nothing, and headings do not make them large.
pub(super) fn holds_of_chunks(pages: &[Page]) {
    const SIZE: usize = 40;
    let chunks = chunk(pages, &ChunkSettings { size_tokens: SIZE, overlap_tokens: 8 }, &count);
    let mut chunks = chunks.iter().peekable();
    for page in pages {
        let text: Vec<char> = page.text.chars().collect();
        let mut covered = 0;
        while let Some(chunk) = chunks.next_if(|chunk| chunk.page_number == page.number) {
            let slice: String = text[chunk.char_start..chunk.char_end].iter().collect();
            assert_eq!(slice, chunk.text, "a chunk is exactly its span");
            assert!(chunk.token_count <= SIZE, "{} tokens", chunk.token_count);
            if covered < chunk.char_start {
                assert!(text[covered..chunk.char_start].iter().all(|c| c.is_whitespace()), "text between chunks");
            }
            covered = covered.max(chunk.char_end);
            holds_of_context(chunk);
            holds_of_windows(chunk);
        }
        assert!(text[covered..].iter().all(|c| c.is_whitespace()), "text after the last chunk");
    }
    assert_eq!(chunks.next(), None, "a chunk of no page");
}

fn holds_of_context(chunk: &Chunk) {
    let context = chunk.heading_path.iter().chain(&chunk.table_header).map(String::len).sum::<usize>();
    assert!(chunk.heading_path.len() <= 9 && context <= 10 * 1024, "{context} bytes above a chunk");
}

fn holds_of_windows(chunk: &Chunk) {
    let text: Vec<char> = chunk.text.chars().collect();
    for spans in [windows(&chunk.text, 12, &count), sentences(&chunk.text)] {
        let mut at = 0;
        for (start, end) in spans {
            assert!(at <= start && start < end && end <= text.len());
            assert!(text[at..start].iter().all(|c| c.is_whitespace()), "text between windows");
            at = end;
        }
        assert!(text[at..].iter().all(|c| c.is_whitespace()), "text after the last window");
    }
}
