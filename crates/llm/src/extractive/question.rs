//! What a question asks for, by its words.

use std::collections::BTreeSet;

use crate::text::{Measure, Terms, terms};

/// What would count as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A number, of this dimension if the question names one.
    Figure(Option<Dimension>),
    /// The steps of a procedure.
    Steps,
    /// A time or an occasion.
    When,
    /// A place.
    Where,
    /// A person or role.
    Who,
    /// A cause or purpose.
    Why,
    /// What a word means.
    Meaning,
    /// Anything that fits.
    Anything,
}

/// What kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Interval,
    Duration,
    Length,
    Torque,
    Pressure,
    Temperature,
    Speed,
    Voltage,
    Current,
    Power,
    Mass,
    Volume,
    Noise,
    /// Some number with some unit.
    Amount,
}

impl Dimension {
    fn units(self) -> &'static [&'static str] {
        match self {
            Self::Interval => &["h", "min", "s", "day", "week", "month", "year", "km"],
            Self::Duration => &["h", "min", "s", "ms", "day", "week", "month", "year"],
            Self::Length => &["mm", "cm", "m", "km", "um", "in", "ft"],
            Self::Torque => &["nm", "knm"],
            Self::Pressure => &["bar", "mbar", "pa", "kpa", "mpa", "psi"],
            Self::Temperature => &["c", "f", "k", "deg"],
            Self::Speed => &["rpm", "m/s", "mm/s", "km/h", "hz"],
            Self::Voltage => &["v", "kv", "mv"],
            Self::Current => &["a", "ma"],
            Self::Power => &["w", "kw"],
            Self::Mass => &["g", "kg", "t"],
            Self::Volume => &["l", "ml", "l/min", "m3/h", "g", "kg"],
            Self::Noise => &["db"],
            Self::Amount => {
                &["g", "kg", "t", "l", "ml", "mm", "cm", "m", "km", "in", "ft", "%", "bar", "c", "kw", "w", "rpm"]
            }
        }
    }
}

/// Words of the question that name no thing, beyond those of any text.
const FILLER: &[&str] = &[
    "accord",
    "answer",
    "describ",
    "detail",
    "document",
    "explain",
    "inform",
    "list",
    "manual",
    "mean",
    "mention",
    "note",
    "page",
    "question",
    "recommend",
    "requir",
    "say",
    "section",
    "show",
    "state",
    "step",
    "tell",
    "thing",
    "want",
    "way",
];

/// Stems that plants use for one another.
const SAME: &[&[&str]] = &[
    &["greas", "lubric", "regreas", "relubric"],
    &["replac", "chang", "exchang", "renew"],
    &["torqu", "tighten"],
    &["stop", "shut", "shutdown"],
    &["fault", "error", "failur", "alarm"],
    &["repair", "fix", "remedi"],
    &["maximum", "max", "highest"],
    &["minimum", "min", "lowest"],
    &["weight", "weigh", "mass"],
    &["check", "inspect", "inspection"],
    &["instal", "mount", "fit"],
    &["remov", "dismantl", "disassembl"],
    &["lockout", "lock", "loto"],
    &["permit", "permiss", "allow"],
    &["suppli", "power"],
    &["reason", "caus"],
];

/// A question, read.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) asks: Asks,
    /// Stems, numbers and codes that an answer should have.
    pub(super) keys: Vec<String>,
    /// Codes of parts, machines and orders among the keys.
    pub(super) names: BTreeSet<String>,
    /// Numbers that the question itself names and an answer need not tell.
    own_numbers: BTreeSet<String>,
}

impl Question {
    /// Reads a question; a question without words of its own takes those of the one before it.
    pub(super) fn read(text: &str, before: Option<&str>) -> Self {
        let own = terms(text);
        let (mut keys, mut names) = (content_keys(&own), own.codes.clone());
        if keys.len() < 2
            && let Some(before) = before
        {
            let before = terms(before);
            keys.extend(content_keys(&before));
            names.extend(before.codes);
        }
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        let own_numbers = own.measures.iter().map(|measure| measure.number.clone()).collect();
        Self { asks: asks(&text.to_lowercase(), &own), keys, names, own_numbers }
    }

