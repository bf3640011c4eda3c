//! What is looked at of a prompt: a bounded part of it, in tokens, its options apart from its question.

use std::borrow::Cow;

/// Bytes looked at from the beginning of a prompt.
const HEAD: usize = 6 * 1024;
/// Bytes looked at from its end, where a question often stands after what it is about.
const TAIL: usize = 2 * 1024;

/// The part of a prompt that is looked at: all of it, or its beginning and its end.
pub(crate) fn clip(prompt: &str) -> Cow<'_, str> {
    if prompt.len() <= HEAD + TAIL {
        return Cow::Borrowed(prompt);
    }
    let head = prompt.floor_char_boundary(HEAD);
    let tail = prompt.ceil_char_boundary(prompt.len() - TAIL);
    let (head, tail) = (prompt.get(..head).unwrap_or_default(), prompt.get(tail..).unwrap_or_default());
    Cow::Owned(format!("{head}\n{tail}"))
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters, with apostrophes inside.
    Word,
    /// Digits, with separators inside.
    Number,
    /// One character that is neither.
    Sign,
}

/// A word, a number or a sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Byte at which it begins.
    pub(crate) start: usize,
}

/// All tokens of the text, in order.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(text.len() / 5 + 1);
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut end = start + first.len_utf8();
        let kind = if first.is_alphabetic() {
            Kind::Word
        } else if first.is_numeric() {
            Kind::Number
        } else {
            Kind::Sign
        };
        if kind != Kind::Sign {
            while let Some((at, next)) = rest.peek().copied() {
                let same = match kind {
                    Kind::Word => {
                        next.is_alphabetic()
                            || (matches!(next, '\'' | '’') && begins(text, at + next.len_utf8(), char::is_alphabetic))
                    }
                    _ => next.is_numeric() || (matches!(next, '.' | ',') && begins(text, at + 1, char::is_numeric)),
                };
                if !same {
                    break;
                }
                end = at + next.len_utf8();
                rest.next();
            }
        }
        tokens.push(Token { kind, text: text.get(start..end).unwrap_or_default(), start });
    }
    tokens
}

fn begins(text: &str, at: usize, wanted: impl Fn(char) -> bool) -> bool {
    text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(wanted)
}

/// A prompt whose answer is chosen from lettered lines, taken apart.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// What is asked: everything before the first option.
    pub(crate) stem: &'a str,
    /// What follows each letter. Empty where there are fewer than two.
    pub(crate) options: Vec<&'a str>,
}

/// Takes `A. … B. …` at the beginnings of lines apart from what stands before. Letters may also be written `A)` and `(A)`.
pub(crate) fn parts(text: &str) -> Parts<'_> {
    // Of each lettered line: the letter's number, where the line begins, where its text begins.
    let mut found: Vec<(u8, usize, usize)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((letter, length)) = letter(line) {
            if letter == 0 {
                found.clear();
            }
            if usize::from(letter) == found.len() {
                found.push((letter, start, start + length));
            }
        }
        start += line.len();
    }
    let Some((_, first, _)) = found.first().copied().filter(|_| found.len() >= 2) else {
        return Parts { stem: text, options: Vec::new() };
    };
    let ends = found.iter().skip(1).map(|(_, line, _)| *line).chain([text.len()]);
    let mut options: Vec<&str> =
        found.iter().zip(ends).map(|((_, _, from), to)| text.get(*from..to).unwrap_or_default().trim()).collect();
    if let Some(last) = options.last_mut() {
        *last = last.strip_suffix("Answer:").unwrap_or(last).trim_end();
    }
    Parts { stem: text.get(..first).unwrap_or_default(), options }
}

/// The letter at the beginning of a line, `A` being 0, and the bytes until what it stands for.
fn letter(line: &str) -> Option<(u8, usize)> {
    let bytes = line.as_bytes();
    let (at, closing): (usize, &[u8]) = if bytes.first() == Some(&b'(') { (1, b")") } else { (0, b".)") };
    let letter = *bytes.get(at)?;
    let is_option = (b'A'..=b'J').contains(&letter)
        && bytes.get(at + 1).is_some_and(|sign| closing.contains(sign))
        && bytes.get(at + 2).is_none_or(u8::is_ascii_whitespace);
    is_option.then(|| (letter - b'A', at + 2))
}

/// Numbers each distinct text stands for the same place on every machine: FNV-1a, 64 bits, of the lower-case text.
pub(crate) fn hash(seed: u64, text: &str) -> u64 {
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    if text.is_ascii() {
        text.bytes().for_each(|byte| add(byte.to_ascii_lowercase()));
    } else {
        let mut buffer = [0_u8; 4];
        for lower in text.chars().flat_map(char::to_lowercase) {
            lower.encode_utf8(&mut buffer).bytes().for_each(&mut add);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_apart_from_the_question() {
        let found = parts("Which plan? A. is not an option here.\nA. first\nstill first\nB. second\nC) third\nAnswer:");
        assert_eq!(found.stem, "Which plan? A. is not an option here.\n");
        assert_eq!(found.options, ["first\nstill first", "second", "third"]);
        assert!(parts("A. only one").options.is_empty());
        assert!(parts("Vitamin\nB. complex").options.is_empty());
    }

    #[test]
    fn tokens_keep_numbers_and_contractions_whole() {
        let texts: Vec<&str> = tokens("It isn't $1,234.50, é=2.").iter().map(|token| token.text).collect();
        assert_eq!(texts, ["It", "isn't", "$", "1,234.50", ",", "é", "=", "2", "."]);
    }

    #[test]
    fn a_long_prompt_is_looked_at_in_part() {
        let long = "ü".repeat(40_000) + " why?";
        let seen = clip(&long);
        assert!(seen.len() <= HEAD + TAIL + 1);
        assert!(seen.ends_with("why?"));
    }
}
