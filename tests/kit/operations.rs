//! The operations of the OpenAPI document, for tests that are generated from it.

use std::str::FromStr;

use millwright_core::Permission;
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};

use super::Server;

/// A suite with one question.
pub(crate) const SUITE: &str =
    "name: Pump\ncases:\n  - {id: oil, question: How often is the pump oiled?, abstain: true}\n";

const JSON: &str = "application/json";
/// Good enough to be accepted.
pub(crate) const NEW_PASSWORD: &str = "spindle-otter-9-violet";
const MULTIPART: &str = "multipart/form-data";
/// Carried out by the built-in answerer, up to a gate that waits.
pub(crate) const PLAN: &str =
    "pipeline: [{ask: How often is the pump oiled?, name: oil}, {person: Is this the right pump?, name: sure}]";

/// One operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: String,
    /// What it needs; `None` for what anybody may call.
    pub(crate) permission: Option<Permission>,
    /// The audit action that proves its change.
    pub(crate) audit: Option<String>,
    /// As it stands in the document.
    pub(crate) raw: Value,
    /// Media type and schema of the body.
    body: Option<(String, Value)>,
}

/// The whole document.
pub(crate) fn document() -> Value {
    serde_json::to_value(millwright_api::openapi()).expect("json")
}

/// All operations under `/api/v1`.
pub(crate) fn operations() -> Vec<Operation> {
    let document = document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, raw) in item.as_object().expect("operations") {
            if path.starts_with("/api/v1/") {
                found.push(operation(&document, path, method, raw));
            }
        }
    }
    assert!(found.len() >= 55, "only {} operations: the generator is broken", found.len());
    found
}

fn operation(document: &Value, path: &str, method: &str, raw: &Value) -> Operation {
    let id = raw["operationId"].as_str().expect("operationId").to_owned();
    let permission = match raw.get("x-millwright-permission") {
        Some(Value::Null) => None,
        Some(Value::String(permission)) => Some(Permission::from_str(permission).expect("permission")),
        other => panic!("`{id}` does not say which permission it needs: {other:?}"),
    };
    let body = raw["requestBody"]["content"].as_object().map(|content| {
        assert_eq!(content.len(), 1, "`{id}` takes more than one form of body");
        let (media_type, body) = content.iter().next().expect("one");
        (media_type.clone(), resolve(document, &body["schema"]))
    });
    Operation {
        id,
        method: Method::from_str(&method.to_uppercase()).expect("method"),
        path: path.to_owned(),
        permission,
        audit: raw["x-millwright-audit"].as_str().map(str::to_owned),
        raw: raw.clone(),
        body,
    }
}

fn resolve(document: &Value, schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("schema").clone(),
        None => schema.clone(),
    }
}

impl Operation {
    pub(crate) fn takes_json(&self) -> bool {
        self.body.as_ref().is_some_and(|(media_type, _)| media_type == JSON)
    }

    pub(crate) fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Names of the fields of its JSON body.
    pub(crate) fn fields(&self) -> Vec<String> {
        let Some((media_type, schema)) = &self.body else { return Vec::new() };
        if media_type != JSON {
            return Vec::new();
        }
        schema["properties"].as_object().expect("properties").keys().cloned().collect()
    }

    pub(crate) fn has_path_parameters(&self) -> bool {
        self.path.contains('{')
    }

