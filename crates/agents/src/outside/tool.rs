//! A tool of another system as a run keeps it.

use chrono::{DateTime, Utc};
use millwright_core::{Classification, Clearance, Label, id::McpServerId};
use millwright_llm::provider::ToolDefinition;
use millwright_mcp::OfferedTool;
use millwright_policy::{
    injection::{self, Channel},
    labels::{Sink, SinkKind},
};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{McpServerRow, McpToolRow},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Stands before the names of tools of other systems.
pub(crate) const PREFIX: &str = "mcp:";
/// The longest name of a server.
pub const MAX_SERVER_NAME_CHARS: usize = 20;
const MAX_TOOL_NAME_CHARS: usize = 40;

/// A tool as it was when the run began: what its model is told, and by which digest it is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutsideTool {
    pub(crate) server: McpServerId,
    /// `mcp:mes/machine_status`.
    pub(crate) name: String,
    /// By which a model calls it: `mes__machine_status`.
    pub(crate) called: String,
    /// By which its server calls it.
    pub(crate) tool: String,
    description: String,
    /// What the arguments are held against.
    pub(crate) input_schema: Value,
    /// The same without what looks like an instruction.
    told_schema: Value,
    /// SHA-256 of the declaration that somebody has enabled, hexadecimal.
    pub(crate) digest: String,
    /// The highest classification of what it may be sent.
    pub(crate) takes_up_to: Classification,
    /// What its results are at least.
    pub(crate) result: Classification,
}

/// What a tool returned, for the sentences that stand on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutsideResult {
    /// `mcp:mes/machine_status`.
    pub(crate) tool: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) text: String,
}

impl OutsideResult {
    /// As it stands behind a sentence.
    pub(crate) fn source(&self) -> String {
        format!("{}, {}", self.tool, self.at.format("%Y-%m-%d %H:%M UTC"))
    }
}

/// Whether a server can be called so.
pub fn is_server_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (2..=MAX_SERVER_NAME_CHARS).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(is_word)
}

/// How agents name a tool.
pub fn full_name(server: &str, tool: &str) -> String {
    format!("{PREFIX}{server}/{tool}")
}

/// Whether this names a tool of another system, whether or not there is one.
pub(crate) fn is_outside_name(name: &str) -> bool {
    let parts = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(server, tool)| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        is_server_name(server) && (1..=MAX_TOOL_NAME_CHARS).contains(&tool.len()) && tool.chars().all(is_word)
    })
}

/// The tools of these names that may be called now.
pub(crate) async fn resolve(tx: &mut TenantTx, names: &[String]) -> Result<Vec<OutsideTool>, StoreError> {
    if !names.iter().any(|name| name.starts_with(PREFIX)) {
        return Ok(Vec::new());
    }
    let callable = tx.mcp_servers().callable().await?;
    let known = callable.iter().filter_map(|(server, tool)| OutsideTool::of(server, tool));
    Ok(known.filter(|tool| names.contains(&tool.name)).collect())
}

impl OutsideTool {
    /// None for what cannot be told to a model.
    fn of(server: &McpServerRow, tool: &McpToolRow) -> Option<Self> {
        let declared: OfferedTool = serde_json::from_value(tool.declaration.clone()).ok()?;
        let mut told_schema = declared.input_schema.clone();
        quiet(&mut told_schema);
        Some(Self {
            server: server.id,
            name: full_name(&server.name, &tool.name),
            called: format!("{}__{}", server.name, tool.name),
            tool: tool.name.clone(),
            description: without_instructions(declared.description.as_deref().unwrap_or_default()),
            input_schema: declared.input_schema,
            told_schema,
            digest: hex::encode(&tool.digest),
            takes_up_to: server.settings.takes_up_to,
            result: server.settings.result_classification,
        })
    }

    /// As a model is told of it.
    pub(crate) fn definition(&self) -> ToolDefinition {
        ToolDefinition {
            name: self.called.clone(),
            description: format!("A tool of another system, which says of itself: {}", self.description),
            parameters: self.told_schema.clone(),
            strict: false,
        }
    }

    /// The place that it is.
    pub(crate) fn sink(&self) -> Sink {
        Sink {
            kind: SinkKind::Tool,
            name: self.name.clone(),
            takes: Clearance::up_to(self.takes_up_to),
            takes_untrusted: true,
            // Nothing tells where its server keeps what it is asked.
            leaves_site: true,
            remedy: "have an admin let the server take more".to_owned(),
        }
    }

    /// Of what it returns.
    pub(crate) fn label(&self) -> Label {
        Label::of(self.result)
    }
}

/// A text of a stranger without the sentences that look like instructions to a model.
pub(crate) fn without_instructions(text: &str) -> String {
    let verdict = injection::check(Channel::Content, text);
    if verdict.is_hit { injection::quarantine(text, &verdict.spans) } else { text.to_owned() }
}

/// The same for every sentence of a schema.
fn quiet(value: &mut Value) {
    match value {
        Value::String(text) if text.contains(char::is_whitespace) => *text = without_instructions(text),
        Value::Array(items) => items.iter_mut().for_each(quiet),
        Value::Object(fields) => fields.values_mut().for_each(quiet),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_server_and_tool() {
        for name in ["mcp:mes/machine_status", "mcp:a1/x", "mcp:sap-pm/Get-Order"] {
            assert!(is_outside_name(name), "{name}");
        }
        for name in
            ["mes/status", "mcp:mes", "mcp:/x", "mcp:Mes/x", "mcp:mes/", "mcp:mes/a b", "mcp:m/x", "mcp:mes/a/b"]
        {
            assert!(!is_outside_name(name), "{name}");
        }
        assert!(is_outside_name(&full_name(&"a".repeat(20), &"b".repeat(40))));
        assert_eq!("a".repeat(20).len() + 2 + 40, 62, "servers of models take 64 characters");
    }
}
