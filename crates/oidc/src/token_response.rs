use millwright_config::Secret;
use serde_json::{Map, Value};
use url::Url;

use crate::{OidcError, Provider, http::Answer, strict_json};

/// Error codes of providers that are passed on: short words and nothing else.
const MAX_ERROR_CODE_BYTES: usize = 64;

/// What the token endpoint hands out (RFC 6749 5.1, OpenID Connect Core 3.1.3.3).
pub(crate) struct TokenResponse {
    pub(crate) access_token: Secret,
    pub(crate) id_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
    /// Seconds.
    pub(crate) expires_in: Option<i64>,
}

impl TokenResponse {
    fn read(json: &[u8]) -> Option<Self> {
        let mut answer = strict_json::object(json)?;
        let bearer = answer.get("token_type")?.as_str()?.eq_ignore_ascii_case("bearer");
        let expires_in = answer.get("expires_in").and_then(Value::as_i64);
        let mut secret = |name: &str| match answer.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(Secret::new(text)),
            _ => None,
        };
        let (id_token, refresh_token) = (secret("id_token"), secret("refresh_token"));
        let access_token = secret("access_token").filter(|_| bearer)?;
        Some(Self { access_token, id_token, refresh_token, expires_in })
    }
}

impl Provider {
    /// Asks the token endpoint for tokens in exchange for a grant.
    pub(crate) async fn grant(
        &self,
        endpoint: Option<&Url>,
        secret_in_form: bool,
        form: &[(&str, &str)],
    ) -> Result<TokenResponse, OidcError> {
        let http = &self.0.http;
        let endpoint = endpoint.ok_or_else(|| http.bad_answer("metadata without `token_endpoint`"))?;
        let answer = self.post_as_client(endpoint, secret_in_form, form).await?;
        if answer.status.is_success() {
            return TokenResponse::read(&answer.body).ok_or_else(|| http.bad_answer("something else than tokens"));
        }
        let code = strict_json::object(&answer.body).and_then(|body| error_code(body.get("error")?.as_str()?));
        let provider = self.settings().id.clone();
        match code.filter(|_| answer.status.is_client_error()) {
            Some(code) if code == "invalid_grant" => Err(OidcError::GrantRefused { provider }),
            Some(code) => Err(OidcError::ClientRefused { provider, code }),
            None => Err(http.bad_answer(format!("status {} at the token endpoint", answer.status.as_u16()))),
        }
    }

    /// Posts a form as the registered client.
    pub(crate) async fn post_as_client(
        &self,
        endpoint: &Url,
        secret_in_form: bool,
        form: &[(&str, &str)],
    ) -> Result<Answer, OidcError> {
        let settings = self.settings();
        let basic = settings.client_secret.as_ref().filter(|_| !secret_in_form);
        let mut form = form.to_vec();
        if basic.is_none() {
            form.push(("client_id", &settings.client_id));
            form.extend(settings.client_secret.as_ref().map(|secret| ("client_secret", secret.expose())));
        }
        self.0.http.post(endpoint, basic.map(|secret| (settings.client_id.as_str(), secret)), &form).await
    }

    /// What the provider says about the bearer of `access_token`, who must be `subject`.
    pub(crate) async fn userinfo(
        &self,
        endpoint: &Url,
        access_token: &Secret,
        subject: &str,
    ) -> Result<Map<String, Value>, OidcError> {
        let json = self.0.http.get(endpoint, Some(access_token)).await?;
        let claims =
            strict_json::object(&json).ok_or_else(|| self.0.http.bad_answer("something else than user info"))?;
        // OpenID Connect Core 5.3.2: otherwise the answer must not be used.
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(OidcError::InvalidToken(crate::TokenFault::Subject));
        }
        Ok(claims)
    }
}

/// A provider's error code, if it looks like one. It goes into the log and into addresses.
pub(crate) fn error_code(text: &str) -> Option<String> {
    let word = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    (word && text.len() <= MAX_ERROR_CODE_BYTES).then(|| text.to_owned())
}
