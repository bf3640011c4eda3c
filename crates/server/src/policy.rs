//! `millwright policy …`: looks policies over, tests them and explains them, without a server; and reads `policies.yaml`.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Subcommand;
use millwright_config::Config;
use millwright_policy::decision::{
    DecisionRequest, Engine, LintFile, LintSeverity, PolicyFile, TenantPolicy, explain, lint, run_cases, shipped_cases,
    shipped_files,
};

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the `policies.yaml` that holds, or that ships.
    Show,
    /// Look over the policies that ship, `policies.yaml`, and an organisation's own files.
    Lint {
        /// Cedar files of an organisation's own, which only forbid.
        files: Vec<PathBuf>,
    },
    /// Decide a table of cases, and say which come out otherwise.
    Test {
        /// Cedar files of an organisation's own.
        #[arg(long = "policy")]
        policies: Vec<PathBuf>,
        /// The table in YAML; the one that ships without it.
        cases: Option<PathBuf>,
    },
    /// Explain how a request is decided.
    Explain {
        /// Cedar files of an organisation's own.
        #[arg(long = "policy")]
        policies: Vec<PathBuf>,
        /// The request in JSON, as `POST /api/v1/policy/check` takes it, with `principal`; `-` for standard input.
        request: PathBuf,
    },
}

/// The `policies.yaml` that holds.
///
/// # Errors
/// When it cannot be read or is not valid, with every mistake and its place.
pub(crate) fn load(config: &Config) -> anyhow::Result<(PolicyFile, String)> {
    let (text, name) = match &config.policy.file {
        Some(path) => (read(path)?, path.display().to_string()),
        None => (PolicyFile::shipped_text().to_owned(), "the policies.yaml that ships".to_owned()),
    };
    match PolicyFile::parse(&text) {
        Ok(file) => Ok((file, text)),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
            bail!("{name} is not valid:\n{}", errors.join("\n"))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn own(paths: &[PathBuf]) -> anyhow::Result<Vec<TenantPolicy>> {
    paths.iter().map(|path| Ok(TenantPolicy { name: path.display().to_string(), text: read(path)? })).collect()
}

fn engine(paths: &[PathBuf]) -> anyhow::Result<Engine> {
    Engine::new(&own(paths)?).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
        anyhow::anyhow!("the policies are not valid:\n{}", errors.join("\n"))
    })
}

/// Exit code 0 when nothing is wrong.
pub(crate) fn run(config: &Config, command: PolicyCommand) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    let clean = match command {
        PolicyCommand::Show => {
            write!(out, "{}", load(config)?.1)?;
            true
        }
        PolicyCommand::Lint { files } => lint_command(config, &files, &mut out)?,
        PolicyCommand::Test { policies, cases } => {
            let table = cases.map_or_else(|| Ok(shipped_cases().to_owned()), |path| read(&path))?;
            let report = run_cases(&engine(&policies)?, &table);
            for error in &report.errors {
                writeln!(out, "error: {error}")?;
            }
            for failure in &report.failures {
                writeln!(out, "failed: {}\n    {}", failure.name, failure.differences.join("\n    "))?;
            }
            writeln!(out, "{} passed, {} failed", report.passed, report.failures.len() + report.errors.len())?;
            report.is_clean()
        }
        PolicyCommand::Explain { policies, request } => {
            let request: DecisionRequest = serde_json::from_str(&read(&request)?).context("the request")?;
            writeln!(out, "{}", explain(&engine(&policies)?, &request))?;
            true
        }
    };
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lint_command(config: &Config, paths: &[PathBuf], out: &mut impl Write) -> anyhow::Result<bool> {
    let mut clean = true;
    if let Err(error) = load(config) {
        writeln!(out, "{error:#}")?;
        clean = false;
    }
    let mut files = shipped_files();
    for path in paths {
        files.push(LintFile { name: path.display().to_string(), text: read(path)?, tenant: true });
    }
    let findings = lint(&files);
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    writeln!(out, "{} files, {} findings", files.len(), findings.len())?;
    Ok(clean && findings.iter().all(|finding| finding.severity != LintSeverity::Error))
}
