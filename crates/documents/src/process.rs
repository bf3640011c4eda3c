use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use std::os::unix::process::ExitStatusExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::receive::receive;
use crate::worker::Request;
use crate::{DocumentError, Format, Limits, Page, Recognizer, Summary};

/// How much of what the worker complains about is kept, bytes.
const STDERR_KEPT: usize = 4 * 1024;
/// JSON bytes that one character can take at the most (a word of one letter with its box), and room for structure.
const OUTPUT_PER_CHARACTER: u64 = 48;
const OUTPUT_EXTRA: u64 = 64 * 1024 * 1024;
/// Time for the worker to end after its last message.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the parser in a process of its own, one process a document.
#[derive(Debug, Clone)]
pub struct ParserProcess {
    program: PathBuf,
    args: Vec<OsString>,
    limits: Limits,
    recognizer: Option<Recognizer>,
}

impl ParserProcess {
    /// `program` with `args` must call [`worker::serve`](crate::worker::serve) on its standard
    /// input and output. It starts with an empty environment, so that no secret reaches it.
    pub fn new(
        program: impl Into<PathBuf>,
        args: impl IntoIterator<Item = impl Into<OsString>>,
        limits: Limits,
    ) -> Self {
        Self { program: program.into(), args: args.into_iter().map(Into::into).collect(), limits, recognizer: None }
    }

    /// Has scanned pages read as well.
    #[must_use]
    pub fn with_recognizer(self, recognizer: Option<Recognizer>) -> Self {
        Self { recognizer, ..self }
    }

    /// What a document may cost.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads a document. Pages come in order, each as soon as it is read; an error of `on_page`
    /// ends the reading. Dropping the future ends the process.
    ///
    /// # Errors
    /// Any [`DocumentError`]; a process that was killed, ran out of memory or time, or broke, is
    /// `LimitExceeded` or `Unreadable` and says so; one that could not start, `ParserUnavailable`.
    pub async fn parse(
        &self,
        format: Format,
        bytes: &[u8],
        on_page: impl FnMut(Page) -> Result<(), DocumentError>,
    ) -> Result<Summary, DocumentError> {
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(unavailable)?;
        let seconds = self.limits.wall_seconds + self.recognizer.as_ref().map_or(0, |_| self.limits.ocr_seconds);
        let wall = Duration::from_secs(seconds);
        let result = timeout(wall, self.converse(&mut child, format, bytes, on_page)).await;
        if let Ok(result) = result {
            return result;
        }
        // The process is ended and awaited, so that it does not stay behind as a zombie.
        let _ = child.kill().await;
        Err(DocumentError::limit(format!("reading it took more than {seconds} seconds")))
    }

    async fn converse(
        &self,
        child: &mut Child,
        format: Format,
        bytes: &[u8],
        on_page: impl FnMut(Page) -> Result<(), DocumentError>,
    ) -> Result<Summary, DocumentError> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(DocumentError::ParserUnavailable { detail: "no pipes to the parser".to_owned() });
        };
        let (limits, recognizer) = (self.limits, self.recognizer.clone());
        let request = Request { format, limits, length: bytes.len() as u64, recognizer };
        let most = self.limits.max_characters.saturating_mul(OUTPUT_PER_CHARACTER).saturating_add(OUTPUT_EXTRA);
        let conversation = async {
            // The open pipe tells the worker that its parent lives.
            let (open, outcome) =
                tokio::join!(feed(stdin, &request, bytes), receive(stdout.take(most), &request, on_page));
            if outcome.as_ref().is_ok_and(Option::is_some) {
                drop(open);
                // The worker has said its last; should it not end, it is killed.
                if timeout(GRACE, child.wait()).await.is_err() {
                    let _ = child.start_kill();
                }
            } else if outcome.is_err() {
                let _ = child.start_kill();
            }
            (outcome, child.wait().await)
        };
        let ((outcome, status), complaints) = tokio::join!(conversation, complaints(stderr));
        if let Some(summary) = outcome? {
            return Ok(summary);
        }
        Err(post_mortem(status.map_err(unavailable)?, &complaints, &self.limits))
    }
}

fn unavailable(error: impl std::fmt::Display) -> DocumentError {
    DocumentError::ParserUnavailable { detail: error.to_string() }
}

/// Hands the document over. A worker that ended early closes the pipe; why, its answer says.
async fn feed(mut stdin: ChildStdin, request: &Request, bytes: &[u8]) -> Option<ChildStdin> {
    let mut line = serde_json::to_vec(request).ok()?;
    line.push(b'\n');
    stdin.write_all(&line).await.ok()?;
    stdin.write_all(bytes).await.ok()?;
    stdin.flush().await.ok()?;
    Some(stdin)
}

/// The beginning of what the worker wrote to its standard error; the rest is read and dropped.
async fn complaints(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0_u8; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let room = STDERR_KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Why a worker ended without an answer.
fn post_mortem(status: ExitStatus, complaints: &str, limits: &Limits) -> DocumentError {
    const SIGKILL: i32 = 9;
    const SIGXCPU: i32 = 24;
    tracing::warn!(status = %status, complaints, "the parser ended without an answer");
    if complaints.contains("memory allocation of") || complaints.contains("out of memory") {
        return DocumentError::limit(format!(
            "reading it needs more than {} MiB of memory",
            limits.memory_bytes / (1024 * 1024)
        ));
    }
    if complaints.contains("overflowed its stack") {
        return DocumentError::limit("its parts are nested too deep");
    }
    match status.signal() {
        Some(SIGXCPU) => {
            DocumentError::limit(format!("reading it takes more than {} seconds of processor time", limits.cpu_seconds))
        }
        // Processor time used up to the hard limit, or the kernel was out of memory.
        Some(SIGKILL) => DocumentError::limit("the parser was stopped because it used too much memory or time"),
        Some(_) => DocumentError::unreadable("the parser broke down over it"),
        None if status.success() => DocumentError::unreadable("the parser ended without an answer"),
        None => DocumentError::ParserUnavailable { detail: format!("the parser ended with {status}") },
    }
}
