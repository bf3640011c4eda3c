//! What holds for every operation, asserted over the OpenAPI document: an operation that is added is covered at once.

use std::{str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use millwright_audit::AuditAction;
use millwright_auth::{Grant, TokenIssuer, TokenRules};
use millwright_core::{FixedClock, Role, Sources, TenantScope, id::UserId};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::kit::{
    SECRET_KEY, World,
    operations::{Ids, Operation, document, operations},
    problem, read,
};

/// Operations that anybody may call.
const OPEN: &[&str] = &[
    "auth.login",
    "auth.login.second_factor",
    "auth.oidc.callback",
    "auth.oidc.start",
    "auth.options",
    "auth.password.set",
    "auth.refresh",
];

/// Operations that are no GET and leave no entry in the audit log. Each needs a reason; the list only shrinks.
const WITHOUT_ENTRY: &[(&str, &str)] = &[
    ("agents.check", "looks over a definition that is not kept"),
    ("goals.plans.check", "reads a plan that is not kept"),
    ("policy.check", "decides without acting"),
    ("policy.lint", "looks over files that are not kept"),
    ("policy.test", "decides a table that is not kept, with files that are not kept"),
    ("policy.replay", "decides again what was decided, and changes none of it"),
    ("policy.settings.preview", "tries settings that are not kept on a text that is not kept"),
    ("search", "a query is too long and too private for an address; nothing changes"),
    ("usage.estimate", "tells a price; the prompt is not kept"),
    ("auth.refresh", "only counts an own session's tokens; the session's beginning and its end are in the log"),
];

#[test]
fn every_operation_says_who_may_call_it() {
    let open = operations().into_iter().filter(|operation| operation.permission.is_none());
    let mut open: Vec<_> = open.map(|operation| operation.id).collect();
    open.sort();
    assert_eq!(open, OPEN);
    for operation in operations() {
        let secured = operation.raw["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(secured, operation.permission.is_some(), "`{}` contradicts itself", operation.id);
    }
}

#[test]
fn every_change_names_the_audit_action_that_proves_it() {
    for operation in operations() {
        let reads = operation.method == Method::GET || WITHOUT_ENTRY.iter().any(|(id, _)| *id == operation.id);
        assert_eq!(operation.audit.is_none(), reads, "`{}`", operation.id);
        if let Some(action) = &operation.audit {
            assert!(AuditAction::from_str(action).is_ok(), "`{}` names `{action}`", operation.id);
        }
    }
    for (id, _) in WITHOUT_ENTRY {
        assert!(operations().iter().any(|operation| operation.id == *id), "`{id}` is gone: take it off the list");
    }
}

#[test]
fn every_operation_documents_its_errors() {
    let document = document();
    for operation in operations() {
        let responses = operation.raw["responses"].as_object().expect("responses");
        let mut needed = vec!["422"];
        if operation.permission.is_some() {
            needed.extend(["401", "403", "429", "503"]);
        }
        if operation.has_path_parameters() {
            needed.push("404");
        }
        if operation.has_body() {
            needed.extend(["400", "408", "413", "415"]);
        }
        for status in needed {
            assert!(responses.contains_key(status), "`{}` does not document {status}", operation.id);
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
            let place = format!("`{}` {status}", operation.id);
            assert!(document.pointer(schema.as_str().expect(&place).trim_start_matches('#')).is_some(), "{place}");
        }
        assert!(
            responses.keys().any(|status| status.starts_with(['2', '3'])),
            "`{}` documents no success",
            operation.id
        );
        let said = operation.raw["summary"].as_str().or(operation.raw["description"].as_str());
        assert!(said.is_some_and(|said| !said.is_empty()), "`{}` does not say what it does", operation.id);
    }
}

fn issuer(secret: &[u8], rules: TokenRules) -> TokenIssuer {
    TokenIssuer::new(secret, rules).expect("issuer")
}

/// Tokens that must not be accepted, each with what is wrong with it.
fn bad_tokens(world: &World, tenant: &TenantScope, user: UserId, viewer: &str) -> Vec<(&'static str, String)> {
    let lifetime = TimeDelta::hours(1);
    let own = || TokenRules::own(lifetime);
    let issue = |issuer: &TokenIssuer, sources: &Sources| {
        let grant = Grant {
            tenant_id: tenant.tenant_id(),
            user_id: user,
            role: Role::Admin,
            session_id: sources.new_id(),
            access_version: 1,
            restricted: false,
        };
        issuer.issue(sources, &grant).expect("token").token
    };
    let at = |offset: TimeDelta| Sources {
        clock: Arc::new(FixedClock::new(world.sources.clock.now() + offset)),
        ..world.sources.clone()
    };
    let right = issuer(SECRET_KEY.as_bytes(), own());
    let parts: Vec<&str> = viewer.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("json");
    claims["role"] = json!("admin");
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let none = encode(&json!({ "alg": "none", "typ": "JWT" }));
    let other = |rules: TokenRules| issue(&issuer(SECRET_KEY.as_bytes(), rules), &world.sources);
    vec![
        ("no token at all", "x".to_owned()),
        ("empty", String::new()),
        (
            "signed with another key",
            issue(&issuer(b"another-secret-key-of-enough-bytes-0123456789", own()), &world.sources),
        ),
        ("expired", issue(&right, &at(-lifetime - TimeDelta::minutes(2)))),
        ("of tomorrow", issue(&right, &at(TimeDelta::days(1)))),
        ("of another issuer", other(TokenRules { issuer: "somebody".to_owned(), ..own() })),
        ("for another audience", other(TokenRules { audience: "another-api".to_owned(), ..own() })),
        ("with claims that were changed", format!("{}.{}.{}", parts[0], encode(&claims), parts[2])),
        ("without a signature", format!("{}.{}.", parts[0], parts[1])),
        ("with the algorithm none", format!("{none}.{}.", encode(&claims))),
        ("with the algorithm none and a signature", format!("{none}.{}.{}", encode(&claims), parts[2])),
        ("longer than any token", format!("{viewer}{}", "a".repeat(5000))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_every_operation_answers_401() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let user = world.user(&tenant, "viewer@a.test", Role::Viewer).await;
    let server = world.server().await;
    let viewer = server.sign_in("viewer@a.test").await.token;
    let tokens = bad_tokens(&world, &tenant, user, &viewer);
    for operation in operations().iter().filter(|operation| operation.permission.is_some()) {
        let request = || operation.request(&server, &Ids::of_nothing());
        let bare = request().send().await.expect("send");
        assert_eq!(bare.headers()[header::WWW_AUTHENTICATE], "Bearer", "`{}`", operation.id);
        problem(bare, 401, "unauthenticated").await;
        let basic = request().basic_auth("viewer@a.test", Some("x")).send().await.expect("send");
        problem(basic, 401, "unauthenticated").await;
        for (fault, token) in &tokens {
            let response = request().bearer_auth(token).send().await.expect("send");
            assert_eq!(response.status(), 401, "`{}` took a token {fault}", operation.id);
        }
    }
    let me = server.session(&viewer).json("/api/v1/auth/me").await;
    assert_eq!(me["email"], "viewer@a.test", "the token from which the bad ones were made is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_the_needed_permission_is_refused_everywhere() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let mut refused = 0;
    for role in Role::ALL {
        for operation in operations() {
            let Some(permission) = operation.permission else { continue };
            // Somebody else each time: some operations end the session that asks.
            let who = world.somebody(&tenant, "Somebody", role).await;
            let request = operation.request(&server, &Ids::of_nothing()).bearer_auth(&who.token);
            let response = request.send().await.expect("send");
            let place = format!("`{}` by a {role}", operation.id);
            if role.permissions().contains(permission) {
                assert_ne!(response.status(), 401, "{place}");
                if response.status() == 403 {
                    let (_, body) = read(response).await;
                    let code = body["code"].as_str().expect("code");
                    assert!(matches!(code, "step_up_required" | "second_factor_required"), "{place}: {body}");
                }
            } else {
                assert_eq!(response.status(), 403, "{place}");
                problem(response, 403, "not_authorized").await;
                refused += 1;
            }
        }
    }
    assert!(refused >= 60, "only {refused} refusals: the test looks at nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_as_documented_are_explained() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let taking_json: Vec<_> = operations().into_iter().filter(Operation::takes_json).collect();
    assert!(taking_json.len() >= 4, "the generator is broken");
    for operation in taking_json {
        let path = Ids::of_nothing().fill(&operation.path);
        let send = |body: String, media_type: Option<&str>| {
            let request = admin.request(operation.method.clone(), &path).body(body);
            match media_type {
                Some(media_type) => request.header(header::CONTENT_TYPE, media_type),
                None => request,
            }
            .send()
        };
        let json = Some("application/json");
        let mut example = operation.example().expect("example");
        let whole = example.to_string();
        let cut = &whole[..whole.len() - 1];
        for body in ["", "{", cut, "not json", &format!("{whole} {{}}"), "\u{0}"] {
            problem(send(body.to_owned(), json).await.expect("send"), 400, "malformed_body").await;
        }
        for media_type in [Some("text/plain"), Some("application/x-www-form-urlencoded"), None] {
            let response = send(example.to_string(), media_type).await.expect("send");
            problem(response, 415, "unsupported_media_type").await;
        }
        let deep = send("[".repeat(100_000), json).await.expect("send");
        assert!(matches!(deep.status().as_u16(), 400 | 422), "`{}`: {}", operation.id, deep.status());
        for body in ["[]", "[null]", "7", "null", "\"text\""] {
            problem(send(body.to_owned(), json).await.expect("send"), 422, "validation_failed").await;
        }
        example["colour"] = json!("red");
        let body = problem(send(example.to_string(), json).await.expect("send"), 422, "validation_failed").await;
        let said = body["fields"][0]["message"].as_str().expect("message");
        assert!(said.contains("`colour`"), "`{}` does not name the unknown field: {said}", operation.id);
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024));
        problem(send(large, json).await.expect("send"), 413, "payload_too_large").await;
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn query_parameters_that_are_not_as_documented_are_explained() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let mut lists = 0;
    for operation in operations().iter().filter(|operation| operation.takes_query("")) {
        let path = Ids::of_nothing().fill(&operation.path);
        let mut wrong = vec!["colour=red"];
        if operation.takes_query("limit") {
            wrong.extend(["limit=0", "limit=201", "limit=-1", "limit=many", "limit=99999999999999999999"]);
            lists += 1;
        }
        if operation.takes_query("cursor") {
            wrong.extend(["cursor=rubbish", "cursor=", "cursor=%00", "cursor=..%2F.."]);
        }
        if operation.takes_query("status") || operation.takes_query("role") {
            wrong.extend(["role=god", "status="]);
        }
        if operation.takes_query("status") {
            wrong.push("status=happy");
        }
        if operation.takes_query("version") {
            wrong.push("version=newest");
        }
        for query in wrong {
            let response = admin.get(&format!("{path}?{query}")).await;
            problem(response, 422, "validation_failed").await;
        }
    }
    assert!(lists >= 5, "the generator is broken");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_that_do_not_exist_are_problems() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for path in ["/api/v1/nothing", "/api/v1/", "/api/v2/documents", "/api/v1/documents/x/y/z", "/health/nothing"] {
        let body = problem(admin.get(path).await, 404, "not_found").await;
        assert!(body["remedy"].as_str().is_some_and(|remedy| remedy.contains("/openapi.json")));
    }
    problem(admin.post("/nothing", &json!({})).await, 404, "not_found").await;
    let document = document();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let known = item.as_object().expect("operations");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if !known.contains_key(&method.to_lowercase()) {
                let filled = if path.starts_with("/api/") { Ids::of_nothing().fill(path) } else { path.clone() };
                let method = Method::from_str(method).expect("method");
                let response = admin.request(method, &filled).send().await.expect("send");
                assert!(response.headers().contains_key(header::ALLOW), "405 of {path} names no methods");
                problem(response, 405, "method_not_allowed").await;
            }
        }
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let mut answers = Vec::new();
    for (email, password) in [("admin@a.test", "wrong"), ("nobody@a.test", "wrong"), ("", ""), ("' OR 1=1 --", "x")] {
        let body = json!({ "email": email, "password": password });
        let response = server.http.post(server.url("/api/v1/auth/login")).json(&body).send().await.expect("send");
        let mut answer = problem(response, 401, "unauthenticated").await;
        answer["trace_id"] = Value::Null;
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let failures = admin.audit("action=user.sign_in_failed").await;
    assert_eq!(failures.len(), 1, "the one against a user who exists: {failures:?}");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_the_headers_that_protect_a_browser() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for path in ["/api/v1/auth/me", "/api/v1/nothing", "/", "/docs/", "/openapi.json", "/health/live"] {
        let response = admin.get(path).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let policy = headers["content-security-policy"].to_str().expect("ascii");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src *"), "{path}: {policy}");
        assert!(headers.get("access-control-allow-origin").is_none(), "{path} lets other origins in");
        assert_eq!(headers["x-request-id"].len(), 32, "{path}");
    }
    let foreign = server.http.get(server.url("/api/v1/auth/me")).header("origin", "https://evil.example");
    let response = foreign.bearer_auth(&admin.token).send().await.expect("send");
    assert!(response.headers().get("access-control-allow-origin").is_none());
    let traced = server.http.get(server.url("/api/v1/nothing"));
    let traced = traced.header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let (_, body) = read(traced.send().await.expect("send")).await;
    assert_eq!(body["trace_id"], "0af7651916cd43dd8448eb211c80319c", "the caller's trace goes on");
    drop(world);
}
