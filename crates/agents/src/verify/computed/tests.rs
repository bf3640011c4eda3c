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
    insta::assert_snapshot!(of("The 4 bearings of the pump P-101 take 100 g of grease in total [1]."), @"ok (4 × 25 g = 100 g) <- The pump P-101 has 4 bearings. Use 25 g of grease for each bearing.");
    let oil = of("The 12 l of oil of the gearbox cost 54 EUR at 4.50 EUR/l [2].");
    assert!(
        oil.starts_with("ok (12 l × 4.50 EUR/l = 54 EUR) <- ")
            && oil.ends_with("12 l of oil.\n\nDas Öl des Getriebes kostet 4,50 EUR/l."),
        "{oil}"
    );
    insta::assert_snapshot!(check("Grease for 2 pumps?", &computed, "The 4 bearings of the pumps take 0.2 kg of grease in total [1].").join("\n"), @"ok (4 × 25 g = 100 g; 100 g × 2 = 0.2 kg) <- The pump P-101 has 4 bearings. Use 25 g of grease for each bearing.");
}

#[test]
fn a_computed_date_stands_on_its_interval() {
    let computed = [date("today", 6, Interval::Months)];
    let of = |draft: &str| check("When is the oil due?", &computed, draft).join("\n");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 30 May 2027 [2]."), @"ok (2026-11-30 + 6 months = 2027-05-30 (Sun)) <- Change the oil of the gearbox every 6 months.");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on Sunday, 2027-05-30 [2]."), @"ok (2026-11-30 + 6 months = 2027-05-30 (Sun)) <- Change the oil of the gearbox every 6 months.");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 31 May 2027 [2]."), @"cut NotSupported");
    insta::assert_snapshot!(of("The next oil change of the gearbox is due on 30 May 2027 [1]."), @"cut NotSupported");
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
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi [2]."), "cut NotSupported");
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi [9]."), "cut UnknownPassage");
    assert_eq!(of("1.5 bar to psi", "The relief valve V-7 opens at 21.76 psi."), "cut NoMarker");
    // What must never be is no figure of what is.
    assert_eq!(of("3 bar to psi", "Run the pump P-101 at 43.51 psi [1]."), "cut NotSupported");
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
        // Twenty-one thousand to some readers.
        "21.756 psi",
    ] {
        assert_eq!(of(&format!("The relief valve V-7 opens at {wrong} [1].")), "cut NotSupported", "{wrong}");
    }
    for right in ["21.76 psi", "21,8 psi", "22 psi"] {
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
    assert_eq!(of("The relief valve V-7 never opens at 21.76 psi [1]."), "cut NotSupported");
    assert_eq!(
        of("In total the relief valve V-7 ever opens 21.76 psi together, altogether, overall, in sum [1]."),
        "cut NotSupported"
    );
}

#[test]
fn calls_cannot_vouch_for_each_other() {
    let computed = [call("5.1 bar * 2"), call("10.2 bar / 2"), call("1.5 bar to psi"), call("21.76 psi to kPa")];
    let of = |draft: &str| check("At which pressure does it open?", &computed, draft).join("\n");
    assert_eq!(of("The relief valve V-7 opens at 5.1 bar [1]."), "cut InputsNotFound");
    assert_eq!(of("The relief valve V-7 opens at 10.2 bar [1]."), "cut InputsNotFound");
    let chained = of("The relief valve V-7 opens at 150.03 kPa [1].");
    assert!(chained.starts_with("ok (1.5 bar ≈ 21.76 psi; 21.76 psi ≈ 150 kPa)"), "{chained}");
}

#[test]
fn without_a_call_nothing_changes() {
    let of = |draft: &str| check("At which pressure does it open?", &[], draft).join("\n");
    assert_eq!(of("The relief valve V-7 opens at 21.76 psi [1]."), "cut NotSupported");
    assert!(of("The relief valve V-7 opens at 1.5 bar [1].").starts_with("ok () <-"));
}

