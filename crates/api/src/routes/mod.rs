//! One file per endpoint, and the list of them all.

pub(crate) mod admin;
pub(crate) mod agents;
pub(crate) mod auth;
pub(crate) mod chat;
pub(crate) mod conversations;
pub(crate) mod documents;
pub(crate) mod evaluation_suites;
pub(crate) mod evaluations;
pub(crate) mod goals;
pub(crate) mod health;
pub(crate) mod label_requests;
pub(crate) mod mcp_servers;
pub(crate) mod memories;
pub(crate) mod models;
pub(crate) mod openai;
pub(crate) mod policy;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod sources;
pub(crate) mod usage;

use std::convert::Infallible;

use axum::{Extension, Router, extract::DefaultBodyLimit, middleware as layers, response::IntoResponse, routing::get};
use millwright_audit::AuditAction;
use millwright_core::{ErrorCode, Permission, Problem};
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
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    ApiError, AppState, cookies, limits, middleware,
    problem::ProblemBody,
    routing::{as_openai, changes, open, open_post, reads, signs_in},
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
    components(schemas(ProblemBody, openai::errors::OpenAiError)),
    modifiers(&SecuritySchemes)
)]
struct Document;

struct SecuritySchemes;

impl Modify for SecuritySchemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        openapi.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(cookies::ACCESS)));
        openapi.components.get_or_insert_default().add_security_scheme("session", cookie);
    }
}

fn api(max_upload_bytes: usize) -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(open(routes!(health::live)))
        .routes(open(routes!(health::ready)))
        .routes(open(routes!(health::metrics)))
        .routes(open(routes!(auth::login::options)))
        .routes(signs_in(Proves::UserSignedIn, routes!(auth::login::login)))
        .routes(signs_in(Proves::UserSignedIn, routes!(auth::login::second_factor)))
        .routes(signs_in(Proves::UserPasswordSet, routes!(auth::passwords::set)))
        .routes(open_post(routes!(auth::refresh::refresh)))
        .routes(open(routes!(auth::oidc::start)))
        .routes(open(routes!(auth::oidc::callback)))
        .routes(changes(May::ProfileManage, Proves::SessionSignedOut, routes!(auth::refresh::logout)))
        .routes(reads(May::ProfileManage, routes!(auth::me::me)))
        .routes(changes(May::ProfileManage, Proves::UserRenamed, routes!(auth::me::change)))
        .routes(changes(May::ProfileManage, Proves::UserPasswordChanged, routes!(auth::passwords::change)))
        .routes(reads(May::ProfileManage, routes!(auth::sessions::list)))
        .routes(changes(May::ProfileManage, Proves::SessionEnded, routes!(auth::sessions::end)))
        .routes(changes(May::ProfileManage, Proves::SecondFactorBegun, routes!(auth::totp::begin)))
        .routes(changes(May::ProfileManage, Proves::SecondFactorEnabled, routes!(auth::totp::confirm)))
        .routes(changes(May::ProfileManage, Proves::SecondFactorRemoved, routes!(auth::totp::remove)))
        .routes(changes(May::ProfileManage, Proves::RecoveryCodesRenewed, routes!(auth::totp::recovery_codes)))
        .routes(changes(May::ProfileManage, Proves::SteppedUp, routes!(auth::step_up::step_up)))
        .routes(reads(May::ProfileManage, routes!(auth::api_keys::list)))
        .routes(changes(May::ProfileManage, Proves::ApiKeyCreated, routes!(auth::api_keys::create)))
        .routes(changes(May::ProfileManage, Proves::ApiKeyRevoked, routes!(auth::api_keys::revoke)))
        .routes(changes(May::DocumentsWrite, Proves::DocumentUploaded, routes!(documents::upload::upload)).map(
            |route| {
                route
                    .layer::<_, Infallible>(DefaultBodyLimit::max(max_upload_bytes + documents::upload::FRAME_BYTES))
                    .layer::<_, Infallible>(Extension(documents::upload::UploadLimit(max_upload_bytes)))
            },
        ))
        .routes(reads(May::DocumentsRead, routes!(documents::list::list)))
        .routes(reads(May::DocumentsRead, routes!(documents::get::get)))
        .routes(changes(May::DocumentsWrite, Proves::DocumentRelabelled, routes!(documents::change::change)))
        .routes(changes(May::DocumentsWrite, Proves::LabelRequestCreated, routes!(label_requests::create::create)))
        .routes(reads(May::DocumentsWrite, routes!(label_requests::list::list)))
        .routes(changes(May::LabelsApprove, Proves::LabelRequestApproved, routes!(label_requests::decide::approve)))
        .routes(changes(May::LabelsApprove, Proves::LabelRequestRejected, routes!(label_requests::decide::reject)))
        .routes(changes(May::DocumentsWrite, Proves::DocumentDescribed, routes!(documents::describe::handle)))
        .routes(changes(May::DocumentsWrite, Proves::DocumentDeleted, routes!(documents::delete::delete)))
        .routes(changes(May::DocumentsWrite, Proves::DocumentReindexRequested, routes!(documents::reindex::reindex)))
        .routes(reads(May::DocumentsRead, routes!(documents::chunks::chunks)))
        .routes(reads(May::DocumentsRead, routes!(documents::page::page)))
        .routes(reads(May::DocumentsRead, routes!(documents::words::words)))
        .routes(reads(May::DocumentsRead, routes!(documents::manifest::manifest)))
        .routes(reads(May::DocumentsRead, routes!(documents::content::content)))
        .routes(reads(May::DocumentsRead, routes!(documents::events::events)))
        .routes(reads(May::DocumentsRead, routes!(search::search)))
        .routes(changes(May::ChatUse, Proves::RunStarted, routes!(chat::chat)))
        .routes(reads(May::ChatUse, routes!(chat::tiers)))
        .routes(reads(May::ChatUse, routes!(chat::thinking)))
        .routes(reads(May::ChatUse, routes!(chat::agents)))
        .merge(conversations())
        .routes(reads(May::AuditRead, routes!(admin::audit::audit)))
        .routes(reads(May::JobsRead, routes!(admin::jobs::jobs)))
        .routes(changes(May::JobsManage, Proves::JobRetried, routes!(admin::retry::retry)))
        .routes(reads(May::MetricsRead, routes!(admin::metrics::metrics)))
        .routes(reads(May::MetricsRead, routes!(admin::embeddings::embeddings)))
        .merge(goals())
        .merge(memories())
        .merge(admin_users())
        .merge(budgets())
        .merge(glossary())
        .merge(sources())
        .merge(policies())
        .merge(agents())
        .merge(mcp_servers())
        .merge(evaluations())
        .routes(reads(May::ConfigurationRead, routes!(models::list::list)))
        .routes(reads(May::UsageRead, routes!(models::estimate::estimate)))
        .merge(openai())
}

