//! Lines of the table.

use std::path::Path;

use super::{Found, MAIN, alone::Alone, sides::Side};
use crate::{
    proc,
    report::{Report, Row, percentile},
    seed,
    server::Installation,
};

/// Beside the embedding model, megabytes.
const MEMORY_TARGET: f64 = 120.0;

/// A line for one load of one side.
pub(super) fn load(report: &mut Report, side: &Side, found: &Found) {
    let Found { load, shot, cpu, cpu_postgres, resident } = found;
    let kind = if load.stream { "streams" } else { "JSON" };
    let mut row = Row::new("gateway", format!("{}, {kind}, {} connections", side.name, load.connections))
        .figure("throughput", shot.per_second(), "requests/s")
        .figure("p50", shot.p50, "ms")
        .figure("p95", shot.p95, "ms")
        .figure("p99", shot.p99, "ms")
        .figure("CPU", *cpu, "ms");
    if *cpu_postgres > 0.0 {
        row = row.figure("CPU of PostgreSQL", *cpu_postgres, "ms");
    }
    row = row.figure("memory", *resident, "MB");
    if shot.errors > 0 {
        row = row.figure("errors", shot.errors as f64, "");
    }
    report.row(row);
}

/// The lines that are judged.
pub(super) fn targets(report: &mut Report, found: &[Vec<Found>]) {
    let pick = |side: usize, stream: bool| {
        found.get(side)?.iter().find(|found| found.load.connections == MAIN && found.load.stream == stream)
    };
    let Some(json) = pick(1, false) else { return };
    for (stream, kind, least) in [(false, "JSON", 20.0), (true, "streams", 40.0)] {
        let mut row = Row::new("gateway", format!("Millwright beside LiteLLM, {kind}, {MAIN} connections"));
        if let (Some(ours), Some(peer)) = (pick(1, stream), pick(2, stream)) {
            row = row.figure("ratio", ours.shot.per_second() / peer.shot.per_second(), "×");
            report.row(row.at_least("ratio", least));
        }
    }
    let row = Row::new("gateway", format!("processor time of Millwright, JSON, {MAIN} connections"));
    report.row(row.figure("CPU", json.cpu, "ms").at_most("CPU", 0.5));
    let row = Row::new("gateway", format!("Millwright, JSON, {MAIN} connections"));
    report.row(row.figure("p99", json.shot.p99, "ms").at_most("p99", 20.0));
}

/// One request at a time: the direct way first, then Millwright, then perhaps the peer.
pub(super) fn alone(report: &mut Report, sides: &[&Side], found: &[Alone]) {
    for (side, alone) in sides.iter().zip(found) {
        report.row(
            Row::new("gateway", format!("{}, one request at a time", side.name))
                .figure("JSON p50", alone.whole_p50(), "ms")
                .figure("p99", percentile(&alone.whole, 0.99), "ms")
                .figure("first byte p50", alone.first_byte_p50(), "ms")
                .figure("p99", percentile(&alone.first_byte, 0.99), "ms"),
        );
    }
    let [direct, ours, ..] = found else { return };
    let row = Row::new("gateway", "what Millwright adds to a JSON answer, alone");
    report.row(row.figure("p50", ours.whole_p50() - direct.whole_p50(), "ms").at_most("p50", 1.0));
    let row = Row::new("gateway", "what Millwright adds to a stream's first byte, alone");
    report.row(row.figure("p50", ours.first_byte_p50() - direct.first_byte_p50(), "ms").at_most("p50", 1.0));
}

/// After all loads.
pub(super) fn memory(report: &mut Report, side: &Side, before: f64, model: f64, found: &[Found]) -> anyhow::Result<()> {
    let most = found.iter().map(|found| found.resident).fold(f64::NAN, f64::max);
    report.row(
        Row::new("gateway", "memory of Millwright under these loads")
            .figure("before", before, "MB")
            .figure("most", most, "MB")
            .figure("peak", proc::peak(side.process)?, "MB")
            .figure("embedding model, loaded alone", model, "MB")
            .figure("beside it", most - model, "MB")
            .at_most("beside it", MEMORY_TARGET),
    );
    Ok(())
}

/// Every request that wrk counted has its row of usage and its entry in the audit log.
pub(super) fn accounts(
    report: &mut Report,
    installation: &Installation,
    cache_dir: &Path,
    counted: u64,
) -> anyhow::Result<()> {
    let query = "SELECT (SELECT count(*) FROM millwright.model_usage WHERE outcome = 'complete') || ' ' || \
                 (SELECT count(*) FROM millwright.audit_entries WHERE action = 'usage.recorded') || ' ' || \
                 (SELECT count(*) FROM millwright.model_usage)";
    let answer = seed::query(installation, cache_dir, query)?;
    let numbers: Vec<f64> = answer.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let [complete, entries, rows] = numbers[..] else { anyhow::bail!("psql said {answer}") };
    report.row(
        Row::new("gateway", "durable: rows after the load, warm-up and cut requests included")
            .figure("requests that wrk counted", counted as f64, "")
            .figure("usage, complete", complete, "")
            .figure("usage", rows, "")
            .figure("audit entries", entries, "")
            .figure("entries less rows", entries - rows, "")
            .between("entries less rows", 0.0, 0.0),
    );
    Ok(())
}
