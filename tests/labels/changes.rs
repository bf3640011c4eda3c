//! Labels that change: raised at once and everywhere, lowered with a second person only.

use std::time::{Duration, Instant};

use millwright_core::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{OPEN, Plant, take_in};
use crate::kit::{Session, World, eventually, problem, read, session::id};

const QUESTION: &str = "How often is the pump P-7 oiled?";

/// Whether somebody finds anything of the document in any way.
async fn finds(who: &Session<'_>, document: &Value) -> Vec<&'static str> {
    let path = format!("/api/v1/documents/{}", id(document));
    let mut ways = Vec::new();
    if who.get(&path).await.status() != StatusCode::NOT_FOUND {
        ways.push("id");
    }
    if who.get(&format!("{path}/pages/1")).await.status() != StatusCode::NOT_FOUND {
        ways.push("page");
    }
    if who.json("/api/v1/documents").await["items"] != json!([]) {
        ways.push("list");
    }
    if !who.search("pump P-7").await.is_empty() {
        ways.push("search");
    }
    ways
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raised_label_hides_a_document_and_its_answers_everywhere_within_a_second() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let (server, second) = (world.server().await, world.second_server().await);
    let plant = Plant::new(&world, &tenant, &server).await;
    let document = take_in(&plant.admin, "pump.md", OPEN, &[]).await;
    let elsewhere = second.session(&plant.viewer.token);
    eventually("the second process knows it too", Duration::from_secs(10), async || {
        finds(&elsewhere, &document).await.len() == 4
            && elsewhere.search("pump P-7").await.iter().all(|passage| passage["keyword"].is_object())
    })
    .await;
    let answer = plant.viewer.ask(QUESTION).await;
    assert_eq!((&answer["message"]["answered"], &answer["message"]["withheld"]), (&json!(true), &json!(false)));
    assert_eq!(answer["message"]["classification"], "INTERNAL", "{answer}");
    let run = format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("run"));
    let conversation = format!("/api/v1/conversations/{}", answer["conversation_id"].as_str().expect("id"));
    assert_eq!(elsewhere.get(&format!("{run}/events")).await.status(), StatusCode::OK);
    let found = async |who: &Session<'_>| who.json("/api/v1/conversations?q=500%20hours").await["items"].clone();
    assert_eq!(found(&elsewhere).await.as_array().map(Vec::len), Some(1));

    let path = format!("/api/v1/documents/{}", id(&document));
    let (status, raised) = read(plant.operator.patch(&path, &json!({ "classification": "CONFIDENTIAL" })).await).await;
    let changed = Instant::now();
    assert_eq!((status, &raised["classification"]), (200, &json!("CONFIDENTIAL")), "{raised}");
    eventually("the second process hides it", Duration::from_secs(1), async || {
        finds(&elsewhere, &document).await.is_empty()
    })
    .await;
    println!("hidden in another process {:?} after the answer", changed.elapsed());
    for who in [&plant.viewer, &elsewhere] {
        assert_eq!(finds(who, &document).await, [""; 0]);
        let messages = &who.json(&conversation).await["messages"];
        let old = &messages[1];
        assert_eq!((&old["withheld"], &old["content"], &old["citations"]), (&json!(true), &json!(""), &json!([])));
        assert_eq!(old["classification"], "CONFIDENTIAL");
        assert_eq!((&messages[0]["withheld"], &messages[0]["content"]), (&json!(false), &json!(QUESTION)));
        problem(who.get(&format!("{run}/events")).await, 403, "label_denied").await;
        problem(who.get(&run).await, 403, "label_denied").await;
        assert_eq!(found(who).await, json!([]), "its words find it no more");
        let again = &who.ask(QUESTION).await["message"];
        assert_eq!((&again["answered"], &again["citations"]), (&json!(false), &json!([])), "{again}");
        let follow_up = json!({
            "message": "And the filter?", "conversation_id": answer["conversation_id"], "stream": false,
        });
        assert_eq!(who.chat(&follow_up).await["message"]["answered"], false);
    }
    assert_eq!(finds(&plant.operator, &document).await.len(), 4, "who is cleared goes on");
    let operators = &plant.operator.ask(QUESTION).await["message"];
    assert_eq!((&operators["answered"], &operators["classification"]), (&json!(true), &json!("CONFIDENTIAL")));
    let entry = &plant.admin.audit("action=document.relabelled").await[0];
    assert_eq!(entry["resource_id"], document["id"], "{entry}");
}

