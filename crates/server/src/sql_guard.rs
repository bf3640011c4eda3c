//! `millwright sql-guard …`: says of statements whether they may run, and in which form.

use std::{
    io::{BufRead, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Subcommand;
use millwright_sql_guard::{Dialect, Guard, Policy, Reason, Verdict};
use serde::{Deserialize, Serialize};

/// The most bytes of a line: many times what a statement may have.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

/// What to do with the SQL guard.
#[derive(Debug, Subcommand)]
pub(crate) enum SqlGuardCommand {
    /// Read statements from standard input, one JSON object `{"id", "sql"}` a line, and print a verdict a line.
    Check {
        /// The language: postgres, sqlserver (mssql, tsql), oracle, mysql (mariadb), sqlite or generic (ansi).
        #[arg(long)]
        dialect: String,
        /// The policy, in YAML: tables, columns, functions, schema, limits.
        #[arg(long)]
        policy: PathBuf,
        /// Print JSON: `{"id", "verdict": "allow" or "deny", "reasons", "normalised", "facts"}`. Without it, a table.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Deserialize)]
struct Line {
    #[serde(default)]
    id: serde_json::Value,
    sql: String,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    verdict: &'static str,
    reasons: &'a [Reason],
    #[serde(skip_serializing_if = "Option::is_none")]
    normalised: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a millwright_sql_guard::Facts>,
}

/// Exit code 0 when every line was read, whatever the verdicts.
pub(crate) fn run(command: SqlGuardCommand) -> anyhow::Result<ExitCode> {
    let SqlGuardCommand::Check { dialect, policy, json } = command;
    let guard = guard(&dialect, &policy)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line.with_context(|| format!("line {} of standard input", number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        if line.len() > LONGEST_LINE {
            bail!("line {}: more than {LONGEST_LINE} bytes", number + 1);
        }
        let line: Line = serde_json::from_str(&line).with_context(|| {
            format!("line {}: give a JSON object a line, {{\"id\": …, \"sql\": \"…\"}}", number + 1)
        })?;
        let verdict = guard.read(&line.sql);
        if json { print_json(&mut out, &line.id, &verdict)? } else { print_text(&mut out, &line.id, &verdict)? }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn guard(dialect: &str, path: &Path) -> anyhow::Result<Guard> {
    let dialect: Dialect = dialect.parse()?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let policy = Policy::parse(&text, dialect).with_context(|| format!("{} is not a policy", path.display()))?;
    Ok(Guard::new(policy))
}

fn print_json(out: &mut impl Write, id: &serde_json::Value, verdict: &Verdict) -> anyhow::Result<()> {
    let allowed = verdict.allowed();
    let answer = Answer {
        id,
        verdict: word(verdict),
        reasons: verdict.reasons(),
        normalised: allowed.map(|allowed| allowed.normalised.as_str()),
        facts: allowed.map(|allowed| &allowed.facts),
    };
    serde_json::to_writer(&mut *out, &answer)?;
    writeln!(out)?;
    Ok(())
}

fn print_text(out: &mut impl Write, id: &serde_json::Value, verdict: &Verdict) -> anyhow::Result<()> {
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let rest = match verdict {
        Verdict::Allow(allowed) => allowed.normalised.replace('\n', " "),
        Verdict::Deny(reasons) => reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    writeln!(out, "{}\t{id}\t{rest}", word(verdict))?;
    Ok(())
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Allow(_) => "allow",
        Verdict::Deny(_) => "deny",
    }
}
