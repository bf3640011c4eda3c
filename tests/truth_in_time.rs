//! Which version of a document answers on which day, and what a search is narrowed by, as people see it.

use std::time::Duration;

use chrono::TimeDelta;
use millwright_core::{Role, Sources};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::kit::{Session, World, eventually, problem, read, session::id};

fn form(name: &str, text: &str, fields: &[(&'static str, String)]) -> Form {
    let file = Part::bytes(text.as_bytes().to_vec()).file_name(name.to_owned());
    fields.iter().fold(Form::new().part("file", file), |form, (name, value)| form.text(*name, value.clone()))
}

async fn take_in(session: &Session<'_>, name: &str, text: &str, fields: &[(&'static str, String)]) -> Value {
    let (status, body) = read(session.upload_form(form(name, text, fields)).await).await;
    assert_eq!(status, 202, "{body}");
    session.settled(id(&body)).await
}

fn days(number: i64) -> String {
    (Sources::system().now() + TimeDelta::days(number)).to_rfc3339()
}

async fn find(session: &Session<'_>, narrowed: Value) -> Vec<Value> {
    let mut body = json!({ "query": "alarm limit of the bearing" });
    for (name, value) in narrowed.as_object().expect("object") {
        body[name] = value.clone();
    }
    let (status, found) = read(session.post("/api/v1/search", &body).await).await;
    assert_eq!(status, 200, "{found}");
    found["items"].as_array().expect("items").clone()
}

