//! The form of a definition, and what is wrong with one.

use std::{collections::BTreeSet, fmt};

use millwright_core::{Classification, Clearance};
use millwright_llm::Tier;
use millwright_policy::decision::{PolicyFileError, locate, read_declaration};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{outside, tools};

/// The longest definition.
pub const MAX_DEFINITION_BYTES: usize = 64 << 10;
const MAX_PROMPT_CHARS: usize = 4_000;
const MAX_TITLE_CHARS: usize = 60;
const MAX_PURPOSE_CHARS: usize = 400;
const MAX_EXAMPLES: usize = 20;
const MAX_EXAMPLE_CHARS: usize = 200;
const MAX_WORDS: usize = 100;
const MAX_WORD_CHARS: usize = 40;
const MOST_CITED: u8 = 8;
/// Stand in paths of the API.
const RESERVED: [&str; 1] = ["check"];

/// A text in the languages of the interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// English, or the only one.
    pub en: String,
    /// German; `None` where there is only one.
    pub de: Option<String>,
}

impl Texts {
    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.en.as_str()).chain(self.de.as_deref())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct ByLanguage {
            en: String,
            de: Option<String>,
        }
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Texts;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or texts under `en` and `de`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts { en: text.to_owned(), de: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Texts, A::Error> {
                let ByLanguage { en, de } = ByLanguage::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Texts { en, de })
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// How far an agent reads, whoever asks it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// The highest classification; `None` for as far as whoever asks.
    pub up_to: Option<Classification>,
}

impl Reach {
    /// As the clearance that a reader's is cut down to.
    pub(crate) fn clearance(self) -> Clearance {
        Clearance { classification: self.up_to.unwrap_or(Classification::Restricted), ..Clearance::EVERYTHING }
    }
}

/// What an answer has to do beside being held by passages. Asked of it after VERIFY, in code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Checks {
    /// It stands on so many passages at least.
    pub cites_at_least: Option<u8>,
    /// It stands on so many documents at least.
    pub cites_documents: Option<u8>,
    /// It names a figure with its unit.
    pub mentions_unit: bool,
    /// It repeats the warnings that stand in the passages it cites.
    pub repeats_warnings: bool,
}

/// A definition as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// By which it is called: `[a-z][a-z0-9-]{1,40}`.
    pub name: String,
    /// For readers.
    pub title: Texts,
    /// What it is for; the router weighs its words.
    pub purpose: Texts,
    /// What a model is told after the rules that every answer obeys.
    #[serde(default)]
    pub prompt: String,
    /// Which of the runtime's tools it has, and `mcp:<server>/<tool>` of other systems; these only as long as they are enabled.
    pub tools: Vec<String>,
    /// How much model its questions are worth, where whoever asks names nothing.
    #[serde(default)]
    pub tier: Option<Tier>,
    /// How far it reads.
    #[serde(default)]
    pub labels: Reach,
    /// What its answers have to do.
    #[serde(default)]
    pub checks: Checks,
    /// Questions that it is for.
    #[serde(default)]
    pub examples: Vec<String>,
    /// Beginnings of words that speak for it in a question; of up to three letters, whole words.
    #[serde(default)]
    pub words: Vec<String>,
}

/// Whether an agent can be called so.
pub fn is_agent_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && (2..=41).contains(&name.len())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !RESERVED.contains(&name)
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its line; one that is not of the form at all only the first.
    pub fn read(text: &str) -> Result<Self, Vec<PolicyFileError>> {
        if text.len() > MAX_DEFINITION_BYTES {
            return Err(vec![PolicyFileError::at("", format!("expected at most {MAX_DEFINITION_BYTES} bytes"))]);
        }
        if text.contains('\0') {
            return Err(vec![PolicyFileError::at("", "expected text without U+0000")]);
        }
        let definition: Self = read_declaration(text).map_err(|fault| vec![fault])?;
        let mut faults = Faults(Vec::new());
        definition.look_over(&mut faults);
        let mut faults = faults.0;
        locate(text, &mut faults);
        if faults.is_empty() { Ok(definition) } else { Err(faults) }
    }

    fn look_over(&self, faults: &mut Faults) {
        if !is_agent_name(&self.name) {
            let why = "expected 2 to 41 of a-z, 0-9 and `-`, a letter first, and not `check`";
            faults.tell("name", why);
        }
        for (path, texts, most) in
            [("title", &self.title, MAX_TITLE_CHARS), ("purpose", &self.purpose, MAX_PURPOSE_CHARS)]
        {
            for text in texts.all() {
                faults.length(path, text, 1, most);
            }
        }
        faults.length("prompt", &self.prompt, 0, MAX_PROMPT_CHARS);
        let mut seen = BTreeSet::new();
        for (at, tool) in self.tools.iter().enumerate() {
            if !tools::NAMES.contains(&tool.as_str()) && !outside::is_outside_name(tool) {
                let known = tools::NAMES.join(", ");
                let why = format!("expected one of {known}, or `mcp:<server>/<tool>` for another system's");
                faults.tell(&format!("tools[{at}]"), why);
            } else if !seen.insert(tool) {
                faults.tell(&format!("tools[{at}]"), format!("`{tool}` stands there twice"));
            }
        }
        for (path, count) in
            [("cites_at_least", self.checks.cites_at_least), ("cites_documents", self.checks.cites_documents)]
        {
            if count.is_some_and(|count| !(1..=MOST_CITED).contains(&count)) {
                faults.tell(&format!("checks.{path}"), format!("expected 1 to {MOST_CITED}"));
            }
        }
        faults.list("examples", &self.examples, MAX_EXAMPLES, MAX_EXAMPLE_CHARS);
        faults.list("words", &self.words, MAX_WORDS, MAX_WORD_CHARS);
    }
}

