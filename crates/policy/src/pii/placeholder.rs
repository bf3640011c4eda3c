//! The grammar of placeholders: `[PERSON_1]`, and `[PERSON_1v2]` for another spelling of the same value.
//!
//! Models alter placeholders a little. Read the same: lower case, up to two spaces inside the brackets, brackets and
//! underscores escaped for Markdown. Nothing else is a placeholder.

use std::fmt;

/// No placeholder, however altered, has more bytes: name, numbers, spaces, and a backslash for each underscore.
pub(super) const LONGEST: usize = 2 + 2 * NAME + 2 * NUMBER + 2 + 4 + 2;
/// The longest name.
const NAME: usize = 40;
/// The most digits of a number.
const NUMBER: usize = 9;

/// What a placeholder says. The name is in upper case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Placeholder {
    /// The word of the kind.
    pub(super) name: String,
    /// Which value of that kind, from 1.
    pub(super) number: u32,
    /// Which spelling of the value, from 1.
    pub(super) variant: u32,
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variant {
            1 => write!(f, "[{}_{}]", self.name, self.number),
            variant => write!(f, "[{}_{}v{variant}]", self.name, self.number),
        }
    }
}

/// What stands at a place of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A placeholder of so many bytes.
    Whole(Placeholder, usize),
    /// None.
    Nothing,
    /// The text ends before it is decided.
    Unfinished,
}

/// Whether a placeholder can start with this byte.
pub(super) const fn may_start(byte: u8) -> bool {
    matches!(byte, b'[' | b'\\')
}

/// Reads the placeholder that starts with the first byte. Looks at no more than [`LONGEST`] bytes.
pub(super) fn read(text: &[u8]) -> Reading {
    let mut reader = Reader { text, at: 0, escaped: false };
    match reader.placeholder() {
        Ok(placeholder) => Reading::Whole(placeholder, reader.at),
        Err(Stop::Ended) => Reading::Unfinished,
        Err(Stop::Other) => Reading::Nothing,
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    escaped: bool,
}

enum Stop {
    Ended,
    Other,
}

impl Reader<'_> {
    fn placeholder(&mut self) -> Result<Placeholder, Stop> {
        self.escaped = self.take(b'\\')?;
        self.expect(b'[')?;
        self.spaces()?;
        let name = self.name()?;
        let number = self.number()?;
        let variant = if self.take(b'v')? || self.take(b'V')? { self.number()? } else { 1 };
        self.spaces()?;
        if self.escaped {
            self.expect(b'\\')?;
        }
        self.expect(b']')?;
        // `v1` is never written; a number 0 neither.
        Ok(Placeholder { name, number, variant })
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.text.get(self.at).copied().ok_or(Stop::Ended)
    }

    fn take(&mut self, byte: u8) -> Result<bool, Stop> {
        let taken = self.peek()? == byte;
        self.at += usize::from(taken);
        Ok(taken)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.take(byte)? { Ok(()) } else { Err(Stop::Other) }
    }

    fn spaces(&mut self) -> Result<(), Stop> {
        for _ in 0..2 {
            if !self.take(b' ')? {
                break;
            }
        }
        Ok(())
    }

    /// Words of letters and digits with underscores behind them, up to the underscore before a number.
    ///
    /// `FOO_1A_2` has the name `FOO_1A`, so a part that starts like a number is decided by what follows its digits.
    fn name(&mut self) -> Result<String, Stop> {
        let mut name = String::new();
        loop {
            let byte = self.peek()?;
            if byte.is_ascii_alphanumeric() {
                name.push(char::from(byte.to_ascii_uppercase()));
                self.at += 1;
            } else if byte == b'_' || byte == b'\\' {
                self.at += 1;
                if byte == b'\\' {
                    self.expect(b'_')?;
                }
                if !name.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric) {
                    return Err(Stop::Other);
                }
                if self.number_follows()? {
                    break;
                }
                name.push('_');
            } else {
                return Err(Stop::Other);
            }
            if name.len() > NAME {
                return Err(Stop::Other);
            }
        }
        if name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) { Ok(name) } else { Err(Stop::Other) }
    }

    /// Whether a number, and not the rest of a name, stands here.
    fn number_follows(&self) -> Result<bool, Stop> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = rest.iter().take(NUMBER + 1).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return if rest.is_empty() { Err(Stop::Ended) } else { Ok(false) };
        }
        match rest.get(digits) {
            None => Err(Stop::Ended),
            Some(b' ' | b']' | b'\\') => Ok(digits <= NUMBER),
            Some(b'v' | b'V') => rest.get(digits + 1).map(u8::is_ascii_digit).ok_or(Stop::Ended),
            Some(_) => Ok(false),
        }
    }

    /// A number from 1 without leading zeros.
    fn number(&mut self) -> Result<u32, Stop> {
        let mut number = 0;
        let mut digits = 0;
        while self.peek()?.is_ascii_digit() {
            let digit = u32::from(self.peek()? - b'0');
            if (digits == 0 && digit == 0) || digits == NUMBER {
                return Err(Stop::Other);
            }
            number = number * 10 + digit;
            digits += 1;
            self.at += 1;
        }
        if digits > 0 { Ok(number) } else { Err(Stop::Other) }
    }
}

