//! Whether a text says something: words in order, figures with their units, within one sentence.

use std::collections::BTreeSet;

use millwright_llm::text::{Measure, Terms, terms};

use super::grounds::sentences;

/// Stands between parts of a phrasing that may stand anywhere in one sentence.
const BETWEEN: &str = " ... ";

/// Whether something can be looked for by a phrasing.
pub(crate) fn is_phrasing(phrasing: &str) -> bool {
    format!(" {phrasing} ").split(BETWEEN).all(|part| !tokens(part).is_empty())
}

/// A shown text, cut into what can be compared.
pub(crate) struct Statements(Vec<Statement>);

struct Statement {
    tokens: Vec<String>,
    measures: BTreeSet<Measure>,
}

impl Statements {
    pub(crate) fn of(shown: &str) -> Self {
        let statements = sentences(shown)
            .into_iter()
            .map(|sentence| Statement { tokens: tokens(&sentence.text), measures: terms(&sentence.text).measures });
        Self(statements.collect())
    }

    /// Whether one sentence holds all parts of the phrasing.
    pub(crate) fn say(&self, phrasing: &str) -> bool {
        let padded = format!(" {phrasing} ");
        let parts: Vec<Part> = padded.split(BETWEEN).map(Part::of).collect();
        self.0.iter().any(|statement| parts.iter().all(|part| part.stands_in(statement)))
    }
}

struct Part {
    tokens: Vec<String>,
    /// Where it is nothing but a figure with its unit.
    measure: Option<Measure>,
}

impl Part {
    fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let Terms { words, codes, .. } = terms(text);
        let mut measures = measures(text, &tokens).into_iter();
        // A sign is no part of a measure, and must be held all the same.
        let bare = words.is_empty() && codes.is_empty() && !tokens.iter().any(|token| token.starts_with('-'));
        let only = (measures.next(), measures.next());
        let measure = match only {
            (Some(measure), None) if bare && !measure.unit.is_empty() => Some(measure),
            _ => None,
        };
        Self { tokens, measure }
    }

    fn stands_in(&self, statement: &Statement) -> bool {
        self.measure.as_ref().is_some_and(|measure| statement.measures.contains(measure))
            || statement.tokens.windows(self.tokens.len()).any(|window| window == self.tokens)
    }
}

/// Figures with their units, but for numbers such as `2.000`, which are two or two thousand: these count only as they are
/// written.
fn measures(text: &str, tokens: &[String]) -> BTreeSet<Measure> {
    let mut measures = terms(text).measures;
    for (whole, fraction) in tokens.iter().filter_map(|token| token.split_once('.')) {
        if fraction.len() == 3 {
            let as_fraction = format!("{whole}.{fraction}");
            let as_fraction = as_fraction.trim_end_matches('0').trim_end_matches('.');
            measures.retain(|measure| measure.number != as_fraction);
        }
    }
    measures
}

/// Words in lower case, and numbers in one spelling; letters and digits are apart, so that `49Nm` is `49 Nm`, and signs
/// between them are nothing, so that `HP 4433-01` is `HP-4433-01`.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    // The point of a product is no boundary: `N·m` is `Nm`.
    let text: Vec<char> = text.to_lowercase().replace(['·', '\u{22c5}'], "").chars().map(plain).collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let begin = at;
        let c = text[at];
        if c.is_ascii_digit() {
            let goes_on = |at: usize| {
                let is_digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
                is_digit(at) || (matches!(text.get(at), Some('.' | ',')) && is_digit(at + 1))
            };
            while goes_on(at) {
                at += 1;
            }
            let is_negative = begin > 0 && text[begin - 1] == '-' && (begin < 2 || !text[begin - 2].is_alphanumeric());
            let number = number(&text[begin..at].iter().collect::<String>());
            tokens.push(if is_negative { format!("-{number}") } else { number });
        } else if is_letter(c) {
            while text.get(at).is_some_and(|c| is_letter(*c)) {
                at += 1;
            }
            tokens.push(text[begin..at].iter().collect());
        } else {
            if c == '%' {
                tokens.push(c.to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn plain(c: char) -> char {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{b5}' => '\u{3bc}',
        c => c,
    }
}

fn is_letter(c: char) -> bool {
    c == '°' || (c.is_alphanumeric() && !c.is_ascii_digit())
}

/// A comma before exactly three digits separates thousands, any other is a decimal one; noughts at the end of a fraction mean
/// nothing. `2.000` stays as it is: in German it is two thousand.
fn number(written: &str) -> String {
    if written.matches(['.', ',']).count() != 1 {
        let all_thousands = written.split(',').skip(1).all(|group| group.len() == 3) && !written.contains('.');
        return if all_thousands { written.replace(',', "") } else { written.to_owned() };
    }
    let Some((whole, fraction)) = written.split_once(['.', ',']) else { return written.to_owned() };
    if fraction.len() == 3 {
        return if written.contains(',') { format!("{whole}{fraction}") } else { written.to_owned() };
    }
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_equal_however_they_are_spaced_and_written() {
        let says = |shown: &str, phrasing: &str| Statements::of(shown).say(phrasing);
        for (shown, phrasing) in [
            ("Tighten to 49Nm [1].", "49 Nm"),
            ("Tighten to 49 N·m [1].", "49 Nm"),
            ("Every 2,000 operating hours [1].", "2000 h"),
            ("Every 2000 hours [1].", "2,000 h"),
            ("Der Druck beträgt 6,1 bar [1].", "6.1 bar"),
            ("The offset is 0.10 mm [1].", "0.1 mm"),
            ("Between \u{2212}10 °C and +40 °C [1].", "-10 °C"),
            ("Seal HP‑4433‑01 [2].", "HP-4433-01"),
            ("Availability was 87.4 % [1].", "87.4%"),
            ("Torque: 49 Nm; Connection: Coupling bolts [1].", "coupling bolts ... 49 Nm"),
            ("Alle 2.000 Betriebsstunden [1].", "2.000 Betriebsstunden"),
        ] {
            assert!(says(shown, phrasing), "{shown} / {phrasing}");
        }
        for (shown, phrasing) in [
            ("Tighten to 149 Nm [1].", "49 Nm"),
            ("Tighten to 4.49 Nm [1].", "49 Nm"),
            ("Tighten to 49 N [1].", "49 Nm"),
            ("At 10 °C [1].", "-10 °C"),
            ("Every 20 hours [1].", "2000 h"),
            ("Part HP-4433-011 [1].", "HP-4433-01"),
            ("Coupling guard: 12 Nm [1]. Coupling bolts: 49 Nm [1].", "coupling guard ... 49 Nm"),
            ("2 Stunden [1].", "2.000 Stunden"),
        ] {
            assert!(!says(shown, phrasing), "{shown} / {phrasing}");
        }
    }

    #[test]
    fn words_stand_in_their_order_and_markers_are_no_words() {
        let shown = Statements::of("Never use grease or oil [1]. The thread\nis right-handed [2].");
        assert!(shown.say("never use grease"));
        assert!(shown.say("Right-Handed"));
        assert!(!shown.say("grease never"));
        assert!(!shown.say("oil 1"));
    }

    #[test]
    fn a_phrasing_has_something_in_each_part() {
        assert!(is_phrasing("49 Nm") && is_phrasing("a ... b"));
        for nothing in ["", " - ", "a ... ", " ... a", "a ... - ... b"] {
            assert!(!is_phrasing(nothing), "{nothing}");
        }
    }
}
