use axum::{Json, extract::State};
use millwright_core::{ErrorCode, Problem};
use millwright_governance::{InjectionSettings, PersonalDataSettings, RoutingSettings};
use millwright_policy::{
    injection::{self, Channel},
    pii::{Detector, Mode, PiiSettings, PiiSettingsError, PiiType, Vault},
};
use millwright_store::Proof;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ApiError, AppState,
    extract::{Audit, ConfigurationManage, ConfigurationRead, StrictJson},
};

/// What the organisation chose for personal data and injection.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PolicySettingsResponse {
    #[schema(value_type = PiiSettings)]
    personal_data: PersonalDataSettings,
    injection: InjectionSettings,
    /// How models are chosen.
    routing: RoutingSettings,
    /// 0 for the defaults; a change names the one that it follows.
    version: i64,
    /// Every built-in type with the mode that it has now.
    types: Vec<PersonalDataTypeResponse>,
}

/// A type of personal data and what happens to it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PersonalDataTypeResponse {
    name: PiiType,
    mode: Mode,
    default_mode: Mode,
}

fn response(
    personal_data: PersonalDataSettings,
    injection: InjectionSettings,
    routing: RoutingSettings,
    version: i64,
) -> Json<PolicySettingsResponse> {
    let types = PiiType::ALL.iter().map(|name| PersonalDataTypeResponse {
        name: *name,
        mode: personal_data.modes.get(name).copied().unwrap_or(PiiSettings::default_mode(*name)),
        default_mode: PiiSettings::default_mode(*name),
    });
    Json(PolicySettingsResponse { types: types.collect(), personal_data, injection, routing, version })
}

fn unreadable(error: serde_json::Error) -> ApiError {
    millwright_governance::GovernanceError::Form(error).into()
}

/// What the organisation chose for personal data and injection.
#[utoipa::path(get, path = "/api/v1/policy/settings", operation_id = "policy.settings.get", tag = "policy",
               responses((status = 200, body = PolicySettingsResponse)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    ConfigurationRead(principal): ConfigurationRead,
) -> Result<Json<PolicySettingsResponse>, ApiError> {
    let mut tx = state.store.tenant(&principal.scope).read().await?;
    let Some(row) = tx.policies().settings().await? else {
        return Ok(response(
            PersonalDataSettings::default(),
            InjectionSettings::default(),
            RoutingSettings::default(),
            0,
        ));
    };
    let personal_data = serde_json::from_value(row.personal_data).map_err(unreadable)?;
    let injection = serde_json::from_value(row.injection).map_err(unreadable)?;
    let routing = serde_json::from_value(row.routing).map_err(unreadable)?;
    Ok(response(personal_data, injection, routing, row.version))
}

/// What shall hold.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetPolicySettingsRequest {
    #[schema(value_type = PiiSettings)]
    personal_data: PersonalDataSettings,
    injection: InjectionSettings,
    /// How models are chosen; stays as it is when absent.
    routing: Option<RoutingSettings>,
    /// The version that was read; 0 for the defaults.
    #[schema(minimum = 0)]
    version: i64,
}

fn detector(settings: &PersonalDataSettings) -> Result<Detector, ApiError> {
    Detector::new(settings).map_err(|PiiSettingsError { path, problem, accepted }| {
        Problem::new(ErrorCode::ValidationFailed, "the settings cannot be used")
            .field(format!("personal_data.{path}"), format!("{problem}; expected {accepted}"))
            .into()
    })
}

/// Sets what holds for personal data, injection and the choice of models, within a second everywhere.
#[utoipa::path(put, path = "/api/v1/policy/settings", operation_id = "policy.settings.set", tag = "policy",
               request_body = SetPolicySettingsRequest,
               responses((status = 200, body = PolicySettingsResponse),
                         (status = 412, description = "Somebody else changed them since they were read")))]
