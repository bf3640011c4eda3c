//! Labels through the whole service: what somebody may not see is not there for them, in no answer and in no time.

mod changes;
mod sinks;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use millwright_core::{Role, TenantScope};
use reqwest::multipart;
use serde_json::{Value, json};

use crate::kit::{Server, Session, World, people::Somebody, problem, read, session::id, session::shown};

/// Stands in the hidden document and nowhere else.
const SECRET_WORD: &str = "Quixotrium";
/// Stands nowhere.
const NO_WORD: &str = "Zephyranthum";
const SECRET_NAME: &str = "formula.md";
pub(super) const SECRET: &str = "# Formula\n\nThe melting temperature of Quixotrium is 731 degrees. The crucible of \
    Quixotrium is made of iridium. The pump that feeds the Quixotrium is oiled every 90 hours.\n";
pub(super) const OPEN: &str = "# Pump P-7\n\nThe pump P-7 is oiled every 500 hours. The filter of the pump P-7 is cleaned every \
    250 hours. The relief valve of the pump P-7 opens at 6.5 bar.\n";

/// A tenant with one of each, signed in, and their server.
pub(super) struct Plant<'s> {
    pub(super) tenant: TenantScope,
    pub(super) admin: Session<'s>,
    pub(super) operator: Session<'s>,
    pub(super) viewer: Session<'s>,
    pub(super) viewer_id: String,
    pub(super) admin_id: String,
}

impl<'s> Plant<'s> {
    pub(super) async fn new(world: &World, tenant: &TenantScope, server: &'s Server) -> Self {
        let somebody = async |role: Role| world.somebody(tenant, role.as_str(), role).await;
        let session = |who: &Somebody| server.session(&who.token);
        let (admin, operator, viewer) =
            (somebody(Role::Admin).await, somebody(Role::Operator).await, somebody(Role::Viewer).await);
        Self {
            tenant: *tenant,
            admin: session(&admin),
            operator: session(&operator),
            viewer: session(&viewer),
            viewer_id: viewer.user.to_string(),
            admin_id: admin.user.to_string(),
        }
    }
}

/// Uploads with the other fields of a form, and waits until it is read; the document.
pub(crate) async fn take_in(who: &Session<'_>, name: &str, text: &str, fields: &[(&'static str, &str)]) -> Value {
    let (status, body) = read(upload(who, name, text, fields).await).await;
    // 200 when these bytes are its newest version already.
    assert!(status == 202 || status == 200, "{name}: {status} {body}");
    who.settled(id(&body)).await
}

