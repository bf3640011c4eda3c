//! `millwright run verify`: recomputes the evidence of a run from its file alone.

use std::{io::Write, path::Path, process::ExitCode};

use anyhow::Context;
use millwright_agents::{Anchor, Anchors, Line, verify_bundle};
use millwright_audit::AuditKey;
use millwright_config::Config;
use millwright_core::Sources;

use crate::audit_verify::read_anchors;

pub(crate) fn run(
    config: &Config,
    sources: &Sources,
    file: &Path,
    anchor_file: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    // An auditor has none: a new one would fit nothing.
    let key = match config.known_secret_key(sources)? {
        Some(secret) => Some(AuditKey::derive(secret.expose().as_bytes())?),
        None => None,
    };
    let report = verify_bundle(&bytes, key.as_ref(), &anchors(anchor_file)?);
    let mut out = std::io::stdout();
    for line in &report.lines {
        match line {
            Line::Holds(what) => writeln!(out, "holds        {what}")?,
            Line::NotChecked(what) => writeln!(out, "not checked  {what}")?,
        }
    }
    if let Some(finding) = report.finding {
        writeln!(out, "NOT SOUND; {finding}")?;
        return Ok(ExitCode::FAILURE);
    }
    // Whoever brings an anchor wants to know whether it holds the run: that it could not be told is no success.
    if anchor_file.is_some() && !report.is_anchored {
        writeln!(out, "NOT ANCHORED; sound in all that was checked, but the anchor does not cover the run's end")?;
        return Ok(ExitCode::FAILURE);
    }
    let is_all = report.lines.iter().all(|line| matches!(line, Line::Holds(_)));
    writeln!(out, "{}", if is_all { "sound" } else { "sound in all that was checked" })?;
    Ok(ExitCode::SUCCESS)
}

fn anchors(file: Option<&Path>) -> anyhow::Result<Anchors> {
    if let Some(file) = file {
        anyhow::ensure!(
            file.exists(),
            "there is no anchor file {}; `millwright audit verify --anchor` writes one",
            file.display()
        );
    }
    let anchors = read_anchors(file)?.into_iter().map(|(tenant, anchor)| {
        let hash = <[u8; 32]>::try_from(hex::decode(&anchor.hash)?).ok().context("an anchor's hash is not 32 bytes")?;
        Ok((tenant, Anchor { sequence: anchor.sequence, hash }))
    });
    anchors.collect()
}
