//! The web UI, carried inside the binary.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem};
use rust_embed::RustEmbed;

use crate::ApiError;

#[derive(RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Assets;

/// Our own scripts, styles, fonts and images and nothing else; workers from blobs are what pdf.js starts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Everything that no other route took: a file of the UI, else its start page, else 404 for what looks like a call.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let api = path.starts_with("api/") || path.starts_with("v1/") || path.starts_with("health/");
    if api || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::from(
            Problem::new(ErrorCode::NotFound, "there is no such path").remedy("GET /openapi.json lists all paths"),
        )
        .into_response();
    }
    if let Some(file) = Assets::get(path).filter(|_| !path.is_empty()) {
        return asset(path, file);
    }
    match Assets::get("index.html") {
        // A missing asset is an error; everything else is a place inside the UI.
        Some(_) if path.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        Some(index) => asset("index.html", index),
        None => ApiError::from(
            Problem::new(ErrorCode::NotFound, "this binary was built without the web UI")
                .remedy("build frontend/ first, or use the API at /docs"),
        )
        .into_response(),
    }
}

fn asset(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let media_type = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(media_type.as_ref()) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    // Names under assets/ carry a hash of their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    response
}
