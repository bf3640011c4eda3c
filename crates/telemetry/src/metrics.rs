//! Everything that is counted or measured: names, descriptions and labels in one place.
//!
//! Labels take few values. A route is its template (`/api/v1/documents/{id}`), never a path.

use std::{sync::OnceLock, time::Duration};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use millwright_core::{Clock, SystemClock};

use crate::process;

/// Requests answered. Labels `method`, `route`, `status`.
pub const HTTP_REQUESTS: &str = "http_requests_total";
/// From the request's head to the answer's head. Labels `method`, `route`.
pub const HTTP_REQUEST_DURATION: &str = "http_request_duration_seconds";
/// Problems answered. Label `code`.
pub const PROBLEMS: &str = "problems_total";
/// Event streams open now.
pub const EVENT_STREAMS: &str = "event_streams";
/// Jobs that ended an attempt. Labels `kind`, `outcome`.
pub const JOBS: &str = "jobs_total";
/// Jobs waiting to be taken.
pub const JOBS_QUEUED: &str = "jobs_queued";
/// Time of one stage of ingestion. Label `stage`.
pub const INGEST_STAGE: &str = "ingest_stage_seconds";
/// Time of one part of a search. Label `part`.
pub const SEARCH: &str = "search_seconds";
/// Runs that ended. Labels `outcome`, `tier`.
pub const RUNS: &str = "runs_total";
/// From the question's arrival to the first part of the answer. Label `tier`.
pub const RUN_FIRST_TEXT: &str = "run_first_text_seconds";
/// Changes that the keyword index has not taken in yet.
pub const INDEX_LAG: &str = "index_lag";
/// Audit entries that wait for their seal.
pub const AUDIT_UNSEALED: &str = "audit_unsealed";
/// Database connections. Label `state`: `idle` or `used`.
pub const DB_POOL: &str = "db_pool_connections";
/// Resident memory, under the name that Prometheus clients agree on.
pub const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
/// Open files, likewise.
pub const PROCESS_OPEN_FILES: &str = "process_open_fds";
/// Start time in seconds since 1970, likewise.
pub const PROCESS_START: &str = "process_start_time_seconds";

/// Upper bounds of the histograms' buckets in seconds: close together where the targets are.
const BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();

/// Renders what was counted, in Prometheus' text format.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The present values, those of the process included.
    pub fn render(&self) -> String {
        for (name, value) in [(PROCESS_MEMORY, process::resident_bytes()), (PROCESS_OPEN_FILES, process::open_files())]
        {
            if let Some(value) = value {
                gauge!(name).set(value);
            }
        }
        self.0.render()
    }

    /// Folds measurements into their buckets. To be called every few seconds, because they take memory until
    /// then or until somebody asks for the values.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

pub(crate) fn install() -> Metrics {
    let handle = INSTALLED.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        // Refused only for an empty list of buckets.
        let builder = builder
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Fails only when another recorder was installed before, which then keeps the measurements.
        if metrics::set_global_recorder(recorder).is_ok() {
            describe();
            gauge!(PROCESS_START).set(SystemClock.now().timestamp() as f64);
        }
        handle
    });
    Metrics(handle.clone())
}

fn describe() {
    describe_counter!(HTTP_REQUESTS, "Requests answered");
    describe_histogram!(HTTP_REQUEST_DURATION, Unit::Seconds, "From the request's head to the answer's head");
    describe_counter!(PROBLEMS, "Problems answered, by code");
    describe_gauge!(EVENT_STREAMS, "Event streams open now");
    describe_counter!(JOBS, "Attempts of jobs that ended, by outcome");
    describe_gauge!(JOBS_QUEUED, "Jobs waiting to be taken");
    describe_histogram!(INGEST_STAGE, Unit::Seconds, "Time of one stage of ingestion");
    describe_histogram!(SEARCH, Unit::Seconds, "Time of one part of a search");
    describe_counter!(RUNS, "Runs that ended, by outcome");
    describe_histogram!(RUN_FIRST_TEXT, Unit::Seconds, "From the question's arrival to the first part of the answer");
    describe_gauge!(INDEX_LAG, "Changes that the keyword index has not taken in yet");
    describe_gauge!(AUDIT_UNSEALED, "Audit entries that wait for their seal");
    describe_gauge!(DB_POOL, "Database connections, by state");
    describe_gauge!(PROCESS_MEMORY, Unit::Bytes, "Resident memory");
    describe_gauge!(PROCESS_OPEN_FILES, "Open files, sockets and pipes");
    describe_gauge!(PROCESS_START, Unit::Seconds, "Start time in seconds since 1970");
}

