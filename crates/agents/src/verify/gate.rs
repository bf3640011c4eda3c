//! Cuts a draft into statements as it streams in.

use millwright_llm::text::item_mark;

/// The longest list of numbers in a marker.
const MAX_MARKER_BYTES: usize = 24;
/// A statement longer than this is checked as it is.
const MAX_STATEMENT_BYTES: usize = 4_000;

/// One or more sentences that share the markers at their end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// White space before it.
    pub gap: String,
    /// The text without markers, its list mark included.
    pub body: String,
    /// The numbers of its markers, in order, each once.
    pub markers: Vec<u32>,
}

/// Holds text back until a statement is whole.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    buffer: String,
    /// No statement ends before here, whatever follows.
    seen: usize,
}

impl Gate {
    /// Takes more of the draft; returns the statements that are whole now.
    pub fn push(&mut self, text: &str) -> Vec<Statement> {
        self.buffer.push_str(text);
        self.take(false)
    }

    /// Ends the draft.
    pub fn finish(&mut self) -> Vec<Statement> {
        self.take(true)
    }

    fn take(&mut self, is_final: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            match statement_end(&self.buffer, self.seen, is_final) {
                Ok(end) => {
                    let rest = self.buffer.split_off(end);
                    let statement = statement(&self.buffer);
                    (self.buffer, self.seen) = (rest, 0);
                    if !statement.body.is_empty() {
                        statements.push(statement);
                    }
                }
                Err(seen) => {
                    self.seen = seen;
                    return statements;
                }
            }
        }
    }
}

/// Where the first statement of `text` ends, if that is certain whatever follows; else up to where that need not be looked for
/// again. `seen` is what this said of its beginning.
fn statement_end(text: &str, seen: usize, is_final: bool) -> Result<usize, usize> {
    let start = text.len() - text.trim_start().len();
    let mut at = start.max(seen);
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = marker(rest) {
            let group = at + length;
            match after_marker(&text[start..at], &text[group..], is_final) {
                After::Ends(tail) => return Ok(group + tail),
                After::GoesOn => at = group,
                After::Unknown => return Err(at),
            }
            continue;
        }
        if rest.starts_with('[') && !is_final && could_become_marker(rest) {
            return Err(at);
        }
        if rest.starts_with('\n') {
            match after_newline(rest, is_final) {
                After::Ends(_) => return Ok(at),
                After::GoesOn => {}
                After::Unknown => return Err(at),
            }
        }
        if at - start > MAX_STATEMENT_BYTES {
            return Ok(at);
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    if is_final && !text.is_empty() { Ok(text.len()) } else { Err(at) }
}

enum After {
    /// The statement ends, with so many more bytes.
    Ends(usize),
    GoesOn,
    Unknown,
}

/// What stands after a marker, and whether the statement before it is at its end.
fn after_marker(before: &str, rest: &str, is_final: bool) -> After {
    let next = rest.trim_start_matches([' ', '\t']);
    let space = rest.len() - next.len();
    let Some(c) = next.chars().next() else {
        return if is_final { After::Ends(0) } else { After::Unknown };
    };
    if c == '[' {
        return if marker(next).is_some() {
            After::GoesOn
        } else if could_become_marker(next) && !is_final {
            After::Unknown
        } else {
            After::Ends(0)
        };
    }
    if matches!(c, '.' | '!' | '?' | '。') {
        return After::Ends(space + c.len_utf8());
    }
    let is_whole = before.trim_end().ends_with(['.', '!', '?', ':', ';', '…']);
    let goes_on = matches!(c, ',' | ';' | ':' | ')') || (c.is_lowercase() && space > 0 && !is_whole);
    if goes_on { After::GoesOn } else { After::Ends(0) }
}

/// Whether a line break ends a paragraph or an item.
fn after_newline(rest: &str, is_final: bool) -> After {
    let line = rest.trim_start_matches(['\n', '\r', ' ', '\t']);
    let is_paragraph = rest[..rest.len() - line.len()].matches('\n').count() > 1;
    if is_paragraph {
        return After::Ends(0);
    }
    let first = line.lines().next().unwrap_or_default();
    // A list mark takes a few characters to tell, and one after it.
    let may_become_mark = || {
        let longer = ["x", " x", ": x", ". x", ") x"].iter().map(|more| format!("{first}{more}"));
        line.len() <= 24 && item_mark(first).is_none() && longer.into_iter().any(|longer| item_mark(&longer).is_some())
    };
    if !line.contains('\n') && !is_final && (line.len() < 8 || may_become_mark()) {
        return After::Unknown;
    }
    let begins = item_mark(first).is_some() || line.starts_with(['#', '|', '>']) || line.starts_with("```");
    if begins { After::Ends(0) } else { After::GoesOn }
}

/// Length of a marker `[1]` or `[1, 2]` at the beginning of `text`.
fn marker(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('[')?;
    let end = inside.bytes().take(MAX_MARKER_BYTES + 1).position(|byte| byte == b']')?;
    numbers(&inside[..end]).is_some().then_some(end + 2)
}

fn numbers(inside: &str) -> Option<Vec<u32>> {
    let parts: Option<Vec<u32>> = inside.split([',', ';']).map(|part| number(part.trim())).collect();
    parts.filter(|parts| !parts.is_empty())
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        None
    } else {
        text.parse().ok()
    }
}

