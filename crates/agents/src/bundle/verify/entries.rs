//! Entries of the audit log, each for itself, as the story of the run, and in the chain.

use chrono::{DateTime, Utc};
use millwright_audit::{AuditKey, Head, canonical_json, leaf};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::form::{Entry, File, SealPart},
    Checked, Checks,
};

/// What an entry says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    v: u32,
    key: String,
    pub(super) id: String,
    tenant_id: String,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) resource_id: String,
    pub(super) details: Value,
}

/// The entries once they were read.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Those of the run and its calls, in their order.
    pub(super) events: Vec<Event>,
    pub(super) receipt: Option<Event>,
}

impl Log {
    fn of_run(&self, action: &str) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.action == action)
    }

    /// The entry of the run's beginning.
    pub(super) fn begun(&self) -> Option<&Event> {
        self.of_run("run.started").next()
    }

    /// The last step of another run that it begins with, as its beginning is proved; 0 where it was forked from none.
    pub(super) fn forked_at(&self) -> i64 {
        self.begun().and_then(|begun| begun.details["forked_at_step"].as_i64()).unwrap_or(0)
    }

    /// The entry of the run's end.
    pub(super) fn end(&self) -> Option<&Event> {
        self.events.iter().find(|event| event.action == "run.finished" || event.action == "run.failed")
    }

    /// Whether an entry is of an export of the run, which is none of its story.
    pub(super) fn is_of_export(event: &Event) -> bool {
        event.action == "run.exported"
    }

    /// The entry of a call of a model.
    pub(super) fn call(&self, id: &str) -> Option<&Event> {
        self.of_run("usage.recorded").find(|event| event.resource_id == id)
    }

    /// Entries of the run's own calls, in the order of time.
    pub(super) fn calls(&self) -> Vec<&Event> {
        let mut calls: Vec<_> = self.of_run("usage.recorded").collect();
        calls.sort_by_key(|event| event.occurred_at);
        calls
    }
}

pub(super) fn fixed(hex_digits: &str) -> Option<[u8; 32]> {
    hex::decode(hex_digits).ok()?.try_into().ok()
}

/// Each entry for itself, and whether they tell the whole story of the run.
pub(super) fn check(checks: &mut Checks<'_>, file: &File, key: Option<&AuditKey>) -> Checked {
    let bundle = checks.bundle;
    for entry in &bundle.audit.entries {
        let event = event(checks, entry, key)?;
        checks.log.events.push(event);
    }
    for manifest in &bundle.manifests {
        let event = event(checks, &manifest.entry, key)?;
        let is_its = event.action == "document.version_ready"
            && event.resource_id == manifest.document_id.to_string()
            && event.details["number"] == manifest.version;
        if !is_its {
            return Err(altered(&manifest.entry, "it is not about the version whose manifest it should hold"));
        }
    }
    let receipt = event(checks, &file.receipt, key)?;
    let is_its = receipt.action == "run.exported"
        && receipt.resource_id == bundle.run.id.to_string()
        && receipt.actor == bundle.exported_by.to_string();
    if !is_its {
        return Err(altered(&file.receipt, "it is not about this export"));
    }
    checks.log.receipt = Some(receipt);
    let count = bundle.audit.entries.len() + bundle.manifests.len() + 1;
    if let Some(key) = key {
        checks.holds(format!("entries: {count}, each authentic by key {}", key.id()));
    } else {
        checks.holds(format!("entries: {count}, each whole and, where it was sealed, what its seal covers"));
        checks.not_checked(
            "MACs: there is no SECRET_KEY here; that the server wrote all this is shown by its key, or by an anchor",
        );
    }
    check_story(checks)
}

fn altered(entry: &Entry, why: &str) -> String {
    format!("entry {}: altered: {why}", entry.id)
}

