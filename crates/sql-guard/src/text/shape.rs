use sqlparser::tokenizer::Token;

use super::lexeme::{Kind, Lexeme};
use crate::reason::{Code, Refusal};

/// How deep the tree of a text can become at most, known before it is parsed: a parser and everything that walks its tree use
/// the stack for it. Parentheses nest, and so do chains of operators, which the parser makes a tree of that leans to one side.
pub(super) struct Shape {
    depth: usize,
    parentheses: usize,
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    /// Operators since the last comma.
    run: usize,
    /// The deepest thing in parentheses since the last comma.
    inner: usize,
    /// The deepest thing before it.
    deepest: usize,
    /// CASE without END.
    cases: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.deepest.max(self.inner + self.run)
    }
}

impl Shape {
    pub(super) fn new(depth: usize, parentheses: usize) -> Self {
        Self { depth, parentheses, levels: vec![Level::default()] }
    }

    pub(super) fn is_outside(&self) -> bool {
        self.levels.len() == 1
    }

    pub(super) fn see(&mut self, text: &str, lexeme: &Lexeme) -> Result<(), Refusal> {
        match &lexeme.kind {
            Kind::Operator(Token::LParen | Token::LBracket | Token::LBrace) => {
                if self.levels.len() > self.parentheses {
                    let message = format!("more than {} parentheses in each other", self.parentheses);
                    return Err(Refusal::at(Code::TooDeep, lexeme.start, message));
                }
                self.levels.push(Level::default());
            }
            Kind::Operator(Token::RParen | Token::RBracket | Token::RBrace) => {
                let closed = self.levels.pop().filter(|_| !self.levels.is_empty());
                let (Some(closed), Some(outer)) = (closed, self.levels.last_mut()) else {
                    return Err(Refusal::at(Code::Syntax, lexeme.start, "a parenthesis that was not opened"));
                };
                outer.inner = outer.inner.max(closed.depth() + 1);
                self.check(lexeme)?;
            }
            Kind::Operator(Token::Comma) => {
                if let Some(level) = self.levels.last_mut() {
                    level.deepest = level.depth();
                    (level.run, level.inner) = (0, 0);
                }
            }
            Kind::Operator(Token::Period) => {}
            Kind::Operator(_) => self.one_more(lexeme)?,
            Kind::Word => self.word(&text[lexeme.start..lexeme.end], lexeme)?,
            _ => {}
        }
        Ok(())
    }

    fn word(&mut self, word: &str, lexeme: &Lexeme) -> Result<(), Refusal> {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        if !(2..=9).contains(&word.len()) {
            return Ok(());
        }
        if is("case") {
            if let Some(level) = self.levels.last_mut() {
                level.cases += 1;
            }
            if self.levels.iter().map(|level| level.cases).sum::<usize>() > self.parentheses {
                return Err(Refusal::at(Code::TooDeep, lexeme.start, "too many CASE in each other"));
            }
            return self.one_more(lexeme);
        }
        if is("end")
            && let Some(level) = self.levels.last_mut()
        {
            level.cases = level.cases.saturating_sub(1);
        }
        let nests = [
            "or",
            "and",
            "not",
            "union",
            "except",
            "intersect",
            "minus",
            "like",
            "is",
            "in",
            "at",
            "collate",
            "xor",
            "div",
            "mod",
            "join",
            "prior",
            "interval",
            "binary",
            "between",
        ];
        if nests.into_iter().any(is) { self.one_more(lexeme) } else { Ok(()) }
    }

    fn one_more(&mut self, lexeme: &Lexeme) -> Result<(), Refusal> {
        if let Some(level) = self.levels.last_mut() {
            level.run += 1;
        }
        self.check(lexeme)
    }

    fn check(&self, lexeme: &Lexeme) -> Result<(), Refusal> {
        if self.levels.last().is_some_and(|level| level.depth() > self.depth) {
            let message = format!("more than {} operators and parentheses in one expression", self.depth);
            return Err(Refusal::at(Code::TooDeep, lexeme.start, message));
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), Refusal> {
        if self.levels.len() > 1 { Err(Refusal::new(Code::Syntax, "a parenthesis is not closed")) } else { Ok(()) }
    }
}

/// Words that say, outside of parentheses, how many rows are wanted.
pub(super) fn is_limit_word(word: &str) -> bool {
    ["limit", "fetch", "offset", "top", "for", "rownum", "into"]
        .into_iter()
        .any(|limit| word.eq_ignore_ascii_case(limit))
}
