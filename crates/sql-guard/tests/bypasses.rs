//! Ways around a guard, each with a name: none may be let through. The file is the corpus, `tests/corpus/bypasses.jsonl`.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use millwright_sql_guard::{Dialect, Guard, Policy, Verdict};

/// Two tables with some of their columns.
const NARROW: &str = "
tables: [machines, work_orders]
columns:
  machines: [id, name]
  work_orders: [id, status, machine_id, quantity]
";

struct Bypass {
    name: String,
    dialect: Dialect,
    policy: String,
    sql: String,
}

fn corpus() -> Vec<Bypass> {
    include_str!("corpus/bypasses.jsonl")
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let field = |name: &str| record[name].as_str().expect("a text").to_owned();
            Bypass {
                name: field("name"),
                dialect: field("dialect").parse().expect("a dialect"),
                policy: field("policy"),
                sql: field("sql"),
            }
        })
        .collect()
}

fn guard(bypass: &Bypass, functions: &str) -> Guard {
    let policy =
        if bypass.policy == "narrow" { NARROW.to_owned() } else { "tables: \"*\"\ncolumns: \"*\"\n".to_owned() };
    Guard::new(Policy::parse(&(policy + functions), bypass.dialect).expect("a policy"))
}

fn let_through(functions: &str, spare: impl Fn(&Bypass) -> bool) -> Vec<String> {
    corpus()
        .iter()
        .filter(|bypass| !spare(bypass))
        .filter_map(|bypass| match guard(bypass, functions).read(&bypass.sql) {
            Verdict::Allow(allowed) => Some(format!("{}: {}\n    {}", bypass.name, bypass.sql, allowed.normalised)),
            Verdict::Deny(reasons) => {
                assert!(!reasons.is_empty(), "{}: no reason", bypass.name);
                None
            }
        })
        .collect()
}

#[test]
fn no_bypass_of_the_corpus_is_let_through() {
    let found = let_through("", |_| false);
    assert!(found.is_empty(), "{} let through:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_bypass_is_let_through_where_the_policy_allows_all_functions() {
    // There, what nobody knows may be called.
    let unknown = |bypass: &Bypass| bypass.name.ends_with("_unknown_function") || bypass.name == "postgres_user_type";
    let found = let_through("functions: \"*\"\n", unknown);
    assert!(found.is_empty(), "{} let through:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_corpus_is_large_and_its_names_are_unlike() {
    let corpus = corpus();
    let names: BTreeSet<&str> = corpus.iter().map(|bypass| bypass.name.as_str()).collect();
    assert_eq!(names.len(), corpus.len());
    assert!(corpus.len() >= 300, "{}", corpus.len());
}
