//! The command `millwright sql-guard check`: verdicts a line, and clear words for a bad policy, dialect or line.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

fn check(dialect: &str, policy: &str, lines: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, policy).expect("a policy");
    let mut child = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(["sql-guard", "check", "--dialect", dialect, "--json", "--policy"])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    // A command that refuses its policy does not read what it is sent.
    let _ = child.stdin.take().expect("standard input").write_all(lines.as_bytes());
    child.wait_with_output().expect("an end")
}

#[test]
fn sql_guard_says_of_each_line_whether_it_may_run() {
    let lines =
        "{\"id\": 1, \"sql\": \"select * from machines\"}\n\n{\"id\": \"b\", \"sql\": \"DROP TABLE machines\"}\n";
    let output = check("PostgreSQL", "tables: \"*\"\nlimits: {rows: 5}\n", lines);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(answers.len(), 2);
    assert_eq!((answers[0]["id"].as_i64(), answers[0]["verdict"].as_str()), (Some(1), Some("allow")));
    assert_eq!(answers[0]["normalised"], "SELECT * FROM machines LIMIT 5");
    assert_eq!(answers[0]["facts"]["tables"][0], "machines");
    assert_eq!((answers[1]["id"].as_str(), answers[1]["verdict"].as_str()), (Some("b"), Some("deny")));
    assert_eq!(answers[1]["reasons"][0]["code"], "statement_kind");
}

#[test]
fn sql_guard_says_what_is_wrong_with_its_policy_dialect_and_lines() {
    for (dialect, policy, lines, part) in [
        ("postgres", "tabels: \"*\"", "", "a policy has the keys tables"),
        ("db2", "tables: \"*\"", "", "mariadb"),
        ("postgres", "tables: \"*\"", "SELECT 1\n", "line 1: give a JSON object a line"),
    ] {
        let output = check(dialect, policy, lines);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(part), "{error}");
    }
}
