/// What a unit of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// A sentence of running text.
    Sentence,
    /// An item of a list, its number or bullet included.
    Item,
    /// A row of a table, cells separated by ` | `.
    Row,
    /// A line that only names what follows.
    Heading,
}

/// The smallest stretch of a text that can be quoted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What it is.
    pub kind: UnitKind,
    /// Which block of the text it belongs to; a blank line or a list item begins a new one.
    pub block: usize,
}

impl Unit {
    /// The unit's own bytes.
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }
}

/// Words with a point that seldom end a sentence, lower case.
const ABBREVIATIONS: &[&str] = &[
    "abb", "abs", "al", "approx", "art", "bzw", "ca", "cf", "ch", "cm", "dr", "e.g", "eq", "etc", "evtl", "fig",
    "figs", "gem", "ggf", "i.e", "inc", "incl", "inkl", "kg", "lb", "ltd", "max", "min", "mm", "mr", "mrs", "ms", "nr",
    "no", "nos", "nom", "p", "para", "pos", "pp", "prof", "ref", "resp", "rev", "sec", "sect", "st", "std", "tab",
    "tel", "typ", "u.a", "usw", "vgl", "vol", "vs", "z.b",
];

/// Cuts a text into units. White space between units belongs to none.
pub fn units(text: &str) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut block = 0;
    let mut open: Option<(usize, usize, UnitKind)> = None;
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let (line_start, content) = (position, line.trim());
        position += line.len();
        if content.is_empty() {
            close(text, &mut units, &mut open, &mut block);
            continue;
        }
        let start = line_start + (line.len() - line.trim_start().len());
        let end = start + content.len();
        let begins = line_kind(content);
        if let (Some((_, open_end, UnitKind::Sentence | UnitKind::Item)), None) = (&mut open, begins) {
            // A line that begins nothing goes on with the paragraph or item before it.
            *open_end = end;
        } else {
            close(text, &mut units, &mut open, &mut block);
            open = Some((start, end, begins.unwrap_or(UnitKind::Sentence)));
        }
    }
    close(text, &mut units, &mut open, &mut block);
    units
}

fn close(text: &str, units: &mut Vec<Unit>, open: &mut Option<(usize, usize, UnitKind)>, block: &mut usize) {
    let Some((start, end, kind)) = open.take() else { return };
    let content = &text[start..end];
    match kind {
        UnitKind::Sentence if is_heading(content) => {
            units.push(Unit { start, end, kind: UnitKind::Heading, block: *block });
        }
        UnitKind::Sentence | UnitKind::Item => {
            let body = start + item_mark(content).unwrap_or(0);
            let mut from = start;
            for cut in sentence_ends(&text[body..end]) {
                units.push(Unit { start: from, end: body + cut, kind, block: *block });
                from = body + cut;
                from += text[from..end].len() - text[from..end].trim_start().len();
            }
        }
        UnitKind::Row | UnitKind::Heading => units.push(Unit { start, end, kind, block: *block }),
    }
    *block += 1;
}

/// What a line begins, if it begins something by its first characters.
fn line_kind(line: &str) -> Option<UnitKind> {
    if line.contains(" | ") || (line.starts_with('|') && line.ends_with('|') && line.len() > 1) {
        Some(UnitKind::Row)
    } else if line.starts_with('#') && line.trim_start_matches('#').starts_with(' ') {
        Some(UnitKind::Heading)
    } else {
        item_mark(line).map(|_| UnitKind::Item)
    }
}