    fn parameters(&self) -> &[Value] {
        self.raw["parameters"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether it takes a query parameter of this name; any at all when the name is empty.
    pub(crate) fn takes_query(&self, name: &str) -> bool {
        self.parameters()
            .iter()
            .any(|parameter| parameter["in"] == "query" && (name.is_empty() || parameter["name"] == name))
    }

    /// A JSON body that would be accepted.
    pub(crate) fn example(&self) -> Option<Value> {
        if !self.takes_json() {
            return None;
        }
        Some(match self.id.as_str() {
            "auth.login" => json!({ "email": "nobody@a.test", "password": "wrong" }),
            "search" => json!({ "query": "pump" }),
            "chat" => json!({ "message": "How often is the pump oiled?", "stream": false }),
            "conversations.rename" => json!({ "title": "Another title" }),
            "auth.login.second_factor" => json!({ "challenge": "none", "code": "000000" }),
            "auth.password.set" => json!({ "token": "none", "password": NEW_PASSWORD }),
            "auth.refresh" => json!({ "refresh_token": "none" }),
            "auth.me.change" => json!({ "display_name": "Ada Lovelace" }),
            "auth.password.change" => json!({ "current_password": super::PASSWORD, "new_password": NEW_PASSWORD }),
            "auth.totp.confirm" => json!({ "code": "000000" }),
            "auth.step_up" => json!({ "purpose": "totp.disable", "code": "000000" }),
            "auth.api_keys.create" | "admin.users.api_keys.create" => {
                json!({ "name": "reader", "scopes": ["documents:read"], "expires_in_days": 30 })
            }
            "admin.users.create" => json!({ "email": "new@a.test", "display_name": "New", "role": "viewer" }),
            "documents.change" => json!({ "classification": "RESTRICTED" }),
            "documents.describe" => json!({ "tags": ["pump"] }),
            "label_requests.create" => {
                json!({ "label": { "classification": "PUBLIC" }, "reason": "it is on the web site" })
            }
            "label_requests.approve" | "label_requests.reject" => json!({ "reason": "checked" }),
            "admin.users.change" => json!({ "display_name": "Another name" }),
            "policy.check" => json!({
                "action": "document.read",
                "resource": { "kind": "document", "id": "x", "confidentiality": "INTERNAL" },
            }),
            "policy.lint" | "policy.replay" => json!({ "files": [] }),
            "policy.test" => json!({ "files": [], "cases": "cases: []" }),
            "agents.create" => json!({
                "definition": "name: fitter\ntitle: Fitter\npurpose: Repairs.\ntools: [date]\n",
                "note": "one of our own",
            }),
            "agents.check" => json!({ "definition": "name: fitter" }),
            "policy.versions.create" => json!({ "files": [], "note": "nothing of our own" }),
            "policy.settings.set" => json!({ "personal_data": {}, "injection": {}, "version": 0 }),
            "policy.settings.preview" => json!({ "personal_data": {}, "text": "Ask ada@example.org." }),
            "admin.budgets.create" => {
                json!({ "name": "All of us", "subject_kind": "tenant", "period": "month", "unit": "tokens", "limit": 1000 })
            }
            "admin.budgets.change" => json!({ "limit": 2000 }),
            "admin.glossary.create" => json!({ "term": "LOTO", "expansions": ["lockout tagout"], "language": "en" }),
            "admin.glossary.change" => json!({ "expansions": ["lockout and tagout"] }),
            "runs.answer" => json!({ "text": "P-101" }),
            "runs.fork" => json!({ "step": 1 }),
            "goals.create" => json!({ "goal": "Prepare the service of the pump.", "plan": PLAN }),
            "goals.plans.check" => json!({ "plan": PLAN }),
            "goals.plan.change" => json!({ "plan": PLAN, "replaces": "0".repeat(64) }),
            "goals.approve" => json!({ "sha256": "0".repeat(64) }),
            "goals.decide" => json!({ "step": "sure", "approve": true }),
            "memories.create" => json!({ "about_me": "I am a fitter on the night shift." }),
            "memories.change" => json!({ "text": "I am a fitter on the early shift." }),
            "sources.create" => json!({ "name": "Manuals", "path": "manuals" }),
            "sources.change" => json!({ "tags": ["manual"] }),
            "mcp_servers.create" => json!({ "name": "mes", "url": "http://127.0.0.1:9/mcp" }),
            "mcp_servers.change" => json!({ "timeout_s": 5 }),
            "mcp_servers.tools.enable" => json!({ "digest": "0".repeat(64), "reads_only": true }),
            "evaluation_suites.create" | "evaluation_suites.change" => json!({ "definition": SUITE }),
            "evaluations.start" => json!({ "suite_id": Ids::of_nothing().evaluation_suite }),
            "usage.estimate" => json!({ "prompt": "How often is the pump oiled?" }),
            "admin.security_policy.set" => json!({ "second_factor_roles": [], "password_sign_in": true }),
            other => panic!("teach these tests a body that `{other}` accepts"),
        })
    }

    /// A request without a token, with a body that would be accepted.
    pub(crate) fn request(&self, server: &Server, ids: &Ids) -> RequestBuilder {
        let request = server.http.request(self.method.clone(), server.url(&ids.fill(&self.path)));
        match (&self.body, self.example()) {
            (_, Some(example)) => request.json(&example),
            (Some((media_type, _)), None) if media_type == MULTIPART => {
                let file = multipart::Part::text("The pump is oiled every 500 hours.").file_name("pump.txt");
                request.multipart(multipart::Form::new().part("file", file))
            }
            (Some((media_type, _)), None) => panic!("teach these tests a body of {media_type} for `{}`", self.id),
            (None, None) => request,
        }
    }
}

/// Ids to put into paths.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ids {
    pub(crate) document: String,
    pub(crate) conversation: String,
    pub(crate) run: String,
    pub(crate) goal: String,
    pub(crate) memory: String,
    pub(crate) job: String,
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) api_key: String,
    pub(crate) label_request: String,
    pub(crate) budget: String,
    pub(crate) glossary_entry: String,
    pub(crate) source: String,
    pub(crate) evaluation_suite: String,
    pub(crate) evaluation: String,
    pub(crate) mcp_server: String,
    /// A name, of each server for itself.
    pub(crate) mcp_tool: String,
    /// A number, counted by each tenant for itself.
    pub(crate) policy_version: String,
    /// A name.
    pub(crate) agent: String,
    /// A number, counted by each agent for itself.
    pub(crate) agent_version: String,
}

