//! Text recognition for pages that are pictures, by the program `tesseract` where it is installed.
//!
//! It runs as a child of the parser's process, under the same limits of memory, files and processor
//! time, with an empty environment, and is killed with it.

mod run;
mod tsv;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::{Limits, Recognition};
pub(crate) use run::Picture;
use run::Silence;
pub(crate) use tsv::Line;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use tsv::lines;

/// Where Debian and others put programs. `PATH` is not asked: what reads strangers' pictures is not found by accident.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/bin"];

/// An installed text recognition and the languages that it is to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognizer {
    tesseract: PathBuf,
    /// Has the kernel kill tesseract together with the parser, which no safe code can ask for.
    setpriv: PathBuf,
    /// As tesseract writes them: `deu+eng`.
    languages: String,
    version: String,
}

/// Why scans are not read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecognizerMissing {
    /// A program is not installed.
    #[error("`{0}` is not installed")]
    Program(&'static str),
    /// The program is there but does not answer.
    #[error("`tesseract` does not answer: {0}")]
    Silent(String),
    /// None of the wanted languages is installed.
    #[error("tesseract has none of the languages {wanted}, only {installed}")]
    Languages {
        /// What was asked for.
        wanted: String,
        /// What there is.
        installed: String,
    },
}

impl Recognizer {
    /// Looks for tesseract and for those of the languages `wanted` that are installed (`eng`, `deu`: ISO 639-2 as
    /// tesseract names them), in their order.
    ///
    /// # Errors
    /// [`RecognizerMissing`] says what is missing.
    pub fn find<S: AsRef<str>>(wanted: &[S]) -> Result<Self, RecognizerMissing> {
        let tesseract = program("tesseract").ok_or(RecognizerMissing::Program("tesseract"))?;
        let setpriv = program("setpriv").ok_or(RecognizerMissing::Program("setpriv"))?;
        let installed = ask(&tesseract, "--list-langs")?;
        // The first line is a heading.
        let installed: Vec<&str> = installed.lines().skip(1).map(str::trim).collect();
        let wanted: Vec<&str> = wanted.iter().map(AsRef::as_ref).collect();
        let found: Vec<&str> = wanted.iter().copied().filter(|name| installed.contains(name)).collect();
        if found.is_empty() {
            let (wanted, installed) = (wanted.join(", "), installed.join(", "));
            return Err(RecognizerMissing::Languages { wanted, installed });
        }
        let version = ask(&tesseract, "--version")?.lines().next().unwrap_or_default().to_owned();
        Ok(Self { tesseract, setpriv, languages: found.join("+"), version })
    }

    /// The languages that are read, as tesseract writes them: `deu+eng`.
    pub fn languages(&self) -> &str {
        &self.languages
    }

    /// The program and its version: `tesseract 5.3.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What is recorded of a document that it read.
    pub(crate) fn recognition(&self) -> Recognition {
        Recognition { engine: self.version.clone(), languages: self.languages.clone() }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

fn ask(program: &Path, argument: &str) -> Result<String, RecognizerMissing> {
    let silent = |detail: String| RecognizerMissing::Silent(detail);
    let output = Command::new(program)
        .arg(argument)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| silent(error.to_string()))?;
    if !output.status.success() {
        return Err(silent(output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What recognition made of a page.
pub(crate) enum Reading {
    /// The lines that can be trusted, in reading order; none when tesseract failed or found none.
    Lines(Vec<Line>),
    /// The time was up before it had read the page.
    OutOfTime,
}

/// The reading of one document's pictures: how much of its time is left.
pub(crate) struct PictureReader<'r> {
    recognizer: &'r Recognizer,
    limits: &'r Limits,
    spent: Cell<Duration>,
    /// Whether there was text on any picture.
    found: Cell<bool>,
}

impl<'r> PictureReader<'r> {
    pub(crate) fn new(recognizer: &'r Recognizer, limits: &'r Limits) -> Self {
        Self { recognizer, limits, spent: Cell::new(Duration::ZERO), found: Cell::new(false) }
    }

    /// What read the pictures, if it read any text.
    pub(crate) fn used(&self) -> Option<Recognition> {
        self.found.get().then(|| self.recognizer.recognition())
    }

    /// Whether another page may be read. Drawing pages takes processor time of the parser itself: a third of that is
    /// kept for the pages to come, so that a document that could be read without recognition still is.
    pub(crate) fn may_go_on(&self) -> bool {
        let used = clock_gettime(ClockId::ThreadCPUTime).tv_sec;
        self.spent.get().as_secs() < self.limits.ocr_seconds
            && u64::try_from(used).unwrap_or(u64::MAX) < self.limits.cpu_seconds * 2 / 3
    }

    /// Reads a picture. `draw` makes it; its time counts as well.
    pub(crate) fn read(&self, draw: impl FnOnce() -> Option<Picture>) -> Reading {
        let started = Instant::now();
        let left = Duration::from_secs(self.limits.ocr_seconds).saturating_sub(self.spent.get());
        let longest = left.min(Duration::from_secs(self.limits.ocr_page_seconds));
        let said = draw().map(|picture| run::tesseract(self.recognizer, &picture, longest));
        self.spent.set(self.spent.get() + started.elapsed());
        match said {
            Some(Ok(said)) => {
                let lines = tsv::lines(&said);
                self.found.set(self.found.get() || !lines.is_empty());
                Reading::Lines(lines)
            }
            Some(Err(Silence::TooSlow)) => Reading::OutOfTime,
            Some(Err(Silence::Failed)) | None => Reading::Lines(Vec::new()),
        }
    }
}
