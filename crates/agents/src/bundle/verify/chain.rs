//! The entries of a run in the chain of the log.

use std::collections::BTreeMap;

use millwright_audit::{AuditKey, Head, SignedHead};

use super::{
    super::{
        chain::MOST_LINKS,
        form::{Links, SealPart},
    },
    Anchors, Checked, Checks,
    entries::{Log, fixed},
};

/// The seals of the bundle by their places.
#[derive(Default)]
struct Sealed<'c> {
    all: BTreeMap<i64, &'c SealPart>,
    /// Without exports of the run: the first and the last place of its story.
    span: Option<(i64, i64)>,
    /// The entry of the run's end.
    end: Option<i64>,
}

/// The entries in the chain: each at its place, with nothing between that cannot be followed.
pub(super) fn check(checks: &mut Checks<'_>, key: Option<&AuditKey>, anchors: &Anchors) -> Checked {
    let audit = &checks.bundle.audit;
    let sealed = sealed(checks)?;
    let Some(links) = &audit.links else { return check_no_way(checks, &sealed, anchors) };
    let places = follow(checks, links, &sealed)?;
    let end = links.from + i64::try_from(links.leaves.len()).unwrap_or_default() - 1;
    let on_it = sealed.all.range(..=end).count();
    checks.holds(format!("chain: followed from place {} to place {end}, {on_it} entries of the run in it", links.from));
    if on_it < sealed.all.len() {
        let beyond = sealed.all.len() - on_it;
        checks.not_checked(format!("chain: {beyond} entries of exports stand beyond it; each seal holds for itself"));
    }
    check_head(checks, key, &places)?;
    if anchors.is_empty() { Ok(()) } else { check_anchor(checks, anchors, (&places, &sealed)) }
}

fn sealed<'c>(checks: &mut Checks<'c>) -> Result<Sealed<'c>, String> {
    let bundle = checks.bundle;
    let (mut sealed, mut last, mut waiting, mut waiting_of_run) = (Sealed::default(), 0, 0, 0);
    for (entry, event) in bundle.audit.entries.iter().zip(&checks.log.events) {
        let is_of_export = Log::is_of_export(event);
        let Some(seal) = &entry.seal else {
            waiting += 1;
            waiting_of_run += usize::from(!is_of_export);
            continue;
        };
        if seal.sequence <= last || waiting > 0 {
            return Err(format!("entry {}: reordered: it stands behind place {last} of the chain", entry.id));
        }
        last = seal.sequence;
        sealed.all.insert(last, seal);
        if !is_of_export {
            sealed.span = Some((sealed.span.map_or(last, |(first, _)| first), last));
        }
        if checks.log.end().is_some_and(|end| end.id == event.id) {
            sealed.end = Some(last);
        }
    }
    if waiting_of_run > 0 {
        checks.not_checked(format!("seals: {waiting_of_run} entries were not sealed yet when this was exported"));
    }
    Ok(sealed)
}

/// A bundle may be without the way only where there is none, or it is too long; whoever takes it away is found.
fn check_no_way(checks: &mut Checks<'_>, sealed: &Sealed<'_>, anchors: &Anchors) -> Checked {
    if let Some((first, last)) = sealed.span {
        let is_named = checks.bundle.left_out.iter().any(|left_out| left_out.what == "links");
        if last - first < MOST_LINKS {
            return Err("chain: missing: the way from entry to entry, which is not too long to be here".to_owned());
        }
        if !is_named {
            return Err("chain: missing: the way from entry to entry, and not named as left out".to_owned());
        }
    }
    checks.not_checked("chain: the way from entry to entry is not in the bundle; each seal holds for itself");
    if !anchors.is_empty() {
        checks.not_checked("anchor: it cannot be held against the chain, as the way is not in the bundle");
    }
    Ok(())
}