/// Conversations, and the runs in them.
fn conversations() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    OpenApiRouter::new()
        .routes(reads(May::ChatUse, routes!(conversations::list::list)))
        .routes(reads(May::ChatUse, routes!(conversations::get::get)))
        .routes(changes(May::ChatUse, Proves::ConversationRenamed, routes!(conversations::rename::rename)))
        .routes(changes(May::ChatUse, Proves::ConversationDeleted, routes!(conversations::delete::delete)))
        .routes(reads(May::ChatUse, routes!(runs::get::get)))
        .routes(reads(May::ChatUse, routes!(runs::account::account)))
        .routes(reads(May::ChatUse, routes!(runs::events::events)))
        .routes(changes(May::ChatUse, Proves::RunCancelled, routes!(runs::cancel::cancel)))
        .routes(changes(May::ChatUse, Proves::RunAnswered, routes!(runs::answer::answer)))
        .routes(changes(May::ChatUse, Proves::RunStarted, routes!(runs::fork::fork)))
        .routes(reads(May::ChatUse, routes!(runs::replay::replay)))
        .routes(changes(May::ChatUse, Proves::RunExported, routes!(runs::export::export)))
}

/// Paths, bodies and errors are OpenAI's.
fn openai() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use openai::{MAX_BODY_BYTES, chat, embeddings, errors, models};
    OpenApiRouter::new()
        .routes(as_openai(changes(May::ChatUse, Proves::ModelCalled, routes!(chat::completions))))
        .routes(as_openai(changes(May::ChatUse, Proves::ModelCalled, routes!(embeddings::embeddings))))
        .routes(as_openai(reads(May::ChatUse, routes!(models::list))))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(layers::from_fn(errors::rewrite))
}

fn goals() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use goals::{change, create, events, get, list, plan};
    OpenApiRouter::new()
        .routes(changes(May::ChatUse, Proves::GoalCreated, routes!(create::create)))
        .routes(reads(May::ChatUse, routes!(list::list)))
        .routes(reads(May::ChatUse, routes!(plan::check)))
        .routes(reads(May::ChatUse, routes!(get::get)))
        .routes(reads(May::ChatUse, routes!(events::events)))
        .routes(reads(May::ChatUse, routes!(plan::versions)))
        .routes(changes(May::ChatUse, Proves::GoalPlanned, routes!(plan::change)))
        .routes(changes(May::ChatUse, Proves::GoalApproved, routes!(plan::approve)))
        .routes(changes(May::ChatUse, Proves::GoalGateDecided, routes!(change::decide)))
        .routes(changes(May::ChatUse, Proves::GoalPaused, routes!(change::pause)))
        .routes(changes(May::ChatUse, Proves::GoalResumed, routes!(change::resume)))
        .routes(changes(May::ChatUse, Proves::GoalCancelled, routes!(change::cancel)))
        .routes(changes(May::ChatUse, Proves::GoalDeleted, routes!(change::delete)))
}

