//! A call between its reservation and its first token. However it ends, what it held is given back or counted.

use std::{sync::Arc, time::Duration};

use millwright_budgets::{CallOutcome, Reservation};
use millwright_llm::provider::Usage;
use millwright_telemetry::SpanId;

use crate::{Call, Choice, Gateway, Route, answer::Called, attempt::Sent};

/// A call that no server has answered yet. Dropped, as by a caller who goes away, it counts the prompt that a server may be
/// working on, and gives back what it held where none is.
pub(crate) struct Begun {
    gateway: Gateway,
    pub(crate) call: Call,
    choice: Choice,
    held: Option<Reservation>,
    pub(crate) sent: Sent,
    /// What it is part of, for a collector of traces.
    pub(crate) within: Option<SpanId>,
}

impl Begun {
    pub(crate) fn new(gateway: &Gateway, call: Call, choice: Choice, held: Reservation) -> Self {
        Self {
            gateway: gateway.clone(),
            call,
            choice,
            held: Some(held),
            sent: Sent::default(),
            within: SpanId::current(),
        }
    }

    /// A server answers: from now on the answer is counted.
    pub(crate) fn answered(&mut self) -> (Call, Option<Reservation>) {
        (self.call.clone(), self.held.take())
    }

    /// No server answered.
    pub(crate) fn end(&mut self, outcome: CallOutcome) {
        let Some(held) = self.held.take() else { return };
        let Some((model, endpoint, since)) = self.sent.take() else {
            // It goes on by itself.
            drop(self.gateway.ledger().release(held));
            return;
        };
        let route = Route {
            model: model.settings.name.clone(),
            endpoint: endpoint.name.clone(),
            provider: endpoint.provider_kind().as_str(),
            failed: Vec::new(),
            waited_ms: 0,
            cached: false,
            choice: self.choice.clone(),
        };
        let usage = Usage { input_tokens: self.choice.input_tokens, ..Usage::default() };
        let (call, price) = (self.call.clone(), model.settings.price);
        let called = Called { call, price, upstream: Duration::ZERO, route: Arc::new(route), within: self.within };
        if let Err(error) = self.gateway.settle_unanswered(&called, held, usage, since.elapsed(), outcome) {
            tracing::error!(error = &error as &dyn std::error::Error, "the usage of a call could not be stored");
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.end(CallOutcome::Cut);
    }
}
