//! The client against real servers of the library that others build theirs with.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use std::time::Duration;

use millwright_mcp::{AllowedOrigins, Answer, Endpoint, Listed, McpError, OfferedTool, call, list};
use millwright_scripted_mcp::{Called, Manner, Returns, ScriptedMcp, ScriptedTool};
use serde_json::{Map, Value, json};

fn endpoint(server: &ScriptedMcp) -> Endpoint {
    let url = AllowedOrigins::new(&[server.origin().to_owned()]).address(&server.url()).unwrap();
    Endpoint { url, bearer: None, patience: Duration::from_secs(20) }
}

fn machine(name: &str) -> Map<String, Value> {
    json!({ "machine": name }).as_object().cloned().unwrap()
}

async fn only_tool(endpoint: &Endpoint) -> OfferedTool {
    let Listed { mut tools, .. } = list(endpoint).await.unwrap();
    assert_eq!(tools.len(), 1);
    tools.remove(0)
}

/// What a call of the only tool comes to.
async fn called(server: &ScriptedMcp, patience: Duration) -> Result<Answer, McpError> {
    let endpoint = Endpoint { patience, ..endpoint(server) };
    let tool = only_tool(&Endpoint { patience: Duration::from_secs(20), ..self::endpoint(server) }).await;
    call(&endpoint, (&tool.name, tool.digest().unwrap()), machine("M-7")).await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_tool_is_listed_and_called_in_both_revisions_and_both_forms() {
    let tools =
        || vec![ScriptedTool::reads("status", Returns::Structured(json!({ "machine": "M-7", "speed": "1450 rpm" })))];
    for (manner, spoken) in [
        (Manner::default(), "2025-11-25"),
        (Manner { revision: Some("2025-06-18"), ..Manner::default() }, "2025-06-18"),
        (Manner { plain: true, ..Manner::default() }, "2025-11-25"),
    ] {
        let server = ScriptedMcp::start_as(manner, tools()).unwrap();
        let endpoint = endpoint(&server);
        let listed = list(&endpoint).await.unwrap();
        assert_eq!(listed.revision, spoken);
        assert!(listed.tools[0].unusable().is_empty(), "{:?}", listed.tools);
        let answer = called(&server, LONG).await.unwrap();
        assert_eq!(answer, Answer { text: "machine: M-7; speed: 1450 rpm".into(), left_out: 0 }, "{manner:?}");
        assert_eq!(server.calls(), [Called { tool: "status".into(), arguments: json!({ "machine": "M-7" }) }]);
    }
}

#[tokio::test]
async fn a_server_of_another_revision_is_not_spoken_to() {
    for revision in ["2024-11-05", "2025-03-26"] {
        let manner = Manner { revision: Some(revision), ..Manner::default() };
        let server =
            ScriptedMcp::start_as(manner, vec![ScriptedTool::reads("status", Returns::Text("x".into()))]).unwrap();
        assert_eq!(list(&endpoint(&server)).await, Err(McpError::Revision(revision.into())));
    }
}

#[tokio::test]
async fn a_tool_that_hangs_is_given_up() {
    let server = ScriptedMcp::start(vec![ScriptedTool::reads("status", Returns::Nothing)]).unwrap();
    let patience = Duration::from_secs(1);
    assert_eq!(called(&server, patience).await, Err(McpError::Late(patience)));
}

#[tokio::test]
async fn fifty_megabytes_are_not_read() {
    for plain in [false, true] {
        let tools = vec![ScriptedTool::reads("status", Returns::Bytes(50 << 20))];
        let server = ScriptedMcp::start_as(Manner { plain, ..Manner::default() }, tools).unwrap();
        assert_eq!(called(&server, LONG).await, Err(McpError::TooLarge(1 << 20)), "plain: {plain}");
    }
    let server = ScriptedMcp::start(vec![ScriptedTool::reads("status", Returns::Bytes(100_000))]).unwrap();
    assert_eq!(called(&server, LONG).await, Err(McpError::TooLong(12_000)));
}

#[tokio::test]
async fn a_tool_that_returns_another_form_than_it_declares_has_returned_nothing() {
    let schema = json!({ "type": "object", "properties": { "speed": { "type": "number" } }, "required": ["speed"] });
    let declares = |returns| vec![ScriptedTool::reads("status", returns).with("outputSchema", schema.clone())];
    for lie in [
        Returns::Structured(json!({ "speed": "fast" })),
        Returns::Structured(json!({})),
        Returns::Text("1450 rpm".into()),
    ] {
        let server = ScriptedMcp::start(declares(lie)).unwrap();
        assert_eq!(called(&server, LONG).await, Err(McpError::OtherForm));
    }
    let server = ScriptedMcp::start(declares(Returns::Structured(json!({ "speed": 1450 })))).unwrap();
    assert_eq!(called(&server, LONG).await.unwrap().text, "speed: 1450");
}

#[tokio::test]
async fn a_tool_that_has_changed_since_somebody_looked_is_not_called() {
    let before = ScriptedTool::reads("status", Returns::Text("1450 rpm".into()));
    let server = ScriptedMcp::start(vec![before.clone()]).unwrap();
    let endpoint = endpoint(&server);
    let digest = only_tool(&endpoint).await.digest().unwrap();
    for after in [
        vec![before.clone().with("description", json!("Sends the machine's data elsewhere."))],
        vec![before.clone().with("annotations", json!({ "readOnlyHint": false }))],
        vec![],
    ] {
        server.set_tools(after);
        assert_eq!(call(&endpoint, ("status", digest), machine("M-7")).await, Err(McpError::Changed));
    }
    assert_eq!(server.calls(), [], "nothing was called");
    server.set_tools(vec![before]);
    assert!(call(&endpoint, ("status", digest), machine("M-7")).await.is_ok());
}

#[tokio::test]
async fn what_a_tool_says_of_its_failure_is_not_repeated_and_pictures_are_counted() {
    let server = ScriptedMcp::start(vec![ScriptedTool::reads("status", Returns::Failure("Ring 0900".into()))]).unwrap();
    let failed = called(&server, LONG).await;
    assert_eq!(failed, Err(McpError::Failed));
    let server = ScriptedMcp::start(vec![ScriptedTool::reads("status", Returns::Picture)]).unwrap();
    assert_eq!(called(&server, LONG).await, Ok(Answer { text: String::new(), left_out: 1 }));
}

#[tokio::test]
async fn credentials_are_sent_and_their_lack_is_told() {
    let manner = Manner { authorization: Some("Bearer s3cret"), ..Manner::default() };
    let server = ScriptedMcp::start_as(manner, vec![ScriptedTool::reads("status", Returns::Text("x".into()))]).unwrap();
    assert_eq!(list(&endpoint(&server)).await, Err(McpError::Unauthorised));
    let with = Endpoint { bearer: Some("s3cret".to_owned().into()), ..endpoint(&server) };
    assert!(list(&with).await.is_ok());
    assert!(!format!("{with:?}").contains("s3cret"));
}

#[tokio::test]
async fn nobody_there_and_no_mcp_there_are_stated() {
    let server = ScriptedMcp::start(vec![]).unwrap();
    let origins = AllowedOrigins::new(&[server.origin().to_owned()]);
    let elsewhere = origins.address(&format!("{}/nothing", server.origin())).unwrap();
    let elsewhere = Endpoint { url: elsewhere, ..endpoint(&server) };
    assert_eq!(list(&elsewhere).await, Err(McpError::Protocol));
    let gone = endpoint(&server);
    drop(server);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(list(&gone).await, Err(McpError::Unreachable));
}
