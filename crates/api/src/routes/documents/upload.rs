use std::fmt;

use axum::{
    Extension, Json,
    extract::{
        FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use millwright_core::{
    Classification, ErrorCode, ExportControl, InvalidExportControl, Label, Principal, Problem,
    id::{DocumentId, VersionId},
};
use millwright_documents::{Format, detect};
use millwright_store::{
    Proof, TenantTx,
    tenant::{NewDocument, NewVersion},
};
use millwright_workers::ingest;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::describe::{Described, Description, check_order, describe, said};
use crate::{
    ApiError, AppState,
    dto::{Change, DocumentResponse},
    extract::{Audit, DocumentsWrite, holds_zero},
    filters,
};

/// The largest file, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadLimit(pub(crate) usize);

/// What the multipart frame and the small fields may add to the file.
pub(crate) const FRAME_BYTES: usize = 64 * 1024;
const MAX_FIELD_BYTES: usize = 16 * 1024;
const MAX_NAME_CHARS: usize = 255;
/// When to come again while too many documents wait, seconds.
const WAITING_RETRY: u64 = 60;
/// A form with a file.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form")]
pub(crate) struct UploadForm {
    /// PDF, Word, PowerPoint, Excel (Office Open XML), CSV, plain text, AsciiDoc, Markdown, HTML or an e-mail message; told
    /// apart by content.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `INTERNAL` when absent.
    classification: Option<Classification>,
    /// Export regimes, separated by commas, for instance `ITAR` or `EAR:3A001`; none when absent.
    export_control: Option<String>,
    /// Groups, separated by commas: a reader must be in each. None when absent.
    groups: Option<String>,
    /// A JSON object of the uploader's own fields, at most 16 KiB.
    metadata: Option<String>,
    /// Words to find it by, separated by commas; those it has when absent.
    tags: Option<String>,
    /// The document whose place this one takes, from the day on which it holds.
    supersedes: Option<DocumentId>,
    /// From when this version holds, RFC 3339; now when absent, or as before for bytes that are there. Until then the version before goes on answering.
    effective_from: Option<DateTime<Utc>>,
    /// Until when it holds, RFC 3339; without end when absent.
    effective_until: Option<DateTime<Utc>>,
}

struct Upload {
    name: String,
    bytes: Bytes,
    label: Label,
    metadata: Value,
    tags: Option<Vec<String>>,
    supersedes: Option<DocumentId>,
    effective_from: Option<DateTime<Utc>>,
    effective_until: Option<DateTime<Utc>>,
}

/// Takes a file in. It is read in the background; `GET …/events` tells how far that is. A name that exists gets a new
/// version, whose label is at least that of the document. Its content is untrusted. Bytes that are the newest version already
/// are not read again: the answer is 200 then, and only label, description and the time in which it holds may have changed.
#[utoipa::path(post, path = "/api/v1/documents/upload", operation_id = "documents.upload", tag = "documents",
               request_body(content = UploadForm, content_type = "multipart/form-data"),
               responses((status = 202, body = DocumentResponse),
                         (status = 200, body = DocumentResponse, description = "These bytes are its newest version already.")))]
pub(crate) async fn upload(
    State(state): State<AppState>,
    DocumentsWrite(principal): DocumentsWrite,
    audit: Audit,
    Extension(limit): Extension<UploadLimit>,
    request: Request,
) -> Result<(StatusCode, Json<DocumentResponse>), ApiError> {
    // Before a large body is taken in for nothing.
    let most = state.limits.documents_waiting;
    if state.store.tenant(&principal.scope).read().await?.jobs().count_queued(ingest::KIND, most).await? >= most {
        return Err(too_many_waiting(most).into());
    }
    let upload = receive(request, &state, limit).await?;
    let format = detect(&upload.bytes, &upload.name)?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let digest = Sha256::digest(&upload.bytes).into();
    let Stored { document_id, version_id, label, changed, also_settled } =
        store(&state, &mut tx, &principal, &upload, (format, digest)).await?;
    if let Some(version_id) = version_id {
        tx.jobs().enqueue(&ingest::job(&state.sources, document_id, version_id)).await?;
    }
    let reader = tx.labels().reader(principal.user_id).await?;
    let response = super::load(&mut tx, &reader, document_id).await?;
    if !changed {
        return Ok((StatusCode::OK, Json(response)));
    }
    let version = version_id.map(|version_id| ("version", version_id.to_string().into()));
    let details: Vec<(&str, Value)> =
        [("name", upload.name.into()), ("sha256", hex::encode(digest).into()), ("label", serde_json::json!(label))]
            .into_iter()
            .chain(version)
            .chain(said(&response))
            .chain([("also_settled", serde_json::json!(also_settled))])
            .collect();
    let entry = audit.entry(&principal, document_id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    if version_id.is_none() {
        return Ok((StatusCode::OK, Json(response)));
    }
    state.jobs_wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(response)))
}

