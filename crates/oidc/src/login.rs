use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::Algorithm;
use millwright_core::Sources;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};
use url::Url;

use crate::{
    LoginFault, OidcError, Provider, Secret, TokenFault, VerifiedToken,
    claims::{lacks_something, subject},
    metadata::Metadata,
    token_response::{TokenResponse, error_code},
};

/// How long somebody may take at the provider.
const PATIENCE: Duration = Duration::minutes(10);
/// When the provider does not say how long an access token holds, seconds.
const DEFAULT_LIFETIME: i64 = 3600;
/// What says something about the sign-in and not about the person, so that only the ID token may say it.
const ONLY_IN_ID_TOKENS: [&str; 8] = ["acr", "amr", "at_hash", "auth_time", "azp", "nbf", "nonce", "sid"];

/// A sign-in that was begun.
#[derive(Debug)]
pub struct LoginBegun {
    /// Where the browser goes. It contains state and nonce, so it belongs into no log.
    pub url: Url,
    /// What [`Provider::finish_login`] needs.
    pub pending: PendingLogin,
}

/// What must be kept between the two halves of a sign-in, bound to the browser, for ten minutes, and used once. It
/// contains secrets: keep it on the server, or encrypted. `Debug` shows none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogin {
    provider: String,
    state: String,
    nonce: String,
    pkce_verifier: String,
    redirect_uri: String,
    created_at: DateTime<Utc>,
}

impl PendingLogin {
    /// Id of the provider.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// By which the callback finds it.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// When the sign-in began.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("provider", &self.provider)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// The query with which the browser comes back. `Debug` shows no code.
#[derive(Clone, Default, Deserialize)]
pub struct LoginCallback {
    /// The authorisation code.
    pub code: Option<String>,
    /// As it was sent.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub iss: Option<String>,
    /// Instead of a code.
    pub error: Option<String>,
}

impl fmt::Debug for LoginCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginCallback")
            .field("error", &self.error.as_deref().and_then(error_code))
            .finish_non_exhaustive()
    }
}

/// Somebody who signed in at the provider.
#[derive(Debug)]
pub struct LoggedIn {
    /// From the ID token, and from user info where that says what the ID token lacks.
    pub identity: VerifiedToken,
    /// For [`Provider::refresh`]; providers give one with the scope `offline_access`, or always, or never.
    pub refresh_token: Option<Secret>,
    /// For [`Provider::end_session_url`].
    pub id_token: Secret,
}

/// Somebody who is still signed in at the provider.
#[derive(Debug)]
pub struct Refreshed {
    /// As the provider sees the person now; or why that could not be learnt although the grant was accepted.
    pub identity: Result<VerifiedToken, OidcError>,
    /// Takes the place of the one before, and must be kept whatever became of `identity`: the one before is used up.
    pub refresh_token: Secret,
    /// Takes the place of the one before, where there is one.
    pub id_token: Option<Secret>,
}

