//! Decisions: made without acting, recorded, replayed, and tightened by a tenant.

use std::time::Duration;

use millwright_core::Role;
use serde_json::{Value, json};

use crate::kit::{World, eventually, problem, read};

const NO_QUESTIONS: &str = r#"
@id("ours.no-questions")
@reason("Nobody asks questions while the audit is on.")
@remedy("Wait until the audit is over.")
forbid (principal, action == Action::"chat.ask", resource);
"#;

fn files(text: &str) -> Value {
    json!([{ "name": "ours.cedar", "text": text }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_decides_without_acting_and_says_what_would_make_it_allowed() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let agent = json!({ "kind": "agent", "id": "agt_1", "on_behalf_of": "usr_1", "role": "operator",
                        "clearance": "INTERNAL", "tier": 3, "reputation": 100 });
    let order = json!({ "kind": "order", "id": "4500001234", "confidentiality": "INTERNAL", "environment": "production",
                        "sink": { "kind": "external_write", "max_confidentiality": "RESTRICTED", "takes_untrusted": true } });
    let body = json!({ "principal": agent, "action": "external.write", "resource": order, "context": {} });
    let (status, decided) = read(admin.post("/api/v1/policy/check", &body).await).await;
    assert_eq!((status, &decided["verdict"]), (200, &json!("REQUIRE_APPROVAL")), "{decided}");
    assert!(!decided["would_allow"].as_array().expect("list").is_empty(), "{decided}");
    assert!(decided["explanation"].as_str().expect("text").contains("external.agents-need-a-person"), "{decided}");
    let viewer = json!({ "kind": "user", "id": "usr_2", "role": "viewer", "clearance": "INTERNAL" });
    let secret = json!({ "kind": "document", "id": "x", "confidentiality": "RESTRICTED" });
    let body = json!({ "principal": viewer, "action": "document.read", "resource": secret });
    let (_, decided) = read(admin.post("/api/v1/policy/check", &body).await).await;
    assert_eq!(decided["verdict"], "DENY", "{decided}");
    assert_eq!(world.db().peek("SELECT count(*)::text FROM decisions").await, ["0"], "nothing is recorded");
    let typo = json!({ "action": "document.read", "resource": { "kind": "document", "id": "x" } });
    problem(admin.post("/api/v1/policy/check", &typo).await, 422, "validation_failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_policy_tightens_everywhere_within_a_second_and_never_loosens() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let (server, replica) = (world.server().await, world.second_server().await);
    let admin = server.sign_in("admin@a.test").await;
    admin.ask("How often is pump P-7 oiled?").await;
    let decisions = admin.all("/api/v1/policy/decisions", 50).await;
    assert_eq!(
        (&decisions[0]["action"], &decisions[0]["verdict"]),
        (&json!("chat.ask"), &json!("ALLOW")),
        "{decisions:?}"
    );

    let permit = files("permit (principal, action, resource);");
    for path in ["/api/v1/policy/versions", "/api/v1/policy/replay"] {
        let mut body = json!({ "files": permit });
        if path.ends_with("versions") {
            body["note"] = json!("loosen");
        }
        let refused = problem(admin.post(path, &body).await, 422, "validation_failed").await;
        assert!(refused["fields"][0]["field"].as_str().expect("field").starts_with("ours.cedar"), "{refused}");
    }
    let (_, replay) = read(admin.post("/api/v1/policy/replay", &json!({ "files": files(NO_QUESTIONS) })).await).await;
    assert_eq!((&replay["changed"], &replay["changes"][0]["to"]), (&json!(1), &json!("DENY")), "{replay}");

    let body = json!({ "files": files(NO_QUESTIONS), "note": "while the audit is on" });
    let (status, version) = read(admin.post("/api/v1/policy/versions", &body).await).await;
    assert_eq!((status, &version["active"]), (201, &json!(false)), "{version}");
    let path = format!("/api/v1/policy/versions/{}/activate", version["number"]);
    problem(admin.post(&path, &json!({})).await, 403, "step_up_required").await;
    let boss = world.somebody(&tenant, "Boss", Role::Admin).await;
    let boss = server.session(&boss.token);
    let mut authenticator = boss.enrol().await;
    let proof = boss.step_up(&mut authenticator, "policy.change").await;
    let request = boss.request(reqwest::Method::POST, &path).header("x-step-up-proof", proof);
    let (status, version) = read(request.send().await.expect("send")).await;
    assert_eq!((status, &version["active"]), (200, &json!(true)), "{version}");

    let elsewhere = replica.sign_in("admin@a.test").await;
    eventually("every replica refuses", Duration::from_secs(1), async || {
        let events = elsewhere.ask_streaming("How often is pump P-7 oiled?").await.rest().await;
        events.last().expect("last").data["code"] == "policy_denied"
    })
    .await;
    let events = admin.ask_streaming("How often is pump P-7 oiled?").await.rest().await;
    let last = &events.last().expect("last").data;
    assert!(
        last["message"].as_str().expect("text").contains("while the audit is on"),
        "the reason is the policy's: {last}"
    );
    let denied = admin.all("/api/v1/policy/decisions", 50).await;
    assert_eq!(denied[0]["verdict"], "DENY", "{denied:?}");
    let policy = denied[0]["policies"][0]["id"].as_str().expect("id");
    assert!(policy.ends_with("ours.no-questions"), "{policy}");
    assert!(!admin.audit("action=policy.refused").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_lints_tests_and_explains() {
    let world = World::new().await;
    let (clean, said, error) = world.command(&["policy", "lint"]);
    assert!(clean && said.contains("0 findings"), "{said}{error}");
    let (clean, said, _) = world.command(&["policy", "test"]);
    assert!(clean && said.contains(" 0 failed"), "{said}");
    let folder = tempfile::tempdir().expect("folder");
    let own = folder.path().join("ours.cedar");
    std::fs::write(&own, "permit (principal, action, resource);").expect("write");
    let (clean, said, _) = world.command(&["policy", "lint", own.to_str().expect("path")]);
    assert!(!clean && said.contains("may only forbid"), "{said}");
    let request = folder.path().join("request.json");
    let body = json!({ "principal": { "id": "usr_1", "role": "viewer", "clearance": "PUBLIC" }, "action": "document.read",
                       "resource": { "kind": "document", "id": "x", "confidentiality": "RESTRICTED" } });
    std::fs::write(&request, body.to_string()).expect("write");
    let (clean, said, _) = world.command(&["policy", "explain", request.to_str().expect("path")]);
    assert!(clean && said.contains("DENY") && said.contains("guard.clearance"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_file_that_is_not_valid_is_a_reason_not_to_start() {
    let mut world = World::new().await;
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("policies.yaml");
    std::fs::write(&file, "version: 1\nresource_sandbox:\n  domainz: []\nsinks: 7\n").expect("write");
    world.set("POLICY_FILE", file.to_str().expect("path"));
    let (started, _, error) = world.command(&["serve"]);
    assert!(!started && error.contains("resource_sandbox") && error.contains("sinks"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn scores_are_printed_for_any_file_of_the_form() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("folder");
    let data = folder.path().join("records.jsonl");
    let record = json!({ "id": "1", "text": "Mail ada@example.org now.", "template_id": 1,
                         "spans": [{ "type": "EMAIL_ADDRESS", "start": 5, "end": 20, "value": "ada@example.org" }] });
    std::fs::write(&data, format!("{record}\n")).expect("write");
    let (done, said, error) = world.command(&["eval", "pii", "--data", data.to_str().expect("path"), "--json"]);
    let report: Value = serde_json::from_str(&said).expect("json");
    assert!(done, "{error}");
    assert_eq!(report["by_type"]["EMAIL_ADDRESS"]["n"], 1, "{report}");
    let row = json!({ "id": "1", "text": "How often is pump P-7 oiled?", "label": "benign", "source": "ours", "kind": "benign",
                      "meta": {}, "channel": "user" });
    std::fs::write(&data, format!("{row}\n")).expect("write");
    let (done, said, error) = world.command(&["eval", "injection", "--data", data.to_str().expect("path"), "--json"]);
    let report: Value = serde_json::from_str(&said).expect("json");
    assert!(done, "{error}");
    assert_eq!(report["by_source"]["ours"]["n"], 1, "{report}");
}
