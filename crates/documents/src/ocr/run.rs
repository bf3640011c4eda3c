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

/// Why tesseract said nothing about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// It could not be started, or broke.
    Failed,
    /// It was still at work when the time was up.
    TooSlow,
}

/// What tesseract says about a picture, as tab-separated values.
pub(super) fn tesseract(recognizer: &Recognizer, picture: &Picture, longest: Duration) -> Result<String, Silence> {
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
        .map_err(|_| Silence::Failed)?;
    let said = converse(&mut child, picture, longest);
    // After its answer it has nothing more to say; without one it is late.
    if said.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().map_err(|_| Silence::Failed)?;
    said.and_then(|said| if ended.success() { Ok(said) } else { Err(Silence::Failed) })
}

fn converse(child: &mut Child, picture: &Picture, longest: Duration) -> Result<String, Silence> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Silence::Failed);
    };
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
            let _ = sender.send(whole.map(|_| said));
        });
        let said = match receiver.recv_timeout(longest) {
            Ok(said) => said.map_err(|_| Silence::Failed),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Silence::TooSlow),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(Silence::Failed),
        };
        if said.is_err() {
            // Ends both threads: their pipes close.
            let _ = child.kill();
        }
        said
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A recognition whose program is a shell script. It is found again by its name, so it needs no other.
    fn script(name: &str, body: &str) -> Recognizer {
        let path = std::env::temp_dir().join(format!("millwright-{name}-{}", std::process::id()));
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("script");
        let setpriv = PathBuf::from("/usr/bin/setpriv");
        Recognizer { tesseract: path, setpriv, languages: "eng".to_owned(), version: "script 1".to_owned() }
    }

    #[test]
    fn a_program_that_is_late_is_told_from_one_that_fails() {
        let picture = Picture { width: 1, height: 1, dots_per_inch: 300, grey: vec![0] };
        let asked = |name: &str, body: &str| {
            let recognizer = script(name, body);
            let said = tesseract(&recognizer, &picture, Duration::from_secs(2));
            let _ = std::fs::remove_file(&recognizer.tesseract);
            said
        };
        if !std::path::Path::new("/usr/bin/setpriv").exists() {
            println!("SKIPPED: no setpriv here");
            return;
        }
        assert_eq!(asked("late", "exec sleep 60"), Err(Silence::TooSlow));
        assert_eq!(asked("failing", "cat >/dev/null; exit 1"), Err(Silence::Failed));
        assert_eq!(asked("answering", "cat >/dev/null; echo word"), Ok("word\n".to_owned()));
    }
}
