use millwright_core::{Classification, Label, Sources};
use millwright_retrieval::fusion::Ranked;

use super::*;

const GREASE: &str = "Lubrication\n\nThe bearings take lithium grease NLGI 2. Grease the bearings every 2,000 operating \
    hours, but at least once a year. Use 25 g for each bearing. Do not overfill the bearing.";
const TORQUE: &str = "Screw | Torque | Tool\nM8 | 25 Nm | T-40\nM10 | 49 Nm | T-50\n\nRetighten the cover screws after 24 \
    hours of operation.";

pub(crate) fn passage(text: &str, heading: &str, char_start: i32) -> Passage {
    let sources = Sources::system();
    Passage {
        chunk_id: sources.new_id(),
        document_id: sources.new_id(),
        document_name: "pump-p101.pdf".into(),
        label: Label::of(Classification::Internal),
        version: 1,
        effective_from: chrono::DateTime::UNIX_EPOCH,
        is_current: true,
        paged: true,
        ordinal: 0,
        page_number: 3,
        heading_path: vec!["Pump P-101".into(), heading.into()],
        table_header: None,
        char_start,
        char_end: char_start + i32::try_from(text.chars().count()).unwrap(),
        token_count: 10,
        text: text.into(),
        quarantined: Vec::new(),
        part: None,
        reranker: None,
        score: 1.0,
        fused: Ranked { rank: 1, score: 1.0 },
        keyword: None,
        vector: None,
        similarity: None,
    }
}

fn check(question: &str, draft: &str) -> Vec<String> {
    let passages = [passage(GREASE, "Lubrication", 0), passage(TORQUE, "Tightening torques", 0)];
    let verifier = Verifier::new(question, &passages);
    let mut gate = Gate::default();
    let mut statements = gate.push(draft);
    statements.extend(gate.finish());
    let checked: Vec<Checked> = statements.iter().flat_map(|statement| verifier.check(statement)).collect();
    checked
        .into_iter()
        .map(|checked| match checked {
            Checked::Supported { text, supports, relinked, .. } => {
                let quotes: Vec<&str> = supports.iter().map(|s| &passages[s.passage].text[s.start..s.end]).collect();
                format!("{} {text} <- {}", if relinked { "RELINKED" } else { "ok" }, quotes.join(" + "))
            }
            Checked::Connective { text, .. } => format!("connective {text}"),
            Checked::Cut { text, reason } => format!("cut {reason:?} {text}"),
            Checked::NotInDocuments => "not in documents".into(),
        })
        .collect()
}

#[test]
fn a_quote_passes_and_is_found_again() {
    insta::assert_snapshot!(check("How often?", "Grease the bearings every 2,000 operating hours, but at least once a year. [1]").join("\n"), @"ok Grease the bearings every 2,000 operating hours, but at least once a year. <- Grease the bearings every 2,000 operating hours, but at least once a year.");
}

fn is_shown(text: &str, draft: &str) -> bool {
    let passages = [passage(text, "Wartung", 0)];
    let verifier = Verifier::new("?", &passages);
    let statement = Statement { body: draft.to_owned(), markers: vec![1], ..Statement::default() };
    verifier.check(&statement).iter().all(|checked| matches!(checked, Checked::Supported { .. }))
}

#[test]
fn a_torque_with_a_raised_point_is_neither_a_length_nor_a_bare_figure() {
    let text = "Tighten the flange screws evenly with 85 N·m.";
    assert!(is_shown(text, "The flange screws are to be tightened with 85 Nm."));
    assert!(!is_shown(text, "The flange screws are to be tightened with 85 m."));
    assert!(!is_shown(text, "The flange screws are to be tightened with 58 N·m."));
}

#[test]
fn a_german_interval_of_thousands_is_not_one_of_units() {
    let text = "Das Filter der Presse wird alle 4.500 Stunden gewechselt.";
    assert!(is_shown(text, "Filter der Presse: alle 4500 Stunden gewechselt."));
    assert!(!is_shown(text, "Filter der Presse: alle 4,5 Stunden gewechselt."));
    assert!(!is_shown(text, "Filter der Presse: nach 4 Stunden gewechselt."));
}

