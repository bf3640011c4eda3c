//! Words and signs of a text, each with its class.

pub(super) use super::lexicon::hash;
use super::lexicon::{self, Tag};

/// What a token is, for the features: a word of the lexicon by its class, another word, a number, an address or a sign.
pub(super) type Class = u8;

/// A word that no class holds.
pub(super) const OTHER: Class = 0;
const FIRST_SIGN: Class = 128;
pub(super) const NUMBER: Class = FIRST_SIGN;
pub(super) const ADDRESS: Class = FIRST_SIGN + 1;
pub(super) const QUESTION_MARK: Class = FIRST_SIGN + 2;
pub(super) const QUOTE: Class = FIRST_SIGN + 3;
pub(super) const COLON: Class = FIRST_SIGN + 4;
pub(super) const LINE: Class = FIRST_SIGN + 5;
pub(super) const DELIMITER: Class = FIRST_SIGN + 6;
pub(super) const BRACKET: Class = FIRST_SIGN + 7;
pub(super) const FULL_STOP: Class = FIRST_SIGN + 8;
pub(super) const EXCLAMATION: Class = FIRST_SIGN + 9;
pub(super) const COMMA: Class = FIRST_SIGN + 10;
pub(super) const PIPE: Class = FIRST_SIGN + 11;
pub(super) const ROLE: Class = FIRST_SIGN + 12;

/// The class of a word of the lexicon.
pub(super) const fn of(tag: Tag) -> Class {
    tag as Class + 1
}

pub(super) struct Token {
    pub(super) hash: u64,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) class: Class,
    /// Whether the word is written in capitals throughout.
    pub(super) capitals: bool,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.class < FIRST_SIGN
    }
}

/// A text in lower case with its tokens.
pub(super) struct Tokens {
    pub(super) lower: String,
    pub(super) list: Vec<Token>,
}

impl Tokens {
    pub(super) fn word(&self, token: &Token) -> &str {
        self.lower.get(token.start..token.end).unwrap_or_default()
    }
}

/// The word a contest had its entrants elicit. It says nothing about attacks elsewhere and would carry the decision.
fn is_masked(word: &str) -> bool {
    word.starts_with("pwn") || word == "pwed" || word == "denwp"
}

pub(super) fn tokens(text: &str) -> Tokens {
    let mut lower = String::with_capacity(text.len() + 8);
    let mut list = Vec::with_capacity(text.len() / 4);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let start = lower.len();
        if c.is_alphanumeric() {
            let (mut upper, mut letters) = (0, 0);
            let mut push = |lower: &mut String, c: char| {
                upper += usize::from(c.is_uppercase());
                letters += usize::from(c.is_alphabetic());
                lower.extend(c.to_lowercase());
            };
            push(&mut lower, c);
            while let Some(&next) = chars.peek() {
                let inside = next.is_alphanumeric() || matches!(next, '\'' | '’');
                if !inside {
                    break;
                }
                chars.next();
                push(&mut lower, if next == '’' { '\'' } else { next });
            }
            while lower.len() > start + 1 && lower.ends_with('\'') {
                lower.pop();
            }
            let capitals = letters > 1 && upper == letters;
            word(&lower, start, capitals, &mut list);
        } else {
            lower.push(c);
            sign(c, start, &lower, &mut list);
        }
    }
    Tokens { lower, list }
}

fn word(lower: &str, start: usize, capitals: bool, list: &mut Vec<Token>) {
    let text = lower.get(start..).unwrap_or_default();
    if is_masked(text) {
        return;
    }
    // `www.example.com` and `https://…` are one address, not many words.
    if list.last().is_some_and(|last: &Token| last.class == ADDRESS && last.end + 1 >= start && last.end < start) {
        if let Some(last) = list.last_mut() {
            last.end = lower.len();
        }
        return;
    }
    let (hash, tag) = lexicon::look_up(text);
    let class = if text.bytes().all(|b| b.is_ascii_digit()) {
        NUMBER
    } else if matches!(text, "www" | "http" | "https")
        || (matches!(text, "com" | "org" | "net" | "io" | "xyz") && is_domain(lower, start, list))
    {
        ADDRESS
    } else {
        tag.map_or(OTHER, of)
    };
    let hash = match class {
        NUMBER => 1,
        ADDRESS => 2,
        _ => hash,
    };
    list.push(Token { hash, start, end: lower.len(), class, capitals });
}

/// Whether this ending follows a dot that follows a word; that word then belongs to the address.
fn is_domain(lower: &str, start: usize, list: &mut Vec<Token>) -> bool {
    let dotted = start > 0 && lower.as_bytes().get(start - 1) == Some(&b'.');
    if dotted {
        while list.last().is_some_and(|last| last.class == FULL_STOP && last.end == start) {
            list.pop();
        }
        if list.last().is_some_and(|last| last.is_word() && last.end + 1 == start) {
            list.pop();
        }
    }
    dotted
}

fn sign(c: char, start: usize, lower: &str, list: &mut Vec<Token>) {
    let class = match c {
        '?' | '？' => QUESTION_MARK,
        '"' | '“' | '”' | '«' | '»' | '„' | '`' => QUOTE,
        '\'' => {
            if list.last().is_some_and(|last| last.class == QUOTE && last.end == start) {
                DELIMITER
            } else {
                QUOTE
            }
        }
        ':' => COLON,
        '\n' => LINE,
        '#' | '=' | '-' | '_' | '*' | '~' => {
            let repeated = lower.as_bytes().get(start.wrapping_sub(1)) == lower.as_bytes().get(start)
                && lower.as_bytes().get(start.wrapping_sub(2)) == lower.as_bytes().get(start);
            if !repeated {
                return;
            }
            DELIMITER
        }
        '[' | ']' | '{' | '}' | '<' | '>' => BRACKET,
        '.' => FULL_STOP,
        '!' => EXCLAMATION,
        ',' | ';' => COMMA,
        '|' => PIPE,
        _ => return,
    };
    // `system:` and `<assistant>` open a turn of a conversation.
    if matches!(class, COLON | BRACKET)
        && let Some(last) = list.last_mut()
        && last.end == start
        && matches!(
            lower.get(last.start..last.end),
            Some(
                "system"
                    | "assistant"
                    | "user"
                    | "human"
                    | "ai"
                    | "inst"
                    | "sys"
                    | "input"
                    | "output"
                    | "instruction"
                    | "instructions"
                    | "question"
                    | "answer"
            )
        )
    {
        last.class = ROLE;
    }
    let same = list.last().is_some_and(|last| last.class == class && last.end == start);
    if same {
        if let Some(last) = list.last_mut() {
            last.end = lower.len();
        }
    } else {
        list.push(Token { hash: u64::from(class) + 16, start, end: lower.len(), class, capitals: false });
    }
}