impl Provider {
    /// Begins a sign-in that comes back to `redirect_uri`. `login_hint` is what the person is probably called there.
    pub async fn begin_login(
        &self,
        sources: &Sources,
        redirect_uri: &str,
        login_hint: Option<&str>,
    ) -> Result<LoginBegun, OidcError> {
        Url::parse(redirect_uri).map_err(|_| OidcError::InvalidRedirect)?;
        let now = sources.now();
        let metadata = self.metadata(now).await?;
        let endpoint = metadata.authorization.as_ref();
        let mut url =
            endpoint.ok_or_else(|| self.0.http.bad_answer("metadata without `authorization_endpoint`"))?.clone();
        let random = || URL_SAFE_NO_PAD.encode(sources.random_bytes::<32>());
        let pending = PendingLogin {
            provider: self.settings().id.clone(),
            state: random(),
            nonce: random(),
            pkce_verifier: random(),
            redirect_uri: redirect_uri.to_owned(),
            created_at: now,
        };
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &self.settings().scopes.join(" "))
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&pending.pkce_verifier)))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(&self.settings().authorize_parameters)
            .extend_pairs(login_hint.map(|hint| ("login_hint", hint)));
        Ok(LoginBegun { url, pending })
    }

    /// Finishes the sign-in that `pending` began, with what the browser came back with. Whoever calls this has made
    /// sure that `pending` belongs to the same browser, and lets it be used only once.
    pub async fn finish_login(
        &self,
        pending: &PendingLogin,
        callback: &LoginCallback,
        now: DateTime<Utc>,
    ) -> Result<LoggedIn, OidcError> {
        self.check_callback(pending, callback, now)?;
        let metadata = self.metadata(now).await?;
        match &callback.iss {
            Some(issuer) if *issuer != self.settings().issuer => {
                return Err(OidcError::InvalidLogin(LoginFault::Issuer));
            }
            None if metadata.returns_issuer => return Err(OidcError::InvalidLogin(LoginFault::Issuer)),
            _ => {}
        }
        if let Some(error) = &callback.error {
            let code = error_code(error).unwrap_or_else(|| "an error that is no code".to_owned());
            return Err(OidcError::LoginRefused { provider: self.settings().id.clone(), code });
        }
        let code = callback.code.as_deref().ok_or(OidcError::InvalidLogin(LoginFault::Code))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &pending.redirect_uri),
            ("code_verifier", &pending.pkce_verifier),
        ];
        let tokens = self.grant(metadata.token.as_ref(), metadata.secret_in_form, &form).await?;
        let id_token = tokens.id_token.as_ref().ok_or_else(|| self.0.http.bad_answer("tokens without an ID token"))?;
        let claims = self.id_token_claims(id_token, &tokens.access_token, now).await?;
        if claims.get("nonce").and_then(Value::as_str) != Some(&pending.nonce) {
            return Err(OidcError::InvalidToken(TokenFault::Nonce));
        }
        let identity = self.identity(claims, &metadata, &tokens).await?;
        Ok(LoggedIn { identity, id_token: id_token.clone(), refresh_token: tokens.refresh_token })
    }

    /// Asks the provider whether `subject`, who signed in with it before, is still welcome there, and as what.
    /// [`OidcError::GrantRefused`] is the provider's no; any other error says nothing about the person. Let it run to its
    /// end even when the client hangs up, or a new refresh token may be lost while the old one is used up.
    pub async fn refresh(
        &self,
        refresh_token: &Secret,
        expected_subject: &str,
        now: DateTime<Utc>,
    ) -> Result<Refreshed, OidcError> {
        let metadata = self.metadata(now).await?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let tokens = self.grant(metadata.token.as_ref(), metadata.secret_in_form, &form).await?;
        let identity = self.refreshed_identity(&metadata, &tokens, expected_subject, now).await;
        let refresh_token = tokens.refresh_token.unwrap_or_else(|| refresh_token.clone());
        Ok(Refreshed { identity, refresh_token, id_token: tokens.id_token })
    }

    /// Where the browser goes to sign out at the provider, if that offers it. `id_token_hint` spares the person a
    /// question.
    pub async fn end_session_url(
        &self,
        id_token_hint: Option<&Secret>,
        post_logout_redirect_uri: &str,
        now: DateTime<Utc>,
    ) -> Option<Url> {
        let metadata = self.metadata(now).await.ok()?;
        let mut url = metadata.end_session.clone()?;
        url.query_pairs_mut()
            .extend_pairs(id_token_hint.map(|token| ("id_token_hint", token.expose())))
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("post_logout_redirect_uri", post_logout_redirect_uri);
        Some(url)
    }

    /// Gives a refresh token back (RFC 7009), so that it is worth nothing to whoever finds it. `false`: the provider does
    /// not offer that.
    pub async fn revoke(&self, refresh_token: &Secret, now: DateTime<Utc>) -> Result<bool, OidcError> {
        let metadata = self.metadata(now).await?;
        let Some(endpoint) = &metadata.revocation else { return Ok(false) };
        let form = [("token", refresh_token.expose()), ("token_type_hint", "refresh_token")];
        let answer = self.post_as_client(endpoint, metadata.secret_in_form, &form).await?;
        let bad = || self.0.http.bad_answer(format!("status {} at the revocation endpoint", answer.status.as_u16()));
        if answer.status.is_success() { Ok(true) } else { Err(bad()) }
    }

    fn check_callback(
        &self,
        pending: &PendingLogin,
        callback: &LoginCallback,
        now: DateTime<Utc>,
    ) -> Result<(), OidcError> {
        let fault = if pending.provider != self.settings().id {
            LoginFault::Provider
        } else if callback.state.as_deref() != Some(&pending.state) {
            LoginFault::State
        } else if (now - pending.created_at).abs() > PATIENCE {
            LoginFault::Expired
        } else {
            return Ok(());
        };
        Err(OidcError::InvalidLogin(fault))
    }

    async fn refreshed_identity(
        &self,
        metadata: &Metadata,
        tokens: &TokenResponse,
        expected_subject: &str,
        now: DateTime<Utc>,
    ) -> Result<VerifiedToken, OidcError> {
        let claims = if let Some(id_token) = &tokens.id_token {
            self.id_token_claims(id_token, &tokens.access_token, now).await?
        } else {
            // OpenID Connect Core 12.2 lets the provider leave it out; user info must say it all then.
            let expires_at = now.timestamp().saturating_add(tokens.expires_in.unwrap_or(DEFAULT_LIFETIME));
            let claims = json!({ "iss": self.settings().issuer, "sub": expected_subject, "exp": expires_at });
            let endpoint = metadata.userinfo.as_ref();
            let endpoint = endpoint.ok_or_else(|| self.0.http.bad_answer("neither ID token nor user info"))?;
            let said = self.userinfo(endpoint, &tokens.access_token, expected_subject).await?;
            completed(claims.as_object().cloned().unwrap_or_default(), said)
        };
        if subject(&claims)? != expected_subject {
            return Err(OidcError::InvalidToken(TokenFault::Subject));
        }
        self.identity(claims, metadata, tokens).await
    }

    async fn id_token_claims(
        &self,
        id_token: &Secret,
        access_token: &Secret,
        now: DateTime<Utc>,
    ) -> Result<Map<String, Value>, OidcError> {
        let parsed = self.verify_id_token(id_token.expose(), now).await?;
        let belongs =
            parsed.claims.get("at_hash").is_none_or(|hash| *hash == half_hash(parsed.algorithm, access_token));
        if belongs { Ok(parsed.claims) } else { Err(OidcError::InvalidToken(TokenFault::AccessTokenHash)) }
    }

    /// The claims as the settings read them, with user info where something is missing.
    async fn identity(
        &self,
        claims: Map<String, Value>,
        metadata: &Metadata,
        tokens: &TokenResponse,
    ) -> Result<VerifiedToken, OidcError> {
        let claims = match metadata.userinfo.as_ref().filter(|_| lacks_something(self.settings(), &claims)) {
            Some(endpoint) => {
                let said = self.userinfo(endpoint, &tokens.access_token, subject(&claims)?).await?;
                completed(claims, said)
            }
            None => claims,
        };
        VerifiedToken::new(self.settings(), claims)
    }
}

/// What the claims lack and user info says.
fn completed(mut claims: Map<String, Value>, said: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in said {
        if !ONLY_IN_ID_TOKENS.contains(&name.as_str()) {
            claims.entry(name).or_insert(value);
        }
    }
    claims
}

/// `at_hash` (OpenID Connect Core 3.1.3.6): the left half of the hash that the signature's algorithm uses.
fn half_hash(algorithm: Algorithm, access_token: &Secret) -> String {
    let text = access_token.expose();
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(text).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 => Sha512::digest(text).to_vec(),
        _ => Sha256::digest(text).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}