#[test]
fn other_words_with_the_same_figures_pass() {
    let draft = "The bearings must be greased every 2000 h of operation [1]. M10 screws need a torque of 49 Nm [2]. \
        - Screw: M8; Torque: 25 Nm; Tool: T-40 [2]";
    insta::assert_snapshot!(check("How often?", draft).join("\n"), @"
    ok The bearings must be greased every 2000 h of operation. <- Grease the bearings every 2,000 operating hours, but at least once a year.
    ok M10 screws need a torque of 49 Nm. <- M10 | 49 Nm | T-50
    ok Screw: M8; Torque: 25 Nm; Tool: T-40 <- M8 | 25 Nm | T-40
    ");
}

#[test]
fn a_wrong_figure_unit_part_or_denial_is_cut() {
    let draft = "Grease the bearings every 3,000 operating hours [1]. Use 25 kg for each bearing [1]. M12 screws need a \
        torque of 49 Nm [2]. Do not grease the bearings every 2,000 hours [1]. Overfill the bearing [1].";
    insta::assert_snapshot!(check("How often?", draft).join("\n"), @"
    cut NotSupported Grease the bearings every 3,000 operating hours.
    cut NotSupported Use 25 kg for each bearing.
    cut NotSupported M12 screws need a torque of 49 Nm.
    cut NotSupported Do not grease the bearings every 2,000 hours.
    cut NotSupported Overfill the bearing.
    ");
}

#[test]
fn inventions_are_cut_whatever_they_cite() {
    let draft = "The pump was built in Leipzig by a family company [1]. Yes [1]. Call the vendor for spare parts [9]. \
        It is quite common in industry.";
    insta::assert_snapshot!(check("How often must the bearings be greased?", draft).join("\n"), @"
    cut NotSupported The pump was built in Leipzig by a family company.
    cut NotSupported Yes.
    cut UnknownPassage Call the vendor for spare parts.
    cut NoMarker It is quite common in industry.
    ");
}

#[test]
fn a_missing_or_wrong_marker_is_replaced_when_one_passage_fits() {
    let draft = "Use 25 g for each bearing. [7] Retighten the cover screws after 24 hours [1]. The bearings take lithium \
        grease NLGI 2.";
    insta::assert_snapshot!(check("Which grease?", draft).join("\n"), @"
    RELINKED Use 25 g for each bearing. <- Use 25 g for each bearing.
    RELINKED Retighten the cover screws after 24 hours. <- Retighten the cover screws after 24 hours of operation.
    RELINKED The bearings take lithium grease NLGI 2. <- The bearings take lithium grease NLGI 2.
    ");
}

#[test]
fn an_introduction_passes_only_without_a_fact() {
    let draft =
        "Here is what the manual says:\n\nTo grease the bearings, follow these steps:\n\nUse 30 g as follows:\n\n";
    insta::assert_snapshot!(check("How do I grease the bearings?", draft).join("\n"), @"
    connective Here is what the manual says:
    connective To grease the bearings, follow these steps:
    cut NoMarker Use 30 g as follows:
    ");
}

#[test]
fn a_bare_figure_needs_the_question_beside_it() {
    insta::assert_snapshot!(check("What torque for M8 screws?", "25 Nm [2]").join("\n"), @"ok 25 Nm <- M8 | 25 Nm | T-40");
    insta::assert_snapshot!(check("What torque for M10 screws?", "25 Nm [2]").join("\n"), @"cut NotSupported 25 Nm");
}

#[test]
fn the_word_for_nothing_found_is_never_shown() {
    insta::assert_snapshot!(check("Who?", "NOT_IN_DOCUMENTS").join("\n"), @"not in documents");
}

#[test]
fn a_sentence_that_two_overlapping_passages_hold_stands_on_one_place() {
    let first = passage("Open the cover. Use 25 g for each bearing.", "Lubrication", 0);
    let next = Passage {
        document_id: first.document_id,
        ..passage("Use 25 g for each bearing. Close it.", "Lubrication", 16)
    };
    let copy = passage("Use 25 g for each bearing. Close it.", "Lubrication", 16);
    let mut gate = Gate::default();
    let mut statement = gate.push("Use 25 g for each bearing.");
    statement.extend(gate.finish());
    let relinked = |passages: &[Passage]| {
        matches!(
            Verifier::new("How much grease?", passages).check(&statement[0])[..],
            [Checked::Supported { relinked: true, .. }]
        )
    };
    assert!(relinked(&[first.clone(), next]));
    assert!(!relinked(&[first, copy]), "which of two documents is meant nobody can say");
}

/// The words of one row held what was said of another.
#[test]
fn a_row_in_the_middle_of_a_table_names_no_columns_of_others() {
    let mut middle = passage("P-1 | coupling worn badly | 5 h\nP-2 | seal leaks | 7 h", "Log", 0);
    let shows = |passage: &Passage, text: &str| {
        let statement = Statement { body: text.to_owned(), markers: vec![1], ..Statement::default() };
        let checked = Verifier::new("What happened?", std::slice::from_ref(passage)).check(&statement);
        matches!(checked.as_slice(), [Checked::Supported { .. }])
    };
    assert!(!shows(&middle, "The worn coupling of P-2 cost 7 h."));
    assert!(!shows(&middle, "The downtime of machine P-2 was 7 h."));
    middle.table_header = Some("Machine | Fault | Downtime".to_owned());
    assert!(shows(&middle, "The downtime of machine P-2 was 7 h."));
    assert!(!shows(&middle, "The worn coupling of P-2 cost 7 h."));
    // A blank line begins another table, whose first row names its columns.
    middle.text.push_str("\n\nScrew | Tightening torque\nM8 | 25 Nm");
    assert!(shows(&middle, "The tightening torque of screw M8 is 25 Nm."));
    assert!(!shows(&middle, "The downtime of machine M8 is 25 Nm."));
}

/// The hours of one stop passed for those of all.
#[test]
fn what_a_row_says_of_one_thing_is_no_total() {
    let row = passage("Line | Machine | Stop\n3 | Filler | 1.5 h", "Stops", 0);
    let shows = |text: &str| {
        let statement = Statement { body: text.to_owned(), markers: vec![1], ..Statement::default() };
        let checked = Verifier::new("How long?", std::slice::from_ref(&row)).check(&statement);
        matches!(checked.as_slice(), [Checked::Supported { .. }])
    };
    assert!(shows("The filler of line 3 had a stop of 1.5 h."));
    assert!(!shows("The filler of line 3 had a stop of 1.5 h in total."));
    assert!(!shows("On average the filler of line 3 had a stop of 1.5 h."));
}
