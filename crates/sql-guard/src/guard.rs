use sqlparser::{
    ast::{Query, Statement},
    dialect::Dialect as Grammar,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location, Span, Token, TokenWithSpan},
};

use crate::{
    dialect::Dialect,
    policy::Policy,
    read::{self, Reader},
    reason::{Code, Refusal},
    text::{self, Bounds},
    verdict::{Allowed, Verdict},
};

/// Parentheses in each other.
const MOST_PARENTHESES: usize = 32;

/// The parser counts several for each pair of parentheses.
const PARSER_DEPTH: usize = 120;

/// Holds statements against one policy.
#[derive(Debug, Clone)]
pub struct Guard {
    policy: Policy,
}

impl Guard {
    /// For a policy, which knows its dialect.
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.policy.dialect
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { bytes: self.policy.limits.bytes, depth: self.policy.limits.depth, parentheses: MOST_PARENTHESES }
    }

    /// Whether a statement may run as a read, and in which form.
    pub fn read(&self, sql: &str) -> Verdict {
        match self.try_read(sql) {
            Ok(allowed) => Verdict::Allow(allowed),
            Err(refusals) => Verdict::Deny(refusals.into_iter().map(|refusal| refusal.located(sql)).collect()),
        }
    }

    fn try_read(&self, sql: &str) -> Result<Allowed, Vec<Refusal>> {
        let read = text::tokens(sql, self.dialect(), self.bounds()).map_err(|refusal| vec![refusal])?;
        refuse_words(&read.tokens).map_err(|refusal| vec![refusal])?;
        let Parsed { mut query, suffix, grammar } = self.parse_read(read).map_err(|refusal| vec![refusal])?;
        let mut reader = Reader::new(&self.policy);
        reader.read(&mut query);
        let mut refusals = std::mem::take(&mut reader.refusals);
        let held = read::hold_row_limit(&mut query, self.policy.limits.rows, self.dialect());
        let held = match held {
            Ok(held) => held,
            Err(refusal) => {
                refusals.push(refusal);
                return Err(refusals);
            }
        };
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let (changed, mut facts) = (reader.changed || held.changed, std::mem::take(&mut reader.facts));
        drop(reader);
        let normalised = query.to_string();
        let statement = Statement::Query(query);
        let given = (!changed).then_some((sql, suffix.as_deref()));
        self.check_round_trip(given, grammar, &statement, &normalised).map_err(|refusal| vec![refusal])?;
        facts.row_limit = Some(held.rows);
        facts.finish();
        Ok(Allowed { normalised, facts })
    }

    /// The tree of a read. Where nothing outside of parentheses speaks of a limit, it is parsed with the limit behind it, so that what
    /// is printed is known to be parsed as it was.
    fn parse_read(&self, read: text::Tokens) -> Result<Parsed, Refusal> {
        let by_suffix =
            matches!(self.dialect(), Dialect::Postgres | Dialect::MySql | Dialect::Sqlite | Dialect::Generic);
        let mut tokens = read.tokens;
        let mut first_error = None;
        for grammar in self.dialect().grammars() {
            if !read.says_limit && by_suffix {
                let rows = self.policy.limits.rows.to_string();
                let length = tokens.len();
                let nowhere = Span::new(Location::new(0, 0), Location::new(0, 0));
                tokens.push(TokenWithSpan::new(Token::make_word("LIMIT", None), nowhere));
                tokens.push(TokenWithSpan::new(Token::Number(rows.clone(), false), nowhere));
                let mut parser = parser(*grammar, tokens);
                if let Ok(Statement::Query(query)) = statement(&mut parser) {
                    return Ok(Parsed { query, suffix: Some(format!(" LIMIT {rows}")), grammar: *grammar });
                }
                tokens = parser.into_tokens();
                tokens.truncate(length);
            }
            let mut parser = parser(*grammar, tokens);
            match statement(&mut parser) {
                Ok(Statement::Query(query)) => return Ok(Parsed { query, suffix: None, grammar: *grammar }),
                Ok(_) => {
                    let first = parser.into_tokens().into_iter().next();
                    let word =
                        first.as_ref().map(|token| token.token.to_string().to_ascii_uppercase()).unwrap_or_default();
                    let message = format!("{word} is no read: SELECT, WITH and VALUES are");
                    return Err(Refusal {
                        code: Code::StatementKind,
                        message,
                        at: first.and_then(|token| text::place(token.span)),
                    });
                }
                Err(error) => {
                    first_error.get_or_insert(error);
                    tokens = parser.into_tokens();
                }
            }
        }
        Err(first_error.unwrap_or_else(|| Refusal::new(Code::Syntax, "not understood")))
    }

    /// The one statement that tokens are.
    pub(crate) fn statement(grammar: &'static dyn Grammar, tokens: Vec<TokenWithSpan>) -> Result<Statement, Refusal> {
        statement(&mut parser(grammar, tokens))
    }

    /// What is printed has to be read as the tree that was checked. A parser makes the same tree of the same tokens, so that where
    /// these are those that were parsed, nothing is left to look at; else it is parsed again and compared.
    ///
    /// `given`: the text that was parsed, and what was put behind it, where the tree is as it was parsed.
    pub(crate) fn check_round_trip(
        &self,
        given: Option<(&str, Option<&str>)>,
        grammar: &'static dyn Grammar,
        tree: &Statement,
        printed: &str,
    ) -> Result<(), Refusal> {
        if let Some((given, suffix)) = given
            && text::same_stretches(given, printed, self.dialect()) == Some(suffix.unwrap_or_default())
        {
            return Ok(());
        }
        let bounds = Bounds { bytes: usize::MAX, depth: 2_000, parentheses: MOST_PARENTHESES + 8 };
        let differs = |what: &str| {
            Refusal::new(Code::RoundTrip, format!("what would run is read otherwise than what was checked: {what}"))
        };
        let again = text::tokens(printed, self.dialect(), bounds).map_err(|refusal| differs(&refusal.message))?;
        let again = statement(&mut parser(grammar, again.tokens)).map_err(|refusal| differs(&refusal.message))?;
        if again == *tree { Ok(()) } else { Err(differs("another tree")) }
    }
}

