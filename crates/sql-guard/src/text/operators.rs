use sqlparser::tokenizer::Token;

use crate::dialect::Dialect;

/// The operator that the text begins with, and how long it is.
///
/// PostgreSQL takes as many operator characters as there are, and its users can define operators: the whole run has to be
/// on the list. The other servers have a closed set, of which the longest is taken.
pub(super) fn read(text: &[u8], dialect: Dialect) -> Result<(Token, usize), String> {
    if dialect == Dialect::Postgres {
        let length = postgres_run(text);
        if length > 0 {
            let run = std::str::from_utf8(&text[..length]).unwrap_or_default();
            return match token(run, dialect) {
                Some(token) => Ok((token, length)),
                None => Err(format!("the operator {run} is not on the list")),
            };
        }
    }
    for length in (1..=3_usize).rev() {
        let found =
            text.get(..length).and_then(|run| std::str::from_utf8(run).ok()).and_then(|run| token(run, dialect));
        if let Some(found) = found {
            return Ok((found, length));
        }
    }
    let character = String::from_utf8_lossy(&text[..text.len().min(4)]).chars().next().unwrap_or_default();
    Err(format!("the character {character:?} is no operator here"))
}

/// PostgreSQL, chapter 4.1.3: as long as it goes, up to a comment; a run of several that ends in + or - must hold one of
/// `~ ! @ # % ^ & | ?`, or else it ends before.
fn postgres_run(text: &[u8]) -> usize {
    let mut length = 0;
    while text.get(length).is_some_and(|byte| b"+-*/<>=~!@#%^&|?".contains(byte)) {
        if matches!(text.get(length..length + 2), Some(b"--" | b"/*")) {
            break;
        }
        length += 1;
    }
    let special = text[..length].iter().any(|byte| b"~!@#%^&|?".contains(byte));
    while length > 1 && !special && matches!(text[length - 1], b'+' | b'-') {
        length -= 1;
    }
    length
}

fn token(run: &str, dialect: Dialect) -> Option<Token> {
    Some(match run {
        "(" => Token::LParen,
        ")" => Token::RParen,
        "," => Token::Comma,
        "." => Token::Period,
        ";" => Token::SemiColon,
        "=" => Token::Eq,
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "<>" | "!=" => Token::Neq,
        "+" => Token::Plus,
        "-" => Token::Minus,
        "*" => Token::Mul,
        "/" => Token::Div,
        _ => return particular(run, dialect),
    })
}

fn particular(run: &str, dialect: Dialect) -> Option<Token> {
    use Dialect::{Generic, MySql, Oracle, Postgres, SqlServer, Sqlite};
    Some(match (run, dialect) {
        ("%", Postgres | MySql | Sqlite | SqlServer | Generic) => Token::Mod,
        ("||", Postgres | MySql | Sqlite | Oracle | Generic) => Token::StringConcat,
        ("&", Postgres | MySql | Sqlite | SqlServer | Generic) => Token::Ampersand,
        ("|", Postgres | MySql | Sqlite | SqlServer | Generic) => Token::Pipe,
        ("~", Postgres | MySql | Sqlite | SqlServer | Generic) => Token::Tilde,
        ("^", Postgres | MySql | SqlServer | Generic) => Token::Caret,
        ("<<", Postgres | MySql | Sqlite | Generic) => Token::ShiftLeft,
        (">>", Postgres | MySql | Sqlite | Generic) => Token::ShiftRight,
        ("==", Sqlite) => Token::DoubleEq,
        ("->", Postgres | MySql | Sqlite | Generic) => Token::Arrow,
        ("->>", Postgres | MySql | Sqlite | Generic) => Token::LongArrow,
        ("&&", MySql | Postgres | Generic) => Token::Overlap,
        ("!", MySql) => Token::ExclamationMark,
        ("<=>", MySql | Generic) => Token::Spaceship,
        ("::", Postgres | Generic) => Token::DoubleColon,
        ("=>", Postgres | Oracle | Generic) => Token::RArrow,
        ("[", Postgres | Generic) => Token::LBracket,
        ("]", Postgres | Generic) => Token::RBracket,
        (":", Postgres | Generic) => Token::Colon,
        ("#", Postgres) => Token::Sharp,
        ("#>", Postgres | Generic) => Token::HashArrow,
        ("#>>", Postgres | Generic) => Token::HashLongArrow,
        ("#-", Postgres) => Token::HashMinus,
        ("@>", Postgres | Generic) => Token::AtArrow,
        ("<@", Postgres | Generic) => Token::ArrowAt,
        ("@?", Postgres) => Token::AtQuestion,
        ("@@", Postgres) => Token::AtAt,
        ("?", Postgres) => Token::Question,
        ("?&", Postgres) => Token::QuestionAnd,
        ("?|", Postgres) => Token::QuestionPipe,
        ("~*", Postgres | Generic) => Token::TildeAsterisk,
        ("!~", Postgres | Generic) => Token::ExclamationMarkTilde,
        ("!~*", Postgres | Generic) => Token::ExclamationMarkTildeAsterisk,
        ("~~", Postgres) => Token::DoubleTilde,
        ("~~*", Postgres) => Token::DoubleTildeAsterisk,
        ("!~~", Postgres) => Token::ExclamationMarkDoubleTilde,
        ("!~~*", Postgres) => Token::ExclamationMarkDoubleTildeAsterisk,
        ("^@", Postgres) => Token::CaretAt,
        ("|/", Postgres) => Token::PGSquareRoot,
        ("||/", Postgres) => Token::PGCubeRoot,
        ("@", Postgres) => Token::AtSign,
        ("<->", Postgres) => Token::TwoWayArrow,
        ("&<", Postgres) => Token::AmpersandLeftAngleBracket,
        ("&>", Postgres) => Token::AmpersandRightAngleBracket,
        ("{", Generic) => Token::LBrace,
        ("}", Generic) => Token::RBrace,
        _ => return None,
    })
}
