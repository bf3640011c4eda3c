//! What bad input gets: an error with a code and a sentence, and nothing lost or half done.

use std::io::Write;

use reqwest::{Response, multipart};
use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::kit::{Server, Session, World, operations::Ids, problem, read, sample, session::id};

/// A world whose uploads may have 1 MiB.
async fn small_uploads() -> (World, Server) {
    let mut world = World::new().await;
    world.set("MAX_UPLOAD_MB", "1");
    let tenant = world.tenant("A").await;
    world.user(&tenant, "admin@a.test", millwright_core::Role::Admin).await;
    let server = world.server().await;
    (world, server)
}

/// A PDF of these objects, the first of which is its catalogue.
fn pdf(objects: &[String], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    out.extend(
        format!("trailer\n<< /Size {} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1)
            .bytes(),
    );
    out
}

/// A PDF of one page with this content stream.
fn page_with(content: &str, resources: &str, trailer: &str) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << {resources} >> >>"),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 4 >>\n\
         stream\n\x01\x40\x50\x60\nendstream"
            .to_owned(),
    ];
    pdf(&objects, trailer)
}

/// A scan: one picture over the whole page.
fn scan() -> Vec<u8> {
    page_with("q 595 0 0 842 0 0 cm /Im1 Do Q", "/XObject << /Im1 5 0 R >>", "")
}

/// Opens only with a password that nobody knows.
fn encrypted() -> Vec<u8> {
    let secret = "9f".repeat(32);
    let encrypt = format!(
        "/Encrypt << /Filter /Standard /V 1 /R 2 /O <{secret}> /U <{secret}> /P -4 >> /ID [<{0}> <{0}>]",
        "11".repeat(16)
    );
    page_with("BT /F1 12 Tf (secret) Tj ET", "/Font << >>", &encrypt)
}

/// A Word file whose text unpacks to `megabytes`.
fn zip_bomb(megabytes: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let types = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
        <Override PartName=\"/word/document.xml\" ContentType=\
        \"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>";
    let relations = "<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
        <Relationship Id=\"rId1\" Target=\"word/document.xml\" Type=\
        \"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\"/></Relationships>";
    for (name, content) in [("[Content_Types].xml", types), ("_rels/.rels", relations)] {
        zip.start_file(name, options).expect("file");
        zip.write_all(content.as_bytes()).expect("write");
    }
    zip.start_file("word/document.xml", options).expect("file");
    zip.write_all(
        b"<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r><w:t>",
    )
    .expect("write");
    let block = vec![b'a'; 1 << 20];
    for _ in 0..megabytes {
        zip.write_all(&block).expect("write");
    }
    zip.write_all(b"</w:t></w:r></w:p></w:body></w:document>").expect("write");
    zip.finish().expect("finish").into_inner()
}

