//! Every operation that changes something, tried on something fresh: it succeeds, and one entry of the audit log proves it.

use std::time::Duration;

use millwright_core::{Role, TenantScope};
use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, Server, Session, World,
    operations::{Ids, NEW_PASSWORD, Operation, PLAN, SUITE, operations},
    problem, read,
    session::id,
};

/// An operation, who tries it, and on what.
struct Trial<'s> {
    who: Session<'s>,
    /// The entry's actor.
    actor: String,
    ids: Ids,
    /// Instead of the example.
    body: Option<Value>,
    /// A step-up proof.
    proof: Option<String>,
}

struct Site<'s> {
    world: &'s World,
    tenant: TenantScope,
    server: &'s Server,
    admin: Session<'s>,
    admin_id: String,
}

impl<'s> Site<'s> {
    fn by_admin(&self) -> Trial<'s> {
        Trial { who: self.admin.clone(), actor: self.admin_id.clone(), ids: Ids::of_nothing(), body: None, proof: None }
    }

    /// A person nobody else uses, who is signed in.
    async fn by_somebody(&self, name: &str) -> Trial<'s> {
        let person = self.world.somebody(&self.tenant, name, Role::Viewer).await;
        let who = self.server.session(&person.token);
        let ids = Ids { user: person.user.to_string(), session: person.session.to_string(), ..Ids::of_nothing() };
        Trial { who, actor: person.user.to_string(), ids, body: None, proof: None }
    }

    /// The same person, and an admin who does something to them.
    async fn to_somebody(&self, name: &str) -> Trial<'s> {
        Trial { ids: self.by_somebody(name).await.ids, ..self.by_admin() }
    }

    async fn service_account(&self, name: &str) -> String {
        let body = json!({ "kind": "service", "display_name": name, "role": "operator" });
        let (status, made) = read(self.admin.post("/api/v1/admin/users", &body).await).await;
        assert_eq!(status, 201, "{made}");
        id(&made["user"]).to_owned()
    }
}

