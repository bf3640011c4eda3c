use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn score(prompt: &str) -> f32 {
    assess(&Request::prompt(prompt), None).score
}

const HARD: &str = "A plant has three pumps. The first delivers twice as much as the second, and the third 15 l/min less than both \
    together. Each pump must rest for 20 minutes after every 3 hours, and never more than one may rest at a time. First derive the \
    average flow for 8 hours, then compare it with a requirement of 4,200 litres, and finally design a schedule that keeps to all \
    constraints, with exactly one reserve pump. Explain why no cheaper plan exists, and give the answer as a table.";

#[test]
fn the_weights_that_ship_can_be_read_and_are_the_ones_that_are_named() {
    let bytes = include_bytes!("../models/complexity.bin");
    assert_eq!(hex::encode(Sha256::digest(bytes)), MODEL_DIGEST);
    assert_eq!(Model::from_bytes(bytes).unwrap().to_bytes(), bytes);
    assert!(Model::from_bytes(&bytes[..bytes.len() - 1]).is_none());
}

#[test]
fn a_plain_question_scores_below_a_problem_of_many_steps() {
    let thresholds = Thresholds::default();
    for easy in ["what is a valve", "What is a valve?", "Was ist ein Ventil?", "Hello!", "Who wrote the pump manual?"] {
        assert!(score(easy) + 0.3 < score(HARD), "{easy}: {} and {}", score(easy), score(HARD));
        assert_eq!(thresholds.tier_word(score(easy)), Level::Light, "{easy}: {}", score(easy));
    }
    assert_eq!(thresholds.tier_word(score(HARD)), Level::Heavy);
}

#[test]
fn what_goes_along_raises_the_score_a_little() {
    let alone = Request::prompt("Which of the two seals fits the pump, and how often must it be changed?");
    let laden = Request { passages: 8, passage_chars: 9_000, tools: 5, images: 1, wants_json: true, ..alone };
    let (alone, laden) = (assess(&alone, None), assess(&laden, None));
    assert!(laden.score > alone.score);
    assert!(laden.score < alone.score + 0.45, "the prompt itself must weigh more");
    assert!(laden.features.iter().any(|feature| feature.name == "tools"), "{:?}", laden.features);
}

#[test]
fn an_explanation_names_a_few_features_with_the_weightiest_first() {
    let found = assess(&Request::prompt(HARD), None);
    assert!((3..=SHOWN).contains(&found.features.len()));
    assert!(found.features.is_sorted_by(|one, other| one.contribution.abs() >= other.contribution.abs()));
    assert_eq!((found.language, found.used_embedding), ("en", false));
    let json = serde_json::to_value(&found).unwrap();
    assert!(json["features"][0]["name"].is_string() && json["task"].is_string());
}

#[test]
fn kinds_of_task_are_told_apart() {
    for (prompt, kind) in [
        ("Which gas is inert?\nA. Oxygen\nB. Argon\nC. Hydrogen\nD. Chlorine\nAnswer:", TaskKind::MultipleChoice),
        ("Write a python function that parses a json array.", TaskKind::Code),
        (
            "Janet has 16 eggs, eats 3 and sells the rest for $2 each. How many dollars does she make?",
            TaskKind::Mathematics,
        ),
        ("Compare both coatings and explain why one is better.", TaskKind::Analysis),
        ("Summarize the following passage.", TaskKind::Extraction),
        ("Write a poem for my wife.", TaskKind::Writing),
        ("What is a valve?", TaskKind::Question),
        ("ok", TaskKind::Other),
    ] {
        assert_eq!(assess(&Request::prompt(prompt), None).task, kind, "{prompt}");
    }
}

#[test]
fn only_so_much_of_a_long_prompt_is_looked_at() {
    let edge = "Please read. ".repeat(1_000);
    let middle = |filler: &str| format!("{edge}{}{edge}{HARD}", filler.repeat(100_000));
    let found = |filler: &str| assess(&Request::prompt(&middle(filler)), None);
    assert_eq!(found("a b c "), found("Prove x^2=1? "));
}

#[test]
fn an_embedding_takes_part_only_where_the_weights_have_a_place_for_it_and_it_fits() {
    let request = Request::prompt(HARD);
    let vector = [0.05; 384];
    assert!(!assess(&request, Some(&vector)).used_embedding, "the weights that ship have no place for it");
    let mut model = Model::from_bytes(include_bytes!("../models/complexity.bin")).unwrap();
    model.open.embedding = vec![-0.01; 384];
    let model = Model::from_bytes(&model.to_bytes()).unwrap();
    let (without, with) = (assess_with(&model, &request, None), assess_with(&model, &request, Some(&vector)));
    assert!(with.used_embedding && !without.used_embedding);
    assert!(with.score < without.score);
    assert_eq!(assess_with(&model, &request, Some(&[0.5; 3])), without, "of another model");
    assert_eq!(assess_with(&model, &request, Some(&[f32::NAN; 384])), without, "no numbers");
}

proptest! {
    #[test]
    fn any_text_has_a_score_and_always_the_same(
        prompt in "\\PC{0,300}|([A-D]\\. ?[^\\n]{0,20}\\n){0,6}|[0-9.,$%'’=()\\n ]{0,200}|.{0,50}",
        repeat in 0_usize..40,
        passages in any::<usize>(),
        embedding in proptest::option::of(proptest::collection::vec(any::<f32>(), 384)),
    ) {
        let prompt = prompt.repeat(repeat);
        let request = Request { passages, passage_chars: passages, history_turns: passages, ..Request::prompt(&prompt) };
        let found = assess(&request, embedding.as_deref());
        prop_assert!((0.0..=1.0).contains(&found.score));
        prop_assert!(found.features.len() <= SHOWN);
        prop_assert_eq!(assess(&request, embedding.as_deref()), found);
    }
}
