//! What somebody can find out who has the file and nothing else.

mod chain;
mod content;
mod entries;
mod steps;

use std::collections::BTreeMap;

use millwright_audit::{AuditKey, canonical_json};
use serde_json::Value;

use self::entries::Log;
use super::form::{Bundle, FORMAT, File};

/// A head of the tenant's log that was kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub sequence: i64,
    /// The hash there.
    pub hash: [u8; 32],
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It is as it was.
    Holds(String),
    /// It could not be looked at, and why.
    NotChecked(String),
}

/// What came of a verification.
#[derive(Debug)]
pub struct BundleReport {
    /// What was looked at, in order.
    pub lines: Vec<Line>,
    /// The first thing that is not as it was. What would come after it was not looked at.
    pub finding: Option<String>,
    /// Whether a head that was kept elsewhere covers the entry of the run's end.
    pub is_anchored: bool,
}

/// The first thing that is not as it was.
type Checked = Result<(), String>;

/// What the checks work with.
struct Checks<'c> {
    bundle: &'c Bundle,
    log: Log,
    lines: Vec<Line>,
    is_anchored: bool,
}

impl Checks<'_> {
    fn holds(&mut self, what: impl Into<String>) {
        self.lines.push(Line::Holds(what.into()));
    }

    fn not_checked(&mut self, what: impl Into<String>) {
        self.lines.push(Line::NotChecked(what.into()));
    }
}

/// Heads by tenants' ids.
pub type Anchors = BTreeMap<String, Anchor>;

/// Recomputes a bundle from its bytes. With the server's key also the MACs; with the tenant's head of another day also that the
/// chain goes through it.
pub fn verify(bytes: &[u8], key: Option<&AuditKey>, anchors: &Anchors) -> BundleReport {
    let file = match read(bytes) {
        Ok(file) => file,
        Err(finding) => return BundleReport { lines: Vec::new(), finding: Some(finding), is_anchored: false },
    };
    let mut checks = Checks { bundle: &file.bundle, log: Log::default(), lines: Vec::new(), is_anchored: false };
    checks.holds(format!("form: {FORMAT}, canonical"));
    let finding = check(&mut checks, &file, key, anchors).err();
    BundleReport { lines: checks.lines, is_anchored: checks.is_anchored && finding.is_none(), finding }
}

/// The file, if it is one of ours to the last byte: another reader could read another one otherwise.
fn read(bytes: &[u8]) -> Result<File, String> {
    let no_bundle = |error: serde_json::Error| format!("form: this is no {FORMAT}: {error}");
    let value: Value = serde_json::from_slice(bytes).map_err(no_bundle)?;
    if value["format"] != FORMAT {
        return Err(format!("form: this is no {FORMAT}"));
    }
    let not_canonical = || "form: the file is not in its canonical form; it must be kept byte for byte".to_owned();
    if canonical_json(&value).ok().as_deref() != Some(bytes) {
        return Err(not_canonical());
    }
    let file: File = serde_json::from_value(value).map_err(no_bundle)?;
    // Digests are of what was read: what another spelling hides, or a field that is not there, is no part of that.
    if canonical_json(&file).ok().as_deref() == Some(bytes) { Ok(file) } else { Err(not_canonical()) }
}

fn check(checks: &mut Checks<'_>, file: &File, key: Option<&AuditKey>, anchors: &Anchors) -> Checked {
    entries::check(checks, file, key)?;
    chain::check(checks, key, anchors)?;
    steps::check(checks)?;
    content::check_answer(checks)?;
    content::check_passages(checks)?;
    steps::check_prompts(checks)?;
    content::check_calls(checks)?;
    content::check_decisions(checks)?;
    content::check_labels(checks)?;
    for left_out in &file.bundle.left_out {
        let sha256 = left_out.sha256.as_ref().map(|sha256| format!(", SHA-256 {sha256}")).unwrap_or_default();
        checks.not_checked(format!("{} {} is left out: {}{sha256}", left_out.what, left_out.id, left_out.reason));
    }
    if file.bundle.sha256() != file.sha256 {
        return Err("bundle: altered: something in it that nothing else covers is not what its digest says".to_owned());
    }
    checks.holds(format!("bundle: SHA-256 {}", file.sha256));
    let named = checks.log.receipt.as_ref().and_then(|receipt| receipt.details["bundle_sha256"].as_str());
    if named != Some(&file.sha256) {
        return Err("receipt: altered: the entry of the export names another digest".to_owned());
    }
    checks.holds("receipt: the entry of the export names this bundle");
    Ok(())
}
