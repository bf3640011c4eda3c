//! How many entries a second are made and verified on one core. Run with `--release`.

use std::{
    error::Error,
    io::{Write, stdout},
    time::Instant,
};

use millwright_audit::{Actor, AuditAction, AuditEvent, AuditKey, Head, Verifier, seal};
use millwright_core::{Sources, id::TenantId};

const ENTRIES: usize = 200_000;

fn main() -> Result<(), Box<dyn Error>> {
    let (sources, key) = (Sources::system(), AuditKey::derive(&[7; 32])?);
    let tenant: TenantId = sources.new_id();
    let events: Vec<_> = (0..ENTRIES)
        .map(|number| {
            let actor = Actor::User(sources.new_id());
            AuditEvent::new(&sources, tenant, actor, AuditAction::DocumentUploaded, format!("doc_{number:032x}"))
                .trace("4bf92f3577b34da6a3ce929d0e0e4736")
                .detail("name", "centrifugal pump CR-15 manual.pdf")
                .detail("size_bytes", number)
        })
        .collect();
    let rate = |start: Instant| ENTRIES as f64 / start.elapsed().as_secs_f64();

    let start = Instant::now();
    let records = events.iter().map(|event| key.authenticate(event)).collect::<Result<Vec<_>, _>>()?;
    let made = rate(start);

    let start = Instant::now();
    let mut head = Head::genesis(tenant);
    let mut seals = Vec::with_capacity(ENTRIES);
    for record in &records {
        let next = seal(&head, record.id, &record.canonical, &record.mac);
        head = next.head();
        seals.push(next);
    }
    let sealed = rate(start);

    let start = Instant::now();
    let mut check = Verifier::new(&key, tenant);
    for (seal, record) in seals.iter().zip(&records) {
        check.sealed(seal, Some(record), None).map_err(|finding| finding.to_string())?;
    }
    check.finish(Some(&key.sign_head(head))).map_err(|finding| finding.to_string())?;
    let verified = rate(start);

    let bytes = records.iter().map(|record| record.canonical.len()).sum::<usize>() / ENTRIES;
    writeln!(
        stdout(),
        "{ENTRIES} entries of {bytes} bytes: {made:.0} made, {sealed:.0} sealed, {verified:.0} verified a second on one core"
    )?;
    Ok(())
}