async fn key(session: &Session<'_>, path: &str) -> String {
    let body = json!({ "name": "program", "scopes": ["documents:read"], "expires_in_days": 30 });
    let (status, made) = read(session.post(path, &body).await).await;
    assert_eq!(status, 201, "{made}");
    id(&made).to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// What each change is tried on: something fresh, so that it succeeds.
async fn trial<'s>(site: &Site<'s>, operation: &Operation) -> Trial<'s> {
    let (name, nothing) = (operation.id.as_str(), Ids::of_nothing());
    match name {
        _ if name.starts_with("auth.") => profile_trial(site, name).await,
        _ if name.starts_with("admin.users.") => user_trial(site, name).await,
        "documents.upload"
        | "chat"
        | "goals.create"
        | "memories.create"
        | "memories.clear"
        | "admin.budgets.create"
        | "admin.glossary.create"
        | "sources.create"
        | "admin.security_policy.set"
        | "policy.settings.set"
        | "policy.versions.create"
        | "agents.create" => site.by_admin(),
        "agents.activate" | "agents.enable" | "agents.disable" => agent_trial(site, name).await,
        _ if name.starts_with("evaluation") => evaluation_trial(site, name).await,
        _ if name.starts_with("mcp_servers.") => mcp_trial(site, name).await,
        "policy.versions.activate" => policy_version_trial(site).await,
        "documents.delete" | "documents.reindex" => {
            let content = format!("The pump {name} is oiled every 500 hours.");
            let document = site.admin.take_in(&format!("{name}.txt"), content).await;
            Trial { ids: Ids { document: id(&document).to_owned(), ..nothing }, ..site.by_admin() }
        }
        "documents.change" | "documents.describe" | "label_requests.create" => {
            let document = site.admin.take_in(&format!("{name}.txt"), "The pump has a label.").await;
            Trial { ids: Ids { document: id(&document).to_owned(), ..nothing }, ..site.by_admin() }
        }
        "label_requests.approve" | "label_requests.reject" => label_request_trial(site, name).await,
        "conversations.rename" | "conversations.delete" => {
            let answer = site.admin.ask("How often is the pump oiled?").await;
            Trial { ids: Ids { conversation: text(&answer["conversation_id"]), ..nothing }, ..site.by_admin() }
        }
        _ if name.starts_with("runs.") => run_trial(site, name).await,
        _ if name.starts_with("goals.") => goal_trial(site, name).await,
        "memories.change" | "memories.delete" => memory_trial(site, name).await,
        "admin.budgets.change" | "admin.budgets.delete" => {
            let body = json!({ "name": name, "subject_kind": "tenant", "period": "month", "unit": "money", "limit": 1_000_000 });
            let (status, made) = read(site.admin.post("/api/v1/admin/budgets", &body).await).await;
            assert_eq!(status, 201, "{made}");
            Trial { ids: Ids { budget: id(&made).to_owned(), ..nothing }, ..site.by_admin() }
        }
        "admin.glossary.change" | "admin.glossary.delete" => {
            let body = json!({ "term": name, "expansions": ["a change to be tried"] });
            let (status, made) = read(site.admin.post("/api/v1/admin/glossary", &body).await).await;
            assert_eq!(status, 201, "{made}");
            Trial { ids: Ids { glossary_entry: id(&made).to_owned(), ..nothing }, ..site.by_admin() }
        }
        "sources.change" | "sources.delete" | "sources.scan" => {
            std::fs::create_dir_all(site.world.share(&site.tenant).join(name)).expect("folder");
            let body = json!({ "name": name, "path": name });
            let (status, made) = read(site.admin.post("/api/v1/sources", &body).await).await;
            assert_eq!(status, 201, "{made}");
            Trial { ids: Ids { source: id(&made).to_owned(), ..nothing }, ..site.by_admin() }
        }
        "admin.jobs.retry" => {
            site.admin.take_in("job.txt", "The pump has a job.").await;
            site.admin.jobs_done().await;
            site.world.db().tamper("UPDATE jobs SET status = 'dead'").await;
            let job = id(&site.admin.all("/api/v1/admin/jobs", 1).await[0]).to_owned();
            Trial { ids: Ids { job, ..nothing }, ..site.by_admin() }
        }
        other => panic!("teach this test what `{other}` can be tried on"),
    }
}

/// A run that stands where the change can be made.
async fn run_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let run = text(&site.admin.ask("How often is the pump oiled?").await["run_id"]);
    let stands = match name {
        "runs.cancel" => "UPDATE runs SET status = 'running', lease_expires_at = now() + interval '1 day'",
        "runs.answer" => {
            "UPDATE runs SET status = 'running', waits_until = now() + interval '1 day', \
                 lease_expires_at = now() + interval '1 day'; \
             INSERT INTO run_steps (tenant_id, run_id, number, kind, attempt, status, detail, started_at) \
             SELECT tenant_id, id, 99, 'person', 1, 'running', '{\"question\":\"Which pump?\"}', now() FROM runs"
        }
        _ => "SELECT 1",
    };
    site.world.db().tamper(stands).await;
    Trial { ids: Ids { run, ..Ids::of_nothing() }, ..site.by_admin() }
}

/// A version of an agent of the tenant's own.
async fn agent_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let agent = name.replace('.', "-");
    let text = format!("name: {agent}\ntitle: Fitter\npurpose: Repairs.\ntools: []\n");
    let body = json!({ "definition": text, "note": "to be tried" });
    let (status, made) = read(site.admin.post("/api/v1/agents", &body).await).await;
    assert_eq!(status, 201, "{made}");
    let agent_version = made["version"]["number"].to_string();
    Trial { ids: Ids { agent, agent_version, ..Ids::of_nothing() }, ..site.by_admin() }
}

