//! From text to tokens. The parser's own tokenizer is not used: it takes what the database does not, and reads strings
//! otherwise than some servers do.

mod lexeme;
mod operators;
mod shape;
pub(crate) mod strings;

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Location, Span, Token, TokenWithSpan},
};

pub(crate) use self::lexeme::{Kind, Lexeme, Lexemes};
use crate::{
    dialect::Dialect,
    reason::{Code, Refusal},
};

/// How much of a text is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    /// How deeply a tree may nest, chains of operators counted too.
    pub(crate) depth: usize,
    pub(crate) parentheses: usize,
}

/// A text as tokens, and where the parser found nothing to complain of.
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<TokenWithSpan>,
    /// Whether the text outside of parentheses says how many rows it wants, or could.
    pub(crate) says_limit: bool,
}

/// Reads all of a text. A `;` at the end is left out.
///
/// # Errors
/// With the first thing that cannot be read in one way only, or that is more than the bounds.
pub(crate) fn tokens(text: &str, dialect: Dialect, bounds: Bounds) -> Result<Tokens, Refusal> {
    if text.len() > bounds.bytes {
        let message = format!("{} bytes: at most {} are read", text.len(), bounds.bytes);
        return Err(Refusal::new(Code::TooLarge, message));
    }
    let mut lexemes = Lexemes::new(text, dialect);
    let mut tokens = Vec::with_capacity(text.len() / 4 + 8);
    let mut shape = shape::Shape::new(bounds.depth, bounds.parentheses);
    let mut says_limit = false;
    while let Some(lexeme) = lexemes.next()? {
        shape.see(text, &lexeme)?;
        if shape.is_outside() && lexeme.kind == Kind::Word {
            says_limit |= shape::is_limit_word(&text[lexeme.start..lexeme.end]);
        }
        if dialect != Dialect::Sqlite {
            refuse_number_part(&tokens, &lexeme)?;
        }
        let start = Location::new(1, lexeme.start as u64 + 1);
        let span = Span::new(start, Location::new(1, lexeme.end as u64 + 1));
        let token = if is_infix_mod(&tokens, &text[lexeme.start..lexeme.end], dialect) {
            Token::Mod
        } else {
            token(text, &lexeme, dialect)
        };
        tokens.push(TokenWithSpan::new(token, span));
    }
    shape.end()?;
    while tokens.last().is_some_and(|last| last.token == Token::SemiColon) {
        tokens.pop();
    }
    if tokens.is_empty() {
        return Err(Refusal::new(Code::Statements, "there is no statement"));
    }
    if let Some(more) = tokens.iter().find(|token| token.token == Token::SemiColon) {
        return Err(Refusal::at(Code::Statements, offset(more.span), "more than one statement: give exactly one"));
    }
    Ok(Tokens { tokens, says_limit })
}

/// MySQL writes `7 MOD 2` for `7 % 2`, which the parser does not know.
fn is_infix_mod(tokens: &[TokenWithSpan], word: &str, dialect: Dialect) -> bool {
    dialect == Dialect::MySql
        && word.eq_ignore_ascii_case("mod")
        && tokens.last().is_some_and(|last| match &last.token {
            Token::Number(..) | Token::RParen => true,
            Token::Word(word) => word.keyword == Keyword::NoKeyword || word.quote_style.is_some(),
            _ => false,
        })
}

/// `a.1`: a number to one server, a column named 1 to another.
fn refuse_number_part(tokens: &[TokenWithSpan], lexeme: &Lexeme) -> Result<(), Refusal> {
    let after_word = tokens.last().is_some_and(|last| {
        matches!(last.token, Token::Word(_)) && offset_end(last.span) == lexeme.start && lexeme.kind == Kind::Number
    });
    if after_word { Err(Refusal::at(Code::Literal, lexeme.start, "a number right behind a name")) } else { Ok(()) }
}

/// Where a thing begins in its text, in bytes.
pub(crate) fn offset(span: Span) -> usize {
    (span.start.column as usize).saturating_sub(1)
}

fn offset_end(span: Span) -> usize {
    (span.end.column as usize).saturating_sub(1)
}

/// The place of a span, unless it is none: what was put in has no place.
pub(crate) fn place(span: Span) -> Option<usize> {
    (span.start.column > 0).then(|| offset(span))
}

/// Strings are given to the parser in the form in which the printer prints them verbatim, see [`strings`].
fn token(text: &str, lexeme: &Lexeme, dialect: Dialect) -> Token {
    let slice = &text[lexeme.start..lexeme.end];
    match &lexeme.kind {
        Kind::Word => Token::make_word(slice, None),
        Kind::Name(quote) => Token::make_word(&slice[1..slice.len() - 1], Some(own_quote(*quote, dialect))),
        Kind::Number => Token::Number(slice.to_owned(), false),
        Kind::Text => strings::simple(&slice[1..slice.len() - 1], dialect),
        Kind::Escaped => strings::escaped(slice, dialect),
        Kind::National => Token::NationalStringLiteral(slice[2..slice.len() - 1].to_owned()),
        Kind::Hex => Token::HexStringLiteral(slice[2..slice.len() - 1].to_owned()),
        Kind::Bits => Token::SingleQuotedByteStringLiteral(slice[2..slice.len() - 1].to_owned()),
        Kind::Placeholder => Token::Placeholder(slice.to_owned()),
        Kind::Operator(token) => token.clone(),
    }
}

/// The quotes that the server knows.
fn own_quote(quote: char, dialect: Dialect) -> char {
    match (quote, dialect) {
        ('`', Dialect::Postgres | Dialect::Oracle) => '"',
        ('`', Dialect::SqlServer) => '[',
        _ => quote,
    }
}

/// Whether two texts are the same stretches: then a parser makes the same tree of both. The second may go on.
///
/// Returns what the second goes on with, or none where they differ.
pub(crate) fn same_stretches<'a>(first: &str, second: &'a str, dialect: Dialect) -> Option<&'a str> {
    let (mut one, mut other) = (Lexemes::new(first, dialect), Lexemes::new(second, dialect));
    let mut end = 0;
    loop {
        let left = one.next().ok()?.filter(|left| left.kind != Kind::Operator(Token::SemiColon));
        let Some(left) = left else { return second.get(end..) };
        let right = other.next().ok()??;
        end = right.end;
        let (a, b) = (&first[left.start..left.end], &second[right.start..right.end]);
        let same = match (&left.kind, &right.kind) {
            (Kind::Word, Kind::Word) => a.eq_ignore_ascii_case(b),
            (Kind::Operator(a), Kind::Operator(b)) => a == b,
            (kind, kind_too) if kind == kind_too => a == b,
            _ => false,
        };
        if !same {
            return None;
        }
    }
}
