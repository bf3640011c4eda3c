//! Which agent a question is for, by its words alone: the same question gets the same agent on every machine, and the reasons are
//! what decided.

use std::collections::{BTreeMap, HashMap};

use super::Specialist;

/// Nearest examples that count.
const NEAREST: usize = 2;
/// What a word weighs that speaks for an agent, and how many of them count.
const WORD: f32 = 0.2;
const MOST_WORDS: usize = 4;
/// Less is no likeness.
const LEAST: f32 = 0.2;
/// The next best has to be so far behind.
const MARGIN: f32 = 0.02;
/// Pieces of a word that long, for compounds and endings.
const PIECE: usize = 5;
const PIECE_WEIGHT: f32 = 0.3;
/// So much of a question is looked at, and of a word: what it is about, it says before.
const QUESTION: usize = 2_000;
const LONGEST: usize = 64;
/// A beginning no longer than this is a whole word: `who` is not `whole`.
const SHORT: usize = 3;

/// Words that stand in questions of every kind. Sorted.
const COMMON: &[&str] = &[
    "a", "am", "an", "and", "are", "at", "auf", "be", "bei", "by", "can", "could", "das", "dem", "den", "der", "des",
    "die", "do", "does", "du", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es", "for", "from", "für",
    "haben", "has", "hat", "have", "i", "ich", "im", "in", "is", "ist", "it", "mit", "muss", "must", "my", "müssen",
    "nach", "nicht", "no", "not", "oder", "of", "on", "or", "our", "should", "sie", "sind", "that", "the", "this",
    "to", "und", "vom", "von", "vor", "war", "was", "we", "welche", "welchem", "welchen", "welcher", "welches",
    "werden", "were", "what", "which", "wir", "wird", "with", "would", "you", "zu", "zum", "zur",
];

type Features = BTreeMap<String, f32>;

/// A question that stands for an agent, or its purpose.
#[derive(Debug)]
struct Known {
    agent: usize,
    /// As it was written; `None` for a purpose.
    example: Option<String>,
    /// Of length one.
    features: Features,
}

/// How near a question is to an agent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Near {
    pub(super) agent: usize,
    pub(super) score: f32,
    /// The nearest of its examples, where they have anything in common.
    pub(super) example: Option<String>,
    /// The words of the question that speak for it.
    pub(super) words: Vec<String>,
}

/// The agents of a tenant as the router sees them.
#[derive(Debug)]
pub(super) struct Router {
    known: Vec<Known>,
    rarity: HashMap<String, f32>,
    /// Of what no example has.
    unheard: f32,
    /// By agent: beginnings of words, each a sequence.
    words: Vec<Vec<(String, Vec<String>)>>,
}

