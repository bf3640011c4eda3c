use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::{
    compute::{DateCall, Interval, calculate},
    verify::{Checked, Gate, tests::passage},
};

const PRESSURE: &str = "The relief valve V-7 opens at 1.5 bar. Never run the pump P-101 above 3 bar.\n\nThe pump P-101 has 4 bearings. \
    Use 25 g of grease for each bearing.";
const INTERVAL: &str =
    "Change the oil of the gearbox every 6 months. It takes 12 l of oil.\n\nDas Öl des Getriebes kostet 4,50 EUR/l.";

fn call(expression: &str) -> Computed {
    calculate(expression).unwrap()
}

fn date(date: &str, add: i32, unit: Interval) -> Computed {
    let call = DateCall { date: date.into(), add: Some(add), unit: Some(unit), until: None };
    call.compute(NaiveDate::from_ymd_opt(2026, 11, 30).unwrap()).unwrap()
}

fn check(question: &str, computed: &[Computed], draft: &str) -> Vec<String> {
    let passages = [passage(PRESSURE, "Operation", 0), passage(INTERVAL, "Gearbox", 0)];
    let verifier = Verifier::new(question, &passages).with_computed(computed);
    let mut gate = Gate::default();
    let mut statements = gate.push(draft);
    statements.extend(gate.finish());
    let checked = statements.iter().flat_map(|statement| verifier.check(statement));
    checked
        .map(|checked| match checked {
            Checked::Supported { supports, workings, .. } => {
                let quotes: Vec<&str> = supports.iter().map(|s| &passages[s.passage].text[s.start..s.end]).collect();
                format!("ok ({}) <- {}", workings.join("; "), quotes.join(" + "))
            }
            Checked::Cut { reason, .. } => format!("cut {reason:?}"),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_computed_figure_is_shown_with_its_equation_and_the_quotes_of_its_inputs() {
    let computed =
        [call("1.5 bar to psi"), call("4 * 25 g"), call("12 l * 4,50 EUR/l to EUR"), call("100 g * 2 to kg")];
    let of = |draft: &str| check("How much?", &computed, draft).join("\n");
    insta::assert_snapshot!(of("The relief valve V-7 opens at 21.8 psi [1]."), @"ok (1.5 bar ≈ 21.76 psi) <- The relief valve V-7 opens at 1.5 bar.");
    insta::assert_snapshot!(of("The relief valve V-7 opens at 1.5 bar, which equals 21.76 psi [1]."), @"ok (1.5 bar ≈ 21.76 psi) <- The relief valve V-7 opens at 1.5 bar.");
    insta::assert_snapshot!(of("The 4 bearings of the pump P-101 take 100 g of grease in total [1]."), @"ok (4 × 25 g = 100 g) <- Use 25 g of grease for each bearing. + The pump P-101 has 4 bearings.");
    insta::assert_snapshot!(of("The oil of the gearbox costs 54 EUR [2]."), @"ok (12 l × 4.50 EUR/l = 54 EUR) <- Change the oil of the gearbox every 6 months. + It takes 12 l of oil. + Das Öl des Getriebes kostet 4,50 EUR/l.");
    insta::assert_snapshot!(check("Grease for 2 pumps?", &computed, "The bearings of 2 pumps take 0.2 kg of grease [1].").join("\n"), @"ok (4 × 25 g = 100 g; 100 g × 2 = 0.2 kg) <- Use 25 g of grease for each bearing. + The pump P-101 has 4 bearings.");
}

#[test]
fn a_computed_date_stands_on_its_interval() {
    let computed = [date("today", 6, Interval::Months)];
    let of = |draft: &str| check("When is the oil due?", &computed, draft).join("\n");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 30 May 2027 [2]."), @"ok (2026-11-30 + 6 months = 2027-05-30 (Sun)) <- Change the oil of the gearbox every 6 months.");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on Sunday, 2027-05-30 [2]."), @"ok (2026-11-30 + 6 months = 2027-05-30 (Sun)) <- Change the oil of the gearbox every 6 months.");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 31 May 2027 [2]."), @"cut NotSupported");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 30 May 2027 [1]."), @"cut InputsNotFound");
}

