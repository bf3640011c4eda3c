//! Keys and passwords in what a model says.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{patterns, union};

/// Forms that are secrets wherever they stand.
static FORMS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        r"\b(?:AKIA|ASIA|AGPA|AROA|AIDA)[0-9A-Z]{16}\b",
        r#"(?i)\baws[a-z0-9_ .-]{0,20}secret[a-z0-9_ .-]{0,20}["']?\s{0,3}[:=]\s{0,3}["']?[A-Za-z0-9/+]{40}\b"#,
        r"\bgh[pousr]_[A-Za-z0-9]{30,255}\b",
        r"\bgithub_pat_[A-Za-z0-9_]{40,255}\b",
        r"\bglpat-[A-Za-z0-9_-]{20,64}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}",
        r"https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
        r"\bAIza[0-9A-Za-z_-]{35}",
        r"\bya29\.[0-9A-Za-z_-]{20,}",
        r"\b(?:sk|rk|pk)[-_](?:live_|test_|proj-|ant-)?[A-Za-z0-9_-]{20,}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
        // The product's own keys: eight characters of name and 43 of secret.
        r"\bmwk_[A-Za-z0-9_-]{20,}",
        r"(?i)\bbearer\s{1,3}[A-Za-z0-9._~+/-]{20,}=*",
        r#"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"'<>]{0,80}:[^\s:/@"'<>]{1,200}@[^\s"'<>]+"#,
    ])
});

/// `password = …` and its like. The value decides whether it is one.
static ASSIGNMENTS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    patterns(&[
        r#"(?i)(?:pass(?:word|wd|phrase|wort)|\bpwd|\bkennwort|\bheslo|\bhas[łl]o|\bcontraseña|mot de passe|api[_ -]?key|apikey|secret(?:[_ -]?key)?|(?:access|auth|client)[_ -]?(?:token|key|secret)|\btoken)["']?\s{0,3}(?:=|:|\bis\b|\bist\b)\s{0,3}["'`]?([^\s"'`,;<>]{6,200})"#,
    ])
});

/// Byte ranges of private keys, tokens of well-known services, the product's own keys, passwords that are assigned, and
/// connection strings with a password.
pub fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> =
        FORMS.iter().flat_map(|form| form.find_iter(text).map(|found| found.range())).collect();
    for captures in ASSIGNMENTS.iter().flat_map(|form| form.captures_iter(text)) {
        if let (Some(all), Some(value)) = (captures.get(0), captures.get(1))
            && is_value(value.as_str(), all.as_str().contains('='))
        {
            found.push(all.range());
        }
    }
    union(found)
}

/// `password: required` names no password, and `password = ${DB_PASSWORD}` holds none.
fn is_value(value: &str, is_assigned: bool) -> bool {
    let bare = value.trim_end_matches(['.', ')', '!', '?']);
    let is_placeholder = bare.starts_with(['$', '{', '<', '[', '*', '%', '('])
        || bare.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '•' | '-' | '_'));
    let has = |test: fn(char) -> bool| bare.chars().any(test);
    let is_mixed = has(|c| c.is_ascii_digit())
        || (has(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_' | '/' | '.')) && has(char::is_alphabetic));
    bare.len() >= 6 && !is_placeholder && (is_mixed || is_assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_and_only_they() {
        let own = format!("mwk_{}", "aB3-".repeat(12));
        let github = format!("ghp_{}", "a1".repeat(18));
        let google = format!("AIza{}", "b".repeat(35));
        for secret in [
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
            "AKIAIOSFODNN7EXAMPLE",
            own.as_str(),
            github.as_str(),
            google.as_str(),
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP",
            "postgres://app:hunter22@db.internal:5432/app",
            "password=Sommer2024!",
            "Passwort: Winter#99",
            "api_key = \"abcdefghij\"",
            "Server=db;User=sa;Pwd=geheim12;",
        ] {
            let text = format!("Here: {secret}\nbye");
            let found = secrets(&text);
            assert_eq!(found.len(), 1, "{secret}: {found:?}");
        }
    }

    #[test]
    fn talk_about_secrets_is_not_one() {
        for text in [
            "Your password must have twelve characters.",
            "password: required",
            "Password = ${DB_PASSWORD} in the file",
            "token: ******",
            "The API key is stored in the vault.",
            "See https://example.com/docs:latest for more.",
            "The secret is patience.",
        ] {
            assert_eq!(secrets(text), Vec::<Range<usize>>::new(), "{text}");
        }
    }
}