impl Router {
    pub(super) fn new<'s>(agents: impl IntoIterator<Item = &'s Specialist>) -> Self {
        let mut known = Vec::new();
        let mut beginnings = Vec::new();
        for (agent, Specialist { definition, .. }) in agents.into_iter().enumerate() {
            let examples = definition.examples.iter().map(|text| (text.as_str(), Some(text.clone())));
            let purpose = [Some(definition.purpose.en.as_str()), definition.purpose.de.as_deref()];
            for (text, example) in examples.chain(purpose.into_iter().flatten().map(|text| (text, None))) {
                known.push(Known { agent, example, features: features(text) });
            }
            beginnings
                .push(definition.words.iter().map(|word| (word.clone(), words(&word.replace('-', "")))).collect());
        }
        let mut counts: HashMap<String, f32> = HashMap::new();
        for feature in known.iter().flat_map(|known| known.features.keys()) {
            *counts.entry(feature.clone()).or_default() += 1.0;
        }
        let all = known.len() as f32 + 1.0;
        let rarity = |count: f32| (all / (count + 1.0)).ln() + 1.0;
        let unheard = rarity(0.0);
        let rarity: HashMap<String, f32> =
            counts.into_iter().map(|(feature, count)| (feature, rarity(count))).collect();
        for known in &mut known {
            weigh(&mut known.features, &rarity, unheard);
        }
        Self { known, rarity, unheard, words: beginnings }
    }

    /// All agents, nearest first; those that are as near in their order.
    pub(super) fn near(&self, question: &str) -> Vec<Near> {
        let question: String = question.chars().take(QUESTION).collect();
        let mut asked = features(&question);
        weigh(&mut asked, &self.rarity, self.unheard);
        let said = words(&question.replace('-', ""));
        let mut near: Vec<Near> = (0..self.words.len()).map(|agent| self.nearness(agent, &asked, &said)).collect();
        near.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.agent.cmp(&other.agent)));
        near
    }

    /// Whether the first of these is near enough, and nearer than the next.
    pub(super) fn is_clear(near: &[Near]) -> bool {
        let next = near.get(1).map_or(0.0, |next| next.score);
        near.first().is_some_and(|best| best.score >= LEAST && best.score - next >= MARGIN)
    }

    fn nearness(&self, agent: usize, asked: &Features, said: &[String]) -> Near {
        let own = self.known.iter().filter(|known| known.agent == agent);
        let mut likeness: Vec<(f32, &Known)> = own.map(|known| (product(&known.features, asked), known)).collect();
        likeness.sort_by(|one, other| other.0.total_cmp(&one.0));
        let nearest = likeness.iter().take(NEAREST).map(|(likeness, _)| likeness).sum::<f32>() / NEAREST as f32;
        let example = likeness.iter().find(|(likeness, known)| *likeness > 0.0 && known.example.is_some());
        let spoken = self.words[agent].iter().filter(|(_, beginning)| begins(said, beginning));
        let words: Vec<String> = spoken.map(|(word, _)| word.clone()).collect();
        Near {
            agent,
            score: nearest + WORD * words.len().min(MOST_WORDS) as f32,
            example: example.and_then(|(_, known)| known.example.clone()),
            words,
        }
    }
}

/// Whether these words begin so somewhere: all of a sequence but its last word is whole.
fn begins(said: &[String], beginning: &[String]) -> bool {
    let Some((last, whole)) = beginning.split_last() else { return false };
    said.windows(beginning.len()).any(|window| {
        let (end, before) = (&window[whole.len()], &window[..whole.len()]);
        let is_short = whole.is_empty() && last.chars().count() <= SHORT;
        before == whole && if is_short { end == last } else { end.starts_with(last.as_str()) }
    })
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.chars().take(LONGEST).collect()).collect()
}