/// What an entry says, if it is what was written.
fn event(checks: &Checks<'_>, entry: &Entry, key: Option<&AuditKey>) -> Result<Event, String> {
    let altered = |why: &str| Err(altered(entry, why));
    let value: Value = match serde_json::from_str(&entry.canonical) {
        Ok(value) => value,
        Err(_) => return altered("its bytes are no JSON"),
    };
    if canonical_json(&value).ok().as_deref() != Some(entry.canonical.as_bytes()) {
        return altered("its bytes are not in canonical form");
    }
    let Ok(event) = serde_json::from_value::<Event>(value) else {
        return altered("its bytes are not those of an entry");
    };
    if event.v != 1 {
        return altered("its schema version is not known");
    }
    if event.id != entry.id.to_string() {
        return altered("its bytes name another entry");
    }
    if event.tenant_id != checks.bundle.tenant_id.to_string() {
        return altered("it belongs to the log of another tenant");
    }
    let Some(mac) = fixed(&entry.mac) else { return altered("its MAC is none") };
    if let Some(key) = key {
        if event.key != key.id() {
            let (names, given) = (&event.key, key.id());
            return Err(format!("entry {}: another key: it names key {names}, the one given is {given}", entry.id));
        }
        if !key.is_authentic(entry.canonical.as_bytes(), &mac) {
            return altered("its bytes or its MAC were changed");
        }
    }
    if let Some(seal) = &entry.seal
        && !is_sealed(seal, checks, &leaf(entry.canonical.as_bytes(), &mac))
    {
        return altered("it is not what was sealed: bytes, MAC or seal were changed");
    }
    Ok(event)
}

fn is_sealed(seal: &SealPart, checks: &Checks<'_>, leaf: &[u8; 32]) -> bool {
    let (Some(previous), Some(hash)) = (fixed(&seal.previous_hash), fixed(&seal.hash)) else { return false };
    let Some(before) = seal.sequence.checked_sub(1).filter(|before| *before >= 0) else { return false };
    let tenant_id = checks.bundle.tenant_id;
    Head { tenant_id, sequence: before, hash: previous }.after(leaf).hash == hash
}

/// What a run was begun with is what the entry of its beginning names: nothing else proves it.
fn check_input(input: &Value, begun: &Event) -> Checked {
    let (forked, agent, part) = (&input["forked_from"], &input["agent"]["shown"], &input["part"]);
    let said = [
        ("forked_from", &forked[0]),
        ("forked_at_step", &forked[1]),
        ("agent", &agent["name"]),
        ("agent_sha256", &agent["digest"]),
        ("goal", &part["goal"]),
        ("step", &part["step"]),
    ];
    match said.into_iter().find(|(name, value)| begun.details[*name] != **value) {
        Some((name, _)) => Err(format!("run: altered: the entry of its beginning names another `{name}`")),
        None => Ok(()),
    }
}

/// A run that has ended was begun once, ended once, and taken over as often as it says.
fn check_story(checks: &mut Checks<'_>) -> Checked {
    let (run, log) = (&checks.bundle.run, &checks.log);
    let id = run.id.to_string();
    let foreign = log.events.iter().find(|event| event.resource_id != id && event.details["run_id"] != id.as_str());
    if let Some(event) = foreign {
        return Err(format!("entry {}: reordered: it belongs to another run", event.id));
    }
    let ends = if run.status == "finished" { "run.finished" } else { "run.failed" };
    let takeovers = usize::try_from(run.takeovers).unwrap_or(usize::MAX);
    for (action, expected) in [("run.started", 1), (ends, 1), ("run.taken_over", takeovers)] {
        let found = log.of_run(action).count();
        if found < expected {
            return Err(format!("entries: missing: `{action}` stands {found} times, {expected} are needed"));
        }
        if found > expected {
            return Err(format!("entries: altered: `{action}` stands {found} times, {expected} are possible"));
        }
    }
    if let Some(begun) = log.begun() {
        if begun.actor != run.user_id.to_string() {
            return Err("run: altered: another person began it".to_owned());
        }
        check_input(&run.input, begun)?;
    }
    let text = format!("story: begun, taken over {takeovers} times, ended as `{}`", run.status);
    checks.holds(text);
    Ok(())
}
