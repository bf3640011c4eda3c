//! The proof that what the guard lets through does no harm: by what happened in real databases, not by the verdict. Each payload is sent as
//! a statement, as a value at a place of twenty templates, and as a name; what is let through is run. Then nothing may have changed, nothing
//! that the policy leaves out may have come back, and nothing may have taken long.
//!
//! PostgreSQL is the server that all tests use, MariaDB is started where it is installed, SQLite is linked in. The payloads beside this
//! file are a sample; with `MILLWRIGHT_SQL_PAYLOADS` naming a file of more (`make prove-sql-guard`), all of those are used.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "tests"
)]

mod databases;
mod wire;

use std::{collections::BTreeSet, time::Instant};

use millwright_sql_guard::{Guard, Policy, Verdict};

use crate::databases::{CANARY, Database, LONGEST, MariaDbDatabase, PostgresDatabase, SqliteDatabase};

const NARROW: &str = "
tables: [machines, work_orders]
columns:
  machines: [id, name]
  work_orders: [id, status, machine_id, quantity, finished_at]
";

/// `{}` is where a program that builds SQL from text puts what it was given.
const TEMPLATES: [&str; 20] = [
    "{}",
    "SELECT id, name FROM machines WHERE name = '{}'",
    "SELECT id, name FROM machines WHERE id = {}",
    "SELECT id, name FROM machines WHERE id = {} AND name = 'P1'",
    "SELECT id, name FROM machines WHERE (name = '{}') AND id > 0",
    "SELECT id, name FROM machines WHERE name LIKE '%{}%'",
    "SELECT id, name FROM machines WHERE id IN ({})",
    "SELECT id, name FROM machines WHERE name IN ('a', '{}')",
    "SELECT id, name FROM machines ORDER BY {}",
    "SELECT id, name FROM machines ORDER BY id LIMIT {}",
    "SELECT id, name FROM machines ORDER BY id LIMIT 1 OFFSET {}",
    "SELECT {} FROM machines",
    "SELECT id, {} FROM machines WHERE id = 1",
    "SELECT count(*) FROM work_orders GROUP BY {}",
    "SELECT status, count(*) FROM work_orders GROUP BY status HAVING count(*) > {}",
    "SELECT w.id FROM work_orders w JOIN machines m ON m.id = {}",
    "SELECT id FROM work_orders WHERE finished_at > '{}' ORDER BY id",
    "SELECT CASE WHEN {} THEN 1 ELSE 2 END FROM machines",
    "SELECT id, \"{}\" FROM machines",
    "SELECT id FROM \"{}\"",
];

fn payloads() -> Vec<String> {
    let more = std::env::var("MILLWRIGHT_SQL_PAYLOADS").ok();
    let text = match &more {
        Some(path) => std::fs::read_to_string(path).expect("the file of payloads"),
        None => include_str!("../corpus/payloads.jsonl").to_owned(),
    };
    let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    records.map(|record| record["payload"].as_str().expect("a payload").to_owned()).collect()
}

fn corpus(name: &str, field: &str) -> Vec<(String, String)> {
    let text = match name {
        "benign" => include_str!("../corpus/benign.jsonl"),
        _ => include_str!("../corpus/bypasses.jsonl"),
    };
    let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    records
        .map(|record| {
            (
                record["dialect"].as_str().expect("a dialect").to_owned(),
                record[field].as_str().expect("a text").to_owned(),
            )
        })
        .collect()
}

/// Runs what a guard lets through, and says what went wrong.
struct Witness {
    guards: Vec<(&'static str, Guard)>,
    before: String,
    given: usize,
    ran: usize,
    wrong: Vec<String>,
}

impl Witness {
    fn new(database: &mut dyn Database) -> Self {
        let policy = |text| Guard::new(Policy::parse(text, database.dialect()).expect("a policy"));
        let guards = vec![("narrow", policy(NARROW)), ("open", policy("tables: \"*\"\nfunctions: \"*\""))];
        Self { guards, before: database.content(), given: 0, ran: 0, wrong: Vec::new() }
    }

    fn give(&mut self, database: &mut dyn Database, sql: &str) {
        for (policy, guard) in &self.guards {
            self.given += 1;
            let Verdict::Allow(allowed) = guard.read(sql) else { continue };
            self.ran += 1;
            let begun = Instant::now();
            let answer = database.run(&allowed.normalised);
            let mut say = |what: &str| self.wrong.push(format!("{what} ({policy}): {sql}\n    {}", allowed.normalised));
            let late = match &answer {
                Ok(rows) => {
                    if *policy == "narrow" && rows.contains(CANARY) {
                        say("read beyond the policy");
                    }
                    false
                }
                Err(words) => {
                    ["statement timeout", "max_statement_time", "interrupted"].iter().any(|word| words.contains(word))
                }
            };
            if late || begun.elapsed() > LONGEST {
                say("took too long");
            }
        }
    }

