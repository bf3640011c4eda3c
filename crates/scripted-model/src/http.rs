//! As much of HTTP/1.1 as a model's server needs, one request a connection, and with the means to break it.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// How often who waits looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);
/// Larger requests are refused.
const MAX_BYTES: usize = 64 << 20;

/// A request.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Why an answer goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// The client has left.
    Client,
    /// The server ends.
    Server,
}

/// A connection that an answer is written to.
pub(crate) struct Wire<'a> {
    stream: TcpStream,
    ended: &'a AtomicBool,
    is_chunked: bool,
}

impl Incoming {
    /// Reads one. Without one: the client has left, or did not speak HTTP.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        let head_end = loop {
            if let Some(at) = find(&bytes, b"\r\n\r\n") {
                break at;
            }
            more(stream, &mut bytes, &mut buffer)?;
        };
        let (first, headers) = head(&bytes[..head_end])?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let length = match header(&headers, "content-length") {
            Some(length) => length.parse::<usize>().map_err(|_| wrong("the length of the body is no number"))?,
            None if header(&headers, "transfer-encoding").is_some() => {
                return Err(wrong("the body has no length"));
            }
            None => 0,
        };
        if length > MAX_BYTES {
            return Err(wrong("the body is too long"));
        }
        if header(&headers, "expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = bytes.split_off(head_end + 4);
        while body.len() < length {
            more(stream, &mut body, &mut buffer)?;
        }
        body.truncate(length);
        Ok(Self { method, path, headers, body })
    }
}

/// The first line, and the headers with their names in small letters.
pub(crate) fn head(bytes: &[u8]) -> io::Result<(String, Vec<(String, String)>)> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("the head is no text"))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines.filter_map(|line| line.split_once(':'));
    Ok((first, headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect()))
}

pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

pub(crate) fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The bytes that chunks hold, as far as they came, and whether the last one did.
pub(crate) fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(at) = find(bytes, b"\r\n") else { return (body, false) };
        let length = std::str::from_utf8(&bytes[..at]).unwrap_or_default();
        let length = length.split(';').next().unwrap_or_default().trim();
        let Ok(length) = usize::from_str_radix(length, 16) else { return (body, false) };
        bytes = &bytes[at + 2..];
        if length == 0 {
            return (body, true);
        }
        body.extend_from_slice(&bytes[..length.min(bytes.len())]);
        let Some(rest) = bytes.get(length + 2..) else { return (body, false) };
        bytes = rest;
    }
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>, buffer: &mut [u8]) -> io::Result<()> {
    let count = stream.read(buffer)?;
    if count == 0 || bytes.len() > MAX_BYTES {
        return Err(wrong("the request ended early, or has no end"));
    }
    bytes.extend_from_slice(&buffer[..count]);
    Ok(())
}

fn wrong(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<'a> Wire<'a> {
    pub(crate) fn new(stream: TcpStream, ended: &'a AtomicBool) -> Self {
        Self { stream, ended, is_chunked: false }
    }

    /// An answer that is there as a whole.
    pub(crate) fn whole(&mut self, status: u16, more: &str, content_type: &str, body: &[u8]) -> Result<(), Gone> {
        self.head(status, &format!("content-length: {}\r\n{more}", body.len()), content_type)?;
        self.send(body)
    }

    /// The head of an answer that comes piece by piece.
    pub(crate) fn begin(&mut self, content_type: &str) -> Result<(), Gone> {
        self.head(200, "transfer-encoding: chunked\r\n", content_type)?;
        self.is_chunked = true;
        Ok(())
    }

    fn head(&mut self, status: u16, more: &str, content_type: &str) -> Result<(), Gone> {
        let reason = if status < 400 { "OK" } else { "Failed" };
        let head =
            format!("HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\nconnection: close\r\n{more}\r\n");
        self.send(head.as_bytes())
    }

    /// One piece.
    pub(crate) fn piece(&mut self, text: &str) -> Result<(), Gone> {
        self.send(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
    }

    /// The proper end.
    pub(crate) fn end(&mut self) -> Result<(), Gone> {
        self.send(if self.is_chunked { b"0\r\n\r\n" } else { b"" })
    }

    /// Closes the connection, of a begun answer in the middle of a piece.
    pub(crate) fn die(&mut self) -> Result<(), Gone> {
        if self.is_chunked {
            self.send(b"40\r\ndata: {\"choi")?;
        }
        let _ = self.stream.shutdown(Shutdown::Both);
        Ok(())
    }

    /// Says nothing until somebody has enough of it.
    pub(crate) fn hang(&mut self) -> Gone {
        loop {
            if let Err(gone) = self.pause(LOOK) {
                return gone;
            }
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        if self.ended.load(Ordering::Relaxed) {
            return Err(Gone::Server);
        }
        self.stream.write_all(bytes).map_err(|_| Gone::Client)
    }

    /// Waits, and looks meanwhile whether the client is still there.
    pub(crate) fn pause(&mut self, time: Duration) -> Result<(), Gone> {
        let until = Instant::now() + time;
        loop {
            if self.ended.load(Ordering::Relaxed) {
                return Err(Gone::Server);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let look = left.min(LOOK).max(Duration::from_millis(1));
            let _ = self.stream.set_read_timeout(Some(look));
            match self.stream.peek(&mut [0]) {
                Ok(0) => return Err(Gone::Client),
                // It says something more, which nobody asked for.
                Ok(_) => thread::sleep(look),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(_) => return Err(Gone::Client),
            }
        }
    }

    /// Lets the client read to the end before the connection closes.
    pub(crate) fn close(self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}
