use super::*;
use crate::model::{PromptPassage, Turn};

pub(super) fn passage(number: u32, name: &str, headings: &[&str], text: &str) -> PromptPassage {
    PromptPassage {
        number,
        text: text.to_owned(),
        document_name: name.to_owned(),
        page: Some(1),
        heading_path: headings.iter().map(|heading| (*heading).to_owned()).collect(),
        score: 1.0 / f32::from(u8::try_from(number).unwrap()),
    }
}

fn pump() -> Vec<PromptPassage> {
    vec![
        passage(
            1,
            "pump-p101.pdf",
            &["Pump P-101", "Lubrication"],
            "The bearings are lubricated with lithium grease NLGI 2. Grease the bearings every 2,000 operating hours, \
             but at least once a year. Use 25 g for each bearing. Do not overfill: too much grease makes the bearing hot.",
        ),
        passage(
            2,
            "pump-p101.pdf",
            &["Pump P-101", "Mechanical seal", "Replacing the seal"],
            "Only a trained fitter may replace the seal.\n\nReplace the seal as follows:\n\n1. Stop the pump and lock it out.\n\
             2. Drain the casing. Wait until the pressure gauge shows 0 bar.\n3. Remove the coupling guard.",
        ),
        passage(
            3,
            "pump-p101.pdf",
            &["Pump P-101", "Mechanical seal", "Replacing the seal"],
            "4. Pull off the old seal.\n5. Press in the new seal by hand.\n\nThe old seal is hazardous waste.",
        ),
        passage(
            4,
            "pump-p101.pdf",
            &["Pump P-101", "Tightening torques"],
            "Screw | Torque | Tool\nM8 | 25 Nm | T-40\nM10 | 49 Nm | T-50\n\nRetighten all screws after 24 hours.",
        ),
    ]
}

fn ask(question: &str, passages: Vec<PromptPassage>) -> String {
    quote(&ChatRequest { question: question.into(), passages, ..ChatRequest::default() }).concat()
}

#[test]
fn an_interval_is_answered_by_the_sentence_that_has_one() {
    insta::assert_snapshot!(ask("How often must the bearings be greased?", pump()), @"Grease the bearings every 2,000 operating hours, but at least once a year. [1]");
    insta::assert_snapshot!(ask("How much grease does each bearing need?", pump()), @"Use 25 g for each bearing. [1]");
}

#[test]
fn a_figure_in_a_table_is_read_out_with_its_columns() {
    insta::assert_snapshot!(ask("What torque do the M10 screws need?", pump()), @"- Screw: M10; Torque: 49 Nm; Tool: T-50 [4]");
}

#[test]
fn a_procedure_is_given_whole_across_passages() {
    insta::assert_snapshot!(ask("How do I replace the mechanical seal?", pump()), @"
    Replace the seal as follows: [2]

    1. Stop the pump and lock it out. [2]
    2. Drain the casing. [2] Wait until the pressure gauge shows 0 bar. [2]
    3. Remove the coupling guard. [2]
    4. Pull off the old seal. [3]
    5. Press in the new seal by hand. [3]
    ");
}

#[test]
fn a_role_is_found() {
    insta::assert_snapshot!(ask("Who may replace the seal?", pump()), @"Only a trained fitter may replace the seal. [2]");
}

#[test]
fn a_follow_up_takes_its_subject_from_the_question_before() {
    let request = ChatRequest {
        question: "And how often?".into(),
        turns: vec![Turn { role: Role::User, text: "Which grease do the bearings take?".into() }],
        passages: pump(),
        ..ChatRequest::default()
    };
    insta::assert_snapshot!(quote(&request).concat(), @"Grease the bearings every 2,000 operating hours, but at least once a year. [1]");
}

#[test]
fn what_the_passages_do_not_hold_gets_no_answer() {
    for question in
        ["What is the capital of France?", "Who won the cup in 1998?", "How do I reset my password?", "?", ""]
    {
        assert_eq!(ask(question, pump()), "", "{question}");
    }
    assert_eq!(ask("How often must the bearings be greased?", vec![]), "");
}

#[test]
fn every_quote_stands_in_its_passage_byte_for_byte() {
    for question in
        ["How do I replace the seal?", "What does the bearing need?", "Why must the bearing not be overfilled?"]
    {
        let request = ChatRequest { question: question.into(), passages: pump(), ..ChatRequest::default() };
        let pieces = quote(&request);
        assert!(!pieces.is_empty(), "{question}");
        for piece in pieces {
            let (quote, marker) = piece.rsplit_once(" [").unwrap();
            let number: usize = marker.trim_end_matches(']').parse().unwrap();
            assert!(request.passages[number - 1].text.contains(quote.trim_start()), "{quote}");
        }
    }
}