/// A suite, and where it is needed an evaluation that stands where the change can be made.
async fn evaluation_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let definition = SUITE.replace("Pump", name);
    let body = json!({ "definition": definition });
    if name == "evaluation_suites.create" {
        return Trial { body: Some(body), ..site.by_admin() };
    }
    let (status, suite) = read(site.admin.post("/api/v1/evaluation-suites", &body).await).await;
    assert_eq!(status, 201, "{suite}");
    let mut ids = Ids { evaluation_suite: id(&suite).to_owned(), ..Ids::of_nothing() };
    let start = json!({ "suite_id": suite["id"] });
    match name {
        "evaluations.start" => Trial { ids, body: Some(start), ..site.by_admin() },
        "evaluations.cancel" | "evaluations.delete" => {
            let (status, started) = read(site.admin.post("/api/v1/evaluations", &start).await).await;
            assert_eq!(status, 201, "{started}");
            ids.evaluation = id(&started["items"][0]).to_owned();
            let path = format!("/api/v1/evaluations/{}", ids.evaluation);
            site.admin.until(&path, |evaluation| evaluation["status"] == "finished").await;
            if name == "evaluations.cancel" {
                let again = "UPDATE evaluations SET status = 'running', looked_at = now() + interval '1 day'";
                site.world.db().tamper(again).await;
            }
            Trial { ids, ..site.by_admin() }
        }
        _ => Trial { ids, body: name.ends_with(".change").then_some(body), ..site.by_admin() },
    }
}

/// A server with a tool that was read.
async fn mcp_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let server = name.rsplit('.').next().expect("word");
    let body = json!({ "name": server, "url": site.world.mcp.url() });
    if name == "mcp_servers.create" {
        return Trial { body: Some(body), ..site.by_admin() };
    }
    let (status, made) = read(site.admin.post("/api/v1/mcp-servers", &body).await).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v1/mcp-servers/{}/refresh", id(&made));
    let (status, read) = read(site.admin.post(&path, &json!({})).await).await;
    assert_eq!(status, 200, "{read}");
    let body = json!({ "digest": read["tools"][0]["digest"], "reads_only": true });
    let ids = Ids { mcp_server: id(&made).to_owned(), mcp_tool: "status".to_owned(), ..Ids::of_nothing() };
    Trial { ids, body: name.ends_with(".enable").then_some(body), ..site.by_admin() }
}

/// Something that the admin has said of themselves.
async fn memory_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let body = json!({ "about_me": format!("I try {name}.") });
    let (status, made) = read(site.admin.post("/api/v1/memories", &body).await).await;
    assert_eq!(status, 201, "{made}");
    Trial { ids: Ids { memory: id(&made).to_owned(), ..Ids::of_nothing() }, ..site.by_admin() }
}

/// A wish of the admin, and a colleague who decides it.
async fn label_request_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let document = site.admin.take_in(&format!("{name}.txt"), "The pump has a label.").await;
    let wish = json!({ "label": { "classification": "PUBLIC" }, "reason": "it is on the web site" });
    let path = format!("/api/v1/documents/{}/label-requests", id(&document));
    let (status, request) = read(site.admin.post(&path, &wish).await).await;
    assert_eq!(status, 201, "{request}");
    let colleague = site.world.somebody(&site.tenant, name, Role::Admin).await;
    let who = site.server.session(&colleague.token);
    let ids = Ids { label_request: id(&request).to_owned(), ..Ids::of_nothing() };
    Trial { who, actor: colleague.user.to_string(), ids, body: None, proof: None }
}

/// An admin with a second factor, a version to bring into force, and a proof for it.
async fn policy_version_trial<'s>(site: &Site<'s>) -> Trial<'s> {
    let admin = site.world.somebody(&site.tenant, "policy.versions.activate", Role::Admin).await;
    let who = site.server.session(&admin.token);
    let mut authenticator = who.enrol().await;
    let proof = who.step_up(&mut authenticator, "policy.change").await;
    let body = json!({ "files": [], "note": "to be brought into force" });
    let (status, made) = read(who.post("/api/v1/policy/versions", &body).await).await;
    assert_eq!(status, 201, "{made}");
    let ids = Ids { policy_version: made["number"].to_string(), ..Ids::of_nothing() };
    Trial { actor: admin.user.to_string(), ids, proof: Some(proof), who, ..site.by_admin() }
}

