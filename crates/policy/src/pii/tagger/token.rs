//! Cuts text into tokens that keep their place, with what the features need to know of each.

use super::lexicon::Lexicon;

/// What a token looks like. Punctuation has one shape for each character that matters.
pub mod shape {
    #![expect(missing_docs, reason = "the names say it")]
    pub const LOWER: u8 = 0;
    pub const TITLE: u8 = 1;
    pub const UPPER: u8 = 2;
    pub const INITIAL: u8 = 3;
    pub const MIXED: u8 = 4;
    /// One digit; two to five digits follow, then [`MANY_DIGITS`].
    pub const DIGIT: u8 = 5;
    pub const MANY_DIGITS: u8 = 10;
    pub const DIGITS_THEN_LETTERS: u8 = 11;
    pub const LETTERS_THEN_DIGITS: u8 = 12;
    pub const IDENTIFIER: u8 = 13;
    pub const NEWLINE: u8 = 14;
    pub const BLANK_LINE: u8 = 15;
    pub const OTHER: u8 = 16;
    /// First of the shapes of ASCII punctuation: this plus the byte minus 32, above any other shape.
    pub const PUNCTUATION: u8 = 17;
}

/// How the letters of a line are cased.
pub mod line_case {
    #![expect(missing_docs, reason = "the names say it")]
    pub const NO_CAPITALS: u8 = 0;
    pub const ALL_CAPITALS: u8 = 1;
    pub const TITLE: u8 = 2;
    pub const SENTENCE: u8 = 3;
}

/// A token and what the features see of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Token {
    /// First byte in the text that was cut.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// Hash of the lower-case word; of the shape for numbers.
    pub word: u32,
    /// The last four characters in lower case, eight bits each, the last one lowest.
    pub suffix: u32,
    /// The first three characters in lower case, eight bits each.
    pub prefix: u32,
    /// The word that begins the line.
    pub head: u32,
    /// One of [`shape`].
    pub shape: u8,
    /// Classes of the word in the lexicon.
    pub lexicon: u8,
    /// One of [`line_case`].
    pub case: u8,
    /// Shape of the first token of the line.
    pub line: u8,
    /// Shape of the first token of the paragraph.
    pub paragraph: u8,
}

/// Hash of a lower-case word, as tokens carry it.
pub fn word_hash(word: &str) -> u32 {
    let mut hash = WordHash::default();
    for c in word.chars().flat_map(char::to_lowercase) {
        hash.push(c);
    }
    hash.hash
}

struct WordHash {
    hash: u32,
    suffix: u32,
    prefix: u32,
    length: u32,
}

impl Default for WordHash {
    fn default() -> Self {
        Self { hash: 0x811c_9dc5, suffix: 0, prefix: 0, length: 0 }
    }
}

impl WordHash {
    fn push(&mut self, c: char) {
        let code = c as u32;
        self.hash = (self.hash ^ code).wrapping_mul(0x0100_0193);
        let byte = (code ^ (code >> 8)) & 0xff;
        self.suffix = (self.suffix << 8) | byte;
        if self.length < 3 {
            self.prefix = (self.prefix << 8) | byte;
        }
        self.length += 1;
    }
}

#[derive(Default)]
struct Counts {
    upper: u32,
    lower: u32,
    digits: u32,
    letters_before_digits: bool,
    underscore: bool,
    starts_upper: bool,
}

/// Cuts `text` (at most 4 GiB) into `tokens`, which are cleared first.
pub fn tokenise(text: &str, lexicon: &Lexicon<'_>, tokens: &mut Vec<Token>) {
    tokens.clear();
    let bytes = text.as_bytes();
    let mut line_start = 0;
    let mut paragraph_start = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let token = match byte {
            b'\n' => {
                let end = skip_blank(bytes, at);
                let blank = bytes.get(at + 1..end).unwrap_or_default().contains(&b'\n');
                let shape = if blank { shape::BLANK_LINE } else { shape::NEWLINE };
                let token = plain(at, end, shape);
                at = end;
                tokens.push(token);
                finish_line(tokens, line_start, paragraph_start);
                line_start = tokens.len();
                if blank {
                    paragraph_start = line_start;
                }
                continue;
            }
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => match word(text, at, lexicon) {
                Some(token) => token,
                None => match text.get(at..).and_then(|rest| rest.chars().next()) {
                    Some(c) if c.is_whitespace() => {
                        at += c.len_utf8();
                        continue;
                    }
                    Some(c) => plain(at, at + c.len_utf8(), shape::OTHER),
                    None => return,
                },
            },
            _ => {
                let run = bytes.iter().skip(at).take_while(|&&other| other == byte).count();
                plain(at, at + run, shape::PUNCTUATION + byte.saturating_sub(32))
            }
        };
        at = token.end as usize;
        tokens.push(token);
    }
    finish_line(tokens, line_start, paragraph_start);
}

/// The end of the line ends and of the blank lines that begin here.
fn skip_blank(bytes: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    for (at, byte) in bytes.iter().enumerate().skip(start + 1) {
        match byte {
            b'\n' => end = at + 1,
            b' ' | b'\t' | b'\r' => {}
            _ => break,
        }
    }
    end
}

