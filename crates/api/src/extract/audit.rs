use std::fmt;

use axum::{extract::FromRequestParts, http::request::Parts};
use millwright_audit::{Actor, AuditAction, AuditEvent};
use millwright_core::{Credential, Principal, Problem, audit::AuditRecord};
use serde_json::Value;

use crate::{ApiError, AppState, problem::current_trace_id};

/// Makes the audit entry of the route's change. Only routes registered with `routing::changes` have one.
#[derive(Clone)]
pub struct Audit {
    state: AppState,
    action: AuditAction,
}

impl Audit {
    /// The entry of the route's action, done by this person to this thing.
    pub fn entry(
        &self,
        principal: &Principal,
        resource: impl fmt::Display,
        details: &[(&str, Value)],
    ) -> Result<AuditRecord, ApiError> {
        let event = AuditEvent::new(
            &self.state.sources,
            principal.tenant_id(),
            Actor::User(principal.user_id),
            self.action,
            resource,
        )
        .trace(current_trace_id());
        // The person is answerable; which of their programs it was, the entry says too.
        let event = match principal.credential {
            Credential::ApiKey(key) => event.detail("api_key", key.to_string()),
            Credential::Session(_) | Credential::Token => event,
        };
        let event = details.iter().fold(event, |event, (name, value)| event.detail(name, value.clone()));
        Ok(self.state.audit_key.authenticate(&event)?)
    }
}

impl FromRequestParts<AppState> for Audit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Some(action) = parts.extensions.get::<AuditAction>() else {
            tracing::error!("a route that changes something was registered without its audit action");
            return Err(Problem::internal().into());
        };
        Ok(Self { state: state.clone(), action: *action })
    }
}
