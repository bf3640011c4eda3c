//! What goes wrong, in plain words. Nothing of a credential stands in any of it.

use std::time::Duration;

use crate::{
    egress::AddressError,
    metadata::{MetadataError, MetadataLimits, xml},
    query::ArgumentError,
    value::json::Json,
};

/// The longest message and the longest code that are kept.
const MAX_MESSAGE_CHARS: usize = 500;
const MAX_CODE_CHARS: usize = 100;
/// So many details are kept.
const MAX_DETAILS: usize = 20;

/// One message of SAP, or of another server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Such as `ME/083`; empty where the server says none.
    pub code: String,
    /// One line of text, from the server.
    pub text: String,
    /// The property or row that it is about.
    pub target: Option<String>,
}

/// What a server says of a request that it did not do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// The reason.
    pub message: Message,
    /// More of it.
    pub details: Vec<Message>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}", self.status)?;
        if !self.message.code.is_empty() {
            write!(f, ", code `{}`", self.message.code)?;
        }
        if let Some(target) = &self.message.target {
            write!(f, ", at `{target}`")?;
        }
        if !self.message.text.is_empty() {
            write!(f, ": {}", self.message.text)?;
        }
        Ok(())
    }
}

/// Why nothing came of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ODataError {
    /// The arguments cannot be asked for; nothing was sent.
    #[error("the arguments cannot be used: {0}")]
    Argument(#[from] ArgumentError),
    /// The service's description cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The address may not be reached; nothing was sent there.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The credential or the certificates of the configuration cannot be used; nothing was sent.
    #[error("the {0} cannot be used")]
    Credential(&'static str),
    /// Nobody answers at its address, or the connection was not made; nothing was sent.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It answered a read too late.
    #[error("the server did not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// It ended its answer to a read too early.
    #[error("the server broke off its answer")]
    BrokenOff,
    /// It sent more than is read.
    #[error("the server sent more than {0} bytes")]
    TooLarge(usize),
    /// The server refuses who asks.
    #[error("the server refuses the credential ({0})")]
    Unauthorised(Box<Refusal>),
    /// The token endpoint hands out no token; its error code.
    #[error("no access token is handed out: `{0}`")]
    NoToken(String),
    /// Who asks may not do that.
    #[error("the server does not allow it ({0})")]
    Forbidden(Box<Refusal>),
    /// It wants another CSRF token than the one that it has just handed out.
    #[error("the server takes no CSRF token that it hands out")]
    Csrf,
    /// There is no such row.
    #[error("the server has no such row or address ({0})")]
    NotFound(Box<Refusal>),
    /// The row has changed since it was read, or its ETag was not said.
    #[error("the row has changed since it was read ({0})")]
    Stale(Box<Refusal>),
    /// The server has too much to do; it may have said for how long.
    #[error("the server has too much to do at the moment")]
    Busy(Option<Duration>),
    /// The requests of this connector are limited, and its line is too long.
    #[error("too many requests are waiting for this server already")]
    Limited,
    /// The server did not do it, and says why.
    #[error("the server refuses it ({0})")]
    Refused(Box<Refusal>),
    /// It sends whoever asks to another place: often a page to sign in at.
    #[error("the server leads to another place, which is not followed")]
    Redirected,
    /// The next page is said to lie elsewhere.
    #[error("the next page lies outside of the service, and is not read")]
    ForeignLink,
    /// What came is not what the protocol says.
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(String),
    /// A change was sent, and what became of it is not known: it may have been done. It has to be looked up before anything is
    /// sent again.
    #[error("the change was sent, and whether it was made is not known: {0}")]
    OutcomeUnknown(&'static str),
    /// A part of a batch that the server did not look at, because of an earlier one.
    #[error("the server did not get to it, because of what failed before it")]
    NotProcessed,
}

impl ODataError {
    /// The word for readers and records.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Argument(_) => "argument",
            Self::Metadata(_) => "metadata",
            Self::Address(_) | Self::Redirected | Self::ForeignLink => "address",
            Self::Credential(_) | Self::Unauthorised(_) | Self::NoToken(_) => "unauthorised",
            Self::Unreachable => "unreachable",
            Self::Late(_) => "late",
            Self::TooLarge(_) => "too_large",
            Self::Forbidden(_) | Self::Csrf => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Stale(_) => "stale",
            Self::Busy(_) | Self::Limited => "busy",
            Self::Refused(_) => "refused",
            Self::BrokenOff | Self::Protocol(_) => "protocol",
            Self::OutcomeUnknown(_) => "outcome_unknown",
            Self::NotProcessed => "not_processed",
        }
    }

    /// From an answer that says no.
    pub(crate) fn of(status: u16, retry_after: Option<Duration>, body: &[u8], hide: &Hide<'_>) -> Self {
        let refusal = Box::new(refusal(status, body, hide));
        match status {
            401 => Self::Unauthorised(refusal),
            403 => Self::Forbidden(refusal),
            404 | 410 => Self::NotFound(refusal),
            412 | 428 => Self::Stale(refusal),
            429 | 503 => Self::Busy(retry_after),
            _ => Self::Refused(refusal),
        }
    }
}

