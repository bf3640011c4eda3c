//! Compiles a tenant's own patterns and word lists and applies them.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use super::{CustomPattern, Finding, PiiKind, PiiSettingsError, words::Words};

/// A compiled pattern may take so many bytes of memory.
const SIZE_LIMIT: usize = 1 << 20;
/// Patterns are applied to pieces of at most so many bytes. Looking for all matches is linear for each match, not for
/// all of them together; this bound makes it linear in the text.
const PIECE: usize = 1_024;

/// A tenant's own pattern or word list.
#[derive(Debug)]
pub(super) struct Custom {
    name: Arc<str>,
    matcher: Matcher,
}

#[derive(Debug)]
enum Matcher {
    Pattern(Regex),
    Words(Words),
}

impl Custom {
    /// Compiles the entry of this index; the settings have been validated before.
    pub(super) fn compile(at: usize, custom: &CustomPattern) -> Result<Self, PiiSettingsError> {
        let matcher = match &custom.pattern {
            Some(pattern) => Matcher::Pattern(compile(at, pattern)?),
            None => Matcher::Words(Words::new(&custom.words).ok_or_else(|| {
                PiiSettingsError::new(format!("custom[{at}].words"), "is too large together", "shorter or fewer words")
            })?),
        };
        Ok(Self { name: custom.name.as_str().into(), matcher })
    }

    /// Appends what matches.
    pub(super) fn find(&self, text: &str, findings: &mut Vec<Finding>) {
        let mut push = |start: usize, end: usize| {
            findings.push(Finding { start, end, kind: PiiKind::Custom(Arc::clone(&self.name)), score: 1.0 });
        };
        match &self.matcher {
            Matcher::Words(words) => words.find(text, |start, end, _| push(start, end)),
            Matcher::Pattern(pattern) => {
                for (from, piece) in pieces(text) {
                    pattern
                        .find_iter(piece)
                        .filter(|hit| !hit.is_empty())
                        .for_each(|hit| push(from + hit.start(), from + hit.end()));
                }
            }
        }
    }
}

fn compile(at: usize, pattern: &str) -> Result<Regex, PiiSettingsError> {
    let error =
        |problem: String, accepted| Err(PiiSettingsError::new(format!("custom[{at}].pattern"), problem, accepted));
    let regex =
        match RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).dfa_size_limit(SIZE_LIMIT).nest_limit(50).build() {
            Ok(regex) => regex,
            Err(regex::Error::CompiledTooBig(_)) => {
                return error("is too big when compiled".into(), "a pattern with smaller repetitions");
            }
            Err(source) => {
                let text = source.to_string();
                let reason = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or("syntax");
                return error(
                    format!("does not compile: {reason}"),
                    "a regular expression without look-around and back references",
                );
            }
        };
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(50).build().parse(pattern);
    match parsed.ok().and_then(|parsed| parsed.properties().minimum_len()) {
        Some(1..) => Ok(regex),
        Some(0) => error("matches the empty text".into(), "a pattern that needs at least one character"),
        None => error("can never match".into(), "a pattern that some text matches"),
    }
}

/// The lines of a text with their places. A line that is too long is cut at the last white space before the limit.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = text.get(from..).filter(|rest| !rest.is_empty())?;
        let mut limit = rest.len().min(PIECE);
        while !rest.is_char_boundary(limit) {
            limit -= 1;
        }
        let head = rest.get(..limit)?;
        let (piece, next) = match head.find('\n') {
            Some(line) => (head.get(..line)?, line + 1),
            None if limit == rest.len() => (head, limit),
            None => {
                let cut = head.rfind(char::is_whitespace).filter(|cut| *cut > 0).unwrap_or(limit);
                (head.get(..cut)?, cut)
            }
        };
        let place = from;
        from += next;
        Some((place, piece.strip_suffix('\r').unwrap_or(piece)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_text() {
        let long = format!("{}\r\n\n{} end", "x".repeat(3_000), "ä b".repeat(1_000));
        let total: usize = pieces(&long).map(|(_, piece)| piece.len()).sum();
        assert_eq!(total, long.len() - 3, "but for the ends of lines");
        assert!(pieces(&long).all(|(at, piece)| piece.len() <= PIECE && long.get(at..at + piece.len()) == Some(piece)));
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn bad_patterns_say_what_is_wrong() {
        for (pattern, problem) in [
            ("(", "does not compile: unclosed group"),
            ("(?=x)y", "does not compile: look-around"),
            ("x*", "matches the empty text"),
            (r"\b", "matches the empty text"),
            ("[a&&b]", "can never match"),
            (r"(?:\w{100}){100}", "is too big"),
            ("(a)\\1", "does not compile: backreferences"),
        ] {
            let error = compile(2, pattern).unwrap_err();
            assert_eq!(error.path, "custom[2].pattern");
            assert!(error.problem.starts_with(problem), "{pattern}: {error}");
        }
    }
}
