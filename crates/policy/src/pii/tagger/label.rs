//! The labels of tokens and the kinds of spans they make.

use serde::{Deserialize, Serialize};

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaggedKind {
    /// A name of a person, without title.
    Person,
    /// A postal address or a part of one: number, street, unit; often with place, region, code and country.
    StreetAddress,
    /// A company, authority, club or other body.
    Organization,
    /// A country, region, city or village.
    Gpe,
    /// A form of address (`Mrs.`) or a job title.
    Title,
    /// Nationality, religious or political group.
    Nrp,
    /// The age of a person.
    Age,
    /// A postal code that stands by itself.
    ZipCode,
}

impl TaggedKind {
    /// Every kind, in the order of the labels.
    pub const ALL: [Self; 8] = [
        Self::Person,
        Self::StreetAddress,
        Self::Organization,
        Self::Gpe,
        Self::Title,
        Self::Nrp,
        Self::Age,
        Self::ZipCode,
    ];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Labels: outside; begin and inside of the first five kinds; one token each for the last three.
pub const LABELS: usize = 14;

/// Of a token that is in no span.
pub const OUTSIDE: usize = 0;

/// The label of a span's first token, or of the others.
pub fn label_of(kind: TaggedKind, first: bool) -> usize {
    let index = kind.index();
    if index < 5 { 1 + 2 * index + usize::from(!first) } else { 6 + index }
}

/// The kind of a label and whether it begins a span; `None` outside.
pub fn kind_of(label: usize) -> Option<(TaggedKind, bool)> {
    match label {
        1..=10 => TaggedKind::ALL.get((label - 1) / 2).map(|kind| (*kind, label % 2 == 1)),
        11..=13 => TaggedKind::ALL.get(label - 6).map(|kind| (*kind, true)),
        _ => None,
    }
}

/// Whether `next` may follow `label`: a span's inside follows its beginning or its inside.
pub fn may_follow(label: Option<usize>, next: usize) -> bool {
    match kind_of(next) {
        Some((kind, false)) => {
            label.is_some_and(|label| label == label_of(kind, true) || label == label_of(kind, false))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_kinds_agree() {
        for kind in TaggedKind::ALL {
            assert_eq!(kind_of(label_of(kind, true)), Some((kind, true)));
            assert_eq!(kind_of(label_of(kind, false)).unwrap().0, kind);
        }
        assert_eq!((kind_of(OUTSIDE), kind_of(LABELS)), (None, None));
        assert!(may_follow(Some(1), 2) && may_follow(Some(2), 2) && !may_follow(Some(0), 2) && !may_follow(None, 2));
        assert!(!may_follow(Some(3), 2) && may_follow(Some(2), 1));
    }
}
