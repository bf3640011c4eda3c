//! Who asks: basic authentication, and access tokens by client credentials.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::{Duration, Instant};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{Session, exchange::Failure, exchange::Outgoing};
use crate::{
    credential::{Authorization, Secret},
    error::ODataError,
    value::json::Json,
};

const MAX_ANSWER_BYTES: usize = 64 << 10;
/// A token is used until so long before its end.
const MARGIN: Duration = Duration::from_secs(30);
/// RFC 6749 lets servers leave the lifetime out.
const DEFAULT_LIFETIME: u64 = 300;
const LONGEST_LIFETIME: u64 = 24 * 3600;

/// An access token.
pub(super) struct Token {
    pub(super) text: Zeroizing<String>,
    until: Instant,
}

/// What stands behind `Basic `.
pub(super) fn basic(user: &str, password: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(Zeroizing::new(format!("{user}:{password}"))))
}

fn sensitive(text: &str) -> Result<HeaderValue, ODataError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ODataError::Credential("credential"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Session {
    /// The header that says who asks.
    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, ODataError> {
        match &self.credential.authorization {
            Authorization::None => Ok(None),
            Authorization::Basic { user, password } => {
                let text = Zeroizing::new(format!("Basic {}", basic(user, password.expose()).as_str()));
                sensitive(&text).map(Some)
            }
            Authorization::ClientCredentials { token_url, client_id, client_secret, scope } => {
                let known = {
                    let state = self.state();
                    let token = state.token.as_ref().filter(|token| token.until > Instant::now());
                    token.map(|token| token.text.clone())
                };
                let text = match known {
                    Some(text) => text,
                    None => self.new_token(token_url, (client_id, client_secret), scope.as_deref()).await?,
                };
                sensitive(&Zeroizing::new(format!("Bearer {}", text.as_str()))).map(Some)
            }
        }
    }

    async fn new_token(
        &self,
        url: &Url,
        (id, secret): (&str, &Secret),
        scope: Option<&str>,
    ) -> Result<Zeroizing<String>, ODataError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = scope {
            form.append_pair("scope", scope);
        }
        let mut headers = HeaderMap::new();
        if secret.expose().is_empty() {
            form.append_pair("client_id", id);
        } else {
            // RFC 6749 2.3.1: both are form-encoded first.
            let encoded =
                |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
            let pair = basic(&encoded(id), &encoded(secret.expose()));
            headers.insert(header::AUTHORIZATION, sensitive(&format!("Basic {}", pair.as_str()))?);
            self.state().hidden.push(pair);
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let body = Some(Bytes::from(form.finish()));
        let outgoing = Outgoing { method: Method::POST, url: url.clone(), headers, body };
        let asked = Instant::now();
        let answer = self.exchange(outgoing, MAX_ANSWER_BYTES).await.map_err(Failure::error)?;
        let json = Json::parse(&answer.body);
        let said = |name: &str| json.as_ref().and_then(|json| json.get(name)).and_then(Json::text_or_number);
        if !answer.is_success() {
            let code = said("error")
                .filter(|code| code.len() <= 40 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            return Err(ODataError::NoToken(
                code.map_or_else(|| format!("status {}", answer.status.as_u16()), str::to_owned),
            ));
        }
        let is_bearer = said("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
        let text = said("access_token").filter(|_| is_bearer).map(|text| Zeroizing::new(text.to_owned()));
        let text = text.ok_or_else(|| ODataError::NoToken("no bearer token in the answer".into()))?;
        let seconds = said("expires_in").and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_LIFETIME);
        let lifetime = Duration::from_secs(seconds.min(LONGEST_LIFETIME)).saturating_sub(MARGIN);
        self.state().token = Some(Token { text: text.clone(), until: asked + lifetime });
        Ok(text)
    }
}