/// Texts that may stand in no message, whatever the server says.
pub(crate) struct Hide<'h>(pub(crate) Vec<&'h str>);

impl Hide<'_> {
    fn text(&self, text: &str, most: usize) -> String {
        let mut shown = text.to_owned();
        for secret in self.0.iter().filter(|secret| !secret.is_empty()) {
            shown = shown.replace(*secret, "…");
        }
        let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        line.chars().filter(|c| !c.is_control()).take(most).collect()
    }
}

/// What a body says of a failure: JSON of V2 or V4, XML, or a page of HTML, of which nothing is told.
pub(crate) fn refusal(status: u16, body: &[u8], hide: &Hide<'_>) -> Refusal {
    let begins = body.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    let told = match begins {
        Some(b'{') => from_json(body, hide),
        Some(b'<') => from_xml(body, hide),
        _ => None,
    };
    let (message, details) = told.unwrap_or_else(|| {
        let is_page = begins == Some(&b'<');
        let text = if is_page { "the server answered with a page instead of a message" } else { "" };
        (Message { text: text.into(), ..Message::default() }, Vec::new())
    });
    Refusal { status, message, details }
}

fn from_json(body: &[u8], hide: &Hide<'_>) -> Option<(Message, Vec<Message>)> {
    let json = Json::parse(body)?;
    let error = json.get("error").or_else(|| json.get("odata.error"))?;
    let v2 = error.get("innererror").and_then(|inner| inner.get("errordetails")).and_then(Json::list);
    let v4 = error.get("details").and_then(Json::list);
    let message = of_json(error, hide);
    let details = v2.into_iter().chain(v4).flatten().map(|detail| of_json(detail, hide));
    // SAP repeats the first one among the details.
    let details = details.filter(|detail| !detail.text.is_empty() && *detail != message);
    Some((message.clone(), details.take(MAX_DETAILS).collect()))
}

pub(crate) fn of_json(error: &Json, hide: &Hide<'_>) -> Message {
    let said = error.get("message");
    let text = said.and_then(|said| said.text().or_else(|| said.get("value")?.text())).unwrap_or_default();
    let code = error.get("code").and_then(Json::text_or_number).unwrap_or_default();
    // V2's details say `propertyref` or `target`.
    let target = ["target", "propertyref"].iter().find_map(|name| error.get(name)?.text());
    Message {
        code: hide.text(code, MAX_CODE_CHARS),
        text: hide.text(text, MAX_MESSAGE_CHARS),
        target: target.map(|target| hide.text(target, MAX_CODE_CHARS)).filter(|target| !target.is_empty()),
    }
}

