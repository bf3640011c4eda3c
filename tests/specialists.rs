//! Agents over the API: who may see and change them, what a definition is told is wrong with it, and what holds when.

use std::time::Duration;

use millwright_core::Role;
use serde_json::{Value, json};

use crate::kit::{Server, Session, World, eventually, problem, read};

const QUESTION: &str = "How often is the pump oiled?";
const BUYER: &str =
    "name: buyer\ntitle: Buyer\npurpose: Orders.\nprompt: Name the price first.\ntools: []\nwords: [purchase order]\n";

async fn place() -> (World, Server) {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    for (email, role) in
        [("admin@a.test", Role::Admin), ("auditor@a.test", Role::Auditor), ("viewer@a.test", Role::Viewer)]
    {
        world.user(&tenant, email, role).await;
    }
    let server = world.server().await;
    (world, server)
}

async fn stored(admin: &Session<'_>, definition: &str) -> Value {
    let body = json!({ "definition": definition, "note": "a trial" });
    let (status, made) = read(admin.post("/api/v1/agents", &body).await).await;
    assert_eq!(status, 201, "{made}");
    made
}

fn named(name: &str) -> Value {
    json!({ "message": QUESTION, "stream": false, "agent": name })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_stored_tried_activated_and_taken_out_of_service() {
    let (_world, server) = place().await;
    let (admin, viewer) = (server.sign_in("admin@a.test").await, server.sign_in("viewer@a.test").await);
    let made = stored(&admin, BUYER).await;
    assert_eq!(
        (&made["name"], &made["version"]["number"], &made["version"]["active"]),
        (&json!("buyer"), &json!(1), &json!(false))
    );
    // It does not answer yet, and only who manages agents may try it.
    problem(viewer.post("/api/v1/chat", &named("buyer")).await, 404, "not_found").await;
    let mut trial = named("buyer");
    trial["agent_version"] = json!(1);
    problem(viewer.post("/api/v1/chat", &trial).await, 403, "not_authorized").await;
    let tried = admin.chat(&trial).await;
    assert_eq!(
        (&tried["message"]["agent"]["name"], &tried["message"]["agent"]["choice"]["by"]),
        (&json!("buyer"), &json!("tried"))
    );
    let activate = |number: i32| format!("/api/v1/agents/buyer/versions/{number}/activate");
    problem(admin.post(&activate(2), &json!({})).await, 404, "not_found").await;
    problem(admin.post(&activate(0), &json!({})).await, 404, "not_found").await;
    let (status, after) = read(admin.post(&activate(1), &json!({})).await).await;
    assert_eq!((status, &after["version"], &after["versions"][0]["active"]), (200, &json!(1), &json!(true)), "{after}");
    let offered = viewer.json("/api/v1/chat/agents").await.to_string();
    assert!(offered.contains("buyer") && !offered.contains("Name the price first"), "{offered}");
    let routed = viewer.ask("Which purchase order is for the pump?").await;
    assert_eq!(routed["message"]["agent"]["name"], "buyer", "{routed}");
    let (status, _) = read(admin.post("/api/v1/agents/buyer/disable", &json!({})).await).await;
    assert_eq!(status, 200);
    eventually("the agent does not answer any more", Duration::from_secs(3), async || {
        viewer.post("/api/v1/chat", &named("buyer")).await.status() == 404
    })
    .await;
    problem(admin.post("/api/v1/agents/generalist/disable", &json!({})).await, 409, "invalid_transition").await;
    let entries: Vec<String> =
        admin.audit("resource_type=agent").await.iter().map(|entry| entry["action"].to_string()).collect();
    assert_eq!(entries, ["\"agent.disabled\"", "\"agent.version_activated\"", "\"agent.version_created\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_version_takes_the_place_of_what_ships_and_goes_again() {
    let (_world, server) = place().await;
    let admin = server.sign_in("admin@a.test").await;
    let shipped = admin.json("/api/v1/agents/maintenance-advisor").await;
    let text = shipped["shipped_text"].as_str().expect("text").replace("Maintenance advisor", "Our fitter");
    stored(&admin, &text).await;
    let activate = |number: i32| format!("/api/v1/agents/maintenance-advisor/versions/{number}/activate");
    admin.post(&activate(1), &json!({})).await;
    let answer = admin.chat(&named("maintenance-advisor")).await;
    let agent = &answer["message"]["agent"];
    assert_eq!((&agent["title"]["en"], &agent["version"]), (&json!("Our fitter"), &json!(1)), "{agent}");
    let (_, after) = read(admin.post(&activate(0), &json!({})).await).await;
    assert_eq!(
        (&after["version"], &after["definition"]["title"]["en"]),
        (&json!(null), &json!("Maintenance advisor")),
        "{after}"
    );
    let again = admin.json(&format!("/api/v1/conversations/{}", answer["conversation_id"].as_str().expect("id"))).await;
    assert_eq!(again["messages"][1]["agent"], *agent, "what answered then is what answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_with_its_line_and_not_stored() {
    let (_world, server) = place().await;
    let (admin, auditor) = (server.sign_in("admin@a.test").await, server.sign_in("auditor@a.test").await);
    let wrong = BUYER.replace("tools: []", "tools: [delete_everything]\nverify: false");
    let refused = admin.post("/api/v1/agents", &json!({ "definition": wrong, "note": "x" })).await;
    let told = problem(refused, 422, "validation_failed").await.to_string();
    assert!(told.contains("6:") && told.contains("verify"), "{told}");
    let check = |definition: String| json!({ "definition": definition });
    let (_, found) =
        read(auditor.post("/api/v1/agents/check", &check(BUYER.replace("[]", "[delete_everything]"))).await).await;
    assert_eq!((&found["findings"][0]["line"], &found["definition"]), (&json!(5), &json!(null)), "{found}");
    let person = BUYER.replace("Name the price first.", "Ask Erika Mustermann, erika@mustermann.example, first.");
    let (_, found) = read(auditor.post("/api/v1/agents/check", &check(person)).await).await;
    let warned = found["findings"].as_array().expect("findings").iter().find(|finding| finding["path"] == "prompt");
    assert_eq!(warned.map(|finding| &finding["severity"]), Some(&json!("warning")), "{found}");
    let denied = auditor.post("/api/v1/agents", &json!({ "definition": BUYER, "note": "x" })).await;
    assert_eq!(denied.status(), 403);
    problem(admin.get("/api/v1/agents/buyer").await, 404, "not_found").await;
}
