//! Processes that die, databases that hang up, disks that are full: nothing lost, nothing done twice.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use millwright_core::Role;
use millwright_scripted_model::{Then, Turn};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    chat::{FACTS, FIRST, QUESTION, SECOND},
    kit::{
        Server, Session, World, eventually, plays, problem, read, sample,
        session::{id, shown},
    },
};

/// Many paragraphs, each with words of its own, so that each chunk can be told from all others.
pub(crate) fn long_text(paragraphs: usize) -> String {
    let mut text = String::from("# Maintenance book\n\n");
    for number in 1..=paragraphs {
        if number % 50 == 1 {
            let _ = write!(text, "## Section {}\n\n", number / 50 + 1);
        }
        let _ = write!(
            text,
            "Step {number}: loosen bolt B{number}, clean the seat of valve V{number} with solvent number {}, and tighten the \
             bolt to {} Nm before station {} is started again.\n\n",
            number % 7,
            20 + number % 60,
            number % 12,
        );
    }
    text
}

/// A model that falls silent in the middle of its second sentence.
fn falls_silent() -> Turn {
    Turn::pieces([FIRST, "The oil of compressor"]).then(Then::Hang)
}

/// A model that says its second sentence slowly.
fn takes_its_time() -> Turn {
    let oil = "The oil of compressor K-12 is changed every 2000 hours [1]. ";
    Turn::pieces([FIRST]).and(Turn::say(oil).slowly(Duration::from_millis(250)))
}

/// Ends the leases of whoever is dead, as time would.
async fn expire_leases(world: &World) {
    world
        .db()
        .tamper(
            "UPDATE jobs SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'; \
             UPDATE runs SET lease_expires_at = now() - interval '1 second' WHERE status = 'running'",
        )
        .await;
}

/// [`progress`] when the first vectors are about to be made.
const EMBEDDING: i64 = 3_000_000;

