//! What says nothing beyond something better placed is left out.

use crate::search::Passage;

/// Two passages of one page that share more than this of the shorter one say the same.
const OVERLAP: f32 = 0.5;

/// Leaves out what a better passage says already: a reader gains nothing from it, and an answer would cite one fact twice. That is
/// a passage that overlaps it widely, or whose words all stand in it in one piece: a copy of a manual with or without its
/// footer. Texts that differ in anything else are both kept, however little it is: "open" is not "closed", and 2 bar are not
/// 3. So is a copy that more people may read. The first `most` that are kept; what follows is not looked at.
pub(crate) fn fold_repeats(passages: Vec<Passage>, most: usize) -> Vec<Passage> {
    let mut kept: Vec<(usize, Vec<&str>)> = Vec::new();
    for (place, passage) in passages.iter().enumerate() {
        if kept.len() == most {
            break;
        }
        let words: Vec<&str> = passage.text.split_whitespace().collect();
        let says_nothing_new = kept.iter().any(|(better, of_better)| {
            let better = &passages[*better];
            overlaps(better, passage) || (may_stand_for(better, passage) && has_words(of_better, &words))
        });
        if !says_nothing_new {
            kept.push((place, words));
        }
    }
    let places: Vec<usize> = kept.into_iter().map(|(place, _)| place).collect();
    let mut at = 0..;
    passages.into_iter().filter(|_| at.next().is_some_and(|place| places.binary_search(&place).is_ok())).collect()
}

fn overlaps(a: &Passage, b: &Passage) -> bool {
    if a.document_id != b.document_id || a.page_number != b.page_number || a.version != b.version {
        return false;
    }
    let shared = a.char_end.min(b.char_end) - a.char_start.max(b.char_start);
    let shorter = (a.char_end - a.char_start).min(b.char_end - b.char_start).max(1);
    shared as f32 > OVERLAP * shorter as f32
}

/// Whether whoever may read the second may read the first.
fn may_stand_for(better: &Passage, passage: &Passage) -> bool {
    better.label.join(&passage.label) == passage.label
}

/// Whether the second words stand in the first in one piece.
fn has_words(text: &[&str], part: &[&str]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    const STEP: &str = "Close the inlet valve, let the pressure fall below 2 bar and open the drain. Wait until the casing is empty \
                        before the cover is taken off, and keep the gasket for inspection by the maintenance team.";

    fn has_words(text: &str, part: &str) -> bool {
        let (text, part): (Vec<_>, Vec<_>) = (text.split_whitespace().collect(), part.split_whitespace().collect());
        super::has_words(&text, &part)
    }

    #[test]
    fn a_copy_with_another_layout_or_without_the_footer_says_nothing_new() {
        assert!(has_words(STEP, &STEP.replace(' ', "\n")));
        assert!(has_words(&format!("Page 4\n{STEP}\nInternal use."), STEP));
        assert!(!has_words(STEP, &format!("{STEP} Not for HX-2.")), "what is added counts");
    }

    #[test]
    fn one_other_word_or_sign_is_another_fact_however_much_is_the_same() {
        for (said, otherwise) in
            [("2 bar", "3 bar"), ("2 bar", "2 psi"), ("below 2", "above 2"), ("empty", "full"), ("2 bar", "-2 bar")]
        {
            assert!(!has_words(STEP, &STEP.replace(said, otherwise)), "{said} {otherwise}");
        }
        assert!(!has_words("Part 6205-2RS", "Part 6205-ZZ") && !has_words("at most ≤ 10", "at most ≥ 10"));
        assert!(!has_words("Close the valve.", "") && !has_words("", "Close"));
    }
}
