//! One session with a server: it begins, lists, calls, and ends.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{Client, redirect};
use rmcp::{
    RoleClient, ServiceError, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, ContentBlock,
        Implementation, PaginatedRequestParams, ProtocolVersion,
    },
    service::{ClientInitializeError, RunningService},
    transport::{
        StreamableHttpClientTransport,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use crate::{MAX_TOOLS, McpError, OfferedTool, bounded::Bounded, render, schema};

/// Bytes of all that a server sends in one session.
const MAX_BYTES: usize = 1 << 20;
/// Characters of a result that a model can be given.
const MAX_RESULT_CHARS: usize = 12_000;
/// A tool with a longer name is passed by; the protocol says 128 characters.
const MAX_NAME_BYTES: usize = 128;
/// So many pages of tools are turned.
const MAX_PAGES: usize = 20;
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
const REVISIONS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2025_06_18];

/// How a server is reached.
pub struct Endpoint {
    /// Where it stands; checked by [`AllowedOrigins`](crate::AllowedOrigins).
    pub url: Url,
    /// What is sent as `Authorization: Bearer`.
    pub bearer: Option<Zeroizing<String>>,
    /// For a whole session.
    pub patience: Duration,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// What a server offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its tools, by name.
    pub tools: Vec<OfferedTool>,
    /// The revision of the protocol that was agreed on.
    pub revision: String,
}

/// What a tool returned, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// In lines; empty where it returned nothing that can be read here.
    pub text: String,
    /// So many parts are no text: pictures, sounds, links. They are left out.
    pub left_out: usize,
}

type Session = RunningService<RoleClient, ClientConfig>;

/// Which tools a server offers.
///
/// # Errors
/// Whatever goes wrong.
pub async fn list(endpoint: &Endpoint) -> Result<Listed, McpError> {
    within(endpoint, async |session: &Session, revision| {
        Ok(Listed { tools: tools(session).await?, revision: revision.to_string() })
    })
    .await
}

/// Calls a tool that is still offered as it was when it had this digest. The caller has checked the arguments.
///
/// # Errors
/// Whatever goes wrong. Nothing was called where it is [`McpError::Changed`].
pub async fn call(
    endpoint: &Endpoint,
    (name, digest): (&str, [u8; 32]),
    arguments: Map<String, Value>,
) -> Result<Answer, McpError> {
    within(endpoint, async move |session: &Session, _| {
        let tools = tools(session).await?;
        let tool = tools.iter().find(|tool| tool.name == name).ok_or(McpError::Changed)?;
        if tool.digest() != Some(digest) {
            return Err(McpError::Changed);
        }
        let params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments.clone());
        match session.call_tool_once(params).await.map_err(|error| failure(&error))? {
            CallToolResponse::Complete(result) => answer(tool, &result),
            _ => Err(McpError::WantsInput),
        }
    })
    .await
}

/// Does something in a session of its own, within time and size.
async fn within<T>(
    endpoint: &Endpoint,
    work: impl AsyncFnOnce(&Session, &ProtocolVersion) -> Result<T, McpError>,
) -> Result<T, McpError> {
    let client = client(&endpoint.url).map_err(|error| {
        tracing::warn!(error = &*error as &dyn std::error::Error, "a client of an MCP server cannot be made");
        McpError::Unreachable
    })?;
    let bounded = Bounded::new(client, MAX_BYTES);
    let overflow = bounded.overflow.clone();
    let whole = async {
        let session = Box::pin(open(endpoint, bounded)).await?;
        let revision = session.peer_info().map(|info| info.protocol_version.clone());
        let Some(revision) = revision.as_ref().filter(|revision| REVISIONS.contains(revision)) else {
            let spoken = revision.map(|revision| revision.to_string()).unwrap_or_default();
            return Err(McpError::Revision(spoken.chars().take(20).collect()));
        };
        work(&session, revision).await
    };
    let ended = tokio::select! {
        biased;
        () = overflow.cancelled() => Err(McpError::TooLarge(MAX_BYTES)),
        ended = tokio::time::timeout(endpoint.patience, whole) => ended.unwrap_or(Err(McpError::Late(endpoint.patience))),
    };
    // It may have ended because of that.
    if ended.is_err() && overflow.is_cancelled() { Err(McpError::TooLarge(MAX_BYTES)) } else { ended }
}

