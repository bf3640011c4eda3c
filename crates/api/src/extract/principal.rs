use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use millwright_auth::{Verified, api_key, require};
use millwright_core::{ErrorCode, Permission, Principal, Problem};
use millwright_identity::{Client, Presented};
use millwright_limits::Demand;

use crate::{ApiError, AppState, cookies, limits, listening::ClientAddress, problem::current_trace_id};

/// The longest `User-Agent` that is kept, characters.
const MAX_USER_AGENT: usize = 200;

fn presented<'r>(headers: &'r HeaderMap, method: &Method) -> Result<Presented<'r>, ApiError> {
    let missing = || {
        ApiError::from(
            Problem::new(ErrorCode::Unauthenticated, "the request carries no bearer token and no session cookie")
                .remedy("sign in at POST /api/v1/auth/login and send `Authorization: Bearer <access_token>`"),
        )
    };
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(missing)?;
        return if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Presented::Bearer(token.trim()))
        } else {
            Err(missing())
        };
    }
    let access = cookies::read(headers, cookies::ACCESS).ok_or_else(missing)?;
    let csrf = headers.get(cookies::CSRF_HEADER).and_then(|value| value.to_str().ok());
    Ok(Presented::Cookie { access, csrf, changes: !method.is_safe() })
}

/// Where the request came from, for audit entries and the sign-in limits.
pub(crate) fn client(parts: &Parts) -> Client {
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Client {
        address: Some(ClientAddress::of(&parts.extensions).ip),
        user_agent: user_agent.map(|text| text.chars().take(MAX_USER_AGENT).collect()),
        device: cookies::read(&parts.headers, cookies::DEVICE).map(str::to_owned),
        trace_id: current_trace_id(),
    }
}

/// Who is asking, within the limits of their address, themselves and their tenant.
async fn authenticate(parts: &mut Parts, state: &AppState, needed: Permission) -> Result<Verified, ApiError> {
    let presented = presented(&parts.headers, &parts.method)?;
    let client = client(parts);
    let from = Demand::address(ClientAddress::of(&parts.extensions).ip);
    if let Presented::Bearer(text) = presented
        && api_key::is_api_key(text)
    {
        tracing::Span::current().record("api_key.prefix", api_key::prefix(text));
    }
    // What must be looked up is paid for by its address first, so that made-up credentials cost little.
    let remembered = state.identity.is_remembered(presented);
    if !remembered {
        limits::take(&parts.extensions, state, std::slice::from_ref(&from)).await?;
    }
    let verified = state.identity.authenticate(presented, &client).await?;
    let principal = verified.principal;
    tracing::Span::current().record("tenant.id", tracing::field::display(principal.tenant_id()));
    tracing::Span::current().record("user.id", tracing::field::display(principal.user_id));
    let mut demands = vec![Demand::user(principal.user_id), Demand::tenant(principal.tenant_id())];
    if remembered {
        demands.push(from);
    }
    limits::take(&parts.extensions, state, &demands).await?;
    require(&principal, needed)?;
    parts.extensions.insert(verified);
    Ok(verified)
}

macro_rules! permission_extractors {
    ($($name:ident)*) => {$(
        #[doc = concat!("Somebody who holds [`Permission::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name(pub Principal);

        impl FromRequestParts<AppState> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
                Ok(Self(authenticate(parts, state, Permission::$name).await?.principal))
            }
        }
    )*};
}

permission_extractors! {
    DocumentsRead DocumentsWrite LabelsApprove ChatUse AuditRead JobsRead JobsManage MetricsRead UsersRead UsersManage
    ConfigurationRead ConfigurationManage ProfileManage BudgetsRead BudgetsManage UsageRead SourcesManage EvaluationsManage
}

/// Where the request came from.
#[derive(Debug, Clone)]
pub struct From(pub Client);

impl FromRequestParts<AppState> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(client(parts)))
    }
}

/// The header `x-step-up-proof`, if it is there.
#[derive(Debug, Clone)]
pub struct StepUpProof(pub Option<String>);

impl FromRequestParts<AppState> for StepUpProof {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &AppState) -> Result<Self, Self::Rejection> {
        let proof = parts.headers.get("x-step-up-proof").and_then(|value| value.to_str().ok());
        Ok(Self(proof.map(str::to_owned)))
    }
}
