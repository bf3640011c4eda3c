//! Passwords that Millwright makes up, and what it asks of those that people choose.

use millwright_core::Sources;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use crate::PasswordHasher;

/// The shortest password that is accepted, characters.
pub const MIN_CHARACTERS: usize = 12;
/// Beyond this nothing is gained by looking; estimating takes longer the longer the text.
const LOOKED_AT: usize = 100;
/// What hyphens, spaces and the like may add to the strength of what they separate: the power of ten of their guesses.
const SEPARATORS: f64 = 2.0;

/// What is wrong with a password that somebody chose, or nothing. `known` are words that an attacker tries first: the
/// person's name, address and organisation. Common passwords and their variations are found by `zxcvbn`, which carries
/// lists of leaked passwords, names and words. Takes milliseconds: call it from a blocking thread.
pub fn fault(password: &str, known: &[&str]) -> Option<String> {
    let characters = password.chars().count();
    if characters < MIN_CHARACTERS {
        return Some(format!("expected at least {MIN_CHARACTERS} characters"));
    }
    if password.len() > PasswordHasher::MAX_PASSWORD_BYTES {
        return Some(format!("expected at most {} bytes", PasswordHasher::MAX_PASSWORD_BYTES));
    }
    // As they are written, word by word, and written as one.
    let joined: Vec<String> = known
        .iter()
        .map(|text| text.split('@').next().unwrap_or_default().chars().filter(|c| c.is_alphanumeric()).collect())
        .collect();
    let words: Vec<&str> = known
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()).chain([*text]))
        .chain(joined.iter().map(String::as_str))
        .filter(|word| word.chars().count() > 2)
        .collect();
    let shown: String = password.chars().take(LOOKED_AT).collect();
    // Also without what stands between: a word twice with a hyphen is no better than the word twice.
    let bare: String = shown.chars().filter(|c| c.is_alphanumeric()).collect();
    let (strength, bare) = (zxcvbn(&shown, &words), zxcvbn(&bare, &words));
    let strength = if bare.guesses_log10() + SEPARATORS < strength.guesses_log10() { bare } else { strength };
    if strength.score() >= Score::Three {
        return None;
    }
    let why = strength.feedback().and_then(zxcvbn::feedback::Feedback::warning).map(|warning| warning.to_string());
    Some(match why {
        Some(why) => format!("it is easy to guess: {}", why.trim_end_matches('.').to_lowercase()),
        None => "it is easy to guess; three or four words that do not belong together are not".to_owned(),
    })
}

/// 32 characters, so that five bits choose one; without those that look alike (`i`, `l`, `o`, `u`).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const GROUPS: usize = 5;
const GROUP: usize = 4;

/// A random password of 100 bits that can be read aloud: five groups of four characters.
pub fn generate(sources: &Sources) -> Zeroizing<String> {
    let random = Zeroizing::new(sources.random_bytes::<{ GROUPS * GROUP }>());
    let mut password = Zeroizing::new(String::with_capacity(GROUPS * (GROUP + 1)));
    for (group, bytes) in random.chunks(GROUP).enumerate() {
        if group > 0 {
            password.push('-');
        }
        password.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_short_and_personal_passwords_are_refused_and_phrases_accepted() {
        let known = ["Ada Lovelace", "ada.lovelace@plant.example", "Kupferwerk Nord"];
        for bad in [
            "short",
            "password1234",
            "123456789012",
            "qwertyuiopas",
            "Passw0rd!Passw0rd!",
            "aaaaaaaaaaaaaaa",
            "adalovelace1",
            "millwright-millwright",
            "password-password",
            "Kupferwerk1!",
        ] {
            assert!(fault(bad, &known).is_some(), "{bad}");
        }
        for good in
            ["correct horse battery staple", "spindle-otter-9-violet", "Rührwerk mit elf Pumpen", "k7#Vq!2zLw9$"]
        {
            assert_eq!(fault(good, &known), None, "{good}");
        }
        assert!(fault(&"x7!q".repeat(300), &known).is_some(), "longer than what is hashed");
        assert_eq!(fault(&generate(&Sources::system()), &known), None);
    }

    #[test]
    fn passwords_are_readable_and_do_not_repeat() {
        let sources = Sources::system();
        let made: std::collections::HashSet<_> = (0..200).map(|_| generate(&sources).to_string()).collect();
        assert_eq!(made.len(), 200);
        for password in &made {
            let groups: Vec<_> = password.split('-').collect();
            assert_eq!(groups.len(), GROUPS);
            assert!(groups.iter().all(|group| group.len() == GROUP));
            assert!(password.bytes().all(|b| b == b'-' || ALPHABET.contains(&b)));
        }
        let used: std::collections::HashSet<_> = made.iter().flat_map(|password| password.bytes()).collect();
        assert_eq!(used.len(), ALPHABET.len() + 1, "every character of the alphabet is used");
    }
}
