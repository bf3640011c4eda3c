use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value};
use url::Url;

use crate::{OidcError, http::Http, strict_json};

/// How long metadata is taken for current.
const CURRENT: Duration = Duration::hours(1);
/// How long a provider that did not answer is left alone.
const RETRY: Duration = Duration::seconds(5);

/// What a provider says about itself (OpenID Connect Discovery).
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) jwks: Url,
    pub(crate) authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) end_session: Option<Url>,
    pub(crate) revocation: Option<Url>,
    /// RFC 9207: the browser comes back with `iss`.
    pub(crate) returns_issuer: bool,
    /// The client secret goes into the form, because the provider does not take HTTP basic authentication.
    pub(crate) secret_in_form: bool,
}

impl Metadata {
    /// Reads a metadata document, which must be that of `issuer`.
    fn read(json: &[u8], issuer: &str) -> Result<Self, &'static str> {
        let document = strict_json::object(json).ok_or("something else than metadata")?;
        if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err("the metadata of another issuer");
        }
        let secure = issuer.starts_with("https://");
        let endpoint = |name: &str| endpoint(&document, name, secure);
        Ok(Self {
            jwks: endpoint("jwks_uri")?.ok_or("metadata without `jwks_uri`")?,
            authorization: endpoint("authorization_endpoint")?,
            token: endpoint("token_endpoint")?,
            userinfo: endpoint("userinfo_endpoint")?,
            end_session: endpoint("end_session_endpoint")?,
            revocation: endpoint("revocation_endpoint")?,
            returns_issuer: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            secret_in_form: document
                .get("token_endpoint_auth_methods_supported")
                .and_then(Value::as_array)
                .is_some_and(|methods| !methods.iter().any(|method| method == "client_secret_basic")),
        })
    }
}

fn endpoint(document: &Map<String, Value>, name: &str, secure: bool) -> Result<Option<Url>, &'static str> {
    let Some(text) = document.get(name).and_then(Value::as_str) else { return Ok(None) };
    let url = Url::parse(text).map_err(|_| "an endpoint that is no URL")?;
    match url.scheme() {
        "https" => Ok(Some(url)),
        "http" if !secure => Ok(Some(url)),
        _ => Err("an endpoint without TLS"),
    }
}

/// The last metadata, and when it was asked for. Held locked while asking, so that one asks for all.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    last: Option<(Arc<Metadata>, DateTime<Utc>)>,
    failed_at: Option<DateTime<Utc>>,
}

impl MetadataCache {
    /// The metadata: kept, asked for, or, when the provider does not answer, the last known.
    pub(crate) async fn get(
        &mut self,
        http: &Http,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, OidcError> {
        let within = |since: DateTime<Utc>, span: Duration| (now - since).abs() < span;
        if let Some((metadata, asked_at)) = &self.last
            && (within(*asked_at, CURRENT) || self.failed_at.is_some_and(|failed_at| within(failed_at, RETRY)))
        {
            return Ok(Arc::clone(metadata));
        }
        if self.failed_at.is_some_and(|failed_at| within(failed_at, RETRY)) {
            return Err(http.unavailable());
        }
        // Left standing when the caller gives up waiting, so that the next one does not wait as long at once.
        self.failed_at = Some(now);
        match fetch(http, issuer).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                self.last = Some((Arc::clone(&metadata), now));
                self.failed_at = None;
                Ok(metadata)
            }
            Err(error) => match &self.last {
                Some((metadata, _)) => {
                    tracing::warn!(%error, issuer, "the identity provider's metadata cannot be read, the last is kept");
                    Ok(Arc::clone(metadata))
                }
                None => Err(error),
            },
        }
    }
}

async fn fetch(http: &Http, issuer: &str) -> Result<Metadata, OidcError> {
    let address = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    let address = Url::parse(&address).map_err(|_| http.bad_answer("no address"))?;
    let json = http.get(&address, None).await?;
    Metadata::read(&json, issuer).map_err(|what| http.bad_answer(what))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.example";

    fn read(change: impl FnOnce(&mut Value)) -> Result<Metadata, &'static str> {
        let mut document = json!({
            "issuer": ISSUER, "jwks_uri": "https://keys.example/jwks", "token_endpoint": "https://login.example/token",
        });
        change(&mut document);
        Metadata::read(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn metadata_must_be_the_issuers_own_and_keep_to_tls() {
        let plain = read(|_| {}).unwrap();
        assert_eq!(plain.token.unwrap().as_str(), "https://login.example/token");
        assert!(!plain.returns_issuer && !plain.secret_in_form && plain.authorization.is_none());
        for other in ["https://login.example/", "https://LOGIN.example", "http://login.example", ""] {
            assert!(read(|document| document["issuer"] = json!(other)).is_err(), "{other}");
        }
        for name in ["jwks_uri", "token_endpoint", "userinfo_endpoint", "end_session_endpoint"] {
            for address in ["http://login.example/x", "file:///etc/passwd", "/x", ""] {
                assert!(read(|document| document[name] = json!(address)).is_err(), "{name} {address}");
            }
        }
        assert!(read(|document| document["jwks_uri"] = Value::Null).is_err());
        let methods = |list: Value| read(|document| document["token_endpoint_auth_methods_supported"] = list).unwrap();
        assert!(methods(json!(["client_secret_post"])).secret_in_form);
        assert!(!methods(json!(["client_secret_post", "client_secret_basic"])).secret_in_form);
    }
}
