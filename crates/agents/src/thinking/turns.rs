//! Who is asked what in each turn, and what is told to whom. Pure.

use millwright_llm::Tier;

use super::{
    Thinking,
    said::{Form, Said, findings},
    voices::{self, Voice},
};

const KNOWN: &str = "known";
const ASSUMED: &str = "assumed";
const UNKNOWN: &str = "unknown";
const AGREED: &str = "agreed";
const DISSENT: &str = "dissent";
/// So much is told to others, and to who answers.
const MAX_NOTES_CHARS: usize = 6_000;

/// One who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) voice: &'static Voice,
    /// What for, as a model is told.
    pub(super) task: String,
    pub(super) form: Form,
}

/// Who is asked in a turn, after what was said in those before.
pub(super) fn asked(thinking: Thinking, turn: u8, tier: Tier, before: &[Vec<Said>]) -> Vec<Asked> {
    let one = |voice, task: &str, form| vec![Asked { voice, task: task.to_owned(), form }];
    match (thinking, turn) {
        (Thinking::RedTeam, 1) => {
            one(voices::proposer(), "You propose an answer: each sentence of it is a point.", Form::Plain)
        }
        (Thinking::RedTeam, _) => {
            let attack = |voice: &'static Voice| Asked {
                voice,
                task: format!(
                    "The notes are an answer that was proposed. You attack it, and look for one kind of failure only: {}. Each failure \
                     that you find is a point: `wrong` says what is wrong or missing in the answer, `says` what the passages say \
                     instead, as they say it, and nothing else. `weight` is how bad it would be, 5 the worst. Where you find none, \
                     write an empty list.",
                    voice.looks
                ),
                form: Form::Wrong,
            };
            voices::attackers(tier).iter().map(attack).collect()
        }
        (Thinking::FirstPrinciples, 1) => one(
            voices::analyst(),
            "You take the question apart. Say what has to be known to answer it, each as a point: `known` where a passage says it, \
             `assumed` where it would have to be taken for granted, `unknown` where nobody can say it from the passages.",
            Form::Kinds(&[KNOWN, ASSUMED, UNKNOWN]),
        ),
        (Thinking::FirstPrinciples, _) => one(
            voices::builder(),
            "The notes say what is known, assumed and unknown. Rebuild the answer from what is known alone, step by step: each step \
             is a point.",
            Form::Plain,
        ),
        (Thinking::Council, 1) => {
            let view = |voice: &'static Voice| Asked {
                voice,
                task: format!("{} Say what the answer has to say from where you stand.", voice.looks),
                form: Form::Plain,
            };
            voices::council(tier).iter().map(view).collect()
        }
        (Thinking::Council, 2) => {
            let reply = |said: &Said| {
                let voice = voices::named(said.who)?;
                let task = format!(
                    "{} The notes are what you and the others have said; you are {}. Keep to what holds, take over what others saw and \
                     you did not, and say where one of them is wrong.",
                    voice.looks, voice.en
                );
                Some(Asked { voice, task, form: Form::Plain })
            };
            before.first().into_iter().flatten().filter(|said| said.failed.is_none()).filter_map(reply).collect()
        }
        (Thinking::Council, _) => one(
            voices::chair(),
            "You chair. The notes are what the others have said in the end. Say what they agree on, and what matters most, as points that \
             are `agreed`. Where one of them holds something else, say who and what, as a point that is `dissent`.",
            Form::Kinds(&[AGREED, DISSENT]),
        ),
    }
}

/// What those who are asked in this turn are told of the turns before.
pub(super) fn heard(thinking: Thinking, before: &[Vec<Said>]) -> Vec<String> {
    let Some(last) = before.last() else { return Vec::new() };
    // Who has not replied keeps to what they said.
    let said = last.iter().map(|said| match before.first() {
        Some(first) if said.failed.is_some() => first.iter().find(|other| other.who == said.who).unwrap_or(said),
        _ => said,
    });
    let told = match thinking {
        Thinking::FirstPrinciples => last.iter().flat_map(grounds).collect(),
        Thinking::RedTeam => last.iter().flat_map(|said| said.points.iter().map(super::said::Point::told)).collect(),
        // Nobody goes unheard for the length of what others said.
        Thinking::Council => in_turn(&said.map(by_name).collect::<Vec<_>>()),
    };
    within(told)
}

/// What who answers is told in the end; nothing where nobody said anything.
pub(super) fn conclusion(thinking: Thinking, turns: &[Vec<Said>]) -> Vec<String> {
    let of = |turn: usize| turns.get(turn).map_or(&[][..], Vec::as_slice);
    let all = |turn: usize| of(turn).iter().flat_map(|said| &said.points);
    let told: Vec<String> = match thinking {
        Thinking::RedTeam => {
            let proposed = all(0).filter(|point| point.supported).map(|point| format!("Proposed: {}", point.told()));
            let found = findings(of(1)).into_iter().map(|finding| {
                let weight = finding.point.weight.unwrap_or(1);
                format!("What may be wrong with it, {weight} of 5: {}", finding.point.told())
            });
            proposed.chain(found).collect()
        }
        Thinking::FirstPrinciples => {
            let rebuilt = all(1).map(|point| format!("Rebuilt: {}", point.told()));
            of(0).iter().flat_map(grounds).chain(rebuilt).collect()
        }
        Thinking::Council => {
            let of_chair = |kind| all(2).filter(move |point| point.is(kind));
            let dissent = of_chair(DISSENT).map(|point| format!("Dissent: {}", point.told()));
            let agreed: Vec<String> = of_chair(AGREED).map(|point| format!("Agreed: {}", point.told())).collect();
            // Without a chair the views stand as they are. Dissent is not what there is no room for.
            if agreed.is_empty() {
                heard(thinking, &turns[..turns.len().min(2)])
            } else {
                dissent.chain(agreed).collect()
            }
        }
    };
    within(told)
}

