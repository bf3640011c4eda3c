use unicode_segmentation::UnicodeSegmentation;

/// Words whose full stop does not end a sentence, lower case, without the stop.
const ABBREVIATIONS: &[&str] = &[
    "fig", "figs", "tab", "no", "nos", "nr", "e.g", "i.e", "eg", "ie", "approx", "ca", "cf", "vs", "incl", "excl",
    "max", "min", "sec", "sect", "ch", "chap", "vol", "rev", "ref", "eq", "pos", "dr", "mr", "mrs", "ms", "prof", "st",
    "dia", "temp", "qty", "art", "item", "resp", "app", "ed", "pp", "p", "z.b", "z. b", "d.h", "d. h", "u.a", "u. a",
    "bzw", "abb", "abs", "evtl", "ggf", "inkl", "exkl", "zzgl", "vgl", "siehe", "s", "mind", "ing", "dipl", "geb",
    "str", "o.ä", "o. ä", "z", "d", "u", "usw", "u.s", "a.o", "par", "al", "zul", "bes", "allg", "entspr", "gem",
];

/// Abbreviations after which a sentence may also end: they only join when what follows cannot
/// begin one.
const ENDING: &[&str] =
    &["etc", "usw", "inc", "ltd", "co", "corp", "min", "max", "temp", "p.m", "a.m", "no", "item", "in", "s"];

/// The sentences of a text, as half-open spans of code points without white space at their ends.
/// A line that follows a stop, a blank line, and a line that begins with a capital or a digit
/// after a short line begin a new one. Takes linear time.
pub fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    // Start of the sentence being gathered, in bytes and code points.
    let mut open: Option<(usize, usize)> = None;
    for (byte, piece) in text.split_sentence_bound_indices() {
        let (start_byte, start) = *open.get_or_insert((byte, at));
        at += piece.chars().count();
        let end_byte = byte + piece.len();
        if ends_sentence(&text[start_byte..end_byte], piece, &text[end_byte..]) {
            out.extend(trimmed(&text[start_byte..end_byte], start));
            open = None;
        }
    }
    if let Some((start_byte, start)) = open {
        out.extend(trimmed(&text[start_byte..], start));
    }
    out
}

fn trimmed(sentence: &str, start: usize) -> Option<(usize, usize)> {
    let lead = sentence.len() - sentence.trim_start().len();
    let start = start + sentence[..lead].chars().count();
    let length = sentence.trim().chars().count();
    (length > 0).then_some((start, start + length))
}

/// Whether a sentence ends after `piece`, the newest part of `sentence`, when `rest` follows.
fn ends_sentence(sentence: &str, piece: &str, rest: &str) -> bool {
    if rest.is_empty() {
        return true;
    }
    let body = piece.trim_end();
    if body.is_empty() {
        return piece.contains('\n') && !sentence.trim().is_empty();
    }
    let stop = body.trim_end_matches(['"', '\'', ')', ']', '»', '”', '’', '“']);
    let next = rest.chars().next().unwrap_or(' ');
    if piece[body.len()..].contains('\n') {
        // The end of a line that was only wrapped goes on in lower case.
        return stop.ends_with(['.', '!', '?', ':', ';']) || rest.starts_with('\n') || !next.is_lowercase();
    }
    if !stop.ends_with('.') {
        return true;
    }
    let before = &stop[..stop.len() - 1];
    let word = last_word(before);
    let starts_plainly = next.is_uppercase() || next.is_ascii_digit();
    if is_number_marker(word) && sentence.trim().len() == word.len() + 1 {
        return false;
    }
    let lower = word.trim_start_matches(['(', '[', '"', '„', '“', '«']).to_lowercase();
    if lower.is_empty() {
        return true;
    }
    if ENDING.contains(&lower.as_str()) {
        // "No. 4", "max. 5 bar" go on; "Replace at min. The …" and "etc. Then" end.
        return next.is_uppercase();
    }
    if ABBREVIATIONS.contains(&lower.as_str()) {
        return false;
    }
    // A single letter is an initial or a part of an abbreviation such as "z. B.".
    if lower.chars().count() == 1 && word.chars().all(char::is_alphabetic) {
        return ends_after_letter(before, next);
    }
    starts_plainly || !next.is_alphanumeric()
}

/// `every 2000 h. Then` ends, since a unit follows a number; `z. B. Öl`, `J. Smith` do not.
fn ends_after_letter(before: &str, next: char) -> bool {
    let letter = before.chars().next_back().map_or(0, char::len_utf8);
    let earlier = before[..before.len() - letter].trim_end();
    next.is_uppercase() && earlier.ends_with(|c: char| c.is_ascii_digit())
}

fn is_number_marker(word: &str) -> bool {
    (1..=3).contains(&word.len())
        && (word.bytes().all(|byte| byte.is_ascii_digit()) || (word.len() == 1 && word.is_ascii()))
}

/// The last word, at most 32 bytes of it.
fn last_word(text: &str) -> &str {
    let mut from = text.len().saturating_sub(32);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let tail = &text[from..];
    tail.rfind(char::is_whitespace).map_or(tail, |at| &tail[at..]).trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        sentences(text).into_iter().map(|(start, end)| chars[start..end].iter().collect()).collect()
    }

    #[test]
    fn abbreviations_numbers_and_decimals_do_not_end_sentences() {
        for whole in [
            "See Fig. 3 for the coupling.",
            "Use a solvent, e.g. Isopropanol, and wipe.",
            "Leave approx. 5 mm of play.",
            "Loosen screw No. 4 first.",
            "Verwenden Sie z. B. Öl der Klasse 46.",
            "Die Pumpe wiegt ca. 45 kg.",
            "Bestellen Sie Nr. 6205-2RS.",
            "Tighten to 45.5 Nm at 20.0 °C.",
            "1. Remove the guard.",
            "The pressure is max. 6 bar here.",
            "The line was wrapped\nin the middle.",
            "Use bolts M8x1.25 only.",
        ] {
            assert_eq!(split(whole), vec![whole.to_owned()]);
        }
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(
            split("Stop the pump. Lock it out! Is it safe? Yes."),
            ["Stop the pump.", "Lock it out!", "Is it safe?", "Yes."]
        );
        assert_eq!(
            split("Grease is lithium, calcium, etc. Then wait."),
            ["Grease is lithium, calcium, etc.", "Then wait."]
        );
        assert_eq!(
            split("Grease it every 2000 h. Then wait 5 s. Stop."),
            ["Grease it every 2000 h.", "Then wait 5 s.", "Stop."]
        );
        assert_eq!(split("Torque\nM8 25 Nm\n\nnext"), ["Torque", "M8 25 Nm", "next"]);
        assert_eq!(split("  \n "), Vec::<String>::new());
        assert_eq!(split("Es sind 45 Nm. Danach prüfen."), ["Es sind 45 Nm.", "Danach prüfen."]);
    }

    proptest! {
        #[test]
        fn spans_are_in_order_and_lose_only_white_space(text in "[a-zA-Z0-9 .!?\n\u{fc}()\"]{0,200}") {
            let chars: Vec<char> = text.chars().collect();
            let mut at = 0;
            for (start, end) in sentences(&text) {
                prop_assert!(at <= start && start < end && end <= chars.len());
                prop_assert!(chars[at..start].iter().all(|c| c.is_whitespace()));
                at = end;
            }
            prop_assert!(chars[at..].iter().all(|c| c.is_whitespace()));
        }
    }
}