fn check_anchor(
    checks: &mut Checks<'_>,
    anchors: &Anchors,
    (places, sealed): (&BTreeMap<i64, [u8; 32]>, &Sealed<'_>),
) -> Checked {
    let Some(anchor) = anchors.get(&checks.bundle.tenant_id.to_string()) else {
        checks.not_checked("anchor: the file has none of this tenant");
        return Ok(());
    };
    let place = anchor.sequence;
    let found = places.get(&place);
    if found.is_some_and(|hash| *hash != anchor.hash) {
        return Err(format!("anchor: forged: the log had another entry at place {place} when it was verified"));
    }
    match sealed.end {
        None => checks.not_checked(format!(
            "anchor: the entry of the run's end was not sealed yet: what place {place} proves does not cover it"
        )),
        Some(end) if place < end => checks.not_checked(format!(
            "anchor: place {place} is older than the entry of the run's end at place {end}, and proves nothing about it; \
             one from after the run is needed"
        )),
        Some(_) if found.is_none() => checks.not_checked(format!(
            "anchor: place {place} is not on the way that the bundle holds; an export from after it is needed"
        )),
        Some(_) => {
            checks.is_anchored = true;
            checks.holds(format!("anchor: the chain goes through place {place}, which is not before the run's end"));
            let behind = sealed.span.map_or(0, |(_, last)| last);
            if place < behind {
                checks.not_checked(format!("anchor: entries of the run up to place {behind} are younger than it"));
            }
        }
    }
    Ok(())
}

/// Goes along the chain; returns the hash at each place.
fn follow(checks: &Checks<'_>, links: &Links, sealed: &Sealed<'_>) -> Result<BTreeMap<i64, [u8; 32]>, String> {
    let broken =
        |place: i64| format!("chain: altered at place {place}: the way does not lead to the seal of the entry there");
    let (first_place, last) = sealed.span.ok_or_else(|| broken(links.from))?;
    // One that began later would pass over entries.
    if links.from != first_place {
        return Err(broken(first_place));
    }
    let first = sealed.all.get(&links.from).ok_or_else(|| broken(links.from))?;
    let hash = fixed(&first.previous_hash).ok_or_else(|| broken(links.from))?;
    let mut head = Head { tenant_id: checks.bundle.tenant_id, sequence: links.from - 1, hash };
    let mut places = BTreeMap::from([(head.sequence, head.hash)]);
    for leaf in &links.leaves {
        head = head.after(&fixed(leaf).ok_or_else(|| broken(head.sequence + 1))?);
        places.insert(head.sequence, head.hash);
        if let Some(seal) = sealed.all.get(&head.sequence)
            && fixed(&seal.hash) != Some(head.hash)
        {
            return Err(broken(head.sequence));
        }
    }
    if last > head.sequence { Err(broken(last)) } else { Ok(places) }
}

fn check_head(checks: &mut Checks<'_>, key: Option<&AuditKey>, places: &BTreeMap<i64, [u8; 32]>) -> Checked {
    let Some(stated) = &checks.bundle.audit.head else {
        checks.not_checked("head: the server had signed none");
        return Ok(());
    };
    let place = stated.sequence;
    let (Some(hash), Some(mac)) = (fixed(&stated.hash), fixed(&stated.mac)) else {
        return Err(format!("head: altered: what stands for place {place} is no hash"));
    };
    match places.get(&place) {
        Some(found) if *found != hash => {
            return Err(format!("head: altered: the chain does not lead to what is stated for place {place}"));
        }
        Some(_) => {}
        None => checks.not_checked(format!("head: place {place} is not on the way that the bundle holds")),
    }
    let tenant_id = checks.bundle.tenant_id;
    let signed = SignedHead { head: Head { tenant_id, sequence: place, hash }, mac };
    match key {
        Some(key) if !key.vouches_for(&signed) => Err(format!("head: forged: the server never stated place {place}")),
        Some(_) => {
            checks.holds(format!("head: signed at place {place}"));
            Ok(())
        }
        None => Ok(()),
    }
}