/// Length of a list mark and the space after it: `- `, `• `, `3. `, `b) `, `(2) `, `Step 4: `.
pub fn item_mark(line: &str) -> Option<usize> {
    let after_space = |at: usize| {
        let rest = &line[at..];
        let space = rest.len() - rest.trim_start().len();
        (space > 0 && space < rest.len()).then_some(at + space)
    };
    let first = line.chars().next()?;
    if matches!(first, '-' | '*' | '•' | '–' | '▪' | '◦' | '‣' | '□' | '☐') {
        return after_space(first.len_utf8());
    }
    let (open, rest) = if first == '(' { (1, &line[1..]) } else { (0, line) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let label = if (1..=2).contains(&digits) {
        digits
    } else if rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest[1..].starts_with(')') {
        1
    } else if rest.len() > 5 && rest.is_char_boundary(5) && rest[..5].eq_ignore_ascii_case("step ") {
        let digits = rest[5..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 { 0 } else { 5 + digits }
    } else {
        0
    };
    let sign = rest[label..].chars().next()?;
    if label == 0 || !matches!(sign, '.' | ')' | ':') || (open == 1 && sign != ')') {
        return None;
    }
    after_space(open + label + 1)
}

/// A short line without an end: a title, not a statement.
fn is_heading(content: &str) -> bool {
    let words = content.split_whitespace().count();
    words <= 10
        && content.len() <= 90
        && !content.ends_with(['.', '!', '?', ':', ';', ','])
        && !content.contains(": ")
        && !content.chars().skip(1).any(|c| c.is_ascii_digit())
        && content.chars().next().is_some_and(|c| !c.is_lowercase())
}

/// Byte offsets at which sentences end, the end of the text last.
fn sentence_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    for (at, c) in text.char_indices() {
        if is_terminator(c) {
            let end = after_closers(text, at + c.len_utf8());
            if end < text.len() && ends.last().is_none_or(|last| *last < end) && is_sentence_end(text, at) {
                ends.push(end);
            }
        }
    }
    ends.push(text.len());
    ends
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。')
}

/// Closing quotes and brackets belong to the sentence that they end.
fn after_closers(text: &str, mut at: usize) -> usize {
    while let Some(c) = text[at..].chars().next() {
        if !(is_terminator(c) || matches!(c, '"' | '\'' | '”' | '’' | '»' | ')')) {
            break;
        }
        at += c.len_utf8();
    }
    at
}

/// Whether the terminator at byte `at` ends a sentence, seen with what follows it in `text`.
pub fn is_sentence_end(text: &str, at: usize) -> bool {
    let rest = &text[after_closers(text, at)..];
    let next = rest.trim_start();
    if next.len() == rest.len() || next.is_empty() {
        return next.is_empty();
    }
    if !text[at..].starts_with('.') {
        return true;
    }
    if next.chars().next().is_some_and(char::is_lowercase) {
        return false;
    }
    let word = text[..at].rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let mut letters = word.chars();
    let is_initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    !(is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<(UnitKind, &str)> {
        units(text).iter().map(|unit| (unit.kind, unit.of(text))).collect()
    }

    #[test]
    fn running_text_is_cut_at_sentences() {
        use UnitKind::{Heading, Sentence};
        let text = "Lubrication\n\nGrease the bearings (approx. 25 g) every 2,000 h. See Fig. 3 for\nthe nipples! \"Do not overfill.\" No. 4 is hidden.";
        assert_eq!(
            shown(text),
            [
                (Heading, "Lubrication"),
                (Sentence, "Grease the bearings (approx. 25 g) every 2,000 h."),
                (Sentence, "See Fig. 3 for\nthe nipples!"),
                (Sentence, "\"Do not overfill.\""),
                (Sentence, "No. 4 is hidden."),
            ]
        );
    }

    #[test]
    fn lists_and_tables_are_cut_at_lines() {
        use UnitKind::{Item, Row, Sentence};
        let text = "To stop the pump:\n\n1. Press E-stop. Wait 5 s.\n2. Close valve V-3\nslowly.\n- Tag it.\n\nBolt | Torque\nM8 | 25 Nm\nOil quantity: 1.2 l";
        assert_eq!(
            shown(text),
            [
                (Sentence, "To stop the pump:"),
                (Item, "1. Press E-stop."),
                (Item, "Wait 5 s."),
                (Item, "2. Close valve V-3\nslowly."),
                (Item, "- Tag it."),
                (Row, "Bolt | Torque"),
                (Row, "M8 | 25 Nm"),
                (Sentence, "Oil quantity: 1.2 l"),
            ]
        );
    }

    #[test]
    fn a_number_that_opens_a_sentence_is_no_list_mark() {
        assert_eq!(item_mark("2024. was"), None);
        assert_eq!(item_mark("3.5 mm of play"), None);
        assert_eq!(item_mark("10. Remove"), Some(4));
        assert_eq!(item_mark("Step 4: Remove"), Some(8));
        assert_eq!(item_mark("b) Remove"), Some(3));
        assert_eq!(item_mark("-5 °C"), None);
    }

    proptest! {
        #[test]
        fn units_are_ordered_and_cover_all_but_white_space(text in "[a-zA-Z0-9.!? \n|äß)(:-]{0,200}") {
            let mut at = 0;
            for unit in units(&text) {
                prop_assert!(unit.start >= at && unit.end > unit.start);
                prop_assert!(text[at..unit.start].trim().is_empty());
                at = unit.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = units(&text);
        }
    }
}
