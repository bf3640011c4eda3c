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
/// Passes over watched folders that ended.
pub const SOURCE_PASSES: &str = "source_passes_total";
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
/// Requests refused by a rate limit. Label `kind`.
pub const RATE_LIMITED: &str = "rate_limited_total";
/// 1 while rate limits are shared through Redis, 0 while each process limits by itself though it should not.
pub const RATE_LIMITS_SHARED: &str = "rate_limits_shared";
/// Requests judged by this process alone although limits should be shared. Label `reason`.
pub const RATE_LIMIT_FALLBACKS: &str = "rate_limit_fallbacks_total";
/// Calls of models that ended, under OpenTelemetry's name. Labels `gen_ai_response_model`, `tier`, `outcome`.
pub const MODEL_DURATION: &str = "gen_ai_client_operation_duration_seconds";
/// Tokens of models, under OpenTelemetry's name. Labels `gen_ai_response_model`, `gen_ai_token_type`.
pub const MODEL_TOKENS: &str = "gen_ai_client_token_usage_total";
/// From a call to the first part of its answer. Label `gen_ai_response_model`.
pub const MODEL_FIRST_TOKEN: &str = "gen_ai_server_time_to_first_token_seconds";
/// Calls that no model answered. Labels `tier`, `reason`.
pub const MODEL_REFUSED: &str = "model_calls_refused_total";
/// Attempts at an endpoint that failed, whether or not another answered. Labels `endpoint`, `reason`.
pub const MODEL_ATTEMPTS_FAILED: &str = "model_attempts_failed_total";
/// Which tier requests got, and why. Labels `tier`, `reason`.
pub const MODEL_ROUTES: &str = "model_routes_total";
/// Reservations of budgets that this process holds.
pub const BUDGET_RESERVATIONS: &str = "budget_reservations";
/// Calls of models refused by a budget. Labels `unit`, `subject`.
pub const BUDGET_REFUSED: &str = "budget_refused_total";
/// Budgets of which 80 % (`warning`) or 95 % (`critical`) were spent. Label `level`.
pub const BUDGET_ALERTS: &str = "budget_alerts_total";
/// Calls in one transaction of the budgets. Label `kind`: `reserve` or `settle`.
pub const BUDGET_BATCH_SIZE: &str = "budget_batch_calls";
/// Time of one such transaction. Label `kind`.
pub const BUDGET_BATCH: &str = "budget_batch_seconds";
/// Resident memory, under the name that Prometheus clients agree on.
pub const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
/// Open files, likewise.
pub const PROCESS_OPEN_FILES: &str = "process_open_fds";
/// Start time in seconds since 1970, likewise.
pub const PROCESS_START: &str = "process_start_time_seconds";

/// Upper bounds of the histograms' buckets in seconds: close together where the targets are.
const BUCKETS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0];

/// Upper bounds of the buckets for calls in one transaction.
const BATCH_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];

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
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Full(BUDGET_BATCH_SIZE.to_owned()), &BATCH_BUCKETS)
            })
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
    describe_counter!(SOURCE_PASSES, "Passes over watched folders that ended, by clock and outcome");
    describe_counter!(JOBS, "Attempts of jobs that ended, by outcome");
    describe_gauge!(JOBS_QUEUED, "Jobs waiting to be taken");
    describe_histogram!(INGEST_STAGE, Unit::Seconds, "Time of one stage of ingestion");
    describe_histogram!(SEARCH, Unit::Seconds, "Time of one part of a search");
    describe_counter!(RUNS, "Runs that ended, by outcome");
    describe_histogram!(RUN_FIRST_TEXT, Unit::Seconds, "From the question's arrival to the first part of the answer");
    describe_gauge!(INDEX_LAG, "Changes that the keyword index has not taken in yet");
    describe_gauge!(AUDIT_UNSEALED, "Audit entries that wait for their seal");
    describe_gauge!(DB_POOL, "Database connections, by state");
    describe_counter!(RATE_LIMITED, "Requests refused by a rate limit, by kind of limit");
    describe_gauge!(RATE_LIMITS_SHARED, "1 while rate limits are shared through Redis, 0 while Redis does not answer");
    describe_counter!(RATE_LIMIT_FALLBACKS, "Requests judged by this process alone, by why Redis could not be asked");
    describe_histogram!(MODEL_DURATION, Unit::Seconds, "Calls of models that ended, by model, tier and outcome");
    describe_counter!(MODEL_TOKENS, "Tokens read (input) and written (output) by models");
    describe_histogram!(MODEL_FIRST_TOKEN, Unit::Seconds, "From a call of a model to the first part of its answer");
    describe_counter!(MODEL_REFUSED, "Calls that no model answered, by tier and reason");
    describe_counter!(MODEL_ATTEMPTS_FAILED, "Attempts at an endpoint that failed, by endpoint and reason");
    describe_counter!(MODEL_ROUTES, "Calls by the tier that they got, and why");
    describe_gauge!(BUDGET_RESERVATIONS, "Reservations of budgets that this process holds");
    describe_counter!(BUDGET_REFUSED, "Calls of models refused by a budget, by unit and kind of subject");
    describe_counter!(BUDGET_ALERTS, "Budgets of which 80 % (warning) or 95 % (critical) were spent");
    describe_histogram!(BUDGET_BATCH_SIZE, "Calls in one transaction of the budgets");
    describe_histogram!(BUDGET_BATCH, Unit::Seconds, "Time of one transaction of the budgets");
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

