//! Where the learned tagger for names, addresses and organisations is plugged in.

use super::{
    Finding, PiiType,
    kind::TypeSet,
    tagger::{self, TaggedKind},
};

/// The types that the tagger finds. If none of them is wanted it does not run.
pub(super) const TYPES: TypeSet = TypeSet::of(&[
    PiiType::Person,
    PiiType::StreetAddress,
    PiiType::Organization,
    PiiType::Gpe,
    PiiType::Nrp,
    PiiType::Title,
    PiiType::Age,
    PiiType::ZipCode,
]);

/// What the tagger finds in a text.
pub(super) fn tag(text: &str) -> Vec<Finding> {
    let found = tagger::tag(text).into_iter();
    found.map(|tagged| Finding::new(tagged.start, tagged.end, kind(tagged.kind), tagged.score)).collect()
}

const fn kind(kind: TaggedKind) -> PiiType {
    match kind {
        TaggedKind::Person => PiiType::Person,
        TaggedKind::StreetAddress => PiiType::StreetAddress,
        TaggedKind::Organization => PiiType::Organization,
        TaggedKind::Gpe => PiiType::Gpe,
        TaggedKind::Title => PiiType::Title,
        TaggedKind::Nrp => PiiType::Nrp,
        TaggedKind::Age => PiiType::Age,
        TaggedKind::ZipCode => PiiType::ZipCode,
    }
}

/// Joins the parts of a postal code that the tagger found by themselves, such as `340` and `12`.
pub(super) fn join_codes(findings: Vec<Finding>) -> Vec<Finding> {
    let mut joined: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match joined.last_mut() {
            Some(last) if is_code(last) && is_code(&finding) && finding.start <= last.end + 1 => last.end = finding.end,
            _ => joined.push(finding),
        }
    }
    joined
}

fn is_code(finding: &Finding) -> bool {
    finding.kind.builtin() == Some(PiiType::ZipCode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_postal_code_are_one() {
        let code = |start, end| Finding::new(start, end, PiiType::ZipCode, 0.8);
        let person = Finding::new(21, 25, PiiType::Person, 0.8);
        let findings = vec![code(0, 3), code(4, 6), code(8, 12), code(12, 13), code(13, 20), person.clone()];
        assert_eq!(join_codes(findings), [code(0, 6), code(8, 20), person]);
    }
}
