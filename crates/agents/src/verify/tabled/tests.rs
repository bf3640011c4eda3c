use millwright_core::Sources;

use super::super::{Checked, Gate, Verifier, tests::passage};
use super::*;

const ROWS: &str = "Line | Machine | Stop (h)\n3 | Filler | 1.5\n4 | Packer | 2";

fn figure(text: &str, extreme: Option<Extreme>) -> Figure {
    Figure { text: text.to_owned(), is_rounded: false, unread: 0, extreme }
}

fn row(groups: &[&str], figures: &[(&str, Option<Extreme>)], count: usize) -> ResultRow {
    let first = Some(CitedRow { chunk: Sources::system().new_id(), start: 26, end: 42 });
    ResultRow {
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        figures: figures.iter().map(|(text, extreme)| figure(text, *extreme)).collect(),
        count,
        first,
    }
}

fn result(groups: &[&str], aggregates: &[(Function, Option<&str>)], rows: Vec<ResultRow>) -> TableResult {
    TableResult {
        document: "stops-2026.csv".to_owned(),
        heading: "Downtime".to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        aggregates: aggregates.iter().map(|(function, column)| (*function, column.map(str::to_owned))).collect(),
        conditions: Vec::new(),
        header: Some(CitedRow { chunk: Sources::system().new_id(), start: 0, end: 25 }),
        rows,
        read: 5_000,
        totals: 0,
    }
}

/// What becomes of a sentence: the working that it carries, or nothing where it is cut.
fn said(result: &TableResult, text: &str) -> Option<String> {
    let place = |row: &CitedRow| Some(Support { passage: 0, start: row.start, end: row.end });
    let verifier = Verifier::new("Which line stood still?", &[passage(ROWS, "Stops", 0)])
        .with_tables(std::slice::from_ref(result), place);
    let mut gate = Gate::default();
    let statements = [gate.push(text), gate.finish()].concat();
    let checked: Vec<Checked> = statements.iter().flat_map(|statement| verifier.check(statement)).collect();
    match checked.as_slice() {
        [Checked::Supported { supports, workings, .. }] if !workings.is_empty() => {
            assert_eq!(
                supports.iter().map(|support| (support.start, support.end)).collect::<Vec<_>>(),
                [(0, 25), (26, 42)]
            );
            Some(workings.join("; "))
        }
        _ => None,
    }
}

fn by_line() -> TableResult {
    let (high, low) = (Some(Extreme::Highest), Some(Extreme::Lowest));
    result(
        &["Line"],
        &[(Function::Sum, Some("Stop (h)")), (Function::Count, None), (Function::Mean, Some("Stop (h)"))],
        vec![
            row(&["3"], &[("412.5 h", high), ("12", None), ("34.38 h", high)], 12),
            row(&["4"], &[("100 h", None), ("5", low), ("20 h", low)], 5),
            row(&["5"], &[("99 h", low), ("12", None), ("8.25 h", None)], 12),
        ],
    )
}

#[test]
fn a_row_of_a_result_holds_what_it_says_and_says_how_it_was_made() {
    let sum = Some("sum of Stop (h) over 12 of 5,000 rows where Line = 3".to_owned());
    for text in [
        "Line 3 had 412.5 h of stops in total [1].",
        "The stop of line 3 sums up to 412.5 hours altogether.",
        "Line 3 had the most stops, 412.5 h in total.",
        "Auf Line 3 entfallen insgesamt 412,5 h Stop.",
    ] {
        assert_eq!(said(&by_line(), text), sum, "{text}");
    }
    assert_eq!(
        said(&by_line(), "Line 4 has 5 entries with 100 h of stops in total.").as_deref(),
        Some("sum of Stop (h) and count of rows over 5 of 5,000 rows where Line = 4")
    );
    assert_eq!(
        said(&by_line(), "On average a stop of line 4 was 20 h.").as_deref(),
        Some("mean of Stop (h) over 5 of 5,000 rows where Line = 4")
    );
}

#[test]
fn a_wrong_figure_or_the_right_one_under_a_wrong_group_is_cut() {
    for text in [
        // The figure.
        "Line 3 had 412 h of stops in total.",
        "Line 3 had 412.5 min of stops in total.",
        "Line 3 had 412.5 stops in total.",
        // The group.
        "Line 4 had 412.5 h of stops in total.",
        "Line 6 had 412.5 h of stops in total.",
        "The stops were 412.5 h in total.",
        "Line 3 and line 4 had 412.5 h of stops in total.",
        "Packer of line 3 had 412.5 h of stops in total.",
        "Line 3 had 412.5 h of stops in total in March.",
        // What was done.
        "Line 4 had 20 h of stops.",
        "Line 3 had 412.5 h of stops on average.",
        "Line 4 had the most stops, 100 h in total.",
        "Line 3 had the least stops, 412.5 h in total.",
        "Line 3 had more than 412.5 h of stops.",
        "Each stop of line 3 took 412.5 h.",
        "Line 3 did not have 412.5 h of stops in total.",
        // Two figures that could be each other's.
        "Line 4 had 20 h of stops in total, and 100 h on average.",
    ] {
        assert_eq!(said(&by_line(), text), None, "{text}");
    }
}

#[test]
fn groups_are_told_apart_by_single_letters_too() {
    let by_crew = result(
        &["Crew"],
        &[(Function::Sum, Some("Stop (h)"))],
        vec![
            row(&["S"], &[("7 h", None)], 2),
            row(&["T"], &[("9 h", None)], 2),
            row(&["Mechanics A"], &[("3 h", None)], 2),
        ],
    );
    assert!(said(&by_crew, "Crew S had 7 h of stops in total.").is_some());
    assert!(said(&by_crew, "Crew Mechanics A had 3 h of stops in total.").is_some());
    for text in [
        "Crew T had 7 h of stops in total.",
        "Crew S and T had 7 h of stops in total.",
        "Crew Mechanics B had 3 h of stops in total.",
        "Crew Mechanics had 3 h of stops in total.",
    ] {
        assert_eq!(said(&by_crew, text), None, "{text}");
    }
}

