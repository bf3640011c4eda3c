//! Watched folders, as people see them: real files, real permissions.

mod settings;

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};

use millwright_core::{Role, TenantScope};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::kit::{Server, Session, World, eventually, problem, read, session::id};

const QUESTION: &str = "How often is the pump P-7 oiled?";
const LIMIT: Duration = Duration::from_secs(30);

/// A tenant with a share, an admin, and a viewer of the group `maintenance`.
struct Plant<'s> {
    world: &'s World,
    tenant: TenantScope,
    admin: Session<'s>,
    fitter: Session<'s>,
    viewer: Session<'s>,
}

impl<'s> Plant<'s> {
    async fn new(world: &'s World, tenant: TenantScope, server: &'s Server) -> Self {
        let admin = world.somebody(&tenant, "admin", Role::Admin).await;
        let viewer = world.somebody(&tenant, "viewer", Role::Viewer).await;
        let fitter = world.somebody(&tenant, "fitter", Role::Viewer).await;
        let session = |token: &str| server.session(token);
        let (admin, viewer, fitter_session) = (session(&admin.token), session(&viewer.token), session(&fitter.token));
        let path = format!("/api/v1/admin/users/{}", fitter.user);
        let (status, body) = read(admin.patch(&path, &json!({ "groups": ["maintenance"] })).await).await;
        assert_eq!(status, 200, "{body}");
        Self { world, tenant, admin, fitter: fitter_session, viewer }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.world.share(&self.tenant).join("manuals").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().expect("folder")).expect("folder");
        fs::write(&file, text).expect("write");
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.file(path), fs::Permissions::from_mode(mode)).expect("chmod");
    }

    /// Has `manuals` watched, in passes that come when they are asked for.
    async fn watch(&self, more: Value) -> String {
        let mut body = json!({
            "name": "Manuals", "path": "manuals", "content_interval_s": 604_800, "permission_interval_s": 86_400,
            "permission_max_age_s": 604_800,
        });
        for (name, value) in more.as_object().expect("object") {
            body[name] = value.clone();
        }
        let (status, made) = read(self.admin.post("/api/v1/sources", &body).await).await;
        assert_eq!(status, 201, "{made}");
        let source = id(&made).to_owned();
        self.passed(&source, &made).await;
        source
    }

    async fn source(&self, source: &str) -> Value {
        self.admin.json(&format!("/api/v1/sources/{source}")).await
    }

    /// Waits until both clocks ended a pass that began after `before` was answered.
    async fn passed(&self, source: &str, before: &Value) -> Value {
        let mut now = Value::Null;
        eventually("both passes have ended", LIMIT, async || {
            now = self.source(source).await;
            ["contents", "permissions"].iter().all(|clock| {
                let (now, before) = (&now[clock], &before[clock]);
                now["running"] == false && now["started_at"] != before["started_at"] && now["finished_at"].is_string()
            })
        })
        .await;
        now
    }

    /// Looks through the folder now; the source as it is then, with all documents read.
    async fn scan(&self, source: &str) -> Value {
        let before = self.source(source).await;
        let response = self.admin.post(&format!("/api/v1/sources/{source}/scan"), &json!({})).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let after = self.passed(source, &before).await;
        self.admin.jobs_done().await;
        after
    }

    /// Has the clock of the permissions come, and only that one.
    async fn check_permissions(&self, source: &str) -> Value {
        let before = self.source(source).await;
        self.world.db().tamper("UPDATE source_clocks SET due_at = now() WHERE clock = 'permissions'").await;
        let mut now = Value::Null;
        eventually("the permissions are checked", LIMIT, async || {
            now = self.source(source).await;
            let clock = &now["permissions"];
            clock["running"] == false && clock["started_at"] != before["permissions"]["started_at"]
        })
        .await;
        assert_eq!(now["contents"], before["contents"], "nothing was read");
        now
    }
}