fn memories() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use memories::{change, create, delete, get, list};
    OpenApiRouter::new()
        .routes(reads(May::ChatUse, routes!(list::list)))
        .routes(changes(May::ChatUse, Proves::MemoryCreated, routes!(create::create)))
        .routes(changes(May::ChatUse, Proves::MemoriesCleared, routes!(delete::clear)))
        .routes(reads(May::ChatUse, routes!(get::get)))
        .routes(changes(May::ChatUse, Proves::MemoryChanged, routes!(change::change)))
        .routes(changes(May::ChatUse, Proves::MemoryDeleted, routes!(delete::delete)))
}

fn policies() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use policy::{check, decisions, events, files, settings, versions};
    OpenApiRouter::new()
        .routes(reads(May::ConfigurationRead, routes!(files::get)))
        .routes(reads(May::ConfigurationRead, routes!(check::check)))
        .routes(reads(May::ConfigurationRead, routes!(files::lint)))
        .routes(reads(May::ConfigurationRead, routes!(files::test)))
        .routes(reads(May::ConfigurationRead, routes!(files::replay)))
        .routes(reads(May::ConfigurationRead, routes!(versions::list)))
        .routes(changes(May::ConfigurationManage, Proves::PolicyVersionCreated, routes!(versions::create)))
        .routes(changes(May::ConfigurationManage, Proves::PolicyVersionActivated, routes!(versions::activate)))
        .routes(reads(May::ConfigurationRead, routes!(settings::get)))
        .routes(changes(May::ConfigurationManage, Proves::PolicySettingsChanged, routes!(settings::set)))
        .routes(reads(May::ConfigurationRead, routes!(settings::preview)))
        .routes(reads(May::AuditRead, routes!(events::list)))
        .routes(reads(May::AuditRead, routes!(events::counts)))
        .routes(reads(May::AuditRead, routes!(decisions::decisions)))
}

fn agents() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use agents::{change, check, create, get, list};
    OpenApiRouter::new()
        .routes(reads(May::ConfigurationRead, routes!(list::list)))
        .routes(changes(May::ConfigurationManage, Proves::AgentVersionCreated, routes!(create::create)))
        .routes(reads(May::ConfigurationRead, routes!(check::check)))
        .routes(reads(May::ConfigurationRead, routes!(get::get)))
        .routes(changes(May::ConfigurationManage, Proves::AgentVersionActivated, routes!(change::activate)))
        .routes(changes(May::ConfigurationManage, Proves::AgentEnabled, routes!(change::enable)))
        .routes(changes(May::ConfigurationManage, Proves::AgentDisabled, routes!(change::disable)))
}

fn mcp_servers() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use mcp_servers::{change, create, delete, get, list, refresh, tools};
    OpenApiRouter::new()
        .routes(reads(May::ConfigurationRead, routes!(list::list)))
        .routes(changes(May::ConfigurationManage, Proves::McpServerCreated, routes!(create::create)))
        .routes(reads(May::ConfigurationRead, routes!(get::get)))
        .routes(changes(May::ConfigurationManage, Proves::McpServerChanged, routes!(change::change)))
        .routes(changes(May::ConfigurationManage, Proves::McpServerDeleted, routes!(delete::delete)))
        .routes(changes(May::ConfigurationManage, Proves::McpServerRefreshed, routes!(refresh::refresh)))
        .routes(changes(May::ConfigurationManage, Proves::McpToolEnabled, routes!(tools::enable)))
        .routes(changes(May::ConfigurationManage, Proves::McpToolDisabled, routes!(tools::disable)))
}

fn evaluations() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use evaluation_suites::{change, create, delete, get, list};
    use evaluations as of;
    OpenApiRouter::new()
        .routes(reads(May::EvaluationsManage, routes!(list::list)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationSuiteCreated, routes!(create::create)))
        .routes(reads(May::EvaluationsManage, routes!(get::get)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationSuiteChanged, routes!(change::change)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationSuiteDeleted, routes!(delete::delete)))
        .routes(reads(May::EvaluationsManage, routes!(of::list::list)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationStarted, routes!(of::start::start)))
        .routes(reads(May::EvaluationsManage, routes!(of::get::get)))
        .routes(reads(May::EvaluationsManage, routes!(of::compare::compare)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationCancelled, routes!(of::cancel::cancel)))
        .routes(changes(May::EvaluationsManage, Proves::EvaluationDeleted, routes!(of::delete::delete)))
}