fn plain(start: usize, end: usize, shape: u8) -> Token {
    Token {
        start: start as u32,
        end: end as u32,
        word: u32::from(shape).wrapping_mul(0x9e37_79b1),
        shape,
        ..Token::default()
    }
}

/// The word that begins at this byte: letters, digits, marks and underscores, and an apostrophe after one or two letters
/// before a capital, as in `O'Neil`. `None` when no word begins here.
fn word(text: &str, start: usize, lexicon: &Lexicon<'_>) -> Option<Token> {
    let rest = text.get(start..)?;
    let mut hash = WordHash::default();
    let mut counts = Counts::default();
    let mut end = start;
    let bytes = rest.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let c = if byte < 0x80 { char::from(byte) } else { rest.get(at..)?.chars().next()? };
        let belongs = counts.take(c) || is_apostrophe(c) && joins(rest, at, c, &counts) || at > 0 && is_mark(c);
        if !belongs {
            break;
        }
        at += c.len_utf8();
        end = start + at;
        if c.is_ascii() {
            hash.push(c.to_ascii_lowercase());
        } else {
            c.to_lowercase().for_each(|c| hash.push(c));
        }
    }
    if end == start {
        return None;
    }
    let shape = counts.shape();
    if (shape::DIGIT..=shape::MANY_DIGITS).contains(&shape) {
        return Some(Token { suffix: hash.suffix & 0xff, prefix: hash.length, ..plain(start, end, shape) });
    }
    Some(Token {
        start: start as u32,
        end: end as u32,
        word: hash.hash,
        suffix: hash.suffix,
        prefix: hash.prefix,
        shape,
        lexicon: lexicon.classes(hash.hash),
        ..Token::default()
    })
}

fn is_apostrophe(c: char) -> bool {
    c == '\'' || c == '\u{2019}'
}

/// Combining marks that follow a letter.
fn is_mark(c: char) -> bool {
    matches!(c as u32, 0x300..=0x36f | 0x200d)
}

fn joins(rest: &str, at: usize, c: char, counts: &Counts) -> bool {
    counts.upper == 1
        && counts.lower <= 1
        && counts.digits == 0
        && rest.get(at + c.len_utf8()..).and_then(|rest| rest.chars().next()).is_some_and(char::is_uppercase)
}

impl Counts {
    /// Counts a character of a word; false when it belongs to none.
    fn take(&mut self, c: char) -> bool {
        let first = self.upper + self.lower + self.digits == 0;
        if c.is_ascii_lowercase() {
            self.lower += 1;
        } else if c.is_ascii_digit() {
            self.digits += 1;
            self.letters_before_digits |= self.upper + self.lower > 0;
        } else if c == '_' {
            if first {
                return false;
            }
            self.underscore = true;
        } else if c.is_uppercase() {
            self.upper += 1;
            self.starts_upper |= first;
        } else if c.is_alphabetic() {
            self.lower += 1;
        } else if c.is_numeric() && !c.is_ascii() {
            self.digits += 1;
        } else {
            return false;
        }
        true
    }

    fn shape(&self) -> u8 {
        let letters = self.upper + self.lower;
        if self.underscore {
            shape::IDENTIFIER
        } else if letters == 0 {
            shape::DIGIT - 1 + (self.digits.min(6)) as u8
        } else if self.digits > 0 {
            if self.letters_before_digits { shape::LETTERS_THEN_DIGITS } else { shape::DIGITS_THEN_LETTERS }
        } else if self.upper == 0 {
            shape::LOWER
        } else if self.lower == 0 {
            if self.upper == 1 { shape::INITIAL } else { shape::UPPER }
        } else if self.starts_upper && self.upper == 1 {
            shape::TITLE
        } else {
            shape::MIXED
        }
    }
}

/// Writes into the tokens of a line what is known only at its end.
fn finish_line(tokens: &mut [Token], start: usize, paragraph: usize) {
    let first_shape = |at: usize| tokens.get(at).map_or(shape::NEWLINE, |token| token.shape);
    let (line_shape, paragraph_shape) = (first_shape(start), first_shape(paragraph));
    let line = tokens.get_mut(start..).unwrap_or_default();
    let (mut lower, mut title, mut upper) = (0_u32, 0_u32, 0_u32);
    let mut head = 0;
    for token in line.iter() {
        match token.shape {
            shape::LOWER => lower += 1,
            shape::TITLE | shape::INITIAL | shape::MIXED => title += 1,
            shape::UPPER => upper += 1,
            _ => continue,
        }
        if head == 0 {
            head = token.word;
        }
    }
    let case = if title + upper == 0 {
        line_case::NO_CAPITALS
    } else if lower + title == 0 && upper > 1 {
        line_case::ALL_CAPITALS
    } else if title + upper >= 2 && (title + upper) * 4 >= (lower + title + upper) * 3 {
        line_case::TITLE
    } else {
        line_case::SENTENCE
    };
    for token in line {
        token.head = head;
        token.case = case;
        token.line = line_shape;
        token.paragraph = paragraph_shape;
    }
}