/// A pass over a watched folder ended.
pub fn source_pass_finished(clock: &'static str, outcome: &'static str) {
    counter!(SOURCE_PASSES, "clock" => clock, "outcome" => outcome).increment(1);
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

/// A rate limit of this kind refused a request.
pub fn rate_limited(kind: &'static str) {
    counter!(RATE_LIMITED, "kind" => kind).increment(1);
}

/// Whether rate limits are shared through Redis now. Not called where no Redis is configured.
pub fn rate_limits_shared(shared: bool) {
    gauge!(RATE_LIMITS_SHARED).set(if shared { 1.0 } else { 0.0 });
}

/// A request was judged by this process alone because Redis could not be asked (`not_connected`, `too_slow`, `failed`).
pub fn rate_limit_fallback(reason: &'static str) {
    counter!(RATE_LIMIT_FALLBACKS, "reason" => reason).increment(1);
}

/// A call of a model ended after this time.
pub fn model_call(model: &str, tier: &'static str, outcome: &'static str, took: Duration) {
    let labels = [("gen_ai_response_model", model.to_owned()), ("tier", tier.into()), ("outcome", outcome.into())];
    histogram!(MODEL_DURATION, &labels).record(took.as_secs_f64());
}

/// A model read and wrote so many tokens.
pub fn model_tokens(model: &str, input: u64, output: u64) {
    for (kind, tokens) in [("input", input), ("output", output)] {
        counter!(MODEL_TOKENS, "gen_ai_response_model" => model.to_owned(), "gen_ai_token_type" => kind)
            .increment(tokens);
    }
}

/// The first part of an answer came after this time.
pub fn model_first_token(model: &str, took: Duration) {
    histogram!(MODEL_FIRST_TOKEN, "gen_ai_response_model" => model.to_owned()).record(took.as_secs_f64());
}

/// No model answered a call, for this reason.
pub fn model_refused(tier: &'static str, reason: &'static str) {
    counter!(MODEL_REFUSED, "tier" => tier, "reason" => reason).increment(1);
}

/// An attempt at an endpoint failed.
pub fn model_attempt_failed(endpoint: &str, reason: &'static str) {
    counter!(MODEL_ATTEMPTS_FAILED, "endpoint" => endpoint.to_owned(), "reason" => reason).increment(1);
}

/// A call got this tier, for this reason.
pub fn model_route(tier: &'static str, reason: &'static str) {
    counter!(MODEL_ROUTES, "tier" => tier, "reason" => reason).increment(1);
}

/// So many reservations of budgets were taken (`1.0`) or ended (`-1.0`) here.
pub fn budget_reservations(change: f64) {
    gauge!(BUDGET_RESERVATIONS).increment(change);
}

/// A budget of this unit and kind of subject refused a call.
pub fn budget_refused(unit: &'static str, subject: &'static str) {
    counter!(BUDGET_REFUSED, "unit" => unit, "subject" => subject).increment(1);
}

/// So much of a budget was spent for the first time in its period.
pub fn budget_alert(level: &'static str) {
    counter!(BUDGET_ALERTS, "level" => level).increment(1);
}

/// A transaction of the budgets (`reserve`, `settle`) decided or settled so many calls in this time.
pub fn budget_batch(kind: &'static str, calls: usize, took: Duration) {
    histogram!(BUDGET_BATCH_SIZE, "kind" => kind).record(calls as f64);
    histogram!(BUDGET_BATCH, "kind" => kind).record(took);
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
        budget_batch("settle", 20, Duration::from_millis(4));
        metrics.run_upkeep();
        let text = metrics.render();
        for line in [
            "# HELP http_requests_total Requests answered",
            "http_requests_total{method=\"GET\",route=\"/api/v1/documents/{id}\",status=\"200\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/documents/{id}\",le=\"0.005\"} 1",
            "http_request_duration_seconds_bucket{method=\"GET\",route=\"/api/v1/documents/{id}\",le=\"0.0025\"} 0",
            "db_pool_connections{state=\"used\"} 6",
            "index_lag 7",
            "budget_batch_calls_bucket{kind=\"settle\",le=\"16\"} 0",
            "budget_batch_calls_bucket{kind=\"settle\",le=\"32\"} 1",
            "budget_batch_seconds_bucket{kind=\"settle\",le=\"0.005\"} 1",
        ] {
            assert!(text.lines().any(|present| present == line), "no `{line}` in\n{text}");
        }
        #[cfg(target_os = "linux")]
        assert!(text.contains(PROCESS_MEMORY) && text.contains(PROCESS_START));
    }
}