/// Whose clearance falls loses what they have read before.
#[tokio::test(flavor = "multi_thread")]
async fn a_lowered_clearance_withholds_old_answers_from_the_next_request_on() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    take_in(&plant.admin, "pump.md", OPEN, &[("classification", "INTERNAL")]).await;
    let answer = plant.viewer.ask(QUESTION).await;
    let conversation = format!("/api/v1/conversations/{}", answer["conversation_id"].as_str().expect("id"));
    let change = json!({ "clearance": "PUBLIC" });
    let (status, body) =
        read(plant.admin.patch(&format!("/api/v1/admin/users/{}", plant.viewer_id), &change).await).await;
    assert_eq!((status, &body["clearance"]), (200, &json!("PUBLIC")), "{body}");
    let old = &plant.viewer.json(&conversation).await["messages"][1];
    assert_eq!((&old["withheld"], &old["content"]), (&json!(true), &json!("")), "{old}");
    assert!(plant.viewer.search("pump P-7").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_lowered_by_two_people_and_not_by_one() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    let third = world.somebody(&tenant, "third", Role::Admin).await;
    let third = server.session(&third.token);
    let document = take_in(&plant.admin, "pump.md", OPEN, &[("classification", "CONFIDENTIAL")]).await;
    let path = format!("/api/v1/documents/{}", id(&document));
    let refused =
        problem(plant.admin.patch(&path, &json!({ "classification": "INTERNAL" })).await, 403, "hitl_required");
    assert!(refused.await["remedy"].as_str().expect("remedy").contains("label-requests"));
    problem(plant.admin.patch(&path, &json!({ "integrity": "trusted" })).await, 403, "hitl_required").await;
    // Nor by the way round an upload of the same name.
    let again = take_in(&plant.admin, "pump.md", OPEN, &[("classification", "PUBLIC")]).await;
    assert_eq!((&again["id"], &again["classification"]), (&document["id"], &json!("CONFIDENTIAL")));

    let internal = json!({ "classification": "INTERNAL" });
    let wish = json!({ "label": internal, "reason": "the drawing was published" });
    let requests = format!("{path}/label-requests");
    for wrong in [
        json!({ "label": { "classification": "RESTRICTED" }, "reason": "higher" }),
        json!({ "label": { "classification": "CONFIDENTIAL" }, "reason": "the same" }),
        json!({ "label": internal, "reason": "  " }),
        json!({ "label": internal }),
    ] {
        problem(plant.admin.post(&requests, &wrong).await, 422, "validation_failed").await;
    }
    let (status, request) = read(plant.admin.post(&requests, &wish).await).await;
    assert_eq!((status, &request["status"]), (201, &json!("pending")), "{request}");
    problem(plant.operator.post(&requests, &wish).await, 409, "conflict").await;
    assert_eq!(plant.viewer.get("/api/v1/label-requests").await.status(), StatusCode::FORBIDDEN);
    let listed = plant.operator.json("/api/v1/label-requests?status=pending").await;
    assert_eq!((listed["items"].as_array().map(Vec::len), &listed["items"][0]["id"]), (Some(1), &request["id"]));

    let decide = |word: &str| format!("/api/v1/label-requests/{}/{word}", id(&request));
    problem(plant.admin.post(&decide("approve"), &json!({})).await, 403, "not_authorized").await;
    problem(plant.admin.post(&decide("reject"), &json!({})).await, 403, "not_authorized").await;
    problem(plant.operator.post(&decide("approve"), &json!({})).await, 403, "not_authorized").await;
    problem(plant.viewer.get(&path).await, 404, "not_found").await;
    let (status, decided) = read(third.post(&decide("approve"), &json!({ "reason": "checked" })).await).await;
    assert_eq!((status, &decided["status"]), (200, &json!("approved")), "{decided}");
    assert_eq!(decided["decision_reason"], "checked");
    assert_eq!(plant.viewer.json(&path).await["classification"], "INTERNAL");
    problem(third.post(&decide("approve"), &json!({})).await, 409, "invalid_transition").await;
    for action in ["label_request.created", "label_request.approved"] {
        let entries = plant.admin.audit(&format!("action={action}")).await;
        assert_eq!((entries.len(), &entries[0]["resource_id"]), (1, &request["id"]), "{action}");
    }
    // The entry names the document, its label before and after.
    let approved = "SELECT convert_from(canonical, 'utf8') FROM audit_entries WHERE action = 'label_request.approved'";
    let approved = world.db().peek(approved).await;
    for part in [id(&document), "CONFIDENTIAL", "INTERNAL"] {
        assert!(approved[0].contains(part), "{approved:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_void_once_the_label_was_changed_otherwise() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    let third = world.somebody(&tenant, "third", Role::Admin).await;
    let third = server.session(&third.token);
    let document = take_in(&plant.admin, "pump.md", OPEN, &[("classification", "INTERNAL")]).await;
    let path = format!("/api/v1/documents/{}", id(&document));
    let wish = json!({ "label": { "classification": "PUBLIC" }, "reason": "published" });
    let ask = async || {
        let (status, request) = read(plant.admin.post(&format!("{path}/label-requests"), &wish).await).await;
        assert_eq!(status, 201, "{request}");
        id(&request).to_owned()
    };
    // Raised by hand: the wish is closed.
    let request = ask().await;
    assert_eq!(plant.admin.patch(&path, &json!({ "classification": "CONFIDENTIAL" })).await.status(), StatusCode::OK);
    problem(
        third.post(&format!("/api/v1/label-requests/{request}/approve"), &json!({})).await,
        409,
        "invalid_transition",
    )
    .await;
    assert_eq!(plant.admin.json("/api/v1/label-requests").await["items"][0]["status"], "obsolete");
    // Raised by an upload: the wish is stale.
    let request = ask().await;
    take_in(&plant.admin, "pump.md", OPEN, &[("classification", "RESTRICTED")]).await;
    let approve = format!("/api/v1/label-requests/{request}/approve");
    problem(third.post(&approve, &json!({})).await, 412, "stale_target").await;
    assert_eq!(plant.admin.json(&path).await["classification"], "RESTRICTED");
    let (status, rejected) =
        read(third.post(&format!("/api/v1/label-requests/{request}/reject"), &json!({ "reason": "no" })).await).await;
    assert_eq!((status, &rejected["status"]), (200, &json!("rejected")), "{rejected}");
    // A wish for a document that one may not see is not there.
    problem(plant.operator.post(&approve, &json!({})).await, 403, "not_authorized").await;
    assert_eq!(plant.operator.json("/api/v1/label-requests").await["items"], json!([]));
}
