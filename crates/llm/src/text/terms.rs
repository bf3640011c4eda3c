use std::collections::{BTreeMap, BTreeSet};

use rust_stemmers::{Algorithm, Stemmer};

thread_local! {
    static ENGLISH: Stemmer = Stemmer::create(Algorithm::English);
}

/// A number with its unit: `2000` and `h`. Numbers without unit have an empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Measure {
    /// Digits with a decimal point, separators of thousands removed.
    pub number: String,
    /// The unit in one spelling, or nothing.
    pub unit: &'static str,
}

/// What a piece of text says, reduced to what can be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Stems of the words that carry meaning.
    pub words: BTreeSet<String>,
    /// Numbers with their units, number words included.
    pub measures: BTreeSet<Measure>,
    /// Part numbers and other names that mix letters, digits and signs, lower case.
    pub codes: BTreeSet<String>,
    /// Numbers that only the language told how to read, by how they stand there: 4500 by `4.500`.
    written: BTreeMap<String, String>,
    /// Whether it says that something is not so or must not be done.
    pub negated: bool,
}

impl Terms {
    /// Nothing in it that could be compared.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.measures.is_empty() && self.codes.is_empty()
    }

    /// Takes the other's terms as well.
    pub fn extend(&mut self, other: &Self) {
        self.words.extend(other.words.iter().cloned());
        self.measures.extend(other.measures.iter().cloned());
        self.codes.extend(other.codes.iter().cloned());
        self.written.extend(other.written.iter().map(|(number, written)| (number.clone(), written.clone())));
        self.negated |= other.negated;
    }

    /// Words, numbers and codes under one roof, for weighing.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .map(String::as_str)
            .chain(self.measures.iter().map(|measure| measure.number.as_str()))
            .chain(self.codes.iter().map(String::as_str))
    }

    /// Whether a key of another text is among the keys of this one.
    pub fn has_key(&self, key: &str) -> bool {
        self.words.contains(key)
            || self.codes.contains(key)
            || self.measures.iter().any(|measure| measure.number == key)
    }

    /// Whether every number, unit and code of `claim` stands here too. A claimed number without
    /// unit may have one here; a claimed unit must be the same here. A number that one of the two cannot be read of alone, as
    /// `4.500` in a row of a table, is the same where it is written the same.
    pub fn holds_figures_of(&self, claim: &Self) -> bool {
        claim.codes.is_subset(&self.codes)
            && claim.measures.iter().all(|claimed| {
                self.measures.iter().any(|held| {
                    let is_written_so = self.written.get(&held.number) == Some(&claimed.number)
                        || claim.written.get(&claimed.number) == Some(&held.number);
                    (held.number == claimed.number || is_written_so)
                        && (claimed.unit.is_empty() || held.unit == claimed.unit)
                })
            })
    }
}

/// Reduces a text to its terms.
pub fn terms(text: &str) -> Terms {
    let mut terms = Terms::default();
    let tokens: Vec<&str> = tokens(text).collect();
    let is_german = tokens.iter().any(|token| GERMAN.contains(token));
    // Where the unit of the number before stands.
    let mut taken = 0;
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 && at == taken {
            continue;
        }
        let lower = token.to_lowercase();
        if is_negation(&lower) {
            terms.negated = true;
        }
        if let Some(number) = number_word(&lower) {
            let (unit, place) = unit_after(&tokens, at).unwrap_or_default();
            taken = place;
            terms.measures.insert(Measure { number: number.into(), unit });
        } else if lower.bytes().any(|byte| byte.is_ascii_digit()) {
            let (number, rest) = split_number(&lower, is_german);
            if number.is_empty() || !(rest.is_empty() || unit(rest).is_some()) {
                terms.codes.insert(lower);
                continue;
            }
            let (unit, place) =
                if rest.is_empty() { unit_after(&tokens, at) } else { unit(rest).map(|unit| (unit, 0)) }
                    .unwrap_or_default();
            taken = place;
            let digits = lower.trim_end_matches(|c: char| !c.is_ascii_digit());
            if is_german && digits != number && groups_of_thousands(digits) == 2 {
                terms.written.insert(number.clone(), digits.to_owned());
            }
            terms.measures.insert(Measure { number, unit });
        } else if !is_stop_word(&lower) && lower.chars().any(char::is_alphabetic) {
            let word = ENGLISH.with(|english| english.stem(&lower).into_owned());
            terms.words.insert(word);
        }
    }
    terms
}

