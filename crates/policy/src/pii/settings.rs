use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{PiiKind, PiiType};

/// What happens to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Replaced by its kind, for good: nobody gets it back.
    Mask,
    /// Replaced by a numbered placeholder that the vault can turn back.
    Pseudonymise,
    /// Left as it stands.
    Allow,
    /// The whole text is refused.
    Block,
}

/// What a tenant wants done with personal data.
///
/// Types that are not named in `modes` have the mode of [`PiiSettings::default_mode`]: what identifies a person, or is
/// as good as money or a key in the wrong hands, is pseudonymised; what is business as usual in an industrial company
/// (organisations, places, dates, web addresses, forms of address, ages) is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PiiSettings {
    /// The mode by type, for those that differ from the default.
    pub modes: BTreeMap<PiiType, Mode>,
    /// Patterns and word lists of the tenant's own.
    pub custom: Vec<CustomPattern>,
}

/// A pattern or a word list of the tenant's own. Exactly one of `pattern` and `words` is given.
///
/// With the mode `allow` it is an exception: what it covers is never touched by a built-in detector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomPattern {
    /// Upper-case letters, digits and `_`; it appears in placeholders.
    pub name: String,
    /// A regular expression without look-around and back references. It is applied line by line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Words or phrases, found whole, whatever the case of ASCII letters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// What happens to a match; pseudonymised if not said.
    #[serde(default = "pseudonymise")]
    pub mode: Mode,
}

const fn pseudonymise() -> Mode {
    Mode::Pseudonymise
}

/// A setting that cannot be used: where it is, what is wrong, what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}; expected {accepted}")]
pub struct PiiSettingsError {
    /// The field, such as `custom[2].pattern`.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be accepted.
    pub accepted: &'static str,
}

impl PiiSettingsError {
    pub(super) fn new(path: String, problem: impl Into<String>, accepted: &'static str) -> Self {
        Self { path, problem: problem.into(), accepted }
    }
}

impl PiiSettings {
    /// The most patterns and word lists of one tenant.
    pub const MAX_CUSTOM: usize = 100;
    /// The longest pattern, in bytes.
    pub const MAX_PATTERN: usize = 1_000;
    /// The most words in all lists together.
    pub const MAX_WORDS: usize = 20_000;
    /// The longest word, in bytes. The shortest has two.
    pub const MAX_WORD: usize = 200;
    /// The longest name.
    pub const MAX_NAME: usize = 32;
    /// The name that is kept for text that only looks like a placeholder.
    pub const RESERVED: &'static str = "LITERAL";

    /// The mode of a type that the settings do not name.
    pub const fn default_mode(kind: PiiType) -> Mode {
        match kind {
            PiiType::Organization
            | PiiType::Gpe
            | PiiType::Nrp
            | PiiType::Title
            | PiiType::Age
            | PiiType::DateTime
            | PiiType::ZipCode
            | PiiType::Url
            | PiiType::DomainName => Mode::Allow,
            _ => Mode::Pseudonymise,
        }
    }

    /// The mode of a kind; a custom one that is not configured is pseudonymised.
    pub fn mode(&self, kind: &PiiKind) -> Mode {
        match kind {
            PiiKind::Builtin(kind) => self.modes.get(kind).copied().unwrap_or(Self::default_mode(*kind)),
            PiiKind::Custom(name) => self
                .custom
                .iter()
                .find(|custom| *custom.name == **name)
                .map_or(Mode::Pseudonymise, |custom| custom.mode),
        }
    }

    /// The same settings with one mode changed.
    #[must_use]
    pub fn with_mode(mut self, kind: PiiType, mode: Mode) -> Self {
        self.modes.insert(kind, mode);
        self
    }

    /// Checks what needs no compiling: counts, names, sizes.
    pub(super) fn validate(&self) -> Result<(), PiiSettingsError> {
        if self.custom.len() > Self::MAX_CUSTOM {
            let problem = format!("has {} entries", self.custom.len());
            return Err(PiiSettingsError::new("custom".into(), problem, "at most 100 patterns and word lists"));
        }
        let total: usize = self.custom.iter().map(|custom| custom.words.len()).sum();
        if total > Self::MAX_WORDS {
            let problem = format!("has {total} words in all lists");
            return Err(PiiSettingsError::new("custom".into(), problem, "at most 20000 words"));
        }
        let mut names = BTreeSet::new();
        for (at, custom) in self.custom.iter().enumerate() {
            custom.validate(at)?;
            if !names.insert(&custom.name) {
                let problem = format!("repeats the name `{}`", custom.name);
                return Err(PiiSettingsError::new(format!("custom[{at}].name"), problem, "a name used once"));
            }
        }
        Ok(())
    }
}

impl CustomPattern {
    fn validate(&self, at: usize) -> Result<(), PiiSettingsError> {
        self.validate_name(at)?;
        match (&self.pattern, self.words.as_slice()) {
            (Some(_), [_, ..]) => {
                Err(PiiSettingsError::new(format!("custom[{at}]"), "has both", "either `pattern` or `words`"))
            }
            (None, []) => Err(PiiSettingsError::new(format!("custom[{at}]"), "has neither", "`pattern` or `words`")),
            (Some(pattern), []) if pattern.len() > PiiSettings::MAX_PATTERN => Err(PiiSettingsError::new(
                format!("custom[{at}].pattern"),
                format!("has {} bytes", pattern.len()),
                "at most 1000 bytes",
            )),
            (Some(_), []) => Ok(()),
            (None, words) => Self::validate_words(at, words),
        }
    }

    fn validate_name(&self, at: usize) -> Result<(), PiiSettingsError> {
        let error = |problem: String| {
            let accepted = "up to 32 of A-Z, 0-9 and _, from a letter to a letter, unlike any built-in type";
            Err(PiiSettingsError::new(format!("custom[{at}].name"), problem, accepted))
        };
        let name = self.name.as_bytes();
        let plain = name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
        let ends = [name.first(), name.last()].iter().all(|byte| byte.is_some_and(u8::is_ascii_uppercase));
        if !plain || !ends || name.len() > PiiSettings::MAX_NAME {
            return error(format!("`{}` is no name", self.name.chars().take(40).collect::<String>()));
        }
        if self.name == PiiSettings::RESERVED || self.name.parse::<PiiType>().is_ok() {
            return error(format!("`{}` is taken", self.name));
        }
        Ok(())
    }

    fn validate_words(at: usize, words: &[String]) -> Result<(), PiiSettingsError> {
        let mut seen = BTreeSet::new();
        for (index, word) in words.iter().enumerate() {
            let error = |problem: &str| {
                let accepted = "words of 2 to 200 bytes without white space around them, each once";
                Err(PiiSettingsError::new(format!("custom[{at}].words[{index}]"), problem, accepted))
            };
            if word.len() < 2 || word.len() > PiiSettings::MAX_WORD || word.trim() != word {
                return error("is empty, too short, too long or has white space around it");
            }
            if !seen.insert(word.to_ascii_lowercase()) {
                return error("stands in the list twice");
            }
        }
        Ok(())
    }
}
