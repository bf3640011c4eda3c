//! What the guard says of a file of statements: `cargo run -p millwright-sql-guard --example statements FILE [--all-functions]`.
//! The file has a JSON object a line: `sql`, `dialect`, `kind` (`read` or else), `source`.
#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::collections::BTreeMap;

use millwright_sql_guard::{Dialect, Guard, Policy, Verdict};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rest @ ..] = arguments.as_slice() else { return Err("give a file".into()) };
    let functions = if rest.iter().any(|word| word == "--all-functions") { "functions: \"*\"\n" } else { "" };
    let as_dialect = rest.iter().find_map(|word| word.strip_prefix("--as="));
    let mut counts: BTreeMap<(String, String, String), (usize, usize)> = BTreeMap::new();
    for line in std::fs::read_to_string(file)?.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        let field = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let (dialect, kind, sql) = (field("dialect"), field("kind"), field("sql"));
        let dialect = dialect.replace("duckdb", as_dialect.unwrap_or("duckdb"));
        let Ok(known) = dialect.parse::<Dialect>() else { continue };
        let guard = Guard::new(Policy::parse(&format!("tables: \"*\"\n{functions}"), known)?);
        let verdict = guard.read(&sql);
        let count = counts.entry((dialect.clone(), field("source"), kind.clone())).or_default();
        count.1 += 1;
        match verdict {
            Verdict::Allow(allowed) => {
                count.0 += 1;
                if kind != "read" || rest.iter().any(|word| word == "--allowed") {
                    println!("ALLOWED {kind} {dialect}: {sql}\n    {}", allowed.normalised);
                }
            }
            Verdict::Deny(reasons) if kind == "read" => {
                println!(
                    "DENIED {dialect} {}\n    {:?}",
                    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    sql
                );
            }
            Verdict::Deny(_) => {}
        }
    }
    for ((dialect, source, kind), (allowed, all)) in counts {
        println!("{dialect:<12} {source:<18} {kind:<6} {allowed} of {all} allowed");
    }
    Ok(())
}
