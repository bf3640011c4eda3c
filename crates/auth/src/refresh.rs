use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millwright_core::id::{SessionId, TenantId};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{AuthError, keys::MacKey};

const PREFIX: &str = "mwr_";
const BODY_BYTES: usize = 16 + 16 + 4;

/// What a refresh token says: which session it belongs to and the how-many-eth of that session it is.
///
/// Each is used once. The database keeps the number of the one that is still good; a genuine token with a lower number
/// was used before, so one of its two users is not the person who signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session's tenant.
    pub tenant_id: TenantId,
    /// The session.
    pub session_id: SessionId,
    /// 1 for the first.
    pub generation: i32,
}

/// Makes refresh tokens and tells genuine ones. They need not be stored: an HMAC under a key of their own vouches for
/// them, so a copy of the database holds none.
#[derive(Clone)]
pub struct RefreshTokens(MacKey);

impl RefreshTokens {
    /// Derives the key from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8]) -> Result<Self, AuthError> {
        MacKey::derive(secret_key, b"refresh tokens v1").map(Self)
    }

    /// The text to hand out.
    pub fn write(&self, token: &RefreshToken) -> Zeroizing<String> {
        let body = body(token);
        let bytes = Zeroizing::new([body.as_slice(), &self.0.mac(&[&body])].concat());
        Zeroizing::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes)))
    }

    /// What the text says, if it was made here.
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let encoded = text.strip_prefix(PREFIX).filter(|encoded| encoded.len() < 128)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let (body, mac) = bytes.split_first_chunk::<BODY_BYTES>()?;
        if !self.0.is_mac_of(&[body], mac) {
            return None;
        }
        let uuid = |at: usize| Uuid::from_slice(body.get(at..at + 16)?).ok();
        Some(RefreshToken {
            tenant_id: uuid(0)?.into(),
            session_id: uuid(16)?.into(),
            generation: i32::from_be_bytes(body.get(32..)?.try_into().ok()?),
        })
    }
}

fn body(token: &RefreshToken) -> Vec<u8> {
    [token.tenant_id.uuid().as_bytes().as_slice(), token.session_id.uuid().as_bytes(), &token.generation.to_be_bytes()]
        .concat()
}

impl fmt::Debug for RefreshTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshTokens")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> RefreshToken {
        RefreshToken { tenant_id: Uuid::from_u128(1).into(), session_id: Uuid::from_u128(2).into(), generation: 3 }
    }

    #[test]
    fn only_what_was_made_with_this_key_is_read() {
        let tokens = RefreshTokens::new(&[1; 32]).unwrap();
        let text = tokens.write(&token());
        assert_eq!(tokens.read(&text), Some(token()));
        assert_eq!(RefreshTokens::new(&[2; 32]).unwrap().read(&text), None);
        assert_eq!(tokens.read(text.trim_start_matches(PREFIX)), None);
        assert_eq!(tokens.read(&format!("{}A", *text)), None);
    }

    proptest! {
        #[test]
        fn no_changed_character_goes_unnoticed(place: prop::sample::Index, other in "[A-Za-z0-9_-]") {
            let tokens = RefreshTokens::new(&[1; 32]).unwrap();
            let text = tokens.write(&token()).to_string();
            let place = place.index(text.len());
            let changed = format!("{}{other}{}", &text[..place], &text[place + 1..]);
            prop_assume!(changed != text);
            prop_assert_eq!(tokens.read(&changed), None);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "(mwr_)?.*") {
            prop_assert_eq!(RefreshTokens::new(&[1; 32]).unwrap().read(&text), None);
        }
    }
}
