//! An MCP server on loopback, of the library that others build theirs with, whose tools do as a test says: answer, hang, send too
//! much, lie about what they return, or change what they declare. It remembers what it was called with.
//!
//! [`ScriptedMcp::start`] serves in a thread of its own until it is dropped. Not part of the product, and no model of how a
//! server should be.

use std::{
    borrow::Cow,
    io,
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What a tool returns.
#[derive(Debug, Clone)]
pub enum Returns {
    /// A text.
    Text(String),
    /// Structured content, and the same as text.
    Structured(Value),
    /// So many bytes of text.
    Bytes(usize),
    /// A picture.
    Picture,
    /// That it failed.
    Failure(String),
    /// Nothing, ever.
    Nothing,
}

/// A tool.
#[derive(Debug, Clone)]
pub struct ScriptedTool {
    /// As it stands in `tools/list`.
    pub declared: Value,
    /// What every call of it returns.
    pub returns: Returns,
}

impl ScriptedTool {
    /// A tool that says that it only reads, and takes any `machine`.
    pub fn reads(name: &str, returns: Returns) -> Self {
        let declared = json!({
            "name": name,
            "description": "What a machine does now.",
            "inputSchema": {
                "type": "object",
                "properties": { "machine": { "type": "string", "description": "Such as M-7" } },
                "required": ["machine"],
                "additionalProperties": false,
            },
            "annotations": { "readOnlyHint": true },
        });
        Self { declared, returns }
    }

    /// The same with another field of its declaration.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.declared[field] = value;
        self
    }
}

/// How a server is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// What has to come as `Authorization`.
    pub authorization: Option<&'static str>,
    /// Answers come as JSON instead of events, without sessions.
    pub plain: bool,
    /// The only revision that it speaks.
    pub revision: Option<&'static str>,
}

/// A call that came.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// Of which tool.
    pub tool: String,
    /// With what.
    pub arguments: Value,
}

#[derive(Debug)]
struct Shared {
    tools: Mutex<Vec<ScriptedTool>>,
    calls: Mutex<Vec<Called>>,
    manner: Manner,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct ScriptedMcp {
    origin: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Drop for ScriptedMcp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl ScriptedMcp {
    /// Serves these tools on a free port of loopback.
    ///
    /// # Errors
    /// When nothing can be served there.
    pub fn start(tools: Vec<ScriptedTool>) -> io::Result<Self> {
        Self::start_as(Manner::default(), tools)
    }

    /// The same in another manner.
    ///
    /// # Errors
    /// When nothing can be served there.
    pub fn start_as(manner: Manner, tools: Vec<ScriptedTool>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let origin = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { tools: Mutex::new(tools), calls: Mutex::default(), manner });
        let stop = CancellationToken::new();
        let (serves, ends) = (Arc::clone(&shared), stop.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(serve(listener, serves, ends)));
        Ok(Self { origin, shared, stop })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where it is spoken to.
    pub fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// From now on it has these tools.
    pub fn set_tools(&self, tools: Vec<ScriptedTool>) {
        *self.shared.tools.lock().unwrap_or_else(PoisonError::into_inner) = tools;
    }

    /// What it was called with, oldest first.
    pub fn calls(&self) -> Vec<Called> {
        self.shared.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let handles = Arc::clone(&shared);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(!shared.manner.plain)
        .with_json_response(shared.manner.plain)
        .with_cancellation_token(stop.clone());
    let service = StreamableHttpService::new(
        move || Ok(Handler(Arc::clone(&handles))),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let router = Router::new().route_service("/mcp", service).layer(middleware::from_fn_with_state(shared, authorised));
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    // A test that needs it fails by itself.
    let _ = tokio::select! {
        served = axum::serve(listener, router) => served,
        () = stop.cancelled() => Ok(()),
    };
}

async fn authorised(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shared.manner.authorization.is_some_and(|wanted| given != Some(wanted)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}

struct Handler(Arc<Shared>);

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let known = ProtocolVersion::KNOWN_VERSIONS;
        match self.0.manner.revision {
            Some(only) => known.iter().filter(|version| version.as_str() == only).cloned().collect(),
            None => Cow::Borrowed(known),
        }
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let declared = self.0.tools.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tools = declared.into_iter().map(|tool| serde_json::from_value::<Tool>(tool.declared));
        let tools: Result<Vec<_>, _> = tools.collect();
        let tools = tools.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.to_string();
        let arguments = request.arguments.map_or(Value::Null, Value::Object);
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).push(Called { tool: name.clone(), arguments });
        let tools = self.0.tools.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tool = tools.into_iter().find(|tool| tool.declared["name"] == name.as_str());
        let Some(tool) = tool else { return Err(ErrorData::invalid_params("no such tool", None)) };
        let text = |text: String| CallToolResult::success(vec![ContentBlock::text(text)]);
        Ok(CallToolResponse::Complete(match tool.returns {
            Returns::Text(said) => text(said),
            Returns::Structured(value) => CallToolResult::structured(value),
            Returns::Bytes(count) => text("x".repeat(count)),
            Returns::Picture => CallToolResult::success(vec![ContentBlock::image("AAAA", "image/png")]),
            Returns::Failure(said) => CallToolResult::error(vec![ContentBlock::text(said)]),
            Returns::Nothing => std::future::pending().await,
        }))
    }
}
