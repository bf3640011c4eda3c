//! Passwords that Millwright makes up.

use millwright_core::Sources;
use zeroize::Zeroizing;

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
