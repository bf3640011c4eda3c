use std::time::Duration;

use millwright_core::{ErrorCode, Problem, ToProblem};

/// What can go wrong between Millwright and a model. Holds neither the key, nor the prompt, nor
/// any words of the server, which might repeat them.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// No connection to the server.
    #[error("cannot connect to the {provider} server")]
    Unreachable {
        /// Which kind of server.
        provider: &'static str,
        /// The cause, without the address.
        #[source]
        source: reqwest::Error,
    },
    /// The server is there and silent.
    #[error("the {provider} server gave no {what} within {seconds} s")]
    Timeout {
        /// Which kind of server.
        provider: &'static str,
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// The server answered with an error status.
    #[error("the {provider} server refused the request with status {status}")]
    Rejected {
        /// Which kind of server.
        provider: &'static str,
        /// The HTTP status.
        status: u16,
        /// With 429 and 503: how long the server asks to be left alone, where it says so; at most a day.
        retry_after: Option<Duration>,
    },
    /// This kind of server cannot do what is asked. Nothing was sent.
    #[error("an {provider} server cannot do {what}")]
    Unsupported {
        /// Which kind of server.
        provider: &'static str,
        /// What it cannot do, as a noun.
        what: &'static str,
    },
    /// The server is there and does not have the model.
    #[error("the {provider} server has no model `{model}`")]
    ModelMissing {
        /// Which kind of server.
        provider: &'static str,
        /// The configured name.
        model: String,
    },
    /// The connection ended in the middle of the answer.
    #[error("the {provider} server ended the answer before its end marker")]
    Interrupted {
        /// Which kind of server.
        provider: &'static str,
    },
    /// The server reported a failure in the middle of the answer.
    #[error("the {provider} server reported a failure in the middle of the answer")]
    FailedMidway {
        /// Which kind of server.
        provider: &'static str,
    },
    /// What came is not of the documented form.
    #[error("the {provider} server sent {what}")]
    BadStream {
        /// Which kind of server.
        provider: &'static str,
        /// What was found in place of the documented form.
        what: &'static str,
    },
    /// The request was released to another sink than this model.
    #[error("the request was not released to this model")]
    NotReleased,
    /// The address in the configuration is not one.
    #[error("`{variable}` must be an http or https address")]
    InvalidAddress {
        /// The variable that holds it.
        variable: &'static str,
    },
    /// The HTTP client cannot be made, for instance because the machine has no root certificates.
    #[error("cannot prepare the connection to models")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LlmError {
    /// A short word for metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Rejected { .. } => "rejected",
            Self::Unsupported { .. } => "unsupported",
            Self::ModelMissing { .. } => "model_missing",
            Self::Interrupted { .. } => "interrupted",
            Self::FailedMidway { .. } => "failed_midway",
            Self::BadStream { .. } => "bad_stream",
            Self::NotReleased => "not_released",
            Self::InvalidAddress { .. } => "invalid_address",
            Self::Client(_) => "client",
        }
    }
}

impl ToProblem for LlmError {
    fn problem(&self) -> Problem {
        let problem = |detail: String| Problem::new(ErrorCode::UpstreamUnavailable, detail);
        match self {
            Self::Unreachable { .. } => problem("the language model server cannot be reached".into())
                .remedy("start the model server, or correct its address in the configuration"),
            Self::Timeout { what, seconds, .. } => {
                problem(format!("the language model server gave no {what} within {seconds} s"))
                    .remedy("ask again; if it stays so, the model server is overloaded or the model too large for it")
            }
            Self::Rejected { status, .. } if matches!(status, 400 | 413 | 422) => {
                let detail = format!("the language model server found the request wrong (status {status})");
                Problem::new(ErrorCode::ValidationFailed, detail).remedy(remedy_for_status(*status))
            }
            Self::Rejected { status, retry_after, .. } => Problem {
                retry_after: retry_after.map(|wait| wait.as_secs().max(1)),
                ..problem(format!("the language model server refused the request with status {status}"))
                    .remedy(remedy_for_status(*status))
            },
            Self::Unsupported { provider, what } => {
                let detail = format!("models on an {provider} server cannot do {what}");
                Problem::new(ErrorCode::ValidationFailed, detail).remedy("leave it out, or choose another model")
            }
            Self::ModelMissing { model, .. } => problem(format!("the language model server has no model `{model}`"))
                .remedy("load that model on the server, or configure a name that it has"),
            Self::Interrupted { .. } => {
                problem("the language model server ended the answer in the middle".into()).remedy("ask again")
            }
            Self::FailedMidway { .. } => {
                problem("the language model server failed in the middle of the answer".into()).remedy("ask again")
            }
            Self::BadStream { .. } => problem("the language model server sent an answer that cannot be read".into())
                .remedy("check that the address is that of a server with this interface"),
            Self::NotReleased => Problem::internal(),
            Self::InvalidAddress { variable } => problem(format!("`{variable}` must be an http or https address")),
            Self::Client(_) => problem("the connection to the language model cannot be prepared".into())
                .remedy("install the system's root certificates"),
        }
    }
}

fn remedy_for_status(status: u16) -> &'static str {
    match status {
        401 | 403 => "check the API key of the model server",
        404 => "check the model server's address and the configured model names",
        429 => "the model server is busy or its quota is used up: ask again later",
        400 | 413 | 422 => {
            "the model server does not take this request: check that the model's context is large enough"
        }
        _ => "ask again; the model server's own log tells more",
    }
}
