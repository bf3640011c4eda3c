use chrono::{DateTime, Utc};

use crate::{OidcError, Provider, TokenFault, VerifiedToken, token};

/// All providers that are set up. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Providers(Vec<Provider>);

impl Providers {
    /// Ids and issuers are distinct; `config` sees to that. Of two that are not, the first counts.
    pub fn new(providers: impl IntoIterator<Item = Provider>) -> Self {
        Self(providers.into_iter().collect())
    }

    /// In the order of the settings.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The provider of that id.
    pub fn by_id(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings().id == id)
    }

    /// The provider of exactly that issuer.
    pub fn by_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings().issuer == issuer)
    }

    /// The provider that the token says it comes from, if that is one of these. Nothing is verified yet: this chooses
    /// who verifies.
    pub fn of_token(&self, token: &str) -> Option<&Provider> {
        self.by_issuer(&token::unverified_issuer(token)?)
    }

    /// Who the access token speaks for, by whichever provider made it.
    pub async fn verify_access_token(&self, token: &str, now: DateTime<Utc>) -> Result<VerifiedToken, OidcError> {
        let provider = self.of_token(token).ok_or(OidcError::InvalidToken(TokenFault::Issuer))?;
        provider.verify_access_token(token, now).await
    }
}
