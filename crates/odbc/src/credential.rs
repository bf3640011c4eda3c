use std::fmt;

use zeroize::Zeroizing;

/// Who signs in. Its memory is overwritten when it goes; `Debug` shows nothing of it. What driver manager and driver keep
/// of it is out of reach.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    user: String,
    password: Zeroizing<String>,
}

impl Credential {
    /// For a database that knows users.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: Zeroizing::new(password.into()) }
    }

    /// For a database that knows none: a file.
    pub fn none() -> Self {
        Self::new("", "")
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// `text` without the password. With a password too short to be told from other text, nothing is left of a text that holds it.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match self.password.chars().count() {
            0 => text.to_owned(),
            1..4 if text.contains(self.password.as_str()) => String::new(),
            _ => text.replace(self.password.as_str(), "•••"),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(•••)")
    }
}
