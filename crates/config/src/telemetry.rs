use crate::{Secret, Setting, models::base_url, reader::Reader};

const LOG_LEVEL: Setting = Setting {
    name: "LOG_LEVEL",
    default: "info",
    accepts: "`error`, `warn`, `info`, `debug` or `trace`",
    secret: false,
    meaning: "The least severe log entries that are written.",
};
const LOG_FORMAT: Setting = Setting {
    name: "LOG_FORMAT",
    default: "auto",
    accepts: "`auto`, `json` or `pretty`",
    secret: false,
    meaning: "`json` is one object a line. `auto` is `pretty` in a terminal and `json` elsewhere.",
};

const OTEL_EXPORTER_OTLP_ENDPOINT: Setting = Setting {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    default: "",
    accepts: "a URL that begins with `http://` or `https://`",
    secret: false,
    meaning: "A collector of traces that takes OTLP over HTTP, for instance `http://127.0.0.1:4318`: a span for each request \
              and each call of a model, with OpenTelemetry's names for generative models and without any text of either. \
              Absent, nothing is sent.",
};
const OTEL_EXPORTER_OTLP_HEADERS: Setting = Setting {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    default: "",
    accepts: "`name=value`, several with commas between them",
    secret: true,
    meaning: "Headers for the collector, for instance its key.",
};

pub(crate) const SETTINGS: &[Setting] =
    &[LOG_LEVEL, LOG_FORMAT, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS];

/// How severe a log entry must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs attention.
    Warn,
    /// What happens.
    Info,
    /// How it happens.
    Debug,
    /// Every step.
    Trace,
}

impl LogLevel {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How log entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty in a terminal, JSON elsewhere.
    Auto,
    /// One object a line.
    Json,
    /// For people.
    Pretty,
}

/// A collector of traces.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// Without a slash at the end.
    pub endpoint: String,
    /// What it wants to be sent along.
    pub headers: Vec<(String, Secret)>,
}

/// Logs and traces.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// The least severe that is written.
    pub log_level: LogLevel,
    /// How.
    pub log_format: LogFormat,
    /// Where spans go; nowhere where absent.
    pub otlp: Option<OtlpConfig>,
}

impl TelemetryConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
            .map(|level| (level.as_str(), level));
        let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
        Self {
            log_level: reader.choice(&LOG_LEVEL, &levels),
            log_format: reader.choice(&LOG_FORMAT, &formats),
            otlp: otlp(reader),
        }
    }
}

fn otlp(reader: &mut Reader<'_>) -> Option<OtlpConfig> {
    let endpoint = reader.parsed(&OTEL_EXPORTER_OTLP_ENDPOINT, base_url);
    let text = reader.secret(&OTEL_EXPORTER_OTLP_HEADERS);
    if text.is_some() && endpoint.is_none() {
        let name = OTEL_EXPORTER_OTLP_HEADERS.name;
        reader.problem(name, "it is given without `OTEL_EXPORTER_OTLP_ENDPOINT`, the collector that it is for");
    }
    let entries = text.iter().flat_map(|text| text.expose().split(','));
    let headers = entries.map(|entry| {
        let (name, value) = entry.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let sendable = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        (sound && sendable).then(|| (name.to_owned(), Secret::new(value.to_owned())))
    });
    let headers: Option<Vec<_>> = headers.collect();
    if headers.is_none() {
        reader.problem(OTEL_EXPORTER_OTLP_HEADERS.name, "expected `name=value`, several with commas between them");
    }
    Some(OtlpConfig { endpoint: endpoint?, headers: headers.unwrap_or_default() })
}