/// A request was answered. `route` is the template; pass `unmatched` where none fits.
pub fn http_request(method: &'static str, route: &str, status: u16, took: Duration) {
    counter!(HTTP_REQUESTS, "method" => method, "route" => route.to_owned(), "status" => status.to_string())
        .increment(1);
    histogram!(HTTP_REQUEST_DURATION, "method" => method, "route" => route.to_owned()).record(took);
}

/// A problem was answered; `code` is one of the closed list.
pub fn problem(code: millwright_core::ErrorCode) {
    counter!(PROBLEMS, "code" => code.as_str()).increment(1);
}

/// An event stream opened (`1.0`) or closed (`-1.0`).
pub fn event_streams(change: f64) {
    gauge!(EVENT_STREAMS).increment(change);
}

/// An attempt of a job ended, for instance `succeeded`, `retried` or `dead`.
pub fn job_finished(kind: &'static str, outcome: &'static str) {
    counter!(JOBS, "kind" => kind, "outcome" => outcome).increment(1);
}

/// So many jobs wait.
pub fn jobs_queued(count: u64) {
    gauge!(JOBS_QUEUED).set(count as f64);
}

/// A stage of ingestion (`parse`, `chunk`, `embed`, `index`) took so long.
pub fn ingest_stage(stage: &'static str, took: Duration) {
    histogram!(INGEST_STAGE, "stage" => stage).record(took);
}

/// A part of a search (`embed`, `vector`, `keyword`, `fuse`, `total`) took so long.
pub fn search(part: &'static str, took: Duration) {
    histogram!(SEARCH, "part" => part).record(took);
}

/// A run ended as `finished`, `failed` or `cancelled`.
pub fn run_finished(outcome: &'static str, tier: &'static str) {
    counter!(RUNS, "outcome" => outcome, "tier" => tier).increment(1);
}

/// The first part of an answer went out so long after its question came in.
pub fn run_first_text(tier: &'static str, took: Duration) {
    histogram!(RUN_FIRST_TEXT, "tier" => tier).record(took);
}

/// The keyword index is so many changes behind.
pub fn index_lag(changes: u64) {
    gauge!(INDEX_LAG).set(changes as f64);
}

/// So many audit entries wait for their seal.
pub fn audit_unsealed(entries: u64) {
    gauge!(AUDIT_UNSEALED).set(entries as f64);
}

/// The database connections open now, and those of them that are idle.
pub fn db_pool(open: u32, idle: usize) {
    gauge!(DB_POOL, "state" => "idle").set(idle as f64);
    gauge!(DB_POOL, "state" => "used").set(f64::from(open) - idle as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_with_its_description() {
        let metrics = install();
        http_request("GET", "/api/v1/documents/{id}", 200, Duration::from_millis(3));
        db_pool(10, 4);
        index_lag(7);
        metrics.run_upkeep();
        let text = metrics.render();
        for line in [
            "# HELP http_requests_total Requests answered",
            "http_requests_total{method=\"GET\",route=\"/api/v1/documents/{id}\",status=\"200\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/documents/{id}\",le=\"0.005\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/documents/{id}\",le=\"0.0025\"} 0",
            "db_pool_connections{state=\"used\"} 6",
            "index_lag 7",
        ] {
            assert!(text.lines().any(|present| present == line), "no `{line}` in\n{text}");
        }
        #[cfg(target_os = "linux")]
        assert!(text.contains(PROCESS_MEMORY) && text.contains(PROCESS_START));
    }
}