/// What became of an upload: refused at once, or its version's end.
async fn outcome(session: &Session<'_>, response: Response) -> (String, String) {
    let (status, body) = read(response).await;
    if status != 202 {
        let said = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        return (said("code"), format!("{} {}", said("detail"), said("remedy")));
    }
    let document = session.settled(id(&body)).await;
    let latest = &document["latest"];
    if latest["status"] == "ready" {
        return ("ready".to_owned(), format!("{} pages", latest["page_count"]));
    }
    assert_eq!((&document["current_version"], &latest["status"]), (&Value::Null, &json!("failed")), "{document}");
    let said = |field: &str| latest["error"][field].as_str().unwrap_or_default().to_owned();
    (said("code"), said("detail"))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_say_why_and_leave_nothing_behind() {
    let (world, server) = small_uploads().await;
    let admin = server.sign_in("admin@a.test").await;
    let manual = sample("pump-manual.pdf");
    let docx = sample("lockout-procedure.docx");
    for (what, name, bytes, code, word) in [
        ("empty", "a.pdf", Vec::new(), "document_unreadable", "empty"),
        ("only spaces", "a.txt", b" \n \n".to_vec(), "document_unreadable", "empty"),
        ("encrypted", "b.pdf", encrypted(), "document_encrypted", "password"),
        ("half a PDF", "c.pdf", manual[..manual.len() / 2].to_vec(), "document_unreadable", ""),
        ("a PDF header and nothing", "c2.pdf", b"%PDF-1.7\n".to_vec(), "document_unreadable", ""),
        ("half a Word file", "d.docx", docx[..docx.len() / 2].to_vec(), "document_unreadable", "damaged"),
        ("a picture named PDF", "e.pdf", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "unsupported_media_type", "PNG"),
        ("a program named text", "f.txt", b"\x7fELF\x02\x01\x01\0\0\0\0".to_vec(), "unsupported_media_type", ""),
        ("any zip named Word", "g.docx", any_zip(), "unsupported_media_type", ""),
        ("a scan", "h.pdf", scan(), "document_needs_ocr", "OCR"),
        ("a zip bomb", "i.docx", zip_bomb(600), "document_limit_exceeded", ""),
        ("no text in HTML", "j.html", b"<!doctype html><script>1</script>".to_vec(), "document_unreadable", ""),
    ] {
        let (found, said) = outcome(&admin, admin.upload(name, bytes).await).await;
        println!("{what}: {found}: {said}");
        assert_eq!(found, code, "{what}: {said}");
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "{what}: {said}");
        assert!(!said.contains("/tmp") && !said.contains(".rs:"), "{what} shows insides: {said}");
    }
    admin.jobs_done().await;
    let left = "SELECT coalesce(string_agg(DISTINCT kind, ' '), '') FROM (SELECT 'chunk' AS kind FROM chunks \
                UNION ALL SELECT 'vector' FROM chunk_vectors UNION ALL SELECT 'page' FROM document_pages \
                UNION ALL SELECT 'change' FROM index_changes) AS found";
    assert_eq!(world.db().peek(left).await, [""], "something half read is left");
    assert!(admin.all("/api/v1/admin/jobs?status=dead", 50).await.is_empty(), "a bad file is no failure of a job");
    let failed = admin.all("/api/v1/documents?status=failed", 50).await.len();
    assert_eq!(admin.audit("action=document.version_failed").await.len(), failed, "each failure is in the log");
    assert_eq!(admin.take_in("good.pdf", manual).await["latest"]["status"], "ready", "and the next good file is read");
}

