use std::{fmt, mem, sync::Arc};

use super::{
    placeholder::{self, Reading},
    vault::Lookup,
};

/// Puts values back into a text that comes in pieces, wherever a placeholder is cut.
///
/// It holds back no more than what may be the start of a placeholder, which is shorter than 120 bytes.
pub struct Restorer {
    lookup: Arc<Lookup>,
    /// What may become a placeholder.
    held: String,
    /// How many bytes were looked at, so that a test can see that it is linear.
    work: usize,
}

impl Restorer {
    pub(super) const fn new(lookup: Arc<Lookup>) -> Self {
        Self { lookup, held: String::new(), work: 0 }
    }

    /// Takes a piece; gives back what is certain.
    pub fn push(&mut self, piece: &str) -> String {
        let mut text = mem::take(&mut self.held);
        text.push_str(piece);
        self.restore(&text, false)
    }

    /// Gives back the rest.
    pub fn finish(mut self) -> String {
        let text = mem::take(&mut self.held);
        self.restore(&text, true)
    }

    fn restore(&mut self, text: &str, last: bool) -> String {
        let bytes = text.as_bytes();
        let mut restored = String::with_capacity(text.len());
        let (mut copied, mut at) = (0, 0);
        while let Some(offset) =
            bytes.get(at..).and_then(|rest| rest.iter().position(|byte| placeholder::may_start(*byte)))
        {
            self.work += offset;
            let start = at + offset;
            let rest = bytes.get(start..).unwrap_or_default();
            self.work += rest.len().min(placeholder::LONGEST);
            match placeholder::read(rest) {
                Reading::Whole(found, length) => {
                    at = start + length;
                    if let Some(value) = self.lookup.get(&found) {
                        restored.push_str(text.get(copied..start).unwrap_or_default());
                        restored.push_str(value);
                        copied = at;
                    }
                }
                Reading::Unfinished if !last => {
                    restored.push_str(text.get(copied..start).unwrap_or_default());
                    text.get(start..).unwrap_or_default().clone_into(&mut self.held);
                    return restored;
                }
                _ => at = start + 1,
            }
        }
        self.work += bytes.len().saturating_sub(at);
        restored.push_str(text.get(copied..).unwrap_or_default());
        restored
    }

    /// How many bytes are held back.
    #[cfg(test)]
    pub(super) const fn held_back(&self) -> usize {
        self.held.len()
    }

    /// How many bytes were looked at so far.
    #[cfg(test)]
    pub(super) const fn work(&self) -> usize {
        self.work
    }
}

impl fmt::Debug for Restorer {
    /// Says nothing of the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restorer({} bytes held)", self.held.len())
    }
}
