//! The evidence of a run, as an auditor has it who trusts nothing but the file.

use std::{path::PathBuf, time::Duration};

use millwright_agents::{Anchors, verify_bundle};
use millwright_audit::{AuditKey, canonical_json};
use millwright_core::Role;
use millwright_scripted_model::{ScriptedModel, Turn};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    chat::{FACTS, FIRST, QUESTION, SECOND},
    kit::{SECRET_KEY, Server, Session, World, eventually, problem, session::id},
    labels::take_in,
};

/// Asks, and waits until what the run has left in the log is sealed; the run's id.
async fn asked(who: &Session<'_>, question: &str) -> String {
    let answer = who.ask(question).await;
    assert_eq!(answer["message"]["answered"], true, "{answer}");
    answer["run_id"].as_str().expect("id").to_owned()
}

/// The file as it is downloaded.
async fn export(who: &Session<'_>, run: &str) -> Vec<u8> {
    let response =
        who.request(reqwest::Method::POST, &format!("/api/v1/runs/{run}/bundle")).send().await.expect("POST");
    assert_eq!(response.status(), StatusCode::OK);
    let header = |name: &str| response.headers()[name].to_str().expect("ascii").to_owned();
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"{run}.bundle.json\""));
    assert_eq!((header("content-type"), header("cache-control")), ("application/json".into(), "no-store".into()));
    response.bytes().await.expect("body").to_vec()
}

fn kept(world: &World, bytes: &[u8]) -> PathBuf {
    let path = world.data.path().join("run.bundle.json");
    std::fs::write(&path, bytes).expect("write");
    path
}

/// What the verifier says with the server's key, and whether it holds.
fn verify(world: &World, bytes: &[u8]) -> (bool, String) {
    let path = kept(world, bytes);
    let (sound, said, error) = world.command(&["run", "verify", path.to_str().expect("utf-8")]);
    (sound, format!("{said}{error}"))
}

/// The same on a machine that has nothing of this server.
fn verify_elsewhere(world: &World, bytes: &[u8]) -> (bool, String) {
    let path = kept(world, bytes);
    let (sound, said, error) = world.command_elsewhere(&["run", "verify", path.to_str().expect("utf-8")]);
    (sound, format!("{said}{error}"))
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("json")
}

fn sha256(value: &Value) -> String {
    hex::encode(Sha256::digest(canonical_json(value).expect("canonical")))
}

fn says(sentences: &[&str]) -> ScriptedModel {
    ScriptedModel::start(Turn::pieces(sentences.iter().copied())).expect("listen")
}

/// A run of a model that read on nothing, with all that it has left.
async fn world_with_a_run(model: &ScriptedModel) -> (World, Server, String) {
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let run = asked(&admin, QUESTION).await;
    (world, server, run)
}

/// One thing that somebody may do to a file, and what is to be said of it.
type Alteration = (&'static str, fn(&mut Value), &'static str);

/// The place of the first entry of this action.
fn entry(file: &Value, action: &str) -> usize {
    let entries = file["bundle"]["audit"]["entries"].as_array().expect("entries");
    let is_it = |entry: &Value| entry["canonical"].as_str().is_some_and(|said| said.contains(&format!("\"{action}\"")));
    entries.iter().position(is_it).unwrap_or_else(|| panic!("no {action}"))
}

fn list<'f>(file: &'f mut Value, name: &str) -> &'f mut Vec<Value> {
    file["bundle"][name].as_array_mut().expect("list")
}

fn entries(file: &mut Value) -> &mut Vec<Value> {
    file["bundle"]["audit"]["entries"].as_array_mut().expect("entries")
}

fn add(text: &mut Value, more: &str) {
    *text = json!(format!("{}{more}", text.as_str().expect("text")));
}

/// Another figure in place of the last.
fn turn(text: &mut Value) {
    let mut figures = text.as_str().expect("hex").to_owned();
    let last = figures.pop().expect("figure");
    figures.push(if last == '0' { '1' } else { '0' });
    *text = json!(figures);
}

/// A digest that fits again.
fn fit(part: &mut Value) {
    part["sha256"] = json!(sha256(&part["content"]));
}

fn fit_passage(passage: &mut Value) {
    passage["sha256"] = json!(hex::encode(Sha256::digest(passage["text"].as_str().expect("text"))));
}

fn fit_bundle(file: &mut Value) {
    file["sha256"] = json!(sha256(&file["bundle"]));
}