fn any_zip() -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("notes.txt", SimpleFileOptions::default()).expect("file");
    zip.write_all(b"hello").expect("write");
    zip.finish().expect("finish").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_refused_and_one_that_just_fits_is_not() {
    let (world, mut server) = small_uploads().await;
    // The server may close a connection on which it refused a body, in the moment in which a client uses it again.
    server.http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("client");
    let admin = server.sign_in("admin@a.test").await;
    let text = |bytes: usize| "The pump is oiled. ".repeat(bytes / 19 + 1).into_bytes()[..bytes].to_vec();
    let limit = 1024 * 1024;
    for bytes in [limit + 1, limit + 70_000, 3 * limit, 40 * limit, 40 * limit, 40 * limit] {
        let body = problem(admin.upload("large.txt", text(bytes)).await, 413, "payload_too_large").await;
        let said = format!("{} {}", body["detail"], body["remedy"]);
        assert!(said.contains("1 MiB") && said.contains("MAX_UPLOAD_MB"), "{said}");
    }
    assert_eq!(admin.json("/api/v1/documents").await["items"], json!([]));
    let (status, document) = read(admin.upload("fits.txt", text(limit)).await).await;
    assert_eq!((status, &document["latest"]["size_bytes"]), (202, &json!(limit)), "{document}");
    assert_eq!(admin.delete(&format!("/api/v1/documents/{}", id(&document))).await, 204);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_could_be_paths_or_hide_something_are_refused_and_odd_ones_are_kept_as_they_are() {
    let (world, server) = small_uploads().await;
    let admin = server.sign_in("admin@a.test").await;
    let long = "x".repeat(300);
    for name in [
        "../../etc/passwd",
        "..\\windows.txt",
        "/etc/passwd",
        "a/b.txt",
        "..",
        ".",
        "",
        "   ",
        "tab\there.txt",
        "zero\u{0}.txt",
        "line\nbreak.txt",
        "bell\u{7}.txt",
        "reversed\u{202e}txt.exe",
        "zero\u{200b}width.txt",
        &long,
    ] {
        // By hand: a client library would mend the name or leave it out.
        let head = format!(
            "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{}\"",
            name.replace('\\', "\\\\")
        );
        let body = format!("{head}\r\ncontent-type: text/plain\r\n\r\nThe pump is oiled.\r\n--b--\r\n");
        let request = admin.request(reqwest::Method::POST, "/api/v1/documents/upload");
        let response =
            request.header("content-type", "multipart/form-data; boundary=b").body(body).send().await.expect("send");
        // Some control characters already break the frame of the form.
        let code = if name.contains(['\0', '\n', '\u{7}']) && response.status() == 400 {
            "malformed_body"
        } else {
            "validation_failed"
        };
        let status = response.status().as_u16();
        let body = problem(response, status, code).await;
        println!("{name:?}: {status} {}", body["fields"][0]["message"]);
        assert!(status == 400 || body["fields"][0]["message"].as_str().is_some_and(|said| !said.is_empty()), "{body}");
    }
    assert_eq!(admin.json("/api/v1/documents").await["items"], json!([]));
    let odd = [
        "Wartung Ölpumpe (Halle 4).txt",
        "заявка №5.txt",
        "100%;--'\".txt",
        "<img src=x onerror=alert(1)>.txt",
        "x y.tar.txt",
    ];
    for name in odd {
        let document = admin.take_in(name, "The pump is oiled.").await;
        assert_eq!((&document["name"], &document["latest"]["status"]), (&json!(name), &json!("ready")));
        let content = admin.get(&format!("/api/v1/documents/{}/content", id(&document))).await;
        assert_eq!(content.headers()["x-content-type-options"], "nosniff");
        assert!(content.headers()["content-disposition"].to_str().expect("ascii").starts_with("attachment; filename"));
    }
    drop(world);
}

fn file() -> multipart::Part {
    multipart::Part::text("The pump is oiled.").file_name("pump.txt")
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_are_not_as_documented_are_explained() {
    let (world, server) = small_uploads().await;
    let admin = server.sign_in("admin@a.test").await;
    let form = multipart::Form::new;
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    for (what, form) in [
        ("no file", form().text("classification", "PUBLIC")),
        ("two files", form().part("file", file()).part("file", file())),
        ("a file without a name", form().part("file", multipart::Part::text("x"))),
        ("an unknown field", form().part("file", file()).text("colour", "red")),
        ("an unknown label", form().part("file", file()).text("classification", "TOP SECRET")),
        ("a label in small letters", form().part("file", file()).text("classification", "public")),
        ("metadata that is no JSON", form().part("file", file()).text("metadata", "{")),
        ("metadata that is no object", form().part("file", file()).text("metadata", "[1]")),
        ("metadata with the character zero", form().part("file", file()).text("metadata", "{\"a\":\"\\u0000\"}")),
        ("metadata with a lone surrogate", form().part("file", file()).text("metadata", "{\"a\":\"\\ud800\"}")),
        ("metadata that is too deep", form().part("file", file()).text("metadata", deep)),
        (
            "too much metadata",
            form().part("file", file()).text("metadata", format!("{{\"a\":\"{}\"}}", "x".repeat(17_000))),
        ),
    ] {
        let response = admin.upload_form(form).await;
        let (status, body) = read(response).await;
        assert_eq!((status, &body["code"]), (422, &json!("validation_failed")), "{what}: {body}");
    }
    let raw = |media_type: &str, body: &str| {
        let request = admin.request(reqwest::Method::POST, "/api/v1/documents/upload");
        request.header("content-type", media_type).body(body.to_owned()).send()
    };
    problem(raw("application/json", "{}").await.expect("send"), 415, "unsupported_media_type").await;
    problem(raw("multipart/form-data", "x").await.expect("send"), 415, "unsupported_media_type").await;
    let cut = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhalf";
    problem(raw("multipart/form-data; boundary=b", cut).await.expect("send"), 400, "malformed_body").await;
    assert_eq!(admin.json("/api/v1/documents").await["items"], json!([]), "nothing of all that was kept");
    let good = form()
        .part("file", file())
        .text("classification", "RESTRICTED")
        .text("metadata", "{\"plant\":\"Köln\",\"n\":1.5}");
    let (status, body) = read(admin.upload_form(good).await).await;
    assert_eq!((status, &body["classification"]), (202, &json!("RESTRICTED")), "{body}");
    assert_eq!(body["metadata"], json!({ "plant": "Köln", "n": 1.5 }));
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn characters_that_postgres_cannot_hold_are_the_clients_fault_and_not_ours() {
    let (world, server) = small_uploads().await;
    let admin = server.sign_in("admin@a.test").await;
    let zero = "a\u{0}b";
    for (path, body) in [
        ("/api/v1/search", json!({ "query": zero })),
        ("/api/v1/chat", json!({ "message": zero, "stream": false })),
        ("/api/v1/auth/login", json!({ "email": zero, "password": "x" })),
        ("/api/v1/auth/login", json!({ "email": "admin@a.test", "password": zero })),
        ("/api/v1/auth/login/second-factor", json!({ "challenge": zero, "code": zero })),
        ("/api/v1/auth/set-password", json!({ "token": zero, "password": zero })),
        ("/api/v1/auth/refresh", json!({ "refresh_token": zero })),
        ("/api/v1/auth/step-up", json!({ "purpose": zero, "code": zero })),
        ("/api/v1/auth/api-keys", json!({ "name": zero, "scopes": ["documents:read"], "expires_in_days": 1 })),
        ("/api/v1/admin/users", json!({ "email": "zero\u{0}@a.test", "display_name": zero, "role": "viewer" })),
    ] {
        let (status, answer) = read(admin.post(path, &body).await).await;
        assert!(
            (400..500).contains(&status) || (status == 200 && path.ends_with("search")),
            "{path}: {status} {answer}"
        );
    }
    for path in [
        "/api/v1/documents?q=%00",
        "/api/v1/conversations?q=%00",
        "/api/v1/admin/audit?actor=%00",
        "/api/v1/admin/audit?action=a%00b",
        "/api/v1/admin/audit?resource_type=%00",
        "/api/v1/admin/audit?resource_id=%00",
        "/api/v1/documents?q=%FF%FE",
        "/api/v1/documents/%00",
        "/api/v1/documents/%FF",
        "/api/v1/auth/oidc/%FF/start",
        "/api/v1/auth/oidc/%00/start",
        "/api/v1/auth/oidc/callback?code=%00&state=%FF",
        "/api/v1/admin/users?q=%00",
        "/api/v1/admin/users/%FF",
        &format!("/api/v1/documents/{}/pages/99999999999999", Ids::of_nothing().document),
    ] {
        let response = admin.get(path).await;
        let status = response.status().as_u16();
        assert!(status < 500, "{path}: {status}");
        if status >= 400 {
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}: {status}");
        }
    }
    assert!(server.log().iter().all(|line| !line.contains("\"level\":\"ERROR\"")), "{:?}", server.log());
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_words_and_never_syntax() {
    let (world, server) = small_uploads().await;
    let admin = server.sign_in("admin@a.test").await;
    admin.take_in("pump.md", "# Pump\n\nThe pump HP-CX 80-250 is oiled (every 500 h) with ISO VG 46: 4.5 l.\n").await;
    for query in [
        "pump AND",
        "\"pump",
        "pump:oil",
        "pump^9999",
        "pump~",
        "(((pump",
        "*",
        "?",
        "pump /oil/",
        "[a TO b]",
        "-pump",
        "title:\"x\" OR 1",
        "'; DROP TABLE chunks; --",
        "%",
        "\\",
        "🛢",
        "\u{202e}pump",
        "pump\n\tpump",
    ] {
        let (status, body) = read(admin.post("/api/v1/search", &json!({ "query": query })).await).await;
        assert_eq!((status, &body["degraded"]), (200, &Value::Null), "{query:?}: {body}");
    }
    for body in [
        json!({ "query": "" }),
        json!({ "query": " \n" }),
        json!({ "query": "x".repeat(2001) }),
        json!({ "query": "x", "limit": 0 }),
        json!({ "query": "x", "limit": 51 }),
        json!({ "query": "x", "limit": -1 }),
        json!({ "query": "x", "document_ids": ["doc_1"] }),
        json!({ "query": "x", "document_ids": vec![Ids::of_nothing().document; 101] }),
        json!({ "query": 7 }),
        json!({ "query": "x", "filters": { "formats": ["exe"] } }),
        json!({ "query": "x", "filters": { "languages": ["tlh"] } }),
        json!({ "query": "x", "filters": { "tags": vec!["t"; 33] } }),
        json!({ "query": "x", "filters": { "classifications": ["SECRET"] } }),
        json!({ "query": "x", "filters": { "colour": "red" } }),
        json!({ "query": "x", "filters": { "effective_since": "+262142-12-31T00:00:00Z" } }),
        json!({ "query": "x", "as_of": "yesterday" }),
        json!({ "query": "x", "as_of": "-9999-01-01T00:00:00Z" }),
    ] {
        problem(admin.post("/api/v1/search", &body).await, 422, "validation_failed").await;
    }
    assert_eq!(admin.search("HP-CX 80-250").await.len(), 1);
    let only = json!({ "query": "pump", "document_ids": [] });
    let (status, body) = read(admin.post("/api/v1/search", &only).await).await;
    assert_eq!((status, &body["items"]), (200, &json!([])), "none of the documents means none");
    drop(world);
}