/// The limits that are found once both indexes have caught up.
async fn limits(session: &Session<'_>, narrowed: &Value, expected: &[&str]) {
    let mut found = Vec::new();
    eventually(
        &format!("{narrowed} finds {expected:?} by words and by meaning"),
        Duration::from_secs(10),
        async || {
            found = find(session, narrowed.clone()).await;
            let texts: Vec<&str> = found.iter().map(|passage| passage["text"].as_str().expect("text")).collect();
            texts.len() == expected.len()
                && expected.iter().all(|limit| texts.iter().any(|text| text.contains(limit)))
                && found.iter().all(|passage| !passage["keyword"].is_null() && !passage["vector"].is_null())
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_contradict_each_other_are_shown_as_such_until_one_is_superseded() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = |limit: u32| format!("# Spindle\n\nThe alarm limit of the bearing is {limit} °C.\n");
    let old = take_in(&admin, "spindle limits.md", &text(120), &[]).await;
    let new = take_in(&admin, "spindle bulletin.md", &text(85), &[]).await;
    limits(&admin, &json!({}), &["120", "85"]).await;
    let query = json!({ "query": "alarm limit of the bearing" });
    let (_, found) = read(admin.post("/api/v1/search", &query).await).await;
    let [conflict] = found["conflicts"].as_array().expect("conflicts").as_slice() else { panic!("{found}") };
    let mut quotes: Vec<&str> = [0, 1].map(|at| conflict[at]["quote"].as_str().expect("quote")).to_vec();
    quotes.sort_unstable();
    assert_eq!(quotes, ["The alarm limit of the bearing is 120 °C.", "The alarm limit of the bearing is 85 °C."]);

    let answer = admin.ask("What is the alarm limit of the bearing?").await;
    let citations = answer["message"]["citations"].as_array().expect("citations").clone();
    let disputed: Vec<&Value> = citations.iter().filter(|citation| citation["disputed_by"] != json!([])).collect();
    assert_eq!(disputed.len(), 2, "{answer}");
    assert_eq!(disputed[0]["disputed_by"], json!([disputed[1]["number"]]));
    assert_eq!(disputed[1]["disputed_by"], json!([disputed[0]["number"]]));
    assert_eq!(
        disputed[0]["admitted_by"]["clearance"], "RESTRICTED",
        "the rule that admitted it: an admin may read all"
    );

    let described = json!({ "supersedes": id(&old) });
    let (status, body) =
        read(admin.patch(&format!("/api/v1/documents/{}/description", id(&new)), &described).await).await;
    assert_eq!(status, 200, "{body}");
    limits(&admin, &json!({}), &["85"]).await;
    let (_, found) = read(admin.post("/api/v1/search", &query).await).await;
    assert_eq!(found["conflicts"], json!([]));
    let answer = admin.ask("What is the alarm limit of the bearing?").await;
    assert!(
        answer["message"]["citations"].as_array().expect("citations").iter().all(|one| one["disputed_by"] == json!([])),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_tells_nothing_of_a_document_to_those_who_may_not_see_it_and_raises_the_label_for_others() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let [admin, viewer] = [Role::Admin, Role::Viewer].map(|role| world.somebody(&tenant, role.as_str(), role));
    let (admin, viewer) = (admin.await, viewer.await);
    let server = world.server().await;
    let (admin, viewer) = (server.session(&admin.token), server.session(&viewer.token));
    let text = |limit: u32| format!("# Spindle\n\nThe alarm limit of the bearing is {limit} °C.\n");
    take_in(&admin, "spindle limits.md", &text(120), &[]).await;
    let hidden = [("classification", "RESTRICTED".to_owned())];
    let hidden = take_in(&admin, "spindle bulletin.md", &text(85), &hidden).await;
    limits(&admin, &json!({}), &["120", "85"]).await;
    let query = json!({ "query": "alarm limit of the bearing" });
    for (session, conflicts, classification) in [(&viewer, 0, "INTERNAL"), (&admin, 1, "RESTRICTED")] {
        let (_, found) = read(session.post("/api/v1/search", &query).await).await;
        assert_eq!(found["conflicts"].as_array().map(Vec::len), Some(conflicts), "{found}");
        let message = session.ask("What is the alarm limit of the bearing?").await["message"].clone();
        let disputed = message["citations"].as_array().expect("citations").iter();
        assert_eq!(disputed.filter(|one| one["disputed_by"] != json!([])).count(), 2 * conflicts, "{message}");
        assert_eq!(message["classification"], classification, "{message}");
        assert!(conflicts > 0 || !message.to_string().contains("85 °C"), "{message}");
    }
    let manifest = format!("/api/v1/documents/{}/versions/1/manifest", id(&hidden));
    problem(viewer.get(&manifest).await, 404, "not_found").await;
    assert_eq!(admin.json(&manifest).await["intact"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_revision_never_answers_as_current_and_answers_for_its_day() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = |limit: u32| format!("# Limits\n\nThe alarm limit of the bearing is {limit} degrees.\n");
    take_in(&admin, "limits.md", &text(120), &[("effective_from", days(-60))]).await;
    take_in(&admin, "limits.md", &text(85), &[("effective_from", days(-30))]).await;
    let planned = take_in(&admin, "limits.md", &text(70), &[("effective_from", days(10))]).await;
    assert_eq!((&planned["latest"]["status"], &planned["current_version"]), (&json!("scheduled"), &json!(2)));
    limits(&admin, &json!({}), &["85"]).await;
    limits(&admin, &json!({ "as_of": days(-40) }), &["120"]).await;
    limits(&admin, &json!({ "as_of": days(11) }), &["70"]).await;
    assert!(find(&admin, json!({ "as_of": days(-90) })).await.is_empty());
    let past = &find(&admin, json!({ "as_of": days(-40) })).await[0];
    assert_eq!((&past["version"], &past["is_current"]), (&json!(1), &json!(false)));

    let question = "What is the alarm limit of the bearing?";
    let now = admin.ask(question).await;
    assert!(now["message"]["content"].as_str().expect("text").contains("85"), "{now}");
    let body = json!({ "message": question, "stream": false, "as_of": days(-40) });
    let then = admin.chat(&body).await;
    assert!(then["message"]["content"].as_str().expect("text").contains("120"), "{then}");
    assert!(then["message"]["as_of"].is_string() && now["message"]["as_of"].is_null());
    assert_eq!(then["message"]["citations"][0]["version"], 1);

    // Another day for the version that is planned: it answers at once.
    let path = format!("/api/v1/documents/{}/description", id(&planned));
    let (status, body) = read(admin.patch(&path, &json!({ "effective_from": days(-1) })).await).await;
    assert_eq!((status, &body["current_version"]), (200, &json!(3)), "{body}");
    limits(&admin, &json!({}), &["70"]).await;
    let wrong = json!({ "effective_until": days(-2) });
    problem(admin.patch(&path, &wrong).await, 422, "validation_failed").await;
    let (_, body) = read(admin.patch(&path, &json!({ "effective_until": days(0) })).await).await;
    assert_eq!((&body["latest"]["status"], &body["current_version"]), (&json!("expired"), &Value::Null), "{body}");
    assert!(find(&admin, json!({})).await.is_empty(), "what came before does not come back");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_answers_by_itself_when_its_moment_comes() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    take_in(&admin, "limits.md", "# Limits\n\nThe alarm limit of the bearing is 85 degrees.\n", &[]).await;
    let soon = (Sources::system().now() + TimeDelta::seconds(8)).to_rfc3339();
    let fields = [("effective_from", soon)];
    let planned =
        take_in(&admin, "limits.md", "# Limits\n\nThe alarm limit of the bearing is 70 degrees.\n", &fields).await;
    println!("taken in as {}", planned["latest"]["status"]);
    eventually("the new limit answers", Duration::from_secs(30), async || {
        let found = find(&admin, json!({})).await;
        assert_eq!(found.len(), 1, "one of the two at any time");
        found[0]["text"].as_str().expect("text").contains("70")
    })
    .await;
    if planned["latest"]["status"] == "scheduled" {
        assert_eq!(admin.audit("action=document.version_effective").await.len(), 1);
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_takes_the_place_of_another_until_it_is_deleted() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let old = take_in(&admin, "rev-a.md", "# Limits\n\nThe alarm limit of the bearing is 120 degrees.\n", &[]).await;
    limits(&admin, &json!({}), &["120"]).await;
    let fields = [("supersedes", id(&old).to_owned())];
    let new = take_in(&admin, "rev-b.md", "# Limits\n\nThe alarm limit of the bearing is 85 degrees.\n", &fields).await;
    assert_eq!(new["supersedes"], json!({ "id": id(&old), "name": "rev-a.md" }));
    limits(&admin, &json!({}), &["85"]).await;
    let path = format!("/api/v1/documents/{}", id(&old));
    let replaced = admin.json(&path).await;
    assert_eq!((&replaced["superseded_by"]["name"], &replaced["current_version"]), (&json!("rev-b.md"), &Value::Null));
    let circle = json!({ "supersedes": id(&new) });
    problem(admin.patch(&format!("{path}/description"), &circle).await, 422, "validation_failed").await;
    // Its successor moves away in time, and comes back.
    let describe = format!("/api/v1/documents/{}/description", id(&new));
    for (day, limit) in [(9, "120"), (-1, "85")] {
        let (status, moved) = read(admin.patch(&describe, &json!({ "effective_from": days(day) })).await).await;
        assert_eq!(status, 200, "{moved}");
        limits(&admin, &json!({}), &[limit]).await;
        let entry = &admin.audit("action=document.described").await[0];
        assert_eq!(entry["details"]["also_settled"], json!([id(&old)]), "{entry}");
    }
    let deleted = admin.request(reqwest::Method::DELETE, &format!("/api/v1/documents/{}", id(&new))).send().await;
    assert_eq!(deleted.expect("DELETE").status(), 204);
    limits(&admin, &json!({}), &["120"]).await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_narrowed_by_all_that_is_named() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let english = "# Limits\n\nThe alarm limit of the bearing is 120 degrees.\n";
    let german = "# Grenzen\n\nDie Alarmgrenze (alarm limit) des Lagers (bearing) ist 85 Grad.\n";
    take_in(&admin, "pump.md", english, &[("tags", "Hall 2, pump".to_owned())]).await;
    take_in(&admin, "pumpe.txt", german, &[("tags", "pump".to_owned()), ("classification", "PUBLIC".to_owned())]).await;
    let by = |filters: Value| json!({ "filters": filters });
    limits(&admin, &by(json!({ "tags": ["pump"] })), &["120", "85"]).await;
    limits(&admin, &by(json!({ "tags": ["PUMP", "hall 2"] })), &["120"]).await;
    limits(&admin, &by(json!({ "languages": ["de"] })), &["85"]).await;
    limits(&admin, &by(json!({ "formats": ["markdown"] })), &["120"]).await;
    limits(&admin, &by(json!({ "classifications": ["PUBLIC"] })), &["85"]).await;
    limits(&admin, &by(json!({ "effective_since": days(-1), "effective_before": days(1) })), &["120", "85"]).await;
    assert!(find(&admin, by(json!({ "tags": ["pump"], "formats": ["pdf"] }))).await.is_empty());
    assert!(find(&admin, by(json!({ "effective_before": days(-1) }))).await.is_empty());
    let listed = admin.all("/api/v1/documents?tag=hall%202", 10).await;
    assert_eq!(listed.iter().map(|document| &document["name"]).collect::<Vec<_>>(), ["pump.md"]);
    problem(admin.upload_form(form("x.md", "x", &[("tags", "a".repeat(65))])).await, 422, "validation_failed").await;
    let wrong = [("effective_from", days(2)), ("effective_until", days(1))];
    problem(admin.upload_form(form("x.md", "x", &wrong)).await, 422, "validation_failed").await;
    problem(admin.upload_form(form("x.md", "x", &[("supersedes", "x".into())])).await, 422, "validation_failed").await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn describing_uploading_and_deleting_at_the_same_time_wait_for_each_other() {
    let (_world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = |round: usize| format!("# Spindle\n\nThe alarm limit of the bearing is {round} °C.\n");
    let one = take_in(&admin, "one.md", &text(1), &[]).await;
    let two = take_in(&admin, "two.md", &text(2), &[]).await;
    for round in 0..8 {
        // `new` takes the place of `mid` and `mid` that of `one`; each request changes that for documents of the others.
        let mid = take_in(&admin, "mid.md", &text(100 + round), &[("supersedes", id(&one).to_owned())]).await;
        let new = take_in(&admin, "new.md", &text(200 + round), &[("supersedes", id(&mid).to_owned())]).await;
        let path = |document: &Value| format!("/api/v1/documents/{}", id(document));
        let deleted_path = path(&mid);
        let description = |document: &Value| format!("{}/description", path(document));
        let (to_one, to_two) = (json!({ "supersedes": id(&one) }), json!({ "supersedes": id(&two) }));
        let (path_of_new, path_of_mid) = (description(&new), description(&mid));
        let again = form("new.md", &text(300 + round), &[("supersedes", id(&two).to_owned())]);
        let (described, other, uploaded, deleted) = tokio::join!(
            admin.patch(&path_of_new, &to_one),
            admin.patch(&path_of_mid, &to_two),
            admin.upload_form(again),
            admin.delete(&deleted_path),
        );
        assert_eq!(deleted, 204, "round {round}");
        for (what, response) in [("describing", described), ("uploading", uploaded)] {
            let (status, body) = read(response).await;
            assert!(status == 200 || status == 202, "{what} in round {round}: {status} {body}");
        }
        let (status, body) = read(other).await;
        assert!(status == 200 || status == 404, "describing what is deleted in round {round}: {status} {body}");
        admin.jobs_done().await;
        assert_eq!(admin.delete(&path(&new)).await, 204);
    }
}