/// The placeholders of a text with their places, left to right.
pub(super) fn all(text: &str) -> impl Iterator<Item = (usize, usize, Placeholder)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(offset) = bytes.get(at..)?.iter().position(|byte| may_start(*byte)) {
            let start = at + offset;
            if let Reading::Whole(placeholder, length) = read(bytes.get(start..)?) {
                at = start + length;
                return Some((start, at, placeholder));
            }
            at = start + 1;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<(String, usize)> {
        match read(text.as_bytes()) {
            Reading::Whole(placeholder, length) => Some((placeholder.to_string(), length)),
            _ => None,
        }
    }

    #[test]
    fn placeholders_and_how_models_alter_them() {
        for text in ["[PERSON_1]", "[person_1]", "[ PERSON_1 ]", r"\[PERSON_1\]", r"[PERSON\_1]", r"\[ person\_1 \]"] {
            assert_eq!(whole(text), Some(("[PERSON_1]".into(), text.len())), "{text}");
        }
        assert_eq!(whole("[EMAIL_ADDRESS_12v3], "), Some(("[EMAIL_ADDRESS_12v3]".into(), 20)));
        assert_eq!(whole("[FOO_1A_2]"), Some(("[FOO_1A_2]".into(), 10)));
    }

    #[test]
    fn everything_else_is_none() {
        for text in [
            "[PERSON]",
            "PERSON_1",
            "[PERSON_0]",
            "[PERSON_01]",
            "[1]",
            "[_1]",
            "[PERSON__1]",
            "[PERSON_1",
            "[PERSON 1]",
            "(PERSON_1)",
            r"\[PERSON_1]",
            r"[PERSON_1\]",
            "[PERSON_1234567890]",
            "[PERSON_1x]",
            "[   PERSON_1]",
            "[[PERSON_1]]",
            "[PERSON_1v]",
            "[1A_1]",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
        assert_eq!(read(b"[PERSON_1v"), Reading::Unfinished);
        assert_eq!(read(b"\\"), Reading::Unfinished);
        assert_eq!(read(format!("[{}", "A".repeat(NAME + 1)).as_bytes()), Reading::Nothing);
    }

    #[test]
    fn what_is_undecided_is_short() {
        let worst = format!("\\[  {}A_123456789V123456789  \\", "A\\_".repeat(NAME / 2));
        for text in [&worst, &"[A_1".repeat(50), &"[A1_".repeat(50), &"\\[ ".repeat(50), &"[A_".repeat(50)] {
            for length in (0..=text.len()).rev() {
                if read(&text.as_bytes()[..length]) == Reading::Unfinished {
                    assert!(length <= LONGEST, "{length}");
                    break;
                }
            }
        }
    }
}
