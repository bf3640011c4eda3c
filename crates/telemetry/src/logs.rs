use std::io::{self, IsTerminal};

use millwright_config::{LogFormat, LogLevel, TelemetryConfig};
use tracing::{Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    fmt::{self, MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::json_lines::JsonLines;

/// Writes to standard error, so that what a command prints to standard output stays clean.
pub(crate) fn install(config: &TelemetryConfig) {
    let json = match config.log_format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    // Fails only when logs are installed already, by an earlier call or by a test.
    let _ = Registry::default().with(layer(json, config.log_level, io::stderr)).try_init();
}

/// Millwright's own entries from the level on; those of libraries from `warn` on, because at `debug` they
/// drown everything, unless every step is asked for.
fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let others = if own == Level::TRACE { own } else { own.min(Level::WARN) };
    // It writes down what strangers' servers send; what comes of a call has a word of ours.
    let stranger = ("rmcp", LevelFilter::OFF);
    Targets::new().with_default(LevelFilter::from(others)).with_target("millwright", own).with_targets([stranger])
}

pub(crate) fn layer<S, W>(json: bool, level: LogLevel, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    if json {
        layer.fmt_fields(JsonFields::new()).event_format(JsonLines).with_filter(filter(level)).boxed()
    } else {
        layer.with_target(false).with_filter(filter(level)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millwright_config::Secret;
    use serde_json::Value;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(json: bool, level: LogLevel, work: impl FnOnce()) -> String {
        let memory = Memory::default();
        let sink = memory.clone();
        let subscriber = Registry::default().with(layer(json, level, move || sink.clone()));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_one_object_with_the_fields_of_the_spans_around_it() {
        let text = written(true, LogLevel::Info, || {
            let request = tracing::info_span!("request", trace.id = "4bf9", user.id = tracing::field::Empty);
            let _in_request = request.enter();
            request.record("user.id", "usr_1");
            let _in_run = tracing::info_span!("run", run.id = "run_1").entered();
            tracing::info!(duration_ms = 12, ok = true, "request\nhandled");
            tracing::warn!(trace.id = "own", "second");
        });
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        let first = &lines[0];
        assert_eq!(first["level"], "INFO");
        assert_eq!(first["message"], "request\nhandled");
        assert_eq!(first["target"], "millwright_telemetry::logs::tests");
        assert_eq!(
            (&first["trace.id"], &first["user.id"], &first["run.id"]),
            (&"4bf9".into(), &"usr_1".into(), &"run_1".into())
        );
        assert_eq!((&first["duration_ms"], &first["ok"]), (&12.into(), &true.into()));
        assert!(chrono::DateTime::parse_from_rfc3339(first["timestamp"].as_str().unwrap()).is_ok());
        assert_eq!(lines[1]["trace.id"], "own", "the event's own field wins");
    }

    #[test]
    fn libraries_are_quiet_and_own_entries_follow_the_level() {
        let text = written(true, LogLevel::Debug, || {
            tracing::debug!("own debug");
            tracing::trace!("own trace");
            tracing::debug!(target: "sqlx::query", "library debug");
            tracing::warn!(target: "sqlx::query", "library warning");
        });
        assert!(text.contains("own debug") && text.contains("library warning"), "{text}");
        assert!(!text.contains("own trace") && !text.contains("library debug"), "{text}");
    }

    #[test]
    fn a_secret_in_a_field_stays_secret_in_both_forms() {
        let secret = Secret::new("hunter2");
        for json in [true, false] {
            let text = written(json, LogLevel::Trace, || tracing::info!(key = ?secret, other = %secret, "given"));
            assert!(text.contains("given") && text.contains("[secret]") && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_value_cannot_write_to_the_terminal() {
        let text = written(false, LogLevel::Info, || tracing::info!("name \u{1b}[2J of a file"));
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
    }

    #[test]
    fn starting_twice_is_harmless() {
        let config = TelemetryConfig { log_level: LogLevel::Error, log_format: LogFormat::Json, otlp: None };
        let first = crate::init(&config);
        let _second = crate::init(&config);
        crate::metrics::job_finished("ingest", "succeeded");
        assert!(first.render().contains("jobs_total"));
    }
}
