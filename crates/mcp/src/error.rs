use std::time::Duration;

/// Why nothing came of an exchange with a server. What the server says about it stands in none of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// Nobody answers at its address.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It wants other credentials.
    #[error("the server refuses the credentials")]
    Unauthorised,
    /// It took too long.
    #[error("the server did not answer within {} s", .0.as_secs())]
    Late(Duration),
    /// It sent more than is read.
    #[error("the server sent more than {0} bytes")]
    TooLarge(usize),
    /// The tool returned more than a model is given.
    #[error("the tool returned more than {0} characters")]
    TooLong(usize),
    /// It speaks no revision that is spoken here.
    #[error("the server speaks the revision `{0}` of the protocol, and 2025-11-25 or 2025-06-18 is needed")]
    Revision(String),
    /// What it sent is no answer by the protocol.
    #[error("the server does not keep to the protocol")]
    Protocol,
    /// It offers more tools than are looked at.
    #[error("the server offers more than {0} tools")]
    TooMany(usize),
    /// The tool is not offered any more as it was when somebody looked at it.
    #[error("the tool has changed since somebody looked at it")]
    Changed,
    /// What came is not as the tool declares it.
    #[error("the answer is not of the form that the tool declares")]
    OtherForm,
    /// The tool itself says that it failed.
    #[error("the tool says that it failed")]
    Failed,
    /// It needs something of whoever calls that is not given.
    #[error("the tool asks for something in return, which it is not given")]
    WantsInput,
}

impl McpError {
    /// The word for readers and records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unauthorised => "unauthorised",
            Self::Late(_) => "late",
            Self::TooLarge(_) | Self::TooLong(_) | Self::TooMany(_) => "too_large",
            Self::Revision(_) | Self::Protocol => "protocol",
            Self::Changed => "changed",
            Self::OtherForm => "other_form",
            Self::Failed => "tool_failed",
            Self::WantsInput => "wants_input",
        }
    }
}