/// A goal that stands where the change can be made.
async fn goal_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    let review = matches!(name, "goals.approve" | "goals.plan.change");
    let body = json!({ "goal": "Prepare the service of the pump.", "plan": PLAN, "review": review });
    let (status, made) = read(site.admin.post("/api/v1/goals", &body).await).await;
    assert_eq!(status, 201, "{made}");
    let goal = id(&made).to_owned();
    let post = async |path: &str| {
        let (status, answer) = read(site.admin.post(&format!("/api/v1/goals/{goal}/{path}"), &json!({})).await).await;
        assert_eq!(status, 200, "{answer}");
    };
    let body = match name {
        "goals.approve" => Some(json!({ "sha256": made["plan"]["sha256"] })),
        "goals.plan.change" => Some(json!({ "plan": PLAN, "replaces": made["plan"]["sha256"] })),
        "goals.decide" => {
            let path = format!("/api/v1/goals/{goal}");
            site.admin.until(&path, |goal| goal["steps"][1]["status"] == "waiting").await;
            None
        }
        "goals.resume" => {
            post("pause").await;
            None
        }
        "goals.delete" => {
            post("cancel").await;
            None
        }
        _ => None,
    };
    Trial { body, ids: Ids { goal, ..Ids::of_nothing() }, ..site.by_admin() }
}

async fn user_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    match name {
        "admin.users.create" => site.by_admin(),
        "admin.users.change"
        | "admin.users.password_reset"
        | "admin.users.sessions.end"
        | "admin.users.sessions.end_all" => site.to_somebody(name).await,
        "admin.users.second_factor.reset" => {
            let somebody = site.by_somebody(name).await;
            somebody.who.enrol().await;
            Trial { ids: somebody.ids, ..site.by_admin() }
        }
        "admin.users.api_keys.create" | "admin.users.api_keys.revoke" => {
            let user = site.service_account(name).await;
            let api_key = key(&site.admin, &format!("/api/v1/admin/users/{user}/api-keys")).await;
            Trial { ids: Ids { user, api_key, ..Ids::of_nothing() }, ..site.by_admin() }
        }
        other => panic!("teach this test what `{other}` can be tried on"),
    }
}

async fn profile_trial<'s>(site: &Site<'s>, name: &str) -> Trial<'s> {
    match name {
        "auth.login" => {
            let body = json!({ "email": "admin@a.test", "password": PASSWORD });
            Trial { body: Some(body), ..site.by_admin() }
        }
        "auth.me.change" | "auth.logout" | "auth.totp.begin" | "auth.api_keys.create" => site.by_somebody(name).await,
        "auth.login.second_factor" | "auth.password.change" => {
            let email = format!("{name}@a.test");
            let user = site.world.user(&site.tenant, &email, Role::Viewer).await;
            let who = site.server.sign_in(&email).await;
            let mut trial = Trial { who, actor: user.to_string(), ..site.by_admin() };
            if name == "auth.login.second_factor" {
                let mut authenticator = trial.who.enrol().await;
                let body = json!({ "email": email, "password": PASSWORD });
                let (status, first) = read(trial.who.post("/api/v1/auth/login", &body).await).await;
                assert_eq!((status, &first["status"]), (200, &json!("second_factor_required")), "{first}");
                trial.body = Some(json!({ "challenge": first["challenge"], "code": authenticator.code().await }));
            }
            trial
        }
        "auth.password.set" => {
            let body = json!({ "email": "invited@a.test", "display_name": "Invited", "role": "viewer" });
            let (_, made) = read(site.admin.post("/api/v1/admin/users", &body).await).await;
            let url = text(&made["invitation"]["url"]);
            let (_, token) = url.split_once("#token=").expect("link");
            let body = json!({ "token": token, "password": NEW_PASSWORD });
            Trial { actor: id(&made["user"]).to_owned(), body: Some(body), ..site.by_admin() }
        }
        "auth.sessions.end" => {
            let mut somebody = site.by_somebody(name).await;
            let user = somebody.actor.parse().expect("user id");
            somebody.ids.session = site.world.session_of(&site.tenant, user).await.to_string();
            somebody
        }
        "auth.api_keys.revoke" => {
            let mut somebody = site.by_somebody(name).await;
            somebody.ids.api_key = key(&somebody.who, "/api/v1/auth/api-keys").await;
            somebody
        }
        "auth.totp.confirm" => {
            let somebody = site.by_somebody(name).await;
            let (_, begun) = read(somebody.who.post("/api/v1/auth/totp", &json!({})).await).await;
            let mut authenticator =
                crate::kit::people::Authenticator::scan(begun["otpauth_uri"].as_str().expect("address"));
            Trial { body: Some(json!({ "code": authenticator.code().await })), ..somebody }
        }
        "auth.step_up" | "auth.totp.remove" | "auth.totp.recovery_codes" => {
            let mut somebody = site.by_somebody(name).await;
            let mut authenticator = somebody.who.enrol().await;
            match name {
                "auth.step_up" => {
                    somebody.body = Some(json!({ "purpose": "totp.disable", "code": authenticator.code().await }));
                }
                "auth.totp.remove" => {
                    somebody.proof = Some(somebody.who.step_up(&mut authenticator, "totp.disable").await);
                }
                _ => somebody.proof = Some(somebody.who.step_up(&mut authenticator, "totp.recovery_codes").await),
            }
            somebody
        }
        other => panic!("teach this test what `{other}` can be tried on"),
    }
}

