use axum::{
    extract::{Path, RawQuery, State, rejection::PathRejection},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use millwright_core::{ErrorCode, Problem};
use millwright_identity::SignIn;
use millwright_oidc::LoginCallback;
use serde::Deserialize;

use super::login::attempt;
use crate::{
    ApiError, AppState, cookies,
    extract::{From, StrictQuery},
    problem::current_trace_id,
};

/// Where to go after signing in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartQuery {
    /// A path of the web interface.
    #[serde(rename = "return")]
    #[param(rename = "return", default = "/")]
    return_to: Option<String>,
}

/// Only a path of this site: a link must not lead a person who signs in to another host.
fn safe_return(path: Option<&str>) -> &str {
    let own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.len() <= 1024
            && path.bytes().all(|b| (0x21..0x7f).contains(&b))
    };
    path.filter(own).unwrap_or("/")
}

fn redirect(to: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sends the browser to a provider to sign in.
#[utoipa::path(get, path = "/api/v1/auth/oidc/{provider}/start", operation_id = "auth.oidc.start", tag = "auth",
               params(("provider" = String, Path, description = "Its id from `GET /api/v1/auth/options`"), StartQuery),
               responses((status = 302, description = "To the provider"),
                         (status = 404, description = "No such provider"),
                         (status = 429, description = "Too many attempts"),
                         (status = 503, description = "The provider cannot be reached")))]
pub(crate) async fn start(
    State(state): State<AppState>,
    provider: Result<Path<String>, PathRejection>,
    extensions: Extensions,
    StrictQuery(query): StrictQuery<StartQuery>,
) -> Result<Response, ApiError> {
    attempt(&extensions, &state).await?;
    // What is not even text names no provider.
    let Path(provider) = provider.map_err(|_| Problem::not_found("identity provider"))?;
    let started = state.identity.begin_login(&provider, safe_return(query.return_to.as_deref())).await?;
    let mut response = redirect(&started.url);
    cookies::set_pending(response.headers_mut(), &started.pending);
    Ok(response)
}

/// Where a provider sends the browser back to. Always a redirect: into the web interface, or to its sign-in page with an
/// `error` and a `trace_id`.
#[utoipa::path(get, path = "/api/v1/auth/oidc/callback", operation_id = "auth.oidc.callback", tag = "auth",
               responses((status = 302, description = "Into the web interface")))]
pub(crate) async fn callback(
    State(state): State<AppState>,
    From(client): From,
    headers: HeaderMap,
    extensions: Extensions,
    RawQuery(query): RawQuery,
) -> Response {
    let finish = async {
        attempt(&extensions, &state).await?;
        let malformed = || Problem::new(ErrorCode::Unauthenticated, "the provider's answer is not one");
        let uri = axum::http::Uri::builder().path_and_query(format!("/?{}", query.unwrap_or_default())).build();
        let callback = uri.ok().and_then(|uri| axum::extract::Query::<LoginCallback>::try_from_uri(&uri).ok());
        let callback = callback.ok_or_else(malformed)?.0;
        let none = || Problem::new(ErrorCode::Unauthenticated, "no sign-in is under way in this browser");
        let pending = cookies::read(&headers, cookies::PENDING).ok_or_else(none)?;
        Ok::<_, ApiError>(state.identity.finish_login(pending, &callback, &client).await?)
    };
    match finish.await {
        Ok((SignIn::Done(signed_in), return_to)) => {
            let mut response = redirect(&return_to);
            cookies::clear_pending(response.headers_mut());
            cookies::set_session(response.headers_mut(), &signed_in, state.sources.now());
            response
        }
        Ok((SignIn::SecondFactor { challenge, .. }, return_to)) => {
            let to: String = url_encode(&return_to);
            let mut response = redirect(&format!("/sign-in/second-factor?return={to}"));
            cookies::set_pending(response.headers_mut(), &challenge);
            response
        }
        Err(error) => {
            let code = error.problem().code.as_str();
            let mut response = redirect(&format!("/sign-in?error={code}&trace_id={}", current_trace_id()));
            cookies::clear_pending(response.headers_mut());
            response
        }
    }
}

fn url_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "chat", "", "/a b", "/\r\nx: y", "/ä"]
        {
            assert_eq!(safe_return(Some(bad)), "/", "{bad}");
        }
        assert_eq!(safe_return(Some("/documents/doc_1?tab=text")), "/documents/doc_1?tab=text");
        assert_eq!(safe_return(None), "/");
        assert_eq!(url_encode("/a?b=c"), "%2Fa%3Fb%3Dc");
    }
}
