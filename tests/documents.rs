//! Documents from upload to deletion, as their readers see them.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Digest;

use crate::kit::{Session, Stream, World, eventually, problem, read, root, sample, session::id, shared_data};

/// Checks that each chunk is exactly what its span of its page names, and that nothing of the order is broken.
async fn check_spans(session: &Session<'_>, document: &Value) -> Vec<Value> {
    let path = format!("/api/v1/documents/{}", id(document));
    let chunks = session.all(&format!("{path}/chunks"), 7).await;
    assert_eq!(Some(chunks.len() as u64), document["latest"]["chunk_count"].as_u64());
    let (mut number, mut page) = (0, Vec::new());
    for (ordinal, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk["ordinal"], ordinal, "{chunk}");
        let at = |field: &str| usize::try_from(chunk[field].as_u64().expect(field)).expect("small");
        let on_page = chunk["page"].as_u64().unwrap_or(1);
        assert_eq!(chunk["page"].is_null(), document["latest"]["paged"] == false, "{chunk}");
        if on_page != number {
            assert!(on_page > number, "pages go backwards at {chunk}");
            let read = session.json(&format!("{path}/pages/{on_page}")).await;
            assert_eq!((&read["number"], &read["page_count"]), (&json!(on_page), &document["latest"]["page_count"]));
            page = read["text"].as_str().expect("text").chars().collect();
            number = on_page;
        }
        let span: String = page[at("char_start")..at("char_end")].iter().collect();
        assert_eq!(chunk["text"], span, "chunk {ordinal} of page {on_page}");
        assert!(!span.trim().is_empty() && at("token_count") > 0 && at("token_count") <= 512, "{chunk}");
    }
    chunks
}