fn from_xml(body: &[u8], hide: &Hide<'_>) -> Option<(Message, Vec<Message>)> {
    let limits = MetadataLimits { max_elements: 1_000, max_depth: 20, ..MetadataLimits::default() };
    let root = xml::document(body, &limits, |_| true).ok().filter(|root| root.name == "error")?;
    let read = |of: &xml::Element| {
        let text = |name: &str| of.child(name).map(|found| found.text.clone()).unwrap_or_default();
        let target = Some(text("target")).filter(|text| !text.is_empty()).unwrap_or_else(|| text("propertyref"));
        let target = hide.text(&target, MAX_CODE_CHARS);
        Message {
            code: hide.text(&text("code"), MAX_CODE_CHARS),
            text: hide.text(&text("message"), MAX_MESSAGE_CHARS),
            target: (!target.is_empty()).then_some(target),
        }
    };
    let message = read(&root);
    let details = root.child("innererror").and_then(|inner| inner.child("errordetails"));
    let details = details.into_iter().flat_map(|details| details.children("errordetail")).map(read);
    let details = details.filter(|detail| !detail.text.is_empty() && *detail != message).take(MAX_DETAILS).collect();
    Some((message, details))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> ODataError {
        ODataError::of(status, None, body.as_bytes(), &Hide(vec!["geheim-1234"]))
    }

    #[test]
    fn errors_of_sap_become_code_message_and_target() {
        let v2 = r#"{"error":{"code":"ME/083","message":{"lang":"en","value":"Enter\n Plant geheim-1234"},"innererror":{
            "errordetails":[{"code":"ME/083","message":"Enter Plant …","severity":"error"},
            {"code":"ME/062","message":"Account 400000 is not\u0007 known","propertyref":"GLAccount","severity":"error"}]}}}"#;
        let ODataError::Refused(refusal) = told(400, v2) else { panic!() };
        assert_eq!(refusal.to_string(), "status 400, code `ME/083`: Enter Plant …");
        let detail = Message {
            code: "ME/062".into(),
            text: "Account 400000 is not known".into(),
            target: Some("GLAccount".into()),
        };
        assert_eq!(refusal.details, [detail]);
        let v4 = r#"{"error":{"code":"CM_001","message":"No stock","target":"Quantity","details":[{"code":"A","message":"B"}]}}"#;
        let ODataError::Refused(refusal) = told(422, v4) else { panic!() };
        assert_eq!(refusal.to_string(), "status 422, code `CM_001`, at `Quantity`: No stock");
        assert_eq!(refusal.details.len(), 1);
        let xml = r#"<?xml version="1.0"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><code>005056A509B11EE1</code>
            <message xml:lang="de">Ressource &quot;X&quot; nicht gefunden</message></error>"#;
        let ODataError::NotFound(refusal) = told(404, xml) else { panic!() };
        assert_eq!(refusal.to_string(), "status 404, code `005056A509B11EE1`: Ressource \"X\" nicht gefunden");
    }

    #[test]
    fn pages_and_other_bodies_are_not_repeated() {
        for body in [
            "<html><body>Logon Error Message for geheim-1234</body></html>",
            "<!DOCTYPE html><html></html>",
            "<?xml version=\"1.0\"?><!DOCTYPE error [<!ENTITY a \"b\">]><error><code>1</code></error>",
        ] {
            let ODataError::Unauthorised(refusal) = told(401, body) else { panic!() };
            assert_eq!(refusal.message.text, "the server answered with a page instead of a message");
        }
        for body in ["", "Internal Server Error", "{\"error\":", "{}", "[1]", "{\"error\":5}"] {
            let ODataError::Refused(refusal) = told(500, body) else { panic!() };
            assert_eq!(refusal.to_string(), "status 500", "{body}");
        }
        assert_eq!(
            ODataError::of(503, Some(Duration::from_secs(3)), b"", &Hide(vec![])),
            ODataError::Busy(Some(Duration::from_secs(3)))
        );
        assert_eq!(told(412, "").word(), "stale");
        let long = format!(r#"{{"error":{{"code":"{0}","message":"{0}"}}}}"#, "ä".repeat(10_000));
        let ODataError::Refused(refusal) = told(400, &long) else { panic!() };
        assert_eq!((refusal.message.code.chars().count(), refusal.message.text.chars().count()), (100, 500));
    }
}