pub(super) async fn upload(
    who: &Session<'_>,
    name: &str,
    text: &str,
    fields: &[(&'static str, &str)],
) -> reqwest::Response {
    let file = multipart::Part::text(text.to_owned()).file_name(name.to_owned());
    let form = fields
        .iter()
        .fold(multipart::Form::new().part("file", file), |form, (field, value)| form.text(*field, (*value).to_owned()));
    who.upload_form(form).await
}

pub(super) const RESTRICTED: &[(&str, &str)] = &[("classification", "RESTRICTED")];

/// The answer with ids numbered in the order in which they come, and without times.
fn leveled(value: &Value) -> Value {
    fn level(value: &mut Value, key: &str, ids: &mut HashMap<String, usize>) {
        match value {
            _ if matches!(key, "timings_ms" | "stages_ms" | "took_ms") => *value = Value::Null,
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| level(value, key, ids)),
            Value::Array(items) => items.iter_mut().for_each(|item| level(item, key, ids)),
            Value::String(text) => {
                if let Ok(mut inner) = serde_json::from_str::<Value>(text)
                    && inner.is_object()
                {
                    level(&mut inner, "", ids);
                    *value = inner;
                    return;
                }
                let is_id = text
                    .split_once('_')
                    .is_some_and(|(_, hex)| hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
                if is_id {
                    let next = ids.len();
                    *text = format!("id {}", ids.entry(text.clone()).or_insert(next));
                } else if key.ends_with("_at") || key == "trace_id" || key == "effective_from" {
                    "then".clone_into(text);
                }
            }
            Value::Number(_) if key == "timestamp" || key.ends_with("_ms") => *value = json!(0),
            _ => {}
        }
    }
    let mut value = value.clone();
    level(&mut value, "", &mut HashMap::new());
    value
}

/// All that somebody can learn of documents, by every way there is.
async fn learned(who: &Session<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/api/v1/documents", "/api/v1/documents?q=formula", "/api/v1/documents?limit=1"] {
        all.push(who.json(path).await);
    }
    let queries = [
        SECRET_WORD,
        "melting temperature of the crucible",
        "How often is the pump oiled?",
        "pump",
        "iridium 731",
        NO_WORD,
    ];
    for query in queries {
        let (status, found) = read(who.post("/api/v1/search", &json!({ "query": query })).await).await;
        assert_eq!(status, 200, "{found}");
        all.push(found);
    }
    for question in [
        "What is the melting temperature of Quixotrium?",
        "How often is the pump oiled?",
        "Of what is the crucible of Zephyranthum made?",
    ] {
        let events = who.ask_streaming(question).await.rest().await;
        assert!(!shown(&events).contains("731"), "{}", shown(&events));
        // Text comes in as many pieces as the moment makes.
        all.push(json!(shown(&events)));
        let others = events.iter().filter(|event| event.data["type"] != "TEXT_MESSAGE_CONTENT");
        all.push(others.map(|event| event.data.clone()).collect());
        let run = events[0].data["runId"].as_str().expect("run").to_owned();
        all.push(who.json(&format!("/api/v1/runs/{run}")).await);
    }
    all
}

/// Two tenants that are alike but for a hidden document in the one.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_document_cannot_be_told_from_one_that_is_not_there() {
    let world = World::new().await;
    let (with, without) = (world.tenant("A").await, world.tenant("B").await);
    let server = world.server().await;
    let with = Plant::new(&world, &with, &server).await;
    let without = Plant::new(&world, &without, &server).await;
    for plant in [&with, &without] {
        take_in(&plant.admin, "pump.md", OPEN, &[("classification", "INTERNAL")]).await;
    }
    let secret = take_in(&with.admin, SECRET_NAME, SECRET, RESTRICTED).await;
    for (one, other) in [(&with.viewer, &without.viewer), (&with.operator, &without.operator)] {
        let (one, other) = (learned(one).await, learned(other).await);
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(leveled(one), leveled(other));
        }
    }
    let path = format!("/api/v1/documents/{}", id(&secret));
    let nothing = "/api/v1/documents/doc_0190a0000000700080000000000000ff";
    for rest in ["", "/chunks", "/pages/1", "/content", "/events"] {
        let hidden = problem(with.viewer.get(&format!("{path}{rest}")).await, 404, "not_found").await;
        let absent = problem(with.viewer.get(&format!("{nothing}{rest}")).await, 404, "not_found").await;
        assert_eq!(leveled(&hidden), leveled(&absent), "{rest}");
    }
    let operator = &with.operator;
    for (method, rest, body) in [
        (reqwest::Method::DELETE, "", None),
        (reqwest::Method::POST, "/reindex", None),
        (reqwest::Method::PATCH, "", Some(json!({ "classification": "CONFIDENTIAL" }))),
        (
            reqwest::Method::POST,
            "/label-requests",
            Some(json!({ "label": { "classification": "PUBLIC" }, "reason": "I want it" })),
        ),
    ] {
        let ask = async |path: &str| {
            let request = operator.request(method.clone(), &format!("{path}{rest}"));
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            problem(request.send().await.expect("send"), 404, "not_found").await
        };
        assert_eq!(leveled(&ask(&path).await), leveled(&ask(nothing).await), "{method} {rest}");
    }
    // The numbers of an admin count all; those of whoever has the permission and less clearance do not.
    let wish = json!({ "clearance": "INTERNAL" });
    for plant in [&with, &without] {
        let second = world.somebody(&plant.tenant, "second", Role::Admin).await;
        let (status, body) =
            read(plant.admin.patch(&format!("/api/v1/admin/users/{}", second.user), &wish).await).await;
        assert_eq!(status, 200, "{body}");
        let metrics = server.session(&second.token).json("/api/v1/admin/metrics").await;
        assert_eq!(metrics["documents"], 1, "{metrics}");
        assert_eq!(metrics["chunks"], 1, "{metrics}");
    }
    assert_eq!(with.admin.json("/api/v1/admin/metrics").await["documents"], 2);
    // A name that is taken by what one may not see is free.
    for plant in [&with, &without] {
        let own = take_in(&plant.operator, SECRET_NAME, "# Formula\n\nWater.\n", &[]).await;
        assert_eq!((&own["latest"]["number"], &own["current_version"]), (&json!(1), &json!(1)), "{own}");
        assert_ne!(own["id"], secret["id"]);
    }
    assert_eq!(with.admin.json(&path).await["latest"]["number"], 1, "and nothing came of it there");
    assert!(with.admin.search(SECRET_WORD).await[0]["text"].as_str().expect("text").contains("731"));
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Not proof that nothing could ever be measured, but that the word is not looked at in another way.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_takes_no_longer_for_a_word_of_a_hidden_document_than_for_a_word_of_none() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    take_in(&plant.admin, "pump.md", OPEN, &[]).await;
    for number in 0..12 {
        take_in(&plant.admin, &format!("{number} {SECRET_NAME}"), &SECRET.repeat(6), RESTRICTED).await;
    }
    let (mut hidden, mut absent) = (Vec::new(), Vec::new());
    let time = async |word: &str, times: &mut Vec<Duration>| {
        let started = Instant::now();
        let found = plant.viewer.search(word).await;
        times.push(started.elapsed());
        assert!(found.iter().all(|passage| passage["document_name"] == "pump.md"), "{found:?}");
    };
    for _ in 0..5 {
        time(SECRET_WORD, &mut Vec::new()).await;
        time(NO_WORD, &mut Vec::new()).await;
    }
    for round in 1..=5 {
        for number in 0..60 {
            if number % 2 == 0 {
                time(SECRET_WORD, &mut hidden).await;
                time(NO_WORD, &mut absent).await;
            } else {
                time(NO_WORD, &mut absent).await;
                time(SECRET_WORD, &mut hidden).await;
            }
        }
        let (of_hidden, of_absent) = (median(&mut hidden), median(&mut absent));
        println!("medians of {}: hidden {of_hidden:?}, absent {of_absent:?}", 60 * round);
        let (low, high) = (of_hidden.min(of_absent).as_secs_f64(), of_hidden.max(of_absent).as_secs_f64());
        if high / low < 1.5 {
            return;
        }
    }
    panic!("a search tells by its time whether a hidden document holds a word");
}

