//! The audit log: whole, sealed in time, and telling when somebody altered it.

use std::time::{Duration, Instant};

use millwright_core::Role;
use millwright_scripted_model::Turn;
use serde_json::{Value, json};

use crate::kit::{
    PASSWORD, SECRET_KEY, Server, Session, World, eventually, operations::operations, plays, problem, read, session::id,
};

/// Every change that a person can make, once.
async fn change_everything(world: &World, admin: &Session<'_>) {
    let document = admin.take_in("oil.md", "# Oil\n\nThe gearbox of line 3 holds 4.5 l of oil.\n").await;
    let path = format!("/api/v1/documents/{}", id(&document));
    assert_eq!(read(admin.post(&format!("{path}/reindex"), &json!({})).await).await.0, 202);
    admin.settled(id(&document)).await;
    admin.jobs_done().await;
    admin.take_in("broken.pdf", b"%PDF-1.7\nbroken".to_vec()).await;
    admin.jobs_done().await;
    world.db().tamper("UPDATE jobs SET status = 'dead'").await;
    let job = id(&admin.all("/api/v1/admin/jobs", 1).await[0]).to_owned();
    assert_eq!(read(admin.post(&format!("/api/v1/admin/jobs/{job}/retry"), &json!({})).await).await.0, 202);
    admin.jobs_done().await;
    let answer = admin.ask("How much oil does the gearbox of line 3 hold?").await;
    let conversation = format!("/api/v1/conversations/{}", answer["conversation_id"].as_str().expect("id"));
    assert_eq!(admin.patch(&conversation, &json!({ "title": "Oil" })).await.status(), 200);
    let stream = admin.ask_streaming("How much oil does the gearbox of line 3 hold?").await.until(|_| true).await;
    let run = stream[0].data["runId"].as_str().expect("id");
    // Its own end would come after what is done to it here.
    admin.ended(run, Duration::from_secs(20)).await;
    world
        .db()
        .tamper(&format!("UPDATE runs SET status = 'running', finished_at = NULL WHERE id = '{}'", &run[4..]))
        .await;
    assert_eq!(read(admin.post(&format!("/api/v1/runs/{run}/cancel"), &json!({})).await).await.0, 202);
    assert_eq!(admin.delete(&conversation).await, 204);
    assert_eq!(admin.delete(&path).await, 204);
    let wrong = json!({ "email": "admin@a.test", "password": "not the password 4711" });
    assert_eq!(admin.post("/api/v1/auth/login", &wrong).await.status(), 401);
}

fn verify(world: &World) -> (bool, String) {
    let (sound, said, error) = world.command(&["audit", "verify"]);
    (sound, format!("{said}{error}"))
}

