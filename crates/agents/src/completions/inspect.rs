//! What is looked at before a program's words go to a model.

use std::sync::Arc;

use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::Principal;
use millwright_governance::{GovernanceError, InjectionMode, TenantPolicy};
use millwright_llm::provider::{Message, ModelRequest, OutputFormat, Part};
use millwright_policy::{
    injection::{self, Channel},
    pii::{PiiKind, Vault},
};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{NewDecision, NewPolicyEvent, PolicyEventKind},
};

use serde_json::Value;

use super::Inner;
use crate::{AgentError, refusal};

/// Longer requests are looked at off the async threads.
const INLINE_BYTES: usize = 4 << 10;

/// A request without personal data.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) request: ModelRequest,
    /// What the placeholders stand for.
    pub(super) vault: Vault,
}

/// What the classifier of complexity looks at.
pub(super) struct Shape {
    prompt: String,
    system_chars: usize,
    history_turns: usize,
    tools: usize,
    images: usize,
    wants_json: bool,
}

impl Shape {
    pub(super) fn as_request(&self) -> millwright_routing::Request<'_> {
        millwright_routing::Request {
            prompt: &self.prompt,
            system_chars: self.system_chars,
            history_turns: self.history_turns,
            passages: 0,
            passage_chars: 0,
            tools: self.tools,
            images: self.images,
            wants_json: self.wants_json,
        }
    }
}