const ALTERATIONS: &[Alteration] = &[
    ("the question", |file| add(&mut file["bundle"]["question"]["content"]["content"], "?"), "question: altered"),
    ("the answer", |file| add(&mut file["bundle"]["answer"]["content"], " Or not."), "answer: altered"),
    ("a quote", |file| add(&mut file["bundle"]["answer"]["citations"][0]["quote"], "!"), "answer: altered"),
    (
        "a byte of a passage",
        |file| {
            let text = &mut list(file, "passages")[0]["text"];
            *text = json!(text.as_str().expect("text").replacen("6.5 bar", "6.6 bar", 1));
        },
        "passage chk_",
    ),
    (
        "a byte of a passage with its digest, in a quote",
        |file| {
            let passage = &mut list(file, "passages")[0];
            passage["text"] = json!(passage["text"].as_str().expect("text").replacen("6.5 bar", "6.6 bar", 1));
            fit_passage(passage);
        },
        "citation [1]: altered",
    ),
    (
        "a byte of a passage with all digests, outside of a quote",
        |file| {
            let passage = &mut list(file, "passages")[0];
            passage["text"] = json!(passage["text"].as_str().expect("text").replacen("8000 hours", "9000 hours", 1));
            fit_passage(passage);
            fit_bundle(file);
        },
        "receipt: altered",
    ),
    ("a passage taken away", |file| drop(list(file, "passages").remove(0)), "passage chk_"),
    ("a step's record", |file| add(&mut list(file, "steps")[1]["record"]["text"], " More."), "step 2: altered"),
    (
        "a step's record with its digest",
        |file| {
            let step = &mut list(file, "steps")[1];
            add(&mut step["record"]["text"], " More.");
            step["content"]["record_sha256"] = json!(sha256(&step["record"]));
            fit(step);
            fit_bundle(file);
        },
        "trail: altered",
    ),
    (
        "a step's record taken away",
        |file| list(file, "steps")[1]["record"] = Value::Null,
        "step 2: missing: record of step",
    ),
    (
        "a step's record taken away and named as left out",
        |file| {
            let (id, sha256) = ("2", list(file, "steps")[1]["content"]["record_sha256"].clone());
            list(file, "steps")[1]["record"] = Value::Null;
            let left_out = json!({ "what": "record of step", "id": id, "sha256": sha256, "reason": "z" });
            list(file, "left_out").push(left_out);
            list(file, "prompts")[0]["request"] = Value::Null;
            fit_bundle(file);
        },
        "receipt: altered",
    ),
    ("a step taken away", |file| drop(list(file, "steps").remove(1)), "step 2: missing"),
    ("two steps swapped", |file| list(file, "steps").swap(0, 1), "step 1: missing"),
    ("a verdict", |file| list(file, "decisions")[0]["content"]["verdict"] = json!("DENY"), "altered"),
    (
        "a verdict with its digest",
        |file| {
            let decision = &mut list(file, "decisions")[0];
            decision["content"]["verdict"] = json!("DENY");
            fit(decision);
            fit_bundle(file);
        },
        "trail: altered",
    ),
    ("a decision taken away", |file| drop(list(file, "decisions").remove(0)), "trail: altered"),
    (
        "what a model was sent",
        |file| add(&mut list(file, "prompts")[0]["request"]["messages"][0]["text"], " Be rude."),
        "prompt of step 2: altered",
    ),
    ("what a model was sent taken away", |file| list(file, "prompts").clear(), "prompt of step 2: missing"),
    ("a call's tokens", |file| list(file, "model_calls")[0]["content"]["output_tokens"] = json!(1), "call usg_"),
    ("a call's model", |file| list(file, "model_calls")[0]["content"]["model"] = json!("other"), "names another model"),
    ("a call taken away", |file| list(file, "model_calls").clear(), "missing"),
    (
        "an entry's bytes",
        |file| {
            let place = entry(file, "run.finished");
            let said = &mut entries(file)[place]["canonical"];
            *said = json!(said.as_str().expect("text").replacen("\"supported\":2", "\"supported\":3", 1));
        },
        "altered: its bytes or its MAC were changed",
    ),
    ("an entry's MAC", |file| turn(&mut entries(file)[0]["mac"]), "altered: its bytes or its MAC were changed"),
    ("a seal", |file| turn(&mut entries(file)[0]["seal"]["hash"]), "it is not what was sealed"),
    (
        "the first entry taken away",
        |file| {
            let place = entry(file, "run.started");
            entries(file).remove(place);
        },
        "missing: `run.started`",
    ),
    (
        "the last entry taken away",
        |file| {
            let place = entry(file, "run.finished");
            entries(file).remove(place);
        },
        "missing: `run.finished`",
    ),
    (
        "a call's entry taken away",
        |file| {
            let place = entry(file, "usage.recorded");
            entries(file).remove(place);
        },
        "missing: it has no entry in the log",
    ),
    (
        "a call taken away with its entry",
        |file| {
            let place = entry(file, "usage.recorded");
            entries(file).remove(place);
            list(file, "model_calls").clear();
        },
        "missing: the draft of step 2 was its answer",
    ),
    ("two entries swapped", |file| entries(file).swap(0, 1), "reordered"),
    ("a link of the chain", |file| turn(&mut file["bundle"]["audit"]["links"]["leaves"][0]), "chain: altered at place"),
    (
        "a link taken away",
        |file| drop(file["bundle"]["audit"]["links"]["leaves"].as_array_mut().expect("leaves").remove(1)),
        "chain: altered at place",
    ),
    (
        "the first link taken away",
        |file| {
            let links = &mut file["bundle"]["audit"]["links"];
            links["from"] = json!(links["from"].as_i64().expect("place") + 1);
            links["leaves"].as_array_mut().expect("leaves").remove(0);
        },
        "chain: altered at place",
    ),
    ("the way along the chain", |file| file["bundle"]["audit"]["links"] = Value::Null, "chain: missing"),
    (
        "the way along the chain, named as left out",
        |file| {
            file["bundle"]["audit"]["links"] = Value::Null;
            let left_out = json!({ "what": "links", "id": "x", "sha256": null, "reason": "z" });
            list(file, "left_out").push(left_out);
            fit_bundle(file);
        },
        "chain: missing",
    ),
    ("the head", |file| turn(&mut file["bundle"]["audit"]["head"]["hash"]), "head: altered"),
    ("the head's MAC", |file| turn(&mut file["bundle"]["audit"]["head"]["mac"]), "head: forged"),
    ("the run's label", |file| file["bundle"]["run"]["label"]["classification"] = json!("PUBLIC"), "label of step 1"),
    (
        "the answer's label",
        |file| file["bundle"]["answer"]["label"]["classification"] = json!("PUBLIC"),
        "label of citation [1]",
    ),
    ("how the run ended", |file| file["bundle"]["run"]["status"] = json!("failed"), "missing: `run.failed`"),
    ("how often it was taken over", |file| file["bundle"]["run"]["takeovers"] = json!(1), "missing: `run.taken_over`"),
    (
        "the run that it was forked from",
        |file| file["bundle"]["run"]["input"]["forked_from"] = json!(["run_00000000000000000000000000000001", 9]),
        "names another `forked_from`",
    ),
    (
        "a call taken away with its entry, as one of a run that it was forked from",
        |file| {
            let place = entry(file, "usage.recorded");
            entries(file).remove(place);
            list(file, "model_calls").clear();
            file["bundle"]["run"]["input"]["forked_from"] = json!(["run_00000000000000000000000000000001", 9]);
            fit_bundle(file);
        },
        "names another `forked_from`",
    ),
    (
        "who has answered",
        |file| add(&mut file["bundle"]["run"]["input"]["agent"]["shown"]["name"], "s"),
        "names another `agent`",
    ),
    (
        "how who has answered was defined",
        |file| turn(&mut file["bundle"]["run"]["input"]["agent"]["shown"]["digest"]),
        "names another `agent_sha256`",
    ),
    ("whose run it is", |file| turn(&mut file["bundle"]["run"]["user_id"]), "altered"),
    ("a document's name", |file| list(file, "passages")[0]["document_name"] = json!("other.md"), "bundle: altered"),
    (
        "a document's name with the digest",
        |file| {
            list(file, "passages")[0]["document_name"] = json!("other.md");
            fit_bundle(file);
        },
        "receipt: altered",
    ),
    (
        "a manifest",
        |file| {
            let said = &mut list(file, "manifests")[0]["entry"]["canonical"];
            *said = json!(said.as_str().expect("text").replacen("\"chunk_tokens\":", "\"chunk_tokens\":1", 1));
        },
        "altered: its bytes or its MAC were changed",
    ),
    ("the receipt", |file| turn(&mut file["receipt"]["mac"]), "altered: its bytes or its MAC were changed"),
    (
        "what is left out",
        |file| file["bundle"]["left_out"] = json!([{ "what": "x", "id": "y", "sha256": null, "reason": "z" }]),
        "bundle: altered",
    ),
    (
        "a moment in another spelling",
        |file| {
            let moment = &mut file["bundle"]["exported_at"];
            *moment = json!(moment.as_str().expect("text").replace('Z', "+00:00"));
        },
        "not in its canonical form",
    ),
    (
        "a field less",
        |file| drop(file["bundle"]["run"].as_object_mut().expect("run").remove("error")),
        "not in its canonical form",
    ),
    ("a field more", |file| file["bundle"]["more"] = json!(1), "form: this is no"),
];

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_a_run_is_sound_and_each_alteration_of_its_file_is_named() {
    let model = says(&[FIRST, SECOND]);
    let (world, server, run) = world_with_a_run(&model).await;
    let admin = server.sign_in("admin@a.test").await;
    let file = export(&admin, &run).await;
    let (sound, said) = verify(&world, &file);
    println!("{said}\n{} bytes", file.len());
    assert!(sound && said.ends_with("sound\n"), "{said}");
    for holds in [
        "each authentic by key",
        "chain: followed from place",
        "head: signed at place",
        "trail: question, 3 steps",
        "answer: text and quotes are those",
        "1 quotes stand in them byte for byte",
        "prompts: 1 of 1 are what was sent to a model, byte for byte",
        "model calls: 1,",
        "receipt: the entry of the export names this bundle",
    ] {
        assert!(said.contains(holds), "no `{holds}` in {said}");
    }
    // The request that is told is the one that the server got.
    let bundle = parsed(&file);
    let sent: Value = serde_json::from_str(&model.last_body()).expect("json");
    let told = &bundle["bundle"]["prompts"][0]["request"]["messages"];
    assert_eq!(told[0]["text"], sent["messages"][0]["content"]);
    let question = &sent["messages"].as_array().expect("messages").last().expect("question")["content"];
    assert_eq!(&told.as_array().expect("messages").last().expect("question")["parts"][0]["text"], question);

    let (sound, elsewhere) = verify_elsewhere(&world, &file);
    assert!(sound && elsewhere.contains("not checked  MACs: there is no SECRET_KEY here"), "{elsewhere}");

    for (what, alter, finding) in ALTERATIONS {
        let mut altered = bundle.clone();
        alter(&mut altered);
        assert_ne!(altered, bundle, "{what} was not altered");
        let (sound, said) = verify(&world, &canonical_json(&altered).expect("canonical"));
        println!("{what}: {}", said.lines().last().unwrap_or_default());
        let last = said.lines().last().unwrap_or_default();
        assert!(!sound && last.starts_with("NOT SOUND; ") && last.contains(finding), "{what}: {said}");
        // Whoever has no key finds the same, but for what only the key can tell.
        let (sound, said) = verify_elsewhere(&world, &canonical_json(&altered).expect("canonical"));
        assert!(!sound || ["the head's MAC", "the receipt"].contains(what), "{what}: {said}");
    }
    // Nor is there a byte that could be another one, wherever it stands.
    let key = AuditKey::derive(SECRET_KEY.as_bytes()).expect("key");
    for place in (0..file.len()).step_by(101) {
        let mut altered = file.clone();
        altered[place] ^= 1;
        assert!(verify_bundle(&altered, Some(&key), &Anchors::new()).finding.is_some(), "byte {place}");
    }
    let (sound, said) = verify(&world, &[&file[..], b"\n"].concat());
    assert!(!sound && said.contains("not in its canonical form"), "{said}");
    let (sound, said) = verify(&world, b"{}");
    assert!(!sound && said.contains("this is no millwright.run-bundle/1"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_export_is_in_the_log_with_its_digest_and_only_of_own_runs() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let run = asked(&admin, QUESTION).await;
    let first = parsed(&export(&admin, &run).await);
    let proofs = admin.audit("action=run.exported").await;
    assert_eq!((proofs.len(), &proofs[0]["resource_id"]), (1, &json!(run)));
    assert_eq!(proofs[0]["details"]["bundle_sha256"], first["sha256"], "{}", proofs[0]);
    // The next one tells of the one before.
    let second = export(&admin, &run).await;
    entry(&parsed(&second), "run.exported");
    let (sound, said) = verify(&world, &second);
    assert!(sound, "{said}");

    let other = world.tenant("B").await;
    let path = format!("/api/v1/runs/{run}/bundle");
    for (tenant, role, status, code) in [
        (&other, Role::Admin, 404, "not_found"),
        (&tenant, Role::Operator, 404, "not_found"),
        (&tenant, Role::Admin, 404, "not_found"),
        (&tenant, Role::Auditor, 403, "not_authorized"),
    ] {
        let stranger = world.somebody(tenant, "stranger", role).await;
        problem(server.session(&stranger.token).post(&path, &Value::Null).await, status, code).await;
    }
    assert_eq!(admin.audit("action=run.exported").await.len(), 2, "a refused one is none");
}

/// What somebody with the database in hand may do to a run that has ended, and what its next bundle says of it.
const TAMPERINGS: &[(&str, &str, &str)] = &[
    (
        "a step's record",
        "UPDATE run_steps SET record = jsonb_set(record, '{relevant}', 'true'), detail = detail || '{\"x\": 1}' WHERE number = 1",
        "trail: altered",
    ),
    ("the answer", "UPDATE messages SET content = content || '!' WHERE role = 'assistant'", "answer: altered"),
    ("the question", "UPDATE messages SET content = content || '!' WHERE role = 'user'", "trail: altered"),
    ("a verdict", "UPDATE decisions SET verdict = 'DENY'", "trail: altered"),
    ("a passage", "UPDATE chunks SET text = replace(text, '6.5 bar', '7.5 bar')", "citation [1]: altered"),
    ("a call's model", "UPDATE model_usage SET model = 'cheaper'", "names another model"),
    ("the run's label", "UPDATE runs SET label = label || '{\"classification\": \"PUBLIC\"}'", "label of step 1"),
    (
        "what it was forked from",
        "UPDATE runs SET input = jsonb_set(input, '{forked_from}', '[\"run_00000000000000000000000000000001\", 9]')",
        "names another `forked_from`",
    ),
    (
        "who has answered",
        "UPDATE runs SET input = jsonb_set(input, '{agent,shown,name}', '\"other\"')",
        "names another `agent`",
    ),
    ("an entry", "UPDATE audit_entries SET mac = sha256(mac) WHERE action = 'run.started'", "altered"),
    ("an entry deleted", "DELETE FROM audit_entries WHERE action = 'run.started'", "missing: `run.started`"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whoever_alters_a_run_in_the_database_is_found_in_its_next_bundle() {
    let model = says(&[FIRST, SECOND]);
    let (world, server, run) = world_with_a_run(&model).await;
    let admin = server.sign_in("admin@a.test").await;
    let tables = ["run_steps", "messages", "decisions", "chunks", "model_usage", "runs", "audit_entries"];
    let each = |statement: &str| tables.map(|table| statement.replace("TABLE_", table)).join("; ");
    world.db().tamper(&each("CREATE TABLE public.saved_TABLE_ AS TABLE TABLE_")).await;
    // It is not one whose usage is still to be stored: the log has its entry.
    world.db().tamper("DELETE FROM model_usage").await;
    let (sound, said) = verify(&world, &export(&admin, &run).await);
    assert!(!sound && said.contains("missing: the draft of step 2 was its answer"), "{said}");
    world.db().tamper("INSERT INTO model_usage SELECT * FROM public.saved_model_usage").await;
    for (what, tampering, finding) in TAMPERINGS {
        world.db().tamper(tampering).await;
        let (sound, said) = verify(&world, &export(&admin, &run).await);
        println!("{what}: {}", said.lines().last().unwrap_or_default());
        assert!(!sound && said.lines().last().is_some_and(|last| last.contains(finding)), "{what}: {said}");
        for (table, columns) in [
            ("run_steps", "detail, record"),
            ("messages", "content"),
            ("decisions", "verdict"),
            ("chunks", "text"),
            ("model_usage", "model"),
            ("runs", "label, input"),
            ("audit_entries", "mac"),
        ] {
            let set = columns.split(", ").map(|column| format!("{column} = s.{column}")).collect::<Vec<_>>().join(", ");
            let key = if table == "run_steps" { "t.run_id = s.run_id AND t.number = s.number" } else { "t.id = s.id" };
            world.db().tamper(&format!("UPDATE {table} t SET {set} FROM public.saved_{table} s WHERE {key}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_of_a_run_is_followed_although_it_was_exported_again_long_after() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let run = asked(&admin, QUESTION).await;
    export(&admin, &run).await;
    // What stands in the log of a busy organisation until then.
    world
        .db()
        .tamper(
            "INSERT INTO audit_entries (tenant_id, id, occurred_at, actor, action, resource_type, resource_id, canonical, mac) \
             SELECT tenant_id, gen_random_uuid(), occurred_at, actor, action, resource_type, resource_id, canonical, mac \
             FROM (SELECT * FROM audit_entries WHERE action = 'document.uploaded' LIMIT 1) one, generate_series(1, 4200)",
        )
        .await;
    eventually("all of it is sealed", Duration::from_secs(30), async || {
        world.db().peek("SELECT count(*)::text FROM audit_seals").await[0].parse::<i64>().expect("count") > 4_200
    })
    .await;
    export(&admin, &run).await;
    let (sound, said) = verify(&world, &export(&admin, &run).await);
    assert!(sound && said.contains("chain: followed from place"), "{said}");
}

/// A log that was made anew after the run, as whoever has the database and the key could, does not go through an anchor.
#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_kept_elsewhere_is_held_against_the_chain_of_a_bundle() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("facts.md", FACTS).await;
    let run = asked(&admin, QUESTION).await;
    eventually("all entries are sealed", Duration::from_secs(5), async || {
        admin.audit("").await.iter().all(|entry| entry["sequence"].is_i64())
    })
    .await;
    let anchor = world.data.path().join("anchor.json");
    let anchor = anchor.to_str().expect("utf-8");
    assert!(world.command(&["audit", "verify", "--anchor", anchor]).0);
    let path = kept(&world, &export(&admin, &run).await);
    let arguments = ["run", "verify", path.to_str().expect("utf-8"), "--anchor", anchor];
    let (sound, said, _) = world.command(&arguments);
    assert!(sound && said.contains("anchor: the chain goes through place"), "{said}");
    // One from before a run proves nothing about it, wherever its place is.
    let later_run = asked(&admin, QUESTION).await;
    let later = world.data.path().join("later.bundle.json").display().to_string();
    std::fs::write(&later, export(&admin, &later_run).await).expect("write");
    let (anchored, said, _) = world.command(&["run", "verify", &later, "--anchor", anchor]);
    assert!(!anchored && said.contains("is older than the entry of the run's end"), "{said}");
    assert!(said.contains("NOT ANCHORED") && !said.contains("anchor: the chain goes"), "{said}");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(anchor).expect("anchor")).expect("json");
    kept.as_object_mut().expect("tenants").values_mut().for_each(|anchor| turn(&mut anchor["hash"]));
    std::fs::write(anchor, kept.to_string()).expect("write");
    let (sound, said, _) = world.command(&arguments);
    assert!(!sound && said.contains("anchor: forged"), "{said}");
    let (sound, _, error) = world.command(&["run", "verify", path.to_str().expect("utf-8"), "--anchor", "/nowhere"]);
    assert!(!sound && error.contains("there is no anchor file"), "{error}");
}

const NAME: &str = "Katarzyna Wiśniewska";
const MAIL: &str = "katarzyna.wisniewska@zaklad-polnoc.example";
const IBAN: &str = "DE89 3704 0044 0532 0130 00";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_placeholders_and_no_secret_and_its_quotes_stand_all_the_same() {
    let model = says(&["The e-mail address of the supplier is [EMAIL_ADDRESS_1] [1]."]);
    for with_model in [false, true] {
        let mut world = World::new().await;
        if with_model {
            world.set_model(&model.base_url()).set("LLM_API_KEY", "sk-live-0123456789abcdef");
        }
        let tenant = world.tenant("A").await;
        world.user(&tenant, "admin@a.test", Role::Admin).await;
        let server = world.server().await;
        let admin = server.sign_in("admin@a.test").await;
        let text = format!(
            "# Supplier of seals\n\nThe contact of the supplier of seals is {NAME}. The e-mail address of the supplier is {MAIL}. \
             Invoices of the supplier are paid to the account {IBAN}. Seals are ordered 6 weeks ahead.\n"
        );
        admin.take_in(&format!("contact {NAME}.md"), text).await;
        let run = asked(&admin, &format!("What is the e-mail address of the supplier of seals? I am {NAME}.")).await;
        let file = export(&admin, &run).await;
        let (sound, said) = verify(&world, &file);
        assert!(sound, "{said}");
        assert!(
            said.contains("hold placeholders for personal data") && said.contains("quotes stand in them"),
            "{said}"
        );
        let said = String::from_utf8(file).expect("utf-8");
        for personal in [NAME, "Wiśniewska", MAIL, "zaklad-polnoc", IBAN, "0532 0130"] {
            assert!(!said.contains(personal), "the bundle holds `{personal}`");
        }
        for secret in [SECRET_KEY, "sk-live-0123456789abcdef", &admin.token, "$argon2id$", "only-for-tests"] {
            assert!(!said.contains(secret), "the bundle holds `{secret}`");
        }
        let passages = &parsed(said.as_bytes())["bundle"]["passages"];
        let text = passages[0]["text"].as_str().expect("text");
        assert!(text.contains("[EMAIL_ADDRESS_1]") && text.contains("Seals are ordered 6 weeks ahead."), "{text}");
    }
}

const PASSWORD: &str = "Sommer2024!";

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_document_is_not_handed_out_and_the_quote_that_it_stood_in_holds() {
    let cited = format!("The panel of pump P-9 opens with password={PASSWORD} at all times [1].");
    let model = says(&[&cited]);
    for with_model in [false, true] {
        let mut world = World::new().await;
        if with_model {
            world.set_model(&model.base_url());
        }
        let tenant = world.tenant("A").await;
        world.user(&tenant, "admin@a.test", Role::Admin).await;
        let server = world.server().await;
        let admin = server.sign_in("admin@a.test").await;
        let text = format!(
            "# Panel of pump P-9\n\nThe panel of pump P-9 opens with password={PASSWORD} at all times. The drive of pump P-9 has the \
             token: a1b2c3d4e5f6. The panel has a blue lamp.\n"
        );
        admin.take_in("panel.md", text).await;
        let run = asked(&admin, "With what does the panel of pump P-9 open?").await;
        let file = export(&admin, &run).await;
        let (sound, said) = verify(&world, &file);
        assert!(sound && said.contains("or had a secret removed"), "{said}");
        let file = String::from_utf8(file).expect("utf-8");
        assert!(!file.contains(PASSWORD) && !file.contains("a1b2c3d4e5f6"), "{file}");
        let bundle = &parsed(file.as_bytes())["bundle"];
        let (quote, text) = (&bundle["answer"]["citations"][0]["quote"], bundle["passages"][0]["text"].as_str());
        let hidden = |text: &str| text.contains("[secret removed]");
        assert!(quote.as_str().is_some_and(hidden) && text.is_some_and(hidden), "{bundle}");
        assert!(!with_model || said.contains("a key or a password stands in it"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_wrote_into_an_agent_does_not_leave_with_the_evidence_of_its_runs() {
    let model = says(&[FIRST, SECOND]);
    let (world, server, _) = world_with_a_run(&model).await;
    let admin = server.sign_in("admin@a.test").await;
    let definition = format!(
        "name: fitter\ntitle: Fitter\npurpose: Repairs.\ntools: []\nprompt: Our fitter is {NAME} ({MAIL}).\n\
         examples: [\"Where is {NAME}?\"]\n"
    );
    let version = admin.post("/api/v1/agents", &json!({ "definition": definition, "note": "a trial" })).await;
    assert_eq!(version.status(), StatusCode::CREATED);
    let activated = admin.post("/api/v1/agents/fitter/versions/1/activate", &json!({})).await;
    assert!(activated.status().is_success());
    let answer = admin.chat(&json!({ "message": QUESTION, "stream": false, "agent": "fitter" })).await;
    let file = export(&admin, answer["run_id"].as_str().expect("id")).await;
    let (sound, said) = verify(&world, &file);
    assert!(sound && said.contains("prompts: 1 of 1 are what was sent to a model, byte for byte"), "{said}");
    let file = String::from_utf8(file).expect("utf-8");
    for personal in [NAME, "Wiśniewska", MAIL] {
        assert!(!file.contains(personal), "the bundle holds `{personal}`: {file}");
    }
    let agent = &parsed(file.as_bytes())["bundle"]["run"]["input"]["agent"];
    assert_eq!((&agent["shown"]["name"], &agent["shown"]["version"]), (&json!("fitter"), &json!(1)), "{agent}");
    assert!(agent["shown"]["digest"].is_string() && agent["prompt"].is_null(), "{agent}");
    assert!(file.contains("Our fitter is [PERSON_"), "what a model was told is there as it was told: {file}");
}

/// Read with the facts, and not cited.
const OTHER: &str = "# Compressor K-12, housing\n\nThe compressor K-12 has a housing of Quixotrium. The valve cover of compressor \
    K-12 is painted blue.\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_any_more_is_left_out_with_all_drafts_and_named_with_its_digest() {
    // The last sentence is cut: it stands on nothing, and tells of what may not be read later.
    let model = says(&[FIRST, SECOND, " The Quixotrium melts at 961 degrees and weighs 44 kg."]);
    let mut world = World::new().await;
    world.set_model(&model.base_url());
    let tenant = world.tenant("A").await;
    let (admin, viewer) =
        (world.somebody(&tenant, "admin", Role::Admin).await, world.somebody(&tenant, "viewer", Role::Viewer).await);
    let server = world.server().await;
    let (admin, viewer) = (server.session(&admin.token), server.session(&viewer.token));
    let facts = take_in(&admin, "facts.md", FACTS, &[("classification", "INTERNAL")]).await;
    let other = take_in(&admin, "housing.md", OTHER, &[("classification", "INTERNAL")]).await;
    let run = asked(&viewer, QUESTION).await;
    let before = export(&viewer, &run).await;
    assert!(String::from_utf8_lossy(&before).matches("Quixotrium").count() >= 3, "passage, draft and cut sentence");
    let found = parsed(&before)["bundle"]["steps"][0]["detail"].to_string();
    assert!(found.contains("housing.md") && found.contains("Compressor K-12, housing"), "{found}");
    let before = parsed(&before);
    let of_other = |passage: &&Value| passage["document_id"] == other["id"];
    let passages = before["bundle"]["passages"].as_array().expect("passages");
    let (id_of, sha256) = {
        let passage = passages.iter().find(of_other).expect("it was read");
        (passage["chunk_id"].clone(), passage["sha256"].clone())
    };
    let path = |document: &Value| format!("/api/v1/documents/{}", id(document));
    let raised = json!({ "classification": "RESTRICTED" });
    assert_eq!(admin.patch(&path(&other), &raised).await.status(), 200);
    let file = export(&viewer, &run).await;
    let (sound, said) = verify(&world, &file);
    assert!(sound && said.contains("may not read its document any more"), "{said}");
    let after = parsed(&file);
    let left_out = &after["bundle"]["left_out"][0];
    assert_eq!((&left_out["id"], &left_out["sha256"]), (&id_of, &sha256), "{left_out}");
    assert_eq!(after["bundle"]["passages"].as_array().expect("passages").len(), passages.len() - 1);
    // Nor is it in what a model was given, in what it wrote, and in what of that was cut. The digests of these stay.
    for (step, part) in [(0, "detail"), (1, "record"), (2, "detail")] {
        let name = format!("{part}_sha256");
        let of = |bundle: &Value| bundle["bundle"]["steps"][step]["content"][&name].clone();
        assert!(after["bundle"]["steps"][step][part].is_null() && of(&after) == of(&before) && of(&after).is_string());
        assert!(said.contains(&format!("{part} of step {} is left out", step + 1)), "{said}");
    }
    let said_of_other =
        |file: &[u8]| ["Quixotrium", "housing"].map(|word| String::from_utf8_lossy(file).contains(word));
    assert_eq!(said_of_other(&file), [false, false], "neither its words nor its name and headings");
    assert!(after["bundle"]["prompts"][0]["request"].is_null() && said.contains("not in the bundle"), "{said}");
    assert_eq!(after["bundle"]["prompts"][0]["sha256"], before["bundle"]["prompts"][0]["sha256"]);

    assert_eq!(admin.delete(&path(&other)).await, StatusCode::NO_CONTENT);
    let file = export(&viewer, &run).await;
    let (sound, said) = verify(&world, &file);
    assert!(sound && said.contains("its document was deleted or read anew"), "{said}");
    assert_eq!(said_of_other(&file), [false, false], "{said}");

    // What the answer cites raises the run with it.
    assert_eq!(admin.patch(&path(&facts), &raised).await.status(), 200);
    problem(viewer.post(&format!("/api/v1/runs/{run}/bundle"), &Value::Null).await, 403, "label_denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_accounts_for_its_decisions_to_its_person_alone() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    let (person, other) = (
        world.somebody(&tenant, "admin", Role::Admin).await,
        world.somebody(&tenant, "operator", Role::Operator).await,
    );
    let server = world.server().await;
    let admin = server.session(&person.token);
    admin.take_in("pump.md", "# Pump P-7\n\nThe pump P-7 is oiled every 500 hours.\n").await;
    let run = admin.ask("How often is the pump P-7 oiled?").await;
    let path = format!("/api/v1/runs/{}/account", run["run_id"].as_str().expect("id"));
    let account = admin.json(&path).await;
    let decisions = account["decisions"].as_array().expect("decisions");
    assert!(decisions.iter().any(|decision| decision["verdict"] == "ALLOW"), "{account}");
    assert!(account["calls"].as_array().is_some_and(Vec::is_empty), "no model was asked: {account}");
    problem(server.session(&other.token).get(&path).await, 404, "not_found").await;
}
