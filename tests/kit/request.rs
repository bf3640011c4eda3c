//! As much of HTTP as servers of the tests' own read.

use std::{io::Read, net::TcpStream};

/// The first line and the body; nothing where the client left.
pub(crate) fn read_request(stream: &mut TcpStream) -> std::io::Result<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(Default::default());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()));
        }
    }
}