fn could_become_marker(text: &str) -> bool {
    text.len() <= 1 + MAX_MARKER_BYTES && text[1..].chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | ',' | ';'))
}

fn statement(text: &str) -> Statement {
    let trimmed = text.trim_start();
    let mut statement = Statement { gap: text[..text.len() - trimmed.len()].to_owned(), ..Statement::default() };
    let mut rest = trimmed;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = marker(rest) {
            for number in numbers(&rest[1..length - 1]).unwrap_or_default() {
                if !statement.markers.contains(&number) {
                    statement.markers.push(number);
                }
            }
            let kept = statement.body.trim_end().len();
            let after = &rest[length..];
            // Between words the space stays; before a point it goes with the marker.
            if after.trim_start().starts_with(['.', ',', '!', '?', ';', ':']) || after.trim().is_empty() {
                statement.body.truncate(kept);
                rest = after.trim_start();
            } else {
                rest = if statement.body.len() > kept { after.trim_start() } else { after };
            }
            continue;
        }
        statement.body.push(c);
        rest = &rest[c.len_utf8()..];
    }
    statement.body.truncate(statement.body.trim_end().len());
    statement
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<(String, Vec<u32>)> {
        let mut gate = Gate::default();
        let mut statements = gate.push(text);
        statements.extend(gate.finish());
        statements.into_iter().map(|statement| (statement.body, statement.markers)).collect()
    }

    type Case = (&'static str, Vec<(&'static str, Vec<u32>)>);

    fn cases() -> Vec<Case> {
        vec![
            ("Grease it every 2,000 h [2].", vec![("Grease it every 2,000 h.", vec![2])]),
            ("Grease it. [2] Use 25 g. [1][3]", vec![("Grease it.", vec![2]), ("Use 25 g.", vec![1, 3])]),
            (
                "It runs [1], and stops [2]. Then rest.",
                vec![("It runs, and stops.", vec![1, 2]), ("Then rest.", vec![])],
            ),
            ("Two facts. Both here [1, 2].", vec![("Two facts. Both here.", vec![1, 2])]),
            (
                "Steps:\n1. Stop it [1].\n2. Lock it [1]",
                vec![("Steps:", vec![]), ("1. Stop it.", vec![1]), ("2. Lock it", vec![1])],
            ),
            ("See Fig. [A] and pin[0] here", vec![("See Fig. [A] and pin here", vec![0])]),
            ("First part\nwrapped on [1]\n\nSecond", vec![("First part\nwrapped on", vec![1]), ("Second", vec![])]),
            (
                "Turn it off [1, 2, 3, 4, 5, 6, 10, 11]. Wait.",
                vec![("Turn it off.", vec![1, 2, 3, 4, 5, 6, 10, 11]), ("Wait.", vec![])],
            ),
            (
                "Close the valve.\nStep 10: Open the drain [2].",
                vec![("Close the valve.", vec![]), ("Step 10: Open the drain.", vec![2])],
            ),
            (
                "- Bolt: M8; Torque: 25 Nm [4]\n- Bolt: M10; Torque: 49 Nm [4]",
                vec![("- Bolt: M8; Torque: 25 Nm", vec![4]), ("- Bolt: M10; Torque: 49 Nm", vec![4])],
            ),
        ]
    }

    #[test]
    fn statements_end_at_their_markers() {
        for (text, expected) in cases() {
            let expected: Vec<_> = expected.into_iter().map(|(body, markers)| (body.to_owned(), markers)).collect();
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_draft_is_cut_into_pieces(sizes in prop::collection::vec(1_usize..6, 60)) {
            for (text, _) in cases() {
                let mut gate = Gate::default();
                let mut statements = Vec::new();
                let chars: Vec<char> = text.chars().collect();
                let mut at = 0;
                for size in &sizes {
                    let end = (at + size).min(chars.len());
                    statements.extend(gate.push(&chars[at..end].iter().collect::<String>()));
                    at = end;
                }
                statements.extend(gate.push(&chars[at..].iter().collect::<String>()));
                statements.extend(gate.finish());
                let pieces: Vec<_> = statements.into_iter().map(|s| (s.body, s.markers)).collect();
                prop_assert_eq!(pieces, cut(text));
            }
        }

        #[test]
        fn no_draft_makes_it_panic(text in "[a-z.\\[\\]0-9, \n-]{0,120}") {
            let _ = cut(&text);
        }
    }
}