impl Trial<'_> {
    /// Does it, on these ids.
    async fn run(&self, operation: &Operation, ids: &Ids) -> Response {
        let request = operation.request(self.who.server, ids).timeout(Duration::from_mins(1));
        let request = if operation.permission.is_some() { request.bearer_auth(&self.who.token) } else { request };
        let mut headers = HeaderMap::new();
        if let Some(proof) = &self.proof {
            headers.insert("x-step-up-proof", proof.parse().expect("header"));
        }
        let request = request.headers(headers);
        match &self.body {
            Some(body) => request.json(body).send().await.expect("send"),
            None => request.send().await.expect("send"),
        }
    }
}

/// Tries every operation that changes something, and checks the entry that each leaves. Returns how many there are.
pub(crate) async fn try_everything(world: &World, tenant: TenantScope, admin: &Session<'_>) -> usize {
    let admin_id = id(&admin.json("/api/v1/auth/me").await).to_owned();
    let site = Site { world, tenant, server: admin.server, admin: admin.clone(), admin_id };
    let mut seen = 0;
    for operation in operations() {
        let Some(action) = &operation.audit else { continue };
        let trial = trial(&site, &operation).await;
        let query = format!("action={action}");
        let before = admin.audit(&query).await.len();
        if operation.has_path_parameters() {
            problem(trial.run(&operation, &Ids::of_nothing()).await, 404, "not_found").await;
            assert_eq!(admin.audit(&query).await.len(), before, "`{}` proved what it did not do", operation.id);
        }
        let response = trial.run(&operation, &trial.ids).await;
        let trace_id = response.headers()["x-request-id"].to_str().expect("ascii").to_owned();
        let (status, answer) = (response.status(), response.text().await.expect("text"));
        assert!(status.is_success(), "`{}`: {answer}", operation.id);
        let entries = admin.audit(&query).await;
        assert_eq!(entries.len(), before + 1, "`{}` left no entry of `{action}`", operation.id);
        let entry = &entries[0];
        assert_eq!(entry["actor"], trial.actor, "{entry}");
        assert_eq!(entry["resource_type"], action.split('.').next().expect("kind"), "{entry}");
        if operation.has_path_parameters() {
            let resource = entry["resource_id"].as_str().expect("resource");
            let named = trial.ids.fill(&operation.path).contains(resource) || answer.contains(resource);
            assert!(named, "`{}` was done to something else: {entry}", operation.id);
        }
        let canonical = format!("SELECT convert_from(canonical, 'utf8') FROM audit_entries WHERE action = '{action}'");
        let canonical = world.db().peek(&canonical).await;
        assert!(canonical.iter().any(|entry| entry.contains(&trace_id)), "no entry leads back to `{}`", operation.id);
        seen += 1;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_leaves_one_entry_of_its_action_and_a_refused_one_leaves_none() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let seen = try_everything(&world, tenant, &admin).await;
    assert!(seen >= 30, "only {seen} changes: the generator is broken");
}
