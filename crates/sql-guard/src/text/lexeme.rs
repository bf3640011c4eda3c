use sqlparser::tokenizer::Token;

use super::operators;
use crate::{
    dialect::Dialect,
    reason::{Code, Refusal},
};

/// What a stretch of text is, read as the database reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A word without quotes.
    Word,
    /// A name between these quotes; the opening one.
    Name(char),
    Number,
    /// A string between simple quotes, in which a quote is doubled.
    Text,
    /// The same with backslash escapes: `E'…'`, and all strings of MySQL, between either kind of quotes.
    Escaped,
    /// `N'…'`.
    National,
    /// `X'…'`.
    Hex,
    /// `B'…'`.
    Bits,
    Placeholder,
    Operator(Token),
}

/// A stretch of text: `start..end` in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lexeme {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Reads a text as the dialect's database does, and refuses what another setting or version of it would read differently.
/// Linear: no byte is looked at more than a few times.
pub(crate) struct Lexemes<'a> {
    text: &'a str,
    bytes: &'a [u8],
    dialect: Dialect,
    position: usize,
    after_string: bool,
}

impl<'a> Lexemes<'a> {
    pub(crate) fn new(text: &'a str, dialect: Dialect) -> Self {
        Self { text, bytes: text.as_bytes(), dialect, position: 0, after_string: false }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The next stretch, or none at the end.
    ///
    /// # Errors
    /// With the first thing that cannot be read in one way only.
    pub(crate) fn next(&mut self) -> Result<Option<Lexeme>, Refusal> {
        self.skip_space()?;
        let start = self.position;
        if start >= self.bytes.len() {
            return Ok(None);
        }
        let kind = self.read(start)?;
        let string = matches!(kind, Kind::Text | Kind::Escaped | Kind::National | Kind::Hex | Kind::Bits);
        if string && self.after_string {
            return Err(Refusal::at(Code::Literal, start, "two strings beside each other: write one"));
        }
        self.after_string = string;
        Ok(Some(Lexeme { kind, start, end: self.position }))
    }

    fn read(&mut self, start: usize) -> Result<Kind, Refusal> {
        match self.byte(start) {
            b'\'' => self.string(start),
            b'"' if self.dialect == Dialect::MySql => self.string(start),
            b'"' => self.name(start, '"', '"'),
            // Models write them everywhere. No server has an operator of that character: it is printed with the quotes that the
            // server knows.
            b'`' => self.name(start, '`', '`'),
            b'[' if matches!(self.dialect, Dialect::SqlServer | Dialect::Sqlite) => self.name(start, '[', ']'),
            b'0'..=b'9' => self.number(start),
            b'.' if self.byte(start + 1).is_ascii_digit() => self.number(start),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => self.word(start),
            b'$' if self.dialect == Dialect::Postgres => self.dollar(start),
            b'$' | b':' | b'?' | b'@' if self.is_placeholder(start) => self.placeholder(start),
            _ => {
                let (token, length) = operators::read(&self.bytes[start..], self.dialect)
                    .map_err(|message| Refusal::at(Code::Operator, start, message))?;
                self.position = start + length;
                Ok(Kind::Operator(token))
            }
        }
    }

    fn skip_space(&mut self) -> Result<(), Refusal> {
        loop {
            match self.byte(self.position) {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                b'-' if self.byte(self.position + 1) == b'-' => self.line_comment()?,
                b'/' if self.byte(self.position + 1) == b'*' => self.block_comment()?,
                b'#' if self.dialect == Dialect::MySql => {
                    return Err(Refusal::at(Code::Comment, self.position, "a comment that begins with #"));
                }
                byte if (byte < b' ' || byte == 0x7f) && self.position < self.bytes.len() => {
                    return Err(Refusal::at(Code::Encoding, self.position, "a control character"));
                }
                _ => return Ok(()),
            }
            self.position += 1;
        }
    }

    /// Leaves the position on the last byte of the comment.
    fn line_comment(&mut self) -> Result<(), Refusal> {
        let start = self.position;
        let after = self.byte(start + 2);
        let end = self.bytes[start..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |at| start + at);
        let body = &self.bytes[start + 2..end.max(start + 2)];
        if after == b'+' {
            return Err(Refusal::at(Code::Comment, start, "a hint in a comment"));
        }
        // MySQL reads `--1` as minus minus 1, every other server as a comment.
        if matches!(self.dialect, Dialect::MySql | Dialect::Generic)
            && !matches!(after, b' ' | b'\t' | b'\n' | b'\r' | 0)
        {
            return Err(Refusal::at(
                Code::Comment,
                start,
                "-- without a space behind it: a comment to some servers only",
            ));
        }
        // Some servers end the comment at a carriage return, some go on to the line feed.
        let odd = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
        let trimmed = body.strip_suffix(b"\r").unwrap_or(body);
        if trimmed.iter().any(odd) {
            return Err(Refusal::at(Code::Encoding, start, "a control character in a comment"));
        }
        self.position = end.saturating_sub(1).max(start + 1);
        Ok(())
    }

    fn block_comment(&mut self) -> Result<(), Refusal> {
        let start = self.position;
        let body = &self.bytes[start + 2..];
        let Some(length) = body.windows(2).position(|pair| pair == b"*/") else {
            return Err(Refusal::at(Code::Comment, start, "a comment without an end"));
        };
        let inner = &body[..length];
        let hint =
            inner.iter().find(|byte| !byte.is_ascii_alphanumeric()).is_some_and(|byte| matches!(byte, b'!' | b'+'));
        if hint {
            return Err(Refusal::at(Code::Comment, start, "a comment that is executed, or a hint"));
        }
        if inner.windows(2).any(|pair| pair == b"/*") || inner.ends_with(b"/") {
            return Err(Refusal::at(Code::Comment, start, "a comment in a comment"));
        }
        if inner.iter().any(|byte| (*byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || *byte == 0x7f) {
            return Err(Refusal::at(Code::Encoding, start, "a control character in a comment"));
        }
        self.position = start + 2 + length + 1;
        Ok(())
    }

    fn word(&mut self, start: usize) -> Result<Kind, Refusal> {
        let mut end = start;
        while end < self.bytes.len() {
            let byte = self.bytes[end];
            if byte.is_ascii_alphanumeric() || byte == b'_' {
                end += 1;
            } else if byte >= 0x80 {
                let letter = self.text[end..].chars().next().unwrap_or_default();
                if !is_plain_letter(letter) {
                    let message = format!("the character U+{:04X} outside of quotes", letter as u32);
                    return Err(Refusal::at(Code::Encoding, end, message));
                }
                end += letter.len_utf8();
            } else if end > start && matches!(byte, b'$' | b'#') && self.dialect != Dialect::Sqlite {
                if byte == b'#' && !matches!(self.dialect, Dialect::Oracle | Dialect::SqlServer) {
                    break;
                }
                end += 1;
            } else {
                break;
            }
        }
        self.position = end;
        if self.byte(end) == b'\'' || (self.byte(end) == b'&' && self.byte(end + 1) == b'\'') {
            return self.prefixed(start, end);
        }
        if self.byte(end) == b'&' && self.byte(end + 1) == b'"' {
            return Err(Refusal::at(Code::Literal, start, "a name with Unicode escapes"));
        }
        if self.byte(end) == b'@' && self.dialect == Dialect::SqlServer {
            return Err(Refusal::at(Code::Encoding, end, "@ in a name"));
        }
        Ok(Kind::Word)
    }

    /// A word with a string right behind it: a prefix that says how the string is read, or a word by itself.
    fn prefixed(&mut self, start: usize, end: usize) -> Result<Kind, Refusal> {
        use Dialect::{Generic, MySql, Oracle, Postgres, SqlServer, Sqlite};
        let prefix = self.text[start..end].to_ascii_lowercase();
        let kind = match (prefix.as_str(), self.dialect) {
            ("n", Postgres | SqlServer | Oracle | Generic) => Kind::National,
            ("e", Postgres) => Kind::Escaped,
            ("x", Postgres | MySql | Sqlite | Generic) => Kind::Hex,
            ("b", Postgres | MySql | Generic) => Kind::Bits,
            (
                "date" | "time" | "timestamp" | "interval" | "in" | "like" | "select" | "and" | "or" | "then" | "else"
                | "when",
                _,
            ) if self.byte(end) == b'\'' => {
                return Ok(Kind::Word);
            }
            _ => {
                let message = format!("a string right behind {:?}", &self.text[start..end]);
                return Err(Refusal::at(Code::Literal, start, message));
            }
        };
        if self.byte(end) != b'\'' {
            return Err(Refusal::at(Code::Literal, start, "a string with Unicode escapes"));
        }
        if kind == Kind::Escaped {
            self.escaped(end)?;
            return Ok(kind);
        }
        self.simple(end)?;
        let body = &self.bytes[end + 1..self.position - 1];
        let fits = match kind {
            Kind::Hex => body.len().is_multiple_of(2) && body.iter().all(u8::is_ascii_hexdigit),
            Kind::Bits => body.iter().all(|byte| matches!(byte, b'0' | b'1')),
            _ => true,
        };
        if fits { Ok(kind) } else { Err(Refusal::at(Code::Literal, start, "not the digits of such a literal")) }
    }

    fn string(&mut self, start: usize) -> Result<Kind, Refusal> {
        if self.dialect == Dialect::MySql {
            self.escaped(start)?;
            return Ok(Kind::Escaped);
        }
        self.simple(start)?;
        Ok(Kind::Text)
    }

    /// A string in which a quote is doubled and nothing else means anything.
    fn simple(&mut self, start: usize) -> Result<(), Refusal> {
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                b'\'' if self.byte(at + 1) == b'\'' => at += 2,
                b'\'' => break,
                // Ends the string to a server that knows backslash escapes, and does not end it to another.
                b'\\' if self.dialect == Dialect::Generic && self.byte(at + 1) == b'\'' => {
                    return Err(Refusal::at(Code::Literal, at, "a backslash before a quote"));
                }
                byte => at = self.inside(start, at, byte)?,
            }
        }
        self.position = at + 1;
        Ok(())
    }