fn by_name(said: &Said) -> Vec<String> {
    said.points.iter().map(|point| format!("{}: {}", said.title.en, point.told())).collect()
}

/// What is known, and what is not: nothing is known that no passage says.
fn grounds(said: &Said) -> Vec<String> {
    let told = said.points.iter().map(|point| match () {
        () if point.is(KNOWN) && point.supported => format!("Known: {}", point.told()),
        () if point.is(UNKNOWN) => format!("Unknown: {}", point.says),
        () => format!("Assumed: {}", point.told()),
    });
    told.collect()
}

/// The first of each, then the second of each, and so on.
fn in_turn(lists: &[Vec<String>]) -> Vec<String> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|place| lists.iter().filter_map(move |list| list.get(place).cloned())).collect()
}

fn within(told: Vec<String>) -> Vec<String> {
    let mut taken = 0;
    let fits = |line: &String| {
        taken += line.chars().count();
        taken <= MAX_NOTES_CHARS
    };
    told.into_iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thinking::said::{Point, Title};

    fn said(who: &str, points: &[(&str, Option<&'static str>, bool)]) -> Said {
        let voice = voices::named(who).unwrap();
        let points = points.iter().map(|(says, kind, supported)| Point {
            says: (*says).to_owned(),
            passages: vec![1],
            supported: *supported,
            wrong: None,
            weight: None,
            kind: kind.map(str::to_owned),
        });
        let title = Title { en: &voice.en, de: &voice.de };
        Said { who: &voice.name, title, model: "m".into(), points: points.collect(), failed: None }
    }

    fn silent(who: &str) -> Said {
        Said { failed: Some("failed"), ..said(who, &[]) }
    }

    #[test]
    fn a_council_replies_and_is_summed_up_and_who_is_silent_keeps_their_view() {
        let first = vec![
            said("safety", &[("Lock it out.", None, true)]),
            said("operations", &[("No.", None, false)]),
            silent("maintenance"),
        ];
        let turns = vec![first];
        let replying = asked(Thinking::Council, 2, Tier::Light, &turns);
        assert_eq!(
            replying.iter().map(|asked| asked.voice.name.as_str()).collect::<Vec<_>>(),
            ["safety", "operations"]
        );
        let views = ["Safety engineer: Lock it out. [1]", "Operations: No. (no passage says this)"];
        assert_eq!(heard(Thinking::Council, &turns), views);
        let turns = vec![turns[0].clone(), vec![silent("safety"), said("operations", &[("Yes.", None, true)])]];
        let views = ["Safety engineer: Lock it out. [1]", "Operations: Yes. [1]"];
        assert_eq!(heard(Thinking::Council, &turns), views);
        assert_eq!(conclusion(Thinking::Council, &turns), views, "nobody has chaired");
        let chair =
            said("chair", &[("Lock it out.", Some(AGREED), true), ("Operations: too slow.", Some(DISSENT), false)]);
        let turns = [turns, vec![vec![chair]]].concat();
        assert_eq!(
            conclusion(Thinking::Council, &turns),
            ["Dissent: Operations: too slow. (no passage says this)", "Agreed: Lock it out. [1]"]
        );
        assert_eq!(conclusion(Thinking::Council, &[]), [""; 0]);
    }

    #[test]
    fn nothing_is_known_that_no_passage_says() {
        let points =
            [("It holds oil.", Some(KNOWN), true), ("It is red.", Some(KNOWN), false), ("Who?", Some(UNKNOWN), false)];
        let turns = vec![vec![said("analyst", &points)]];
        let told = ["Known: It holds oil. [1]", "Assumed: It is red. (no passage says this)", "Unknown: Who?"];
        assert_eq!(heard(Thinking::FirstPrinciples, &turns), told);
    }

    #[test]
    fn nobody_goes_unheard_for_the_length_of_what_others_said() {
        let long = "word ".repeat(90);
        let points: Vec<_> = (0..6).map(|_| (long.as_str(), None, true)).collect();
        let council = voices::council(Tier::Heavy);
        let turns = vec![council.iter().map(|voice| said(&voice.name, &points)).collect::<Vec<_>>()];
        let told = heard(Thinking::Council, &turns);
        assert!(council.iter().all(|voice| told.iter().any(|line| line.starts_with(&voice.en))), "{told:?}");
    }

    #[test]
    fn notes_have_an_end() {
        let long = "word ".repeat(100);
        let points: Vec<_> = (0..6).map(|_| (long.as_str(), None, true)).collect();
        let turns = vec![(0..7).map(|at| said(&voices::council(Tier::Heavy)[at].name, &points)).collect::<Vec<_>>()];
        let told: usize = heard(Thinking::Council, &turns).iter().map(|line| line.chars().count()).sum();
        assert!((MAX_NOTES_CHARS - 700..=MAX_NOTES_CHARS).contains(&told), "{told}");
    }
}
