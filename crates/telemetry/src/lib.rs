//! What Millwright tells about itself: logs, metrics and trace ids.
//!
//! It sends nothing anywhere, unless a collector of traces is configured: logs go to standard error, metrics are rendered
//! when somebody asks.
//!
//! Main types: [`init`] installs all of it and returns the [`Metrics`] to render; [`metrics`] has one function
//! for each thing that is counted, so that names and labels stand in one place; [`spans`] are what a collector gets; [`TraceId`]
//! names a request in logs, answers, spans and the audit log.
//!
//! A log line is one JSON object: `timestamp`, `level`, `target`, `message`, the event's own fields, and the
//! fields of the spans around it. Field names are the same everywhere: `trace.id`, `tenant.id`, `user.id`,
//! `run.id`, `duration_ms`.
//!
//! Invariants:
//! * Secrets cannot reach a log by mistake, because they are `millwright_config::Secret`, which does not
//!   show itself. Nothing is searched and replaced afterwards.
//! * Labels have few values: route templates, codes and stages, never ids, names or paths.
//! * [`init`] never fails and never panics, however often it is called.
//!
//! ```
//! use millwright_core::Sources;
//! use millwright_telemetry::TraceId;
//! let id = TraceId::new(&Sources::system());
//! assert_eq!(id.to_string().len(), 32);
//! ```

mod json_lines;
mod logs;
pub mod metrics;
mod process;
pub mod spans;
mod trace_id;

pub use metrics::Metrics;
pub use spans::SpanId;
pub use trace_id::{InvalidTraceId, TraceId};

use millwright_config::TelemetryConfig;

/// Starts logs, metrics and the export of spans, before any async runtime. A second call changes nothing and returns the same metrics.
pub fn init(config: &TelemetryConfig) -> Metrics {
    logs::install(config);
    spans::install(config);
    metrics::install()
}
