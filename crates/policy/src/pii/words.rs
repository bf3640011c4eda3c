//! Finds words of a list, whole, the longest of those that start at one place.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

/// A list of words, compiled.
#[derive(Debug, Clone)]
pub(super) struct Words {
    automaton: AhoCorasick,
}

impl Words {
    /// Compiles a list that minds no ASCII case. `None` if it is empty or too large for the automaton.
    pub(super) fn new<W: AsRef<[u8]>>(words: &[W]) -> Option<Self> {
        // The fastest automaton takes the most memory and time to build.
        let short = words.iter().map(|word| word.as_ref().len()).sum::<usize>() < 8_192;
        let kind = if short { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        Self::build(words, AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(kind)))
    }

    /// Compiles a list that is matched byte for byte; quick to compile.
    pub(super) fn exact<W: AsRef<[u8]>>(words: &[W]) -> Option<Self> {
        Self::build(words, AhoCorasick::builder().kind(Some(AhoCorasickKind::NoncontiguousNFA)))
    }

    fn build<W: AsRef<[u8]>>(words: &[W], builder: &mut AhoCorasickBuilder) -> Option<Self> {
        if words.is_empty() {
            return None;
        }
        let automaton = builder.match_kind(MatchKind::Standard).build(words).ok()?;
        Some(Self { automaton })
    }

    /// Calls back with start, end and index of each word, left to right, without overlaps.
    ///
    /// All matches are looked at, because a longer word whose end is inside another word must not hide a shorter one:
    /// with "Ann" and "Ann Lee" in the list, "Ann Leeds" holds "Ann".
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(usize, usize, usize)) {
        let mut best: Vec<(usize, usize, usize)> = Vec::new();
        for hit in self.automaton.find_overlapping_iter(text) {
            let (start, end, index) = (hit.start(), hit.end(), hit.pattern().as_usize());
            if !is_whole(text, start, end) {
                continue;
            }
            // Matches come by their end: a later one replaces those that start at or behind its start.
            while best.last().is_some_and(|last| start <= last.0) {
                best.pop();
            }
            if best.last().is_none_or(|last| last.1 <= start) {
                best.push((start, end, index));
            }
        }
        for (start, end, index) in best {
            found(start, end, index);
        }
    }
}

/// Whether no letter or digit outside touches a letter or digit inside.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let (Some(head), Some(word), Some(tail)) = (text.get(..start), text.get(start..end), text.get(end..)) else {
        return false;
    };
    let joined =
        |a: Option<char>, b: Option<char>| a.is_some_and(char::is_alphanumeric) && b.is_some_and(char::is_alphanumeric);
    !joined(head.chars().next_back(), word.chars().next()) && !joined(word.chars().next_back(), tail.chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(words: &[&str], text: &'t str) -> Vec<&'t str> {
        let mut all = Vec::new();
        Words::new(words).unwrap().find(text, |start, end, _| all.push(text.get(start..end).unwrap()));
        all
    }

    #[test]
    fn a_longer_word_hides_no_shorter_one_by_failing() {
        assert_eq!(found(&["Ann", "Ann Lee"], "Ann Leeds, ann lee, Annika"), ["Ann", "ann lee"]);
        assert_eq!(found(&["b c d", "a b"], "a b c d"), ["a b"]);
        assert_eq!(found(&["b", "a b c"], "a b c"), ["a b c"]);
        assert_eq!(found(&["é", "(x)"], "é né (x)y"), ["é", "(x)"]);
        assert!(Words::new::<&str>(&[]).is_none());
    }
}
