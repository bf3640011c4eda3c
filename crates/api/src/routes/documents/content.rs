use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use millwright_core::{Problem, id::DocumentId};

use super::VersionQuery;
use crate::{
    ApiError, AppState,
    extract::{DocumentsRead, PathId, StrictQuery},
};

/// The bytes as they were uploaded, as an attachment: they are never shown inside our own origin by the browser itself.
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", operation_id = "documents.content", tag = "documents",
               params(("id" = DocumentId, Path), VersionQuery),
               responses((status = 200, description = "Of the media type that was found", content_type = "*/*",
                          body = String)))]
pub(crate) async fn content(
    State(state): State<AppState>,
    DocumentsRead(principal): DocumentsRead,
    PathId(id): PathId<DocumentId>,
    StrictQuery(query): StrictQuery<VersionQuery>,
) -> Result<Response, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let (_, document) = super::open(&state, &principal, &mut tx, id).await?;
    let version = tx.versions().require_number(id, query.version).await?;
    let bytes = tx.versions().content(version.id).await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(&version.media_type).map_err(|_| Problem::internal())?;
    headers.insert(header::CONTENT_TYPE, media_type);
    let disposition = format!("attachment; filename*=UTF-8''{}", percent_encode(file_name(&document.name)));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment")),
    );
    // A version never changes.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    Ok(response)
}

/// Without the folders that a file lies in.
fn file_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// RFC 8187: everything but unreserved characters as %XX.
fn percent_encode(name: &str) -> String {
    use std::fmt::Write;
    name.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_cannot_break_out_of_the_header() {
        assert_eq!(super::percent_encode("a\"\r\nb ü.pdf"), "a%22%0D%0Ab%20%C3%BC.pdf");
    }
}