struct Faults(Vec<PolicyFileError>);

impl Faults {
    fn tell(&mut self, path: &str, why: impl Into<String>) {
        self.0.push(PolicyFileError::at(path, why));
    }

    fn length(&mut self, path: &str, text: &str, least: usize, most: usize) {
        let chars = text.trim().chars().count();
        if !(least..=most).contains(&chars) {
            self.tell(path, format!("expected {least} to {most} characters, and there are {chars}"));
        }
    }

    fn list(&mut self, path: &str, texts: &[String], most: usize, longest: usize) {
        if texts.len() > most {
            self.tell(path, format!("expected at most {most}, and there are {}", texts.len()));
        }
        for (at, text) in texts.iter().enumerate() {
            self.length(&format!("{path}[{at}]"), text, 1, longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name: buyer\ntitle: Buyer\npurpose: Buys.\ntools: []\n";

    fn told(text: &str) -> Vec<String> {
        Definition::read(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_small_definition_is_enough_and_reads_as_far_as_its_reader() {
        let definition = Definition::read(SMALL).unwrap();
        assert_eq!(definition.title, Texts { en: "Buyer".into(), de: None });
        assert_eq!(definition.labels.clearance(), Clearance::EVERYTHING);
        assert_eq!(definition.checks, Checks::default());
        let narrow = Definition::read(&format!("{SMALL}labels: {{ up_to: INTERNAL }}\n")).unwrap();
        assert_eq!(narrow.labels.clearance().classification, Classification::Internal);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_would_be_accepted() {
        let with = |more: &str| told(&format!("{SMALL}{more}"));
        let unknown = with("verify: false\n");
        assert!(
            unknown[0].starts_with("5:") && unknown[0].contains("verify") && unknown[0].contains("expected"),
            "{unknown:?}"
        );
        let wrong = with("tier: HUGE\n");
        assert!(wrong[0].starts_with("5:") && wrong[0].contains("LIGHT"), "{wrong:?}");
        let wrong = with("labels: { up_to: SECRET }\n");
        assert!(wrong[0].starts_with("5:"), "{wrong:?}");
        let wrong = with("checks:\n  cites_at_least: 9\nexamples:\n  - fine\n  - ''\n");
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].starts_with("6:3: checks.cites_at_least: expected 1 to 8"), "{wrong:?}");
        assert!(wrong[1].starts_with("9:") && wrong[1].contains("examples[1]"), "{wrong:?}");
        let wrong = with(&format!("prompt: {}\n", "x".repeat(MAX_PROMPT_CHARS + 1)));
        assert!(wrong[0].starts_with("5:1: prompt: expected 0 to 4000 characters"), "{wrong:?}");
        let twice = told(&SMALL.replace("[]", "\n  - date\n  - delete_document\n  - date"));
        assert!(twice[0].starts_with("6:") && twice[0].contains("search_documents"), "{twice:?}");
        assert!(twice[1].starts_with("7:") && twice[1].contains("twice"), "{twice:?}");
        assert!(told("name: [").len() == 1 && told("").len() == 1);
    }

    #[test]
    fn a_name_can_stand_in_an_address() {
        for name in ["a", "Buyer", "9-lives", "-x", "a/b", "check", &"a".repeat(42)] {
            assert!(!is_agent_name(name), "{name}");
        }
        assert!(is_agent_name("ab") && is_agent_name("buyer-2") && is_agent_name(&"a".repeat(41)));
    }
}
