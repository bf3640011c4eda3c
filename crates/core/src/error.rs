//! The closed list of error codes, and the part of an error that a client may see.

use serde::{Deserialize, Serialize};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// Every way in which Millwright refuses or fails. Clients may rely on the code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// All codes, for the generated reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable code: also the metric label.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short title that does not change between occurrences.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// The RFC 9457 `type`.
            pub const fn type_uri(self) -> &'static str {
                match self { $(Self::$variant => concat!("urn:millwright:error:", $code),)* }
            }
        }
    };
}

error_codes! {
    /// The request is not of the documented form.
    ValidationFailed = "validation_failed", 422, "The request is not valid";
    /// The body is not JSON at all.
    MalformedBody = "malformed_body", 400, "The body cannot be read";
    /// No valid credential.
    Unauthenticated = "unauthenticated", 401, "Sign in first";
    /// A valid credential that may not do this.
    NotAuthorized = "not_authorized", 403, "Your role does not allow this";
    /// The organisation demands a second factor first.
    SecondFactorRequired = "second_factor_required", 403, "A second factor is needed";
    /// This act needs a fresh proof of the second factor.
    StepUpRequired = "step_up_required", 403, "Confirm with a fresh code";
    /// The request was not made by our own pages.
    CsrfRejected = "csrf_rejected", 403, "The request did not come from this site";
    /// Nothing of that id in this tenant.
    NotFound = "not_found", 404, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// The change contradicts the present state.
    Conflict = "conflict", 409, "Conflict with the present state";
    /// The state machine has no such step.
    InvalidTransition = "invalid_transition", 409, "Not possible in this state";
    /// The same thing was submitted before.
    DuplicateSubmission = "duplicate_submission", 409, "Already submitted";
    /// A person must decide first.
    HitlRequired = "hitl_required", 403, "A person must approve this";
    /// Policy forbids it.
    PolicyDenied = "policy_denied", 403, "Policy denies this";
    /// The label is above what the sink may take.
    LabelDenied = "label_denied", 403, "The label does not allow this";
    /// The input looks like an attempt to take over the assistant.
    InjectionBlocked = "injection_blocked", 403, "Blocked as prompt injection";
    /// A budget has no room for the call until it resets. 429 as in the OpenAI API (`insufficient_quota`), whose clients
    /// would take another status for a fault.
    BudgetExceeded = "budget_exceeded", 429, "Budget used up";
    /// Too many requests.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// The thing changed since it was read.
    StaleTarget = "stale_target", 412, "Changed in the meantime";
    /// More bytes than accepted.
    PayloadTooLarge = "payload_too_large", 413, "Too large";
    /// Not a format that is read here.
    UnsupportedMediaType = "unsupported_media_type", 415, "Format not supported";
    /// The file is damaged or empty.
    DocumentUnreadable = "document_unreadable", 422, "The document cannot be read";
    /// The file is protected by a password.
    DocumentEncrypted = "document_encrypted", 422, "The document is encrypted";
    /// The file has pictures of text but no text.
    DocumentNeedsOcr = "document_needs_ocr", 422, "The document needs OCR";
    /// The file has pictures of text, and recognising it took too long.
    DocumentOcrTimeout = "document_ocr_timeout", 422, "Text recognition took too long";
    /// The file would expand or nest beyond its limits.
    DocumentLimitExceeded = "document_limit_exceeded", 422, "The document exceeds its limits";
    /// The operator of this installation has not turned it on.
    NotConfigured = "not_configured", 409, "Not set up here";
    /// A server that Millwright needs does not answer.
    UpstreamUnavailable = "upstream_unavailable", 503, "A needed service is unavailable";
    /// What it may take at most is used up.
    LimitReached = "limit_reached", 409, "A limit was reached";
    /// What came about is not what was demanded of it.
    CheckFailed = "check_failed", 409, "A check was not met";
    /// The run was stopped by a person.
    Cancelled = "cancelled", 409, "Stopped";
    /// A person was asked, and nobody answered in time.
    Unanswered = "unanswered", 409, "Nobody answered";
    /// The process that worked on it ended.
    Interrupted = "interrupted", 503, "Interrupted";
    /// The path and query are longer than accepted.
    UriTooLong = "uri_too_long", 414, "The address is too long";
    /// The headers are larger than accepted.
    HeadersTooLarge = "headers_too_large", 431, "The headers are too large";
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, "The request came too slowly";
    /// A fault of Millwright's own.
    Internal = "internal", 500, "Internal error";
}

/// A part of a request that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// JSON pointer or parameter name.
    pub field: String,
    /// What is wrong with it and what would be accepted.
    pub message: String,
}

/// The public half of a failure: all that a client may see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which of the closed list.
    pub code: ErrorCode,
    /// What happened, in a sentence, without internal names, personal data or secrets.
    pub detail: String,
    /// What would make the request acceptable, where that can be said.
    pub remedy: Option<String>,
    /// The parts of the request at fault.
    pub fields: Vec<FieldProblem>,
    /// After how many seconds the same request may succeed.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem with a sentence.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), remedy: None, fields: Vec::new(), retry_after: None }
    }

    /// Says what would be accepted.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Names a part of the request.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldProblem { field: field.into(), message: message.into() });
        self
    }

    /// Nothing of that kind is visible to this tenant.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("there is no such {what}"))
    }

    /// A fault whose cause is only in the log.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, "an unexpected fault; the trace id leads to its log entry")
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}

impl ToProblem for Problem {
    fn problem(&self) -> Problem {
        self.clone()
    }
}

/// Implemented by each crate's error type: what of it a client may see.
pub trait ToProblem: std::error::Error {
    /// The public half. The rest goes to the log, once, at the boundary.
    fn problem(&self) -> Problem;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_statuses_are_errors() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()));
            assert!((400..600).contains(&code.status()));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
