//! Server-sent events, as far as model servers use them.

/// Puts the lines of an event together.
#[derive(Debug, Default)]
pub(crate) struct Events {
    data: Vec<u8>,
    complete: bool,
}

impl Events {
    /// Takes a line without its line end; the data of an event once its last line has come.
    pub(crate) fn line<'e>(&'e mut self, line: &'e [u8]) -> Option<&'e [u8]> {
        if self.complete {
            self.data.clear();
            self.complete = false;
        }
        if line.is_empty() {
            self.complete = !self.data.is_empty();
            return self.complete.then_some(self.data.as_slice());
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            return None;
        }
        // Some servers report a failure as bare JSON in the middle of the events.
        (line.first() == Some(&b'{')).then_some(line)
    }
}