fn too_many_waiting(most: i64) -> Problem {
    Problem::new(ErrorCode::RateLimited, format!("{most} documents of this organisation wait to be read already"))
        .remedy("upload again when some have been read, or have `DOCUMENTS_WAITING` raised")
        .retry_after(WAITING_RETRY)
}

/// What became of an upload.
struct Stored {
    document_id: DocumentId,
    /// `None` when the newest version has these bytes.
    version_id: Option<VersionId>,
    label: Label,
    /// Whether anything is to be committed.
    changed: bool,
    /// Other documents of which another version answers now, or none.
    also_settled: Vec<DocumentId>,
}

async fn store(
    state: &AppState,
    tx: &mut TenantTx,
    principal: &Principal,
    upload: &Upload,
    (format, digest): (Format, [u8; 32]),
) -> Result<Stored, ApiError> {
    let now = state.sources.now();
    let reader = tx.labels().reader(principal.user_id).await?;
    super::change::within_clearance(&reader, &upload.label)?;
    let (mut label, mut also_settled) = (upload.label.clone(), Vec::new());
    if upload.supersedes.is_some() {
        // Before its name is looked up, which locks the document.
        tx.validity().begin_replacing().await?;
    }
    let document_id = if let Some(id) = tx.documents().find_by_name(&reader, &upload.name).await? {
        let document = tx.documents().require(&reader, id).await?;
        let before = document.label.0.clone();
        // A label is not lowered by uploading anew.
        label = before.join(&label);
        if label != before {
            let label_id = tx.labels().intern(&label).await?;
            tx.documents().set_label(id, &label, label_id, now).await?;
        }
        let newest = tx.versions().find_newest(id).await?.filter(|newest| ingest::holds(newest, format, digest));
        let description = Description {
            metadata: Some(upload.metadata.clone()),
            tags: upload.tags.clone(),
            supersedes: upload.supersedes.map_or(Change::Keep, |older| Change::To(Some(older))),
            ..Description::default()
        };
        if newest.is_some() {
            let description = Description {
                effective_from: upload.effective_from,
                effective_until: upload.effective_until.map_or(Change::Keep, |until| Change::To(Some(until))),
                ..description
            };
            let Described { changed, also_settled } = describe(tx, &reader, &document, description, now).await?;
            let changed = changed || label != before;
            return Ok(Stored { document_id: id, version_id: None, label, changed, also_settled });
        }
        also_settled = describe(tx, &reader, &document, description, now).await?.also_settled;
        id
    } else {
        if let Some(older) = upload.supersedes {
            tx.documents().require(&reader, older).await?;
        }
        let label_id = tx.labels().intern(&label).await?;
        let document = NewDocument {
            id: state.sources.new_id(),
            name: upload.name.clone(),
            label: label.clone(),
            label_id,
            metadata: upload.metadata.clone(),
            tags: upload.tags.clone().unwrap_or_default(),
            supersedes: upload.supersedes,
            created_by: principal.user_id,
            created_at: now,
        };
        tx.documents().insert(&document).await?;
        document.id
    };
    let version = NewVersion {
        id: state.sources.new_id(),
        document_id,
        format: format.as_str().to_owned(),
        media_type: format.media_type().to_owned(),
        sha256: digest,
        created_by: principal.user_id,
        created_at: now,
        effective_from: upload.effective_from.unwrap_or(now),
        effective_until: upload.effective_until,
    };
    check_order(version.effective_from, version.effective_until)?;
    tx.versions().insert(&version, &upload.bytes).await?;
    Ok(Stored { document_id, version_id: Some(version.id), label, changed: true, also_settled })
}

async fn receive(request: Request, state: &AppState, limit: UploadLimit) -> Result<Upload, ApiError> {
    let mut form = Multipart::from_request(request, state).await.map_err(|_| {
        Problem::new(ErrorCode::UnsupportedMediaType, "the body is not a multipart form")
            .remedy("send `multipart/form-data` with a field `file`")
    })?;
    let (mut file, mut label) = (None, Label::of(Classification::Internal));
    let mut metadata = Value::Object(Map::new());
    let (mut tags, mut supersedes, mut effective_from, mut effective_until) = (None, None, None, None);
    while let Some(field) = form.next_field().await.map_err(|error| refuse(&error, limit))? {
        match field.name().unwrap_or_default() {
            "file" if file.is_none() => file = Some(receive_file(field, limit).await?),
            "classification" => {
                let word = receive_text(field, limit).await?;
                label.classification = word.trim().parse().map_err(|error| invalid("classification", &error))?;
            }
            "export_control" => {
                label.export_control = parse_list("export_control", &receive_text(field, limit).await?)?;
                // All of EAR is something that a person is authorised for, and nothing that data is under.
                if label.export_control.iter().any(ExportControl::is_all_of_ear) {
                    return Err(invalid("export_control", &InvalidExportControl));
                }
            }
            "groups" => label.groups = parse_list("groups", &receive_text(field, limit).await?)?,
            "metadata" => metadata = parse_metadata(&receive_text(field, limit).await?)?,
            "tags" => {
                let text = receive_text(field, limit).await?;
                let words = text.split(',').filter(|word| !word.trim().is_empty());
                tags = Some(filters::tags(words).map_err(|expected| invalid("tags", &expected))?);
            }
            "supersedes" => {
                let id = receive_text(field, limit).await?;
                supersedes =
                    Some(id.trim().parse().map_err(|_| invalid("supersedes", &"expected the id of a document"))?);
            }
            "effective_from" => {
                effective_from = Some(parse_moment("effective_from", &receive_text(field, limit).await?)?);
            }
            "effective_until" => {
                effective_until = Some(parse_moment("effective_until", &receive_text(field, limit).await?)?);
            }
            _ => {
                let expected = "expected the fields `file` (once), `classification`, `export_control`, `groups`, `metadata`, \
                                `tags`, `supersedes`, `effective_from`, `effective_until`";
                return Err(invalid("form", &expected));
            }
        }
    }
    let (name, bytes) = file.ok_or_else(|| invalid("file", &"expected a file"))?;
    Ok(Upload { name, bytes, label, metadata, tags, supersedes, effective_from, effective_until })
}

