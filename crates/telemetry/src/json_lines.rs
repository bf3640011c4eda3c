use std::fmt;

use chrono::SecondsFormat;
use millwright_core::{Clock, SystemClock};
use serde_json::{Map, Value};
use tracing::{Event, Subscriber, field};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::LookupSpan,
};

/// One flat object a line. The form that comes with `tracing-subscriber` nests the spans' fields, so that a
/// search for `trace.id` would have to look in several places.
pub(crate) struct JsonLines;

impl<S, F> FormatEvent<S, F> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, F>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let about = event.metadata();
        let mut line = Map::new();
        let mut put = |name: &str, value: &str| line.insert(name.to_owned(), value.into());
        put("timestamp", &SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true));
        put("level", about.level().as_str());
        put("target", about.target());
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<F>>() else { continue };
            if let Ok(Value::Object(fields)) = serde_json::from_str(&fields.fields) {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct Fields<'l>(&'l mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &field::Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &field::Field, value: &str) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &field::Field, value: bool) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &field::Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &field::Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &field::Field, value: f64) {
        self.put(field, value);
    }
    /// The error and what caused it, in one text: a log line is the one place where the whole chain stands.
    fn record_error(&mut self, field: &field::Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(value.source(), |cause| cause.source());
        let text = causes.fold(value.to_string(), |text, cause| format!("{text}: {cause}"));
        self.put(field, text);
    }
}
