use crate::{Setting, reader::Reader};

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

pub(crate) const SETTINGS: &[Setting] = &[LOG_LEVEL, LOG_FORMAT];

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

/// Logs.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// The least severe that is written.
    pub log_level: LogLevel,
    /// How.
    pub log_format: LogFormat,
}

impl TelemetryConfig {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace]
            .map(|level| (level.as_str(), level));
        let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
        Self { log_level: reader.choice(&LOG_LEVEL, &levels), log_format: reader.choice(&LOG_FORMAT, &formats) }
    }
}
