//! HTTP/1.1 as far as clients of a model server speak it: bodies with a length, connections that stay open.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

/// No client of ours sends more.
const MOST: usize = 32 << 20;

/// A request, whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without what follows a `?`.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    /// Read and not yet used.
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        // Without it, the second piece of a stream waits 40 ms for the acknowledgement of the first.
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 * 1024) })
    }

    /// The next request; `None` when the client has closed between two.
    pub(crate) async fn request(&mut self) -> io::Result<Option<Request>> {
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > MOST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]);
        let mut lines = text.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let (mut length, mut expects) = (0, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            }
            expects |= name.eq_ignore_ascii_case("expect");
        }
        let (method, path) = (method.to_owned(), path.to_owned());
        if length > MOST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (begin, end) = (head + 4, head + 4 + length);
        if expects && self.buffer.len() < end {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while self.buffer.len() < end {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body = self.buffer[begin..end].to_vec();
        self.buffer.drain(..end);
        Ok(Some(Request { method, path, body }))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits; fails at once when the client goes away meanwhile.
    pub(crate) async fn pause(&mut self, time: Duration) -> io::Result<()> {
        if time.is_zero() {
            return Ok(());
        }
        self.watch(tokio::time::sleep_until(Instant::now() + time)).await
    }

    /// Waits for something; fails at once when the client goes away meanwhile.
    pub(crate) async fn watch(&mut self, something: impl Future<Output = ()>) -> io::Result<()> {
        tokio::pin!(something);
        loop {
            tokio::select! {
                () = &mut something => return Ok(()),
                read = self.stream.read_buf(&mut self.buffer) => {
                    if read? == 0 {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.buffer).await
    }
}

/// An answer with a length; `more` are whole header lines.
pub(crate) fn whole(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What stands before the first chunk of a stream.
pub(crate) const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// What stands after the last chunk of a stream.
pub(crate) const STREAM_END: &[u8] = b"0\r\n\r\n";

/// Adds one chunk.
pub(crate) fn chunk(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(format!("{:x}\r\n", text.len()).as_bytes());
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}
