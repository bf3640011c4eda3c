//! The schema and the policies that ship, as they stand in `policies/`.

/// What policies may speak of.
pub(super) const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");

/// Name and text of each policy file that ships.
pub(super) const POLICIES: [(&str, &str); 9] = [
    ("administer.cedar", include_str!("../../policies/administer.cedar")),
    ("change.cedar", include_str!("../../policies/change.cedar")),
    ("external.cedar", include_str!("../../policies/external.cedar")),
    ("guards.cedar", include_str!("../../policies/guards.cedar")),
    ("oversight.cedar", include_str!("../../policies/oversight.cedar")),
    ("own.cedar", include_str!("../../policies/own.cedar")),
    ("propose.cedar", include_str!("../../policies/propose.cedar")),
    ("read.cedar", include_str!("../../policies/read.cedar")),
    ("sink.cedar", include_str!("../../policies/sink.cedar")),
];

/// The table of cases that the shipped policies are held to.
pub(super) const CASES: &str = include_str!("../../policies/cases.yaml");
