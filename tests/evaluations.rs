//! Evaluations over the API: a tenant's own suites are asked in the background, as whoever started that may ask.

use std::{collections::BTreeSet, time::Duration};

use millwright_agents::eval::WrittenSuite;
use millwright_core::Role;
use millwright_scripted_model::{Then, Turn};
use reqwest::multipart;
use serde_json::{Value, json};

use crate::{
    eval_agent::{FAN, PRICES, cases, world as commanded},
    kit::{Session, World, plays, problem, read, root, session::id},
};

const SUITES: &str = "/api/v1/evaluation-suites";
const EVALUATIONS: &str = "/api/v1/evaluations";

/// JSON is YAML too.
fn suite(name: &str, cases: &[Value]) -> Value {
    json!({ "definition": json!({ "name": name, "cases": cases }).to_string() })
}

async fn stored(admin: &Session<'_>, name: &str, cases: &[Value]) -> Value {
    let (status, made) = read(admin.post(SUITES, &suite(name, cases)).await).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn started(admin: &Session<'_>, body: &Value) -> Vec<String> {
    let (status, started) = read(admin.post(EVALUATIONS, body).await).await;
    assert_eq!(status, 201, "{started}");
    started["items"].as_array().expect("items").iter().map(|item| id(item).to_owned()).collect()
}

fn at(id: &str) -> String {
    format!("{EVALUATIONS}/{id}")
}

async fn ended(admin: &Session<'_>, id: &str) -> Value {
    admin.until(&at(id), |found| !["queued", "running"].contains(&found["status"].as_str().expect("status"))).await
}

/// Without what differs between any two times.
fn figures(totals: &Value) -> Value {
    let mut figures = totals.clone();
    for time in ["p50_ms", "p95_ms"] {
        figures[time] = Value::Null;
    }
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_ends_with_the_figures_of_the_command_and_a_worse_one_is_told_from_it() {
    let mut cases = cases();
    let (world, folder, _scratch) = commanded(&cases).await;
    let (scored, told, said) =
        world.command(&["eval", "agent", "--json", "--suite", &folder.path().display().to_string()]);
    assert!(scored, "{told}{said}");
    let commanded: Value = serde_json::from_str(&told).expect("JSON alone");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("fan.md", FAN).await;
    let prices = multipart::Part::text(PRICES).file_name("prices.md");
    let form = multipart::Form::new().text("classification", "RESTRICTED").part("file", prices);
    let (status, uploaded) = read(admin.upload_form(form).await).await;
    assert!(status < 300, "{uploaded}");
    admin.jobs_done().await;
    let made = stored(&admin, "Fan", &cases).await;
    assert_eq!((&made["classification"], &made["missing_documents"]), (&json!("RESTRICTED"), &json!([])), "{made}");
    assert_eq!(admin.json(&format!("{SUITES}/{}", id(&made))).await["cases"][0]["id"], "belt");
    let body = json!({ "suite_id": made["id"], "agents": [{}, { "name": "generalist" }] });
    let ask =
        |body: &Value| admin.request(reqwest::Method::POST, EVALUATIONS).header("idempotency-key", "k1").json(body);
    let (status, first) = read(ask(&body).send().await.expect("send")).await;
    let (again, second) = read(ask(&body).send().await.expect("send")).await;
    assert_eq!((status, again), (201, 201));
    let ids: Vec<&str> = first["items"].as_array().expect("items").iter().map(id).collect();
    assert_eq!(ids, second["items"].as_array().expect("items").iter().map(id).collect::<Vec<_>>(), "it began once");
    let other = json!({ "suite_id": made["id"] });
    problem(ask(&other).send().await.expect("send"), 409, "conflict").await;
    let found = ended(&admin, ids[0]).await;
    assert_eq!((&found["status"], &found["models"]), (&json!("finished"), &json!(["extractive"])), "{found:#}");
    assert_eq!(figures(&found["totals"]), figures(&commanded["totals"]), "{found:#}\n{commanded:#}");
    let hidden = &found["items"][2];
    assert_eq!((&hidden["id"], &hidden["verdict"]["abstained"]), (&json!("hidden"), &json!(true)), "{hidden}");
    let answer = found["items"][0]["answer"]["content"].as_str().expect("text");
    assert!(answer.contains("65 Hz"), "{answer}");
    // Each case is a run of whoever started it, apart from their conversations.
    let run = found["items"][0]["run_id"].as_str().expect("id");
    assert_eq!(admin.json(&format!("/api/v1/runs/{run}")).await["status"], "finished");
    assert_eq!(admin.json("/api/v1/conversations").await["items"], json!([]));
    assert_eq!(ended(&admin, ids[1]).await["agent"]["name"], "generalist");
    // A changed suite is asked as it is now; what was asked before stays.
    cases[0]["facts"] = json!([["70 Hz"]]);
    let path = format!("{SUITES}/{}", id(&made));
    assert_eq!(admin.patch(&path, &suite("Fan", &cases)).await.status(), 200);
    let worse = started(&admin, &other).await.remove(0);
    let worse_found = ended(&admin, &worse).await;
    assert_eq!(worse_found["items"][0]["verdict"]["missing"], json!(["70 Hz"]), "{worse_found:#}");
    let comparison = admin.json(&format!("{}/comparison?with={}", at(&worse), ids[0])).await;
    assert_eq!(
        (&comparison["lost"], &comparison["won"], &comparison["margin"]),
        (&json!(["belt"]), &json!([]), &json!(0.02))
    );
    assert_eq!(comparison["quality"][0], json!({ "measure": "right", "before": 1.0, "now": 0.75, "worse": true }));
    let before = admin.json(&format!("{}/comparison?margin=0.5", at(&worse))).await;
    assert_eq!((&before["with"], &before["quality"][0]["worse"]), (&json!(ids[1]), &json!(false)), "{before}");
    let history = admin.json(&format!("{EVALUATIONS}?suite_id={}", id(&made))).await;
    let history: Vec<&str> = history["items"].as_array().expect("items").iter().map(id).collect();
    assert_eq!(history, [worse.as_str(), ids[1], ids[0]]);
    for (action, count) in [("evaluation.started", 3), ("evaluation.finished", 3), ("evaluation_suite.changed", 1)] {
        assert_eq!(admin.audit(&format!("action={action}")).await.len(), count, "{action}");
    }
}

/// Questions that nobody has an answer to.
fn questions(count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| json!({ "id": format!("q{number}"), "question": format!("When is belt {number} of fan F-7 replaced?"), "abstain": true }))
        .collect()
}

/// A server with a model, the document about the fan, and a suite; the suite's id.
async fn asked_of_a_model(world: &mut World, url: &str, count: usize) -> (crate::kit::Server, String, String) {
    world.set_model(url);
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    world.user(&tenant, "viewer@a.test", Role::Viewer).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("fan.md", FAN).await;
    let suite = id(&stored(&admin, "Belts", &questions(count)).await).to_owned();
    let token = admin.token.clone();
    (server, token, suite)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_goes_on_and_asks_no_judged_case_again() {
    let said = Turn::say("The drive belt of fan F-7 is replaced every 4000 operating hours [1].");
    let model = plays(Turn::nothing().and_pause(Duration::from_millis(200)).and(said));
    let mut world = World::new().await;
    let (mut server, token, suite) = asked_of_a_model(&mut world, &model.base_url(), 6).await;
    let evaluation = started(&server.session(&token), &json!({ "suite_id": suite })).await.remove(0);
    let judged = |found: &Value| found["cases_done"].as_i64().expect("number");
    let before = server.session(&token).until(&at(&evaluation), |found| judged(found) >= 2).await;
    server.kill();
    world.db().tamper("UPDATE runs SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'").await;
    let server = world.server().await;
    let session = server.session(&token);
    let found = ended(&session, &evaluation).await;
    assert_eq!((&found["status"], judged(&found)), (&json!("finished"), 6), "{found:#}");
    let cases = |found: &Value| found["items"].as_array().expect("items").clone();
    for (before, now) in cases(&before).iter().zip(cases(&found)) {
        assert!(before["run_id"].is_null() || before["run_id"] == now["run_id"], "{before} {now}");
    }
    let runs: BTreeSet<String> = cases(&found).iter().map(|case| case["run_id"].to_string()).collect();
    assert_eq!(runs.len(), 6);
    assert_eq!(world.db().peek("SELECT count(*)::text FROM runs").await, ["6"], "each case is one run");
    assert!(model.count() <= 8, "{} requests: two drafts may have been broken off", model.count());
    let counted = found["totals"]["output_tokens"].as_u64().expect("number");
    assert!(counted > 0, "what models took is counted: {found:#}");
    let usage = session.json("/api/v1/usage").await;
    assert!(usage["total"]["output_tokens"].as_u64() >= Some(counted), "{usage}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_is_stopped_with_its_runs_and_only_admins_know_of_it() {
    let model = plays(Turn::pieces(["The drive belt"]).then(Then::Hang));
    let mut world = World::new().await;
    let (server, token, suite) = asked_of_a_model(&mut world, &model.base_url(), 3).await;
    let (admin, viewer) = (server.session(&token), server.sign_in("viewer@a.test").await);
    let body = json!({ "suite_id": suite, "agents": [{}, { "name": "generalist" }] });
    let both = started(&admin, &body).await;
    let is_asked = |found: &Value| found["items"][1]["status"] == "running";
    let running = admin.until(&at(&both[0]), is_asked).await;
    assert_eq!(running["items"][2]["status"], "pending", "two at once");
    assert_eq!(admin.json(&at(&both[1])).await["status"], "queued", "one after the other");
    for path in [SUITES.to_owned(), format!("{SUITES}/{suite}"), EVALUATIONS.to_owned(), at(&both[0])] {
        problem(viewer.get(&path).await, 403, "not_authorized").await;
    }
    problem(viewer.post(EVALUATIONS, &body).await, 403, "not_authorized").await;
    problem(
        admin.request(reqwest::Method::DELETE, &at(&both[0])).send().await.expect("send"),
        409,
        "invalid_transition",
    )
    .await;
    let path = format!("{SUITES}/{suite}");
    problem(admin.request(reqwest::Method::DELETE, &path).send().await.expect("send"), 409, "invalid_transition").await;
    let (status, stopped) = read(admin.post(&format!("{}/cancel", at(&both[0])), &json!({})).await).await;
    assert_eq!((status, &stopped["status"]), (200, &json!("cancelled")), "{stopped}");
    assert!(stopped["items"].as_array().expect("items").iter().all(|case| case["status"] == "skipped"), "{stopped}");
    let run = running["items"][1]["run_id"].as_str().expect("id");
    assert_eq!(admin.ended(run, Duration::from_secs(5)).await["status"], "cancelled");
    problem(admin.post(&format!("{}/cancel", at(&both[0])), &json!({})).await, 409, "invalid_transition").await;
    admin.until(&at(&both[1]), is_asked).await;
    let (status, _) = read(admin.post(&format!("{}/cancel", at(&both[1])), &json!({})).await).await;
    assert_eq!(status, 200);
    // With an evaluation its conversations go, to be erased as those of people.
    assert_eq!(admin.delete(&at(&both[0])).await, 204);
    let gone = "SELECT count(*)::text FROM conversations WHERE deleted_at IS NOT NULL";
    assert_eq!(world.db().peek(gone).await, ["2"]);
    assert_eq!(admin.delete(&path).await, 204);
    assert_eq!(world.db().peek(gone).await, ["4"]);
    problem(admin.get(&at(&both[1])).await, 404, "not_found").await;
    assert_eq!(admin.audit("action=evaluation.cancelled").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_whose_budget_is_used_up_says_so_and_asks_no_further() {
    let model = plays(Turn::say("never"));
    let mut world = World::new().await;
    let (server, token, suite) = asked_of_a_model(&mut world, &model.base_url(), 5).await;
    let admin = server.session(&token);
    let budget = json!({ "name": "Pilot", "subject_kind": "tenant", "period": "day", "unit": "tokens", "limit": 1 });
    assert_eq!(admin.post("/api/v1/admin/budgets", &budget).await.status(), 201);
    let evaluation = started(&admin, &json!({ "suite_id": suite })).await.remove(0);
    let found = ended(&admin, &evaluation).await;
    assert_eq!((&found["status"], &found["error"]["code"]), (&json!("failed"), &json!("budget_exceeded")), "{found:#}");
    assert!(found["error"]["detail"].as_str().is_some_and(|detail| detail.contains("`Pilot`")), "{found:#}");
    assert_eq!(found["items"][4]["status"], "skipped", "{found:#}");
    assert_eq!(model.count(), 0);
    assert_eq!(admin.audit("action=evaluation.failed").await[0]["details"]["code"], "budget_exceeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_that_cannot_be_asked_is_refused_with_its_lines() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = "name: Fan\ncases:\n  - id: a\n    question: How?\n  - id: a\n    question: What?\n    abstain: true\n";
    let refused = problem(admin.post(SUITES, &json!({ "definition": text })).await, 422, "validation_failed").await;
    let said: Vec<&str> =
        refused["fields"].as_array().expect("fields").iter().filter_map(|field| field["message"].as_str()).collect();
    assert_eq!(said.len(), 2, "{refused}");
    assert!(said[0].starts_with("3:") && said[0].contains("expected `facts`"), "{refused}");
    assert!(said[1].starts_with("5:") && said[1].contains("expected another `id`"), "{refused}");
    let mut questions_of = questions(1);
    questions_of.push(json!({ "id": "b", "question": "How?", "documents": ["nowhere.md"], "facts": [["65 Hz"]] }));
    let made = stored(&admin, "Fan", &questions_of).await;
    let missing = &admin.json(&format!("{SUITES}/{}", id(&made))).await["missing_documents"];
    assert_eq!(missing, &json!(["nowhere.md"]), "no answer can cite it");
    problem(admin.post(SUITES, &suite("Fan", &questions(2))).await, 409, "conflict").await;
    let nobody = json!({ "suite_id": made["id"], "agents": [{ "name": "nobody" }] });
    let refused = problem(admin.post(EVALUATIONS, &nobody).await, 422, "validation_failed").await;
    assert_eq!(refused["fields"][0]["field"], "agents", "{refused}");
}

#[test]
fn the_suite_of_the_demo_is_about_its_documents() {
    let text = std::fs::read_to_string(root().join("samples/evals/demo.yaml")).expect("suite");
    let suite = WrittenSuite::read(&text).expect("valid");
    let documents = ["Downtime report.md", "HP-CX 80-250 pump manual.pdf", "Lockout procedure.docx"];
    assert_eq!(suite.documents().into_iter().collect::<Vec<_>>(), documents);
    assert!(suite.cases.len() >= 20 && suite.cases.iter().filter(|case| case.abstain).count() >= 6);
}
