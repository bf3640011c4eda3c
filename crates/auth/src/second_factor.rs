//! The second factor: time-based codes (RFC 6238) and recovery codes.

use std::fmt;

use chrono::{DateTime, Utc};
use millwright_core::{Sources, id::UserId};
use qrcode::{EcLevel, QrCode, render::svg};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::{AuthError, keys::MacKey};

/// Bytes of a secret: what RFC 4226 recommends and every authenticator takes.
const SECRET_BYTES: usize = 20;
/// Codes made at once.
pub const RECOVERY_CODES: usize = 10;

/// A secret and the ways to bring it into an authenticator. `Debug` shows nothing of it.
pub struct Enrolment {
    /// The secret itself, to be stored encrypted.
    pub secret: Zeroizing<[u8; SECRET_BYTES]>,
    /// The same in base 32, to be typed.
    pub base32: Zeroizing<String>,
    /// `otpauth://totp/…`.
    pub uri: Zeroizing<String>,
    /// The URI as a QR code, an SVG document.
    pub qr_svg: Zeroizing<String>,
}

impl Enrolment {
    /// A fresh secret under the name that the authenticator will show.
    pub fn begin(sources: &Sources, account: &str) -> Result<Self, AuthError> {
        let secret = Zeroizing::new(sources.random_bytes::<SECRET_BYTES>());
        // A colon separates issuer and account in the URI.
        let account = account.replace(':', " ");
        let totp = totp(secret.as_ref(), &account)?;
        let uri = Zeroizing::new(totp.to_url().map_err(|_| AuthError::SecondFactor)?);
        let code =
            QrCode::with_error_correction_level(uri.as_bytes(), EcLevel::M).map_err(|_| AuthError::SecondFactor)?;
        let qr_svg = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
        Ok(Self { base32: Zeroizing::new(totp.secret().to_base32()), secret, uri, qr_svg: Zeroizing::new(qr_svg) })
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment")
    }
}

fn totp(secret: &[u8], account: &str) -> Result<Totp, AuthError> {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(account)
        .with_issuer(Some("Millwright"))
        .build()
        .map_err(|_| AuthError::SecondFactor)
}

/// The time step of a right code: six digits, of now or of the 30 seconds before or after. `None` for a wrong one.
/// Whoever calls this must take each step once only.
pub fn matching_step(secret: &[u8], code: &str, now: DateTime<Utc>) -> Result<Option<i64>, AuthError> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let now = u64::try_from(now.timestamp()).map_err(|_| AuthError::SecondFactor)?;
    Ok(totp(secret, "")?.check(&digits, now).and_then(|step| i64::try_from(step).ok()))
}

/// Makes and hashes recovery codes: each signs in once, when the authenticator is lost.
#[derive(Clone)]
pub struct RecoveryCodes(MacKey);

/// Without characters that look alike.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RecoveryCodes {
    /// Derives the key from at least 32 bytes of secret.
    pub fn new(secret_key: &[u8]) -> Result<Self, AuthError> {
        MacKey::derive(secret_key, b"recovery codes v1").map(Self)
    }

    /// Ten codes of 50 bits, in two groups of five.
    pub fn generate(sources: &Sources) -> Vec<Zeroizing<String>> {
        let code = || {
            let random = Zeroizing::new(sources.random_bytes::<10>());
            let mut code = Zeroizing::new(String::with_capacity(11));
            for (index, byte) in random.iter().enumerate() {
                if index == 5 {
                    code.push('-');
                }
                code.push(char::from(ALPHABET[usize::from(byte & 31)]));
            }
            code
        };
        (0..RECOVERY_CODES).map(|_| code()).collect()
    }

    /// What is stored of a code: keyed, because 50 bits could be searched.
    pub fn hash(&self, user: UserId, code: &str) -> [u8; 32] {
        let plain: Zeroizing<String> =
            Zeroizing::new(code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect());
        self.0.mac(&[user.uuid().as_bytes(), plain.as_bytes()])
    }

    /// Whether the text has the form of a recovery code rather than of a time-based one.
    pub fn looks_like_one(text: &str) -> bool {
        text.chars().filter(char::is_ascii_alphanumeric).count() == 10
    }
}

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCodes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, SHA-1, the last six of eight digits.
        let secret = b"12345678901234567890";
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            let now = DateTime::from_timestamp(time, 0).unwrap();
            assert_eq!(matching_step(secret, code, now).unwrap(), Some(time / 30), "{time}");
            let spaced = format!(" {} {}", &code[..3], &code[3..]);
            assert_eq!(matching_step(secret, &spaced, now).unwrap(), Some(time / 30));
        }
    }

    #[test]
    fn a_code_holds_one_step_before_and_after_and_no_longer() {
        let secret = b"12345678901234567890";
        let at = |offset: i64| DateTime::from_timestamp(1_111_111_109 + offset, 0).unwrap();
        let step = |offset| matching_step(secret, "081804", at(offset)).unwrap();
        assert!(step(-30).is_some() && step(30).is_some());
        assert_eq!((step(-61), step(61)), (None, None));
        for wrong in ["", "81804", "0818040", "08180a", "٠٨١٨٠٤", "081805"] {
            assert_eq!(matching_step(secret, wrong, at(0)).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn an_enrolment_can_be_scanned_and_typed() {
        let enrolment = Enrolment::begin(&Sources::system(), "ada: admin@a.test").unwrap();
        assert!(enrolment.uri.starts_with("otpauth://totp/Millwright:"), "{}", *enrolment.uri);
        assert!(enrolment.uri.contains(&format!("secret={}", *enrolment.base32)));
        assert!(enrolment.qr_svg.contains("<svg") && !enrolment.qr_svg.contains("script"));
        assert!(!format!("{enrolment:?}").contains(&*enrolment.base32));
    }

    #[test]
    fn recovery_codes_are_distinct_and_forgive_how_they_are_typed() {
        let (codes, key) = (RecoveryCodes::generate(&Sources::system()), RecoveryCodes::new(&[3; 32]).unwrap());
        let user = Uuid::from_u128(1).into();
        let hashes: std::collections::HashSet<_> = codes.iter().map(|code| key.hash(user, code)).collect();
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        let typed = codes[0].to_uppercase().replace('-', "  ");
        assert_eq!(key.hash(user, &typed), key.hash(user, &codes[0]));
        assert_ne!(key.hash(Uuid::from_u128(2).into(), &codes[0]), key.hash(user, &codes[0]));
        assert!(codes.iter().all(|code| RecoveryCodes::looks_like_one(code)));
        assert!(!RecoveryCodes::looks_like_one("123456"));
    }
}
