//! Scripts as their authors write them, and the server as its clients meet it: over a socket, by a client of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail them")]

mod client;
mod playing;
mod recording;
mod scripts;
