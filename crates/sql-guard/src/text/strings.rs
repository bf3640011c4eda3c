//! Strings for the tree, in the one form that its printer leaves as it is.
//!
//! The printer does not know whether a string in the tree is escaped already, and guesses: a quote that is doubled, or that
//! stands behind a backslash, it leaves alone. So a value `\'` would be printed as `'\''`, which ends too early for
//! PostgreSQL, and a value that ends in a backslash would not end at all for MySQL. Therefore the tree holds the body as it has
//! to be printed: every quote doubled, every backslash of MySQL doubled. A body like that is printed verbatim, and a test holds it.

use sqlparser::tokenizer::Token;

use crate::dialect::Dialect;

/// The body of a string without escapes.
pub(super) fn simple(body: &str, dialect: Dialect) -> Token {
    if dialect == Dialect::Postgres && body.contains('\\') {
        // Says the same whatever `standard_conforming_strings` is.
        return Token::EscapedStringLiteral(body.replace("''", "'"));
    }
    Token::SingleQuotedString(body.to_owned())
}

/// A string with backslash escapes, with its quotes and prefix.
pub(super) fn escaped(slice: &str, dialect: Dialect) -> Token {
    let open = usize::from(dialect != Dialect::MySql);
    let quote = slice[open..].chars().next().unwrap_or('\'');
    let body = &slice[open + 1..slice.len() - 1];
    let mut value = String::with_capacity(body.len());
    let mut letters = body.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == quote {
            letters.next();
            value.push(quote);
        } else if letter == '\\' {
            match letters.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                // Patterns keep their own escapes: MySQL leaves the backslash in `\%` and `\_`.
                Some(wild @ ('%' | '_')) => value.extend(['\\', wild]),
                Some(other) => value.push(other),
                None => {}
            }
        } else {
            value.push(letter);
        }
    }
    if dialect == Dialect::MySql {
        return Token::SingleQuotedString(value.replace('\\', "\\\\").replace('\'', "''"));
    }
    if value.contains('\\') {
        return Token::EscapedStringLiteral(value);
    }
    Token::SingleQuotedString(value.replace('\'', "''"))
}

/// What a body in the tree stands for.
pub(crate) fn value(body: &str, dialect: Dialect) -> String {
    let quotes = body.replace("''", "'");
    if dialect == Dialect::MySql { quotes.replace("\\\\", "\\") } else { quotes }
}