/// The unit that follows the number at `at`, at once or after a word that only says which kind,
/// and its place.
fn unit_after(tokens: &[&str], at: usize) -> Option<(&'static str, usize)> {
    const KINDS: &[&str] = &["operating", "running", "service", "working", "calendar", "full", "consecutive", "more"];
    let next = tokens.get(at + 1)?;
    if let Some(unit) = unit(next) {
        return Some((unit, at + 1));
    }
    let is_kind = KINDS.contains(&next.to_lowercase().as_str());
    let unit = if is_kind { unit(tokens.get(at + 2)?) } else { None };
    unit.map(|unit| (unit, at + 2))
}

/// Runs of letters, digits and the signs that stand inside part numbers and measures.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| {
        !(c.is_alphanumeric()
            || matches!(c, '-' | '_' | '/' | '.' | ',' | '+' | '#' | '°' | '%' | 'µ' | '\'' | '·' | '⋅'))
    })
    .flat_map(|run| {
        // Of what a raised point parts, only units stay whole: `N·m`, `40N·m`.
        let run = run.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '°' | '%'));
        let whole = unit(run.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','))).is_some();
        run.split(move |c: char| !whole && matches!(c, '·' | '⋅'))
    })
    .flat_map(|run| {
        // Signs join only what has digits in it: `P-101` is one name, `oil-free` two words.
        let run = run.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '°' | '%'));
        let whole = unit(run).is_some() || run.chars().any(|c| c.is_ascii_digit());
        run.split(move |c: char| !(whole || c.is_alphanumeric() || matches!(c, '°' | '%' | '/')))
    })
    .flat_map(|run| {
        // `km/h` and `m/s` are units, `and/or` is not.
        let whole = unit(run).is_some() || run.chars().any(|c| c.is_ascii_digit());
        run.split(move |c: char| !whole && c == '/')
    })
    .filter(|token| !token.is_empty())
}

/// Words by which a text is told to be German; none is a word of English.
const GERMAN: &[&str] = &[
    "alle",
    "auf",
    "aus",
    "bei",
    "bis",
    "das",
    "dem",
    "der",
    "des",
    "ein",
    "eine",
    "einem",
    "einen",
    "einer",
    "für",
    "im",
    "ist",
    "jede",
    "jeden",
    "jeder",
    "nach",
    "nicht",
    "oder",
    "sind",
    "und",
    "vom",
    "werden",
    "wird",
    "zum",
    "zur",
    "Betriebsstunden",
    "Stunden",
    "Minuten",
    "Sekunden",
    "Tage",
    "Tagen",
    "Wochen",
    "Monate",
    "Monaten",
    "Jahre",
    "Jahren",
];

