//! What a session signs in with. It is given for one call and wiped after it.

use std::fmt;

use zeroize::Zeroizing;

/// A text that is shown nowhere and wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How requests say who asks.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Not at all, or by certificate alone.
    None,
    /// HTTP basic authentication (RFC 7617).
    Basic {
        /// The name, without a colon.
        user: String,
        /// The password.
        password: Secret,
    },
    /// OAuth 2.0 client credentials (RFC 6749, 4.4).
    ClientCredentials {
        /// Where tokens are handed out; at a host that is allowed.
        token_url: url::Url,
        /// Who asks for one.
        client_id: String,
        /// Its secret; empty where the client is known by its certificate (RFC 8705).
        client_secret: Secret,
        /// What is asked for.
        scope: Option<String>,
    },
}

/// A certificate of the client and its key, for mutual TLS.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// PEM: the certificate first, those above it next, and the private key.
    pub pem: Secret,
}

/// All that a session signs in with.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What stands in requests.
    pub authorization: Authorization,
    /// What stands in the handshake.
    pub certificate: Option<ClientCertificate>,
}

impl Credential {
    /// By user and password.
    pub fn basic(user: impl Into<String>, password: Secret) -> Self {
        Self { authorization: Authorization::Basic { user: user.into(), password }, certificate: None }
    }
}
