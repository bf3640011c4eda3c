//! Labels: what a piece of data is, who may read it, and what becomes of it when it is joined with another.

mod classification;
mod clearance;
mod export;
mod group;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::{
    classification::{Classification, InvalidClassification},
    clearance::{Allowed, Clearance, Obstacle},
    export::{ExportControl, InvalidExportControl},
    group::{Group, InvalidGroup},
};

/// Whether what a text says may be taken at its word. Nothing that came from outside may.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Integrity {
    /// Written or vouched for by the company's own people.
    Trusted,
    /// Anything else: it is data, whatever it says.
    #[default]
    Untrusted,
}

impl Integrity {
    /// The word used on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Untrusted => "untrusted",
        }
    }
}

impl TryFrom<String> for Integrity {
    type Error = InvalidIntegrity;

    fn try_from(text: String) -> Result<Self, InvalidIntegrity> {
        text.parse()
    }
}

impl std::str::FromStr for Integrity {
    type Err = InvalidIntegrity;

    fn from_str(text: &str) -> Result<Self, InvalidIntegrity> {
        [Self::Trusted, Self::Untrusted].into_iter().find(|value| value.as_str() == text).ok_or(InvalidIntegrity)
    }
}

/// A word that is no integrity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of trusted, untrusted")]
pub struct InvalidIntegrity;

/// What a document, message, tool result or run is. Ordered by [`Label::rises_to`]; [`Label::join`] only rises.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// How confidential it is.
    pub classification: Classification,
    /// Export regimes that it falls under, for instance `ITAR` or `EAR:3A001`; empty for none.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub export_control: BTreeSet<ExportControl>,
    /// Whether it may be taken at its word.
    #[serde(default)]
    pub integrity: Integrity,
    /// Groups whose members alone may read it: a reader must be in all of them. Empty for everybody.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub groups: BTreeSet<Group>,
}

impl Label {
    /// Of nothing at all: the label that changes none that it is joined with.
    pub const LOWEST: Self = Self {
        classification: Classification::Public,
        export_control: BTreeSet::new(),
        integrity: Integrity::Trusted,
        groups: BTreeSet::new(),
    };

    /// Of what carries a label that nobody can read: nobody is shown it.
    pub fn unreadable() -> Self {
        Self {
            export_control: ["ITAR"].iter().filter_map(|regime| regime.parse().ok()).collect(),
            groups: ["label.unreadable"].iter().filter_map(|group| group.parse().ok()).collect(),
            ..Self::of(Classification::Restricted)
        }
    }

    /// Untrusted, without export control and groups.
    pub fn of(classification: Classification) -> Self {
        Self { classification, integrity: Integrity::Untrusted, ..Self::LOWEST }
    }

    /// The label of something made from both: never lower than either in any part.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            classification: self.classification.join(other.classification),
            export_control: self.export_control.union(&other.export_control).cloned().collect(),
            integrity: self.integrity.max(other.integrity),
            groups: self.groups.union(&other.groups).cloned().collect(),
        }
    }

    /// The join of all; [`Label::LOWEST`] of none.
    pub fn join_all<'l>(labels: impl IntoIterator<Item = &'l Self>) -> Self {
        labels.into_iter().fold(Self::LOWEST, |joined, label| joined.join(label))
    }

    /// Whether `other` is at least as high in every part: then whoever may have `other` may have this.
    pub fn rises_to(&self, other: &Self) -> bool {
        self.join(other) == *other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label() -> impl Strategy<Value = Label> {
        let export = proptest::sample::subsequence(vec!["ITAR", "EAR:3A001", "EAR:EAR99"], 0..=3);
        let groups = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
        (0_usize..4, export, any::<bool>(), groups).prop_map(|(classification, export, trusted, groups)| Label {
            classification: Classification::ALL[classification],
            export_control: export.into_iter().map(|tag| tag.parse().unwrap()).collect(),
            integrity: if trusted { Integrity::Trusted } else { Integrity::Untrusted },
            groups: groups.into_iter().map(|group| group.parse().unwrap()).collect(),
        })
    }

    fn clearance() -> impl Strategy<Value = Clearance> {
        let export = proptest::sample::subsequence(vec!["ITAR", "EAR", "EAR:3A001", "EAR:EAR99"], 0..=4);
        let groups = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
        (0_usize..4, export, groups).prop_map(|(classification, export, groups)| Clearance {
            classification: Classification::ALL[classification],
            export_control: Allowed::Only(export.into_iter().map(|tag| tag.parse().unwrap()).collect()),
            groups: Allowed::Only(groups.into_iter().map(|group| group.parse().unwrap()).collect()),
        })
    }

    proptest! {
        #[test]
        fn joins_only_rise_and_come_out_the_same_in_any_order(a in label(), b in label(), c in label()) {
            let joined = a.join(&b);
            prop_assert!(a.rises_to(&joined) && b.rises_to(&joined));
            prop_assert_eq!(&joined, &b.join(&a));
            prop_assert_eq!(joined.join(&c), a.join(&b.join(&c)));
            prop_assert_eq!(a.join(&a), a.clone());
            prop_assert_eq!(a.join(&Label::LOWEST), a);
        }

        #[test]
        fn whoever_may_read_what_was_joined_may_read_each_part(a in label(), b in label(), reader in clearance()) {
            let both = reader.may_have(&a) && reader.may_have(&b);
            prop_assert_eq!(reader.may_have(&a.join(&b)), both);
            prop_assert_eq!(reader.obstacle(&a).is_none(), reader.may_have(&a));
        }
    }

    proptest! {
        #[test]
        fn what_two_clearances_cover_together_is_what_each_covers(a in clearance(), b in clearance(), label in label()) {
            let both = a.may_have(&label) && b.may_have(&label);
            prop_assert_eq!(a.meet(&b).may_have(&label), both);
            prop_assert!(a.includes(&a.meet(&b)) && b.includes(&a.meet(&b)));
            prop_assert_eq!(a.meet(&Clearance::EVERYTHING), a);
        }
    }

    #[test]
    fn labels_are_written_as_documented() {
        let text = r#"{"classification":"RESTRICTED","export_control":["EAR:3A001","ITAR"],"integrity":"untrusted","groups":["hr"]}"#;
        let label: Label = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&label).unwrap(), text);
        for wrong in [
            r#"{"classification":"SECRET"}"#,
            r#"{"classification":"PUBLIC","export_control":["EAR"]}"#,
            r#"{"classification":"PUBLIC","groups":["Not A Group"]}"#,
            r#"{"classification":"PUBLIC","colour":"red"}"#,
        ] {
            assert!(serde_json::from_str::<Label>(wrong).is_err(), "{wrong}");
        }
    }
}