/// The words of a text that say something, and pieces of them. Figures and part numbers say nothing of what is wanted.
fn features(text: &str) -> Features {
    let mut features = Features::new();
    for word in words(text) {
        if COMMON.binary_search(&word.as_str()).is_ok() || word.contains(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let chars: Vec<char> = word.chars().collect();
        for piece in chars.windows(PIECE) {
            *features.entry(format!("~{}", piece.iter().collect::<String>())).or_default() += PIECE_WEIGHT;
        }
        *features.entry(word).or_default() += 1.0;
    }
    features
}

/// What is rare weighs more; the whole has length one.
fn weigh(features: &mut Features, rarity: &HashMap<String, f32>, unheard: f32) {
    for (feature, weight) in features.iter_mut() {
        let damped = if *weight > 1.0 { 1.0 + weight.ln() } else { *weight };
        *weight = damped * rarity.get(feature).copied().unwrap_or(unheard);
    }
    let length = features.values().map(|weight| weight * weight).sum::<f32>().sqrt();
    if length > 0.0 {
        for weight in features.values_mut() {
            *weight /= length;
        }
    }
}

/// Takes as long as the first is large.
fn product(one: &Features, other: &Features) -> f32 {
    one.iter().filter_map(|(feature, weight)| Some(weight * other.get(feature)?)).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::specialist::{GENERALIST, shipped};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Questions {
        chosen_on: BTreeMap<String, Vec<String>>,
        held: BTreeMap<String, Vec<String>>,
    }

    /// How many of these get the agent that they are for, and those that do not.
    fn right(router: &Router, questions: &BTreeMap<String, Vec<String>>) -> (usize, Vec<String>) {
        let (mut right, mut wrong) = (0, Vec::new());
        for (wanted, questions) in questions {
            for question in questions {
                let near = router.near(question);
                let best = shipped()[near[0].agent].definition.name.as_str();
                let chosen = if Router::is_clear(&near) { best } else { GENERALIST };
                if chosen == wanted {
                    right += 1;
                } else {
                    wrong.push(format!("{question} → {chosen} instead of {wanted}"));
                }
            }
        }
        (right, wrong)
    }

    #[test]
    fn questions_get_the_agent_that_they_are_for() {
        assert!(COMMON.is_sorted());
        let text = include_str!("../../tests/data/routing.yaml");
        let questions: Questions = millwright_policy::decision::read_declaration(text).unwrap();
        let router = Router::new(shipped());
        let (right_on, wrong_on) = right(&router, &questions.chosen_on);
        let (right_held, wrong_held) = right(&router, &questions.held);
        let share = |right: usize, wrong: &[String]| right as f32 / (right + wrong.len()) as f32;
        println!(
            "chosen on: {right_on} of {}, held: {right_held} of {}",
            right_on + wrong_on.len(),
            right_held + wrong_held.len()
        );
        assert!(right_held + wrong_held.len() >= 60);
        assert!(share(right_held, &wrong_held) >= 0.9, "{wrong_held:#?}");
        assert!(share(right_on, &wrong_on) >= 0.9, "{wrong_on:#?}");
        // None of them stands among the examples.
        let examples: Vec<&String> = shipped().iter().flat_map(|agent| &agent.definition.examples).collect();
        let all = questions.chosen_on.values().chain(questions.held.values()).flatten();
        assert_eq!(all.filter(|question| examples.contains(question)).count(), 0);
    }

    #[test]
    fn a_question_like_none_is_nobodys() {
        let router = Router::new(shipped());
        for question in ["", "?", "xyzzy", "17 42", "Is it the one?"] {
            assert!(!Router::is_clear(&router.near(question)), "{question}: {:?}", router.near(question));
        }
    }

    #[test]
    fn the_reasons_are_an_example_and_the_words_that_spoke() {
        let near = Router::new(shipped()).near("How often must the bearing of pump P-101 be greased?");
        assert_eq!(shipped()[near[0].agent].definition.name, "maintenance-advisor");
        assert_eq!(near[0].example.as_deref(), Some("How often must the bearings of the pump be greased?"));
        assert_eq!(near[0].words, ["how often", "greas", "bearing"]);
    }

    #[test]
    fn a_word_without_end_is_routed_in_no_time() {
        let long: String = ('a'..='z')
            .cycle()
            .enumerate()
            .map(|(at, letter)| if at % 3 == 0 { 'e' } else { letter })
            .take(16_000)
            .collect();
        let router = Router::new(shipped());
        let began = std::time::Instant::now();
        for _ in 0..100 {
            assert!(!Router::is_clear(&router.near(&long)));
        }
        assert!(began.elapsed().as_secs() < 2, "{:?}", began.elapsed());
        assert!(features(&long).len() <= LONGEST, "{}", features(&long).len());
        // Nor does what stands behind it count.
        let asked = "How often must the bearing of pump P-101 be greased?";
        assert_eq!(router.near(&format!("{asked} {long} {asked}"))[0].agent, router.near(asked)[0].agent);
        assert!(router.near(&format!("{}{asked}", " ".repeat(QUESTION)))[0].score < f32::EPSILON);
    }

    #[test]
    fn a_short_word_is_meant_whole() {
        let said = words("Whole sums werden");
        assert!(!begins(&said, &words("who")) && !begins(&said, &words("wer")) && begins(&said, &words("werd")));
        assert!(
            begins(&words("how oftener"), &words("how often"))
                && !begins(&words("how very often"), &words("how often"))
        );
    }
}