    /// How much a text has the form of an answer: 1 is neutral.
    pub(super) fn form(&self, text: &str, terms: &Terms) -> f32 {
        let lower = text.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| contains_word(&lower, word));
        let pick = |fits: bool, yes: f32, no: f32| if fits { yes } else { no };
        match self.asks {
            Asks::Figure(dimension) => self.figure_form(&lower, terms, dimension),
            Asks::Steps | Asks::Anything => 1.0,
            Asks::When => pick(has(TIMES) || terms.measures.iter().any(is_time), 1.15, 0.85),
            Asks::Where => pick(has(PLACES), 1.15, 0.9),
            Asks::Who => pick(has(PERSONS), 1.2, 0.75),
            Asks::Why => pick(has(CAUSES), 1.25, 0.85),
            Asks::Meaning => pick(self.defines(&lower), 1.35, 0.95),
        }
    }

    fn figure_form(&self, lower: &str, terms: &Terms, dimension: Option<Dimension>) -> f32 {
        let mut new = terms.measures.iter().filter(|measure| !self.own_numbers.contains(&measure.number));
        match dimension {
            Some(dimension) if new.clone().any(|measure| dimension.units().contains(&measure.unit)) => 1.35,
            Some(Dimension::Interval) if PERIODS.iter().any(|word| contains_word(lower, word)) => 1.3,
            Some(_) if new.any(|measure| !measure.unit.is_empty()) => 0.85,
            Some(_) => 0.55,
            None if new.clone().any(|measure| !measure.unit.is_empty()) => 1.25,
            None => {
                if new.next().is_some() {
                    1.1
                } else {
                    0.55
                }
            }
        }
    }

    /// The text says of the thing asked for what it is.
    fn defines(&self, lower: &str) -> bool {
        let Some((subject, _)) =
            [" is ", " are ", " means ", " refers to ", " stands for ", " describes ", ": ", " - "]
                .iter()
                .filter_map(|verb| lower.split_once(verb))
                .min_by_key(|(subject, _)| subject.len())
        else {
            return false;
        };
        let subject = terms(subject);
        subject.words.len() <= 5 && self.keys.iter().any(|key| subject.has_key(key))
    }
}

/// Stems that mean the same as `key`, itself first.
pub(super) fn same_as(key: &str) -> impl Iterator<Item = &str> {
    let group = SAME.iter().find(|group| group.contains(&key)).copied().unwrap_or_default();
    std::iter::once(key).chain(group.iter().copied().filter(move |other| *other != key))
}

const PERIODS: &[&str] = &[
    "daily",
    "weekly",
    "monthly",
    "quarterly",
    "yearly",
    "annually",
    "hourly",
    "every",
    "once a",
    "twice a",
    "per shift",
    "each shift",
    "täglich",
    "wöchentlich",
    "monatlich",
    "jährlich",
    "interval",
];
const TIMES: &[&str] =
    &["when", "if", "after", "before", "once", "every", "until", "as soon as", "during", "daily", "weekly"];
const PLACES: &[&str] = &[
    "located",
    "location",
    "behind",
    "beside",
    "left",
    "right",
    "top",
    "bottom",
    "rear",
    "front",
    "side",
    "inside",
    "underneath",
    "above",
    "below",
    "mounted",
    "cabinet",
    "next to",
    "stored",
    "under",
    "in the",
    "on the",
    "at the",
];
const PERSONS: &[&str] = &[
    "operator",
    "operators",
    "technician",
    "technicians",
    "engineer",
    "supervisor",
    "electrician",
    "person",
    "persons",
    "personnel",
    "people",
    "staff",
    "manager",
    "lead",
    "employee",
    "employees",
    "responsible",
    "authorised",
    "authorized",
    "qualified",
    "trained",
    "team",
    "department",
    "contractor",
];
const CAUSES: &[&str] = &[
    "because",
    "since",
    "prevent",
    "prevents",
    "avoid",
    "avoids",
    "so that",
    "otherwise",
    "due to",
    "cause",
    "causes",
    "caused",
    "reason",
    "therefore",
    "as a result",
    "in order to",
    "risk",
    "can lead",
    "leads to",
    "ensure",
    "ensures",
];

fn is_time(measure: &Measure) -> bool {
    Dimension::Interval.units().contains(&measure.unit)
}

