use super::*;
use crate::model::{PromptPassage, Turn};

pub(super) fn passage(number: u32, name: &str, headings: &[&str], text: &str) -> PromptPassage {
    PromptPassage {
        number,
        text: text.to_owned(),
        document_name: name.to_owned(),
        page: Some(1),
        heading_path: headings.iter().map(|heading| (*heading).to_owned()).collect(),
        table_header: None,
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

fn valves() -> PromptPassage {
    passage(
        1,
        "valves.csv",
        &[],
        "Valve | Medium | Nominal width mm | Inspector\nHV-210 | Steam | 65 | Team north\nHV-211 | Condensate | 40 | Team south\n\
         HV-212 | Brine | 80 | Team north",
    )
}

#[test]
fn the_row_that_names_the_columns_is_no_answer() {
    for question in ["Which medium, nominal width and inspector has a valve?", "Which inspector and medium has HV-999?"]
    {
        let answer = ask(question, vec![valves()]);
        assert!(!answer.contains("Valve | Medium"), "{question}: {answer}");
    }
    let weeks = "Losses | Week 31 | Week 32\nScrap | 12 kg | 9 kg\nStops | 4 | 7";
    let answer = ask("Which losses has week 32?", vec![passage(1, "losses.md", &["Losses"], weeks)]);
    assert!(!answer.contains("Losses | Week"), "{answer}");
    let words = "Fault | Cause | Remedy\nBelt squeals | Tension too low | Tension the belt again";
    let answer = ask("Which cause and remedy has a fault?", vec![passage(1, "belt.md", &["Faults"], words)]);
    assert!(!answer.contains("Fault | Cause"), "{answer}");
}

#[test]
fn the_row_that_carries_the_code_wins_over_its_neighbours() {
    insta::assert_snapshot!(ask("Which inspector is in charge of valve HV-211?", vec![valves()]), @"- Valve: HV-211; Medium: Condensate; Nominal width mm: 40; Inspector: Team south [1]");
    assert_eq!(ask("Which inspector is in charge of valve HV-299?", vec![valves()]), "");
}

#[test]
fn a_row_takes_the_words_of_its_columns_from_the_passage_in_which_the_table_begins() {
    let rest = passage(2, "valves.csv", &[], "HV-213 | Air | 25 | Team east\nHV-214 | Water | 50 | Team west");
    let answer = ask("Which medium and which inspector has valve HV-214?", vec![valves(), rest]);
    assert_eq!(answer, "- HV-214 | Water | 50 | Team west [2]");
    // With the header of its own table its columns are named.
    let header = Some("Valve | Medium | Nominal width mm | Inspector".to_owned());
    let rest = PromptPassage {
        table_header: header,
        ..passage(1, "valves.csv", &[], "HV-213 | Air | 25 | Team east\nHV-214 | Water | 50 | Team west")
    };
    let answer = ask("What nominal width does valve HV-214 have?", vec![rest]);
    assert_eq!(answer, "- Valve: HV-214; Medium: Water; Nominal width mm: 50; Inspector: Team west [1]");
}

#[test]
fn a_unit_in_the_name_of_a_column_is_that_of_its_figures() {
    let answer = ask("What nominal width in mm, what length has HV-212?", vec![valves()]);
    assert!(answer.contains("HV-212") && answer.contains("80"), "{answer}");
}

#[test]
fn a_title_with_a_digit_is_no_answer() {
    let text = "9 Alarms of the controller ColdBox 4\n\nThe display blinks at an alarm.";
    let answer = ask("Which alarms has the controller ColdBox?", vec![passage(1, "chiller.md", &[], text)]);
    assert!(!answer.contains("9 Alarms"), "{answer}");
    let text =
        "Re: Chiller CH-12, leak at the flange\n\nFrom: A. Person\nDate: 2031-02-01\n\nThe flange gets a new gasket.";
    let subject = ["Re: Chiller CH-12, leak at the flange"];
    let answer =
        ask("When is the leak at the flange of chiller CH-12 mended?", vec![passage(1, "m.eml", &subject, text)]);
    assert!(!answer.contains("Re: Chiller"), "{answer}");
}

#[test]
fn a_line_with_a_figure_and_its_unit_is_a_statement_and_no_title() {
    let text = "2 Filling of the oil sump 14 litres\n\nUse the funnel.";
    assert!(
        ask("How much oil is filled into the sump?", vec![passage(1, "gear.pdf", &[], text)]).contains("14 litres")
    );
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