/// A leading number in plain spelling, and what follows it.
///
/// `2.000` is two thousand to a German and two to an English reader. In a text that is not told to be German it stays as
/// it is written and equals neither, for a figure that is off by a thousand must not pass.
fn split_number(token: &str, is_german: bool) -> (String, &str) {
    let end = token.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(token.len());
    let (digits, rest) = token.split_at(end);
    let digits = digits.trim_end_matches(['.', ',']);
    if digits.is_empty() {
        return (String::new(), token);
    }
    let (whole, decimals) = digits.split_once(',').unwrap_or((digits, ""));
    let groups = groups_of_thousands(whole);
    let is_decimal_comma = !decimals.contains(['.', ',']) && (is_german || groups > 1);
    let number = if groups > 2 || (groups == 2 && is_decimal_comma && (is_german || !decimals.is_empty())) {
        format!("{}.{decimals}", whole.replace('.', ""))
    } else if groups == 2 && decimals.is_empty() {
        return (digits.to_owned(), rest);
    } else if is_decimal_comma && !decimals.is_empty() {
        format!("{whole}.{decimals}")
    } else {
        // A comma before exactly three digits separates thousands, any other is a decimal one.
        let mut number = String::with_capacity(digits.len());
        for (at, part) in digits.split(',').enumerate() {
            if at > 0 && part.split('.').next().map(str::len) != Some(3) {
                number.push('.');
            }
            number.push_str(part);
        }
        number
    };
    let is_whole = !number.contains('.');
    let plain = if is_whole { &number } else { number.trim_end_matches('0').trim_end_matches('.') };
    (plain.to_owned(), rest)
}

/// How many groups of digits points part as thousands: 2 in `2.000`, 1 where they are no thousands.
fn groups_of_thousands(digits: &str) -> usize {
    let mut groups = digits.split('.');
    let first = groups.next().unwrap_or_default();
    let leads = (1..=3).contains(&first.len()) && !first.starts_with('0');
    if leads && groups.all(|group| group.len() == 3) { digits.split('.').count() } else { 1 }
}

fn number_word(word: &str) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
        ("fifteen", "15"),
        ("twenty", "20"),
        ("thirty", "30"),
        ("sixty", "60"),
        ("hundred", "100"),
        ("twice", "2"),
    ];
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits)
}

/// Whether a word or sign is a unit that is told apart from others.
pub fn is_unit(token: &str) -> bool {
    unit(token).is_some()
}

/// A unit in one spelling, however it is written.
fn unit(token: &str) -> Option<&'static str> {
    const UNITS: &[(&str, &[&str])] = &[
        ("h", &["h", "hr", "hrs", "hour", "hours", "stunde", "stunden", "betriebsstunden"]),
        ("min", &["min", "mins", "minute", "minutes", "minuten"]),
        ("s", &["s", "sec", "secs", "second", "seconds", "sekunden"]),
        ("ms", &["ms", "millisecond", "milliseconds"]),
        ("day", &["d", "day", "days", "tag", "tage", "tagen"]),
        ("week", &["week", "weeks", "woche", "wochen"]),
        ("month", &["month", "months", "monat", "monate", "monaten"]),
        ("year", &["year", "years", "jahr", "jahre", "jahren"]),
        ("nm", &["nm", "n·m", "n⋅m", "newton-metres"]),
        ("knm", &["knm", "kn·m", "kn⋅m"]),
        ("mm", &["mm", "millimetre", "millimetres", "millimeter", "millimeters"]),
        ("cm", &["cm", "centimetres", "centimeters"]),
        ("m", &["m", "metre", "metres", "meter", "meters"]),
        ("km", &["km"]),
        ("um", &["µm", "um", "micron", "microns"]),
        ("in", &["inch", "inches"]),
        ("ft", &["ft", "feet", "foot"]),
        ("bar", &["bar", "bars"]),
        ("mbar", &["mbar"]),
        ("pa", &["pa"]),
        ("kpa", &["kpa"]),
        ("mpa", &["mpa"]),
        ("psi", &["psi"]),
        ("c", &["°c", "celsius"]),
        ("f", &["°f", "fahrenheit"]),
        ("k", &["kelvin"]),
        ("deg", &["°", "degree", "degrees", "deg"]),
        ("%", &["%", "percent", "prozent"]),
        ("rpm", &["rpm", "r/min", "1/min", "min-1", "u/min"]),
        ("hz", &["hz", "hertz"]),
        ("khz", &["khz"]),
        ("mhz", &["mhz"]),
        ("v", &["v", "volt", "volts", "vdc", "vac"]),
        ("kv", &["kv"]),
        ("mv", &["mv"]),
        ("a", &["amp", "amps", "ampere", "amperes"]),
        ("ma", &["ma"]),
        ("w", &["w", "watt", "watts"]),
        ("kw", &["kw", "kilowatt", "kilowatts"]),
        ("ohm", &["ohm", "ohms", "Ω"]),
        ("l", &["l", "litre", "litres", "liter", "liters"]),
        ("ml", &["ml"]),
        ("l/min", &["l/min"]),
        ("m3/h", &["m3/h", "m³/h"]),
        ("m/s", &["m/s"]),
        ("mm/s", &["mm/s"]),
        ("km/h", &["km/h"]),
        ("g", &["g", "gram", "grams"]),
        ("kg", &["kg", "kilogram", "kilograms"]),
        ("t", &["tonne", "tonnes"]),
        ("n", &["newton", "newtons"]),
        ("kn", &["kn"]),
        ("db", &["db", "db(a)"]),
        ("kb", &["kb", "kib"]),
        ("mb", &["mb", "mib"]),
        ("gb", &["gb", "gib"]),
        ("bit", &["bit", "bits"]),
        ("byte", &["byte", "bytes"]),
    ];
    let lower = token.to_lowercase();
    UNITS.iter().find(|(_, spellings)| spellings.contains(&lower.as_str())).map(|(name, _)| *name)
}

