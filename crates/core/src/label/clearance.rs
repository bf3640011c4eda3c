use std::collections::BTreeSet;

use super::{Classification, ExportControl, Group, Label};
use crate::Role;

/// Which of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Every one.
    All,
    /// Only these.
    Only(BTreeSet<T>),
}

impl<T: Ord> Allowed<T> {
    /// None at all.
    pub const fn none() -> Self {
        Self::Only(BTreeSet::new())
    }
}

/// The most that somebody may read, or that something may be sent. [`Clearance::obstacle`] is the one place where labels are
/// held against it: for a person, a search, and every sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearance {
    /// Up to this.
    pub classification: Classification,
    /// Under these export regimes.
    pub export_control: Allowed<ExportControl>,
    /// Of these groups.
    pub groups: Allowed<Group>,
}

/// The first part of a label that is above a clearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It is more confidential.
    Classification {
        /// What it is.
        is: Classification,
        /// What is taken at most.
        at_most: Classification,
    },
    /// An export regime is not authorised.
    ExportControl(ExportControl),
    /// Membership in a group is missing.
    Group(Group),
}

impl Clearance {
    /// Everything: for a sink inside this process.
    pub const EVERYTHING: Self =
        Self { classification: Classification::Restricted, export_control: Allowed::All, groups: Allowed::All };

    /// Up to a classification, without export authorisations and groups.
    pub fn up_to(classification: Classification) -> Self {
        Self { classification, export_control: Allowed::none(), groups: Allowed::none() }
    }

    /// What a new user of this role may read until an admin says otherwise.
    pub fn of_role(role: Role) -> Self {
        Self::up_to(match role {
            Role::Viewer | Role::Auditor => Classification::Internal,
            Role::Operator => Classification::Confidential,
            Role::Admin => Classification::Restricted,
        })
    }

    /// What of a label is above this clearance; `None` when nothing is.
    pub fn obstacle(&self, label: &Label) -> Option<Obstacle> {
        if label.classification > self.classification {
            return Some(Obstacle::Classification { is: label.classification, at_most: self.classification });
        }
        if let Some(regime) = self.unauthorised(label) {
            return Some(Obstacle::ExportControl(regime.clone()));
        }
        if let Allowed::Only(groups) = &self.groups
            && let Some(missing) = label.groups.iter().find(|group| !groups.contains(*group))
        {
            return Some(Obstacle::Group(missing.clone()));
        }
        None
    }

    fn unauthorised<'l>(&self, label: &'l Label) -> Option<&'l ExportControl> {
        let Allowed::Only(authorised) = &self.export_control else { return None };
        label.export_control.iter().find(|regime| !authorised.iter().any(|known| known.covers(regime)))
    }

    /// Whether an export authorisation is missing, whatever else may be: that is reported.
    pub fn lacks_export_authorisation(&self, label: &Label) -> bool {
        self.unauthorised(label).is_some()
    }

    /// Whether this clearance covers all that the other does.
    pub fn includes(&self, other: &Self) -> bool {
        let export = match (&self.export_control, &other.export_control) {
            (Allowed::All, _) => true,
            (Allowed::Only(_), Allowed::All) => false,
            (Allowed::Only(own), Allowed::Only(others)) => {
                others.iter().all(|regime| own.iter().any(|known| known.covers(regime)))
            }
        };
        let groups = match (&self.groups, &other.groups) {
            (Allowed::All, _) => true,
            (Allowed::Only(_), Allowed::All) => false,
            (Allowed::Only(own), Allowed::Only(others)) => others.is_subset(own),
        };
        self.classification >= other.classification && export && groups
    }

    /// What both cover: never more than either.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let export_control = match (&self.export_control, &other.export_control) {
            (Allowed::All, some) | (some, Allowed::All) => some.clone(),
            (Allowed::Only(own), Allowed::Only(others)) => {
                let within = |these: &BTreeSet<ExportControl>, those: &BTreeSet<ExportControl>| {
                    let covered = |regime: &&ExportControl| those.iter().any(|known| known.covers(regime));
                    these.iter().filter(covered).cloned().collect::<BTreeSet<_>>()
                };
                Allowed::Only(within(own, others).into_iter().chain(within(others, own)).collect())
            }
        };
        let groups = match (&self.groups, &other.groups) {
            (Allowed::All, some) | (some, Allowed::All) => some.clone(),
            (Allowed::Only(own), Allowed::Only(others)) => Allowed::Only(own & others),
        };
        Self { classification: self.classification.min(other.classification), export_control, groups }
    }

    /// Whether nothing of the label is above this clearance.
    pub fn may_have(&self, label: &Label) -> bool {
        self.obstacle(label).is_none()
    }
}
