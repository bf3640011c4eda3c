use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{AuthError, TokenFault, keys::MacKey};

/// The longest note that is looked at, bytes.
const MAX_BYTES: usize = 4096;

/// Signs short-lived statements that Millwright makes to itself and that a client carries in between: that a password was
/// right and a code is still missing, that a code was shown for one purpose. Readable, not forgeable.
#[derive(Clone)]
pub struct NoteKey(MacKey);

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    /// Seconds since 1970.
    exp: i64,
    #[serde(flatten)]
    body: T,
}

impl NoteKey {
    /// Derives a key for one kind of note.
    pub fn new(secret_key: &[u8], purpose: &str) -> Result<Self, AuthError> {
        MacKey::derive(secret_key, format!("note: {purpose} v1").as_bytes()).map(Self)
    }

    /// Signs.
    pub fn sign<T: Serialize>(&self, body: &T, expires_at: DateTime<Utc>) -> Result<String, AuthError> {
        let bytes =
            serde_json::to_vec(&Envelope { exp: expires_at.timestamp(), body }).map_err(|_| AuthError::Sealed)?;
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(self.0.mac(&[&bytes]))))
    }

    /// What was signed, if it was signed with this key and still holds.
    pub fn read<T: DeserializeOwned>(&self, text: &str, now: DateTime<Utc>) -> Result<T, AuthError> {
        let malformed = || AuthError::InvalidToken(TokenFault::Malformed);
        if text.len() > MAX_BYTES {
            return Err(AuthError::InvalidToken(TokenFault::TooLong));
        }
        let (bytes, mac) = text.split_once('.').ok_or_else(malformed)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).map_err(|_| malformed())?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| malformed())?;
        if !self.0.is_mac_of(&[&bytes], &mac) {
            return Err(AuthError::InvalidToken(TokenFault::Signature));
        }
        let envelope: Envelope<T> = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
        if envelope.exp <= now.timestamp() { Err(AuthError::Expired) } else { Ok(envelope.body) }
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Said {
        word: String,
    }

    #[test]
    fn a_note_holds_until_it_expires_and_for_one_purpose() {
        let now = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        let key = NoteKey::new(&[1; 32], "step-up").unwrap();
        let said = || Said { word: "yes".to_owned() };
        let note = key.sign(&said(), now + chrono::Duration::seconds(120)).unwrap();
        assert_eq!(key.read::<Said>(&note, now).unwrap(), said());
        let late = now + chrono::Duration::seconds(120);
        assert!(matches!(key.read::<Said>(&note, late), Err(AuthError::Expired)));
        assert!(NoteKey::new(&[1; 32], "challenge").unwrap().read::<Said>(&note, now).is_err());
        let mut forged = note.clone();
        forged.replace_range(2..3, if &note[2..3] == "A" { "B" } else { "A" });
        assert!(key.read::<Said>(&forged, now).is_err());
        assert!(key.read::<Said>("", now).is_err());
    }
}