fn content_keys(terms: &Terms) -> Vec<String> {
    terms.keys().filter(|key| !FILLER.contains(key)).map(str::to_owned).collect()
}

fn asks(lower: &str, own: &Terms) -> Asks {
    let has = |words: &[&str]| words.iter().any(|word| contains_word(lower, word));
    if has(&["how often", "how frequently", "what interval", "interval", "intervals", "wie oft"]) {
        return Asks::Figure(Some(Dimension::Interval));
    }
    if has(&["how long"]) {
        return Asks::Figure(Some(Dimension::Duration));
    }
    if has(&[
        "how much",
        "how far",
        "how high",
        "how hot",
        "how fast",
        "how heavy",
        "how large",
        "how deep",
        "wie viel",
    ]) {
        return Asks::Figure(Some(dimension(lower).unwrap_or(Dimension::Amount)));
    }
    if has(&["how many", "wie viele"]) {
        return Asks::Figure(dimension(lower));
    }
    if has(&[
        "how do",
        "how to",
        "how can",
        "how should",
        "how is",
        "how are",
        "how does",
        "steps",
        "procedure",
        "instructions for",
    ]) {
        return Asks::Steps;
    }
    if has(&["who", "whom", "wer"]) {
        return Asks::Who;
    }
    if has(&["why", "what causes", "what caused", "what is the cause", "reason", "reasons", "warum"]) {
        return Asks::Why;
    }
    let named = dimension(lower);
    if has(&["what", "which", "at what", "give", "wie"]) && named.is_some() {
        return Asks::Figure(named);
    }
    if has(&["when", "wann"]) {
        return Asks::When;
    }
    if has(&["where", "wo"]) {
        return Asks::Where;
    }
    if has(&["what is", "what are", "what does", "what do", "what's", "define", "meaning"])
        && content_keys(own).len() <= 3
    {
        return Asks::Meaning;
    }
    Asks::Anything
}

fn dimension(lower: &str) -> Option<Dimension> {
    let words: &[(&[&str], Dimension)] = &[
        (&["torque", "tightening torque"], Dimension::Torque),
        (&["pressure"], Dimension::Pressure),
        (&["temperature", "temperatures", "hot", "cold"], Dimension::Temperature),
        (&["speed", "rpm", "fast", "velocity", "feed rate"], Dimension::Speed),
        (&["voltage"], Dimension::Voltage),
        (&["current", "amperage"], Dimension::Current),
        (&["power rating", "rated power", "motor power"], Dimension::Power),
        (&["weight", "heavy", "weigh", "mass"], Dimension::Mass),
        (
            &["oil quantity", "volume", "capacity", "how much oil", "how much grease", "flow rate", "litres"],
            Dimension::Volume,
        ),
        (
            &[
                "clearance",
                "distance",
                "gap",
                "length",
                "width",
                "height",
                "diameter",
                "thickness",
                "how far",
                "how high",
            ],
            Dimension::Length,
        ),
        (&["noise", "sound level"], Dimension::Noise),
        (&["how many hours", "how many minutes", "duration", "downtime", "time"], Dimension::Duration),
    ];
    words.iter().find(|(names, _)| names.iter().any(|name| contains_word(lower, name))).map(|(_, dimension)| *dimension)
}

/// `word` stands in `text` with no letter or digit at either side. Both in lower case.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_apart() {
        let cases = [
            ("How often must the bearings be greased?", Asks::Figure(Some(Dimension::Interval))),
            ("What torque for the M8 screws?", Asks::Figure(Some(Dimension::Torque))),
            ("How many filters are needed?", Asks::Figure(None)),
            ("How do I replace the seal?", Asks::Steps),
            ("Who may open the cabinet?", Asks::Who),
            ("Why does the pump vibrate?", Asks::Why),
            ("Where is the main switch?", Asks::Where),
            ("When must the oil be changed?", Asks::When),
            ("What is cavitation?", Asks::Meaning),
        ];
        for (text, expected) in cases {
            assert_eq!(Question::read(text, None).asks, expected, "{text}");
        }
    }

    #[test]
    fn a_question_without_words_of_its_own_takes_those_before_it() {
        let question = Question::read("And how often?", Some("How is the coupling aligned?"));
        assert_eq!(question.keys, ["align", "coupl"]);
    }
}