/// A file that another program's own library made.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("crates/documents/tests/fixtures").join(name)).expect("fixture")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_becomes_chunks_that_are_exact_slices_of_its_pages() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let html = "<!doctype html><title>Fan</title><h1>Fan</h1><h2>Care</h2><p>The fan of Ölkühler &auml; is cleaned weekly.</p>";
    for (name, bytes, format, media_type, heading) in [
        ("pump-manual.pdf", sample("pump-manual.pdf"), "pdf", "application/pdf", "Tightening torques"),
        (
            "lockout-procedure.docx",
            sample("lockout-procedure.docx"),
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "",
        ),
        ("downtime-report.md", sample("downtime-report.md"), "markdown", "text/markdown", "Stop 3: seized bearing"),
        ("fan.html", html.as_bytes().to_vec(), "html", "text/html", "Care"),
        ("note.txt", "Grease 🛢 the bearing, 4 g, every 500 h.".as_bytes().to_vec(), "text", "text/plain", ""),
        (
            "briefing.pptx",
            fixture("briefing.pptx"),
            "pptx",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            "Torques",
        ),
        (
            "spares.xlsx",
            fixture("spares.xlsx"),
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            // Two small sheets share a chunk, each with the line of its name.
            "",
        ),
        ("readings.csv", b"time;bar\n08:00;6,1\n".to_vec(), "csv", "text/csv", ""),
        ("leak.eml", fixture("leak.eml"), "eml", "message/rfc822", "Leak at pump P-101"),
    ] {
        let document = admin.take_in(name, bytes.clone()).await;
        let latest = &document["latest"];
        assert_eq!(latest["status"], "ready", "{document}");
        assert_eq!((&document["format"], &document["current_version"]), (&json!(format), &json!(1)));
        assert_eq!((&latest["size_bytes"], &latest["stage"]), (&json!(bytes.len()), &Value::Null));
        let timings: Vec<_> = latest["timings_ms"].as_object().expect("timings").keys().map(String::as_str).collect();
        assert_eq!(timings, ["chunk", "embed", "index", "parse"], "{latest}");
        let chunks = check_spans(&admin, &document).await;
        assert!(!chunks.is_empty());
        let under = chunks.iter().any(|chunk| {
            let path = chunk["heading_path"].as_array().expect("path");
            path.iter().any(|part| part.as_str().expect("text").contains(heading))
        });
        assert!(heading.is_empty() || under, "no chunk of {name} stands under `{heading}`");
        let content = admin.get(&format!("/api/v1/documents/{}/content", id(&document))).await;
        let of_type = content.headers()["content-type"].to_str().expect("ascii").to_owned();
        assert!(of_type.starts_with(media_type), "{of_type}");
        assert!(content.headers()["content-disposition"].to_str().expect("ascii").starts_with("attachment"));
        assert_eq!(content.bytes().await.expect("bytes"), bytes, "the original comes back");
    }
    let pdf = &admin.json("/api/v1/documents?q=PUMP").await["items"];
    assert_eq!((pdf.as_array().expect("items").len(), &pdf[0]["name"]), (1, &json!("pump-manual.pdf")));
    let missing = admin.get(&format!("/api/v1/documents/{}/pages/99", id(&pdf[0]))).await;
    problem(missing, 404, "not_found").await;
    let found = admin.search("impeller nut torque").await;
    assert_eq!(found[0]["document_name"], "pump-manual.pdf", "{found:?}");
    assert!(found[0]["keyword"]["rank"].is_u64() && found[0]["vector"]["rank"].is_u64(), "{}", found[0]);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_manual_is_read_and_its_words_lead_to_their_page() {
    let Some(path) = shared_data("industrial-documents/pdf-other/plcopen-TC6_XML_V101.pdf") else { return };
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let started = Instant::now();
    let document = admin.take_in("plcopen.pdf", std::fs::read(path).expect("read")).await;
    println!("a PDF of {} pages was taken in within {:?}", document["latest"]["page_count"], started.elapsed());
    assert_eq!(document["latest"]["status"], "ready", "{document}");
    assert_eq!(document["latest"]["paged"], true);
    let chunks = check_spans(&admin, &document).await;
    assert!(chunks.len() > 30, "only {} chunks", chunks.len());
    let found = admin.search("sequential function chart SFC transition").await;
    assert!(!found.is_empty());
    for passage in &found {
        let page = admin.json(&format!("/api/v1/documents/{}/pages/{}", id(&document), passage["page"])).await;
        let text: Vec<char> = page["text"].as_str().expect("text").chars().collect();
        let at = |field: &str| usize::try_from(passage[field].as_u64().expect(field)).expect("small");
        assert_eq!(passage["text"], text[at("char_start")..at("char_end")].iter().collect::<String>());
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_document_shows_its_stages_in_order_and_ends() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let document = admin.accepted("pump-manual.pdf", sample("pump-manual.pdf")).await;
    let path = format!("/api/v1/documents/{}/events", id(&document));
    let events = Stream::new(admin.get(&path).await).rest().await;
    assert!(events.iter().all(|event| event.name == "document" && event.data["id"] == document["id"]));
    assert!(events.windows(2).all(|pair| pair[0].data != pair[1].data), "the same twice");
    let order = ["queued", "parse", "chunk", "embed", "index", "ready"];
    let places: Vec<_> = events
        .iter()
        .map(|event| {
            let latest = &event.data["latest"];
            let word = latest["stage"].as_str().or(latest["status"].as_str()).expect("status");
            order.iter().position(|known| *known == word || word == "processing").unwrap_or_else(|| panic!("{latest}"))
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(places.len() >= 2, "nothing was seen on the way: {places:?}");
    assert_eq!(events.last().expect("event").data["latest"]["status"], "ready");
    let again = Stream::new(admin.get(&path).await).rest().await;
    assert_eq!(again.len(), 1, "a document at rest is told once");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_again_is_a_new_version_and_only_that_one_answers() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let first = admin.take_in("limits.md", "# Limits\n\nThe alarm limit of the bearing is 120 °C.\n").await;
    let second = admin.take_in("limits.md", "# Limits\n\nThe alarm limit of the bearing is 85 °C.\n").await;
    assert_eq!(first["id"], second["id"]);
    assert_eq!((&second["current_version"], &second["latest"]["number"]), (&json!(2), &json!(2)));
    let states: Vec<_> =
        second["versions"].as_array().expect("versions").iter().map(|version| &version["status"]).collect();
    assert_eq!(states, ["ready", "superseded"]);
    eventually("both indexes know version 2", Duration::from_secs(10), async || {
        let found = admin.search("alarm limit of the bearing").await;
        assert!(found.iter().all(|passage| passage["version"] == 2), "{found:?}");
        found.iter().any(|passage| !passage["keyword"].is_null() && !passage["vector"].is_null())
    })
    .await;
    let answer = admin.ask("What is the alarm limit of the bearing?").await;
    assert!(answer["message"]["content"].as_str().expect("text").contains("85 °C"), "{answer}");
    assert_eq!(answer["message"]["citations"][0]["version"], 2);
    let path = format!("/api/v1/documents/{}", id(&second));
    let old = admin.get(&format!("{path}/content?version=1")).await.text().await.expect("text");
    assert!(old.contains("120 °C"), "a citation of an old answer still leads to its source");
    let failed = admin.take_in("limits.md", b"%PDF-1.7\nnot really".to_vec()).await;
    assert_eq!((&failed["latest"]["status"], &failed["current_version"]), (&json!("failed"), &json!(2)));
    assert_eq!(admin.search("alarm limit of the bearing").await[0]["version"], 2, "a version that fails replaces none");
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_again_are_recognised_and_not_read_again() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = "# Limits\n\nThe alarm limit of the bearing is 120 °C.\n";
    let first = admin.take_in("limits.md", text).await;
    let counts = "SELECT (SELECT count(*) FROM jobs) || ' ' || (SELECT count(*) FROM audit_entries)";
    let before = world.db().peek(counts).await;
    let form = |bytes: &str| {
        let part = reqwest::multipart::Part::bytes(bytes.as_bytes().to_vec()).file_name("limits.md");
        reqwest::multipart::Form::new().part("file", part)
    };
    let send = async |form| {
        let request = admin.request(reqwest::Method::POST, "/api/v1/documents/upload").multipart(form);
        let answer = request.send().await.expect("answer");
        (answer.status(), answer.json::<Value>().await.expect("JSON"))
    };
    let (status, again) = send(form(text)).await;
    assert_eq!((status, &again["id"]), (StatusCode::OK, &first["id"]));
    assert_eq!((&again["latest"]["number"], &again["latest"]["status"]), (&json!(1), &json!("ready")));
    assert_eq!(world.db().peek(counts).await, before, "nothing happened that would have to be proved");
    // What is said of it may still change, and that is proved.
    let (status, described) = send(form(text).text("metadata", r#"{"line": 4}"#)).await;
    assert_eq!((status, &described["metadata"]["line"]), (StatusCode::OK, &json!(4)));
    assert_ne!(world.db().peek(counts).await, before);
    assert_eq!(send(form("# Limits\n\nNone.\n")).await.0, StatusCode::ACCEPTED);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_document_is_gone_at_once_everywhere() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let text = "# Kiln\n\nThe kiln of hall 4 is heated to 1280 °C.\n";
    let document = admin.take_in("kiln.md", text).await;
    let before = admin.ask("To what temperature is the kiln of hall 4 heated?").await;
    assert_eq!(before["message"]["answered"], true, "{before}");
    let path = format!("/api/v1/documents/{}", id(&document));
    assert_eq!(admin.delete(&path).await, StatusCode::NO_CONTENT);
    assert!(admin.search("kiln of hall 4").await.is_empty());
    let after = admin.ask("To what temperature is the kiln of hall 4 heated?").await;
    assert_eq!((&after["message"]["answered"], &after["message"]["citations"]), (&json!(false), &json!([])), "{after}");
    for part in ["", "/content", "/content?version=1", "/chunks", "/pages/1", "/events"] {
        problem(admin.get(&format!("{path}{part}")).await, 404, "not_found").await;
    }
    assert_eq!(admin.delete(&path).await, StatusCode::NOT_FOUND, "once is enough");
    problem(admin.post(&format!("{path}/reindex"), &json!({})).await, 404, "not_found").await;
    assert_eq!(admin.json("/api/v1/documents").await["items"], json!([]));
    let left = "SELECT count(*)::text FROM (SELECT 1 FROM document_contents UNION ALL SELECT 1 FROM document_pages \
                UNION ALL SELECT 1 FROM chunks UNION ALL SELECT 1 FROM chunk_vectors) AS left_over";
    assert_eq!(world.db().peek(left).await, ["0"], "its contents are gone from the database too");
    let again = admin.take_in("kiln.md", text).await;
    assert_ne!(again["id"], document["id"], "the name is free again");
    assert_eq!(again["latest"]["number"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_deleted_while_it_is_read_leaves_nothing() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for pause in [0, 60, 250, 600] {
        let document = admin.accepted("pump-manual.pdf", sample("pump-manual.pdf")).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert_eq!(admin.delete(&format!("/api/v1/documents/{}", id(&document))).await, StatusCode::NO_CONTENT);
    }
    let left = "SELECT coalesce(string_agg(kind, ' '), '') FROM (SELECT 'job' AS kind FROM jobs \
                WHERE status IN ('queued', 'running') UNION ALL SELECT 'content' FROM document_contents \
                UNION ALL SELECT 'page' FROM document_pages UNION ALL SELECT 'chunk' FROM chunks \
                UNION ALL SELECT 'vector' FROM chunk_vectors) AS left_over";
    eventually("nothing is left", Duration::from_secs(40), async || world.db().peek(left).await == [""]).await;
    assert!(admin.all("/api/v1/admin/jobs?status=dead", 50).await.is_empty());
    assert!(admin.search("pump torque").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_can_be_read_anew_from_its_bytes() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let document = admin.take_in("downtime-report.md", sample("downtime-report.md")).await;
    let path = format!("/api/v1/documents/{}", id(&document));
    let before = admin.all(&format!("{path}/chunks"), 200).await;
    let accepted = admin.request(Method::POST, &format!("{path}/reindex")).send().await.expect("send");
    let (status, body) = read(accepted).await;
    assert_eq!((status, &body["latest"]["status"], &body["latest"]["number"]), (202, &json!("queued"), &json!(1)));
    let settled = admin.settled(id(&document)).await;
    assert_eq!((&settled["latest"]["status"], &settled["current_version"]), (&json!("ready"), &json!(1)), "{settled}");
    let after = admin.all(&format!("{path}/chunks"), 200).await;
    let texts = |chunks: &[Value]| chunks.iter().map(|chunk| chunk["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(&before), texts(&after));
    let counts = "SELECT format('%s %s', count(*), count(DISTINCT ordinal)) FROM chunks";
    assert_eq!(world.db().peek(counts).await, [format!("{0} {0}", after.len())], "nothing stands twice");
    let found = admin.search("seized bearing 6205-2RS").await;
    assert_eq!(found[0]["document_id"], document["id"]);
    assert_eq!(admin.audit("action=document.reindex_requested").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_refused_while_too_many_documents_of_the_tenant_wait() {
    let mut world = World::new().await;
    world.set("DOCUMENTS_WAITING", "2");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", millwright_core::Role::Admin).await;
    let server = world.server().await;
    let admin = server.sign_in("admin@a.test").await;
    world
        .db()
        .tamper(
            "INSERT INTO jobs (tenant_id, id, kind, payload, created_at, run_at) \
             SELECT t.tenant_id, gen_random_uuid(), 'document.ingest', '{}', now(), now() + interval '1 hour' \
             FROM tenants t, generate_series(1, 2)",
        )
        .await;
    let refused = admin.upload("downtime-report.md", sample("downtime-report.md")).await;
    assert_eq!(refused.headers()["retry-after"], "60");
    let said = problem(refused, 429, "rate_limited").await;
    assert!(said["remedy"].as_str().expect("remedy").contains("DOCUMENTS_WAITING"), "{said}");
    assert_eq!(world.db().peek("SELECT count(*)::text FROM documents").await, ["0"], "nothing of it is kept");
    world.db().tamper("DELETE FROM jobs WHERE id IN (SELECT id FROM jobs LIMIT 1)").await;
    admin.take_in("downtime-report.md", sample("downtime-report.md")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_manifest_tells_how_a_version_was_read_and_when_a_passage_was_changed_behind_its_back() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    let bytes = sample("downtime-report.md");
    let document = admin.take_in("downtime-report.md", bytes.clone()).await;
    let path = format!("/api/v1/documents/{}/versions/1/manifest", id(&document));
    let manifest = admin.json(&path).await;
    let source = hex::encode(sha2::Sha256::digest(&bytes));
    assert_eq!((&manifest["intact"], &manifest["signed"]["source"]), (&json!(true), &json!(source)), "{manifest}");
    assert_eq!(manifest["signed"]["chunk_count"], document["latest"]["chunk_count"]);
    assert_eq!((&manifest["format"], &manifest["chunk_tokens"]), (&json!("markdown"), &json!(512)));
    let parser = manifest["parser"].as_str().expect("parser");
    assert!(parser.starts_with("millwright-documents ") && manifest["recognition"].is_null(), "{manifest}");
    let entries = admin.audit("action=document.version_ready").await;
    assert_eq!(entries[0]["id"], manifest["audit_entry_id"]);
    assert_eq!(entries[0]["details"]["manifest"]["digests"]["chunks"], manifest["signed"]["chunks"]);

    let reread = admin.request(Method::POST, &format!("/api/v1/documents/{}/reindex", id(&document)));
    assert_eq!(reread.send().await.expect("send").status(), 202);
    admin.settled(id(&document)).await;
    let again = admin.json(&path).await;
    assert_eq!(again["signed"], manifest["signed"], "the same bytes come to the same passages");
    assert_ne!(again["audit_entry_id"], manifest["audit_entry_id"]);

    world.db().tamper("UPDATE chunks SET text = replace(text, 'bearing', 'gearbox') WHERE text LIKE '%bearing%'").await;
    let tampered = admin.json(&path).await;
    assert_eq!((&tampered["intact"], &tampered["signed"]), (&json!(false), &manifest["signed"]));
    assert_eq!(tampered["stored"]["pages"], manifest["signed"]["pages"]);
    assert_ne!(tampered["stored"]["chunks"], manifest["signed"]["chunks"]);
    problem(admin.get(&path.replace("versions/1", "versions/2")).await, 404, "not_found").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyword_index_can_be_deleted_while_serving_and_comes_back() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("downtime-report.md", sample("downtime-report.md")).await;
    let query = "bearing 6205-2RS cabinet C3";
    let by_keyword = |found: &[Value]| found.iter().any(|passage| !passage["keyword"].is_null());
    eventually("found by keyword", Duration::from_secs(10), async || by_keyword(&admin.search(query).await)).await;
    let folder = world.data.path().join("keyword");
    assert!(folder.exists(), "the index lies elsewhere: this test deletes nothing");
    for round in ["whole folder", "one tenant's folder"] {
        let gone = if round == "whole folder" { folder.clone() } else { folder.join("index") };
        std::fs::remove_dir_all(gone).expect("remove");
        let started = Instant::now();
        let found = admin.search(query).await;
        assert!(found.iter().any(|passage| !passage["vector"].is_null()), "vectors answer meanwhile: {found:?}");
        eventually("found by keyword again", Duration::from_secs(20), async || {
            let found = admin.search(query).await;
            assert!(!found.is_empty(), "it stopped answering");
            by_keyword(&found)
        })
        .await;
        println!("keyword index back {:?} after its {round} was deleted", started.elapsed());
    }
    eventually("healthy", Duration::from_secs(10), async || server.health("keyword index").await["status"] == "ready")
        .await;
    admin.take_in("next.md", "# Next\n\nThe Quibblewort valve is new.\n").await;
    eventually("new documents too", Duration::from_secs(10), async || by_keyword(&admin.search("Quibblewort").await))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_decides_what_a_file_is_and_not_its_name() {
    let (world, server) = World::with_admin().await;
    let admin = server.sign_in("admin@a.test").await;
    for (name, bytes, format) in [
        ("manual.txt", sample("pump-manual.pdf"), "pdf"),
        ("manual.pdf", sample("lockout-procedure.docx"), "docx"),
        ("report.docx", sample("downtime-report.md"), "markdown"),
        ("page.pdf", b"<!DOCTYPE html><html><body><p>The belt is new.</p></body></html>".to_vec(), "html"),
        ("no extension", "Öl wechseln alle 500 Stunden.".as_bytes().to_vec(), "text"),
        ("latin1.txt", b"K\xfchlung mit 20 \xb0C, Druck 3 bar.".to_vec(), "text"),
    ] {
        let document = admin.take_in(name, bytes).await;
        assert_eq!(
            (&document["format"], &document["latest"]["status"]),
            (&json!(format), &json!("ready")),
            "{document}"
        );
        assert_eq!(document["name"], name);
    }
    assert_eq!(admin.search("Kühlung").await[0]["document_name"], "latin1.txt");
    drop(world);
}