    /// A string with backslash escapes.
    fn escaped(&mut self, start: usize) -> Result<(), Refusal> {
        let quote = self.byte(start);
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                b'\\' => {
                    let known: &[u8] = if self.dialect == Dialect::MySql { b"'\"nrt\\%_" } else { b"'nrt\\" };
                    if !known.contains(&self.byte(at + 1)) {
                        return Err(Refusal::at(Code::Literal, at, "an escape that is not on the list"));
                    }
                    // A server told that the text is in another encoding than UTF-8 takes both for one letter.
                    if self.byte(at - 1) >= 0x80 {
                        return Err(Refusal::at(Code::Encoding, at, "a backslash behind a letter that is not ASCII"));
                    }
                    at += 2;
                }
                byte if byte == quote && self.byte(at + 1) == quote => at += 2,
                byte if byte == quote => break,
                byte => at = self.inside(start, at, byte)?,
            }
        }
        self.position = at + 1;
        Ok(())
    }

    fn inside(&self, start: usize, at: usize, byte: u8) -> Result<usize, Refusal> {
        if at >= self.bytes.len() {
            return Err(Refusal::at(Code::Literal, start, "a string without an end"));
        }
        if (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f {
            return Err(Refusal::at(Code::Encoding, at, "a control character in a string"));
        }
        Ok(at + 1)
    }

    fn name(&mut self, start: usize, open: char, close: char) -> Result<Kind, Refusal> {
        let Some(length) = self.bytes[start + 1..].iter().position(|byte| *byte == close as u8) else {
            return Err(Refusal::at(Code::Literal, start, "a name without an end"));
        };
        let end = start + 1 + length;
        let body = &self.text[start + 1..end];
        let odd = |letter: char| {
            matches!(letter, '"' | '`' | '[' | ']' | '\\' | '\'' | ';') || letter.is_control() || is_invisible(letter)
        };
        // SQLite also takes what stands between double quotes for a string, where no column has that name.
        let lenient = self.dialect == Dialect::Sqlite && open == '"';
        let refused = if lenient {
            body.chars().any(|letter| matches!(letter, '"' | '\\') || letter.is_control() || is_invisible(letter))
        } else {
            body.chars().any(odd)
        };
        if self.byte(end + 1) == close as u8 || refused {
            return Err(Refusal::at(Code::Literal, start, "a name with quotes or odd characters in it"));
        }
        if body.is_empty() && !lenient {
            return Err(Refusal::at(Code::Literal, start, "a name without a letter"));
        }
        self.position = end + 1;
        Ok(Kind::Name(open))
    }

    fn number(&mut self, start: usize) -> Result<Kind, Refusal> {
        let digits = |mut at: usize| {
            while self.byte(at).is_ascii_digit() {
                at += 1;
            }
            at
        };
        let mut end = start;
        if self.byte(start) == b'0' && matches!(self.byte(start + 1), b'x' | b'X') {
            if matches!(self.dialect, Dialect::Oracle | Dialect::Generic | Dialect::Postgres) {
                return Err(Refusal::at(Code::Literal, start, "a number in hexadecimal digits"));
            }
            end += 2;
            while self.byte(end).is_ascii_hexdigit() {
                end += 1;
            }
        } else {
            end = digits(end);
            if self.byte(end) == b'.' && self.byte(end + 1) != b'.' {
                end = digits(end + 1);
            }
            if matches!(self.byte(end), b'e' | b'E') {
                let sign = usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
                if self.byte(end + 1 + sign).is_ascii_digit() {
                    end = digits(end + 1 + sign);
                }
            }
        }
        let next = self.byte(end);
        if next.is_ascii_alphanumeric() || matches!(next, b'_' | b'$' | b'.' | b'#' | b'@') || next >= 0x80 {
            return Err(Refusal::at(Code::Literal, start, "a number with something else right behind it"));
        }
        self.position = end;
        Ok(Kind::Number)
    }

    /// PostgreSQL: a parameter, `$1`. Strings between dollars are refused: they hide what quotes would show.
    fn dollar(&mut self, start: usize) -> Result<Kind, Refusal> {
        if self.byte(start + 1).is_ascii_digit() {
            return self.placeholder(start);
        }
        Err(Refusal::at(Code::Literal, start, "a string between dollars: write it between simple quotes"))
    }

    fn is_placeholder(&self, start: usize) -> bool {
        use Dialect::{Generic, MySql, Oracle, SqlServer, Sqlite};
        let next = self.byte(start + 1);
        let named = next.is_ascii_alphabetic();
        match (self.byte(start), self.dialect) {
            (b'?', MySql) => true,
            (b'?', Sqlite | Generic) => !matches!(next, b'|' | b'&'),
            (b':', Sqlite | Oracle) => named || next.is_ascii_digit(),
            (b'@', SqlServer | Sqlite) | (b'$', Sqlite) => named,
            (b'$', Generic) => next.is_ascii_digit(),
            (b':', Generic) => named && self.byte(start.wrapping_sub(1)) != b':',
            _ => false,
        }
    }

    fn placeholder(&mut self, start: usize) -> Result<Kind, Refusal> {
        let mut end = start + 1;
        while self.byte(end).is_ascii_alphanumeric() || self.byte(end) == b'_' {
            end += 1;
        }
        if end - start > 64 || self.byte(end) >= 0x80 || self.byte(end) == b'$' {
            return Err(Refusal::at(Code::Literal, start, "not the name of a parameter"));
        }
        self.position = end;
        Ok(Kind::Placeholder)
    }
}

/// Letters of other scripts may stand in names; those that a server may fold into ASCII letters, and forms of other
/// letters made for typesetting, may not.
fn is_plain_letter(letter: char) -> bool {
    let folds = matches!(letter, '\u{130}' | '\u{131}' | '\u{17f}' | '\u{212a}' | '\u{212b}');
    letter.is_alphabetic()
        && !folds
        && !matches!(u32::from(letter), 0xFB00..=0xFFFF | 0x1_D400..=0x1_D7FF | 0x2100..=0x214F)
}

fn is_invisible(letter: char) -> bool {
    matches!(u32::from(letter), 0x80..=0xA0 | 0xAD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
        | 0x1680 | 0x2000..=0x200F | 0x2028..=0x202F | 0x205F..=0x206F | 0x3000 | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF
        | 0xFFA0 | 0xFFF0..=0xFFFF | 0xE0000..=0xE0FFF)
}