fn admin_users() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use admin::{security_policy, users};
    OpenApiRouter::new()
        .routes(reads(May::UsersRead, routes!(users::list::list)))
        .routes(changes(May::UsersManage, Proves::UserCreated, routes!(users::create::create)))
        .routes(reads(May::UsersRead, routes!(users::list::get)))
        .routes(changes(May::UsersManage, Proves::UserChanged, routes!(users::change::change)))
        .routes(changes(May::UsersManage, Proves::UserPasswordLinkMade, routes!(users::create::password_reset)))
        .routes(changes(May::UsersManage, Proves::SecondFactorReset, routes!(users::change::reset_second_factor)))
        .routes(reads(May::UsersRead, routes!(users::sessions::list)))
        .routes(changes(May::UsersManage, Proves::SessionsEnded, routes!(users::sessions::end_all)))
        .routes(changes(May::UsersManage, Proves::SessionEnded, routes!(users::sessions::end)))
        .routes(reads(May::UsersRead, routes!(users::api_keys::list)))
        .routes(changes(May::UsersManage, Proves::ApiKeyCreated, routes!(users::api_keys::create)))
        .routes(changes(May::UsersManage, Proves::ApiKeyRevoked, routes!(users::api_keys::revoke)))
        .routes(reads(May::ConfigurationRead, routes!(security_policy::get)))
        .routes(changes(May::ConfigurationManage, Proves::TenantPolicyChanged, routes!(security_policy::set)))
}

fn budgets() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use admin::budgets;
    OpenApiRouter::new()
        .routes(reads(May::BudgetsRead, routes!(budgets::list::list)))
        .routes(changes(May::BudgetsManage, Proves::BudgetCreated, routes!(budgets::create::create)))
        .routes(changes(May::BudgetsManage, Proves::BudgetChanged, routes!(budgets::change::change)))
        .routes(changes(May::BudgetsManage, Proves::BudgetDeleted, routes!(budgets::delete::delete)))
        .routes(reads(May::UsageRead, routes!(usage::totals::totals)))
        .routes(reads(May::UsageRead, routes!(usage::export::export)))
        .routes(reads(May::UsageRead, routes!(usage::budgets::budgets)))
}

fn glossary() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    use admin::glossary;
    OpenApiRouter::new()
        .routes(reads(May::ConfigurationRead, routes!(glossary::list::list)))
        .routes(changes(May::ConfigurationManage, Proves::GlossaryEntryCreated, routes!(glossary::create::create)))
        .routes(changes(May::ConfigurationManage, Proves::GlossaryEntryChanged, routes!(glossary::change::change)))
        .routes(changes(May::ConfigurationManage, Proves::GlossaryEntryDeleted, routes!(glossary::delete::delete)))
}

fn sources() -> OpenApiRouter<AppState> {
    use AuditAction as Proves;
    use Permission as May;
    OpenApiRouter::new()
        .routes(reads(May::SourcesManage, routes!(sources::list::list)))
        .routes(changes(May::SourcesManage, Proves::SourceCreated, routes!(sources::create::create)))
        .routes(reads(May::SourcesManage, routes!(sources::get::get)))
        .routes(changes(May::SourcesManage, Proves::SourceChanged, routes!(sources::change::change)))
        .routes(changes(May::SourcesManage, Proves::SourceDeleted, routes!(sources::delete::delete)))
        .routes(changes(May::SourcesManage, Proves::SourceScanRequested, routes!(sources::scan::scan)))
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
        .layer(layers::from_fn(limits::tell))
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
            axum::http::Method::PUT,
            axum::http::Method::DELETE,
        ])
        .expose_headers([
            axum::http::header::RETRY_AFTER,
            axum::http::HeaderName::from_static("x-request-id"),
            axum::http::HeaderName::from_static("ratelimit-limit"),
            axum::http::HeaderName::from_static("ratelimit-remaining"),
            axum::http::HeaderName::from_static("ratelimit-reset"),
        ])
        .allow_headers([
            axum::http::header::AUTHORIZATION,
            axum::http::header::CONTENT_TYPE,
            axum::http::HeaderName::from_static("last-event-id"),
            axum::http::HeaderName::from_static("idempotency-key"),
            axum::http::HeaderName::from_static("x-step-up-proof"),
        ])
}

async fn method_not_allowed() -> axum::response::Response {
    ApiError::from(
        Problem::new(ErrorCode::MethodNotAllowed, "the path does not take this method")
            .remedy("GET /openapi.json lists all paths and methods"),
    )
    .into_response()
}
