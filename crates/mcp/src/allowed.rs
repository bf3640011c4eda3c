use url::{Origin, Url};

/// The longest address.
const MAX_ADDRESS_BYTES: usize = 500;

/// The origins at which MCP servers may stand: scheme, host and port, as the operator says. None: there are no servers.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Vec<Origin>);

/// Why no server can be reached at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not of the form.
    #[error("expected an address such as `https://mes.example.com/mcp`, without user, query and fragment")]
    Form,
    /// The operator does not allow its origin.
    #[error("expected an address at an origin that the operator allows in `MCP_ALLOWED_ORIGINS`")]
    NotAllowed,
}

impl AllowedOrigins {
    /// These; what is no origin allows nothing.
    pub fn new(origins: &[String]) -> Self {
        let origins = origins.iter().filter_map(|text| Url::parse(text).ok()).map(|url| url.origin());
        Self(origins.filter(Origin::is_tuple).collect())
    }

    /// Whether none is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address of a server.
    ///
    /// # Errors
    /// When it is none, or not at one of these.
    pub fn address(&self, text: &str) -> Result<Url, AddressError> {
        let url = Some(text).filter(|text| text.len() <= MAX_ADDRESS_BYTES).and_then(|text| Url::parse(text).ok());
        let url = url.ok_or(AddressError::Form)?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "https" | "http") || !is_bare || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Form);
        }
        if self.0.contains(&url.origin()) { Ok(url) } else { Err(AddressError::NotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_stands_where_the_operator_says_and_nowhere_near() {
        let allowed = AllowedOrigins::new(&["https://mes.example.com".into(), "http://127.0.0.1:9000".into()]);
        for text in ["https://mes.example.com/mcp", "https://MES.example.com:443/", "http://127.0.0.1:9000/a/b"] {
            assert!(allowed.address(text).is_ok(), "{text}");
        }
        for text in [
            "http://mes.example.com/mcp",
            "https://mes.example.com:8443/",
            "https://mes.example.com.evil.example/",
            "http://127.0.0.1/",
            "http://localhost:9000/",
        ] {
            assert_eq!(allowed.address(text), Err(AddressError::NotAllowed), "{text}");
        }
        for text in [
            "https://u:p@mes.example.com/",
            "https://mes.example.com/?key=1",
            "https://mes.example.com/#a",
            "ftp://mes.example.com/",
            "mes.example.com",
            "",
        ] {
            assert_eq!(allowed.address(text), Err(AddressError::Form), "{text}");
        }
        assert!(AllowedOrigins::new(&["data:text/plain,x".into(), "x".into()]).is_empty());
    }
}
