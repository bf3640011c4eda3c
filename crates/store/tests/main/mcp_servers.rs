//! MCP servers of one tenant: their tools are called as somebody has looked at them, or not at all.

use millwright_core::{Classification, id::McpServerId};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{McpServerSettings, NewMcpServer, ReadMcpTool},
};
use serde_json::json;

use crate::support::{BOOKKEEPING, Site, World};

fn settings(url: &str) -> McpServerSettings {
    McpServerSettings {
        url: url.to_owned(),
        sealed_bearer: Some(vec![1, 2, 3]),
        takes_up_to: Classification::Internal,
        result_classification: Classification::Confidential,
        sends_personal_data: true,
        timeout_s: 7,
        enabled: true,
    }
}

fn tool(name: &str, digest: u8) -> ReadMcpTool {
    ReadMcpTool { name: name.to_owned(), declaration: json!({}), digest: [digest; 32], suspicion: json!({}) }
}

pub(crate) async fn register(world: &World, tx: &mut TenantTx, site: &Site) -> McpServerId {
    let id = world.sources.new_id();
    let settings = settings("https://mes.example/mcp");
    let server = NewMcpServer { id, name: "mes".to_owned(), settings, created_by: site.user, created_at: world.now() };
    tx.mcp_servers().insert(&server).await.unwrap();
    tx.mcp_servers().set_tools(id, (&[tool("status", 1)], "2025-11-25"), world.now()).await.unwrap();
    assert!(tx.mcp_servers().enable_tool((id, "status"), [1; 32], site.user, world.now()).await.unwrap());
    id
}

pub(crate) async fn assert_sees_none(tx: &mut TenantTx, other: McpServerId) {
    assert!(matches!(tx.mcp_servers().require(other).await, Err(StoreError::NotFound(_))));
    assert!(matches!(tx.mcp_servers().require_tool(other, "status").await, Err(StoreError::NotFound(_))));
    assert!(tx.mcp_servers().list().await.unwrap().is_empty());
    assert!(tx.mcp_servers().tools(other).await.unwrap().is_empty());
    assert!(tx.mcp_servers().callable().await.unwrap().is_empty());
}

pub(crate) async fn try_to_change(world: &World, tx: &mut TenantTx, site: &Site, other: McpServerId) {
    let now = world.now();
    let missing = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::NotFound(_))));
    missing(tx.mcp_servers().change(other, &settings("https://evil.example"), now).await);
    missing(tx.mcp_servers().hold(other).await.map(drop));
    missing(tx.mcp_servers().set_tools(other, (&[tool("status", 9)], "x"), now).await);
    missing(tx.mcp_servers().disable_tool(other, "status").await);
    assert!(!tx.mcp_servers().enable_tool((other, "status"), [1; 32], site.user, now).await.unwrap());
    assert!(!tx.mcp_servers().set_changed((other, "status"), [1; 32]).await.unwrap());
    tx.mcp_servers().forget_tools(other).await.unwrap();
    missing(tx.mcp_servers().delete(other).await);
}

#[tokio::test]
async fn a_tool_is_callable_as_it_was_enabled_and_as_long_as_it_is_so() {
    let world = World::new().await;
    let site = world.site("A").await;
    let mut tx = world.begin(&site).await;
    let id = register(&world, &mut tx, &site).await;
    let (now, user) = (world.now(), site.user);
    let row = tx.mcp_servers().require(id).await.unwrap();
    assert_eq!(row.settings, settings("https://mes.example/mcp"));
    assert_eq!((row.name.as_str(), row.revision.as_deref()), ("mes", Some("2025-11-25")));
    let callable = async |tx: &mut TenantTx| {
        let found = tx.mcp_servers().callable().await.unwrap();
        found.into_iter().map(|(_, tool)| tool.name).collect::<Vec<_>>()
    };
    assert_eq!(callable(&mut tx).await, ["status"]);
    // Another declaration, and one that nobody looked at.
    let mut servers = tx.mcp_servers();
    servers.set_tools(id, (&[tool("status", 2), tool("load", 3)], "2025-06-18"), now).await.unwrap();
    assert!(servers.require_tool(id, "status").await.unwrap().has_changed());
    assert!(!servers.enable_tool((id, "status"), [1; 32], user, now).await.unwrap(), "of before");
    assert_eq!(callable(&mut tx).await, Vec::<String>::new());
    // As it was: what somebody looked at then holds.
    let mut servers = tx.mcp_servers();
    servers.set_tools(id, (&[tool("status", 1)], "2025-11-25"), now).await.unwrap();
    assert_eq!(servers.tools(id).await.unwrap().len(), 1, "what was never enabled is not kept");
    assert_eq!(callable(&mut tx).await, ["status"]);
    assert!(tx.mcp_servers().set_changed((id, "status"), [1; 32]).await.unwrap());
    assert!(!tx.mcp_servers().set_changed((id, "status"), [1; 32]).await.unwrap(), "that was known");
    assert_eq!(callable(&mut tx).await, Vec::<String>::new());
    let mut servers = tx.mcp_servers();
    servers.set_tools(id, (&[tool("status", 1)], "2025-11-25"), now).await.unwrap();
    let off = McpServerSettings { enabled: false, ..row.settings };
    servers.change(id, &off, now).await.unwrap();
    assert_eq!(callable(&mut tx).await, Vec::<String>::new());
    tx.mcp_servers().delete(id).await.unwrap();
    assert!(tx.mcp_servers().tools(id).await.unwrap().is_empty());
    tx.commit(BOOKKEEPING).await.unwrap();
    world.drop().await;
}