fn parse_moment(field: &str, text: &str) -> Result<DateTime<Utc>, ApiError> {
    let moment = DateTime::parse_from_rfc3339(text.trim()).map(|moment| moment.to_utc()).ok();
    let expected = "expected a moment as RFC 3339 writes it, such as 2026-03-01T00:00:00Z";
    moment.and_then(filters::moment).ok_or_else(|| invalid(field, &expected))
}

/// Words separated by commas.
fn parse_list<T: std::str::FromStr + Ord>(field: &str, text: &str) -> Result<std::collections::BTreeSet<T>, ApiError>
where
    T::Err: fmt::Display,
{
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(|error: T::Err| invalid(field, &error))).collect()
}

async fn receive_file(field: Field<'_>, limit: UploadLimit) -> Result<(String, Bytes), ApiError> {
    let name = clean_name(field.file_name().unwrap_or_default())?;
    let bytes = field.bytes().await.map_err(|error| refuse(&error, limit))?;
    if bytes.len() > limit.0 {
        return Err(too_large(limit));
    }
    Ok((name, bytes))
}

async fn receive_text(field: Field<'_>, limit: UploadLimit) -> Result<String, ApiError> {
    let name = field.name().unwrap_or_default().to_owned();
    let bytes = field.bytes().await.map_err(|error| refuse(&error, limit))?;
    if bytes.len() > MAX_FIELD_BYTES {
        return Err(invalid(&name, &"expected at most 16 KiB"));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| invalid(&name, &"expected UTF-8 text"))
}

fn parse_metadata(text: &str) -> Result<Value, ApiError> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) if holds_zero(&value) => Err(invalid("metadata", &"expected text without U+0000")),
        Ok(Value::Object(map)) => Ok(Value::Object(map)),
        _ => Err(invalid("metadata", &"expected a JSON object")),
    }
}

/// A name is shown, searched and logged; it is never a path.
fn clean_name(name: &str) -> Result<String, ApiError> {
    let name: String = name.trim().nfc().collect();
    let fault = if name.is_empty() {
        "expected a file name"
    } else if name.chars().count() > MAX_NAME_CHARS {
        "expected at most 255 characters"
    } else if ingest::has_hidden_characters(&name) {
        "expected no control or invisible characters"
    } else if name.contains(['/', '\\']) || name == "." || name == ".." {
        "expected a name without folders"
    } else {
        return Ok(name);
    };
    Err(invalid("file name", &fault))
}

fn invalid(field: &str, message: &dyn fmt::Display) -> ApiError {
    Problem::new(ErrorCode::ValidationFailed, "the upload is not of the documented form")
        .field(field, message.to_string())
        .into()
}

fn too_large(limit: UploadLimit) -> ApiError {
    let mib = limit.0 / (1024 * 1024);
    Problem::new(ErrorCode::PayloadTooLarge, format!("the file is larger than {mib} MiB"))
        .remedy(format!("upload at most {mib} MiB, or have `MAX_UPLOAD_MB` raised"))
        .into()
}

fn refuse(error: &MultipartError, limit: UploadLimit) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(limit);
    }
    Problem::new(ErrorCode::MalformedBody, "the form cannot be read or did not arrive whole")
        .remedy("send the upload again")
        .into()
}

#[cfg(test)]
mod tests {
    use super::clean_name;

    #[test]
    fn names_that_are_paths_or_hide_something_are_refused() {
        for name in ["", "  ", ".", "..", "../../etc/passwd", "a/b.pdf", "a\\b.pdf", "a\nb.pdf", "a\u{202e}fdp.exe"] {
            assert!(clean_name(name).is_err(), "{name:?}");
        }
        assert!(clean_name(&"x".repeat(300)).is_err());
        assert_eq!(clean_name(" Pumpe u\u{308}ber.pdf ").ok().as_deref(), Some("Pumpe \u{fc}ber.pdf"));
    }
}
