//! The parser's own process: the protocol, and the side that parses.
//!
//! The parent writes one line of JSON (a [`Request`]) and then the document's bytes, and keeps
//! the pipe open. The worker answers with one JSON [`Message`] a line: pages, then `done` or
//! `error`. When the pipe closes, the parent is gone, and the worker ends at once.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use serde::{Deserialize, Serialize};

use crate::{DocumentError, Format, Limits, Page, Recognizer, Summary, parse_with};

/// First line from the parent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// What the bytes are.
    pub format: Format,
    /// What the document may cost; the worker lowers its own rights to this first.
    pub limits: Limits,
    /// How many bytes follow the line.
    pub length: u64,
    /// What reads scanned pages.
    #[serde(default)]
    pub recognizer: Option<Recognizer>,
}

/// One line from the worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The next page.
    Page(Page),
    /// All pages were given.
    Done(Summary),
    /// The document cannot be read (further).
    Error(DocumentError),
}

/// Longest request line, bytes.
const MAX_REQUEST: u64 = 16 * 1024;
/// Stack of the parsing thread, bytes: recursive parts of parsers stay within it.
const STACK: usize = 64 * 1024 * 1024;
/// Exit code when the parent went away.
const PARENT_GONE: i32 = 3;

/// Serves one document and returns; then the process should end. Lowers the limits of the whole
/// process and for good, so call it only in a process that exists for it.
///
/// # Errors
/// When the request cannot be read or the answer not written.
pub fn serve(input: impl Read + Send + 'static, output: impl Write + Send + 'static) -> std::io::Result<()> {
    lower(Resource::Core, 0);
    lower(Resource::Fsize, 0);
    // Bulk reading must not slow down people's questions.
    let _ = setpriority_process(None, 10);
    let mut input = BufReader::new(input);
    let request = read_request(&mut input)?;
    lower(Resource::As, request.limits.memory_bytes);
    lower(Resource::Cpu, request.limits.cpu_seconds);
    let mut bytes = Vec::new();
    (&mut input).take(request.length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != request.length {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the document did not arrive whole"));
    }
    thread::Builder::new().name("parent-watch".to_owned()).spawn(move || end_with_parent(input))?;
    let output = Arc::new(Mutex::new(BufWriter::new(output)));
    let last = parse_in_thread(request, bytes, &output)?;
    send(&output, &last)
}

pub(crate) fn read_request(input: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = Vec::new();
    input.take(MAX_REQUEST).read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Parses on a thread with a large stack. A panic there becomes an unreadable document.
fn parse_in_thread<W: Write + Send + 'static>(
    request: Request,
    bytes: Vec<u8>,
    output: &Arc<Mutex<BufWriter<W>>>,
) -> std::io::Result<Message> {
    let pages = Arc::clone(output);
    let worker = thread::Builder::new().name("parser".to_owned()).stack_size(STACK).spawn(move || {
        parse_with(request.format, &bytes, &request.limits, request.recognizer.as_ref(), |page| {
            send(&pages, &Message::Page(page))
                .map_err(|error| DocumentError::ParserUnavailable { detail: error.to_string() })
        })
    })?;
    Ok(match worker.join() {
        Ok(Ok(summary)) => Message::Done(summary),
        Ok(Err(error)) => Message::Error(error),
        Err(_) => {
            Message::Error(DocumentError::unreadable("its structure is damaged in a way that cannot be worked around"))
        }
    })
}

fn send<W: Write>(output: &Mutex<BufWriter<W>>, message: &Message) -> std::io::Result<()> {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    serde_json::to_writer(&mut *output, message)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Ends the process when nobody holds the other end of the pipe any more.
fn end_with_parent(mut input: impl Read) {
    let mut byte = [0_u8; 1];
    loop {
        match input.read(&mut byte) {
            Ok(0) => std::process::exit(PARENT_GONE),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => std::process::exit(PARENT_GONE),
        }
    }
}

/// Lowers a limit for good; a lower one that already holds stays.
fn lower(resource: Resource, value: u64) {
    let maximum = getrlimit(resource).maximum.map_or(value, |maximum| maximum.min(value));
    let _ = setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) });
}