fn is_negation(word: &str) -> bool {
    matches!(
        word,
        "not" | "never" | "no" | "cannot" | "without" | "nor" | "neither" | "none" | "nicht" | "kein" | "keine" | "nie"
    ) || word.ends_with("n't")
        || matches!(word, "don" | "doesn" | "isn" | "mustn" | "shouldn" | "can't" | "won")
}

/// Whether a word, in lower case, only holds others together.
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// Function words, modal verbs and the words that questions are made of. Sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "before", "being",
    "but", "by", "can", "cannot", "could", "d", "did", "do", "does", "doing", "don", "done", "each", "every", "find",
    "for", "from", "get", "give", "had", "has", "have", "having", "he", "her", "here", "him", "his", "how", "however",
    "i", "if", "in", "into", "is", "it", "its", "itself", "just", "know", "let", "ll", "m", "made", "make", "many",
    "may", "me", "might", "more", "most", "much", "must", "my", "need", "needed", "needs", "no", "not", "of", "off",
    "often", "on", "once", "one", "only", "or", "other", "our", "out", "over", "own", "please", "re", "s", "same",
    "shall", "she", "should", "so", "some", "such", "t", "tell", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "through", "to", "too", "under", "until", "up", "us", "ve", "very",
    "was", "we", "were", "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will", "with",
    "would", "you", "your", "yours",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn measures(text: &str) -> Vec<(String, &'static str)> {
        terms(text).measures.into_iter().map(|measure| (measure.number, measure.unit)).collect()
    }

    fn pair(number: &str, unit: &'static str) -> (String, &'static str) {
        (number.to_owned(), unit)
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        assert_eq!(measures("every 2,000 hours"), [pair("2000", "h")]);
        assert_eq!(measures("2000h"), [pair("2000", "h")]);
        assert_eq!(measures("2,000 operating hours"), [pair("2000", "h")]);
        assert_eq!(measures("1,5 l and 3.50 bar."), [pair("1.5", "l"), pair("3.5", "bar")]);
        assert_eq!(measures("at 80 °C, 80°C, or 20 %"), [pair("20", "%"), pair("80", "c")]);
        assert_eq!(measures("twice a week for six months"), [pair("2", ""), pair("6", "month")]);
        assert_eq!(measures("1450 r/min"), [pair("1450", "rpm")]);
    }

    #[test]
    fn a_newton_metre_with_a_raised_point_is_one_unit() {
        assert_eq!(measures("Tighten with 85 N·m, then 110N⋅m"), [pair("110", "nm"), pair("85", "nm")]);
        assert_eq!(measures("1.2 kN·m"), [pair("1.2", "knm")]);
        assert!(terms("85 N·m").holds_figures_of(&terms("85 Nm")));
        assert!(!terms("85 N·m").holds_figures_of(&terms("85 m")));
        assert_eq!(terms("Sensor·Kabel").words.len(), 2);
    }

    /// Half of the manual's figures stand in rows, where no word tells the language.
    #[test]
    fn a_figure_of_a_row_is_held_by_a_sentence_that_writes_it_the_same() {
        let (row, sentence) = (terms("Filter | 4.500 h"), terms("Der Filter wird alle 4.500 h gewechselt"));
        assert!(row.holds_figures_of(&sentence) && sentence.holds_figures_of(&row));
        let plain = terms("Der Filter wird alle 4500 h gewechselt");
        assert!(sentence.holds_figures_of(&plain) && !row.holds_figures_of(&plain));
        let thousandth = terms("The filter is changed every 4.5 h");
        assert!(!row.holds_figures_of(&thousandth) && !sentence.holds_figures_of(&thousandth));
    }

    #[test]
    fn a_german_point_separates_thousands() {
        assert_eq!(measures("alle 4.500 Stunden"), [pair("4500", "h")]);
        assert_eq!(measures("Nach 12.000 Betriebsstunden"), [pair("12000", "h")]);
        assert_eq!(measures("Der Druck ist 1,250 bar oder 3.50 bar"), [pair("1.25", "bar"), pair("3.5", "bar")]);
        assert_eq!(measures("1.250,75 kg and 1.250.000 h"), [pair("1250.75", "kg"), pair("1250000", "h")]);
        assert!(terms("alle 4.500 Stunden").holds_figures_of(&terms("every 4,500 hours")));
        assert!(!terms("alle 4.500 Stunden").holds_figures_of(&terms("every 4.5 hours")));
    }

    #[test]
    fn a_point_that_may_separate_thousands_equals_neither_reading() {
        let table = terms("Filter | 4.500 h");
        assert!(table.holds_figures_of(&terms("4.500 h")));
        assert!(!table.holds_figures_of(&terms("4.5 h")) && !table.holds_figures_of(&terms("4500 h")));
        assert_eq!(measures("0.500 mm and 2.25 mm"), [pair("0.5", "mm"), pair("2.25", "mm")]);
    }

    #[test]
    fn part_numbers_stay_whole() {
        let terms = terms("Bearing 6205-2RS of P-101 (oil-free), and/or M8x1.25.");
        assert_eq!(terms.codes.iter().collect::<Vec<_>>(), ["6205-2rs", "m8x1.25", "p-101"]);
        assert_eq!(terms.words.iter().collect::<Vec<_>>(), ["bear", "free", "oil"]);
    }

    #[test]
    fn a_claim_with_another_number_unit_or_part_is_not_held() {
        let source = terms("Tighten the M8 screws with 25 Nm after 2,000 hours.");
        assert!(source.holds_figures_of(&terms("25 Nm for M8, every 2000 h")));
        assert!(source.holds_figures_of(&terms("25 for M8")));
        assert!(!source.holds_figures_of(&terms("25 bar for M8")));
        assert!(!source.holds_figures_of(&terms("26 Nm for M8")));
        assert!(!source.holds_figures_of(&terms("25 Nm for M10")));
    }

    #[test]
    fn negation_is_seen() {
        assert!(terms("Do not open").negated && terms("Never open").negated && terms("Don't open").negated);
        assert!(!terms("Open the notch").negated);
    }

    #[test]
    fn the_stop_list_can_be_searched() {
        assert!(STOP_WORDS.windows(2).all(|pair| pair[0] < pair[1]), "sorted and without repeats");
    }
}