pub(crate) async fn set(
    State(state): State<AppState>,
    ConfigurationManage(principal): ConfigurationManage,
    audit: Audit,
    StrictJson(request): StrictJson<SetPolicySettingsRequest>,
) -> Result<Json<PolicySettingsResponse>, ApiError> {
    detector(&request.personal_data)?;
    if let Some(routing) = &request.routing {
        thresholds(routing)?;
    }
    let settings = (
        json!(request.personal_data),
        json!(request.injection),
        request.routing.as_ref().map(|routing| json!(routing)),
    );
    let mut tx = state.store.tenant(&principal.scope).begin().await?;
    let now = state.sources.now();
    if request.version < 0 {
        return Err(Problem::new(ErrorCode::ValidationFailed, "`version` is out of range")
            .field("version", "expected 0 or the version that was read")
            .into());
    }
    // The largest number cannot be followed, and nobody was given it.
    let after = request.version.min(i64::MAX - 1);
    let set = tx
        .policies()
        .set_settings((&settings.0, &settings.1, settings.2.as_ref()), after, principal.user_id, now)
        .await?;
    let version = set.ok_or_else(|| {
        Problem::new(ErrorCode::StaleTarget, "somebody else changed the settings since they were read")
            .remedy("read them again, and send the change with their version")
    })?;
    // Words of lists may be names of people: only how many there are stands in the log.
    let details = [
        ("version", version.into()),
        ("modes", settings.0["modes"].clone()),
        ("custom", request.personal_data.custom.iter().map(|custom| custom.name.clone()).collect::<Vec<_>>().into()),
        ("injection", settings.1.clone()),
        ("routing", settings.2.clone().unwrap_or_default()),
    ];
    let entry = audit.entry(&principal, version, &details)?;
    tx.commit(Proof::Entry(&entry)).await?;
    state.governance.forget(&principal.scope);
    let routing = state.governance.of(&principal.scope).await?.routing.clone();
    Ok(response(request.personal_data, request.injection, routing, version))
}

fn thresholds(routing: &RoutingSettings) -> Result<(), ApiError> {
    routing.thresholds().map(drop).map_err(|error| {
        Problem::new(ErrorCode::ValidationFailed, "the thresholds cannot be used")
            .field("routing", error.to_string())
            .into()
    })
}

/// A text to try settings on. It is not kept.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewRequest {
    #[schema(value_type = PiiSettings)]
    personal_data: PersonalDataSettings,
    #[schema(max_length = 20_000)]
    text: String,
}

/// Something that was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FindingResponse {
    kind: String,
    /// Unicode code points into the text.
    start: usize,
    end: usize,
    score: f32,
    mode: Mode,
}

/// How the injection check sees a text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct InjectionPreview {
    /// 0 to 1.
    score: f32,
    threshold: f32,
    is_hit: bool,
    reasons: Vec<String>,
}

/// What settings do to a text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PreviewResponse {
    findings: Vec<FindingResponse>,
    /// As a model would get it.
    text: String,
    /// Kinds for which it would be refused.
    blocked: Vec<String>,
    /// As if a person had typed it.
    as_message: InjectionPreview,
    /// As if it stood in a document.
    as_content: InjectionPreview,
}

fn preview_injection(channel: Channel, text: &str) -> InjectionPreview {
    let verdict = injection::check(channel, text);
    InjectionPreview {
        score: verdict.score,
        threshold: verdict.threshold,
        is_hit: verdict.is_hit,
        reasons: verdict.reasons.into_iter().map(str::to_owned).collect(),
    }
}

fn preview_of(settings: &PersonalDataSettings, detector: &Detector, text: &str) -> PreviewResponse {
    let chars = |bytes: usize| text.get(..bytes).unwrap_or_default().chars().count();
    let findings = detector.detect_all(text).into_iter().map(|finding| FindingResponse {
        start: chars(finding.start),
        end: chars(finding.end),
        score: finding.score,
        mode: settings.mode(&finding.kind),
        kind: finding.kind.as_str().to_owned(),
    });
    let redacted = Vault::default().redact(detector, text);
    PreviewResponse {
        findings: findings.collect(),
        text: redacted.text,
        blocked: redacted.blocked.iter().map(|kind| kind.as_str().to_owned()).collect(),
        as_message: preview_injection(Channel::User, text),
        as_content: preview_injection(Channel::Content, text),
    }
}

/// Shows what settings would do to a text, before they are saved. Neither is kept.
#[utoipa::path(post, path = "/api/v1/policy/settings/preview", operation_id = "policy.settings.preview", tag = "policy",
               request_body = PreviewRequest, responses((status = 200, body = PreviewResponse)))]
pub(crate) async fn preview(
    _reader: ConfigurationRead,
    StrictJson(request): StrictJson<PreviewRequest>,
) -> Result<Json<PreviewResponse>, ApiError> {
    if request.text.chars().count() > 20_000 {
        return Err(Problem::new(ErrorCode::ValidationFailed, "the text is too long")
            .field("text", "expected at most 20,000 characters")
            .into());
    }
    let detector = detector(&request.personal_data)?;
    let PreviewRequest { personal_data, text } = request;
    let work = tokio::task::spawn_blocking(move || preview_of(&personal_data, &detector, &text));
    Ok(Json(work.await.map_err(|_| Problem::internal())?))
}