/// Above one's own clearance nothing is uploaded, and nobody clears themselves.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_above_their_own_clearance() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, &tenant, &server).await;
    for fields in [
        RESTRICTED,
        &[("export_control", "ITAR")],
        &[("groups", "board")],
        &[("classification", "PUBLIC"), ("export_control", "EAR:3A001")],
    ] {
        problem(upload(&plant.operator, "plan.md", OPEN, fields).await, 403, "label_denied").await;
    }
    assert_eq!(plant.admin.json("/api/v1/documents").await["items"], json!([]), "nothing of it was kept");
    for wrong in [("export_control", "EAR"), ("export_control", "secret"), ("groups", "Not A Group")] {
        problem(upload(&plant.admin, "plan.md", OPEN, &[wrong]).await, 422, "validation_failed").await;
    }
    let document = take_in(&plant.operator, "plan.md", OPEN, &[("classification", "CONFIDENTIAL")]).await;
    assert_eq!(
        (&document["classification"], &document["export_control"], &document["groups"], &document["integrity"]),
        (&json!("CONFIDENTIAL"), &json!([]), &json!([]), &json!("untrusted"))
    );
    problem(plant.viewer.get(&format!("/api/v1/documents/{}", id(&document))).await, 404, "not_found").await;
    let path = format!("/api/v1/documents/{}", id(&document));
    problem(plant.operator.patch(&path, &json!({ "classification": "RESTRICTED" })).await, 403, "label_denied").await;
    problem(plant.operator.patch(&path, &json!({ "groups": ["board"] })).await, 403, "label_denied").await;

    let me = format!("/api/v1/admin/users/{}", plant.admin_id);
    for raise in [json!({ "export_authorisations": ["EAR"] }), json!({ "groups": ["board"] })] {
        problem(plant.admin.patch(&me, &raise).await, 403, "not_authorized").await;
    }
    let (status, lowered) = read(plant.admin.patch(&me, &json!({ "clearance": "INTERNAL" })).await).await;
    assert_eq!((status, &lowered["clearance"]), (200, &json!("INTERNAL")), "everybody may lower their own");
    problem(plant.admin.patch(&me, &json!({ "clearance": "RESTRICTED" })).await, 403, "not_authorized").await;
    problem(plant.admin.get(&path).await, 404, "not_found").await;
    problem(plant.viewer.patch(&me, &json!({ "clearance": "RESTRICTED" })).await, 403, "not_authorized").await;

    // Somebody else does it for them, and it holds from the next request on.
    let second = world.somebody(&tenant, "second", Role::Admin).await;
    let second = server.session(&second.token);
    let all = json!({ "clearance": "CONFIDENTIAL", "export_authorisations": ["EAR"], "groups": ["board"] });
    let viewer = format!("/api/v1/admin/users/{}", plant.viewer_id);
    let (status, raised) = read(second.patch(&viewer, &all).await).await;
    assert_eq!((status, &raised["export_authorisations"]), (200, &json!(["EAR"])), "{raised}");
    assert_eq!(plant.viewer.json(&path).await["id"], document["id"]);
    for wrong in [json!({ "clearance": "SECRET" }), json!({ "groups": ["Not A Group"] })] {
        assert_eq!(second.patch(&viewer, &wrong).await.status(), 422);
    }
    let entry = &second.audit("action=user.changed").await[0];
    assert_eq!(entry["resource_id"], plant.viewer_id, "{entry}");
}
