use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::Recognizer;

/// More than this about one page is no text.
const MOST_OUTPUT: u64 = 8 * 1024 * 1024;

/// A page as shades of grey, row by row from the top, 0 for black.
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pixels in an inch of the page.
    pub(crate) dots_per_inch: u32,
    pub(crate) grey: Vec<u8>,
}

impl Picture {
    /// Whether all of it has about the same shade: there is nothing to read on it.
    pub(crate) fn is_plain(&self) -> bool {
        let (least, most) =
            self.grey.iter().fold((255, 0), |(least, most), &shade| (shade.min(least), shade.max(most)));
        most.saturating_sub(least) < 24
    }
}

/// What tesseract says about a picture, as tab-separated values; `None` when it failed or took too long.
pub(super) fn tesseract(recognizer: &Recognizer, picture: &Picture, longest: Duration) -> Option<String> {
    let mut child = Command::new(&recognizer.setpriv)
        .args(["--pdeathsig", "KILL", "--no-new-privs", "--"])
        .arg(&recognizer.tesseract)
        .args(["stdin", "stdout", "-l", &recognizer.languages, "--dpi", &picture.dots_per_inch.to_string()])
        .args(["--psm", "3", "tsv"])
        .env_clear()
        .env("OMP_THREAD_LIMIT", "1")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let said = converse(&mut child, picture, longest);
    // After its answer it has nothing more to say; without one it is late.
    if said.is_none() {
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    said.filter(|_| ended.success())
}

fn converse(child: &mut Child, picture: &Picture, longest: Duration) -> Option<String> {
    let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Portable grey map: the least that can be read. A reader that went away shows in what it said.
            let header = format!("P5\n{} {}\n255\n", picture.width, picture.height);
            let _ = stdin.write_all(header.as_bytes()).and_then(|()| stdin.write_all(&picture.grey));
        });
        scope.spawn(move || {
            let mut said = String::new();
            let whole = stdout.take(MOST_OUTPUT).read_to_string(&mut said);
            let _ = sender.send(whole.ok().map(|_| said));
        });
        let said = receiver.recv_timeout(longest).ok().flatten();
        if said.is_none() {
            // Ends both threads: their pipes close.
            let _ = child.kill();
        }
        said
    })
}
