//! The longest run that there can be without a step that fails, but for the third turn of a council, and the model that leads it there.
//!
//! The question is thought through in two turns; the draft reads on four times, which is as often as one may; two drafts that nothing
//! supports are thrown away; the third is the answer. That is seventeen steps ([`STEPS`]) and nine requests to the model. Which
//! step a request belongs to is read from itself, so that a request that comes twice is known for one.

use std::{fmt::Write, time::Duration};

use millwright_scripted_model::{Request, Script, ScriptError};

/// A step: its kind, and which one of that kind.
pub(super) type Step = (&'static str, usize);

/// In their order.
pub(super) const STEPS: [Step; 17] = [
    ("observe", 1),
    ("deliberate", 1),
    ("deliberate", 2),
    ("think", 1),
    ("tool", 1),
    ("think", 2),
    ("tool", 2),
    ("think", 3),
    ("tool", 3),
    ("think", 4),
    ("tool", 4),
    ("think", 5),
    ("verify", 1),
    ("think", 6),
    ("verify", 2),
    ("think", 7),
    ("verify", 3),
];
/// Requests to the model of a run that nothing breaks off.
pub(super) const REQUESTS: usize = 9;
/// Words of the answer, each of which has to be there once.
pub(super) const ANSWER: [&str; 2] = ["6.5 bar", "2000 hours"];
/// What the model is asked about: texts of their own, so that there is something to put in order.
pub(super) const FACTS: [(&str, &str); 3] = [
    (
        "k12.md",
        "# Compressor K-12\n\nThe relief valve of compressor K-12 opens at a pressure of 6.5 bar. The oil of compressor K-12 \
                is changed every 2000 hours.\n",
    ),
    (
        "k13.md",
        "# Compressor K-13\n\nThe relief valve of compressor K-13 opens at a pressure of 8 bar. Its drive belt is replaced \
                every 8000 hours.\n",
    ),
    (
        "k14.md",
        "# Compressor K-14\n\nThe air filter of compressor K-14 is cleaned every 250 hours. Its relief valve opens at a \
                pressure of 9 bar.\n",
    ),
];

const FIRST: &str = "The relief valve of compressor K-12 opens at a pressure of 6.5 bar [1]. ";
const SECOND: &str = "The oil of compressor K-12 is changed every 2000 hours [1]. ";
/// Of the search of each reading on.
pub(super) const SEARCHED: &str = "oil change interval";
const TAKES_APART: &str = "take the question apart";
const REBUILDS: &str = "Rebuild the answer";
/// What a model is told of its first and of its second draft.
const THROWN_AWAY: [&str; 2] = [": 1 sentences had no marker", ": 2 sentences had no marker"];

/// What is asked for one case.
pub(super) fn question(case: usize) -> String {
    format!("At what pressure does the relief valve of compressor K-12 open in {}?", mark(case))
}

/// Tells a case from all others, wherever its words go.
fn mark(case: usize) -> String {
    format!("hall {case:05}")
}

/// The case that a text is about.
pub(super) fn case_of(text: &str) -> Option<usize> {
    let (_, after) = text.split_once("hall ")?;
    after.get(..5)?.parse().ok()
}

/// What the calculation of a reading on comes to.
fn sum(reading: usize) -> String {
    format!("{}", 77_700 + reading)
}

/// What the model does at a step instead of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It never answers.
    Silent(Step),
    /// It says a sentence and then nothing more.
    Half(Step),
}

/// A model that leads each of these cases through all steps, with a pause before each answer, and answers whatever else is asked at once.
pub(super) fn script(
    cases: impl IntoIterator<Item = usize>,
    hold: Option<Hold>,
    pause: Duration,
) -> Result<Script, ScriptError> {
    let mut text = String::from("turns:\n");
    for case in cases {
        turns_of(&mut text, Some(case), hold, pause);
    }
    let _ = writeln!(text, "  - say: [\"{FIRST}\"]");
    Script::parse(&text, "script")
}

/// The same for whatever is asked of a hall.
pub(super) fn script_for_all(pause: Duration) -> Result<Script, ScriptError> {
    let mut text = String::from("turns:\n");
    turns_of(&mut text, None, None, pause);
    let _ = writeln!(text, "  - say: [\"{FIRST}\"]");
    Script::parse(&text, "script")
}