#[test]
fn inputs_that_no_source_holds_are_no_inputs() {
    let of =
        |expression: &str, draft: &str| check("At which pressure does it open?", &[call(expression)], draft).join("\n");
    // Made up.
    assert_eq!(of("2.5 bar to psi", "The relief valve V-7 opens at 36.26 psi [1]."), "cut InputsNotFound");
    // A factor that nobody named.
    assert_eq!(of("1.5 bar * 7", "The relief valve V-7 opens at 10.5 bar [1]."), "cut InputsNotFound");
    // Another unit than the passage has.
    assert_eq!(of("1.5 psi to bar", "The relief valve V-7 opens at 0.1034 bar [1]."), "cut InputsNotFound");
    assert_eq!(of("1.5 * 2", "The relief valve V-7 opens at 3.0 [1]."), "cut InputsNotFound");
    // In a passage that the sentence does not cite, or in none that exists.
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi [2]."), "cut InputsNotFound");
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi [9]."), "cut UnknownPassage");
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi."), "cut NoMarker");
    // What must never be is no figure of what is.
    assert_eq!(of("3 bar to psi", "Run the pump P-101 at 43.51 psi [1]."), "cut InputsNotFound");
    assert!(of("3 bar to psi", "Never run the pump P-101 above 43.51 psi [1].").starts_with("ok (3 bar ≈ 43.51 psi)"));
}

#[test]
fn a_result_is_said_as_it_is() {
    let of = |draft: &str| check("At which pressure does it open?", &[call("1.5 bar to psi")], draft).join("\n");
    for wrong in [
        "21.75 psi",
        "21.7 psi",
        "21 psi",
        "20 psi",
        "21.76 bar",
        "21.76",
        "21.76 kPa",
        "-21.76 psi",
        "2176 psi",
        "21,756 psi",
    ] {
        assert_eq!(of(&format!("The relief valve V-7 opens at {wrong} [1].")), "cut NotSupported", "{wrong}");
    }
    for right in ["21.76 psi", "21.756 psi", "21,8 psi", "22 psi"] {
        assert!(of(&format!("The relief valve V-7 opens at {right} [1].")).starts_with("ok"), "{right}");
    }
}

#[test]
fn everything_else_in_the_sentence_is_held_as_before() {
    let computed = [call("1.5 bar to psi"), call("3 bar to psi")];
    let of = |draft: &str| check("At which pressure does it open?", &computed, draft).join("\n");
    assert_eq!(of("The relief valve V-8 opens at 21.76 psi [1]."), "cut NotSupported");
    assert_eq!(of("The operator Smith was told 21.76 psi by the vendor on the phone [1]."), "cut NotSupported");
    assert_eq!(of("The relief valve V-7 opens at 21.76 psi after 9 hours [1]."), "cut NotSupported");
    assert_eq!(of("The relief valve V-7 never opens at 21.76 psi [1]."), "cut InputsNotFound");
    assert_eq!(
        of("In total the relief valve V-7 ever opens 21.76 psi together, altogether, overall, in sum [1]."),
        "cut NotSupported"
    );
}

#[test]
fn calls_cannot_vouch_for_each_other() {
    let computed = [call("5.1 bar * 2"), call("10.2 bar / 2"), call("1.5 bar to psi"), call("21.76 psi * 4 to psi")];
    let of = |draft: &str| check("At which pressure does it open?", &computed, draft).join("\n");
    assert_eq!(of("The relief valve V-7 opens at 5.1 bar [1]."), "cut InputsNotFound");
    assert_eq!(of("The relief valve V-7 opens at 10.2 bar [1]."), "cut InputsNotFound");
    let chained = of("The relief valve V-7 opens at 87.04 psi [1].");
    assert!(chained.starts_with("ok (1.5 bar ≈ 21.76 psi; 21.76 psi × 4 = 87.04 psi)"), "{chained}");
}

#[test]
fn without_a_call_nothing_changes() {
    let of = |draft: &str| check("At which pressure does it open?", &[], draft).join("\n");
    assert_eq!(of("The relief valve V-7 opens at 21.76 psi [1]."), "cut NotSupported");
    assert!(of("The relief valve V-7 opens at 1.5 bar [1].").starts_with("ok () <-"));
}

proptest! {
    /// Whatever is computed: no sentence passes with a figure whose inputs stand nowhere.
    #[test]
    fn no_figure_comes_from_nowhere(number in 101_u32..9_000, factor in 5_u32..90, unit in prop::sample::select(vec!["bar", "psi", "l", "g"])) {
        let computed = call(&format!("{number} {unit} * {factor}"));
        let result = u64::from(number) * u64::from(factor);
        let sentence = format!("The relief valve V-7 opens at {result} {unit} [1].");
        let checked = check("At which pressure does it open?", &[computed], &sentence);
        prop_assert_eq!(checked, ["cut InputsNotFound"]);
    }

    #[test]
    fn no_draft_makes_it_panic(text in "[A-Za-z0-9 .,°€/-]{0,60}( 21.76 psi)?[0-9 .,-]{0,10}") {
        check("How much?", &[call("1.5 bar to psi"), call("4 * 25 g")], &format!("{text} [1][2]."));
    }
}
