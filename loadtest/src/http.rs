//! A small HTTP/1.1 client: one connection, kept open, which hands out an answer's bytes as they come.
//!
//! A general client spends more on a request than the server spends on answering the smallest ones, and hides when
//! the first byte came. This one knows what this server sends: answers with a length or in chunks.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection to the server.
pub(crate) struct Client {
    stream: TcpStream,
    host: SocketAddr,
    authorization: String,
    /// Read and not yet used.
    buffer: Vec<u8>,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, if the status says success.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("status {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("an answer that is not JSON")
    }
}

enum Length {
    Known(usize),
    Chunked,
}

impl Client {
    /// Connects; `token` goes with every request.
    pub(crate) async fn connect(host: SocketAddr, token: Option<&str>) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        Ok(Self { stream, host, authorization, buffer: Vec::with_capacity(16 * 1024) })
    }

    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send("GET", path, "", &[]).await?;
        self.answer().await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send("POST", path, "application/json", body.to_string().as_bytes()).await?;
        self.answer().await
    }

    pub(crate) async fn delete(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send("DELETE", path, "", &[]).await?;
        self.answer().await
    }

    pub(crate) async fn form(&mut self, path: &str, body: &str) -> anyhow::Result<Answer> {
        self.send("POST", path, "application/x-www-form-urlencoded", body.as_bytes()).await?;
        self.answer().await
    }

    /// Uploads a file as a form with the one field `file`.
    pub(crate) async fn upload(&mut self, path: &str, name: &str, bytes: &[u8]) -> anyhow::Result<Answer> {
        const BOUNDARY: &str = "millwright-loadtest-6d1f0c5e";
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let body = [head.as_bytes(), bytes, tail.as_bytes()].concat();
        self.send("POST", path, &format!("multipart/form-data; boundary={BOUNDARY}"), &body).await?;
        self.answer().await
    }

    /// Posts and hands each piece of the answer over when it is there. The status.
    pub(crate) async fn stream(
        &mut self,
        path: &str,
        body: &Value,
        mut take: impl FnMut(&[u8]),
    ) -> anyhow::Result<u16> {
        self.send("POST", path, "application/json", body.to_string().as_bytes()).await?;
        let (status, length) = self.head().await?;
        self.body(length, &mut take).await?;
        Ok(status)
    }

    /// Posts, reads the answer as it comes off the wire until it holds this, and leaves. What was read after the head.
    pub(crate) async fn begin(mut self, path: &str, body: &Value, until: &str) -> anyhow::Result<String> {
        self.send("POST", path, "application/json", body.to_string().as_bytes()).await?;
        let (status, _) = self.head().await?;
        loop {
            let read = String::from_utf8_lossy(&self.buffer);
            if read.contains(until) {
                return Ok(read.into_owned());
            }
            if status != 200 {
                bail!("status {status}: {read}");
            }
            self.fill().await?;
        }
    }

    async fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<()> {
        let (host, authorization) = (self.host, &self.authorization);
        let kind = if kind.is_empty() {
            String::new()
        } else {
            format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len())
        };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{authorization}{kind}\r\n");
        self.stream.write_all(&[head.as_bytes(), body].concat()).await.context("sending a request")
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let (status, length) = self.head().await?;
        let mut body = Vec::new();
        self.body(length, &mut |part| body.extend_from_slice(part)).await?;
        Ok(Answer { status, body })
    }

    async fn head(&mut self) -> anyhow::Result<(u16, Length)> {
        let end = self.find(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("no status")?;
        let mut length = Length::Known(0);
        for line in lines {
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                Some(("content-length", value)) => length = Length::Known(value.parse().context("content-length")?),
                Some(("transfer-encoding", "chunked")) => length = Length::Chunked,
                _ => {}
            }
        }
        Ok((status, length))
    }

    async fn body(&mut self, length: Length, take: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        match length {
            Length::Known(length) => self.part(length, take).await,
            Length::Chunked => loop {
                let end = self.find(b"\r\n").await?;
                let size = std::str::from_utf8(&self.buffer[..end]).context("chunk size")?;
                let size = usize::from_str_radix(size.split(';').next().unwrap_or(size), 16).context("chunk size")?;
                self.buffer.drain(..end + 2);
                self.part(size, take).await?;
                self.part(2, &mut |_| {}).await?;
                if size == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn part(&mut self, mut missing: usize, take: &mut impl FnMut(&[u8])) -> anyhow::Result<()> {
        while missing > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let here = missing.min(self.buffer.len());
            take(&self.buffer[..here]);
            self.buffer.drain(..here);
            missing -= here;
        }
        Ok(())
    }

    async fn find(&mut self, pattern: &[u8]) -> anyhow::Result<usize> {
        let mut searched = 0;
        loop {
            let found = self.buffer[searched..].windows(pattern.len()).position(|window| window == pattern);
            if let Some(at) = found {
                return Ok(searched + at);
            }
            searched = self.buffer.len().saturating_sub(pattern.len() - 1);
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn serve_once(parts: &'static [&'static [u8]]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) =
                listener.into_std().map(|l| l.set_nonblocking(false).map(|()| l)).unwrap().unwrap().accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            for part in parts {
                stream.write_all(part).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        address
    }

    #[tokio::test]
    async fn chunks_are_handed_over_one_by_one_wherever_they_are_cut() {
        let address = serve_once(&[
            b"HTTP/1.1 200 OK\r\nTransfer-Enc",
            b"oding: chunked\r\n\r\n5\r\nhel",
            b"lo\r\n1",
            b"0\r\n0123456789abcdef\r\n0\r\n",
            b"\r\n",
        ])
        .await;
        let mut client = Client::connect(address, Some("token")).await.unwrap();
        let mut seen = Vec::new();
        let status = client.stream("/", &Value::Null, |part| seen.extend_from_slice(part)).await.unwrap();
        assert_eq!((status, seen.as_slice()), (200, &b"hello0123456789abcdef"[..]));
    }

    #[tokio::test]
    async fn an_answer_with_a_length_is_read_to_its_end() {
        let address = serve_once(&[b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nno", b"ne"]).await;
        let answer = Client::connect(address, None).await.unwrap().get("/").await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"none"[..]));
        assert!(answer.json().is_err());
    }
}
