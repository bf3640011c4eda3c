//! One file per endpoint, and the list of them all.

pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod conversations;
pub(crate) mod documents;
pub(crate) mod health;
pub(crate) mod runs;
pub(crate) mod search;

use std::convert::Infallible;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware as layers, response::IntoResponse, routing::get};
use millwright_audit::AuditAction;
use millwright_core::{ErrorCode, Problem, Role};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, NotForContentType},
    },
    cors::{AllowOrigin, CorsLayer},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    ApiError, AppState, middleware,
    problem::ProblemBody,
    routing::{changes, open, reads, signs_in},
    ui,
};

/// JSON bodies are small; uploads have their own limit.
const MAX_JSON_BYTES: usize = 1024 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Millwright",
        description = "Documents in, cited answers out. Errors are RFC 9457 `application/problem+json` with a stable `code`.",
        license(name = "Apache-2.0")
    ),
    components(schemas(ProblemBody)),
    modifiers(&BearerScheme)
)]
struct Document;

struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

fn api(max_upload_bytes: usize) -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Role::{Admin, Operator, Viewer};
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(open(routes!(health::live)))
        .routes(open(routes!(health::ready)))
        .routes(open(routes!(health::metrics)))
        .routes(signs_in(routes!(auth::login::login)))
        .routes(reads(Viewer, routes!(auth::me::me)))
        .routes(changes(Operator, Proves::DocumentUploaded, routes!(documents::upload::upload)).map(|route| {
            route
                .layer::<_, Infallible>(DefaultBodyLimit::max(max_upload_bytes + documents::upload::FRAME_BYTES))
                .layer::<_, Infallible>(Extension(documents::upload::UploadLimit(max_upload_bytes)))
        }))
        .routes(reads(Viewer, routes!(documents::list::list)))
        .routes(reads(Viewer, routes!(documents::get::get)))
        .routes(changes(Operator, Proves::DocumentDeleted, routes!(documents::delete::delete)))
        .routes(changes(Operator, Proves::DocumentReindexRequested, routes!(documents::reindex::reindex)))
        .routes(reads(Viewer, routes!(documents::chunks::chunks)))
        .routes(reads(Viewer, routes!(documents::page::page)))
        .routes(reads(Viewer, routes!(documents::content::content)))
        .routes(reads(Viewer, routes!(documents::events::events)))
        .routes(reads(Viewer, routes!(search::search)))
        .routes(changes(Viewer, Proves::RunStarted, routes!(chat::chat)))
        .routes(reads(Viewer, routes!(conversations::list::list)))
        .routes(reads(Viewer, routes!(conversations::get::get)))
        .routes(changes(Viewer, Proves::ConversationRenamed, routes!(conversations::rename::rename)))
        .routes(changes(Viewer, Proves::ConversationDeleted, routes!(conversations::delete::delete)))
        .routes(reads(Viewer, routes!(runs::get::get)))
        .routes(reads(Viewer, routes!(runs::events::events)))
        .routes(changes(Viewer, Proves::RunCancelled, routes!(runs::cancel::cancel)))
        .routes(reads(Admin, routes!(admin::audit::audit)))
        .routes(reads(Admin, routes!(admin::jobs::jobs)))
        .routes(changes(Admin, Proves::JobRetried, routes!(admin::retry::retry)))
        .routes(reads(Admin, routes!(admin::metrics::metrics)))
}

/// The OpenAPI document, made from the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api(0).into_openapi()
}

/// The whole service.
pub fn router(state: AppState) -> Router {
    let (routes, document) = api(state.limits.max_upload_bytes).split_for_parts();
    let cors = cors(&state.limits.cors_allowed_origins);
    let document_json = document.clone();
    routes
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .route("/openapi.json", get(move || async move { axum::Json(document_json) }))
        .merge(SwaggerUi::new("/docs").url("/docs/openapi.json", document))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(ui::serve)
        // Events must leave at once, not when a compressor has filled its window.
        .layer(
            CompressionLayer::new().compress_when(
                DefaultPredicate::new()
                    .and(NotForContentType::const_new("text/event-stream"))
                    .and(NotForContentType::const_new("application/pdf"))
                    .and(NotForContentType::const_new("font/")),
            ),
        )
        .layer(cors)
        .layer(layers::from_fn(middleware::secure))
        .layer(CatchPanicLayer::custom(middleware::panicked))
        .layer(layers::from_fn_with_state(state.clone(), middleware::observe))
        .with_state(state)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<_> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([
            axum::http::Method::GET,
            axum::http::Method::POST,
            axum::http::Method::PATCH,
            axum::http::Method::DELETE,
        ])
        .allow_headers([
            axum::http::header::AUTHORIZATION,
            axum::http::header::CONTENT_TYPE,
            axum::http::HeaderName::from_static("last-event-id"),
        ])
}

async fn method_not_allowed() -> axum::response::Response {
    ApiError::from(
        Problem::new(ErrorCode::MethodNotAllowed, "the path does not take this method")
            .remedy("GET /openapi.json lists all paths and methods"),
    )
    .into_response()
}
