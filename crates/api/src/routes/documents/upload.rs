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
use millwright_core::{
    Classification, ErrorCode, Principal, Problem,
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

use crate::{
    ApiError, AppState,
    dto::DocumentResponse,
    extract::{Audit, Operator, holds_zero},
};

/// The largest file, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadLimit(pub(crate) usize);

/// What the multipart frame and the small fields may add to the file.
pub(crate) const FRAME_BYTES: usize = 64 * 1024;
const MAX_FIELD_BYTES: usize = 16 * 1024;
const MAX_NAME_CHARS: usize = 255;
/// Characters that make a name look like another: direction changes, zero-width and byte-order marks.
const INVISIBLE: [char; 13] = [
    '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}',
    '\u{202e}', '\u{2066}', '\u{2069}', '\u{feff}',
];

/// A form with a file.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the multipart form")]
pub(crate) struct UploadForm {
    /// PDF, DOCX, plain text, Markdown or HTML; told apart by content.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// `INTERNAL` when absent.
    classification: Option<Classification>,
    /// A JSON object of the uploader's own fields, at most 16 KiB.
    metadata: Option<String>,
}

struct Upload {
    name: String,
    bytes: Bytes,
    classification: Classification,
    metadata: Value,
}

/// Takes a file in. It is read in the background; `GET …/events` tells how far that is. A name that exists gets a new
/// version.
#[utoipa::path(post, path = "/api/v1/documents/upload", operation_id = "documents.upload", tag = "documents",
               request_body(content = UploadForm, content_type = "multipart/form-data"),
               responses((status = 202, body = DocumentResponse)))]
pub(crate) async fn upload(
    State(state): State<AppState>,
    Operator(principal): Operator,
    audit: Audit,
    Extension(limit): Extension<UploadLimit>,
    request: Request,
) -> Result<(StatusCode, Json<DocumentResponse>), ApiError> {
    let upload = receive(request, &state, limit).await?;
    let format = detect(&upload.bytes, &upload.name)?;
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let (document_id, version_id) = store(&state, &mut tx, &principal, &upload, format).await?;
    tx.jobs().enqueue(&ingest::job(&state.sources, document_id, version_id)).await?;
    let response = super::load(&mut tx, document_id).await?;
    let details = [
        ("name", upload.name.into()),
        ("version", version_id.to_string().into()),
        ("sha256", hex::encode(Sha256::digest(&upload.bytes)).into()),
        ("classification", upload.classification.as_str().into()),
    ];
    let entry = audit.entry(&principal, document_id, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.jobs_wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(response)))
}

async fn store(
    state: &AppState,
    tx: &mut TenantTx,
    principal: &Principal,
    upload: &Upload,
    format: Format,
) -> Result<(DocumentId, VersionId), ApiError> {
    let now = state.sources.now();
    let document_id = if let Some(id) = tx.documents().find_by_name(&upload.name).await? {
        tx.documents().set_label(id, upload.classification, &upload.metadata, now).await?;
        id
    } else {
        let document = NewDocument {
            id: state.sources.new_id(),
            name: upload.name.clone(),
            classification: upload.classification,
            metadata: upload.metadata.clone(),
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
        sha256: Sha256::digest(&upload.bytes).into(),
        created_by: principal.user_id,
        created_at: now,
    };
    tx.versions().insert(&version, &upload.bytes).await?;
    Ok((document_id, version.id))
}

async fn receive(request: Request, state: &AppState, limit: UploadLimit) -> Result<Upload, ApiError> {
    let mut form = Multipart::from_request(request, state).await.map_err(|_| {
        Problem::new(ErrorCode::UnsupportedMediaType, "the body is not a multipart form")
            .remedy("send `multipart/form-data` with a field `file`")
    })?;
    let (mut file, mut classification, mut metadata) = (None, Classification::Internal, Value::Object(Map::new()));
    while let Some(field) = form.next_field().await.map_err(|error| refuse(&error, limit))? {
        match field.name().unwrap_or_default() {
            "file" if file.is_none() => file = Some(receive_file(field, limit).await?),
            "classification" => {
                let word = receive_text(field, limit).await?;
                classification = word.trim().parse().map_err(|error| invalid("classification", &error))?;
            }
            "metadata" => metadata = parse_metadata(&receive_text(field, limit).await?)?,
            _ => return Err(invalid("form", &"expected the fields `file` (once), `classification`, `metadata`")),
        }
    }
    let (name, bytes) = file.ok_or_else(|| invalid("file", &"expected a file"))?;
    Ok(Upload { name, bytes, classification, metadata })
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
    } else if name.chars().any(|c| c.is_control() || INVISIBLE.contains(&c)) {
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
