//! Spans for a collector of traces, sent by OTLP over HTTP where one is configured; otherwise nothing is made and nothing
//! leaves the process.
//!
//! A span is told when it ended, with its ids: they come from the request, so that the trace in a collector is the one in the
//! log, in answers and in the audit log. Names of spans and attributes are OpenTelemetry's.

use std::{sync::OnceLock, time::Duration};

use millwright_config::{OtlpConfig, TelemetryConfig};
use millwright_core::{Clock, Sources, SystemClock};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanKind as OtelKind, Status, TraceFlags, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};

use crate::TraceId;

/// How long one batch may take to be sent.
const PATIENCE: Duration = Duration::from_secs(5);

static EXPORT: OnceLock<BatchSpanProcessor> = OnceLock::new();

tokio::task_local! {
    static CURRENT: SpanId;
}

/// One span within its trace: 8 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub(crate) [u8; 8]);

impl SpanId {
    /// A fresh one.
    pub fn new(sources: &Sources) -> Self {
        let mut bytes: [u8; 8] = sources.random_bytes();
        if bytes == [0; 8] {
            bytes[7] = 1;
        }
        Self(bytes)
    }

    /// The span that this task works within, where one was begun by [`SpanId::scope`].
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// Does work within this span.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// Who is on the other side of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Somebody asked this process.
    Server,
    /// This process asked somebody.
    Client,
}

/// A span that ends now.
#[derive(Debug)]
pub struct Span<'s> {
    /// The trace, as the log has it. A text that is none drops the span.
    pub trace_id: &'s str,
    /// Its own id; absent: a fresh one.
    pub id: Option<SpanId>,
    /// The span that it is part of.
    pub parent: Option<SpanId>,
    /// Who is on the other side.
    pub kind: SpanKind,
    /// For instance `chat qwen3`.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// What is known of it, under OpenTelemetry's names.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// A short word for what went wrong, where something did.
    pub error: Option<String>,
}

/// A value of an attribute.
#[derive(Debug)]
pub enum Attribute {
    /// Words.
    Text(String),
    /// A count.
    Number(i64),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Attribute {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// Whether spans go anywhere. Who makes many may ask first.
pub fn are_exported() -> bool {
    EXPORT.get().is_some()
}

/// Hands a span to the exporter, which sends it within seconds; does nothing where there is none.
pub fn export(sources: &Sources, span: Span<'_>) {
    let Some(processor) = EXPORT.get() else { return };
    let Ok(trace) = span.trace_id.parse::<TraceId>() else { return };
    processor.on_end(data(sources, trace, span));
}

/// Sends what is still to be sent; waits for some seconds at most. Nothing can be exported afterwards.
pub fn finish() {
    if let Some(Err(error)) = EXPORT.get().map(SpanProcessor::shutdown) {
        tracing::warn!(error = &error as &dyn std::error::Error, "the last spans could not be sent");
    }
}

/// Turns export on, once.
pub(crate) fn install(config: &TelemetryConfig) {
    let Some(otlp) = &config.otlp else { return };
    match exporter(otlp) {
        Ok(exporter) => {
            let mut processor = BatchSpanProcessor::builder(exporter).build();
            let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
            let resource = Resource::builder().with_service_name("millwright").with_attribute(version).build();
            processor.set_resource(&resource);
            // Another one runs already after a second call; this one ends with nothing to send.
            let _ = EXPORT.set(processor);
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "spans are not exported");
        }
    }
}

fn exporter(otlp: &OtlpConfig) -> Result<opentelemetry_otlp::SpanExporter, ExporterBuildError> {
    let headers = otlp.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", otlp.endpoint))
        .with_timeout(PATIENCE)
        .with_headers(headers.collect())
        .build()
}

fn data(sources: &Sources, trace: TraceId, span: Span<'_>) -> SpanData {
    let id = span.id.unwrap_or_else(|| SpanId::new(sources));
    let of = |id: SpanId| opentelemetry::trace::SpanId::from_bytes(id.0);
    let trace = opentelemetry::trace::TraceId::from_bytes(trace.bytes());
    let end_time = SystemClock.now();
    let attributes = span.attributes.into_iter().map(|(name, value)| match value {
        Attribute::Text(text) => KeyValue::new(name, text),
        Attribute::Number(number) => KeyValue::new(name, number),
    });
    SpanData {
        span_context: SpanContext::new(trace, of(id), TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: span.parent.map_or(opentelemetry::trace::SpanId::INVALID, of),
        parent_span_is_remote: span.kind == SpanKind::Server && span.parent.is_some(),
        span_kind: match span.kind {
            SpanKind::Server => OtelKind::Server,
            SpanKind::Client => OtelKind::Client,
        },
        name: span.name.into(),
        start_time: (end_time - span.took).into(),
        end_time: end_time.into(),
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: InstrumentationScope::builder("millwright").build(),
    }
}