    /// Compares what is in the database with what was.
    fn look(&mut self, database: &mut dyn Database, after: &str) {
        let now = database.content();
        if now != self.before {
            self.wrong.push(format!("changed the database: {after}"));
            self.before = now;
        }
    }

    fn finish(self, what: &str) {
        println!("{what}: {} verdicts, {} let through and run", self.given, self.ran);
        assert!(self.ran > 0, "{what}: nothing was run");
        assert!(self.wrong.is_empty(), "{what}: {}", self.wrong.join("\n"));
    }
}

fn each_database(name: &str, mut act: impl FnMut(&mut dyn Database)) {
    act(&mut SqliteDatabase::start());
    if let Some(mut database) = PostgresDatabase::start(name) {
        act(&mut database);
    }
    if let Some(mut database) = MariaDbDatabase::start(name) {
        act(&mut database);
    }
}

#[test]
fn no_payload_does_harm_in_a_real_database() {
    let payloads = payloads();
    each_database("payloads", |database| {
        let mut witness = Witness::new(database);
        for payload in &payloads {
            for template in TEMPLATES {
                witness.give(database, &template.replace("{}", payload));
            }
            witness.look(database, payload);
        }
        witness.finish(&format!("{} payloads, {}", payloads.len(), database.dialect()));
    });
}

/// Pieces of statements put together anew, by a generator that makes the same ones each time.
#[test]
fn what_is_let_through_of_mixed_statements_changes_nothing() {
    let rounds = if std::env::var("MILLWRIGHT_SQL_PAYLOADS").is_ok() { 60_000 } else { 4_000 };
    each_database("mixed", |database| {
        let own = database.dialect().to_string();
        let mut seeds: Vec<String> =
            corpus("benign", "sql").into_iter().filter(|(dialect, _)| *dialect == own).map(|(_, sql)| sql).collect();
        seeds.extend(
            corpus("bypasses", "sql")
                .into_iter()
                .filter(|(dialect, sql)| *dialect == own && sql.len() < 400)
                .map(|(_, sql)| sql),
        );
        seeds.extend(payloads().into_iter().take(200));
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut draw = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below.max(1) as u64) as usize
        };
        let mut witness = Witness::new(database);
        for round in 0..rounds {
            let (one, other) = (&seeds[draw(seeds.len())], &seeds[draw(seeds.len())]);
            let one: Vec<&str> = one.split_inclusive([' ', ',', '(', ')', '\'']).collect();
            let other: Vec<&str> = other.split_inclusive([' ', ',', '(', ')', '\'']).collect();
            let (from, to) = (draw(one.len()), draw(one.len()));
            let (start, end) = (draw(other.len()), draw(other.len()));
            let middle = other.get(start.min(end)..start.max(end)).unwrap_or_default();
            let mixed = [&one[..from.min(to)], middle, &one[from.max(to)..]].concat().concat();
            witness.give(database, &mixed);
            if round % 200 == 199 {
                witness.look(database, &mixed);
            }
        }
        witness.finish(&format!("mixed statements, {}", database.dialect()));
    });
}

#[test]
fn benign_reads_return_the_same_rows_before_and_after_normalising() {
    each_database("benign", |database| {
        let own = database.dialect().to_string();
        let guard = Guard::new(Policy::allow_all(database.dialect()));
        let mut wrong = BTreeSet::new();
        let mut same = 0;
        for (_, sql) in corpus("benign", "sql").into_iter().filter(|(dialect, _)| *dialect == own) {
            let before = database.run(&sql);
            match guard.read(&sql) {
                Verdict::Allow(allowed) if before.is_ok() && database.run(&allowed.normalised) == before => same += 1,
                Verdict::Allow(allowed) => {
                    wrong.insert(format!(
                        "{sql}\n    {}\n    {before:?}\n    {:?}",
                        allowed.normalised,
                        database.run(&allowed.normalised)
                    ));
                }
                Verdict::Deny(reasons) => {
                    wrong.insert(format!("{sql}\n    {}", reasons[0]));
                }
            }
        }
        println!("{own}: {same} statements return the same rows");
        assert!(wrong.is_empty(), "{own}:\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
    });
}
