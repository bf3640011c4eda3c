use super::CountTokens;
use super::atoms::{Slices, split_words};
use crate::sentence::sentences;

/// Covers a text with pieces of at most `max_tokens` tokens, as half-open spans of code points,
/// cut at ends of sentences and lines where possible. A model that reads N tokens, special ones
/// included, is given `N - special`. Nothing but white space lies outside; only a single code
/// point of more tokens can exceed the limit. Takes linear time.
pub fn windows(text: &str, max_tokens: u32, count_tokens: &CountTokens<'_>) -> Vec<(usize, usize)> {
    let max = (max_tokens as usize).max(1);
    let slices = Slices::new(text);
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut open: Option<(usize, usize, usize)> = None;
    let mut close = |window: Option<(usize, usize, usize)>| {
        let Some((start, end, _)) = window else { return };
        // Counts need not add up exactly; what the model gets must fit.
        if count_tokens(slices.slice(start, end)) <= max {
            out.push((start, end));
        } else {
            let tighter = (max * 3 / 4).max(1);
            out.extend(
                split_words(&slices, start, end, tighter, count_tokens).into_iter().map(|(start, end, _)| (start, end)),
            );
        }
    };
    for (start, end) in sentences(text) {
        let tokens = count_tokens(slices.slice(start, end));
        let parts = if tokens <= max {
            vec![(start, end, tokens)]
        } else {
            split_words(&slices, start, end, max, count_tokens)
        };
        for (start, end, tokens) in parts {
            open = match open {
                Some((begin, _, sum)) if sum + tokens <= max => Some((begin, end, sum + tokens)),
                full => {
                    close(full);
                    Some((start, end, tokens))
                }
            };
        }
    }
    close(open);
    out
}
