//! Turns placeholders back into personal data at the very edge, for readers who may see it.

use millwright_core::{Permission, Principal, id::ConversationId};
use millwright_policy::pii::Vault;
use millwright_store::TenantTx;
use serde_json::Value;

use crate::{ApiError, AppState, dto::MessageResponse};

/// The placeholders of one conversation, for one reader.
pub(crate) struct Reveal {
    state: AppState,
    principal: Principal,
    conversation: ConversationId,
    vault: Vault,
}

/// Whether there could be a placeholder in it.
fn may_hold_placeholders(text: &str) -> bool {
    text.contains('[')
}

impl Reveal {
    /// For a reader; one without the permission `personal_data:read` sees the placeholders.
    pub(crate) fn new(state: &AppState, principal: &Principal, conversation: ConversationId) -> Self {
        Self { state: state.clone(), principal: *principal, conversation, vault: Vault::default() }
    }

    /// The same, with the placeholders as they were read already.
    pub(crate) fn with_sealed(mut self, sealed: Option<&[u8]>) -> Result<Self, ApiError> {
        if self.is_allowed() {
            self.vault = self.state.governance.open(self.conversation, sealed)?;
        }
        Ok(self)
    }

    fn is_allowed(&self) -> bool {
        self.principal.permissions.contains(Permission::PersonalDataRead)
    }

    /// Reads the placeholders, where the reader may see behind them.
    pub(crate) async fn load(&mut self, tx: &mut TenantTx) -> Result<(), ApiError> {
        if self.is_allowed() {
            let sealed = tx.vaults().get(self.conversation).await?;
            self.vault = self.state.governance.open(self.conversation, sealed.as_deref())?;
        }
        Ok(())
    }

    /// The text as it was.
    pub(crate) fn text(&self, text: String) -> String {
        if self.vault.is_empty() || !may_hold_placeholders(&text) { text } else { self.vault.restore(&text) }
    }

    /// Every string of a value as it was, also those of JSON that stands inside of a string.
    pub(crate) fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) if may_hold_placeholders(text) => match serde_json::from_str::<Value>(text) {
                Ok(mut inner @ (Value::Object(_) | Value::Array(_))) => {
                    self.value(&mut inner);
                    *text = inner.to_string();
                }
                _ => *text = self.text(std::mem::take(text)),
            },
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|item| self.value(item)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A message as it was.
    pub(crate) fn message(&self, mut message: MessageResponse) -> MessageResponse {
        message.content = self.text(message.content);
        self.value(&mut message.citations);
        message
    }

    /// An event of a run as it was. Placeholders are stored before the event that shows them, so what is not known yet
    /// is read anew.
    pub(crate) async fn event(&mut self, mut payload: Value) -> Value {
        if !self.is_allowed() || !holds_placeholder(&payload) {
            return payload;
        }
        let known = self.vault.spellings();
        match self.state.store.tenant(&self.principal.scope).read().await {
            Ok(mut tx) => {
                if let Err(error) = self.load(&mut tx).await {
                    tracing::warn!(code = error.problem().code.as_str(), known, "placeholders cannot be read");
                }
            }
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "placeholders cannot be read"),
        }
        self.value(&mut payload);
        payload
    }
}

/// Whether a string of the value holds what looks like a placeholder: `[`, capitals, `_` and a number.
fn holds_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => text.split('[').skip(1).any(|rest| {
            let name = rest.bytes().take_while(|byte| byte.is_ascii_uppercase() || *byte == b'_').count();
            name > 1 && rest.as_bytes().get(name).is_some_and(u8::is_ascii_digit)
        }),
        Value::Array(items) => items.iter().any(holds_placeholder),
        Value::Object(fields) => fields.values().any(holds_placeholder),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::holds_placeholder;

    #[test]
    fn markers_of_citations_are_no_placeholders() {
        assert!(!holds_placeholder(&json!({ "delta": "Grease it. [1] See [A] and [Fig. 3]" })));
        assert!(holds_placeholder(&json!({ "message": { "content": "Ask [PERSON_1]." } })));
        assert!(holds_placeholder(&json!([{ "delta": "{\"query\":\"who is [EMAIL_ADDRESS_12]\"}" }])));
    }
}
