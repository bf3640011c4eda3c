//! A tenant, a person, and a gateway over some servers.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use millwright_audit::AuditKey;
use millwright_budgets::Ledger;
use millwright_core::{Allowed, Classification, Clearance, Credential, Label, Principal, Role, Sources};
use millwright_gateway::{
    Answer, Call, Capabilities, Catalog, EndpointSettings, Gateway, GatewayError, GatewayParts, ModelKind, ModelPlace,
    ModelSettings, Prefer, Price, Purpose, Request, Wanted, WholeAnswer,
};
use millwright_llm::{
    Patience, Tier,
    provider::{Delta, Message, ModelRequest, OpenAiProvider, Part},
};
use millwright_policy::labels::{Sink, SinkKind};
use millwright_store::{
    Bookkeeping, Proof,
    tenant::{NewUser, UserKind},
    testkit::TestDatabase,
};

use crate::server::Server;

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) sources: Sources,
    pub(crate) principal: Principal,
    pub(crate) ledger: Ledger,
}

/// A model on one server.
pub(crate) struct On<'s> {
    pub(crate) name: &'s str,
    pub(crate) server: &'s Server,
    pub(crate) tier: Tier,
    pub(crate) price: Price,
    pub(crate) takes: Classification,
}

impl<'s> On<'s> {
    /// A STANDARD model that costs nothing and takes everything.
    pub(crate) fn new(name: &'s str, server: &'s Server) -> Self {
        Self { name, server, tier: Tier::Standard, price: Price::Free, takes: Classification::Restricted }
    }
}

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(1),
    first_token: Duration::from_millis(600),
    idle: Duration::from_millis(600),
    total: Duration::from_secs(10),
};

impl Site {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create().await;
        let sources = Sources::system();
        let scope = database.tenant(&sources, "Works").await;
        let user_id = sources.new_id();
        let person = NewUser {
            id: user_id,
            kind: UserKind::Person,
            email: Some("operator@works.example".to_owned()),
            display_name: "Operator".to_owned(),
            role: Role::Operator,
            password_hash: Some("$argon2id$none".to_owned()),
            local: true,
            created_at: sources.now(),
        };
        let mut tx = database.store.tenant(&scope).begin().await.unwrap();
        tx.users().insert(&person).await.unwrap();
        tx.commit(Proof::Bookkeeping(Bookkeeping::RunProgress)).await.unwrap();
        let principal = Principal::new(user_id, scope, Role::Operator, Credential::Token);
        let ledger = Ledger::new(database.store.clone(), sources.clone());
        Self { database, sources, principal, ledger }
    }

    pub(crate) fn gateway(&self, models: &[On<'_>], prefer: Prefer) -> Gateway {
        let endpoints = models.iter().map(|model| EndpointSettings {
            name: format!("at-{}", model.name),
            provider: Arc::new(OpenAiProvider::new(&model.server.url, None, PATIENCE).unwrap()),
            concurrency: 4,
            queue: 8,
        });
        // Models of one name are one model on several endpoints.
        let mut settings: Vec<ModelSettings> = Vec::new();
        for model in models {
            let name = model.name.split('@').next().unwrap().to_owned();
            let place = place(model, &name);
            if let Some(known) = settings.iter_mut().find(|known| known.name == name) {
                known.places.push(place);
                continue;
            }
            settings.push(ModelSettings {
                name,
                kind: ModelKind::Chat,
                tiers: vec![model.tier],
                context_tokens: 8_000,
                max_output_tokens: 1_000,
                capabilities: Capabilities::default(),
                price: model.price,
                places: vec![place],
            });
        }
        Gateway::new(GatewayParts {
            catalog: Catalog::new(endpoints.collect(), settings, prefer, "EUR".to_owned()).unwrap(),
            ledger: self.ledger.clone(),
            audit_key: Arc::new(AuditKey::derive(&[7; 32]).unwrap()),
            sources: self.sources.clone(),
            equal_requests_per_minute: 0,
            within: Duration::from_secs(5),
            whole_within: Duration::from_secs(5),
        })
    }

    pub(crate) fn call(&self, label: Classification) -> Call {
        Call {
            id: self.sources.new_id(),
            principal: self.principal,
            agent: None,
            task: None,
            run_id: None,
            purpose: Purpose::Chat,
            label: Label::of(label),
            within: None,
            told: None,
            decision: serde_json::json!(null),
            trace_id: "0".repeat(32),
        }
    }

    /// Model, outcome, output tokens and cost of each call that was counted, once all are stored.
    pub(crate) async fn usage(&self, calls: usize) -> Vec<String> {
        let statement =
            "SELECT model || ' ' || outcome || ' ' || output_tokens || ' ' || cost_micros FROM model_usage ORDER BY id";
        for _ in 0..200 {
            let rows = self.database.peek(statement).await;
            if rows.len() >= calls {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.database.peek(statement).await
    }
}

fn place(model: &On<'_>, name: &str) -> ModelPlace {
    ModelPlace {
        endpoint: format!("at-{}", model.name),
        model: name.to_owned(),
        sink: Sink {
            kind: SinkKind::Model,
            name: model.name.to_owned(),
            takes: Clearance { classification: model.takes, export_control: Allowed::none(), groups: Allowed::All },
            takes_untrusted: true,
            leaves_site: false,
            remedy: String::new(),
        },
    }
}

pub(crate) fn question() -> ModelRequest {
    ModelRequest {
        messages: vec![Message::User { parts: vec![Part::Text { text: "How is the pump primed?".to_owned() }] }],
        max_output_tokens: Some(100),
        ..ModelRequest::default()
    }
}

/// Plans for a STANDARD model and asks for a stream.
pub(crate) async fn stream(gateway: &Gateway, call: Call) -> Result<Answer, GatewayError> {
    let request = question();
    let plan = gateway.plan(wish(&request, &call.label))?;
    gateway.stream(call, plan, &request).await
}

/// The same for a whole answer.
pub(crate) async fn complete(gateway: &Gateway, call: Call) -> Result<WholeAnswer, GatewayError> {
    let request = question();
    let plan = gateway.plan(wish(&request, &call.label))?;
    gateway.complete(call, plan, &request).await
}

pub(crate) fn wish<'r>(request: &'r ModelRequest, label: &'r Label) -> Request<'r> {
    Request { wanted: Wanted::Tier(Tier::Standard), judged: None, escalated: false, request, label }
}

/// The text of an answer, and the error at its end.
pub(crate) async fn read(answer: Answer) -> (String, Option<GatewayError>) {
    let (mut text, mut failure) = (String::new(), None);
    let mut deltas = Box::pin(answer.into_deltas());
    while let Some(delta) = deltas.next().await {
        match delta {
            Ok(Delta::Text(piece)) => text.push_str(&piece),
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    (text, failure)
}
