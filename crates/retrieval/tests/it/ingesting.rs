use std::time::Duration;

use millwright_retrieval::ingest::{IngestError, IngestOutcome, ReadyVersion};
use millwright_store::{StoreError, tenant::VersionStatus};

use crate::support::{PUMP_MANUAL, Plant};

/// A manual long enough to be killed in the middle of.
fn long_manual(sections: usize) -> String {
    let section = |n: usize| {
        let steps =
            "Check the valve, read the gauge, note the value in the log and compare it with the last one. ".repeat(6);
        format!("## Station {n}\n\nStation {n} has the setpoint {}. {steps}\n\n", n * 7)
    };
    (0..sections).map(section).collect()
}

#[tokio::test]
async fn a_manual_goes_through_all_stages() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (document, version) = plant.add(&site, "pump-manual.md", PUMP_MANUAL).await;
    let mut tx = plant.database.store.tenant(&site.scope).read().await.unwrap();
    let row = tx.versions().require(version).await.unwrap();
    assert_eq!(row.status, VersionStatus::Ready);
    assert_eq!(row.stage, None);
    assert!(!row.paged && row.page_count == Some(1));
    for stage in ["parse", "chunk", "embed", "index"] {
        assert!(row.timings_ms[stage].is_i64(), "{stage} in {}", row.timings_ms);
    }
    let chunks = i64::from(row.chunk_count.unwrap());
    assert!(chunks >= 4, "{chunks}");
    assert_eq!(plant.count("SELECT count(*) FROM chunks").await, chunks);
    assert_eq!(plant.count("SELECT count(DISTINCT chunk_id) FROM chunk_vectors").await, chunks);
    assert_eq!(plant.count("SELECT count(*) FROM audit_entries").await, 1);
    let page = tx.versions().page_text(version, 1).await.unwrap();
    let found = plant.search(&site, "How tight are the casing nuts?").await;
    for passage in &found.passages {
        let span: String = page
            .chars()
            .skip(passage.char_start as usize)
            .take((passage.char_end - passage.char_start) as usize)
            .collect();
        assert_eq!(span, passage.text, "a passage is exactly the span it names");
        assert_eq!((passage.document_id, passage.page()), (document, None));
    }
    let task = plant.task(&site, version).await;
    assert_eq!(plant.run(&task).await.unwrap(), IngestOutcome::AlreadyReady);
}

#[tokio::test]
async fn killed_at_any_moment_it_goes_on_and_repeats_nothing() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (_, version) = plant.upload(&site, "long.md", "markdown", long_manual(120).as_bytes()).await;
    let mut kills = 0;
    for millis in [2, 10, 25, 60, 150, 400, 900] {
        let task = plant.task(&site, version).await;
        // Dropping the future is what the end of the process does to it.
        if tokio::time::timeout(Duration::from_millis(millis), plant.run(&task)).await.is_err() {
            kills += 1;
        }
    }
    assert!(kills >= 3, "only {kills} attempts were cut off");
    let before = plant.count("SELECT count(*) FROM chunk_vectors").await;
    let task = plant.task(&site, version).await;
    let outcome = plant.run(&task).await.unwrap();
    assert!(matches!(outcome, IngestOutcome::Ready | IngestOutcome::AlreadyReady));
    let chunks = plant.count("SELECT count(*) FROM chunks").await;
    assert_eq!(plant.count("SELECT chunk_count FROM document_versions").await, chunks);
    assert_eq!(plant.count("SELECT count(DISTINCT chunk_id) FROM chunk_vectors").await, chunks);
    assert!(plant.count("SELECT count(*) FROM chunk_vectors").await >= before);
    assert_eq!(plant.count("SELECT count(*) FROM document_pages").await, 1);
    assert_eq!(plant.count("SELECT count(*) FROM audit_entries").await, 1);
    assert_eq!(plant.count("SELECT count(*) FROM index_changes").await, 1);
    let found = plant.search(&site, "setpoint of station 113").await;
    assert!(found.passages[0].text.contains("Station 113"), "{}", found.passages[0].text);
}