async fn open(endpoint: &Endpoint, bounded: Bounded) -> Result<Session, McpError> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(endpoint.url.as_str().to_owned())
        // What was called may have been done.
        .reinit_on_expired_session(false);
    if let Some(bearer) = &endpoint.bearer {
        config = config.auth_header(bearer.as_str());
    }
    let transport = StreamableHttpClientTransport::with_client(bounded, config);
    let us = Implementation::new("millwright", env!("CARGO_PKG_VERSION"));
    let config = ClientConfig::new(ClientCapabilities::default(), us)
        .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE);
    config.serve(transport).await.map_err(|error| match &error {
        ClientInitializeError::TransportError { error, .. } => in_transport(error.error.as_ref()),
        ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
            let spoken = server_supported.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            McpError::Revision(spoken.chars().take(60).collect())
        }
        _ => McpError::Protocol,
    })
}

async fn tools(session: &Session) -> Result<Vec<OfferedTool>, McpError> {
    let (mut found, mut cursor) = (Vec::new(), None);
    for _ in 0..MAX_PAGES {
        let params = PaginatedRequestParams::default().with_cursor(cursor);
        let page = session.list_tools(Some(params)).await.map_err(|error| failure(&error))?;
        // What has a longer name could neither be stored nor called.
        let named = page.tools.iter().filter(|tool| tool.name.len() <= MAX_NAME_BYTES);
        found.extend(named.map(OfferedTool::of));
        if found.len() > MAX_TOOLS {
            return Err(McpError::TooMany(MAX_TOOLS));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            found.sort_by(|one, other| one.name.cmp(&other.name));
            // Which of two is called nobody could say.
            let is_ambiguous = found.windows(2).any(|pair| pair[0].name == pair[1].name);
            return if is_ambiguous { Err(McpError::Protocol) } else { Ok(found) };
        }
    }
    Err(McpError::TooMany(MAX_TOOLS))
}

fn answer(tool: &OfferedTool, result: &CallToolResult) -> Result<Answer, McpError> {
    if result.is_error == Some(true) {
        return Err(McpError::Failed);
    }
    let mut left_out = 0;
    // A character has four bytes at most.
    let most = 4 * MAX_RESULT_CHARS;
    let too_long = |_| McpError::TooLong(MAX_RESULT_CHARS);
    let lines = |value: &Value| render::lines(value, most).map_err(too_long);
    let text = match (&tool.output_schema, &result.structured_content) {
        (Some(declared), Some(value)) if schema::fits(declared, value) => lines(value)?,
        (Some(_), _) => return Err(McpError::OtherForm),
        (None, Some(value)) => lines(value)?,
        (None, None) => {
            let mut texts = Vec::new();
            for block in &result.content {
                match block {
                    ContentBlock::Text(text) => texts.push(render::text(&text.text, most).map_err(too_long)?),
                    _ => left_out += 1,
                }
            }
            texts.join("\n\n")
        }
    };
    // No database stores this character.
    let text = text.replace('\0', "");
    if text.chars().count() > MAX_RESULT_CHARS {
        return Err(McpError::TooLong(MAX_RESULT_CHARS));
    }
    Ok(Answer { text, left_out })
}

fn failure(error: &ServiceError) -> McpError {
    match error {
        ServiceError::TransportSend(error) => in_transport(error.error.as_ref()),
        ServiceError::TransportClosed => McpError::Unreachable,
        ServiceError::InputRequiredRoundsExceeded { .. } => McpError::WantsInput,
        // What the call came to by the protocol's own words.
        ServiceError::McpError(_) => McpError::Failed,
        _ => McpError::Protocol,
    }
}

/// What went wrong on the way.
fn in_transport(error: &(dyn std::error::Error + 'static)) -> McpError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(known) = error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
            return match known {
                StreamableHttpError::AuthRequired(_) | StreamableHttpError::InsufficientScope(_) => {
                    McpError::Unauthorised
                }
                StreamableHttpError::Client(error) => of_status(error.status().map(|status| status.as_u16())),
                StreamableHttpError::HttpStatus(error) => of_status(Some(error.status)),
                StreamableHttpError::UnexpectedServerResponse(said) if is_refusal(said) => McpError::Unauthorised,
                StreamableHttpError::TransportChannelClosed | StreamableHttpError::Io(_) => McpError::Unreachable,
                _ => McpError::Protocol,
            };
        }
        cause = error.source();
    }
    McpError::Unreachable
}

/// A refusal without a challenge comes as a sentence that begins so.
fn is_refusal(said: &str) -> bool {
    said.starts_with("HTTP 401") || said.starts_with("HTTP 403")
}

fn of_status(status: Option<u16>) -> McpError {
    match status {
        Some(401 | 403) => McpError::Unauthorised,
        Some(300..=499) => McpError::Protocol,
        _ => McpError::Unreachable,
    }
}

fn client(url: &Url) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_PATIENCE)
        .pool_max_idle_per_host(1);
    let builder = if url.scheme() == "http" {
        // Never used, and needs no certificates on the machine.
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.tls_backend_preconfigured(tls)
    } else {
        // An error only says that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        builder
    };
    Ok(builder.build()?)
}