async fn all_sealed(admin: &Session<'_>) {
    eventually("all entries are sealed", Duration::from_secs(5), async || {
        admin.audit("").await.iter().all(|entry| entry["sequence"].is_i64())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_stands_in_the_log_in_one_sound_chain() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    change_everything(&world, &admin).await;
    crate::changes::try_everything(&world, tenant, &admin).await;
    // What was uploaded last is still being read, and its end is an entry of its own.
    admin.jobs_done().await;
    all_sealed(&admin).await;
    let entries = admin.audit("").await;
    for operation in operations() {
        let Some(action) = &operation.audit else { continue };
        assert!(entries.iter().any(|entry| entry["action"] == *action), "`{}` left no `{action}`", operation.id);
    }
    for action in [
        "document.version_ready",
        "document.version_failed",
        "conversation.created",
        "run.finished",
        "user.sign_in_failed",
    ] {
        assert!(entries.iter().any(|entry| entry["action"] == action), "no `{action}`");
    }
    let mut places: Vec<_> = entries.iter().map(|entry| entry["sequence"].as_i64().expect("sealed")).collect();
    places.sort_unstable();
    assert_eq!(places, (1..=entries.len() as i64).collect::<Vec<_>>(), "no place is empty, none is taken twice");
    let (sound, said) = verify(&world);
    assert!(sound && said.contains(&format!("A: sound; {0} entries, {0} sealed", entries.len())), "{said}");
    let (found, said, _) = world.command(&["audit", "verify", "--tenant", "nobody"]);
    assert!(!found, "{said}");

    let me = admin.json("/api/v1/auth/me").await;
    let me = id(&me);
    for (query, holds) in [
        (format!("actor={me}"), Box::new(|entry: &Value| entry["actor"] == me) as Box<dyn Fn(&Value) -> bool>),
        ("actor=system:ingest".to_owned(), Box::new(|entry: &Value| entry["actor_name"].is_null())),
        ("action=document.deleted".to_owned(), Box::new(|entry: &Value| entry["action"] == "document.deleted")),
        ("resource_type=run".to_owned(), Box::new(|entry: &Value| entry["resource_type"] == "run")),
    ] {
        let found = admin.audit(&query).await;
        let expected = entries
            .iter()
            .filter(|entry| holds(entry) && (query != "actor=system:ingest" || entry["actor"] == "system:ingest"));
        assert_eq!(found.len(), expected.count(), "{query}");
        assert!(!found.is_empty() && found.iter().all(holds), "{query}");
    }
    let middle = entries[entries.len() / 2]["occurred_at"].as_str().expect("time");
    let (before, after) =
        (admin.audit(&format!("to={middle}")).await.len(), admin.audit(&format!("from={middle}")).await.len());
    assert_eq!(before + after, entries.len(), "each entry is before a moment or not");
    for query in ["from=-9999-01-01T00:00:00Z", "to=%2B99999-01-01T00:00:00Z"] {
        let refused = admin.get(&format!("/api/v1/admin/audit?{query}")).await;
        problem(refused, 422, "validation_failed").await;
    }
    assert!(
        entries.windows(2).all(|pair| pair[0]["occurred_at"].as_str() >= pair[1]["occurred_at"].as_str()),
        "newest first"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_sealed_within_a_moment_of_its_commit() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let conversation = admin.ask("Anything?").await["conversation_id"].as_str().expect("id").to_owned();
    let path = format!("/api/v1/conversations/{conversation}");
    let mut waits = Vec::new();
    for number in 0..12 {
        let response = admin.patch(&path, &json!({ "title": format!("Title {number}") })).await;
        assert_eq!(response.status(), 200);
        let committed = Instant::now();
        let newest = "/api/v1/admin/audit?action=conversation.renamed&limit=1";
        eventually("sealed", Duration::from_secs(2), async || {
            admin.json(newest).await["items"][0]["sequence"].is_i64()
        })
        .await;
        waits.push(committed.elapsed());
    }
    waits.sort();
    println!(
        "sealed after: median {:?}, longest {:?} (looked at every 25 ms)",
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    drop(world);
}

/// A sound log of a dozen entries whose server has stopped.
async fn finished_log() -> (World, i64) {
    let (world, mut server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let conversation = admin.ask("Anything?").await["conversation_id"].as_str().expect("id").to_owned();
    for number in 0..6 {
        admin.patch(&format!("/api/v1/conversations/{conversation}"), &json!({ "title": format!("T{number}") })).await;
    }
    all_sealed(&admin).await;
    let count = admin.audit("").await.len() as i64;
    server.kill();
    let (sound, said) = verify(&world);
    assert!(sound, "{said}");
    (world, count)
}

/// What somebody with the database in hand may do, and what is to be said of it. MIDDLE, NEXT and LAST stand for places,
/// ENTRY for the id of the entry in the middle; what is said ends with the place.
const ATTACKS: &[(&str, &str, &str)] = &[
    (
        "a letter of an entry",
        "UPDATE audit_entries SET canonical = set_byte(canonical, 30, get_byte(canonical, 30) # 1) WHERE id = ENTRY",
        "altered at sequence MIDDLE",
    ),
    (
        "a space after an entry",
        "UPDATE audit_entries SET canonical = canonical || ' ' WHERE id = ENTRY",
        "altered at sequence MIDDLE",
    ),
    (
        "who did it, in the column",
        "UPDATE audit_entries SET actor = 'usr_x' WHERE id = ENTRY",
        "altered at sequence MIDDLE",
    ),
    (
        "when, in the column",
        "UPDATE audit_entries SET occurred_at = occurred_at - interval '1 day' WHERE id = ENTRY",
        "altered at sequence MIDDLE",
    ),
    ("a MAC", "UPDATE audit_entries SET mac = sha256(mac) WHERE id = ENTRY", "altered at sequence MIDDLE"),
    (
        "a seal's hash",
        "UPDATE audit_seals SET hash = sha256(hash) WHERE sequence = MIDDLE",
        "altered at sequence MIDDLE",
    ),
    ("an entry deleted", "DELETE FROM audit_entries WHERE id = ENTRY", "missing at sequence MIDDLE"),
    (
        "an entry deleted with its seal",
        "DELETE FROM audit_entries WHERE id = ENTRY; DELETE FROM audit_seals WHERE sequence = MIDDLE",
        "missing at sequence MIDDLE",
    ),
    (
        "two seals swapped",
        "UPDATE audit_seals SET sequence = sequence + 1000000 WHERE sequence IN (MIDDLE, NEXT); \
         UPDATE audit_seals SET sequence = MIDDLE + NEXT - (sequence - 1000000) WHERE sequence > 1000000",
        "reordered at sequence MIDDLE",
    ),
    (
        "two entries swapped",
        "CREATE TEMP TABLE pair AS SELECT sequence, entry_id FROM audit_seals WHERE sequence IN (MIDDLE, NEXT); \
         UPDATE audit_seals SET entry_id = gen_random_uuid() WHERE sequence = MIDDLE; \
         UPDATE audit_seals SET entry_id = (SELECT entry_id FROM pair WHERE sequence = MIDDLE) WHERE sequence = NEXT; \
         UPDATE audit_seals SET entry_id = (SELECT entry_id FROM pair WHERE sequence = NEXT) WHERE sequence = MIDDLE",
        "reordered at sequence MIDDLE",
    ),
    ("the newest seals deleted", "DELETE FROM audit_seals WHERE sequence >= LAST", "cut off at sequence LAST"),
    (
        "the newest seals deleted and the head moved back",
        "DELETE FROM audit_seals WHERE sequence >= LAST; UPDATE audit_heads SET sequence = LAST - 1, \
         hash = (SELECT hash FROM audit_seals WHERE sequence = LAST - 1)",
        "at sequence",
    ),
    ("the head deleted", "DELETE FROM audit_heads", "at sequence"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whoever_alters_the_log_in_the_database_is_found_and_the_place_is_named() {
    let (world, count) = finished_log().await;
    let fill = |text: &str| {
        text.replace("ENTRY", "(SELECT entry_id FROM audit_seals WHERE sequence = MIDDLE)")
            .replace("MIDDLE", &(count / 2).to_string())
            .replace("NEXT", &(count / 2 + 1).to_string())
            .replace("LAST", &(count - 1).to_string())
    };
    let tables = ["audit_entries", "audit_seals", "audit_heads"];
    let each = |statement: &str| tables.map(|table| statement.replace("TABLE_", table)).join("; ");
    world.db().tamper(&each("CREATE TABLE public.saved_TABLE_ AS TABLE TABLE_")).await;
    for (what, attack, finding) in ATTACKS {
        world.db().tamper(&fill(attack)).await;
        let (sound, said) = verify(&world);
        println!("{what}: {}", said.trim());
        assert!(!sound && said.contains("A: NOT SOUND") && said.contains(&fill(finding)), "{what}: {said}");
        // Undone, so that the next attack is the only one.
        world.db().tamper(&each("DELETE FROM TABLE_; INSERT INTO TABLE_ SELECT * FROM public.saved_TABLE_")).await;
    }
    let (sound, said) = verify(&world);
    assert!(sound, "the attacks were undone: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_rolled_back_together_with_its_head_is_found_by_an_anchor_kept_elsewhere() {
    let (world, count) = finished_log().await;
    let anchor = world.data.path().join("anchor.json");
    let with_anchor = ["audit", "verify", "--anchor", anchor.to_str().expect("utf-8")];
    assert!(world.command(&with_anchor).0);
    assert!(world.command(&with_anchor).0, "what was anchored is still there");
    // What is left looks like entries that wait for their first seal, or like a log that never had one.
    for attack in ["DELETE FROM audit_seals; DELETE FROM audit_heads", "DELETE FROM audit_entries"] {
        world.db().tamper(attack).await;
        assert!(verify(&world).0, "storage alone cannot tell; if it can now, say so in the documents");
        let (sound, said, _) = world.command(&with_anchor);
        assert!(!sound && said.contains("NOT SOUND"), "{said}");
    }
    assert!(count > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_itself_cannot_change_or_remove_entries() {
    let (world, _) = finished_log().await;
    for role in ["millwright_app", "millwright_tenant", "millwright_system"] {
        for table in ["audit_entries", "audit_seals"] {
            for right in ["UPDATE", "DELETE", "TRUNCATE"] {
                let query = format!("SELECT has_table_privilege('{role}', 'millwright.{table}', '{right}')::text");
                assert_eq!(world.db().peek(&query).await, ["false"], "{role} may {right} {table}");
            }
        }
    }
}

/// Parts of tokens and keys that must stand nowhere.
async fn assert_nowhere(world: &World, servers: &[&Server], secrets: &[(&str, &str)]) {
    let mut places: Vec<(String, String)> = Vec::new();
    for server in servers {
        places.extend(server.log().into_iter().map(|line| ("the log".to_owned(), line)));
    }
    assert!(places.len() > 50, "only {} lines: LOG_LEVEL=trace has no effect", places.len());
    for entry in world.db().peek("SELECT convert_from(canonical, 'utf8') FROM audit_entries").await {
        places.push(("an audit entry".to_owned(), entry));
    }
    for (what, secret) in secrets {
        for (place, text) in &places {
            assert!(!text.contains(secret), "{place} shows {what}: {}", &text[..text.len().min(600)]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_token_or_key_stands_in_a_log_line_or_an_audit_entry() {
    let model = plays(Turn::say("Nothing."));
    let mut world = World::new().await;
    world.set_model(&model.base_url()).set("LOG_LEVEL", "trace").set("LLM_API_KEY", "sk-live-0123456789abcdef");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("oil.md", "# Oil\n\nThe gearbox of line 3 holds 4.5 l of oil.\n").await;
    admin.ask("How much oil does the gearbox of line 3 hold?").await;
    for body in [
        json!({ "email": "admin@a.test", "password": "not the password 4711" }),
        json!({ "email": "admin@a.test", "password": ["not the password 4711"] }),
        json!({ "email": "admin@a.test", "not the password 4711": true }),
    ] {
        let (status, answer) = read(admin.post("/api/v1/auth/login", &body).await).await;
        assert!(status == 401 || status == 422, "{status} {answer}");
    }
    let forged = format!("{}x", admin.token);
    assert_eq!(server.session(&forged).get("/api/v1/auth/me").await.status(), 401);
    let signature = admin.token.rsplit('.').next().expect("signature");
    assert_nowhere(
        &world,
        &[&server],
        &[
            ("a password", PASSWORD),
            ("a wrong password", "not the password 4711"),
            ("a token", &admin.token),
            ("a token's signature", signature),
            ("the secret key", SECRET_KEY),
            ("the database's password", "only-for-tests"),
            ("the model server's key", "sk-live-0123456789abcdef"),
            ("a password's hash", "$argon2id$"),
        ],
    )
    .await;
}