fn turns_of(text: &mut String, case: Option<usize>, hold: Option<Hold>, pause: Duration) {
    let user = case.map_or_else(|| "hall ".to_owned(), mark);
    let points =
        |says: &str| format!("[\"{{\\\"points\\\": [{{\\\"says\\\": \\\"{says}\\\", \\\"passages\\\": [1]}}]}}\"]");
    let says = |words: &str| format!("[\"{words}\"]");
    let mut turn = |step: Step, when: &str, said: String, reading: Option<usize>| {
        let _ = writeln!(text, "  - when: {{ last_user_contains: \"{user}\"{when} }}");
        match hold {
            Some(Hold::Silent(held)) if held == step => {
                text.push_str("    fail: hang\n");
                return;
            }
            Some(Hold::Half(held)) if held == step => {
                let _ = write!(text, "    say: [\"{FIRST}\", \"The oil\"]\n    then: hang\n");
                return;
            }
            _ => {}
        }
        let pause = if pause.is_zero() { String::new() } else { format!("{{ pause: {}ms }}, ", pause.as_millis()) };
        let _ = writeln!(text, "    say: [{pause}{}", &said[1..]);
        if let Some(reading) = reading {
            let case = case.map_or_else(|| "all halls".to_owned(), mark);
            let _ = write!(
                text,
                "    call:\n      - {{ name: search_documents, arguments: {{ query: \"{SEARCHED} {reading} compressor K-12 {case}\" }} }}\n\
                 \x20     - {{ name: calculate, arguments: {{ expression: \"77700 + {reading}\" }} }}\n"
            );
        }
    };
    let whole = says(&format!("{FIRST}{SECOND}"));
    let system = |words: &str| format!(", system_contains: \"{words}\"");
    turn(("deliberate", 1), &system(TAKES_APART), points("The relief valve opens at a pressure of 6.5 bar."), None);
    turn(("deliberate", 2), &system(REBUILDS), points("The relief valve opens at a pressure of 6.5 bar."), None);
    turn(("think", 7), &system(THROWN_AWAY[1]), whole, None);
    turn(("think", 6), &system(THROWN_AWAY[0]), says("Its paint is green. Its motor has 90 kW."), None);
    let result = |reading: usize| format!(", has_tool_result: \"{}\"", sum(reading));
    turn(("think", 5), &result(4), says("Its paint is green."), None);
    for reading in [4, 3, 2] {
        turn(("think", reading), &result(reading - 1), says(""), Some(reading));
    }
    turn(("think", 1), "", says(""), Some(1));
}

/// The step that a request to the model belongs to, and the case; nothing for what is asked beside the cases.
pub(super) fn step_of(request: &Request) -> Option<(usize, Step)> {
    let case = case_of(&request.last_user())?;
    let system = request.system();
    let step = if system.contains(TAKES_APART) {
        ("deliberate", 1)
    } else if system.contains(REBUILDS) {
        ("deliberate", 2)
    } else if system.contains(THROWN_AWAY[1]) {
        ("think", 7)
    } else if system.contains(THROWN_AWAY[0]) {
        ("think", 6)
    } else {
        let results = request.tool_results();
        let read = (1..=4).rev().find(|reading| results.iter().any(|result| result.contains(&sum(*reading))));
        ("think", 1 + read.unwrap_or(0))
    };
    Some((case, step))
}

/// The same of what a reranker is asked: the search of OBSERVE has the words of the question.
pub(super) fn step_of_search(query: &str) -> Option<(usize, Step)> {
    let case = case_of(query)?;
    let Some((_, after)) = query.split_once(SEARCHED) else { return Some((case, ("observe", 1))) };
    let reading = after.trim_start().chars().next()?.to_digit(10)?;
    Some((case, ("tool", reading as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_be_played() {
        for hold in [None, Some(Hold::Silent(("think", 3))), Some(Hold::Half(("think", 7)))] {
            script([1, 2], hold, Duration::from_millis(5)).unwrap();
        }
        script_for_all(Duration::ZERO).unwrap();
        assert_eq!(STEPS.iter().filter(|(kind, _)| ["deliberate", "think"].contains(kind)).count(), REQUESTS);
    }

    #[test]
    fn a_search_tells_its_step() {
        assert_eq!(step_of_search(&question(17)), Some((17, ("observe", 1))));
        let query = format!("{SEARCHED} 3 compressor K-12 {}", mark(17));
        assert_eq!(step_of_search(&query), Some((17, ("tool", 3))));
        assert_eq!(step_of_search("pumps"), None);
    }
}