/// Counted, not timed: the search looks at each call once, however often calls build on each other.
#[test]
fn calls_that_build_on_each_other_do_not_make_the_search_explode() {
    // Each result is the one before it, so that each call can stand on any earlier one in many ways.
    let expression = format!("mean({})", ["9.87 bar"; 9].join("; "));
    let computed: Vec<Computed> =
        (0..16).map(|at| call(&format!("{expression} + 0.1{at} bar - 0.1{at} bar"))).collect();
    let passages = [passage(PRESSURE, "Operation", 0)];
    let verifier = Verifier::new("How much?", &passages).with_computed(&computed);
    let supports = [Support { passage: 0, start: 0, end: PRESSURE.len() }];
    let stretch = Stretch::new(&verifier, &supports, &Terms::default());
    let mut grounding = Grounding::new(&stretch);
    assert!(!grounding.ground(15));
    assert!(grounding.steps <= 16 * 32, "{}", grounding.steps);
    assert_eq!(verifier.carried("The relief valve V-7 opens at 9.87 bar.", &[0]), Carried::InputsNotFound);
}

#[test]
fn a_figure_from_no_number_at_all_supports_nothing() {
    let expressions = [
        "tau + 1.7168 - 1.7168",
        "pi * 7",
        "4 * (tau / pi + tau / pi)",
        "4 / 4 + 4 / 4 + 4 / 4",
        "4 * tau / pi",
        "(4 * tau) / pi",
        "0 * 4 + 7",
    ];
    for expression in expressions {
        let computed = call(expression);
        let sentence = format!(
            "The pump P-101 has {} bearings in total [1].",
            computed.told().split(['=', '≈']).nth(1).unwrap().trim().split([' ', '.', ';']).next().unwrap()
        );
        let checked = check("How many?", &[computed], &sentence);
        assert!(checked[0].starts_with("cut "), "{expression}: {sentence} {checked:?}");
    }
    for expression in ["ceil(tau)", "floor(pi) / ceil(pi) to %", "sqrt(pi)", "ceil(4 * pi)", "4^0"] {
        assert!(calculate(expression).is_err(), "{expression}");
    }
    // Over two calls.
    let computed = [call("4 * tau"), call("25.1327412287 / pi")];
    assert_eq!(check("How many?", &computed, "The pump P-101 has 8 bearings in total [1]."), ["cut InputsNotFound"]);
    // The same number again, and one that is its own opposite.
    for expression in ["4 + 4", "4 * 4", "4^2", "25 g / 25 g + 4", "mean(4; 4; 4) * 4"] {
        let computed = call(expression);
        let result = computed.equation().rsplit(' ').next().unwrap().to_owned();
        let checked = check("How many?", &[computed], &format!("The pump P-101 has {result} bearings in total [1]."));
        assert!(checked[0].starts_with("cut "), "{expression} = {result}: {checked:?}");
    }
}

#[test]
fn today_alone_is_due_nowhere() {
    let today = DateCall { date: "today".into(), add: None, unit: None, until: None };
    let computed = today.compute(NaiveDate::from_ymd_opt(2026, 11, 30).unwrap()).unwrap();
    let of = |draft: &str| check("When is the oil due?", std::slice::from_ref(&computed), draft);
    assert_eq!(of("The next oil change of the gearbox is due on 30 November 2026 [2]."), ["cut InputsNotFound"]);
    assert_eq!(of("The next oil change of the gearbox is due on Monday [2]."), ["cut InputsNotFound"]);
}

#[test]
fn a_figure_of_the_question_is_no_fact() {
    let question = "To how many psi does V-7 correspond that opens at 5 bar? And at 1.5 bar * 8, with 2 valves?";
    let of = |expression: &str, draft: &str| check(question, &[call(expression)], draft).join("\n");
    let laundered = "The relief valve V-7 opens at 5 bar, which corresponds to 72.52 psi [1].";
    assert_eq!(of("5 bar to psi", laundered), "cut NotSupported");
    assert_eq!(of("5 bar to psi", "The relief valve V-7 opens at 72.52 psi [1]."), "cut InputsNotFound");
    assert_eq!(of("5 bar + 1.5 bar", "The relief valve V-7 opens at 6.5 bar in total [1]."), "cut InputsNotFound");
    assert_eq!(
        of("5 bar * 4", "The pump P-101 has 4 bearings and opens at 20 bar in total [1]."),
        "cut InputsNotFound"
    );
    // Nor does it become one beside a number of the passage.
    let force = [call("1.5 bar * 5 bar / 1.5 bar to psi"), call("1.5 * 5 bar")];
    for draft in ["72.52 psi", "7.5 bar"] {
        let checked = check(question, &force, &format!("The relief valve V-7 opens at {draft} in total [1]."));
        assert_eq!(checked, ["cut InputsNotFound"], "{draft}");
    }
}

