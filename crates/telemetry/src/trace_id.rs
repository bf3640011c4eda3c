use std::{fmt, str::FromStr};

use millwright_core::Sources;

use crate::SpanId;

/// Names one request in logs, answers and the audit log: 16 random bytes, shown as 32 lower-case
/// hexadecimal digits, as W3C Trace Context has it. Never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// A text that is no trace id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 lower-case hexadecimal digits, not all zero")]
pub struct InvalidTraceId;

impl TraceId {
    /// A fresh one.
    pub fn new(sources: &Sources) -> Self {
        let mut bytes: [u8; 16] = sources.random_bytes();
        if bytes == [0; 16] {
            bytes[15] = 1;
        }
        Self(bytes)
    }

    /// The one that a caller names in a `traceparent` header, with the caller's span; `None` if the header is not of the form
    /// that W3C Trace Context demands, which also says to start a new trace then.
    pub fn from_traceparent(header: &str) -> Option<(Self, SpanId)> {
        let mut parts = header.trim().split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let well_formed = is_hex(version, 2) && version != "ff" && is_hex(flags, 2);
        let mut span = [0; 8];
        let parent_fits = is_hex(parent, 16) && hex::decode_to_slice(parent, &mut span).is_ok() && span != [0; 8];
        // Version 00 ends here; later versions may add parts.
        let ends = version != "00" || parts.next().is_none();
        if well_formed && parent_fits && ends { Some((trace.parse().ok()?, SpanId(span))) } else { None }
    }

    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    fn from_str(text: &str) -> Result<Self, InvalidTraceId> {
        let mut bytes = [0; 16];
        if !is_hex(text, 32) || hex::decode_to_slice(text, &mut bytes).is_err() || bytes == [0; 16] {
            return Err(InvalidTraceId);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_traceparent_is_taken_only_in_its_documented_form() {
        let accepted = [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!(" 00-{TRACE}-00f067aa0ba902b7-00 "),
            format!("01-{TRACE}-00f067aa0ba902b7-01-more"),
        ];
        for header in accepted {
            let (trace, parent) = TraceId::from_traceparent(&header).unwrap();
            assert_eq!(
                (trace.to_string().as_str(), parent),
                (TRACE, SpanId([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 2, 0xb7]))
            );
        }
        let refused = [
            String::new(),
            TRACE.to_owned(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7"),
        ];
        for header in refused {
            assert_eq!(TraceId::from_traceparent(&header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read_back(seed: u64) {
            let randomness = std::sync::Arc::new(millwright_core::SeededRandomness::new(seed));
            let id = TraceId::new(&Sources { randomness, ..Sources::system() });
            prop_assert_eq!(id.to_string().parse::<TraceId>(), Ok(id));
        }

        #[test]
        fn no_header_makes_the_parser_panic(header in ".*") {
            let _ = TraceId::from_traceparent(&header);
        }
    }
}