pub(super) fn shape(request: &ModelRequest) -> Shape {
    let last = request.messages.iter().rposition(|message| matches!(message, Message::User { .. }));
    let prompt = last.map(|at| match &request.messages[at] {
        Message::User { parts } => {
            let texts = parts.iter().filter_map(|part| match part {
                Part::Text { text } => Some(text.as_str()),
                Part::Image(_) => None,
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    });
    let system_chars = request.messages.iter().map(|message| match message {
        Message::System { text } => text.len(),
        _ => 0,
    });
    Shape {
        prompt: prompt.unwrap_or_default(),
        system_chars: system_chars.sum(),
        history_turns: last.unwrap_or(0),
        tools: request.tools.len(),
        images: usize::from(request.has_images()),
        wants_json: request.output != OutputFormat::Text,
    }
}

struct Refusal {
    error: GovernanceError,
    event: NewPolicyEvent,
}

/// Looks at every text of a request: personal data becomes placeholders, instructions in the results of tools are taken
/// out, those of people are treated as the tenant wants.
///
/// # Errors
/// When the tenant blocks what is in it. The refusal is recorded.
pub(super) async fn inspect(
    inner: &Arc<Inner>,
    principal: &Principal,
    policy: &Arc<TenantPolicy>,
    request: ModelRequest,
    trace_id: &str,
) -> Result<Inspected, AgentError> {
    let messages: usize = request.messages.iter().map(text_bytes).sum();
    let bytes = messages + request.tools.iter().map(|tool| tool.description.len() + 512).sum::<usize>();
    let checked = if bytes <= INLINE_BYTES {
        check(inner, principal, policy, request)
    } else {
        let (inner, policy, principal) = (Arc::clone(inner), Arc::clone(policy), *principal);
        let work = tokio::task::spawn_blocking(move || check(&inner, &principal, &policy, request));
        work.await.map_err(|_| AgentError::Classifier)?
    };
    match checked {
        Ok((inspected, events)) => {
            if !events.is_empty() {
                let mut tx = inner.store.tenant(&principal.scope).begin().await?;
                tx.policy_events().insert(&events).await?;
                tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await?;
            }
            Ok(inspected)
        }
        Err(refusal) => {
            record(inner, principal, &[], std::slice::from_ref(&refusal.event), trace_id).await?;
            Err(refusal.error.into())
        }
    }
}

fn text_bytes(message: &Message) -> usize {
    match message {
        Message::System { text } | Message::Tool { text, .. } => text.len(),
        Message::User { parts } => parts
            .iter()
            .map(|part| match part {
                Part::Text { text } => text.len(),
                Part::Image(_) => 0,
            })
            .sum(),
        Message::Assistant { text, tool_calls } => {
            text.len() + tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>()
        }
    }
}

fn check(
    inner: &Inner,
    principal: &Principal,
    policy: &TenantPolicy,
    mut request: ModelRequest,
) -> Result<(Inspected, Vec<NewPolicyEvent>), Box<Refusal>> {
    let mut vault = Vault::default();
    let mut events = Vec::new();
    let mut looker = Looker { inner, principal, policy, vault: &mut vault, events: &mut events };
    for message in &mut request.messages {
        match message {
            Message::System { text } => looker.mask(text)?,
            Message::User { parts } => {
                for part in parts {
                    if let Part::Text { text } = part {
                        looker.person(text)?;
                        looker.mask(text)?;
                    }
                }
            }
            Message::Assistant { text, tool_calls } => {
                looker.mask(text)?;
                for call in tool_calls {
                    looker.mask_text_or_json(&mut call.arguments)?;
                }
            }
            Message::Tool { text, .. } => {
                looker.content(text);
                looker.mask_text_or_json(text)?;
            }
        }
    }
    for tool in &mut request.tools {
        looker.mask(&mut tool.description)?;
        looker.mask_json(&mut tool.parameters)?;
    }
    if let OutputFormat::JsonSchema { schema, .. } = &mut request.output {
        looker.mask_json(schema)?;
    }
    for text in &mut request.sampling.stop {
        looker.mask(text)?;
    }
    Ok((Inspected { request, vault }, events))
}

struct Looker<'l> {
    inner: &'l Inner,
    principal: &'l Principal,
    policy: &'l TenantPolicy,
    vault: &'l mut Vault,
    events: &'l mut Vec<NewPolicyEvent>,
}

impl Looker<'_> {
    fn event(&self, kind: PolicyEventKind, outcome: &'static str, detail: String) -> NewPolicyEvent {
        NewPolicyEvent {
            id: self.inner.sources.new_id(),
            occurred_at: self.inner.sources.now(),
            kind,
            outcome,
            user_id: Some(self.principal.user_id),
            run_id: None,
            document_id: None,
            chunk_id: None,
            score: None,
            detail,
        }
    }

    fn mask(&mut self, text: &mut String) -> Result<(), Box<Refusal>> {
        let redacted = self.vault.redact(&self.policy.detector, text);
        if !redacted.blocked.is_empty() {
            let kinds = redacted.blocked.iter().map(PiiKind::as_str).collect::<Vec<_>>().join(", ");
            let event = self.event(PolicyEventKind::PersonalDataBlocked, "block", kinds);
            return Err(Box::new(Refusal { error: GovernanceError::PersonalData(redacted.blocked), event }));
        }
        *text = redacted.text;
        Ok(())
    }

    /// Every string in it; names of fields stay.
    fn mask_json(&mut self, value: &mut Value) -> Result<(), Box<Refusal>> {
        match value {
            Value::String(text) => self.mask(text),
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.mask_json(item)),
            Value::Object(fields) => fields.values_mut().try_for_each(|item| self.mask_json(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// A text that is JSON is looked at as what it says: its escapes hide names.
    fn mask_text_or_json(&mut self, text: &mut String) -> Result<(), Box<Refusal>> {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value @ (Value::Object(_) | Value::Array(_))) => {
                let before = value.clone();
                self.mask_json(&mut value)?;
                if value != before {
                    *text = value.to_string();
                }
                Ok(())
            }
            _ => self.mask(text),
        }
    }

    fn person(&mut self, text: &str) -> Result<(), Box<Refusal>> {
        let verdict = injection::check(Channel::User, text);
        if !verdict.is_hit {
            return Ok(());
        }
        let mode = self.policy.injection.user_messages;
        let sentence = verdict.spans.first().and_then(|span| text.get(span.clone())).unwrap_or(text);
        let detail = Vault::default().redact(&self.policy.detector, sentence).text;
        let mut event = self.event(PolicyEventKind::Injection, mode.as_str(), detail);
        event.score = Some((verdict.score, verdict.threshold));
        if mode == InjectionMode::Block {
            return Err(Box::new(Refusal { error: GovernanceError::Injection, event }));
        }
        self.events.push(event);
        Ok(())
    }

    fn content(&mut self, text: &mut String) {
        let verdict = injection::check(Channel::Content, text);
        if !verdict.is_hit {
            return;
        }
        for span in &verdict.spans {
            let sentence = text.get(span.clone()).unwrap_or_default();
            let detail = Vault::default().redact(&self.policy.detector, sentence).text;
            let mut event = self.event(PolicyEventKind::Injection, "quarantine", detail);
            event.score = Some((verdict.score, verdict.threshold));
            self.events.push(event);
        }
        *text = injection::quarantine(text, &verdict.spans);
    }
}

/// Records a refusal by the policies.
pub(super) async fn record_refusal(
    inner: &Inner,
    principal: &Principal,
    decisions: &[NewDecision],
    trace_id: &str,
) -> Result<(), AgentError> {
    record(inner, principal, decisions, &[], trace_id).await
}

async fn record(
    inner: &Inner,
    principal: &Principal,
    decisions: &[NewDecision],
    events: &[NewPolicyEvent],
    trace_id: &str,
) -> Result<(), AgentError> {
    let actor = Actor::User(principal.user_id);
    let tenant = principal.tenant_id();
    let action = AuditAction::PolicyRefused;
    let proof = match (events.first(), decisions.first()) {
        (Some(event), _) => {
            AuditEvent::new(&inner.sources, tenant, actor, action, event.id).detail("kind", event.kind.as_str())
        }
        (None, Some(decision)) => AuditEvent::new(&inner.sources, tenant, actor, action, decision.id)
            .detail("actions", vec![decision.action.clone()]),
        (None, None) => return Ok(()),
    };
    let proof = proof.trace(trace_id);
    refusal::record((&inner.store, &inner.audit_key), &principal.scope, &proof, decisions, events).await
}

/// Texts for vectors as a request, so that they are looked at in the same way.
pub(super) fn as_request(texts: Vec<String>) -> ModelRequest {
    let messages = texts.into_iter().map(|text| Message::System { text }).collect();
    ModelRequest { messages, ..ModelRequest::default() }
}

/// And back.
pub(super) fn texts_of(request: ModelRequest) -> Vec<String> {
    let texts = request.messages.into_iter().filter_map(|message| match message {
        Message::System { text } => Some(text),
        _ => None,
    });
    texts.collect()
}
