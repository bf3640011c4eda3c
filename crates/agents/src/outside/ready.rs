//! A call of a tool of another system before it is made: read as a model wrote it, and made ready to leave.

use millwright_core::Label;
use millwright_governance::decision::{sink, thing};
use millwright_llm::provider::ToolCall;
use millwright_mcp::check_arguments;
use millwright_policy::{decision::ResourceFacts, labels::release};
use millwright_store::{
    StoreError, TenantTx,
    tenant::{McpServerRow, McpToolRow},
};
use serde_json::{Map, Value};

use super::{OutsideTool, listen};
use crate::{AgentError, act::Refused, guard, progress::Progress, run::Run, runner::Inner};

/// A call that can be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutsideCall {
    pub(crate) tool: OutsideTool,
    pub(crate) arguments: Map<String, Value>,
}

/// The servers whose tools the run may call now, with what is enabled of them.
pub(crate) async fn standing(tx: &mut TenantTx, run: &Run) -> Result<Vec<(McpServerRow, McpToolRow)>, StoreError> {
    if run.agent.outside.is_empty() { Ok(Vec::new()) } else { tx.mcp_servers().callable().await }
}

/// Reads a call as a model wrote it. None for one of no tool of another system. Whether the arguments fit is asked of what is sent.
pub(crate) fn read(run: &Run, call: &ToolCall) -> Option<Result<OutsideCall, String>> {
    let tool = run.agent.outside.iter().find(|tool| tool.called == call.name)?;
    let written = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    let arguments = serde_json::from_str(written);
    let arguments = arguments.map_err(|_| "the arguments are no JSON object".to_owned());
    Some(arguments.map(|arguments: Map<String, Value>| OutsideCall { tool: tool.clone(), arguments }))
}

/// What readers and models know the tool of a call by, where it is another system's.
pub(crate) fn names<'r>(run: &'r Run, call: &ToolCall) -> Option<(&'r str, &'r str)> {
    let tool = run.agent.outside.iter().find(|tool| tool.called == call.name)?;
    Some((&tool.name, &tool.called))
}

/// Makes a call ready to be sent, or says why it is not; and its arguments as they are shown, with placeholders and without secrets.
/// `standing` is none for a call that is only repeated: nothing of it is sent again.
pub(crate) fn ready(
    (inner, run): (&Inner, &Run),
    progress: &mut Progress,
    standing: Option<&[(McpServerRow, McpToolRow)]>,
    call: OutsideCall,
    label: &Label,
) -> Result<(Result<OutsideCall, Refused>, Value), AgentError> {
    let mut shown = Value::Object(call.arguments.clone());
    if let Some(known) = &progress.placeholders {
        guard::each_text(&mut shown, &mut |text| *text = known.restore(text));
    }
    guard::take_out_secrets(&mut shown);
    progress.mask_again(&mut shown)?;
    let (Some(standing), Some(known)) = (standing, &progress.placeholders) else { return Ok((Ok(call), shown)) };
    let tool = call.tool.name.clone();
    let ready = call.prepared(standing, (label, &shown), |text| known.restore(text));
    if let Err(why) = &ready {
        listen(inner, run, progress, &tool, &Err(why.clone()));
    }
    Ok((ready, shown))
}

impl OutsideCall {
    /// What has to be permitted: that what the run has read goes there, and that the person reads what comes.
    pub(crate) fn resource(&self, label: &Label) -> ResourceFacts {
        let mut facts = thing("tool", &self.tool.name, &Label::join_all([label, &self.tool.label()]));
        facts.sink = sink(&self.tool.sink());
        facts
    }

    /// Makes it ready to be sent: to a tool that still stands as it did, within what it takes, and with placeholders unless its
    /// server is sent personal data. `shown` are the arguments with placeholders and without secrets.
    fn prepared(
        mut self,
        standing: &[(McpServerRow, McpToolRow)],
        (label, shown): (&Label, &Value),
        restore: impl Fn(&str) -> String,
    ) -> Result<Self, Refused> {
        let is_it = |(server, tool): &&(McpServerRow, McpToolRow)| {
            server.id == self.tool.server
                && tool.name == self.tool.tool
                && hex::encode(&tool.digest) == self.tool.digest
        };
        let Some((server, _)) = standing.iter().find(is_it) else {
            return Err(("changed", "this tool cannot be called any more; answer from what you have".to_owned()));
        };
        self.tool.takes_up_to = server.settings.takes_up_to;
        self.tool.result = server.settings.result_classification;
        let mut arguments = shown.clone();
        if server.settings.sends_personal_data {
            guard::each_text(&mut arguments, &mut |text| *text = restore(text));
        }
        let Value::Object(arguments) = arguments else { return Err(("malformed", "no arguments".to_owned())) };
        check_arguments(&self.tool.input_schema, &arguments).map_err(|error| ("malformed", error.to_string()))?;
        // The only way for them to leave.
        match release(arguments, label, &self.tool.sink()) {
            Ok(released) => match released.for_sink(&self.tool.sink()) {
                Some(arguments) => Ok(Self { arguments, ..self }),
                None => Err(("label_denied", "this may not go there".to_owned())),
            },
            Err(refusal) => Err(("label_denied", refusal.to_string())),
        }
    }
}
