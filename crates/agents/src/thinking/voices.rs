//! Who speaks.

use std::sync::LazyLock;

use millwright_llm::Tier;
use serde::Deserialize;

/// One who speaks.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Voice {
    /// By which it is kept.
    pub(super) name: String,
    /// For readers, English.
    pub(super) en: String,
    /// For readers, German.
    pub(super) de: String,
    /// What it looks at, as a model is told.
    pub(super) looks: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Voices {
    council: Vec<Voice>,
    red_team: Vec<Voice>,
    proposer: Voice,
    analyst: Voice,
    builder: Voice,
    chair: Voice,
}

fn read() -> Result<Voices, serde_saphyr::Error> {
    serde_saphyr::from_str(include_str!("voices.yaml"))
}

fn all() -> &'static Voices {
    static READ: LazyLock<Voices> = LazyLock::new(|| read().unwrap_or_default());
    &READ
}

fn first(voices: &'static [Voice], count: usize) -> &'static [Voice] {
    &voices[..count.min(voices.len())]
}

/// The roles of a council at this tier.
pub(super) fn council(tier: Tier) -> &'static [Voice] {
    let count = match tier {
        Tier::Light => 3,
        Tier::Standard => 5,
        Tier::Heavy => 7,
    };
    first(&all().council, count)
}

/// The attackers of a red team at this tier, each for a kind of failure of its own.
pub(super) fn attackers(tier: Tier) -> &'static [Voice] {
    let count = match tier {
        Tier::Light => 4,
        Tier::Standard => 8,
        Tier::Heavy => 32,
    };
    first(&all().red_team, count)
}

pub(super) fn proposer() -> &'static Voice {
    &all().proposer
}

pub(super) fn analyst() -> &'static Voice {
    &all().analyst
}

pub(super) fn builder() -> &'static Voice {
    &all().builder
}

pub(super) fn chair() -> &'static Voice {
    &all().chair
}

/// The voice of this name.
pub(super) fn named(name: &str) -> Option<&'static Voice> {
    let all = all();
    let alone = [&all.proposer, &all.analyst, &all.builder, &all.chair];
    all.council.iter().chain(&all.red_team).chain(alone).find(|voice| voice.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_seven_roles_and_thirty_two_attackers_and_no_two_are_the_same() {
        let voices = read().unwrap();
        assert_eq!((voices.council.len(), voices.red_team.len()), (7, 32));
        let each = || voices.council.iter().chain(&voices.red_team);
        for said in [|v: &Voice| v.name.clone(), |v: &Voice| v.en.clone(), |v: &Voice| v.looks.clone()] {
            assert_eq!(each().map(said).collect::<BTreeSet<_>>().len(), 39);
        }
        assert!(each().all(|voice| !voice.de.is_empty() && named(&voice.name) == Some(voice)));
    }
}