#[tokio::test]
async fn a_manifest_names_what_read_the_pages_and_not_who_finished() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (_, version) = plant.add(&site, "pump.md", PUMP_MANUAL).await;
    // As if a build of another day had read the pages and was killed then.
    let read_with =
        r#"{"parser": "millwright-documents 0.0.7", "recognition": {"engine": "tesseract 4.1.1", "languages": "deu"}}"#;
    let tamper =
        format!("UPDATE document_versions SET status = 'processing', stage = 'index', read_with = '{read_with}'");
    plant.database.tamper(&tamper).await;
    let task = plant.task(&site, version).await;
    let manifest = std::sync::Mutex::new(None);
    let keep = |ready: &ReadyVersion<'_>| {
        *manifest.lock().unwrap() = Some(ready.manifest.clone());
        Ok(plant.record(&task, ready))
    };
    assert_eq!(plant.ingestor.run(&task, &keep).await.unwrap(), IngestOutcome::Ready);
    let manifest = manifest.into_inner().unwrap().unwrap();
    assert_eq!(manifest.parser, "millwright-documents 0.0.7");
    let recognition = manifest.recognition.unwrap();
    assert_eq!((recognition.engine.as_str(), recognition.languages.as_str()), ("tesseract 4.1.1", "deu"));
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    let (_, version) = plant.upload(&site, "pump.md", "markdown", PUMP_MANUAL.as_bytes()).await;
    let mut task = plant.task(&site, version).await;
    task.fence.attempt += 1;
    let error = plant.run(&task).await.unwrap_err();
    assert!(error.is_lease_lost() && !error.is_permanent());
    assert!(matches!(error, IngestError::Store(StoreError::LeaseLost)));
    assert_eq!(plant.count("SELECT count(*) FROM document_pages").await, 0);
    assert_eq!(plant.count("SELECT count(*) FROM document_versions WHERE status = 'queued'").await, 1);
}

#[tokio::test]
async fn a_bad_document_fails_for_good() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    for (name, format, bytes) in [
        ("cut.pdf", "pdf", &b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog"[..]),
        ("not.docx", "docx", b"PK\x03\x04 but no more"),
        ("empty.md", "markdown", b"  \n \n"),
    ] {
        let (_, version) = plant.upload(&site, name, format, bytes).await;
        let task = plant.task(&site, version).await;
        let error = plant.run(&task).await.unwrap_err();
        assert!(error.is_permanent(), "{name}: {error:?}");
    }
    assert_eq!(plant.count("SELECT count(*) FROM chunks").await, 0);
}

#[tokio::test]
async fn a_new_version_takes_over_and_an_older_one_never_does() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    plant.add(&site, "limits.md", "# Limits\n\nThe kiln may reach 850 degrees.").await;
    let (_, late) = plant.upload(&site, "limits.md", "markdown", b"# Limits\n\nThe kiln may reach 870 degrees.").await;
    plant.add(&site, "limits.md", "# Limits\n\nThe kiln may reach 900 degrees.").await;
    let task = plant.task(&site, late).await;
    assert_eq!(plant.run(&task).await.unwrap(), IngestOutcome::Superseded);
    let found = plant.search(&site, "how hot may the kiln get").await;
    assert_eq!(found.passages.len(), 1);
    assert!(found.passages[0].text.contains("900"));
    assert_eq!(found.passages[0].version, 3);
}

#[tokio::test]
async fn a_document_deleted_meanwhile_leaves_nothing() {
    let plant = Plant::new().await;
    let site = plant.site("A").await;
    // At many moments: which of the two waits for the other depends on them, and neither may wait for ever.
    for millis in [20, 60, 100, 150, 200, 250, 300, 400] {
        let name = format!("long-{millis}.md");
        let (document, version) = plant.upload(&site, &name, "markdown", long_manual(60).as_bytes()).await;
        let task = plant.task(&site, version).await;
        let delete = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            let mut tx = plant.database.store.tenant(&site.scope).begin().await.unwrap();
            tx.documents().delete(document, plant.sources.now()).await.unwrap();
            tx.commit(crate::support::BOOKKEEPING).await.unwrap();
        };
        let (first, ()) = tokio::join!(plant.run(&task), delete);
        if first.is_err() {
            // The rows it was about to write to are gone; the job is tried again.
            let task = plant.task(&site, version).await;
            assert_eq!(plant.run(&task).await.unwrap(), IngestOutcome::Gone);
        }
    }
    for table in ["chunks", "chunk_vectors", "document_pages", "document_contents"] {
        assert_eq!(plant.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert!(plant.search(&site, "setpoint of station 7").await.passages.is_empty());
}