/// A read as a tree.
struct Parsed {
    query: Box<Query>,
    /// What was put behind the text.
    suffix: Option<String>,
    grammar: &'static dyn Grammar,
}

fn parser(grammar: &'static dyn Grammar, tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(grammar).with_recursion_limit(PARSER_DEPTH).with_tokens_with_locations(tokens)
}

/// Words that no read has, whatever the parser takes them for: an alias, say.
fn refuse_words(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let word = tokens.iter().find(|token| match &token.token {
        Token::Word(word) => {
            word.quote_style.is_none()
                && (word.keyword == Keyword::INTO
                    || ["outfile", "dumpfile"].iter().any(|other| word.value.eq_ignore_ascii_case(other)))
        }
        _ => false,
    });
    match word {
        Some(word) => {
            let message = format!("{} makes a table, a file or a variable", word.token);
            Err(Refusal { code: Code::Clause, message, at: text::place(word.span) })
        }
        None => Ok(()),
    }
}

fn statement(parser: &mut Parser<'_>) -> Result<Statement, Refusal> {
    let understood = |parser: &Parser<'_>, error: &ParserError| {
        let (code, message) = match error {
            ParserError::RecursionLimitExceeded => (Code::TooDeep, "nested too deeply".to_owned()),
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
                let message = message.split(" at Line:").next().unwrap_or_default();
                (Code::Syntax, format!("not understood: {}", message.chars().take(200).collect::<String>()))
            }
        };
        let at = text::place(parser.peek_token_ref().span);
        Refusal { code, message, at }
    };
    let parsed = parser.parse_statement().map_err(|error| understood(parser, &error))?;
    let rest = parser.peek_token_ref();
    if rest.token == Token::EOF {
        return Ok(parsed);
    }
    let message = format!("not understood: {} behind the end of the statement", rest.token);
    Err(Refusal { code: Code::Syntax, message, at: text::place(rest.span) })
}
