//! Agents as data: what each is for, what it is told, which tools it has and how far it reads stands in a definition in YAML.
//!
//! Four ship in `crates/agents/agents`, in the binary; a tenant stores versions of its own over them, and further ones.
//! [`Specialists::of`] says which hold for a tenant now ([`Roster`]), [`Roster::get`] resolves a name, and the roster's router
//! chooses where nobody did: by words alone, without a model, and with its reasons.
//!
//! A definition only adds and only narrows. Its prompt stands after the rules that every answer obeys; its tools are some of the
//! runtime's; its labels end where a reader's clearance would have gone on; its checks ask for more than VERIFY does. Nothing in
//! it reaches the check of sentences, citations or policy.

mod acting;
mod book;
pub(crate) mod checks;
mod definition;
mod router;

use std::sync::LazyLock;

use millwright_policy::decision::PolicyFileError;
use sha2::{Digest, Sha256};

pub(crate) use acting::choose;
pub use acting::{Acting, AgentWish, Choice, ChosenBy, RunnerUp, ShownAgent};
pub use book::{Roster, Specialists};
pub use definition::{Checks, Definition, MAX_DEFINITION_BYTES, Reach, Texts, is_agent_name};

/// The agent that takes what no other is for. It cannot be taken out of service.
pub const GENERALIST: &str = "generalist";

/// The definitions that ship.
const SHIPPED: [&str; 4] = [
    include_str!("../../agents/document-analyst.yaml"),
    include_str!("../../agents/maintenance-advisor.yaml"),
    include_str!("../../agents/data-analyst.yaml"),
    include_str!("../../agents/generalist.yaml"),
];

/// An agent: its definition and where that is from.
#[derive(Debug, Clone)]
pub struct Specialist {
    /// What it says.
    pub definition: Definition,
    /// As it was written.
    pub text: String,
    /// Number of the tenant's version; `None` for one that ships.
    pub version: Option<i32>,
}

impl Specialist {
    /// Reads a definition.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its line.
    pub fn read(text: &str, version: Option<i32>) -> Result<Self, Vec<PolicyFileError>> {
        Ok(Self { definition: Definition::read(text)?, text: text.to_owned(), version })
    }

    /// SHA-256 of the text, hexadecimal.
    pub fn digest(&self) -> String {
        hex::encode(digest(&self.text))
    }
}

/// SHA-256 of a definition's text.
pub fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The agents that ship.
pub fn shipped() -> &'static [Specialist] {
    static READ: LazyLock<Vec<Specialist>> =
        LazyLock::new(|| SHIPPED.iter().filter_map(|text| Specialist::read(text, None).ok()).collect());
    &READ
}

/// The one that ships under this name.
pub fn shipped_as(name: &str) -> Option<&'static Specialist> {
    shipped().iter().find(|agent| agent.definition.name == name)
}

#[cfg(test)]
mod tests {
    use millwright_policy::pii::{Detector, PiiSettings};

    use super::*;

    #[test]
    fn what_ships_can_be_read_and_holds_no_personal_data() {
        for text in SHIPPED {
            assert_eq!(Specialist::read(text, None).map(drop), Ok(()));
        }
        assert!(shipped_as(GENERALIST).is_some());
        // It would be given to models with placeholders.
        let detector = Detector::new(&PiiSettings::default()).unwrap();
        for agent in shipped() {
            assert_eq!(detector.detect(&agent.definition.prompt), [], "{}", agent.definition.name);
        }
    }
}