/// How far reading has come, as a number that only grows.
fn progress(document: &Value) -> i64 {
    let latest = &document["latest"];
    let stage = ["parse", "chunk", "embed", "index"].iter().position(|stage| latest["stage"] == *stage);
    match latest["status"].as_str() {
        Some("queued") => 0,
        Some("processing") => 1_000_000 * (1 + stage.unwrap_or(0) as i64) + latest["stage_done"].as_i64().unwrap_or(0),
        _ => i64::MAX,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_reading_loses_nothing_and_repeats_nothing() {
    let (world, mut server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let token = admin.token.clone();
    let document = id(&admin.accepted("book.md", long_text(1000)).await).to_owned();
    let path = format!("/api/v1/documents/{document}");
    let mut killed_at = Vec::new();
    // At the beginning, then twice with vectors made in part. The job is given up after five attempts: three deaths
    // must not be the end of it.
    let mut seen = 0;
    for stage in ["parse", "embed", "embed"] {
        let session = server.session(&token);
        let mut found = Value::Null;
        eventually("it goes on", Duration::from_mins(1), async || {
            found = session.json(&path).await;
            progress(&found) > seen && progress(&found) > if stage == "embed" { EMBEDDING } else { 0 }
        })
        .await;
        server.kill();
        seen = progress(&found);
        killed_at.push(format!("{} {}", found["latest"]["stage"], found["latest"]["stage_done"]));
        expire_leases(&world).await;
        server = world.server().await;
    }
    println!("killed at {killed_at:?}");
    assert!(killed_at[1].contains("embed"), "it was read before it could be killed");
    let session = server.session(&token);
    let settled = session.settled(&document).await;
    assert_eq!(settled["latest"]["status"], "ready", "{settled}");
    let chunks = session.all(&format!("{path}/chunks"), 200).await;
    let text: String = chunks.iter().map(|chunk| chunk["text"].as_str().expect("text")).collect();
    for number in [1, 2, 499, 500, 501, 999, 1000] {
        assert!(text.contains(&format!("Step {number}:")), "step {number} is lost");
    }
    let doubled = "SELECT format('%s %s', (SELECT count(*) - count(DISTINCT (version_id, ordinal)) FROM chunks), \
                   (SELECT count(*) FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM chunk_vectors v WHERE v.chunk_id = c.id)))";
    assert_eq!(world.db().peek(doubled).await, ["0 0"], "chunks that stand twice, and chunks without a vector");
    session.jobs_done().await;
    assert_eq!(session.audit("action=document.version_ready").await.len(), 1);
    assert_eq!(session.audit("action=document.uploaded").await.len(), 1);
    let job = &session.all("/api/v1/admin/jobs", 10).await[0];
    assert_eq!(job["status"], "succeeded", "{job}");
    assert!(job["attempts"].as_u64().is_some_and(|attempts| (3..=4).contains(&attempts)), "{job}");
    let found = session.search("bolt B999 valve V999").await;
    assert!(found[0]["text"].as_str().expect("text").contains("V999"), "{}", found[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_dies_is_finished_by_another_and_says_nothing_twice() {
    let model = plays(falls_silent());
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let mut server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    let token = admin.token.clone();
    admin.take_in("facts.md", FACTS).await;
    let mut stream = admin.ask_streaming(QUESTION).await;
    let mut events = stream.until(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").await;
    let run = events[0].data["runId"].as_str().expect("id").to_owned();
    server.kill();
    assert!(stream.next().await.is_none(), "the dead say nothing");
    model.play(Turn::pieces([FIRST, SECOND]));
    let second = world.second_server().await;
    let session = second.session(&token);
    let mut following = session.follow(&run, events.last().expect("event").id).await;
    expire_leases(&world).await;
    let expired = Instant::now();
    events.extend(following.rest().await);
    println!("the run was finished {:?} after its lease", expired.elapsed());
    assert_eq!(events.last().expect("event").data["type"], "RUN_FINISHED", "{events:#?}");
    let ended = session.ended(&run, Duration::from_secs(5)).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("finished"), &Value::Null), "{ended}");
    let conversation =
        session.json(&format!("/api/v1/conversations/{}", ended["conversation_id"].as_str().expect("id"))).await;
    let message = &conversation["messages"][1];
    assert_eq!((&message["status"], &message["content"]), (&json!("complete"), &json!(shown(&events))));
    let text = shown(&events);
    assert_eq!((text.matches("6.5 bar").count(), text.matches("2000 hours").count()), (1, 1), "{text}");
    let actions: Vec<Value> = session.audit("").await.iter().map(|entry| entry["action"].clone()).collect();
    let count = |action: &str| actions.iter().filter(|known| **known == action).count();
    assert_eq!((count("run.taken_over"), count("run.finished"), count("run.failed")), (1, 1, 0), "{actions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_any_moment_lose_no_run_and_repeat_no_finished_step() {
    const RUNS: usize = 24;
    let spoken = Turn::pieces([FIRST]).and(Turn::say(SECOND).slowly(Duration::from_millis(60)));
    let model = plays(Turn::nothing().and_pause(Duration::from_millis(150)).and(spoken));
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let mut server = world.server().await;
    let token = server.sign_in("admin@a.test").await.token;
    server.session(&token).take_in("facts.md", FACTS).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        // Its reader goes away at once.
        let mut stream = server.session(&token).ask_streaming(QUESTION).await;
        let begun = stream.next().await.expect("the run begins");
        runs.push(begun.data["runId"].as_str().expect("id").to_owned());
    }
    for millis in [0, 350, 700, 1400] {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        server.kill();
        expire_leases(&world).await;
        server = world.server().await;
    }
    let session = server.session(&token);
    let mut taken_over = 0;
    for run in &runs {
        let ended = session.ended(run, Duration::from_mins(1)).await;
        assert_eq!((&ended["status"], &ended["error"]), (&json!("finished"), &Value::Null), "{ended}");
        let whole = session.follow(run, 0).await.rest().await;
        let text = shown(&whole);
        assert_eq!((text.matches("6.5 bar").count(), text.matches("2000 hours").count()), (1, 1), "{text}");
        assert!(whole.windows(2).all(|pair| pair[0].id < pair[1].id));
        let steps = ended["steps"].as_array().expect("steps");
        let finished =
            |kind: &str| steps.iter().filter(|step| step["kind"] == kind && step["status"] == "finished").count();
        assert_eq!([finished("observe"), finished("think"), finished("verify")], [1, 1, 1], "{steps:#?}");
        taken_over += usize::from(steps.iter().any(|step| step["status"] == "failed"));
    }
    println!("{taken_over} of {RUNS} runs were broken off in a step");
    assert!(taken_over > 0, "nothing was broken off");
    // Each run was asked once for the draft that was finished, and once for each that was broken off at the most.
    let broken =
        world.db().peek("SELECT count(*)::text FROM run_steps WHERE kind = 'think' AND status = 'failed'").await;
    let most = RUNS + broken[0].parse::<usize>().expect("number");
    assert!(model.count() <= most, "{} requests for {most} drafts", model.count());
    assert_eq!(session.audit("action=run.failed").await.len(), 0);
    let (sound, said, _) = world.command(&["audit", "verify"]);
    assert!(sound, "{said}");
}

/// One round of requests, as people make them: each answered well, or with a 503 that says when to come back.
async fn use_it(session: &Session<'_>, failures: &mut Vec<String>) -> usize {
    let mut good = 0;
    let search = json!({ "query": "relief valve" });
    for response in [
        session.request(reqwest::Method::GET, "/api/v1/documents").send().await,
        session.request(reqwest::Method::POST, "/api/v1/search").json(&search).send().await,
        session.request(reqwest::Method::GET, "/api/v1/conversations").send().await,
    ] {
        let response = response.expect("the connection to the server holds");
        let (waits, status) = (response.headers().contains_key("retry-after"), response.status().as_u16());
        let body = response.text().await.expect("body");
        match status {
            200 => good += 1,
            503 if waits && body.contains("upstream_unavailable") => {}
            _ => failures.push(format!("{status} {body}")),
        }
    }
    good
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_database_ends_cost_at_most_503s_and_the_service_recovers_by_itself() {
    let model = plays(takes_its_time());
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let uploading = id(&admin.accepted("book.md", long_text(250)).await).to_owned();
    let mut running = admin.ask_streaming(QUESTION).await;
    let load = load(&admin);
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        world
            .db()
            .tamper(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE usename = 'millwright_app' AND datname = current_database()",
            )
            .await;
    }
    let ended = Instant::now();
    eventually("all is well again", Duration::from_secs(5), async || {
        let mut failures = Vec::new();
        use_it(&admin, &mut failures).await == 3
    })
    .await;
    println!("recovered {:?} after the last connection was ended", ended.elapsed());
    load.check().await;
    let events = running.rest().await;
    assert_eq!(events.last().expect("event").data["type"], "RUN_FINISHED", "the answer outlived it: {events:#?}");
    assert_eq!(admin.settled(&uploading).await["latest"]["status"], "ready", "and so did the reading");
    assert_eq!(admin.audit("action=document.version_ready").await.len(), 2);
    let (sound, said, _) = world.command(&["audit", "verify"]);
    assert!(sound, "{said}");
}

/// Three people who use it until they are told to stop: however slow the machine is, there is somebody before, during and
/// after what happens meanwhile.
struct Load {
    stopped: Arc<AtomicBool>,
    people: JoinSet<(usize, Vec<String>)>,
}

fn load(session: &Session<'_>) -> Load {
    let stopped = Arc::<AtomicBool>::default();
    let mut people = JoinSet::new();
    for _ in 0..3 {
        let (server, token, stopped) = (session.server.elsewhere(), session.token.clone(), Arc::clone(&stopped));
        people.spawn(async move {
            let (mut good, mut failures) = (0, Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                good += use_it(&server.session(&token), &mut failures).await;
            }
            // Once more, when all is well again.
            (good + use_it(&server.session(&token), &mut failures).await, failures)
        });
    }
    Load { stopped, people }
}

impl Load {
    /// To be asked for when all is well again.
    async fn check(self) {
        self.stopped.store(true, Ordering::Relaxed);
        for (good, failures) in self.people.join_all().await {
            assert!(failures.is_empty(), "{failures:#?}");
            assert!(good >= 3, "not one good round: {good}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_for_seconds_costs_503s_and_nothing_else() {
    let model = plays(takes_its_time());
    let mut world = World::new().await;
    let mut wire = world.set_model(&model.base_url()).set_wire();
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let load = load(&admin);
    let mut running = admin.ask_streaming(QUESTION).await;
    let mut events = running.until(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").await;
    wire.cut();
    let away = Instant::now();
    let health = server.http.get(server.url("/health/ready")).send().await.expect("send");
    let (status, body) = read(health).await;
    assert_eq!((status, &body["status"]), (503, &json!("unavailable")), "{body}");
    let live = server.http.get(server.url("/health/live")).send().await.expect("send");
    assert_eq!(live.status(), 200, "a restart would not help");
    let question = json!({ "message": "lost?" });
    let (upload, chat) = tokio::join!(admin.upload("lost.md", "# Lost\n"), admin.post("/api/v1/chat", &question));
    problem(upload, 503, "upstream_unavailable").await;
    problem(chat, 503, "upstream_unavailable").await;
    tokio::time::sleep(Duration::from_secs(3).saturating_sub(away.elapsed())).await;
    wire.mend();
    let back = Instant::now();
    eventually("all is well again", Duration::from_secs(10), async || {
        let mut failures = Vec::new();
        use_it(&admin, &mut failures).await == 3 && server.health("database").await["status"] == "ready"
    })
    .await;
    println!("away for {:?}, well again after {:?}", back - away, back.elapsed());
    load.check().await;
    events.extend(running.rest().await);
    assert_eq!(events.last().expect("event").data["type"], "RUN_FINISHED", "the answer outlived it: {events:#?}");
    assert!(events.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(shown(&events).contains("2000 hours"));
    assert_eq!(admin.all("/api/v1/documents", 10).await.len(), 1, "a refused upload left nothing");
    assert_eq!(admin.all("/api/v1/conversations", 10).await.len(), 1);
    assert_eq!(admin.take_in("next.md", "# Next\n\nThe next one is read.\n").await["latest"]["status"], "ready");
    eventually("all entries are sealed", Duration::from_secs(5), async || {
        admin.audit("").await.iter().all(|entry| entry["sequence"].is_i64())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_the_work_and_do_nothing_twice() {
    let (world, server) = World::with_admin().await;
    let second = world.second_server().await;
    let token = server.sign_in("admin@a.test").await.token;
    let sessions = [server.session(&token), second.session(&token)];
    let mut documents = Vec::new();
    for number in 0..8 {
        let text =
            format!("# Pump {number}\n\nPump {number} is oiled every {number}00 hours by team Quirrel{number}.\n");
        documents.push(id(&sessions[number % 2].accepted(&format!("pump-{number}.md"), text).await).to_owned());
    }
    for document in &documents {
        assert_eq!(sessions[0].settled(document).await["latest"]["status"], "ready");
    }
    sessions[0].jobs_done().await;
    let jobs = sessions[0].all("/api/v1/admin/jobs", 50).await;
    assert!(jobs.iter().all(|job| job["attempts"] == 1), "{jobs:#?}");
    assert_eq!(sessions[1].audit("action=document.version_ready").await.len(), documents.len());
    for session in &sessions {
        eventually("each process finds all by keyword", Duration::from_secs(10), async || {
            let found = session.search("Quirrel7").await;
            found
                .first()
                .is_some_and(|passage| !passage["keyword"].is_null() && passage["document_name"] == "pump-7.md")
        })
        .await;
    }
    assert_eq!(sessions[1].delete(&format!("/api/v1/documents/{}", documents[7])).await, 204);
    assert!(sessions[0].search("Quirrel7").await.iter().all(|passage| passage["document_id"] != documents[7].as_str()));
    eventually("all entries are sealed", Duration::from_secs(5), async || {
        sessions[0].audit("").await.iter().all(|entry| entry["sequence"].is_i64())
    })
    .await;
    let (sound, said, _) = world.command(&["audit", "verify"]);
    assert!(sound && said.contains("0 waiting"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_in_order_with_streams_runs_and_jobs_under_way() {
    let model = plays(falls_silent());
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let mut server = world.server().await;
    let token = server.sign_in("admin@a.test").await.token;
    let admin = server.session(&token);
    admin.take_in("facts.md", FACTS).await;
    let book = id(&admin.accepted("book.md", long_text(600)).await).to_owned();
    let mut stream = admin.ask_streaming(QUESTION).await;
    let mut events = stream.until(|event| event.data["type"] == "TEXT_MESSAGE_CONTENT").await;
    let run = events[0].data["runId"].as_str().expect("id").to_owned();
    let stopping = Instant::now();
    server.terminate();
    events.extend(stream.rest().await);
    let status = server.exited(Duration::from_secs(10)).await;
    println!("stopped within {:?}", stopping.elapsed());
    assert!(status.success(), "{status}: {:?}", server.log().last());
    assert!(!server.log().iter().any(|line| line.contains("\"level\":\"ERROR\"")), "{:#?}", server.log());
    model.play(Turn::pieces([FIRST, SECOND]));
    let server = world.server().await;
    let session = server.session(&token);
    let ended = session.ended(&run, Duration::from_secs(10)).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("finished"), &Value::Null), "it goes on: {ended}");
    let whole = session.follow(&run, 0).await.rest().await;
    assert!(whole.len() > events.len(), "{whole:#?}");
    let text = shown(&whole);
    assert_eq!((text.matches("6.5 bar").count(), text.matches("2000 hours").count()), (1, 1), "{text}");
    expire_leases(&world).await;
    assert_eq!(session.settled(&book).await["latest"]["status"], "ready", "the job goes on after the restart");
    assert_eq!(session.audit("action=document.version_ready").await.len(), 2);
}

/// A small disk of its own; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).expect("folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path.to_owned())),
            _ => {
                println!("SKIPPED: a small disk needs the right to mount");
                None
            }
        }
    }

    /// Fills it to the last byte; returns the file to delete.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).expect("filler");
        let block = vec![7_u8; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_degrades_and_heals_when_there_is_room_again() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let folder = world.data.path().join("small");
    let Some(disk) = SmallDisk::mount(&folder) else { return };
    let server = Server::start(&world, &folder).await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let filler = disk.fill();
    let document = admin.accepted("pump-manual.pdf", sample("pump-manual.pdf")).await;
    eventually("it answers without the disk", Duration::from_mins(1), async || {
        let found = admin.search("impeller nut torque").await;
        found.iter().any(|passage| passage["document_id"] == document["id"] && !passage["vector"].is_null())
    })
    .await;
    eventually("readiness tells", Duration::from_secs(20), async || {
        let health = server.health("keyword index").await;
        health["status"] == "degraded" && health["remedy"].as_str().is_some_and(|remedy| remedy.contains("room"))
    })
    .await;
    let ready = server.http.get(server.url("/health/ready")).send().await.expect("send");
    let (status, body) = read(ready).await;
    assert_eq!((status, &body["status"]), (200, &json!("degraded")), "{body}");
    let answer = admin.ask("At what pressure does the relief valve of compressor K-12 open?").await;
    assert_eq!(answer["message"]["status"], "complete", "{answer}");
    std::fs::remove_file(filler).expect("remove");
    let healed = Instant::now();
    eventually("found by keyword", Duration::from_secs(30), async || {
        let found = admin.search("impeller nut torque").await;
        found.iter().any(|passage| passage["document_id"] == document["id"] && !passage["keyword"].is_null())
    })
    .await;
    println!("healed {:?} after there was room", healed.elapsed());
    eventually("healthy", Duration::from_secs(10), async || server.health("keyword index").await["status"] == "ready")
        .await;
    admin.jobs_done().await;
    assert!(admin.all("/api/v1/admin/jobs?status=dead", 10).await.is_empty());
    drop(server);
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_given_up_spoil_no_connection_for_those_that_follow() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for round in 0..150_u64 {
        let patience = Duration::from_millis(1 + round % 6);
        let given_up = ["/api/v1/documents", "/api/v1/conversations", "/api/v1/auth/me", "/api/v1/auth/sessions"]
            .map(|path| tokio::time::timeout(patience, admin.request(reqwest::Method::GET, path).send()));
        let _ = futures::future::join_all(given_up).await;
        if round % 10 == 0 {
            let change = json!({ "display_name": format!("Ada {round}") });
            let answer = admin.patch("/api/v1/auth/me", &change).await;
            assert_eq!(answer.status(), 200, "{}", answer.text().await.expect("text"));
        }
    }
    assert!(!server.log().iter().any(|line| line.contains("read-only transaction")));
    drop(world);
}