#[test]
fn an_input_of_another_thing_is_none() {
    let text = "The relief valve V-7 opens at 1.5 bar. The relief valve V-8 opens at 5 bar.\n\nValve A closes at 7 bar and \
        valve V-9 at 9 bar. Valve 8 closes at 2 bar. Valve 3 closes at 6 bar.";
    let passages = [passage(text, "Operation", 0)];
    let computed =
        [call("5 bar to psi"), call("9 bar to psi"), call("2 bar to psi"), call("6 bar to psi"), call("7 bar to psi")];
    let verifier = Verifier::new("At which pressure?", &passages).with_computed(&computed);
    let is_held = |sentence: &str| matches!(verifier.carried(sentence, &[0]), Carried::Held(..));
    assert!(is_held("The relief valve V-8 opens at 72.52 psi."));
    assert!(!is_held("The relief valve V-7 opens at 72.52 psi."));
    assert!(!is_held("The relief valves V-7 and V-9 open at 72.52 psi."));
    assert!(is_held("Valve 8 closes at 29.01 psi."));
    assert!(!is_held("Valve 3 closes at 29.01 psi."), "a number that names a thing is not struck");
    assert!(!is_held("Valve 5 closes at 87.02 psi."));
    assert!(!is_held("The other valve B closes at 101.5 psi."), "a letter that names a thing");
    // One sentence about two things.
    assert!(!is_held("The valve V-7 closes at 130.5 psi."));
}

#[test]
fn a_total_is_not_said_of_each() {
    let computed = [call("4 * 25 g"), call("4 * 25 g to kg"), call("25 g / 4")];
    let of = |draft: &str| check("How much grease?", &computed, draft).join("\n");
    for contradiction in [
        "Use 100 g of grease for each bearing of the 4 bearings [1].",
        "Use 0.1 kg of grease for each bearing of the 4 bearings [1].",
        "Use 100 g of grease for the 4 bearings [1].",
        "Use 100 g of grease in total for each bearing of the 4 bearings [1].",
        "Use 6.25 g of grease for each bearing of the 4 bearings [1].",
        "Use 6.25 g of grease for the 4 bearings in total [1].",
    ] {
        let checked = of(contradiction);
        assert!(checked.starts_with("cut "), "{contradiction}: {checked}");
    }
    for total in
        ["Use 100 g of grease for the 4 bearings altogether [1].", "Use 0.1 kg of grease for all 4 bearings [1]."]
    {
        let checked = of(total);
        assert!(checked.starts_with("ok (4 × 25 g = "), "{total}: {checked}");
    }
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

/// Else what was asked comes back as a fact, in a unit that says the same.
#[test]
fn a_figure_of_the_question_in_a_unit_per_another_is_no_fact() {
    let of = |expression: &str, draft: &str| {
        check("Does the pump P-101 open at 5 bar?", &[call(expression)], draft).join("\n")
    };
    for (expression, figure) in [("5 bar * 4 to N/mm²", "2 N/mm²"), ("5 bar * 4 to bar", "20 bar")] {
        let draft = format!("The pump P-101 has 4 bearings and opens at {figure} [1].");
        assert!(of(expression, &draft).starts_with("cut"), "{draft}");
    }
}

/// The number before it takes its unit.
#[test]
fn a_computed_figure_is_no_end_of_a_range() {
    let of = |draft: &str| check("At which pressure does it open?", &[call("1.5 bar to psi")], draft).join("\n");
    for range in ["1.5–21.76 psi", "1.5 to 21.76 psi", "between 1.5 and 21.76 psi", "1.5 - 21.76 psi"] {
        assert!(of(&format!("The relief valve V-7 opens at {range} [1].")).starts_with("cut"), "{range}");
    }
}