#[test]
fn a_condition_is_named_as_people_write_it() {
    let condition =
        |column: &str, op, value: &str| Condition { column: column.to_owned(), op, value: value.to_owned() };
    let mut of_march = result(&[], &[(Function::Sum, Some("Stop (h)"))], vec![row(&[], &[("41 h", None)], 12)]);
    of_march.conditions = vec![condition("Line", Op::Equal, "3"), condition("Date", Op::Equal, "2026-03")];
    let how = Some("sum of Stop (h) over 12 of 5,000 rows where Line = 3 and Date = 2026-03".to_owned());
    for text in [
        "In March 2026 line 3 had 41 h of stops in total.",
        "In 2026-03 line 3 had 41 h of stops in total.",
        "Im März 2026 hatte Line 3 insgesamt 41 h Stop.",
    ] {
        assert_eq!(said(&of_march, text), how, "{text}");
    }
    for text in [
        "In April 2026 line 3 had 41 h of stops in total.",
        "In March 2025 line 3 had 41 h of stops in total.",
        "Line 3 had 41 h of stops in total.",
        "In March 2026 there were 41 h of stops in total.",
    ] {
        assert_eq!(said(&of_march, text), None, "{text}");
    }
    let mut long = result(&[], &[(Function::Count, None)], vec![row(&[], &[("12", None)], 12)]);
    long.conditions = vec![condition("Stop (h)", Op::Greater, "5 h")];
    assert!(said(&long, "12 stops took more than 5 h.").is_none(), "no column is called took");
    assert!(said(&long, "12 rows show a stop of more than 5 h.").is_some());
    assert!(said(&long, "12 rows show a stop of more than 6 h.").is_none());
}

/// Only the row that alone is at the end is called so, and only at its end.
#[test]
fn the_longest_is_a_maximum_or_the_highest_of_all_groups() {
    let longest = result(&["Line"], &[(Function::Max, Some("Stop (h)"))], vec![row(&["3"], &[("45 h", None)], 12)]);
    assert!(said(&longest, "The longest stop of line 3 was 45 h.").is_some());
    assert!(said(&longest, "The shortest stop of line 3 was 45 h.").is_none());
    assert!(said(&longest, "The stop of line 3 was 45 h.").is_none(), "it is one of twelve");
}

#[test]
fn a_condition_is_said_in_its_direction_and_what_was_left_out_is_no_group() {
    let of = |column: &str, op, value: &str| {
        let mut one = result(&[], &[(Function::Count, None)], vec![row(&[], &[("12", None)], 12)]);
        one.conditions = vec![Condition { column: column.to_owned(), op, value: value.to_owned() }];
        one
    };
    let long = of("Stop (h)", Op::Greater, "5 h");
    assert!(said(&long, "12 rows show a stop of more than 5 h.").is_some());
    assert!(said(&long, "12 rows show a stop of less than 5 h.").is_none());
    assert!(said(&long, "12 rows show a stop of 5 h.").is_none());
    let late = of("Date", Op::AtLeast, "2026-03-01");
    assert!(said(&late, "12 rows show a date since 2026-03-01.").is_some());
    assert!(said(&late, "12 rows show a date before 2026-03-01.").is_none());
    let mut others = of("Line", Op::NotEqual, "3");
    others.aggregates = vec![(Function::Sum, Some("Stop (h)".to_owned()))];
    others.rows = vec![row(&[], &[("41 h", None)], 12)];
    assert!(said(&others, "Line 3 had 41 h of stops in total.").is_none());
}

#[test]
fn the_number_of_a_group_is_not_taken_for_a_count_nor_a_count_for_an_amount() {
    assert!(said(&by_line(), "Line 4 has 5 entries.").is_some());
    assert!(said(&by_line(), "Line 5 has 4 entries.").is_none(), "it has 12");
    let two = result(
        &["Line", "Shift"],
        &[(Function::Sum, Some("Stop (h)"))],
        vec![row(&["3", "2"], &[("7 h", None)], 4), row(&["2", "3"], &[("9 h", None)], 4)],
    );
    assert!(said(&two, "Line 3, shift 2 had 7 h of stops in total.").is_some());
    assert!(said(&two, "Line 2, shift 3 had 7 h of stops in total.").is_none());
    let scrap = result(
        &["Crew"],
        &[(Function::Count, Some("Scrap"))],
        vec![row(&["Alpha"], &[("12", None)], 12), row(&["Beta"], &[("7", None)], 7)],
    );
    assert!(said(&scrap, "Crew Alpha had 12 entries of scrap.").is_some());
    assert!(said(&scrap, "Crew Alpha had a scrap of 12.").is_none());
}

#[test]
fn a_heading_lends_no_row_the_group_of_another() {
    let mut of_machines = result(
        &["Machine"],
        &[(Function::Sum, Some("Stop (h)"))],
        vec![row(&["presses"], &[("12 h", None)], 3), row(&["lathes"], &[("7 h", None)], 3)],
    );
    of_machines.heading = "Downtime of presses and lathes".to_owned();
    assert!(said(&of_machines, "The presses had a downtime with stops of 12 h in total.").is_some());
    assert!(said(&of_machines, "Presses and lathes had a downtime with stops of 12 h in total.").is_none());
}