async fn names(who: &Session<'_>) -> Vec<String> {
    let mut names: Vec<_> =
        who.all("/api/v1/documents", 200).await.iter().map(|document| text(&document["name"])).collect();
    names.sort();
    names
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

async fn document(who: &Session<'_>, name: &str) -> Option<Value> {
    who.all("/api/v1/documents", 200).await.into_iter().find(|document| document["name"] == name)
}

/// The ways in which somebody finds the pump's document.
async fn finds(who: &Session<'_>, document: &str) -> Vec<&'static str> {
    let path = format!("/api/v1/documents/{document}");
    let mut ways = Vec::new();
    if who.get(&path).await.status() == StatusCode::OK {
        ways.push("open");
    }
    if who.get(&format!("{path}/content")).await.status() == StatusCode::OK {
        ways.push("content");
    }
    if names(who).await.iter().any(|name| name == "pump.md") {
        ways.push("list");
    }
    if who.search("pump P-7 oiled").await.iter().any(|found| found["document_id"] == document) {
        ways.push("search");
    }
    if who.ask(QUESTION).await["message"]["answered"] == true {
        ways.push("chat");
    }
    ways
}

const ALL_WAYS: [&str; 5] = ["open", "content", "list", "search", "chat"];
const PUMP: &str = "# Pump\n\nThe pump P-7 is oiled every 500 hours.\n";

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_folder_come_change_and_go_as_documents() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    plant.write("pump.md", PUMP);
    plant.write("lines/4/press.md", "# Press\n\nThe press K-2 is greased every day.\n");
    plant.write("picture.png", "\u{89}PNG\r\n");
    plant.write(".hidden.md", "Nobody looks here.");
    plant.write("~$pump.docx", "An office program is open.");
    let source = plant.watch(json!({ "tags": ["Share"], "classification": "CONFIDENTIAL" })).await;
    plant.admin.jobs_done().await;
    assert_eq!(names(&plant.admin).await, ["lines/4/press.md", "pump.md"]);
    assert_eq!(names(&plant.viewer).await, [""; 0], "the label is the source's");
    let pump = document(&plant.admin, "pump.md").await.expect("pump");
    assert_eq!((&pump["classification"], &pump["tags"]), (&json!("CONFIDENTIAL"), &json!(["share"])));
    assert_eq!(pump["source"], json!({ "id": source, "name": "Manuals" }));
    let state = plant.source(&source).await;
    let report = &state["contents"]["report"];
    assert_eq!((&report["new"], &report["seen"], &report["passed_over"]), (&json!(2), &json!(3), &json!(2)), "{state}");
    assert_eq!(report["problems"], json!([{ "path": "picture.png", "reason": "format" }]));
    assert_eq!((&state["stale"], &state["document_count"]), (&json!(false), &json!(2)));
    assert_eq!(finds(&plant.admin, id(&pump)).await, ALL_WAYS);

    // Nothing changed: nothing is taken in, also after the files were touched.
    fs::File::open(plant.file("pump.md")).expect("open").set_modified(std::time::UNIX_EPOCH).expect("touch");
    let state = plant.scan(&source).await;
    let report = &state["contents"]["report"];
    assert_eq!((&report["new"], &report["changed"], &report["removed"]), (&json!(0), &json!(0), &json!(0)), "{state}");

    plant.write("pump.md", "# Pump\n\nThe pump P-7 is oiled every 250 hours.\n");
    fs::remove_dir_all(plant.file("lines")).expect("remove");
    let state = plant.scan(&source).await;
    let report = &state["contents"]["report"];
    assert_eq!((&report["changed"], &report["removed"]), (&json!(1), &json!(1)), "{state}");
    assert_eq!(names(&plant.admin).await, ["pump.md"]);
    let after = document(&plant.admin, "pump.md").await.expect("pump");
    assert_eq!((&after["id"], &after["latest"]["number"]), (&pump["id"], &json!(2)));
    let answer = plant.admin.ask(QUESTION).await["message"]["content"].to_string();
    assert!(answer.contains("250 hours"), "{answer}");

    // A person's upload of that name is another document, and the file's own is not deleted by hand.
    let upload = plant.admin.take_in("pump.md", "# Pump\n\nAnother text.\n").await;
    assert_ne!(upload["id"], pump["id"]);
    let gone = plant.admin.request(reqwest::Method::DELETE, &format!("/api/v1/documents/{}", id(&pump)));
    problem(gone.send().await.expect("DELETE"), 409, "conflict").await;
    let entries = plant.admin.audit(&format!("resource_id={}", id(&pump))).await;
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().expect("action")).collect();
    assert_eq!(actions.iter().filter(|action| **action == "document.uploaded").count(), 2, "{actions:?}");

    // With the source its documents go, and nothing else.
    assert_eq!(plant.admin.delete(&format!("/api/v1/sources/{source}")).await, StatusCode::NO_CONTENT);
    assert_eq!(names(&plant.admin).await, ["pump.md"], "hidden at once");
    eventually("all of it is removed", LIMIT, async || {
        world.db().peek("SELECT id::text FROM sources").await.is_empty()
    })
    .await;
    assert_eq!(world.db().peek("SELECT path FROM source_files").await, [""; 0]);
    assert!(plant.file("pump.md").exists(), "files stay where they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_followed_without_reading_a_file() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    plant.write("pump.md", PUMP);
    plant.write("strict/press.md", "# Press\n\nThe press K-2 is greased every day.\n");
    plant.write("secret.md", "# Secret\n\nOnly its owner reads this.\n");
    for (path, mode) in
        [("", 0o755), ("strict", 0o755), ("pump.md", 0o644), ("strict/press.md", 0o644), ("secret.md", 0o600)]
    {
        plant.mode(path, mode);
    }
    let gid = std::os::unix::fs::MetadataExt::gid(&fs::metadata(plant.file("pump.md")).expect("stat"));
    let source = plant.watch(json!({ "group_map": { gid.to_string(): "maintenance" } })).await;
    plant.admin.jobs_done().await;
    assert_eq!(names(&plant.viewer).await, ["pump.md", "strict/press.md"]);
    let state = plant.source(&source).await;
    assert_eq!(state["contents"]["report"]["problems"], json!([{ "path": ".", "reason": "owner_only" }]), "no name");
    let pump = document(&plant.admin, "pump.md").await.expect("pump");

    // From a group alone, by the file or by a folder above it.
    plant.mode("pump.md", 0o640);
    plant.mode("strict", 0o750);
    let before = document(&plant.admin, "pump.md").await.expect("pump");
    let state = plant.check_permissions(&source).await;
    assert_eq!(state["permissions"]["report"]["relabelled"], json!(2), "{state}");
    assert_eq!(names(&plant.viewer).await, [""; 0]);
    assert_eq!(finds(&plant.viewer, id(&pump)).await, [""; 0]);
    assert_eq!(finds(&plant.fitter, id(&pump)).await, ALL_WAYS);
    assert_eq!(names(&plant.fitter).await, ["pump.md", "strict/press.md"]);
    // Admins of this tenant are in no group.
    assert_eq!(names(&plant.admin).await, [""; 0]);
    assert_eq!(document(&plant.fitter, "pump.md").await.expect("pump")["latest"], before["latest"]);

    // Closed to everybody: hidden, not deleted.
    plant.mode("pump.md", 0o600);
    let state = plant.check_permissions(&source).await;
    assert_eq!((&state["hidden_count"], &state["document_count"]), (&json!(1), &json!(2)), "{state}");
    assert_eq!(names(&plant.fitter).await, ["strict/press.md"]);
    assert_eq!(finds(&plant.fitter, id(&pump)).await, [""; 0]);

    // And back.
    plant.mode("pump.md", 0o644);
    let state = plant.check_permissions(&source).await;
    assert_eq!(state["hidden_count"], json!(0), "{state}");
    assert_eq!(finds(&plant.viewer, id(&pump)).await, ALL_WAYS);

    // What a person raises stays raised.
    let path = format!("/api/v1/documents/{}", id(&pump));
    let (status, raised) = read(plant.admin.patch(&path, &json!({ "classification": "RESTRICTED" })).await).await;
    assert_eq!(status, 200, "{raised}");
    plant.mode("pump.md", 0o640);
    plant.check_permissions(&source).await;
    plant.mode("pump.md", 0o644);
    plant.check_permissions(&source).await;
    assert_eq!(document(&plant.viewer, "pump.md").await, None);
    let relabelled = plant.admin.audit("action=document.relabelled").await;
    assert!(relabelled.len() >= 6, "{relabelled:?}");

    // One more group for the same files hides them until they carry both.
    let change = json!({ "group_map": { gid.to_string(): "maintenance", format!("0{gid}"): "night-shift" } });
    let before = plant.source(&source).await;
    let (status, changed) = read(plant.admin.patch(&format!("/api/v1/sources/{source}"), &change).await).await;
    assert_eq!((status, &changed["stale"]), (200, &json!(true)), "{changed}");
    plant.passed(&source, &before).await;
    assert_eq!(names(&plant.fitter).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_clock_hides_from_everybody_until_a_pass_went_through() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    plant.write("pump.md", PUMP);
    let source = plant.watch(json!({})).await;
    plant.admin.jobs_done().await;
    let pump = document(&plant.admin, "pump.md").await.expect("pump");
    let answer = plant.viewer.ask(QUESTION).await;
    let conversation = format!("/api/v1/conversations/{}", answer["conversation_id"].as_str().expect("id"));
    let run = format!("/api/v1/runs/{}", answer["run_id"].as_str().expect("run"));
    let elsewhere = world.second_server().await;
    let elsewhere = elsewhere.session(&plant.viewer.token);
    assert_eq!(finds(&elsewhere, id(&pump)).await, ALL_WAYS);

    world
        .db()
        .tamper("UPDATE source_clocks SET checked_at = checked_at - interval '8 days' WHERE clock = 'permissions'")
        .await;
    assert_eq!(plant.source(&source).await["stale"], json!(true));
    for who in [&plant.admin, &plant.viewer, &plant.fitter, &elsewhere] {
        assert_eq!(finds(who, id(&pump)).await, [""; 0]);
    }
    let old = &plant.viewer.json(&conversation).await["messages"][1];
    assert_eq!((&old["withheld"], &old["content"], &old["citations"]), (&json!(true), &json!(""), &json!([])), "{old}");
    problem(plant.viewer.get(&run).await, 403, "label_denied").await;
    let follow_up = json!({ "message": "And how often is it oiled?", "conversation_id": answer["conversation_id"], "stream": false });
    assert_eq!(plant.viewer.chat(&follow_up).await["message"]["answered"], false);

    plant.check_permissions(&source).await;
    for who in [&plant.admin, &plant.viewer, &elsewhere] {
        assert_eq!(finds(who, id(&pump)).await, ALL_WAYS);
    }
    assert_eq!(plant.viewer.json(&conversation).await["messages"][1]["withheld"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_is_not_mounted_loses_no_document() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    plant.write("pump.md", PUMP);
    plant.write("press.md", "# Press\n\nThe press K-2 is greased every day.\n");
    let source = plant.watch(json!({})).await;
    let (mounted, away) = (plant.file(""), plant.world.share(&plant.tenant).join("away"));
    let checked = plant.source(&source).await["permissions"]["checked_at"].clone();

    fs::rename(&mounted, &away).expect("unmount");
    let state = plant.scan(&source).await;
    for clock in ["contents", "permissions"] {
        assert_eq!(state[clock]["failure"]["code"], "folder_missing", "{state}");
    }
    assert_eq!(state["permissions"]["checked_at"], checked, "the clock stands still");
    // What a mount leaves behind is an empty folder.
    fs::create_dir(&mounted).expect("mount point");
    let state = plant.scan(&source).await;
    for clock in ["contents", "permissions"] {
        assert_eq!(state[clock]["failure"]["code"], "folder_gone", "{state}");
    }
    assert_eq!(names(&plant.admin).await, ["press.md", "pump.md"]);

    fs::remove_dir(&mounted).expect("mount point");
    fs::rename(&away, &mounted).expect("mount");
    let state = plant.scan(&source).await;
    assert_eq!(
        (&state["contents"]["failure"], &state["permissions"]["failure"]),
        (&Value::Null, &Value::Null),
        "{state}"
    );
    assert_eq!(state["contents"]["report"]["new"], json!(0));
    assert_eq!(names(&plant.admin).await, ["press.md", "pump.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_below_the_folder_that_is_not_mounted_loses_no_document() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    let own = plant.world.share(&plant.tenant);
    plant.write("pump.md", PUMP);
    plant.write("../old/press.md", "# Press\n\nThe press K-2 is greased every day.\n");
    plant.write("../index.md", "# Index\n\nManuals lie below.\n");
    plant.write("../notes.md", "# Notes\n\nThe night shift oils the lathe.\n");
    let source = plant.watch(json!({ "path": "." })).await;
    plant.admin.jobs_done().await;
    let all = ["index.md", "manuals/pump.md", "notes.md", "old/press.md"];
    assert_eq!(names(&plant.admin).await, all);

    // What a mount leaves behind is an empty folder.
    let away = own.parent().expect("root").join("away");
    fs::rename(plant.file("pump.md"), &away).expect("unmount");
    let state = plant.scan(&source).await;
    let report = &state["contents"]["report"];
    assert_eq!((&report["removed"], &report["skipped"]), (&json!(0), &json!({ "unreadable": 1 })), "{state}");
    assert_eq!(state["contents"]["failure"], Value::Null, "{state}");
    plant.check_permissions(&source).await;
    assert_eq!(names(&plant.admin).await, ["index.md", "notes.md", "old/press.md"], "nobody can vouch for it");
    fs::rename(&away, plant.file("pump.md")).expect("mount");
    plant.scan(&source).await;
    let state = plant.check_permissions(&source).await;
    assert_eq!((&state["document_count"], &state["hidden_count"]), (&json!(4), &json!(0)), "{state}");
    assert_eq!(names(&plant.admin).await, all);

    // What is gone from among others is gone, and so is a folder with all that it held.
    fs::remove_file(own.join("notes.md")).expect("remove");
    fs::remove_dir_all(own.join("old")).expect("remove");
    let state = plant.scan(&source).await;
    assert_eq!(state["contents"]["report"]["removed"], json!(2), "{state}");
    assert_eq!(names(&plant.admin).await, ["index.md", "manuals/pump.md"]);
}

fn link(to: &Path, at: &Path) {
    symlink(to, at).expect("link");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_of_the_tenants_folder_is_reached() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let other = world.tenant("B").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    let theirs = world.share(&other).join("manuals");
    fs::write(theirs.join("theirs.md"), "# Theirs\n\nZanzibarium melts at 731 °C.\n").expect("write");
    link(&theirs, &plant.world.share(&plant.tenant).join("out"));
    let other_id = other.tenant_id();
    let refused = ["..", "manuals/../..", &format!("../{other_id}/manuals"), "/etc", "out", "nothing", "manuals\\x"];
    for path in refused {
        let response = plant.admin.post("/api/v1/sources", &json!({ "name": "x", "path": path })).await;
        let refused = problem(response, 422, "validation_failed").await;
        assert_eq!(refused["fields"][0]["field"], "path", "{path}: {refused}");
    }
    plant.write("pump.md", PUMP);
    link(&theirs, &plant.file("folder"));
    link(&theirs.join("theirs.md"), &plant.file("theirs.md"));
    let source = plant.watch(json!({})).await;
    plant.admin.jobs_done().await;
    let state = plant.source(&source).await;
    assert_eq!(state["contents"]["report"]["skipped"], json!({ "link": 2 }), "{state}");
    assert_eq!(names(&plant.admin).await, ["pump.md"]);
    assert!(plant.admin.search("Zanzibarium").await.iter().all(|found| !found.to_string().contains("731")));

    // A file that becomes a link is gone.
    fs::remove_file(plant.file("pump.md")).expect("remove");
    link(&theirs.join("theirs.md"), &plant.file("pump.md"));
    plant.write("press.md", "# Press\n\nThe press K-2 is greased every day.\n");
    plant.scan(&source).await;
    assert_eq!(names(&plant.admin).await, ["press.md"]);
    for (who, path) in [(&plant.viewer, "/api/v1/sources"), (&plant.fitter, &format!("/api/v1/sources/{source}"))] {
        problem(who.get(path).await, 403, "not_authorized").await;
    }
    let again = plant.admin.post("/api/v1/sources", &json!({ "name": "y", "path": "manuals/sub/.." })).await;
    problem(again, 422, "validation_failed").await;
    let again = plant.admin.post("/api/v1/sources", &json!({ "name": "y", "path": "." })).await;
    problem(again, 409, "conflict").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_pass_is_done_again_without_effect() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let mut server = world.server().await;
    let admin = world.somebody(&tenant, "admin", Role::Admin).await;
    let folder = world.share(&tenant).join("manuals");
    for number in 0..60 {
        let text = format!("# Machine {number}\n\nMachine M-{number} is oiled every {number} hours.\n");
        fs::write(folder.join(format!("m{number}.md")), text).expect("write");
    }
    let body = json!({ "name": "Manuals", "path": "manuals" });
    let (status, made) = read(server.session(&admin.token).post("/api/v1/sources", &body).await).await;
    assert_eq!(status, 201, "{made}");
    eventually("some are taken in", LIMIT, async || world.db().peek("SELECT path FROM source_files").await.len() > 5)
        .await;
    server.kill();
    let taken = world.db().peek("SELECT path FROM source_files").await.len();
    println!("killed after {taken} of 60 files");
    let server = world.server().await;
    let session = server.session(&admin.token);
    eventually("the pass is done by the next process", Duration::from_mins(1), async || {
        let source = session.json(&format!("/api/v1/sources/{}", id(&made))).await;
        source["contents"]["checked_at"].is_string()
    })
    .await;
    session.jobs_done().await;
    assert_eq!(names(&session).await.len(), 60);
    let versions = world.db().peek("SELECT count(*)::text FROM document_versions").await;
    assert_eq!(versions, ["60"], "none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_watch_root_the_api_says_what_is_missing() {
    let mut world = World::new().await;
    world.unset("WATCH_ROOT");
    let tenant = world.tenant("A").await;
    let server = world.server().await;
    let plant = Plant::new(&world, tenant, &server).await;
    let refused = plant.admin.post("/api/v1/sources", &json!({ "name": "x", "path": "manuals" })).await;
    let refused = problem(refused, 409, "not_configured").await;
    assert!(text(&refused["detail"]).contains("WATCH_ROOT"), "{refused}");
    let list = plant.admin.json("/api/v1/sources").await;
    assert_eq!((&list["folder"], &list["items"]), (&Value::Null, &json!([])));
}