impl Ids {
    /// Well formed, and of nothing that exists.
    pub(crate) fn of_nothing() -> Self {
        let id = |prefix: &str| format!("{prefix}_0190a0000000700080000000000000ff");
        Self {
            document: id("doc"),
            conversation: id("cnv"),
            run: id("run"),
            goal: id("gol"),
            memory: id("mem"),
            job: id("job"),
            user: id("usr"),
            session: id("ses"),
            api_key: id("key"),
            label_request: id("lbr"),
            budget: id("bud"),
            glossary_entry: id("glo"),
            source: id("src"),
            evaluation_suite: id("evs"),
            evaluation: id("eva"),
            mcp_server: id("mcp"),
            mcp_tool: "nothing".to_owned(),
            policy_version: "999".to_owned(),
            agent: "nobody-at-all".to_owned(),
            agent_version: "999".to_owned(),
        }
    }

    /// The path with its parameters filled in. A parameter of a new kind fails here, so that nobody adds a route that
    /// these tests pass over.
    pub(crate) fn fill(&self, path: &str) -> String {
        let mut filled = String::new();
        let mut seen = String::new();
        for segment in path.split('/').skip(1) {
            seen = format!("{seen}/{segment}");
            let value = match seen.as_str() {
                "/api/v1/documents/{id}" => &self.document,
                "/api/v1/conversations/{id}" => &self.conversation,
                "/api/v1/runs/{id}" => &self.run,
                "/api/v1/goals/{id}" => &self.goal,
                "/api/v1/memories/{id}" => &self.memory,
                "/api/v1/admin/jobs/{id}" => &self.job,
                "/api/v1/documents/{id}/pages/{number}" | "/api/v1/documents/{id}/versions/{number}" => "1",
                "/api/v1/label-requests/{id}" => &self.label_request,
                "/api/v1/admin/budgets/{id}" => &self.budget,
                "/api/v1/admin/glossary/{id}" => &self.glossary_entry,
                "/api/v1/sources/{id}" => &self.source,
                "/api/v1/evaluation-suites/{id}" => &self.evaluation_suite,
                "/api/v1/evaluations/{id}" => &self.evaluation,
                "/api/v1/mcp-servers/{id}" => &self.mcp_server,
                "/api/v1/mcp-servers/{id}/tools/{tool}" => &self.mcp_tool,
                "/api/v1/policy/versions/{number}" => &self.policy_version,
                "/api/v1/agents/{name}" => &self.agent,
                "/api/v1/agents/{name}/versions/{number}" => &self.agent_version,
                "/api/v1/admin/users/{id}" => &self.user,
                "/api/v1/auth/sessions/{id}" | "/api/v1/admin/users/{id}/sessions/{session}" => &self.session,
                "/api/v1/auth/api-keys/{id}" | "/api/v1/admin/users/{id}/api-keys/{key}" => &self.api_key,
                "/api/v1/auth/oidc/{provider}" => "nobody",
                other => {
                    assert!(!segment.contains('{'), "teach these tests what to put into `{other}`");
                    segment
                }
            };
            filled = format!("{filled}/{value}");
        }
        filled
    }
}
